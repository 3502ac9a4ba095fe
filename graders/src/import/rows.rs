//! Rows of openai/evals: `{"input": messages or text, "ideal": text or list}` a line.

use serde_json::{Map, Value, json};

use super::memory::{OBJECT, weight};
use super::reader::{Imported, ImportedRun, Reader, item_schema};

pub(super) fn are_some(documents: &[Value]) -> bool {
    !documents.is_empty() && documents.iter().all(|row| row.get("input").is_some() && row.get("object").is_none())
}

impl Reader<'_> {
    /// A row's only ideal answer is compared with; of several the one that comes first, since no criterion takes a list.
    pub(super) fn rows(&mut self, file: &str, documents: &[Value]) {
        let mut items = Vec::new();
        for (number, row) in documents.iter().enumerate() {
            // The row, what wraps it, and the message that a text becomes.
            if !self.takes(weight(row) + 3 * OBJECT) {
                return;
            }
            let mut row = row.as_object().cloned().unwrap_or_default();
            let place = format!("line {}", number + 1);
            if let Some(Value::String(text)) = row.get("input") {
                row.insert("input".to_owned(), json!([{"role": "user", "content": text}]));
            }
            match row.get("ideal").cloned() {
                Some(Value::Array(ideals)) => {
                    if ideals.len() > 1 {
                        self.untaken(
                            file,
                            format!("{place}.ideal"),
                            "of several ideal answers the first is compared with",
                        );
                    }
                    row.insert("ideal".to_owned(), ideals.into_iter().next().unwrap_or_default());
                }
                Some(_) => {}
                None => {
                    self.untaken(file, place, "there is no `ideal` to compare with");
                    continue;
                }
            }
            items.push(Value::Object(row));
        }
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file).split('.').next().unwrap_or(file);
        let create = json!({
            "name": name,
            "data_source_config": {"type": "custom", "item_schema": item_schema(&items), "include_sample_schema": true},
            "testing_criteria": [{
                "type": "string_check", "name": "match", "operation": "like",
                "input": "{{sample.output_text}}", "reference": "{{item.ideal}}",
            }],
        });
        let content: Vec<Value> = items.into_iter().map(|item| json!({"item": item})).collect();
        let run = json!({"data_source": {
            "type": "completions",
            "source": {"type": "file_content", "content": content},
            "input_messages": {"type": "item_reference", "item_reference": "item.input"},
        }});
        self.untaken(file, "", "the rows name no model: give the run one");
        self.import.evals.push(Imported { create: members(create), runs: vec![ImportedRun::Create(members(run))] });
    }
}

pub(super) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
