//! Rows of files, in whatever pieces the files come in.

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::file::media_type;
use openai_mcp_kernel::platform::Opened;
use openai_mcp_kernel::rows::{Format, Lines, Row, Rows, Window};
use serde_json::{Value, json};

const CAP: usize = 64 * 1024 * 1024;

fn body(content: &[u8], piece: usize) -> Body {
    let chunks: Vec<_> = content.chunks(piece).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Body::Stream { chunks: stream::iter(chunks).boxed(), length: None }
}

fn opened(filename: &str, content: &[u8], piece: usize) -> Opened {
    let (filename, mime_type) = (filename.to_owned(), media_type(filename).to_owned());
    Opened { filename, mime_type, body: body(content, piece) }
}

/// The rows as lines and values, the same whether the file comes whole or byte by byte.
fn rows(filename: &str, content: impl AsRef<[u8]>) -> Vec<(u64, Result<Value, String>)> {
    let read = |piece| {
        let mut rows = Rows::new(opened(filename, content.as_ref(), piece), CAP);
        let mut found = Vec::new();
        while let Some(row) = block_on(rows.next()).unwrap() {
            found.push((row.line, row.value));
        }
        found
    };
    let whole = read(usize::MAX);
    for piece in [1, 3] {
        assert_eq!(read(piece), whole, "{filename} in pieces of {piece}");
    }
    whole
}

fn values(filename: &str, content: impl AsRef<[u8]>) -> Vec<Value> {
    rows(filename, content).into_iter().map(|(_, value)| value.unwrap()).collect()
}

fn problems(filename: &str, content: &str) -> Vec<String> {
    rows(filename, content).into_iter().filter_map(|(_, value)| value.err()).collect()
}

fn refusal(filename: &str, content: &[u8], cap: usize) -> String {
    let mut rows = Rows::new(opened(filename, content, 1 << 20), cap);
    loop {
        match block_on(rows.next()) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("{filename} was read to its end"),
            Err(error) => return error.to_string(),
        }
    }
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn names_come_before_media_types() {
    let rows = [
        ("a.csv", "text/plain", Format::Table(b',')),
        ("a.TSV", "", Format::Table(b'\t')),
        ("a.ndjson", "", Format::Jsonl),
        ("a.json", "text/csv", Format::Json),
        ("a", "text/csv", Format::Table(b',')),
        ("a", "application/json", Format::Json),
        ("a.txt", "text/plain", Format::Text),
    ];
    for (name, mime_type, format) in rows {
        assert_eq!(Format::of(name, mime_type), format, "{name} {mime_type}");
    }
}

#[test]
fn every_format_gives_the_same_rows() {
    let texts = [json!("one"), json!("two 😀")];
    let records = [json!({"text": "one", "n": "1"}), json!({"text": "two, \"2\"\nlines", "n": ""})];
    assert_eq!(values("a.txt", "\u{feff}one\r\n\r\n  two 😀  "), texts);
    assert_eq!(values("a.jsonl", "\"one\"\n\n\"two 😀\"\r\n"), texts);
    assert_eq!(values("a.json", " [ \"one\" ,\n\"two 😀\" ]\n"), texts);
    let table = "text,n\r\none,1\r\n\r\n\"two, \"\"2\"\"\nlines\",";
    assert_eq!(values("a.csv", table), records);
    assert_eq!(values("a.json", serde_json::to_string_pretty(&records).unwrap()), records);
    assert_eq!(values("a.jsonl", records.clone().map(|record| record.to_string()).join("\n")), records);
}

#[test]
fn encodings_are_taken_with_and_without_their_marks() {
    let text = "[\"aé😀\", \"b\"]";
    let expected = [json!("aé😀"), json!("b")];
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        assert_eq!(values("a.json", utf16(text, unit)), expected);
        assert_eq!(values("a.json", utf16(&format!("\u{feff}{text}"), unit)), expected);
    }
    assert_eq!(values("a.json", format!("\u{feff}{text}")), expected);
    assert_eq!(values("a.txt", "x"), [json!("x")]);
    let problem = &rows("a.txt", b"caf\xe9\n")[0].1;
    assert_eq!(problem, &Err("line 1: not UTF-8 text: save the file as UTF-8".into()));
    let mut lines = Lines::new("a", body(&utf16("a\nb", u16::to_le_bytes), 1), 100, 100);
    assert_eq!(block_on(lines.next()).unwrap(), Some((1, b"a".as_slice())));
    assert!(lines.is_utf16());
    assert_eq!(block_on(lines.next()).unwrap(), Some((2, b"b".as_slice())));
    assert_eq!(block_on(lines.next()).unwrap(), None);
}

#[test]
fn what_is_meant_is_taken() {
    let expected = [json!({"a": "1"}), json!({"a": "2"})];
    assert_eq!(values("a.jsonl", "{\"a\":\"1\"},\n{\"a\":\"2\"},\n"), expected);
    assert_eq!(values("a.json", "[{\"a\":\"1\"},{\"a\":\"2\"},]"), expected);
    assert_eq!(values("a.json", "{\"a\":\"1\"}\n{\"a\":\"2\"}\n"), expected);
    assert_eq!(values("a.jsonl", "[\n{\"a\":\"1\"},\n{\"a\":\"2\"}\n]\n"), expected);
    assert_eq!(values("a.jsonl", "[1]\n[2]\n"), [json!([1]), json!([2])]);
    assert_eq!(values("a.csv", "a,\n1,\n2,,\n").len(), 2);
    assert_eq!(values("a.csv", "a;b\n1,5;x\n"), [json!({"a": "1,5", "b": "x"})]);
    assert_eq!(values("a.csv", "a\tb\n1\tx\n"), [json!({"a": "1", "b": "x"})]);
    assert_eq!(values("a.json", "[]"), [Value::Null; 0]);
    assert_eq!(values("a.csv", ""), [Value::Null; 0]);
}

#[test]
fn a_bad_row_is_told_with_its_line_and_spoils_no_other() {
    let found = rows("a.jsonl", "1\n\n{\"a\":1,}\n{\n4\n");
    assert_eq!(found.first(), Some(&(1, Ok(json!(1)))));
    assert_eq!(found.last(), Some(&(5, Ok(json!(4)))));
    let expected = ["line 3: not JSON: trailing comma at column 8", "line 4: not JSON: EOF while parsing an object"];
    for (problem, expected) in problems("a.jsonl", "1\n\n{\"a\":1,}\n{\n4\n").iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
    let array = "[1,\n {\"a\":\n  nope},\n [2] ]";
    assert_eq!(problems("a.json", array), ["line 3: not JSON: expected ident at column 4"]);
    assert_eq!(rows("a.json", array)[2], (4, Ok(json!([2]))));
    let table = "a,b\n1,\"2\n2\"\nonly\n1,2,3\n4,5\n";
    assert_eq!(problems("a.csv", table), ["line 4: expected 2 cells, got 1", "line 5: expected 2 cells, got 3"]);
    assert_eq!(rows("a.csv", table)[3], (6, Ok(json!({"a": "4", "b": "5"}))));
    let many = format!("{{\"a\":[{}]}}\n", vec!["0"; 400_001].join(","));
    assert_eq!(problems("a.jsonl", &many), ["line 1: has more than 400000 values"]);
    assert_eq!(rows("a.txt", many).len(), 1);
    let commas = json!(",".repeat(200_000));
    assert_eq!(values("a.jsonl", commas.to_string()), [commas]);
}

#[test]
fn a_file_that_cannot_be_told_apart_is_refused() {
    assert_eq!(refusal("a.json", b"[1,\n2", CAP), "`a.json`: line 2: the array does not end");
    assert_eq!(refusal("a.json", b"[{\"a\":\"]", CAP), "`a.json`: line 1: the array does not end");
    assert_eq!(refusal("a.json", b"[1]\n[2]", CAP), "`a.json`: line 2: there is text behind the array");
    assert_eq!(refusal("a.txt", &[b'x'; 2000], 1500), "`a.txt` has more than 1500 bytes");
    let open = format!("a,b\n1,\"{}", "x".repeat(34_000_000));
    let told = refusal("a.csv", open.as_bytes(), CAP);
    assert!(told.starts_with("`a.csv`: line 2: a record has more than") && told.ends_with("left open?"), "{told}");
    let told = refusal("a.jsonl", "x".repeat(34_000_000).as_bytes(), CAP);
    assert_eq!(told, "`a.jsonl`: line 1: more than 33554432 bytes without an end");
}

#[test]
fn the_text_of_a_record_is_found_by_its_name() {
    let take = |value: Value, record: bool, field: Option<&str>| {
        let taken = Row { line: 1, value: Ok(value), record }.into_text(field, &["text", "input"]);
        taken.map(|(text, rest)| (text, Value::Object(rest)))
    };
    let record = || json!({"Text": "a", "input": "b", "id": 1});
    assert_eq!(take(record(), false, None), Ok((json!("a"), json!({"input": "b", "id": 1}))));
    assert_eq!(take(record(), false, Some("id")), Ok((json!(1), json!({"Text": "a", "input": "b"}))));
    assert_eq!(take(record(), true, Some("INPUT")).unwrap().0, "b");
    assert_eq!(take(json!("a"), false, None), Ok((json!("a"), json!({}))));
    assert_eq!(take(json!({"body": "only"}), true, None).unwrap().0, "only");
    let hint = "hint: name the field of the text in `field`";
    let told = |value: Value, field| take(value, false, field).unwrap_err();
    assert_eq!(told(json!({"body": "only"}), None), format!("no field `text`, `input`; there is `body`\n{hint}"));
    assert_eq!(told(json!({"a": 1, "b": 2}), Some("c")), format!("no field `c`; there is `a`, `b`\n{hint}"));
    assert_eq!(told(json!({}), Some("x")), format!("no field `x`; there is nothing\n{hint}"));
}

#[test]
fn a_window_keeps_some_rows_and_counts_all() {
    let read = |name: &str, content: &str, offset: usize| {
        let rows = Rows::new(opened(name, content.as_bytes(), 16.max(content.len() / 1000)), CAP);
        block_on(Window::read(rows, offset, |row| match row.value {
            Ok(Value::String(text)) => Ok(text),
            other => Err(format!("expected a text, got {}", other.unwrap())),
        }))
    };
    let window = read("a.jsonl", "\"a\"\n\n7\n\"b\"\n", 1).unwrap();
    assert_eq!((window.total, window.rows.len()), (3, 2));
    assert_eq!(window.rows[0].value, Err("line 3: expected a text, got 7".into()));
    assert_eq!((window.rows[1].line, &window.rows[1].value), (Some(4), &Ok("b".to_owned())));
    assert!(read("a.txt", "a\n", 5).unwrap().rows.is_empty());
    let told = read("a.jsonl", "7\n8\n", 0).unwrap_err().to_string();
    assert_eq!(told, "`a.jsonl`: line 1: expected a text, got 7");
    assert_eq!(read("a.txt", "\n\n", 0).unwrap_err().to_string(), "`a.txt`: there is nothing in it");
    let records = "{\"id\":\"r1\"}\n{\"id\":2}\n{\"id\":\"\"}\n\"a\"\n";
    let ids: Vec<_> = read("a.jsonl", records, 0).unwrap().rows.into_iter().map(|row| row.id).collect();
    assert_eq!(ids, [Some(json!("r1")), Some(json!(2)), None, None], "also of a record that is none");
    let many = "x\n".repeat(120_000);
    let window = read("a.txt", &many, 10).unwrap();
    assert_eq!((window.total, window.rows.len()), (120_000, 100_000));
    let long = format!("{}\n", "x".repeat(1 << 20)).repeat(40);
    assert_eq!(read("a.txt", &long, 36).unwrap().rows.len(), 4, "what comes before the offset takes no room");
}
