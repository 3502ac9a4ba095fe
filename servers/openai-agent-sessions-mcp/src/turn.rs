//! Turns: each a cycle of work.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Get, Items];

/// List the turns of a session.
#[tool("agent-session-turn-list", GET "/agents/sessions/{session_id}/turns")]
struct List {
    session_id: String,
    #[flatten]
    page: OrderedPage,
}

/// Get a turn: status, error, usage.
#[tool("agent-session-turn-get", GET "/agents/sessions/{session_id}/turns/{turn_id}")]
struct Get {
    session_id: String,
    turn_id: String,
}

/// List what was said and done in a turn.
#[tool("agent-session-turn-item-list", GET "/agents/sessions/{session_id}/turns/{turn_id}/items", window)]
struct Items {
    session_id: String,
    turn_id: String,
    #[flatten]
    page: OrderedPage,
}
