//! Sessions that a client holds over WebRTC or SIP. <https://platform.openai.com/docs/api-reference/live>

use openai_mcp_kernel::prelude::*;

tools![Create, Accept, Refer, Reject, Hangup, Fork, Recording];

/// Begin a session for a WebRTC client that made the SDP offer.
///
/// Gives the SDP answer for that client. 15 s are billed at once.
#[tool("live-session-create", POST "/live/sessions")]
struct Create {
    session: Session,
    transport: Transport,
}

/// Answer an incoming SIP call.
#[tool("live-session-accept", POST "/live/sessions/{session_id}/accept", accept = "*/*")]
struct Accept {
    session_id: String,
    session: AcceptedSession,
}

/// Transfer a SIP call to another number or address.
#[tool("live-session-refer", POST "/live/sessions/{session_id}/refer", accept = "*/*", open)]
struct Refer {
    session_id: String,
    /// As tel:+14155550123 or sip:agent@example.com.
    target_uri: String,
}

/// Decline an incoming SIP call.
#[tool("live-session-reject", POST "/live/sessions/{session_id}/reject", accept = "*/*", destroys)]
struct Reject {
    session_id: String,
    /// SIP code, as 603 (decline) or 486 (busy).
    status_code: i64,
}

/// End a SIP call. Of another client: live-session-watch sends {type: session.close}.
#[tool("live-session-hangup", POST "/live/sessions/{session_id}/hangup", accept = "*/*", destroys)]
struct Hangup {
    session_id: String,
}

/// Go on from a closed session that was stored, with another WebRTC client.
#[tool("live-session-fork", POST "/live/sessions/{session_id}/fork")]
struct Fork {
    session_id: String,
    transport: Transport,
    /// client, delegation, store.
    session: Option<JsonObject>,
}

/// Save the recording of a closed session that was stored.
#[tool("live-session-content", GET "/live/sessions/{session_id}/content", accept = "application/binary", run, saves)]
struct Recording {
    session_id: String,
    /// New local file.
    #[local]
    save_to: Option<String>,
}

impl Recording {
    async fn run(self, cx: Context) -> Result<Output> {
        download::give(&cx, cx.send(&Self::SPEC, cx.arguments()), self.save_to, 0, None).await
    }
}

#[shape(open)]
struct Transport {
    #[unlisted]
    r#type: TransportType,
    /// The client's offer.
    sdp: String,
}

#[shape]
enum TransportType {
    Webrtc,
}

/// Further fields of the API may be given.
#[shape(open)]
struct Session {
    /// As gpt-live-1.1.
    model: String,
    #[flatten]
    look: Look,
    idle_timeout_s: Option<i64>,
}

#[shape(open)]
struct AcceptedSession {
    #[unlisted]
    r#type: Type,
    /// As gpt-live-1.1.
    model: String,
    #[flatten]
    look: Look,
}

#[shape]
struct Look {
    instructions: Option<Nullable<String>>,
    /// output {voice}
    audio: Option<JsonObject>,
    /// Who works: {type: responses, responses {model, tools, …}}, {type: client} or {type: decisions, …}.
    delegation: Option<Nullable<JsonObject>>,
    /// Messages that came before, at most 128.
    input: Option<ListOf<JsonObject, 0, 128>>,
    /// Record, and allow forks.
    store: Option<bool>,
}

#[shape]
enum Type {
    Live,
}
