//! From the output of a response to messages, steps and function calls.

use openai_mcp_kernel::prelude::*;

use super::db::Run;
use super::{Members as _, list, text};

/// What a response says.
#[derive(Default)]
pub(super) struct Reading {
    /// Messages of the assistant, each with its item.
    pub(super) messages: Vec<(Value, Option<String>)>,
    /// What was done, in order.
    pub(super) steps: Vec<Value>,
    /// Calls that want an output, as `required_action` has them.
    pub(super) calls: Vec<Value>,
    /// The last item.
    pub(super) tail: Option<String>,
}

/// Reads the output of a response. `incomplete` is why its messages are, if they are.
pub(super) fn read(run: &Run, response: &Value, at: i64, incomplete: Option<&str>) -> Reading {
    let mut reading = Reading::default();
    let mut calls: Vec<Value> = Vec::new();
    for item in list(response, "output") {
        let id = text(item, "id");
        if !id.is_empty() {
            reading.tail = Some(id.to_owned());
        }
        let kind = text(item, "type");
        if kind != "function_call" {
            flush(&mut reading, &mut calls, run, at);
        }
        match kind {
            "function_call" => {
                let function = json!({"name": item.at("name"), "arguments": item.at("arguments")});
                calls.push(json!({"id": item.at("call_id"), "type": "function", "function": function, "item": id}));
            }
            "message" => {
                let message = message(run, item, at, incomplete);
                let details = json!({"type": "message_creation", "message_creation": {"message_id": message.at("id")}});
                reading.steps.push(step(run, id, at, "completed", details));
                reading.messages.push((message, Some(id.to_owned())));
            }
            "file_search_call" | "code_interpreter_call" => {
                let status = if item.at("status") == "failed" { "failed" } else { "completed" };
                let details = json!({"type": "tool_calls", "tool_calls": [tool_call(run, item)]});
                reading.steps.push(step(run, id, at, status, details));
            }
            _ => {}
        }
    }
    flush(&mut reading, &mut calls, run, at);
    if let Some(last) = reading.steps.last_mut() {
        last.put("usage", usage(response));
    }
    reading
}

/// Puts the function calls of one turn into one step.
fn flush(reading: &mut Reading, calls: &mut Vec<Value>, run: &Run, at: i64) {
    let Some(first) = calls.first() else { return };
    let item = text(first, "item").to_owned();
    for call in calls.iter_mut().filter_map(Value::as_object_mut) {
        call.remove("item");
    }
    reading.calls.extend(calls.iter().cloned());
    let open = calls.iter().map(|call| {
        let mut call = call.clone();
        call.at_mut("function").put("output", Value::Null);
        call
    });
    let details = json!({"type": "tool_calls", "tool_calls": open.collect::<Vec<_>>()});
    reading.steps.push(step(run, &item, at, "in_progress", details));
    calls.clear();
}

/// The tokens of a response as runs and steps count them.
pub(super) fn usage(response: &Value) -> Value {
    let usage = response.get("usage").filter(|usage| usage.is_object());
    usage.map_or(Value::Null, |usage| {
        json!({
            "prompt_tokens": usage.at("input_tokens"),
            "completion_tokens": usage.at("output_tokens"),
            "total_tokens": usage.at("total_tokens"),
        })
    })
}

fn step(run: &Run, item: &str, at: i64, status: &str, details: Value) -> Value {
    let ended = |name: &str| (status == name).then_some(at);
    json!({
        "id": format!("step_{}", item.split_once('_').map_or(item, |(_, rest)| rest)),
        "object": "thread.run.step",
        "created_at": at,
        "run_id": run.id,
        "assistant_id": run.doc.at("assistant_id"),
        "thread_id": run.thread,
        "type": details.at("type"),
        "status": status,
        "cancelled_at": null,
        "completed_at": ended("completed"),
        "expired_at": null,
        "failed_at": ended("failed"),
        "last_error": (status == "failed").then(|| json!({"code": "server_error", "message": "the tool failed"})),
        "step_details": details,
        "usage": null,
        "metadata": {},
    })
}

fn tool_call(run: &Run, item: &Value) -> Value {
    if item.at("type") == "code_interpreter_call" {
        let outputs: Vec<Value> = list(item, "outputs")
            .map(|output| match text(output, "type") {
                // Files of a container have a URL where files of an assistant had an id.
                "image" => json!({"type": "image", "image": {"file_id": null, "url": output.at("url")}}),
                _ => output.clone(),
            })
            .collect();
        let code = json!({"input": item.at("code").as_str().unwrap_or_default(), "outputs": outputs});
        return json!({"id": item.at("id"), "type": "code_interpreter", "code_interpreter": code});
    }
    let results: Vec<Value> = list(item, "results")
        .map(|found| {
            json!({
                "file_id": found.at("file_id"),
                "file_name": found.at("filename"),
                "score": found.at("score"),
                "content": [{"type": "text", "text": found.at("text")}],
            })
        })
        .collect();
    let tool = list(&run.doc, "tools").find(|tool| tool.at("type") == "file_search");
    let ranking = tool.and_then(|tool| tool.pointer("/file_search/ranking_options")).cloned();
    let ranking = ranking.unwrap_or_else(|| json!({"ranker": "auto", "score_threshold": 0.0}));
    json!({
        "id": item.at("id"),
        "type": "file_search",
        "file_search": {"ranking_options": ranking, "results": results},
    })
}

fn message(run: &Run, item: &Value, at: i64, incomplete: Option<&str>) -> Value {
    let content: Vec<Value> = list(item, "content")
        .map(|part| match text(part, "type") {
            "refusal" => json!({"type": "refusal", "refusal": part.at("refusal")}),
            _ => {
                let value = text(part, "text");
                let annotations: Vec<Value> = list(part, "annotations").map(|it| annotation(it, value)).collect();
                json!({"type": "text", "text": {"value": value, "annotations": annotations}})
            }
        })
        .collect();
    json!({
        "id": item.at("id"),
        "object": "thread.message",
        "created_at": at,
        "thread_id": run.thread,
        "role": "assistant",
        "status": if incomplete.is_some() { "incomplete" } else { "completed" },
        "completed_at": incomplete.is_none().then_some(at),
        "incomplete_at": incomplete.map(|_| at),
        "incomplete_details": incomplete.map(|reason| json!({"reason": reason})),
        "content": content,
        "assistant_id": run.doc.at("assistant_id"),
        "run_id": run.id,
        "attachments": [],
        "metadata": {},
    })
}

/// An annotation; positions count characters. A citation stands at one place of the text, and marks none of it.
fn annotation(found: &Value, value: &str) -> Value {
    let place = |name: &str| found.get(name).and_then(Value::as_u64).unwrap_or_default();
    match text(found, "type") {
        "container_file_citation" => {
            let (start, end) = (place("start_index"), place("end_index"));
            let marked: String = value.chars().skip(start as usize).take(end.saturating_sub(start) as usize).collect();
            json!({
                "type": "file_path",
                "text": marked,
                "start_index": start,
                "end_index": end,
                "file_path": {"file_id": found.at("file_id"), "container_id": found.at("container_id")},
            })
        }
        "file_path" => json!({
            "type": "file_path",
            "text": "",
            "start_index": place("index"),
            "end_index": place("index"),
            "file_path": {"file_id": found.at("file_id")},
        }),
        "file_citation" => json!({
            "type": "file_citation",
            "text": "",
            "start_index": place("index"),
            "end_index": place("index"),
            "file_citation": {"file_id": found.at("file_id")},
        }),
        _ => found.clone(),
    }
}
