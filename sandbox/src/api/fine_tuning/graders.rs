//! `/fine_tuning/alpha/graders`.
//!
//! # Where it differs from the API
//!
//! `string_check` and `text_similarity` are computed, `meteor` without synonyms and `cosine` by the sandbox's own
//! embeddings, and `multi` graders of them. Any other grader is accepted, and its run says in `errors` that the sandbox
//! has none.

use axum::Json as Answer;
use serde_json::{Map, Value, json};

use crate::engine::graders::{self, Graded};
use crate::error::{Error, Result};
use crate::json::text;
use crate::params::{Json, Params, mistyped};

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
    let grader = params.need("grader", Params::object)?;
    params.finish()?;
    Ok(Answer(json!({"grader": checked(grader)?})))
}

pub(crate) async fn run(Json(mut params): Json) -> Result<Answer<Value>> {
    let grader = params.object("grader")?;
    let grader = checked(params.required("grader", grader)?)?;
    let sample = params.need("model_sample", Params::string)?;
    let item = params.take("item").unwrap_or_default();
    params.finish()?;
    let Graded { reward, scores, errors } = graders::run(&grader, &item, &sample);
    Ok(Answer(json!({
        "reward": reward,
        "metadata": {
            "name": text(&grader, "name"), "type": text(&grader, "type"), "errors": errors, "execution_time": 0.001, "scores": scores,
            "token_usage": null, "sampled_model_name": null,
        },
        "sub_rewards": if text(&grader, "type") == "multi" { Value::Object(scores) } else { json!({}) },
        "model_grader_token_usage_per_model": {},
    })))
}

/// The grader, if it is one.
pub(crate) fn checked(mut grader: Params) -> Result<Value> {
    let kind = grader.need("type", |params, name| params.one_of(name, TYPES))?;
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
                return Err(mistyped(&path, "an object", &graders));
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
