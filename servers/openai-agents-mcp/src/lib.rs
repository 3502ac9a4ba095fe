//! OpenAI's hosted agents: what they are, where they work, when they wake. <https://developers.openai.com/api/docs/guides/agents-api>

mod agent;
mod automation;
mod environment;
mod file;
mod invocation;
mod schedule;
mod template;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "agents",
    title: "OpenAI Agents",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "OpenAI's hosted agents (beta). agent-create keeps model, instructions and tools; sessions of it run in the \
            server agent-sessions. Environments are machines of OpenAI's: make one ahead, or a template of many; files go \
            in under /workspace. Automations send input by a schedule; next_runs tells when. Secrets belong into vaults, \
            not into agents or variables.",
    topics: "hosted agents, schedules, templates",
    tools: &[agent::TOOLS, automation::TOOLS, invocation::TOOLS, environment::TOOLS, file::TOOLS, template::TOOLS],
    beta: Some("agents=v1"),
    ..Definition::PLAIN
};
