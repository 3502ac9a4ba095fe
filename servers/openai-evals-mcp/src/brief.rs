//! What callers mostly need of evals, runs and items.

use openai_mcp_graders::runs::criterion_name;
use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use crate::local::Members as _;

/// Most characters that are shown of an answer or a reason.
const EXCERPT: usize = 200;

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Shows each object of a page, or the one that there is.
fn each(mut answer: Value, show: impl Fn(Map<String, Value>) -> Map<String, Value>) -> Value {
    let shown = |value: &mut Value| {
        if let Value::Object(object) = value {
            let mut object = show(std::mem::take(object));
            object.retain(|_, value| !is_empty(value));
            *value = object.into();
        }
    };
    match answer.get_mut("data") {
        Some(Value::Array(data)) => data.iter_mut().for_each(shown),
        _ => shown(&mut answer),
    }
    answer
}

/// An eval by its criteria's names, without what the caller said of them.
pub(crate) fn eval(answer: Value) -> Value {
    each(answer, |mut eval| {
        if let Some(criteria) = eval.get_mut("testing_criteria") {
            let named = criteria.as_array().into_iter().flatten();
            *criteria = named.map(|one| json!({"id": one.at("id"), "type": one.at("type")})).collect();
        }
        eval.retain(|name, _| !matches!(name.as_str(), "object" | "data_source_config"));
        eval
    })
}

/// A run with what became of it, and the call that goes on with it.
pub(crate) fn run(answer: Value) -> Value {
    each(answer, |mut run| {
        if let Some("queued" | "in_progress") = run.get("status").and_then(Value::as_str) {
            let arguments = json!({"eval_id": run.get("eval_id"), "run_id": run.get("id")});
            run.insert("next".to_owned(), json!({"tool": "eval-run-wait", "arguments": arguments}));
        }
        run.retain(|name, _| !matches!(name.as_str(), "object" | "data_source" | "report_url" | "created_at"));
        run
    })
}

/// The name of the criterion of a result.
fn named(result: &Value) -> &str {
    criterion_name(result.at("name").as_str().unwrap_or_default())
}

/// Items with their scores, and the start of what was answered.
pub(crate) fn outputs(answer: Value) -> Value {
    each(answer, |item| {
        let item = Value::Object(item);
        let results = || item.at("results").as_array().into_iter().flatten();
        let alike = |name: &str| results().filter(|result| named(result) == name).count();
        // Of criteria that have one name, the ids tell which is which.
        let name = |result: &Value| match named(result) {
            name if alike(name) == 1 => name.into(),
            _ => result.at("name").clone(),
        };
        let shown = results().map(|result| {
            let mut shown = json!({"name": name(result), "score": result.at("score")});
            if *result.at("passed") == false {
                shown.put("passed", false.into());
            }
            shown
        });
        let sample = item.at("sample");
        let output = sample.pointer("/output/0/content").and_then(Value::as_str);
        // Of OpenAI's own, which has no `errors`.
        let error = sample.at("error");
        let error = (item.at("errors").is_null() && !is_empty(error.at("message"))).then_some(error);
        let ended = sample.at("finish_reason");
        let mut shown = json!({
            "id": item.at("id"), "status": item.at("status"), "datasource_item_id": item.at("datasource_item_id"),
            "results": shown.collect::<Vec<_>>(), "errors": item.at("errors"),
            "error": error, "finish_reason": (*ended != "stop").then_some(ended),
            "output": output.map(|text| json::excerpt(text, EXCERPT)),
        });
        shown.as_object_mut().map(std::mem::take).unwrap_or_default()
    })
}
