//! Alerts about single requests. <https://platform.openai.com/docs/api-reference/safety>

use openai_mcp_kernel::prelude::*;

tools![Get];

/// Get a safety alert: which response it is about, and why.
#[tool("safety-alert-get", GET "/safety/alerts/{id}")]
struct Get {
    /// As the webhook safety.alert.created has it.
    #[alias("alert_id")]
    id: String,
}
