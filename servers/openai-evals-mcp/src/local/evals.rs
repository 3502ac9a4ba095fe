//! Evals: rows of the store.

use openai_mcp_graders::{Api, Criterion, Grader};
use openai_mcp_kernel::prelude::*;

use super::db::Db;
use super::{Args, Members as _, given, id, now, source, text};

/// What becomes of criteria of Python, which nothing here can run.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Python {
    Refused,
    /// They are kept, and their results are errors.
    Kept,
}

pub(crate) async fn create(cx: &Context, args: Args) -> Result<Value> {
    let doc = make(cx, &Value::Object(args), Python::Refused)?;
    Db::open(cx)?.add_eval(&doc).await?;
    Ok(doc)
}

/// The eval that is asked for, once all of it is checked.
pub(super) fn make(cx: &Context, args: &Value, python: Python) -> Result<Value> {
    let (mut faults, config) = (Vec::new(), args.at("data_source_config"));
    let schema = schema(config, &mut faults);
    let api = match text(config, "type") {
        "custom" if *config.at("include_sample_schema") != true => Api::EvalsWithoutSamples,
        _ => Api::Evals,
    };
    let mut criteria = criteria(cx, args.at("testing_criteria"), api, python, &mut faults);
    let empty = criteria.as_array().is_none_or(Vec::is_empty);
    if empty && faults.is_empty() {
        faults.push("`testing_criteria`: expected at least one".to_owned());
    }
    if !faults.is_empty() {
        return Err(Error::arguments(&faults));
    }
    let mut shown = json!({"type": config.at("type"), "schema": schema});
    if !config.at("metadata").is_null() {
        shown.put("metadata", config.at("metadata").clone());
    }
    Ok(json!({
        "id": id("eval_", cx.random()), "object": "eval", "name": args.at("name").as_str().unwrap_or_default(),
        "created_at": now(cx), "metadata": args.get("metadata").filter(|it| !it.is_null()).unwrap_or(&json!({})),
        "data_source_config": shown, "testing_criteria": criteria.take(),
    }))
}

/// Checks criteria, and gives them with the ids that their results go by.
pub(super) fn criteria(cx: &Context, given: &Value, api: Api, python: Python, faults: &mut Vec<String>) -> Value {
    let mut criteria = Vec::new();
    for (index, given) in given.as_array().into_iter().flatten().enumerate() {
        let place = format!("testing_criteria[{index}]");
        match Criterion::read(given, &place, api) {
            Err(found) => faults.extend(found.iter().map(ToString::to_string)),
            Ok(criterion) if python == Python::Refused && has_python(&criterion) => faults.push(format!(
                "{place}: nothing here runs Python\nhint: a `multi` computes from other graders, a `score_model` takes a \
                 rule in words; or grade outside, and take the results in by eval-import"
            )),
            Ok(criterion) => {
                let mut shown = criterion.json();
                shown.put("id", format!("{}-{}", criterion.name, uuid(cx.random())).into());
                criteria.push(shown);
            }
        }
    }
    criteria.into()
}

fn has_python(criterion: &Criterion) -> bool {
    match &criterion.grader {
        Grader::Python { .. } => true,
        Grader::Multi { graders, .. } => graders.values().any(has_python),
        _ => false,
    }
}

/// As RFC 9562 writes it.
fn uuid(random: u128) -> String {
    let hex = format!("{random:032x}");
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    parts.map(|(from, to)| hex.get(from..to).unwrap_or_default()).join("-")
}

/// The schema of what templates can name.
fn schema(config: &Value, faults: &mut Vec<String>) -> Value {
    let (item, samples) = match text(config, "type") {
        "custom" => {
            source::strangers("data_source_config", config, &["item_schema", "include_sample_schema"], faults);
            let item = config.at("item_schema");
            if !item.is_object() {
                faults.push("`data_source_config.item_schema`: expected a JSON Schema".to_owned());
            }
            (item.clone(), *config.at("include_sample_schema") == true)
        }
        "logs" | "stored_completions" => {
            source::strangers("data_source_config", config, &["metadata"], faults);
            let item = json!({"input": {"type": "array"}, "metadata": {"type": "object"}});
            (json!({"type": "object", "properties": item}), true)
        }
        other => {
            let text = format!("`data_source_config.type`: expected custom, logs or stored_completions, got `{other}`");
            faults.push(text);
            return Value::Null;
        }
    };
    let mut schema = json!({"type": "object", "properties": {"item": item}, "required": ["item"]});
    if samples {
        let sample = json!({"type": "object", "properties": {
            "model": {"type": "string"}, "output_text": {"type": "string"}, "output_json": {"type": "object"},
            "output_tools": {"type": "array", "items": {"type": "object"}},
        }, "required": ["output_text"]});
        schema.at_mut("properties").put("sample", sample);
        schema.put("required", json!(["item", "sample"]));
    }
    schema
}

pub(crate) async fn list(cx: &Context, args: Args) -> Result<Value> {
    Db::open(cx)?.evals(&args).await
}

pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    Db::open(cx)?.eval(given(&args, "eval_id")?).await
}

pub(crate) async fn modify(cx: &Context, args: Args) -> Result<Value> {
    let change = |doc: &mut Value| {
        if let Some(name) = args.get("name").filter(|it| it.is_string()) {
            doc.put("name", name.clone());
        }
        if let Some(metadata) = args.get("metadata") {
            doc.put("metadata", if metadata.is_null() { json!({}) } else { metadata.clone() });
        }
    };
    Db::open(cx)?.change_eval(given(&args, "eval_id")?, change).await
}

pub(crate) async fn delete(cx: &Context, args: Args) -> Result<Value> {
    let id = given(&args, "eval_id")?;
    Db::open(cx)?.delete_eval(id).await?;
    Ok(json!({"object": "eval.deleted", "deleted": true, "eval_id": id}))
}
