//! Many items in one call: from an offset on, several at once, for a bounded time, each with an outcome of its own.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{Error, Kind, Limit, Result};
use crate::json;
use crate::output::Output;
use crate::schema::{Int, OneOrMany};
use crate::spec::Spec;
use crate::time::milliseconds;

/// How long a batch goes on by default, in seconds: clients give up on a call after a minute.
const PATIENCE: u64 = 45;
/// How long work that is under way when time is up may take to end. What it did is paid for, but a client that gives up
/// after a minute would not learn where to go on.
const GRACE: Duration = Duration::from_secs(10);
/// Most characters that are told of an item that failed.
const LONGEST_PROBLEM: usize = 300;
/// Most ids of a call that deletes: some twenty seconds of requests.
const MOST_DELETIONS: usize = 200;
/// Requests to delete that are made at once.
const DELETIONS: usize = 4;
/// Bytes of a result that are kept free for all that is not `data`.
const MARGIN: usize = 2048;

/// When a batch that begins now has to end, as [`Context::monotonic`] tells time: `timeout` seconds from now, 45 by default.
pub fn deadline(cx: &Context, timeout: Option<Int<1, 3600>>) -> Duration {
    cx.monotonic() + Duration::from_secs(timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs()))
}

/// Keeps a batch from beginning more than it has begun.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on nothing is begun.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does pieces of work in their order, `at_once` at a time, and gives what came of each, in order.
///
/// When time is up no piece is begun, and none that would outlast what is granted beyond, going by the slowest so far.
/// Soon after none is waited for. So the stream may end before the pieces do.
pub fn run<W, T, F>(
    cx: &Context,
    pieces: Vec<W>,
    at_once: usize,
    deadline: Duration,
    work: impl Fn(W) -> F + Send + 'static,
) -> BoxStream<'static, T>
where
    W: Send + 'static,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let last = deadline + GRACE;
    let outcomes = run_paid(cx, pieces, at_once, deadline, &Stop::default(), work);
    let next = move |(mut outcomes, cx): (BoxStream<'static, T>, Context)| async move {
        let left = last.saturating_sub(cx.monotonic());
        let outcome = match select(outcomes.next(), Box::pin(cx.sleep(left))).await {
            Either::Left((outcome, _)) => outcome?,
            Either::Right(_) => return None,
        };
        Some((outcome, (outcomes, cx)))
    };
    stream::unfold((outcomes, cx.clone()), next).boxed()
}

/// As [`run`], for work that costs money: what is begun is waited for, however long it takes, so that nothing is lost that
/// is paid for. Whoever wants no more says [`Stop::now`], and goes on to the end of the stream.
pub fn run_paid<W, T, F>(
    cx: &Context,
    pieces: Vec<W>,
    at_once: usize,
    deadline: Duration,
    stop: &Stop,
    work: impl Fn(W) -> F + Send + 'static,
) -> BoxStream<'static, T>
where
    W: Send + 'static,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let last = deadline + GRACE;
    let slowest = Arc::new(AtomicU64::new(0));
    let (clock, stop) = (cx.clone(), stop.clone());
    let outcomes = stream::iter(pieces).map(move |piece| {
        let (clock, slowest, stop, work) = (clock.clone(), slowest.clone(), stop.clone(), work(piece));
        async move {
            let begun = clock.monotonic();
            let outlasts = begun + Duration::from_millis(slowest.load(Ordering::Relaxed)) > last;
            if stop.0.load(Ordering::Relaxed) || outlasts || clock.left(deadline).is_zero() {
                return None;
            }
            let outcome = work.await;
            let took = milliseconds(clock.monotonic().saturating_sub(begun));
            slowest.fetch_max(took, Ordering::Relaxed);
            Some(outcome)
        }
    });
    // They are begun in their order, so that behind the first that is not begun none is.
    outcomes.buffered(at_once).take_while(|outcome| ready(outcome.is_some())).filter_map(ready).boxed()
}

/// Deletes one or several by a request whose argument `name` is the id. Of one the API's answer is given as it is; of
/// several, how many are gone, and of each the answer or why it is still there; and which are beyond the requests that one
/// call makes.
///
/// # Errors
/// Wrong ids, before any is deleted; or not one could be deleted, with the first reason.
pub async fn delete(cx: &Context, spec: &'static Spec, name: &'static str, ids: OneOrMany<String>) -> Result<Output> {
    let ids = match ids {
        OneOrMany::One(id) => {
            let answer = cx.send(spec, cx.arguments()).bytes().await?;
            return Ok(if answer.as_ref() == b"{}" { Output::json(&gone(&id)) } else { Output::Json(answer) });
        }
        OneOrMany::Many(ids) => ids,
    };
    if ids.len() > MOST_DELETIONS {
        return Err(Error::argument(name, format!("expected at most {MOST_DELETIONS} ids, got {}", ids.len())));
    }
    let named = |id: &str| cx.arguments().clone().set(name, id);
    ids.iter().try_for_each(|id| cx.check(spec, &named(id)))?;
    let call = |id: &String| {
        let call = cx.send(spec, named(id));
        async move { if cx.requests_left() == 0 { None } else { Some(call.value().await) } }
    };
    let calls: Vec<_> = ids.iter().map(call).collect();
    let mut answers = stream::iter(calls).buffered(DELETIONS);
    let (mut data, mut deleted, mut first) = (Vec::new(), 0, None);
    for id in &ids {
        let Some(Some(answer)) = answers.next().await else { break };
        match answer {
            Ok(answer) => {
                deleted += usize::from(answer.get("deleted") != Some(&Value::Bool(false)));
                data.push(if answer == serde_json::json!({}) { gone(id) } else { answer });
            }
            Err(error) => {
                let told = error.clone().into_text();
                let told = json::excerpt(told.lines().next().unwrap_or_default(), LONGEST_PROBLEM);
                data.push(serde_json::json!({"id": id, "error": told}));
                first.get_or_insert(error);
            }
        }
        cx.progress(data.len() as f64, Some(ids.len() as f64), &format!("{deleted} of {} deleted", ids.len()));
    }
    match first {
        Some(error) if deleted == 0 => Err(error),
        _ => {
            let rest = ids.get(data.len()..).unwrap_or_default();
            let mut result = serde_json::json!({"deleted_count": deleted, "data": data});
            if let (Some(result), false) = (result.as_object_mut(), rest.is_empty()) {
                result.insert("not_tried".into(), rest.into());
                result.insert("note".into(), "call again with those of `not_tried`".into());
            }
            Ok(Output::json(&result))
        }
    }
}

/// What is told of a deletion of which the API says nothing.
fn gone(id: &str) -> Value {
    serde_json::json!({"id": id, "deleted": true})
}

/// Whether the next piece would fail as this one has: the key is refused, or there is no more to spend.
pub fn is_hopeless(error: &Error) -> bool {
    match error.limit() {
        Some(limit) => limit == Limit::Account,
        None => matches!(error.kind(), Kind::Key | Kind::Unsent | Kind::Status(401 | 402 | 403 | 429)),
    }
}

/// The result of a batch as it grows: `{done, total, succeeded, failed, next_offset, stopped, data}`.
pub struct Report {
    cx: Context,
    total: usize,
    offset: usize,
    next: usize,
    succeeded: usize,
    failed: usize,
    stopped: Option<Error>,
    data: Vec<Value>,
    room: usize,
    /// The first item for which there was no room, and how many there are.
    omitted: Option<(usize, usize)>,
    /// Where they are, if it would cost money to do them again.
    elsewhere: Option<&'static str>,
}

impl Report {
    /// The report of a batch that goes from an offset to the end of `total` items.
    ///
    /// # Errors
    /// The offset is behind the end.
    pub fn new(cx: &Context, total: usize, offset: usize) -> Result<Self> {
        if offset > total {
            return Err(Error::argument("offset", format!("there are {total} items, got {offset}")));
        }
        let room = cx.max_result() - (cx.max_result() / 2).min(MARGIN);
        Ok(Report {
            cx: cx.clone(),
            total,
            offset,
            next: offset,
            succeeded: 0,
            failed: 0,
            stopped: None,
            data: Vec::new(),
            room,
            omitted: None,
            elsewhere: None,
        })
    }

    /// The same for items that are paid for: where those are told of for which there is no room.
    #[must_use]
    pub fn paid(mut self, elsewhere: &'static str) -> Self {
        self.elsewhere = Some(elsewhere);
        self
    }

    /// Bytes that are left for items.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Counts an item that succeeded, and lists what `shown` tells of it.
    pub fn succeed(&mut self, index: usize, shown: Option<Map<String, Value>>) {
        self.succeeded += 1;
        if let Some(shown) = shown {
            self.list(index, shown);
        }
    }

    /// Counts an item that failed, and lists the first line of why, beside what else `shown` tells of it.
    pub fn fail(&mut self, index: usize, problem: &str, mut shown: Map<String, Value>) {
        self.failed += 1;
        let problem = problem.lines().next().unwrap_or_default();
        shown.insert("error".into(), json::excerpt(problem, LONGEST_PROBLEM).into());
        self.list(index, shown);
    }

    /// Lists an item, if there is room for it, and was for all before where these are to be done again.
    fn list(&mut self, index: usize, mut shown: Map<String, Value>) {
        shown.insert("index".into(), index.into());
        let shown = Value::Object(shown);
        match (self.room.checked_sub(json::text(&shown).len() + 1), &mut self.omitted) {
            (Some(room), omitted) if omitted.is_none() || self.elsewhere.is_some() => {
                self.room = room;
                self.data.push(shown);
            }
            (_, Some((_, count))) => *count += 1,
            (_, none) => *none = Some((index, 1)),
        }
    }

    /// Takes note that all before `next` are through, and tells the client.
    pub fn reach(&mut self, next: usize, verb: &str) {
        self.next = next;
        let (done, all) = (next.saturating_sub(self.offset), self.total - self.offset);
        self.cx.progress(done as f64, Some(all as f64), &format!("{done} of {all} {verb}"));
    }

    /// The first item that is not through.
    pub fn next(&self) -> usize {
        self.next
    }

    /// Takes back what was counted from `next` on: it has to be done again.
    pub fn back(&mut self, next: usize, succeeded: usize) {
        self.next = next;
        self.succeeded -= succeeded;
    }

    /// Ends the batch before its time: what comes next would do no better.
    ///
    /// # Errors
    /// No item succeeded, so that the call itself has failed.
    pub fn stop(&mut self, error: Error) -> Result<()> {
        if self.succeeded == 0 {
            return Err(error);
        }
        self.stopped = Some(error);
        Ok(())
    }

    /// The result, with `facts` beside what every batch tells.
    pub fn finish(&mut self, facts: Map<String, Value>) -> Output {
        Output::json(&self.result(facts))
    }

    /// The same as a value.
    pub fn result(&mut self, facts: Map<String, Value>) -> Value {
        let done = self.next >= self.total;
        let mut result = serde_json::json!({
            "done": done, "total": self.total, "succeeded": self.succeeded, "failed": self.failed,
            "data": std::mem::take(&mut self.data),
        });
        if let Some(result) = result.as_object_mut() {
            result.extend((!done).then(|| ("next_offset".to_owned(), self.next.into())));
            result.extend(self.stopped.take().map(|error| ("stopped".to_owned(), error.into_text().into())));
            if let Some((first, count)) = self.omitted {
                let note = match self.elsewhere {
                    Some(elsewhere) => format!("{count} have no room in `data`; {elsewhere}"),
                    None => format!("{count} have no room in `data`; `offset` {first} does them again, and lists them"),
                };
                result.insert("note".into(), note.into());
            }
            result.extend(facts);
        }
        result
    }
}
