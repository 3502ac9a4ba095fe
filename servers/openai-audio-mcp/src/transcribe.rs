//! Speech to text. <https://platform.openai.com/docs/api-reference/audio/createTranscription>

use std::sync::atomic::AtomicU64;

use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::events::Events;
use openai_mcp_kernel::files::Read;
use openai_mcp_kernel::http_types::Response;
use openai_mcp_kernel::http_types::header::CONTENT_TYPE;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use crate::merge::{self, Part, Transcript};
use crate::pieces::Pieces;

tools![Transcribe, Translate];

/// Largest file of one request: 25 MiB, less what a form adds.
/// <https://platform.openai.com/docs/guides/speech-to-text>
const LARGEST: usize = 25 * 1024 * 1024 - 64 * 1024;
/// Most bytes of a transcript.
const LONGEST: usize = 64 * 1024 * 1024;
/// Pieces of one file that are transcribed at a time.
const AT_ONCE: usize = 3;
/// Characters of a transcript that are shown where the whole went to a file.
const EXCERPT: usize = 2000;

/// Write down what is said in a recording.
///
/// Files over 25 MB, or too long for the model, are cut in pauses and the transcripts merged, times included (wav, mp3,
/// flac, ogg, m4a). Long transcripts are saved.
#[tool("audio-transcribe", POST "/audio/transcriptions", multipart, run, open, saves)]
pub(crate) struct Transcribe {
    /// flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav or webm.
    #[read]
    file: FileInput,
    /// gpt-transcribe; until 2027-02-26 also gpt-4o-transcribe, gpt-4o-mini-transcribe, gpt-4o-transcribe-diarize,
    /// whisper-1 (srt, vtt, verbose_json).
    model: String,
    /// ISO 639-1.
    language: Option<String>,
    /// For gpt-transcribe, as keywords.
    languages: Option<Vec<String>>,
    keywords: Option<Vec<String>>,
    /// Names, style, what was said before.
    prompt: Option<String>,
    #[read]
    response_format: Option<Format>,
    temperature: Option<Num<0, 1>>,
    /// With verbose_json.
    timestamp_granularities: Option<Vec<Granularity>>,
    include: Option<Vec<Include>>,
    /// Diarizing needs it over 30 s.
    chunking_strategy: Option<Chunking>,
    /// Up to 4, for diarized_json.
    #[read]
    known_speaker_names: Option<Vec<String>>,
    /// Data URLs, 2 to 10 s each.
    known_speaker_references: Option<Vec<String>>,
    /// Tell the text as progress.
    #[read]
    stream: Option<bool>,
    /// Cut into pieces of at most this.
    #[local]
    split_seconds: Option<Int<10, 780>>,
    #[local]
    save_to: Option<String>,
    /// Most bytes shown.
    #[local]
    max_bytes: Option<u64>,
}

#[shape(read)]
#[derive(Copy, PartialEq)]
pub(crate) enum Format {
    Json,
    Text,
    Srt,
    VerboseJson,
    Vtt,
    DiarizedJson,
}

#[shape(read)]
#[derive(Copy, PartialEq)]
pub(crate) enum TranslationFormat {
    Json,
    Text,
    Srt,
    VerboseJson,
    Vtt,
}

impl Format {
    /// Extension of a file that holds it.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Format::Json | Format::VerboseJson | Format::DiarizedJson => "json",
            Format::Text => "txt",
            Format::Srt => "srt",
            Format::Vtt => "vtt",
        }
    }
}

impl From<TranslationFormat> for Format {
    fn from(format: TranslationFormat) -> Self {
        match format {
            TranslationFormat::Json => Format::Json,
            TranslationFormat::Text => Format::Text,
            TranslationFormat::Srt => Format::Srt,
            TranslationFormat::VerboseJson => Format::VerboseJson,
            TranslationFormat::Vtt => Format::Vtt,
        }
    }
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
    r#type: ServerVad,
    prefix_padding_ms: Option<i64>,
    silence_duration_ms: Option<i64>,
    threshold: Option<f64>,
}

#[shape]
enum ServerVad {
    ServerVad,
}

impl Transcribe {
    async fn run(self, cx: Context) -> Result<Output> {
        let job = Job {
            spec: &Self::SPEC,
            arguments: cx.arguments().clone(),
            format: self.response_format.unwrap_or(Format::Json),
            stream: self.stream == Some(true),
            known: self.known_speaker_names.unwrap_or_default(),
            split: self.split_seconds.map(|Int(seconds)| seconds.unsigned_abs() as usize),
            work: AtomicU64::default(),
        };
        let FileInput(source) = self.file;
        cx.reserve(self.save_to.as_deref()).await?;
        job.run(&cx, source).await?.show(&cx, self.save_to, self.max_bytes).await
    }
}

/// Write down in English what is said in a recording in another language.
///
/// OpenAI ends this on 2027-02-26; then transcribe, and translate the text. Large files: as audio-transcribe.
#[tool("audio-translate", POST "/audio/translations", multipart, run, open, saves)]
pub(crate) struct Translate {
    #[read]
    file: FileInput,
    /// whisper-1.
    model: String,
    prompt: Option<String>,
    #[read]
    response_format: Option<TranslationFormat>,
    temperature: Option<Num<0, 1>>,
    #[local]
    save_to: Option<String>,
    #[local]
    max_bytes: Option<u64>,
}

impl Translate {
    async fn run(self, cx: Context) -> Result<Output> {
        let job = Job {
            spec: &Self::SPEC,
            arguments: cx.arguments().clone(),
            format: self.response_format.map_or(Format::Json, Format::from),
            stream: false,
            known: Vec::new(),
            split: None,
            work: AtomicU64::default(),
        };
        let FileInput(source) = self.file;
        cx.reserve(self.save_to.as_deref()).await?;
        job.run(&cx, source).await?.show(&cx, self.save_to, self.max_bytes).await
    }
}

/// How files are transcribed.
pub(crate) struct Job {
    pub(crate) spec: &'static Spec,
    /// Those of the call; another file takes the place of theirs.
    pub(crate) arguments: Arguments,
    pub(crate) format: Format,
    pub(crate) stream: bool,
    pub(crate) known: Vec<String>,
    /// Most seconds of a piece, where the caller wants pieces.
    pub(crate) split: Option<usize>,
    /// Samples that were decoded so far, of all files.
    pub(crate) work: AtomicU64,
}

/// What became of a file.
pub(crate) struct Outcome {
    pub(crate) transcript: Transcript,
    format: Format,
    /// Where the transcript ends before the sound does, in seconds, and why.
    pub(crate) broke: Option<(f64, String)>,
    /// Why it is not in the file that was named.
    unsaved: Option<String>,
}

enum Sound {
    Whole(Source),
    Cut(Read),
}

impl Job {
    /// Transcribes a file, in pieces if it is large.
    ///
    /// # Errors
    /// As those of the request; a later piece that fails does not take the earlier ones with it.
    pub(crate) async fn run(&self, cx: &Context, source: Source) -> Result<Outcome> {
        match self.load(cx, source).await? {
            Sound::Whole(source) => match self.request(cx, source.clone(), false).await {
                Ok(transcript) => {
                    cx.flush_text();
                    Ok(Outcome { transcript, format: self.format, broke: None, unsaved: None })
                }
                // Refused before it was heard.
                Err(error) if is_too_long(&error) => {
                    let file = cx.read(source, cx.room()).await?;
                    self.pieces(cx, &file).await.map_err(|cut| match cut.kind() {
                        Kind::File => Error::new(Kind::File, format!("{cut}\nafter: {error}")),
                        _ => cut,
                    })
                }
                Err(error) => Err(error),
            },
            Sound::Cut(file) => self.pieces(cx, &file).await,
        }
    }

    /// Finds out how large a file is. A URL is fetched once.
    async fn load(&self, cx: &Context, source: Source) -> Result<Sound> {
        let small = |length: usize| length <= LARGEST && self.split.is_none();
        match &source {
            Source::Inline { bytes, .. } if small(bytes.len()) => return Ok(Sound::Whole(source)),
            Source::Path { .. } => {
                let length = cx.open(source.clone()).await?.body.length();
                if length.and_then(|length| usize::try_from(length).ok()).is_some_and(small) {
                    return Ok(Sound::Whole(source));
                }
            }
            _ => {}
        }
        let room = cx.room();
        let file = cx.read(source, room).await.map_err(|error| match error.to_string() {
            text if text.contains("is larger than") => {
                Error::new(Kind::File, format!("{text}, which is what this server can cut\nhint: cut it beforehand"))
            }
            _ => error,
        })?;
        if !small(file.bytes.len()) {
            return Ok(Sound::Cut(file));
        }
        let Read { filename, mime_type, bytes } = file;
        Ok(Sound::Whole(Source::Inline { bytes, filename, mime_type: Some(mime_type) }))
    }

    async fn pieces(&self, cx: &Context, file: &Read) -> Result<Outcome> {
        let usual = if cx.room() > 256 * 1024 * 1024 { 600 } else { 240 };
        let seconds = self.split.unwrap_or(usual);
        let pieces = Pieces::begin(cx, file, seconds, &self.work).await?;
        cx.tell(&format!("about {} pieces, each a request", pieces.count()));
        let stem = file.filename.rsplit_once('.').map_or(file.filename.as_str(), |(stem, _)| stem);
        let transcripts = stream::unfold(Some((cx.clone(), pieces, 0usize)), |state| async {
            let (cx, pieces, number) = state?;
            match pieces.next(&cx).await {
                Ok(None) => None,
                Ok(Some((piece, pieces))) => Some((Ok((number, piece)), Some((cx, pieces, number + 1)))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .map(|piece| async move {
            let (number, piece) = piece?;
            let filename = format!("{stem}-{}.wav", number + 1);
            let source = Source::Inline { bytes: piece.wav, filename, mime_type: Some("audio/wav".into()) };
            let transcript = self.request(cx, source, number > 0).await?;
            Ok(Part { start: piece.start, seconds: piece.seconds, transcript })
        });
        // Text that streams comes in its order.
        let mut transcripts = std::pin::pin!(transcripts.buffered(if self.stream { 1 } else { AT_ONCE }));
        let (mut parts, mut broke) = (Vec::new(), None);
        while let Some(part) = transcripts.next().await {
            match part {
                Ok(part) => {
                    let end = part.start + part.seconds;
                    parts.push(part);
                    if !self.stream {
                        let end = end as u64;
                        let clock = format!("{}:{:02}:{:02}", end / 3600, end / 60 % 60, end % 60);
                        cx.tell(&format!("transcribed up to {clock}, {} pieces", parts.len()));
                    }
                }
                Err(error) => match parts.last().map(|part: &Part| part.start + part.seconds) {
                    None => return Err(error),
                    Some(end) => {
                        broke = Some((end, error.to_string()));
                        break;
                    }
                },
            }
        }
        cx.flush_text();
        if parts.is_empty() {
            return Err(Error::new(Kind::File, format!("`{}` has no sound", file.filename)));
        }
        Ok(Outcome { transcript: merge::merge(parts, &self.known)?, format: self.format, broke, unsaved: None })
    }

    async fn request(&self, cx: &Context, source: Source, follows: bool) -> Result<Transcript> {
        let response = cx.send(self.spec, self.arguments.clone().attach("file", source)).response().await;
        let response = response.map_err(with_advice)?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/event-stream") {
            return events(cx, response, follows).await;
        }
        let is_json = kind.starts_with("application/json") || self.format.extension() == "json";
        let answer = response.into_body().collect(LONGEST).await?;
        Ok(if is_json && serde_json::from_slice::<serde::de::IgnoredAny>(&answer).is_ok() {
            Transcript::Json(answer)
        } else {
            Transcript::Text(String::from_utf8_lossy(&answer).into_owned())
        })
    }
}

/// Whether a file is refused because it lasts too long for the model: 1,400 s, or what makes more tokens than it takes.
fn is_too_long(error: &Error) -> bool {
    let text = error.to_string();
    let words = ["seconds is longer than", "input_too_large", "audio is too large"];
    error.kind() == Kind::Status(400) && words.iter().any(|word| text.contains(word))
}

/// The API goes by the extension of a file's name.
fn with_advice(error: Error) -> Error {
    if error.kind() != Kind::Status(400) || !error.to_string().contains(" file format. Supported formats") {
        return error;
    }
    let hint = "name what it is with `filename` in `file`: Opus is `x.ogg`; convert what is none of these";
    Error::new(error.kind(), format!("{error}\nhint: {hint}"))
}

/// Follows a transcript as it is written.
async fn events(cx: &Context, response: Response<Body>, follows: bool) -> Result<Transcript> {
    let mut events = Events::new(response)?;
    let (mut segments, mut done) = (Vec::new(), None);
    if follows {
        cx.tell_text(" ");
    }
    while let Some(event) = events.next().await? {
        let mut event: Value = serde_json::from_slice(&event.data)
            .map_err(|error| Error::new(Kind::Answer, format!("an event is not JSON: {error}")))?;
        match event.get("type").and_then(Value::as_str) {
            Some("transcript.text.delta") => {
                cx.tell_text(event.get("delta").and_then(Value::as_str).unwrap_or_default());
            }
            Some("transcript.text.segment") => segments.push(event),
            Some("transcript.text.done") => {
                if let Some(object) = event.as_object_mut() {
                    object.remove("type");
                }
                done = Some(event);
            }
            _ => {}
        }
    }
    let Some(Value::Object(mut transcript)) = done else {
        return Err(Error::new(Kind::Connection, "the stream ended before the transcript did"));
    };
    if !segments.is_empty() {
        transcript.insert("segments".into(), segments.into());
    }
    Ok(Transcript::Json(Value::Object(transcript).to_string().into()))
}

impl Outcome {
    /// The transcript as it is written to a file.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub(crate) fn content(&self) -> Result<String> {
        match &self.transcript {
            Transcript::Text(text) => Ok(text.clone()),
            Transcript::Json(json) => {
                String::from_utf8(json.to_vec()).map_err(|_| Error::new(Kind::Answer, "the transcript is not in UTF-8"))
            }
        }
    }

    /// What was said, alone.
    pub(crate) fn text(&self) -> String {
        match &self.transcript {
            Transcript::Text(text) => text.clone(),
            Transcript::Json(json) => {
                let value: Value = serde_json::from_slice(json).unwrap_or_default();
                value.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()
            }
        }
    }

    /// Extension of a file that holds it.
    pub(crate) fn extension(&self) -> &'static str {
        match &self.transcript {
            Transcript::Json(_) => "json",
            Transcript::Text(_) if self.format.extension() == "json" => "txt",
            Transcript::Text(_) => self.format.extension(),
        }
    }

    /// A line about what is missing.
    pub(crate) fn note(&self) -> Option<String> {
        let broke = self.broke.as_ref().map(|(end, error)| {
            format!("incomplete: it ends at {end:.1} s of the sound, since the next piece failed: {error}")
        });
        let unsaved = self.unsaved.as_ref().map(|error| format!("not saved: {error}"));
        let notes: Vec<String> = broke.into_iter().chain(unsaved).collect();
        (!notes.is_empty()).then(|| notes.join("\n"))
    }

    /// The result of a call: the transcript if it is short, else its beginning and where the whole is.
    async fn show(mut self, cx: &Context, save_to: Option<String>, max_bytes: Option<u64>) -> Result<Output> {
        let content = self.content()?;
        if let Some(path) = save_to {
            let saved = match cx.save(path, Body::Full(content.clone().into())).await {
                Ok(saved) => saved,
                Err(error) => {
                    // What is paid for is not lost with its file.
                    self.unsaved = Some(error.to_string());
                    return self.inline(cx, content, max_bytes).await;
                }
            };
            let note = self.note().map(|note| format!("\n{note}")).unwrap_or_default();
            let text = format!("saved {} bytes to {}{note}", saved.bytes, saved.path);
            let mut structured = json!({"path": saved.path, "bytes": saved.bytes});
            self.tell_of_end(&mut structured);
            return Ok(Output::Text { text, structured });
        }
        self.inline(cx, content, max_bytes).await
    }

    async fn inline(&self, cx: &Context, content: String, max_bytes: Option<u64>) -> Result<Output> {
        let asked = max_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        if content.len() <= asked.unwrap_or_else(|| cx.max_result()) {
            return self.whole(content, asked.is_some());
        }
        let name = format!("transcript-{:08x}.{}", cx.random() as u32, self.extension());
        let bytes = content.len();
        let text = self.text();
        let (shown, rest, mut structured) = match cx.save(name, Body::Full(content.into())).await {
            Ok(saved) => (
                text.chars().take(EXCERPT).collect::<String>(),
                format!("the whole, {bytes} bytes, is saved to {}", saved.path),
                json!({"path": saved.path, "bytes": bytes}),
            ),
            Err(_) => {
                // What is paid for is given as far as it goes: the text before its times.
                let room = cx.max_result().saturating_sub(512);
                let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
                let rest = format!("{bytes} bytes do not fit; ask again with `max_bytes`: {bytes} to see all");
                (text.get(..end).unwrap_or_default().to_owned(), rest, json!({"bytes": bytes}))
            }
        };
        if let Some(object) = structured.as_object_mut() {
            object.insert("text".into(), shown.clone().into());
            object.insert("note".into(), rest.clone().into());
        }
        self.tell_of_end(&mut structured);
        let note = self.note().map(|note| format!("\n[{note}]")).unwrap_or_default();
        Ok(Output::Text { text: format!("{shown}\n\n[{rest}]{note}"), structured })
    }

    fn whole(&self, content: String, asked: bool) -> Result<Output> {
        match &self.transcript {
            Transcript::Json(json) if self.note().is_none() && !asked => Ok(Output::Json(json.clone())),
            Transcript::Json(json) => {
                let mut structured: Value = serde_json::from_slice::<Value>(json)
                    .map_err(|error| Error::new(Kind::Answer, format!("the transcript is not JSON: {error}")))?;
                self.tell_of_end(&mut structured);
                Ok(Output::Text { text: structured.to_string(), structured })
            }
            Transcript::Text(text) => {
                let mut structured = json!({"text": text});
                self.tell_of_end(&mut structured);
                let note = self.note().map(|note| format!("\n[{note}]")).unwrap_or_default();
                Ok(Output::Text { text: content + &note, structured })
            }
        }
    }

    fn tell_of_end(&self, structured: &mut Value) {
        if let (Some((end, error)), Some(object)) = (&self.broke, structured.as_object_mut()) {
            object.insert("incomplete".into(), json!({"ends_at_seconds": end, "error": error}));
        }
        if let (Some(error), Some(object)) = (&self.unsaved, structured.as_object_mut()) {
            object.insert("not_saved".into(), error.as_str().into());
        }
    }
}

/// A transcript that a test makes.
#[cfg(test)]
pub(crate) fn outcome(json: &'static str) -> Outcome {
    Outcome { transcript: Transcript::Json(json.into()), format: Format::Json, broke: None, unsaved: None }
}
