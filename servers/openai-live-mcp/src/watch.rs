//! Taking part in a session that another client holds. <https://platform.openai.com/docs/guides/live>

use std::time::Duration;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json::{Members as _, member as text};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::socket::Step;
use openai_mcp_shapes::{Patience, calls};

tools![Watch];

/// How long a session is watched by default, in seconds.
const PATIENCE: u64 = 45;
/// Most faults that are told.
const MOST: usize = 20;

#[request(GET "/live/sessions/{session_id}/attach")]
struct Attach {
    session_id: String,
}

/// Listen in on a session, take on its delegated work, tell the model what to do.
///
/// Gives what was said, delegations, function_calls and errors until `until` or `timeout`; what happens between two calls
/// is missed.
#[tool("live-session-watch")]
struct Watch {
    session_id: String,
    /// Client events, in order: {type: session.commentary.append, content, delegation_id}, session.instructions.append,
    /// {type: response.item.create, item}, {type: response.create}, {type: transport.dtmf.send, event},
    /// {type: session.close}, …
    send: Option<Vec<JsonObject>>,
    /// Ends at the first of these; else after `timeout`.
    until: Option<Until>,
    #[flatten]
    patience: Patience,
}

#[shape(read)]
#[derive(Copy, PartialEq)]
enum Until {
    Delegation,
    FunctionCall,
    Close,
}

/// What happened.
#[derive(Default)]
struct Seen {
    said: Vec<(&'static str, String)>,
    delegations: Vec<Value>,
    calls: Vec<Value>,
    tones: String,
    errors: Vec<Value>,
    usage: Option<Value>,
    closed: Option<String>,
}

impl Watch {
    async fn run(self, cx: Context) -> Result<Output> {
        let patience = self.patience.timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs());
        let patience = Duration::from_secs(patience);
        let (started, mut seen) = (cx.now(), Seen::default());
        let mut socket = cx.connect(&Attach::SPEC, json!({"session_id": self.session_id}), patience).await?;
        for JsonObject(event) in self.send.iter().flatten() {
            socket.push(event.clone().into());
        }
        loop {
            let left = patience.saturating_sub(cx.now().saturating_sub(started));
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
                        Some(Until::FunctionCall) => !seen.calls.is_empty(),
                        Some(Until::Close) | None => false,
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
        let waited = cx.now().saturating_sub(started).as_secs();
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
            "response.event" => self.work(event),
            "transport.dtmf.received" => self.tones.push_str(text(event, "event")),
            "session.usage.updated" => self.usage = event.get("usage").cloned(),
            "session.closed" => {
                self.usage = event.get("usage").cloned();
                self.closed = Some(text(event, "reason").to_owned());
            }
            "error" | "transport.failed" if self.errors.len() < MOST => {
                self.errors.push(Error::event(event.to_string().as_bytes(), None, None).to_string().into());
            }
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

    /// What the model that works tells: its calls of functions.
    fn work(&mut self, event: &Value) {
        let inner = event.get("event").unwrap_or(&Value::Null);
        let item = inner.get("item").unwrap_or(&Value::Null);
        if text(inner, "type") == "response.output_item.done" && text(item, "type") == "function_call" {
            self.calls.push(calls::shown(item));
        }
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
        put("dtmf", !self.tones.is_empty(), self.tones.into());
        put("errors", !self.errors.is_empty(), self.errors.into());
        put("usage", self.usage.is_some(), self.usage.unwrap_or_default());
        if !self.calls.is_empty() {
            again = again.set("send", calls::answers(&self.calls, "response.item.create"));
        }
        put("function_calls", !self.calls.is_empty(), self.calls.into());
        put("next", self.closed.is_none(), json!({"tool": "live-session-watch", "arguments": again}));
        put("closed", self.closed.is_some(), self.closed.unwrap_or_default().into());
        told
    }
}
