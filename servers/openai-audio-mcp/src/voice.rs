//! Custom voices, and the recorded consents they need. <https://platform.openai.com/docs/api-reference/audio/voices>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::Page;

tools![Create, Delete, ConsentCreate, ConsentList, ConsentGet, ConsentModify, ConsentDelete];

/// Create a custom voice from a recording and a consent, or from a description.
///
/// Speech takes voices made from recordings; those made from a prompt are for Live alone.
#[tool("audio-voice-create", POST "/audio/voices", multipart, run, open)]
struct Create {
    name: String,
    /// Default by what is given.
    #[read]
    r#type: Option<Kind>,
    /// At most 10 MiB; with consent.
    #[read]
    audio_sample: Option<FileInput>,
    /// Id, of the same speaker.
    consent: Option<String>,
    /// For type prompt, as are model and script_hint.
    #[read]
    prompt: Option<String>,
    /// Default auto.
    model: Option<String>,
    /// Text to speak while it is made.
    script_hint: Option<String>,
}

#[shape(read)]
enum Kind {
    AudioSample,
    Prompt,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let mut arguments = cx.arguments().clone();
        if self.r#type.is_none() && self.audio_sample.is_none() && self.prompt.is_some() {
            arguments = arguments.set("type", "prompt");
        }
        cx.send(&Self::SPEC, arguments).bytes().await.map(Output::Json)
    }
}

/// Delete a custom voice; its consent stays.
#[tool("audio-voice-delete", DELETE "/audio/voices/{voice_id}")]
struct Delete {
    voice_id: String,
}

/// Upload the recording in which a speaker consents to a custom voice.
#[tool("audio-voice-consent-create", POST "/audio/voice_consents", multipart, open)]
struct ConsentCreate {
    name: String,
    /// Of the spoken phrase, as en-US.
    language: String,
    /// At most 10 MiB.
    recording: FileInput,
}

/// List consent recordings.
#[tool("audio-voice-consent-list", GET "/audio/voice_consents")]
struct ConsentList {
    #[flatten]
    page: Page,
}

/// Get a consent recording's name and language.
#[tool("audio-voice-consent-get", GET "/audio/voice_consents/{consent_id}")]
struct ConsentGet {
    consent_id: String,
}

/// Rename a consent recording.
#[tool("audio-voice-consent-modify", POST "/audio/voice_consents/{consent_id}", destroys, idempotent)]
struct ConsentModify {
    consent_id: String,
    name: String,
}

/// Delete a consent recording.
#[tool("audio-voice-consent-delete", DELETE "/audio/voice_consents/{consent_id}")]
struct ConsentDelete {
    consent_id: String,
}
