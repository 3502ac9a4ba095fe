//! Text to speech. <https://platform.openai.com/docs/api-reference/audio/createSpeech>

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::events::Events;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Voice;

use crate::sentences;
use crate::sound::{Format, Joiner};

tools![Create, Stream];

/// Most bytes of a sound that goes into a result: as base64 it stays below a megabyte, which clients take.
const SMALL: usize = 700_000;
/// Most bytes of the sound of one request.
const LONGEST_PART: usize = 64 * 1024 * 1024;
/// Requests at a time for the parts of a long text.
const AT_ONCE: usize = 3;
/// Progress is told no more often than this.
const PAUSE: Duration = Duration::from_millis(250);

/// Turn text into speech, returned as sound or saved to a file.
///
/// Long text is cut at sentence ends and joined again (mp3, wav, pcm). Sound over 700 KB is saved.
#[tool("audio-speech-create", POST "/audio/speech", run, saves)]
struct Create {
    #[read]
    input: String,
    /// gpt-4o-mini-tts, tts-1 or tts-1-hd; all end on 2027-01-06.
    #[read]
    model: String,
    /// alloy, ash, ballad, cedar, coral, echo, fable, marin, nova, onyx, sage, shimmer, verse; or {id} of a custom one.
    voice: Voice,
    /// How to speak; not for tts-1.
    instructions: Option<String>,
    /// mp3 unless told.
    #[read]
    response_format: Option<Format>,
    /// 0.25 to 4.
    speed: Option<Num<0, 4>>,
    /// New local file.
    #[local]
    save_to: Option<String>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let format = self.response_format.unwrap_or(Format::Mp3);
        let parts = parts(&self.input, &self.model, format)?;
        cx.reserve(self.save_to.as_deref()).await?;
        let total = parts.len();
        let begins: Vec<String> = parts.iter().map(|part| beginning(part)).collect();
        let sounds = stream::iter(parts).map(|part| async {
            let response = cx.send(&Self::SPEC, part_of(&cx, part)?).response().await?;
            response.into_body().collect(LONGEST_PART).await
        });
        let mut sounds = sounds.buffered(AT_ONCE);
        let (mut joiner, mut whole) = (Joiner::new(format, total), Vec::new());
        let (mut done, mut broke) = (0, None);
        while let Some(sound) = sounds.next().await {
            let sound = match (sound, begins.get(done)) {
                (Ok(sound), _) => sound,
                (Err(error), Some(begins)) if done > 0 => {
                    broke = Some(Broke { part: done + 1, of: total, begins: begins.clone(), error: error.to_string() });
                    break;
                }
                (Err(error), _) => return Err(error),
            };
            done += 1;
            if total > 1 {
                cx.tell(&format!("{done} of {total} parts spoken"));
            }
            joiner.next_part();
            whole.push(joiner.push(sound));
        }
        whole.push(joiner.finish()?);
        let about = About { broke, ..About::new(format, done, &joiner) };
        deliver(&cx, one(whole), &about, self.save_to).await
    }
}

/// Turn text into speech, written to a file while it is spoken.
///
/// As audio-speech-create, with progress in seconds. wav is written at its end.
#[tool("audio-speech-stream", POST "/audio/speech", run, saves)]
struct Stream {
    #[read]
    input: String,
    #[read]
    model: String,
    voice: Voice,
    instructions: Option<String>,
    #[read]
    response_format: Option<Format>,
    speed: Option<Num<0, 4>>,
    /// sse tells of tokens used; not for tts-1.
    #[read]
    stream_format: Option<StreamFormat>,
    #[local]
    save_to: Option<String>,
}

#[shape(read)]
#[derive(PartialEq)]
enum StreamFormat {
    Sse,
    Audio,
}

impl Stream {
    async fn run(self, cx: Context) -> Result<Output> {
        let format = self.response_format.unwrap_or(Format::Mp3);
        let parts = parts(&self.input, &self.model, format)?;
        cx.reserve(self.save_to.as_deref()).await?;
        let count = parts.len();
        let mut speaker = Speaker {
            events: self.stream_format == Some(StreamFormat::Sse),
            joiner: Joiner::new(format, count),
            parts: parts.into(),
            of: count,
            spoken: 0,
            begins: String::new(),
            broke: None,
            current: None,
            usage: None,
            told: Duration::ZERO,
            cx: cx.clone(),
        };
        // What cannot even begin leaves no file.
        let first = speaker.next().await?;
        let shared = Arc::new(Mutex::new((speaker.about(format), None)));
        let outcome = shared.clone();
        let chunks = stream::try_unfold((speaker, first), move |(mut speaker, ready)| {
            let shared = shared.clone();
            async move {
                let Some(ready) = ready else { return Ok(None) };
                let next = speaker.next().await;
                let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                match next {
                    Ok(next) => {
                        shared.0 = speaker.about(format);
                        Ok(Some((ready, (speaker, next))))
                    }
                    Err(error) => {
                        let failure = Failure { text: error.to_string(), unsent: false };
                        shared.1 = Some(error);
                        Err(failure)
                    }
                }
            }
        });
        let body = Body::Stream { chunks: chunks.boxed(), length: None };
        let written = match (self.save_to, format) {
            (Some(path), format) if format != Format::Wav => cx.save(path, body).await.map(Written::File),
            (path, _) => body.collect(LONGEST_PART * count).await.map(|bytes| Written::Memory(bytes, path)),
        };
        let (about, error) = {
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            (outcome.0.clone(), outcome.1.take())
        };
        match (written, error) {
            (_, Some(error)) => Err(error),
            (Err(error), None) => Err(error),
            (Ok(Written::File(saved)), None) => Ok(about.saved(&saved.path, saved.bytes, None)),
            (Ok(Written::Memory(bytes, path)), None) => deliver(&cx, bytes, &about, path).await,
        }
    }
}

enum Written {
    File(openai_mcp_kernel::platform::Saved),
    Memory(Bytes, Option<String>),
}

/// Speaks part after part.
struct Speaker {
    cx: Context,
    /// The parts that are still to be spoken.
    parts: std::collections::VecDeque<String>,
    /// How many parts there are, and how many are through.
    of: usize,
    spoken: usize,
    /// The beginning of the current part.
    begins: String,
    broke: Option<Broke>,
    current: Option<Current>,
    /// Whether the API is asked for events.
    events: bool,
    joiner: Joiner,
    usage: Option<Value>,
    told: Duration,
}

enum Current {
    Sound(BoxStream<'static, Result<Bytes, Failure>>),
    Events(Box<Events>),
    /// All parts are through.
    Ended,
}

impl Speaker {
    /// The next bytes to be written; `None` after the last. Where a later part fails, the sound ends.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        match self.speak().await {
            Err(error) if self.spoken > 0 && self.broke.is_none() => {
                let begins = std::mem::take(&mut self.begins);
                self.broke = Some(Broke { part: self.spoken + 1, of: self.of, begins, error: error.to_string() });
                self.current = Some(Current::Ended);
                let rest = self.joiner.finish()?;
                Ok((!rest.is_empty()).then_some(rest))
            }
            other => other,
        }
    }

    async fn speak(&mut self) -> Result<Option<Bytes>> {
        loop {
            let piece = match &mut self.current {
                None => match self.parts.pop_front() {
                    Some(part) => {
                        self.begins = beginning(&part);
                        let response = self.cx.send(&Stream::SPEC, part_of(&self.cx, part)?).response().await?;
                        self.joiner.next_part();
                        self.current = Some(match self.events {
                            true => Current::Events(Box::new(Events::new(response)?)),
                            false => Current::Sound(response.into_body().into_chunks()),
                        });
                        continue;
                    }
                    None => {
                        self.current = Some(Current::Ended);
                        self.tell(true);
                        let rest = self.joiner.finish()?;
                        return Ok((!rest.is_empty()).then_some(rest));
                    }
                },
                Some(Current::Ended) => return Ok(None),
                Some(Current::Sound(chunks)) => match chunks.next().await {
                    Some(Ok(piece)) => piece,
                    Some(Err(failure)) => {
                        return Err(Error::new(Kind::Connection, format!("the sound broke off: {}", failure.text)));
                    }
                    None => {
                        self.spoken += 1;
                        self.current = None;
                        continue;
                    }
                },
                Some(Current::Events(events)) => match events.next().await? {
                    Some(event) => match delta(&event.data, &mut self.usage)? {
                        Some(piece) => piece,
                        None => continue,
                    },
                    None => {
                        self.spoken += 1;
                        self.current = None;
                        continue;
                    }
                },
            };
            let ready = self.joiner.push(piece);
            self.tell(false);
            if !ready.is_empty() {
                return Ok(Some(ready));
            }
        }
    }

    fn tell(&mut self, last: bool) {
        let now = self.cx.now();
        if last || now.saturating_sub(self.told) >= PAUSE {
            self.told = now;
            let bytes = self.joiner.bytes();
            let seconds = self.joiner.seconds().map(|seconds| format!(", {seconds:.1} s of speech"));
            self.cx.progress(bytes as f64, None, &format!("{bytes} bytes{}", seconds.unwrap_or_default()));
        }
    }

    fn about(&self, format: Format) -> About {
        let (usage, broke) = (self.usage.clone(), self.broke.clone());
        About { usage, broke, ..About::new(format, self.spoken, &self.joiner) }
    }
}

/// The sound of a `speech.audio.delta`; the usage of `speech.audio.done` is added up.
fn delta(event: &[u8], usage: &mut Option<Value>) -> Result<Option<Bytes>> {
    let event: Value = serde_json::from_slice(event)
        .map_err(|error| Error::new(Kind::Answer, format!("an event is not JSON: {error}")))?;
    if let Some(more) = event.get("usage").filter(|usage| !usage.is_null()) {
        match usage {
            Some(usage) => crate::merge::add(usage, more),
            None => *usage = Some(more.clone()),
        }
    }
    let audio = event.get("audio").and_then(Value::as_str).unwrap_or_default();
    let audio =
        STANDARD.decode(audio).map_err(|error| Error::new(Kind::Answer, format!("a piece is not base64: {error}")))?;
    Ok((!audio.is_empty()).then(|| audio.into()))
}

/// The text in parts that one request takes.
fn parts(input: &str, model: &str, format: Format) -> Result<Vec<String>> {
    let parts = sentences::split(input, model);
    if parts.is_empty() {
        return Err(Error::argument("input", "expected words to speak, got blanks alone"));
    }
    if parts.len() > 1 && !format.joins() {
        return Err(Error::argument(
            "response_format",
            format!(
                "the text takes {} requests, whose sounds can be joined as `mp3`, `wav` or `pcm`, not as `{}`\n\
                 hint: choose one of these, or give at most 4096 characters at a time",
                parts.len(),
                format.name()
            ),
        ));
    }
    Ok(parts.into_iter().map(str::to_owned).collect())
}

/// What tells a caller which part is meant.
fn beginning(part: &str) -> String {
    part.chars().take(80).collect()
}

/// The arguments for a part of the text; those of the whole as they were written.
fn part_of(cx: &Context, part: String) -> Result<Arguments> {
    #[derive(serde::Deserialize)]
    struct Whole {
        input: String,
    }
    if cx.arguments().read::<Whole>()?.input == part {
        return Ok(cx.arguments().clone());
    }
    Ok(cx.arguments().clone().set("input", part))
}

fn one(mut pieces: Vec<Bytes>) -> Bytes {
    pieces.retain(|piece| !piece.is_empty());
    if pieces.len() > 1 {
        let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
        pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
        return whole.freeze();
    }
    pieces.pop().unwrap_or_default()
}

/// What is told of a sound.
#[derive(Clone)]
struct About {
    format: Format,
    parts: usize,
    seconds: Option<f64>,
    usage: Option<Value>,
    broke: Option<Broke>,
}

/// Where the sound of a long text ends too soon, and why. What comes before is paid for, so it is not lost.
#[derive(Clone)]
struct Broke {
    /// The number of the part that failed, counted from 1.
    part: usize,
    of: usize,
    begins: String,
    error: String,
}

impl About {
    fn new(format: Format, parts: usize, joiner: &Joiner) -> Self {
        About { format, parts, seconds: joiner.seconds().filter(|seconds| *seconds > 0.0), usage: None, broke: None }
    }

    fn words(&self, bytes: u64) -> String {
        let mut words = format!("{bytes} bytes of {}", self.format.name());
        if let Some(seconds) = self.seconds {
            words.push_str(&format!(", {seconds:.2} s"));
        }
        if self.parts > 1 {
            words.push_str(&format!(", joined from {} parts", self.parts));
        }
        if let Some(Broke { part, of, begins, error }) = &self.broke {
            words.push_str(&format!(
                "\nincomplete: part {part} of {of} failed: {error}\nhint: go on with the text from `{begins}`"
            ));
        }
        words
    }

    /// That it is in a file; `problem` tells why it is not in the one that was named.
    fn saved(&self, path: &str, bytes: u64, problem: Option<&str>) -> Output {
        let mut structured = json!({"path": path, "bytes": bytes, "format": self.format.name()});
        if let Some(object) = structured.as_object_mut() {
            let seconds = self.seconds.map(|seconds| json!((seconds * 1000.0).round() / 1000.0));
            object.extend(seconds.map(|seconds| ("seconds".into(), seconds)));
            object.extend((self.parts > 1).then(|| ("parts".into(), self.parts.into())));
            object.extend(self.usage.clone().map(|usage| ("usage".into(), usage)));
            object.extend(problem.map(|problem| ("not_saved".into(), problem.into())));
            let broke = self.broke.as_ref().map(
                |Broke { part, of, begins, error }| json!({"part": part, "of": of, "begins": begins, "error": error}),
            );
            object.extend(broke.map(|broke| ("incomplete".into(), broke)));
        }
        let problem = problem.map(|problem| format!("\nnot where it was to be: {problem}")).unwrap_or_default();
        Output::Text { text: format!("saved to {path}: {}{problem}", self.words(bytes)), structured }
    }
}

/// Gives a sound to the caller: in the result if it is small and no file was named.
async fn deliver(cx: &Context, sound: Bytes, about: &About, save_to: Option<String>) -> Result<Output> {
    if sound.is_empty() {
        return Err(Error::new(Kind::Answer, "the answer has no sound"));
    }
    let bytes = sound.len() as u64;
    let mut problem = None;
    if let Some(path) = save_to {
        match cx.save(path, Body::Full(sound.clone())).await {
            Ok(saved) => return Ok(about.saved(&saved.path, saved.bytes, None)),
            // The sound is paid for: where its file cannot be written, it goes elsewhere or out as it is.
            Err(error) => problem = Some(error.to_string()),
        }
    }
    if sound.len() > SMALL {
        let name = format!("speech-{:08x}.{}", cx.random() as u32, about.format.name());
        if let Ok(saved) = cx.save(name, Body::Full(sound.clone())).await {
            return Ok(about.saved(&saved.path, saved.bytes, problem.as_deref()));
        }
    }
    let mut words = about.words(bytes);
    if let Some(usage) = &about.usage {
        words.push_str(&format!("\nusage: {usage}"));
    }
    if let Some(problem) = &problem {
        words.push_str(&format!("\nnot saved: {problem}"));
    }
    let mime_type = about.format.mime_type().to_owned();
    Ok(Output::Content(vec![Content::Audio { data: sound, mime_type }, Content::Text(words)]))
}
