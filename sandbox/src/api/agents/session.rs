//! Sessions: a scripted agent that works turn by turn.
//!
//! # Magic words
//!
//! In what the user says:
//!
//! | words | effect |
//! |---|---|
//! | `[[approve]]` | the turn asks for an approval, and publishes a page if it is given |
//! | `[[file NAME TEXT]]` | a command writes a file, which the turn publishes |
//! | `[[fail]]` | the turn fails |
//! | `[[slow N]]` | N milliseconds pass between its events |
//! | `[[drop]]` | every stream of the session is closed in the middle of the turn |
//!
//! The name of a function of the agent's lets it call the function, with `{}`. Anything else is said back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use futures_util::stream;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast;

use super::agent::AGENTS;
use super::{config, environment};
use crate::api::models;
use crate::content::Content;
use crate::crud::{Collection, Object, Verb};
use crate::engine::catalog::Use;
use crate::engine::tokens;
use crate::error::{Error, Result};
use crate::json;
use crate::params::{Json, Params, Query};
use crate::shelf::Paging;
use crate::sse;
use crate::world::{Account, Caller, World, now};

/// Events that a stream may be behind.
const BEHIND: usize = 4096;

const fn collection(
    path: &'static str,
    object: &'static str,
    prefix: &'static str,
    serves: &'static [Verb],
) -> Collection {
    Collection {
        path,
        serves,
        object,
        prefix,
        fields: &[],
        paging: Paging::NEWEST,
        filters: &[],
        deleted: "",
        missing: |id| Error::not_found(format!("No object with id '{id}' found.")),
    }
}

static SESSIONS: Collection = Collection {
    deleted: "agent.session.deleted",
    missing: |id| Error::not_found(format!("Session with id '{id}' not found.")),
    ..collection("/agents/sessions", "agent.session", "asess_", &[Verb::Get, Verb::Delete])
};
static ITEMS: Collection =
    collection("/agents/sessions/{session_id}/items", "agent.session.item", "item_", &[Verb::List]);
static TURNS: Collection =
    collection("/agents/sessions/{session_id}/turns", "agent.session.turn", "turn_", &[Verb::List, Verb::Get]);
static TRACES: Collection =
    collection("/agents/sessions/{session_id}/traces", "agent.session.trace", "trace_", &[Verb::List]);
static SUBAGENTS: Collection =
    collection("/agents/sessions/{session_id}/subagents", "agent.session.subagent", "sub_", &[Verb::List, Verb::Get]);
static ARTIFACTS: Collection = Collection {
    deleted: "agent.session.artifact.deleted",
    ..collection(
        "/agents/sessions/{session_id}/artifacts",
        "agent.session.artifact",
        "art_",
        &[Verb::List, Verb::Get, Verb::Delete],
    )
};

/// What goes out to those who listen.
#[derive(Clone)]
enum Told {
    Event(Value),
    /// The connection breaks.
    Close,
}

/// What is kept of each session besides what is shown.
#[derive(Default)]
struct Kept(HashMap<String, Inner>);

struct Inner {
    out: broadcast::Sender<Told>,
    /// Keys of requests that were carried out.
    keys: HashSet<String>,
    /// The turn that waits for an answer, and what the user had said.
    waiting: Option<(String, String)>,
}

impl Default for Inner {
    fn default() -> Self {
        Inner { out: broadcast::channel(BEHIND).0, keys: HashSet::new(), waiting: None }
    }
}

pub(super) fn routes() -> Router {
    let of_session = |collection: &'static Collection| collection.routes();
    SESSIONS
        .routes()
        .merge(of_session(&ITEMS))
        .merge(of_session(&TURNS))
        .merge(of_session(&TRACES))
        .merge(of_session(&SUBAGENTS))
        .merge(of_session(&ARTIFACTS))
        .route("/agents/sessions", get(list).post(create))
        .route("/agents/sessions/{id}", post(modify))
        .route("/agents/sessions/{id}/events", get(listen).post(send))
        .route("/agents/sessions/{session_id}/turns/{id}/items", get(turn_items))
        .route("/agents/sessions/{session_id}/artifacts/{id}/content", get(content))
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Answer<Value>> {
    let page = SESSIONS.paging.read(&mut query)?;
    let (agent, labels) = (query.string("agent_id")?, query.bracketed("metadata"));
    query.finish()?;
    let fits = |shown: &Value| {
        agent.as_ref().is_none_or(|agent| shown.pointer("/agent/id").and_then(Value::as_str) == Some(agent))
            && labels
                .iter()
                .all(|(name, value)| shown.pointer(&format!("/metadata/{name}")).and_then(Value::as_str) == Some(value))
    };
    let mut world = account.world();
    SESSIONS
        .shelf(&mut world, "")
        .page(&page, |_, object| fits(&object.shown).then(|| object.shown.clone()))
        .map(Answer)
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Response> {
    let streams = body.boolean("stream")?.unwrap_or_default();
    if let Some(mut options) = body.object("stream_options")? {
        options.boolean("include_obfuscation")?;
        options.finish()?;
    }
    let (session, messages) = {
        let mut world = account.world();
        let agent = agent(&mut world, &mut body)?;
        let given = body.need("environment", Params::object)?;
        let environment = place(&mut world, given)?;
        let review = body.one_of("review", &["none", "auto_review"])?;
        let cache = body.object("prompt_cache_options")?.map(|mut options| options.rest());
        let messages = config::messages(&mut body, "input")?;
        let mut shown = json!({
            "agent": agent, "environment": environment, "error": null, "last_active_at": now(),
            "metadata": config::metadata(&mut body)?, "required_actions": [], "status": "idle", "usage": null,
            "vault_ids": body.strings("vault_ids", 0..=10)?.unwrap_or_default(), "prompt_cache_options": cache,
        });
        if review == Some("auto_review") {
            json::put(&mut shown, "review", review);
        }
        body.finish()?;
        if messages.is_empty() && json::text(&environment, "type") == "none" {
            return Err(Error::invalid("input", "missing_required_parameter", "Missing required parameter: 'input'."));
        }
        (SESSIONS.insert(&mut world, "", members(shown), None), messages)
    };
    let id = json::text(&session, "id").to_owned();
    let events = subscribe(&account, &id);
    let stage = Stage { account: Arc::clone(&account), session: id.clone(), pause: Duration::ZERO };
    stage.tell(json!({"type": "agent.session.created", "session": session}));
    if !messages.is_empty() {
        stage.begin(messages).await;
    }
    if streams {
        return Ok(sse::stream(events));
    }
    let shown = SESSIONS.find(&mut account.world(), "", &id)?.shown.clone();
    Ok(Answer(shown).into_response())
}

fn agent(world: &mut World, body: &mut Params) -> Result<Value> {
    let id = body.string("agent_id")?;
    let mut shown = match &id {
        Some(id) => AGENTS.find(world, "", id)?.shown.clone(),
        None => Value::Null,
    };
    let given = body.object("agent")?;
    if shown.is_null() {
        let mut given = body.required("agent", given)?;
        let model = given.need("model", Params::string)?;
        models::check(&model, Use::Response)?;
        let mut fields = config::read(&mut given, &config::SETTINGS)?;
        given.finish()?;
        fields.insert("model".to_owned(), model.into());
        fields.insert("id".to_owned(), world.mint("agent_").into());
        fields.insert("name".to_owned(), Value::Null);
        return Ok(fields.into());
    }
    if let Some(mut given) = given {
        change(&mut given, &mut shown)?;
        given.finish()?;
    }
    Ok(shown)
}

/// What is said of an agent replaces what it was.
fn change(given: &mut Params, agent: &mut Value) -> Result<()> {
    if given.mentions("model") {
        let model = given.need("model", Params::string)?;
        models::check(&model, Use::Response)?;
        json::put(agent, "model", model);
    }
    for field in &config::SETTINGS {
        if given.mentions(field.name)
            && let Some(value) = (field.read)(given, field.name)?
        {
            json::put(agent, field.name, value);
        }
    }
    Ok(())
}

fn place(world: &mut World, mut given: Params) -> Result<Value> {
    let kind = given.need("type", |params, name| params.one_of(name, &["none", "openai_hosted", "self_hosted"]))?;
    let mut shown = match kind {
        "openai_hosted" => {
            let size = given.one_of("container_size", &["small", "medium", "large"])?;
            let there = given.string("environment_id")?;
            let machine = environment::machine(world, &mut given)?;
            let id = match there {
                Some(id) => json::text(&environment::ENVIRONMENTS.find(world, "", &id)?.shown, "id").to_owned(),
                None => json::text(&environment::insert(world, &machine), "id").to_owned(),
            };
            let mut shown = Value::Object(machine);
            json::put(&mut shown, "id", id);
            json::put(&mut shown, "container_size", size.unwrap_or("medium"));
            shown
        }
        "self_hosted" => {
            let id = world.mint("env_");
            json!({
                "id": id, "remote_url": format!("wss://sandbox.invalid/{id}"),
                "workspace_directory": given.need("workspace_directory", Params::string)?,
                "capability_directories": given.strings("capability_directories", 0..=usize::MAX)?.unwrap_or_default(),
            })
        }
        _ => json!({}),
    };
    given.finish()?;
    json::put(&mut shown, "type", kind);
    Ok(shown)
}

async fn modify(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let mut world = account.world();
    let mut shown = SESSIONS.find(&mut world, "", &id)?.shown.clone();
    if let Some(mut given) = body.object("agent")?
        && let Some(agent) = json::field(&mut shown, "agent")
    {
        change(&mut given, agent)?;
        given.finish()?;
    }
    if body.mentions("metadata") {
        json::put(&mut shown, "metadata", config::metadata(&mut body)?);
    }
    if let Some(review) = body.one_of("review", &["none", "auto_review"])? {
        json::put(&mut shown, "review", review);
    }
    if body.mentions("prompt_cache_options") {
        json::put(&mut shown, "prompt_cache_options", body.object("prompt_cache_options")?.map(|mut it| it.rest()));
    }
    body.finish()?;
    SESSIONS.find(&mut world, "", &id)?.shown = shown.clone();
    Ok(Answer(shown))
}

/// The events of a session from now on.
fn subscribe(
    account: &Account,
    id: &str,
) -> impl futures_util::Stream<Item = axum::response::sse::Event> + Send + use<> {
    let events = account.world().of::<Kept>().0.entry(id.to_owned()).or_default().out.subscribe();
    stream::unfold(events, |mut events| async move {
        match events.recv().await {
            Ok(Told::Event(event)) => Some((sse::named(&event), events)),
            Ok(Told::Close) | Err(_) => None,
        }
    })
}

async fn listen(Extension(account): Caller, Path(id): Path<String>, Query(mut query): Query) -> Result<Response> {
    query.boolean("include_obfuscation")?;
    query.finish()?;
    SESSIONS.find(&mut account.world(), "", &id)?;
    Ok(sse::stream(subscribe(&account, &id)))
}

async fn send(
    Extension(account): Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(mut body): Json,
) -> Result<StatusCode> {
    let mut inputs = Vec::new();
    for (path, value) in body.need("events", |params, name| params.array(name, 1..=100))? {
        inputs.push(Input::read(Params::nested(path, value)?)?);
    }
    body.finish()?;
    {
        let mut world = account.world();
        SESSIONS.find(&mut world, "", &id)?;
        let kept = world.of::<Kept>().0.entry(id.clone()).or_default();
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        if key.is_some_and(|key| !kept.keys.insert(key.to_owned())) {
            return Ok(StatusCode::ACCEPTED);
        }
    }
    let stage = Stage { account, session: id, pause: Duration::ZERO };
    for input in inputs {
        match input {
            Input::Messages(messages) => stage.begin(messages).await,
            Input::Answer { id, said } => stage.go_on(&id, said)?,
            Input::Cancel => stage.cancel(),
        }
    }
    Ok(StatusCode::ACCEPTED)
}

/// What goes into a session.
enum Input {
    Messages(Vec<Value>),
    /// The answer to a request or a call.
    Answer {
        id: String,
        said: Said,
    },
    Cancel,
}

enum Said {
    Approved(bool),
    Output(Value),
}

impl Input {
    fn read(mut event: Params) -> Result<Self> {
        const KINDS: &[&str] = &[
            "agent.session.input.message",
            "agent.session.input.cancel",
            "agent.session.input.tool_result",
            "agent.session.input.mcp_approval_request_result",
        ];
        let kind = event.need("type", |params, name| params.one_of(name, KINDS))?;
        let input = match kind {
            "agent.session.input.message" => Input::Messages(config::messages(&mut event, "input")?),
            "agent.session.input.cancel" => Input::Cancel,
            "agent.session.input.tool_result" => {
                event.need("turn_id", Params::string)?;
                let (id, success) = (event.need("call_id", Params::string)?, event.need("success", Params::boolean)?);
                let (output, error) = (event.take("output"), event.string("error")?);
                let said = if success { output.unwrap_or_default() } else { json!({"error": error}) };
                Input::Answer { id, said: Said::Output(said) }
            }
            _ => {
                let id = event.need("request_id", Params::string)?;
                let mut response = event.need("response", Params::object)?;
                response.need("type", |params, name| params.one_of(name, &["mcp_tool_call"]))?;
                let decision =
                    response.need("decision", |params, name| params.one_of(name, &["approve", "deny", "cancel"]))?;
                response.finish()?;
                Input::Answer { id, said: Said::Approved(decision == "approve") }
            }
        };
        event.finish()?;
        Ok(input)
    }
}

/// A session at work.
#[derive(Clone)]
struct Stage {
    account: Arc<Account>,
    session: String,
    /// Between two events.
    pause: Duration,
}

/// One thing that happens.
enum Step {
    Item(Value),
    Say(String),
    File(String, String),
    Ask(Value),
    Fail,
    Close,
    End,
}

impl Stage {
    fn tell(&self, mut event: Value) {
        let mut world = self.account.world();
        let id = world.mint("event_");
        json::put(&mut event, "event_id", id);
        json::put(&mut event, "session_id", self.session.clone());
        // Where nobody listens nothing is told.
        let _ = world.of::<Kept>().0.entry(self.session.clone()).or_default().out.send(Told::Event(event));
    }

    /// Sets what is shown of the session, and tells it.
    fn status(&self, status: &str, actions: Value) {
        let shown = {
            let mut world = self.account.world();
            let Ok(object) = SESSIONS.find(&mut world, "", &self.session) else { return };
            json::put(&mut object.shown, "status", status);
            json::put(&mut object.shown, "required_actions", actions);
            json::put(&mut object.shown, "last_active_at", now());
            object.shown.clone()
        };
        self.tell(json!({"type": format!("agent.session.{status}"), "session": shown}));
    }

    /// Begins a turn.
    async fn begin(&self, messages: Vec<Value>) {
        let text: Vec<&str> = messages
            .iter()
            .flat_map(|message| message.get("content").and_then(Value::as_array).into_iter().flatten())
            .map(|part| json::text(part, "text"))
            .collect();
        let text = text.join("\n");
        let turn = {
            let mut world = self.account.world();
            let agent = SESSIONS.find(&mut world, "", &self.session).ok();
            let agent = agent.and_then(|session| session.shown.pointer("/agent/id").cloned()).unwrap_or_default();
            let turn = json!({
                "agent_id": agent, "session_id": self.session, "status": "in_progress", "completed_at": null,
                "started_at": now(), "error": null, "subagent_id": null, "usage": null,
            });
            TURNS.insert(&mut world, &self.session, members(turn), None)
        };
        let id = json::text(&turn, "id").to_owned();
        self.tell(json!({"type": "agent.session.turn.created", "turn": turn, "turn_id": id}));
        self.status("in_progress", json!([]));
        self.tell(json!({"type": "agent.session.turn.in_progress", "turn": turn, "turn_id": id}));
        for mut message in messages {
            json::put(&mut message, "status", "completed");
            self.item(&id, message, None);
        }
        let pause = word(&text, "slow").and_then(|pause| pause.trim().parse().ok()).unwrap_or_default();
        let stage = Stage { pause: Duration::from_millis(pause), ..self.clone() };
        let steps = self.steps(&id, &text);
        if pause == 0 {
            stage.play(id, text, steps).await;
        } else {
            tokio::spawn(async move { stage.play(id, text, steps).await });
        }
    }

    /// What a turn does until its end, or until it asks.
    fn steps(&self, turn: &str, text: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        if word(text, "drop").is_some() {
            steps.push(Step::Close);
        }
        if word(text, "fail").is_some() {
            steps.push(Step::Fail);
            return steps;
        }
        if word(text, "approve").is_some() {
            let request = self.account.world().mint("req_");
            let message = "The agent wants to publish a page.";
            steps.push(Step::Ask(json!({
                "type": "mcp_approval_request", "request_id": request, "turn_id": turn,
                "request": {"type": "mcp_tool_call", "server_label": "site", "name": "publish", "arguments": {}, "message": message},
            })));
            return steps;
        }
        let tools = {
            let mut world = self.account.world();
            let session = SESSIONS.find(&mut world, "", &self.session).ok();
            session.and_then(|session| session.shown.pointer("/agent/tools").cloned()).unwrap_or_default()
        };
        let named = tools.as_array().into_iter().flatten().find(|tool| {
            let name = json::text(tool, "name");
            json::text(tool, "type") == "function" && !name.is_empty() && text.contains(name)
        });
        if let Some(tool) = named {
            let call = self.account.world().mint("call_");
            let name = json::text(tool, "name");
            steps.push(Step::Item(json!({
                "type": "function_call", "arguments": {}, "call_id": call, "name": name, "status": "in_progress",
            })));
            steps.push(Step::Ask(json!({
                "type": "function_call", "arguments": {}, "call_id": call, "name": name, "turn_id": turn,
            })));
            return steps;
        }
        if let Some((name, content)) = word(text, "file").and_then(|file| file.trim().split_once(' ')) {
            steps.push(Step::Item(json!({
                "type": "command_execution", "command": format!("write {name}"), "cwd": "/workspace", "duration_ms": 1,
                "exit_code": 0, "output": "", "status": "completed",
            })));
            steps.push(Step::File(name.to_owned(), content.to_owned()));
        }
        steps.push(Step::Say(format!("This is the sandbox, not a model. You said: {text}")));
        steps.push(Step::End);
        steps
    }

    async fn play(&self, turn: String, text: String, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Item(item) => self.item(&turn, item, Some(0)),
                Step::Say(said) => self.say(&turn, &said).await,
                Step::File(name, content) => self.publish(&turn, &name, &content),
                Step::Ask(action) => {
                    let mut world = self.account.world();
                    let kept = world.of::<Kept>().0.entry(self.session.clone()).or_default();
                    kept.waiting = Some((turn.clone(), text.clone()));
                    drop(world);
                    self.turn(&turn, "waiting", None);
                    self.status("requires_action", json!([action]));
                }
                Step::Fail => self.fail(&turn),
                Step::Close => {
                    let mut world = self.account.world();
                    let _ = world.of::<Kept>().0.entry(self.session.clone()).or_default().out.send(Told::Close);
                }
                Step::End => self.end(&turn, "completed"),
            }
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
        }
    }

    fn fail(&self, turn: &str) {
        let error = json!({"code": "sandbox_error", "message": "The sandbox failed as it was asked to."});
        let told = json!({
            "code": "sandbox_error", "message": "The sandbox failed as it was asked to.", "param": null, "type": "server_error",
        });
        self.tell(json!({"type": "error", "error": told}));
        self.turn(turn, "failed", Some(error));
        self.status("idle", json!([]));
    }

    fn end(&self, turn: &str, status: &str) {
        self.turn(turn, status, None);
        self.status("idle", json!([]));
    }

    /// Sets how a turn stands, and tells where it has ended.
    fn turn(&self, id: &str, status: &str, error: Option<Value>) {
        let ended = matches!(status, "completed" | "failed" | "cancelled");
        let shown = {
            let mut world = self.account.world();
            let Ok(object) = TURNS.find(&mut world, &self.session, id) else { return };
            json::put(&mut object.shown, "status", status);
            json::put(&mut object.shown, "error", error);
            if ended {
                json::put(&mut object.shown, "completed_at", now());
            }
            let shown = object.shown.clone();
            if ended {
                let trace = json!({"session_id": self.session, "otlp": {"resourceSpans": []}});
                TRACES.insert(&mut world, &self.session, members(trace), None);
            }
            shown
        };
        if ended {
            self.tell(
                json!({"type": format!("agent.session.turn.{status}"), "turn": shown, "turn_id": id, "usage": null}),
            );
        }
    }

    /// Keeps an item, and tells of it.
    fn item(&self, turn: &str, mut item: Value, index: Option<u32>) {
        json::put(&mut item, "turn_id", turn);
        let shown = ITEMS.insert(&mut self.account.world(), &self.session, members(item), None);
        self.tell(json!({
            "type": "agent.session.turn.item.added", "item": shown, "output_index": index, "turn_id": turn,
        }));
        if index.is_some() && json::text(&shown, "status") == "completed" {
            self.tell(json!({
                "type": "agent.session.turn.item.done", "item": shown, "output_index": index, "turn_id": turn,
            }));
        }
    }

    /// Says something piece by piece.
    async fn say(&self, turn: &str, said: &str) {
        let whole = json!({
            "type": "message", "role": "assistant", "status": "in_progress", "phase": "final_answer", "turn_id": turn,
            "content": [],
        });
        let shown = ITEMS.insert(&mut self.account.world(), &self.session, members(whole), None);
        let id = json::text(&shown, "id").to_owned();
        let part = |text: &str| json!({"type": "output_text", "text": text});
        let event = |kind: &str, more: Value| {
            let mut event = json!({
                "type": format!("agent.session.turn.{kind}"), "item_id": id, "output_index": 0, "content_index": 0,
                "turn_id": turn,
            });
            if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
                event.extend(more);
            }
            self.tell(event);
        };
        self.tell(json!({
            "type": "agent.session.turn.item.added", "item": shown, "output_index": 0, "turn_id": turn,
        }));
        event("content_part.added", json!({"part": part("")}));
        for piece in tokens::pieces(said) {
            event("output_text.delta", json!({"delta": piece}));
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
        }
        event("output_text.done", json!({"text": said}));
        event("content_part.done", json!({"part": part(said)}));
        let shown = {
            let mut world = self.account.world();
            let Ok(object) = ITEMS.find(&mut world, &self.session, &id) else { return };
            json::put(&mut object.shown, "status", "completed");
            json::put(&mut object.shown, "content", json!([part(said)]));
            object.shown.clone()
        };
        self.tell(json!({"type": "agent.session.turn.item.done", "item": shown, "output_index": 0, "turn_id": turn}));
    }

    fn publish(&self, turn: &str, name: &str, content: &str) {
        let mut world = self.account.world();
        let session = SESSIONS.find(&mut world, "", &self.session).ok();
        let environment = session.and_then(|session| session.shown.pointer("/environment/id").cloned());
        let Some(environment) = environment else { return };
        let artifact = json!({
            "environment_id": environment, "path": format!("/workspace/outputs/{name}"), "session_id": self.session,
            "size_bytes": content.len(), "turn_id": turn,
        });
        let bytes = Content::holding(content.as_bytes());
        ARTIFACTS.insert(&mut world, &self.session, members(artifact), Some(bytes));
    }

    /// Goes on with a turn whose question was answered.
    fn go_on(&self, id: &str, said: Said) -> Result<()> {
        let (turn, name) = {
            let mut world = self.account.world();
            let session = &SESSIONS.find(&mut world, "", &self.session)?.shown;
            let asked = session.pointer("/required_actions/0").cloned().unwrap_or_default();
            let is = ["request_id", "call_id"].iter().any(|name| json::text(&asked, name) == id);
            let kept = world.of::<Kept>().0.entry(self.session.clone()).or_default();
            match kept.waiting.take_if(|_| is) {
                Some((turn, _)) => (turn, json::text(&asked, "name").to_owned()),
                None => {
                    let message = format!("Nothing with the id '{id}' waits for an answer.");
                    return Err(Error::invalid("events", "invalid_value", message));
                }
            }
        };
        self.turn(&turn, "in_progress", None);
        self.status("in_progress", json!([]));
        let answer = match said {
            Said::Approved(true) => {
                self.item(
                    &turn,
                    json!({
                        "type": "mcp_call", "name": "publish", "server_label": "site", "arguments": {}, "error": null,
                        "output": "published", "status": "completed",
                    }),
                    Some(0),
                );
                "The page is published.".to_owned()
            }
            Said::Approved(false) => "The page is not published.".to_owned(),
            Said::Output(output) => {
                let item = json!({
                    "type": "function_call_output", "call_id": id, "error": null, "output": output, "status": "completed",
                });
                self.item(&turn, item, None);
                format!("{name} gave {output}")
            }
        };
        let stage = self.clone();
        tokio::spawn(async move {
            stage.say(&turn, &answer).await;
            stage.end(&turn, "completed");
        });
        Ok(())
    }

    fn cancel(&self) {
        let turn = {
            let mut world = self.account.world();
            world.of::<Kept>().0.entry(self.session.clone()).or_default().waiting = None;
            let open = TURNS.shelf(&mut world, &self.session).iter().rev();
            let open = open.map(|(_, turn)| &turn.shown).find(|turn| turn.get("completed_at") == Some(&Value::Null));
            open.map(|turn| json::text(turn, "id").to_owned())
        };
        if let Some(turn) = turn {
            self.end(&turn, "cancelled");
        }
    }
}

/// What stands after a magic word, if it is there.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("[[{word}"))?;
    rest.split_once("]]").map(|(inside, _)| inside)
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

async fn turn_items(
    Extension(account): Caller,
    Path((session, turn)): Path<(String, String)>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let page = ITEMS.paging.read(&mut query)?;
    query.finish()?;
    let mut world = account.world();
    TURNS.find(&mut world, &session, &turn)?;
    let of_turn = |_: &str, item: &Object| (json::text(&item.shown, "turn_id") == turn).then(|| item.shown.clone());
    ITEMS.shelf(&mut world, &session).page(&page, of_turn).map(Answer)
}

async fn content(Extension(account): Caller, Path((session, id)): Path<(String, String)>) -> Result<Response> {
    let mut world = account.world();
    let content = ARTIFACTS.find(&mut world, &session, &id)?.content.clone().unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], content.into_body()).into_response())
}
