//! Texts in files: a line each, or records of JSONL, JSON and CSV.

use openai_mcp_kernel::files::Read;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

/// Most bytes of a row's metadata, as JSON: with its text it has to fit into one row of the store.
const MOST_METADATA: usize = 100_000;

/// A text to embed, with what is kept beside it.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) id: Option<String>,
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// A row, or what is wrong with it.
pub(crate) type Rows = Vec<Result<Row, String>>;

/// Reads the rows of a file. Of a record, `field` is the text, `id` the id, and what else is no list or object is
/// metadata, unless it has an object `metadata` of its own.
pub(crate) fn read(file: &Read, field: Option<&str>) -> Result<Rows> {
    let wrong = |what: String| Error::new(Kind::File, format!("`{}`: {what}", file.filename));
    let text = std::str::from_utf8(&file.bytes).map_err(|error| wrong(format!("not UTF-8 text: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let extension = file.filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let rows: Rows = match (extension.as_deref().unwrap_or_default(), file.mime_type.as_str()) {
        ("jsonl" | "ndjson", _) | (_, "application/jsonl" | "application/x-ndjson") => {
            let parse = |line: &str| serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"));
            lines().map(|line| parse(line).and_then(|value| record(value, field))).collect()
        }
        ("json", _) | (_, "application/json") => {
            let values: Vec<Value> =
                serde_json::from_str(text).map_err(|error| wrong(format!("not an array of JSON: {error}")))?;
            values.into_iter().map(|value| record(value, field)).collect()
        }
        ("csv", _) | (_, "text/csv") => table(text, b',', field).map_err(wrong)?,
        ("tsv", _) | (_, "text/tab-separated-values") => table(text, b'\t', field).map_err(wrong)?,
        _ => lines().map(|line| Ok(Row { text: line.into(), id: None, metadata: None })).collect(),
    };
    match rows.first() {
        None => Err(wrong("there is nothing in it".into())),
        // A name that no row has is the caller's mistake, and not that of each row.
        Some(Err(problem)) if rows.iter().all(Result::is_err) => Err(wrong(problem.clone())),
        Some(_) => Ok(rows.into_iter().map(|row| row.and_then(fit)).collect()),
    }
}

/// Refuses a row that the store could not take.
fn fit(row: Row) -> Result<Row, String> {
    match row.metadata.as_ref().map_or(0, |metadata| json!(metadata).to_string().len()) {
        0..=MOST_METADATA => Ok(row),
        bytes => Err(format!("expected at most {MOST_METADATA} bytes beside the text, got {bytes}")),
    }
}

fn record(value: Value, field: Option<&str>) -> Result<Row, String> {
    let mut fields = match value {
        Value::String(text) => return Ok(Row { text, id: None, metadata: None }),
        Value::Object(fields) => fields,
        other => return Err(format!("expected an object or a string, got {other}")),
    };
    let field = field.unwrap_or("text");
    let text = match fields.remove(field) {
        Some(Value::String(text)) => text,
        Some(other) => return Err(format!("`{field}`: expected a string, got {other}")),
        None => return Err(missing(field, fields.keys().map(String::as_str))),
    };
    let id = match fields.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => Some(id),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let metadata = match fields.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => fields
            .into_iter()
            .filter(|(_, value)| !(value.is_array() || value.is_object() || value.is_null()))
            .collect(),
    };
    Ok(Row { text, id, metadata: (!metadata.is_empty()).then_some(metadata) })
}

fn table(text: &str, delimiter: u8, field: Option<&str>) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    let field = match (field, names.iter().next()) {
        (None, Some(only)) if names.len() == 1 => only,
        (field, _) => field.unwrap_or("text"),
    };
    if !names.iter().any(|name| name == field) {
        return Err(missing(field, names.iter()));
    }
    let row = |cells: csv::StringRecord| {
        let mut row = Row { text: String::new(), id: None, metadata: None };
        for (name, cell) in names.iter().zip(&cells) {
            if name == field {
                row.text = cell.into();
            } else if name == "id" {
                row.id = (!cell.is_empty()).then(|| cell.into());
            } else if !cell.is_empty() {
                // Filters compare numbers with numbers.
                let value =
                    serde_json::from_str(cell).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
                row.metadata.get_or_insert_default().insert(name.into(), value.unwrap_or_else(|| cell.into()));
            }
        }
        row
    };
    Ok(reader.records().map(|record| record.map(row).map_err(|error| error.to_string())).collect())
}

fn missing<'a>(field: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(20).map(|name| format!("`{name}`")).collect();
    format!("no field `{field}`; there are {}\nhint: name the field of the text in `field`", names.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn rows(filename: &str, content: &str, field: Option<&str>) -> Result<Rows> {
        let (filename, mime_type) = (filename.to_owned(), openai_mcp_kernel::file::media_type(filename).to_owned());
        read(&Read { filename, mime_type, bytes: content.to_owned().into() }, field)
    }

    fn row(text: &str, id: Option<&str>, metadata: Value) -> Result<Row, String> {
        Ok(Row { text: text.into(), id: id.map(str::to_owned), metadata: metadata.as_object().cloned() })
    }

    #[test]
    fn lines_of_text_are_rows() {
        let expected = [row("one", None, Value::Null), row("two", None, Value::Null)];
        assert_eq!(rows("a.txt", "\u{feff}one\r\n\n  two  \n", None).unwrap(), expected);
        assert_eq!(rows("LICENSE", "one\ntwo", None).unwrap(), expected);
        assert!(rows("a.txt", "\n \n", None).is_err());
        assert!(rows("a.bin", "", None).is_err());
    }

    #[test]
    fn records_bring_ids_and_metadata() {
        let lines = "\"plain\"\n{\"text\":\"a\",\"id\":7,\"year\":2024,\"tags\":[1]}\n{\"text\":\"b\",\"x\":1,\"metadata\":{\"k\":true}}\n";
        let expected = [
            row("plain", None, Value::Null),
            row("a", Some("7"), json!({"year": 2024})),
            row("b", None, json!({"k": true})),
        ];
        assert_eq!(rows("a.jsonl", lines, None).unwrap(), expected);
        let array = format!("[{}]", lines.trim().replace('\n', ","));
        assert_eq!(rows("a.json", &array, None).unwrap(), expected);
    }

    #[test]
    fn a_bad_record_spoils_no_other() {
        let found = rows("a.jsonl", "{\"body\":\"a\"}\n{\n17\n{\"text\":1}\n{\"text\":\"ok\"}", None).unwrap();
        let faults: Vec<&str> = found.iter().filter_map(|row| row.as_ref().err().map(String::as_str)).collect();
        assert_eq!(faults.len(), 4);
        assert_eq!(
            faults.first(),
            Some(&"no field `text`; there are `body`\nhint: name the field of the text in `field`")
        );
        assert_eq!(found.last(), Some(&row("ok", None, Value::Null)));

        let long = "x".repeat(MOST_METADATA);
        let found = rows("a.csv", &format!("text,html\na,{long}\nb,short\n"), None).unwrap();
        assert_eq!(found.first(), Some(&Err("expected at most 100000 bytes beside the text, got 100011".to_owned())));
        assert!(found.get(1).is_some_and(Result::is_ok));
    }

    #[test]
    fn a_field_that_no_record_has_is_refused_at_once() {
        let error = rows("a.jsonl", "{\"body\":\"a\"}\n{\"body\":\"b\"}", None).unwrap_err().to_string();
        assert!(error.starts_with("`a.jsonl`: no field `text`; there are `body`\nhint: "), "{error}");
    }

    #[test]
    fn tables_have_names_in_their_first_row() {
        let text = "id,body,year,zip,ok\n1,\"one, \"\"two\"\"\nthree\",2024,007,true\nx,four,,,\nshort\n,five,,,\n";
        let found = rows("a.csv", text, Some("body")).unwrap();
        let metadata = json!({"year": 2024, "zip": "007", "ok": true});
        assert_eq!(found.first(), Some(&row("one, \"two\"\nthree", Some("1"), metadata)));
        assert_eq!(found.get(1), Some(&row("four", Some("x"), Value::Null)));
        assert!(found.get(2).is_some_and(Result::is_err));
        assert_eq!(found.get(3), Some(&row("five", None, Value::Null)));
        assert!(rows("a.csv", text, None).unwrap_err().to_string().contains("`body`"));
        let only = [row("a", None, Value::Null)];
        assert_eq!(rows("a.tsv", "anything\na\n", None).unwrap(), only);
    }
}
