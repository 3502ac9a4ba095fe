//! Recordings as speech in another language. <https://platform.openai.com/docs/guides/realtime-translation>

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;
use serde_json::Map;

use crate::line::{Line, Next, failure, text};
use crate::socket::Translation;
use crate::sound::{FORMATS, Recording, Spoken, again, encoded, following};

tools![Translate];

/// Most seconds that one call translates.
const SLICE: usize = 30;
/// How long a translation may take by default, in seconds.
const PATIENCE: u64 = 45;
/// The longest that may be asked for, in seconds.
const LONGEST: i64 = 3600;

/// Translate speech into speech in another language, with both texts.
///
/// 30 seconds at most in each call, cut in a pause; `next` goes on.
#[tool("realtime-translate", saves, open)]
struct Translate {
    /// wav, mp3, flac, ogg, m4a; .pcm of 24 kHz.
    file: FileInput,
    /// As es.
    language: String,
    /// Default gpt-realtime-translate.
    model: Option<String>,
    /// Writes down the original. Default gpt-realtime-whisper.
    transcription_model: Option<String>,
    /// Second to begin at.
    #[alias("next_offset")]
    offset: Option<f64>,
    /// New .wav file; each part has its own.
    save_to: Option<String>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, LONGEST>>,
}

impl Translate {
    async fn run(self, cx: Context) -> Result<Output> {
        save::format(self.save_to.as_deref(), ("", None), FORMATS)?;
        cx.reserve(self.save_to.as_deref()).await?;
        let FileInput(source) = self.file.clone();
        let recording = Recording::open(&cx, source, SLICE).await?;
        let (piece, rest) = recording.from(&cx, self.offset.unwrap_or_default()).await?;
        let (start, end) = (piece.start, piece.start + piece.seconds);
        let more = rest.next(&cx).await?.is_some();

        let model = self.model.as_deref().unwrap_or("gpt-realtime-translate");
        let patience = self.timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs());
        let mut line = Line::open(&cx, &Translation::SPEC, json!({"model": model}), patience).await?;
        let writes = self.transcription_model.as_deref().unwrap_or("gpt-realtime-whisper");
        let input = json!({"transcription": {"model": writes}});
        line.set_up(json!({"audio": {"input": input, "output": {"language": self.language}}})).await?;
        line.push_all("session.input_audio_buffer.append", encoded(piece.samples));
        line.push("session.close", json!({}));

        let (mut said, mut heard, mut spoken) = (String::new(), String::new(), Spoken::default());
        let mut late = false;
        let incomplete = loop {
            let next = match line.next().await {
                Ok(next) => next,
                Err(error) => break Some(error),
            };
            match next {
                Next::Sent => {}
                Next::Event(kind, event) => match kind.as_str() {
                    "session.output_transcript.delta" => {
                        said.push_str(text(&event, "delta"));
                        cx.tell_text(text(&event, "delta"));
                    }
                    "session.input_transcript.delta" => heard.push_str(text(&event, "delta")),
                    "session.output_audio.delta" => {
                        if let Err(error) = spoken.push(&cx, text(&event, "delta")).await {
                            break Some(error);
                        }
                    }
                    "session.closed" => break None,
                    "error" => break Some(failure(&event)),
                    _ => {}
                },
                Next::Late => {
                    late = true;
                    break Some(Error::new(Kind::Answer, "the translation did not come within `timeout`"));
                }
                Next::Closed(why) => {
                    break Some(Error::new(Kind::Connection, format!("openai closed the session: {why}")));
                }
            }
        };
        cx.flush_text();
        // What came before is paid for.
        if let (Some(error), true) = (&incomplete, said.is_empty() && spoken.is_empty()) {
            return Err(error.clone());
        }
        line.close().await;
        let round = |seconds: f64| (seconds * 1000.0).round() / 1000.0;
        let mut told = Map::new();
        let mut put = |name: &str, value: Option<Value>| told.extend(value.map(|value| (name.to_owned(), value)));
        // A piece that broke off is asked for again: what is missing of it would never come.
        let next = if incomplete.is_some() { Some(start) } else { more.then_some(end) };
        put("done", Some(next.is_none().into()));
        put("text", Some(said.into()));
        put("heard", Some(heard.into()));
        put("from", Some(round(start).into()));
        put("to", Some(round(end).into()));
        put("incomplete", incomplete.map(|error| error.to_string().into()));
        if let Some(next) = next.map(round) {
            let part = |path: &String| match spoken.is_empty() {
                // No file is written.
                true => path.clone(),
                false => following(path, self.offset.is_some()),
            };
            let save_to = self.save_to.as_ref().map(part);
            put("next_offset", Some(next.into()));
            let mut arguments = again(&cx, next, save_to);
            if late {
                // In the same time it would be late again, and paid for again.
                let longer = i64::try_from(patience * 2).unwrap_or(LONGEST).min(LONGEST);
                arguments = arguments.set("timeout", longer);
            }
            put("next", Some(json!({"tool": Self::SPEC.name, "arguments": arguments})));
        }
        spoken.deliver(&cx, told, self.save_to).await
    }
}
