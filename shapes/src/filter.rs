//! Conditions on attributes. <https://platform.openai.com/docs/api-reference/vector-stores/search>

use std::collections::{BTreeMap, BTreeSet};

use openai_mcp_kernel::prelude::*;

/// A condition on attributes.
#[shape(tag = "type", read)]
pub enum Filter {
    /// The same.
    Eq(Comparison),
    /// Another.
    Ne(Comparison),
    /// Above.
    Gt(Comparison),
    /// Above or the same.
    Gte(Comparison),
    /// Below.
    Lt(Comparison),
    /// Below or the same.
    Lte(Comparison),
    /// One of several.
    In(Membership),
    /// None of several.
    Nin(Membership),
    /// All conditions.
    And(Compound),
    /// One condition at least.
    Or(Compound),
}

/// Most attributes that are named.
const MOST_NAMED: usize = 20;

/// Attributes that there are, with the kinds of their values.
pub type Known = BTreeMap<String, BTreeSet<&'static str>>;

/// Takes note of an attribute that there is.
pub fn see(known: &mut Known, key: &str, value: &Value) {
    let kind = match value {
        Value::String(_) => Item::TEXT,
        Value::Number(_) => Item::NUMBER,
        Value::Bool(_) => Operand::BOOL,
        _ => return,
    };
    match known.get_mut(key) {
        Some(kinds) => kinds.insert(kind),
        None => known.insert(key.to_owned(), BTreeSet::from([kind])).is_none(),
    };
}

impl Filter {
    /// The attributes that it asks for, each with a kind of value that it is compared with.
    fn asked(&self) -> BTreeSet<(&str, &'static str)> {
        let compared = |one: &'_ Comparison| match &one.value {
            Operand::Text(_) => vec![Item::TEXT],
            Operand::Number(_) => vec![Item::NUMBER],
            Operand::Bool(_) => vec![Operand::BOOL],
            Operand::Many(items) => items.iter().map(Item::kind).collect(),
        };
        let (key, kinds) = match self {
            Filter::And(all) | Filter::Or(all) => return all.filters.iter().flat_map(Filter::asked).collect(),
            Filter::Eq(one) | Filter::Ne(one) => (&one.key, compared(one)),
            Filter::In(one) | Filter::Nin(one) => (&one.key, one.value.iter().map(Item::kind).collect()),
            Filter::Gt(one) | Filter::Gte(one) | Filter::Lt(one) | Filter::Lte(one) => (&one.key, compared(one)),
        };
        kinds.into_iter().map(|kind| (&**key, kind)).collect()
    }

    /// Says of attributes that it asks for and nothing has, or has as another kind of value, what there is: such a condition
    /// finds nothing, or everything. `nothing` is which things have none: `no file`.
    pub fn unmet(&self, known: &Known, nothing: &str) -> Option<String> {
        let quoted = |keys: &mut dyn Iterator<Item = &str>| {
            keys.take(MOST_NAMED).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
        };
        let asked = self.asked();
        let unknown: BTreeSet<&str> =
            asked.iter().map(|(key, _)| *key).filter(|key| !known.contains_key(*key)).collect();
        let unknown = quoted(&mut unknown.into_iter());
        let there = quoted(&mut known.keys().map(String::as_str));
        let mut told = Vec::new();
        if !unknown.is_empty() {
            told.push(match there.is_empty() {
                true => format!("filters: {nothing} has {unknown}, or anything else to filter by"),
                false => format!("filters: {nothing} has {unknown}; there is {there}"),
            });
        }
        for (key, kind) in asked.iter().take(MOST_NAMED) {
            if let Some(kinds) = known.get(*key).filter(|kinds| !kinds.contains(kind)) {
                let own = kinds.iter().copied().collect::<Vec<_>>().join(" or ");
                told.push(format!("filters: {nothing} has `{key}` as a {kind}; it is a {own}"));
            }
        }
        (!told.is_empty()).then(|| told.join("\n"))
    }
}

/// What an attribute is compared with.
#[shape(read)]
pub struct Comparison {
    /// Attribute; for comparisons.
    pub key: String,
    /// An array for in and nin.
    pub value: Operand,
}

/// What an attribute is one of, or none of.
#[shape(read)]
pub struct Membership {
    /// Attribute.
    pub key: String,
    /// The values.
    pub value: Vec<Item>,
}

/// The other side of a comparison.
#[shape(read)]
pub enum Operand {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// For `in` and `nin`.
    Many(Vec<Item>),
}

/// One of several values.
#[shape(read)]
pub enum Item {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
}

impl Operand {
    const BOOL: &str = "boolean";
}

impl Item {
    const TEXT: &str = "text";
    const NUMBER: &str = "number";

    fn kind(&self) -> &'static str {
        match self {
            Item::Text(_) => Item::TEXT,
            Item::Number(_) => Item::NUMBER,
        }
    }
}

/// Conditions.
#[shape(read)]
pub struct Compound {
    /// For and, or.
    pub filters: Vec<Filter>,
}
