//! Users of a project.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::Page;

tools![List, Add, Get, Modify, Remove];

/// List the users of a project, with their roles.
#[tool("project-user-list", GET "/organization/projects/{project_id}/users")]
struct List {
    project_id: String,
    #[flatten]
    page: Page,
}

/// Add a user of the organization to a project, by id or email.
#[tool("project-user-add", POST "/organization/projects/{project_id}/users")]
struct Add {
    project_id: String,
    /// owner or member.
    role: String,
    /// Or user_id.
    email: Option<String>,
    user_id: Option<String>,
}

/// Get a user of a project.
#[tool("project-user-get", GET "/organization/projects/{project_id}/users/{user_id}")]
struct Get {
    project_id: String,
    user_id: String,
}

/// Change a user's role in a project; the old one is gone at once.
#[tool("project-user-modify", POST "/organization/projects/{project_id}/users/{user_id}", destroys, idempotent)]
struct Modify {
    project_id: String,
    user_id: String,
    /// owner or member.
    role: Option<String>,
}

/// Remove a user from a project: access and own keys there end at once.
#[tool("project-user-remove", DELETE "/organization/projects/{project_id}/users/{user_id}")]
struct Remove {
    project_id: String,
    user_id: String,
}
