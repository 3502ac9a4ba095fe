//! Calls over WebRTC and SIP. <https://platform.openai.com/docs/api-reference/realtime-calls>

use http::header::LOCATION;
use openai_mcp_kernel::prelude::*;

use crate::session::{CallSession, Limit, Modality, Tool};

tools![Create, Accept, Refer, Reject, Hangup];

/// Most bytes of an SDP answer.
const LONGEST_SDP: usize = 256 * 1024;

/// Begin a WebRTC call for a client that made the SDP offer.
///
/// Gives the SDP answer for that client, and the id for the other realtime-call tools. Sound goes between client and OpenAI.
#[tool("realtime-call-create", POST "/realtime/calls", multipart, accept = "application/sdp", run)]
struct Create {
    /// The client's offer.
    #[part("application/sdp")]
    sdp: String,
    #[part("application/json")]
    session: Option<CallSession>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let (head, body) = cx.send(&Self::SPEC, cx.arguments()).response().await?.into_parts();
        let location = head.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let id = location.and_then(|location| location.split(['?', '#']).next()?.rsplit('/').next());
        let sdp = body.collect(LONGEST_SDP).await?;
        Ok(Output::json(&json!({"call_id": id, "sdp": String::from_utf8_lossy(&sdp)})))
    }
}

/// Answer an incoming SIP call with a model.
#[tool("realtime-call-accept", POST "/realtime/calls/{call_id}/accept", accept = "*/*", run)]
struct Accept {
    call_id: String,
    #[unlisted]
    r#type: Option<Type>,
    /// As gpt-realtime-2.1.
    model: Option<String>,
    instructions: Option<String>,
    /// input {format, transcription, turn_detection, noise_reduction}, output {format, voice, speed}.
    audio: Option<JsonObject>,
    output_modalities: Option<Vec<Modality>>,
    max_output_tokens: Option<Limit>,
    /// {type: function, name, description, parameters} or {type: mcp, server_label, server_url}.
    tools: Option<Vec<Brief<Tool>>>,
    tool_choice: Option<Choice>,
    parallel_tool_calls: Option<bool>,
    /// {effort}
    reasoning: Option<JsonObject>,
    truncation: Option<Truncation>,
    tracing: Option<Nullable<Tracing>>,
    include: Option<Vec<Include>>,
    /// {id, version, variables}
    prompt: Option<Nullable<JsonObject>>,
}

impl Accept {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = cx.arguments().clone().set("type", "realtime");
        Ok(Output::Json(cx.send(&Self::SPEC, arguments).bytes().await?))
    }
}

/// Transfer a SIP call to another number or address.
#[tool("realtime-call-refer", POST "/realtime/calls/{call_id}/refer", accept = "*/*", open)]
struct Refer {
    call_id: String,
    /// As tel:+14155550123 or sip:agent@example.com.
    target_uri: String,
}

/// Decline an incoming SIP call.
#[tool("realtime-call-reject", POST "/realtime/calls/{call_id}/reject", accept = "*/*", destroys)]
struct Reject {
    call_id: String,
    /// SIP code. Default 603, decline.
    status_code: Option<i64>,
}

/// End a call, over SIP or WebRTC.
#[tool("realtime-call-hangup", POST "/realtime/calls/{call_id}/hangup", accept = "*/*", destroys)]
struct Hangup {
    call_id: String,
}

#[shape]
enum Type {
    Realtime,
}

#[shape]
enum Choice {
    Word(ChoiceWord),
    /// {type: function, name}
    Tool(JsonObject),
}

#[shape]
enum ChoiceWord {
    Auto,
    None,
    Required,
}

#[shape]
enum Truncation {
    Word(TruncationWord),
    /// {type: retention_ratio, retention_ratio}
    Ratio(JsonObject),
}

#[shape]
enum TruncationWord {
    Auto,
    Disabled,
}

#[shape]
enum Tracing {
    Word(TracingWord),
    /// {workflow_name, group_id, metadata}
    Settings(JsonObject),
}

#[shape]
enum TracingWord {
    Auto,
}

#[shape]
enum Include {
    #[wire("item.input_audio_transcription.logprobs")]
    Logprobs,
}
