//! What a model reads: the input of a response, its tokens, and a shorter one in its place.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Retention;
use openai_mcp_shapes::items;
use openai_mcp_shapes::page::OrderedPage;

use crate::request;
use crate::shapes::{
    CompactCacheOptions, CompactTier, Conversation, ImageOptions, Object, PlainInput, ToolChoice, Truncation, Typed,
};

tools![InputItems, CountTokens, Compact];

/// List what a response read: its input and what went before it, newest first.
#[tool("response-input-items", GET "/responses/{response_id}/input_items", twin = "betas", window)]
struct InputItems {
    response_id: String,
    #[flatten]
    page: OrderedPage,
    /// As of response-create.
    include: Option<Vec<String>>,
    #[header("openai-beta")]
    betas: Option<Vec<String>>,
}

/// Count the tokens that response-create would read, without an answer.
///
/// Takes those arguments of response-create that are read.
#[tool("response-count-tokens", POST "/responses/input_tokens", twin = "betas", run, reads)]
struct CountTokens {
    input: Option<PlainInput>,
    model: Option<String>,
    instructions: Option<String>,
    previous_response_id: Option<String>,
    conversation: Option<Conversation>,
    tools: Option<Vec<Typed>>,
    tool_choice: Option<ToolChoice>,
    text: Option<Object>,
    reasoning: Option<Object>,
    /// friendly or pragmatic.
    personality: Option<Text<0, 64>>,
    parallel_tool_calls: Option<bool>,
    truncation: Option<Truncation>,
    #[header("openai-beta")]
    betas: Option<Vec<String>>,
}

impl CountTokens {
    async fn run(self, cx: Context) -> Result<Output> {
        let settled = request::settle(&cx).await?;
        cx.send(&Self::SPEC, settled.arguments).bytes().await.map(Output::Json)
    }
}

/// Make a long context short.
///
/// `output` of the result is the `input` to go on from, in place of all before; the model knows what is in it.
#[tool("response-compact", POST "/responses/compact", twin = "betas", run, open)]
struct Compact {
    model: Nullable<String>,
    input: Option<PlainInput>,
    previous_response_id: Option<String>,
    instructions: Option<String>,
    image: Option<ImageOptions>,
    service_tier: Option<CompactTier>,
    prompt_cache_key: Option<Text<0, 64>>,
    prompt_cache_options: Option<CompactCacheOptions>,
    /// Deprecated: prompt_cache_options.
    #[unlisted]
    prompt_cache_retention: Option<Retention>,
    #[header("openai-beta")]
    betas: Option<Vec<String>>,
}

impl Compact {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = items::settle(cx.arguments().clone(), "input")?;
        let compacted = cx.send(&Self::SPEC, arguments).bytes().await?;
        // Nobody keeps it.
        Ok(cx.give_json("response", compacted).await)
    }
}
