//! Embedding many texts: into a collection, or into a file.

use std::collections::{HashSet, VecDeque};
use std::future::ready;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use openai_mcp_kernel::batch;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::json::Members as _;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::Kept;
use serde_json::Map;

use crate::model::{self, Model};
use crate::rows::Row;
use crate::stored::{self, Collection};
use crate::vector::{Dimensions, push_line};

/// Most requests that are made to find the inputs that the API refuses in one group.
const MOST_TRIES: usize = 64;

/// Where vectors go.
pub(crate) enum Target {
    Collection(String),
    File(String),
}

/// What is done in one call.
pub(crate) struct Part {
    /// Rows from the offset on.
    pub(crate) rows: Vec<Kept<Row>>,
    pub(crate) offset: usize,
    /// How many rows there are in all.
    pub(crate) total: usize,
    /// When to stop asking for more, as [`Context::now`] tells it.
    pub(crate) deadline: Duration,
}

impl Part {
    fn kept(&self, index: usize) -> Option<&Kept<Row>> {
        self.rows.get(index - self.offset)
    }

    fn row(&self, index: usize) -> Option<&Row> {
        self.kept(index)?.value.as_ref().ok()
    }
}

/// Embeds rows, in order, until all are done, time is up, or the API fails.
pub(crate) async fn run(
    cx: &Context,
    part: Part,
    (name, dimensions): (Option<String>, Option<Dimensions>),
    target: Target,
) -> Result<Output> {
    let mut model = Model::new(name.clone(), dimensions);
    if matches!(&target, Target::Collection(name) if name.is_empty()) {
        return Err(Error::argument("collection", "expected a name"));
    }
    let total = part.total;
    let report = Arc::new(Report(Mutex::new(State::new(cx, &part)?)));
    let mut known = None;
    if let Target::Collection(collection) = &target
        && let Some(found) = stored::find(cx, collection).await?
    {
        let dimensions = dimensions.and_then(|Int(dimensions)| usize::try_from(dimensions).ok());
        found.accept(collection, name.as_deref(), dimensions)?;
        model = found.model();
        report.state().dimensions = found.dimensions;
        known = Some(Known { collection: found, repeated: repeated(&part) });
    }
    let part = Arc::new(part);
    let lots = {
        let (report, part) = (report.clone(), part.clone());
        lots(cx, &part, &model, known).scan((), move |(), lot| ready(report.take(&part, lot)))
    };
    let mut facts = Map::from_iter([("model".to_owned(), Value::from(model.name.as_str()))]);
    let mut saved = None;
    match target {
        Target::Collection(name) => {
            store(cx, &part, &model, &name, Box::pin(lots), &report).await;
            facts.insert("collection".into(), name.into());
        }
        Target::File(path) => {
            let lines = lots.map(move |lot| Ok(lines(&part, lot)));
            let report = report.clone();
            let end = async move {
                // A file with nothing in it is not kept.
                let nothing = Failure { text: "there are no vectors".to_owned(), unsent: false };
                if report.has_none() { Err(nothing) } else { Ok(Bytes::new()) }
            };
            let chunks = lines.chain(stream::once(end)).boxed();
            saved = Some((path.clone(), cx.save(path, Body::Stream { chunks, length: None }).await));
        }
    }
    if let Some(error) = report.failed_at_once() {
        return Err(error);
    }
    let mut note = None;
    if let Some((path, saved)) = saved {
        let next = report.state().report.next();
        if report.has_none() {
            note = Some(format!("there are no vectors, so `{path}` is not written"));
        } else {
            facts.insert("saved_to".into(), saved?.show());
            let rest = || format!("`{path}` has what is before `next_offset`; the rest needs another `save_to`");
            note = (next < total).then(rest);
        }
    }
    Ok(report.finish(facts, note))
}

/// A line for each vector of a saved file.
fn lines(part: &Part, lot: Lot) -> Bytes {
    let mut lines = Vec::new();
    for (index, vector) in lot {
        let Some(row) = part.row(index) else { continue };
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
async fn store(cx: &Context, part: &Part, model: &Model, name: &str, mut lots: BoxStream<'_, Lot>, report: &Report) {
    let (mut collection, mut done) = (None, part.offset);
    while let Some(lot) = lots.next().await {
        let items: Vec<_> = lot.into_iter().filter_map(|(index, vector)| Some((part.row(index)?, vector))).collect();
        match add(cx, &mut collection, name, model, &items).await {
            Ok(replaced) => {
                let mut state = report.state();
                state.replaced += replaced;
                done = state.report.next();
            }
            Err(error) => {
                let mut state = report.state();
                state.report.back(done, items.len());
                state.refused = state.report.stop(error).err();
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
        none => none.insert(stored::open(cx, name, model, vector.len()).await?),
    };
    collection.add(cx, items).await
}

/// A collection that is there, whose items are not paid for again.
struct Known {
    collection: Collection,
    /// Ids that several rows have: the last of them counts, whatever the store holds before.
    repeated: HashSet<String>,
}

fn repeated(part: &Part) -> HashSet<String> {
    let mut seen = HashSet::new();
    let ids = part.rows.iter().filter_map(|row| Some(row.value.as_ref().ok()?.id()));
    ids.filter(|id| !seen.insert(id.clone())).collect()
}

/// Vectors, each with the index of its row.
type Lot = Vec<(usize, Vec<f32>)>;

/// What came of the rows of one request.
struct Outcome {
    rows: Range<usize>,
    lot: Lot,
    /// Rows that the collection holds just so.
    unchanged: Vec<usize>,
    failures: Vec<(usize, String)>,
    tokens: u64,
}

/// The outcomes of the rows, in order.
fn lots(cx: &Context, part: &Arc<Part>, model: &Model, known: Option<Known>) -> BoxStream<'static, Result<Outcome>> {
    let groups = model::groups(part.rows.iter().map(|row| row.value.as_ref().map_or("", |row| row.text.as_str())));
    let at_once = model.at_once(&groups);
    let (own, part, model, deadline) = (cx.clone(), part.clone(), model.clone(), part.deadline);
    let known = Arc::new(known);
    batch::run(cx, groups, at_once, deadline, move |group| {
        let (cx, part, model, known) = (own.clone(), part.clone(), model.clone(), known.clone());
        async move { embed_rows(&cx, &part, group, &model, known.as_ref().as_ref()).await }
    })
}

/// Embeds a range of what a call does. Where the API refuses an input, the others are embedded without it.
async fn embed_rows(
    cx: &Context,
    part: &Part,
    range: Range<usize>,
    model: &Model,
    known: Option<&Known>,
) -> Result<Outcome> {
    let indexes = part.offset + range.start..part.offset + range.end;
    let mut outcome =
        Outcome { rows: indexes.clone(), lot: Vec::new(), unchanged: Vec::new(), failures: Vec::new(), tokens: 0 };
    let mut rows = Vec::new();
    for (index, row) in indexes.zip(part.rows.get(range).unwrap_or_default()) {
        match &row.value {
            Ok(row) if row.text.trim().is_empty() => outcome.failures.push((index, "the text is empty".into())),
            Ok(row) => rows.push((index, row)),
            Err(problem) => outcome.failures.push((index, problem.clone())),
        }
    }
    if let Some(Known { collection, repeated }) = known {
        let held = collection.held(cx, &rows).await?;
        let stays = |(index, row): &(usize, &Row)| held.contains(index) && !repeated.contains(&row.id());
        outcome.unchanged = rows.extract_if(.., |row| stays(row)).map(|(index, _)| index).collect();
    }
    let texts: Vec<_> = rows.into_iter().map(|(index, row)| (index, row.text.as_str())).collect();
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
            Err(_) if part.len() > 1 && tries < MOST_TRIES && cx.requests_left() > 0 => {
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
struct Report(Mutex<State>);

struct State {
    report: batch::Report,
    /// Why nothing at all was done, if so.
    refused: Option<Error>,
    replaced: u64,
    unchanged: usize,
    tokens: u64,
    dimensions: usize,
}

impl State {
    fn new(cx: &Context, part: &Part) -> Result<Self> {
        let report = batch::Report::new(cx, part.total, part.offset)?;
        Ok(State { report, refused: None, replaced: 0, unchanged: 0, tokens: 0, dimensions: 0 })
    }
}

impl Report {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an outcome, and gives its vectors; `None` ends the batch.
    fn take(&self, part: &Part, outcome: Result<Outcome>) -> Option<Lot> {
        let mut state = self.state();
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                state.refused = state.report.stop(error).err();
                return None;
            }
        };
        state.tokens += outcome.tokens;
        if let Some((_, vector)) = outcome.lot.first() {
            state.dimensions = vector.len();
        }
        state.unchanged += outcome.unchanged.len();
        for index in outcome.lot.iter().map(|(index, _)| index).chain(&outcome.unchanged) {
            state.report.succeed(*index, None);
        }
        for (index, problem) in outcome.failures {
            let id = part.kept(index).and_then(|row| row.id.clone());
            let shown = id.map(|id| ("id".to_owned(), id)).into_iter().collect();
            state.report.fail(index, &problem, shown);
        }
        state.report.reach(outcome.rows.end, "embedded");
        Some(outcome.lot)
    }

    fn failed_at_once(&self) -> Option<Error> {
        self.state().refused.clone()
    }

    /// Whether there is not a vector.
    fn has_none(&self) -> bool {
        self.state().dimensions == 0
    }

    fn finish(&self, mut facts: Map<String, Value>, note: Option<String>) -> Output {
        let mut state = self.state();
        facts.insert("dimensions".into(), state.dimensions.into());
        facts.insert("usage".into(), json!({"prompt_tokens": state.tokens, "total_tokens": state.tokens}));
        if state.replaced > 0 {
            facts.insert("replaced".into(), state.replaced.into());
        }
        if state.unchanged > 0 {
            facts.insert("unchanged".into(), state.unchanged.into());
        }
        let mut result = state.report.result(facts);
        if let Some(note) = note {
            let before = result.get("note").and_then(Value::as_str).map(|before| format!("{before}\n"));
            result.put("note", format!("{}{note}", before.unwrap_or_default()).into());
        }
        Output::json(&result)
    }
}
