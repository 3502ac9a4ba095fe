//! `/containers`, in which code interpreters work.
//!
//! # Where it differs from the API
//!
//! Nothing runs in a container, and none expires. It has the files that callers put there; its skills have to exist, and are not looked at.

use axum::extract::{DefaultBodyLimit, Extension, FromRequest, Multipart, Path, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use crate::api::{files, skills};
use crate::content::Content;
use crate::crud::{self, Collection, Field, Need, Verb};
use crate::error::{Error, Result};
use crate::form::Form;
use crate::json::text;
use crate::params::{Json, Params, Query};
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

const LARGEST: u64 = 512 * 1024 * 1024;

static CONTAINERS: Collection = Collection {
    path: "/containers",
    serves: &[Verb::List, Verb::Get],
    object: "container",
    prefix: "cntr_",
    fields: &[
        Field { name: "name", read: crud::text, create: Need::Must, modify: Need::No },
        Field { name: "status", read: |_, _| Ok(Some("running".into())), create: Need::May, modify: Need::No },
        Field { name: "last_active_at", read: |_, _| Ok(Some(now().into())), create: Need::May, modify: Need::No },
        Field { name: "expires_after", read: expires_after, create: Need::May, modify: Need::No },
        Field { name: "memory_limit", read: memory_limit, create: Need::May, modify: Need::No },
        Field { name: "network_policy", read: network_policy, create: Need::May, modify: Need::No },
    ],
    paging: Paging::NEWEST,
    filters: &["name"],
    deleted: "container.deleted",
    missing: |id| Error::not_found(format!("Container with id '{id}' not found.")),
};

static FILES: Collection = Collection {
    path: "/containers/{container_id}/files",
    serves: &[Verb::Get],
    object: "container.file",
    prefix: "cfile_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "container.file.deleted",
    missing: |id| Error::not_found(format!("Container file with id '{id}' not found.")),
};

pub(crate) fn routes() -> Router {
    CONTAINERS
        .routes()
        .route("/containers", post(create))
        .route("/containers/{id}", delete(remove))
        .merge(FILES.routes())
        .route(FILES.path, get(list_files).post(create_file).layer(DefaultBodyLimit::disable()))
        .route("/containers/{container_id}/files/{id}", delete(remove_file))
        .route("/containers/{container_id}/files/{id}/content", get(content))
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let copied = body.strings("file_ids", 0..=usize::MAX)?.unwrap_or_default();
    let skills = skills::references(&mut body)?;
    let mut world = account.world();
    for id in &copied {
        files::find(&mut world, id)?;
    }
    skills::check(&mut world, &skills)?;
    let made = CONTAINERS.make(&mut world, "", body)?;
    for id in &copied {
        copy(&mut world, text(&made, "id"), id)?;
    }
    Ok(Answer(made))
}

async fn remove(Extension(account): Caller, Path(id): Path<String>) -> Result<StatusCode> {
    let mut world = account.world();
    check(&mut world, &id)?;
    CONTAINERS.shelf(&mut world, "").remove(&id);
    let files = FILES.shelf(&mut world, &id);
    let ids: Vec<String> = files.iter().map(|(id, _)| id.clone()).collect();
    for id in ids {
        files.remove(&id);
    }
    Ok(StatusCode::OK)
}

/// Puts an uploaded file into a container.
fn copy(world: &mut World, container: &str, file_id: &str) -> Result<Value> {
    let file = files::find(world, file_id)?;
    let (name, bytes, content) = (file.text("filename").to_owned(), file.length(), file.content.clone());
    Ok(put(world, container, &name, bytes, content.unwrap_or_default()))
}

fn put(world: &mut World, container: &str, name: &str, bytes: u64, content: Content) -> Value {
    let fields =
        json!({"bytes": bytes, "container_id": container, "path": format!("/mnt/data/{name}"), "source": "user"});
    FILES.insert(world, container, fields.as_object().cloned().unwrap_or_default(), Some(content))
}

async fn list_files(
    Extension(account): Caller,
    Path(container): Path<String>,
    Query(query): Query,
) -> Result<Answer<Value>> {
    let mut world = account.world();
    check(&mut world, &container)?;
    FILES.list(&mut world, &container, query).map(Answer)
}

/// A file comes as a form, the id of an uploaded one as JSON.
async fn create_file(
    Extension(account): Caller,
    Path(container): Path<String>,
    request: Request,
) -> Result<Answer<Value>> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        let Json(mut body) = Json::from_request(request, &()).await?;
        let file_id = body.need("file_id", Params::string)?;
        body.finish()?;
        let mut world = account.world();
        check(&mut world, &container)?;
        return copy(&mut world, &container, &file_id).map(Answer);
    }
    let form =
        Multipart::from_request(request, &()).await.map_err(|fault| Error::new(fault.status(), fault.body_text()))?;
    let mut form = Form::read(form, LARGEST).await?;
    let file = form.file("file", LARGEST)?;
    form.finish()?;
    let mut world = account.world();
    check(&mut world, &container)?;
    Ok(Answer(put(&mut world, &container, &file.filename, file.bytes, file.content)))
}

async fn remove_file(Extension(account): Caller, Path((container, id)): Path<(String, String)>) -> Result<StatusCode> {
    let mut world = account.world();
    FILES.find(&mut world, &container, &id)?;
    FILES.shelf(&mut world, &container).remove(&id);
    Ok(StatusCode::OK)
}

async fn content(Extension(account): Caller, Path((container, id)): Path<(String, String)>) -> Result<Response> {
    let mut world = account.world();
    let file = FILES.find(&mut world, &container, &id)?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, file.length().to_string()),
    ];
    Ok((headers, file.content.clone().unwrap_or_default().into_body()).into_response())
}

/// Refuses a container that is not there.
pub(crate) fn check(world: &mut World, id: &str) -> Result<()> {
    CONTAINERS.find(world, "", id).map(drop)
}

/// A container for a response that brings none.
pub(crate) fn open(world: &mut World) -> Result<String> {
    let made = CONTAINERS.make(world, "", Params::nested(String::new(), json!({"name": "auto"}))?)?;
    Ok(text(&made, "id").to_owned())
}

fn expires_after(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut after) = params.object(name)? else {
        return Ok(Some(json!({"anchor": "last_active_at", "minutes": 20})));
    };
    let anchor = after.need("anchor", |params, name| params.one_of(name, &["last_active_at"]))?;
    let minutes = after.need("minutes", |params, name| params.integer(name, 1..=20))?;
    after.finish()?;
    Ok(Some(json!({"anchor": anchor, "minutes": minutes})))
}

/// `memory_limit` of a container.
pub(crate) fn memory_limit(params: &mut Params, name: &str) -> Result<Option<Value>> {
    Ok(Some(params.one_of(name, &["1g", "4g", "16g", "64g"])?.unwrap_or("1g").into()))
}

/// `network_policy` of a container.
pub(crate) fn network_policy(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let Some(mut policy) = params.object(name)? else { return Ok(Some(json!({"type": "disabled"}))) };
    let kind = policy.need("type", |params, name| params.one_of(name, &["allowlist", "disabled"]))?;
    if kind == "disabled" {
        policy.finish()?;
        return Ok(Some(json!({"type": "disabled"})));
    }
    let domains = policy.need("allowed_domains", |params, name| params.strings(name, 1..=usize::MAX))?;
    for (path, secret) in policy.array("domain_secrets", 1..=usize::MAX)?.unwrap_or_default() {
        let mut secret = Params::nested(path, secret)?;
        for name in ["domain", "name", "value"] {
            secret.need(name, |secret, name| secret.bounded(name, 1..=10_485_760))?;
        }
        secret.finish()?;
    }
    policy.finish()?;
    Ok(Some(json!({"type": "allowlist", "allowed_domains": domains})))
}
