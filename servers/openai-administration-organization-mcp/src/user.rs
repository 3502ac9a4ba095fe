//! Users of the organization.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::Page;

tools![List, Get, Modify, Delete];

/// List users.
#[tool("user-list", GET "/organization/users")]
struct List {
    /// These alone.
    emails: Option<OneOrMany<String>>,
    #[flatten]
    page: Page,
}

/// Get a user.
#[tool("user-get", GET "/organization/users/{user_id}")]
struct Get {
    user_id: String,
}

/// Change a user's role in the organization; it takes hold at once.
#[tool("user-modify", POST "/organization/users/{user_id}", destroys, idempotent)]
struct Modify {
    user_id: String,
    developer_persona: Option<Nullable<String>>,
    /// owner or reader.
    role: Option<String>,
    /// Of a custom role.
    role_id: Option<String>,
    technical_level: Option<Nullable<String>>,
}

/// Delete a user from the organization and all projects; access ends at once.
#[tool("user-delete", DELETE "/organization/users/{user_id}")]
struct Delete {
    user_id: String,
}
