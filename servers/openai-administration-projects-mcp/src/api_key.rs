//! Keys of a project.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::Page;

tools![List, Get, Modify, Delete];

/// List a project's keys: owners, last use, no secrets.
#[tool("project-api-key-list", GET "/organization/projects/{project_id}/api_keys")]
struct List {
    project_id: String,
    /// Of owners; any shows all keys.
    owner_project_access: Option<Access>,
    #[flatten]
    page: Page,
}

/// Get a key of a project, without its secret.
#[tool("project-api-key-get", GET "/organization/projects/{project_id}/api_keys/{api_key_id}")]
struct Get {
    project_id: String,
    api_key_id: String,
}

/// Change what a key may do, or when it ends; both take hold at once.
#[tool("project-api-key-modify", POST "/organization/projects/{project_id}/api_keys/{api_key_id}", destroys, idempotent)]
struct Modify {
    project_id: String,
    api_key_id: String,
    /// From now.
    expires_in_seconds: Option<i64>,
    /// Replaces all; [] is no restriction, ["api.all.read"] reading alone.
    scopes: Option<Vec<String>>,
}

/// Delete a key for good: what uses it fails at once.
#[tool("project-api-key-delete", DELETE "/organization/projects/{project_id}/api_keys/{api_key_id}")]
struct Delete {
    project_id: String,
    api_key_id: String,
}

#[shape]
enum Access {
    Active,
    Inactive,
    Any,
}
