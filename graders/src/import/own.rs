//! An eval and its runs as requests: `{eval: {…}, run: {…} or runs: […], data: "rows.jsonl"}`.

use serde_json::{Value, json};

use super::memory::{OBJECT, read, weight};
use super::reader::{Imported, ImportedRun, Reader, item_schema, rows_of};
use crate::criterion::{Api, Criterion};
use crate::runs::{list, text};

pub(super) fn is_one(value: &Value) -> bool {
    value.get("eval").is_some_and(|eval| eval.get("testing_criteria").is_some() && eval.get("object").is_none())
}

impl Reader<'_> {
    pub(super) fn own(&mut self, file: &str, document: &Value) {
        for name in document.as_object().into_iter().flatten().map(|(name, _)| name.as_str()) {
            if !["eval", "run", "runs", "data"].contains(&name) {
                self.untaken(file, name, "there is `eval`, `run` or `runs`, and `data`");
            }
        }
        let mut create = document.get("eval").and_then(Value::as_object).cloned().unwrap_or_default();
        let content = match text(document, "data") {
            "" => None,
            name => match self.file(name) {
                None => {
                    self.untaken(file, "data", format!("the file `{name}` was not given"));
                    return;
                }
                Some(found) if !self.takes(read(found.text)) => return,
                Some(found) => match rows_of(found) {
                    Ok(rows) => Some(rows.into_iter().map(row).collect::<Vec<_>>()),
                    Err(error) => {
                        self.untaken(found.name, "", error);
                        return;
                    }
                },
            },
        };
        for (index, criterion) in list(&Value::Object(create.clone()), "testing_criteria").enumerate() {
            if let Err(faults) = Criterion::read(criterion, &format!("eval.testing_criteria[{index}]"), Api::Evals) {
                faults.into_iter().for_each(|fault| self.untaken(file, fault.place, fault.message));
            }
        }
        if let (Some(content), None) = (&content, create.get("data_source_config")) {
            let items: Vec<Value> = content.iter().filter_map(|row| row.get("item").cloned()).collect();
            let config = json!({"type": "custom", "item_schema": item_schema(&items), "include_sample_schema": true});
            create.insert("data_source_config".to_owned(), config);
        }
        let each = content.iter().flatten().map(weight).sum::<usize>() + 2 * OBJECT;
        let mut runs = Vec::new();
        let documents = document.get("run").into_iter().chain(list(document, "runs"));
        for mut run in documents.filter_map(Value::as_object).cloned() {
            if !self.takes(each) {
                break;
            }
            let source = run.entry("data_source").or_insert_with(|| json!({"type": "jsonl"}));
            if let (Some(content), Some(source)) = (&content, source.as_object_mut()) {
                source.entry("source").or_insert_with(|| json!({"type": "file_content", "content": content}));
            }
            runs.push(ImportedRun::Create(run));
        }
        if runs.is_empty() {
            self.untaken(file, "run", "there is no run to make");
        }
        self.import.evals.push(Imported { create, runs });
    }
}

/// A row as a source has it; one without `item` is an item itself.
fn row(row: Value) -> Value {
    if row.get("item").is_some_and(Value::is_object) { row } else { json!({"item": row}) }
}
