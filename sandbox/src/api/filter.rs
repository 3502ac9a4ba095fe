//! Attribute filters of a search as requests have them.

use serde_json::Value;

use crate::engine::filter::Filter;
use crate::error::{Error, Result};
use crate::params::{Params, mistyped};

const KINDS: &[&str] = &["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "and", "or"];

/// Reads a filter, of whatever depth.
pub(crate) fn read(mut params: Params) -> Result<Filter> {
    let kind = params.need("type", |params, name| params.one_of(name, KINDS))?;
    let filter = if matches!(kind, "and" | "or") {
        let filters = params.array("filters", 0..=usize::MAX)?;
        let filters = params.required("filters", filters)?.into_iter();
        let filters = filters.map(|(path, value)| read(Params::nested(path, value)?)).collect::<Result<_>>()?;
        if kind == "and" { Filter::And(filters) } else { Filter::Or(filters) }
    } else {
        let key = params.need("key", Params::string)?;
        let value = params.take("value");
        let value = params.required("value", value)?;
        check(&params.path("value"), kind, &value)?;
        Filter::Compare { test: kind, key, value }
    };
    params.finish()?;
    Ok(filter)
}

fn check(path: &str, kind: &str, value: &Value) -> Result<()> {
    let wrong = |path: &str, expected, value| -> Result<()> { Err::<(), Error>(mistyped(path, expected, value)) };
    match (kind, value) {
        ("in" | "nin", Value::Array(items)) => {
            let misfit = items.iter().enumerate().find(|(_, item)| !(item.is_string() || item.is_number()));
            misfit.map_or(Ok(()), |(at, item)| wrong(&format!("{path}[{at}]"), "a string or a number", item))
        }
        ("in" | "nin", other) => wrong(path, "an array", other),
        (_, Value::String(_) | Value::Number(_) | Value::Bool(_)) => Ok(()),
        (_, other) => wrong(path, "a string, a number, or a boolean", other),
    }
}
