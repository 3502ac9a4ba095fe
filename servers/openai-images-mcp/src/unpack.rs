//! Images out of an answer while it comes in, so that its base64 is never in memory as a whole. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _};

/// The member of an answer that holds an image.
const NAME: &[u8] = b"\"b64_json\"";

/// Most bytes of the JSON without its images, whose members take fifty times as much once they are read.
const LONGEST: usize = 1024 * 1024;

/// Reads an answer piece by piece.
#[derive(Default)]
pub(crate) struct Unpacker {
    /// The JSON, with the number of an image in place of its base64, and `null` in place of what is no base64.
    text: Vec<u8>,
    images: Vec<Option<Bytes>>,
    place: Place,
}

/// Where in the JSON the last byte was.
#[derive(Default)]
enum Place {
    #[default]
    Outside,
    Text {
        escaped: bool,
    },
    Image(Image),
}

impl Unpacker {
    /// Takes the next piece.
    pub(crate) fn feed(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && self.text.len() <= LONGEST {
            let taken = match &mut self.place {
                Place::Outside => {
                    let quote = piece.iter().position(|byte| *byte == b'"');
                    let taken = quote.map_or(piece.len(), |at| at + 1);
                    let (before, _) = piece.split_at(quote.unwrap_or(taken));
                    self.text.extend_from_slice(before);
                    if quote.is_some() {
                        if names_image(&self.text) {
                            self.place = Place::Image(Image::default());
                        } else {
                            self.text.push(b'"');
                            self.place = Place::Text { escaped: false };
                        }
                    }
                    taken
                }
                Place::Text { escaped } => {
                    let end = piece.iter().position(|byte| {
                        let ends = *byte == b'"' && !*escaped;
                        *escaped = *byte == b'\\' && !*escaped;
                        ends
                    });
                    let taken = end.map_or(piece.len(), |at| at + 1);
                    self.text.extend_from_slice(piece.split_at(taken).0);
                    if end.is_some() {
                        self.place = Place::Outside;
                    }
                    taken
                }
                Place::Image(image) => {
                    let (taken, ended) = image.feed(piece);
                    if ended {
                        match std::mem::take(image).end() {
                            Some(bytes) => {
                                self.text.extend_from_slice(self.images.len().to_string().as_bytes());
                                self.images.push(Some(bytes));
                            }
                            None => self.text.extend_from_slice(b"null"),
                        }
                        self.place = Place::Outside;
                    }
                    taken
                }
            };
            piece = piece.split_at(taken).1;
        }
    }

    /// The answer, with a number for each image, and the images by number.
    ///
    /// # Errors
    /// It is not JSON of this form, or has too much of it.
    pub(crate) fn end<T: DeserializeOwned>(self) -> serde_json::Result<(T, Vec<Option<Bytes>>)> {
        if self.text.len() > LONGEST {
            return Err(serde_json::Error::custom(format!("there are more than {LONGEST} bytes beside the images")));
        }
        Ok((serde_json::from_slice(&self.text)?, self.images))
    }
}

/// Whether the string that begins after `text` is an image.
fn names_image(text: &[u8]) -> bool {
    text.trim_ascii_end().strip_suffix(b":").is_some_and(|text| text.trim_ascii_end().ends_with(NAME))
}

/// A JSON string of base64.
#[derive(Default)]
struct Image {
    bytes: Vec<u8>,
    /// What came and is not decoded yet: no group of four, or from the padding on.
    held: Vec<u8>,
    /// The escape that is being read.
    escape: Vec<u8>,
    broken: bool,
}

impl Image {
    /// How many bytes it took, and whether the string has ended.
    fn feed(&mut self, piece: &[u8]) -> (usize, bool) {
        match piece.first() {
            Some(byte) if !self.escape.is_empty() || *byte == b'\\' => {
                self.escape.push(*byte);
                if self.escape.len() == if self.escape.get(1) == Some(&b'u') { 6 } else { 2 } {
                    let escape = std::mem::take(&mut self.escape);
                    let quoted = [b"\"", &*escape, b"\""].concat();
                    match serde_json::from_slice::<String>(&quoted) {
                        Ok(text) => self.decode(text.as_bytes()),
                        Err(_) => self.broken = true,
                    }
                }
                (1, false)
            }
            _ => {
                let end = piece.iter().position(|byte| matches!(byte, b'"' | b'\\'));
                let taken = end.unwrap_or(piece.len());
                self.decode(piece.split_at(taken).0);
                let ended = piece.get(taken) == Some(&b'"');
                (taken + usize::from(ended), ended)
            }
        }
    }

    fn decode(&mut self, text: &[u8]) {
        if self.broken {
            return;
        }
        self.held.extend_from_slice(text);
        let padding = self.held.iter().position(|byte| *byte == b'=').unwrap_or(self.held.len());
        let whole = padding / 4 * 4;
        self.broken = STANDARD.decode_vec(self.held.split_at(whole).0, &mut self.bytes).is_err();
        self.held.drain(..whole);
    }

    fn end(mut self) -> Option<Bytes> {
        STANDARD.decode_vec(&self.held, &mut self.bytes).ok().filter(|()| !self.broken)?;
        // What it grew by beyond its length would stay as long as the image.
        self.bytes.shrink_to_fit();
        Some(self.bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn unpack(answer: &str, piece: usize) -> Option<(Value, Vec<Option<Bytes>>)> {
        let mut unpacker = Unpacker::default();
        answer.as_bytes().chunks(piece).for_each(|piece| unpacker.feed(piece));
        unpacker.end().ok()
    }

    #[test]
    fn images_come_out_however_the_answer_is_cut_and_written() {
        let bytes: Vec<u8> = (0..=255).collect();
        let plain = STANDARD.encode(&bytes);
        let escaped = plain.replace('/', "\\/").replace('+', "\\u002b").replace('=', "\\u003D");
        assert!(escaped.contains("\\/") && escaped.contains("u002b") && escaped.contains("u003D"));
        let answer = format!(
            r#"{{"a\"b64_json\\": "b64_json", "data": [{{"b64_json": "{plain}"}}, {{ "b64_json"
            : "{escaped}", "revised_prompt": "\"b64_json\":\"{plain}"}}, {{"b64_json":"","url":"b64_json"}},
            {{"b64_json": null}}], "n": 1}}"#
        );
        let expected = json!({
            "a\"b64_json\\": "b64_json", "n": 1,
            "data": [
                {"b64_json": 0}, {"b64_json": 1, "revised_prompt": format!("\"b64_json\":\"{plain}")},
                {"b64_json": 2, "url": "b64_json"}, {"b64_json": null},
            ],
        });
        let bytes = Bytes::from(bytes);
        let images = [bytes.clone(), bytes, Bytes::new()].map(Some).to_vec();
        for piece in [1, 2, 3, 7, 100, 1 << 20] {
            assert_eq!(unpack(&answer, piece), Some((expected.clone(), images.clone())), "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_no_base64_is_no_image() {
        for wrong in ["a", "ab=c", "QQ==QQ==", "QUJD\\n", "QUJD\\ud83d\\ude00", "QQ=", "QUJ*QUJD", "\\x4142", "QR=="] {
            for piece in [1, 4, 100] {
                let unpacked = unpack(&format!(r#"{{"b64_json": "{wrong}"}}"#), piece);
                assert_eq!(unpacked, Some((json!({"b64_json": null}), Vec::new())), "{wrong}");
            }
        }
        assert_eq!(unpack(r#"{"b64_json": "QUJD"#, 3), None);
        assert_eq!(unpack(&format!("[{}0]", "{},".repeat(400_000)), 1000), None);
    }
}
