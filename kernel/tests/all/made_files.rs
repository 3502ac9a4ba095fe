//! Files that a composite makes go out in the place of arguments.

use std::sync::Arc;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;
use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};

tools![Send, Halve, Gather];

/// Send a thing.
#[tool("thing-send", POST "/things", multipart)]
struct Send {
    thing: FileInput,
    name: String,
}

/// Send several things.
#[tool("thing-gather", POST "/things/all", multipart)]
struct Gather {
    things: OneOrMany<FileInput>,
}

/// Send half of a thing.
#[tool("thing-halve")]
struct Halve {
    thing: FileInput,
    name: Option<String>,
}

impl Halve {
    async fn run(self, cx: Context) -> Result<Output> {
        let FileInput(source) = self.thing;
        let whole = cx.read(source, 1024).await?;
        let bytes = whole.bytes.slice(..whole.bytes.len() / 2);
        let half = Source::Inline { bytes, filename: "half.bin".into(), mime_type: Some("application/x-half".into()) };
        let mut arguments = Arguments::default().attach("thing", half);
        if let Some(name) = self.name {
            arguments = arguments.set("name", name);
        }
        cx.send(&Send::SPEC, arguments).bytes().await.map(Output::Json)
    }
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

#[test]
fn a_made_file_is_sent_with_its_own_name_and_type() {
    let script = Arc::new(Script::new(vec![Reply::new(200, "{}")]));
    let arguments = r#"{"thing": {"data": "AP8BAg==", "filename": "whole.bin"}, "name": "n"}"#;
    let result = call_tool(&SERVER, "thing-halve", arguments, script.clone());
    assert_eq!(result["isError"], false, "{result}");
    let sent = script.sent();
    assert_eq!(sent.len(), 1);
    let body = String::from_utf8_lossy(&sent[0].bytes);
    assert!(body.contains("name=\"name\"\r\n\r\nn\r\n"), "{body}");
    let part = "name=\"thing\"; filename=\"half.bin\"\r\nContent-Type: application/x-half\r\n\r\n\0\u{fffd}\r\n";
    assert!(body.contains(part), "{body:?}");
}

#[test]
fn the_other_arguments_are_checked() {
    let script = Arc::new(Script::new(Vec::new()));
    let arguments = r#"{"thing": {"text": "ab", "filename": "whole.bin"}}"#;
    let result = call_tool(&SERVER, "thing-halve", arguments, script.clone());
    assert_eq!(result["isError"], true);
    assert_eq!(result["content"][0]["text"], "`name`: required: a string");
    assert!(script.sent().is_empty());
}

/// As the official SDK writes them: a file has the field's name, the files of a list have brackets after it.
#[test]
fn the_files_of_a_list_have_brackets() {
    let names = |things: &str| -> Vec<String> {
        let script = Arc::new(Script::new(vec![Reply::new(200, "{}")]));
        call_tool(&SERVER, "thing-gather", format!(r#"{{"things": {things}}}"#), script.clone());
        let body = script.sent().remove(0).body;
        body.split("; name=\"")
            .skip(1)
            .filter_map(|rest| rest.split_once('"'))
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    let file = r#"{"text": "x", "filename": "f"}"#;
    assert_eq!(names(file), ["things"]);
    assert_eq!(names(&format!("[{file}]")), ["things[]"]);
    assert_eq!(names(&format!("[{file}, {file}]")), ["things[]", "things[]"]);
}

/// Else a picture would lie in a file that no program shows, and be paid for.
#[test]
fn a_file_of_a_format_that_there_is_not_is_refused() {
    let formats: save::Formats = &[("png", &["png"]), ("jsonl", &["jsonl", "ndjson"])];
    for name in ["a.bmp", "b/a.TIFF", "a.ps", "v1.2.srt", "a.docx", "a.7z.zip", "a.c"] {
        assert!(save::format(Some(name), ("", None), formats).is_err(), "{name}");
    }
    for name in ["a", "v1.2", "b.md/a", "report.final", "a.20261127", "a.", "a.x"] {
        assert_eq!(save::format(Some(name), ("", None), formats).unwrap(), None, "{name}");
    }
    assert_eq!(save::format(Some("a.NDJSON"), ("", None), formats).unwrap(), Some("jsonl"));
}
