//! Completions and the stored ones. <https://platform.openai.com/docs/api-reference/chat>

use openai_mcp_kernel::batch;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;
use openai_mcp_shapes::attachment::Attachment;
use openai_mcp_shapes::page::OrderedPage;

use crate::media::{self, Keep};
use crate::shapes::{Form, FunctionChoice, Message, StreamOptions, Tool, ToolChoice, Tuning};
use crate::stream;
use crate::{attach, brief};

tools![Create, Stream, List, Get, Modify, Delete, Messages];

/// What both ways of making a completion take.
#[shape]
struct Parameters {
    messages: Vec<Message>,
    /// As gpt-6-astra.
    model: String,
    #[flatten]
    tuning: Tuning,
    #[flatten]
    form: Form,
    /// Deprecated: tool_choice.
    #[unlisted]
    function_call: Option<FunctionChoice>,
    /// Deprecated: tools.
    #[unlisted]
    functions: Option<Vec<JsonObject>>,
    n: Option<Int<1, 128>>,
    parallel_tool_calls: Option<bool>,
    tool_choice: Option<ToolChoice>,
    tools: Option<Vec<Tool>>,
}

/// What becomes of the caller's files and of the answer.
#[shape(read)]
struct Delivery {
    /// Images, wav, mp3 or documents for the last user message.
    #[local]
    attach: Option<Vec<Attachment>>,
    /// New local file for the spoken audio, or else the text.
    #[local]
    save_to: Option<String>,
    /// The API's whole answer.
    #[local]
    full: Option<bool>,
    #[local]
    #[unlisted]
    stream: Option<bool>,
}

impl Delivery {
    async fn complete(self, cx: Context, streams: bool) -> Result<Output> {
        let keep = Keep::read(cx.arguments(), self.save_to.clone())?;
        cx.reserve(self.save_to.as_deref()).await?;
        let arguments = attach::add(&cx, cx.arguments(), self.attach).await?;
        let streams = self.stream.unwrap_or(streams);
        let completion = stream::complete(&cx, WAYS, arguments, streams).await?;
        media::show(&cx, completion, keep, self.full == Some(true)).await
    }
}

/// The requests for a completion: as a whole, and as it is written.
const WAYS: [&Spec; 2] = [&Create::SPEC, &Stream::SPEC];

/// Create a chat completion: generate text from a conversation.
///
/// The whole conversation is in messages: nothing is remembered between calls.
#[tool("chat-completion-create", POST "/chat/completions", run, open, saves)]
pub(crate) struct Create {
    #[flatten]
    parameters: Parameters,
    #[read]
    #[flatten]
    delivery: Delivery,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        self.delivery.complete(cx, false).await
    }
}

/// Let a model answer a conversation, and tell the text as it grows.
///
/// Takes what chat-completion-create takes, which tells more of it, and gives the same result.
#[tool("chat-completion-stream", POST "/chat/completions", run, streams, open, saves)]
pub(crate) struct Stream {
    #[flatten]
    #[brief]
    parameters: Parameters,
    /// It tells no caller anything: the stream ends here.
    #[unlisted]
    stream_options: Option<StreamOptions>,
    #[read]
    #[flatten]
    #[brief]
    delivery: Delivery,
}

impl Stream {
    async fn run(self, cx: Context) -> Result<Output> {
        self.delivery.complete(cx, true).await
    }
}

/// List stored completions, the oldest first by default.
#[tool("chat-completion-list", GET "/chat/completions", page = "chat-completion-get", brief = brief::stored)]
struct List {
    model: Option<String>,
    /// Only those with these values.
    metadata: Option<Metadata>,
    #[flatten]
    page: OrderedPage,
}

/// Get a stored completion; chat-completion-messages has what was asked.
#[tool("chat-completion-get", GET "/chat/completions/{completion_id}", window, run, saves)]
pub(crate) struct Get {
    completion_id: String,
    /// New local file for the spoken audio.
    #[local]
    save_to: Option<String>,
    #[local]
    full: Option<bool>,
}

impl Get {
    async fn run(self, cx: Context) -> Result<Output> {
        let full = self.full == Some(true);
        cx.unpacked(&Self::SPEC, self.save_to, if full { None } else { Some(brief::stored) }).await
    }
}

/// Replace the metadata of a stored completion.
#[tool("chat-completion-modify", POST "/chat/completions/{completion_id}", destroys, idempotent, page = "chat-completion-get")]
struct Modify {
    completion_id: String,
    metadata: Nullable<Metadata>,
}

/// Delete stored completions, one or a list.
#[tool("chat-completion-delete", DELETE "/chat/completions/{completion_id}", run)]
struct Delete {
    #[read]
    #[alias("completion_ids")]
    completion_id: OneOrMany<String>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        batch::delete(&cx, &Self::SPEC, "completion_id", self.completion_id).await
    }
}

/// List the messages that a stored completion answered.
#[tool("chat-completion-messages", GET "/chat/completions/{completion_id}/messages", window)]
pub(crate) struct Messages {
    completion_id: String,
    #[flatten]
    page: OrderedPage,
}
