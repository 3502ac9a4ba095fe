//! `/responses`.
//!
//! # Where it differs from the API
//!
//! - What is answered is told in [`crate::engine::model`]. Hosted tools are used by rule: file search once for each message
//!   of the user, the code interpreter when the message has a digit or a word like `solve`, image
//!   generation when it has one like `draw`, web search when it has one like `news`, an MCP server when its label or a tool
//!   of it is named. The code interpreter runs no code and says so; the web has one page, and MCP servers answer the same to
//!   everything, by the tools of `allowed_tools` or one called `lookup`; an image whose size is left to the model is 512x512.
//!   Other hosted tools are taken and never used. The answer quotes and cites the best passage found, no other.
//! - A response in the background is `queued` for 200 ms and `in_progress` for 200 ms before the model says anything.
//! - A conversation gains the items of a response that ends `completed` or `incomplete`; one that is `failed` or
//!   `cancelled` leaves nothing. Who hangs up on a response in the foreground cancels it.
//! - Reasoning items come only where a summary is asked for. What is `encrypted_content` holds nothing, so a compacted
//!   context keeps the messages of the user alone. Events carry no `obfuscation`, and texts no log probabilities.

mod hosted;
mod wish;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Extension, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch;

use self::wish::{Outcome, Wish};
use crate::api::history::{Conversations, Run, Runs, conversation, idle_conversation, settle};
use crate::api::items::{self, Include, Item};
use crate::engine::tokens::pieces;
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::{Json, Params, Query};
use crate::shelf::{Paging, Shelf};
use crate::sse;
use crate::world::{Account, Caller, World, now};

const LARGEST_BODY: usize = 64 * 1024 * 1024;
/// The model where none is named, and none has to be.
const UNNAMED: &str = "gpt-5.5";
/// How long a response in the background waits, and then works before the model says anything.
const QUEUED: Duration = Duration::from_millis(200);
const WORKING: Duration = Duration::from_millis(200);

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/responses", post(create))
        .route("/responses/input_tokens", post(count_tokens))
        .route("/responses/compact", post(compact))
        .route("/responses/{id}", get(retrieve).delete(delete))
        .route("/responses/{id}/cancel", post(cancel))
        .route("/responses/{id}/input_items", get(list_input))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

fn missing(id: &str) -> Error {
    Error::not_found(format!("Response with id '{id}' not found."))
}

/// A response that was stored.
fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Run> {
    world.of::<Runs>().0.get_mut(id).filter(|run| run.store).ok_or_else(|| missing(id))
}

/// Ends a run before its time. Its conversation is as if it had never been.
fn cut_short(world: &mut World, id: &str) {
    let Some(run) = world.of::<Runs>().0.get_mut(id).filter(|run| run.is_running()) else { return };
    run.status = "cancelled";
    run.output.clear();
    run.changed.send_replace(());
    release(world, id, Vec::new());
}

/// Lets the conversation of a response go, with what the response adds to it.
fn release(world: &mut World, id: &str, items: Vec<Item>) {
    let conversation = world.of::<Runs>().0.get(id).and_then(|run| run.conversation.clone());
    if let Some(conversation) = conversation.and_then(|id| world.of::<Conversations>().0.get_mut(&id)) {
        conversation.response = None;
        conversation.append(items);
    }
}

/// What a request builds on, and its own input, both of which must make sense together.
fn context(world: &mut World, wish: &mut Wish) -> Result<(Vec<Item>, Vec<Item>)> {
    wish.check(world)?;
    let before = match (&wish.conversation, &wish.previous) {
        (Some(id), _) => idle_conversation(world, id)?.items(),
        (None, Some(id)) => {
            let absent = || {
                let message = format!("Previous response with id '{id}' not found.");
                Error::invalid("previous_response_id", "previous_response_not_found", message)
            };
            let run = world.of::<Runs>().0.get(id).filter(|run| run.store).ok_or_else(absent)?;
            if run.is_running() {
                let message = format!("Previous response with id '{id}' is still in progress.");
                return Err(Error::new(StatusCode::BAD_REQUEST, message).param("previous_response_id"));
            }
            run.context().chain(&run.output).cloned().collect()
        }
        (None, None) => Vec::new(),
    };
    let input = settle(world, wish.input.take().unwrap_or_default(), before.iter())?;
    items::check_calls(before.iter().chain(&input))?;
    wish.check_input(before.iter().chain(&input))?;
    Ok((before, input))
}

/// Whether a request is the beta one of its path.
fn is_beta(query: &mut Params) -> Result<bool> {
    Ok(query.boolean("beta")?.unwrap_or(false))
}

async fn create(Extension(account): Caller, Query(mut query): Query, Json(mut body): Json) -> Result<Response> {
    if is_beta(&mut query)?
        && let Some(mut agents) = body.object("multi_agent")?
    {
        agents.need("enabled", Params::boolean)?;
        agents.integer("max_concurrent_subagents", 1..=i64::MAX)?;
        agents.finish()?;
    }
    query.finish()?;
    let mut wish = Wish::read(&mut body)?;
    body.finish()?;
    let (id, changed) = {
        let mut world = account.world();
        let (before, input) = context(&mut world, &mut wish)?;
        let id = world.mint("resp_");
        if let Some(held) = &wish.conversation {
            conversation(&mut world, held)?.response = Some(id.clone());
        }
        let mut run = Run {
            created_at: now(),
            completed_at: None,
            settings: std::mem::take(&mut wish.settings),
            include: wish.include.clone().and(items::REASONING),
            store: wish.store,
            background: wish.background,
            streamed: wish.stream,
            conversation: wish.conversation.clone(),
            before,
            input,
            output: Vec::new(),
            status: if wish.background { "queued" } else { "in_progress" },
            error: None,
            cut: None,
            usage: Value::Null,
            events: Vec::new(),
            changed: watch::Sender::new(()),
        };
        run.tell_state(&id, "created");
        if wish.background {
            run.tell_state(&id, "queued");
        }
        let changed = run.changed.subscribe();
        world.of::<Runs>().0.insert(id.clone(), run);
        (id, changed)
    };
    let attended = (!wish.background).then(|| Attended { account: Arc::clone(&account), id: id.clone() });
    let (stream, background) = (wish.stream, wish.background);
    tokio::spawn(run(Arc::clone(&account), id.clone(), wish));
    if stream {
        return Ok(follow(account, id, 0, changed, attended));
    }
    if !background {
        ended(&account, &id, changed).await;
    }
    let mut world = account.world();
    let run = world.of::<Runs>().0.get(&id).ok_or_else(|| missing(&id))?;
    // Without a stream there is no answer that could hold a failure of the model.
    match run.error {
        Some(failure) if !background => Err(failure.into()),
        _ => Ok(Answer(run.show(&id, &run.include)).into_response()),
    }
}

/// A response that somebody waits for. Who hangs up ends it; one that is not stored is forgotten.
struct Attended {
    account: Arc<Account>,
    id: String,
}

impl Drop for Attended {
    fn drop(&mut self) {
        let mut world = self.account.world();
        cut_short(&mut world, &self.id);
        if world.of::<Runs>().0.get(&self.id).is_some_and(|run| !run.store) {
            world.of::<Runs>().0.remove(&self.id);
        }
    }
}

async fn ended(account: &Account, id: &str, mut changed: watch::Receiver<()>) {
    while account.world().of::<Runs>().0.get(id).is_some_and(Run::is_running) {
        if changed.changed().await.is_err() {
            return;
        }
    }
}

/// The events of a response from one on, as they come, until it ends.
fn follow(
    account: Arc<Account>,
    id: String,
    from: usize,
    changed: watch::Receiver<()>,
    attended: Option<Attended>,
) -> Response {
    let events = stream::unfold((account, id, from, changed, attended), |state| async move {
        let (account, id, from, mut changed, attended) = state;
        loop {
            let (event, running) = match account.world().of::<Runs>().0.get(&id) {
                None => return None,
                Some(run) => (run.events.get(from).map(sse::named), run.is_running()),
            };
            if let Some(event) = event {
                return Some((event, (account, id, from + 1, changed, attended)));
            }
            if !running || changed.changed().await.is_err() {
                return None;
            }
        }
    });
    sse::stream(events)
}

/// A response from its beginning to its end.
async fn run(account: Arc<Account>, id: String, wish: Wish) {
    if wish.background {
        tokio::time::sleep(QUEUED).await;
    }
    {
        let mut world = account.world();
        let Some(run) = world.of::<Runs>().0.get_mut(&id).filter(|run| run.is_running()) else { return };
        run.status = "in_progress";
        run.tell_state(&id, "in_progress");
    }
    if wish.background {
        tokio::time::sleep(WORKING).await;
    }
    let (outcome, steps) = {
        let mut world = account.world();
        let Some(run) = world.of::<Runs>().0.get(&id).filter(|run| run.is_running()) else { return };
        let (context, include): (Vec<Item>, Include) = (run.context().cloned().collect(), run.include.clone());
        let outcome = wish.answer(&mut world, &context);
        let items = outcome.items.iter().enumerate();
        let mut steps: Vec<Step> = items.flat_map(|(at, item)| steps(at, item, &include)).collect();
        if outcome.error.is_some() {
            steps.truncate(steps.len() / 2);
        }
        (outcome, steps)
    };
    for Step { event, done } in steps {
        if !outcome.pause.is_zero() {
            tokio::time::sleep(outcome.pause).await;
        }
        let mut world = account.world();
        let Some(run) = world.of::<Runs>().0.get_mut(&id).filter(|run| run.is_running()) else { return };
        run.output.extend(done);
        if run.streamed {
            run.tell(event);
        }
    }
    end(&mut account.world(), &id, outcome);
}

fn end(world: &mut World, id: &str, outcome: Outcome) {
    let Some(run) = world.of::<Runs>().0.get_mut(id).filter(|run| run.is_running()) else { return };
    let mut added = Vec::new();
    run.status = match (outcome.error, outcome.cut) {
        (Some(_), _) => "failed",
        (None, Some(_)) => "incomplete",
        (None, None) => "completed",
    };
    if outcome.error.is_some() {
        run.output.clear();
    } else {
        added.extend(run.items().cloned());
        run.usage = outcome.usage;
    }
    if run.status == "completed" {
        run.completed_at = Some(now());
    }
    (run.error, run.cut) = (outcome.error, outcome.cut);
    run.tell_state(id, run.status);
    release(world, id, added);
}

/// An event on the way to a finished item, and the item if the event finishes it.
struct Step {
    event: Value,
    done: Option<Item>,
}

/// The events that tell of an item, without their numbers.
fn steps(at: usize, item: &Item, include: &Include) -> Vec<Step> {
    let id = text(item, "id");
    let mut events = Vec::new();
    // Every event between the first and the last names the item and its place.
    let mut tell = |kind: &str, more: Value| {
        let mut event = json!({"type": format!("response.{kind}"), "item_id": id, "output_index": at});
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more);
        }
        events.push(event);
    };
    let mut blank = Value::clone(item);
    let mut clear = |field: &str, value: Value| _ = blank.get_mut(field).map(|place| *place = value);
    clear("status", json!("in_progress"));
    match text(item, "type") {
        "message" => {
            clear("content", json!([]));
            for (index, part) in item.get("content").and_then(Value::as_array).into_iter().flatten().enumerate() {
                let (kind, field) =
                    if text(part, "type") == "refusal" { ("refusal", "refusal") } else { ("output_text", "text") };
                let said = text(part, field);
                let mut empty = part.clone();
                for (field, value) in empty.as_object_mut().into_iter().flatten() {
                    match field.as_str() {
                        "text" | "refusal" => *value = json!(""),
                        "annotations" => *value = json!([]),
                        _ => {}
                    }
                }
                tell("content_part.added", json!({"content_index": index, "part": empty}));
                // A refusal has no probabilities.
                let with = |field: &str, text: &str| match kind {
                    "refusal" => json!({"content_index": index, field: text}),
                    _ => json!({"content_index": index, field: text, "logprobs": []}),
                };
                for piece in pieces(said) {
                    tell(&format!("{kind}.delta"), with("delta", piece));
                }
                let annotations = part.get("annotations").and_then(Value::as_array).into_iter().flatten();
                for (annotation_index, annotation) in annotations.enumerate() {
                    let more = json!({
                        "content_index": index, "annotation_index": annotation_index, "annotation": annotation,
                    });
                    tell("output_text.annotation.added", more);
                }
                tell(&format!("{kind}.done"), with(field, said));
                tell("content_part.done", json!({"content_index": index, "part": part}));
            }
        }
        kind @ ("function_call" | "custom_tool_call") => {
            let (field, name) = if kind == "function_call" {
                ("arguments", "function_call_arguments")
            } else {
                ("input", "custom_tool_call_input")
            };
            clear(field, json!(""));
            for piece in pieces(text(item, field)) {
                tell(&format!("{name}.delta"), json!({"delta": piece}));
            }
            let mut more = json!({field: text(item, field)});
            if kind == "function_call" {
                put(&mut more, "name", text(item, "name"));
            }
            tell(&format!("{name}.done"), more);
        }
        "file_search_call" => {
            clear("queries", json!([]));
            clear("results", Value::Null);
            for stage in ["in_progress", "searching", "completed"] {
                tell(&format!("file_search_call.{stage}"), json!({}));
            }
        }
        "code_interpreter_call" => {
            clear("code", json!(""));
            clear("outputs", Value::Null);
            let code = text(item, "code");
            tell("code_interpreter_call.in_progress", json!({}));
            for piece in pieces(code) {
                tell("code_interpreter_call_code.delta", json!({"delta": piece}));
            }
            tell("code_interpreter_call_code.done", json!({"code": code}));
            tell("code_interpreter_call.interpreting", json!({}));
            tell("code_interpreter_call.completed", json!({}));
        }
        "web_search_call" => {
            for stage in ["in_progress", "searching", "completed"] {
                tell(&format!("web_search_call.{stage}"), json!({}));
            }
        }
        "mcp_list_tools" => {
            clear("tools", json!([]));
            for stage in ["in_progress", "completed"] {
                tell(&format!("mcp_list_tools.{stage}"), json!({}));
            }
        }
        "mcp_call" => {
            let arguments = text(item, "arguments");
            clear("arguments", json!(""));
            clear("output", Value::Null);
            tell("mcp_call.in_progress", json!({}));
            for piece in pieces(arguments) {
                tell("mcp_call_arguments.delta", json!({"delta": piece}));
            }
            tell("mcp_call_arguments.done", json!({"arguments": arguments}));
            tell("mcp_call.completed", json!({}));
        }
        "image_generation_call" => {
            clear("result", Value::Null);
            for stage in ["in_progress", "generating", "completed"] {
                tell(&format!("image_generation_call.{stage}"), json!({}));
            }
        }
        "reasoning" => {
            clear("summary", json!([]));
            let summary = item.get("summary").and_then(Value::as_array).into_iter().flatten();
            for (index, part) in summary.enumerate() {
                let said = text(part, "text");
                let empty = json!({"type": "summary_text", "text": ""});
                tell("reasoning_summary_part.added", json!({"summary_index": index, "part": empty}));
                for piece in pieces(said) {
                    tell("reasoning_summary_text.delta", json!({"summary_index": index, "delta": piece}));
                }
                tell("reasoning_summary_text.done", json!({"summary_index": index, "text": said}));
                tell("reasoning_summary_part.done", json!({"summary_index": index, "part": part}));
            }
        }
        _ => {}
    }
    let added = json!({"type": "response.output_item.added", "output_index": at, "item": blank});
    let done = json!({"type": "response.output_item.done", "output_index": at, "item": include.show(item)});
    let first = Step { event: added, done: None };
    let last = Step { event: done, done: Some(Item::clone(item)) };
    let between = events.into_iter().map(|event| Step { event, done: None });
    [first].into_iter().chain(between).chain([last]).collect()
}

async fn retrieve(Extension(account): Caller, Path(id): Path<String>, Query(mut query): Query) -> Result<Response> {
    is_beta(&mut query)?;
    let include = Include::read(&mut query)?;
    let stream = query.boolean("stream")?.unwrap_or(false);
    let after = query.integer("starting_after", 0..=i64::MAX)?;
    query.boolean("include_obfuscation")?;
    query.finish()?;
    let mut world = account.world();
    let run = find(&mut world, &id)?;
    if !stream {
        return Ok(Answer(run.show(&id, &include)).into_response());
    }
    if !(run.background && run.streamed) {
        let message =
            "This response cannot be streamed because it was not created with background=true and stream=true.";
        return Err(Error::invalid("stream", "invalid_value", message));
    }
    let from = after.map_or(0, |after| usize::try_from(after).map_or(usize::MAX, |after| after.saturating_add(1)));
    let changed = run.changed.subscribe();
    drop(world);
    Ok(follow(account, id, from, changed, None))
}

async fn delete(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    find(&mut world, &id)?;
    cut_short(&mut world, &id);
    world.of::<Runs>().0.remove(&id);
    Ok(Answer(json!({"id": id, "object": "response", "deleted": true})))
}

async fn cancel(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    if !find(&mut world, &id)?.background {
        return Err(Error::new(StatusCode::BAD_REQUEST, "Cannot cancel a synchronous response."));
    }
    cut_short(&mut world, &id);
    let run = find(&mut world, &id)?;
    Ok(Answer(run.show(&id, &run.include)))
}

async fn list_input(
    Extension(account): Caller,
    Path(id): Path<String>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    is_beta(&mut query)?;
    let page = Paging::NEWEST.read(&mut query)?;
    let include = Include::read(&mut query)?;
    query.finish()?;
    let mut world = account.world();
    let mut all = Shelf::default();
    for item in find(&mut world, &id)?.context() {
        all.insert(text(item, "id").to_owned(), Item::clone(item));
    }
    all.page(&page, |_, item| Some(include.show(item))).map(Answer)
}

async fn count_tokens(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    body.one_of("personality", &["friendly", "pragmatic"])?;
    for (name, default) in [("model", json!(UNNAMED)), ("input", json!(""))] {
        if body.peek(name).is_none_or(Value::is_null) {
            body.put(name, default);
        }
    }
    let mut wish = Wish::read(&mut body)?;
    body.finish()?;
    let (before, input) = context(&mut account.world(), &mut wish)?;
    let context: Vec<Item> = before.into_iter().chain(input).collect();
    Ok(Answer(json!({"object": "response.input_tokens", "input_tokens": wish.input_tokens(&context)})))
}

async fn compact(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    // It has to be there, and may be null.
    if body.peek("model").is_some_and(Value::is_null) {
        body.put("model", json!(UNNAMED));
    }
    if let Some(key) = body.bounded("prompt_cache_key", 0..=64)? {
        body.put("prompt_cache_key", key.into());
    }
    let mut wish = Wish::read(&mut body)?;
    body.finish()?;
    let mut world = account.world();
    let (before, input) = context(&mut world, &mut wish)?;
    let all: Vec<Item> = before.into_iter().chain(input).collect();
    let read = wish.input_tokens(&all);
    let of_user = all.iter().filter(|item| text(item, "type") == "message" && text(item, "role") == "user");
    let mut output: Vec<Value> = of_user.map(|item| Value::clone(item)).collect();
    output.push(json!({
        "id": items::mint(&mut world, "compaction"), "type": "compaction", "encrypted_content": "c2FuZGJveA==",
    }));
    Ok(Answer(json!({
        "id": world.mint("resp_"), "object": "response.compaction", "created_at": now(), "output": output,
        "usage": {
            "input_tokens": read, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 0, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": read,
        },
    })))
}
