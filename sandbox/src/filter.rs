//! Attribute filters of a search: comparisons, and `and`/`or` of filters to any depth.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::params::{Params, mistyped};

const KINDS: &[&str] = &["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "and", "or"];

pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Compare { test: &'static str, key: String, value: Value },
}

impl Filter {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let kind = params.one_of("type", KINDS)?;
        let kind = params.required("type", kind)?;
        let filter = if matches!(kind, "and" | "or") {
            let filters = params.array("filters", 0..=usize::MAX)?;
            let filters = params.required("filters", filters)?.into_iter();
            let filters =
                filters.map(|(path, value)| Self::read(Params::nested(path, value)?)).collect::<Result<_>>()?;
            if kind == "and" { Self::And(filters) } else { Self::Or(filters) }
        } else {
            let key = params.string("key")?;
            let key = params.required("key", key)?;
            let value = params.take("value");
            let value = params.required("value", value)?;
            check(&params.path("value"), kind, &value)?;
            Self::Compare { test: kind, key, value }
        };
        params.finish()?;
        Ok(filter)
    }

    /// A file without the key differs from every value, and is neither above nor below any.
    pub(crate) fn admits(&self, attributes: &Map<String, Value>) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.admits(attributes)),
            Self::Or(filters) => filters.iter().any(|filter| filter.admits(attributes)),
            Self::Compare { test, key, value } => {
                let order = |with: &Value| attributes.get(key).and_then(|own| compare(own, with));
                let listed = || value.as_array().into_iter().flatten().any(|one| order(one) == Some(Ordering::Equal));
                match *test {
                    "eq" => order(value) == Some(Ordering::Equal),
                    "ne" => order(value) != Some(Ordering::Equal),
                    "gt" => order(value) == Some(Ordering::Greater),
                    "gte" => matches!(order(value), Some(Ordering::Greater | Ordering::Equal)),
                    "lt" => order(value) == Some(Ordering::Less),
                    "lte" => matches!(order(value), Some(Ordering::Less | Ordering::Equal)),
                    "in" => listed(),
                    _ => !listed(),
                }
            }
        }
    }
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

fn compare(own: &Value, with: &Value) -> Option<Ordering> {
    match (own, with) {
        (Value::String(own), Value::String(with)) => Some(own.cmp(with)),
        (Value::Bool(own), Value::Bool(with)) => Some(own.cmp(with)),
        (Value::Number(own), Value::Number(with)) => own.as_f64()?.partial_cmp(&with.as_f64()?),
        _ => None,
    }
}
