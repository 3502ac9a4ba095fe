//! Groups that have access to a project.

use openai_mcp_kernel::prelude::*;

use crate::page::NextPage;

tools![List, Add, Get, Remove];

/// List the groups with access to a project.
#[tool("project-group-list", GET "/organization/projects/{project_id}/groups")]
struct List {
    project_id: String,
    #[flatten]
    page: NextPage,
}

/// Give a group access to a project.
#[tool("project-group-add", POST "/organization/projects/{project_id}/groups")]
struct Add {
    project_id: String,
    group_id: String,
    /// Id of a project role.
    role: String,
}

/// Get a group with access to a project.
#[tool("project-group-get", GET "/organization/projects/{project_id}/groups/{group_id}")]
struct Get {
    project_id: String,
    group_id: String,
    group_type: Option<GroupType>,
}

/// Take a group's access to a project: its users lose it at once.
#[tool("project-group-remove", DELETE "/organization/projects/{project_id}/groups/{group_id}")]
struct Remove {
    project_id: String,
    group_id: String,
}

#[shape]
enum GroupType {
    Group,
    TenantGroup,
}
