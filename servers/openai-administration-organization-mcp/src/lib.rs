//! Users, invites, admin keys, the audit log, retention and spending.
//! <https://platform.openai.com/docs/api-reference/administration>

mod admin_api_key;
mod audit_log;
mod data_retention;
mod invite;
mod project_spend;
mod spend;
mod user;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "administration-organization",
    title: "OpenAI Organization",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "An OpenAI organization, with an admin key: its users, invites, admin keys, audit log and data \
            retention, and what it and its projects may spend (hard limits stop calls, alerts are emails; \
            amounts in cents). audit-log-list tells who changed what, also in projects. An admin key is shown \
            once, by admin-api-key-create.",
    topics: "users, audit log",
    tools: &[
        user::TOOLS,
        invite::TOOLS,
        admin_api_key::TOOLS,
        audit_log::TOOLS,
        data_retention::TOOLS,
        spend::TOOLS,
        project_spend::TOOLS,
    ],
    admin: true,
    ..Definition::PLAIN
};
