//! Cases about who uses the API unsafely. <https://platform.openai.com/docs/api-reference/safety>

use openai_mcp_kernel::prelude::*;

tools![Get];

/// Get a safety case: whom it is about, and whether it warns or deactivates.
#[tool("safety-case-get", GET "/safety/cases/{id}")]
struct Get {
    /// As webhooks of safety have it.
    #[alias("case_id")]
    id: String,
}
