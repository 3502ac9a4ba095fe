//! Texts in files: a line each, or records of JSONL, JSON and CSV.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::{self, Rows, Window};
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

impl Row {
    /// What its item is called in a collection.
    pub(crate) fn id(&self) -> String {
        self.id.clone().unwrap_or_else(|| hash(&self.text))
    }

    /// Its metadata as the store keeps them.
    pub(crate) fn written_metadata(&self) -> Option<String> {
        self.metadata.as_ref().map(|metadata| json!(metadata).to_string())
    }
}

impl From<String> for Row {
    fn from(text: String) -> Self {
        Row { text, id: None, metadata: None }
    }
}

/// Reads the rows of a file from an offset on. Of a record, `field` is the text, `id` the id, and what else is no list
/// or object is metadata, unless it has an object `metadata` of its own.
pub(crate) async fn read(rows: Rows, offset: usize, field: Option<&str>) -> Result<Window<Row>> {
    Window::read(rows, offset, |row| read_row(row, field).and_then(fit)).await
}

/// Refuses a row that the store could not take.
fn fit(row: Row) -> Result<Row, String> {
    match row.written_metadata().map_or(0, |metadata| metadata.len()) {
        0..=MOST_METADATA => Ok(row),
        bytes => Err(format!("expected at most {MOST_METADATA} bytes beside the text, got {bytes}")),
    }
}

fn read_row(row: rows::Row, field: Option<&str>) -> Result<Row, String> {
    let table = row.record;
    let id = row.id().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let (text, mut fields) = row.into_text(field, &["text"])?;
    let Value::String(text) = text else { return Err(format!("expected a text, got {text}")) };
    fields.remove("id");
    let metadata = match fields.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        own => {
            let fields = fields.into_iter().chain(own.map(|own| ("metadata".to_owned(), own)));
            let cell = |value: Value| if table { typed(value) } else { value };
            let fields = fields.map(|(name, value)| (name, cell(value)));
            fields.filter(|(_, value)| !(value.is_array() || value.is_object() || value.is_null())).collect()
        }
    };
    Ok(Row { text, id, metadata: (!metadata.is_empty()).then_some(metadata) })
}

/// The id of a text that was given none: the same for the same text (FNV-1a).
fn hash(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

/// A cell as the number or boolean that it writes, since filters compare numbers with numbers; an empty one is nothing.
fn typed(cell: Value) -> Value {
    match cell.as_str() {
        Some("") => Value::Null,
        Some(text) => match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_number() || value.is_boolean() => value,
            _ => cell,
        },
        None => cell,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use openai_mcp_kernel::body::Body;
    use openai_mcp_kernel::platform::Opened;

    use super::*;

    fn rows(filename: &str, content: &str, field: Option<&str>) -> Result<Vec<Result<Row, String>>> {
        let (filename, mime_type) = (filename.to_owned(), openai_mcp_kernel::file::media_type(filename).to_owned());
        let file = Opened { filename, mime_type, body: Body::Full(content.to_owned().into()) };
        let window = futures_executor::block_on(read(Rows::new(file, content.len()), 0, field))?;
        Ok(window.rows.into_iter().map(|row| row.value).collect())
    }

    fn row(text: &str, id: Option<&str>, metadata: Value) -> Result<Row, String> {
        Ok(Row { text: text.into(), id: id.map(str::to_owned), metadata: metadata.as_object().cloned() })
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
            Some(&"line 1: no field `text`; there is `body`\nhint: name the field of the text in `field`")
        );
        assert_eq!(found.last(), Some(&row("ok", None, Value::Null)));

        let long = "x".repeat(MOST_METADATA);
        let found = rows("a.csv", &format!("text,html\na,{long}\nb,short\n"), None).unwrap();
        let told = "line 2: expected at most 100000 bytes beside the text, got 100011";
        assert_eq!(found.first(), Some(&Err(told.to_owned())));
        assert!(found.get(1).is_some_and(Result::is_ok));
    }

    #[test]
    fn the_cells_of_a_table_are_typed() {
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
