//! The service tier of an answer, which decides what it costs.

use openai_mcp_kernel::json::member;
use openai_mcp_kernel::prelude::*;

/// The tier by which an answer was served, where that is another than was asked for, or than is usual.
pub fn unasked<'a>(answer: &'a Value, asked: Option<&str>) -> Option<&'a str> {
    let (tier, asked) = (member(answer, "service_tier"), asked.unwrap_or("auto"));
    let usual = tier.is_empty() || (asked == "auto" && matches!(tier, "auto" | "default"));
    (tier != asked && !usual).then_some(tier)
}
