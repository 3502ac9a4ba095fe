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

pub(crate) use openai_mcp_kernel::json::{Members, list, member as text};
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

/// The required string argument `name`.
fn given<'a>(args: &'a Args, name: &str) -> Result<&'a str> {
    args.get(name).and_then(Value::as_str).ok_or_else(|| Error::argument(name, "required: a string"))
}
