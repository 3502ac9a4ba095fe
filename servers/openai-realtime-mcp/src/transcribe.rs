//! Recordings as text, by models that Realtime alone has. <https://platform.openai.com/docs/guides/realtime-transcription>

use std::time::Duration;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::{self, Formats, Unsaved};
use serde_json::Map;

use crate::line::{Line, Next, add, closed, failure, text};
use crate::socket::Hearing;
use crate::sound::{Recording, again, encoded, following};

tools![Transcribe];

/// Seconds of a piece.
const PIECE: usize = 60;
/// Pieces that are heard at a time.
const AT_ONCE: usize = 3;
/// How long a transcription lasts by default, and how long the pieces that were sent are then waited for, in seconds.
const PATIENCE: u64 = 45;
const AFTER: u64 = 15;
/// Characters that are shown where the whole went to a file.
const EXCERPT: usize = 2000;
const FORMATS: Formats = &[("text", &["txt", "md"])];

/// Write down a recording with a live model, text as progress.
///
/// audio-transcribe costs a quarter and has times and formats. Returns after `timeout` with `next` for the rest.
#[tool("realtime-transcribe", saves, open)]
struct Transcribe {
    file: FileInput,
    /// gpt-live-transcribe, gpt-realtime-whisper or gpt-transcribe.
    model: String,
    language: Option<String>,
    languages: Option<Vec<String>>,
    keywords: Option<Vec<String>>,
    prompt: Option<String>,
    delay: Option<Raw<Delay>>,
    /// Second to begin at.
    #[alias("next_offset")]
    offset: Option<f64>,
    /// New .txt file; each part has its own.
    save_to: Option<String>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, 3600>>,
}

#[shape]
enum Delay {
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

impl Transcribe {
    async fn run(self, cx: Context) -> Result<Output> {
        save::format(self.save_to.as_deref(), ("", None), FORMATS)?;
        cx.reserve(self.save_to.as_deref()).await?;
        let FileInput(source) = self.file.clone();
        let recording = Recording::open(&cx, source, PIECE).await?;
        let (first, rest) = recording.from(&cx, self.offset.unwrap_or_default()).await?;
        let patience = self.timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs());
        let mut line = Line::open(&cx, &Hearing::SPEC, json!({"intent": "transcription"}), patience).await?;
        line.set_up(self.set_up()?).await?;
        let mut job = Job { line, waiting: Some(first), recording: Some(rest), pieces: Vec::new(), usage: Map::new() };
        let ended = job.listen(&cx).await;
        cx.flush_text();
        let Job { line, pieces, waiting, usage, .. } = job;
        let heard: Vec<&Piece> = pieces.iter().take_while(|piece| piece.heard.is_some()).collect();
        if let (Err(error), true) = (&ended, heard.is_empty()) {
            return Err(error.clone());
        }
        line.close().await;
        let words: Vec<&str> =
            heard.iter().filter_map(|piece| piece.heard.as_deref()).filter(|it| !it.is_empty()).collect();
        let words = words.join("\n");
        let rest = pieces.get(heard.len()).map(|piece| piece.start).or(waiting.map(|piece| piece.start));
        let failed: Vec<Value> = heard.iter().filter_map(|piece| piece.failed.clone()).collect();
        self.tell(&cx, words, rest, failed, ended.err(), usage).await
    }

    fn set_up(&self) -> Result<Value> {
        let mut transcription = json!({"model": self.model});
        let delay: Option<Value> = self.delay.as_ref().map(|delay| delay.read("delay")).transpose()?;
        let fields = [
            ("language", self.language.clone().map(Value::from)),
            ("languages", self.languages.clone().map(Value::from)),
            ("keywords", self.keywords.clone().map(Value::from)),
            ("prompt", self.prompt.clone().map(Value::from)),
            ("delay", delay),
        ];
        if let Value::Object(transcription) = &mut transcription {
            let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            transcription.extend(given);
        }
        let input = json!({"transcription": transcription, "turn_detection": null});
        Ok(json!({"type": "transcription", "audio": {"input": input}}))
    }

    async fn tell(
        self,
        cx: &Context,
        words: String,
        rest: Option<f64>,
        failed: Vec<Value>,
        broke: Option<Error>,
        usage: Map<String, Value>,
    ) -> Result<Output> {
        let mut told = Map::new();
        let mut put = |name: &str, value: Option<Value>| told.extend(value.map(|value| (name.to_owned(), value)));
        let (mut shown, mut saved_to, mut note) = (words.clone(), None, None);
        let whole = words.len() <= cx.max_result() / 2;
        let saved = match self.save_to.clone() {
            Some(path) => Some(cx.save_paid(path, ("transcript", "txt"), words.clone().into()).await),
            None if !whole => {
                let kept = cx.keep(("transcript", "txt"), words.into()).await;
                Some(kept.map_err(|error| Unsaved { error, kept: false }))
            }
            None => None,
        };
        match saved {
            Some(Ok(saved)) => {
                shown = shown.chars().take(EXCERPT).collect();
                saved_to = Some(saved.show());
            }
            Some(Err(Unsaved { error, .. })) => note = Some(Value::from(format!("not saved: {error}"))),
            None => {}
        }
        put("done", Some(rest.is_none().into()));
        put("text", Some(shown.into()));
        put("saved_to", saved_to);
        put("note", note);
        put("failed", (!failed.is_empty()).then(|| failed.into()));
        put("incomplete", broke.map(|error| error.to_string().into()));
        put("usage", (!usage.is_empty()).then(|| usage.into()));
        if let Some(rest) = rest {
            let rest = (rest * 1000.0).round() / 1000.0;
            put("next_offset", Some(rest.into()));
            let save_to = self.save_to.as_deref().map(|path| following(path, self.offset.is_some()));
            put("next", Some(json!({"tool": Self::SPEC.name, "arguments": again(cx, rest, save_to)})));
        }
        Ok(Output::json(&told.into()))
    }
}

/// What became of a piece.
struct Piece {
    start: f64,
    /// Its item, once it is committed.
    item: Option<String>,
    heard: Option<String>,
    /// Why it was not understood.
    failed: Option<Value>,
}

struct Job {
    line: Line,
    /// The piece that goes out next, and what gives those after it.
    waiting: Option<openai_mcp_sound::pieces::Piece>,
    recording: Option<Recording>,
    pieces: Vec<Piece>,
    usage: Map<String, Value>,
}

impl Job {
    /// Sends piece after piece, a few ahead of what is heard, until all are or time is over.
    async fn listen(&mut self, cx: &Context) -> Result<()> {
        let (mut idle, mut late) = (true, false);
        loop {
            let open = self.pieces.iter().filter(|piece| piece.heard.is_none()).count();
            if open == 0 && (late || self.waiting.is_none()) {
                return Ok(());
            }
            if idle
                && !late
                && open < AT_ONCE
                && let Some(piece) = self.waiting.take()
            {
                self.line.push_all("input_audio_buffer.append", encoded(piece.samples));
                self.line.push("input_audio_buffer.commit", json!({}));
                self.pieces.push(Piece { start: piece.start, item: None, heard: None, failed: None });
                idle = false;
                if let Some(recording) = self.recording.take()
                    && let Some((piece, rest)) = recording.next(cx).await?
                {
                    (self.waiting, self.recording) = (Some(piece), Some(rest));
                }
            }
            match self.line.next().await? {
                Next::Sent => idle = true,
                Next::Event(kind, event) => self.take(cx, &kind, &event)?,
                Next::Late if !late => {
                    late = true;
                    self.line.until = cx.monotonic() + Duration::from_secs(AFTER);
                }
                Next::Late => return Err(Error::new(Kind::Answer, "what was sent last was not transcribed in time")),
                Next::Closed(why) => return Err(closed(&why)),
            }
        }
    }

    fn take(&mut self, cx: &Context, kind: &str, event: &Value) -> Result<()> {
        let item = text(event, "item_id");
        match kind {
            "input_audio_buffer.committed" => {
                if let Some(piece) = self.pieces.iter_mut().find(|piece| piece.item.is_none()) {
                    piece.item = Some(item.to_owned());
                }
            }
            "conversation.item.input_audio_transcription.delta" => cx.tell_text(text(event, "delta")),
            "conversation.item.input_audio_transcription.completed" => {
                if let Some(piece) = self.pieces.iter_mut().find(|piece| piece.item.as_deref() == Some(item)) {
                    piece.heard = Some(text(event, "transcript").to_owned());
                }
                if let Some(Value::Object(usage)) = event.get("usage") {
                    add(&mut self.usage, usage);
                }
            }
            "conversation.item.input_audio_transcription.failed" => {
                if let Some(piece) = self.pieces.iter_mut().find(|piece| piece.item.as_deref() == Some(item)) {
                    let why = event.pointer("/error/message").cloned();
                    piece.failed = Some(json!({"start": piece.start, "error": why}));
                    piece.heard = Some(String::new());
                }
            }
            "error" => return Err(failure(event)),
            _ => {}
        }
        Ok(())
    }
}
