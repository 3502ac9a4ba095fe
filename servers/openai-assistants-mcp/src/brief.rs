//! What callers mostly need of runs and of the messages that they wrote.

use openai_mcp_kernel::prelude::*;

/// What a run repeats of its assistant and of the call that made it, and when it was where.
const REPEATED: [&str; 19] = [
    "cancelled_at",
    "completed_at",
    "created_at",
    "failed_at",
    "instructions",
    "max_completion_tokens",
    "max_prompt_tokens",
    "model",
    "object",
    "parallel_tool_calls",
    "reasoning_effort",
    "response_format",
    "started_at",
    "temperature",
    "tool_choice",
    "tool_resources",
    "tools",
    "top_p",
    "truncation_strategy",
];
/// What messages repeat of the thread and the run that they belong to, and when they were where.
const KNOWN: [&str; 6] = ["assistant_id", "completed_at", "created_at", "incomplete_at", "object", "thread_id"];
/// What every message of one run has in common beside that.
const COMMON: [&str; 2] = ["role", "run_id"];

/// A run with what became of it and the call that goes on with it, or a page of runs.
pub(crate) fn run(answer: Value) -> Value {
    let Value::Object(mut answer) = answer else { return answer };
    if let Some(Value::Array(runs)) = answer.get_mut("data") {
        for run in runs {
            if let Value::Object(run) = run {
                run.retain(|name, value| tells(name, value, &REPEATED));
            }
        }
        return answer.into();
    }
    answer.retain(|name, value| tells(name, value, &REPEATED));
    let tool = match answer.get("status").and_then(Value::as_str) {
        Some("queued" | "in_progress" | "cancelling") => "run-wait",
        Some("requires_action") => "run-submit-tool-outputs",
        _ => return answer.into(),
    };
    let arguments = json!({"thread_id": answer.get("thread_id"), "run_id": answer.get("id")});
    answer.insert("next".to_owned(), json!({"tool": tool, "arguments": arguments}));
    answer.into()
}

/// A page of messages, with the texts of each put together.
pub(crate) fn messages(mut page: Value) -> Value {
    for message in page.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
        *message = said(message.take());
    }
    page
}

/// A message that a run wrote.
pub(crate) fn message(message: Value) -> Value {
    let mut message = said(message);
    if let Value::Object(message) = &mut message {
        message.retain(|name, _| !COMMON.contains(&name.as_str()));
    }
    message
}

fn said(message: Value) -> Value {
    let Value::Object(mut message) = message else { return message };
    let content = message.remove("content").unwrap_or_default();
    let (mut texts, mut annotations, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for block in content.as_array().into_iter().flatten() {
        match block.pointer("/text/value").and_then(Value::as_str) {
            Some(text) => texts.push(text),
            None => others.push(block.clone()),
        }
        annotations.extend(block.pointer("/text/annotations").and_then(Value::as_array).into_iter().flatten().cloned());
    }
    message.insert("text".to_owned(), texts.join("\n").into());
    message.insert("annotations".to_owned(), annotations.into());
    message.insert("content".to_owned(), others.into());
    message.retain(|name, value| tells(name, value, &KNOWN) && !(name == "status" && value == "completed"));
    message.into()
}

fn tells(name: &str, value: &Value, passed_over: &[&str]) -> bool {
    let empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    !empty && !passed_over.contains(&name)
}
