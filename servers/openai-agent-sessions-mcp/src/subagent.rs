//! Subagents of a session, and what they did.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Get, Items, Turns, Turn, TurnItems];

/// List the subagents of a session.
#[tool("subagent-list", GET "/agents/sessions/{session_id}/subagents")]
struct List {
    session_id: String,
    #[flatten]
    page: OrderedPage,
}

/// Get a subagent.
#[tool("subagent-get", GET "/agents/sessions/{session_id}/subagents/{subagent_id}")]
struct Get {
    session_id: String,
    subagent_id: String,
}

/// List what a subagent said and did.
#[tool("subagent-item-list", GET "/agents/sessions/{session_id}/subagents/{subagent_id}/items", window)]
struct Items {
    session_id: String,
    subagent_id: String,
    #[flatten]
    page: OrderedPage,
}

/// List the turns of a subagent.
#[tool("subagent-turn-list", GET "/agents/sessions/{session_id}/subagents/{subagent_id}/turns")]
struct Turns {
    session_id: String,
    subagent_id: String,
    #[flatten]
    page: OrderedPage,
}

/// Get a turn of a subagent.
#[tool("subagent-turn-get", GET "/agents/sessions/{session_id}/subagents/{subagent_id}/turns/{turn_id}")]
struct Turn {
    session_id: String,
    subagent_id: String,
    turn_id: String,
}

/// List what a subagent said and did in a turn.
#[tool("subagent-turn-item-list", GET "/agents/sessions/{session_id}/subagents/{subagent_id}/turns/{turn_id}/items", window)]
struct TurnItems {
    session_id: String,
    subagent_id: String,
    turn_id: String,
    #[flatten]
    page: OrderedPage,
}
