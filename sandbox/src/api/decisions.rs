//! `/decisions`.
//!
//! # Where it differs from the API
//!
//! It goes by words, not by meaning: what shares more of its words with the input is the likelier. Probabilities say that
//! and nothing else. No question is refused, and images are not looked at.

use std::collections::BTreeSet;

use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use crate::api::tools;
use crate::engine::tokens;
use crate::error::{Error, Result};
use crate::json::text;
use crate::params::{Json, Params};

const LARGEST_BODY: usize = 32 * 1024 * 1024;
const MODEL: &str = "gpt-6-luna";

pub(crate) fn routes() -> Router {
    Router::new().route("/decisions", post(create)).layer(DefaultBodyLimit::max(LARGEST_BODY))
}

async fn create(Json(mut params): Json) -> Result<Answer<Value>> {
    let model = params.need("model", Params::string)?;
    if model != MODEL {
        let message =
            format!("The model '{model}' is not supported by the decisions endpoint. Supported models: '{MODEL}'.");
        return Err(Error::invalid("model", "unsupported_model", message));
    }
    let input = params.take("input");
    let input = params.required("input", input)?;
    if !matches!(&input, Value::String(_)) && input.as_array().is_none_or(Vec::is_empty) {
        return Err(Error::invalid(
            "input",
            "invalid_type",
            "Invalid type for 'input': expected a string or an array of items.",
        ));
    }
    let questions = params.need("questions", |params, name| params.array(name, 1..=400))?;
    params.string("prompt_cache_key")?;
    params.string("safety_identifier")?;
    params.object("prompt_cache_options")?.map_or(Ok(()), |options| tools::cache(options, &["30m"]))?;
    params.finish()?;

    let mut said = String::new();
    gather(&input, &mut said);
    let known = words(&said);
    let mut asked = 0;
    let mut answers = Vec::new();
    for (path, question) in questions {
        asked += tokens::count(&question.to_string());
        answers.push(answer(Params::nested(path, question)?, &known)?);
    }
    let (read, written) = (tokens::count(&said) + asked, answers.len());
    let usage = json!({
        "input_tokens": read, "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": written, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": read + written,
    });
    Ok(Answer(json!({"model": MODEL, "answers": answers, "usage": usage})))
}

fn answer(mut question: Params, known: &BTreeSet<String>) -> Result<Value> {
    let kind = question.need("type", |params, name| params.one_of(name, &["predicate", "choice", "score"]))?;
    let name = question.string("name")?;
    let instructions = question.take("instructions");
    let instructions = question.required("instructions", instructions)?;
    let answer = match kind {
        "predicate" => {
            let mut said = String::new();
            gather(&instructions, &mut said);
            json!({"type": kind, "name": name, "probability": rounded(share(&said, known))})
        }
        "choice" => {
            let choices = question.need("choices", |params, name| params.array(name, 2..=255))?;
            let mut values = Vec::new();
            for (path, choice) in choices {
                let mut choice = Params::nested(path, choice)?;
                let value = choice.take("value");
                let value = choice.required("value", value)?;
                if !value.is_string() && !value.is_boolean() {
                    let path = choice.path("value");
                    return Err(Error::invalid(
                        &path,
                        "invalid_type",
                        format!("Invalid type for '{path}': expected a string or a boolean."),
                    ));
                }
                let described = choice.string("description")?.unwrap_or_default();
                choice.finish()?;
                let said = format!("{} {described}", value.as_str().unwrap_or_default());
                values.push((value, said));
            }
            let probabilities = spread(values.iter().map(|(_, said)| said.as_str()), known);
            let best = best(&probabilities);
            let shown = values
                .iter()
                .zip(&probabilities)
                .map(|((value, _), probability)| json!({"value": value, "probability": probability}));
            json!({
                "type": kind, "name": name, "choice": values.get(best).map(|(value, _)| value),
                "confidence": probabilities.get(best), "probabilities": shown.collect::<Vec<_>>(),
            })
        }
        _ => {
            let levels = question.need("levels", |params, name| params.array(name, 1..=usize::MAX))?;
            let mut labels = Vec::new();
            for (path, level) in levels {
                let mut level = Params::nested(path, level)?;
                let label = level.need("label", Params::string)?;
                let described = level.string("description")?.unwrap_or_default();
                level.finish()?;
                labels.push((format!("{label} {described}"), label));
            }
            let probabilities = spread(labels.iter().map(|(said, _)| said.as_str()), known);
            let score: f64 = probabilities.iter().enumerate().map(|(at, probability)| at as f64 * probability).sum();
            let shown = labels.iter().zip(&probabilities).enumerate();
            let shown = shown.map(|(value, ((_, label), probability))| json!({"label": label, "value": value, "probability": probability}));
            json!({
                "type": kind, "name": name, "score": rounded(score), "confidence": probabilities.get(best(&probabilities)),
                "probabilities": shown.collect::<Vec<_>>(),
            })
        }
    };
    question.finish()?;
    Ok(answer)
}

/// All texts within a value, with blanks between them.
fn gather(value: &Value, said: &mut String) {
    match value {
        Value::String(text) => {
            said.push_str(text);
            said.push(' ');
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, said)),
        Value::Object(_) => {
            for name in ["content", "text", "arguments", "output", "input"] {
                match value.get(name) {
                    Some(Value::String(_)) => {
                        said.push_str(text(value, name));
                        said.push(' ');
                    }
                    Some(inner) => gather(inner, said),
                    None => {}
                }
            }
        }
        _ => {}
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.chars().count() > 2);
    words.map(str::to_lowercase).collect()
}

/// How much of a text's words the input has, from 0.05 to 0.95.
fn share(said: &str, known: &BTreeSet<String>) -> f64 {
    let said = words(said);
    let found = said.intersection(known).count();
    0.05 + 0.9 * found as f64 / said.len().max(1) as f64
}

/// Probabilities of texts that exclude each other.
fn spread<'a>(texts: impl Iterator<Item = &'a str>, known: &BTreeSet<String>) -> Vec<f64> {
    let shares: Vec<f64> = texts.map(|said| share(said, known)).collect();
    let sum: f64 = shares.iter().sum();
    shares.into_iter().map(|share| rounded(share / sum)).collect()
}

/// The first of the greatest.
fn best(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (at, probability) in probabilities.iter().enumerate() {
        if probabilities.get(best).is_none_or(|greatest| probability > greatest) {
            best = at;
        }
    }
    best
}

fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
