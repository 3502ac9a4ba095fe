//! Samples: what a model answered, as the Evals API shows it.

use openai_mcp_graders::template;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use super::source::Sampling;
use super::{Members as _, Problem, list, text};

/// A sample of which nothing is known.
pub(super) fn empty() -> Value {
    json!({
        "input": [], "output": [], "finish_reason": "", "model": "",
        "usage": {"total_tokens": 0, "completion_tokens": 0, "prompt_tokens": 0, "cached_tokens": 0},
        "error": null, "temperature": 1.0, "top_p": 1.0, "seed": null, "max_completion_tokens": null,
    })
}

/// The sample that is to come of a body that asks a model.
pub(super) fn asked(sampling: &Sampling, body: &Value) -> Value {
    let mut sample = empty();
    let messages = if sampling.background { list(body, "input") } else { list(body, "messages") };
    let input = messages.map(|message| {
        let content = message.at("content");
        let content = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
        json!({"role": message.at("role"), "content": content})
    });
    sample.put("input", input.collect::<Vec<_>>().into());
    sample.put("model", body.at("model").clone());
    for name in ["temperature", "top_p", "seed", "max_completion_tokens"] {
        let other = if name == "max_completion_tokens" { sampling.param("max_completions_tokens") } else { None };
        if let Some(value) = sampling.param(name).or(other) {
            sample.put(name, value.clone());
        }
    }
    sample
}

/// Writes the answer of Chat into a sample.
pub(super) fn by_chat(sample: &mut Value, answer: &Value) -> Result<(), Problem> {
    let Some(choice) = list(answer, "choices").next() else {
        return Err(Problem::new("no_answer", "the answer has no choice"));
    };
    let message = choice.at("message");
    let mut output = json!({"role": "assistant", "content": message.at("content")});
    if output.at("content").is_null() && message.at("refusal").is_string() {
        output.put("content", message.at("refusal").clone());
        output.put("refusal", true.into());
    }
    for name in ["tool_calls", "audio"] {
        if !message.at(name).is_null() {
            output.put(name, message.at(name).clone());
        }
    }
    sample.put("output", json!([output]));
    sample.put("finish_reason", choice.at("finish_reason").as_str().unwrap_or_default().into());
    answered(sample, answer);
    Ok(())
}

/// Writes a response that has ended into a sample.
pub(super) fn by_response(sample: &mut Value, answer: &Value) -> Result<(), Problem> {
    answered(sample, answer);
    match text(answer, "status") {
        "completed" | "incomplete" => {}
        status => {
            let error = answer.at("error");
            let code = error.at("code").as_str().unwrap_or(status);
            let message = error.at("message").as_str().unwrap_or("the response has no output");
            return Err(Problem::new(code, message));
        }
    }
    // What the model says of its work on the way is graded only where it says nothing else.
    let comments = |item: &Value| text(item, "phase") == "commentary";
    let answers = list(answer, "output").any(|item| text(item, "type") == "message" && !comments(item));
    let (mut texts, mut refused, mut calls) = (Vec::new(), false, Vec::new());
    for item in list(answer, "output") {
        match text(item, "type") {
            "message" if answers && comments(item) => {}
            "message" => {
                for part in list(item, "content") {
                    refused |= text(part, "type") == "refusal";
                    texts.extend(part.at("text").as_str().or(part.at("refusal").as_str()));
                }
            }
            "function_call" => calls.push(json!({
                "id": item.at("call_id"), "type": "function",
                "function": {"name": item.at("name"), "arguments": item.at("arguments")},
            })),
            _ => {}
        }
    }
    let content = if texts.is_empty() { Value::Null } else { texts.concat().into() };
    let mut output = json!({"role": "assistant", "content": content});
    if refused {
        output.put("refusal", true.into());
    }
    let reason = match answer.at("incomplete_details").at("reason").as_str() {
        Some("max_output_tokens") => "length",
        Some(reason) => reason,
        None if calls.is_empty() => "stop",
        None => "tool_calls",
    };
    sample.put("finish_reason", reason.into());
    if !calls.is_empty() {
        output.put("tool_calls", calls.into());
    }
    sample.put("output", json!([output]));
    Ok(())
}

fn answered(sample: &mut Value, answer: &Value) {
    if let Some(model) = answer.at("model").as_str() {
        sample.put("model", model.into());
    }
    let mut usage = usage(answer);
    usage.unset("invocation_count");
    sample.put("usage", usage);
}

/// What a request used, as `per_model_usage` counts it.
pub(super) fn usage(answer: &Value) -> Value {
    let usage = answer.at("usage");
    let count = |names: [&str; 2]| names.into_iter().find_map(|name| usage.at(name).as_i64()).unwrap_or_default();
    let (prompt, completion) =
        (count(["prompt_tokens", "input_tokens"]), count(["completion_tokens", "output_tokens"]));
    let details = ["prompt_tokens_details", "input_tokens_details"];
    let cached = details.into_iter().find_map(|name| usage.at(name).at("cached_tokens").as_i64()).unwrap_or_default();
    let total = usage.at("total_tokens").as_i64().unwrap_or(prompt + completion);
    json!({
        "invocation_count": 1, "prompt_tokens": prompt, "completion_tokens": completion, "cached_tokens": cached,
        "total_tokens": total,
    })
}

/// The sample that a row came with: `{output_text, …}`, a completion, or the `sample` of an output item.
pub(super) fn given(given: &Value) -> Value {
    let mut sample = empty();
    if given.at("choices").is_array() {
        // What has no choice has no output, which is seen where it is graded.
        let _ = by_chat(&mut sample, given);
        return sample;
    }
    for (name, usual) in sample.as_object_mut().into_iter().flatten() {
        let value = given.at(name);
        if !value.is_null() && (usual.is_null() || value.is_array() == usual.is_array()) {
            *usual = value.clone();
        }
    }
    let said = given.as_str().or(given.at("output_text").as_str());
    if said.is_some() || given.at("output_tools").is_array() {
        let mut output = json!({"role": "assistant", "content": said});
        if let Some(calls) = given.at("output_tools").as_array().filter(|calls| !calls.is_empty()) {
            output.put("tool_calls", calls.clone().into());
        }
        sample.put("output", json!([output]));
    }
    sample
}

/// What templates can name of a sample; nothing if there is no output. What the row itself said of its sample stays.
pub(super) fn named(sample: &Value, given: Option<&Value>) -> Option<Value> {
    let output = list(sample, "output").next()?;
    let mut more: Map<String, Value> = given.and_then(Value::as_object).cloned().unwrap_or_default();
    let mut add = |name: &str, value: Value| {
        more.entry(name).or_insert(value);
    };
    add("model", sample.at("model").clone());
    add("choices", json!([{"index": 0, "message": output, "finish_reason": sample.at("finish_reason")}]));
    if !output.at("audio").is_null() {
        add("output_audio", output.at("audio").clone());
    }
    let calls = output.get("tool_calls").cloned();
    Some(template::sample(output.at("content").as_str().unwrap_or_default(), calls, more))
}
