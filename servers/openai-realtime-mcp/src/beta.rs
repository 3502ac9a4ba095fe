//! The sessions of the beta, which OpenAI has ended; servers that are compatible may have them.

use openai_mcp_kernel::prelude::*;

use crate::session::{Limit, Modality};

tools![Create, CreateForTranscription];

/// Create a session of the Realtime beta.
#[tool("realtime-session-create", POST "/realtime/sessions", beta = "assistants=v2", gone = "2026-05-12", instead = "realtime-client-secret-create")]
struct Create {
    model: Option<String>,
    instructions: Option<String>,
    modalities: Option<Vec<Modality>>,
    voice: Option<String>,
    input_audio_format: Option<Format>,
    input_audio_noise_reduction: Option<JsonObject>,
    input_audio_transcription: Option<JsonObject>,
    output_audio_format: Option<Format>,
    turn_detection: Option<JsonObject>,
    tools: Option<Vec<JsonObject>>,
    tool_choice: Option<String>,
    temperature: Option<f64>,
    max_response_output_tokens: Option<Limit>,
    speed: Option<f64>,
    tracing: Option<Tracing>,
    client_secret: Option<JsonObject>,
}

/// Create a transcription session of the Realtime beta.
#[tool("realtime-transcription-session-create", POST "/realtime/transcription_sessions", beta = "assistants=v2", gone = "2026-05-12", instead = "realtime-client-secret-create")]
struct CreateForTranscription {
    modalities: Option<Vec<Modality>>,
    input_audio_format: Option<Format>,
    input_audio_noise_reduction: Option<JsonObject>,
    input_audio_transcription: Option<JsonObject>,
    turn_detection: Option<JsonObject>,
    include: Option<Vec<String>>,
    client_secret: Option<JsonObject>,
}

#[shape]
enum Format {
    Pcm16,
    G711Ulaw,
    G711Alaw,
}

#[shape]
enum Tracing {
    Word(Auto),
    Settings(JsonObject),
}

#[shape]
enum Auto {
    Auto,
}
