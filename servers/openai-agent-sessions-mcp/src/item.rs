//! Items: what was said and done, as it is kept.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List];

/// List what was said and done in a session.
#[tool("agent-session-item-list", GET "/agents/sessions/{session_id}/items", window)]
struct List {
    session_id: String,
    #[flatten]
    page: OrderedPage,
}
