//! Projects themselves.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::Page;

tools![List, Create, Get, Modify, Archive];

/// List projects.
#[tool("project-list", GET "/organization/projects")]
struct List {
    include_archived: Option<bool>,
    #[flatten]
    page: Page,
}

/// Create a project; it can be archived later, never deleted.
#[tool("project-create", POST "/organization/projects")]
struct Create {
    name: String,
    external_key_id: Option<String>,
    #[unlisted]
    geography: Option<String>,
    /// As EU_STORAGE_PROCESSING; default GLOBAL, fixed from then on.
    residency: Option<String>,
}

/// Get a project.
#[tool("project-get", GET "/organization/projects/{project_id}")]
struct Get {
    project_id: String,
}

/// Rename a project or change its external key.
#[tool("project-modify", POST "/organization/projects/{project_id}", destroys, idempotent)]
struct Modify {
    project_id: String,
    external_key_id: Option<Nullable<String>>,
    #[unlisted]
    geography: Option<String>,
    name: Option<String>,
}

/// Archive a project for good: its keys stop working and nothing restores it.
#[tool("project-archive", POST "/organization/projects/{project_id}/archive", destroys, idempotent)]
struct Archive {
    project_id: String,
}
