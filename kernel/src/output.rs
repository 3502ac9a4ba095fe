//! What a tool gives back, and how it becomes the result of `tools/call`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::json;
use crate::protocol::RpcError;

/// What a tool gives back.
#[derive(Debug)]
pub enum Output {
    /// JSON, as OpenAI sent it or as a composite made it.
    Json(Bytes),
    /// Text, and structured content that holds the same.
    Text {
        /// What the client shows.
        text: String,
        /// The same as a JSON object.
        structured: Value,
    },
    /// Blocks of content, without a structured twin.
    Content(Vec<Content>),
    /// Questions to the user: an `input_required` result, with `inputRequests` and `requestState`.
    InputRequired(Value),
    /// A protocol fault instead of a result.
    RpcError(RpcError),
}

impl Output {
    /// A composite's JSON.
    pub fn json(value: &Value) -> Self {
        Output::Json(json::text(value).into())
    }

    /// A JSON object that is not cut, however long it is: its caller asked for so much, or can have it from nowhere else.
    pub fn whole(object: Bytes) -> Self {
        let text = String::from_utf8_lossy(&object);
        let (Ok(structured @ Value::Object(_)), Ok(line)) = (serde_json::from_slice(&object), json::Node::parse(&text))
        else {
            return Output::Json(object);
        };
        Output::Text { text: line.to_json(), structured }
    }

    /// JSON, with blocks beside it if there are any.
    #[must_use]
    pub fn beside(self, mut blocks: Vec<Content>) -> Self {
        let text = match &self {
            Output::Json(json) if !blocks.is_empty() => String::from_utf8_lossy(json).into_owned(),
            Output::Text { text, .. } if !blocks.is_empty() => text.clone(),
            _ => return self,
        };
        blocks.insert(0, Content::Text(text));
        Output::Content(blocks)
    }

    /// About how many bytes have to be written.
    pub(crate) fn length(&self) -> usize {
        match self {
            Output::Json(text) => text.len(),
            Output::Text { text, .. } => text.len(),
            Output::Content(blocks) => blocks.iter().map(Content::length).sum(),
            Output::InputRequired(_) | Output::RpcError(_) => 0,
        }
    }
}

/// A block of content.
/// <https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-result>
#[derive(Clone, Debug)]
pub enum Content {
    /// Text.
    Text(String),
    /// An image.
    Image {
        /// The encoded image.
        data: Bytes,
        /// Its media type.
        mime_type: String,
    },
    /// Sound.
    Audio {
        /// The encoded sound.
        data: Bytes,
        /// Its media type.
        mime_type: String,
    },
    /// Any other block, as JSON.
    Other(Value),
}

impl Content {
    fn length(&self) -> usize {
        match self {
            Content::Text(text) => text.len(),
            Content::Image { data, .. } | Content::Audio { data, .. } => data.len(),
            Content::Other(_) => 0,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let value = match self {
            Content::Text(text) => {
                out.extend_from_slice(br#"{"type":"text","text":"#);
                json::push_string(out, text);
                out.push(b'}');
                return;
            }
            Content::Image { data, mime_type } => {
                serde_json::json!({"type": "image", "data": STANDARD.encode(data), "mimeType": mime_type})
            }
            Content::Audio { data, mime_type } => {
                serde_json::json!({"type": "audio", "data": STANDARD.encode(data), "mimeType": mime_type})
            }
            Content::Other(value) => value.clone(),
        };
        out.extend_from_slice(json::text(&value).as_bytes());
    }
}

/// Writes the members of a call's result (without the braces). Results over `cap` bytes are cut, and say so.
///
/// # Errors
/// OpenAI's answer is not JSON.
pub(crate) fn write(output: Output, cap: usize, out: &mut Vec<u8>) -> Result<()> {
    match output {
        Output::Json(text) => write_json(text, cap, out)?,
        Output::Text { text, structured } => {
            write_texts(&[&text], out);
            out.extend_from_slice(br#","structuredContent":"#);
            out.extend_from_slice(json::text(&structured).as_bytes());
        }
        Output::Content(blocks) => {
            out.extend_from_slice(br#""content":["#);
            for (index, block) in blocks.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                block.write(out);
            }
            out.push(b']');
        }
        Output::InputRequired(_) | Output::RpcError(_) => {}
    }
    out.extend_from_slice(br#","isError":false"#);
    Ok(())
}

fn write_json(text: Bytes, cap: usize, out: &mut Vec<u8>) -> Result<()> {
    // Quoted it has at most twice its bytes.
    let most = cap.saturating_mul(2).saturating_add(2);
    let start = out.len();
    let quote = |text: Bytes, out: &mut Vec<u8>| {
        let bytes = text.len().min(cap);
        out.reserve(bytes * 2 + bytes / 8 + 256);
        out.extend_from_slice(br#""content":[{"type":"text","text":"#);
        json::Line::quoted(text, most, out)
            .map_err(|text| Error::new(Kind::Answer, format!("the answer is not JSON: {}", json::fault(&text))))
    };
    let line = quote(text, out)?;
    let (line, note) = if line.bytes().len() <= cap {
        (line, None)
    } else if let Some((part, note)) = json::cut_list(line.bytes(), cap) {
        out.truncate(start);
        (quote(part, out)?, Some(note))
    } else {
        out.truncate(start);
        let past_first = json::past_first(line.bytes());
        let object = if past_first.is_none() { json::short_object(line.bytes(), cap) } else { None };
        if let Some(object) = object {
            return write_json(object, cap, out);
        }
        // There is no honest JSON of a part, so the start goes out as text.
        let whole = &line.text();
        let end = whole.floor_char_boundary(cap);
        let note = format!(
            "cut after {end} of {} bytes; ask for less, or let the operator raise OPENAI_MCP_MAX_RESULT{}",
            whole.len(),
            past_first.unwrap_or_default()
        );
        write_texts(&[whole.get(..end).unwrap_or_default(), &note], out);
        return Ok(());
    };
    let bytes = line.bytes();
    out.push(b'}');
    if let Some(note) = &note {
        out.push(b',');
        Content::Text(note.clone()).write(out);
    }
    out.push(b']');
    if line.is_object() {
        out.extend_from_slice(br#","structuredContent":{"#);
        // Hosts show a model either the text or the structure, so the note must stand in both.
        if let Some(note) = &note {
            out.extend_from_slice(br#""note":"#);
            json::push_string(out, note);
            out.push(b',');
        }
        out.extend_from_slice(bytes.get(1..).unwrap_or_default());
    }
    Ok(())
}

/// Writes the members of a failed call's result; what has over `cap` bytes is cut.
pub(crate) fn write_error(text: &str, cap: usize, out: &mut Vec<u8>) {
    let end = text.floor_char_boundary(cap);
    let rest = format!("… ({} bytes in all)", text.len());
    let texts = [text.get(..end).unwrap_or_default(), &rest];
    write_texts(if end < text.len() { &texts } else { &texts[..1] }, out);
    out.extend_from_slice(br#","isError":true"#);
}

fn write_texts(texts: &[&str], out: &mut Vec<u8>) {
    out.reserve(texts.iter().map(|text| text.len() + text.len() / 8 + 64).sum());
    out.extend_from_slice(br#""content":["#);
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(br#"{"type":"text","text":"#);
        json::push_string(out, text);
        out.push(b'}');
    }
    out.push(b']');
}
