//! Speech to text. <https://platform.openai.com/docs/api-reference/audio/createTranscription>

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::{self, Unsaved};
use openai_mcp_kernel::spec::Spec;
use serde_json::Map;

use crate::shapes::{Hearing, Rendering, whole};
use crate::transcript::{FORMATS, Format, Job, Outcome};

tools![Transcribe, Translate];

/// Characters of a transcript that are shown where the whole went to a file.
const EXCERPT: usize = 2000;

/// Turn speech into text: write down what is said in a recording.
///
/// Files over 25 MB, or too long for the model, are cut in pauses and the transcripts merged, times included (wav, mp3,
/// flac, ogg, m4a).
#[tool("audio-transcribe", POST "/audio/transcriptions", multipart, run, open, saves)]
pub(crate) struct Transcribe {
    /// flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav or webm.
    #[read]
    file: FileInput,
    /// gpt-transcribe; until 2027-02-26 also gpt-4o-transcribe, gpt-4o-mini-transcribe, gpt-4o-transcribe-diarize
    /// (diarized_json, srt, vtt: with speakers), whisper-1 (srt, vtt, verbose_json).
    model: String,
    response_format: Option<Format>,
    #[flatten]
    hearing: Hearing,
    /// Tell the text as progress.
    stream: Option<bool>,
    #[read]
    #[flatten]
    delivery: Delivery,
}

impl Transcribe {
    async fn run(self, cx: Context) -> Result<Output> {
        self.delivery.transcribe(&cx, &Self::SPEC, self.file).await
    }
}

/// Write down in English what is said in a recording in another language.
///
/// OpenAI ends this on 2027-02-26; then transcribe, and translate the text. Large files: as audio-transcribe.
#[tool("audio-translate", POST "/audio/translations", multipart, run, open, saves)]
pub(crate) struct Translate {
    #[read]
    file: FileInput,
    #[flatten]
    rendering: Rendering,
    #[read]
    #[flatten]
    delivery: Delivery,
    #[local]
    #[unlisted]
    stream: Option<bool>,
}

impl Translate {
    async fn run(self, cx: Context) -> Result<Output> {
        whole(self.stream)?;
        self.delivery.transcribe(&cx, &Self::SPEC, self.file).await
    }
}

/// What becomes of a transcript.
#[shape(read)]
struct Delivery {
    /// New local file; its extension chooses the format.
    #[local]
    save_to: Option<String>,
    #[local]
    max_bytes: Option<u64>,
    /// All that the API tells.
    #[local]
    full: Option<bool>,
}

impl Delivery {
    /// Transcribes the file of a call, and gives the result. What is paid for is kept although its caller may have gone.
    async fn transcribe(self, cx: &Context, spec: &'static Spec, FileInput(source): FileInput) -> Result<Output> {
        let own = cx.clone();
        cx.outlive(async move { self.write(&own, spec, source).await }).await
    }

    async fn write(self, cx: &Context, spec: &'static Spec, source: Source) -> Result<Output> {
        let mut arguments = cx.arguments().clone();
        let asked = arguments.member::<String>("response_format")?;
        let format = save::format(self.save_to.as_deref(), ("response_format", asked.as_deref()), FORMATS)?;
        // Not every model makes a plain text, but every one says what was said.
        let plain = format == Some("text");
        if let Some(format) = format.filter(|_| !plain) {
            arguments = arguments.set("response_format", format);
        }
        cx.reserve(self.save_to.as_deref()).await?;
        let outcome = Job::new(cx, spec, arguments).await?.run(cx, source).await?;
        let Some(path) = outcome.place(cx, self.save_to.clone()) else { return self.show(cx, outcome, None).await };
        let (extension, content) = match plain {
            true => ("txt", outcome.text().into()),
            false => (outcome.extension(), outcome.content()),
        };
        match cx.save_paid(path, (&outcome.stem(), extension), content).await {
            Ok(saved) => {
                let saved = [("saved_to".to_owned(), saved.show())];
                let told = saved.into_iter().chain(outcome.spent()).chain(outcome.incomplete()).collect();
                Ok(Output::json(&Value::Object(told)))
            }
            Err(Unsaved { error, kept: true }) => Err(error),
            Err(Unsaved { error, .. }) => self.show(cx, outcome, Some(format!("not saved: {error}"))).await,
        }
    }

    /// A transcript as a result. Of one that is too long, or for which nobody waits any more, the whole is kept in a file, since
    /// it is paid for; where no file can be written, it is shown whole.
    async fn show(&self, cx: &Context, outcome: Outcome, note: Option<String>) -> Result<Output> {
        let mut told = outcome.told(self.full == Some(true))?;
        told.extend(note.map(|note| ("note".to_owned(), note.into())));
        let asked = self.max_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let most = asked.unwrap_or_else(|| cx.max_result());
        // A text of its own is shown as it is.
        let words = |told: &Map<String, Value>| match told.get("text") {
            Some(Value::String(text)) if told.len() == 1 && outcome.extension() != "json" => text.clone(),
            _ => Value::Object(told.clone()).to_string(),
        };
        if (words(&told).len() > most || cx.given_up())
            && let Ok(saved) = cx.keep((&outcome.stem(), outcome.extension()), outcome.content()).await
        {
            let text: String = outcome.text().chars().take(EXCERPT).collect();
            told = Map::from_iter([("text".to_owned(), text.into()), ("saved_to".to_owned(), saved.show())]);
            told.extend(outcome.spent());
            told.extend(outcome.incomplete());
        }
        Ok(Output::Text { text: words(&told), structured: told.into() })
    }
}
