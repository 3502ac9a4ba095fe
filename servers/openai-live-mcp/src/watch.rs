//! Taking part in a session that another client holds. <https://platform.openai.com/docs/guides/live>

use std::collections::VecDeque;
use std::time::Duration;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json::{Members as _, member as text, object};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::socket::Step;
use openai_mcp_shapes::calls::Asked;

tools![Watch];

/// How long a session is watched by default, in seconds.
const PATIENCE: u64 = 45;
/// How long further calls are listened for after the first, unless the response that makes them ends before.
const FURTHER: Duration = Duration::from_secs(1);
/// Most faults that are told, and most decisions: a trigger may decide at every word.
const MOST: usize = 20;

#[request(GET "/live/sessions/{session_id}/attach")]
struct Attach {
    session_id: String,
}

/// Listen in on a session, take on its delegated work, tell the model what to do.
///
/// Gives what was said, delegations, decisions, calls and approvals that wait for you, and errors until `until` or `timeout`;
/// what happens between two calls is missed.
#[tool("live-session-watch")]
struct Watch {
    session_id: String,
    /// Client events, in order: {type: session.commentary.append, content, delegation_id}, session.instructions.append,
    /// {type: response.item.create, item}, {type: response.create}, {type: transport.dtmf.send, event},
    /// {type: session.close}, …
    send: Option<Vec<JsonObject>>,
    /// Ends at the first of these; else after `timeout`.
    until: Option<Until>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, 3600>>,
}

#[shape(read)]
#[derive(Copy, PartialEq)]
enum Until {
    Delegation,
    Decision,
    FunctionCall,
    Close,
}

/// What happened.
#[derive(Default)]
struct Seen {
    said: Vec<(&'static str, String)>,
    delegations: Vec<Value>,
    /// The newest, and how many older ones are left out.
    decisions: VecDeque<Value>,
    older: usize,
    asked: Asked,
    tones: String,
    errors: Vec<Value>,
    usage: Option<Value>,
    /// Whether the model has paused since it heard nothing for long.
    paused: bool,
    closed: Option<String>,
}

impl Watch {
    async fn run(self, cx: Context) -> Result<Output> {
        let patience = self.timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs());
        let patience = Duration::from_secs(patience);
        let (started, mut seen) = (cx.monotonic(), Seen::default());
        let mut socket = cx.connect(&Attach::SPEC, json!({"session_id": self.session_id}), patience).await?;
        for JsonObject(event) in self.send.iter().flatten() {
            socket.push(event.clone().into());
        }
        let mut until = started + patience;
        loop {
            let left = until.saturating_sub(cx.monotonic());
            if left.is_zero() {
                break;
            }
            match socket.step(left).await? {
                Step::Sent => {}
                Step::Event(event) => {
                    if seen.take(&cx, &event) {
                        socket.keep()?;
                    }
                    let reached = match self.until {
                        Some(Until::Delegation) => !seen.delegations.is_empty(),
                        Some(Until::Decision) => !seen.decisions.is_empty(),
                        // Any call, or an approval that one waits for; those that are made together come one by one.
                        Some(Until::FunctionCall) if !seen.asked.is_empty() => {
                            until = until.min(cx.monotonic() + FURTHER);
                            ends_response(&event)
                        }
                        Some(Until::FunctionCall | Until::Close) | None => false,
                    };
                    if reached || seen.closed.is_some() {
                        break;
                    }
                }
                Step::Silence => break,
                Step::Closed(code, reason) => {
                    seen.closed = Some(format!("{code} {reason}").trim_end().to_owned());
                    break;
                }
            }
        }
        cx.flush_text();
        socket.close().await;
        let waited = cx.monotonic().saturating_sub(started).as_secs();
        Ok(Output::json(&seen.told(cx.arguments().clone().without("send"), waited)))
    }
}

impl Seen {
    /// Whether something of the event is kept.
    fn take(&mut self, cx: &Context, event: &Value) -> bool {
        match text(event, "type") {
            "session.input_transcript.delta" => self.hear("user", text(event, "delta")),
            "session.output_transcript.delta" => {
                self.hear("model", text(event, "delta"));
                cx.tell_text(text(event, "delta"));
            }
            "session.delegation.created" => self.delegations.extend(event.get("delegation").cloned()),
            "decision.event" => self.decide(event),
            "response.event" => return self.work(event),
            "transport.dtmf.received" => self.tones.push_str(text(event, "event")),
            "session.paused" => self.paused = true,
            "session.resumed" => self.paused = false,
            "session.usage.updated" => self.usage = event.get("usage").cloned(),
            "session.closed" => {
                self.usage = event.get("usage").cloned();
                self.closed = Some(text(event, "reason").to_owned());
            }
            "error" | "transport.failed" => return self.fail(&failure(event)),
            _ => return false,
        }
        true
    }

    /// Words come without ends of turns: a turn lasts until the other speaks.
    fn hear(&mut self, who: &'static str, words: &str) {
        match self.said.last_mut() {
            Some((speaker, said)) if *speaker == who => said.push_str(words),
            _ => self.said.push((who, words.to_owned())),
        }
    }

    /// What the Decisions model found, of a delegation or at a word.
    fn decide(&mut self, event: &Value) {
        if self.decisions.len() == MOST {
            self.decisions.pop_front();
            self.older += 1;
        }
        let mut told = json!({"answers": event.pointer("/event/decision/answers")});
        for name in ["delegation_id", "trigger_id", "source_event_type"] {
            if let Some(value) = event.get(name).filter(|value| !value.is_null()) {
                told.put(name, value.clone());
            }
        }
        self.decisions.push_back(told);
    }

    /// What the Responses model that works asks for, and why it failed: whether there is something to tell.
    fn work(&mut self, event: &Value) -> bool {
        let (inner, response) = (event.at("event"), event.at("event").at("response"));
        let why = match (text(inner, "type"), text(response, "status")) {
            ("response.output_item.done", _) => return self.asked.take(inner.at("item")),
            // Its members stand in the event itself, whose type is no type of an error.
            ("error", _) => {
                let told = ["code", "message", "param"].map(|name| (name.to_owned(), inner.at(name).clone()));
                failure(&json!({"error": object(told)}))
            }
            (_, "failed") => failure(&json!({"error": response.at("error")})),
            (_, "incomplete") => {
                format!("the response is incomplete: {}", text(response.at("incomplete_details"), "reason"))
            }
            _ => return false,
        };
        match text(event, "delegation_id") {
            "" => self.fail(&why),
            id => self.fail(&format!("delegation {id}: {why}")),
        }
    }

    fn fail(&mut self, why: &str) -> bool {
        let room = self.errors.len() < MOST;
        if room {
            self.errors.push(why.into());
        }
        room
    }

    /// What happened; `again` are the arguments by which the session is watched on.
    fn told(self, mut again: Arguments, waited: u64) -> Value {
        let said: Vec<Value> = self.said.iter().map(|(who, said)| json!({"who": who, "text": said})).collect();
        let mut told = json!({"done": self.closed.is_some(), "waited_seconds": waited, "said": said});
        let mut put = |name: &str, there: bool, value: Value| {
            if there {
                told.put(name, value);
            }
        };
        put("delegations", !self.delegations.is_empty(), self.delegations.into());
        put("decisions", !self.decisions.is_empty(), Vec::from(self.decisions).into());
        put("decisions_left_out", self.older > 0, self.older.into());
        put("dtmf", !self.tones.is_empty(), self.tones.into());
        put("errors", !self.errors.is_empty(), self.errors.into());
        put("paused", self.paused, true.into());
        put("usage", self.usage.is_some(), self.usage.unwrap_or_default());
        if !self.asked.is_empty() {
            again = again.set("send", self.asked.answers("response.item.create"));
        }
        put("next", self.closed.is_none(), json!({"tool": "live-session-watch", "arguments": again}));
        put("closed", self.closed.is_some(), self.closed.unwrap_or_default().into());
        self.asked.tell(&mut told);
        told
    }
}

/// Whether an event ends the response to a delegation.
fn ends_response(event: &Value) -> bool {
    matches!(text(event.at("event"), "type"), "response.completed" | "response.failed" | "response.incomplete")
}

/// What an event with an error tells.
fn failure(event: &Value) -> String {
    Error::event(event.to_string().as_bytes(), None, None).to_string()
}
