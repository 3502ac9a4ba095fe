//! Projects of the organization, with their users, keys, limits and permissions.
//! <https://platform.openai.com/docs/api-reference/administration>

mod api_key;
mod permission;
mod project;
mod rate_limit;
mod service_account;
mod setting;
mod user;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "administration-projects",
    title: "OpenAI Projects",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "Projects of an OpenAI organization, with an admin key: users, service accounts, keys, rate limits, \
            models, hosted tools, data retention and service tiers of each. Ids: proj_…, user-…, svc_acct_…, \
            key_…. Secrets are shown once, by project-service-account-create and \
            project-service-account-key-create. To rotate a key: create another, put it in use, delete the old one. \
            Users have to be in the organization before they are added to a project.",
    topics: "members, keys, rates",
    tools: &[
        project::TOOLS,
        user::TOOLS,
        service_account::TOOLS,
        api_key::TOOLS,
        rate_limit::TOOLS,
        permission::TOOLS,
        setting::TOOLS,
    ],
    admin: true,
    ..Definition::PLAIN
};
