//! `/files`.
//!
//! # Where it differs from the API
//!
//! What is in a file is looked at by who uses it, not on upload. A file of any purpose is `processed` at once.

use axum::extract::{DefaultBodyLimit, Extension, Multipart, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::content::Content;
use crate::crud::{Collection, Object, Verb};
use crate::error::{Error, Result};
use crate::form::Form;
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

const LARGEST: u64 = 512 * 1024 * 1024;
/// What a caller can upload a file for.
pub(crate) const PURPOSES: &[&str] = &["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];
const THIRTY_DAYS: i64 = 30 * 24 * 3600;

static FILES: Collection = Collection {
    path: "/files",
    serves: &[Verb::List, Verb::Get, Verb::Delete],
    object: "file",
    prefix: "file-",
    fields: &[],
    paging: Paging { usual: 10_000, most: 10_000, ..Paging::NEWEST },
    filters: &["purpose"],
    deleted: "file",
    missing: |id| Error::not_found(format!("No such File object: {id}")).param("id"),
};

pub(crate) fn routes() -> Router {
    FILES
        .routes()
        .route("/files", post(upload).layer(DefaultBodyLimit::disable()))
        .route("/files/{file_id}/content", get(content))
}

pub(crate) fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Object> {
    FILES.find(world, "", id)
}

/// Those of some files that are gone.
pub(crate) fn gone(world: &mut World, ids: impl IntoIterator<Item = String>) -> Vec<String> {
    let files = FILES.shelf(world, "");
    ids.into_iter().filter(|id| files.get(id).is_none()).collect()
}

/// Keeps a file of a length in bytes for so many seconds, or until it is deleted, and shows it.
pub(crate) fn keep(
    world: &mut World,
    filename: &str,
    purpose: &str,
    (bytes, content): (u64, Content),
    lives: Option<u64>,
) -> Value {
    let created_at = now();
    let fields = json!({
        "bytes": bytes, "created_at": created_at, "expires_at": lives.map(|lives| created_at + lives), "filename": filename, "purpose": purpose, "status": "processed",
        "status_details": null,
    });
    FILES.insert(world, "", fields.as_object().cloned().unwrap_or_default(), Some(content))
}

async fn upload(Extension(account): Caller, form: Multipart) -> Result<Json<Value>> {
    let mut form = Form::read(form, LARGEST).await?;
    let file = form.file("file", LARGEST)?;
    let params = &mut form.params;
    let purpose = params.need("purpose", |params, name| params.one_of(name, PURPOSES))?;
    let anchor = params.one_of("expires_after[anchor]", &["created_at"])?;
    let seconds = params.integer("expires_after[seconds]", 3600..=THIRTY_DAYS)?;
    let seconds = match (anchor, seconds) {
        (None, None) => (purpose == "batch").then_some(THIRTY_DAYS),
        (anchor, seconds) => {
            params.required("expires_after[anchor]", anchor)?;
            Some(params.required("expires_after[seconds]", seconds)?)
        }
    };
    form.finish()?;
    let mut world = account.world();
    let lives = seconds.map(i64::unsigned_abs);
    Ok(Json(keep(&mut world, &file.filename, purpose, (file.bytes, file.content), lives)))
}

async fn content(Extension(account): Caller, Path(id): Path<String>) -> Result<Response> {
    let mut world = account.world();
    let file = find(&mut world, &id)?;
    let purpose = file.text("purpose");
    if matches!(purpose, "assistants" | "user_data") {
        let message = format!("Not allowed to download files of purpose: {purpose}");
        return Err(Error::new(StatusCode::BAD_REQUEST, message));
    }
    let plain = |c: char| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' };
    let name: String = file.text("filename").chars().map(plain).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, file.length().to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, file.content.clone().unwrap_or_default().into_body()).into_response())
}
