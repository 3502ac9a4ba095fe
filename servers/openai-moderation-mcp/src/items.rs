//! What a batch checks, from arguments or from a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::context::Read;
use openai_mcp_kernel::prelude::*;

/// Largest file that is read.
const LARGEST: usize = 32 * 1024 * 1024;
/// Keys and columns in which a text is looked for, in this order.
const FIELDS: &[&str] = &["text", "input", "content", "message", "prompt", "body"];

/// One item.
pub(crate) enum Item {
    Text(String),
    /// Parts that get one verdict together.
    Parts(Value),
}

impl Item {
    /// What the history hashes.
    pub(crate) fn text(&self) -> String {
        match self {
            Item::Text(text) => text.clone(),
            Item::Parts(parts) => {
                let parts = parts.as_array().into_iter().flatten();
                let text = |part: &Value| {
                    let text = part.get("text").or_else(|| part.pointer("/image_url/url"))?;
                    text.as_str().map(str::to_owned)
                };
                parts.filter_map(text).collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn read(value: Value) -> Result<Self, &'static str> {
        match value {
            Value::String(text) => Ok(Item::Text(text)),
            parts @ Value::Array(_) => Ok(Item::Parts(parts)),
            _ => Err("expected a string or an array of parts"),
        }
    }
}

/// An item of the argument: as the API takes it, or a file, which is an image or a text.
pub(crate) async fn given(cx: &Context, index: usize, value: Value) -> Result<Item> {
    let fault = |problem: &str| Error::argument(&format!("items[{index}]"), problem);
    if !value.is_object() {
        return Item::read(value).map_err(fault);
    }
    let source: Source = serde_json::from_value(value).map_err(|error| fault(&error.to_string()))?;
    let file = cx.read(source, LARGEST).await?;
    if file.mime_type.starts_with("image/") {
        return Ok(image(&file));
    }
    match std::str::from_utf8(&file.bytes) {
        Ok(text) => Ok(Item::Text(text.to_owned())),
        Err(_) => Err(fault("expected an image or UTF-8 text")),
    }
}

fn image(file: &Read) -> Item {
    let url = format!("data:{};base64,{}", file.mime_type, STANDARD.encode(&file.bytes));
    Item::Parts(json!([{"type": "image_url", "image_url": {"url": url}}]))
}

/// The items of a file: rows of CSV, lines of JSONL, or lines of text. Empty lines are passed over.
pub(crate) async fn of_file(cx: &Context, source: Source, field: Option<&str>) -> Result<Vec<Item>> {
    let file = cx.read(source, LARGEST).await?;
    if file.mime_type.starts_with("image/") {
        return Ok(vec![image(&file)]);
    }
    let text = std::str::from_utf8(&file.bytes)
        .map_err(|_| Error::argument("file", format!("`{}` is not UTF-8 text", file.filename)))?;
    let text = text.trim_start_matches('\u{feff}');
    match file.filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("csv") => rows(text, field),
        Some("jsonl" | "ndjson") => lines(text).map(|(number, line)| of_line(number, line, field)).collect(),
        _ => Ok(lines(text).map(|(_, line)| Item::Text(line.to_owned())).collect()),
    }
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty())
}

fn of_line(number: usize, line: &str, field: Option<&str>) -> Result<Item> {
    let fault = |problem: &str| Error::argument("file", format!("line {number}: {problem}"));
    let mut value: Value = serde_json::from_str(line).map_err(|error| {
        // Its position is within the line, of which there is one.
        let text = error.to_string();
        let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        fault(&format!("not JSON: {text} at column {}", error.column()))
    })?;
    if let Some(object) = value.as_object_mut() {
        let found = match field {
            Some(field) => object.remove(field),
            None => FIELDS.iter().find_map(|field| object.remove(*field)),
        };
        value = found.ok_or_else(|| fault(&format!("has no {}\nhint: name its key in `field`", wanted(field))))?;
    }
    Item::read(value).map_err(fault)
}

fn rows(text: &str, field: Option<&str>) -> Result<Vec<Item>> {
    let broken = |error: csv::Error| Error::argument("file", error);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
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
            items.push(Item::Text(text.to_owned()));
        }
    }
    Ok(items)
}

fn wanted(field: Option<&str>) -> String {
    let fields = field.as_ref().map_or(FIELDS, std::slice::from_ref);
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}
