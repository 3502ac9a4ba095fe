//! Many inputs: several texts to a request, several requests at once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::prelude::*;

use crate::check::Check;
use crate::history::{self, Keep};
use crate::items::{self, Item};
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
    /// Text (an item per line), JSONL or CSV.
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

/// What became of each item of a group.
type Outcomes = Vec<(usize, Item, Result<Verdict>)>;

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let started = cx.now();
        let from_file = self.file.is_some();
        let items = match (self.items, self.file) {
            (Some(values), None) => {
                let mut items = Vec::with_capacity(values.len());
                for (index, Json(value)) in values.into_iter().enumerate() {
                    items.push(items::given(&cx, index, value).await?);
                }
                items
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
            room: cx.max_result().saturating_sub(2048),
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
            let (model, outcomes) = outcomes?;
            next += outcomes.len();
            let checked = outcomes.iter().filter_map(|(_, item, outcome)| Some((item.text(), outcome.as_ref().ok()?)));
            history::keep(&cx, self.keep, &model, checked).await;
            for (index, item, outcome) in outcomes {
                report.add(index, &item, outcome);
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
    let mut room = 0usize;
    for (index, item) in items {
        let size = match &item {
            Item::Text(text) => text.len().min(BYTES),
            Item::Parts(_) => usize::MAX,
        };
        match groups.last_mut() {
            Some(group) if size <= room && group.len() < TEXTS => {
                room -= size;
                group.push((index, item));
            }
            _ => {
                room = BYTES.saturating_sub(size);
                groups.push(vec![(index, item)]);
            }
        }
    }
    groups
}

/// Checks a group. When the request is refused for what it holds, each of its texts is tried alone, to find which.
/// Fails as a whole where no other request could do better.
async fn check(cx: &Context, model: Option<&str>, group: Group) -> Result<(String, Outcomes)> {
    let texts: Vec<Value> = group.iter().map(|(_, item)| input(item)).collect();
    let whole = if texts.len() == 1 { texts.into_iter().next().unwrap_or_default() } else { Value::Array(texts) };
    let refused = match send(cx, model, whole).await {
        Ok((model, verdicts)) if verdicts.len() == group.len() => {
            let outcomes = group.into_iter().zip(verdicts).map(|((index, item), verdict)| (index, item, Ok(verdict)));
            return Ok((model, outcomes.collect()));
        }
        Ok((_, verdicts)) => Error::new(Kind::Answer, format!("{} verdicts for {} items", verdicts.len(), group.len())),
        Err(error) => error,
    };
    let mut outcomes = Vec::with_capacity(group.len());
    let (mut named, alone) = (String::new(), group.len() == 1);
    for (index, item) in group {
        let outcome = match refused.kind() {
            Kind::Key | Kind::Arguments | Kind::Status(401 | 403 | 404) => return Err(refused),
            Kind::Status(400 | 413 | 422) if !alone => {
                send(cx, model, input(&item)).await.and_then(|(model, verdicts)| {
                    named = model;
                    verdicts.into_iter().next().ok_or_else(|| Error::new(Kind::Answer, "no verdict"))
                })
            }
            _ => Err(refused.clone()),
        };
        outcomes.push((index, item, outcome));
    }
    Ok((named, outcomes))
}

fn input(item: &Item) -> Value {
    match item {
        Item::Text(text) => text.as_str().into(),
        Item::Parts(parts) => parts.clone(),
    }
}

async fn send(cx: &Context, model: Option<&str>, input: Value) -> Result<(String, Vec<Verdict>)> {
    let mut arguments = json!({"input": input});
    if let (Some(model), Some(arguments)) = (model, arguments.as_object_mut()) {
        arguments.insert("model".into(), model.into());
    }
    let verdicts = verdict::read(&cx.call(&Check::SPEC, arguments).await?)?;
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
    omitted: usize,
    by_category: BTreeMap<String, usize>,
    results: Vec<Value>,
}

impl Report {
    fn add(&mut self, index: usize, item: &Item, outcome: Result<Verdict>) {
        let mut entry = match outcome {
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
            if self.excerpts {
                entry.insert("excerpt".into(), item.text().chars().take(EXCERPT).collect::<String>().into());
            }
        }
        match self.room.checked_sub(entry.to_string().len() + 1) {
            Some(room) => {
                self.room = room;
                self.results.push(entry);
            }
            None => {
                self.room = 0;
                self.omitted += 1;
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
            if self.omitted > 0 {
                result.insert("omitted".into(), self.omitted.into());
                let hint = "too many to list: moderation-history has them all, page by page";
                result.insert("hint".into(), hint.into());
            }
        }
        result
    }
}
