//! A recording as text: sent whole or in pieces, and put together again.

use std::sync::atomic::AtomicU64;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::files::{Read, Seekable};
use openai_mcp_kernel::http_types::Response;
use openai_mcp_kernel::http_types::header::CONTENT_TYPE;
use openai_mcp_kernel::json::{self, Members as _};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::Formats;
use openai_mcp_kernel::spec::Spec;
use openai_mcp_shapes::broken;
use openai_mcp_sound::pieces::{Cut, Pieces};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Map;

use crate::captions::{self, Captions};
use crate::merge::{self, Part, Transcript};

/// Largest file of one request: 25 MiB, less what a form adds.
/// <https://platform.openai.com/docs/guides/speech-to-text>
const LARGEST: usize = 25 * 1024 * 1024 - 64 * 1024;
/// Most bytes of a transcript, and what those of all pieces may weigh.
const LONGEST: usize = 64 * 1024 * 1024;
const MOST_HELD: usize = 128 * 1024 * 1024;
/// Most characters that are told of an answer that is no transcript.
const MOST_TOLD: usize = 8000;
/// Pieces of one file that are transcribed at a time.
const AT_ONCE: usize = 3;

/// Where the voices of known speakers stand, and most bytes of one: ten seconds at their best.
const SAMPLES: &str = "known_speaker_references";
const LARGEST_SAMPLE: usize = 8 * 1024 * 1024;

/// The formats of transcripts, with the extensions of their files.
pub(crate) const FORMATS: Formats = &[
    ("json", &["json"]),
    ("text", &["txt", "md"]),
    ("srt", &["srt"]),
    ("vtt", &["vtt"]),
    ("verbose_json", &["json"]),
    ("diarized_json", &["json"]),
];

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

impl Format {
    /// Extension of a file that holds it.
    fn extension(self) -> &'static str {
        match self {
            Format::Json | Format::VerboseJson | Format::DiarizedJson => "json",
            Format::Text => "txt",
            Format::Srt => "srt",
            Format::Vtt => "vtt",
        }
    }
}

/// How files are transcribed.
pub(crate) struct Job {
    spec: &'static Spec,
    /// Those of the request, without the file.
    arguments: Arguments,
    format: Format,
    /// Subtitles that the model does not make: they are written here, of what it tells of speakers and times.
    captions: Option<Captions>,
    stream: bool,
    known: Vec<String>,
    /// Most seconds of a piece, where the caller wants pieces.
    split: Option<usize>,
    /// Samples that were decoded so far, of all files.
    work: AtomicU64,
}

/// What became of a file.
pub(crate) struct Outcome {
    transcript: Transcript,
    format: Format,
    /// The same as subtitles, and of which format, if they are what it is to be.
    captions: Option<(Captions, String)>,
    /// Where the transcript ends before the sound does, in seconds, and why.
    broke: Option<(f64, String)>,
}

enum Sound {
    Whole(Source),
    Cut(Seekable),
}

impl Job {
    /// Reads what a request's arguments say of it, and the samples of known speakers.
    ///
    /// # Errors
    /// One is not what was expected.
    pub(crate) async fn new(cx: &Context, spec: &'static Spec, mut arguments: Arguments) -> Result<Self> {
        let mut format = arguments.member("response_format")?.unwrap_or(Format::Json);
        let mut captions = None;
        if arguments.member::<String>("model")?.is_some_and(|model| model.contains("diarize")) {
            captions = match format {
                Format::Srt => Some(Captions::Srt),
                Format::Vtt => Some(Captions::Vtt),
                _ => None,
            };
            if captions.is_some() {
                format = Format::DiarizedJson;
                arguments = arguments.set("response_format", "diarized_json");
            }
            // The API refuses to do without where a recording is longer than half a minute.
            if arguments.member::<Value>("chunking_strategy")?.is_none() {
                arguments = arguments.set("chunking_strategy", "auto");
            }
        }
        if let Some(samples) = arguments.member::<Vec<String>>(SAMPLES)? {
            let samples = stream::iter(samples).then(|sample| as_data_url(cx, sample)).try_collect::<Vec<_>>().await?;
            arguments = arguments.set(SAMPLES, samples);
        }
        Ok(Job {
            spec,
            format,
            captions,
            stream: arguments.member("stream")?.unwrap_or_default(),
            known: arguments.member("known_speaker_names")?.unwrap_or_default(),
            split: arguments.member("split_seconds")?,
            work: AtomicU64::default(),
            arguments,
        })
    }

    /// Extension of the files that it makes.
    pub(crate) fn extension(&self) -> &'static str {
        self.captions.map_or_else(|| self.format.extension(), Captions::extension)
    }

    /// Transcribes a file, in pieces if it is large.
    ///
    /// # Errors
    /// As those of the request; a later piece that fails does not take the earlier ones with it.
    pub(crate) async fn run(&self, cx: &Context, source: Source) -> Result<Outcome> {
        let mut outcome = self.hear(cx, source).await?;
        if let (Some(format), Transcript::Json(json)) = (self.captions, &outcome.transcript) {
            let json = json.clone();
            let written = cx.compute_long(json.len(), move || captions::write(&json, format)).await?;
            outcome.captions = written.map(|captions| (format, captions));
        }
        Ok(outcome)
    }

    async fn hear(&self, cx: &Context, source: Source) -> Result<Outcome> {
        match self.load(cx, source).await? {
            Sound::Whole(source) => match self.request(cx, source.clone(), false).await {
                Ok(transcript) => {
                    cx.flush_text();
                    Ok(Outcome { transcript, format: self.format, captions: None, broke: None })
                }
                // Refused before it was heard.
                Err(error) if is_too_long(&error) => {
                    let file = cx.seekable(source, cx.room()).await?;
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
                return Ok(Sound::Cut(cx.seekable(source, cx.room()).await?));
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
            return Ok(Sound::Cut(file.into()));
        }
        let Read { filename, mime_type, bytes } = file;
        Ok(Sound::Whole(Source::Inline { bytes, filename, mime_type: Some(mime_type) }))
    }

    async fn pieces(&self, cx: &Context, file: &Seekable) -> Result<Outcome> {
        let usual = if cx.room() > 256 * 1024 * 1024 { 600 } else { 240 };
        let seconds = self.split.unwrap_or(usual);
        let pieces = Pieces::begin(cx, file, Cut { seconds, rate: None }, &self.work).await?;
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
            let source = Source::Inline { bytes: piece.wav()?, filename, mime_type: Some("audio/wav".into()) };
            let transcript = self.request(cx, source, number > 0).await?;
            Ok(Part { start: piece.start, seconds: piece.seconds, transcript })
        });
        // Text that streams comes in its order.
        let mut transcripts = std::pin::pin!(transcripts.buffered(if self.stream { 1 } else { AT_ONCE }));
        let (mut parts, mut broke, mut held) = (Vec::new(), None, 0);
        while let Some(part) = transcripts.next().await {
            // However many there are, they are held together.
            let part = part.and_then(|part: Part| {
                held += part.transcript.weight();
                if held > MOST_HELD {
                    Err(Error::new(Kind::Answer, "the transcripts are too long to be held"))
                } else {
                    Ok(part)
                }
            });
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
        Ok(Outcome { transcript: merge::merge(parts, &self.known)?, format: self.format, captions: None, broke })
    }

    async fn request(&self, cx: &Context, source: Source, follows: bool) -> Result<Transcript> {
        let response = cx.send(self.spec, self.arguments.clone().attach("file", source)).response().await;
        let response = response.map_err(with_advice)?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/event-stream") {
            return events(cx, response, follows).await;
        }
        if kind.starts_with("text/html") {
            return Err(Error::new(Kind::Answer, "expected a transcript, got a page"));
        }
        let is_json = kind.starts_with("application/json") || self.format.extension() == "json";
        let answer = response.into_body().collect(LONGEST).await?;
        let length = answer.len();
        let read = move || match is_json {
            true => read(answer),
            false => Ok(Transcript::Text(String::from_utf8_lossy(&answer).into_owned())),
        };
        cx.compute_long(length, read).await?
    }
}

/// Reads an answer that should be JSON; plain text is what some servers give all the same.
///
/// # Errors
/// It is empty, has broken off, or says nothing: what came of it is told, since it may be paid for.
fn read(answer: Bytes) -> Result<Transcript> {
    #[derive(Deserialize)]
    struct Peek {
        text: Option<IgnoredAny>,
        segments: Option<IgnoredAny>,
    }
    if answer.trim_ascii().is_empty() {
        return Err(Error::new(Kind::Answer, "expected a transcript, got an empty answer"));
    }
    let text = String::from_utf8_lossy(&answer);
    let fault =
        |problem| Error::new(Kind::Answer, format!("the answer {problem}: {}", json::excerpt(&text, MOST_TOLD)));
    match serde_json::from_slice::<Peek>(&answer) {
        Ok(Peek { text: None, segments: None }) => Err(fault("has no transcript")),
        // What has more values than are looked into is paid for, too, and passed on as it is.
        Ok(_) if json::narrow(&answer).is_err() => Ok(Transcript::Text(text.into_owned())),
        Ok(_) => Ok(Transcript::Json(answer)),
        Err(error) if error.is_eof() => Err(fault("broke off")),
        Err(error) if error.is_data() => Err(fault("has no transcript")),
        Err(_) if answer.trim_ascii_start().starts_with(b"{") => Err(fault("is not JSON")),
        Err(_) => Ok(Transcript::Text(text.into_owned())),
    }
}

/// A sample of a speaker as the API takes it.
async fn as_data_url(cx: &Context, sample: String) -> Result<String> {
    if sample.starts_with("data:") {
        return Ok(sample);
    }
    let source = Source::of_text(&sample).map_err(|problem| Error::argument(SAMPLES, problem))?;
    let Read { mime_type, bytes, .. } = cx.read(source, LARGEST_SAMPLE).await?;
    Ok(format!("data:{mime_type};base64,{}", STANDARD.encode(bytes)))
}

/// Whether a file is refused because it lasts too long for the model: 1,400 s, or what makes more tokens than it takes.
fn is_too_long(error: &Error) -> bool {
    let text = error.to_string();
    let words = ["seconds is longer than", "input_too_large", "audio is too large"];
    error.kind() == Kind::Status(400) && words.iter().any(|word| text.contains(word))
}

/// What the API means by some of its refusals.
fn with_advice(error: Error) -> Error {
    let text = error.to_string();
    let hint = match error.kind() {
        // It goes by the extension of a file's name.
        Kind::Status(400) if text.contains(" file format. Supported formats") => {
            "name what it is with `filename` in `file`: Opus is `x.ogg`; convert what is none of these"
        }
        Kind::Status(400) if text.contains("response_format") => {
            "`srt` and `vtt` are made by whisper-1 and, with speakers, gpt-4o-transcribe-diarize, `verbose_json` by \
             whisper-1, `diarized_json` by gpt-4o-transcribe-diarize, `json` by every model"
        }
        _ => return error,
    };
    Error::new(error.kind(), format!("{text}\nhint: {hint}"))
}

/// Follows a transcript as it is written.
async fn events(cx: &Context, response: Response<Body>, follows: bool) -> Result<Transcript> {
    let events = Events::new(response)?;
    if follows {
        cx.tell_text(" ");
    }
    let (mut said, mut segments) = (String::new(), Vec::new());
    let followed = follow(cx, events, &mut said, &mut segments).await;
    followed.map_err(|error| {
        cx.flush_text();
        if said.is_empty() {
            let texts = segments.iter().map(|segment| segment.at("text").as_str().unwrap_or_default());
            said = texts.collect::<Vec<_>>().join(" ");
        }
        broken::one(&error, "transcript", &said)
    })
}

/// Reads the events of a transcript to its end; what comes on the way is there however it ends.
async fn follow(cx: &Context, mut events: Events, said: &mut String, segments: &mut Vec<Value>) -> Result<Transcript> {
    let mut done = None;
    while let Some(event) = events.next().await? {
        let fits = events.keep(&event);
        let mut event: Value = serde_json::from_slice(&event.data)
            .map_err(|error| Error::new(Kind::Answer, format!("an event is not JSON: {error}")))?;
        match event.get("type").and_then(Value::as_str) {
            Some("transcript.text.delta") => {
                let piece = event.get("delta").and_then(Value::as_str).unwrap_or_default();
                said.push_str(piece);
                cx.tell_text(piece);
            }
            Some("transcript.text.segment") if fits => segments.push(event),
            Some("transcript.text.segment") => {
                return Err(Error::new(Kind::Answer, "the transcript has more segments than can be held"));
            }
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
        transcript.insert("segments".into(), std::mem::take(segments).into());
    }
    Ok(Transcript::Json(Value::Object(transcript).to_string().into()))
}

impl Outcome {
    /// The transcript as it is written to a file.
    pub(crate) fn content(&self) -> Bytes {
        match (&self.captions, &self.transcript) {
            (Some((_, text)), _) | (None, Transcript::Text(text)) => text.clone().into(),
            (None, Transcript::Json(json)) => json.clone(),
        }
    }

    /// What was said, alone; of subtitles all.
    pub(crate) fn text(&self) -> String {
        match (&self.captions, &self.transcript) {
            (Some((_, text)), _) | (None, Transcript::Text(text)) => text.clone(),
            (None, Transcript::Json(json)) => {
                let value: Value = serde_json::from_slice(json).unwrap_or_default();
                value.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()
            }
        }
    }

    /// Extension of a file that holds it.
    pub(crate) fn extension(&self) -> &'static str {
        match (&self.captions, &self.transcript) {
            (Some((format, _)), _) => format.extension(),
            (None, Transcript::Json(_)) => "json",
            (None, Transcript::Text(_)) if self.format.extension() == "json" => "txt",
            (None, Transcript::Text(_)) => self.format.extension(),
        }
    }

    /// Where it goes, of where it was to go. If nobody is told that it is a part, the name stays free for the whole.
    pub(crate) fn place(&self, cx: &Context, save_to: Option<String>) -> Option<String> {
        save_to.filter(|_| self.broke.is_none() || !cx.given_up())
    }

    /// What the name of a spare file for it begins with, which says how far it goes.
    pub(crate) fn stem(&self) -> String {
        match &self.broke {
            Some((end, _)) => format!("transcript-first-{}s", *end as u64),
            None => "transcript".to_owned(),
        }
    }

    /// What the API tells of the cost.
    pub(crate) fn spent(&self) -> Map<String, Value> {
        #[derive(Deserialize)]
        struct Spent {
            duration: Option<Value>,
            usage: Option<Value>,
        }
        let Transcript::Json(json) = &self.transcript else { return Map::new() };
        let Ok(Spent { duration, usage }) = serde_json::from_slice(json) else { return Map::new() };
        let named = |name: &str, value: Option<Value>| value.map(|value| (name.to_owned(), value));
        let mut spent = Map::from_iter(named("duration", duration).into_iter().chain(named("usage", usage)));
        shorten(&mut spent);
        spent
    }

    /// What a result tells of it: of what the API answered all, or what its reader needs.
    ///
    /// # Errors
    /// The answer is no JSON object.
    pub(crate) fn told(&self, full: bool) -> Result<Map<String, Value>> {
        let mut told = match (&self.captions, &self.transcript) {
            (Some((_, text)), _) | (None, Transcript::Text(text)) => {
                Map::from_iter([("text".to_owned(), text.as_str().into())])
            }
            (None, Transcript::Json(json)) => serde_json::from_slice(json)
                .map_err(|error| Error::new(Kind::Answer, format!("the transcript is not JSON: {error}")))?,
        };
        if !full {
            shorten(&mut told);
        }
        told.extend(self.incomplete());
        Ok(told)
    }

    /// What is missing, if something is.
    pub(crate) fn incomplete(&self) -> Option<(String, Value)> {
        let (end, error) = self.broke.as_ref()?;
        let end = (end * 10.0).round() / 10.0;
        Some(("incomplete".to_owned(), json!({"ends_at_seconds": end, "error": error})))
    }
}

/// Leaves out of a transcript what nobody reads: nulls, what was asked for, and of its segments the numbers that the
/// model made them by.
fn shorten(transcript: &mut Map<String, Value>) {
    transcript.retain(|name, value| !value.is_null() && name != "task");
    for segment in transcript.get_mut("segments").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(segment) = segment.as_object_mut() {
            segment.retain(|name, _| matches!(name.as_str(), "id" | "start" | "end" | "speaker" | "text"));
        }
    }
    if let Some(usage) = transcript.get_mut("usage").and_then(Value::as_object_mut) {
        usage.retain(|name, value| value.is_number() && name != "type");
    }
}
