//! A tool: what is declared of it, and the code it has of its own.

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::context::Context;
use crate::error::Result;
use crate::output::Output;
use crate::spec::Spec;

/// A tool, as `#[tool]` makes it.
#[derive(Debug)]
pub struct Tool {
    /// What is declared of it.
    pub spec: &'static Spec,
    /// Its own code, for a composite or for an endpoint that shapes its result.
    pub run: Option<Run>,
    /// What callers mostly need of the answer, for an endpoint without code; with `full` they get all of it.
    pub brief: Option<fn(Value) -> Value>,
}

/// A tool's own code. Its checked arguments are [`Context::arguments`].
pub type Run = fn(Context) -> BoxFuture<'static, Result<Output>>;
