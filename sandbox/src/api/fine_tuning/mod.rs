//! `/fine_tuning`.
//!
//! # Where it differs from the API
//!
//! - Jobs learn nothing, in a few seconds: a job validates its files for 0.4 s, is queued as long, and runs for 2.4 s,
//!   whatever there is to train; with `"sandbox_ms": "320"` in its metadata all takes a tenth of that. A pause stops its
//!   clock. Checkpoints come at the end of the last three epochs.
//! - Its curves are made up: they fall, and validation loss rises again at the end, as with too many epochs.
//! - Reinforcement takes `o4-mini`, which has been shut down, since no other model is known to take it.

mod graders;

use std::time::{Duration, Instant};

use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use openai_mcp_studio::hash::fnv1a;
use serde_json::{Map, Value, json};

use crate::api::files;
use crate::content::Content;
use crate::crud::{Collection, Verb};
use crate::engine::catalog;
use crate::error::{Error, Result};
use crate::json::text;
use crate::params::{Json, Params, Query};
use crate::shelf::{Paging, Shelf};
use crate::world::{Account, Caller, World, now};

const VALIDATED: Duration = Duration::from_millis(400);
const STARTED: Duration = Duration::from_millis(800);
const ENDED: Duration = Duration::from_millis(3200);
const FEWEST: usize = 10;
/// How the models begin that can be fine-tuned.
const MODELS: &[&str] = &["gpt-4.1", "gpt-4o"];
/// The one that learns by reinforcement.
const REASONING: &str = "o4-mini";
const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];

static PERMISSIONS: Collection = Collection {
    path: "/fine_tuning/checkpoints/{checkpoint}/permissions",
    serves: &[Verb::List, Verb::Delete],
    object: "checkpoint.permission",
    prefix: "cp_",
    fields: &[],
    paging: Paging { usual: 10, most: 1000, orders: ["ascending", "descending"], ..Paging::NEWEST },
    filters: &["project_id"],
    deleted: "checkpoint.permission",
    missing: |id| Error::not_found(format!("No permission found with id '{id}'.")),
};

#[derive(Default)]
struct Jobs(Shelf<Job>);

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/fine_tuning/jobs", get(list).post(create))
        .route("/fine_tuning/jobs/{id}", get(retrieve))
        .route("/fine_tuning/jobs/{id}/cancel", post(cancel))
        .route("/fine_tuning/jobs/{id}/pause", post(pause))
        .route("/fine_tuning/jobs/{id}/resume", post(resume))
        .route("/fine_tuning/jobs/{id}/events", get(events))
        .route("/fine_tuning/jobs/{id}/checkpoints", get(checkpoints))
        .route("/fine_tuning/alpha/graders/run", post(graders::run))
        .route("/fine_tuning/alpha/graders/validate", post(graders::validate))
}

/// Permissions are the organization's.
pub(crate) fn permissions() -> Router {
    PERMISSIONS.routes().route(PERMISSIONS.path, post(create_permissions))
}

/// What keeps a job from running: code, parameter, message.
type Flaw = (&'static str, &'static str, String);

struct Job {
    created_at: u64,
    model: String,
    training_file: String,
    validation_file: Option<String>,
    method: &'static str,
    settings: Map<String, Value>,
    seed: u64,
    suffix: String,
    metadata: Option<Map<String, Value>>,
    integrations: Value,
    examples: u64,
    bytes: u64,
    flaw: Option<Flaw>,
    began: Instant,
    /// When it was paused, while it is.
    paused: Option<Instant>,
    /// How long it was paused before.
    rested: Duration,
    /// How far it was when it was cancelled.
    cancelled: Option<Duration>,
    finished_at: Option<u64>,
    result: Option<String>,
    /// What callers did: how far the job was, and the message.
    acts: Vec<(Duration, &'static str)>,
}

impl Job {
    fn age(&self) -> Duration {
        let age = self.paused.unwrap_or_else(Instant::now).saturating_duration_since(self.began);
        let pace =
            self.metadata.as_ref().and_then(|metadata| metadata.get("sandbox_ms")?.as_str()?.parse::<f64>().ok());
        let pace = pace.filter(|pace| *pace > 0.0).map_or(1.0, |pace| ENDED.as_secs_f64() * 1000.0 / pace);
        let age = age.saturating_sub(self.rested).as_secs_f64() * pace;
        self.cancelled.unwrap_or_else(|| Duration::try_from_secs_f64(age).unwrap_or(Duration::MAX))
    }

    fn status(&self) -> &'static str {
        match self.age() {
            _ if self.cancelled.is_some() => "cancelled",
            age if age >= VALIDATED && self.flaw.is_some() => "failed",
            _ if self.paused.is_some() => "paused",
            age if age < VALIDATED => "validating_files",
            age if age < STARTED => "queued",
            age if age < ENDED => "running",
            _ => "succeeded",
        }
    }

    fn setting(&self, name: &str, auto: u64) -> u64 {
        self.settings.get(name).and_then(Value::as_u64).unwrap_or(auto).max(1)
    }

    /// `auto` sees a small file 100 times in all, and a large one 25,000.
    fn epochs(&self) -> u64 {
        let auto = match self.examples.max(1) {
            examples if examples * 3 < 100 => (100 / examples).min(25),
            examples if examples * 3 > 25_000 => 25_000 / examples,
            _ => 3,
        };
        self.setting("n_epochs", auto)
    }

    fn batch(&self) -> u64 {
        self.setting("batch_size", self.examples.div_ceil(256))
    }

    fn steps_of_epoch(&self) -> u64 {
        self.examples.div_ceil(self.batch()).max(1)
    }

    fn steps(&self) -> u64 {
        self.steps_of_epoch() * self.epochs()
    }

    /// How far into the job a step ends.
    fn end_of(&self, step: u64) -> Duration {
        let nanos = (ENDED - STARTED).as_nanos() * u128::from(step) / u128::from(self.steps());
        STARTED + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The last step that has ended.
    fn step(&self) -> u64 {
        let nanos = self.age().saturating_sub(STARTED).as_nanos() * u128::from(self.steps());
        u64::try_from(nanos / (ENDED - STARTED).as_nanos()).unwrap_or(u64::MAX).min(self.steps())
    }

    /// Metrics of a step, under the names that events have.
    fn metrics(&self, step: u64) -> Map<String, Value> {
        let part = step as f64 / self.steps() as f64;
        let noise = |kind: &str| {
            let hash = fnv1a(format!("{} {step} {kind}", self.seed).as_bytes()) % 1000;
            f64::from(u16::try_from(hash).unwrap_or_default()) / 1000.0 - 0.5
        };
        let mut metrics = Map::new();
        let mut add = |name: &str, value: f64| {
            metrics.insert(name.to_owned(), json!((value * 1e5).round() / 1e5));
        };
        if self.method == "reinforcement" {
            let reward = 0.85 - 0.6 * (-2.5 * part).exp();
            add("train_reward_mean", reward + 0.08 * noise("train"));
            add("valid_reward_mean", reward - 0.12 * (part - 0.6).max(0.0) + 0.02 * noise("valid"));
            return metrics;
        }
        let loss = 0.35 + 1.9 * (-4.0 * part).exp();
        let valid = 0.5 + 1.75 * (-4.0 * part).exp() + 0.6 * (part - 0.6).max(0.0);
        add("train_loss", loss + 0.1 * noise("train"));
        add("train_mean_token_accuracy", (1.0 - loss / 3.0 + 0.03 * noise("accuracy")).min(1.0));
        if self.validation_file.is_some() {
            add("valid_loss", valid + 0.04 * noise("valid"));
            add("valid_mean_token_accuracy", 1.0 - valid / 3.0);
            if step.is_multiple_of(self.steps_of_epoch()) {
                add("full_valid_loss", valid);
                add("full_valid_mean_token_accuracy", 1.0 - valid / 3.0);
            }
        }
        metrics
    }

    fn name(&self, id: &str) -> String {
        let base = self.model.strip_prefix("ft:").and_then(|model| model.split(':').next()).unwrap_or(&self.model);
        let tail: String = id.chars().rev().take(8).collect();
        format!("ft:{base}:sandbox:{}:{tail}", self.suffix)
    }

    /// Steps with a checkpoint: the ends of the last three epochs.
    fn checkpoints(&self) -> impl Iterator<Item = u64> {
        let (epochs, each, done) = (self.epochs(), self.steps_of_epoch(), self.step());
        (epochs.saturating_sub(2).max(1)..=epochs).map(move |epoch| epoch * each).filter(move |step| *step <= done)
    }

    fn show(&self, id: &str) -> Value {
        let status = self.status();
        let succeeded = status == "succeeded";
        let error = match &self.flaw {
            Some((code, param, message)) if status == "failed" => {
                json!({"code": code, "param": param, "message": message})
            }
            _ => Value::Null,
        };
        let mut settings = Map::new();
        for (name, auto) in [("n_epochs", self.epochs()), ("batch_size", self.batch())] {
            settings.insert(name.to_owned(), auto.into());
        }
        settings.insert("learning_rate_multiplier".to_owned(), json!(1.8));
        // What was asked for in numbers stands; `auto` is what came of it.
        settings
            .extend(self.settings.iter().filter(|(_, value)| *value != "auto").map(|(k, v)| (k.clone(), v.clone())));
        let mut method = Map::new();
        for name in ["grader", "response_format"] {
            method.extend(settings.remove(name).map(|value| (name.to_owned(), value)));
        }
        method.insert("hyperparameters".to_owned(), Value::Object(settings.clone()));
        let shown = if self.method == "supervised" { Value::Object(settings) } else { json!({}) };
        let running = (status == "running").then(|| now() + (ENDED.saturating_sub(self.age())).as_secs());
        json!({
            "id": id, "object": "fine_tuning.job", "created_at": self.created_at, "model": self.model, "status": status,
            "training_file": self.training_file, "validation_file": self.validation_file, "seed": self.seed,
            "method": {"type": self.method, self.method: method}, "hyperparameters": shown, "error": error,
            "metadata": self.metadata, "integrations": self.integrations, "organization_id": "org-sandbox",
            "fine_tuned_model": succeeded.then(|| self.name(id)), "finished_at": self.finished_at,
            "trained_tokens": succeeded.then(|| self.bytes / 4 * self.epochs()), "estimated_finish": running,
            "result_files": self.result.as_slice(), "user_provided_suffix": (!self.suffix.is_empty()).then_some(&self.suffix),
            "usage_metrics": null, "shared_with_openai": false, "eval_id": null,
        })
    }

    /// What has happened so far, the latest first.
    fn events(&self, id: &str) -> Vec<Value> {
        let age = self.age();
        let mut events: Vec<(Duration, &str, String, Value)> = Vec::new();
        let mut say = |at: Duration, level, message: String| events.push((at, level, message, json!({})));
        say(Duration::ZERO, "info", format!("Created fine-tuning job: {id}"));
        let also = self.validation_file.iter().map(|file| format!(" and validation file: {file}")).collect::<String>();
        say(Duration::ZERO, "info", format!("Validating training file: {}{also}", self.training_file));
        match &self.flaw {
            Some((_, _, message)) => say(VALIDATED, "error", message.clone()),
            None => {
                say(VALIDATED, "info", "Files validated, moving job to queued state".to_owned());
                say(STARTED, "info", "Fine-tuning job started".to_owned());
                for step in 1..=self.step() {
                    let (at, mut data) = (self.end_of(step), self.metrics(step));
                    let shown: Vec<String> =
                        [("training", "train_loss"), ("validation", "valid_loss"), ("mean", "train_reward_mean")]
                            .iter()
                            .filter_map(|(what, name)| {
                                Some(format!(
                                    "{what} {}={:.2}",
                                    name.rsplit('_').find(|it| *it != "mean")?,
                                    data.get(*name)?.as_f64()?
                                ))
                            })
                            .collect();
                    let message = format!("Step {step}/{}: {}", self.steps(), shown.join(", "));
                    data.insert("step".to_owned(), step.into());
                    data.insert("total_steps".to_owned(), self.steps().into());
                    events.push((at, "info", message, Value::Object(data)));
                }
                for step in self.checkpoints() {
                    events.push((self.end_of(step), "info", format!("Checkpoint created at step {step}"), json!({})));
                }
                events.push((ENDED, "info", format!("New fine-tuned model created: {}", self.name(id)), json!({})));
                events.push((ENDED, "info", "The job has successfully completed".to_owned(), json!({})));
            }
        }
        events.extend(self.acts.iter().map(|(at, message)| (*at, "info", (*message).to_owned(), json!({}))));
        events.retain(|(at, ..)| *at <= age);
        events.sort_by_key(|(at, ..)| *at);
        let tail = id.rsplit('-').next().unwrap_or_default();
        let show = |(index, (at, level, message, data)): (usize, (Duration, &str, String, Value))| {
            let kind = if data.get("step").is_some() { "metrics" } else { "message" };
            json!({
                "id": format!("ftevent-{tail}{index:05}"), "object": "fine_tuning.job.event", "type": kind,
                "created_at": self.created_at + at.as_secs(), "level": level, "message": message, "data": data,
            })
        };
        events.into_iter().enumerate().map(show).rev().collect()
    }

    fn result_file(&self) -> String {
        let names = match self.method {
            "reinforcement" => ["train_reward_mean", "valid_reward_mean", "", ""],
            _ => ["train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy"],
        };
        let header = match self.method {
            "reinforcement" => "step,train_reward_mean,valid_reward_mean\n",
            _ => "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n",
        };
        let mut csv = header.to_owned();
        for step in 1..=self.steps() {
            let metrics = self.metrics(step);
            csv.push_str(&step.to_string());
            for name in names.iter().filter(|name| !name.is_empty()) {
                csv.push(',');
                csv.push_str(&metrics.get(*name).map(Value::to_string).unwrap_or_default());
            }
            csv.push('\n');
        }
        csv
    }
}

/// Finishes the jobs whose time is over: their result files are there from then on.
fn settle(world: &mut World) {
    let ended = world.of::<Jobs>().0.iter().filter(|(_, job)| job.finished_at.is_none());
    let ended = ended.filter(|(_, job)| matches!(job.status(), "succeeded" | "failed" | "cancelled"));
    let ended: Vec<String> = ended.map(|(id, _)| id.clone()).collect();
    for id in ended {
        let Some(job) = world.of::<Jobs>().0.get_mut(&id) else { continue };
        job.finished_at = Some(now());
        if job.status() != "succeeded" {
            continue;
        }
        let csv = job.result_file();
        let bytes = (csv.len() as u64, Content::holding(csv.as_bytes()));
        let file = files::keep(world, "step_metrics.csv", "fine-tune-results", bytes, None);
        if let Some(job) = world.of::<Jobs>().0.get_mut(&id) {
            job.result = file.get("id").and_then(Value::as_str).map(str::to_owned);
        }
    }
}

/// Works on a job as it is now.
fn with<T>(account: &Account, id: &str, work: impl FnOnce(&mut Job) -> Result<T>) -> Result<T> {
    let mut world = account.world();
    settle(&mut world);
    let missing = || Error::not_found(format!("Could not find fine tune: {id}")).param("fine_tune_id");
    let job = world.of::<Jobs>().0.get_mut(id).ok_or_else(|| missing().code("fine_tune_not_found"))?;
    work(job)
}

async fn create(Extension(account): Caller, Json(mut params): Json) -> Result<Answer<Value>> {
    let model = params.need("model", Params::string)?;
    let training_file = params.need("training_file", Params::string)?;
    let validation_file = params.string("validation_file")?;
    let mut settings = match params.object("hyperparameters")? {
        None => Map::new(),
        Some(given) => hyperparameters(given, "supervised")?,
    };
    let mut method = "supervised";
    if let Some(mut given) = params.object("method")? {
        let kind = given.one_of("type", &["supervised", "dpo", "reinforcement"])?;
        method = given.required("type", kind)?;
        let mut own = given.object(method)?;
        if let Some(own) = &mut own
            && let Some(own) = own.object("hyperparameters")?
        {
            settings = hyperparameters(own, method)?;
        }
        if method == "reinforcement" {
            let mut own = given.required(method, own)?;
            let grader = own.need("grader", Params::object)?;
            settings.insert("grader".to_owned(), graders::checked(grader)?);
            let path = own.path("response_format");
            if let Some(format) = own.take("response_format") {
                Params::nested(path, format.clone())?;
                settings.insert("response_format".to_owned(), format);
            }
            own.finish()?;
        } else if let Some(own) = own {
            own.finish()?;
        }
        given.finish()?;
    }
    let base = catalog::base(&model).filter(|base| match method {
        "reinforcement" => base.name.starts_with(REASONING),
        _ => !base.is_gone() && MODELS.iter().any(|known| base.name.starts_with(known)),
    });
    if base.is_none() {
        let message = format!("Model {model} is not available for fine-tuning or does not exist.");
        return Err(Error::new(StatusCode::BAD_REQUEST, message).code("model_not_available"));
    }
    let suffix = params.string("suffix")?.unwrap_or_default();
    if suffix.chars().count() > 64 {
        let message = "Invalid 'suffix': string too long. Expected a string with maximum length 64.";
        return Err(Error::invalid("suffix", "string_above_max_length", message));
    }
    let seed = params.integer("seed", 0..=i64::from(i32::MAX))?.map(i64::unsigned_abs);
    let metadata = params.labels("metadata", true)?;
    let integrations = integrations(&mut params)?;
    params.finish()?;

    let mut world = account.world();
    let mut examples_of = |param: &'static str, id: &str| {
        let file = files::find(&mut world, id)
            .map_err(|_| Error::invalid(param, "invalid_file", format!("invalid {param}: {id}")))?;
        let purpose = file.text("purpose");
        if purpose != "fine-tune" {
            let message = format!("Invalid file '{id}': expected purpose 'fine-tune', but got '{purpose}'.");
            return Err(Error::invalid(param, "invalid_file_purpose", message));
        }
        let bytes = file.content.clone().unwrap_or_default().read_all().unwrap_or_default();
        Ok((bytes.len() as u64, examples(param, &bytes, method)))
    };
    let (bytes, trained) = examples_of("training_file", &training_file)?;
    let validated = validation_file.as_deref().map(|id| examples_of("validation_file", id)).transpose()?;
    let (examples, mut flaw) = match trained {
        Ok(examples) if examples < FEWEST => {
            let message = format!("Training file has {examples} example(s), but must have at least {FEWEST} examples");
            (examples, Some(("invalid_n_examples", "training_file", message)))
        }
        Ok(examples) => (examples, None),
        Err(flaw) => (0, Some(flaw)),
    };
    if let Some((_, Err(other))) = validated {
        flaw = flaw.or(Some(other));
    }
    let id = world.mint("ftjob-");
    let job = Job {
        created_at: now(),
        training_file,
        validation_file,
        method,
        settings,
        seed: seed.unwrap_or_else(|| fnv1a(id.as_bytes()) % 2_147_483_647),
        suffix,
        metadata,
        integrations,
        examples: examples as u64,
        bytes,
        flaw,
        began: Instant::now(),
        paused: None,
        rested: Duration::ZERO,
        cancelled: None,
        finished_at: None,
        result: None,
        acts: Vec::new(),
        model,
    };
    let shown = job.show(&id);
    world.of::<Jobs>().0.insert(id, job);
    Ok(Answer(shown))
}

fn hyperparameters(mut given: Params, method: &str) -> Result<Map<String, Value>> {
    let mut settings = Map::new();
    let whole: &[(&str, i64)] =
        &[("n_epochs", 50), ("batch_size", 256), ("eval_interval", i64::MAX), ("eval_samples", i64::MAX)];
    let fractions = [("learning_rate_multiplier", f64::MAX), ("beta", 2.0), ("compute_multiplier", 10.0)];
    let allowed: &[&str] = match method {
        "supervised" => &["n_epochs", "batch_size", "learning_rate_multiplier"],
        "dpo" => &["n_epochs", "batch_size", "learning_rate_multiplier", "beta"],
        _ => &[
            "n_epochs",
            "batch_size",
            "learning_rate_multiplier",
            "compute_multiplier",
            "eval_interval",
            "eval_samples",
        ],
    };
    for name in allowed {
        if given.peek(name) == Some(&json!("auto")) {
            given.take(name);
            settings.insert((*name).to_owned(), json!("auto"));
        } else if let Some((_, most)) = whole.iter().find(|(known, _)| known == name) {
            if let Some(number) = given.integer(name, 1..=*most)? {
                settings.insert((*name).to_owned(), number.into());
            }
        } else if let Some((_, most)) = fractions.iter().find(|(known, _)| known == name)
            && let Some(number) = given.number(name, f64::MIN_POSITIVE..=*most)?
        {
            settings.insert((*name).to_owned(), number.into());
        }
    }
    if method == "reinforcement"
        && let Some(effort) = given.one_of("reasoning_effort", &["default", "low", "medium", "high"])?
    {
        settings.insert("reasoning_effort".to_owned(), effort.into());
    }
    given.finish()?;
    Ok(settings)
}

fn integrations(params: &mut Params) -> Result<Value> {
    let mut shown = Vec::new();
    for (path, item) in params.array("integrations", 0..=5)?.unwrap_or_default() {
        let mut item = Params::nested(path, item)?;
        let kind = item.one_of("type", &["wandb"])?;
        item.required("type", kind)?;
        let mut wandb = item.need("wandb", Params::object)?;
        let project = wandb.need("project", Params::string)?;
        let (name, entity) = (wandb.string("name")?, wandb.string("entity")?);
        let tags = wandb.strings("tags", 0..=100)?;
        wandb.finish()?;
        item.finish()?;
        shown.push(
            json!({"type": "wandb", "wandb": {"project": project, "name": name, "entity": entity, "tags": tags}}),
        );
    }
    Ok(shown.into())
}

/// The number of examples, or what is wrong with the first that is wrong.
fn examples(param: &'static str, bytes: &[u8], method: &str) -> std::result::Result<usize, Flaw> {
    let flaw = |what: String| {
        let message = format!("The job failed due to an invalid {}. {what}", param.replace('_', " "));
        let code = if param == "training_file" { "invalid_training_file" } else { "invalid_validation_file" };
        (code, param, message)
    };
    let text = std::str::from_utf8(bytes).map_err(|_| flaw("It is not UTF-8 text.".to_owned()))?;
    let mut count = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_flaw = |what: &str| flaw(format!("Invalid file format. Line {}: {what}", number + 1));
        let example: Value = serde_json::from_str(line).map_err(|_| line_flaw("not valid JSON."))?;
        let part = |name: &str| example.get(name).cloned().unwrap_or_default();
        let wrong = match method {
            "dpo" => {
                !(conversation(&part("input").get("messages").cloned().unwrap_or_default())
                    && conversation(&part("preferred_output"))
                    && conversation(&part("non_preferred_output")))
            }
            "reinforcement" => !conversation(&part("messages")),
            _ => {
                let last = part("messages").as_array().and_then(|messages| messages.last()?.get("role").cloned());
                !conversation(&part("messages")) || last != Some(json!("assistant"))
            }
        };
        if wrong {
            return Err(line_flaw(&format!("not an example of the {method} method.")));
        }
        count += 1;
    }
    Ok(count)
}

fn conversation(messages: &Value) -> bool {
    messages.as_array().is_some_and(|messages| {
        let good = |message: &Value| {
            let role = message.get("role").and_then(Value::as_str).is_some_and(|role| ROLES.contains(&role));
            let said = message.get("content").is_some_and(|content| content.is_string() || content.is_array());
            role && (said || ["tool_calls", "function_call"].iter().any(|name| message.get(*name).is_some()))
        };
        !messages.is_empty() && messages.iter().all(good)
    })
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Answer<Value>> {
    let wanted = query.bracketed("metadata");
    let page = Paging::NEWEST.read(&mut query)?;
    query.finish()?;
    let mut world = account.world();
    settle(&mut world);
    let fits = |job: &Job| {
        let value = |name: &str| job.metadata.as_ref().and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
        wanted.iter().all(|(name, wanted)| value(name) == Some(wanted))
    };
    world.of::<Jobs>().0.page(&page, |id, job| fits(job).then(|| job.show(id))).map(Answer)
}

async fn retrieve(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    with(&account, &id, |job| Ok(Answer(job.show(&id))))
}

fn refused(id: &str, what: &str, status: &str) -> Error {
    let message = format!("Cannot {what} job {id}: its status is {status}.");
    Error::new(StatusCode::BAD_REQUEST, message).code("invalid_job_state")
}

async fn cancel(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    with(&account, &id, |job| {
        if matches!(job.status(), "succeeded" | "failed" | "cancelled") {
            return Err(refused(&id, "cancel", job.status()));
        }
        job.cancelled = Some(job.age());
        job.finished_at = Some(now());
        job.acts.push((job.age(), "Fine-tuning job cancelled"));
        Ok(Answer(job.show(&id)))
    })
}

async fn pause(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    with(&account, &id, |job| {
        if !matches!(job.status(), "validating_files" | "queued" | "running") {
            return Err(refused(&id, "pause", job.status()));
        }
        job.paused = Some(Instant::now());
        job.acts.push((job.age(), "Fine-tuning job paused"));
        Ok(Answer(job.show(&id)))
    })
}

async fn resume(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    with(&account, &id, |job| {
        let Some(paused) = job.paused.filter(|_| job.status() == "paused") else {
            return Err(refused(&id, "resume", job.status()));
        };
        job.acts.push((job.age(), "Fine-tuning job resumed"));
        job.rested += paused.elapsed();
        job.paused = None;
        Ok(Answer(job.show(&id)))
    })
}

async fn events(Extension(account): Caller, Path(id): Path<String>, Query(query): Query) -> Result<Answer<Value>> {
    with(&account, &id, |job| page(query, job.events(&id)))
}

async fn checkpoints(Extension(account): Caller, Path(id): Path<String>, Query(query): Query) -> Result<Answer<Value>> {
    with(&account, &id, |job| {
        let tail = id.rsplit('-').next().unwrap_or_default();
        let show = |step: u64| {
            let (name, mut metrics) = (job.name(&id), job.metrics(step));
            metrics.insert("step".to_owned(), step.into());
            let name = if step == job.steps() { name } else { format!("{name}:ckpt-step-{step}") };
            json!({
                "id": format!("ftckpt_{tail}{step:05}"), "object": "fine_tuning.job.checkpoint",
                "created_at": job.created_at + job.end_of(step).as_secs(), "fine_tuned_model_checkpoint": name,
                "fine_tuning_job_id": id, "step_number": step, "metrics": metrics,
            })
        };
        let mut shown: Vec<Value> = job.checkpoints().map(show).collect();
        shown.reverse();
        page(query, shown)
    })
}

/// A page of a list that is made anew each time.
fn page(mut query: Params, items: Vec<Value>) -> Result<Answer<Value>> {
    let mut shelf = Shelf::default();
    for item in items.into_iter().rev() {
        let id = text(&item, "id").to_owned();
        shelf.insert(id, item);
    }
    let page = Paging::NEWEST.read(&mut query)?;
    query.finish()?;
    shelf.page(&page, |_, item| Some(item.clone())).map(Answer)
}

async fn create_permissions(
    Extension(account): Caller,
    Path(checkpoint): Path<String>,
    Json(mut params): Json,
) -> Result<Answer<Value>> {
    let projects = params.need("project_ids", |params, name| params.strings(name, 1..=100))?;
    params.finish()?;
    if !checkpoint.starts_with("ft:") {
        return Err(Error::not_found(format!("No fine-tuned model checkpoint found with name '{checkpoint}'.")));
    }
    let mut world = account.world();
    let make = |id: String| {
        let fields = Map::from_iter([("project_id".to_owned(), id.into())]);
        PERMISSIONS.insert(&mut world, &checkpoint, fields, None)
    };
    let made: Vec<Value> = projects.into_iter().map(make).collect();
    let id = |one: Option<&Value>| one.and_then(|one| one.get("id")).cloned();
    let (first, last) = (id(made.first()), id(made.last()));
    Ok(Answer(json!({"object": "list", "data": made, "first_id": first, "last_id": last, "has_more": false})))
}
