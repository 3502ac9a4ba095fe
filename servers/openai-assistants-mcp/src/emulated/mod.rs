//! The Assistants API on Responses, Conversations and the store.
//!
//! An assistant is a row. A thread is a row and a conversation; its messages are rows, which become items of the
//! conversation before the next run. A run is a row and one background response, or several where functions are called.
//! The active run of a thread, of which the table holds one at most, is the thread's lock: only who holds it writes to
//! the conversation.

pub(crate) mod assistants;
pub(crate) mod content;
mod conversation;
mod db;
pub mod import;
mod items;
mod machine;
pub(crate) mod messages;
mod request;
pub(crate) mod runs;
pub(crate) mod steps;
pub(crate) mod threads;
mod upstream;

pub(crate) use openai_mcp_kernel::json::Members;
use openai_mcp_kernel::json::{list, member as text};
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

/// The arguments of a call, read.
pub(crate) type Args = Map<String, Value>;

/// Whole seconds since the Unix epoch.
fn now(cx: &Context) -> i64 {
    i64::try_from(cx.now().as_secs()).unwrap_or(i64::MAX)
}

/// An id that nobody can guess; `nth` tells ids apart that are made together.
fn id(cx: &Context, prefix: &str, nth: usize) -> String {
    format!("{prefix}{:024x}", cx.random().wrapping_add(nth as u128) & ((1 << 96) - 1))
}

/// That an answer lacks what it must have.
fn answer(what: &str) -> Error {
    Error::new(Kind::Answer, format!("the answer is not {what}"))
}

/// The required string argument `name`.
fn given<'a>(args: &'a Args, name: &str) -> Result<&'a str> {
    args.get(name).and_then(Value::as_str).ok_or_else(|| Error::argument(name, "required: a string"))
}
