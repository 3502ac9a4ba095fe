//! Sessions with assistants, through a real client: on a machine, on Workers, and across the death of a process.

use serde_json::{Value, json};

use crate::harness::{KEY, Launch, Server, here};
use crate::interop::{LEGACY, MODERN, play};
use crate::worker::Edge;

/// Plays the classic examples on servers at these places.
fn classic(url: impl Fn(&str) -> String, protocols: &[&str]) {
    let at = |domain: &str| json!({ "url": url(domain), "headers": { "Authorization": format!("Bearer {KEY}") } });
    let handbook = std::fs::read_to_string(here().join("interop/handbook.md")).unwrap();
    let plan = |protocol| {
        json!({
            "assistants": at("assistants"),
            "files": at("files"),
            "vector_store": at("vector-store"),
            "upload": { "text": handbook, "filename": "handbook.md" },
            "protocol": protocol,
        })
    };
    let plans: Vec<Value> = protocols.iter().map(plan).collect();
    play("assistants.py", &plans);
}

#[test]
fn the_classic_examples_on_a_machine() {
    let server = Server::umbrella(&["--sandbox"]);
    classic(|domain| server.url(domain), &[MODERN, LEGACY]);
}

#[test]
fn the_classic_examples_on_workers() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let edge = Edge::of(&["assistants", "files", "vector-store"], sandbox.addr, &[]);
    classic(|domain| edge.url(domain), &[MODERN]);
}

/// A run outlives the process that started it, whatever it was at.
#[test]
fn a_run_outlives_its_process() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--servers", "assistants"])
        .env("OPENAI_BASE_URL", &format!("http://{}/v1", sandbox.addr))
        .env("OPENAI_MCP_STORE", folder.path().to_str().unwrap());
    let value = |result: Value| -> Value {
        assert_eq!(result["isError"], false, "{result}");
        result["structuredContent"].clone()
    };
    let city = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let weather = json!({ "name": "get_weather", "description": "weather of a city", "parameters": city });
    let tools = json!([{ "type": "function", "function": weather }]);

    let first = launch.serve();
    let assistant = value(first.call("assistants", "assistant-create", &json!({ "model": "gpt-5", "tools": tools })));
    let question = json!({ "messages": [{ "role": "user", "content": "What is the weather in Paris?" }] });
    let thread = value(first.call("assistants", "thread-create", &question));
    let run = json!({ "thread_id": thread["id"], "assistant_id": assistant["id"] });
    let run = value(first.call("assistants", "run-create", &run));
    let ids = json!({ "thread_id": thread["id"], "run_id": run["id"] });
    drop(first);

    let second = launch.serve();
    let waited = value(second.call("assistants", "run-wait", &ids));
    assert_eq!(waited["object"]["status"], "requires_action", "{waited}");
    let call = &waited["object"]["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let mut submit = ids.clone();
    submit["tool_outputs"] = json!([{ "tool_call_id": call, "output": "22 C" }]);
    value(second.call("assistants", "run-submit-tool-outputs", &submit));
    drop(second);

    let third = launch.serve();
    let waited = value(third.call("assistants", "run-wait", &ids));
    assert_eq!(waited["object"]["status"], "completed", "{waited}");
    let messages = value(third.call("assistants", "message-list", &json!({ "thread_id": thread["id"] })));
    assert_eq!(messages["data"].as_array().unwrap().len(), 2, "{messages}");
}
