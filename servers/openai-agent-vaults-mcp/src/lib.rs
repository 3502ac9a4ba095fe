//! Vaults: credentials for what OpenAI's hosted agents reach. <https://developers.openai.com/api/docs/guides/agents-api>

mod credential;
mod secret;
mod vault;
mod wanted;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "agent-vaults",
    title: "OpenAI Agent Vaults",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "OpenAI vaults: credentials that hosted agents use and never see. Make a vault, put credentials in, name the \
            vault in the vault_ids of a session or an environment. A secret goes in once and is never shown again, here \
            least of all. So that it passes through no model, name it: {\"env\": \"NAME\"} is the server's variable \
            OPENAI_MCP_SECRET_NAME, {\"path\": …} a local file.",
    topics: "credentials of agents, secrets",
    tools: &[vault::TOOLS, credential::TOOLS],
    beta: Some("agents=v1"),
    ..Definition::PLAIN
};
