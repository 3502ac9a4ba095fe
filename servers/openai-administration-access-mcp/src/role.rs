//! Roles of the organization.

use openai_mcp_kernel::prelude::*;

use crate::page::NextPage;

tools![List, Create, Get, Modify, Delete];

/// List roles of the organization, with what they permit.
#[tool("role-list", GET "/organization/roles")]
struct List {
    #[flatten]
    page: NextPage,
}

/// Create a role of the organization.
#[tool("role-create", POST "/organization/roles")]
struct Create {
    /// As api.groups.read.
    permissions: Vec<String>,
    /// Unique.
    role_name: String,
    description: Option<String>,
}

/// Get a role.
#[tool("role-get", GET "/organization/roles/{role_id}")]
struct Get {
    role_id: String,
}

/// Change a role; who has it may more or less at once.
#[tool("role-modify", POST "/organization/roles/{role_id}", destroys, idempotent)]
struct Modify {
    role_id: String,
    description: Option<Nullable<String>>,
    /// Replaces all.
    permissions: Option<Vec<String>>,
    role_name: Option<String>,
}

/// Delete a custom role for good: all who have it lose it at once.
#[tool("role-delete", DELETE "/organization/roles/{role_id}")]
struct Delete {
    role_id: String,
}
