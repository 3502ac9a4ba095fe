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
    let asked = json!({"prompt": "secret", "save_to": "a.png", "preview": "none"});
    let saved = call(&server, "image-generate", &asked);
    let image = r#"{"format":"png","id":"img_000000000000","note":"not recorded: this server keeps no history","saved_to":{"bytes":73,"path":"a.png"},"size":"2x2"}"#;
    assert_eq!(saved, format!(r#"{{"data":[{image}]}}"#));
    let kept = call(&server, "image-generate", &json!({"prompt": "secret", "user": "ada"}));
    assert_eq!(kept, r#"{"data":[{"bytes":73,"format":"png","id":"img_000000000001","size":"2x2"}]}"#);
    let listed = call(&server, "image-list", &json!({}));
    assert!(listed.contains(r#""kept":{"bytes":73,"images":1}"#) && !listed.contains("000000000000"), "{listed}");
    let record = call(&server, "image-get", &json!({"image_id": "img_000000000001"}));
    assert!(record.contains(r#""prompt":"""#) && !record.contains("ada"), "{record}");
}

#[test]
fn a_long_record_is_cut_beside_its_image() {
    let server = server(("MAX_RESULT", "1024"), &[Ok(1)]);
    call(&server, "image-generate", &json!({"prompt": "Füchslein ".repeat(200)}));
    let record = call(&server, "image-get", &json!({"image_id": "img_000000000000"}));
    let told: Value = serde_json::from_str(&record).unwrap();
    assert!(record.len() <= 1024 && told["id"] == "img_000000000000", "{record}");
    assert!(record.contains("OPENAI_MCP_MAX_RESULT"), "{record}");
}

#[test]
fn failures_of_a_batch_are_told_where_images_have_no_room() {
    let long = "no ".repeat(300);
    let server = server(("MAX_RESULT", "1024"), &[Ok(10), Err(&long), Ok(10)]);
    let told = call(
        &server,
        "image-generate-batch",
        &json!({"items": ["one", "two", "three"], "parallel": 1, "options": {"n": 10}, "preview": "none"}),
    );
    let result: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(result["note"], "2 have no room in `data`; image-list and image-get tell of them");
    let [failed] = &result["data"].as_array().unwrap()[..] else { panic!("{told}") };
    assert!(failed["index"] == 1 && failed["error"].as_str().unwrap().starts_with("openai answered 400"), "{told}");
    assert_eq!((&result["succeeded"], &result["failed"], &result["done"]), (&json!(2), &json!(1), &json!(true)));
    assert!(told.len() <= 1024, "{told}");
}

#[test]
fn a_batch_ends_where_nothing_more_can_be_had() {
    let refusal =
        json!({"error": {"message": "Hard limit", "type": "insufficient_quota", "code": "insufficient_quota"}});
    let refused = || Reply::new(403, refusal.to_string());
    let image = || Reply::json(&json!({"data": [{"b64_json": IMAGE}]}));
    let prompts: Vec<String> = (0..10).map(|n| format!("p{n}")).collect();
    let arguments = json!({"items": prompts, "parallel": 1, "preview": "none"});
    let run = |replies: Vec<Reply>| {
        let script = Arc::new(Script::new(replies));
        (call_tool(&SERVER, "image-generate-batch", &arguments, script.clone()), script.sent().len())
    };
    let (result, sent) = run(vec![image(), refused(), image()]);
    let told = &result["structuredContent"];
    assert_eq!((&told["done"], &told["succeeded"], &told["failed"]), (&json!(false), &json!(1), &json!(1)), "{result}");
    // The one that was refused is the first of those to be done.
    assert_eq!((&told["next_offset"], sent), (&json!(1), 2));
    assert!(told["stopped"].as_str().unwrap().contains("Hard limit"), "{told}");
    let (result, sent) = run(vec![refused(), image()]);
    assert_eq!((&result["isError"], sent), (&json!(true), 1), "{result}");
}
