//! Conditions on attributes. <https://platform.openai.com/docs/api-reference/vector-stores/search>

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
    In(Comparison),
    /// None of several.
    Nin(Comparison),
    /// All conditions.
    And(Compound),
    /// One condition at least.
    Or(Compound),
}

/// What an attribute is compared with.
#[shape(read)]
pub struct Comparison {
    /// Attribute; for comparisons.
    pub key: String,
    /// An array for in and nin.
    pub value: Operand,
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
