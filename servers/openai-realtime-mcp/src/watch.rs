//! Taking part in a call that another client holds. <https://platform.openai.com/docs/guides/realtime-server-controls>

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json::Members as _;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Patience;
use openai_mcp_shapes::calls::Asked;
use serde_json::Map;

use crate::line::{Line, Next, add, failure, text};
use crate::socket::Conversation;

tools![Watch];

/// How long a call is watched by default, in seconds.
const PATIENCE: u64 = 45;
/// Most faults that are told.
const MOST: usize = 20;

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
    #[flatten]
    patience: Patience,
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
    usage: Map<String, Value>,
}

impl Watch {
    async fn run(self, cx: Context) -> Result<Output> {
        let patience = self.patience.timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs());
        let started = cx.now();
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
                    seen.take(&cx, &kind, &event);
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
        let waited = cx.now().saturating_sub(started).as_secs();
        Ok(Output::json(&seen.told(cx.arguments().clone().without("send"), closed, waited)))
    }
}

impl Seen {
    fn take(&mut self, cx: &Context, kind: &str, event: &Value) {
        match kind {
            "conversation.item.input_audio_transcription.completed" => {
                self.said.push(json!({"who": "caller", "text": text(event, "transcript")}));
            }
            "response.output_text.delta" | "response.output_audio_transcript.delta" => {
                self.saying.push_str(text(event, "delta"));
                cx.tell_text(text(event, "delta"));
            }
            "response.done" => self.respond(event.get("response").unwrap_or(&Value::Null)),
            "input_audio_buffer.dtmf_event_received" => self.tones.push_str(text(event, "event")),
            "error" if self.errors.len() < MOST => self.errors.push(failure(event).to_string().into()),
            _ => {}
        }
    }

    fn respond(&mut self, response: &Value) {
        let said = std::mem::take(&mut self.saying);
        let status = text(response, "status");
        if !said.is_empty() {
            let mut said = json!({"who": "model", "text": said});
            if status != "completed" {
                said.put("status", status.into());
            }
            self.said.push(said);
        }
        if let Some(error) = response.pointer("/status_details/error").filter(|error| !error.is_null()) {
            self.errors.push(failure(&json!({"error": error})).to_string().into());
        }
        for item in response.get("output").and_then(Value::as_array).into_iter().flatten() {
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
