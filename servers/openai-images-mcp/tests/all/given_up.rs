//! Callers who have gone while an image is drawn: it is paid for.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_images_mcp::SERVER;
use openai_mcp_testkit::case::{call_tool, give_up};
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

fn image() -> Reply {
    Reply::json(&json!({"data": [{"b64_json": STANDARD.encode("an image")}], "usage": {"total_tokens": 7}}))
}

fn list(script: &Arc<Script>) -> Vec<Value> {
    let listed = call_tool(&SERVER, "image-list", "{}", script.clone());
    listed["structuredContent"]["data"].as_array().unwrap().clone()
}

#[test]
fn what_is_drawn_for_somebody_who_has_gone_is_kept() {
    let file = json!({"text": "content", "filename": "a.png"});
    let rows = [
        ("image-generate", json!({"prompt": "a fox"})),
        ("image-edit", json!({"prompt": "a fox", "image": file})),
        ("image-generate-variations", json!({"image": file})),
    ];
    for (tool, arguments) in rows {
        let script = Arc::new(Script::new(Vec::new()).then_silent());
        give_up(&SERVER, tool, arguments, &script);
        script.reply(vec![image()]);
        script.tidy_up();
        let listed = list(&script);
        assert_eq!((listed.len(), &listed[0]["tool"], &listed[0]["bytes"]), (1, &json!(tool), &json!(8)), "{listed:?}");
    }

    let script = Arc::new(Script::new(Vec::new()).then_silent());
    give_up(&SERVER, "image-generate", json!({"prompt": "a fox", "save_to": "fox.png"}), &script);
    script.reply(vec![image()]);
    script.tidy_up();
    assert_eq!(script.saved(), [("fox.png".to_owned(), "an image".into())]);
    assert_eq!(list(&script)[0]["saved_to"]["path"], "fox.png");
}

/// A host that sends nothing keeps no place for those who have gone.
#[test]
fn what_is_not_out_yet_ends_with_its_caller() {
    let script = Arc::new(Script::new(Vec::new()).then_silent());
    let file = json!({"url": "https://example.com/endless"});
    give_up(&SERVER, "image-edit", json!({"prompt": "a fox", "image": file}), &script);
    assert!(!script.has_left());
}

#[test]
fn for_somebody_who_has_gone_nothing_more_is_begun() {
    let script = Arc::new(Script::new(vec![image()]).then_silent());
    let items = ["a", "b", "c", "d"];
    give_up(&SERVER, "image-generate-batch", json!({"items": items, "parallel": 2}), &script);
    // Of the two that were under way one is to be tried again.
    script.reply(vec![Reply::new(429, "{}"), image(), image()]);
    script.tidy_up();
    assert_eq!((script.sent().len(), script.left(), list(&script).len()), (3, 1, 2));
}
