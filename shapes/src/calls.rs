//! Calls of functions by a model whose session another client holds.
//! <https://platform.openai.com/docs/guides/realtime-server-controls>

use openai_mcp_kernel::json::member;
use openai_mcp_kernel::prelude::*;

/// A call of a function, an item of the session, as a result shows it.
pub fn shown(item: &Value) -> Value {
    json!({"call_id": member(item, "call_id"), "name": member(item, "name"), "arguments": member(item, "arguments")})
}

/// The events by which calls are answered, with gaps for what the functions give. An item is added by an event of the type
/// `adds`.
pub fn answers(calls: &[Value], adds: &str) -> Value {
    let answer = |call: &Value| {
        let output = "what the function gives";
        let item = json!({"type": "function_call_output", "call_id": member(call, "call_id"), "output": output});
        json!({"type": adds, "item": item})
    };
    calls.iter().map(answer).chain([json!({"type": "response.create"})]).collect()
}
