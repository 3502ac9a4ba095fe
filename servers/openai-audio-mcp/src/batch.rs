//! Many recordings in one call.

use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _};
use openai_mcp_kernel::batch::{self, Report, Stop};
use openai_mcp_kernel::platform::Saved;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::Unsaved;
use serde_json::Map;

use crate::merge;
use crate::shapes::{Hearing, Rendering, whole};
use crate::transcribe::{Transcribe, Translate};
use crate::transcript::{Format, Job, Outcome};

tools![TranscribeBatch, TranslateBatch];

/// Files at a time.
const AT_ONCE: usize = 4;
/// What the API takes, by extension.
const EXTENSIONS: [&str; 10] = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];
/// Bytes that the items still at work may each add to a result that is full, and those of them that are no text.
const MOST_ITEM: usize = 1024;
const FACTS: usize = 300;

/// Which recordings, and what becomes of their transcripts.
#[shape(read)]
struct Recordings {
    #[alias("files")]
    items: Option<ListOf<FileInput, 1, { usize::MAX }>>,
    /// Instead of items.
    folder: Option<String>,
    /// Folder for the transcripts.
    save_to: Option<String>,
    offset: Option<u32>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, 3600>>,
    #[unlisted]
    stream: Option<bool>,
}

/// Transcribe many recordings: a list of files, or all of a folder.
///
/// Without save_to their texts are told, cut if long. Ends at about timeout, or when the result is full: if `done` is
/// false, go on with `next_offset`.
#[tool("audio-transcribe-batch", open, saves)]
struct TranscribeBatch {
    model: String,
    response_format: Option<Raw<Format>>,
    /// Other arguments of audio-transcribe: language, prompt, …
    options: Options<Hearing>,
    #[flatten]
    recordings: Recordings,
}

impl TranscribeBatch {
    async fn run(self, cx: Context) -> Result<Output> {
        let TranscribeBatch { model, response_format, options, recordings } = self;
        let arguments = options.arguments().set("model", model).set("response_format", response_format);
        recordings.transcribe(&cx, Job::new(&cx, &Transcribe::SPEC, arguments).await?).await
    }
}

/// Translate many recordings to English: a list of files, or all of a folder.
///
/// As audio-transcribe-batch; OpenAI ends translations on 2027-02-26.
#[tool("audio-translate-batch", open, saves)]
struct TranslateBatch {
    #[flatten]
    rendering: Rendering,
    #[flatten]
    recordings: Recordings,
}

impl TranslateBatch {
    async fn run(self, cx: Context) -> Result<Output> {
        let Rendering { model, prompt, response_format, temperature } = self.rendering;
        let arguments = Arguments::default().set("model", model).set("prompt", prompt);
        let arguments = arguments.set("response_format", response_format).set("temperature", temperature);
        self.recordings.transcribe(&cx, Job::new(&cx, &Translate::SPEC, arguments).await?).await
    }
}

/// A recording that is paid for.
enum Done {
    Saved(Saved, Outcome),
    /// With why it is in no file, if it was to be in one.
    Unsaved(Outcome, Option<Error>),
}

impl Recordings {
    /// What is paid for is kept although its caller may have gone.
    async fn transcribe(self, cx: &Context, job: Job) -> Result<Output> {
        let own = cx.clone();
        cx.outlive(async move { self.write(&own, job).await }).await
    }

    async fn write(self, cx: &Context, job: Job) -> Result<Output> {
        whole(self.stream)?;
        let deadline = batch::deadline(cx, self.timeout);
        let sources = match (self.items, self.folder) {
            (Some(ListOf(items)), None) => items.into_iter().map(|FileInput(source)| source).collect(),
            (None, Some(folder)) => listed(cx, folder).await?,
            _ => return Err(Error::argument("items", "expected either `items` or `folder`")),
        };
        let offset = self.offset.unwrap_or_default() as usize;
        let mut report = Report::new(cx, sources.len(), offset)?.paid("transcribe these alone to see their texts");
        let names: Vec<String> = sources.iter().map(|source| source.name().to_owned()).collect();
        let folder = self.save_to.map(|folder| folder.trim_end_matches('/').to_owned());
        if let Some(folder) = &folder {
            // Whether it can be used is told before anything is spent.
            cx.reserve(Some(&format!("{folder}/{:08x}.txt", cx.random() as u32))).await?;
        }
        let extension = job.extension();
        let path = |stem| folder.as_ref().map(|folder| format!("{folder}/{stem}.{extension}"));
        let pieces = sources.into_iter().zip(stems(&names)).map(|(source, stem)| (source, path(stem)));
        let pieces = pieces.enumerate().skip(offset).collect();
        let (own, job, stop) = (cx.clone(), Arc::new(job), Stop::default());
        let mut outcomes = batch::run_paid(cx, pieces, AT_ONCE, deadline, &stop, move |(index, (source, path))| {
            let (cx, job) = (own.clone(), job.clone());
            async move { transcribe(&cx, &job, source, path).await }.map(move |outcome| (index, outcome))
        });
        let (mut hopeless, mut undone, mut loose, mut spent) = (None, None, false, Value::Object(Map::new()));
        while let Some((index, outcome)) = outcomes.next().await {
            let name = names.get(index).map_or("", String::as_str);
            let mut shown = Map::from_iter([("file".to_owned(), Value::from(name))]);
            match outcome {
                Ok(done) => {
                    undone = None;
                    let (Done::Saved(_, outcome) | Done::Unsaved(outcome, _)) = &done;
                    if let Some(usage) = outcome.spent().get("usage") {
                        merge::add(&mut spent, &json!({"usage": usage}));
                    }
                    loose |= matches!(done, Done::Unsaved(..));
                    let room = report.room().saturating_sub(AT_ONCE * MOST_ITEM);
                    shown.extend(done.told(cx, room).await);
                    report.succeed(index, Some(shown));
                }
                Err(error) => {
                    report.fail(index, &error.to_string().replace('\n', "; "), shown);
                    if batch::is_hopeless(&error) {
                        stop.now();
                        hopeless = hopeless.or(Some(error));
                        undone = undone.or(Some(index));
                    }
                }
            }
            if report.room() < (AT_ONCE + 1) * MOST_ITEM {
                stop.now();
            }
            report.reach(index + 1, "through");
        }
        // Those that were refused last are done by who goes on.
        if let Some(undone) = undone {
            report.back(undone, 0);
        }
        hopeless.map_or(Ok(()), |error| report.stop(error))?;
        let result = report.result(spent.as_object().cloned().unwrap_or_default());
        if loose && cx.given_up() {
            // What is in no file of its own.
            return cx
                .keep(("transcripts", "json"), result.to_string().into())
                .await
                .map(|saved| Output::json(&saved.show()));
        }
        Ok(Output::json(&result))
    }
}

/// Transcribes a recording, and saves the transcript where it is to be saved: whether it can be is asked before it is paid
/// for.
async fn transcribe(cx: &Context, job: &Job, source: Source, path: Option<String>) -> Result<Done> {
    cx.reserve(path.as_deref()).await?;
    let outcome = job.run(cx, source).await?;
    let Some(path) = outcome.place(cx, path) else { return Ok(Done::Unsaved(outcome, None)) };
    match cx.save_paid(path, (&outcome.stem(), outcome.extension()), outcome.content()).await {
        Ok(saved) => Ok(Done::Saved(saved, outcome)),
        Err(Unsaved { error, kept: true }) => Err(error),
        Err(Unsaved { error, .. }) => Ok(Done::Unsaved(outcome, Some(error))),
    }
}

impl Done {
    /// What is told of it, in about `room` bytes.
    async fn told(self, cx: &Context, room: usize) -> Map<String, Value> {
        let mut told = Map::new();
        let (outcome, error) = match self {
            Done::Saved(saved, outcome) => {
                told.insert("saved_to".into(), saved.show());
                told.extend(outcome.incomplete());
                return told;
            }
            Done::Unsaved(outcome, error) => (outcome, error),
        };
        told.extend(outcome.incomplete());
        told.extend(error.map(|error| ("note".to_owned(), format!("not saved: {error}").into())));
        let mut text = outcome.text();
        let end = text.floor_char_boundary(room.max(MOST_ITEM) - FACTS);
        if end < text.len() {
            // What is paid for and does not fit is not lost.
            match cx.keep((&outcome.stem(), outcome.extension()), outcome.content()).await {
                Ok(saved) => told.insert("saved_to".into(), saved.show()),
                Err(_) => told.insert("note".into(), "transcribe it alone to see its text whole".into()),
            };
            told.insert("bytes_left_out".into(), (text.len() - end).into());
            text.truncate(end);
        }
        told.insert("text".into(), text.into());
        told
    }
}

fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Names for transcripts: those of the files without their extensions where these differ, so that `a.mp3` and `a.wav`
/// do not meet.
fn stems(names: &[String]) -> Vec<String> {
    let stems = once(&mut names.iter().map(|name| stem_of(name)));
    let whole = once(&mut names.iter().map(String::as_str));
    let is_alone = |words: &Map<String, Value>, word: &str| words.get(word) == Some(&Value::Bool(true));
    let names = names.iter().enumerate().map(|(index, name)| match stem_of(name) {
        stem if is_alone(&stems, stem) => stem.to_owned(),
        _ if is_alone(&whole, name) => name.clone(),
        stem => format!("{stem}-{index}"),
    });
    names.collect()
}

/// Words, and whether each comes once. Another kind of map, or a sort, would weigh more on Workers.
fn once(words: &mut dyn Iterator<Item = &str>) -> Map<String, Value> {
    let mut once = Map::new();
    for word in words {
        let first = !once.contains_key(word);
        once.insert(word.to_owned(), first.into());
    }
    once
}

/// The recordings in a folder.
async fn listed(cx: &Context, folder: String) -> Result<Vec<Source>> {
    let files = cx.list(folder.clone()).await?;
    let sound = |name: &str| {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
    };
    let paths = files.into_iter().filter(|file| sound(&file.name)).map(|file| Source::Path {
        path: format!("{}/{}", folder.trim_end_matches('/'), file.name),
        filename: None,
        mime_type: None,
    });
    let paths: Vec<Source> = paths.collect();
    if paths.is_empty() {
        return Err(Error::argument("folder", format!("`{folder}` has no {} files", EXTENSIONS.join(", "))));
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcripts_of_files_of_one_name_do_not_meet() {
        let rows: [(&[&str], &[&str]); 3] = [
            (&["a.mp3", "b.tar.gz", "c"], &["a", "b.tar", "c"]),
            (&["a.mp3", "a.wav", "b.mp3"], &["a.mp3", "a.wav", "b"]),
            (&["a.mp3", "a.mp3", "a.wav"], &["a-0", "a-1", "a.wav"]),
        ];
        for (names, expected) in rows {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(stems(&names), expected, "{names:?}");
        }
    }
}
