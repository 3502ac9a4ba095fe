//! Answers that are longer than a result may be.

use std::sync::Arc;

use openai_chat_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

const MOST: usize = 4096;

/// Calls a tool of a server that shows at most [`MOST`] bytes, and gives the text of the result and what was saved.
/// Callers who are not trusted may name no files.
fn call(tool: &str, arguments: &Value, answer: &Value, trusted: bool) -> (String, Vec<(String, Value)>) {
    let events = |chunks: &Vec<Value>| chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect::<String>();
    let body = answer.as_array().map_or_else(|| answer.to_string(), events);
    let script = Script::new(vec![Reply::new(200, body)]).with("MAX_RESULT", MOST);
    let script = Arc::new(if trusted { script } else { script.untrusted() });
    let result = call_tool(&SERVER, tool, arguments, script.clone());
    assert_eq!(result["isError"], false, "{result}");
    let saved = script.saved().into_iter().map(|(path, content)| (path, serde_json::from_slice(&content).unwrap()));
    (result["content"][0]["text"].as_str().unwrap().to_owned(), saved.collect())
}

fn question() -> Value {
    json!({"model": "gpt-6-astra", "messages": [{"role": "user", "content": "Hello"}]})
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

fn text() -> String {
    "grün ".repeat(2000)
}

fn completion(id: &str, content: &str) -> Value {
    let message = json!({"role": "assistant", "content": content, "refusal": null, "annotations": []});
    json!({
        "id": id, "object": "chat.completion", "created": 1, "model": "gpt-6-astra",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    })
}

/// What is shown: JSON that fits.
fn shown(text: &str) -> Value {
    assert!(text.len() <= MOST, "{} bytes", text.len());
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_was_paid_for_is_saved_and_its_beginning_shown() {
    let schema = json!({
        "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": false,
    });
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let object = json!({"text": text()}).to_string();
    let calls = [
        ("chat-completion-create", question(), completion("chatcmpl-1", &text()), "/text"),
        ("chat-function-call", with(question(), "tools", tools), completion("chatcmpl-1", &text()), "/text"),
        (
            "chat-structured-output",
            with(question(), "schema", schema),
            completion("chatcmpl-1", &object),
            "/output/text",
        ),
    ];
    for (tool, arguments, answer, place) in calls {
        let (result, saved) = call(tool, &arguments, &answer, true);
        let result = shown(&result);
        assert_eq!(saved.len(), 1, "{tool}");
        let (path, whole) = &saved[0];
        assert!(path.starts_with("openai-mcp-results/chatcmpl-1-") && path.ends_with(".json"), "{tool}: {path}");
        assert_eq!(whole.pointer(place).unwrap(), &text(), "{tool}");
        let beginning = result.pointer(place).unwrap().as_str().unwrap();
        assert!(beginning.starts_with("grün grün") && beginning.ends_with("… (12000 bytes in all)"), "{beginning}");
        assert!(result["cut"].as_str().unwrap().ends_with(&format!("are saved to {path}")), "{result}");
        assert_eq!(result["usage"]["total_tokens"], 12, "{tool}");

        let (result, saved) = call(tool, &arguments, &answer, false);
        assert_eq!(saved.len(), 0, "{tool}");
        if tool == "chat-function-call" {
            let cut = "chat-completion-get with `max_bytes` 16384 shows all";
            assert!(shown(&result)["cut"].as_str().unwrap().ends_with(cut), "what OpenAI keeps is cut: {result}");
        } else {
            let result: Value = serde_json::from_str(&result).unwrap();
            assert_eq!(result.pointer(place).unwrap(), &text(), "{tool}");
        }
    }
}

#[test]
fn many_probabilities_do_not_cost_the_text() {
    let piece = |n: usize| {
        let token = json!({"token": "on ", "logprob": -0.1, "bytes": [111, 110, 32], "top_logprobs": []});
        let logprobs = json!({"content": [token], "refusal": null});
        let end = if n == 299 { json!("stop") } else { Value::Null };
        let choice = json!({"index": 0, "delta": {"content": "on "}, "logprobs": logprobs, "finish_reason": end});
        json!({"id": "chatcmpl-1", "choices": [choice]})
    };
    let arguments = with(question(), "logprobs", json!(true));
    let (result, saved) = call("chat-completion-stream", &arguments, &(0..300).map(piece).collect(), true);
    let answer = shown(&result);
    assert_eq!(answer["text"], "on ".repeat(300));
    assert_eq!(answer["logprobs"]["content"].as_array().unwrap().last().unwrap(), "… (300 items in all)");
    assert_eq!(saved[0].1["logprobs"]["content"].as_array().unwrap().len(), 300);
}

#[test]
fn what_openai_keeps_is_shown_whole_to_who_asks_for_more() {
    let answer = completion("chatcmpl-1", &text());
    let (result, saved) =
        call("chat-completion-get", &json!({"completion_id": "chatcmpl-1", "full": true}), &answer, true);
    let bytes = answer.to_string().len();
    assert_eq!(shown(&result)["cut"], format!("long texts and lists are cut; `max_bytes` {bytes} shows all"));
    assert_eq!(saved.len(), 0);
    let arguments = json!({"completion_id": "chatcmpl-1", "max_bytes": bytes, "full": true});
    let (result, _) = call("chat-completion-get", &arguments, &answer, true);
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap(), answer);
    let arguments = json!({"completion_id": "chatcmpl-1", "max_bytes": 1000});
    let (result, _) = call("chat-completion-get", &arguments, &answer, true);
    assert!(result.len() <= 1000, "{result}");
    let arguments = json!({"completion_id": "chatcmpl-1", "metadata": {}});
    let (result, _) = call("chat-completion-modify", &arguments, &answer, true);
    assert!(shown(&result)["cut"].as_str().unwrap().contains("chat-completion-get shows all"), "{result}");
}

#[test]
fn a_long_item_does_not_keep_the_others_off_its_page() {
    let page = |items: [Value; 3]| {
        let id = |at: usize| items[at]["id"].clone();
        json!({"object": "list", "first_id": id(0), "last_id": id(2), "has_more": false, "data": items})
    };
    let completions = [completion("a", &text()), completion("b", "Hi"), completion("c", "Hi")];
    let (result, _) = call("chat-completion-list", &json!({}), &page(completions), true);
    let result = shown(&result);
    assert!(result["cut"].as_str().unwrap().contains("chat-completion-get shows all"), "{result}");
    assert_eq!(result["data"].as_array().unwrap().len(), 3);

    let messages = ["a", "b", "c"].map(|id| json!({"id": id, "role": "user", "content": text()}));
    let arguments = json!({"completion_id": "chatcmpl-1"});
    let (result, _) = call("chat-completion-messages", &arguments, &page(messages.clone()), true);
    assert_eq!(shown(&result)["data"].as_array().unwrap().len(), 3);
    let arguments = json!({"completion_id": "chatcmpl-1", "max_bytes": 100_000});
    let (result, _) = call("chat-completion-messages", &arguments, &page(messages.clone()), true);
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap(), page(messages));
}

#[test]
fn a_stream_of_many_calls_is_put_together_in_time() {
    const CALLS: usize = 30_000;
    let chunk = |calls: Vec<Value>, end: Value| json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": end}]});
    let piece = |n: usize, text: &str| json!({"index": n, "function": {"arguments": text}});
    let mut chunks: Vec<Value> = (0..CALLS).map(|n| chunk(vec![piece(n, "{"), piece(n, "}")], Value::Null)).collect();
    // Far from where its index says.
    chunks.push(chunk(vec![piece(CALLS * 2, "a"), piece(CALLS * 3, "b"), piece(CALLS * 2, "a")], json!("stop")));
    let (result, saved) = call("chat-completion-stream", &question(), &chunks.into(), true);
    assert_eq!(saved.len(), 1, "{result}");
    let calls = saved[0].1["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), CALLS + 2);
    let texts: Vec<&Value> = calls.iter().map(|call| &call["function"]["arguments"]).collect();
    assert!(texts[..CALLS].iter().all(|text| **text == "{}"));
    assert_eq!(texts[CALLS..], ["aa", "b"]);
}
