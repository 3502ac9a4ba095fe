//! `/completions`, the API before chat.
//!
//! # Where it differs from the API
//!
//! OpenAI has no model left for it, and the sandbox refuses those that there were. [`MODEL`] stands for a model of a
//! server that is compatible: it says the prompt's words again, the last first. Prompts of tokens are said as numbers.

use std::time::Duration;

use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use crate::api::models;
use crate::engine::catalog::Use;
use crate::engine::tokens;
use crate::error::{Error, Result};
use crate::params::{Json, Params};
use crate::sse;
use crate::world::{Caller, now};

const MODEL: &str = "sandbox-completion";

pub(crate) fn routes() -> Router {
    Router::new().route("/completions", post(create))
}

async fn create(Extension(account): Caller, Json(mut params): Json) -> Result<Response> {
    let model = params.need("model", Params::string)?;
    if model != MODEL {
        models::check(&model, Use::Completion)?;
    }
    let prompt = params.take("prompt").unwrap_or_default();
    let prompts = prompts(&prompt)?;
    let echo = params.boolean("echo")?.unwrap_or_default();
    let best_of = params.integer("best_of", 0..=20)?;
    let n = params.integer("n", 1..=128)?.unwrap_or(1);
    let most = params.integer("max_tokens", 0..=1_000_000)?.unwrap_or(16);
    let suffix = params.string("suffix")?;
    let streams = params.boolean("stream")?.unwrap_or_default();
    if streams && best_of.is_some_and(|best_of| best_of > 1) {
        return Err(Error::invalid(
            "best_of",
            "invalid_value",
            "Results cannot be streamed with 'best_of' greater than 1.",
        ));
    }
    let counts = match params.object("stream_options")? {
        None => false,
        Some(_) if !streams => {
            return Err(Error::invalid(
                "stream_options",
                "invalid_value",
                "'stream_options' is only allowed when 'stream' is enabled.",
            ));
        }
        Some(mut options) => {
            options.boolean("include_obfuscation")?;
            let counts = options.boolean("include_usage")?.unwrap_or_default();
            options.finish()?;
            counts
        }
    };
    let stop = match params.peek("stop") {
        Some(Value::String(_)) => params.string("stop")?.into_iter().collect(),
        _ => params.strings("stop", 0..=4)?.unwrap_or_default(),
    };
    for (name, range) in [
        ("frequency_penalty", -2.0..=2.0),
        ("presence_penalty", -2.0..=2.0),
        ("temperature", 0.0..=2.0),
        ("top_p", 0.0..=1.0),
    ] {
        params.number(name, range)?;
    }
    params.integer("seed", i64::MIN..=i64::MAX)?;
    params.integer("logprobs", 0..=5)?;
    params.object("logit_bias")?;
    params.string("user")?;
    params.finish()?;

    let (mut choices, mut read, mut written) = (Vec::new(), 0, 0);
    for prompt in &prompts {
        read += tokens::count(prompt);
        for _ in 0..n {
            let (text, reason) = went_on(prompt, most, &stop);
            written += tokens::count(&text);
            let lead = if echo { prompt.as_str() } else { "" };
            let text = [lead, &text, suffix.as_deref().unwrap_or_default()].concat();
            choices.push(json!({"index": choices.len(), "text": text, "logprobs": null, "finish_reason": reason}));
        }
    }
    let usage = json!({"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written});
    let id = account.world().mint("cmpl-");
    let whole = json!({"id": id, "object": "text_completion", "created": now(), "model": MODEL, "choices": choices, "usage": usage});
    if !streams {
        return Ok(Answer(whole).into_response());
    }
    let mut events = Vec::new();
    let chunk = |choices: Value, usage: Option<&Value>| {
        let mut chunk = whole.clone();
        if let Some(chunk) = chunk.as_object_mut() {
            chunk.insert("choices".to_owned(), choices);
            chunk.remove("usage");
            chunk.extend(usage.map(|usage| ("usage".to_owned(), usage.clone())));
        }
        sse::plain(&chunk)
    };
    for choice in &choices {
        let text = choice.get("text").and_then(Value::as_str).unwrap_or_default();
        for piece in tokens::pieces(text) {
            let index = choice.get("index");
            events.push(chunk(json!([{"index": index, "text": piece, "logprobs": null, "finish_reason": null}]), None));
        }
        let mut last = choice.clone();
        if let Some(last) = last.as_object_mut() {
            last.insert("text".to_owned(), "".into());
        }
        events.push(chunk(json!([last]), None));
    }
    if counts {
        events.push(chunk(json!([]), Some(&usage)));
    }
    events.push(sse::text("[DONE]"));
    Ok(sse::paced(events, Duration::ZERO))
}

/// The prompts of a request: a text, texts, tokens or lists of tokens.
fn prompts(prompt: &Value) -> Result<Vec<String>> {
    let wrong =
        || Error::invalid("prompt", "invalid_type", "Invalid type for 'prompt': expected a string or an array.");
    let tokens = |items: &[Value]| -> Option<String> {
        let numbers: Option<Vec<String>> =
            items.iter().map(|item| item.as_u64().map(|token| token.to_string())).collect();
        numbers.map(|numbers| numbers.join(" "))
    };
    match prompt {
        Value::Null => Ok(vec![String::new()]),
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) if items.is_empty() => Err(wrong()),
        Value::Array(items) => match tokens(items) {
            Some(text) => Ok(vec![text]),
            None => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).or_else(|| tokens(item.as_array()?)).ok_or_else(wrong))
                .collect(),
        },
        _ => Err(wrong()),
    }
}

/// What follows a prompt, and why it ends there.
fn went_on(prompt: &str, most: i64, stop: &[String]) -> (String, &'static str) {
    let mut text = prompt.split_whitespace().rev().fold(String::new(), |text, word| text + " " + word);
    let mut reason = "stop";
    let pieces = tokens::pieces(&text);
    let most = usize::try_from(most).unwrap_or_default();
    if pieces.len() > most {
        text = pieces.into_iter().take(most).collect();
        reason = "length";
    }
    if let Some(at) = stop.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop.as_str())).min() {
        text.truncate(at);
        reason = "stop";
    }
    (text, reason)
}
