//! `/fine_tuning/alpha/graders`: what can be graded by rules is; nothing here runs Python or asks a model.
//!
//! `string_check` and `text_similarity` by `fuzzy_match`, `bleu`, `gleu`, `rouge_1` to `rouge_5` and `rouge_l` are computed;
//! so is a `multi` of them. Any other grader is accepted, and its run says in `errors` that the sandbox has none.

use std::collections::BTreeMap;

use axum::Json as Answer;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::params::{Json, Params};

const METRICS: &[&str] = &[
    "cosine",
    "fuzzy_match",
    "bleu",
    "gleu",
    "meteor",
    "rouge_1",
    "rouge_2",
    "rouge_3",
    "rouge_4",
    "rouge_5",
    "rouge_l",
];
const TYPES: &[&str] = &["string_check", "text_similarity", "python", "score_model", "label_model", "multi"];

pub(crate) async fn validate(Json(mut params): Json) -> Result<Answer<Value>> {
    let grader = params.object("grader")?;
    let grader = params.required("grader", grader)?;
    params.finish()?;
    Ok(Answer(json!({"grader": checked(grader)?})))
}

pub(crate) async fn run(Json(mut params): Json) -> Result<Answer<Value>> {
    let grader = params.object("grader")?;
    let grader = checked(params.required("grader", grader)?)?;
    let sample = params.string("model_sample")?;
    let sample = params.required("model_sample", sample)?;
    let item = params.take("item").unwrap_or_default();
    params.finish()?;
    let output_json: Value = serde_json::from_str(&sample).unwrap_or_default();
    let names = json!({"item": item, "sample": {"output_text": sample, "output_json": output_json}});
    let mut errors = Errors::default();
    let text = |name: &str| grader.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut scores = Map::new();
    let reward = match text("type") {
        "multi" => {
            let parts = grader.get("graders").and_then(Value::as_object).into_iter().flatten();
            let parts: BTreeMap<&str, f64> =
                parts.map(|(key, grader)| (key.as_str(), grade(grader, &names, &mut errors))).collect();
            scores.extend(parts.iter().map(|(key, score)| ((*key).to_owned(), json!(score))));
            formula(text("calculate_output"), &parts).unwrap_or_else(|| {
                errors.set("formula_parse_error");
                0.0
            })
        }
        _ => grade(&grader, &names, &mut errors),
    };
    if scores.is_empty() {
        scores.insert(text("name").to_owned(), json!(reward));
    }
    Ok(Answer(json!({
        "reward": reward,
        "metadata": {
            "name": text("name"), "type": text("type"), "errors": errors.0, "execution_time": 0.001, "scores": scores,
            "token_usage": null, "sampled_model_name": null,
        },
        "sub_rewards": if text("type") == "multi" { Value::Object(scores) } else { json!({}) },
        "model_grader_token_usage_per_model": {},
    })))
}

/// The grader, if it is one.
pub(crate) fn checked(mut grader: Params) -> Result<Value> {
    let kind = grader.one_of("type", TYPES)?;
    let kind = grader.required("type", kind)?;
    let mut kept = Map::from_iter([("type".to_owned(), json!(kind))]);
    let texts: &[&str] = match kind {
        "string_check" => &["name", "input", "reference"],
        "text_similarity" => &["name", "input", "reference"],
        "python" => &["name", "source"],
        "multi" => &["name", "calculate_output"],
        _ => &["name", "model"],
    };
    for name in texts {
        let text = grader.string(name)?;
        kept.insert((*name).to_owned(), grader.required(name, text)?.into());
    }
    match kind {
        "string_check" => {
            let operation = grader.one_of("operation", &["eq", "ne", "like", "ilike"])?;
            kept.insert("operation".to_owned(), grader.required("operation", operation)?.into());
        }
        "text_similarity" => {
            let metric = grader.one_of("evaluation_metric", METRICS)?;
            kept.insert("evaluation_metric".to_owned(), grader.required("evaluation_metric", metric)?.into());
        }
        "python" => {
            if !kept.get("source").and_then(Value::as_str).is_some_and(|source| source.contains("def grade(")) {
                let message = "The source of a python grader must define a function 'grade(sample, item)'.";
                return Err(Error::invalid(&grader.path("source"), "invalid_grader", message));
            }
            kept.extend(grader.string("image_tag")?.map(|tag| ("image_tag".to_owned(), tag.into())));
        }
        "multi" => {
            let graders = grader.take("graders");
            let graders = grader.required("graders", graders)?;
            let path = grader.path("graders");
            let Value::Object(graders) = graders else {
                return Err(crate::params::mistyped(&path, "an object", &graders));
            };
            let mut parts = Map::new();
            for (key, part) in graders {
                let part = Params::nested(format!("{path}.{key}"), part)?;
                parts.insert(key, checked(part)?);
            }
            kept.insert("graders".to_owned(), parts.into());
        }
        _ => {
            let input = grader.take("input");
            kept.insert("input".to_owned(), grader.required("input", input)?);
            for name in ["range", "sampling_params", "labels", "passing_labels"] {
                kept.extend(grader.take(name).map(|value| (name.to_owned(), value)));
            }
        }
    }
    grader.finish()?;
    Ok(kept.into())
}

/// `errors` of a run.
struct Errors(Map<String, Value>);

impl Default for Errors {
    fn default() -> Self {
        let flags = [
            "formula_parse_error",
            "sample_parse_error",
            "truncated_observation_error",
            "unresponsive_reward_error",
            "invalid_variable_error",
            "other_error",
            "python_grader_server_error",
            "python_grader_runtime_error",
            "model_grader_server_error",
            "model_grader_refusal_error",
            "model_grader_parse_error",
        ];
        let details = [
            "python_grader_server_error_type",
            "python_grader_runtime_error_details",
            "model_grader_server_error_details",
        ];
        let flags = flags.into_iter().map(|name| (name.to_owned(), json!(false)));
        Self(flags.chain(details.into_iter().map(|name| (name.to_owned(), Value::Null))).collect())
    }
}

impl Errors {
    fn set(&mut self, name: &str) {
        self.0.insert(name.to_owned(), json!(true));
    }
}

fn grade(grader: &Value, names: &Value, errors: &mut Errors) -> f64 {
    let text = |name: &str| grader.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut filled = |name: &str| {
        fill(text(name), names).unwrap_or_else(|| {
            errors.set("invalid_variable_error");
            String::new()
        })
    };
    match text("type") {
        "string_check" => {
            let (input, reference) = (filled("input"), filled("reference"));
            let passed = match text("operation") {
                "eq" => input == reference,
                "ne" => input != reference,
                "like" => input.contains(&reference),
                _ => input.to_lowercase().contains(&reference.to_lowercase()),
            };
            f64::from(u8::from(passed))
        }
        "text_similarity" => {
            let (input, reference) = (filled("input"), filled("reference"));
            similarity(text("evaluation_metric"), &input, &reference).unwrap_or_else(|| {
                errors.set("other_error");
                0.0
            })
        }
        "python" => {
            errors.set("python_grader_server_error");
            errors.0.insert("python_grader_server_error_type".to_owned(), json!("the sandbox runs no Python"));
            0.0
        }
        _ => {
            errors.set("model_grader_server_error");
            errors.0.insert("model_grader_server_error_details".to_owned(), json!("the sandbox has no model to ask"));
            0.0
        }
    }
}

/// A text with `{{item.name}}` and the like replaced.
fn fill(text: &str, names: &Value) -> Option<String> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}")?;
        let value = name.trim().split('.').try_fold(names, |value, part| value.get(part))?;
        filled.push_str(before);
        filled.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// From 0 to 1; `None` for what takes a model.
fn similarity(metric: &str, input: &str, reference: &str) -> Option<f64> {
    let (input, reference) = (input.to_lowercase(), reference.to_lowercase());
    let (said, wanted): (Vec<&str>, Vec<&str>) =
        (input.split_whitespace().collect(), reference.split_whitespace().collect());
    let rouge = |n: usize| f1(matches(&said, &wanted, n), count(&said, n), count(&wanted, n));
    match metric {
        "fuzzy_match" => {
            let (a, b): (Vec<char>, Vec<char>) = (input.chars().collect(), reference.chars().collect());
            Some(f1(common(&a, &b), a.len(), b.len()))
        }
        "rouge_l" => Some(f1(common(&said, &wanted), said.len(), wanted.len())),
        "bleu" | "gleu" => {
            let orders: Vec<usize> = (1..=4).filter(|n| count(&said, *n) > 0 && count(&wanted, *n) > 0).collect();
            let of = |n: &usize| {
                let all = if metric == "bleu" { count(&said, *n) } else { count(&said, *n).max(count(&wanted, *n)) };
                matches(&said, &wanted, *n) as f64 / all as f64
            };
            let product: f64 = orders.iter().map(of).product();
            let short = (1.0 - wanted.len() as f64 / said.len().max(1) as f64).min(0.0).exp();
            let short = if metric == "bleu" { short } else { 1.0 };
            Some(if orders.is_empty() { 0.0 } else { short * product.powf(1.0 / orders.len() as f64) })
        }
        _ => rouge_order(metric).map(rouge),
    }
}

fn rouge_order(metric: &str) -> Option<usize> {
    metric.strip_prefix("rouge_")?.parse().ok()
}

fn count(words: &[&str], n: usize) -> usize {
    (words.len() + 1).saturating_sub(n)
}

/// Runs of `n` words that both have.
fn matches(said: &[&str], wanted: &[&str], n: usize) -> usize {
    let mut left: Vec<&[&str]> = wanted.windows(n).collect();
    let mut found = 0;
    for run in said.windows(n) {
        if let Some(at) = left.iter().position(|other| *other == run) {
            left.swap_remove(at);
            found += 1;
        }
    }
    found
}

/// Length of the longest common subsequence.
fn common<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for one in a {
        let mut corner = 0;
        for (at, other) in b.iter().enumerate() {
            let (above, left) = (row.get(at + 1).copied().unwrap_or(0), row.get(at).copied().unwrap_or(0));
            let best = if one == other { corner + 1 } else { above.max(left) };
            corner = above;
            if let Some(cell) = row.get_mut(at + 1) {
                *cell = best;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}

fn f1(both: usize, a: usize, b: usize) -> f64 {
    if a + b == 0 { 1.0 } else { 2.0 * both as f64 / (a + b) as f64 }
}

/// A formula of numbers, graders, `+ - * /`, parentheses and the functions that the API has.
fn formula(text: &str, parts: &BTreeMap<&str, f64>) -> Option<f64> {
    let mut formula = Formula { rest: text, parts, depth: 0 };
    let value = formula.sum()?;
    (formula.rest.trim().is_empty() && value.is_finite()).then_some(value)
}

struct Formula<'a> {
    rest: &'a str,
    parts: &'a BTreeMap<&'a str, f64>,
    depth: u8,
}

impl Formula<'_> {
    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.takes('+') {
                value += self.product()?;
            } else if self.takes('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.one()?;
        loop {
            if self.takes('*') {
                value *= self.one()?;
            } else if self.takes('/') {
                value /= self.one()?;
            } else {
                return Some(value);
            }
        }
    }

    fn one(&mut self) -> Option<f64> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth < 100)?;
        let value = self.value();
        self.depth -= 1;
        value
    }

    fn value(&mut self) -> Option<f64> {
        if self.takes('-') {
            return self.one().map(|value| -value);
        }
        if self.takes('(') {
            let value = self.sum()?;
            return self.takes(')').then_some(value);
        }
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        if !self.takes('(') {
            return self.parts.get(word).copied().or_else(|| word.parse().ok());
        }
        let mut values = vec![self.sum()?];
        while self.takes(',') {
            values.push(self.sum()?);
        }
        let (first, takes) = (*values.first()?, self.takes(')'));
        let value = match (word, values.len()) {
            ("min", _) => values.into_iter().fold(f64::INFINITY, f64::min),
            ("max", _) => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
            ("abs", 1) => first.abs(),
            ("floor", 1) => first.floor(),
            ("ceil", 1) => first.ceil(),
            ("exp", 1) => first.exp(),
            ("sqrt", 1) => first.sqrt(),
            ("log", 1) => first.ln(),
            _ => return None,
        };
        takes.then_some(value)
    }
}
