//! How a run goes on.
//!
//! Whoever reads a run drives it for a while. A driver takes items by their lease, so that any number of them part the work.
//! What it did of an item it writes to the item's `work`:
//!
//! | member | |
//! |---|---|
//! | `asked` | `{what, times}`: a paid request that is about to be made; without its answer after the lease, it was lost |
//! | `response` | the response that samples in the background |
//! | `sample` | what was sampled |
//! | `answers` | by criterion, what models and embeddings said |
//! | `results`, `errors` | by criterion, grades and why there is none |
//! | `usage` | by model |
//! | `lost` | paid requests whose answers never came |
//! | `faults` | how often OpenAI failed since it last answered |
//!
//! So a process may be killed at any point: what was answered is never asked for again, and what was asked for and lost is
//! asked for once more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use openai_mcp_graders::template::Names;
use openai_mcp_graders::{Api, Criterion};
use openai_mcp_kernel::error::Limit;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use super::db::{Db, Item, Run};
use super::source::Sampling;
use super::upstream::{ChatCreate, ResponseCreate, ResponseGet};
use super::{Members as _, Problem, grade, id, list, now, sample, text};

/// How long one driver may be at an item without writing it, in seconds.
const LEASE: i64 = 150;
/// How long one paid request, or one watch over a response in the background, may take.
const LONGEST: Duration = Duration::from_secs(120);
/// How long clients wait for a call at least, less what is granted beyond.
const CALL: Duration = Duration::from_secs(45);
/// How long what is under way may take to end when time is up.
const GRACE: Duration = Duration::from_secs(10);
/// How often a request is made whose answer does not come, or that OpenAI failed to answer.
const TRIES: u64 = 2;
/// How often a request is made that OpenAI says it has not carried out, without a limit as the reason.
const FAULTS: u64 = 4;
/// Items at work at once, where nobody says otherwise: a Worker has so many connections.
const CONCURRENCY: usize = 6;
/// Most bytes of a sample: what is known of an item has to fit a value of the store.
const WIDEST: usize = 1_000_000;
/// Requests and statements that writing an item takes, those that asking a model takes, and those for one answer of a
/// response in the background, which is looked at again and again.
const WRITING: usize = 2;
const ASKING: usize = 3;
const WATCHING: usize = 8;
/// First and longest pause after a rate limit.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Why an item did not come to its end.
enum Stop {
    /// There is no time left, or its response is not done.
    Later,
    /// Somebody else has it, or the run has ended.
    Lost,
    /// OpenAI wants fewer requests.
    Limited(Error),
    /// The other items would do no better.
    Hopeless(Error),
    /// The store fails.
    Failed(Error),
}

/// Drives a run (its `eval_id` and `run_id`) until a time, and gives what kept it from going faster.
pub(crate) async fn drive(cx: &Context, run: &Value, until: Duration) -> Result<Option<String>> {
    let db = Db::open(cx)?;
    let run = db.run(text(run, "eval_id"), text(run, "run_id")).await?;
    go(&db, &run, until).await
}

pub(super) async fn go(db: &Db<'_>, run: &Run, until: Duration) -> Result<Option<String>> {
    // To drive is to write: where nothing may change, a run is shown as it was last seen.
    if db.cx.read_only() {
        return Ok(None);
    }
    if run.status == "loading" {
        let error = json!({"code": "interrupted", "message": "the call that created the run did not come to its end"});
        return db.end(&run.id, "failed", &error).await.map(|_| None);
    }
    if !run.is_going() {
        return Ok(None);
    }
    let driver = Driver::new(db, run, until)?;
    let outcome = driver.run().await;
    db.release(&run.id, &driver.holder).await?;
    let (trouble, ending) = outcome?;
    match ending {
        Some(error) => db.end(&run.id, "failed", &error).await.map(drop)?,
        None => settle(db, run).await?,
    }
    Ok(trouble)
}

/// Ends a run whose items have all come to their end.
async fn settle(db: &Db<'_>, run: &Run) -> Result<()> {
    let state = db.state(&run.id).await?;
    if state.open > 0 {
        return Ok(());
    }
    let tally = db.tally(&run.id).await?;
    let count = |name: &str| tally.at("result_counts").at(name).as_i64().unwrap_or_default();
    if count("errored") == 0 || count("passed") + count("failed") > 0 {
        return db.end(&run.id, "completed", &Value::Null).await.map(drop);
    }
    let first = json!({"status": "error", "limit": 1}).as_object().cloned().unwrap_or_default();
    let (items, _) = db.items(&run.id, &first, false).await?;
    let error = items.first().and_then(|item| item.work.pointer("/errors/0"));
    let (code, message) = error.map_or(("error", ""), |error| (text(error, "code"), text(error, "message")));
    let error = json!({"code": code, "message": format!("no item could be graded; the first says: {message}")});
    db.end(&run.id, "failed", &error).await.map(drop)
}

/// Who drives a run, for the time of a call.
struct Driver<'a> {
    db: &'a Db<'a>,
    run: &'a Run,
    criteria: Vec<(String, Arc<Criterion>)>,
    sampling: Option<Sampling>,
    holder: String,
    until: Duration,
    /// When nothing is waited for any more.
    last: Duration,
    /// The slowest request so far, in milliseconds.
    slowest: AtomicU64,
    /// Whether it has taken items.
    begun: AtomicBool,
}

/// What there is to do.
enum More {
    Items(Vec<Item>),
    Nothing,
    /// The tokens that the run may use do not suffice for an item more.
    Spent,
}

impl<'a> Driver<'a> {
    fn new(db: &'a Db<'a>, run: &'a Run, until: Duration) -> Result<Self> {
        let read = |(at, criterion): (usize, &Value)| {
            let read = Criterion::read(criterion, &format!("testing_criteria[{at}]"), Api::Evals);
            let read = read.map_err(|faults| Error::arguments(&faults))?;
            Ok((text(criterion, "id").to_owned(), Arc::new(read)))
        };
        let criteria = list(&run.work, "criteria").enumerate().map(read).collect::<Result<_>>()?;
        let sampling = match *run.work.at("sampled") == true {
            true => Sampling::read(run.doc.at("data_source"), &mut Vec::new()),
            false => None,
        };
        let last = until.max(db.cx.monotonic() + CALL) + GRACE;
        let holder = id("", db.cx.random());
        Ok(Driver {
            db,
            run,
            criteria,
            sampling,
            holder,
            until,
            last,
            slowest: AtomicU64::new(0),
            begun: AtomicBool::new(false),
        })
    }

    fn concurrency(&self) -> Result<usize> {
        let cx = self.db.cx;
        let own = self.run.work.at("concurrency").as_u64().and_then(|own| usize::try_from(own).ok());
        let Some(setting) = cx.setting("EVALS_PARALLEL") else { return Ok(own.unwrap_or(CONCURRENCY)) };
        let most = setting.parse().ok().filter(|most| (1..=256).contains(most)).ok_or_else(|| {
            let text =
                format!("the operator's OPENAI_MCP_EVALS_PARALLEL: expected a number up to 256, got `{setting}`");
            Error::new(Kind::Unsupported, text)
        })?;
        Ok(own.unwrap_or(most).min(most))
    }

    /// Works on items until there are none or time is up. Gives what kept it from going faster, and the error that ends
    /// the run before its time.
    async fn run(&self) -> Result<(Option<String>, Option<Value>)> {
        let cx = self.db.cx;
        let most = self.concurrency()?;
        let state = self.db.state(&self.run.id).await?;
        let (mut done, total) = (state.done, state.done + state.open);
        let (mut limit, mut pause, mut resume) = (most, PAUSE.0, Duration::ZERO);
        let (mut ready, mut going) = (VecDeque::new(), FuturesUnordered::new());
        let (mut trouble, mut ending, mut over) = (None, None, false);
        loop {
            let open = !over && cx.monotonic() < self.until;
            while open && cx.monotonic() >= resume && going.len() < limit {
                if ready.is_empty() {
                    match self.more(limit - going.len(), going.len()).await? {
                        More::Items(items) => ready.extend(items),
                        More::Nothing => {}
                        More::Spent if going.is_empty() => {
                            let message = "the run has used the tokens that it may use (`max_tokens`)";
                            ending = Some(json!({"code": "budget", "message": message}));
                            over = true;
                        }
                        More::Spent => {}
                    }
                }
                match ready.pop_front() {
                    Some(item) => going.push(self.work(item)),
                    None => break,
                }
            }
            if going.is_empty() {
                if over || !open || ready.is_empty() {
                    break;
                }
                let left = resume.min(self.until).saturating_sub(cx.monotonic());
                cx.sleep(left).await;
                continue;
            }
            let left = self.last.saturating_sub(cx.monotonic());
            let Either::Left((Some((item, outcome)), _)) = select(going.next(), Box::pin(cx.sleep(left))).await else {
                break;
            };
            match outcome {
                Ok(()) => {
                    done += 1;
                    cx.progress(done as f64, Some(total as f64), &format!("{done} of {total} items"));
                    (limit, pause) = ((limit + 1).min(most), PAUSE.0);
                }
                Err(Stop::Later | Stop::Lost) => {}
                Err(Stop::Limited(error)) => {
                    limit = (limit / 2).max(1);
                    resume = cx.monotonic().saturating_add(error.retry_after().unwrap_or(pause));
                    pause = (pause * 2).min(PAUSE.1);
                    trouble = Some(error.into_text());
                    ready.push_front(item);
                }
                Err(Stop::Hopeless(error)) => {
                    let code = match error.kind() {
                        Kind::Status(status) => format!("http_{status}"),
                        _ => "key".to_owned(),
                    };
                    ending.get_or_insert(json!({"code": code, "message": error.into_text()}));
                    over = true;
                }
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        Ok((trouble, ending))
    }

    /// How many items more this call can work on by the requests that it may make. One it always can.
    fn affordable(&self, going: usize) -> usize {
        let sampling = match &self.sampling {
            Some(sampling) if sampling.background => WATCHING,
            Some(_) => ASKING,
            None => 0,
        };
        let each = WRITING + sampling + ASKING * self.criteria.len();
        let all = (self.db.cx.requests_left() / each).saturating_sub(going);
        if self.begun.load(Ordering::Relaxed) { all } else { all.max(1) }
    }

    /// Takes items, as many as the tokens and requests that are left suffice for.
    async fn more(&self, most: usize, going: usize) -> Result<More> {
        let mut most = most.min(self.affordable(going));
        if most == 0 {
            return Ok(More::Nothing);
        }
        self.begun.store(true, Ordering::Relaxed);
        if let Some(budget) = self.run.work.at("max_tokens").as_i64() {
            let state = self.db.state(&self.run.id).await?;
            let estimate = self.run.work.at("estimate").as_i64().unwrap_or(1);
            let each = if state.done > 0 { state.tokens / state.done } else { estimate }.max(1);
            let held = state.held.max(i64::try_from(going).unwrap_or(i64::MAX));
            let left = (budget - state.tokens) / each - held;
            match usize::try_from(left).unwrap_or(0) {
                // What somebody else is at, he may bring to its end.
                0 if state.held > 0 => return Ok(More::Nothing),
                0 if state.open > 0 => return Ok(More::Spent),
                left => most = most.min(left),
            }
        }
        let items = self.db.claim(&self.run.id, &self.holder, now(self.db.cx) + LEASE, most.max(1)).await?;
        Ok(if items.is_empty() { More::Nothing } else { More::Items(items) })
    }

    async fn work(&self, mut item: Item) -> (Item, Result<(), Stop>) {
        let outcome = self.finish(&mut item).await;
        (item, outcome)
    }

    /// Brings an item to its end.
    async fn finish(&self, item: &mut Item) -> Result<(), Stop> {
        let sampled = match self.sampling.as_ref().filter(|_| item.work.at("sample").is_null()) {
            Some(sampling) => self.sample(sampling, item).await?,
            None => Ok(()),
        };
        match sampled {
            Ok(()) => {
                for (id, criterion) in &self.criteria {
                    if !is_graded(&item.work, id) {
                        self.grade(id, criterion, item).await?;
                    }
                }
            }
            Err(problem) => {
                if item.work.at("sample").is_null() {
                    item.work.put("sample", sample::empty());
                }
                item.work.at_mut("sample").put("error", problem.json());
                push(
                    &mut item.work,
                    "errors",
                    json!({"name": "sample", "code": problem.code, "message": problem.message}),
                );
            }
        }
        for name in ["asked", "answers"] {
            item.work.unset(name);
        }
        let failed = list(&item.work, "results").any(|result| *result.at("passed") != true);
        let errored = list(&item.work, "errors").next().is_some();
        item.stage = if errored {
            "error"
        } else if failed {
            "fail"
        } else {
            "pass"
        }
        .to_owned();
        self.save(item, 0).await.map(drop)
    }

    /// Writes an item that is still ours, and tells whether the run goes on.
    async fn save(&self, item: &Item, lease: i64) -> Result<bool, Stop> {
        match self.db.save(&self.run.id, &self.holder, lease, item).await.map_err(Stop::Failed)? {
            (true, going) => Ok(going),
            (false, _) => Err(Stop::Lost),
        }
    }

    /// Writes an item that is to go on.
    async fn note(&self, item: &mut Item) -> Result<(), Stop> {
        item.stage = "begun".to_owned();
        if self.save(item, now(self.db.cx) + LEASE).await? { Ok(()) } else { Err(Stop::Lost) }
    }

    /// Makes a request that is paid for, after noting that it will be, if it can end in time.
    async fn ask(
        &self,
        item: &mut Item,
        what: &str,
        spec: &'static Spec,
        body: &Value,
    ) -> Result<Result<Value, Problem>, Stop> {
        let cx = self.db.cx;
        loop {
            let asked = item.work.at("asked");
            let times = if text(asked, "what") == what { asked.at("times").as_u64().unwrap_or_default() } else { 0 };
            if times >= TRIES {
                lose(item, times);
                let text = format!(
                    "asked {times} times, and no answer came before the call had to end\n\
                     hint: data_source type `responses` samples in the background; a longer timeout of eval-run-wait helps, too"
                );
                return Ok(Err(Problem::new("timeout", text)));
            }
            let slowest = Duration::from_millis(self.slowest.load(Ordering::Relaxed));
            if cx.monotonic() + slowest > self.last || cx.requests_left() == 0 {
                self.save(item, 0).await?;
                return Err(Stop::Later);
            }
            item.work.put("asked", json!({"what": what, "times": times + 1}));
            self.note(item).await?;
            let begun = cx.monotonic();
            let answer = cx.send(spec, body.clone()).once().value();
            let answer = match select(Box::pin(answer), Box::pin(cx.sleep(LONGEST))).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => continue,
            };
            let took = u64::try_from(cx.monotonic().saturating_sub(begun).as_millis()).unwrap_or(u64::MAX);
            self.slowest.fetch_max(took, Ordering::Relaxed);
            let error = match answer {
                Ok(answer) => {
                    lose(item, times);
                    item.work.unset("faults");
                    spend(item, body, &answer);
                    return Ok(Ok(answer));
                }
                Err(error) => error,
            };
            if error.kind() == Kind::Connection {
                // Nobody knows whether it was carried out.
                continue;
            }
            // What was refused was not carried out.
            match times {
                0 => item.work.unset("asked"),
                _ => item.work.at_mut("asked").put("times", times.into()),
            }
            match error.limit() {
                Some(Limit::Account) => return Err(Stop::Hopeless(error)),
                // No wait makes room for it.
                Some(Limit::Request) => return Ok(Err(problem(error))),
                None => {}
            }
            match error.kind() {
                Kind::Key | Kind::Status(401..=404) => return Err(Stop::Hopeless(error)),
                Kind::Status(429) | Kind::Unsent => {}
                Kind::Status(status @ (408 | 409 | 500..)) => {
                    let faults = item.work.at("faults").as_u64().unwrap_or_default() + 1;
                    item.work.put("faults", faults.into());
                    // After a failure at OpenAI's end nobody knows what became of it.
                    if faults >= if status < 500 { FAULTS } else { TRIES } {
                        return Ok(Err(problem(error)));
                    }
                }
                _ => return Ok(Err(problem(error))),
            }
            // Whoever goes on must not take it for lost.
            self.note(item).await?;
            return Err(Stop::Limited(error));
        }
    }

    async fn sample(&self, sampling: &Sampling, item: &mut Item) -> Result<Result<(), Problem>, Stop> {
        let prompt = match sampling.prompt(item.doc.at("item")) {
            Ok(prompt) => prompt,
            Err(problem) => return Ok(Err(problem)),
        };
        let mut body = if sampling.background { prompt.response() } else { prompt.chat() };
        let mut sample = sample::asked(sampling, &body);
        let read = if sampling.background {
            body.put("background", true.into());
            body.put("store", true.into());
            body.put("metadata", json!({"eval_run_id": self.run.id, "output_item_id": item.id}));
            match self.respond(&body, item).await? {
                Ok(response) => sample::by_response(&mut sample, &response),
                Err(problem) => return Ok(Err(problem)),
            }
        } else {
            match self.ask(item, "sample", &ChatCreate::SPEC, &body).await? {
                Ok(answer) => sample::by_chat(&mut sample, &answer),
                Err(problem) => return Ok(Err(problem)),
            }
        };
        if sample.to_string().len() > WIDEST {
            item.work.unset("response");
            return Ok(Err(Problem::new("too_long", format!("the answer has more than {WIDEST} bytes"))));
        }
        item.work.put("sample", sample);
        Ok(read)
    }

    /// Has a response made in the background, or finds the one that is, and waits for its end.
    async fn respond(&self, body: &Value, item: &mut Item) -> Result<Result<Value, Problem>, Stop> {
        let cx = self.db.cx;
        let begun = cx.monotonic();
        let known = item.work.at("response").as_str().map(str::to_owned);
        let mut response = match &known {
            Some(id) => json!({"id": id, "status": "queued"}),
            None => {
                let response = match self.ask(item, "sample", &ResponseCreate::SPEC, body).await? {
                    Ok(response) => response,
                    Err(problem) => return Ok(Err(problem)),
                };
                item.work.put("response", response.at("id").clone());
                self.note(item).await?;
                response
            }
        };
        let id = text(&response, "id").to_owned();
        // One that an earlier driver asked for may be done by now.
        let mut pause = known.is_none();
        while matches!(text(&response, "status"), "queued" | "in_progress") {
            if pause {
                let now = cx.monotonic();
                if cx.left(self.until).is_zero() || now.saturating_sub(begun) > LONGEST {
                    self.save(item, 0).await?;
                    return Err(Stop::Later);
                }
                cx.sleep(cx.poll_pause().min(self.until.saturating_sub(now))).await;
            }
            pause = true;
            response = match cx.send(&ResponseGet::SPEC, json!({"response_id": id})).value().await {
                Ok(response) => response,
                Err(error) => match error.kind() {
                    Kind::Status(400 | 404) => return Ok(Err(problem(error))),
                    Kind::Key | Kind::Status(401..=403) => return Err(Stop::Hopeless(error)),
                    _ => return Err(Stop::Limited(error)),
                },
            };
            // What was begun in the background tells at its end what it used.
            spend(item, body, &response);
        }
        Ok(Ok(response))
    }

    /// Grades an item by a criterion.
    async fn grade(&self, id: &str, criterion: &Arc<Criterion>, item: &mut Item) -> Result<(), Stop> {
        let doc = item.doc.clone();
        let sample = sample::named(item.work.at("sample"), doc.get("sample"));
        let names = Names { item: doc.at("item"), sample: sample.as_ref() };
        let questions = match criterion.questions(names) {
            Ok(questions) => questions,
            Err(error) => {
                fail(&mut item.work, id, error.code.name(), &error.message);
                return Ok(());
            }
        };
        let mut answers = Vec::new();
        for (at, question) in questions.iter().enumerate() {
            let kept = item.work.at("answers").at(id).get(at).cloned();
            let kept = match kept {
                Some(kept) => kept,
                None => {
                    let (spec, body) = grade::request(question);
                    let answer = self.ask(item, &format!("{id} {at}"), spec, &body).await?;
                    match answer.and_then(|answer| grade::keep(question, &answer)) {
                        Ok(kept) => {
                            push(item.work.at_mut("answers"), id, kept.clone());
                            kept
                        }
                        Err(problem) => {
                            fail(&mut item.work, id, &problem.code, &problem.message);
                            return Ok(());
                        }
                    }
                }
            };
            answers.push(grade::answer(&kept));
        }
        let by = criterion.clone();
        let graded = move || by.grade(Names { item: doc.at("item"), sample: sample.as_ref() }, &answers);
        match self.db.cx.compute(graded).await.map_err(Stop::Failed)? {
            Ok(graded) => {
                let mut result = Value::Object(graded.json());
                result.put("name", id.into());
                result.put("type", format!("{}-grader", criterion.kind().replace('_', "-")).into());
                push(&mut item.work, "results", result);
            }
            Err(error) => fail(&mut item.work, id, error.code.name(), &error.message),
        }
        Ok(())
    }
}

/// Whether a criterion has done what it can.
fn is_graded(work: &Value, id: &str) -> bool {
    ["results", "errors"].into_iter().any(|done| list(work, done).any(|one| text(one, "name") == id))
}

fn fail(work: &mut Value, id: &str, code: &str, message: &str) {
    push(work, "errors", json!({"name": id, "code": code, "message": message}));
}

fn problem(error: Error) -> Problem {
    let code = match error.kind() {
        Kind::Status(status) => format!("http_{status}"),
        Kind::Arguments => "request".to_owned(),
        _ => "answer".to_owned(),
    };
    Problem { code, message: error.into_text() }
}

/// Appends to a list, which may not be there yet.
fn push(value: &mut Value, name: &str, item: Value) {
    let list = value.at_mut(name);
    match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

/// Forgets what was asked, and counts how often it was asked for nothing.
fn lose(item: &mut Item, times: u64) {
    item.work.unset("asked");
    if times > 0 {
        let lost = item.work.at("lost").as_u64().unwrap_or_default() + times;
        item.work.put("lost", lost.into());
    }
}

/// Counts what a request used. A response that is not done tells nothing, and is counted when it is.
fn spend(item: &mut Item, body: &Value, answer: &Value) {
    if !answer.at("usage").is_object() {
        return;
    }
    let model = answer.at("model").as_str().unwrap_or_else(|| text(body, "model")).to_owned();
    let used = sample::usage(answer);
    item.tokens += used.at("total_tokens").as_i64().unwrap_or_default();
    let all = item.work.at_mut("usage").at_mut(&model);
    for (name, count) in used.as_object().into_iter().flatten() {
        let sum = all.at(name).as_i64().unwrap_or_default() + count.as_i64().unwrap_or_default();
        all.put(name, sum.into());
    }
}
