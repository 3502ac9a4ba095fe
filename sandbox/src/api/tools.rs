//! What chat completions and responses have in common: names and schemas of functions, and of answers.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::engine::strict;
use crate::error::{Error, Result};
use crate::params::{Params, mistyped};

pub(crate) const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Reads `service_tier`, one of some, and gives the one that answers.
pub(crate) fn tier(params: &mut Params, known: &[&'static str]) -> Result<&'static str> {
    Ok(match params.one_of("service_tier", known)? {
        None | Some("auto") => "default",
        Some("fast") => "priority",
        Some(tier) => tier,
    })
}

/// Reads the name of a function, a tool or a schema.
pub(crate) fn name(params: &mut Params) -> Result<String> {
    let name = params.need("name", Params::string)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        let path = params.path("name");
        let message = format!(
            "Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        );
        return Err(Error::invalid(&path, "invalid_value", message));
    }
    Ok(name)
}

/// Reads the schema of a function's arguments; none is an object without any.
pub(crate) fn parameters(params: &mut Params, name: &str, strict: bool) -> Result<Value> {
    let path = params.path("parameters");
    let Some(schema) = params.take("parameters") else {
        return Ok(json!({"type": "object", "properties": {}}));
    };
    if !schema.is_object() {
        return Err(mistyped(&path, "an object", &schema));
    }
    match strict::check_function(&schema, strict) {
        Ok(()) => Ok(schema),
        Err(fault) => {
            let message = format!("Invalid schema for function '{name}': {fault}");
            Err(Error::invalid(&path, "invalid_function_parameters", message))
        }
    }
}

/// Refuses a schema of an answer that strict mode would not take.
pub(crate) fn check_answer(schema: &Value, name: &str, path: &str) -> Result<()> {
    strict::check(schema).map_err(|fault| {
        let message = format!("Invalid schema for response_format '{name}': {fault}");
        Error::new(StatusCode::BAD_REQUEST, message).param(path).code("invalid_json_schema")
    })
}
