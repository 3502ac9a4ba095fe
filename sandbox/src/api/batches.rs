//! `/batches`.
//!
//! # Where it differs from the API
//!
//! A batch is checked after 200 ms and then worked off, a request after the other, at once: it ends in seconds and never
//! expires. Its requests are those that the sandbox has, and are made as if the caller made them now.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path};
use axum::http::{Method, Request, StatusCode, header};
use axum::routing::post;
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};
use tower_service::Service as _;

use crate::api::files;
use crate::content::Content;
use crate::crud::{Collection, Verb};
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::{Json, Params};
use crate::shelf::Paging;
use crate::world::{Account, Caller, World, now};

const CHECKING: Duration = Duration::from_millis(200);
const MOST: usize = 50_000;
/// Most faults of a file that are told.
const MOST_FAULTS: usize = 100;
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;
const THIRTY_DAYS: i64 = 30 * 24 * 3600;
const DAY: u64 = 24 * 3600;
const ENDPOINTS: &[&str] = &[
    "/v1/responses",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/images/edits",
];

static BATCHES: Collection = Collection {
    path: "/batches",
    serves: &[Verb::List, Verb::Get],
    object: "batch",
    prefix: "batch_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "batch",
    missing: |id| Error::not_found(format!("No batch found with id '{id}'.")),
};

/// The paths of batches, whose requests go to the `others`.
pub(crate) fn routes(others: Router) -> Router {
    BATCHES
        .routes()
        .route("/batches", post(create))
        .route("/batches/{id}/cancel", post(cancel))
        .layer(Extension(Others(others)))
}

#[derive(Clone)]
struct Others(Router);

async fn create(
    Extension(account): Caller,
    Extension(Others(others)): Extension<Others>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let endpoint = body.need("endpoint", |params, name| params.one_of(name, ENDPOINTS))?;
    let window = body.need("completion_window", |params, name| params.one_of(name, &["24h"]))?;
    let input = body.need("input_file_id", Params::string)?;
    let metadata = body.labels("metadata", true)?;
    let expires = match body.object("output_expires_after")? {
        None => THIRTY_DAYS,
        Some(mut after) => {
            after.need("anchor", |params, name| params.one_of(name, &["created_at"]))?;
            let seconds = after.need("seconds", |params, name| params.integer(name, 3600..=THIRTY_DAYS))?;
            after.finish()?;
            seconds
        }
    };
    body.finish()?;
    let mut world = account.world();
    let file = files::find(&mut world, &input).map_err(|missing| missing.param("input_file_id"))?;
    if file.text("purpose") != "batch" {
        let message =
            format!("Invalid input_file_id: file '{input}' has purpose '{}', not 'batch'.", file.text("purpose"));
        return Err(Error::invalid("input_file_id", "invalid_value", message));
    }
    let content = file.content.clone().unwrap_or_default();
    let mut fields = json!({
        "endpoint": endpoint, "completion_window": window, "input_file_id": input, "status": "validating",
        "metadata": metadata, "expires_at": null, "errors": null, "output_file_id": null, "error_file_id": null,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
    });
    for name in ["in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"] {
        put(&mut fields, &format!("{name}_at"), Value::Null);
    }
    let shown = BATCHES.insert(&mut world, "", fields.as_object().cloned().unwrap_or_default(), None);
    drop(world);
    let id = text(&shown, "id").to_owned();
    let job = Job { account: Arc::clone(&account), id, endpoint, others, expires: expires.unsigned_abs() };
    tokio::spawn(job.run(content));
    Ok(Answer(shown))
}

async fn cancel(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let batch = BATCHES.find(&mut world, "", &id)?;
    if matches!(batch.text("status"), "validating" | "in_progress") {
        put(&mut batch.shown, "status", "cancelling");
        put(&mut batch.shown, "cancelling_at", now());
    } else if batch.text("status") != "cancelling" {
        let message = format!("Cannot cancel a batch with status '{}'.", batch.text("status"));
        return Err(Error::new(StatusCode::BAD_REQUEST, message));
    }
    Ok(Answer(batch.shown.clone()))
}

/// A batch that is worked off.
struct Job {
    account: Arc<Account>,
    id: String,
    endpoint: &'static str,
    others: Router,
    /// For how many seconds its files are kept.
    expires: u64,
}

/// A line of the file.
struct Line {
    custom_id: String,
    body: Value,
}

impl Job {
    async fn run(mut self, content: Content) {
        tokio::time::sleep(CHECKING).await;
        let lines = match read(&content.read_all().unwrap_or_default(), self.endpoint) {
            Ok(lines) => lines,
            Err(faults) => {
                self.change(|batch| {
                    put(batch, "errors", json!({"object": "list", "data": faults}));
                    reach(batch, "failed");
                });
                return;
            }
        };
        self.change(|batch| {
            if text(batch, "status") == "validating" {
                reach(batch, "in_progress");
            }
            put(batch, "expires_at", now() + DAY);
            put(batch, "model", lines.first().and_then(|line| line.body.get("model")).cloned().unwrap_or_default());
            count(batch, "total", lines.len());
        });
        let (mut outputs, mut errors, mut usage) = (Vec::new(), Vec::new(), [0, 0]);
        for line in lines {
            if self.is_cancelled() {
                break;
            }
            let custom_id = line.custom_id.clone();
            let (status, body) = self.ask(line).await;
            for (sum, names) in
                usage.iter_mut().zip([["input_tokens", "prompt_tokens"], ["output_tokens", "completion_tokens"]])
            {
                let of = |name: &&str| body.pointer(&format!("/usage/{name}")).and_then(Value::as_u64);
                *sum += names.iter().find_map(of).unwrap_or_default();
            }
            let fails = !status.is_success();
            let (id, request) = {
                let mut world = self.account.world();
                (world.mint("batch_req_"), world.mint("req_"))
            };
            let response = json!({"status_code": status.as_u16(), "request_id": request, "body": body});
            let result = json!({"id": id, "custom_id": custom_id, "response": response, "error": null});
            let file = if fails { &mut errors } else { &mut outputs };
            file.extend(result.to_string().into_bytes());
            file.push(b'\n');
            self.change(|batch| {
                let name = if fails { "failed" } else { "completed" };
                let before = batch.pointer(&format!("/request_counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
                count(batch, name, before + 1);
            });
        }
        self.end(&outputs, &errors, usage);
    }

    fn is_cancelled(&self) -> bool {
        let mut world = self.account.world();
        BATCHES.find(&mut world, "", &self.id).is_ok_and(|batch| batch.text("status") == "cancelling")
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        if let Ok(batch) = BATCHES.find(&mut self.account.world(), "", &self.id) {
            change(&mut batch.shown);
        }
    }

    /// Makes one of the requests.
    async fn ask(&mut self, line: Line) -> (StatusCode, Value) {
        let path = self.endpoint.trim_start_matches("/v1");
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .extension(Arc::clone(&self.account))
            .body(Body::from(line.body.to_string()));
        let Ok(request) = request else { return (StatusCode::BAD_REQUEST, Value::Null) };
        let Ok(answer) = self.others.call(request).await;
        let status = answer.status();
        let body = to_bytes(answer.into_body(), LARGEST_ANSWER).await.unwrap_or_default();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn end(&self, outputs: &[u8], errors: &[u8], [input, output]: [u64; 2]) {
        let mut world = self.account.world();
        let keep = |world: &mut World, content: &[u8], kind: &str| {
            if content.is_empty() {
                return Value::Null;
            }
            let filename = format!("{}_{kind}.jsonl", self.id);
            let kept = (content.len() as u64, Content::holding(content));
            let file = files::keep(world, &filename, "batch_output", kept, Some(self.expires));
            file.get("id").cloned().unwrap_or_default()
        };
        let (output_id, error_id) = (keep(&mut world, outputs, "output"), keep(&mut world, errors, "error"));
        drop(world);
        self.change(|batch| {
            put(batch, "output_file_id", output_id);
            put(batch, "error_file_id", error_id);
            let usage = json!({
                "input_tokens": input, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": output,
                "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": input + output,
            });
            put(batch, "usage", usage);
            if text(batch, "status") == "cancelling" {
                reach(batch, "cancelled");
            } else {
                put(batch, "finalizing_at", now());
                reach(batch, "completed");
            }
        });
    }
}

fn reach(batch: &mut Value, status: &str) {
    put(batch, "status", status);
    put(batch, &format!("{status}_at"), now());
}

fn count(batch: &mut Value, name: &str, count: impl Into<Value>) {
    if let Some(counts) = batch.get_mut("request_counts") {
        put(counts, name, count);
    }
}

/// The lines of a file, or what keeps it from being worked off.
fn read(content: &[u8], endpoint: &str) -> std::result::Result<Vec<Line>, Vec<Value>> {
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    let (mut ids, mut model) = (HashSet::new(), None);
    let content = String::from_utf8_lossy(content);
    for (number, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match read_line(line, endpoint, &mut ids, &mut model) {
            Ok(line) => lines.push(line),
            Err((code, message, param)) => faults.push(json!({
                "code": code, "line": number + 1, "message": message, "param": param,
            })),
        }
    }
    let whole =
        |code: &str, message: String| vec![json!({"code": code, "line": null, "message": message, "param": null})];
    match lines.len() {
        _ if !faults.is_empty() => {
            faults.truncate(MOST_FAULTS);
            Err(faults)
        }
        0 => Err(whole("empty_file", "The input file is empty.".to_owned())),
        many if many > MOST => {
            Err(whole("too_many_tasks", format!("The input file has {many} requests, at most {MOST} are taken.")))
        }
        _ => Ok(lines),
    }
}

type Refused = (&'static str, String, Option<&'static str>);

fn read_line(
    line: &str,
    endpoint: &str,
    ids: &mut HashSet<String>,
    model: &mut Option<Value>,
) -> std::result::Result<Line, Refused> {
    let invalid = || ("invalid_json_line", "This line is not parseable as valid JSON.".to_owned(), None);
    let mut line: Map<String, Value> = serde_json::from_str(line).map_err(|_| invalid())?;
    let missing = |name: &'static str| {
        ("missing_required_parameter", format!("Missing required parameter: '{name}'."), Some(name))
    };
    let Some(Value::String(custom_id)) = line.remove("custom_id") else { return Err(missing("custom_id")) };
    if !ids.insert(custom_id.clone()) {
        let message = format!("The custom_id for this request, '{custom_id}', was used before in this batch.");
        return Err(("duplicate_custom_id", message, Some("custom_id")));
    }
    if line.get("method").is_none_or(|method| method != "POST") {
        return Err(("invalid_method", "The method must be POST.".to_owned(), Some("method")));
    }
    if line.get("url").is_none_or(|url| url != endpoint) {
        let message = format!("The URL provided for this request does not match the batch endpoint, {endpoint}.");
        return Err(("invalid_url", message, Some("url")));
    }
    let Some(body @ Value::Object(_)) = line.remove("body") else { return Err(missing("body")) };
    let own = body.get("model").cloned().unwrap_or_default();
    let first = model.get_or_insert_with(|| own.clone());
    if *first != own {
        let message = format!("The provided model '{own}' does not match the model of the batch, {first}.");
        return Err(("mismatched_model", message, Some("body.model")));
    }
    Ok(Line { custom_id, body })
}
