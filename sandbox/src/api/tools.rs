//! What chat completions and responses have in common: names and schemas of functions, and of answers.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::engine::strict;
use crate::error::{Error, Result};
use crate::params::{Params, mistyped};

pub(crate) const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

pub(crate) const LEVELS: &[&str] = &["low", "medium", "high"];
pub(crate) const RETENTIONS: &[&str] = &["in_memory", "24h"];
/// Characters of a `safety_identifier`.
pub(crate) const LONGEST_IDENTIFIER: usize = 128;

/// Reads `allowed_callers`.
pub(crate) fn callers(tool: &mut Params) -> Result<()> {
    tool.some_of("allowed_callers", &["direct", "programmatic"]).map(drop)
}

/// Reads the grammar of a custom tool.
pub(crate) fn grammar(params: &mut Params) -> Result<()> {
    params.need("syntax", |params, name| params.one_of(name, &["lark", "regex"]))?;
    params.need("definition", Params::string).map(drop)
}

/// Reads where a user is; nothing else may be left.
pub(crate) fn place(mut place: Params) -> Result<()> {
    for name in ["city", "country", "region", "timezone"] {
        place.string(name)?;
    }
    place.finish()
}

/// Reads `moderation`.
pub(crate) fn moderation(params: &mut Params) -> Result<()> {
    let Some(mut moderation) = params.object("moderation")? else { return Ok(()) };
    moderation.need("model", Params::string)?;
    if let Some(mut policy) = moderation.object("policy")? {
        for side in ["input", "output"] {
            let Some(mut side) = policy.object(side)? else { continue };
            side.need("mode", |side, name| side.one_of(name, &["score", "block"]))?;
            side.finish()?;
        }
        policy.finish()?;
    }
    moderation.finish()
}

/// Reads the mark of what is to be cached.
pub(crate) fn breakpoint(part: &mut Params) -> Result<()> {
    let Some(mut mark) = part.object("prompt_cache_breakpoint")? else { return Ok(()) };
    mark.need("mode", |mark, name| mark.one_of(name, &["explicit"]))?;
    mark.one_of("ttl", &["30m", "12h"])?;
    mark.finish()
}

/// Reads what all options of the prompt cache have; nothing else may be left.
pub(crate) fn cache(mut options: Params, lives: &[&'static str]) -> Result<()> {
    options.one_of("mode", &["implicit", "explicit"])?;
    options.one_of("ttl", lives)?;
    options.finish()
}

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
