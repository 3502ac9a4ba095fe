//! Items of a conversation. <https://platform.openai.com/docs/api-reference/conversations/list-items>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Include;
use openai_mcp_shapes::items::{self, Item};
use openai_mcp_shapes::page::OrderedPage;

tools![Create, List, Get, Delete];

/// Add up to 20 items at the end of a conversation.
///
/// No response is made. A function_call without its function_call_output makes the next response fail.
#[tool("conversation-item-create", POST "/conversations/{conversation_id}/items", run, page = "conversation-item-get")]
struct Create {
    conversation_id: String,
    /// Input items of the Responses API: {"role": "user", "content": "…"}, {"type": "function_call_output", "call_id":
    /// …, "output": …}, {"type": "item_reference", "id": …}, …
    items: Vec<Brief<Item>>,
    /// As in conversation-item-list.
    #[query]
    include: Option<Vec<Brief<Include>>>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let answer = cx.send(&Self::SPEC, items::settle(cx.arguments().clone(), "items")?).bytes().await?;
        cx.fitted(&Self::SPEC, answer, None).await
    }
}

/// List the items of a conversation, its history, newest first by default.
#[tool("conversation-item-list", GET "/conversations/{conversation_id}/items", page = "conversation-item-get")]
struct List {
    conversation_id: String,
    #[flatten]
    page: OrderedPage,
    include: Option<Vec<Include>>,
}

/// Get an item of a conversation.
#[tool("conversation-item-get", GET "/conversations/{conversation_id}/items/{item_id}", window, run, saves)]
struct Get {
    conversation_id: String,
    item_id: String,
    /// As in conversation-item-list.
    include: Option<Vec<Brief<Include>>>,
    /// New local file for its image or other base64.
    #[local]
    save_to: Option<String>,
}

impl Get {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.unpacked(&Self::SPEC, self.save_to, None).await
    }
}

/// Delete an item of a conversation; the result is the conversation.
#[tool("conversation-item-delete", DELETE "/conversations/{conversation_id}/items/{item_id}")]
struct Delete {
    conversation_id: String,
    item_id: String,
}
