//! Invites to the organization.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::Page;

tools![List, Create, Get, Delete];

/// List invites.
#[tool("invite-list", GET "/organization/invites")]
struct List {
    #[flatten]
    page: Page,
}

/// Invite somebody by email, and to projects.
#[tool("invite-create", POST "/organization/invites", open)]
struct Create {
    email: String,
    role: Role,
    /// {id, role: member or owner} each. Default: the default project; [] is none.
    projects: Option<Vec<Brief<Project>>>,
}

/// Get an invite.
#[tool("invite-get", GET "/organization/invites/{invite_id}")]
struct Get {
    invite_id: String,
}

/// Delete an invite that is not accepted yet: its link is void.
#[tool("invite-delete", DELETE "/organization/invites/{invite_id}")]
struct Delete {
    invite_id: String,
}

#[shape]
enum Role {
    Reader,
    Owner,
}

#[shape]
struct Project {
    id: String,
    role: ProjectRole,
}

#[shape]
enum ProjectRole {
    Member,
    Owner,
}
