//! Attribute filters of a search: comparisons, and `and`/`or` of filters to any depth.

use std::cmp::Ordering;

use serde_json::{Map, Value};

pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Compare { test: &'static str, key: String, value: Value },
}

impl Filter {
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

fn compare(own: &Value, with: &Value) -> Option<Ordering> {
    match (own, with) {
        (Value::String(own), Value::String(with)) => Some(own.cmp(with)),
        (Value::Bool(own), Value::Bool(with)) => Some(own.cmp(with)),
        (Value::Number(own), Value::Number(with)) => own.as_f64()?.partial_cmp(&with.as_f64()?),
        _ => None,
    }
}
