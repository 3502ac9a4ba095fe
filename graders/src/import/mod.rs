//! Files as evals and runs: requests, the API's own objects, configurations of promptfoo, rows of openai/evals.
//!
//! What cannot be taken is named with its place and the reason, and never left out in silence.

mod api;
mod memory;
mod own;
mod promptfoo;
mod reader;
mod rows;
mod yaml;

use serde_json::Value;

use reader::Reader;
pub use reader::{File, Import, Imported, ImportedRun, Untaken};
use yaml::yaml;

/// Reads files. `judge` is the model that grades where a configuration leaves it open.
#[must_use]
pub fn read(files: &[File<'_>], judge: &str) -> Import {
    let mut reader = Reader::new(files, judge);
    let documents: Vec<(&File<'_>, Vec<Value>)> =
        files.iter().filter_map(|file| Some((file, reader.documents(file)?))).collect();
    for (file, documents) in &documents {
        match documents.as_slice() {
            [document] if own::is_one(document) => reader.own(file.name, document),
            [document] if promptfoo::is_one(document) => reader.promptfoo(file.name, document),
            documents if rows::are_some(documents) => reader.rows(file.name, documents),
            _ => {}
        }
    }
    reader.api(&documents);
    for (file, documents) in &documents {
        let alone = matches!(documents.as_slice(), [one] if own::is_one(one) || promptfoo::is_one(one));
        let known = alone || rows::are_some(documents) || documents.iter().any(api::is_one);
        if !known && !reader.named.iter().any(|named| named == file.name) {
            reader.untaken(
                file.name,
                "",
                "no eval of the API, no configuration of promptfoo and no rows of openai/evals",
            );
        }
    }
    reader.import
}

/// The files that a configuration names, which are to be given with it: as they stand there, without `file://`.
#[must_use]
pub fn named(file: File<'_>) -> Vec<String> {
    fn collect(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::String(text) => names.extend(text.strip_prefix("file://").map(str::to_owned)),
            Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
            Value::Object(members) => members.values().for_each(|value| collect(value, names)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    if let Ok(value) = serde_json::from_str(file.text).or_else(|_| yaml(file.text)) {
        collect(&value, &mut names);
        if own::is_one(&value) {
            names.extend(
                value.get("data").and_then(Value::as_str).map(|name| name.trim_start_matches("file://").to_owned()),
            );
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}
