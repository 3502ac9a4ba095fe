//! Completions and the stored ones. <https://platform.openai.com/docs/api-reference/chat>

use openai_mcp_kernel::events::Events;
use openai_mcp_kernel::long;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;
use openai_mcp_shapes::{Effort, Level};

use crate::attach;
use crate::media::{self, Keep};
use crate::shapes::{
    AudioOutput, Message, Modality, Moderation, Prediction, PromptCacheOptions, ResponseFormat, Retention, ServiceTier,
    StreamOptions, Tokens, Tool, ToolChoice, WebSearchOptions,
};
use crate::stream::Assembly;

tools![Create, Stream, List, Get, Modify, Delete, Messages];

/// The parameters that every way of making a completion has.
#[shape]
struct Parameters {
    messages: Vec<Message>,
    /// As gpt-6-astra.
    model: String,
    /// With modalities text and audio.
    audio: Option<AudioOutput>,
    frequency_penalty: Option<Num<-2, 2>>,
    /// Deprecated: tool_choice.
    function_call: Option<Json>,
    /// Deprecated: tools.
    functions: Option<Vec<Json>>,
    /// Token ids with a bias from -100 to 100.
    logit_bias: Option<Json>,
    logprobs: Option<bool>,
    max_completion_tokens: Option<Tokens>,
    /// Deprecated: max_completion_tokens.
    max_tokens: Option<Tokens>,
    metadata: Option<Metadata>,
    modalities: Option<Vec<Modality>>,
    moderation: Option<Moderation>,
    n: Option<Int<1, 128>>,
    parallel_tool_calls: Option<bool>,
    prediction: Option<Prediction>,
    presence_penalty: Option<Num<-2, 2>>,
    prompt_cache_key: Option<String>,
    prompt_cache_options: Option<PromptCacheOptions>,
    /// Deprecated: prompt_cache_options.
    prompt_cache_retention: Option<Retention>,
    reasoning_effort: Option<Effort>,
    response_format: Option<ResponseFormat>,
    /// Hash of the end user, at most 128 characters.
    safety_identifier: Option<String>,
    seed: Option<i64>,
    service_tier: Option<ServiceTier>,
    /// At most 4.
    stop: Option<OneOrMany<String>>,
    /// Keep it at OpenAI, for chat-completion-get and the like.
    store: Option<bool>,
    temperature: Option<Num<0, 2>>,
    tool_choice: Option<ToolChoice>,
    tools: Option<Vec<Tool>>,
    top_logprobs: Option<Int<0, 20>>,
    top_p: Option<Num<0, 1>>,
    /// Deprecated: safety_identifier.
    user: Option<String>,
    verbosity: Option<Level>,
    web_search_options: Option<WebSearchOptions>,
}

/// Let a model answer a conversation.
///
/// The whole conversation is in messages: nothing is remembered between calls.
#[tool("chat-completion-create", POST "/chat/completions", run, open, saves)]
pub(crate) struct Create {
    #[flatten]
    parameters: Parameters,
    /// Images, wav, mp3 or documents for the last user message.
    #[local]
    attach: Option<Vec<FileInput>>,
    /// New local file for the spoken audio, or else the text.
    #[local]
    save_to: Option<String>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.reserve(self.save_to.as_deref()).await?;
        let keep = Keep::read(cx.arguments(), self.save_to)?;
        let arguments = attach::add(&cx, cx.arguments(), self.attach).await?;
        let answer = cx.send(&Self::SPEC, arguments).bytes().await?;
        media::show(&cx, answer, keep).await
    }
}

/// Let a model answer a conversation, and tell the text as it grows.
///
/// Takes what chat-completion-create takes and gives the same result; the text goes out as progress meanwhile.
#[tool("chat-completion-stream", POST "/chat/completions", run, streams, open, saves)]
struct Stream {
    #[flatten]
    parameters: Parameters,
    stream_options: Option<StreamOptions>,
    /// Files for the last user message.
    #[local]
    attach: Option<Vec<FileInput>>,
    /// New local file for the spoken audio, or else the text.
    #[local]
    save_to: Option<String>,
}

impl Stream {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.reserve(self.save_to.as_deref()).await?;
        let keep = Keep::read(cx.arguments(), self.save_to)?;
        let arguments = attach::add(&cx, cx.arguments(), self.attach).await?;
        let mut options: Value = arguments.member("stream_options")?.unwrap_or_else(|| json!({}));
        if let Some(options) = options.as_object_mut() {
            options.entry("include_usage").or_insert(true.into());
        }
        let arguments = arguments.set("stream_options", options);
        let mut events = Events::new(cx.send(&Self::SPEC, arguments).response().await?)?;
        let mut answer = Assembly::default();
        let ended = loop {
            match events.next().await {
                Ok(Some(event)) => match answer.add(&event.data) {
                    Ok(piece) => cx.tell_text(&piece),
                    Err(error) => break Err(error),
                },
                Ok(None) => break answer.ended(),
                Err(error) => break Err(error),
            }
        };
        cx.flush_text();
        ended.map_err(|error| answer.broken(&error))?;
        media::show(&cx, answer.finish().to_string().into(), keep).await
    }
}

/// List stored completions, oldest first unless told.
#[tool("chat-completion-list", GET "/chat/completions", run)]
struct List {
    model: Option<String>,
    /// Only those with these values.
    metadata: Option<Metadata>,
    #[flatten]
    page: OrderedPage,
}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let answer = cx.send(&Self::SPEC, cx.arguments()).bytes().await?;
        let whole = "chat-completion-get with `max_bytes` shows all of one";
        media::kept(answer, cx.max_result(), |page| long::page(&cx, page, whole))
    }
}

/// Get a stored completion; chat-completion-messages has what was asked.
#[tool("chat-completion-get", GET "/chat/completions/{completion_id}", run)]
pub(crate) struct Get {
    completion_id: String,
    #[local]
    max_bytes: Option<Int<4, 10_000_000>>,
}

impl Get {
    async fn run(self, cx: Context) -> Result<Output> {
        let max_bytes = self.max_bytes.map(Int::get);
        let answer = cx.send(&Self::SPEC, cx.arguments()).bytes().await?;
        let most = max_bytes.unwrap_or(usize::MAX).min(cx.max_result());
        media::kept(answer, most, |completion| long::window(&cx, completion, max_bytes, ""))
    }
}

/// Replace the metadata of a stored completion.
#[tool("chat-completion-modify", POST "/chat/completions/{completion_id}", run, destroys, idempotent)]
struct Modify {
    completion_id: String,
    metadata: Nullable<Metadata>,
}

impl Modify {
    async fn run(self, cx: Context) -> Result<Output> {
        let answer = cx.send(&Self::SPEC, cx.arguments()).bytes().await?;
        let whole = "chat-completion-get with ";
        media::kept(answer, cx.max_result(), |completion| long::window(&cx, completion, None, whole))
    }
}

/// Delete a stored completion.
#[tool("chat-completion-delete", DELETE "/chat/completions/{completion_id}")]
struct Delete {
    completion_id: String,
}

/// List the messages a stored completion answered.
#[tool("chat-completion-messages", GET "/chat/completions/{completion_id}/messages", run)]
pub(crate) struct Messages {
    completion_id: String,
    #[flatten]
    page: OrderedPage,
    #[local]
    max_bytes: Option<Int<4, 10_000_000>>,
}

impl Messages {
    async fn run(self, cx: Context) -> Result<Output> {
        let max_bytes = self.max_bytes.map(Int::get);
        let answer = cx.send(&Self::SPEC, cx.arguments()).bytes().await?;
        let most = max_bytes.unwrap_or(usize::MAX).min(cx.max_result());
        media::kept(answer, most, |page| match max_bytes {
            Some(_) => long::window(&cx, page, max_bytes, ""),
            None => long::page(&cx, page, "`max_bytes` shows more"),
        })
    }
}
