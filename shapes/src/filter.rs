//! Conditions on attributes. <https://platform.openai.com/docs/api-reference/vector-stores/search>

use std::collections::BTreeSet;

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

impl Filter {
    /// The attributes that it asks for.
    pub fn keys(&self) -> BTreeSet<&str> {
        match self {
            Filter::And(all) | Filter::Or(all) => all.filters.iter().flat_map(Filter::keys).collect(),
            Filter::Eq(one) | Filter::Ne(one) => BTreeSet::from([&*one.key]),
            Filter::In(one) | Filter::Nin(one) => BTreeSet::from([&*one.key]),
            Filter::Gt(one) | Filter::Gte(one) | Filter::Lt(one) | Filter::Lte(one) => BTreeSet::from([&*one.key]),
        }
    }

    /// Says of attributes that it asks for and nothing has, what there is: a misspelt one finds nothing, or everything.
    /// `nothing` is which things have none: `no file`.
    pub fn unknown_keys(&self, known: &BTreeSet<String>, nothing: &str) -> Option<String> {
        let quoted = |keys: &mut dyn Iterator<Item = &str>| {
            keys.take(MOST_NAMED).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
        };
        let unknown = quoted(&mut self.keys().into_iter().filter(|key| !known.contains(*key)));
        let there = quoted(&mut known.iter().map(String::as_str));
        match (unknown.is_empty(), there.is_empty()) {
            (true, _) => None,
            (false, true) => Some(format!("filters: {nothing} has {unknown}, or anything else to filter by")),
            (false, false) => Some(format!("filters: {nothing} has {unknown}; there is {there}")),
        }
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

/// Conditions.
#[shape(read)]
pub struct Compound {
    /// For and, or.
    pub filters: Vec<Filter>,
}
