//! Users of a group.

use openai_mcp_kernel::prelude::*;

use crate::page::NextPage;

tools![List, Add, Get, Remove];

/// List the users of a group.
#[tool("group-user-list", GET "/organization/groups/{group_id}/users")]
struct List {
    group_id: String,
    #[flatten]
    page: NextPage,
}

/// Add a user to a group.
#[tool("group-user-add", POST "/organization/groups/{group_id}/users", idempotent)]
struct Add {
    group_id: String,
    user_id: String,
}

/// Get a user of a group.
#[tool("group-user-get", GET "/organization/groups/{group_id}/users/{user_id}")]
struct Get {
    group_id: String,
    user_id: String,
}

/// Remove a user from a group: what it gave ends at once.
#[tool("group-user-remove", DELETE "/organization/groups/{group_id}/users/{user_id}")]
struct Remove {
    group_id: String,
    user_id: String,
}
