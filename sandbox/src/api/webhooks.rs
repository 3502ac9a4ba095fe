//! `/webhook_endpoints`, and the types of events that they can be called for.
//!
//! # Where it differs from the API
//!
//! Nothing is delivered: a test answers 200 in the endpoint's place. A secret that was replaced is void at once.

use axum::extract::{Extension, Path};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_studio::hash::splitmix;
use serde_json::{Map, Value, json};

use crate::crud::{self, Collection, Field, Need, Verb};
use crate::error::{Error, Result};
use crate::params::{Json, Params};
use crate::shelf::Paging;
use crate::world::{Caller, World, now};

const TYPES: &[&str] = &[
    "batch.completed",
    "batch.failed",
    "batch.expired",
    "batch.cancelled",
    "response.completed",
    "response.failed",
    "response.cancelled",
    "response.incomplete",
    "eval.run.succeeded",
    "eval.run.failed",
    "eval.run.canceled",
    "fine_tuning.job.succeeded",
    "fine_tuning.job.failed",
    "fine_tuning.job.cancelled",
    "realtime.call.incoming",
    "video.completed",
    "video.failed",
    "agent.environment.ready",
    "agent.environment.failed",
    "agent.environment.suspended",
    "agent.environment.expired",
    "agent.session.created",
    "agent.session.action_required",
    "agent.session.in_progress",
    "agent.session.idle",
    "agent.session.failed",
    "safety.alert.created",
];

static ENDPOINTS: Collection = Collection {
    path: "/webhook_endpoints",
    serves: &[Verb::List, Verb::Get, Verb::Modify, Verb::Delete],
    object: "webhook_endpoint",
    prefix: "we_",
    fields: &[
        Field { name: "url", read: url, create: Need::Must, modify: Need::May },
        Field { name: "event_types", read: event_types, create: Need::Must, modify: Need::May },
        Field { name: "name", read: crud::text, create: Need::Must, modify: Need::May },
    ],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "webhook_endpoint.deleted",
    missing: |id| Error::not_found(format!("Webhook endpoint with id '{id}' not found.")),
};

pub(crate) fn routes() -> Router {
    ENDPOINTS
        .routes()
        .route("/webhook_endpoints", post(create))
        .route("/webhook_endpoints/{id}/rotate_secret", post(rotate))
        .route("/webhook_endpoints/{id}/test", post(test))
        .route("/webhook_event_types", get(list_types))
}

fn url(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let url = params.need(name, Params::string)?;
    if !url.starts_with("https://") {
        return Err(Error::invalid(
            name,
            "invalid_value",
            format!("Invalid value for '{name}': expected an HTTPS URL."),
        ));
    }
    Ok(Some(url.into()))
}

fn event_types(params: &mut Params, name: &str) -> Result<Option<Value>> {
    let types = params.some_of(name, TYPES)?.filter(|types| !types.is_empty());
    params.required(name, types).map(|types| Some(types.into()))
}

/// A new secret, and what is shown of it later.
fn secret(world: &mut World) -> (String, String) {
    let seed = world.count();
    let bytes: Vec<u8> =
        (0..4).flat_map(|part| splitmix(seed.wrapping_mul(31).wrapping_add(part)).to_be_bytes()).collect();
    let encoded = STANDARD.encode(bytes);
    let end = encoded.get(encoded.len() - 5..).unwrap_or_default().to_owned();
    (format!("whsec_{encoded}"), format!("whsec_...{end}"))
}

async fn create(Extension(account): Caller, Json(body): Json) -> Result<Answer<Value>> {
    let mut world = account.world();
    let mut made = ENDPOINTS.make(&mut world, "", body)?;
    let id = made.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    merge(&mut made, give_secret(&mut world, &id)?);
    Ok(Answer(made))
}

/// Gives an endpoint a new secret: what of it is shown now.
fn give_secret(world: &mut World, id: &str) -> Result<Map<String, Value>> {
    let (secret, hint) = secret(world);
    let kept =
        Map::from_iter([("signing_secret_hint".to_owned(), hint.into()), ("updated_at".to_owned(), now().into())]);
    merge(&mut ENDPOINTS.find(world, "", id)?.shown, kept.clone());
    let mut told = kept;
    told.insert("signing_secret".to_owned(), secret.into());
    Ok(told)
}

fn merge(object: &mut Value, more: Map<String, Value>) {
    if let Some(object) = object.as_object_mut() {
        object.extend(more);
    }
}

async fn rotate(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    body.boolean("keep_old_secret_active_for_24_hours")?;
    body.finish()?;
    let mut world = account.world();
    let secret = give_secret(&mut world, &id)?;
    let mut shown = ENDPOINTS.find(&mut world, "", &id)?.shown.clone();
    merge(&mut shown, secret);
    Ok(Answer(shown))
}

async fn test(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<Answer<Value>> {
    let event_type = body.need("event_type", |params, name| params.one_of(name, TYPES))?;
    body.finish()?;
    ENDPOINTS.find(&mut account.world(), "", &id)?;
    Ok(Answer(json!({
        "object": "webhook_endpoint.test", "event_type": event_type, "status_code": 200, "success": true,
        "webhook_endpoint_id": id,
    })))
}

async fn list_types() -> Answer<Value> {
    Answer(json!({"object": "list", "data": TYPES}))
}
