//! Who has which role in a project.

use openai_mcp_kernel::prelude::*;

use crate::page::NextPage;

tools![UserList, UserAssign, UserGet, UserUnassign, GroupList, GroupAssign, GroupGet, GroupUnassign];

/// List the project roles of a user of a project.
#[tool("project-user-role-list", GET "/projects/{project_id}/users/{user_id}/roles")]
struct UserList {
    project_id: String,
    user_id: String,
    #[flatten]
    page: NextPage,
}

/// Assign a project role to a user.
#[tool("project-user-role-assign", POST "/projects/{project_id}/users/{user_id}/roles", idempotent)]
struct UserAssign {
    project_id: String,
    user_id: String,
    role_id: String,
}

/// Get a role that a user has in a project.
#[tool("project-user-role-get", GET "/projects/{project_id}/users/{user_id}/roles/{role_id}")]
struct UserGet {
    project_id: String,
    user_id: String,
    role_id: String,
}

/// Take a role from a user of a project; it ends at once.
#[tool("project-user-role-unassign", DELETE "/projects/{project_id}/users/{user_id}/roles/{role_id}")]
struct UserUnassign {
    project_id: String,
    user_id: String,
    role_id: String,
}

/// List the project roles of a group in a project.
#[tool("project-group-role-list", GET "/projects/{project_id}/groups/{group_id}/roles")]
struct GroupList {
    project_id: String,
    group_id: String,
    #[flatten]
    page: NextPage,
}

/// Assign a project role to a group.
#[tool("project-group-role-assign", POST "/projects/{project_id}/groups/{group_id}/roles", idempotent)]
struct GroupAssign {
    project_id: String,
    group_id: String,
    role_id: String,
}

/// Get a role that a group has in a project.
#[tool("project-group-role-get", GET "/projects/{project_id}/groups/{group_id}/roles/{role_id}")]
struct GroupGet {
    project_id: String,
    group_id: String,
    role_id: String,
}

/// Take a role from a group in a project; it ends at once.
#[tool("project-group-role-unassign", DELETE "/projects/{project_id}/groups/{group_id}/roles/{role_id}")]
struct GroupUnassign {
    project_id: String,
    group_id: String,
    role_id: String,
}
