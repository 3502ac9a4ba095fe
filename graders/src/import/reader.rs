//! What was found in files, and what all kinds of them have in common.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use crate::object;

use super::memory::{OBJECT, read};
use super::yaml::yaml;

/// Most bytes of memory that an import comes to, counted roughly. Files name each other, and rows stand for many.
const ROOM: usize = 128 * 1024 * 1024;

/// A file that was given.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its name, with or without folders, by which others may name it.
    pub name: &'a str,
    /// What is in it: JSON, JSONL, YAML or CSV.
    pub text: &'a str,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    /// Evals with their runs.
    pub evals: Vec<Imported>,
    /// What was not taken.
    pub untaken: Vec<Untaken>,
}

/// An eval that can be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// Of the request that creates it: `name`, `metadata`, `data_source_config`, `testing_criteria`.
    pub create: Map<String, Value>,
    /// Its runs.
    pub runs: Vec<ImportedRun>,
}

/// A run, done or to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportedRun {
    /// Of the request that creates it: `name`, `metadata`, `data_source`.
    Create(Map<String, Value>),
    /// One that was done, with its output items: the API's objects as they were.
    Done {
        /// The run.
        run: Value,
        /// Its output items.
        items: Vec<Value>,
    },
}

/// What was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untaken {
    /// The file.
    pub file: String,
    /// Where in it, as in `tests[2].assert[0]`; empty for the whole file.
    pub path: String,
    /// Why, in lower case and without a full stop.
    pub reason: String,
}

/// The rows of a file: a list in JSON or YAML, JSON on each line, or a table.
pub(super) fn rows_of(file: &File<'_>) -> Result<Vec<Value>, String> {
    let ends = |ending: &str| file.name.to_ascii_lowercase().ends_with(ending);
    if ends(".csv") {
        let mut reader = csv::Reader::from_reader(file.text.as_bytes());
        let heads = reader.headers().map_err(|error| error.to_string())?.clone();
        let row = |record: csv::Result<csv::StringRecord>| {
            let record = record.map_err(|error| error.to_string())?;
            Ok(object(heads.iter().zip(&record).map(|(head, cell)| (head.to_owned(), cell.into()))).into())
        };
        return reader.records().map(row).collect();
    }
    if ends(".yaml") || ends(".yml") {
        return yaml(file.text)?.as_array().cloned().ok_or_else(|| "expected a list".to_owned());
    }
    if let Ok(Value::Array(rows)) = serde_json::from_str(file.text) {
        return Ok(rows);
    }
    let lines = file.text.lines().filter(|line| !line.trim().is_empty());
    lines.map(serde_json::from_str).collect::<Result<_, _>>().map_err(|error| format!("no JSON: {error}"))
}

/// Reads files.
pub(super) struct Reader<'a> {
    files: &'a [File<'a>],
    /// The model that grades where a configuration leaves it open.
    pub(super) judge: &'a str,
    pub(super) import: Import,
    /// Files that another file names.
    pub(super) named: Vec<String>,
    /// What was told of the defaults of tests, which is the same for each.
    pub(super) told: HashSet<String>,
    /// What there is room for.
    room: Option<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(files: &'a [File<'a>], judge: &'a str) -> Self {
        Self { files, judge, import: Import::default(), named: Vec::new(), told: HashSet::new(), room: Some(ROOM) }
    }

    /// Whether there is room for something of about this many bytes. Where there is none, that is told once, and nothing
    /// more is taken.
    pub(super) fn takes(&mut self, bytes: usize) -> bool {
        let Some(room) = self.room else { return false };
        self.room = room.checked_sub(bytes);
        if self.room.is_none() {
            let reason =
                format!("it comes to more than {ROOM} bytes of memory; what follows is not taken: give less at once");
            self.import.untaken.push(Untaken { file: String::new(), path: String::new(), reason });
        }
        self.room.is_some()
    }

    pub(super) fn untaken(&mut self, file: &str, path: impl Into<String>, reason: impl Into<String>) {
        let (path, reason) = (path.into(), reason.into());
        if !self.takes(OBJECT + path.len() + reason.len()) {
            return;
        }
        self.import.untaken.push(Untaken { file: file.to_owned(), path, reason });
    }

    /// The values of a file; `None` of a table or a text, which only others name.
    pub(super) fn documents(&mut self, file: &File<'_>) -> Option<Vec<Value>> {
        let ends = |endings: &[&str]| endings.iter().any(|ending| file.name.to_ascii_lowercase().ends_with(ending));
        if ends(&[".csv", ".txt", ".md"]) {
            return None;
        }
        if !self.takes(read(file.text)) {
            return None;
        }
        if let Ok(value) = serde_json::from_str(file.text) {
            return Some(vec![value]);
        }
        if ends(&[".yaml", ".yml"]) {
            return match yaml(file.text) {
                Ok(value) => Some(vec![value]),
                Err(error) => {
                    self.untaken(file.name, "", error);
                    None
                }
            };
        }
        let lines = file.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let mut values = Vec::new();
        for (number, line) in lines {
            match serde_json::from_str(line) {
                Ok(value) => values.push(value),
                Err(error) => {
                    self.untaken(file.name, format!("line {}", number + 1), format!("no JSON: {error}"));
                    return None;
                }
            }
        }
        Some(values)
    }

    /// A file that a configuration names by its path; the last part of it is enough.
    pub(super) fn file(&mut self, path: &str) -> Option<&'a File<'a>> {
        let path = path.strip_prefix("file://").unwrap_or(path);
        let last = |path: &'_ str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let found = self.files.iter().find(|file| file.name == path);
        let found = found.or_else(|| self.files.iter().find(|file| last(file.name) == last(path)))?;
        self.named.push(found.name.to_owned());
        Some(found)
    }
}

/// The schema of items that all have the same members of these values' types.
pub(super) fn item_schema(items: &[Value]) -> Value {
    let mut types: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for (name, value) in items.iter().filter_map(Value::as_object).flatten() {
        let kind = match value {
            Value::Null => continue,
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let known = types.entry(name).or_insert(Some(kind));
        if *known != Some(kind) {
            *known = None;
        }
    }
    let everywhere = |name: &&str| items.iter().all(|item| item.get(*name).is_some());
    let required: Vec<&str> = types.keys().copied().filter(everywhere).collect();
    let schema = |(name, kind): (&&str, &Option<&str>)| {
        let schema = kind.map_or_else(|| serde_json::json!({}), |kind| serde_json::json!({"type": kind}));
        ((*name).to_owned(), schema)
    };
    let properties = object(types.iter().map(schema));
    serde_json::json!({"type": "object", "properties": properties, "required": required})
}
