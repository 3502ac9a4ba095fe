//! `/live/sessions`: sessions of clients, over sockets and beside both.
//!
//! # Where it differs from the API
//!
//! - Nobody speaks in a session that a client holds over WebRTC. Who attaches to one first hears its user say "Hello.", or
//!   what `[[caller TEXT]]` of the instructions has, and the model answer. An id that begins with `live_incoming` rings
//!   until it is accepted or rejected.
//! - Over a socket, each second of sound is answered by its words, in tones. Work that is delegated to `responses` is told
//!   as begun; work that is delegated to the client is given to it where the user says a word of `delegate`.
//! - A recording is that of the user's words, as WAV. Decisions and triggers are taken and never made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_studio::{hearing, voice};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::api::models;
use crate::api::realtime::calls;
use crate::engine::catalog::Use;
use crate::engine::tokens::pieces;
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::{Json, Params, Query};
use crate::socket::{End, Out, Party, hold, hold_until, samples, unknown};
use crate::world::{Account, Caller, lock, now};

/// How ids of sessions begin that ring when they are first named.
const INCOMING: &str = "live_incoming";
/// How long a session lasts, in seconds.
const LIFE: u64 = 3600;
const KNOWN: &[&str] = &[
    "audio",
    "client",
    "delegation",
    "idle_timeout_s",
    "input",
    "instructions",
    "safety_identifier",
    "store",
    "triggers",
    "wake_policy",
];
/// Bytes of a piece of sound: 200 ms.
const PIECE: usize = 9_600;

/// The sessions of a key.
#[derive(Default)]
struct Sessions(HashMap<String, Arc<Mutex<Session>>>);

struct Session {
    config: Value,
    greeted: bool,
    ringing: bool,
    /// Why it has ended, if it has.
    ended: watch::Sender<Option<&'static str>>,
}

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/live/sessions", post(create).get(open))
        .route("/live/sessions/{id}/attach", get(attach))
        .route("/live/sessions/{id}/fork", post(fork).get(open_fork))
        .route("/live/sessions/{id}/accept", post(accept))
        .route("/live/sessions/{id}/refer", post(refer))
        .route("/live/sessions/{id}/reject", post(reject))
        .route("/live/sessions/{id}/hangup", post(hangup))
        .route("/live/sessions/{id}/content", get(content))
}

fn missing(id: &str) -> Error {
    Error::not_found(format!("No session found with id '{id}'."))
}

/// Reads how a session is to be.
fn read(account: &Account, id: &str, mut wish: Params) -> Result<Value> {
    let model = models::read(&mut wish, None, Use::Live)?;
    let mut config = json!({"id": id, "model": model, "status": "active", "expires_at": now() + LIFE, "store": false});
    for name in KNOWN {
        if wish.mentions(name) {
            put(&mut config, name, wish.take(name).unwrap_or_default());
        }
    }
    wish.finish()?;
    let sessions = account.world().of::<Sessions>().0.len();
    if sessions > 1000 {
        return Err(Error::new(StatusCode::TOO_MANY_REQUESTS, "There are too many sessions."));
    }
    Ok(config)
}

/// Keeps a new session.
fn keep(account: &Account, config: Value, ringing: bool) -> Arc<Mutex<Session>> {
    let id = text(&config, "id").to_owned();
    let session = Session { config, greeted: false, ringing, ended: watch::Sender::new(None) };
    let session = Arc::new(Mutex::new(session));
    account.world().of::<Sessions>().0.insert(id, session.clone());
    session
}

fn find(account: &Account, id: &str) -> Result<Arc<Mutex<Session>>> {
    let known = account.world().of::<Sessions>().0.get(id).cloned();
    match known {
        None if id.starts_with(INCOMING) => Ok(keep(account, json!({"id": id}), true)),
        known => known.ok_or_else(|| missing(id)),
    }
}

fn active(account: &Account, id: &str) -> Result<Arc<Mutex<Session>>> {
    let session = find(account, id)?;
    let ended = lock(&session).ended.borrow().is_some();
    if ended { Err(Error::new(StatusCode::CONFLICT, "The session is closed.")) } else { Ok(session) }
}

fn ringing(account: &Account, id: &str) -> Result<Arc<Mutex<Session>>> {
    let session = active(account, id)?;
    let rings = lock(&session).ringing;
    if rings { Ok(session) } else { Err(Error::new(StatusCode::CONFLICT, "The session does not ring.")) }
}

/// Reads the transport, and gives the answer to its offer.
fn transport(body: &mut Params) -> Result<Value> {
    let mut transport = body.need("transport", Params::object)?;
    transport.need("type", |transport, name| transport.one_of(name, &["webrtc"]))?;
    let sdp = transport.need("sdp", Params::string)?;
    transport.finish()?;
    if !sdp.starts_with("v=0") {
        return Err(Error::invalid("transport.sdp", "invalid_offer", "Failed to parse the SDP offer."));
    }
    let sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=sandbox\r\nt=0 0\r\na=inactive\r\n";
    Ok(json!({"type": "webrtc", "sdp": sdp}))
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let wish = body.need("session", Params::object)?;
    let transport = transport(&mut body)?;
    body.finish()?;
    let id = account.world().mint("live_");
    let config = read(&account, &id, wish)?;
    keep(&account, config, false);
    Ok(Answer(json!({"session": {"id": id}, "transport": transport})))
}

/// What a fork of a closed session begins with.
fn forked(account: &Account, id: &str, changes: Option<Params>) -> Result<Value> {
    let session = find(account, id)?;
    let session = lock(&session);
    if session.ended.borrow().is_none() {
        return Err(Error::new(StatusCode::CONFLICT, "The session is not closed."));
    }
    if session.config.get("store") != Some(&Value::Bool(true)) {
        return Err(Error::new(StatusCode::BAD_REQUEST, "The session was not stored.").code("session_not_stored"));
    }
    let mut config = session.config.clone();
    put(&mut config, "id", account.world().mint("live_"));
    if let Some(mut changes) = changes {
        for name in ["audio", "client", "delegation", "store"] {
            if let Some(value) = changes.take(name) {
                put(&mut config, name, value);
            }
        }
        changes.finish()?;
    }
    Ok(config)
}

async fn fork(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let changes = body.object("session")?;
    let transport = transport(&mut body)?;
    body.finish()?;
    let config = forked(&account, &id, changes)?;
    let id = text(&config, "id").to_owned();
    keep(&account, config, false);
    Ok(Answer(json!({"session": {"id": id}, "transport": transport})))
}

async fn accept(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<StatusCode> {
    let session = ringing(&account, &id)?;
    let mut wish = body.need("session", Params::object)?;
    body.finish()?;
    wish.need("type", |wish, name| wish.one_of(name, &["live"]))?;
    let config = read(&account, &id, wish)?;
    let mut session = lock(&session);
    (session.config, session.ringing) = (config, false);
    Ok(StatusCode::OK)
}

async fn refer(Extension(account): Caller, Path(id): Path<String>, Json(body): Json) -> Result<StatusCode> {
    calls::check_target(body)?;
    lock(&*active(&account, &id)?).ended.send_replace(Some("remote_hangup"));
    Ok(StatusCode::OK)
}

async fn reject(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<StatusCode> {
    body.need("status_code", |body, name| body.integer(name, 400..=699))?;
    body.finish()?;
    lock(&*ringing(&account, &id)?).ended.send_replace(Some("close_requested"));
    Ok(StatusCode::OK)
}

async fn hangup(Extension(account): Caller, Path(id): Path<String>) -> Result<StatusCode> {
    lock(&*active(&account, &id)?).ended.send_replace(Some("close_requested"));
    Ok(StatusCode::OK)
}

async fn content(Extension(account): Caller, Path(id): Path<String>) -> Result<Response> {
    let session = find(&account, &id)?;
    let session = lock(&session);
    if session.ended.borrow().is_none() {
        return Err(Error::new(StatusCode::CONFLICT, "The session is not closed."));
    }
    if session.config.get("store") != Some(&Value::Bool(true)) {
        return Err(Error::not_found("The session was not stored."));
    }
    let sound = voice::encode(&voice::speak(&said_by_user(&session.config), "marin", 1.0), "wav");
    Ok(([(header::CONTENT_TYPE, "audio/wav")], sound).into_response())
}

fn said_by_user(config: &Value) -> String {
    let told = text(config, "instructions");
    let said = told.split_once("[[caller ").and_then(|(_, rest)| rest.split_once("]]"));
    said.map_or("Hello.", |(said, _)| said).to_owned()
}

async fn attach(
    Extension(account): Caller,
    Path(id): Path<String>,
    Query(mut query): Query,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    query.boolean("graceful_close")?;
    query.finish()?;
    let session = active(&account, &id)?;
    Ok(upgrade.on_upgrade(async move |mut socket| {
        let mut side = Side::new(session.clone());
        side.begin();
        let mut ended = lock(&session).ended.subscribe();
        let over = async move { drop(ended.wait_for(Option::is_some).await) };
        if hold_until(&mut socket, &mut side, over).await {
            let reason = lock(&session).ended.borrow().unwrap_or("close_requested");
            side.close(reason);
            hold(&mut socket, &mut side).await;
        }
    }))
}

async fn open(Extension(account): Caller, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| hold(&mut socket, &mut Unstarted::new(account, None)).await)
}

async fn open_fork(Extension(account): Caller, Path(id): Path<String>, upgrade: WebSocketUpgrade) -> Result<Response> {
    find(&account, &id)?;
    Ok(upgrade.on_upgrade(async move |mut socket| hold(&mut socket, &mut Unstarted::new(account, Some(id))).await))
}

/// A session over a socket, which its first event starts.
struct Unstarted {
    account: Arc<Account>,
    /// What it goes on from.
    from: Option<String>,
    side: Option<Side>,
    out: Out,
}

impl Unstarted {
    fn new(account: Arc<Account>, from: Option<String>) -> Self {
        Unstarted { account, from, side: None, out: Out::default() }
    }
}

impl Party for Unstarted {
    fn take(&mut self, kind: &str, mut event: Params) -> Result<()> {
        if let Some(side) = &mut self.side {
            return side.take(kind, event);
        }
        if kind != "session.start" {
            return Err(Error::invalid("type", "session_not_started", "The first event must be session.start."));
        }
        let wish = event.need("session", Params::object)?;
        event.finish()?;
        let config = match &self.from {
            Some(from) => forked(&self.account, from, Some(wish))?,
            None => {
                let id = self.account.world().mint("live_");
                read(&self.account, &id, wish)?
            }
        };
        let session = keep(&self.account, config, false);
        lock(&session).greeted = true;
        let mut side = Side::new(session);
        side.begin();
        self.side = Some(side);
        Ok(())
    }

    fn out(&mut self) -> &mut Out {
        match &mut self.side {
            Some(side) => &mut side.out,
            None => &mut self.out,
        }
    }
}

/// One who takes part in a session.
struct Side {
    session: Arc<Mutex<Session>>,
    heard: Vec<i16>,
    /// Milliseconds since it began.
    at: usize,
    out: Out,
}

impl Side {
    fn new(session: Arc<Mutex<Session>>) -> Self {
        Side { session, heard: Vec::new(), at: 0, out: Out::default() }
    }

    fn begin(&mut self) {
        let mut session = lock(&self.session);
        let (config, greeted) = (session.config.clone(), std::mem::replace(&mut session.greeted, true));
        drop(session);
        self.out.say("session.started", json!({"session": config}));
        if !greeted {
            self.converse(&said_by_user(&config));
        }
    }

    fn config(&self) -> Value {
        lock(&self.session).config.clone()
    }

    /// The user says something, and the model answers.
    fn converse(&mut self, said: &str) {
        self.told("session.input_transcript.delta", said);
        let target = self.config().pointer("/delegation/type").and_then(Value::as_str).unwrap_or_default().to_owned();
        if target == "responses" || (target == "client" && said.to_lowercase().contains("delegate")) {
            let delegation = json!({"id": "dlg_1", "type": "delegation", "target": target});
            self.out.say("session.delegation.created", json!({"delegation": delegation, "offset_ms": self.at}));
            if target == "client" {
                return;
            }
        }
        self.speak(&format!("You said: {said}"));
    }

    fn speak(&mut self, words: &str) {
        self.told("session.output_transcript.delta", words);
        for piece in voice::encode(&voice::speak(words, "marin", 1.0), "pcm").chunks(PIECE) {
            self.out.say("session.output_audio.delta", json!({"delta": STANDARD.encode(piece)}));
        }
        let usage = json!({"seconds": self.at as f64 / 1000.0});
        self.out.say("session.usage.updated", json!({"usage": usage}));
    }

    fn told(&mut self, kind: &str, words: &str) {
        for piece in pieces(words) {
            let (start, end) = (self.at, self.at + 200);
            self.at = end;
            self.out.say(kind, json!({"delta": piece, "start_ms": start, "end_ms": end}));
        }
    }

    fn close(&mut self, reason: &str) {
        let usage = json!({"seconds": self.at as f64 / 1000.0});
        let session = self.config();
        self.out.say("session.closed", json!({"reason": reason, "session": session, "usage": usage}));
        self.out.end = Some(End::Closed(1000, ""));
    }

    /// Says what was heard since, if that is a second.
    fn listen(&mut self) {
        const SECOND: usize = 24_000;
        if self.heard.len() < SECOND {
            return;
        }
        let said = std::mem::take(&mut self.heard);
        let heard = hearing::hear(voice::encode(&said, "wav").into(), "wav").unwrap_or_default().text();
        if !heard.is_empty() {
            self.converse(&heard);
        }
    }
}

impl Party for Side {
    fn take(&mut self, kind: &str, mut event: Params) -> Result<()> {
        match kind {
            "session.input_audio.append" => {
                self.heard.extend(samples(&event.need("audio", Params::string)?, "audio")?);
                event.finish()?;
                self.listen();
            }
            "session.input_audio.mute" | "session.input_audio.unmute" => {
                event.finish()?;
                self.out.say(&format!("{kind}d"), json!({}));
            }
            "session.update" => {
                let mut wish = event.need("session", Params::object)?;
                event.finish()?;
                let mut session = lock(&self.session);
                for name in ["delegation", "triggers"] {
                    if let Some(value) = wish.take(name) {
                        put(&mut session.config, name, value);
                    }
                }
                wish.finish()?;
                let config = session.config.clone();
                drop(session);
                self.out.say("session.updated", json!({"session": config}));
            }
            "session.instructions.append" | "session.thinking.append" | "session.commentary.append" => {
                let content = event.need("content", Params::string)?;
                event.required("delegation_id", event.mentions("delegation_id").then_some(()))?;
                event.take("delegation_id");
                event.finish()?;
                self.out.say(&format!("{kind}ed"), json!({"start_ms": self.at, "end_ms": self.at}));
                if kind == "session.commentary.append" {
                    self.speak(&content);
                }
            }
            "response.item.create" => {
                let item = event.need("item", Params::object)?.rest();
                event.finish()?;
                let told = json!({"type": "response.output_item.added", "item": item});
                self.out.say("response.event", json!({"event": told, "delegation_id": "dlg_1"}));
            }
            "response.create" => {
                event.finish()?;
                let told = json!({"type": "response.completed", "response": {"status": "completed"}});
                self.out.say("response.event", json!({"event": told, "delegation_id": "dlg_1"}));
                self.speak("It is done.");
            }
            "transport.dtmf.send" => {
                let tone = event.need("event", Params::string)?;
                event.finish()?;
                self.out.say("transport.dtmf.sent", json!({"event": tone}));
            }
            "session.close" => {
                event.finish()?;
                self.close("close_requested");
                lock(&self.session).ended.send_replace(Some("close_requested"));
            }
            _ => return Err(unknown(kind)),
        }
        Ok(())
    }

    fn out(&mut self) -> &mut Out {
        &mut self.out
    }
}
