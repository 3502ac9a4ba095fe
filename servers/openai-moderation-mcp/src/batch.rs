//! Many inputs: several texts to a request, several requests at once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::prelude::*;

use crate::check::Check;
use crate::history::{self, Keep};
use crate::items::{self, Content, Item};
use crate::verdict::{self, Verdict};

tools![Batch];

/// Texts and bytes of one request. A request that fails takes all its texts with it, so they are few.
const TEXTS: usize = 32;
const BYTES: usize = 64 * 1024;
/// Characters by which an item of a file is recognised.
const EXCERPT: usize = 60;

/// Check many texts or images, or a file of them.
///
/// Tells how many are flagged, and which; returns within `timeout`: if `done` is false, call again with `start`.
#[tool("moderation-batch", reads, open)]
struct Batch {
    /// Each a text, an array of parts as in moderation-check, or a file {path | url}, which may be an image.
    items: Option<Vec<Json>>,
    /// Text (an item per line), JSONL, JSON, CSV or TSV.
    file: Option<FileInput>,
    /// The file's key or column that holds the text.
    field: Option<String>,
    model: Option<String>,
    threshold: Option<Num<0, 1>>,
    /// List every item, not only the flagged and failed.
    all: Option<bool>,
    keep: Option<Keep>,
    start: Option<u64>,
    /// Requests at once; 4 unless told.
    parallel: Option<Int<1, 16>>,
    /// Seconds; 45 unless told.
    timeout: Option<Int<1, 3600>>,
}

/// Items of one request, by their index.
type Group = Vec<(usize, Item)>;

/// What became of an item.
struct Outcome {
    index: usize,
    line: Option<u64>,
    text: String,
    verdict: Result<Verdict>,
}

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let started = cx.now();
        let from_file = self.file.is_some();
        let items = match (self.items, self.file) {
            (Some(values), None) => {
                let values = values.into_iter().enumerate();
                values.map(|(index, Json(value))| items::given(index, value)).collect::<Result<_>>()?
            }
            (None, Some(FileInput(source))) => items::of_file(&cx, source, self.field.as_deref()).await?,
            _ => return Err(Error::argument("items", "expected either `items` or `file`")),
        };
        let total = items.len();
        let start = self.start.and_then(|start| usize::try_from(start).ok()).unwrap_or_default();
        if start > total {
            return Err(Error::argument("start", format!("there are {total} items, got {start}")));
        }

        let mut report = Report {
            threshold: self.threshold.map(|Num(score)| score),
            all: self.all == Some(true),
            excerpts: from_file,
            room: cx.max_result() - (cx.max_result() / 2).min(2048),
            ..Report::default()
        };
        let parallel = self.parallel.map_or(4, |Int(parallel)| usize::try_from(parallel).unwrap_or(1));
        let patience = Duration::from_secs(self.timeout.map_or(45, |Int(seconds)| seconds.unsigned_abs()));
        let groups = groups(items.into_iter().enumerate().skip(start));
        let mut running =
            stream::iter(groups).map(|group| check(&cx, self.model.as_deref(), group)).buffered(parallel).boxed();
        let mut next = start;
        while next < total {
            let left = patience.saturating_sub(cx.now().saturating_sub(started));
            let Either::Left((Some(outcomes), _)) = select(running.next(), Box::pin(cx.sleep(left))).await else {
                break;
            };
            let (model, outcomes) = match outcomes {
                Ok(done) => done,
                Err(error) if next == start => return Err(error),
                Err(error) => {
                    report.stopped = Some(error);
                    break;
                }
            };
            next += outcomes.len();
            let checked = outcomes.iter().filter_map(|one| Some((one.text.clone(), one.verdict.as_ref().ok()?)));
            history::keep(&cx, self.keep, &model, checked).await;
            for outcome in outcomes {
                report.add(outcome);
            }
            cx.progress(
                next as f64,
                Some(total as f64),
                &format!("{next} of {total} checked, {} flagged", report.flagged),
            );
        }
        Ok(Output::json(&report.finish(start, next, total)))
    }
}

/// Texts that follow each other go together; parts get one verdict for a request, so they go alone.
fn groups(items: impl Iterator<Item = (usize, Item)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut room = None;
    for (index, item) in items {
        let size = match &item.content {
            Ok(Content::Text(text)) => Some(text.len().min(BYTES)),
            Ok(Content::Parts(_) | Content::File(_)) => None,
            Err(_) => Some(0),
        };
        let left = room.zip(size).and_then(|(room, size): (usize, usize)| room.checked_sub(size));
        match groups.last_mut().filter(|group| left.is_some() && group.len() < TEXTS) {
            Some(group) => {
                room = left;
                group.push((index, item));
            }
            None => {
                room = size.map(|size| BYTES - size);
                groups.push(vec![(index, item)]);
            }
        }
    }
    groups
}

/// Checks a group.
async fn check(cx: &Context, model: Option<&str>, group: Group) -> Result<(String, Vec<Outcome>)> {
    let (mut outcomes, mut good, mut inputs) = (Vec::with_capacity(group.len()), Vec::new(), Vec::new());
    for (index, Item { line, content }) in group {
        let content = match content {
            Ok(content) => content.read(cx).await,
            Err(error) => Err(error),
        };
        match content {
            Ok(content) => {
                good.push((index, line, content.text()));
                inputs.push(match content {
                    Content::Parts(parts) => parts,
                    other => other.text().into(),
                });
            }
            Err(error) => outcomes.push(Outcome { index, line, text: String::new(), verdict: Err(error) }),
        }
    }
    let (named, verdicts) = judge(cx, model, inputs).await?;
    let outcome = |((index, line, text), verdict)| Outcome { index, line, text, verdict };
    outcomes.extend(good.into_iter().zip(verdicts).map(outcome));
    outcomes.sort_by_key(|outcome| outcome.index);
    Ok((named, outcomes))
}

/// A verdict for each input. When the request is refused for what it holds, each is tried alone, to find which. Fails as
/// a whole where the next request would do no better.
async fn judge(cx: &Context, model: Option<&str>, mut inputs: Vec<Value>) -> Result<(String, Vec<Result<Verdict>>)> {
    let count = inputs.len();
    let whole = match count {
        0 => return Ok(Default::default()),
        1 => inputs.pop().unwrap_or_default(),
        _ => Value::Array(inputs.clone()),
    };
    let refused = match send(cx, model, whole).await {
        Ok((named, verdicts)) if verdicts.len() == count => return Ok((named, verdicts.into_iter().map(Ok).collect())),
        Ok((_, verdicts)) => Error::new(Kind::Answer, format!("{} verdicts for {count} items", verdicts.len())),
        Err(error) => error,
    };
    if !blames_input(&refused) {
        return Err(refused);
    }
    if count == 1 || !matches!(refused.kind(), Kind::Status(400 | 413 | 422)) {
        return Ok((String::new(), vec![Err(refused); count]));
    }
    let (mut named, mut verdicts) = (String::new(), Vec::with_capacity(count));
    for input in inputs {
        verdicts.push(match send(cx, model, input).await {
            Ok((model, found)) => {
                named = model;
                found.into_iter().next().ok_or_else(|| Error::new(Kind::Answer, "no verdict"))
            }
            Err(error) if blames_input(&error) => Err(error),
            Err(error) => return Err(error),
        });
    }
    Ok((named, verdicts))
}

/// Whether an error may be due to what was checked, and not to the key, the model, a limit or the connection.
fn blames_input(error: &Error) -> bool {
    matches!(error.kind(), Kind::Arguments | Kind::Answer | Kind::Status(400 | 413 | 422 | 500..))
}

async fn send(cx: &Context, model: Option<&str>, input: Value) -> Result<(String, Vec<Verdict>)> {
    let mut arguments = json!({"input": input});
    if let (Some(model), Some(arguments)) = (model, arguments.as_object_mut()) {
        arguments.insert("model".into(), model.into());
    }
    let verdicts = verdict::read(&cx.send(&Check::SPEC, arguments).bytes().await?)?;
    Ok((verdicts.model, verdicts.results))
}

/// The result as it grows.
#[derive(Default)]
struct Report {
    threshold: Option<f64>,
    all: bool,
    excerpts: bool,
    room: usize,
    flagged: usize,
    failed: usize,
    /// The first item that is not listed though it should be, and how many there are.
    omitted: Option<(usize, usize)>,
    stopped: Option<Error>,
    by_category: BTreeMap<String, usize>,
    results: Vec<Value>,
}

impl Report {
    fn add(&mut self, Outcome { index, line, text, verdict }: Outcome) {
        let mut entry = match verdict {
            Ok(verdict) => {
                self.flagged += usize::from(verdict.flagged());
                for category in verdict.categories() {
                    *self.by_category.entry(category.to_owned()).or_default() += 1;
                }
                let brief = verdict.brief(self.threshold);
                let above =
                    brief.get("above_threshold").and_then(Value::as_array).is_some_and(|above| !above.is_empty());
                if !(verdict.flagged() || above || self.all) {
                    return;
                }
                brief
            }
            Err(error) => {
                self.failed += 1;
                json!({"error": error.into_text()})
            }
        };
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("item".into(), index.into());
            if let Some(line) = line {
                entry.insert("line".into(), line.into());
            }
            if self.excerpts && !text.is_empty() {
                entry.insert("excerpt".into(), text.chars().take(EXCERPT).collect::<String>().into());
            }
        }
        match self.room.checked_sub(entry.to_string().len() + 1) {
            Some(room) => {
                self.room = room;
                self.results.push(entry);
            }
            None => {
                self.room = 0;
                let (first, count) = self.omitted.unwrap_or((index, 0));
                self.omitted = Some((first, count + 1));
            }
        }
    }

    fn finish(self, start: usize, next: usize, total: usize) -> Value {
        let mut result = json!({
            "done": next == total,
            "items": total,
            "checked": next - start - self.failed,
            "flagged": self.flagged,
            "failed": self.failed,
            "by_category": self.by_category,
            "results": self.results,
        });
        if let Some(result) = result.as_object_mut() {
            if next < total {
                result.insert("start".into(), next.into());
            }
            if let Some(stopped) = self.stopped {
                result.insert("stopped".into(), stopped.into_text().into());
            }
            if let Some((first, count)) = self.omitted {
                result.insert("omitted".into(), count.into());
                let hint = format!("too many to list: call again with `start` {first} for the others");
                result.insert("hint".into(), hint.into());
            }
        }
        result
    }
}
