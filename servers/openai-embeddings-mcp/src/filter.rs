//! Conditions on metadata, in the words of the API's own filters of files.
//! <https://platform.openai.com/docs/api-reference/vector-stores/search>

use std::cmp::Ordering;

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::filter::{Comparison, Filter, Item, Membership, Operand};
use serde_json::Map;

/// Most conditions and values of a filter: each item of a collection is held against all of them.
const MOST: usize = 200;

/// Refuses what no metadata could ever meet, or all would, and what would take too long.
pub(crate) fn check(filter: &Filter) -> Result<()> {
    match size(filter) {
        0..=MOST => fits(filter),
        size => Err(Error::argument("filters", format!("expected at most {MOST} conditions and values, got {size}"))),
    }
}

fn size(filter: &Filter) -> usize {
    match filter {
        Filter::And(all) | Filter::Or(all) => 1 + all.filters.iter().map(size).sum::<usize>(),
        Filter::In(one) | Filter::Nin(one) => 1 + one.value.len(),
        _ => 1,
    }
}

fn fits(filter: &Filter) -> Result<()> {
    let one = match filter {
        Filter::And(all) | Filter::Or(all) => return all.filters.iter().try_for_each(fits),
        Filter::In(_) | Filter::Nin(_) => return Ok(()),
        Filter::Eq(one) | Filter::Ne(one) => one,
        Filter::Gt(one) | Filter::Gte(one) | Filter::Lt(one) | Filter::Lte(one) => one,
    };
    if !matches!(one.value, Operand::Many(_)) {
        return Ok(());
    }
    Err(Error::argument("filters", "`value`: expected a string, number or boolean; an array of them for in and nin"))
}

/// Whether metadata meet it. What has no such key differs from every value, and is neither above nor below any.
pub(crate) fn admits(filter: &Filter, metadata: &Map<String, Value>) -> bool {
    let order = |one: &Comparison| metadata.get(&one.key).and_then(|own| compare(own, &one.value));
    let among =
        |one: &Membership| metadata.get(&one.key).is_some_and(|own| one.value.iter().any(|item| same(own, item)));
    match filter {
        Filter::Eq(one) => order(one) == Some(Ordering::Equal),
        Filter::Ne(one) => order(one) != Some(Ordering::Equal),
        Filter::In(one) => among(one),
        Filter::Nin(one) => !among(one),
        Filter::Gt(one) => order(one) == Some(Ordering::Greater),
        Filter::Gte(one) => order(one).is_some_and(Ordering::is_ge),
        Filter::Lt(one) => order(one) == Some(Ordering::Less),
        Filter::Lte(one) => order(one).is_some_and(Ordering::is_le),
        Filter::And(all) => all.filters.iter().all(|filter| admits(filter, metadata)),
        Filter::Or(any) => any.filters.iter().any(|filter| admits(filter, metadata)),
    }
}

/// How a value lies to an operand; to several it does not.
fn compare(own: &Value, with: &Operand) -> Option<Ordering> {
    let number = |with: &f64| own.as_f64().and_then(|own| own.partial_cmp(with));
    let text = |with: &String| own.as_str().map(|own| own.cmp(with));
    match with {
        Operand::Text(with) => text(with),
        Operand::Number(with) => number(with),
        Operand::Bool(with) => own.as_bool().map(|own| own.cmp(with)),
        Operand::Many(_) => None,
    }
}

fn same(own: &Value, item: &Item) -> bool {
    match item {
        Item::Text(text) => own.as_str() == Some(text),
        Item::Number(number) => own.as_f64() == Some(*number),
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
            check(&read).unwrap();
            assert_eq!(admits(&read, metadata), expected, "{filter}");
        }
        let wrong = json!({"type": "and", "filters": [{"type": "eq", "key": "a", "value": [1]}]});
        assert!(check(&serde_json::from_value::<Filter>(wrong).unwrap()).is_err());
    }
}
