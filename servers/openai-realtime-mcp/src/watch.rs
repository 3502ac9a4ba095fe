//! Taking part in a call that another client holds. <https://platform.openai.com/docs/guides/realtime-server-controls>

use std::collections::BTreeMap;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json::{Members as _, excerpt, list};
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::calls::Asked;
use serde_json::Map;

use crate::line::{Line, Next, add, failure, text};
use crate::socket::Conversation;

tools![Watch];

/// How long a call is watched by default, in seconds.
const PATIENCE: u64 = 45;
/// Most faults that are told, and most characters of what an MCP server says of one.
const MOST: usize = 20;
const LONGEST: usize = 1000;

/// Listen in on a call, answer its function calls, tell the model what to do.
///
/// Gives what was said, calls and approvals that wait for you, and errors until `until` or `timeout`; what happens between
/// two calls is missed.
#[tool("realtime-call-watch")]
struct Watch {
    /// rtc_ id, of WebRTC or SIP.
    call_id: String,
    /// Client events, in order: {type: conversation.item.create, item: {type: function_call_output, call_id, output}},
    /// {type: response.create}, {type: session.update, session}, …
    send: Option<Vec<JsonObject>>,
    /// Ends at the first of these; else after `timeout`.
    until: Option<Until>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, 3600>>,
}

#[shape(read)]
#[derive(Copy, PartialEq)]
enum Until {
    FunctionCall,
    Response,
    Close,
}

/// What happened.
#[derive(Default)]
struct Seen {
    said: Vec<Value>,
    /// What the model is saying.
    saying: String,
    asked: Asked,
    tones: String,
    errors: Vec<Value>,
    /// The labels of the MCP servers whose tools are listed, by the ids of the lists.
    lists: BTreeMap<String, String>,
    /// Calls of MCP tools that failed, by their ids, and whether it is told why.
    failed: BTreeMap<String, bool>,
    usage: Map<String, Value>,
}

impl Watch {
    async fn run(self, cx: Context) -> Result<Output> {
        let patience = self.timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs());
        let started = cx.monotonic();
        let mut line = Line::open(&cx, &Conversation::SPEC, json!({"call_id": self.call_id}), patience).await?;
        for JsonObject(event) in self.send.iter().flatten() {
            line.push_whole(event.clone().into());
        }
        let mut seen = Seen::default();
        let mut closed = None;
        loop {
            match line.next().await? {
                Next::Sent => {}
                Next::Event(kind, event) => {
                    if seen.take(&cx, &kind, &event) {
                        line.keep()?;
                    }
                    let reached = match self.until {
                        // Any call, or an approval that one waits for.
                        Some(Until::FunctionCall) => !seen.asked.is_empty(),
                        Some(Until::Response) => true,
                        Some(Until::Close) | None => false,
                    };
                    if reached && kind == "response.done" {
                        break;
                    }
                }
                Next::Late => break,
                Next::Closed(why) => {
                    closed = Some(why);
                    break;
                }
            }
        }
        cx.flush_text();
        line.close().await;
        let waited = cx.monotonic().saturating_sub(started).as_secs();
        Ok(Output::json(&seen.told(cx.arguments().clone().without("send"), closed, waited)))
    }
}

impl Seen {
    /// Whether something of the event is kept.
    fn take(&mut self, cx: &Context, kind: &str, event: &Value) -> bool {
        match kind {
            "conversation.item.input_audio_transcription.completed" => {
                self.said.push(json!({"who": "caller", "text": text(event, "transcript")}));
            }
            "conversation.item.input_audio_transcription.failed" => {
                self.said.push(json!({"who": "caller", "not_transcribed": why(event.at("error"))}));
            }
            "response.output_text.delta" | "response.output_audio_transcript.delta" => {
                self.saying.push_str(text(event, "delta"));
                cx.tell_text(text(event, "delta"));
            }
            "response.done" => self.respond(event.at("response")),
            "input_audio_buffer.dtmf_event_received" => self.tones.push_str(text(event, "event")),
            "conversation.item.added" | "conversation.item.done" | "response.output_item.done" => {
                return self.item(event.at("item"));
            }
            "mcp_list_tools.failed" => {
                let of = self.lists.get(text(event, "item_id"));
                let of = of.map_or_else(|| "an MCP server".to_owned(), |label| format!("the MCP server `{label}`"));
                return self.fail(format!("the tools of {of} could not be listed"));
            }
            "response.mcp_call.failed" => {
                self.failed.entry(text(event, "item_id").to_owned()).or_insert(false);
            }
            "error" => return self.fail(failure(event).to_string()),
            _ => return false,
        }
        true
    }

    fn fail(&mut self, why: String) -> bool {
        let room = self.errors.len() < MOST;
        if room {
            self.errors.push(why.into());
        }
        room
    }

    /// What an item tells of MCP: whether something is kept of it.
    fn item(&mut self, item: &Value) -> bool {
        let (id, label) = (text(item, "id").to_owned(), text(item, "server_label"));
        match text(item, "type") {
            "mcp_list_tools" => {
                self.lists.insert(id, label.to_owned());
            }
            "mcp_call" if !item.at("error").is_null() => {
                // It comes when it is done, and again with the response.
                if self.failed.insert(id, true) == Some(true) {
                    return false;
                }
                let (name, why) = (text(item, "name"), why(item.at("error")));
                return self.fail(format!("`{name}` of the MCP server `{label}` failed: {why}"));
            }
            _ => return false,
        }
        true
    }

    fn respond(&mut self, response: &Value) {
        let said = std::mem::take(&mut self.saying);
        let status = text(response, "status");
        // What was cut off before its first word is told, too; what was cancelled then is not.
        if !said.is_empty() || status == "incomplete" {
            let mut said = json!({"who": "model", "text": said});
            if status != "completed" {
                said.put("status", status.into());
            }
            if let Some(reason) = response.pointer("/status_details/reason").filter(|reason| !reason.is_null()) {
                said.put("reason", reason.clone());
            }
            self.said.push(said);
        }
        if let Some(error) = response.pointer("/status_details/error").filter(|error| !error.is_null()) {
            self.fail(failure(&json!({"error": error})).to_string());
        }
        for item in list(response, "output") {
            self.item(item);
            self.asked.take(item);
        }
        if let Some(Value::Object(usage)) = response.get("usage") {
            add(&mut self.usage, usage);
        }
    }

    /// What happened; `again` are the arguments by which the call is watched on.
    fn told(mut self, mut again: Arguments, closed: Option<String>, waited: u64) -> Value {
        if !self.saying.is_empty() {
            self.said.push(json!({"who": "model", "text": self.saying, "status": "in_progress"}));
        }
        for id in std::mem::take(&mut self.failed).into_iter().filter_map(|(id, told)| (!told).then_some(id)) {
            self.fail(format!("a call of an MCP tool failed (item {id})"));
        }
        let mut told = json!({"done": closed.is_some(), "waited_seconds": waited, "said": self.said});
        let mut put = |name: &str, there: bool, value: Value| {
            if there {
                told.put(name, value);
            }
        };
        put("dtmf", !self.tones.is_empty(), self.tones.into());
        put("errors", !self.errors.is_empty(), self.errors.into());
        put("usage", !self.usage.is_empty(), self.usage.into());
        if !self.asked.is_empty() {
            again = again.set("send", self.asked.answers("conversation.item.create"));
        }
        put("next", closed.is_none(), json!({"tool": "realtime-call-watch", "arguments": again}));
        put("closed", closed.is_some(), closed.unwrap_or_default().into());
        self.asked.tell(&mut told);
        told
    }
}

/// What the members of an error tell.
fn why(error: &Value) -> String {
    let told = |name: &str| match error.at(name) {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let kind: Vec<String> = ["type", "code"].into_iter().filter_map(told).collect();
    let parts = [Some(kind.join(" ")).filter(|kind| !kind.is_empty()), told("message")];
    excerpt(&parts.into_iter().flatten().collect::<Vec<_>>().join(": "), LONGEST).into_owned()
}
