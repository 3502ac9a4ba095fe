//! `/content_provenance_checks` and `/safety`.
//!
//! # Where it differs from the API
//!
//! A C2PA manifest is found by the letters `c2pa` in a file, and not validated; of SynthID there is never a trace. There is
//! one alert, [`ALERT`], and one case, [`CASE`], about nothing that happened.

use axum::extract::{DefaultBodyLimit, Multipart, Path};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::form::Form;
use crate::world::now;

const LARGEST: u64 = 50 * 1024 * 1024;
const ALERT: &str = "safety_alert_sandbox";
const CASE: &str = "safety_case_sandbox";
/// When alert and case were made, in seconds since the epoch.
const CREATED: u64 = 1_790_000_000;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/content_provenance_checks", post(check).layer(DefaultBodyLimit::disable()))
        .route("/safety/alerts/{id}", get(alert))
        .route("/safety/cases/{id}", get(case))
}

async fn check(form: Multipart) -> Result<Answer<Value>> {
    let mut form = Form::read(form, LARGEST).await?;
    let file = form.file("file", LARGEST)?;
    form.finish()?;
    let bytes = file.content.read_all().unwrap_or_default();
    let found = bytes.windows(4).any(|four| four.eq_ignore_ascii_case(b"c2pa"));
    let (outcome, state) = if found { ("detected", "valid") } else { ("not_detected", "not_present") };
    let manifest = json!({"type": "c2pa", "outcome": outcome, "validation_state": state, "issuer": null, "model": null, "generated_at": null});
    let watermark = json!({"type": "synthid", "outcome": "not_detected", "model": null, "generated_at": null});
    let results = match kind(&bytes) {
        Some(Kind::Image) => json!([manifest, watermark]),
        Some(Kind::Sound) => json!([watermark]),
        None => {
            let message = "Unsupported file type. Supported are PNG, JPEG, WebP and GIF images, and audio.";
            return Err(Error::invalid("file", "unsupported_file_type", message));
        }
    };
    Ok(Answer(json!({"object": "content_provenance_check", "created_at": now(), "results": results})))
}

enum Kind {
    Image,
    Sound,
}

/// What a file is, by its first bytes.
fn kind(bytes: &[u8]) -> Option<Kind> {
    let begins = |magic: &[&[u8]]| magic.iter().any(|magic| bytes.starts_with(magic));
    let within = |magic: &[u8]| bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(magic);
    if begins(&[b"\x89PNG", b"\xff\xd8\xff", b"GIF8"]) || within(b"WEBP") {
        Some(Kind::Image)
    } else if begins(&[b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"OggS", b"fLaC"])
        || within(b"WAVE")
        || bytes.get(4..8) == Some(b"ftyp")
    {
        Some(Kind::Sound)
    } else {
        None
    }
}

async fn alert(Path(id): Path<String>) -> Result<Answer<Value>> {
    if id != ALERT {
        return Err(Error::not_found(format!("Safety alert with id '{id}' not found.")).param("id"));
    }
    Ok(Answer(json!({
        "id": ALERT, "object": "safety.alert", "created_at": CREATED, "error_type": "potentially_unintended_data_transfer",
        "model": "gpt-6-luna", "reason": "A rehearsal: nothing happened.", "request_id": "req_sandbox", "request_paused": false,
        "response_id": "resp_sandbox",
    })))
}

async fn case(Path(id): Path<String>) -> Result<Answer<Value>> {
    if id != CASE {
        return Err(Error::not_found(format!("Safety case with id '{id}' not found.")).param("id"));
    }
    Ok(Answer(json!({
        "id": CASE, "object": "safety.case", "created_at": CREATED, "entity_identifier": "user-sandbox",
        "notice": {"type": "warning"}, "reason": "A rehearsal: nothing happened.",
    })))
}
