//! Decisions: questions about one input, answered with probabilities. <https://platform.openai.com/docs/api-reference/decisions>

mod decision;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "decisions",
    title: "OpenAI Decisions",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "OpenAI decisions: one call asks up to 400 questions about one input, and each answer comes with its \
            probability. A predicate asks how likely a statement is, a choice picks one of some values, a score \
            rates on ordered levels. Cheaper and steadier than asking a model for JSON.",
    topics: "yes/no, choice, score, odds",
    tools: &[decision::TOOLS],
    ..Definition::PLAIN
};
