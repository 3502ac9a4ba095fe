//! Roles of a project.

use openai_mcp_kernel::prelude::*;

use crate::page::NextPage;

tools![List, Create, Get, Modify, Delete];

/// List the roles of a project, with what they permit.
#[tool("project-role-list", GET "/projects/{project_id}/roles")]
struct List {
    project_id: String,
    #[flatten]
    page: NextPage,
}

/// Create a role of a project.
#[tool("project-role-create", POST "/projects/{project_id}/roles")]
struct Create {
    project_id: String,
    /// As api.groups.read.
    permissions: Vec<String>,
    /// Unique.
    role_name: String,
    description: Option<String>,
}

/// Get a role of a project.
#[tool("project-role-get", GET "/projects/{project_id}/roles/{role_id}")]
struct Get {
    project_id: String,
    role_id: String,
}

/// Change a project's role; who has it may more or less at once.
#[tool("project-role-modify", POST "/projects/{project_id}/roles/{role_id}", destroys, idempotent)]
struct Modify {
    project_id: String,
    role_id: String,
    description: Option<Nullable<String>>,
    /// Replaces all.
    permissions: Option<Vec<String>>,
    role_name: Option<String>,
}

/// Delete a project's custom role for good: all who have it lose it.
#[tool("project-role-delete", DELETE "/projects/{project_id}/roles/{role_id}")]
struct Delete {
    project_id: String,
    role_id: String,
}
