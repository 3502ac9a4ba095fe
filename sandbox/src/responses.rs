//! `/responses`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Extension, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use futures_util::stream;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::conversations;
use crate::error::{Error, Result};
use crate::items::{self, Include, Item, text};
use crate::model::{Failure, pieces};
use crate::params::{Json, Query};
use crate::respond::{Outcome, Wish};
use crate::shelf::{Page, Shelf};
use crate::world::{Account, Caller, World, now};

const LARGEST_BODY: usize = 64 * 1024 * 1024;
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

/// A response, running or ended.
pub(crate) struct Run {
    created_at: u64,
    completed_at: Option<u64>,
    settings: Map<String, Value>,
    include: Include,
    pub(crate) store: bool,
    background: bool,
    streamed: bool,
    conversation: Option<String>,
    /// What precedes the input: the conversation as it was, or the previous response with all that preceded it.
    before: Vec<Item>,
    input: Vec<Item>,
    output: Vec<Item>,
    status: &'static str,
    error: Option<Failure>,
    cut: Option<&'static str>,
    usage: Value,
    events: Vec<Value>,
    changed: watch::Sender<()>,
}

impl Run {
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.input.iter().chain(&self.output)
    }

    fn context(&self) -> impl Iterator<Item = &Item> + Clone {
        self.before.iter().chain(&self.input)
    }

    fn is_running(&self) -> bool {
        matches!(self.status, "queued" | "in_progress")
    }

    fn show(&self, id: &str, include: &Include) -> Value {
        let output: Vec<Value> = self.output.iter().map(|item| include.show(item)).collect();
        let mut shown = json!({
            "id": id, "object": "response", "created_at": self.created_at, "status": self.status,
            "completed_at": self.completed_at, "output": output, "usage": self.usage,
            "conversation": self.conversation.as_ref().map(|id| json!({"id": id})),
            "error": self.error.map(|error| json!({"code": error.code(), "message": Failure::MESSAGE})),
            "incomplete_details": self.cut.map(|reason| json!({"reason": reason})),
        });
        if let Value::Object(fields) = &mut shown {
            fields.extend(self.settings.clone());
        }
        shown
    }

    fn tell(&mut self, mut event: Value) {
        items::put(&mut event, "sequence_number", json!(self.events.len()));
        self.events.push(event);
        self.changed.send_replace(());
    }

    /// Tells of the response as it stands now.
    fn tell_state(&mut self, id: &str, kind: &str) {
        if self.streamed {
            let response = self.show(id, &self.include);
            self.tell(json!({"type": format!("response.{kind}"), "response": response}));
        }
        self.changed.send_replace(());
    }
}

fn missing(id: &str) -> Error {
    Error::not_found(format!("Response with id '{id}' not found."))
}

/// A response that was stored.
fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Run> {
    world.responses.get_mut(id).filter(|run| run.store).ok_or_else(|| missing(id))
}

/// Ends a run before its time. Its conversation is as if it had never been.
fn cut_short(world: &mut World, id: &str) {
    let Some(run) = world.responses.get_mut(id).filter(|run| run.is_running()) else { return };
    run.status = "cancelled";
    run.output.clear();
    run.changed.send_replace(());
    release(world, id, Vec::new());
}

/// Lets the conversation of a response go, with what the response adds to it.
fn release(world: &mut World, id: &str, items: Vec<Item>) {
    let conversation = world.responses.get(id).and_then(|run| run.conversation.clone());
    if let Some(conversation) = conversation.and_then(|id| world.conversations.get_mut(&id)) {
        conversation.response = None;
        conversation.append(items);
    }
}

/// What a request builds on, and its own input, both of which must make sense together.
fn context(world: &mut World, wish: &mut Wish) -> Result<(Vec<Item>, Vec<Item>)> {
    wish.check(world)?;
    let before = match (&wish.conversation, &wish.previous) {
        (Some(id), _) => conversations::find_idle(world, id)?.items(),
        (None, Some(id)) => {
            let absent = || {
                let message = format!("Previous response with id '{id}' not found.");
                Error::invalid("previous_response_id", "previous_response_not_found", message)
            };
            let run = world.responses.get(id).filter(|run| run.store).ok_or_else(absent)?;
            if run.is_running() {
                let message = format!("Previous response with id '{id}' is still in progress.");
                return Err(Error::new(StatusCode::BAD_REQUEST, message).param("previous_response_id"));
            }
            run.context().chain(&run.output).cloned().collect()
        }
        (None, None) => Vec::new(),
    };
    let input = items::settle(world, wish.input.take().unwrap_or_default(), before.iter())?;
    items::check_calls(before.iter().chain(&input))?;
    wish.check_input(before.iter().chain(&input))?;
    Ok((before, input))
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Response> {
    let mut wish = Wish::read(&mut body)?;
    body.finish()?;
    let (id, changed) = {
        let mut world = account.world();
        let (before, input) = context(&mut world, &mut wish)?;
        let id = world.mint("resp_");
        if let Some(conversation) = &wish.conversation {
            conversations::find(&mut world, conversation)?.response = Some(id.clone());
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
        world.responses.insert(id.clone(), run);
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
    let world = account.world();
    let run = world.responses.get(&id).ok_or_else(|| missing(&id))?;
    // Without a stream there is no answer that could hold a failure of the model.
    match run.error {
        Some(failure) if !background => Err(failure.into_error()),
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
        if world.responses.get(&self.id).is_some_and(|run| !run.store) {
            world.responses.remove(&self.id);
        }
    }
}

async fn ended(account: &Account, id: &str, mut changed: watch::Receiver<()>) {
    while account.world().responses.get(id).is_some_and(Run::is_running) {
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
            let (told, running, text) = match account.world().responses.get(&id) {
                None => return None,
                Some(run) => {
                    let new = run.events.get(from..).unwrap_or_default();
                    (new.len(), run.is_running(), new.iter().map(frame).collect::<String>())
                }
            };
            if told > 0 {
                return Some((Ok::<_, Infallible>(text), (account, id, from + told, changed, attended)));
            }
            if !running || changed.changed().await.is_err() {
                return None;
            }
        }
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(events)).into_response()
}

fn frame(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", text(event, "type"))
}

/// A response from its beginning to its end.
async fn run(account: Arc<Account>, id: String, wish: Wish) {
    if wish.background {
        tokio::time::sleep(QUEUED).await;
    }
    {
        let mut world = account.world();
        let Some(run) = world.responses.get_mut(&id).filter(|run| run.is_running()) else { return };
        run.status = "in_progress";
        run.tell_state(&id, "in_progress");
    }
    if wish.background {
        tokio::time::sleep(WORKING).await;
    }
    let (outcome, steps) = {
        let mut world = account.world();
        let Some(run) = world.responses.get(&id).filter(|run| run.is_running()) else { return };
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
        let Some(run) = world.responses.get_mut(&id).filter(|run| run.is_running()) else { return };
        run.output.extend(done);
        if run.streamed {
            run.tell(event);
        }
    }
    end(&mut account.world(), &id, outcome);
}

fn end(world: &mut World, id: &str, outcome: Outcome) {
    let Some(run) = world.responses.get_mut(id).filter(|run| run.is_running()) else { return };
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
                items::put(&mut more, "name", json!(text(item, "name")));
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
    world.responses.remove(&id);
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
    let page = Page::read(&mut query, 20, 100)?;
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
    for (name, default) in [("model", json!("sandbox")), ("input", json!(""))] {
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
