//! The requests that stand behind the tools.

use openai_mcp_kernel::prelude::*;

/// Create a conversation.
#[request(POST "/conversations", beta = "")]
pub(super) struct ConversationCreate {
    metadata: Option<Metadata>,
    items: Option<Json>,
}

/// Delete a conversation.
#[request(DELETE "/conversations/{conversation_id}", beta = "")]
pub(super) struct ConversationDelete {
    conversation_id: String,
}

/// Add items to a conversation.
#[request(POST "/conversations/{conversation_id}/items", beta = "")]
pub(super) struct ItemCreate {
    conversation_id: String,
    items: Json,
}

/// List the items of a conversation.
#[request(GET "/conversations/{conversation_id}/items", beta = "")]
pub(super) struct ItemList {
    conversation_id: String,
    limit: Option<i64>,
    order: Option<String>,
    after: Option<String>,
}

/// Delete an item of a conversation.
#[request(DELETE "/conversations/{conversation_id}/items/{item_id}", beta = "")]
pub(super) struct ItemDelete {
    conversation_id: String,
    item_id: String,
}

/// Create a response.
#[request(POST "/responses", beta = "")]
pub(super) struct ResponseCreate {
    background: Option<bool>,
    conversation: Option<String>,
    include: Option<Json>,
    input: Option<Json>,
    instructions: Option<Json>,
    max_output_tokens: Option<i64>,
    metadata: Option<Json>,
    model: Option<String>,
    parallel_tool_calls: Option<bool>,
    reasoning: Option<Json>,
    store: Option<bool>,
    stream: Option<bool>,
    temperature: Option<Json>,
    text: Option<Json>,
    tool_choice: Option<Json>,
    tools: Option<Json>,
    top_p: Option<Json>,
    truncation: Option<String>,
}

/// Get a response.
#[request(GET "/responses/{response_id}", beta = "")]
pub(super) struct ResponseGet {
    response_id: String,
    include: Option<Vec<String>>,
}

/// Cancel a response.
#[request(POST "/responses/{response_id}/cancel", idempotent, beta = "")]
pub(super) struct ResponseCancel {
    response_id: String,
}

/// Count the input tokens of a response.
#[request(POST "/responses/input_tokens", idempotent, beta = "")]
pub(super) struct InputTokens {
    conversation: Option<String>,
    input: Option<Json>,
    instructions: Option<Json>,
    model: Option<String>,
    parallel_tool_calls: Option<bool>,
    reasoning: Option<Json>,
    text: Option<Json>,
    tool_choice: Option<Json>,
    tools: Option<Json>,
    truncation: Option<String>,
}

/// Get a model.
#[request(GET "/models/{model}", beta = "")]
pub(super) struct ModelGet {
    model: String,
}

/// Create a vector store.
#[request(POST "/vector_stores", beta = "assistants=v2")]
pub(super) struct VectorStoreCreate {
    file_ids: Option<Json>,
    chunking_strategy: Option<Json>,
    metadata: Option<Json>,
    expires_after: Option<Json>,
}

/// Get a vector store.
#[request(GET "/vector_stores/{vector_store_id}", beta = "assistants=v2")]
pub(super) struct VectorStoreGet {
    vector_store_id: String,
}

/// Add a file to a vector store.
#[request(POST "/vector_stores/{vector_store_id}/files", idempotent, beta = "assistants=v2")]
pub(super) struct VectorStoreFileAdd {
    vector_store_id: String,
    file_id: String,
}
