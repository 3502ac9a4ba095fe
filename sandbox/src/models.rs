//! `/models/{model}`: every name is a model here.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json as Answer, Router};
use serde_json::{Value, json};

/// When models of the sandbox were made, in seconds since the epoch.
const CREATED: u64 = 1_750_000_000;

pub(crate) fn routes() -> Router {
    Router::new().route("/models/{model}", get(retrieve))
}

async fn retrieve(Path(model): Path<String>) -> Answer<Value> {
    Answer(json!({"id": model, "object": "model", "created": CREATED, "owned_by": "sandbox"}))
}
