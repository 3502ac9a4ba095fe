//! Conversations themselves. <https://platform.openai.com/docs/api-reference/conversations>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::items::{self, Item};

tools![Create, Get, Modify, Delete];

/// Create a conversation, empty or with its first items.
#[tool("conversation-create", POST "/conversations", run)]
struct Create {
    /// At most 20, as in conversation-item-create.
    items: Option<Nullable<Vec<Brief<Item>>>>,
    metadata: Option<Nullable<Metadata>>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = items::settle(cx.arguments().clone(), "items")?;
        cx.send(&Self::SPEC, arguments).bytes().await.map(Output::Json)
    }
}

/// Get the metadata of a conversation; conversation-item-list shows its items.
#[tool("conversation-get", GET "/conversations/{conversation_id}")]
struct Get {
    conversation_id: String,
}

/// Replace the metadata of a conversation.
#[tool("conversation-modify", POST "/conversations/{conversation_id}", destroys, idempotent)]
struct Modify {
    conversation_id: String,
    metadata: Nullable<Metadata>,
}

/// Delete a conversation.
///
/// Its items stay with the responses they came from.
#[tool("conversation-delete", DELETE "/conversations/{conversation_id}")]
struct Delete {
    conversation_id: String,
}
