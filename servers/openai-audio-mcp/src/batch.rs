//! Many recordings in one call.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;
use serde_json::Map;

use crate::transcribe::{Format, Job, Outcome, Transcribe, Translate, TranslationFormat};

tools![TranscribeBatch, TranslateBatch];

/// Files at a time.
const AT_ONCE: usize = 4;
/// What the API takes, by extension.
const EXTENSIONS: [&str; 10] = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];
/// Bytes of text that an item may take however many there are.
const LEAST_TEXT: usize = 200;
/// Bytes that the items still at work may each add to a result that is full.
const MOST_ITEM: usize = 1024;

/// Transcribe many recordings: a list of files, or all of a folder.
///
/// Ends at about timeout, or when the result is full; go on with next_offset as offset.
#[tool("audio-transcribe-batch", open, saves)]
struct TranscribeBatch {
    files: Option<Vec<FileInput>>,
    /// Instead of files.
    folder: Option<String>,
    model: String,
    response_format: Option<Format>,
    /// Further arguments of audio-transcribe: language, prompt, …
    options: Option<Json>,
    /// Existing folder for the transcripts; without it only their texts are told, cut if long.
    save_to: Option<String>,
    offset: Option<u32>,
    /// Seconds; 45 unless told.
    timeout: Option<Int<1, 3600>>,
}

impl TranscribeBatch {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = match self.options {
            Some(Json(Value::Object(options))) => Value::Object(options),
            None => json!({}),
            Some(Json(other)) => return Err(Error::argument("options", format!("expected an object, got {other}"))),
        };
        let told = |name: &str| arguments.get(name).cloned();
        let (split, known) = (told("split_seconds"), told("known_speaker_names"));
        let names = known.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let job = Job {
            spec: &Transcribe::SPEC,
            format: self.response_format.unwrap_or(Format::Json),
            stream: false,
            known: names.map(str::to_owned).collect(),
            split: split.and_then(|seconds| usize::try_from(seconds.as_u64()?).ok()),
            work: AtomicU64::default(),
            arguments: complete(&cx, &Transcribe::SPEC, arguments, self.model, self.response_format.map(wire))?,
        };
        let batch = Batch { job, save_to: self.save_to, offset: self.offset, timeout: self.timeout };
        batch.run(&cx, self.files, self.folder).await
    }
}

/// Translate many recordings to English: a list of files, or all of a folder.
///
/// As audio-transcribe-batch; OpenAI ends translations on 2027-02-26.
#[tool("audio-translate-batch", open, saves)]
struct TranslateBatch {
    files: Option<Vec<FileInput>>,
    folder: Option<String>,
    /// whisper-1.
    model: String,
    response_format: Option<TranslationFormat>,
    prompt: Option<String>,
    temperature: Option<Num<0, 1>>,
    save_to: Option<String>,
    offset: Option<u32>,
    timeout: Option<Int<1, 3600>>,
}

impl TranslateBatch {
    async fn run(self, cx: Context) -> Result<Output> {
        let mut arguments = json!({});
        set(&mut arguments, "prompt", self.prompt.map(Value::from));
        set(&mut arguments, "temperature", self.temperature.map(|Num(temperature)| temperature.into()));
        let format = self.response_format.map(Format::from);
        let job = Job {
            spec: &Translate::SPEC,
            format: format.unwrap_or(Format::Json),
            stream: false,
            known: Vec::new(),
            split: None,
            work: AtomicU64::default(),
            arguments: complete(&cx, &Translate::SPEC, arguments, self.model, format.map(wire))?,
        };
        let batch = Batch { job, save_to: self.save_to, offset: self.offset, timeout: self.timeout };
        batch.run(&cx, self.files, self.folder).await
    }
}

fn set(arguments: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (arguments.as_object_mut(), value) {
        object.insert(name.to_owned(), value);
    }
}

fn wire(format: Format) -> &'static str {
    match format {
        Format::Json => "json",
        Format::Text => "text",
        Format::Srt => "srt",
        Format::VerboseJson => "verbose_json",
        Format::Vtt => "vtt",
        Format::DiarizedJson => "diarized_json",
    }
}

/// The arguments for each file, checked before the first is sent.
fn complete(
    cx: &Context,
    spec: &'static Spec,
    mut arguments: Value,
    model: String,
    format: Option<&str>,
) -> Result<Arguments> {
    for name in ["file", "stream", "save_to", "max_bytes"] {
        if arguments.get(name).is_some() {
            return Err(Error::argument("options", format!("`{name}` has no place in a batch")));
        }
    }
    set(&mut arguments, "model", Some(model.into()));
    set(&mut arguments, "response_format", format.map(Value::from));
    let arguments = Arguments::from(arguments);
    let any = Source::Inline { bytes: Vec::new().into(), filename: String::new(), mime_type: None };
    cx.check(spec, &arguments.clone().attach("file", any))?;
    Ok(arguments)
}

struct Batch {
    job: Job,
    save_to: Option<String>,
    offset: Option<u32>,
    timeout: Option<Int<1, 3600>>,
}

impl Batch {
    async fn run(self, cx: &Context, files: Option<Vec<FileInput>>, folder: Option<String>) -> Result<Output> {
        let sources = match (files, folder) {
            (Some(files), None) => files.into_iter().map(|FileInput(source)| source).collect(),
            (None, Some(folder)) => listed(cx, folder).await?,
            _ => return Err(Error::argument("files", "expected either `files` or `folder`")),
        };
        let (total, offset) = (sources.len(), self.offset.unwrap_or_default() as usize);
        if total == 0 {
            return Err(Error::argument("files", "expected one file at least"));
        }
        if offset >= total {
            let problem = format!("expected less than the number of files, {total}, got {offset}");
            return Err(Error::argument("offset", problem));
        }
        let names: Vec<String> = sources.iter().map(name_of).collect();
        let targets = self.targets(cx, &names).await?;
        let (targets, job, pace) = (&targets, &self.job, &Pace::new(cx, self.timeout));
        let items = stream::iter(sources.into_iter().enumerate().skip(offset)).map(|(index, source)| async move {
            let begun = cx.now();
            if !pace.allows(begun) {
                return None;
            }
            if let Some(Target::Taken(path)) = targets.get(index) {
                let problem = format!("`{path}` is there already, so nothing was sent");
                return Some((index, Err(Error::new(Kind::File, problem))));
            }
            let outcome = job.run(cx, source).await;
            pace.took(cx.now().saturating_sub(begun));
            Some((index, outcome))
        });
        let mut items = std::pin::pin!(items.buffered(AT_ONCE));
        let room = cx.max_result().saturating_sub(1024);
        let (mut shown, mut unsaved, mut used) = (Vec::new(), Vec::new(), 0);
        let (mut next, mut failed) = (None, 0);
        while let Some(item) = items.next().await {
            let Some((index, outcome)) = item else {
                next = next.or(Some(offset + shown.len()));
                continue;
            };
            let name = names.get(index).map_or("", String::as_str);
            let (item, content) = match outcome {
                Ok(outcome) => self.item(cx, index, name, targets.get(index), outcome).await,
                Err(error) => {
                    // Where the key is refused, it is for all.
                    if matches!(error.kind(), Kind::Key | Kind::Status(401)) {
                        pace.stop();
                    }
                    (json!({"index": index, "file": name, "ok": false, "error": error.to_string()}), None)
                }
            };
            failed += usize::from(item.get("ok") != Some(&Value::Bool(true)));
            used += item.to_string().len();
            if used + AT_ONCE * MOST_ITEM > room {
                pace.stop();
            }
            shown.push(item);
            unsaved.push(content);
            cx.tell(&format!("{} of {total} files, {failed} failed", offset + shown.len()));
        }
        let mut result = json!({"total": total, "succeeded": shown.len() - failed, "failed": failed});
        fit(&mut shown, room);
        for (item, content) in shown.iter_mut().zip(unsaved) {
            // What is paid for and does not fit is not lost.
            if item.get("bytes_left_out").is_some()
                && let Some((content, extension)) = content
            {
                let path = format!("transcript-{:08x}.{extension}", cx.random() as u32);
                match cx.save(path, Body::Full(content.into())).await {
                    Ok(saved) => set(item, "path", Some(saved.path.into())),
                    Err(_) => {
                        set(&mut result, "note", Some("to see a text whole, give its file to audio-transcribe".into()))
                    }
                }
            }
        }
        set(&mut result, "next_offset", next.map(Value::from));
        set(&mut result, "items", Some(shown.into()));
        Ok(Output::json(&result))
    }

    /// Where the transcripts are to be saved, by index; nothing if they are not.
    ///
    /// # Errors
    /// The folder cannot be used: that is told before anything is spent.
    async fn targets(&self, cx: &Context, names: &[String]) -> Result<Vec<Target>> {
        let Some(folder) = &self.save_to else { return Ok(Vec::new()) };
        let there = cx.list(folder.clone()).await;
        let there = there.map_err(|error| Error::new(error.kind(), format!("`save_to`: {error}")))?;
        // In the order of their names.
        let is_there = |name: &str| there.binary_search_by(|file| file.name.as_str().cmp(name)).is_ok();
        let extension = self.job.format.extension();
        let folder = folder.trim_end_matches('/');
        let target = |stem: String| match format!("{stem}.{extension}") {
            name if is_there(&name) => Target::Taken(format!("{folder}/{name}")),
            _ => Target::Free(format!("{folder}/{stem}")),
        };
        Ok(stems(names).into_iter().map(target).collect())
    }

    /// What is told of a file, and its transcript as long as that is in no file.
    async fn item(
        &self,
        cx: &Context,
        index: usize,
        name: &str,
        target: Option<&Target>,
        outcome: Outcome,
    ) -> (Value, Option<(String, &'static str)>) {
        let mut item = json!({"index": index, "file": name, "ok": true});
        set(&mut item, "note", outcome.note().map(Value::from));
        let (extension, content) = (outcome.extension(), outcome.content());
        if let Some(Target::Free(stem)) = target {
            let saved = match &content {
                Ok(content) => cx.save(format!("{stem}.{extension}"), Body::Full(content.clone().into())).await,
                Err(error) => Err(error.clone()),
            };
            match saved {
                Ok(saved) => {
                    set(&mut item, "path", Some(saved.path.into()));
                    return (item, None);
                }
                Err(error) => {
                    set(&mut item, "ok", Some(false.into()));
                    set(&mut item, "error", Some(error.to_string().into()));
                }
            }
        }
        set(&mut item, "text", Some(outcome.text().into()));
        (item, content.ok().map(|content| (content, extension)))
    }
}

/// Where a transcript is to be saved.
enum Target {
    /// A path without its extension.
    Free(String),
    /// A path at which there is a file.
    Taken(String),
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

/// How long files are begun: clients give up on a call after a minute, and with it on all that it has paid for.
struct Pace {
    started: Duration,
    patience: Duration,
    /// Milliseconds of the file that took longest.
    slowest: AtomicU64,
    stopped: AtomicBool,
}

impl Pace {
    fn new(cx: &Context, timeout: Option<Int<1, 3600>>) -> Self {
        let patience = Duration::from_secs(timeout.map_or(45, |Int(seconds)| seconds.unsigned_abs()));
        Pace { started: cx.now(), patience, slowest: AtomicU64::new(0), stopped: AtomicBool::new(false) }
    }

    /// Whether a file that takes as long as the slowest so far would be done in time.
    fn allows(&self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.started);
        let slowest = Duration::from_millis(self.slowest.load(Ordering::Relaxed));
        !self.stopped.load(Ordering::Relaxed) && passed < self.patience && passed + slowest <= self.patience
    }

    fn took(&self, time: Duration) {
        self.slowest.fetch_max(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
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

fn name_of(source: &Source) -> String {
    let last = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    match source {
        Source::Path { filename: Some(name), .. }
        | Source::Url { filename: Some(name), .. }
        | Source::Inline { filename: name, .. } => name.clone(),
        Source::Path { path, .. } => last(path),
        // Never the query, which may hold what gives access.
        Source::Url { url, .. } => last(url.split(['?', '#']).next().unwrap_or_default()),
    }
}

/// Cuts the texts of items so that all of them fit.
fn fit(items: &mut [Value], room: usize) {
    let size: usize = items.iter().map(|item| item.to_string().len() + 1).sum();
    if size <= room {
        return;
    }
    let texts: usize = items.iter().filter_map(|item| item.get("text")?.as_str()).map(str::len).sum();
    let each = room.saturating_sub(size.saturating_sub(texts)) / items.len().max(1);
    // What is said of the rest takes room, too.
    let each = each.saturating_sub(200).max(LEAST_TEXT);
    for item in items {
        if let Some(Value::String(text)) = item.get_mut("text")
            && text.len() > each
        {
            let end = (0..=each).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            let left = text.len() - end;
            text.truncate(end);
            set(item, "bytes_left_out", Some(left.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

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

    #[test]
    fn no_file_is_begun_that_would_end_too_late() {
        let seconds = Duration::from_secs;
        let pace = Pace {
            started: seconds(100),
            patience: seconds(45),
            slowest: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        };
        assert!(pace.allows(seconds(100)) && pace.allows(seconds(144)) && !pace.allows(seconds(145)));
        pace.took(seconds(20));
        pace.took(seconds(5));
        assert!(pace.allows(seconds(125)) && !pace.allows(seconds(126)));
        pace.stop();
        assert!(!pace.allows(seconds(101)));
    }

    #[test]
    fn long_texts_are_cut_until_all_items_fit() {
        let outcome = crate::transcribe::outcome(r#"{"text": "é"}"#);
        let long = outcome.text().repeat(4000);
        let mut items: Vec<Value> = ["short".to_owned(), long.clone(), long]
            .into_iter()
            .map(|text| json!({"ok": true, "text": text}))
            .collect();
        fit(&mut items, 6000);
        assert!(Value::from(items.clone()).to_string().len() <= 6000);
        assert_eq!(items[0], json!({"ok": true, "text": "short"}));
        for item in &items[1..] {
            let text = item["text"].as_str().unwrap();
            assert!(text.len() > 1000 && text.chars().all(|letter| letter == 'é'));
            assert_eq!(text.len() as u64 + item["bytes_left_out"].as_u64().unwrap(), 8000);
        }
    }
}
