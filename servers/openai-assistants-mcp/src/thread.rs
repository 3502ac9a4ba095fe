//! Threads. <https://platform.openai.com/docs/api-reference/threads>

use openai_mcp_kernel::prelude::*;

use crate::shapes::{NewThread, ToolResources};

tools![Create, Get, Modify, Delete];

/// Create a thread: a conversation that assistants can be run on.
#[tool("thread-create", POST "/threads")]
struct Create {
    #[flatten]
    thread: NewThread,
}

/// Get a thread; its messages are listed by message-list.
#[tool("thread-get", GET "/threads/{thread_id}")]
struct Get {
    thread_id: String,
}

/// Change the metadata or tool resources of a thread.
#[tool("thread-modify", POST "/threads/{thread_id}", destroys, idempotent)]
struct Modify {
    thread_id: String,
    /// {code_interpreter: {file_ids}, file_search: {vector_store_ids}}
    tool_resources: Option<Nullable<Brief<ToolResources>>>,
    metadata: Option<Nullable<Metadata>>,
}

/// Delete a thread with its messages and runs.
#[tool("thread-delete", DELETE "/threads/{thread_id}")]
struct Delete {
    thread_id: String,
}
