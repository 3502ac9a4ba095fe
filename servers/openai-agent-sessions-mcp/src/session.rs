//! Sessions themselves. <https://developers.openai.com/api/docs/guides/agents-api/sessions>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Effort;
use openai_mcp_shapes::agent::{Agent, Environment, ServiceTier, Tool};
use openai_mcp_shapes::page::OrderedPage;

use crate::account;
use crate::follow::{self, Turn, follow};
use crate::words::{Listed, Words};

tools![Create, List, Get, Modify, Delete];

/// Begin a session of an agent; with input, wait for its turn.
#[tool("agent-session-create", POST "/agents/sessions", run, open)]
struct Create {
    agent_id: Option<String>,
    /// Without agent_id, or what differs; more as of agent-create.
    agent: Option<Listed<Shown, Agent>>,
    /// {"type": "none"}, or openai_hosted with environment_id or what is in it.
    environment: Brief<Environment>,
    /// Text, or messages. Environment none wants it.
    #[read]
    input: Option<Raw<Words>>,
    vault_ids: Option<Vec<String>>,
    metadata: Option<Metadata>,
    review: Option<Review>,
    prompt_cache_options: Option<Nullable<CacheOptions>>,
    #[unlisted]
    #[read]
    stream: Option<bool>,
    #[unlisted]
    stream_options: Option<StreamOptions>,
    /// Seconds. Default 45.
    #[local]
    timeout: Option<Int<0, 3600>>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let call = cx.send(&Self::SPEC, cx.arguments());
        let session = match self.stream {
            // The turn is followed like any other: its items tell what the stream could.
            Some(true) => follow::begun(&cx, call).await,
            _ => call.value().await,
        };
        let session = session.map_err(|error| match error.perhaps_carried_out() {
            true => {
                let hint = "agent-session-list shows whether it has begun";
                Error::new(error.kind(), format!("{error}\nhint: {hint}"))
            }
            false => error,
        })?;
        let id = session.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        match self.input {
            Some(_) => {
                cx.tell(&format!("session {id} has begun"));
                let goes_on = follow::goes_on(&id);
                follow(&cx, Turn::first(id), self.timeout, None).await.map_err(goes_on)
            }
            None => Ok(Output::json(&account::idle(&session))),
        }
    }
}

/// List sessions.
#[tool("agent-session-list", GET "/agents/sessions")]
struct List {
    agent_id: Option<String>,
    /// All of it must be there.
    metadata: Option<Metadata>,
    #[flatten]
    page: OrderedPage,
}

/// Get a session: status, what it asks for, agent, environment.
#[tool("agent-session-get", GET "/agents/sessions/{session_id}", window)]
struct Get {
    session_id: String,
}

/// Change a session's agent, metadata or review; what is left out stays.
#[tool("agent-session-modify", POST "/agents/sessions/{session_id}", destroys, idempotent)]
struct Modify {
    session_id: String,
    /// model, reasoning {effort}, service_tier, tools.
    agent: Option<Brief<Change>>,
    /// Replaces all of it.
    metadata: Option<Nullable<Metadata>>,
    review: Option<Review>,
    prompt_cache_options: Option<Nullable<Brief<CacheOptions>>>,
}

#[shape]
struct Change {
    model: Option<String>,
    reasoning: Option<Thought>,
    service_tier: Option<Nullable<ServiceTier>>,
    tools: Option<Nullable<Vec<Tool>>>,
}

#[shape]
struct Thought {
    effort: Option<Nullable<Effort>>,
}

/// Delete a session. One at work has to be cancelled first.
#[tool("agent-session-delete", DELETE "/agents/sessions/{session_id}")]
struct Delete {
    session_id: String,
}

/// What most callers say of an agent.
#[shape]
struct Shown {
    model: Option<String>,
    instructions: Option<String>,
    tools: Option<Vec<ShownTool>>,
}

#[shape(tag = "type", open)]
enum ShownTool {
    Function { name: String, description: String, parameters: JsonObject },
    Mcp { server_label: String, transport: JsonObject },
    WebSearch {},
    ToolSearch {},
    ProgrammaticToolCalling {},
    ComputerUse {},
    Automations {},
}

#[shape]
enum Review {
    None,
    AutoReview,
}

#[shape]
struct CacheOptions {
    ttl: Option<Ttl>,
}

#[shape]
enum Ttl {
    #[wire("30m")]
    Short,
    #[wire("12h")]
    Long,
}

#[shape]
struct StreamOptions {
    include_obfuscation: Option<bool>,
}
