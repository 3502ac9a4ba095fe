//! Responses themselves. <https://platform.openai.com/docs/api-reference/responses>

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::batch;
use openai_mcp_kernel::events::Streamed;
use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, patience, wait};
use openai_mcp_shapes::attachment::Attachment;
use openai_mcp_shapes::{Include, Patience, Retention};

use crate::answer::{self, View};
use crate::attach;
use crate::item;
use crate::request::{self, Betas, Settled};
use crate::shapes::{
    AccessPrograms, BackgroundOptions, ContextManagement, Conversation, ImageOptions, Input, Moderation, MultiAgent,
    Prompt, PromptCacheOptions, Reasoning, ServiceTier, StreamOptions, TextConfig, Tokens, Tool, ToolChoice,
    Truncation,
};
use crate::stream::Seen;

tools![Create, Get, Wait, Cancel, Delete];

/// How often a stream of a response in the background is taken up again where it broke.
const AGAIN: usize = 3;
/// Most bytes of what stands beside a response that was waited for, without the input of a next call.
const BESIDE: usize = 512;
/// How long the events of a response may take to open: what stands in between may hold back their head until they end.
const OPENING: Duration = Duration::from_secs(5);

/// Let a model answer: generate text, with web search, other tools, and yours.
///
/// Where the answer calls functions or asks for approval, `next` is the call that goes on with their outputs.
#[tool("response-create", POST "/responses", twin = "betas", run, open, saves)]
struct Create {
    input: Option<Input>,
    /// Images and documents for the last user message.
    #[local]
    attach: Option<Vec<Attachment>>,
    /// As gpt-6-astra.
    #[read]
    model: Option<String>,
    instructions: Option<String>,
    /// Go on from this response. Tools and instructions do not carry over.
    previous_response_id: Option<String>,
    /// Go on from a conversation, which keeps input and output. Excludes previous_response_id.
    conversation: Option<Conversation>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<ToolChoice>,
    parallel_tool_calls: Option<bool>,
    /// Of hosted tools.
    max_tool_calls: Option<Int<1, { i64::MAX }>>,
    text: Option<TextConfig>,
    reasoning: Option<Reasoning>,
    max_output_tokens: Option<Tokens>,
    /// Go on without this call; response-wait has the answer. For pro models, deep research.
    #[read]
    background: Option<bool>,
    background_options: Option<BackgroundOptions>,
    /// Tell the text as it grows; the result is the same.
    #[read]
    stream: Option<bool>,
    #[unlisted]
    stream_options: Option<StreamOptions>,
    /// Default true; without it nothing can be had again.
    store: Option<bool>,
    include: Option<Vec<Include>>,
    metadata: Option<Metadata>,
    temperature: Option<Num<0, 2>>,
    top_p: Option<Num<0, 1>>,
    top_logprobs: Option<Int<0, 20>>,
    /// auto drops what does not fit; disabled (default) fails.
    truncation: Option<Truncation>,
    context_management: Option<Vec<ContextManagement>>,
    service_tier: Option<ServiceTier>,
    /// A stored prompt, until 2026-11-30.
    prompt: Option<Prompt>,
    prompt_cache_key: Option<String>,
    prompt_cache_options: Option<PromptCacheOptions>,
    /// Deprecated: prompt_cache_options.
    #[unlisted]
    prompt_cache_retention: Option<Retention>,
    moderation: Option<Moderation>,
    image: Option<ImageOptions>,
    access_programs: Option<AccessPrograms>,
    /// Hash of the end user.
    safety_identifier: Option<String>,
    /// Deprecated: safety_identifier.
    #[unlisted]
    user: Option<String>,
    /// Beta: agents of OpenAI's that work together.
    multi_agent: Option<MultiAgent>,
    /// The beta request with these, as responses_multi_agent=v1.
    #[header("openai-beta")]
    betas: Option<Vec<String>>,
    /// New local file for images, or else the text.
    #[local]
    save_to: Option<String>,
    /// The API's whole answer.
    #[local]
    full: Option<bool>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.reserve(self.save_to.as_deref()).await?;
        let Settled { arguments, meant } = request::settle(&cx).await?;
        let arguments = attach::add(&cx, arguments, self.attach).await?;
        let background = self.background == Some(true);
        if !background && slow(self.model.as_deref().unwrap_or_default()) {
            cx.tell("this model may take minutes; with `background` true the answer outlives this call");
        }
        let betas = Betas::of(&arguments)?;
        let mut seen = Seen { betas: betas.clone(), ..Seen::default() };
        let response = match self.stream {
            Some(true) => {
                let answer = cx.send(&Self::SPEC, arguments).streamed().await.map_err(explained)?;
                ended(&cx, &mut seen, answer, background).await.map_err(|error| seen.broken(&error))?
            }
            _ => cx.send(&Self::SPEC, arguments).value().await.map_err(explained)?,
        };
        if item::text(&response, "id").is_empty() {
            return Err(Error::new(Kind::Answer, "the answer is no response"));
        }
        if item::text(&response, "status") == "failed" {
            return Err(answer::failed(response, self.full == Some(true), &seen.text));
        }
        let (full, coded) = (self.full == Some(true), asks_for_code(cx.arguments())?);
        let tier = cx.arguments().member("service_tier")?;
        let view = View { full, save_to: self.save_to, meant, coded, tier, betas, ..View::default() };
        answer::show(&cx, response, view).await
    }
}

/// Get a response: text, items, calls, usage; images again.
#[tool("response-get", GET "/responses/{response_id}", twin = "betas", run, saves)]
struct Get {
    #[read]
    response_id: String,
    /// As of response-create.
    include: Option<Vec<String>>,
    /// Tell the text as it grows; for responses made with background and stream.
    #[read]
    stream: Option<bool>,
    /// With stream: from the event after this number on.
    starting_after: Option<u64>,
    #[unlisted]
    include_obfuscation: Option<bool>,
    #[header("openai-beta")]
    betas: Option<Vec<String>>,
    /// New local file for images, or else the text.
    #[local]
    save_to: Option<String>,
    /// The API's whole answer.
    #[local]
    full: Option<bool>,
    #[local]
    max_bytes: Option<Int<4, 10_000_000>>,
}

impl Get {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.reserve(self.save_to.as_deref()).await?;
        let betas = Betas::of(cx.arguments())?;
        let response = match self.stream {
            Some(true) => {
                let mut seen = Seen { betas: betas.clone(), ..Seen::of(self.response_id) };
                let answer = cx.send(&Self::SPEC, cx.arguments()).streamed().await?;
                ended(&cx, &mut seen, answer, true).await.map_err(|error| seen.broken(&error))?
            }
            _ => cx.send(&Self::SPEC, cx.arguments()).value().await?,
        };
        let (max_bytes, coded) = (self.max_bytes.map(Int::get), asks_for_code(cx.arguments())?);
        let view =
            View { full: self.full == Some(true), save_to: self.save_to, max_bytes, coded, betas, ..View::default() };
        answer::show(&cx, response, view).await
    }
}

/// Follows a stream to the response that it ends with. Of one in the background that breaks off the rest is asked for.
async fn ended(cx: &Context, seen: &mut Seen, answer: Streamed, background: bool) -> Result<Value> {
    let mut outcome = match answer {
        Streamed::Events(mut events) => seen.follow(cx, &mut events).await,
        Streamed::Whole(response) => return Ok(response),
    };
    for _ in 0..AGAIN {
        let broke = match &outcome {
            Ok(None) => true,
            Ok(Some(_)) => false,
            Err(error) => error.kind() == Kind::Connection,
        };
        let Some(id) = seen.id.clone().filter(|_| broke && background) else { break };
        let mut arguments = seen.betas.added(json!({"response_id": id, "stream": true}));
        if let (Some(last), Some(arguments)) = (seen.last, arguments.as_object_mut()) {
            arguments.insert("starting_after".to_owned(), last.into());
        }
        let mut events = cx.send(&Get::SPEC, arguments).events().await?;
        outcome = seen.follow(cx, &mut events).await;
        if matches!(outcome, Ok(None)) {
            // The events are over; the response itself is what is left.
            return cx.send(&Get::SPEC, seen.betas.added(json!({"response_id": id}))).value().await;
        }
    }
    outcome?.ok_or_else(|| Error::new(Kind::Connection, "the stream ended before the answer did"))
}

/// Wait until a response in the background has ended or wants something.
///
/// The text of one made with stream is told as it grows. Returns after `timeout` at the latest; if `done` is false, call `next`.
#[tool("response-wait", reads)]
struct Wait {
    response_id: String,
    #[flatten]
    patience: Patience,
    betas: Option<Raw<Vec<String>>>,
    /// The API's whole answer.
    full: Option<bool>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let mut asked = Arguments::default().set("response_id", &self.response_id);
        if let Some(betas) = &self.betas {
            asked = asked.set("betas", betas);
        }
        let again = Next { tool: Self::SPEC.name, arguments: asked.read()? };
        // Nobody hears a text as it grows who did not ask to be told.
        let until = cx.wants_progress().then(|| cx.monotonic() + patience(self.patience.timeout));
        wait(&cx, self.patience.timeout, again, Running { asked, full: self.full == Some(true), until }).await
    }
}

/// A response in the background: what is asked to see it, and how it is shown.
struct Running {
    asked: Arguments,
    full: bool,
    /// Until when its text is followed, if that was not tried yet.
    until: Option<Duration>,
}

impl Running {
    /// The response as it is, or, where it goes on and its events can be had, as it is in the end. Only one that was made
    /// with `stream` has events; of others there is the state alone.
    async fn see(&mut self, cx: &Context) -> Result<Value> {
        let response = cx.send(&Get::SPEC, &self.asked).value().await?;
        if item::text(&response, "status") != "in_progress" {
            return Ok(response);
        }
        let Some(until) = self.until.take() else { return Ok(response) };
        let asked = self.asked.clone().set("stream", true);
        let left = || until.saturating_sub(cx.monotonic());
        let opening = pin!(cx.send(&Get::SPEC, asked).events());
        let Either::Left((Ok(mut events), _)) = select(opening, pin!(cx.sleep(OPENING.min(left())))).await else {
            return Ok(response);
        };
        let mut seen = Seen::of(item::text(&response, "id").to_owned());
        let ended = match select(pin!(seen.follow(cx, &mut events)), pin!(cx.sleep(left()))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Ok(None),
        };
        cx.flush_text();
        // Where the events break off, the response itself tells how it stands.
        match ended {
            Ok(Some(response)) => Ok(response),
            _ => cx.send(&Get::SPEC, &self.asked).value().await,
        }
    }
}

impl Watched for Running {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let response = self.see(cx).await?;
        let mut beside = serde_json::Map::new();
        let stage = match (item::text(&response, "status"), answer::next(&response)) {
            (status @ ("queued" | "in_progress"), _) => {
                cx.tell(status);
                Stage::Going
            }
            (_, Some(Next { tool, arguments })) => {
                let betas = Betas::of(&self.asked)?;
                beside.insert("how".to_owned(), answer::how(&response, &betas).into());
                Stage::Asks(Next { tool, arguments: betas.added(arguments) })
            }
            // One that never was in the background may have no status.
            ("completed" | "failed" | "cancelled" | "incomplete" | "", None) => Stage::Done,
            // A status that is not known is one on the way.
            (status, None) => {
                cx.tell(status);
                Stage::Going
            }
        };
        let asked = if let Stage::Asks(next) = &stage { json::text(&next.arguments).len() } else { 0 };
        let room = cx.max_result().saturating_sub(asked + BESIDE);
        let object = answer::cut(answer::within(response, self.full), room.max(BESIDE));
        Ok(Look { object, stage, beside })
    }
}

/// Cancel a response in the background; what it cost until then is paid.
#[tool("response-cancel", POST "/responses/{response_id}/cancel", twin = "betas", run, destroys, idempotent)]
struct Cancel {
    response_id: String,
    #[header("openai-beta")]
    betas: Option<Vec<String>>,
}

impl Cancel {
    async fn run(self, cx: Context) -> Result<Output> {
        let response = cx.send(&Self::SPEC, cx.arguments()).value().await?;
        answer::show(&cx, response, View::default()).await
    }
}

/// Delete responses.
#[tool("response-delete", DELETE "/responses/{response_id}", twin = "betas", run)]
struct Delete {
    #[read]
    response_id: OneOrMany<String>,
    #[header("openai-beta")]
    betas: Option<Vec<String>>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        batch::delete(&cx, &Self::SPEC, "response_id", self.response_id).await
    }
}

/// A refusal with what its words do not tell: how to get out of the state that it is about.
fn explained(error: Error) -> Error {
    let text = error.to_string();
    if text.contains("conversation_locked") {
        error.or_hint("a response runs on this conversation; response-wait tells when it has ended")
    } else if text.contains("No tool output found") {
        error.or_hint("give every call of the response before its output, as `next` says; response-get shows it again")
    } else {
        error
    }
}

/// Whether what the model thought is asked for in cipher.
fn asks_for_code(arguments: &Arguments) -> Result<bool> {
    let include: Option<Vec<String>> = arguments.member("include")?;
    Ok(include.unwrap_or_default().iter().any(|name| name == "reasoning.encrypted_content"))
}

/// Whether a model is known to take minutes.
fn slow(model: &str) -> bool {
    model.contains("deep-research") || model.split('-').any(|word| word == "pro")
}
