//! A session: what it hears, its items, its answers.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use openai_mcp_studio::sound::RATE;
use openai_mcp_studio::{hearing, voice};
use serde_json::{Map, Value, json};

use crate::api::models;
use crate::api::realtime::calls::Call;
use crate::api::realtime::response::{Telling, ask, message};
use crate::api::realtime::setup::{set_up, start};
use crate::engine::catalog::Use;
use crate::engine::model::{End as Ends, Said};
use crate::engine::tokens::pieces;
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::Params;
use crate::socket::{End, Out, Party, samples, unknown};
use crate::world::Account;

/// Fewest samples that can be committed: 100 ms.
const FEWEST: usize = RATE as usize / 10;
/// Samples in which loudness is measured, 20 ms, and what is louder than silence.
const WINDOW: usize = RATE as usize / 50;
const LOUD: i16 = 600;

/// An answer that is being given.
struct Running {
    response: Value,
    /// The message as far as it is told.
    item: Option<Value>,
    said: String,
    spoken: bool,
    usage: Value,
}

/// A session over a socket.
pub(crate) struct Session {
    account: Arc<Account>,
    /// As `session.created` shows it.
    config: Value,
    items: Vec<Value>,
    out: Out,
    running: Option<Running>,
    /// Whether the voice was heard, which then stays.
    spoke: bool,
    /// What is heard and not committed.
    buffer: Vec<i16>,
    /// Samples that were heard before those.
    passed: usize,
    /// Where a turn of the user's begins in the buffer, how far it was listened to, and how long it has been silent.
    speech: Option<usize>,
    listened: usize,
    hush: usize,
}

impl Session {
    pub(super) fn new(account: &Arc<Account>, model: Option<&str>) -> Self {
        let mut session = Self::with(account, start(account, model));
        session.out.say("session.created", json!({"session": session.config}));
        session
    }

    pub(super) fn checked(account: &Arc<Account>, model: &str) -> Result<Self> {
        models::check(model, Use::Realtime)?;
        Ok(Self::new(account, Some(model)))
    }

    /// A session beside the client of a call. Its caller speaks once.
    pub(super) fn of_call(account: &Arc<Account>, call: &mut Call) -> Self {
        let mut session = Self::with(account, call.session.clone());
        session.items = std::mem::take(&mut call.items);
        session.out.say("session.created", json!({"session": session.config}));
        if !std::mem::replace(&mut call.greeted, true) {
            let told = text(&session.config, "instructions").to_owned();
            let said = told.split_once("[[caller ").and_then(|(_, rest)| rest.split_once("]]"));
            let said = said.map_or("Hello.", |(said, _)| said).to_owned();
            let id = session.mint("item_");
            let at = json!({"item_id": id, "audio_start_ms": 0});
            session.out.say("input_audio_buffer.speech_started", at);
            session.heard(id, said);
        }
        session
    }

    fn with(account: &Arc<Account>, config: Value) -> Self {
        Session {
            account: account.clone(),
            config,
            items: Vec::new(),
            out: Out::default(),
            running: None,
            spoke: false,
            buffer: Vec::new(),
            passed: 0,
            speech: None,
            listened: 0,
            hush: 0,
        }
    }

    pub(super) fn into_items(self) -> Vec<Value> {
        self.items
    }

    fn mint(&self, prefix: &str) -> String {
        self.account.world().mint(prefix)
    }

    fn transcribes(&self) -> bool {
        text(&self.config, "type") == "transcription"
    }

    /// Whether a magic word is in the instructions or in what the user said last.
    fn asked(&self, word: &str) -> bool {
        let word = format!("[[{word}]]");
        let said = self.items.iter().rev().find(|item| text(item, "role") == "user").map(|item| item.to_string());
        text(&self.config, "instructions").contains(&word) || said.is_some_and(|said| said.contains(&word))
    }

    fn input(&self, name: &str) -> &Value {
        self.config.pointer(&format!("/audio/input/{name}")).unwrap_or(&Value::Null)
    }

    fn update(&mut self, mut event: Params) -> Result<()> {
        let wish = event.need("session", Params::object)?;
        event.finish()?;
        let kind = text(&self.config, "type").to_owned();
        if let Some(told) = wish.peek("type").and_then(Value::as_str).filter(|told| *told != kind) {
            let message = format!("Passing a {told} session update event to a {kind} session is not allowed.");
            return Err(Error::invalid("session.type", "invalid_parameter", message));
        }
        if let Some(model) = wish.peek("model").filter(|model| Some(*model) != self.config.get("model")) {
            let message = format!("Cannot update a conversation's model to {model}.");
            return Err(Error::invalid("session.model", "cannot_update_model", message));
        }
        let before = self.config.pointer("/audio/output/voice").cloned();
        let config = set_up(&self.account, self.config.clone(), wish)?;
        if self.spoke && config.pointer("/audio/output/voice") != before.as_ref() {
            let message = "Cannot update a conversation's voice if assistant audio is present.";
            return Err(Error::invalid("session.audio.output.voice", "cannot_update_voice", message));
        }
        self.config = config;
        self.out.say("session.updated", json!({"session": self.config}));
        Ok(())
    }

    fn append(&mut self, mut event: Params) -> Result<()> {
        let samples = samples(&event.need("audio", Params::string)?, "audio")?;
        event.finish()?;
        self.buffer.extend(samples);
        self.listen();
        Ok(())
    }

    /// Hears turns begin and end, where the session is to.
    fn listen(&mut self) {
        let detection = self.input("turn_detection").clone();
        if detection.is_null() {
            return;
        }
        let silence = detection.get("silence_duration_ms").and_then(Value::as_u64).unwrap_or(500) as usize;
        let is = |name: &str| detection.get(name).and_then(Value::as_bool).unwrap_or(true);
        while let Some(window) = self.buffer.get(self.listened..self.listened + WINDOW) {
            let loud = window.iter().any(|sample| sample.unsigned_abs() > LOUD.unsigned_abs());
            self.listened += WINDOW;
            let ms = (self.passed + self.listened) * 1000 / RATE as usize;
            match (self.speech, loud) {
                (None, true) => {
                    self.speech = Some(self.listened - WINDOW);
                    self.hush = 0;
                    self.out.say(
                        "input_audio_buffer.speech_started",
                        json!({"audio_start_ms": ms, "item_id": "item_next"}),
                    );
                    if self.running.is_some() && is("interrupt_response") {
                        self.interrupt("turn_detected");
                    }
                }
                (Some(_), true) => self.hush = 0,
                (Some(_), false) => {
                    self.hush += 20;
                    if self.hush >= silence {
                        self.out.say(
                            "input_audio_buffer.speech_stopped",
                            json!({"audio_end_ms": ms, "item_id": "item_next"}),
                        );
                        let rest = self.buffer.split_off(self.listened);
                        let said = std::mem::replace(&mut self.buffer, rest);
                        self.passed += said.len();
                        (self.speech, self.listened, self.hush) = (None, 0, 0);
                        self.commit(&said);
                        if !self.transcribes() && is("create_response") {
                            self.respond(Map::new());
                        }
                    }
                }
                (None, false) => {}
            }
        }
    }

    /// Makes an item of what was heard.
    fn commit(&mut self, said: &[i16]) {
        let heard = hearing::hear(voice::encode(said, "wav").into(), "wav").unwrap_or_default();
        let id = self.mint("item_");
        self.heard(id, heard.text());
    }

    fn heard(&mut self, id: String, said: String) {
        let previous = self.items.last().and_then(|item| item.get("id")).cloned();
        self.out.say("input_audio_buffer.committed", json!({"item_id": id, "previous_item_id": previous}));
        let shown = |transcript: Option<&str>| {
            json!({
                "id": id, "type": "message", "object": "realtime.item", "status": "completed", "role": "user",
                "content": [{"type": "input_audio", "transcript": transcript}],
            })
        };
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.out.say(kind, json!({"item": shown(None), "previous_item_id": previous}));
        }
        self.items.push(shown(Some(&said)));
        if !self.input("transcription").is_null() {
            self.transcribe(&id, &said);
        }
    }

    fn transcribe(&mut self, id: &str, said: &str) {
        const KIND: &str = "conversation.item.input_audio_transcription";
        let at = |mut fields: Value| {
            put(&mut fields, "item_id", id);
            put(&mut fields, "content_index", 0);
            fields
        };
        if self.asked("deaf") {
            let error = json!({"type": "server_error", "code": "audio_unintelligible", "message": "The audio could not be transcribed."});
            return self.out.say(&format!("{KIND}.failed"), at(json!({"error": error})));
        }
        let late = self.asked("late");
        let mut events: Vec<(String, Value)> =
            pieces(said).into_iter().map(|word| (format!("{KIND}.delta"), at(json!({"delta": word})))).collect();
        let tokens = pieces(said).len();
        let usage = json!({"type": "tokens", "input_tokens": 10, "output_tokens": tokens, "total_tokens": 10 + tokens});
        events.push((format!("{KIND}.completed"), at(json!({"transcript": said, "usage": usage}))));
        for (kind, fields) in events {
            if late {
                self.out.say_later(Duration::from_millis(20), &kind, fields);
            } else {
                self.out.say(&kind, fields);
            }
        }
    }

    fn create_item(&mut self, mut event: Params) -> Result<()> {
        let after = event.string("previous_item_id")?;
        let item = event.need("item", Params::object)?;
        event.finish()?;
        let item = self.read_item(item)?;
        let at = match after.as_deref() {
            None => self.items.len(),
            Some("root") => 0,
            Some(after) => {
                let found = self.items.iter().position(|item| text(item, "id") == after);
                found.map(|at| at + 1).ok_or_else(|| missing("previous_item_id", after))?
            }
        };
        let previous = at.checked_sub(1).and_then(|at| self.items.get(at)).map(|item| text(item, "id").to_owned());
        self.items.insert(at, item.clone());
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.out.say(kind, json!({"item": item, "previous_item_id": previous}));
        }
        Ok(())
    }

    /// Reads an item, with its id.
    fn read_item(&mut self, mut item: Params) -> Result<Value> {
        const KINDS: &[&str] = &[
            "message",
            "function_call",
            "function_call_output",
            "mcp_approval_response",
            "mcp_approval_request",
            "mcp_call",
        ];
        let kind = item.need("type", |item, name| item.one_of(name, KINDS))?;
        let id = item.string("id")?.unwrap_or_else(|| self.mint("item_"));
        item.one_of("object", &["realtime.item"])?;
        item.one_of("status", &["completed", "incomplete", "in_progress"])?;
        let mut kept = json!({"id": id, "type": kind, "object": "realtime.item", "status": "completed"});
        match kind {
            "message" => {
                let role = item.need("role", |item, name| item.one_of(name, &["user", "assistant", "system"]))?;
                let takes: &[&str] = match role {
                    "user" => &["input_text", "input_audio", "input_image"],
                    "system" => &["input_text"],
                    _ => &["output_text"],
                };
                let parts = item.need("content", |item, name| item.array(name, 1..=64))?;
                let mut content = Vec::new();
                for (path, part) in parts {
                    let mut part = Params::nested(path, part)?;
                    let kind = part.need("type", |part, name| part.one_of(name, takes))?;
                    content.push(match kind {
                        "input_audio" => {
                            let path = part.path("audio");
                            let sound = samples(&part.need("audio", Params::string)?, &path)?;
                            part.string("transcript")?;
                            let heard = hearing::hear(voice::encode(&sound, "wav").into(), "wav").unwrap_or_default();
                            json!({"type": kind, "transcript": heard.text()})
                        }
                        "input_image" => {
                            part.one_of("detail", &["auto", "low", "high"])?;
                            let url = part.need("image_url", Params::string)?;
                            if !url.starts_with("data:image/") {
                                let message = "Expected a data URI of an image.";
                                return Err(Error::invalid(&part.path("image_url"), "invalid_value", message));
                            }
                            json!({"type": kind})
                        }
                        _ => json!({"type": kind, "text": part.need("text", Params::string)?}),
                    });
                    part.finish()?;
                }
                put(&mut kept, "role", role);
                put(&mut kept, "content", content);
            }
            "function_call" => {
                for name in ["name", "arguments", "call_id"] {
                    put(&mut kept, name, item.need(name, Params::string)?);
                }
            }
            "function_call_output" => {
                let call = item.need("call_id", Params::string)?;
                if !self.items.iter().any(|item| text(item, "call_id") == call) {
                    let message = format!("Tool call ID '{call}' not found in conversation.");
                    return Err(Error::invalid("item.call_id", "invalid_tool_call_id", message));
                }
                put(&mut kept, "call_id", call);
                put(&mut kept, "output", item.need("output", Params::string)?);
            }
            _ => _ = item.rest(),
        }
        item.finish()?;
        Ok(kept)
    }
}

impl Session {
    /// Begins to answer; `wish` is what stands above the session's settings.
    fn respond(&mut self, wish: Map<String, Value>) {
        let setting = |name: &str| wish.get(name).or_else(|| self.config.get(name)).cloned().unwrap_or_default();
        let spoken = setting("output_modalities") != json!(["text"]);
        let (instructions, tools, choice) = (setting("instructions"), setting("tools"), setting("tool_choice"));
        let aside = wish.get("conversation").is_some_and(|conversation| conversation == "none");
        let items = match wish.get("input").and_then(Value::as_array) {
            Some(input) => input.clone(),
            None => self.items.clone(),
        };
        let ask = ask(
            instructions.as_str().unwrap_or_default(),
            &items,
            &tools,
            &choice,
            setting("max_output_tokens").as_u64(),
        );
        let reply = ask.answer();
        let id = self.mint("resp_");
        let response = json!({
            "object": "realtime.response", "id": id, "status": "in_progress", "status_details": null, "output": [],
            "conversation_id": if aside { Value::Null } else { "conv_sandbox".into() },
            "output_modalities": if spoken { ["audio"] } else { ["text"] }, "max_output_tokens": setting("max_output_tokens"),
            "audio": {"output": self.config.pointer("/audio/output")}, "usage": null, "metadata": wish.get("metadata"),
        });
        self.out.say_later(Duration::ZERO, "response.created", json!({"response": response}));
        let usage = json!({
            "total_tokens": reply.input_tokens + reply.output_tokens, "input_tokens": reply.input_tokens,
            "output_tokens": reply.output_tokens,
            "input_token_details": {"text_tokens": reply.input_tokens, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0},
            "output_token_details": {
                "text_tokens": if spoken { 0 } else { reply.output_tokens },
                "audio_tokens": if spoken { reply.output_tokens } else { 0 },
            },
        });
        let mut running =
            Running { response: response.clone(), item: None, said: String::new(), spoken, usage: usage.clone() };
        if self.asked("silent") {
            self.running = Some(running);
            return;
        }
        let account = self.account.clone();
        let mint = |prefix: &str| account.world().mint(prefix);
        let mut told = Telling { out: &mut self.out, response: &id, pause: reply.pause };
        let (mut output, mut status, mut details) = (Vec::new(), "completed", Value::Null);
        if let Some(failure) = reply.fails {
            status = "failed";
            details = json!({"type": "failed", "error": {"type": "server_error", "code": failure.code()}});
        } else {
            match &reply.said {
                Said::Text(words) | Said::Refusal(words) => {
                    let id = mint("item_");
                    running.item = Some(message(&id, spoken, "", "in_progress"));
                    if spoken {
                        let voice =
                            self.config.pointer("/audio/output/voice").and_then(Value::as_str).unwrap_or("marin");
                        let speed = self.config.pointer("/audio/output/speed").and_then(Value::as_f64).unwrap_or(1.0);
                        self.spoke = true;
                        let sound = voice::encode(&voice::speak(words, voice, speed), "pcm");
                        output.push(told.message(&id, words, Some(&sound)));
                    } else {
                        output.push(told.message(&id, words, None));
                    }
                }
                Said::Calls(calls) => {
                    for (index, call) in calls.iter().enumerate() {
                        let (id, call_id) = (mint("item_"), mint("call_"));
                        output.push(told.call(index, &id, &call_id, &call.name, &call.arguments));
                    }
                }
            }
            if matches!(reply.end, Ends::Length | Ends::Filter) {
                status = "incomplete";
                let reason = if reply.end == Ends::Length { "max_output_tokens" } else { "content_filter" };
                details = json!({"type": "incomplete", "reason": reason});
            }
        }
        if self.asked("drop") {
            let half = self.out.later.len() / 2;
            self.out.later.truncate(half);
            self.out.end = Some(End::Dropped);
        }
        let mut done = response;
        for (name, value) in
            [("status", status.into()), ("status_details", details), ("output", output.into()), ("usage", usage)]
        {
            put(&mut done, name, value);
        }
        if self.out.end.is_none() {
            self.finish(&done);
        }
        self.running = Some(running);
    }

    fn finish(&mut self, done: &Value) {
        let limits = json!([
            {"name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 0.06},
            {"name": "tokens", "limit": 100_000, "remaining": 99_000, "reset_seconds": 0.6},
        ]);
        self.out.say_later(Duration::ZERO, "response.done", json!({"response": done}));
        self.out.say_later(Duration::ZERO, "rate_limits.updated", json!({"rate_limits": limits}));
    }

    /// Takes back what is not told yet of the answer.
    fn interrupt(&mut self, reason: &str) {
        let Some(running) = self.running.take() else { return };
        self.out.later.clear();
        let Running { mut response, item, said, spoken, usage } = running;
        let output: Vec<Value> =
            item.iter().map(|item| message(text(item, "id"), spoken, &said, "incomplete")).collect();
        self.items.extend(output.iter().cloned());
        let details = json!({"type": "cancelled", "reason": reason});
        for (name, value) in
            [("status", "cancelled".into()), ("status_details", details), ("output", output.into()), ("usage", usage)]
        {
            put(&mut response, name, value);
        }
        self.finish(&response);
    }

    /// Keeps up with what is told.
    fn follow(&mut self, event: &Value) {
        match text(event, "type") {
            "response.output_text.delta" | "response.output_audio_transcript.delta" => {
                if let Some(running) = &mut self.running {
                    running.said.push_str(text(event, "delta"));
                }
            }
            "response.done" => {
                let aside = event.pointer("/response/conversation_id").is_none_or(Value::is_null);
                let cancelled = event.pointer("/response/status").is_some_and(|status| status == "cancelled");
                let output = event.pointer("/response/output").and_then(Value::as_array);
                if !aside && !cancelled {
                    self.items.extend(output.into_iter().flatten().cloned());
                }
                self.running = None;
            }
            _ => {}
        }
    }
}

fn missing(param: &str, id: &str) -> Error {
    let message = format!("Item with item_id '{id}' not found in conversation.");
    Error::invalid(param, "item_not_found", message)
}

impl Party for Session {
    fn take(&mut self, kind: &str, mut event: Params) -> Result<()> {
        if self.asked("expire") && kind != "session.update" {
            let message = "Your session hit the maximum duration of 60 minutes.";
            self.out.end = Some(End::Closed(1001, "session_expired"));
            return Err(Error { kind: "invalid_request_error", ..Error::new(StatusCode::BAD_REQUEST, message) }
                .code("session_expired"));
        }
        match kind {
            "session.update" => self.update(event),
            "input_audio_buffer.append" => self.append(event),
            "input_audio_buffer.commit" => {
                event.finish()?;
                if self.buffer.len() < FEWEST {
                    let message = format!(
                        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has {:.2}ms of audio.",
                        self.buffer.len() as f64 * 1000.0 / f64::from(RATE)
                    );
                    return Err(Error::new(StatusCode::BAD_REQUEST, message).code("input_audio_buffer_commit_empty"));
                }
                let said = std::mem::take(&mut self.buffer);
                self.passed += said.len();
                (self.speech, self.listened) = (None, 0);
                self.commit(&said);
                Ok(())
            }
            "input_audio_buffer.clear" => {
                event.finish()?;
                self.passed += std::mem::take(&mut self.buffer).len();
                (self.speech, self.listened) = (None, 0);
                self.out.say("input_audio_buffer.cleared", json!({}));
                Ok(())
            }
            _ if self.transcribes() => Err(unknown(kind)),
            "conversation.item.create" => self.create_item(event),
            "conversation.item.retrieve" | "conversation.item.delete" => {
                let id = event.need("item_id", Params::string)?;
                event.finish()?;
                let at =
                    self.items.iter().position(|item| text(item, "id") == id).ok_or_else(|| missing("item_id", &id))?;
                if kind.ends_with("retrieve") {
                    let item = self.items.get(at).cloned();
                    self.out.say("conversation.item.retrieved", json!({"item": item}));
                } else {
                    self.items.remove(at);
                    self.out.say("conversation.item.deleted", json!({"item_id": id}));
                }
                Ok(())
            }
            "conversation.item.truncate" => {
                let id = event.need("item_id", Params::string)?;
                let (index, end) =
                    (event.integer("content_index", 0..=64)?, event.integer("audio_end_ms", 0..=i64::MAX)?);
                event.finish()?;
                self.items.iter().find(|item| text(item, "id") == id).ok_or_else(|| missing("item_id", &id))?;
                let fields = json!({"item_id": id, "content_index": index, "audio_end_ms": end});
                self.out.say("conversation.item.truncated", fields);
                Ok(())
            }
            "output_audio_buffer.clear" => event.finish(),
            "response.create" => {
                let wish = event.object("response")?.map_or_else(Map::new, |mut wish| wish.rest());
                event.finish()?;
                if self.running.is_some() {
                    let message = "Conversation already has an active response in progress.";
                    return Err(
                        Error::new(StatusCode::BAD_REQUEST, message).code("conversation_already_has_active_response")
                    );
                }
                self.respond(wish);
                Ok(())
            }
            "response.cancel" => {
                event.string("response_id")?;
                event.finish()?;
                if self.running.is_none() {
                    let message = "Cancellation failed: no active response found.";
                    return Err(Error::new(StatusCode::BAD_REQUEST, message).code("response_cancel_not_active"));
                }
                self.interrupt("client_cancelled");
                Ok(())
            }
            _ => Err(unknown(kind)),
        }
    }

    fn out(&mut self) -> &mut Out {
        &mut self.out
    }

    fn told(&mut self, event: &Value) {
        self.follow(event);
    }
}
