//! What the organization may spend, and when to tell.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::TwoWayPage;
use openai_mcp_shapes::spend::Alert;
use openai_mcp_shapes::spend::Threshold;

tools![Limit, SetLimit, DropLimit, List, Create, Get, Modify, Delete];

/// Get the hard spend limit of the organization.
#[tool("spend-limit-get", GET "/organization/spend_limit")]
struct Limit {}

/// Set the organization's hard spend limit; calls beyond it fail at once.
#[tool("spend-limit-modify", POST "/organization/spend_limit", destroys, idempotent)]
struct SetLimit {
    #[flatten]
    threshold: Threshold,
}

/// Delete the organization's hard spend limit: spending has no bound then.
#[tool("spend-limit-delete", DELETE "/organization/spend_limit")]
struct DropLimit {}

/// List spend alerts of the organization.
#[tool("spend-alert-list", GET "/organization/spend_alerts")]
struct List {
    #[flatten]
    page: TwoWayPage,
}

/// Create a spend alert, sent by email; it stops nothing.
#[tool("spend-alert-create", POST "/organization/spend_alerts")]
struct Create {
    #[flatten]
    alert: Alert,
}

/// Get a spend alert.
#[tool("spend-alert-get", GET "/organization/spend_alerts/{alert_id}")]
struct Get {
    alert_id: String,
}

/// Replace a spend alert, all of it.
#[tool("spend-alert-modify", POST "/organization/spend_alerts/{alert_id}", destroys, idempotent)]
struct Modify {
    alert_id: String,
    #[flatten]
    alert: Alert,
}

/// Delete a spend alert: nobody is told any more.
#[tool("spend-alert-delete", DELETE "/organization/spend_alerts/{alert_id}")]
struct Delete {
    alert_id: String,
}
