//! Text to speech. <https://platform.openai.com/docs/api-reference/audio/createSpeech>

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::http_types::Response;
use openai_mcp_kernel::http_types::header::CONTENT_TYPE;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::{self, Sound};
use openai_mcp_kernel::schema::{Shape, Shaped};
use openai_mcp_shapes::Voice;
use serde_json::Map;

use crate::sentences;
use crate::sound::{FORMATS, Format, Joiner};

tools![Create, Stream];

/// Most bytes of the sound of one request, and of all for one text.
const LONGEST_PART: usize = 64 * 1024 * 1024;
const LONGEST: u64 = 1024 * 1024 * 1024;
/// Most requests for one text, each of which is paid for: some two hours of speech.
const MOST_PARTS: usize = 32;
/// Where there are no files, sound is answered as text, and is there several times meanwhile.
const TIMES: usize = 6;
/// Requests at a time for the parts of a long text.
const AT_ONCE: usize = 3;
/// Progress is told no more often than this.
const PAUSE: Duration = Duration::from_millis(250);

/// What is spoken, and what becomes of it.
#[shape(read)]
struct Speech {
    input: String,
    model: String,
    /// Default mp3.
    response_format: Option<Format>,
    /// New local file; its extension chooses the format.
    #[local]
    save_to: Option<String>,
    #[local]
    #[unlisted]
    stream: Option<bool>,
}

/// How it is spoken.
#[shape]
struct Manner {
    /// Name, or {id} of a custom one.
    voice: Voice,
    /// How to speak; not for tts-1.
    instructions: Option<String>,
    speed: Option<Speed>,
}

/// How fast it is spoken, where 1 is usual.
enum Speed {}

impl Shaped for Speed {
    const SHAPE: Shape = Shape::Number { min: 0.25, max: 4.0 };
}

/// A text that is about to be spoken.
struct Script {
    /// The arguments of its requests.
    arguments: Arguments,
    format: Format,
    /// What one request takes each.
    parts: Vec<String>,
}

impl Speech {
    /// # Errors
    /// It cannot be spoken or saved: that is told before anything is spent.
    async fn prepare(&self, cx: &Context) -> Result<Script> {
        let Speech { input, model, response_format, save_to, .. } = self;
        let mut arguments = cx.arguments().clone();
        let asked = response_format.map(Format::name);
        let chosen = save::format(save_to.as_deref(), ("response_format", asked), FORMATS)?;
        if let Some(format) = chosen {
            arguments = arguments.set("response_format", format);
        }
        let format = arguments.member("response_format")?.unwrap_or(Format::Mp3);
        let parts = parts(input, model, format)?;
        let characters = fitting(cx, format, arguments.member("speed")?);
        if input.chars().count() > characters {
            let problem = format!(
                "expected at most {characters} characters as `{}`, since there is no file here to save sound to\n\
                 hint: give it in several calls; `opus` and `mp3` take the least room",
                format.name()
            );
            return Err(Error::argument("input", problem));
        }
        if let [part] = &parts[..]
            && part != input
        {
            arguments = arguments.set("input", part);
        }
        cx.reserve(save_to.as_deref()).await?;
        Ok(Script { arguments, format, parts })
    }

    /// Speaks one part after the other and tells of it, or several of a long text at a time. What is paid for is kept although
    /// its caller may have gone.
    async fn speak(self, cx: Context, streams: bool, events: bool) -> Result<Output> {
        let own = cx.clone();
        let work = async move { if streams { self.stream(&own, events).await } else { self.create(&own).await } };
        cx.outlive(work).await
    }

    /// Speaks as fast as it can, several parts of a long text at a time.
    async fn create(self, cx: &Context) -> Result<Output> {
        let Script { arguments, format, parts } = self.prepare(cx).await?;
        let total = parts.len();
        let begins: Vec<String> = parts.iter().map(|part| beginning(part)).collect();
        let sounds = stream::iter(parts).map(|part| async {
            let response = cx.send(&Create::SPEC, part_of(&arguments, total, part)).response().await?;
            sound(response)?.collect(LONGEST_PART).await
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
        deliver(cx, one(whole), &about, self.save_to).await
    }

    /// Speaks part after part, and tells how far it is.
    async fn stream(self, cx: &Context, events: bool) -> Result<Output> {
        let Script { arguments, format, parts } = self.prepare(cx).await?;
        let count = parts.len();
        let mut speaker = Speaker {
            events,
            whole: false,
            joiner: Joiner::new(format, count),
            arguments,
            parts: parts.into(),
            of: count,
            spoken: 0,
            begins: String::new(),
            broke: None,
            current: None,
            came: 0,
            usage: None,
            told: Duration::ZERO,
            cx: cx.clone(),
        };
        let mut whole = Vec::new();
        while let Some(piece) = speaker.next().await? {
            whole.push(piece);
        }
        deliver(cx, one(whole), &speaker.about(format), self.save_to).await
    }
}

/// Turn text into speech, returned as sound or saved to a file.
///
/// Long text is cut at sentence ends and joined again (mp3, wav, pcm). Sound over 700 KB goes to a file. Models:
/// gpt-4o-mini-tts, tts-1, tts-1-hd; all end on 2027-01-06. Voices: alloy, ash, ballad, cedar, coral, echo, fable, marin,
/// nova, onyx, sage, shimmer, verse.
#[tool("audio-speech-create", POST "/audio/speech", run, saves)]
struct Create {
    #[read]
    #[flatten]
    speech: Speech,
    #[flatten]
    manner: Manner,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let streams = self.speech.stream == Some(true);
        self.speech.speak(cx, streams, false).await
    }
}

/// Create speech, with progress in seconds while it is spoken.
///
/// As audio-speech-create, one request after the other.
#[tool("audio-speech-stream", POST "/audio/speech", run, saves)]
struct Stream {
    #[read]
    #[flatten]
    speech: Speech,
    #[flatten]
    manner: Manner,
    /// sse tells of tokens used; not for tts-1.
    #[read]
    stream_format: Option<StreamFormat>,
}

#[shape(read)]
#[derive(PartialEq)]
enum StreamFormat {
    Sse,
    Audio,
}

impl Stream {
    async fn run(self, cx: Context) -> Result<Output> {
        self.speech.speak(cx, true, self.stream_format == Some(StreamFormat::Sse)).await
    }
}

/// Speaks part after part.
struct Speaker {
    cx: Context,
    /// The parts that are still to be spoken.
    parts: VecDeque<String>,
    /// The arguments of their requests.
    arguments: Arguments,
    /// How many parts there are, and how many are through.
    of: usize,
    spoken: usize,
    /// The beginning of the current part.
    begins: String,
    broke: Option<Broke>,
    current: Option<Current>,
    /// Bytes of the current part so far.
    came: usize,
    /// Whether the API is asked for events, and whether they have told that the current part is whole.
    events: bool,
    whole: bool,
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
                        let response =
                            self.cx.send(&Stream::SPEC, part_of(&self.arguments, self.of, part)).response().await?;
                        self.joiner.next_part();
                        self.came = 0;
                        self.whole = false;
                        self.current = Some(match self.events {
                            true => Current::Events(Box::new(Events::new(response)?)),
                            false => Current::Sound(sound(response)?.into_chunks()),
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
                    Some(event) => match delta(&event.data, &mut self.usage, &mut self.whole)? {
                        Some(piece) => piece,
                        None => continue,
                    },
                    None if !self.whole => {
                        return Err(Error::new(Kind::Connection, "the stream ended before the sound did"));
                    }
                    None => {
                        self.spoken += 1;
                        self.current = None;
                        continue;
                    }
                },
            };
            self.came += piece.len();
            if self.came > LONGEST_PART {
                let text = format!("the sound of one request is longer than {LONGEST_PART} bytes");
                return Err(Error::new(Kind::Answer, text));
            }
            let ready = self.joiner.push(piece);
            if self.joiner.bytes() > LONGEST {
                return Err(Error::new(Kind::Answer, format!("the sound is longer than {LONGEST} bytes")));
            }
            self.tell(false);
            if !ready.is_empty() {
                return Ok(Some(ready));
            }
        }
    }

    fn tell(&mut self, last: bool) {
        let now = self.cx.monotonic();
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

/// The body of an answer, which is sound: a page or an object is what somebody else says in OpenAI's place.
fn sound(response: Response<Body>) -> Result<Body> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/") || kind.starts_with("application/json") {
        return Err(Error::new(Kind::Answer, "expected sound, got text"));
    }
    Ok(response.into_body())
}

/// The sound of a `speech.audio.delta`; `speech.audio.done` tells that it is whole, and its usage is added up.
fn delta(event: &[u8], usage: &mut Option<Value>, whole: &mut bool) -> Result<Option<Bytes>> {
    let event: Value = serde_json::from_slice(event)
        .map_err(|error| Error::new(Kind::Answer, format!("an event is not JSON: {error}")))?;
    *whole |= event.get("type").is_some_and(|kind| kind == "speech.audio.done");
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
    if parts.len() > MOST_PARTS {
        let problem = format!(
            "the text takes {} requests, each of which is paid for, and at most {MOST_PARTS} are made in one call\n\
             hint: give it in several calls",
            parts.len()
        );
        return Err(Error::argument("input", problem));
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

/// How many characters have room as sound of this format and speed.
fn fitting(cx: &Context, format: Format, speed: Option<f64>) -> usize {
    /// Characters that are spoken in a second, at the usual speed.
    const SPOKEN: f64 = 13.0;
    if cx.has_files() {
        return usize::MAX;
    }
    (cx.room() as f64 / TIMES as f64 / format.rate() * SPOKEN * speed.unwrap_or(1.0)) as usize
}

/// What tells a caller which part is meant.
fn beginning(part: &str) -> String {
    part.chars().take(80).collect()
}

/// The arguments for a part of the text; where that is the whole, as they were written.
fn part_of(arguments: &Arguments, parts: usize, part: String) -> Arguments {
    if parts == 1 { arguments.clone() } else { arguments.clone().set("input", part) }
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

    /// What a result tells of it.
    fn told(&self) -> Map<String, Value> {
        let seconds = self.seconds.map(|seconds| json!((seconds * 1000.0).round() / 1000.0));
        let broke = self.broke.as_ref().map(
            |Broke { part, of, begins, error }| json!({"part": part, "of": of, "go_on_from": begins, "error": error}),
        );
        let mut told = Map::from_iter([("format".to_owned(), self.format.name().into())]);
        told.extend(seconds.map(|seconds| ("seconds".into(), seconds)));
        told.extend((self.parts > 1).then(|| ("parts".into(), self.parts.into())));
        told.extend(self.usage.clone().map(|usage| ("usage".into(), usage)));
        told.extend(broke.map(|broke| ("incomplete".into(), broke)));
        told
    }
}

/// Gives a sound to the caller.
async fn deliver(cx: &Context, sound: Bytes, about: &About, save_to: Option<String>) -> Result<Output> {
    if sound.is_empty() {
        return Err(Error::new(Kind::Answer, "the answer has no sound"));
    }
    if let Some(Broke { part, of, .. }) = &about.broke
        && cx.given_up()
    {
        // Nobody is told that it is a part, so its name says so, and the name that was asked for stays free for the whole.
        let stem = format!("speech-first-{}-of-{of}", part - 1);
        return cx.keep((&stem, about.format.name()), sound).await.map(|saved| Output::json(&saved.show()));
    }
    let sound = Sound { data: sound, extension: about.format.name(), mime_type: about.format.mime_type() };
    cx.give_sound(about.told(), sound, save_to).await.map_err(|elsewhere| elsewhere.error)
}
