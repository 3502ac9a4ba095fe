//! The Evals API on a store, with Chat, Responses and Embeddings behind it.
//!
//! An eval is a row. A run is a row, with the criteria that it began with; its items are rows, which go
//! `new → begun → pass | fail | error`. A run goes on when somebody reads it: [`engine`] has how.

mod db;
pub(crate) mod engine;
pub(crate) mod evals;
mod grade;
pub(crate) mod import;
pub(crate) mod outputs;
pub(crate) mod runs;
mod sample;
mod source;
mod upstream;

use openai_mcp_kernel::prelude::*;
use serde_json::Map;

/// The arguments of a call, read.
pub(crate) type Args = Map<String, Value>;

/// Whether the requests are sent as they are.
pub(crate) fn is_native(cx: &Context) -> bool {
    cx.setting("EVALS") == Some("native")
}

/// That only the engine here has something.
pub(crate) fn not_native(what: &str) -> Error {
    let text = format!("`{what}` is of this server's own engine, and the operator's OPENAI_MCP_EVALS is `native`");
    Error::new(Kind::Unsupported, text)
}

/// Whole seconds since the Unix epoch.
fn now(cx: &Context) -> i64 {
    i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX)
}

/// An id that nobody can guess.
fn id(prefix: &str, random: u128) -> String {
    format!("{prefix}{random:032x}")
}

/// Why an item could not be sampled or graded.
#[derive(Debug)]
struct Problem {
    code: String,
    message: String,
}

impl Problem {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Problem { code: code.to_owned(), message: message.into() }
    }

    fn json(&self) -> Value {
        json!({"code": self.code, "message": self.message})
    }
}

/// A refusal in the words of the original API.
fn refuse(status: u16, message: impl std::fmt::Display) -> Error {
    let kind = if status == 404 { "not_found_error" } else { "invalid_request_error" };
    Error::new(Kind::Status(status), format!("{status} {kind}: {message}"))
}

/// A text member; empty if it is something else.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The items of an array member; none if it is something else.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The required string argument `name`.
fn given<'a>(args: &'a Args, name: &str) -> Result<&'a str> {
    args.get(name).and_then(Value::as_str).ok_or_else(|| Error::argument(name, "required: a string"))
}

/// The members of a JSON object, where one that is not there is `null`.
pub(crate) trait Members {
    fn at(&self, name: &str) -> &Value;
    fn at_mut(&mut self, name: &str) -> &mut Value;
    fn put(&mut self, name: &str, value: Value);
    fn unset(&mut self, name: &str);
}

impl Members for Value {
    fn at(&self, name: &str) -> &Value {
        const NULL: &Value = &Value::Null;
        self.get(name).unwrap_or(NULL)
    }

    /// What is no object becomes one.
    fn at_mut(&mut self, name: &str) -> &mut Value {
        if !self.is_object() {
            *self = Value::Object(Map::new());
        }
        match self {
            Value::Object(members) => members.entry(name).or_insert(Value::Null),
            other => other,
        }
    }

    fn put(&mut self, name: &str, value: Value) {
        *self.at_mut(name) = value;
    }

    fn unset(&mut self, name: &str) {
        self.as_object_mut().map(|members| members.remove(name));
    }
}
