//! `/chatkit`: sessions of end users' browsers, and their threads.
//!
//! # Where it differs from the API
//!
//! There is no widget that a user could write in: with the first session of a user comes a thread, as if they had asked
//! something. Any id is a workflow's.

use axum::extract::{Extension, Path};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};

use crate::crud::{Collection, Verb};
use crate::error::{Error, Result};
use crate::json;
use crate::params::{Json, Params, Query};
use crate::shelf::{Paging, Shelf};
use crate::world::{Caller, World, now};

const BOTH_WAYS: Paging = Paging { both_ways: true, ..Paging::NEWEST };

static THREADS: Collection = Collection {
    path: "/chatkit/threads",
    serves: &[Verb::List, Verb::Get, Verb::Delete],
    object: "chatkit.thread",
    prefix: "cthr_",
    fields: &[],
    paging: BOTH_WAYS,
    filters: &["user"],
    deleted: "chatkit.thread.deleted",
    missing: |id| Error::not_found(format!("Thread with id '{id}' not found.")),
};

static ITEMS: Collection = Collection {
    path: "/chatkit/threads/{thread_id}/items",
    serves: &[],
    object: "chatkit.thread_item",
    prefix: "cti_",
    fields: &[],
    paging: BOTH_WAYS,
    filters: &[],
    deleted: "chatkit.thread_item.deleted",
    missing: |id| Error::not_found(format!("Item with id '{id}' not found.")),
};

#[derive(Default)]
struct Sessions(Shelf<Value>);

pub(crate) fn routes() -> Router {
    THREADS
        .routes()
        .route("/chatkit/sessions", post(create))
        .route("/chatkit/sessions/{id}/cancel", post(cancel))
        .route("/chatkit/threads/{id}/items", get(items))
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let user = body.need("user", Params::string)?;
    let workflow = body.need("workflow", Params::object)?;
    let workflow = read_workflow(workflow)?;
    let configuration = configuration(body.object("chatkit_configuration")?)?;
    let seconds = match body.object("expires_after")? {
        None => 600,
        Some(mut after) => {
            after.need("anchor", |params, name| params.one_of(name, &["created_at"]))?;
            let seconds = after.need("seconds", |params, name| params.integer(name, 1..=600))?;
            after.finish()?;
            seconds
        }
    };
    let limit = match body.object("rate_limits")? {
        None => None,
        Some(mut limits) => {
            let limit = limits.integer("max_requests_per_1_minute", 1..=i64::MAX)?;
            limits.finish()?;
            limit
        }
    };
    body.finish()?;
    let limit = limit.unwrap_or(10);
    let mut world = account.world();
    let id = world.mint("cksess_");
    let session = json!({
        "id": id, "object": "chatkit.session", "status": "active", "user": user, "workflow": workflow,
        "client_secret": world.mint("ek_"), "expires_at": now().saturating_add_signed(seconds),
        "chatkit_configuration": configuration, "rate_limits": {"max_requests_per_1_minute": limit},
        "max_requests_per_1_minute": limit,
    });
    world.of::<Sessions>().0.insert(id, session.clone());
    write(&mut world, &user);
    Ok(Answer(session))
}

fn read_workflow(mut workflow: Params) -> Result<Value> {
    let id = workflow.need("id", Params::string)?;
    let version = workflow.string("version")?;
    let variables = workflow.labels("state_variables", false)?;
    let tracing = switch(&mut workflow, "tracing")?;
    workflow.finish()?;
    Ok(json!({"id": id, "version": version, "state_variables": variables, "tracing": {"enabled": tracing}}))
}

/// Whether something is on that is on by default.
fn switch(params: &mut Params, name: &str) -> Result<bool> {
    let Some(mut switch) = params.object(name)? else { return Ok(true) };
    let enabled = switch.boolean("enabled")?;
    switch.finish()?;
    Ok(enabled.unwrap_or(true))
}

fn configuration(given: Option<Params>) -> Result<Value> {
    let (mut titling, mut recent) = (true, json!({"enabled": true, "recent_threads": null}));
    let mut files = json!({"enabled": false, "max_file_size": null, "max_files": null});
    if let Some(mut given) = given {
        titling = switch(&mut given, "automatic_thread_titling")?;
        if let Some(mut upload) = given.object("file_upload")? {
            let enabled = upload.boolean("enabled")?.unwrap_or(false);
            let size = upload.integer("max_file_size", 1..=512)?.unwrap_or(512);
            let most = upload.integer("max_files", 1..=i64::MAX)?.unwrap_or(10);
            upload.finish()?;
            files = json!({"enabled": enabled, "max_file_size": size, "max_files": most});
        }
        if let Some(mut history) = given.object("history")? {
            let enabled = history.boolean("enabled")?.unwrap_or(true);
            let threads = history.integer("recent_threads", 1..=i64::MAX)?;
            history.finish()?;
            recent = json!({"enabled": enabled, "recent_threads": threads});
        }
        given.finish()?;
    }
    Ok(json!({"automatic_thread_titling": {"enabled": titling}, "file_upload": files, "history": recent}))
}

/// The thread of a user who has none yet.
fn write(world: &mut World, user: &str) {
    if THREADS.shelf(world, "").iter().any(|(_, thread)| thread.text("user") == user) {
        return;
    }
    let thread = json!({"title": "Opening hours", "status": {"type": "active"}, "user": user});
    let thread = THREADS.insert(world, "", members(thread), None);
    let id = thread.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let question = json!({
        "type": "chatkit.user_message", "thread_id": id, "attachments": [], "inference_options": null,
        "content": [{"type": "input_text", "text": "When do you open?"}],
    });
    let answer = json!({
        "type": "chatkit.assistant_message", "thread_id": id,
        "content": [{"type": "output_text", "text": "At nine, says the sandbox.", "annotations": []}],
    });
    for item in [question, answer] {
        ITEMS.insert(world, &id, members(item), None);
    }
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

async fn cancel(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let session = world.of::<Sessions>().0.get_mut(&id);
    let session = session.ok_or_else(|| Error::not_found(format!("Session with id '{id}' not found.")))?;
    json::put(session, "status", "cancelled");
    Ok(Answer(session.clone()))
}

async fn items(Extension(account): Caller, Path(id): Path<String>, Query(query): Query) -> Result<Answer<Value>> {
    let mut world = account.world();
    THREADS.find(&mut world, "", &id)?;
    ITEMS.list(&mut world, &id, query).map(Answer)
}
