//! What a batch checks, from arguments or from a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::files::Read;
use openai_mcp_kernel::prelude::*;

/// Largest file that is read.
const LARGEST: usize = 32 * 1024 * 1024;
/// Keys and columns in which a text is looked for, in this order.
const FIELDS: &[&str] = &["text", "input", "content", "message", "prompt", "body"];

/// One item, or what is wrong with it.
pub(crate) struct Item {
    /// Its line in the file of all items.
    pub(crate) line: Option<u64>,
    pub(crate) content: Result<Content>,
}

impl From<Content> for Item {
    fn from(content: Content) -> Self {
        Item { line: None, content: Ok(content) }
    }
}

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

/// An item of the argument: as the API takes it, or a file.
pub(crate) fn given(index: usize, value: Value) -> Result<Item> {
    let fault = |problem: &str| Error::argument(&format!("items[{index}]"), problem);
    if value.is_object() && value.get("type").is_none() {
        let source = serde_json::from_value(value).map_err(|error| fault(&error.to_string()))?;
        return Ok(Content::File(source).into());
    }
    Content::of(value).map(Item::from).map_err(|_| fault("expected a text, an array of parts, or a file"))
}

fn image(file: &Read) -> Content {
    let url = format!("data:{};base64,{}", file.mime_type, STANDARD.encode(&file.bytes));
    Content::Parts(json!([{"type": "image_url", "image_url": {"url": url}}]))
}

/// The items of a file: rows of a table, values of JSON, or lines of text. Empty lines are passed over, and one that is
/// no item spoils no other.
pub(crate) async fn of_file(cx: &Context, source: Source, field: Option<&str>) -> Result<Vec<Item>> {
    let file = cx.read(source, cx.room().min(LARGEST)).await?;
    if file.mime_type.starts_with("image/") {
        return Ok(vec![image(&file).into()]);
    }
    let wrong = |problem: String| Error::argument("file", problem);
    let text = std::str::from_utf8(&file.bytes).map_err(|_| wrong(format!("`{}` is not UTF-8 text", file.filename)))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let extension = file.filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let items: Vec<Item> = match (extension.as_deref().unwrap_or_default(), file.mime_type.as_str()) {
        ("csv", _) | (_, "text/csv") => rows(text, b',', field)?,
        ("tsv", _) | (_, "text/tab-separated-values") => rows(text, b'\t', field)?,
        ("jsonl" | "ndjson", _) | (_, "application/jsonl" | "application/x-ndjson") => {
            let item = |(line, text)| Item { line: Some(line), content: of_line(line, text, field) };
            lines(text).map(item).collect()
        }
        ("json", _) | (_, "application/json") => {
            let values: Vec<Value> = serde_json::from_str(text)
                .map_err(|error| wrong(format!("`{}`: not an array of JSON: {error}", file.filename)))?;
            let value = |value| of_value(value, field).map_err(wrong);
            values.into_iter().map(|one| Item { line: None, content: value(one) }).collect()
        }
        _ => lines(text)
            .map(|(line, text)| Item { line: Some(line), content: Ok(Content::Text(text.to_owned())) })
            .collect(),
    };
    // A name that no line has is the caller's mistake, and not that of each line.
    match items
        .iter()
        .all(|item| item.content.is_err())
        .then(|| items.iter().find_map(|item| item.content.as_ref().err()))
    {
        Some(Some(error)) => Err(error.clone()),
        _ => Ok(items),
    }
}

fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines.filter(|(_, line)| !line.is_empty())
}

fn of_line(number: u64, line: &str, field: Option<&str>) -> Result<Content> {
    let fault = |problem: String| Error::argument("file", format!("line {number}: {problem}"));
    let value: Value = serde_json::from_str(line).map_err(|error| {
        // Its position is within the line, of which there is one.
        let text = error.to_string();
        let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        fault(format!("not JSON: {text} at column {}", error.column()))
    })?;
    of_value(value, field).map_err(fault)
}

fn of_value(mut value: Value, field: Option<&str>) -> Result<Content, String> {
    if let Some(object) = value.as_object_mut() {
        let found = match field {
            Some(field) => object.remove(field),
            None => FIELDS.iter().find_map(|field| object.remove(*field)),
        };
        value = found.ok_or_else(|| {
            let names: Vec<&str> = object.keys().map(String::as_str).take(20).collect();
            let names = names.join("`, `");
            format!("has no {}, but `{names}`\nhint: name its key in `field`", wanted(field))
        })?;
    }
    Content::of(value).map_err(str::to_owned)
}

fn rows(text: &str, delimiter: u8, field: Option<&str>) -> Result<Vec<Item>> {
    let broken = |error: csv::Error| Error::argument("file", error);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers().map_err(broken)?.iter().map(|name| name.trim().to_owned()).collect();
    let place = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
    let column = match field {
        Some(field) => place(field),
        None => FIELDS.iter().find_map(|field| place(field)).or((names.len() == 1).then_some(0)),
    };
    let column = column.ok_or_else(|| {
        let names = names.join("`, `");
        Error::argument("file", format!("has no column {}, but `{names}`\nhint: name one in `field`", wanted(field)))
    })?;
    let mut items = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let text = record.get(column).unwrap_or_default();
        if !text.trim().is_empty() {
            let line = record.position().map(csv::Position::line);
            items.push(Item { line, content: Ok(Content::Text(text.to_owned())) });
        }
    }
    Ok(items)
}

fn wanted(field: Option<&str>) -> String {
    let fields = field.as_ref().map_or(FIELDS, std::slice::from_ref);
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}
