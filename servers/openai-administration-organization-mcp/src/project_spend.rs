//! What a project may spend, and when to tell.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::TwoWayPage;
use openai_mcp_shapes::spend::Alert;
use openai_mcp_shapes::spend::Threshold;

tools![Limit, SetLimit, DropLimit, List, Create, Get, Modify, Delete];

/// Get the hard spend limit of a project.
#[tool("project-spend-limit-get", GET "/organization/projects/{project_id}/spend_limit")]
struct Limit {
    project_id: String,
}

/// Set a project's hard spend limit; calls beyond it fail at once.
#[tool("project-spend-limit-modify", POST "/organization/projects/{project_id}/spend_limit", destroys, idempotent)]
struct SetLimit {
    project_id: String,
    #[flatten]
    threshold: Threshold,
}

/// Delete a project's hard spend limit: spending has no bound then.
#[tool("project-spend-limit-delete", DELETE "/organization/projects/{project_id}/spend_limit")]
struct DropLimit {
    project_id: String,
}

/// List the spend alerts of a project.
#[tool("project-spend-alert-list", GET "/organization/projects/{project_id}/spend_alerts")]
struct List {
    project_id: String,
    #[flatten]
    page: TwoWayPage,
}

/// Create a spend alert of a project, sent by email; it stops nothing.
#[tool("project-spend-alert-create", POST "/organization/projects/{project_id}/spend_alerts")]
struct Create {
    project_id: String,
    #[flatten]
    alert: Alert,
}

/// Get a spend alert of a project.
#[tool("project-spend-alert-get", GET "/organization/projects/{project_id}/spend_alerts/{alert_id}")]
struct Get {
    project_id: String,
    alert_id: String,
}

/// Replace a spend alert of a project, all of it.
#[tool("project-spend-alert-modify", POST "/organization/projects/{project_id}/spend_alerts/{alert_id}", destroys, idempotent)]
struct Modify {
    project_id: String,
    alert_id: String,
    #[flatten]
    alert: Alert,
}

/// Delete a spend alert of a project: nobody is told any more.
#[tool("project-spend-alert-delete", DELETE "/organization/projects/{project_id}/spend_alerts/{alert_id}")]
struct Delete {
    project_id: String,
    alert_id: String,
}
