//! What the arguments of several tools have in common.

use openai_mcp_kernel::prelude::*;

/// Refuses to stream what comes as a whole.
///
/// # Errors
/// That is asked for.
pub(crate) fn whole(stream: Option<bool>) -> Result<()> {
    let refusal = Error::argument("stream", "this tool gives its result as a whole\nhint: audio-transcribe streams");
    if stream == Some(true) { Err(refusal) } else { Ok(()) }
}

/// How a recording is heard.
#[shape]
pub(crate) struct Hearing {
    /// ISO 639-1.
    language: Option<String>,
    /// For gpt-transcribe, as keywords.
    languages: Option<Vec<String>>,
    keywords: Option<Vec<String>>,
    /// Names, style, what was said before.
    prompt: Option<String>,
    temperature: Option<Num<0, 1>>,
    /// With verbose_json.
    timestamp_granularities: Option<Vec<Granularity>>,
    include: Option<Vec<Include>>,
    /// Diarizing: default auto.
    chunking_strategy: Option<Chunking>,
    /// Up to 4, when diarizing.
    known_speaker_names: Option<Vec<String>>,
    /// Paths, URLs or data URLs, 2 to 10 s each.
    known_speaker_references: Option<Vec<String>>,
    /// Cut into pieces of at most this.
    #[local]
    split_seconds: Option<Int<10, 780>>,
}

/// How a translation is written.
#[shape(read)]
pub(crate) struct Rendering {
    /// whisper-1.
    pub(crate) model: String,
    pub(crate) prompt: Option<String>,
    pub(crate) response_format: Option<Raw<RenderingFormat>>,
    pub(crate) temperature: Option<Num<0, 1>>,
}

#[shape]
#[derive(Clone, Debug)]
pub(crate) enum RenderingFormat {
    Json,
    Text,
    Srt,
    VerboseJson,
    Vtt,
}

#[shape]
enum Granularity {
    Word,
    Segment,
}

#[shape]
enum Include {
    Logprobs,
}

#[shape]
enum Chunking {
    Word(Auto),
    Vad(Vad),
}

#[shape]
enum Auto {
    Auto,
}

#[shape]
struct Vad {
    #[unlisted]
    r#type: ServerVad,
    prefix_padding_ms: Option<i64>,
    silence_duration_ms: Option<i64>,
    threshold: Option<f64>,
}

#[shape]
enum ServerVad {
    ServerVad,
}
