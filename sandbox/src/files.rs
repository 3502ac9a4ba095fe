//! `/files`.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, Extension, Multipart, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tempfile::SpooledTempFile;

use crate::error::{Error, Result};
use crate::params::{Params, Query};
use crate::shelf::Page;
use crate::world::{Caller, World, lock, now};

const LARGEST: u64 = 512 * 1024 * 1024;
const IN_MEMORY: usize = 64 * 1024;
const READ_AT_ONCE: usize = 256 * 1024;
const PURPOSES: &[&str] = &["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];
const THIRTY_DAYS: i64 = 30 * 24 * 3600;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/files", get(list).post(upload).layer(DefaultBodyLimit::disable()))
        .route("/files/{file_id}", get(retrieve).delete(delete))
        .route("/files/{file_id}/content", get(content))
}

pub(crate) struct File {
    pub(crate) created_at: u64,
    pub(crate) filename: String,
    pub(crate) purpose: &'static str,
    pub(crate) bytes: u64,
    pub(crate) expires_at: Option<u64>,
    pub(crate) content: Content,
}

impl File {
    fn show(&self, id: &str) -> Value {
        json!({
            "id": id, "object": "file", "bytes": self.bytes, "created_at": self.created_at, "expires_at": self.expires_at,
            "filename": self.filename, "purpose": self.purpose, "status": "processed", "status_details": null,
        })
    }
}

/// The bytes of a file: in memory, or in a temporary file without a name. A clone is the same file.
#[derive(Clone)]
pub(crate) struct Content(Arc<Mutex<SpooledTempFile>>);

impl Default for Content {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SpooledTempFile::new(IN_MEMORY))))
    }
}

impl Content {
    /// A content that is all there.
    pub(crate) fn holding(bytes: &[u8]) -> Self {
        let content = Self::default();
        // What is too large for memory and cannot be stored reads as empty.
        let _ = content.append(bytes);
        content
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.0).write_all(bytes)
    }

    fn read_at(&self, offset: u64) -> io::Result<Bytes> {
        let mut file = lock(&self.0);
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        (&mut *file).take(READ_AT_ONCE as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    pub(crate) fn read_all(&self) -> io::Result<Vec<u8>> {
        let mut file = lock(&self.0);
        file.rewind()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn into_body(self) -> Body {
        Body::from_stream(stream::try_unfold((self, 0), |(content, offset)| async move {
            let reader = content.clone();
            let bytes = tokio::task::spawn_blocking(move || reader.read_at(offset)).await??;
            let next = offset + bytes.len() as u64;
            io::Result::Ok((!bytes.is_empty()).then_some((bytes, (content, next))))
        }))
    }
}

pub(crate) fn find<'a>(world: &'a World, id: &str) -> Result<&'a File> {
    world.files.get(id).ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Error {
    Error::not_found(format!("No such File object: {id}")).param("id")
}

async fn upload(Extension(account): Caller, mut form: Multipart) -> Result<Json<Value>> {
    let broken = |fault: axum::extract::multipart::MultipartError| Error::new(fault.status(), fault.body_text());
    let mut file = None;
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match (field.name().unwrap_or_default().to_owned(), field.file_name().map(str::to_owned)) {
            (name, Some(filename)) if name == "file" => file = Some((filename, receive(field).await?)),
            (name, _) => fields.push((name, field.text().await.map_err(broken)?)),
        }
    }

    let mut params = Params::query(fields);
    if params.mentions("file") {
        let message = "Invalid type for 'file': expected a file, but got a string instead.";
        return Err(Error::invalid("file", "invalid_type", message));
    }
    let (filename, (content, bytes)) = params.required("file", file)?;
    let purpose = params.one_of("purpose", PURPOSES)?;
    let purpose = params.required("purpose", purpose)?;
    let anchor = params.one_of("expires_after[anchor]", &["created_at"])?;
    let seconds = params.integer("expires_after[seconds]", 3600..=THIRTY_DAYS)?;
    let seconds = match (anchor, seconds) {
        (None, None) => (purpose == "batch").then_some(THIRTY_DAYS),
        (anchor, seconds) => {
            params.required("expires_after[anchor]", anchor)?;
            Some(params.required("expires_after[seconds]", seconds)?)
        }
    };
    params.finish()?;

    let created_at = now();
    let expires_at = seconds.map(|seconds| created_at + seconds.unsigned_abs());
    let file = File { created_at, filename, purpose, bytes, expires_at, content };
    let mut world = account.world();
    let id = world.mint("file-");
    let shown = file.show(&id);
    world.files.insert(id, file);
    Ok(Json(shown))
}

/// Stores the bytes of a part as they come. A file that is too large is read to its end all the same, since a client
/// that is still sending would see a broken connection in place of the answer.
async fn receive(mut field: Field<'_>) -> Result<(Content, u64)> {
    let content = Content::default();
    let mut length = 0;
    while let Some(chunk) = field.chunk().await.map_err(|fault| Error::new(fault.status(), fault.body_text()))? {
        length += chunk.len() as u64;
        if length <= LARGEST {
            content.append(&chunk).map_err(unstored)?;
        }
    }
    if length > LARGEST {
        let message = format!("Maximum content size limit ({LARGEST}) exceeded ({length} bytes read)");
        return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message).param("file"));
    }
    Ok((content, length))
}

fn unstored(fault: io::Error) -> Error {
    Error::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The sandbox could not store the file: {fault}."))
}

async fn list(Extension(account): Caller, Query(mut query): Query) -> Result<Json<Value>> {
    let page = Page::read(&mut query, 10_000, 10_000)?;
    let purpose = query.string("purpose")?;
    query.finish()?;
    let wanted = |file: &File| purpose.as_deref().is_none_or(|purpose| purpose == file.purpose);
    account.world().files.page(&page, |id, file| wanted(file).then(|| file.show(id))).map(Json)
}

async fn retrieve(Extension(account): Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    find(&account.world(), &id).map(|file| Json(file.show(&id)))
}

async fn delete(Extension(account): Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    account.world().remove_file(&id).ok_or_else(|| missing(&id))?;
    Ok(Json(json!({"id": id, "object": "file", "deleted": true})))
}

async fn content(Extension(account): Caller, Path(id): Path<String>) -> Result<Response> {
    let world = account.world();
    let file = find(&world, &id)?;
    if matches!(file.purpose, "assistants" | "user_data") {
        let message = format!("Not allowed to download files of purpose: {}", file.purpose);
        return Err(Error::new(StatusCode::BAD_REQUEST, message));
    }
    let name: String =
        file.filename.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' }).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, file.bytes.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, file.content.clone().into_body()).into_response())
}
