//! Completions of text, the API before chat. <https://platform.openai.com/docs/api-reference/completions>

mod completion;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "completions",
    title: "OpenAI Completions",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "The completions API: a model goes on with a text. OpenAI has no model left for it since 2026-09-28; \
            servers that are compatible with OpenAI's API have some, and OPENAI_BASE_URL names one. At OpenAI use \
            chat-completion-create or response-create.",
    topics: "legacy prompts, compatible APIs",
    tools: &[completion::TOOLS],
    ..Definition::PLAIN
};
