//! Agents that are kept. <https://developers.openai.com/api/reference/resources/beta/subresources/agents>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::agent::{
    Compaction, Experimental, MultiAgent, Reasoning, ServiceTier, Settings, TextOptions, Tool,
};
use openai_mcp_shapes::page::OrderedPage;

tools![Create, List, Get, Modify, Delete];

/// Create an agent that sessions and automations can run.
#[tool("agent-create", POST "/agents")]
struct Create {
    model: String,
    name: Option<Nullable<String>>,
    #[flatten]
    settings: Settings,
    metadata: Option<Nullable<Metadata>>,
}

/// List agents.
#[tool("agent-list", GET "/agents")]
struct List {
    #[flatten]
    page: OrderedPage,
}

/// Get an agent.
#[tool("agent-get", GET "/agents/{agent_id}", window)]
struct Get {
    agent_id: String,
}

/// Change an agent; what is left out stays, and so do sessions that run.
///
/// What is not told here is as in agent-create.
#[tool("agent-modify", POST "/agents/{agent_id}", destroys, idempotent)]
struct Modify {
    agent_id: String,
    model: Option<String>,
    name: Option<Nullable<String>>,
    instructions: Option<Nullable<String>>,
    /// Replaces all of them.
    tools: Option<Nullable<Vec<Brief<Tool>>>>,
    reasoning: Option<Nullable<Brief<Reasoning>>>,
    text: Option<Nullable<Brief<TextOptions>>>,
    multi_agent: Option<Nullable<Brief<MultiAgent>>>,
    service_tier: Option<Nullable<ServiceTier>>,
    compaction: Option<Nullable<Brief<Compaction>>>,
    experimental: Option<Brief<Experimental>>,
    /// Replaces all of it.
    metadata: Option<Nullable<Metadata>>,
}

/// Delete an agent; its sessions stay.
#[tool("agent-delete", DELETE "/agents/{agent_id}")]
struct Delete {
    agent_id: String,
}
