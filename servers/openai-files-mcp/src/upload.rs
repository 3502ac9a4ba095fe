//! Uploading files, one or many.

use std::sync::Arc;

use futures_util::StreamExt as _;
use openai_mcp_kernel::batch::{self, Report, Stop};
use openai_mcp_kernel::json::Members as _;
use openai_mcp_kernel::pages::Pages;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use openai_mcp_kernel::serde::{Deserialize, Deserializer};
use openai_mcp_shapes::upload::{ExpiresAfter, Purpose};
use serde_json::Map;

use crate::file::List;

tools![Upload];

/// Files at a time.
const AT_ONCE: usize = 4;
/// Most files of one call, so that the ids of all have room in its result.
const MOST: usize = 100;
/// Files of a page of those that are at OpenAI.
const PAGE: u32 = 10_000;

/// Upload a file of at most 512 MB, or a folder; upload-file takes up to 8 GB.
///
/// Give a path or a URL; text and data are for small content. Of a folder, what is there already by name and size is not
/// uploaded again; if `done` is false, go on with `next_offset`.
#[tool("file-upload", POST "/files", multipart, run, open)]
struct Upload {
    /// Local path, url, text or data; filename with text or data. Path docs or docs/*.pdf: all files there.
    #[read]
    #[alias("files")]
    #[alias("folder")]
    file: Files,
    purpose: Purpose,
    expires_after: Option<ExpiresAfter>,
    #[local]
    offset: Option<u32>,
}

/// A file, a folder, or several. Lists show one: a folder is how callers have many.
struct Files(Vec<Source>);

impl Shaped for Files {
    const SHAPE: Shape = Shape::Brief { listed: of::<FileInput>, taken: of::<OneOrMany<FileInput>>, options: false };
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Files(match OneOrMany::<FileInput>::deserialize(deserializer)? {
            OneOrMany::One(FileInput(file)) => vec![file],
            OneOrMany::Many(files) => files.into_iter().map(|FileInput(file)| file).collect(),
        }))
    }
}

impl Upload {
    async fn run(self, cx: Context) -> Result<Output> {
        let Files(given) = self.file;
        let arguments = cx.arguments().clone().without("file");
        let (mut files, mut several) = (Vec::new(), given.len() != 1);
        for file in given {
            match listed(&cx, &file).await? {
                Some(those) => {
                    files.extend(those);
                    several = true;
                }
                None => files.push(file),
            }
        }
        match files.pop() {
            Some(file) if !several => {
                cx.send(&Self::SPEC, arguments.attach("file", file)).bytes().await.map(Output::Json)
            }
            last => {
                files.extend(last);
                upload_all(&cx, files, arguments, self.offset.unwrap_or_default() as usize).await
            }
        }
    }
}

/// The files of what is a folder, or those in one whose names are as the last part of the path, in which `*` is any text.
async fn listed(cx: &Context, file: &Source) -> Result<Option<Vec<Source>>> {
    let Source::Path { path, filename: None, .. } = file else { return Ok(None) };
    let bare = path.trim_end_matches(['/', '\\']);
    let (folder, pattern) = match bare.rsplit_once(['/', '\\']) {
        Some((folder, name)) if name.contains('*') => (folder, name),
        None if bare.contains('*') => (".", bare),
        _ => (bare, "*"),
    };
    // Of the whole machine nobody means all.
    if folder.is_empty() {
        return Ok(None);
    }
    let files = match cx.list(folder.to_owned()).await {
        Ok(files) => files,
        Err(_) if bare == path && pattern == "*" => return Ok(None),
        Err(error) => return Err(error),
    };
    let source = |name: &str| Source::Path { path: format!("{folder}/{name}"), filename: None, mime_type: None };
    let sources: Vec<Source> =
        files.iter().filter(|file| fits(pattern, &file.name)).map(|file| source(&file.name)).collect();
    if sources.is_empty() {
        return Err(Error::argument("file", format!("`{folder}` has no files like `{pattern}`")));
    }
    Ok(Some(sources))
}

/// Whether a name is as a pattern, in which `*` is any text, whatever the case of its letters.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let mut parts = pattern.split('*');
    let (Some(first), Some(last)) = (parts.next(), parts.next_back()) else { return name == pattern };
    let Some(mut rest) = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    parts.all(|part| rest.split_once(part).map(|(_, behind)| rest = behind).is_some())
}

/// Uploads files, several at once, but for those that a call before has uploaded.
async fn upload_all(cx: &Context, files: Vec<Source>, arguments: Arguments, offset: usize) -> Result<Output> {
    let deadline = batch::deadline(cx, None);
    let mut report = Report::new(cx, files.len(), offset)?.paid("file-list has them");
    let there = Arc::new(there(cx, &arguments).await?);
    let purpose: Option<String> = arguments.member("purpose")?;
    let pieces = files.into_iter().enumerate().skip(offset).take(MOST).collect();
    let (own, stop) = (cx.clone(), Stop::default());
    let mut outcomes = batch::run_paid(cx, pieces, AT_ONCE, deadline, &stop, move |(index, file)| {
        let (cx, there, arguments) = (own.clone(), there.clone(), arguments.clone());
        async move { (index, file.name().to_owned(), upload(&cx, &there, arguments, file).await) }
    });
    let (mut ids, mut spared, mut hopeless, mut undone) = (Vec::new(), 0, None, None);
    while let Some((index, name, outcome)) = outcomes.next().await {
        let mut shown = Map::from_iter([("file".to_owned(), Value::from(name))]);
        match outcome {
            Ok(Uploaded { id, before }) => {
                undone = None;
                shown.insert("id".into(), id.clone());
                if before {
                    shown.insert("uploaded_before".into(), true.into());
                    spared += 1;
                }
                ids.push(id);
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
        report.reach(index + 1, "uploaded");
    }
    // Those that were refused last are done by who goes on.
    if let Some(undone) = undone {
        report.back(undone, 0);
    }
    hopeless.map_or(Ok(()), |error| report.stop(error))?;
    let mut facts = Map::new();
    if spared > 0 {
        let text =
            format!("{spared} of the same name and size are at OpenAI and not uploaded again; a file given alone is");
        facts.insert("uploaded_before".into(), text.into());
    }
    if purpose.as_deref() == Some("assistants") && !ids.is_empty() {
        let next = json!({"tool": "vector-store-file-batch-create", "arguments": {"file_ids": ids}});
        facts.insert("next".into(), next);
    }
    Ok(report.finish(facts))
}

/// The files at OpenAI that those of this call may be again: of its purpose, and kept for good or not as they are to be.
async fn there(cx: &Context, arguments: &Arguments) -> Result<Vec<Value>> {
    let expires = arguments.member::<Value>("expires_after")?.is_some();
    let (mut files, mut pages) = (Vec::new(), Pages::default());
    let mut asked = Arguments::default().set("purpose", arguments.member::<Value>("purpose")?).set("limit", PAGE);
    loop {
        let mut page = pages.next(cx, &List::SPEC, asked.clone()).await?;
        let more = page.at("has_more") == &Value::Bool(true);
        let Value::Array(those) = page.at_mut("data").take() else { return Ok(files) };
        let last = those.last().map(|file| file.at("id").clone());
        let kept = |file: &Value| file.at("expires_at").is_null() != expires;
        files.extend(those.into_iter().filter(kept));
        match last.filter(|_| more) {
            Some(last) => asked = asked.set("after", last),
            None => return Ok(files),
        }
    }
}

/// A file that is at OpenAI.
struct Uploaded {
    id: Value,
    /// Whether it was there before.
    before: bool,
}

async fn upload(cx: &Context, there: &[Value], arguments: Arguments, file: Source) -> Result<Uploaded> {
    if matches!(file, Source::Path { .. }) {
        let own = cx.seekable(file.clone(), usize::MAX).await?;
        let (name, bytes) = (Value::from(own.filename), Value::from(own.length));
        let is_it = |known: &&Value| *known.at("filename") == name && *known.at("bytes") == bytes;
        if let Some(known) = there.iter().find(is_it) {
            return Ok(Uploaded { id: known.at("id").clone(), before: true });
        }
    }
    let mut answer = cx.send(&Upload::SPEC, arguments.attach("file", file)).quietly().value().await?;
    Ok(Uploaded { id: answer.at_mut("id").take(), before: false })
}
