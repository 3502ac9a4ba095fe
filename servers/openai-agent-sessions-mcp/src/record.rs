//! Traces: what happened in turns, for people who look into it.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List];

/// List the traces of a session's turns, as OpenTelemetry has them.
#[tool("agent-session-trace-list", GET "/agents/sessions/{session_id}/traces", window)]
struct List {
    session_id: String,
    #[flatten]
    page: OrderedPage,
}
