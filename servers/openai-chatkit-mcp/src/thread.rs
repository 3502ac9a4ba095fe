//! Threads of end users, and what stands in them. <https://platform.openai.com/docs/api-reference/chatkit/threads>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::TwoWayPage;

tools![List, Get, Delete, Items];

/// List ChatKit threads, of one end user or of all.
#[tool("chatkit-thread-list", GET "/chatkit/threads")]
struct List {
    user: Option<String>,
    #[flatten]
    page: TwoWayPage,
}

/// Get a ChatKit thread: title, status, whose it is.
#[tool("chatkit-thread-get", GET "/chatkit/threads/{thread_id}")]
struct Get {
    thread_id: String,
}

/// Delete a ChatKit thread with its items and attachments.
#[tool("chatkit-thread-delete", DELETE "/chatkit/threads/{thread_id}")]
struct Delete {
    thread_id: String,
}

/// List what was written and done in a ChatKit thread.
#[tool("chatkit-thread-item-list", GET "/chatkit/threads/{thread_id}/items", window)]
struct Items {
    thread_id: String,
    #[flatten]
    page: TwoWayPage,
}
