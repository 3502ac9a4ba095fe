//! Sets of words.

use openai_mcp_kernel::prelude::*;

/// The order of a list, by time.
#[shape]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// How much a model thinks before it answers. <https://platform.openai.com/docs/guides/reasoning>
#[shape]
pub enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// Very much.
    Xhigh,
    /// As much as it can.
    Max,
}

/// One of three levels.
#[shape]
pub enum Level {
    /// The lowest.
    Low,
    /// Between both.
    Medium,
    /// The highest.
    High,
}
