//! `/vector_stores`, their files and their file batches.
//!
//! # Where it differs from the API
//!
//! - A store reads UTF-8 and UTF-16 text of any of the API's extensions; PDF and office documents, which the API reads,
//!   end as `failed` with `last_error.code` `unsupported_file`. Markup is indexed as it stands.
//! - A token is up to four characters of a word. The real tokenizer cuts elsewhere, so chunk boundaries differ.
//! - Search is lexical (BM25 over English word stems): a chunk is found by its words, not by its meaning, and one that
//!   shares no word with the query is not found at all. A score is the BM25 score `s` as `s / (s + 1)`; `ranker` changes
//!   nothing and `rewrite_query` leaves the query as it is. Of several queries the best score of a chunk counts.
//! - Indexing starts 300 ms after a file is attached. An expired store only says so in its `status`.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Extension, Path};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use bm25::Scorer;
use serde_json::{Map, Value, json};

use crate::api::{files, filter};
use crate::content::Content;
use crate::engine::filter::Filter;
use crate::engine::index::{Parsed, Strategy, Unreadable, embed, normal};
use crate::error::{Error, Result};
use crate::params::{Json, Params, Query, mistyped};
use crate::shelf::{Page, Paging, Shelf};
use crate::world::{Account, Caller, World, now};

const LARGEST_BODY: usize = 16 * 1024 * 1024;
const INDEXING_STARTS_AFTER: Duration = Duration::from_millis(300);
const AUTO: Strategy = Strategy { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 };
const STATUSES: &[&str] = &["in_progress", "completed", "failed", "cancelled"];

const PAGING: Paging = Paging { both_ways: true, ..Paging::NEWEST };
/// What the API takes, in lower case alone.
const EXTENSIONS: &[&str] = &[
    "c", "cpp", "cs", "css", "doc", "docx", "go", "html", "java", "js", "json", "md", "pdf", "php", "pptx", "py", "rb",
    "sh", "tex", "ts", "txt",
];

type Labels = Map<String, Value>;

#[derive(Default)]
struct Stores(Shelf<Store>);

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/vector_stores", get(list).post(create))
        .route("/vector_stores/{id}", get(retrieve).post(update).delete(delete))
        .route("/vector_stores/{id}/search", post(search))
        .route("/vector_stores/{id}/files", get(list_files).post(create_file))
        .route("/vector_stores/{id}/files/{file_id}", get(retrieve_file).post(update_file).delete(delete_file))
        .route("/vector_stores/{id}/files/{file_id}/content", get(file_content))
        .route("/vector_stores/{id}/file_batches", post(create_batch))
        .route("/vector_stores/{id}/file_batches/{batch_id}", get(retrieve_batch))
        .route("/vector_stores/{id}/file_batches/{batch_id}/cancel", post(cancel_batch))
        .route("/vector_stores/{id}/file_batches/{batch_id}/files", get(list_batch_files))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

struct Store {
    created_at: u64,
    last_active_at: u64,
    name: String,
    description: Option<String>,
    metadata: Labels,
    expires_after_days: Option<u64>,
    files: Shelf<Entry>,
    batches: Shelf<Batch>,
    /// Every chunk of every file that is ready, as the entry's serial number and the chunk's place in the file.
    scorer: Scorer<(u64, usize)>,
}

struct Entry {
    /// Tells a file from itself attached again.
    serial: u64,
    created_at: u64,
    filename: String,
    batch: Option<String>,
    status: &'static str,
    last_error: Option<Unreadable>,
    strategy: Strategy,
    attributes: Labels,
    text: String,
    chunks: Vec<std::ops::Range<usize>>,
}

struct Batch {
    created_at: u64,
    cancelled: bool,
}

/// A file on its way into a store.
struct Attach {
    file_id: String,
    attributes: Labels,
    strategy: Strategy,
}

struct Job {
    file_id: String,
    serial: u64,
    strategy: Strategy,
    content: Content,
    bytes: u64,
}

impl Store {
    fn expires_at(&self) -> Option<u64> {
        self.expires_after_days.map(|days| self.last_active_at + days * 24 * 3600)
    }

    fn show(&self, id: &str) -> Value {
        let counts = counts(self.files.iter().map(|(_, entry)| entry));
        let status = match self.expires_at() {
            Some(at) if at <= now() => "expired",
            _ if counts.get("in_progress") != Some(&json!(0)) => "in_progress",
            _ => "completed",
        };
        json!({
            "id": id, "object": "vector_store", "created_at": self.created_at, "name": self.name,
            "description": self.description, "usage_bytes": self.files.iter().map(|(_, entry)| entry.usage_bytes()).sum::<usize>(),
            "file_counts": counts, "status": status, "last_active_at": self.last_active_at, "metadata": self.metadata,
            "expires_after": self.expires_after_days.map(|days| json!({"anchor": "last_active_at", "days": days})),
            "expires_at": self.expires_at(),
        })
    }

    fn detach(&mut self, file_id: &str) -> bool {
        let entry = self.files.remove(file_id);
        for (serial, chunk) in entry.iter().flat_map(|entry| (0..entry.chunks.len()).map(|chunk| (entry.serial, chunk)))
        {
            self.scorer.remove(&(serial, chunk));
        }
        entry.is_some()
    }

    /// The entry a job is for, unless it was cancelled, detached or attached anew since.
    fn awaited(&mut self, job: &Job) -> Option<&mut Entry> {
        self.files.get_mut(&job.file_id).filter(|entry| entry.serial == job.serial && entry.status == "in_progress")
    }

    fn index(&mut self, job: &Job, parsed: std::result::Result<Parsed, Unreadable>) {
        let Some(entry) = self.awaited(job) else { return };
        match parsed {
            Err(reason) => {
                entry.status = "failed";
                entry.last_error = Some(reason);
            }
            Ok(parsed) => {
                entry.status = "completed";
                entry.text = parsed.text;
                entry.chunks = parsed.chunks;
                for (place, embedding) in parsed.embeddings.into_iter().enumerate() {
                    self.scorer.upsert(&(job.serial, place), embedding);
                }
            }
        }
    }

    fn entries_of<'a>(&'a self, batch_id: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.files.iter().map(|(_, entry)| entry).filter(move |entry| entry.batch.as_deref() == Some(batch_id))
    }

    fn show_batch(&self, store_id: &str, batch_id: &str) -> Result<Value> {
        let missing =
            || Error::not_found(format!("No file batch found with id '{batch_id}' in vector store '{store_id}'."));
        let batch = self.batches.get(batch_id).ok_or_else(missing)?;
        let has = |status| self.entries_of(batch_id).any(|entry| entry.status == status);
        let status = match () {
            () if batch.cancelled => "cancelled",
            () if has("in_progress") => "in_progress",
            () if has("failed") && !has("completed") => "failed",
            () => "completed",
        };
        Ok(json!({
            "id": batch_id, "object": "vector_store.files_batch", "created_at": batch.created_at,
            "vector_store_id": store_id, "status": status, "file_counts": counts(self.entries_of(batch_id)),
        }))
    }
}

impl Entry {
    fn chunk_texts(&self) -> impl Iterator<Item = &str> {
        self.chunks.iter().filter_map(|chunk| self.text.get(chunk.clone()))
    }

    fn usage_bytes(&self) -> usize {
        self.chunks.iter().map(ExactSizeIterator::len).sum()
    }

    fn show(&self, store_id: &str, file_id: &str) -> Value {
        let strategy = json!({
            "max_chunk_size_tokens": self.strategy.max_chunk_size_tokens,
            "chunk_overlap_tokens": self.strategy.chunk_overlap_tokens,
        });
        json!({
            "id": file_id, "object": "vector_store.file", "created_at": self.created_at, "vector_store_id": store_id,
            "status": self.status, "usage_bytes": self.usage_bytes(), "attributes": self.attributes,
            "last_error": self.last_error.map(|(code, message)| json!({"code": code, "message": message})),
            "chunking_strategy": {"type": "static", "static": strategy},
        })
    }
}

fn counts<'a>(entries: impl Iterator<Item = &'a Entry>) -> Labels {
    let mut counts: HashMap<&str, usize> = STATUSES.iter().map(|status| (*status, 0)).collect();
    for entry in entries {
        *counts.entry(entry.status).or_default() += 1;
        *counts.entry("total").or_default() += 1;
    }
    counts.entry("total").or_default();
    counts.into_iter().map(|(status, count)| (status.to_owned(), json!(count))).collect()
}

/// A store as it is now: files that were deleted are in no store any more.
fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Store> {
    let held = world.of::<Stores>().0.get(id).into_iter().flat_map(|store| store.files.iter());
    let held: Vec<String> = held.map(|(id, _)| id.clone()).collect();
    let gone = files::gone(world, held);
    let missing = || Error::not_found(format!("Vector store with id '{id}' not found."));
    let store = world.of::<Stores>().0.get_mut(id).ok_or_else(missing)?;
    for id in &gone {
        store.detach(id);
    }
    Ok(store)
}

/// Refuses a store that is not there.
pub(crate) fn check(world: &mut World, id: &str) -> Result<()> {
    find(world, id).map(drop)
}

fn find_file<'a>(world: &'a mut World, id: &str, file_id: &str) -> Result<&'a mut Entry> {
    find(world, id)?.files.get_mut(file_id).ok_or_else(|| no_file(id, file_id))
}

fn no_file(id: &str, file_id: &str) -> Error {
    Error::not_found(format!("No file found with id '{file_id}' in vector store '{id}'."))
}

/// Tells the SDKs' polling helpers to ask again soon, as the API does.
fn polled(shown: Value) -> Response {
    ([("openai-poll-after-ms", "100")], Answer(shown)).into_response()
}

fn chunking(params: &mut Params) -> Result<Strategy> {
    let Some(mut chunking) = params.object("chunking_strategy")? else { return Ok(AUTO) };
    let kind = chunking.one_of("type", &["auto", "static"])?;
    let strategy = if chunking.required("type", kind)? == "auto" {
        AUTO
    } else {
        let mut size = chunking.need("static", Params::object)?;
        let most = size.need("max_chunk_size_tokens", |params, name| params.integer(name, 100..=4096))?;
        let overlap = size.need("chunk_overlap_tokens", |params, name| params.integer(name, 0..=4096))?;
        if overlap > most / 2 {
            let path = size.path("chunk_overlap_tokens");
            let message = format!(
                "Invalid '{path}': chunk_overlap_tokens must not exceed half of max_chunk_size_tokens. Expected a value <= {}, but got {overlap} instead.",
                most / 2
            );
            return Err(Error::invalid(&path, "invalid_value", message));
        }
        size.finish()?;
        let count = |value: i64| usize::try_from(value).unwrap_or_default();
        Strategy { max_chunk_size_tokens: count(most), chunk_overlap_tokens: count(overlap) }
    };
    chunking.finish()?;
    Ok(strategy)
}

fn expiration(params: &mut Params) -> Result<Option<u64>> {
    let Some(mut after) = params.object("expires_after")? else { return Ok(None) };
    let anchor = after.one_of("anchor", &["last_active_at"])?;
    after.required("anchor", anchor)?;
    let days = after.need("days", |params, name| params.integer(name, 1..=365))?;
    after.finish()?;
    Ok(Some(days.unsigned_abs()))
}

/// Attaches files and indexes them in the background. Nothing is attached unless all of them exist.
fn attach(account: &Arc<Account>, world: &mut World, id: &str, batch: Option<&str>, files: Vec<Attach>) -> Result<()> {
    let mut jobs = Vec::new();
    let mut entries = Vec::new();
    for Attach { file_id, attributes, strategy } in files {
        let serial = world.count();
        let file = files::find(world, &file_id)?;
        let (filename, bytes) = (file.text("filename").to_owned(), file.length());
        let content = file.content.clone().unwrap_or_default();
        let extension = filename.rsplit_once('.').map_or("none", |(_, extension)| extension);
        if !EXTENSIONS.contains(&extension) {
            let dot = if extension == "none" { "" } else { "." };
            let message = format!(
                "Files with extensions [{dot}{extension}] are not supported for retrieval. See https://platform.openai.com/docs/assistants/tools/file-search/supported-files"
            );
            return Err(Error::invalid("file_ids", "unsupported_file", message));
        }
        let entry = Entry {
            serial,
            created_at: now(),
            filename,
            batch: batch.map(str::to_owned),
            status: "in_progress",
            last_error: None,
            strategy,
            attributes,
            text: String::new(),
            chunks: Vec::new(),
        };
        entries.push((file_id.clone(), entry));
        jobs.push(Job { file_id, serial, strategy, content, bytes });
    }
    let store = find(world, id)?;
    store.last_active_at = now();
    for (file_id, entry) in entries {
        store.detach(&file_id);
        store.files.insert(file_id, entry);
    }
    if !jobs.is_empty() {
        tokio::spawn(index(Arc::downgrade(account), id.to_owned(), jobs));
    }
    Ok(())
}

async fn index(account: Weak<Account>, id: String, jobs: Vec<Job>) {
    tokio::time::sleep(INDEXING_STARTS_AFTER).await;
    for job in jobs {
        let Some(account) = account.upgrade() else { return };
        if find(&mut account.world(), &id).map_or(true, |store| store.awaited(&job).is_none()) {
            continue;
        }
        let (content, bytes, strategy) = (job.content.clone(), job.bytes, job.strategy);
        let parsed = tokio::task::spawn_blocking(move || Parsed::read(bytes, || content.read_all(), strategy)).await;
        let parsed = parsed.unwrap_or(Err(("server_error", "An internal error occurred.")));
        if let Ok(store) = find(&mut account.world(), &id) {
            store.index(&job, parsed);
        }
    }
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let file_ids = body.strings("file_ids", 0..=500)?.unwrap_or_default();
    let strategy = chunking(&mut body)?;
    let created_at = now();
    let store = Store {
        created_at,
        last_active_at: created_at,
        name: body.string("name")?.unwrap_or_default(),
        description: body.string("description")?,
        metadata: body.labels("metadata", true)?.unwrap_or_default(),
        expires_after_days: expiration(&mut body)?,
        files: Shelf::default(),
        batches: Shelf::default(),
        scorer: Scorer::new(),
    };
    body.finish()?;
    let mut world = account.world();
    let id = world.mint("vs_");
    world.of::<Stores>().0.insert(id.clone(), store);
    let attach_one = |file_id| Attach { file_id, attributes: Labels::new(), strategy };
    let attached = attach(&account, &mut world, &id, None, file_ids.into_iter().map(attach_one).collect());
    if attached.is_err() {
        world.of::<Stores>().0.remove(&id);
    }
    attached?;
    Ok(Answer(find(&mut world, &id)?.show(&id)))
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Answer<Value>> {
    let page = PAGING.read(&mut query)?;
    query.finish()?;
    let mut world = account.world();
    let ids: Vec<String> = world.of::<Stores>().0.iter().map(|(id, _)| id.clone()).collect();
    ids.iter().try_for_each(|id| find(&mut world, id).map(drop))?;
    world.of::<Stores>().0.page(&page, |id, store| Some(store.show(id))).map(Answer)
}

async fn retrieve(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    Ok(Answer(find(&mut account.world(), &id)?.show(&id)))
}

async fn update(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let (renamed, relabelled) = (body.mentions("name"), body.mentions("metadata"));
    let rescheduled = body.mentions("expires_after");
    let name = body.string("name")?;
    let metadata = body.labels("metadata", true)?;
    let days = expiration(&mut body)?;
    body.finish()?;
    let mut world = account.world();
    let store = find(&mut world, &id)?;
    if renamed {
        store.name = name.unwrap_or_default();
    }
    if relabelled {
        store.metadata = metadata.unwrap_or_default();
    }
    if rescheduled {
        store.expires_after_days = days;
    }
    Ok(Answer(store.show(&id)))
}

async fn delete(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    find(&mut world, &id)?;
    world.of::<Stores>().0.remove(&id);
    Ok(Answer(json!({"id": id, "object": "vector_store.deleted", "deleted": true})))
}

async fn search(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let queries = match body.take("query") {
        Some(Value::String(query)) => Some(vec![query]),
        Some(Value::Array(items)) => {
            Params::nested(String::new(), json!({"query": items}))?.strings("query", 1..=usize::MAX)?
        }
        Some(other) => return Err(mistyped("query", "a string or an array of strings", &other)),
        None => None,
    };
    let queries = body.required("query", queries)?;
    let filter = body.object("filters")?.map(filter::read).transpose()?;
    let most = body.integer("max_num_results", 1..=50)?.unwrap_or(10);
    body.boolean("rewrite_query")?;
    let mut threshold = 0.0;
    if let Some(mut ranking) = body.object("ranking_options")? {
        ranking.one_of("ranker", &["none", "auto", "default-2024-11-15"])?;
        threshold = ranking.number("score_threshold", 0.0..=1.0)?.unwrap_or(0.0);
        ranking.finish()?;
    }
    body.finish()?;

    let most = usize::try_from(most).unwrap_or_default();
    let data = search_in(&mut account.world(), &id, &queries, filter.as_ref(), threshold, most)?;
    Ok(Answer(json!({
        "object": "vector_store.search_results.page", "search_query": queries, "data": data, "has_more": false,
        "next_page": null,
    })))
}

/// What a store has on some queries, best first: each a result as the search endpoint shows it.
pub(crate) fn search_in(
    world: &mut World,
    id: &str,
    queries: &[String],
    filter: Option<&Filter>,
    threshold: f64,
    most: usize,
) -> Result<Vec<Value>> {
    let store = find(world, id)?;
    store.last_active_at = now();
    let admitted = |entry: &Entry| filter.is_none_or(|filter| filter.admits(&entry.attributes));
    let entries: HashMap<u64, (&String, &Entry)> =
        store.files.iter().filter(|(_, entry)| admitted(entry)).map(|found| (found.1.serial, found)).collect();
    let mut best: HashMap<(u64, usize), f32> = HashMap::new();
    for hit in queries.iter().flat_map(|query| store.scorer.matches(&embed(query))) {
        let score = best.entry(hit.id).or_default();
        *score = score.max(hit.score);
    }
    let mut hits: Vec<_> = best.into_iter().map(|(chunk, score)| (chunk, normal(score))).collect();
    hits.retain(|((serial, _), score)| entries.contains_key(serial) && *score >= threshold);
    // Equal scores in the order of the files and their chunks, or the answer would change from run to run.
    hits.sort_by(|(a, score_a), (b, score_b)| score_b.total_cmp(score_a).then_with(|| a.cmp(b)));
    let show = |((serial, chunk), score): ((u64, usize), f64)| {
        let (file_id, entry) = entries.get(&serial)?;
        let text = entry.text.get(entry.chunks.get(chunk)?.clone())?;
        Some(json!({
            "file_id": file_id, "filename": entry.filename, "score": score, "attributes": entry.attributes,
            "content": [{"type": "text", "text": text}],
        }))
    };
    Ok(hits.into_iter().filter_map(show).take(most).collect())
}

async fn create_file(
    Extension(account): Caller,
    Path(id): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let file = read_attach(&mut body)?;
    body.finish()?;
    let file_id = file.file_id.clone();
    let mut world = account.world();
    find(&mut world, &id)?;
    attach(&account, &mut world, &id, None, vec![file])?;
    Ok(Answer(find_file(&mut world, &id, &file_id)?.show(&id, &file_id)))
}

fn read_attach(params: &mut Params) -> Result<Attach> {
    let file_id = params.need("file_id", Params::string)?;
    let attributes = params.labels("attributes", false)?.unwrap_or_default();
    Ok(Attach { file_id, attributes, strategy: chunking(params)? })
}

fn read_files_page(query: &mut Params) -> Result<(Page, Option<&'static str>)> {
    Ok((PAGING.read(query)?, query.one_of("filter", STATUSES)?))
}

async fn list_files(
    Extension(account): Caller,
    Path(id): Path<String>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let (page, status) = read_files_page(&mut query)?;
    query.finish()?;
    let wanted = |entry: &Entry| status.is_none_or(|status| status == entry.status);
    let mut world = account.world();
    let show = |file_id: &str, entry: &Entry| wanted(entry).then(|| entry.show(&id, file_id));
    find(&mut world, &id)?.files.page(&page, show).map(Answer)
}

async fn retrieve_file(Extension(account): Caller, Path((id, file_id)): Path<(String, String)>) -> Result<Response> {
    Ok(polled(find_file(&mut account.world(), &id, &file_id)?.show(&id, &file_id)))
}

async fn update_file(
    Extension(account): Caller,
    Path((id, file_id)): Path<(String, String)>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    body.required("attributes", body.mentions("attributes").then_some(()))?;
    let attributes = body.labels("attributes", false)?.unwrap_or_default();
    body.finish()?;
    let mut world = account.world();
    let entry = find_file(&mut world, &id, &file_id)?;
    entry.attributes = attributes;
    Ok(Answer(entry.show(&id, &file_id)))
}

async fn delete_file(Extension(account): Caller, Path((id, file_id)): Path<(String, String)>) -> Result<Answer<Value>> {
    if !find(&mut account.world(), &id)?.detach(&file_id) {
        return Err(no_file(&id, &file_id));
    }
    Ok(Answer(json!({"id": file_id, "object": "vector_store.file.deleted", "deleted": true})))
}

async fn file_content(
    Extension(account): Caller,
    Path((id, file_id)): Path<(String, String)>,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    let entry = find_file(&mut world, &id, &file_id)?;
    let data: Vec<Value> = entry.chunk_texts().map(|text| json!({"type": "text", "text": text})).collect();
    Ok(Answer(json!({"object": "vector_store.file_content.page", "data": data, "has_more": false, "next_page": null})))
}

async fn create_batch(
    Extension(account): Caller,
    Path(id): Path<String>,
    Json(mut body): Json,
) -> Result<Answer<Value>> {
    let file_ids = body.strings("file_ids", 1..=2000)?;
    let files = body.array("files", 1..=2000)?;
    let attributes = body.labels("attributes", false)?.unwrap_or_default();
    let strategy = chunking(&mut body)?;
    body.finish()?;
    let files = match (file_ids, files) {
        (Some(_), Some(_)) => {
            let message =
                "Mutually exclusive parameters: 'file_ids' and 'files'. Ensure you are only providing one of them.";
            return Err(Error::invalid("files", "mutually_exclusive_parameters", message));
        }
        (Some(file_ids), None) => {
            file_ids.into_iter().map(|file_id| Attach { file_id, attributes: attributes.clone(), strategy }).collect()
        }
        (None, Some(files)) => files.into_iter().map(read_batch_file).collect::<Result<Vec<_>>>()?,
        (None, None) => {
            let message = "Missing required parameter: one of 'file_ids' and 'files'.";
            return Err(Error::invalid("file_ids", "missing_required_parameter", message));
        }
    };

    let mut world = account.world();
    find(&mut world, &id)?;
    let batch_id = world.mint("vsfb_");
    attach(&account, &mut world, &id, Some(&batch_id), files)?;
    let store = find(&mut world, &id)?;
    store.batches.insert(batch_id.clone(), Batch { created_at: now(), cancelled: false });
    store.show_batch(&id, &batch_id).map(Answer)
}

fn read_batch_file((path, value): (String, Value)) -> Result<Attach> {
    let mut params = Params::nested(path, value)?;
    let file = read_attach(&mut params)?;
    params.finish()?;
    Ok(file)
}

async fn retrieve_batch(Extension(account): Caller, Path((id, batch_id)): Path<(String, String)>) -> Result<Response> {
    find(&mut account.world(), &id)?.show_batch(&id, &batch_id).map(polled)
}

/// Stops the files that are not indexed yet. A batch that is done stays as it is.
async fn cancel_batch(
    Extension(account): Caller,
    Path((id, batch_id)): Path<(String, String)>,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    let store = find(&mut world, &id)?;
    store.show_batch(&id, &batch_id)?;
    let mut stopped = false;
    for (_, entry) in store.files.iter_mut() {
        if entry.batch.as_ref() == Some(&batch_id) && entry.status == "in_progress" {
            entry.status = "cancelled";
            stopped = true;
        }
    }
    if let Some(batch) = store.batches.get_mut(&batch_id) {
        batch.cancelled |= stopped;
    }
    store.show_batch(&id, &batch_id).map(Answer)
}

async fn list_batch_files(
    Extension(account): Caller,
    Path((id, batch_id)): Path<(String, String)>,
    Query(mut query): Query,
) -> Result<Answer<Value>> {
    let (page, status) = read_files_page(&mut query)?;
    query.finish()?;
    let mut world = account.world();
    let store = find(&mut world, &id)?;
    store.show_batch(&id, &batch_id)?;
    let wanted =
        |entry: &Entry| entry.batch.as_ref() == Some(&batch_id) && status.is_none_or(|status| status == entry.status);
    let show = |file_id: &str, entry: &Entry| wanted(entry).then(|| entry.show(&id, file_id));
    store.files.page(&page, show).map(Answer)
}
