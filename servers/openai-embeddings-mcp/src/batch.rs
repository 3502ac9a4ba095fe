//! Many texts: split into requests, several at once, into a collection or a file.

use std::collections::VecDeque;
use std::future::ready;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use crate::collection::{self, Collection};
use crate::embed::{self, Dimensions, Model, push_line};
use crate::rows::{self, Row, Rows};

tools![Batch];

/// Most requests that are made to find the inputs that the API refuses in one group.
const MOST_TRIES: usize = 64;
/// How long a batch goes on unless told: clients give up on calls of a minute.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long requests that are under way when time is up may take to end. What they embed is paid for, but a client
/// that gives up after a minute would not learn where to go on.
const GRACE: Duration = Duration::from_secs(10);
/// Failures that a result names.
const MOST_FAILURES: usize = 20;
/// Characters that are told of each.
const LONGEST_FAILURE: usize = 300;

/// Embed many texts, or those of a file, into a collection or a new file.
///
/// Goes on until timeout; if done is false, call again with offset: next_offset. Rows that fail are told.
#[tool("embedding-batch", destroys)]
struct Batch {
    texts: Option<Vec<String>>,
    /// JSONL, JSON, CSV or TSV (id and other fields are kept, as id and metadata), or a text per line.
    file: Option<FileInput>,
    /// Of the text in each record; text unless told.
    field: Option<String>,
    collection: Option<String>,
    /// New local JSONL file, with the vectors.
    save_to: Option<String>,
    model: Option<String>,
    dimensions: Option<Dimensions>,
    offset: Option<u64>,
    /// Seconds; 45 unless told.
    timeout: Option<Int<1, 3600>>,
}

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let begun = cx.now();
        let target = match (self.collection, self.save_to) {
            (Some(name), None) => Target::Collection(name),
            (None, Some(path)) => Target::File(path),
            _ => return Err(Error::argument("collection", "expected either `collection` or `save_to`")),
        };
        let rows = match (self.texts, self.file) {
            (Some(texts), None) => texts.into_iter().map(|text| Ok(Row { text, id: None, metadata: None })).collect(),
            (None, Some(FileInput(source))) => rows::read(&cx.read(source, cx.room()).await?, self.field.as_deref())?,
            _ => return Err(Error::argument("file", "expected either `texts` or `file`")),
        };
        let offset = usize::try_from(self.offset.unwrap_or_default()).unwrap_or(usize::MAX);
        if offset > rows.len() {
            return Err(Error::argument("offset", format!("there are {} rows, got {offset}", rows.len())));
        }
        let patience = self.timeout.map_or(PATIENCE, |Int(seconds)| Duration::from_secs(seconds.unsigned_abs()));
        let limits = Limits { offset, deadline: begun + patience };
        run(&cx, rows, limits, (self.model, self.dimensions), target).await
    }
}

/// Where vectors go.
pub(crate) enum Target {
    Collection(String),
    File(String),
}

/// Which part of the rows is done in one call.
pub(crate) struct Limits {
    /// The row to begin with.
    pub(crate) offset: usize,
    /// When to stop asking for more, as [`Context::now`] tells it.
    pub(crate) deadline: Duration,
}

impl Limits {
    /// All rows, in the usual time.
    pub(crate) fn usual(cx: &Context) -> Self {
        Limits { offset: 0, deadline: cx.now() + PATIENCE }
    }
}

/// Embeds rows, in order, until all are done, time is up, or the API fails.
pub(crate) async fn run(
    cx: &Context,
    rows: Rows,
    limits: Limits,
    (name, dimensions): (Option<String>, Option<Dimensions>),
    target: Target,
) -> Result<Output> {
    let mut model = Model::new(name.clone(), dimensions);
    if matches!(&target, Target::Collection(name) if name.is_empty()) {
        return Err(Error::argument("collection", "expected a name"));
    }
    if let Target::Collection(collection) = &target
        && let Some(found) = collection::find(cx, collection).await?
    {
        let dimensions = dimensions.and_then(|Int(dimensions)| usize::try_from(dimensions).ok());
        found.accept(collection, name.as_deref(), dimensions)?;
        model = found.model();
    }
    let rows = Arc::new(rows);
    let report = Arc::new(Report::new(cx, rows.len(), limits.offset));
    let lots = {
        let report = report.clone();
        lots(cx, &rows, &limits, &model).scan((), move |(), lot| ready(report.take(lot)))
    };
    let mut facts = Map::from_iter([("model".to_owned(), Value::from(model.name.as_str()))]);
    let mut saved = None;
    match target {
        Target::Collection(name) => {
            store(cx, &rows, &model, &name, Box::pin(lots), &report).await;
            facts.insert("collection".into(), name.into());
        }
        Target::File(path) => {
            let rows = rows.clone();
            let lines = lots.map(move |lot| Ok(lines(&rows, lot)));
            let report = report.clone();
            let end = async move {
                // A file with nothing in it is not kept.
                let failed = report.failed_at_once().map(|error| Failure { text: error.into_text(), unsent: false });
                failed.map_or(Ok(Bytes::new()), Err)
            };
            let chunks = lines.chain(stream::once(end)).boxed();
            saved = Some(cx.save(path, Body::Stream { chunks, length: None }).await);
        }
    }
    if let Some(error) = report.failed_at_once() {
        return Err(error);
    }
    if let Some(saved) = saved {
        facts.insert("path".into(), saved?.path.into());
    }
    Ok(report.finish(facts))
}

/// A line for each vector of a saved file.
fn lines(rows: &Rows, lot: Lot) -> Bytes {
    let mut lines = Vec::new();
    for (index, vector) in lot {
        let Some(Ok(row)) = rows.get(index) else { continue };
        let mut line = Map::new();
        line.insert("index".into(), index.into());
        line.insert("text".into(), row.text.as_str().into());
        if let Some(id) = &row.id {
            line.insert("id".into(), id.as_str().into());
        }
        if let Some(metadata) = &row.metadata {
            line.insert("metadata".into(), metadata.clone().into());
        }
        push_line(&mut lines, &line, &vector);
    }
    lines.into()
}

/// Puts vectors into a collection. What of a lot cannot be kept ends the batch.
async fn store(cx: &Context, rows: &Rows, model: &Model, name: &str, mut lots: BoxStream<'_, Lot>, report: &Report) {
    let (mut collection, mut done) = (None, report.offset);
    while let Some(lot) = lots.next().await {
        let items: Vec<_> =
            lot.into_iter().filter_map(|(index, vector)| Some((rows.get(index)?.as_ref().ok()?, vector))).collect();
        match add(cx, &mut collection, name, model, &items).await {
            Ok(replaced) => {
                let mut state = report.state();
                state.replaced += replaced;
                done = state.next;
            }
            Err(error) => {
                let mut state = report.state();
                state.embedded -= items.len();
                state.next = done;
                state.stopped = Some(error);
                return;
            }
        }
    }
}

async fn add(
    cx: &Context,
    collection: &mut Option<Collection>,
    name: &str,
    model: &Model,
    items: &[(&Row, Vec<f32>)],
) -> Result<u64> {
    let Some((_, vector)) = items.first() else { return Ok(0) };
    let collection = match collection {
        Some(collection) => collection,
        none => none.insert(collection::open(cx, name, model, vector.len()).await?),
    };
    collection.add(cx, items).await
}

/// Vectors, each with the index of its row.
type Lot = Vec<(usize, Vec<f32>)>;

/// What came of the rows of one request.
struct Outcome {
    rows: Range<usize>,
    lot: Lot,
    failures: Vec<(usize, String)>,
    tokens: u64,
}

/// The outcomes of the rows from the offset on, in order. When time is up no request begins, and soon after none is
/// waited for.
fn lots(cx: &Context, rows: &Arc<Rows>, limits: &Limits, model: &Model) -> BoxStream<'static, Result<Outcome>> {
    let texts = rows.iter().skip(limits.offset).map(|row| row.as_ref().map_or("", |row| row.text.as_str()));
    let groups = embed::groups(texts);
    let at_once = model.at_once(&groups);
    let (cx, rows, model) = (cx.clone(), rows.clone(), model.clone());
    let Limits { offset, deadline } = *limits;
    let clock = cx.clone();
    let outcomes = stream::iter(groups).map(move |group| {
        let (cx, rows, model) = (cx.clone(), rows.clone(), model.clone());
        async move {
            if cx.now() >= deadline {
                return None;
            }
            Some(embed_rows(&cx, &rows, offset + group.start..offset + group.end, &model).await)
        }
    });
    let outcomes = outcomes.buffered(at_once).take_while(|outcome| ready(outcome.is_some())).filter_map(ready).boxed();
    let next = move |(mut outcomes, cx): (BoxStream<'static, Result<Outcome>>, Context)| async move {
        let left = (deadline + GRACE).saturating_sub(cx.now());
        let outcome = match select(outcomes.next(), Box::pin(cx.sleep(left))).await {
            Either::Left((outcome, _)) => outcome?,
            Either::Right(_) => return None,
        };
        Some((outcome, (outcomes, cx)))
    };
    stream::unfold((outcomes, clock), next).boxed()
}

/// Embeds a range of rows. Where the API refuses an input, the others are embedded without it.
async fn embed_rows(cx: &Context, rows: &Rows, range: Range<usize>, model: &Model) -> Result<Outcome> {
    let mut outcome = Outcome { rows: range.clone(), lot: Vec::new(), failures: Vec::new(), tokens: 0 };
    let mut texts = Vec::new();
    for (index, row) in range.clone().zip(rows.get(range).unwrap_or_default()) {
        match row {
            Ok(row) if row.text.trim().is_empty() => outcome.failures.push((index, "the text is empty".into())),
            Ok(row) => texts.push((index, row.text.as_str())),
            Err(problem) => outcome.failures.push((index, problem.clone())),
        }
    }
    let mut tries = 0;
    let mut parts = VecDeque::from([texts.as_slice()]);
    while let Some(part) = parts.pop_front().filter(|part| !part.is_empty()) {
        tries += 1;
        let texts: Vec<&str> = part.iter().map(|(_, text)| *text).collect();
        match model.embed(cx, &texts).await {
            Ok(embedded) => {
                outcome.tokens += embedded.tokens;
                outcome.lot.extend(part.iter().map(|(index, _)| *index).zip(embedded.vectors));
            }
            Err(error) if !blames_input(&error) => return Err(error),
            Err(_) if part.len() > 1 && tries < MOST_TRIES => {
                let (front, back) = part.split_at(part.len() / 2);
                parts.push_front(back);
                parts.push_front(front);
            }
            Err(error) => outcome.failures.extend(part.iter().map(|(index, _)| (*index, error.to_string()))),
        }
    }
    outcome.failures.sort_by_key(|(index, _)| *index);
    Ok(outcome)
}

/// Whether the API refused what was to be embedded, and not the model, the dimensions or the key.
fn blames_input(error: &Error) -> bool {
    let text = error.to_string();
    error.kind() == Kind::Status(400) && (text.contains("input") || text.contains("token"))
}

/// How far a batch is.
struct Report {
    cx: Context,
    rows: usize,
    offset: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: usize,
    embedded: usize,
    replaced: u64,
    failed: usize,
    failures: Vec<Value>,
    tokens: u64,
    dimensions: usize,
    stopped: Option<Error>,
}

impl Report {
    fn new(cx: &Context, rows: usize, offset: usize) -> Self {
        Report { cx: cx.clone(), rows, offset, state: Mutex::new(State { next: offset, ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an outcome, and gives its vectors; `None` ends the batch.
    fn take(&self, outcome: Result<Outcome>) -> Option<Lot> {
        let mut state = self.state();
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                state.stopped = Some(error);
                return None;
            }
        };
        state.next = outcome.rows.end;
        state.embedded += outcome.lot.len();
        state.tokens += outcome.tokens;
        if let Some((_, vector)) = outcome.lot.first() {
            state.dimensions = vector.len();
        }
        for (index, problem) in outcome.failures {
            state.failed += 1;
            if state.failures.len() < MOST_FAILURES {
                let problem = collection::excerpt(problem.lines().next().unwrap_or_default(), LONGEST_FAILURE);
                state.failures.push(json!({"index": index, "error": problem}));
            }
        }
        let (done, all) = (state.next - self.offset, self.rows - self.offset);
        self.cx.progress(done as f64, Some(all as f64), &format!("{done} of {all} embedded"));
        Some(outcome.lot)
    }

    /// Why nothing at all was done, if so.
    fn failed_at_once(&self) -> Option<Error> {
        let state = self.state();
        state.stopped.clone().filter(|_| state.next == self.offset)
    }

    fn finish(&self, mut facts: Map<String, Value>) -> Output {
        let state = self.state();
        let done = state.next >= self.rows;
        let mut tell = |name: &str, value: Value| facts.insert(name.into(), value);
        tell("done", done.into());
        tell("rows", self.rows.into());
        tell("embedded", state.embedded.into());
        tell("failed", state.failed.into());
        tell("dimensions", state.dimensions.into());
        tell("usage", json!({"prompt_tokens": state.tokens, "total_tokens": state.tokens}));
        if state.replaced > 0 {
            tell("replaced", state.replaced.into());
        }
        if state.failed > 0 {
            tell("failures", state.failures.clone().into());
        }
        if !done {
            tell("next_offset", state.next.into());
        }
        if let Some(stopped) = &state.stopped {
            tell("stopped", stopped.to_string().into());
        }
        Output::json(&facts.into())
    }
}
