//! Who has which role of the organization.

use openai_mcp_kernel::prelude::*;

use crate::page::NextPage;

tools![UserList, UserAssign, UserGet, UserUnassign, GroupList, GroupAssign, GroupGet, GroupUnassign];

/// List the organization roles of a user.
#[tool("user-role-list", GET "/organization/users/{user_id}/roles")]
struct UserList {
    user_id: String,
    #[flatten]
    page: NextPage,
}

/// Assign an organization role to a user.
#[tool("user-role-assign", POST "/organization/users/{user_id}/roles", idempotent)]
struct UserAssign {
    user_id: String,
    role_id: String,
}

/// Get a role that a user has.
#[tool("user-role-get", GET "/organization/users/{user_id}/roles/{role_id}")]
struct UserGet {
    user_id: String,
    role_id: String,
}

/// Take a role from a user; it ends at once.
#[tool("user-role-unassign", DELETE "/organization/users/{user_id}/roles/{role_id}")]
struct UserUnassign {
    user_id: String,
    role_id: String,
}

/// List the organization roles of a group.
#[tool("group-role-list", GET "/organization/groups/{group_id}/roles")]
struct GroupList {
    group_id: String,
    #[flatten]
    page: NextPage,
}

/// Assign an organization role to a group.
#[tool("group-role-assign", POST "/organization/groups/{group_id}/roles", idempotent)]
struct GroupAssign {
    group_id: String,
    role_id: String,
}

/// Get a role that a group has.
#[tool("group-role-get", GET "/organization/groups/{group_id}/roles/{role_id}")]
struct GroupGet {
    group_id: String,
    role_id: String,
}

/// Take a role from a group; it ends at once.
#[tool("group-role-unassign", DELETE "/organization/groups/{group_id}/roles/{role_id}")]
struct GroupUnassign {
    group_id: String,
    role_id: String,
}
