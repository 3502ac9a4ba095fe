//! What the operator's settings change.

use std::sync::Arc;

use openai_images_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR42mP4z8AARAwQCgAf7gP9Y167WwAAAABJRU5ErkJggg==";

/// A server with this setting, and OpenAI's answers to it: images, or a refusal where there is `Err`.
fn server(setting: (&str, &str), answers: &[Result<usize, &str>]) -> Arc<Script> {
    let replies = answers.iter().map(|answer| match answer {
        Ok(images) => Reply::json(&json!({"data": vec![json!({"b64_json": IMAGE}); *images]})),
        Err(message) => {
            let error = json!({"error": {"message": message, "type": "invalid_request_error"}});
            Reply::new(400, error.to_string())
        }
    });
    Arc::new(Script::new(replies.collect()).with(setting.0, setting.1))
}

/// The texts of a result, a line each.
fn call(server: &Arc<Script>, tool: &str, arguments: &Value) -> String {
    let result = call_tool(&SERVER, tool, arguments, server.clone());
    let blocks = result["content"].as_array().unwrap();
    blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn without_history_nothing_tells_what_was_asked_for() {
    let server = server(("NO_HISTORY", "true"), &[Ok(1), Ok(1)]);
    let saved = call(&server, "image-generate", &json!({"prompt": "secret", "save_to": "a.png"}));
    assert_eq!(
        saved,
        "img_000000000000: 2x2 png, 73 bytes, saved to a.png\nnot recorded: this server keeps no history"
    );
    let kept = call(&server, "image-generate", &json!({"prompt": "secret", "user": "ada"}));
    assert_eq!(kept, "img_000000000001: 2x2 png, 73 bytes, kept under this id");
    let listed = call(&server, "image-list", &json!({}));
    assert!(listed.contains(r#""kept":{"bytes":73,"images":1}"#) && !listed.contains("000000000000"), "{listed}");
    let record = call(&server, "image-get", &json!({"id": "img_000000000001"}));
    assert!(record.contains(r#""prompt":"""#) && !record.contains("ada"), "{record}");
}

#[test]
fn a_long_record_is_cut_beside_its_image() {
    let server = server(("MAX_RESULT", "1024"), &[Ok(1)]);
    call(&server, "image-generate", &json!({"prompt": "Füchslein ".repeat(200)}));
    let record = call(&server, "image-get", &json!({"id": "img_000000000000"}));
    let (part, note) = record.split_once('\n').unwrap();
    assert!((1023..=1024).contains(&part.len()), "{part}");
    assert!(note.starts_with("cut after ") && note.ends_with("the operator may raise OPENAI_MCP_MAX_RESULT"), "{note}");
}

#[test]
fn failures_of_a_batch_are_told_before_images() {
    let long = "no ".repeat(300);
    let server = server(("MAX_RESULT", "1024"), &[Ok(10), Err(&long), Ok(10)]);
    let told = call(
        &server,
        "image-generate-batch",
        &json!({"prompts": ["one", "two", "three"], "parallel": 1, "options": {"n": 10}}),
    );
    let lines: Vec<_> = told.lines().collect();
    let cut = "not all about the images fits here; image-list and image-get have it";
    assert_eq!(lines[..3], ["2 of 3 prompts done, failed: 2", cut, "prompt 1:"]);
    assert!(lines.iter().any(|line| line.starts_with("prompt 2 failed: openai answered 400")), "{told}");
    assert!(told.len() <= 1024 && lines.iter().filter(|line| line.contains("kept under")).count() < 20, "{told}");
}
