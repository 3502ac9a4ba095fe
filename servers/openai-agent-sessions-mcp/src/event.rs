//! Events: what goes into a session, and what is told while it works.
//! <https://developers.openai.com/api/docs/guides/agents-api/sessions/events>

use std::time::Duration;

use openai_mcp_kernel::json::{Members as _, shorten};
use openai_mcp_kernel::prelude::*;

use crate::account;
use crate::follow::{self, Turn, follow};
use crate::words::{Given, Messages, Words};

tools![Send, Watch];

/// Most events that are shown.
const MOST: usize = 200;
/// How long a stream may be silent before the session is asked whether it works at all.
const QUIET: Duration = Duration::from_secs(3);
/// How to learn of the rest.
const REST: &str = "agent-session-wait tells what comes of the turn";
/// Where what they tell of is kept.
const KEPT: &str = "agent-session-item-list has all items";

/// Send input to a session, answer what it asks, or cancel; then wait for the turn.
///
/// `input` begins a turn or steers it; `events` are as `next` has them.
#[tool("agent-session-send", POST "/agents/sessions/{session_id}/events", run, open)]
struct Send {
    #[read]
    session_id: String,
    #[local]
    input: Option<Raw<Words>>,
    #[read]
    events: Option<Raw<Vec<Event>>>,
    #[header("Idempotency-Key")]
    #[read]
    idempotency_key: Option<String>,
    /// Seconds. Default 45.
    #[local]
    timeout: Option<Int<0, 3600>>,
}

#[shape(tag = "type")]
enum Event {
    #[wire("agent.session.input.message")]
    Message {
        #[unlisted]
        input: Messages,
    },
    #[wire("agent.session.input.cancel")]
    Cancel {},
    /// What a function gave.
    #[wire("agent.session.input.tool_result")]
    Result { turn_id: String, call_id: String, success: bool, output: Option<Given>, error: Option<String> },
    #[wire("agent.session.input.mcp_approval_request_result")]
    Approval {
        request_id: String,
        /// type, decision: approve, deny, cancel.
        response: Hidden<Brief<Response>>,
    },
    #[wire("agent.session.input.computer_use_approval_request_result")]
    Permission { request_id: String, response: Hidden<Brief<Response>> },
}

#[shape(tag = "type")]
enum Response {
    McpToolCall { decision: Decision },
    BrowserOriginAccess { decision: Decision },
    BrowserAuthentication { action: Action, fields: Option<Vec<Field>>, selected_option: Option<Nullable<String>> },
}

#[shape]
enum Decision {
    Approve,
    Deny,
    Cancel,
}

#[shape]
enum Action {
    Submit,
    Cancel,
}

#[shape]
struct Field {
    field_id: String,
    value: String,
}

impl Send {
    async fn run(self, cx: Context) -> Result<Output> {
        let events: Vec<Value> = match (&self.events, &self.input) {
            (Some(events), None) => events.read("events")?,
            (None, Some(input)) => {
                let input = match input.read::<Value>("input")? {
                    Value::String(text) => {
                        json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}])
                    }
                    messages => messages,
                };
                vec![json!({"type": "agent.session.input.message", "input": input})]
            }
            _ => return Err(Error::argument("input", "expected either `input` or `events`")),
        };
        for (index, event) in events.iter().enumerate() {
            if event.at("success") == true && event.get("output").is_none() {
                let problem = "required: what the function gave, or `success` false and `error`";
                return Err(Error::argument(&format!("events[{index}].output"), problem));
            }
        }
        let named = |event: &Value, name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
        let answered = events.iter().filter_map(|event| named(event, "request_id").or_else(|| named(event, "call_id")));
        let answered: Vec<String> = answered.collect();
        let fresh = events.iter().any(|event| named(event, "type").as_deref() == Some("agent.session.input.message"));
        // What has to be sent again, because an answer was lost, is not carried out again.
        let key = self.idempotency_key.unwrap_or_else(|| format!("{:032x}", cx.random()));
        let arguments = cx.arguments().clone().without("input").set("events", &events).set("idempotency_key", key);
        let waits = self.timeout.is_none_or(|Int(seconds)| seconds > 0);
        // What begins a turn is waited for from here on, lest the turn before be taken for its own.
        let after = if waits || fresh { follow::last_item(&cx, &self.session_id).await? } else { None };
        let turn = Turn { session_id: self.session_id, after, fresh, answered };
        if !waits {
            cx.send(&Self::SPEC, arguments).response().await?;
            return Ok(Output::json(&json!({"done": false, "next": turn.again()})));
        }
        // Whoever listens first misses nothing of what the turn tells; but what is to be sent does not wait for that.
        let stream = follow::listen(&cx, &turn.session_id, follow::patience(self.timeout)).await;
        cx.send(&Self::SPEC, arguments).response().await?;
        let goes_on = follow::goes_on(&turn.session_id);
        follow(&cx, turn, self.timeout, stream).await.map_err(goes_on)
    }
}

/// Watch the events of a session as they come, until its turn ends.
#[tool("agent-session-events", GET "/agents/sessions/{session_id}/events", run)]
struct Watch {
    #[read]
    session_id: String,
    #[unlisted]
    include_obfuscation: Option<bool>,
    /// Seconds. Default 45.
    #[local]
    timeout: Option<Int<0, 3600>>,
}

impl Watch {
    async fn run(self, cx: Context) -> Result<Output> {
        let patience = follow::patience(self.timeout);
        let end = cx.monotonic() + patience;
        let events = cx.send(&Self::SPEC, cx.arguments()).events();
        let Some(events) = follow::within(&cx, patience.max(follow::OPENING), events).await else {
            let why = format!("the stream did not open in time; {REST}");
            return Ok(Output::json(&json!({"object": "list", "data": [], "ended": false, "note": why})));
        };
        let mut events = events?.passing_errors();
        let most = cx.max_result();
        let mut shown: Vec<Value> = Vec::new();
        let mut asked = false;
        // Why no more is told, if not that the turn has ended.
        let why = loop {
            if shown.len() == MOST {
                break Some(("note", format!("not more than {MOST} events are told; {REST}")));
            }
            let left = end.saturating_sub(cx.monotonic());
            // Of a session at rest nothing would come however long one waited.
            let asks = shown.is_empty() && !asked && left > QUIET;
            let Some(next) = follow::within(&cx, if asks { QUIET } else { left }, events.next()).await else {
                if !asks {
                    break Some(("note", format!("time is up; {REST}")));
                }
                let status = follow::status(&cx, &self.session_id).await?;
                if follow::rests(&status) {
                    let note = format!("nothing goes on: the session is `{status}`; {KEPT}");
                    return Ok(Output::json(&json!({"object": "list", "data": [], "ended": true, "note": note})));
                }
                asked = true;
                continue;
            };
            let event = match next {
                Ok(Some(event)) => event,
                Ok(None) => break Some(("note", format!("the stream was closed; {REST}"))),
                Err(error) => break Some(("error", error.or_hint(REST).into_text())),
            };
            if !events.keep(&event) {
                break Some(("note", "the next event is longer than a call holds besides these".to_owned()));
            }
            let Ok(mut event) = serde_json::from_slice::<Value>(&event.data) else { continue };
            if let Some(event) = event.as_object_mut() {
                event.remove("obfuscation");
            }
            // A screenshot is base64, which no model can read.
            if let Some(picture) = event.pointer_mut("/item/output/image_url") {
                *picture = "(left out)".into();
            }
            let ended = follow::ends(&event);
            shown.push(if event.to_string().len() > most / 4 { shorten(&event, most / 4, KEPT) } else { event });
            if ended {
                break None;
            }
        };
        let mut told = json!({"object": "list", "data": shown, "ended": why.is_none()});
        if let Some((name, why)) = why {
            told.put(name, why.into());
        }
        let left_out = account::fit(&mut told, "/data", most);
        if left_out > 0 {
            told.put("cut", format!("{left_out} earlier events are left out; {KEPT}").into());
        }
        Ok(Output::json(&told))
    }
}
