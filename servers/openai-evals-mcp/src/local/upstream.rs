//! The requests that stand behind the engine.

use openai_mcp_kernel::prelude::*;

/// Let a model answer a conversation.
#[request(POST "/chat/completions", beta = "")]
pub(super) struct ChatCreate {
    max_completion_tokens: Option<Json>,
    messages: Option<Json>,
    model: Option<String>,
    reasoning_effort: Option<Json>,
    response_format: Option<Json>,
    seed: Option<Json>,
    temperature: Option<Json>,
    tools: Option<Json>,
    top_p: Option<Json>,
}

/// List stored completions.
#[request(GET "/chat/completions", beta = "")]
pub(super) struct ChatList {
    after: Option<String>,
    limit: Option<i64>,
    metadata: Option<Metadata>,
    model: Option<String>,
    order: Option<String>,
}

/// List the messages that a stored completion answered.
#[request(GET "/chat/completions/{completion_id}/messages", beta = "")]
pub(super) struct ChatMessages {
    completion_id: String,
    after: Option<String>,
    limit: Option<i64>,
}

/// Create a response.
#[request(POST "/responses", beta = "")]
pub(super) struct ResponseCreate {
    background: Option<bool>,
    input: Option<Json>,
    max_output_tokens: Option<Json>,
    metadata: Option<Json>,
    model: Option<String>,
    reasoning: Option<Json>,
    store: Option<bool>,
    temperature: Option<Json>,
    text: Option<Json>,
    tools: Option<Json>,
    top_p: Option<Json>,
}

/// Get a response.
#[request(GET "/responses/{response_id}", beta = "")]
pub(super) struct ResponseGet {
    response_id: String,
}

/// Cancel a response.
#[request(POST "/responses/{response_id}/cancel", idempotent, beta = "")]
pub(super) struct ResponseCancel {
    response_id: String,
}

/// Embed texts.
#[request(POST "/embeddings", beta = "")]
pub(super) struct EmbeddingCreate {
    input: Vec<String>,
    model: String,
}

/// Get the content of a file.
#[request(GET "/files/{file_id}/content", beta = "")]
pub(super) struct FileContent {
    file_id: String,
}
