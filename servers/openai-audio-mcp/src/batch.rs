//! Many recordings in one call.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::platform::Body;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::tool::{Arguments, Spec};

use crate::transcribe::{Format, Job, Outcome, Transcribe, Translate, TranslationFormat};

tools![TranscribeBatch, TranslateBatch];

/// Files at a time.
const AT_ONCE: usize = 4;
/// What the API takes, by extension.
const EXTENSIONS: [&str; 9] = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "ogg", "wav", "webm"];
/// Bytes of text that an item may take however many there are.
const LEAST_TEXT: usize = 200;

/// Transcribe many recordings: a list of files, or all of a folder.
///
/// Each has its own outcome. No file is begun after timeout; go on with next_offset as offset.
#[tool("audio-transcribe-batch", open, saves)]
struct TranscribeBatch {
    files: Option<Vec<FileInput>>,
    /// Instead of files.
    folder: Option<String>,
    model: String,
    response_format: Option<Format>,
    /// Further arguments of audio-transcribe: language, prompt, …
    options: Option<Json>,
    /// Existing folder for the transcripts; without it long texts are cut.
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
    let checked = arguments.with("file", &json!({"text": "", "filename": "-"}))?;
    cx.check(spec, &checked)?;
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
        if offset >= total {
            let problem = format!("expected less than the number of files, {total}, got {offset}");
            return Err(Error::argument(if total == 0 { "files" } else { "offset" }, problem));
        }
        let started = cx.now();
        let patience = Duration::from_secs(self.timeout.map_or(45, |Int(seconds)| seconds.unsigned_abs()));
        let items = stream::iter(sources.into_iter().enumerate().skip(offset)).map(|(index, source)| {
            let batch = &self;
            async move {
                if cx.now().saturating_sub(started) >= patience {
                    return None;
                }
                let name = name_of(&source);
                let outcome = batch.job.run(cx, source).await;
                Some((index, name, outcome))
            }
        });
        let mut items = std::pin::pin!(items.buffered(AT_ONCE));
        let (mut shown, mut next, mut failed) = (Vec::new(), None, 0);
        while let Some(item) = items.next().await {
            let Some((index, name, outcome)) = item else {
                next = next.or(Some(offset + shown.len()));
                continue;
            };
            let item = match outcome {
                Ok(outcome) => self.item(cx, index, &name, outcome).await,
                Err(error) => json!({"index": index, "file": name, "ok": false, "error": error.to_string()}),
            };
            failed += usize::from(item.get("ok") != Some(&Value::Bool(true)));
            shown.push(item);
            let done = offset + shown.len();
            cx.progress(done as f64, Some(total as f64), &format!("{done} of {total} files, {failed} failed"));
        }
        let mut result = json!({"total": total, "succeeded": shown.len() - failed, "failed": failed});
        fit(&mut shown, cx.max_result().saturating_sub(1024));
        set(&mut result, "next_offset", next.map(Value::from));
        set(&mut result, "items", Some(shown.into()));
        Ok(Output::json(&result))
    }

    async fn item(&self, cx: &Context, index: usize, name: &str, outcome: Outcome) -> Value {
        let mut item = json!({"index": index, "file": name, "ok": true});
        set(&mut item, "note", outcome.note().map(Value::from));
        let Some(folder) = &self.save_to else {
            set(&mut item, "text", Some(outcome.text().into()));
            return item;
        };
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let path = format!("{}/{stem}.{}", folder.trim_end_matches('/'), outcome.extension());
        let saved = match outcome.content() {
            Ok(content) => cx.save(path, Body::Full(content.into())).await,
            Err(error) => Err(error),
        };
        match saved {
            Ok(saved) => set(&mut item, "path", Some(saved.path.into())),
            Err(error) => {
                // The transcript is paid for, so it is not lost with the file.
                set(&mut item, "ok", Some(false.into()));
                set(&mut item, "error", Some(error.to_string().into()));
                set(&mut item, "text", Some(outcome.text().into()));
            }
        }
        item
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
    let each = each.saturating_sub(40).max(LEAST_TEXT);
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
