//! Usage and costs of an organization. <https://platform.openai.com/docs/api-reference/usage>

mod cost;
mod course;
mod names;
mod plot;
mod range;
mod read;
mod report;
mod save;
mod show;
mod spend;
mod table;
mod usage;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "administration-usage",
    title: "OpenAI Usage and Costs",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "What an OpenAI organization used and spent; takes an admin key. cost-report answers questions about money, \
            usage-report those about tokens, requests and the like: both take a time in words, read all pages, name \
            projects, users and keys, and draw. spend-check holds this month against limits and alerts. The other \
            tools show the API's buckets as they are, a page at a time.",
    topics: "tokens, costs, limits",
    tools: &[report::TOOLS, cost::TOOLS, spend::TOOLS, usage::TOOLS],
    admin: true,
    ..Definition::PLAIN
};
