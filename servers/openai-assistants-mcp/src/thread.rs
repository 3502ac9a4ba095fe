//! Threads. <https://platform.openai.com/docs/api-reference/threads>

use openai_mcp_kernel::prelude::*;

use crate::backend::backed;
use crate::emulated::threads;
use crate::shapes::{NewMessage, ToolResources};

tools![Create, Get, Modify, Delete];

backed! {
    Create => threads::create,
    Get => threads::get,
    Modify => threads::modify,
    Delete => threads::delete,
}

/// Create a thread: a conversation that assistants can be run on.
#[tool("thread-create", POST "/threads", run, beta = "assistants=v2")]
struct Create {
    messages: Option<Vec<NewMessage>>,
    tool_resources: Option<Nullable<ToolResources>>,
    metadata: Option<Nullable<Metadata>>,
}

/// Get a thread; its messages are listed by message-list.
#[tool("thread-get", GET "/threads/{thread_id}", run, beta = "assistants=v2")]
struct Get {
    thread_id: String,
}

/// Change the metadata or tool resources of a thread.
#[tool("thread-modify", POST "/threads/{thread_id}", run, destroys, idempotent, beta = "assistants=v2")]
struct Modify {
    thread_id: String,
    tool_resources: Option<Nullable<ToolResources>>,
    metadata: Option<Nullable<Metadata>>,
}

/// Delete a thread with its messages and runs.
#[tool("thread-delete", DELETE "/threads/{thread_id}", run, beta = "assistants=v2")]
struct Delete {
    thread_id: String,
}
