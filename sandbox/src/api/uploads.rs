//! `/uploads`.
//!
//! # Where it differs from the API
//!
//! An upload takes parts for an hour, and is not told to have expired before it is asked for. The media type of a file says
//! nothing here.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Extension, Multipart, Path};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json as Answer, Router};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::api::files;
use crate::content::Content;
use crate::error::{Error, Result};
use crate::form::Form;
use crate::params::{Json, Params};
use crate::shelf::Shelf;
use crate::world::{Account, Caller, World, now};

const LARGEST: i64 = 8 * 1024 * 1024 * 1024;
const LARGEST_PART: u64 = 64 * 1024 * 1024;
const HOUR: u64 = 3600;
const THIRTY_DAYS: i64 = 30 * 24 * 3600;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/uploads", post(create))
        .route("/uploads/{id}/parts", post(add).layer(DefaultBodyLimit::disable()))
        .route("/uploads/{id}/complete", post(complete))
        .route("/uploads/{id}/cancel", post(cancel))
}

#[derive(Default)]
struct Uploads(Shelf<Upload>);

struct Upload {
    created_at: u64,
    bytes: u64,
    filename: String,
    purpose: &'static str,
    status: &'static str,
    lives: Option<u64>,
    parts: Vec<Part>,
}

#[derive(Clone)]
struct Part {
    id: String,
    bytes: u64,
    content: Content,
}

impl Upload {
    fn show(&self, id: &str, file: Option<Value>) -> Value {
        json!({
            "id": id, "object": "upload", "bytes": self.bytes, "created_at": self.created_at, "filename": self.filename,
            "purpose": self.purpose, "status": self.status, "expires_at": self.created_at + HOUR, "file": file,
        })
    }
}

/// An upload that still takes parts.
fn pending<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Upload> {
    let upload = world.of::<Uploads>().0.get_mut(id);
    let upload = upload.ok_or_else(|| Error::not_found(format!("No such Upload object: {id}")).param("id"))?;
    if upload.status == "pending" && upload.created_at + HOUR <= now() {
        upload.status = "expired";
    }
    match upload.status {
        "pending" => Ok(upload),
        status => Err(Error::new(StatusCode::BAD_REQUEST, format!("Upload has status '{status}', not 'pending'."))),
    }
}

async fn create(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let bytes = body.need("bytes", |params, name| params.integer(name, 1..=LARGEST))?;
    let filename = body.need("filename", Params::string)?;
    body.need("mime_type", Params::string)?;
    let purpose = body.need("purpose", |params, name| params.one_of(name, files::PURPOSES))?;
    let lives = match body.object("expires_after")? {
        None => (purpose == "batch").then_some(THIRTY_DAYS),
        Some(mut after) => {
            after.need("anchor", |params, name| params.one_of(name, &["created_at"]))?;
            let seconds = after.need("seconds", |params, name| params.integer(name, 3600..=THIRTY_DAYS))?;
            after.finish()?;
            Some(seconds)
        }
    };
    body.finish()?;
    let mut world = account.world();
    let id = world.mint("upload_");
    let upload = Upload {
        created_at: now(),
        bytes: bytes.unsigned_abs(),
        filename,
        purpose,
        status: "pending",
        lives: lives.map(i64::unsigned_abs),
        parts: Vec::new(),
    };
    let shown = upload.show(&id, None);
    world.of::<Uploads>().0.insert(id, upload);
    Ok(Answer(shown))
}

async fn add(Extension(account): Caller, Path(id): Path<String>, form: Multipart) -> Result<Answer<Value>> {
    let mut form = Form::read(form, LARGEST_PART).await?;
    let file = form.file("data", LARGEST_PART)?;
    form.finish()?;
    let mut world = account.world();
    pending(&mut world, &id)?;
    let part = world.mint("part_");
    let upload = pending(&mut world, &id)?;
    upload.parts.push(Part { id: part.clone(), bytes: file.bytes, content: file.content });
    Ok(Answer(json!({"id": part, "object": "upload.part", "created_at": now(), "upload_id": id})))
}

async fn complete(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let ids = body.need("part_ids", |params, name| params.strings(name, 1..=usize::MAX))?;
    let md5 = body.string("md5")?;
    body.finish()?;
    let parts = {
        let mut world = account.world();
        let upload = pending(&mut world, &id)?;
        let find = |id: &String| upload.parts.iter().find(|part| part.id == *id).cloned();
        let missing = |id: &String| {
            let message = format!("No such part in this upload: {id}");
            Error::invalid("part_ids", "invalid_value", message)
        };
        let parts: Vec<Part> = ids.iter().map(|id| find(id).ok_or_else(|| missing(id))).collect::<Result<_>>()?;
        let sum: u64 = parts.iter().map(|part| part.bytes).sum();
        if sum != upload.bytes {
            let message = format!("The parts have {sum} bytes, but the upload was created for {} bytes.", upload.bytes);
            return Err(Error::invalid("part_ids", "invalid_value", message));
        }
        parts
    };
    let joined = tokio::task::spawn_blocking(move || join(&parts)).await;
    let broken = |_| Error::new(StatusCode::INTERNAL_SERVER_ERROR, "the parts could not be joined");
    let (content, hash) = joined.map_err(broken)?.map_err(|_| broken_file())?;
    if md5.is_some_and(|md5| !md5.eq_ignore_ascii_case(&hash)) {
        let message = format!("The md5 of the parts is {hash}, which is not the one that was given.");
        return Err(Error::invalid("md5", "invalid_value", message));
    }
    end(&account, &id, content)
}

fn broken_file() -> Error {
    Error::new(StatusCode::INTERNAL_SERVER_ERROR, "there is no room for the file")
}

/// The parts as one content, and the MD5 of it.
fn join(parts: &[Part]) -> std::io::Result<(Content, String)> {
    let (content, mut hash) = (Content::default(), Md5::new());
    for part in parts {
        let bytes = part.content.read_all()?;
        hash.update(&bytes);
        content.append(&bytes)?;
    }
    Ok((content, hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

fn end(account: &Arc<Account>, id: &str, content: Content) -> Result<Answer<Value>> {
    let mut world = account.world();
    let upload = pending(&mut world, id)?;
    upload.status = "completed";
    upload.parts.clear();
    let (filename, purpose, bytes, lives) = (upload.filename.clone(), upload.purpose, upload.bytes, upload.lives);
    let file = files::keep(&mut world, &filename, purpose, (bytes, content), lives);
    let upload = world.of::<Uploads>().0.get(id).map(|upload| upload.show(id, Some(file)));
    Ok(Answer(upload.unwrap_or_default()))
}

async fn cancel(Extension(account): Caller, Path(id): Path<String>) -> Result<Answer<Value>> {
    let mut world = account.world();
    let upload = pending(&mut world, &id)?;
    upload.status = "cancelled";
    upload.parts.clear();
    Ok(Answer(upload.show(&id, None)))
}
