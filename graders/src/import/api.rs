//! The API's own objects: evals, runs, output items, alone, in lists, or as `{eval, runs: [{run, output_items}]}`.

use serde_json::{Map, Value};

use super::reader::{File, Imported, ImportedRun, Reader};
use crate::criterion::{Api, Criterion};
use crate::runs::text;

/// What else belongs to an object in an export.
const MEMBERS: [&str; 5] = ["eval", "run", "runs", "output_items", "data"];

pub(super) fn is_one(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(is_one),
        Value::Object(members) => {
            text(value, "object").starts_with("eval")
                || MEMBERS.iter().any(|name| members.get(*name).is_some_and(is_one))
        }
        _ => false,
    }
}

/// What was found, before it is put together.
#[derive(Default)]
struct Found {
    evals: Vec<(String, String, Value)>,
    runs: Vec<Value>,
    items: Vec<Value>,
}

impl Found {
    /// Looks through a value. `run` is that around it, to which items without a run belong.
    fn collect(&mut self, file: &str, path: &str, value: &Value, run: &str) {
        match value {
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.collect(file, &format!("{path}[{index}]"), value, run);
                }
            }
            Value::Object(members) => match text(value, "object") {
                "eval" => self.evals.push((file.to_owned(), path.to_owned(), value.clone())),
                "eval.run" => self.runs.push(value.clone()),
                "eval.run.output_item" => {
                    let mut item = members.clone();
                    item.entry("run_id").or_insert_with(|| run.into());
                    self.items.push(item.into());
                }
                _ => {
                    let run = value.get("run").map_or(run, |run| text(run, "id"));
                    for name in MEMBERS {
                        if let Some(value) = members.get(name) {
                            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                            self.collect(file, &path, value, run);
                        }
                    }
                }
            },
            _ => {}
        }
    }
}

impl Reader<'_> {
    /// Puts together what several files may hold parts of.
    pub(super) fn api(&mut self, documents: &[(&File<'_>, Vec<Value>)]) {
        let mut found = Found::default();
        for (file, documents) in documents {
            for (number, document) in documents.iter().enumerate() {
                let path = if documents.len() > 1 { format!("line {}", number + 1) } else { String::new() };
                found.collect(file.name, &path, document, "");
            }
        }
        let Found { evals, mut runs, mut items } = found;
        for (file, path, eval) in evals {
            self.criteria(&file, &path, &eval);
            let of_eval = |run: &Value| text(run, "eval_id") == text(&eval, "id");
            let own = extract(&mut runs, of_eval).into_iter().map(|run| {
                let own = extract(&mut items, |item| text(item, "run_id") == text(&run, "id"));
                ImportedRun::Done { run, items: own }
            });
            let own = own.collect();
            self.import.evals.push(Imported { create: create(&eval), runs: own });
        }
        let left: Vec<&str> = runs.iter().map(|run| text(run, "id")).collect();
        let file = documents.first().map_or("", |(file, _)| file.name);
        if !left.is_empty() {
            self.untaken(file, left.join(", "), "the eval of these runs is in no file");
        }
        if !items.is_empty() {
            self.untaken(file, format!("{} output items", items.len()), "their run is in no file");
        }
    }

    /// Names criteria that can be kept but grade nothing.
    fn criteria(&mut self, file: &str, path: &str, eval: &Value) {
        for (index, criterion) in crate::runs::list(eval, "testing_criteria").enumerate() {
            let place = format!("{path}{}testing_criteria[{index}]", if path.is_empty() { "" } else { "." });
            if text(criterion, "type") == "python" {
                self.untaken(file, place, "code of a python grader is kept and not run: its items get an error");
            } else if let Err(faults) = Criterion::read(criterion, &place, Api::Evals) {
                for fault in faults {
                    self.untaken(file, fault.place, fault.message);
                }
            }
        }
    }
}

fn extract(values: &mut Vec<Value>, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let (own, others) = std::mem::take(values).into_iter().partition(|value| wanted(value));
    *values = others;
    own
}

/// What was asked for to make an eval, from what was answered.
fn create(eval: &Value) -> Map<String, Value> {
    let given =
        |name: &str| eval.get(name).filter(|value| !value.is_null()).map(|value| (name.to_owned(), value.clone()));
    let mut create: Map<String, Value> =
        ["name", "metadata", "testing_criteria"].into_iter().filter_map(given).collect();
    let answered = eval.get("data_source_config").cloned().unwrap_or_default();
    let schema = answered.get("schema").and_then(|schema| schema.get("properties"));
    let mut config = Map::new();
    for (name, value) in answered.as_object().into_iter().flatten().filter(|(name, _)| *name != "schema") {
        config.insert(name.clone(), value.clone());
    }
    if let (Some(properties), "custom") = (schema, text(&answered, "type")) {
        let item = properties.get("item").cloned().unwrap_or_else(|| serde_json::json!({"type": "object"}));
        config.insert("item_schema".to_owned(), item);
        config.insert("include_sample_schema".to_owned(), properties.get("sample").is_some().into());
    }
    create.insert("data_source_config".to_owned(), config.into());
    create
}
