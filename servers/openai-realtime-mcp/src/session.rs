//! How a session is set up. <https://platform.openai.com/docs/api-reference/realtime-client-events/session/update>

use openai_mcp_kernel::prelude::*;

/// Further fields of the API may be given.
#[shape(open)]
pub(crate) struct Session {
    r#type: Kind,
    #[flatten]
    settings: Settings,
}

/// Further fields of the API may be given.
#[shape(open)]
pub(crate) struct CallSession {
    #[unlisted]
    r#type: CallKind,
    #[flatten]
    settings: Settings,
}

#[shape]
struct Settings {
    /// As gpt-realtime-2.1.
    model: Option<String>,
    instructions: Option<String>,
    output_modalities: Option<Vec<Modality>>,
    /// input {format, transcription, turn_detection, noise_reduction}, output {format, voice, speed}.
    audio: Option<JsonObject>,
    tools: Option<Vec<Brief<Tool>>>,
}

#[shape(tag = "type", open)]
pub(crate) enum Tool {
    Function { name: String, description: Option<String>, parameters: Option<JsonObject> },
    Mcp { server_label: String, server_url: Option<String> },
}

#[shape]
enum Kind {
    Realtime,
    Transcription,
}

#[shape]
enum CallKind {
    Realtime,
}

#[shape]
pub(crate) enum Modality {
    Text,
    Audio,
}

/// Most tokens of an answer.
#[shape]
pub(crate) enum Limit {
    Tokens(Int<1, 4096>),
    Word(Inf),
}

#[shape]
enum Inf {
    Inf,
}
