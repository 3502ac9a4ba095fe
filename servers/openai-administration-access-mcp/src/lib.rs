//! Roles, groups and who has them.
//! <https://platform.openai.com/docs/api-reference/administration>

mod assignment;
mod group;
mod group_user;
mod page;
mod project_assignment;
mod project_group;
mod project_role;
mod role;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "administration-access",
    title: "OpenAI Access",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "Who may do what in an OpenAI organization, with an admin key. A role is a set of permissions, of the \
            organization or of one project; it is assigned to users and to groups of users, in the organization \
            or in a project. List roles before assigning one; predefined ones cannot be changed. Lists go on \
            with `after`, the `next` of the page before.",
    topics: "roles, groups",
    tools: &[
        role::TOOLS,
        group::TOOLS,
        group_user::TOOLS,
        assignment::TOOLS,
        project_role::TOOLS,
        project_group::TOOLS,
        project_assignment::TOOLS,
    ],
    admin: true,
    ..Definition::PLAIN
};
