//! Many inputs: several texts to a request, several requests at once.

use std::collections::BTreeMap;

use futures_util::stream::StreamExt as _;
use openai_mcp_kernel::batch::{self, Report};
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use crate::check::Check;
use crate::items::{self, Content, Item};
use crate::record::{self, Keep};
use crate::verdict::{self, Verdict};

tools![Batch];

/// Texts and bytes of one request. A request that fails takes all its texts with it, so they are few.
const TEXTS: usize = 32;
const BYTES: usize = 64 * 1024;
/// Characters by which an item of a file is recognised.
const EXCERPT: usize = 60;

/// Check many texts or images, or a file of them.
///
/// Tells how many are flagged, and which. If done is false, call again with offset: next_offset.
#[tool("moderation-batch", reads, records, open)]
struct Batch {
    /// Each a text, {id, text}, an array of parts as in moderation-check, or a file {path | url}, which may be an image.
    items: Option<Vec<Raw<Entry>>>,
    /// Text (an item per line), JSONL, JSON, CSV or TSV.
    file: Option<FileInput>,
    /// The file's key or column that holds the text.
    field: Option<String>,
    model: Option<String>,
    threshold: Option<Num<0, 1>>,
    /// List every item, not only the flagged and failed.
    all: Option<bool>,
    keep: Option<Keep>,
    #[alias("start")]
    offset: Option<u64>,
    /// Requests at once. Default 4.
    parallel: Option<Int<1, 16>>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, 3600>>,
}

#[shape]
enum Entry {
    Text(String),
    Parts(Vec<JsonObject>),
    Object(JsonObject),
}

/// Items of one request, by their index.
type Group = Vec<(usize, Item)>;

/// What became of an item.
struct Outcome {
    index: usize,
    line: Option<u64>,
    id: Option<Value>,
    text: String,
    verdict: Result<Verdict, String>,
}

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let deadline = batch::deadline(&cx, self.timeout);
        let offset = self.offset.map_or(0, |offset| usize::try_from(offset).unwrap_or(usize::MAX));
        let from_file = self.file.is_some();
        let (items, total) = match (self.items, self.file) {
            (Some(values), None) => {
                let (total, values) = (values.len(), values.into_iter().enumerate().skip(offset));
                let items: Result<_> = values.map(|(index, value)| items::given(index, value.read("items")?)).collect();
                (items?, total)
            }
            (None, Some(FileInput(source))) => items::of_file(&cx, source, self.field.as_deref(), offset).await?,
            _ => return Err(Error::argument("items", "expected either `items` or `file`")),
        };
        let mut counts = Counts {
            report: Report::new(&cx, total, offset)?,
            threshold: self.threshold.map(|Num(score)| score),
            all: self.all == Some(true),
            excerpts: from_file,
            flagged: 0,
            by_category: BTreeMap::new(),
        };
        let parallel = self.parallel.map_or(4, |Int(parallel)| usize::try_from(parallel).unwrap_or(1));
        let groups = groups((offset..).zip(items));
        let (own, model) = (cx.clone(), self.model);
        let mut running = batch::run(&cx, groups, parallel, deadline, move |group| {
            let (cx, model) = (own.clone(), model.clone());
            async move { check(&cx, model.as_deref(), group).await }
        });
        while let Some(outcomes) = running.next().await {
            let (model, outcomes) = match outcomes {
                Ok(done) => done,
                Err(error) => {
                    counts.report.stop(error)?;
                    break;
                }
            };
            let checked = outcomes.iter().filter_map(|one| Some((one.text.clone(), one.verdict.as_ref().ok()?)));
            record::keep(&cx, self.keep, &model, checked).await;
            let next = counts.report.next() + outcomes.len();
            for outcome in outcomes {
                counts.add(outcome);
            }
            counts.report.reach(next, &format!("checked, {} flagged", counts.flagged));
        }
        Ok(counts.finish())
    }
}

/// Texts that follow each other go together; parts get one verdict for a request, so they go alone.
fn groups(items: impl Iterator<Item = (usize, Item)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut room = None;
    for (index, item) in items {
        let size = match &item.value {
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
    for (index, Item { line, id, value }) in group {
        let content = match value {
            Ok(content) => content.read(cx).await.map_err(Error::into_text),
            Err(error) => Err(error),
        };
        match content {
            Ok(content) => {
                good.push((index, line, id, content.text()));
                inputs.push(match content {
                    Content::Parts(parts) => parts,
                    other => other.text().into(),
                });
            }
            Err(problem) => outcomes.push(Outcome { index, line, id, text: String::new(), verdict: Err(problem) }),
        }
    }
    let (named, verdicts) = judge(cx, model, inputs).await?;
    let outcome = |((index, line, id, text), verdict): (_, Result<_>)| Outcome {
        index,
        line,
        id,
        text,
        verdict: verdict.map_err(Error::into_text),
    };
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

/// What is counted and listed.
struct Counts {
    report: Report,
    threshold: Option<f64>,
    all: bool,
    excerpts: bool,
    flagged: usize,
    by_category: BTreeMap<String, usize>,
}

impl Counts {
    fn add(&mut self, Outcome { index, line, id, text, verdict }: Outcome) {
        let mut shown = Map::new();
        shown.extend(line.map(|line| ("line".to_owned(), line.into())));
        shown.extend(id.map(|id| ("id".to_owned(), id)));
        if self.excerpts && !text.is_empty() {
            shown.insert("excerpt".into(), text.chars().take(EXCERPT).collect::<String>().into());
        }
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(problem) => return self.report.fail(index, &problem, shown),
        };
        self.flagged += usize::from(verdict.flagged());
        for category in verdict.categories() {
            *self.by_category.entry(category.to_owned()).or_default() += 1;
        }
        let brief = verdict.brief(self.threshold);
        let above = brief.get("above_threshold").and_then(Value::as_array).is_some_and(|above| !above.is_empty());
        let listed = verdict.flagged() || above || self.all;
        shown.extend(brief.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        self.report.succeed(index, listed.then_some(shown));
    }

    fn finish(mut self) -> Output {
        let facts = [("flagged", self.flagged.into()), ("by_category", json!(self.by_category))];
        self.report.finish(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
