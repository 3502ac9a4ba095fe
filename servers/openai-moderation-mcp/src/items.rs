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
/// How the names of images end.
const IMAGES: &[&str] = &["png", "jpg", "jpeg", "gif", "webp", "avif", "bmp", "heic", "heif", "svg", "tif", "tiff"];
const EMPTY: &str = "the text is empty";

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
    /// A text. One that only says where an image is stands for that image: its own words are clean, whatever it shows.
    pub(crate) fn of_text(text: String) -> Result<Self, String> {
        let place = text.trim().trim_matches(['"', '\'', '`']);
        let begins = |with: &str| place.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        let is_url = begins("https://") || begins("http://");
        let path = if is_url { place.split(['?', '#']).next().unwrap_or_default() } else { place };
        let named =
            path.rsplit_once('.').is_some_and(|(_, ending)| IMAGES.iter().any(|is| ending.eq_ignore_ascii_case(is)));
        // A sentence may end in such a name; blanks in a path come behind its first folder.
        let first = place.split_whitespace().next().unwrap_or_default();
        let alone = first == place || (!is_url && !place.contains('\n') && first.contains(['/', '\\']));
        if begins("data:image/") || (named && alone && !is_url) {
            return Source::of_text(place).map(Content::File);
        }
        // OpenAI fetches it, and judges the words of the URL besides.
        Ok(if named && alone { Content::Parts(json!([self::text(place), image(place)])) } else { Content::Text(text) })
    }

    /// As parts that get one verdict together.
    pub(crate) fn into_parts(self) -> Vec<Value> {
        match self {
            Content::Text(text) => vec![self::text(&text)],
            Content::Parts(Value::Array(parts)) => parts,
            Content::Parts(_) | Content::File(_) => Vec::new(),
        }
    }

    /// What the history hashes.
    pub(crate) fn text(&self) -> String {
        match self {
            Content::Text(text) => text.clone(),
            Content::Parts(parts) => {
                let text = |part: &'_ Value| {
                    let text = part.get("text").or_else(|| part.pointer("/image_url/url")).unwrap_or(part);
                    text.as_str().map(str::to_owned)
                };
                let mut texts: Vec<String> = parts.as_array().into_iter().flatten().filter_map(text).collect();
                // An image that a text names has its URL as its words, too.
                texts.dedup();
                texts.join("\n")
            }
            Content::File(_) => String::new(),
        }
    }

    /// The content of a file, and anything else as it is.
    pub(crate) async fn read(self, cx: &Context) -> Result<Self> {
        let Content::File(source) = self else { return Ok(self) };
        let file = cx.read(source, cx.room().min(LARGEST)).await?;
        if file.mime_type.starts_with("image/") {
            return Ok(read_image(&file));
        }
        match std::str::from_utf8(&file.bytes) {
            Ok(text) => Ok(Content::Text(text.to_owned())),
            Err(_) => Err(Error::new(Kind::File, format!("`{}`: expected an image or UTF-8 text", file.filename))),
        }
    }

    fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) if text.trim().is_empty() => Err(EMPTY.to_owned()),
            Value::String(text) => Content::of_text(text),
            parts @ Value::Array(_) => Ok(Content::Parts(parts)),
            part if part.get("type").is_some() => Ok(Content::Parts(Value::Array(vec![part]))),
            _ => Err("expected a string or an array of parts".to_owned()),
        }
    }
}

/// An item of the argument: as the API takes it, a file, or a text with the id by which it is told.
pub(crate) fn given(index: usize, mut value: Value) -> Result<Item> {
    let fault = |problem: &str| Error::argument(&format!("items[{index}]"), problem);
    let id = value.as_object_mut().and_then(|record| record.remove("id"));
    let value = match value {
        Value::Object(mut record) if !record.contains_key("type") => match record.remove("text") {
            Some(text @ Value::String(_)) if record.is_empty() => Content::of(text),
            text => {
                record.extend(text.map(|text| ("text".to_owned(), text)));
                let no_file = |error| fault(&format!("expected {{id, text}} or a file: {error}"));
                Ok(Content::File(serde_json::from_value(record.into()).map_err(no_file)?))
            }
        },
        value => Content::of(value),
    };
    Ok(Item { line: None, id, value })
}

/// A text as a part.
pub(crate) fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// An image as a part.
pub(crate) fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn read_image(file: &Read) -> Content {
    Content::Parts(json!([image(&format!("data:{};base64,{}", file.mime_type, STANDARD.encode(&file.bytes)))]))
}

/// The items of a file from an offset on, and how many there are: rows of a table, values of JSON, or lines of text. A row
/// that is no item spoils no other.
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
        let items = std::iter::once(Item::from(read_image(&read))).skip(offset).collect();
        return Ok((items, 1));
    }
    let window = Window::read(Rows::new(file, cap), offset, |row| of_row(row, field)).await?;
    Ok((window.rows, window.total))
}

/// The content of a row. What stands in a file is not the caller's word, and opens no other.
fn of_row(row: Row, field: Option<&str>) -> Result<Content, String> {
    match Content::of(row.into_text(field, FIELDS)?.0)? {
        Content::File(Source::Path { path, .. }) => Err(format!(
            "`{path}` would be an image on this machine: `items` looks at it, and a part takes it as words"
        )),
        content => Ok(content),
    }
}
