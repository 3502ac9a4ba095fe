//! Conditions on metadata, in the words of the API's own filters of files.
//! <https://platform.openai.com/docs/api-reference/vector-stores/search>

use std::cmp::Ordering;

use openai_mcp_kernel::prelude::*;
use serde_json::Map;

/// A condition on metadata.
#[shape(tag = "type", read)]
pub(crate) enum Filter {
    Eq(Comparison),
    Ne(Comparison),
    Gt(Comparison),
    Gte(Comparison),
    Lt(Comparison),
    Lte(Comparison),
    In(Comparison),
    Nin(Comparison),
    And(Compound),
    Or(Compound),
}

#[shape(read)]
pub(crate) struct Comparison {
    key: String,
    /// A string, number or boolean; an array for in and nin.
    value: Json,
}

#[shape(read)]
pub(crate) struct Compound {
    /// For and, or.
    filters: Vec<Filter>,
}

impl Filter {
    /// Refuses what no metadata could ever meet, or all would.
    pub(crate) fn check(&self) -> Result<()> {
        let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
        let fits = match self {
            Filter::And(all) | Filter::Or(all) => return all.filters.iter().try_for_each(Filter::check),
            Filter::In(Comparison { value, .. }) | Filter::Nin(Comparison { value, .. }) => {
                value.0.as_array().is_some_and(|values| values.iter().all(scalar))
            }
            Filter::Eq(one) | Filter::Ne(one) => scalar(&one.value.0),
            Filter::Gt(one) | Filter::Gte(one) | Filter::Lt(one) | Filter::Lte(one) => scalar(&one.value.0),
        };
        if fits {
            return Ok(());
        }
        Err(Error::argument("filter", "`value`: expected a string, number or boolean; an array of them for in and nin"))
    }

    /// Whether metadata meet it. What has no such key differs from every value, and is neither above nor below any.
    pub(crate) fn admits(&self, metadata: &Map<String, Value>) -> bool {
        let order = |one: &Comparison| metadata.get(&one.key).and_then(|own| compare(own, &one.value.0));
        let listed = |one: &Comparison| {
            let own = metadata.get(&one.key);
            let same = |value: &Value| own.and_then(|own| compare(own, value)) == Some(Ordering::Equal);
            one.value.0.as_array().is_some_and(|values| values.iter().any(same))
        };
        match self {
            Filter::Eq(one) => order(one) == Some(Ordering::Equal),
            Filter::Ne(one) => order(one) != Some(Ordering::Equal),
            Filter::Gt(one) => order(one) == Some(Ordering::Greater),
            Filter::Gte(one) => order(one).is_some_and(Ordering::is_ge),
            Filter::Lt(one) => order(one) == Some(Ordering::Less),
            Filter::Lte(one) => order(one).is_some_and(Ordering::is_le),
            Filter::In(one) => listed(one),
            Filter::Nin(one) => !listed(one),
            Filter::And(all) => all.filters.iter().all(|filter| filter.admits(metadata)),
            Filter::Or(any) => any.filters.iter().any(|filter| filter.admits(metadata)),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn filters_say_what_they_say_of_files() {
        let metadata = json!({"year": 2024, "lang": "de", "draft": false});
        let metadata = metadata.as_object().unwrap();
        let cases = [
            (json!({"type": "eq", "key": "lang", "value": "de"}), true),
            (json!({"type": "eq", "key": "lang", "value": "en"}), false),
            (json!({"type": "eq", "key": "draft", "value": false}), true),
            (json!({"type": "ne", "key": "none", "value": 1}), true),
            (json!({"type": "gt", "key": "none", "value": 1}), false),
            (json!({"type": "gt", "key": "year", "value": 2023.5}), true),
            (json!({"type": "gte", "key": "year", "value": 2024}), true),
            (json!({"type": "lt", "key": "year", "value": 2024}), false),
            (json!({"type": "lte", "key": "year", "value": "2024"}), false),
            (json!({"type": "in", "key": "year", "value": [1, 2024]}), true),
            (json!({"type": "nin", "key": "year", "value": [1, 2024]}), false),
            (json!({"type": "nin", "key": "none", "value": [1]}), true),
            (json!({"type": "and", "filters": []}), true),
            (json!({"type": "or", "filters": []}), false),
            (
                json!({"type": "or", "filters": [
                    {"type": "eq", "key": "lang", "value": "en"},
                    {"type": "and", "filters": [{"type": "lt", "key": "year", "value": 2025}]},
                ]}),
                true,
            ),
        ];
        for (filter, expected) in cases {
            let read: Filter = serde_json::from_value(filter.clone()).unwrap();
            read.check().unwrap();
            assert_eq!(read.admits(metadata), expected, "{filter}");
        }
        for wrong in [json!({"type": "in", "key": "a", "value": 1}), json!({"type": "eq", "key": "a", "value": [1]})] {
            let wrong = json!({"type": "and", "filters": [wrong]});
            assert!(serde_json::from_value::<Filter>(wrong).unwrap().check().is_err());
        }
    }
}
