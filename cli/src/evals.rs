//! `openai-mcp evals`: evals from files, for a terminal and for CI.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use futures_util::future::{Either, select};
use openai_mcp::SERVERS;
use openai_mcp_graders::import::{self, File, Imported, ImportedRun};
use openai_mcp_graders::statistics::rate;
use openai_mcp_kernel::server::Service;
use openai_mcp_native::run::{self, Host, Usual};
use openai_mcp_native::say;
use serde_json::{Map, Value, json};

use crate::names::find;
use crate::options::Options;
use crate::{call, media, out};

/// What to do with evals.
#[derive(Subcommand)]
pub(crate) enum Evals {
    /// Run an eval that is in a file, and print what came out
    ///
    /// FILE is JSON or YAML: {eval: arguments of eval-create, run: arguments of eval-run-create, data: a file of rows},
    /// with `runs` for several; or a configuration of promptfoo; or rows of openai/evals. Files that it names are read
    /// beside it. The status is 0 if all runs came to their end and reached --fail-under, 1 if not, 2 if nothing was run.
    Run(Run),
    /// Write a report of runs of an eval, or print it
    Report(Report),
    /// Take in evals and runs that were exported from OpenAI or written for others
    ///
    /// Says what is in the files. Without --apply nothing is changed.
    Import(Import),
}

#[derive(Args)]
pub(crate) struct Run {
    /// The eval
    file: PathBuf,
    /// The model of runs that name none
    #[arg(long)]
    model: Option<String>,
    /// The model that grades where a configuration of promptfoo leaves it open
    #[arg(long, value_name = "MODEL", default_value = "gpt-4o")]
    judge: String,
    /// Samples of each item
    #[arg(long, value_name = "N")]
    repeats: Option<u32>,
    /// Items at work at once
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// End each run when it has used so many tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<u64>,
    /// Say what would be asked and how often, and spend nothing
    #[arg(long)]
    check: bool,
    /// Fail if a run has a lower part of its items passed, or an item that could not be graded: from 0 to 1
    #[arg(long, value_name = "RATE", value_parser = part)]
    fail_under: Option<f64>,
    /// Write a report into this new file: .html, .md, .csv, .jsonl, .png or .xml (JUnit)
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    report: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
pub(crate) struct Report {
    /// The eval's id
    eval: String,
    /// The runs' ids; each but the first is compared with the first
    #[arg(required = true)]
    runs: Vec<String>,
    /// Write it into this new file: .html, .md, .csv, .jsonl, .png or .xml (JUnit)
    #[arg(long, value_name = "FILE")]
    save_to: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
pub(crate) struct Import {
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Do it, after a look at what it says without
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    options: Options,
}

/// A part of a whole.
fn part(text: &str) -> Result<f64, String> {
    let part = text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| "expected a number from 0 to 1, as 0.9".to_owned())
}

/// Does what was asked for.
pub(crate) fn run(evals: &Evals) -> ExitCode {
    let mut failed = false;
    let status = run::finish(async {
        let end = run::ended().map_err(|error| format!("cannot wait for signals: {error}"))?;
        let work = async {
            match evals {
                Evals::Run(run) => run_all(run).await,
                Evals::Report(report) => write_report(report).await,
                Evals::Import(import) => take_in(import).await,
            }
        };
        failed = match select(pin!(work), pin!(end)).await {
            Either::Left((result, _)) => result?,
            Either::Right(_) => {
                return Err(
                    "interrupted\nhint: what was begun is kept; eval-run-list shows it and eval-run-wait goes on"
                        .into(),
                );
            }
        };
        Ok(())
    });
    if failed { ExitCode::FAILURE } else { status }
}

/// The server of evals in this process.
struct Server(Arc<Service>);

impl Server {
    /// `written` is a file that a tool is to write.
    async fn new(options: &Options, written: Option<&Path>) -> Result<(Self, Option<String>), String> {
        let mut options = options.all();
        let mut place = None;
        if let Some(written) = written {
            let (path, folder) = media::place(written)?;
            options.also.push(folder);
            place = Some(path);
        }
        let host = Host::new(&options, SERVERS, Usual::Own).await?;
        if !host.has_key() {
            return Err("no OpenAI key: set OPENAI_API_KEY, or add --sandbox to try it offline".into());
        }
        Ok((Server(host.service(find("evals")?)?), place))
    }

    /// What a tool answers.
    async fn tool(&self, name: &str, arguments: &Value) -> Result<Value, String> {
        let result =
            call::finish(call::begin(&self.0, call::message(name, &arguments.to_string())).await, name).await?;
        let text = || {
            let blocks = result.get("content").and_then(Value::as_array).into_iter().flatten();
            blocks.filter_map(|block| block.get("text")?.as_str()).collect::<Vec<_>>().join("\n\n")
        };
        if result.get("isError") == Some(&Value::Bool(true)) {
            return Err(format!("{name}: {}", text()));
        }
        Ok(result.get("structuredContent").cloned().unwrap_or_else(|| text().into()))
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The eval in a file, and the files that it names.
fn load(path: &Path, judge: &str) -> Result<Vec<Imported>, String> {
    let text = read(path)?;
    let name = path.display().to_string();
    let mut texts = BTreeMap::from([(name.clone(), text)]);
    let first = File { name: &name, text: texts.get(&name).map_or("", String::as_str) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside: Vec<(String, PathBuf)> =
        import::named(first).into_iter().map(|named| (named.clone(), folder.join(named))).collect();
    for (named, path) in beside {
        // What is not there is told of with its place.
        if path.is_file() {
            texts.insert(named, read(&path)?);
        }
    }
    let files: Vec<File<'_>> = texts.iter().map(|(name, text)| File { name, text }).collect();
    let found = import::read(&files, judge);
    for other in &found.untaken {
        say(&format!("not taken: {} {}: {}", other.file, other.path, other.reason));
    }
    if found.evals.is_empty() {
        return Err(format!("{name}: there is no eval to run"));
    }
    Ok(found.evals)
}

/// A run that has come to its end, or what it would be.
struct Done {
    name: String,
    object: Value,
}

impl Done {
    fn count(&self, name: &str) -> usize {
        let count = self.object.get("result_counts").and_then(|counts| counts.get(name)?.as_u64());
        count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
    }

    fn tokens(&self) -> u64 {
        let usage = self.object.get("per_model_usage").and_then(Value::as_array).into_iter().flatten();
        usage.filter_map(|model| model.get("total_tokens")?.as_u64()).sum()
    }

    /// Whether it is worse than what is asked for.
    fn is_failed(&self, least: Option<f64>) -> bool {
        let (passed, failed) = (self.count("passed"), self.count("failed"));
        let completed = self.object.get("status").and_then(Value::as_str) == Some("completed");
        let reached = |least: f64| {
            let rate = rate(passed, passed + failed).map_or(0.0, |rate| rate.value);
            rate >= least && self.count("errored") == 0
        };
        !completed || least.is_some_and(|least| !reached(least))
    }
}

/// Endings of reports.
const REPORTS: [&str; 7] = ["html", "htm", "md", "csv", "jsonl", "png", "xml"];

async fn run_all(run: &Run) -> Result<bool, String> {
    let evals = load(&run.file, &run.judge)?;
    if let Some(path) = &run.report {
        media::check(path, false)?;
        // Told before anything is spent.
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        if !REPORTS.contains(&ending.as_str()) {
            return Err(format!(
                "--report: expected a file that ends in {}, got {}",
                REPORTS.join(", "),
                path.display()
            ));
        }
    }
    let (server, place) = Server::new(&run.options, run.report.as_deref()).await?;
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for (number, Imported { create, runs }) in evals.into_iter().enumerate() {
        let eval = match server.tool("eval-create", &Value::Object(create)).await {
            Ok(eval) => eval,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let id = member(&eval, "id");
        let mut ids = Vec::new();
        for request in runs {
            let outcome = match request {
                ImportedRun::Create(request) => one(&server, run, id, request).await,
                ImportedRun::Done { .. } => {
                    Err("the file holds runs that were done: take them in by `openai-mcp evals import`".into())
                }
            };
            match outcome {
                Ok(done) => {
                    ids.push(member(&done.object, "id").to_owned());
                    all.push(done);
                }
                Err(problem) => problems.push(problem),
            }
        }
        let ended = if run.check {
            server.tool("eval-delete", &json!({"eval_id": id})).await
        } else if let (Some(place), false) = (&place, ids.is_empty()) {
            let place = media::numbered(Path::new(place), number).display().to_string();
            server.tool("eval-run-report", &json!({"eval_id": id, "run_ids": ids, "save_to": place})).await
        } else {
            continue;
        };
        problems.extend(ended.err());
    }
    if all.is_empty() {
        return Err(problems.into_iter().next().unwrap_or_else(|| "there is no run to make".into()));
    }
    // What was run is told of, whatever became of the rest.
    for problem in &problems {
        say(&format!("error: {problem}"));
    }
    if run.check {
        let texts: Vec<String> = all.iter().map(|done| format!("{}: {}\n", done.name, done.object)).collect();
        out::write(&texts.concat())?;
        return Ok(!problems.is_empty());
    }
    out::write(&table(&all))?;
    Ok(!problems.is_empty() || all.iter().any(|done| done.is_failed(run.fail_under)))
}

/// Makes a run and waits for its end.
async fn one(server: &Server, run: &Run, eval: &str, mut request: Map<String, Value>) -> Result<Done, String> {
    request.insert("eval_id".to_owned(), eval.into());
    let given = [
        ("repeats", run.repeats.map(Value::from)),
        ("concurrency", run.concurrency.map(Value::from)),
        ("max_tokens", run.max_tokens.map(Value::from)),
        ("check", run.check.then(|| "only".into())),
        ("full", Some(true.into())),
    ];
    request.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    if let (Some(model), Some(source)) = (&run.model, request.get_mut("data_source").and_then(Value::as_object_mut))
        && source.contains_key("input_messages")
    {
        source.entry("model").or_insert_with(|| model.as_str().into());
    }
    let model = request.get("data_source").map(|source| member(source, "model").to_owned()).unwrap_or_default();
    let name = request.get("name").and_then(Value::as_str).map_or(model, str::to_owned);
    let made = server.tool("eval-run-create", &Value::Object(request)).await?;
    if run.check {
        return Ok(Done { name, object: made });
    }
    let again = json!({"eval_id": eval, "run_id": member(&made, "id"), "full": true});
    loop {
        let waited = server.tool("eval-run-wait", &again).await?;
        if waited.get("done") == Some(&Value::Bool(true)) {
            let object = waited.get("object").cloned().unwrap_or_default();
            return Ok(Done { name, object });
        }
    }
}

fn member<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn table(all: &[Done]) -> String {
    let wide = all.iter().map(|done| done.name.chars().count()).max().unwrap_or_default().max(3);
    let mut table = format!("{:wide$}  passed  failed  errors    rate  95 % interval     tokens  id\n", "run");
    for done in all {
        let (passed, failed, errored) = (done.count("passed"), done.count("failed"), done.count("errored"));
        let shown = rate(passed, passed + failed).map_or_else(String::new, |rate| {
            format!("{:5.1} %  {:5.1} to {:5.1} %", rate.value * 100.0, rate.low * 100.0, rate.high * 100.0)
        });
        let id = member(&done.object, "id");
        let tokens = done.tokens();
        table.push_str(&format!(
            "{:wide$}  {passed:6}  {failed:6}  {errored:6}  {shown:26}  {tokens:8}  {id}\n",
            done.name
        ));
        if let Some(error) = done.object.get("error").filter(|error| !error.is_null()) {
            table.push_str(&format!("  {}: {}\n", member(error, "code"), member(error, "message")));
        }
    }
    table
}

async fn write_report(report: &Report) -> Result<bool, String> {
    let (server, place) = Server::new(&report.options, report.save_to.as_deref()).await?;
    let mut arguments = json!({"eval_id": report.eval, "run_ids": report.runs});
    if let (Some(place), Some(members)) = (place, arguments.as_object_mut()) {
        members.insert("save_to".to_owned(), place.into());
    }
    told(&server.tool("eval-run-report", &arguments).await?)
}

async fn take_in(import: &Import) -> Result<bool, String> {
    let mut files = Vec::new();
    for path in &import.files {
        files.push(json!({"filename": path.display().to_string(), "text": read(path)?}));
    }
    let (server, _) = Server::new(&import.options, None).await?;
    told(&server.tool("eval-import", &json!({"files": files, "apply": import.apply})).await?)
}

fn told(answer: &Value) -> Result<bool, String> {
    let text = answer.get("report").unwrap_or(answer);
    let text = text.as_str().map_or_else(|| serde_json::to_string_pretty(answer).unwrap_or_default(), str::to_owned);
    out::write(&format!("{}\n", text.trim_end()))?;
    Ok(false)
}
