//! Runs, as tools ask for them; [`engine`] makes them go.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use openai_mcp_graders::template::Names;
use openai_mcp_graders::{Api, Criterion};
use openai_mcp_kernel::json;
use openai_mcp_kernel::json_schema;
use openai_mcp_kernel::prelude::*;

use super::db::{Db, Item, New, Run};
use super::evals::Python;
use super::source::{self, Row, Sampling, Source};
use super::upstream::ResponseCancel;
use super::{Args, Members as _, engine, evals, given, id, list as each, now, sample, text};

/// How long creating a run and looking at one drives it.
const SLICE: Duration = Duration::from_secs(5);
/// How long the items of a run may take to be written, in seconds.
pub(super) const LOADING: i64 = 900;
/// Items that are held before they are written, and their bytes.
const HELD: (usize, usize) = (500, 4 * 1024 * 1024);
/// Items of a run that are copied at once.
const COPIED: usize = 20;
/// Faulty rows that are told of.
const TOLD: usize = 10;
/// Most bytes of an item, and of the sample that it comes with.
const WIDEST: usize = 600_000;
/// Tokens that an answer is taken to have where nothing limits it.
const ANSWER: i64 = 300;
/// Bytes of a token, on average.
const TOKEN: usize = 4;
/// Requests that are made at once to cancel what is in the background.
const CANCELS: usize = 4;

/// What is asked for by a data source, once it is checked.
struct Wish {
    sampling: Option<Sampling>,
    source: Source,
}

async fn wish(cx: &Context, data: &mut Value) -> Result<Wish> {
    let mut faults = Vec::new();
    source::even(data);
    let sampling = Sampling::read(data, &mut faults);
    if !faults.is_empty() {
        return Err(Error::arguments(&faults));
    }
    Ok(Wish { sampling, source: Source::open(cx, data).await? })
}

fn is_wide(value: &Value) -> bool {
    value.to_string().len() > WIDEST
}

/// The rows of a data source that are as an eval wants them, in pieces; all that is wrong with the others.
struct Checked<'a> {
    schema: &'a Value,
    source: Source,
    count: usize,
    faults: Vec<String>,
}

impl Checked<'_> {
    async fn next(&mut self) -> Result<Option<Row>> {
        while let Some(row) = self.source.next().await? {
            self.count += 1;
            let faults = match row {
                Ok(row) if [Some(&row.item), row.sample.as_ref()].into_iter().flatten().any(is_wide) => {
                    vec![format!("the row has more than {WIDEST} bytes")]
                }
                Ok(row) => match json_schema::faults(self.schema, &row.item) {
                    faults if faults.is_empty() => return Ok(Some(row)),
                    faults => faults,
                },
                Err(fault) => vec![fault],
            };
            let row = self.count;
            self.faults.extend(faults.into_iter().map(|fault| format!("row {row}: {fault}")));
            if self.faults.len() >= TOLD {
                break;
            }
        }
        if self.count == 0 {
            self.faults.push("there are no rows".to_owned());
        }
        match self.faults.is_empty() {
            true => Ok(None),
            false => Err(Error::argument("data_source.source", self.faults.join("\n"))),
        }
    }
}

/// Tokens that an item takes: what is asked, an answer, and as much for each model that grades.
fn estimate(eval: &Value, sampling: Option<&Sampling>, row: &Row) -> i64 {
    let tokens = |bytes: usize| i64::try_from(bytes / TOKEN).unwrap_or(i64::MAX);
    let limit = |params: &Value| {
        let names = ["max_completion_tokens", "max_completions_tokens"];
        names.into_iter().find_map(|name| params.at(name).as_i64()).unwrap_or(ANSWER)
    };
    let mut sum = 0;
    if let Some(sampling) = sampling {
        let asked = sampling.prompt(&row.item).map_or(0, |prompt| prompt.chat().to_string().len());
        let names = ["max_completion_tokens", "max_completions_tokens"];
        let answer = names.into_iter().find_map(|name| sampling.param(name)?.as_i64()).unwrap_or(ANSWER);
        sum += tokens(asked) + answer;
    }
    for criterion in each(eval, "testing_criteria").filter(|one| text(one, "type").ends_with("_model")) {
        sum += tokens(criterion.at("input").to_string().len() + row.item.to_string().len());
        sum += limit(criterion.at("sampling_params"));
    }
    sum
}

pub(crate) async fn create(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let eval = db.eval(given(&args, "eval_id")?).await?;
    let mut args = Value::Object(args);
    let Wish { sampling, source } = wish(cx, args.at_mut("data_source")).await?;
    let data = args.at("data_source");
    let (run_id, base) = (id("evalrun_", cx.random()), cx.random());
    let doc = json!({
        "id": run_id, "object": "eval.run", "eval_id": eval.at("id"), "created_at": now(cx), "report_url": "",
        "name": args.at("name").as_str().unwrap_or_default(), "model": text(data, "model"),
        "metadata": args.get("metadata").filter(|it| !it.is_null()).unwrap_or(&json!({})), "data_source": data,
    });
    let repeats = args.at("repeats").as_u64().unwrap_or(1);
    let mut work = json!({"criteria": eval.at("testing_criteria"), "sampled": sampling.is_some()});
    for name in ["concurrency", "max_tokens"] {
        if !args.at(name).is_null() {
            work.put(name, args.at(name).clone());
        }
    }
    db.add_run(&doc, &work, now(cx) + LOADING).await?;
    let mut rows = Checked { schema: item_schema(&eval), source, count: 0, faults: Vec::new() };
    let (mut items, mut made, mut bytes) = (Vec::new(), 0u128, 0);
    let loaded = async {
        while let Some(row) = rows.next().await? {
            if made == 0 {
                work.put("estimate", estimate(&eval, sampling.as_ref(), &row).into());
            }
            for repeat in 0..repeats {
                let mut item = New {
                    id: id("outputitem_", base.wrapping_add(made)),
                    row: rows.count - 1,
                    stage: "new",
                    doc: json!({"item": row.item}),
                    work: json!({}),
                };
                if repeats > 1 {
                    item.doc.put("repeat", (repeat + 1).into());
                }
                // What is sampled anew has no other sample.
                if let (Some(given), None) = (&row.sample, &sampling) {
                    item.work.put("sample", sample::given(given));
                    item.doc.put("sample", given.clone());
                }
                bytes += item.doc.to_string().len();
                items.push(item);
                made += 1;
            }
            if items.len() >= HELD.0 || bytes >= HELD.1 {
                db.add_items(&run_id, &std::mem::take(&mut items)).await?;
                bytes = 0;
            }
        }
        db.add_items(&run_id, &items).await
    };
    if let Err(error) = loaded.await {
        db.delete_run(text(&eval, "id"), &run_id).await?;
        return Err(error);
    }
    begin(&db, &doc, &work).await
}

/// Lets a run begin whose items are all there, and drives it for a while.
pub(super) async fn begin(db: &Db<'_>, doc: &Value, work: &Value) -> Result<Value> {
    let (eval, run) = (text(doc, "eval_id"), text(doc, "id"));
    db.loaded(doc, work, ("queued", &Value::Null)).await?;
    let begun = db.run(eval, run).await?;
    engine::go(db, &begun, db.cx.monotonic() + SLICE).await?;
    show(db, &db.run(eval, run).await?).await
}

/// A run of what another run has sampled.
pub(crate) struct Again {
    pub(crate) eval: String,
    pub(crate) run: String,
    /// Instead of those that the eval has.
    pub(crate) criteria: Option<Value>,
    /// What has a result keeps it; the rest is sampled where that is to be done, and graded, by the same criteria.
    pub(crate) errors_only: bool,
    pub(crate) name: Option<String>,
}

/// Grades again what a run has sampled, in a run of its own.
pub(crate) async fn again(cx: &Context, again: Again) -> Result<Value> {
    let db = Db::open(cx)?;
    let Again { eval, run, criteria, errors_only, name } = again;
    let eval = db.eval(&eval).await?;
    let old = db.run(text(&eval, "id"), &run).await?;
    if old.is_going() || old.status == "loading" {
        let problem = format!("'{run}' has not ended\nhint: eval-run-wait waits for its end, eval-run-cancel ends it");
        return Err(Error::argument("run_id", problem));
    }
    let criteria = match (criteria, errors_only) {
        (_, true) => old.work.at("criteria").clone(),
        (None, false) => eval.at("testing_criteria").clone(),
        (Some(given), false) => {
            let mut faults = Vec::new();
            let criteria = evals::criteria(cx, &given, Api::Evals, Python::Refused, &mut faults);
            if !faults.is_empty() {
                return Err(Error::arguments(&faults));
            }
            criteria
        }
    };
    let (run_id, base) = (id("evalrun_", cx.random()), cx.random());
    let mut doc = old.doc.clone();
    doc.put("id", run_id.as_str().into());
    doc.put("created_at", now(cx).into());
    doc.unset("per_model_usage");
    doc.put("name", name.unwrap_or_else(|| format!("{} again", text(&old.doc, "name")).trim().to_owned()).into());
    let mut work = old.work.clone();
    work.put("criteria", criteria);
    work.put("sampled", (errors_only && *old.work.at("sampled") == true).into());
    db.add_run(&doc, &work, now(cx) + LOADING).await?;
    let copied = async {
        let (mut made, mut page) = (0, json!({"limit": COPIED}).as_object().cloned().unwrap_or_default());
        loop {
            let (items, has_more) = db.items(&old.id, &page, true).await?;
            let copies = items.iter().map(|item| {
                let copy = copy(item, errors_only, id("outputitem_", base.wrapping_add(made)));
                made += 1;
                copy
            });
            db.add_items(&run_id, &copies.collect::<Vec<_>>()).await?;
            match items.last() {
                Some(last) if has_more => drop(page.insert("after".to_owned(), last.id.as_str().into())),
                _ => return Ok(()),
            }
        }
    };
    if let Err(error) = copied.await {
        db.delete_run(&old.eval, &run_id).await?;
        return Err(error);
    }
    begin(&db, &doc, &work).await
}

/// An item that is to be graded again: its sample, and where only errors are looked at also its results.
fn copy(item: &Item, errors_only: bool, id: String) -> New {
    let mut work = json!({});
    let sample = item.work.at("sample");
    if !sample.is_null() && sample.at("error").is_null() {
        work.put("sample", sample.clone());
    }
    if errors_only {
        for name in ["results", "response"].into_iter().filter(|name| !item.work.at(name).is_null()) {
            work.put(name, item.work.at(name).clone());
        }
        // A response that failed is not to be looked at again.
        if !sample.is_null() {
            work.unset("response");
        }
    }
    let stage = match item.stage.as_str() {
        "pass" if errors_only => "pass",
        "fail" if errors_only => "fail",
        _ => "new",
    };
    New { id, row: usize::try_from(item.row).unwrap_or_default(), stage, doc: item.doc.clone(), work }
}

/// The schema of an eval's items.
fn item_schema(eval: &Value) -> &Value {
    const ANY: &Value = &Value::Bool(true);
    eval.pointer("/data_source_config/schema/properties/item").unwrap_or(ANY)
}

/// What a run would do: how many items and requests, the first prompt, about how many tokens. Nothing is kept.
pub(crate) async fn check(cx: &Context) -> Result<Value> {
    let args: Args = cx.arguments().read()?;
    let eval = Db::open(cx)?.eval(given(&args, "eval_id")?).await?;
    let mut args = Value::Object(args);
    let Wish { sampling, source } = wish(cx, args.at_mut("data_source")).await?;
    let mut rows = Checked { schema: item_schema(&eval), source, count: 0, faults: Vec::new() };
    let repeats = args.at("repeats").as_u64().unwrap_or(1) as usize;
    let (mut shown, mut tokens, mut faults) = (json!({}), 0, Vec::new());
    let models = each(&eval, "testing_criteria").filter(|one| text(one, "type").ends_with("_model")).count();
    while let Some(row) = rows.next().await? {
        tokens += estimate(&eval, sampling.as_ref(), &row);
        if rows.count == 1 {
            if let Some(sampling) = &sampling {
                match sampling.prompt(&row.item) {
                    Ok(prompt) => shown.put("first_prompt", prompt.chat().at("messages").clone()),
                    Err(problem) => faults.push(problem.message),
                }
            } else {
                let sample = row.sample.as_ref().map(sample::given);
                let named = sample.as_ref().and_then(|made| sample::named(made, row.sample.as_ref()));
                let names = Names { item: &row.item, sample: named.as_ref() };
                for criterion in each(&eval, "testing_criteria") {
                    let read = Criterion::read(criterion, "", Api::Evals).ok();
                    faults.extend(read.and_then(|one| one.questions(names).err()).map(|error| error.message));
                }
            }
        }
    }
    let items = rows.count * repeats;
    let requests = items * (models + usize::from(sampling.is_some()));
    for (name, value) in [
        ("items", json!(items)),
        ("model_requests", json!(requests)),
        ("estimated_tokens", json!(tokens * repeats as i64)),
    ] {
        shown.put(name, value);
    }
    if !faults.is_empty() {
        shown.put("first_item_faults", json!(faults));
    }
    Ok(shown)
}

/// A run as the API shows it.
pub(super) async fn show(db: &Db<'_>, run: &Run) -> Result<Value> {
    let mut shown = run.doc.clone();
    let status = if run.status == "loading" { "queued" } else { &run.status };
    shown.put("status", status.into());
    shown.put("error", run.error.clone());
    if let Value::Object(tally) = db.tally(&run.id).await? {
        for (name, value) in tally {
            // What a run that was imported used is known of it as a whole.
            if !(name == "per_model_usage" && shown.at(&name).is_array()) {
                shown.put(&name, value);
            }
        }
    }
    Ok(shown)
}

/// A run as it stands.
pub(crate) async fn seen(cx: &Context, run: &Value) -> Result<Value> {
    let db = Db::open(cx)?;
    show(&db, &db.run(text(run, "eval_id"), text(run, "run_id")).await?).await
}

pub(crate) async fn list(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let eval = given(&args, "eval_id")?;
    db.eval(eval).await?;
    let (runs, has_more) = db.runs(eval, &args).await?;
    let mut data = Vec::with_capacity(runs.len());
    for run in &runs {
        data.push(show(&db, run).await?);
    }
    Ok(json::page(data, has_more))
}

pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let (eval, run) = (given(&args, "eval_id")?, given(&args, "run_id")?);
    engine::go(&db, &db.run(eval, run).await?, cx.monotonic() + SLICE).await?;
    show(&db, &db.run(eval, run).await?).await
}

pub(crate) async fn cancel(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let (eval, run) = (given(&args, "eval_id")?, given(&args, "run_id")?);
    db.run(eval, run).await?;
    if db.end(run, "canceled", &Value::Null).await? {
        let responses = db.responses(run).await?;
        let cancels = responses
            .iter()
            .take(cx.requests_left())
            .map(|response| cx.send(&ResponseCancel::SPEC, json!({"response_id": response})).bytes());
        // One that has ended meanwhile cannot be cancelled.
        stream::iter(cancels.collect::<Vec<_>>()).buffer_unordered(CANCELS).for_each(|_| async {}).await;
    }
    show(&db, &db.run(eval, run).await?).await
}

pub(crate) async fn delete(cx: &Context, args: Args) -> Result<Value> {
    let (eval, run) = (given(&args, "eval_id")?, given(&args, "run_id")?);
    Db::open(cx)?.delete_run(eval, run).await?;
    Ok(json!({"object": "eval.run.deleted", "deleted": true, "run_id": run}))
}
