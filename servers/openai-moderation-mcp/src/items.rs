//! What a batch checks, from arguments or from a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::files::Read;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::{Kept, Row, Rows, Window};

/// Largest file that is read.
const LARGEST: usize = 32 * 1024 * 1024;
/// Keys and columns in which a text is looked for, in this order.
const FIELDS: &[&str] = &["text", "input", "content", "message", "prompt", "body"];

/// One item, or what is wrong with it.
pub(crate) type Item = Kept<Content>;

/// What is checked.
pub(crate) enum Content {
    Text(String),
    /// Parts that get one verdict together.
    Parts(Value),
    /// A file of its own, an image or a text, that is read when its turn comes.
    File(Source),
}

impl Content {
    /// What the history hashes.
    pub(crate) fn text(&self) -> String {
        match self {
            Content::Text(text) => text.clone(),
            Content::Parts(parts) => {
                let parts = parts.as_array().into_iter().flatten();
                let text = |part: &Value| {
                    let text = part.get("text").or_else(|| part.pointer("/image_url/url"))?;
                    text.as_str().map(str::to_owned)
                };
                parts.filter_map(text).collect::<Vec<_>>().join("\n")
            }
            Content::File(_) => String::new(),
        }
    }

    /// The content of a file, and anything else as it is.
    pub(crate) async fn read(self, cx: &Context) -> Result<Self> {
        let Content::File(source) = self else { return Ok(self) };
        let file = cx.read(source, cx.room().min(LARGEST)).await?;
        if file.mime_type.starts_with("image/") {
            return Ok(image(&file));
        }
        match std::str::from_utf8(&file.bytes) {
            Ok(text) => Ok(Content::Text(text.to_owned())),
            Err(_) => Err(Error::new(Kind::File, format!("`{}`: expected an image or UTF-8 text", file.filename))),
        }
    }

    fn of(value: Value) -> Result<Self, &'static str> {
        match value {
            Value::String(text) => Ok(Content::Text(text)),
            parts @ Value::Array(_) => Ok(Content::Parts(parts)),
            part if part.get("type").is_some() => Ok(Content::Parts(Value::Array(vec![part]))),
            _ => Err("expected a string or an array of parts"),
        }
    }
}

/// An item of the argument: as the API takes it, a file, or a text with the id by which it is told.
pub(crate) fn given(index: usize, mut value: Value) -> Result<Item> {
    let fault = |problem: &str| Error::argument(&format!("items[{index}]"), problem);
    let id = value.as_object_mut().and_then(|record| record.remove("id"));
    let content = match value {
        Value::Object(record) if !record.contains_key("type") => match record.get("text") {
            Some(Value::String(text)) if record.len() == 1 => Content::Text(text.clone()),
            _ => {
                let no_file = |error| fault(&format!("expected {{id, text}} or a file: {error}"));
                Content::File(serde_json::from_value(record.into()).map_err(no_file)?)
            }
        },
        value => Content::of(value).map_err(|_| fault("expected a text, an array of parts, or a file"))?,
    };
    Ok(Item { line: None, id, value: Ok(content) })
}

fn image(file: &Read) -> Content {
    let url = format!("data:{};base64,{}", file.mime_type, STANDARD.encode(&file.bytes));
    Content::Parts(json!([{"type": "image_url", "image_url": {"url": url}}]))
}

/// The items of a file from an offset on, and how many there are: rows of a table, values of JSON, or lines of text. Empty
/// cells are passed over, and a row that is no item spoils no other.
pub(crate) async fn of_file(
    cx: &Context,
    source: Source,
    field: Option<&str>,
    offset: usize,
) -> Result<(Vec<Item>, usize)> {
    let file = cx.open(source).await?;
    let cap = cx.room().min(LARGEST);
    if file.mime_type.starts_with("image/") {
        let read = cx.read_opened(file, cap).await?;
        let items = std::iter::once(Item::from(image(&read))).skip(offset).collect();
        return Ok((items, 1));
    }
    let window = Window::read(Rows::new(file, cap), offset, |row| of_row(row, field)).await?;
    Ok((window.rows, window.total))
}

/// The content of a row.
fn of_row(row: Row, field: Option<&str>) -> Result<Option<Content>, String> {
    let cell = row.record;
    let (value, _) = row.into_text(field, FIELDS)?;
    if cell && value.as_str().is_some_and(|cell| cell.trim().is_empty()) {
        return Ok(None);
    }
    Ok(Some(Content::of(value)?))
}
