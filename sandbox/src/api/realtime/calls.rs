//! Calls and client secrets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Extension, FromRequest as _, Multipart, Path, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json as Answer, Router};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::api::models;
use crate::api::realtime::setup::{LIFE, set_up, start};
use crate::engine::catalog::Use;
use crate::error::{Error, Result};
use crate::params::{Json, Params};
use crate::world::{Account, Caller, lock, now};

/// How ids of calls begin that nobody has made, and that ring when they are first named.
const INCOMING: &str = "rtc_incoming";

/// The calls of a key.
#[derive(Default)]
pub(crate) struct Calls(pub(crate) HashMap<String, Arc<Mutex<Call>>>);

pub(crate) struct Call {
    /// How its session is set up.
    pub(crate) session: Value,
    pub(crate) items: Vec<Value>,
    /// Whether its caller has spoken.
    pub(crate) greeted: bool,
    ringing: bool,
    pub(crate) hung_up: watch::Sender<bool>,
}

impl Call {
    fn new(session: Value, ringing: bool) -> Arc<Mutex<Self>> {
        let hung_up = watch::Sender::new(false);
        Arc::new(Mutex::new(Call { session, items: Vec::new(), greeted: false, ringing, hung_up }))
    }
}

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/realtime/client_secrets", post(client_secret))
        .route("/realtime/translations/client_secrets", post(translation_secret))
        .route("/realtime/calls", post(create))
        .route("/realtime/calls/{id}/accept", post(accept))
        .route("/realtime/calls/{id}/refer", post(refer))
        .route("/realtime/calls/{id}/reject", post(reject))
        .route("/realtime/calls/{id}/hangup", post(hangup))
}

/// Reads `expires_after` and gives when that is.
fn lifetime(body: &mut Params) -> Result<u64> {
    let Some(mut after) = body.object("expires_after")? else { return Ok(now() + 600) };
    after.one_of("anchor", &["created_at"])?;
    let seconds = after.integer("seconds", 10..=7200)?.unwrap_or(600);
    after.finish()?;
    Ok(now() + seconds.unsigned_abs())
}

async fn client_secret(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let expires_at = lifetime(&mut body)?;
    let session = match body.object("session")? {
        Some(wish) => set_up(&account, start(&account, None), wish)?,
        None => start(&account, Some("gpt-realtime")),
    };
    body.finish()?;
    let value = account.world().mint("ek_");
    Ok(Answer(json!({"value": value, "expires_at": expires_at, "session": session})))
}

async fn translation_secret(Extension(account): Caller, Json(mut body): Json) -> Result<Answer<Value>> {
    let expires_at = lifetime(&mut body)?;
    let mut wish = body.need("session", Params::object)?;
    body.finish()?;
    let model = models::read(&mut wish, None, Use::Interpretation)?;
    let audio = wish.object("audio")?.map_or_else(Map::new, |mut audio| audio.rest());
    wish.finish()?;
    let mut world = account.world();
    let (value, id) = (world.mint("ek_"), world.mint("sess_"));
    let session = json!({"id": id, "type": "translation", "model": model, "audio": audio, "expires_at": now() + LIFE});
    Ok(Answer(json!({"value": value, "expires_at": expires_at, "session": session})))
}

async fn create(Extension(account): Caller, request: Request) -> Result<Response> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let unreadable = || Error::new(StatusCode::BAD_REQUEST, "We could not read the body of your request.");
    let (sdp, wish) = if kind.starts_with("application/sdp") {
        let body = Bytes::from_request(request, &()).await.map_err(|_| unreadable())?;
        (String::from_utf8(body.to_vec()).map_err(|_| unreadable())?, None)
    } else {
        let mut form = Multipart::from_request(request, &()).await.map_err(|_| unreadable())?;
        let (mut sdp, mut wish) = (None, None);
        while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
            let name = field.name().unwrap_or_default().to_owned();
            let text = field.text().await.map_err(|_| unreadable())?;
            match name.as_str() {
                "sdp" => sdp = Some(text),
                "session" => {
                    let value = serde_json::from_str(&text).map_err(|_| unreadable())?;
                    wish = Some(Params::nested("session".to_owned(), value)?);
                }
                _ => {
                    let message = format!("Unknown parameter: '{name}'.");
                    return Err(Error::invalid(&name, "unknown_parameter", message));
                }
            }
        }
        let missing = || Error::invalid("sdp", "missing_required_parameter", "Missing required parameter: 'sdp'.");
        (sdp.ok_or_else(missing)?, wish)
    };
    let answer = answer(&sdp)?;
    let session = match wish {
        Some(wish) => set_up(&account, start(&account, None), wish)?,
        None => start(&account, Some("gpt-realtime")),
    };
    let mut world = account.world();
    let id = world.mint("rtc_");
    world.of::<Calls>().0.insert(id.clone(), Call::new(session, false));
    let headers =
        [(header::CONTENT_TYPE, "application/sdp".to_owned()), (header::LOCATION, format!("/v1/realtime/calls/{id}"))];
    Ok((StatusCode::CREATED, headers, answer).into_response())
}

/// The answer to an offer, in which nothing is sent.
pub(crate) fn answer(sdp: &str) -> Result<String> {
    if !sdp.starts_with("v=0") {
        return Err(Error::invalid("sdp", "invalid_offer", "Failed to parse the SDP offer."));
    }
    Ok("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=sandbox\r\nt=0 0\r\na=inactive\r\n".to_owned())
}

/// A call that rings or goes on.
fn find(account: &Account, id: &str) -> Result<Arc<Mutex<Call>>> {
    let mut world = account.world();
    let calls = &mut world.of::<Calls>().0;
    let ringing = || Call::new(Value::Null, true);
    let call = if id.starts_with(INCOMING) {
        Some(&*calls.entry(id.to_owned()).or_insert_with(ringing))
    } else {
        calls.get(id)
    };
    let call = call.filter(|call| !*lock(call).hung_up.borrow());
    call.cloned().ok_or_else(|| Error::not_found(format!("No session found for call_id '{id}'.")))
}

/// A call that rings.
fn ringing(account: &Account, id: &str) -> Result<Arc<Mutex<Call>>> {
    let call = find(account, id)?;
    if lock(&call).ringing { Ok(call) } else { Err(Error::new(StatusCode::CONFLICT, "The call is not ringing.")) }
}

async fn accept(Extension(account): Caller, Path(id): Path<String>, Json(body): Json) -> Result<StatusCode> {
    let call = ringing(&account, &id)?;
    let session = set_up(&account, start(&account, None), body)?;
    let mut call = lock(&call);
    (call.session, call.ringing) = (session, false);
    Ok(StatusCode::OK)
}

/// Refuses a call to be handed on to what is no phone.
pub(crate) fn check_target(mut body: Params) -> Result<()> {
    let target = body.need("target_uri", Params::string)?;
    body.finish()?;
    if !target.starts_with("tel:") && !target.starts_with("sip:") {
        return Err(Error::invalid("target_uri", "invalid_value", "Expected a tel: or sip: URI."));
    }
    Ok(())
}

async fn refer(Extension(account): Caller, Path(id): Path<String>, Json(body): Json) -> Result<StatusCode> {
    check_target(body)?;
    lock(&*find(&account, &id)?).hung_up.send_replace(true);
    Ok(StatusCode::OK)
}

async fn reject(Extension(account): Caller, Path(id): Path<String>, Json(mut body): Json) -> Result<StatusCode> {
    body.integer("status_code", 400..=699)?;
    body.finish()?;
    lock(&*ringing(&account, &id)?).hung_up.send_replace(true);
    Ok(StatusCode::OK)
}

async fn hangup(Extension(account): Caller, Path(id): Path<String>) -> Result<StatusCode> {
    lock(&*find(&account, &id)?).hung_up.send_replace(true);
    Ok(StatusCode::OK)
}
