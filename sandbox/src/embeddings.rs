//! Embeddings: of what words a text has, not of what it means.
//!
//! Each word stem points in a direction of its own, and a text in the sum of the directions of its words, so that texts
//! are the closer the more words they share. Models have directions of their own.

use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::{Json as Answer, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::index;
use crate::params::{Json, Params, mistyped};
use crate::world::{fnv1a, splitmix};

const LARGEST_BODY: usize = 64 * 1024 * 1024;
const MOST_INPUTS: usize = 2048;
/// The API's own limits, in tokens.
const LONGEST_INPUT: usize = 8192;
const LONGEST_REQUEST: usize = 300_000;
/// Each model with its dimensions, and whether it can do with fewer.
const MODELS: &[(&str, usize, bool)] = &[
    ("text-embedding-3-small", 1536, true),
    ("text-embedding-3-large", 3072, true),
    ("text-embedding-ada-002", 1536, false),
];
/// How much the text as a whole counts beside its words: texts of the same words, and of none, still differ.
const WHOLE: f32 = 0.1;

pub(crate) fn routes() -> Router {
    Router::new().route("/embeddings", post(create)).layer(DefaultBodyLimit::max(LARGEST_BODY))
}

enum Input {
    Text(String),
    Tokens(Vec<u64>),
}

async fn create(Json(mut body): Json) -> Result<Answer<Value>> {
    let model = body.string("model")?;
    let model = body.required("model", model)?;
    let Some((model, most, shortens)) = MODELS.iter().copied().find(|(name, ..)| *name == model) else {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        return Err(Error::not_found(message).code("model_not_found"));
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
        let vector = input.embed(fnv1a(model.as_bytes()), dimensions);
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
    let items = body.array("input", 1..=MOST_INPUTS)?;
    let items = body.required("input", items)?;
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

impl Input {
    fn tokens(&self) -> usize {
        match self {
            Input::Text(text) => index::tokens(text).len().max(1),
            Input::Tokens(tokens) => tokens.len(),
        }
    }

    /// A vector of unit length; one of fewer dimensions points the same way as the first of the whole.
    fn embed(&self, model: u64, dimensions: usize) -> Vec<f32> {
        let mut vector = vec![0.0; dimensions];
        let mut add = |what: u64, weight: f32| {
            let direction = splitmix(model ^ what);
            for (at, part) in (0..).zip(vector.chunks_mut(64)) {
                let signs = splitmix(direction ^ at);
                for (bit, number) in part.iter_mut().enumerate() {
                    *number += if signs >> bit & 1 == 1 { weight } else { -weight };
                }
            }
        };
        match self {
            Input::Text(text) => {
                let mut words: Vec<u32> = index::embed(text).iter().map(|word| word.index).collect();
                words.sort_unstable();
                words.dedup();
                words.iter().for_each(|word| add(splitmix(u64::from(*word)), 1.0));
                add(fnv1a(text.as_bytes()), WHOLE);
            }
            Input::Tokens(tokens) => tokens.iter().for_each(|token| add(splitmix(!token), 1.0)),
        }
        let norm = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt() as f32;
        if norm > 0.0 {
            vector.iter_mut().for_each(|number| *number /= norm);
        }
        vector
    }
}
