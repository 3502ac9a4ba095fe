//! `/chat/completions`, streams and stored completions included.
//!
//! # Where it differs from the API
//!
//! Models are not models: what is answered is told in [`crate::engine::model`], with the magic words that bring about
//! refusals, cuts, slow streams and failures. Every completion has `system_fingerprint` `fp_sandbox`. Audio is a tone of a
//! fifth of a second, in wav or pcm16.

use axum::extract::{DefaultBodyLimit, Extension, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_studio::{sound, voice};
use serde_json::{Map, Value, json};

use crate::api::{models, tools};
use crate::crud::{self, Collection, Field, Need, Object, Verb};
use crate::engine::catalog::Use;
use crate::engine::model::{self, Ask, Choice, End, Form, Reply, Role, Said, Tool, Turn};
use crate::engine::tokens;
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::{Json, Params, Query, mistyped};
use crate::shelf::Paging;
use crate::sse;
use crate::world::{Caller, World, now};

const LARGEST_BODY: usize = 64 * 1024 * 1024;
const FINGERPRINT: &str = "fp_sandbox";
const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];
const PARTS: &[&str] = &["text", "image_url", "input_audio", "file", "refusal"];
const TIERS: &[&str] = &["auto", "default", "flex", "scale", "priority", "fast"];
const AUDIO_LIVES: u64 = 3600;

pub(crate) fn routes() -> Router {
    COMPLETIONS
        .routes()
        .route(COMPLETIONS.path, post(create))
        .route(MESSAGES.path, get(messages))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

static COMPLETIONS: Collection = Collection {
    path: "/chat/completions",
    serves: &[Verb::List, Verb::Get, Verb::Modify, Verb::Delete],
    object: "chat.completion",
    prefix: "chatcmpl-",
    fields: &[Field { name: "metadata", read: crud::metadata, create: Need::No, modify: Need::Must }],
    paging: Paging::OLDEST,
    filters: &["model", "metadata"],
    deleted: "chat.completion.deleted",
    missing: |id| Error::not_found(format!("Chat completion {id} not found")).param("id"),
};
/// The messages of each stored completion.
static MESSAGES: Collection = Collection {
    path: "/chat/completions/{completion_id}/messages",
    serves: &[],
    fields: &[],
    filters: &[],
    ..COMPLETIONS
};

/// A request, read and checked.
struct Wish {
    ask: Ask,
    model: String,
    n: usize,
    logprobs: bool,
    top_logprobs: bool,
    /// The deprecated way to name tools, which is answered in the deprecated way.
    functions: bool,
    audio: Option<&'static str>,
    search: bool,
    stream: bool,
    usage: bool,
    store: bool,
    metadata: Map<String, Value>,
    service_tier: &'static str,
    /// What a stored completion shows of its request.
    kept: Map<String, Value>,
    messages: Vec<Value>,
}

impl Wish {
    fn read(mut params: Params) -> Result<Self> {
        let model = models::read(&mut params, None, Use::Chat)?;
        let messages = params.need("messages", |params, name| params.array(name, 1..=usize::MAX))?;
        let raw: Vec<Value> = messages.iter().map(|(_, message)| message.clone()).collect();
        let turns = turns(messages)?;

        let mut kept = Map::new();
        for name in ["tools", "tool_choice", "response_format", "seed", "temperature", "top_p"] {
            kept.insert(name.to_owned(), params.peek(name).cloned().unwrap_or_default());
        }
        let functions = params.mentions("functions");
        let mut tools = read_tools(&mut params)?;
        let choice = choice(&mut params, &mut tools, functions)?;
        let parallel = params.boolean("parallel_tool_calls")?;
        if parallel.is_some() && tools.is_empty() {
            let message = "'parallel_tool_calls' is only allowed when 'tools' are specified.";
            return Err(Error::invalid("parallel_tool_calls", "invalid_value", message));
        }
        let form = form(&mut params)?;

        let most = params.integer("max_completion_tokens", 1..=i64::MAX)?;
        let old = params.integer("max_tokens", 1..=i64::MAX)?;
        if most.is_some() && old.is_some() {
            let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
            return Err(Error::invalid("max_tokens", "invalid_value", message));
        }
        let stop = match params.take("stop") {
            Some(Value::String(stop)) => vec![stop],
            Some(other) => {
                params.put("stop", other);
                params.strings("stop", 1..=4)?.unwrap_or_default()
            }
            None => Vec::new(),
        };
        let ask = Ask {
            turns,
            tools,
            choice,
            parallel: parallel.unwrap_or(!functions) && !functions,
            form,
            max_tokens: most.or(old).and_then(|most| usize::try_from(most).ok()),
            stop,
        };

        let logprobs = params.boolean("logprobs")?.unwrap_or_default();
        let top = params.integer("top_logprobs", 0..=20)?;
        if top.is_some() && !logprobs {
            let message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.";
            return Err(Error::invalid("top_logprobs", "invalid_value", message));
        }
        let stream = params.boolean("stream")?.unwrap_or_default();
        let mut usage = false;
        if let Some(mut options) = params.object("stream_options")? {
            if !stream {
                let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
                return Err(Error::invalid("stream_options", "invalid_value", message));
            }
            usage = options.boolean("include_usage")?.unwrap_or_default();
            options.boolean("include_obfuscation")?;
            options.finish()?;
        }
        let audio = audio(&mut params, stream)?;
        let n = params.integer("n", 1..=128)?.and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
        let store = params.boolean("store")?.unwrap_or_default();
        let metadata = params.labels("metadata", true)?.unwrap_or_default();
        if !store && !metadata.is_empty() {
            let message = "The 'metadata' parameter is only allowed when 'store' is enabled.";
            return Err(Error::invalid("metadata", "invalid_value", message));
        }
        let service_tier = tools::tier(&mut params, TIERS)?;
        let search = search(&mut params)?;

        params.number("frequency_penalty", -2.0..=2.0)?;
        params.number("presence_penalty", -2.0..=2.0)?;
        params.number("temperature", 0.0..=2.0)?;
        params.number("top_p", 0.0..=1.0)?;
        params.integer("seed", i64::MIN..=i64::MAX)?;
        params.one_of("reasoning_effort", tools::EFFORTS)?;
        params.one_of("verbosity", &["low", "medium", "high"])?;
        params.one_of("prompt_cache_retention", tools::RETENTIONS)?;
        params.string("prompt_cache_key")?;
        params.string("user")?;
        params.bounded("safety_identifier", 0..=tools::LONGEST_IDENTIFIER)?;
        params.object("logit_bias")?;
        tools::moderation(&mut params)?;
        params.object("prompt_cache_options")?.map_or(Ok(()), |options| tools::cache(options, &["30m"]))?;
        if let Some(mut prediction) = params.object("prediction")? {
            prediction.need("type", |prediction, name| prediction.one_of(name, &["content"]))?;
            content(&mut prediction, false)?;
            prediction.finish()?;
        }
        params.finish()?;
        let top_logprobs = top.is_some_and(|top| top > 0);
        let messages = raw;
        Ok(Self {
            ask,
            model,
            n,
            logprobs,
            top_logprobs,
            functions,
            audio,
            search,
            stream,
            usage,
            store,
            metadata,
            service_tier,
            kept,
            messages,
        })
    }

    fn logprobs(&self, text: &str) -> Value {
        let token = |piece: &&str| {
            let one = json!({"token": piece, "logprob": 0.0, "bytes": piece.as_bytes()});
            let top = if self.top_logprobs { vec![one.clone()] } else { Vec::new() };
            let mut one = one;
            put(&mut one, "top_logprobs", top);
            one
        };
        tokens::pieces(text).iter().map(token).collect()
    }

    /// A choice without its index, and its logprobs.
    fn message(&self, reply: &Reply, world: &mut World) -> (Value, &'static str, Value) {
        let mut message = json!({"role": "assistant", "content": null, "refusal": null, "annotations": []});
        let mut logprobs = Value::Null;
        let mut set = |name: &str, value: Value| put(&mut message, name, value);
        let mut finish = match reply.end {
            End::Stop => "stop",
            End::Length => "length",
            End::Filter => "content_filter",
        };
        match &reply.said {
            Said::Text(text) if self.audio.is_some() => {
                let data = STANDARD.encode(beep(self.audio.unwrap_or_default()));
                let expires_at = now() + AUDIO_LIVES;
                let id = world.mint("audio_");
                set("audio", json!({"id": id, "data": data, "transcript": text, "expires_at": expires_at}));
            }
            Said::Text(text) => {
                set("content", json!(text));
                if self.search {
                    let end = text.chars().count();
                    let citation =
                        json!({"start_index": 0, "end_index": end, "title": "Sandbox", "url": "https://example.com/"});
                    set("annotations", json!([{"type": "url_citation", "url_citation": citation}]));
                }
                if self.logprobs {
                    logprobs = json!({"content": self.logprobs(text), "refusal": null});
                }
            }
            Said::Refusal(text) => {
                set("refusal", json!(text));
                if self.logprobs {
                    logprobs = json!({"content": null, "refusal": self.logprobs(text)});
                }
            }
            Said::Calls(calls) if self.functions => {
                let call = calls.first().map(|call| json!({"name": call.name, "arguments": call.arguments}));
                set("function_call", json!(call));
                finish = "function_call";
            }
            Said::Calls(calls) => {
                let show = |call: &model::Call| {
                    let id = world.mint("call_");
                    match call.custom {
                        true => {
                            json!({"id": id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}})
                        }
                        false => {
                            json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
                        }
                    }
                };
                set("tool_calls", calls.iter().map(show).collect());
                finish = "tool_calls";
            }
        }
        (message, finish, logprobs)
    }
}

fn turns(messages: Vec<(String, Value)>) -> Result<Vec<Turn>> {
    let mut turns = Vec::new();
    // Calls that wait for their outputs.
    let mut waiting: Vec<String> = Vec::new();
    for (path, message) in messages {
        let mut message = Params::nested(path, message)?;
        let role = message.need("role", |params, name| params.one_of(name, ROLES))?;
        let calls = message.array("tool_calls", 0..=usize::MAX)?.unwrap_or_default();
        let old_call = message.object("function_call")?;
        let (text, attached) = content(&mut message, role == "assistant")?;
        message.string("name")?;
        if !waiting.is_empty() && role != "tool" {
            return Err(unanswered(&waiting));
        }
        match role {
            "tool" => {
                let id = message.need("tool_call_id", Params::string)?;
                let Some(at) = waiting.iter().position(|waiting| *waiting == id) else {
                    let text = "Invalid parameter: messages with role 'tool' must be a response to a preceding message \
                                with 'tool_calls'.";
                    return Err(Error::invalid(&message.path("role"), "invalid_value", text));
                };
                waiting.remove(at);
                turns.push(Turn::Output { id, text });
            }
            "function" => turns.push(Turn::Output { id: String::new(), text }),
            "assistant" => {
                if !text.is_empty() || (calls.is_empty() && old_call.is_none()) {
                    turns.push(Turn::Said { role: Role::Assistant, text, attached });
                }
                for (path, call) in calls {
                    let mut call = Params::nested(path, call)?;
                    let id = call.need("id", Params::string)?;
                    let kind = call.one_of("type", &["function", "custom"])?.unwrap_or("function");
                    let mut named = call.need(kind, Params::object)?;
                    let name = named.need("name", Params::string)?;
                    waiting.push(id.clone());
                    turns.push(Turn::Called { id, name });
                }
                if let Some(mut call) = old_call {
                    let name = call.string("name")?.unwrap_or_default();
                    turns.push(Turn::Called { id: String::new(), name });
                }
                message.take("refusal");
                message.take("audio");
            }
            "user" => turns.push(Turn::Said { role: Role::User, text, attached }),
            _ => turns.push(Turn::Said { role: Role::System, text, attached }),
        }
    }
    if waiting.is_empty() { Ok(turns) } else { Err(unanswered(&waiting)) }
}

fn unanswered(ids: &[String]) -> Error {
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        ids.join(", ")
    );
    Error::new(StatusCode::BAD_REQUEST, message).param("messages")
}

/// The text of a message, and what else it holds.
fn content(message: &mut Params, optional: bool) -> Result<(String, Vec<&'static str>)> {
    let path = message.path("content");
    match message.take("content") {
        None if optional => Ok(Default::default()),
        None => {
            let text = format!("Invalid value for '{path}': expected a string, got null.");
            Err(Error::invalid(&path, "invalid_type", text))
        }
        Some(Value::String(text)) => Ok((text, Vec::new())),
        Some(parts @ Value::Array(_)) => {
            message.put("content", parts);
            let parts = message.array("content", 1..=usize::MAX)?.unwrap_or_default();
            let (mut texts, mut attached) = (Vec::new(), Vec::new());
            for (path, part) in parts {
                let mut part = Params::nested(path, part)?;
                let kind = part.need("type", |params, name| params.one_of(name, PARTS))?;
                match kind {
                    kind @ ("text" | "refusal") => {
                        let text = part.string(kind)?;
                        texts.push(part.required(kind, text)?);
                    }
                    kind => {
                        let mut thing = part.need(kind, Params::object)?;
                        match kind {
                            "image_url" => {
                                thing.need("url", Params::url)?;
                                thing.one_of("detail", &["auto", "low", "high", "original"])?;
                            }
                            "input_audio" => {
                                thing.need("data", Params::string)?;
                                thing.need("format", |thing, name| thing.one_of(name, &["wav", "mp3"]))?;
                            }
                            _ => {
                                for name in ["file_data", "file_id", "filename"] {
                                    thing.string(name)?;
                                }
                            }
                        }
                        thing.finish()?;
                        attached.push(match kind {
                            "image_url" => "image",
                            "file" => "file",
                            _ => "audio",
                        });
                    }
                }
                tools::breakpoint(&mut part)?;
                part.finish()?;
            }
            Ok((texts.join("\n"), attached))
        }
        Some(other) => Err(mistyped(&path, "one of an array of objects or string", &other)),
    }
}

/// Whether the web may be searched.
fn search(params: &mut Params) -> Result<bool> {
    let Some(mut options) = params.object("web_search_options")? else { return Ok(false) };
    options.one_of("search_context_size", tools::LEVELS)?;
    if let Some(mut place) = options.object("user_location")? {
        place.need("type", |place, name| place.one_of(name, &["approximate"]))?;
        tools::place(place.need("approximate", Params::object)?)?;
        place.finish()?;
    }
    options.finish()?;
    Ok(true)
}

/// `tools`, or the deprecated `functions`.
fn read_tools(params: &mut Params) -> Result<Vec<Tool>> {
    let mut found = Vec::new();
    for (path, function) in params.array("functions", 1..=128)?.unwrap_or_default() {
        found.push(function_tool(Params::nested(path, function)?)?);
    }
    for (path, tool) in params.array("tools", 1..=128)?.unwrap_or_default() {
        let mut tool = Params::nested(path, tool)?;
        let kind = tool.need("type", |params, name| params.one_of(name, &["function", "custom"]))?;
        let mut inner = tool.need(kind, Params::object)?;
        tool.finish()?;
        if kind == "custom" {
            if let Some(mut format) = inner.object("format")? {
                if format.need("type", |format, name| format.one_of(name, &["text", "grammar"]))? == "grammar" {
                    let mut grammar = format.need("grammar", Params::object)?;
                    tools::grammar(&mut grammar)?;
                    grammar.finish()?;
                }
                format.finish()?;
            }
            let name = tools::name(&mut inner)?;
            let description = inner.string("description")?.unwrap_or_default();
            inner.finish()?;
            found.push(Tool { name, description, parameters: None });
        } else {
            found.push(function_tool(inner)?);
        }
    }
    Ok(found)
}

fn function_tool(mut params: Params) -> Result<Tool> {
    let name = tools::name(&mut params)?;
    let description = params.string("description")?.unwrap_or_default();
    let strict = params.boolean("strict")? == Some(true);
    let parameters = tools::parameters(&mut params, &name, strict)?;
    params.finish()?;
    Ok(Tool { name, description, parameters: Some(parameters) })
}

fn choice(params: &mut Params, tools: &mut Vec<Tool>, functions: bool) -> Result<Choice> {
    let name = if functions { "function_call" } else { "tool_choice" };
    let path = params.path(name);
    let Some(value) = params.take(name) else { return Ok(Choice::Auto) };
    if tools.is_empty() {
        let message = format!("'{name}' is only allowed when 'tools' are specified.");
        return Err(Error::invalid(&path, "invalid_value", message));
    }
    let word = |word: &str| match word {
        "none" => Some(Choice::None),
        "auto" => Some(Choice::Auto),
        "required" => Some(Choice::Required),
        _ => None,
    };
    let named = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    let choice = match (&value, value.get("type").and_then(Value::as_str)) {
        (Value::String(text), _) => word(text),
        (_, Some("allowed_tools")) => {
            let allowed = value.get("allowed_tools").unwrap_or(&Value::Null);
            let list = allowed.get("tools").and_then(Value::as_array).into_iter().flatten();
            let names: Vec<String> =
                list.filter_map(|tool| tool.get("function").or(tool.get("custom")).and_then(named)).collect();
            tools.retain(|tool| names.contains(&tool.name));
            allowed.get("mode").and_then(Value::as_str).and_then(word)
        }
        (_, Some(kind)) => value.get(kind).and_then(named).map(Choice::Named),
        (value, None) => named(value).map(Choice::Named),
    };
    match choice {
        Some(Choice::Named(name)) if !tools.iter().any(|tool| tool.name == name) => {
            let message = format!("Tool choice '{name}' not found in 'tools' parameter.");
            Err(Error::invalid(&path, "invalid_value", message))
        }
        Some(choice) => Ok(choice),
        None => Err(Error::invalid(&path, "invalid_value", format!("Invalid value for '{path}': {value}."))),
    }
}

fn form(params: &mut Params) -> Result<Form> {
    let Some(mut format) = params.object("response_format")? else { return Ok(Form::Text) };
    let kind = format.one_of("type", &["text", "json_object", "json_schema"])?;
    let form = match format.required("type", kind)? {
        "text" => Form::Text,
        "json_object" => Form::Object,
        _ => {
            let mut inner = format.need("json_schema", Params::object)?;
            let name = tools::name(&mut inner)?;
            inner.string("description")?;
            let strict = inner.boolean("strict")?.unwrap_or_default();
            let schema = inner.take("schema").unwrap_or_else(|| json!({"type": "object"}));
            inner.finish()?;
            if strict {
                tools::check_answer(&schema, &name, "response_format")?;
            }
            Form::Schema(schema)
        }
    };
    format.finish()?;
    Ok(form)
}

fn audio(params: &mut Params, stream: bool) -> Result<Option<&'static str>> {
    let modalities = params.strings("modalities", 1..=2)?.unwrap_or_default();
    let wanted = modalities.iter().any(|modality| modality == "audio");
    let Some(mut audio) = params.object("audio")? else {
        return if wanted { params.required("audio", None) } else { Ok(None) };
    };
    let voice = audio.take("voice");
    audio.required("voice", voice)?;
    let format =
        audio.need("format", |params, name| params.one_of(name, &["wav", "aac", "mp3", "flac", "opus", "pcm16"]))?;
    audio.finish()?;
    let message = match format {
        "pcm16" => return Ok(wanted.then_some(format)),
        _ if stream => "Streams of audio are pcm16.",
        "wav" => return Ok(wanted.then_some(format)),
        _ => "The sandbox speaks wav and pcm16 only.",
    };
    Err(Error::invalid("audio.format", "unsupported_value", message))
}

/// A fifth of a second of a tone.
fn beep(format: &str) -> Vec<u8> {
    let mut samples = Vec::new();
    voice::tone(&mut samples, 440.0, sound::LEVELS[1], 0.2);
    voice::encode(&samples, if format == "wav" { "wav" } else { "pcm" })
}

fn usage(reply: &Reply, n: usize) -> Value {
    let (input, output) = (reply.input_tokens, reply.output_tokens * n);
    json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

async fn create(Extension(account): Caller, Json(params): Json) -> Result<Response> {
    let wish = Wish::read(params)?;
    let reply = wish.ask.answer();
    if let (Some(failure), false) = (reply.fails, wish.stream) {
        return Err(failure.into());
    }
    let mut world = account.world();
    let id = world.mint("chatcmpl-");
    let created = now();
    let choices: Vec<_> = (0..wish.n).map(|_| wish.message(&reply, &mut world)).collect();
    let shown: Vec<Value> = choices
        .iter()
        .enumerate()
        .map(|(index, (message, finish, logprobs))| {
            json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish})
        })
        .collect();
    let completion = json!({
        "id": id, "object": "chat.completion", "created": created, "model": wish.model, "choices": shown,
        "usage": usage(&reply, wish.n), "service_tier": wish.service_tier, "system_fingerprint": FINGERPRINT,
    });
    if wish.store {
        let mut shown = completion.clone();
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("metadata".to_owned(), wish.metadata.clone().into());
            shown.extend(wish.kept.clone());
        }
        COMPLETIONS.shelf(&mut world, "").insert(id.clone(), Object { shown, content: None });
        let shelf = MESSAGES.shelf(&mut world, &id);
        for (at, message) in wish.messages.iter().enumerate() {
            let shown = stored_message(&id, at, message);
            shelf.insert(format!("{id}-{at}"), Object { shown, content: None });
        }
    }
    if !wish.stream {
        return Ok(Answer(completion).into_response());
    }
    let mut head = completion;
    if let Some(head) = head.as_object_mut() {
        head.remove("usage");
    }
    put(&mut head, "object", "chat.completion.chunk");
    let mut events: Vec<_> = chunks(&wish, &reply, &choices, &head).iter().map(sse::plain).collect();
    if reply.fails.is_none() {
        events.push(sse::text("[DONE]"));
    }
    Ok(sse::paced(events, reply.pause))
}

fn stored_message(id: &str, at: usize, message: &Value) -> Value {
    let mut shown = message.as_object().cloned().unwrap_or_default();
    shown.insert("id".to_owned(), format!("{id}-{at}").into());
    let parts = match shown.get("content") {
        Some(Value::Array(parts)) => {
            let kept = |part: &&Value| part.get("type").is_some_and(|kind| kind == "text" || kind == "image_url");
            parts.iter().filter(kept).cloned().collect()
        }
        _ => Value::Null,
    };
    if !parts.is_null() {
        shown.insert("content".to_owned(), Value::Null);
    }
    shown.insert("content_parts".to_owned(), parts);
    shown.entry("name").or_insert(Value::Null);
    Value::Object(shown)
}

/// The events of a stream, in order.
fn chunks(wish: &Wish, reply: &Reply, choices: &[(Value, &'static str, Value)], head: &Value) -> Vec<Value> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = head.clone();
        put(&mut chunk, "choices", choices);
        if wish.usage {
            put(&mut chunk, "usage", usage);
        }
        chunk
    };
    let mut told = Vec::new();
    for (index, (message, finish, logprobs)) in choices.iter().enumerate() {
        let begun = if message.get("tool_calls").is_some() { Value::Null } else { "".into() };
        let mut deltas = vec![(json!({"role": "assistant", "content": begun, "refusal": null}), Value::Null)];
        let mut tell = |delta: Value, logprobs: Value| deltas.push((delta, logprobs));
        for name in ["content", "refusal"] {
            let Some(text) = message.get(name).and_then(Value::as_str) else { continue };
            for (at, piece) in tokens::pieces(text).into_iter().enumerate() {
                let token = logprobs.get(name).and_then(|list| list.get(at));
                tell(json!({name: piece}), token.map_or(Value::Null, |token| json!({name: [token]})));
            }
        }
        if let Some(annotations) = message.get("annotations").filter(|list| **list != json!([])) {
            tell(json!({"annotations": annotations}), Value::Null);
        }
        if let Some(audio) = message.get("audio") {
            tell(json!({"audio": {"id": text(audio, "id"), "transcript": ""}}), Value::Null);
            for piece in tokens::pieces(text(audio, "transcript")) {
                tell(json!({"audio": {"transcript": piece}}), Value::Null);
            }
            // Every piece is base64 of its own.
            for data in STANDARD.decode(text(audio, "data")).unwrap_or_default().chunks(4096) {
                tell(json!({"audio": {"data": STANDARD.encode(data)}}), Value::Null);
            }
            tell(json!({"audio": {"expires_at": audio.get("expires_at")}}), Value::Null);
        }
        if let Some(call) = message.get("function_call") {
            tell(json!({"function_call": {"name": call.get("name"), "arguments": ""}}), Value::Null);
            for piece in tokens::pieces(text(call, "arguments")) {
                tell(json!({"function_call": {"arguments": piece}}), Value::Null);
            }
        }
        let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
        for (at, call) in calls.enumerate() {
            let (kind, field) =
                if call.get("custom").is_some() { ("custom", "input") } else { ("function", "arguments") };
            let named = call.get(kind).unwrap_or(&Value::Null);
            let mut first = call.clone();
            put(&mut first, "index", at);
            put(&mut first, kind, json!({"name": named.get("name"), field: ""}));
            tell(json!({"tool_calls": [first]}), Value::Null);
            for piece in tokens::pieces(text(named, field)) {
                tell(json!({"tool_calls": [{"index": at, kind: {field: piece}}]}), Value::Null);
            }
        }
        for (delta, logprobs) in deltas {
            told.push(chunk(
                json!([{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": null}]),
                Value::Null,
            ));
        }
        told.push(chunk(
            json!([{"index": index, "delta": {}, "logprobs": null, "finish_reason": finish}]),
            Value::Null,
        ));
    }
    if wish.usage {
        told.push(chunk(json!([]), usage(reply, wish.n)));
    }
    if let Some(failure) = reply.fails {
        told.truncate(3);
        told.push(Error::from(failure).body());
    }
    told
}

async fn messages(Extension(account): Caller, Path(id): Path<String>, Query(query): Query) -> Result<Answer<Value>> {
    let mut world = account.world();
    COMPLETIONS.find(&mut world, "", &id)?;
    MESSAGES.list(&mut world, &id, query).map(Answer)
}
