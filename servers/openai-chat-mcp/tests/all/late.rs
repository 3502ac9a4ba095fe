//! Completions that OpenAI has not stored yet.

use std::sync::Arc;

use openai_chat_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

fn missing() -> Reply {
    let error =
        json!({"message": "Completion not found", "type": "invalid_request_error", "param": null, "code": null});
    Reply::new(404, json!({ "error": error }).to_string())
}

fn completion(message: Value) -> Reply {
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    Reply::json(&json!({"id": "chatcmpl-1", "model": "gpt-6-astra", "choices": [choice]}))
}

/// How often a completion is asked for, and whether the call succeeds.
fn asked(id: &str, replies: Vec<Reply>) -> (usize, bool) {
    let script = Arc::new(Script::new(replies).as_openai());
    let arguments = json!({"completion_id": id, "messages": [{"role": "user", "content": "And now?"}]});
    let result = call_tool(&SERVER, "chat-function-call", arguments, script.clone());
    let get = format!("/chat/completions/{id}");
    (script.sent().iter().filter(|sent| sent.target == get).count(), result["isError"] == false)
}

#[test]
fn what_was_given_a_moment_ago_is_asked_for_again() {
    let messages = json!({"data": [{"role": "user", "content": "Hello"}], "has_more": false});
    let said = completion(json!({"role": "assistant", "content": "Hi"}));
    let replies = vec![missing(), missing(), said.clone(), Reply::json(&messages), said];
    assert_eq!(asked("chatcmpl-1", replies), (3, true));
}

#[test]
fn what_can_come_no_later_is_told_at_once() {
    assert_eq!(asked("made-up", vec![missing()]), (1, false));
}
