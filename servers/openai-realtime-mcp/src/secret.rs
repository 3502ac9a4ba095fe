//! Keys for clients that hold a session themselves. <https://platform.openai.com/docs/api-reference/realtime-sessions>

use openai_mcp_kernel::prelude::*;

use crate::session::Session;

tools![Create, CreateForTranslation];

/// Create a short-lived key with which a browser or app opens a session.
///
/// The only way to live speech in both directions: tool calls cannot carry it.
#[tool("realtime-client-secret-create", POST "/realtime/client_secrets")]
struct Create {
    session: Option<Session>,
    expires_after: Option<Expiry>,
}

/// Create a short-lived key with which a browser or app translates speech live.
#[tool("realtime-translation-secret-create", POST "/realtime/translations/client_secrets")]
struct CreateForTranslation {
    session: Translation,
    expires_after: Option<Expiry>,
}

#[shape]
struct Expiry {
    #[unlisted]
    anchor: Option<Anchor>,
    /// Default 600.
    seconds: Option<Int<10, 7200>>,
}

#[shape]
enum Anchor {
    CreatedAt,
}

#[shape]
struct Translation {
    /// As gpt-realtime-translate.
    model: String,
    /// output {language}, input {transcription {model}, noise_reduction {type}}.
    audio: Option<JsonObject>,
}
