//! `multipart/form-data` (RFC 7578), written as a stream.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

use crate::body::Body;
use crate::platform::Opened;

/// A part, ready to be sent.
pub(crate) enum Part {
    Text { name: String, value: String },
    Typed { name: String, media_type: &'static str, text: String },
    File { name: String, file: Opened },
}

/// The body and its content type. The boundary must be one that no content can guess.
pub(crate) fn encode(parts: Vec<Part>, boundary: u128) -> (String, Body) {
    let boundary = format!("{boundary:032x}");
    let mut length = Some(0u64);
    let mut pieces = Vec::new();
    let mut add = |body: Body| {
        length = length.zip(body.length()).map(|(sum, more)| sum + more);
        pieces.push(body.into_chunks());
    };
    for part in parts {
        let (head, body) = match part {
            Part::Text { name, value } => {
                (format!("Content-Disposition: form-data; name=\"{}\"", escape(&name)), Body::Full(value.into()))
            }
            Part::Typed { name, media_type, text } => {
                let name = escape(&name);
                let head = format!("Content-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {media_type}");
                (head, Body::Full(text.into()))
            }
            Part::File { name, file } => {
                let Opened { filename, mime_type, body } = file;
                let (name, filename) = (escape(&name), escape(&filename));
                let head = format!(
                    "Content-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\nContent-Type: {mime_type}"
                );
                (head, body)
            }
        };
        add(Body::Full(format!("--{boundary}\r\n{head}\r\n\r\n").into()));
        add(body);
        add(Body::Full(Bytes::from_static(b"\r\n")));
    }
    add(Body::Full(format!("--{boundary}--\r\n").into()));
    let body = Body::Stream { chunks: stream::iter(pieces).flatten().boxed(), length };
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A name for a header, as browsers and the official SDK's HTTP client escape it (HTML §4.10.21.8).
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '"' => escaped.push_str("%22"),
            '\\' => escaped.push_str("\\\\"),
            letter if letter.is_ascii_control() => escaped.push_str(&format!("%{:02X}", u32::from(letter))),
            letter => escaped.push(letter),
        }
    }
    escaped
}
