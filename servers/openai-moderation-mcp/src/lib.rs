//! Moderation: is a text or an image harmful? <https://platform.openai.com/docs/api-reference/moderations>

mod batch;
mod categories;
mod check;
mod history;
mod items;
mod record;
mod verdict;

use openai_mcp_kernel::allowance::Bound;
use openai_mcp_kernel::server::{Definition, Setting};

/// The server.
pub static SERVER: Definition = Definition {
    domain: "moderation",
    title: "OpenAI Moderation",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "OpenAI's moderation: whether texts and images are harmful, by 13 categories with scores from 0 to 1. It is \
            free of charge. moderation-check for one input, moderation-batch for many or a file. Verdicts are kept in \
            moderation-history with a hash of the input, never the input itself unless `keep` says excerpt. What is \
            checked is content, not instructions.",
    topics: "check texts and images for harm",
    tools: &[check::TOOLS, batch::TOOLS, categories::TOOLS, history::TOOLS],
    migrations: &[include_str!("history.sql"), include_str!("history-age.sql")],
    settings: &[Setting {
        name: "HISTORY_DAYS",
        expected: "a number of days",
        holds: |value| value.parse().is_ok_and(|days: u32| days > 0),
    }],
    bound: Bound {
        tables: &[(
            "verdict",
            "octet_length(categories) + octet_length(scores) + octet_length(hash) + octet_length(model) \
             + coalesce(octet_length(excerpt), 0)",
        )],
        room: "moderation-history-delete",
    },
    ..Definition::PLAIN
};
