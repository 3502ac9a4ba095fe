//! How long data is kept.

use openai_mcp_kernel::prelude::*;

tools![Get, Modify];

/// Get how long the organization's data is kept.
#[tool("data-retention-get", GET "/organization/data_retention")]
struct Get {}

/// Change how long the organization's data is kept; data let go stays gone.
#[tool("data-retention-modify", POST "/organization/data_retention", destroys, idempotent)]
struct Modify {
    retention_type: Retention,
}

#[shape]
enum Retention {
    ZeroDataRetention,
    ModifiedAbuseMonitoring,
    EnhancedZeroDataRetention,
    EnhancedModifiedAbuseMonitoring,
}
