//! `/embeddings`.
//!
//! # Where it differs from the API
//!
//! An embedding tells which words a text has (English stems): texts are close where they share words, not where they mean
//! alike. The answer's `model` ends in `-sandbox`.

use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::{Json as Answer, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api::models;
use crate::engine::catalog::Use;
use crate::engine::embedding::Input;
use crate::error::{Error, Result};
use crate::params::{Json, Params, mistyped};

const LARGEST_BODY: usize = 64 * 1024 * 1024;
const MOST_INPUTS: usize = 2048;
/// The API's own limits, in tokens.
const LONGEST_INPUT: usize = 8192;
const LONGEST_REQUEST: usize = 300_000;
pub(crate) fn routes() -> Router {
    Router::new().route("/embeddings", post(create)).layer(DefaultBodyLimit::max(LARGEST_BODY))
}

async fn create(Json(mut body): Json) -> Result<Answer<Value>> {
    let model = models::read(&mut body, None, Use::Embedding)?;
    let (most, shortens) = match model.as_str() {
        "text-embedding-3-large" => (3072, true),
        model => (1536, model != "text-embedding-ada-002"),
    };
    let inputs = inputs(&mut body)?;
    let dimensions = body.integer("dimensions", 1..=i64::MAX)?;
    let base64 = body.one_of("encoding_format", &["float", "base64"])? == Some("base64");
    body.string("user")?;
    body.finish()?;

    let dimensions = match dimensions.map(usize::try_from) {
        None => most,
        Some(_) if !shortens => {
            let message = "This model does not support specifying dimensions.";
            return Err(Error::new(axum::http::StatusCode::BAD_REQUEST, message));
        }
        Some(Ok(wished)) if wished <= most => wished,
        Some(_) => {
            let message = format!("Invalid value for 'dimensions'. Must be less than or equal to {most}.");
            return Err(Error::invalid("dimensions", "invalid_value", message));
        }
    };
    let mut tokens = 0;
    for (at, input) in inputs.iter().enumerate() {
        let own = input.tokens();
        if own > LONGEST_INPUT {
            let message = format!("Invalid 'input[{at}]': maximum input length is {LONGEST_INPUT} tokens.");
            return Err(Error::new(axum::http::StatusCode::BAD_REQUEST, message));
        }
        tokens += own;
    }
    if tokens > LONGEST_REQUEST {
        let message = format!("Requested {tokens} tokens, max {LONGEST_REQUEST} tokens per request");
        let error = Error::new(axum::http::StatusCode::BAD_REQUEST, message).code("max_tokens_per_request");
        return Err(Error { kind: "max_tokens_per_request", ..error });
    }
    let show = |(index, input): (usize, &Input)| {
        let vector = input.embed(&model, dimensions);
        let embedding = if base64 {
            STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>()).into()
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    let data: Vec<Value> = inputs.iter().enumerate().map(show).collect();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    Ok(Answer(json!({"object": "list", "data": data, "model": format!("{model}-sandbox"), "usage": usage})))
}

/// A text, tokens, or an array of either.
fn inputs(body: &mut Params) -> Result<Vec<Input>> {
    let given = match body.take("input") {
        Some(Value::String(text)) if text.is_empty() => return Err(empty("input")),
        Some(Value::String(text)) => return Ok(vec![Input::Text(text)]),
        given @ Some(Value::Array(_)) => given,
        Some(other) => return Err(mistyped("input", "a string or an array", &other)),
        None => None,
    };
    if let Some(given) = given {
        body.put("input", given);
    }
    let items = body.need("input", |params, name| params.array(name, 1..=MOST_INPUTS))?;
    if items.iter().all(|(_, item)| item.is_u64()) {
        return Ok(vec![Input::Tokens(items.iter().filter_map(|(_, item)| item.as_u64()).collect())]);
    }
    let read = |(path, item): (String, Value)| match item {
        Value::String(text) if text.is_empty() => Err(empty(&path)),
        Value::String(text) => Ok(Input::Text(text)),
        Value::Array(tokens) if tokens.is_empty() => Err(empty(&path)),
        Value::Array(tokens) if tokens.iter().all(Value::is_u64) => {
            Ok(Input::Tokens(tokens.iter().filter_map(Value::as_u64).collect()))
        }
        other => Err(mistyped(&path, "a string or an array of integers", &other)),
    };
    items.into_iter().map(read).collect()
}

fn empty(path: &str) -> Error {
    Error::invalid(path, "empty_string", format!("Invalid '{path}': input cannot be an empty string."))
}
