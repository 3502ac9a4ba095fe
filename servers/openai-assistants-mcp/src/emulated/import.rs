//! Assistants, threads and messages as the old API told of them, taken into the store with the ids they had.
//!
//! What is there already stays as it is, so an import that was interrupted is made again. Messages become items of a
//! conversation before the next run of their thread, as all messages do.

use std::collections::BTreeMap;

use openai_mcp_kernel::prelude::*;

use super::db::{Db, Taken};
use super::{Members as _, assistants, content, list, request, text};

/// Most objects that are taken in at once: each is a statement of one transaction.
pub const BATCH: usize = 50;

/// What is in a file, in the order in which it is taken in.
#[derive(Debug, Default)]
pub struct Export {
    /// Assistants, threads, and messages from the oldest on.
    pub objects: Vec<Value>,
    /// What cannot be taken in, and why.
    pub refused: Vec<(String, String)>,
}

impl Export {
    /// Reads objects as the SDKs print them: one or more, in arrays, in pages of a list, or one on each line; the
    /// messages of a thread may stand in it.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn read(export: &str) -> Result<Self, String> {
        let mut found = Export::default();
        for value in serde_json::Deserializer::from_str(export).into_iter::<Value>() {
            found.add(value.map_err(|error| format!("not JSON: {error}"))?, None);
        }
        let rank = |object: &Value| match text(object, "object") {
            "assistant" => 0,
            "thread" => 1,
            _ => 2,
        };
        found.objects.sort_by_key(|object| (rank(object), object.at("created_at").as_i64()));
        Ok(found)
    }

    /// How many objects of each kind there are.
    pub fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for object in &self.objects {
            *counts.entry(text(object, "object")).or_default() += 1;
        }
        counts
    }

    fn add(&mut self, mut value: Value, thread: Option<&str>) {
        if let Value::Array(values) = value {
            // The API lists what is newest first, and objects of one second keep the order they come in.
            values.into_iter().rev().for_each(|value| self.add(value, thread));
            return;
        }
        let kind = text(&value, "object").to_owned();
        if kind == "list" || kind.is_empty() && value.at("data").is_array() {
            return self.add(value.at("data").clone(), thread);
        }
        let id = text(&value, "id").to_owned();
        if kind == "thread" {
            let within = value.as_object_mut().and_then(|thread| thread.remove("messages"));
            self.add(within.unwrap_or_else(|| json!([])), Some(&id));
        }
        if kind == "thread.message" && text(&value, "thread_id").is_empty() {
            value.put("thread_id", json!(thread));
        }
        match complete(value) {
            Ok(object) => self.objects.push(object),
            Err(reason) => self.refused.push((if id.is_empty() { "(no id)".into() } else { id }, reason)),
        }
    }
}

/// The object with all that ours have.
fn complete(mut object: Value) -> Result<Value, String> {
    let usual: Vec<(&str, Value)> = match text(&object, "object") {
        "assistant" => assistants::fields().into(),
        "thread" => vec![("tool_resources", json!({})), ("metadata", json!({}))],
        "thread.message" => {
            let nothing = ["assistant_id", "run_id", "completed_at", "incomplete_at", "incomplete_details"];
            let mut usual: Vec<_> = nothing.into_iter().map(|name| (name, Value::Null)).collect();
            usual.extend([("attachments", json!([])), ("metadata", json!({})), ("status", json!("completed"))]);
            usual
        }
        "" => return Err("it has no `object` that says what it is".into()),
        other => return Err(format!("a `{other}` cannot be taken in: assistants, threads and messages can")),
    };
    for (name, usual) in usual {
        if object.at(name).is_null() {
            object.put(name, usual);
        }
    }
    if text(&object, "id").is_empty() || !object.at("created_at").is_i64() {
        return Err("`id` and `created_at` are required".into());
    }
    match text(&object, "object") {
        "assistant" if text(&object, "model").is_empty() => return Err("`model` is required".into()),
        "assistant" => {
            let checks = list(&object, "tools").map(request::tool);
            let checks = checks.chain([request::format(object.at("response_format")).map(drop)]);
            if let Some(error) = checks.filter_map(Result::err).next() {
                return Err(error.into_text());
            }
        }
        "thread.message" => {
            if text(&object, "thread_id").is_empty() {
                return Err("`thread_id` is required".into());
            }
            if !matches!(text(&object, "role"), "user" | "assistant") {
                return Err("its `role` is neither user nor assistant".into());
            }
            if content::item(&object).at("content").as_array().is_none_or(Vec::is_empty) {
                return Err("it has no content".into());
            }
        }
        _ => {}
    }
    Ok(object)
}

/// What became of objects.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// These are in the store now.
    pub added: usize,
    /// These were before.
    pub present: usize,
    /// These are messages of threads that are not in the store.
    pub homeless: usize,
}

/// Takes at most [`BATCH`] objects into the store, all or none.
///
/// # Errors
/// There is no key, or no store, or it fails.
pub async fn take(cx: &Context, objects: &[Value]) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for taken in Db::open(cx)?.take(objects).await? {
        match taken {
            Taken::Added => outcome.added += 1,
            Taken::Present => outcome.present += 1,
            Taken::Homeless => outcome.homeless += 1,
        }
    }
    Ok(outcome)
}
