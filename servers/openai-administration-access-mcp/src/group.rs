//! Groups of users.

use openai_mcp_kernel::prelude::*;

use crate::page::NextPage;

tools![List, Create, Get, Modify, Delete];

/// List groups.
#[tool("group-list", GET "/organization/groups")]
struct List {
    #[flatten]
    page: NextPage,
}

/// Create a group of users.
#[tool("group-create", POST "/organization/groups")]
struct Create {
    name: String,
}

/// Get a group.
#[tool("group-get", GET "/organization/groups/{group_id}")]
struct Get {
    group_id: String,
}

/// Rename a group.
#[tool("group-modify", POST "/organization/groups/{group_id}", destroys, idempotent)]
struct Modify {
    group_id: String,
    name: String,
}

/// Delete a group for good: its users lose what it gave them.
#[tool("group-delete", DELETE "/organization/groups/{group_id}")]
struct Delete {
    group_id: String,
}
