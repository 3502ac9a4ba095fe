//! `/realtime`: sessions over WebSockets, calls, and keys for clients.
//!
//! # Where it differs from the API
//!
//! - It hears and speaks as `/audio` does: tones for words. What is heard has one of 36 words for each sound, so magic words
//!   for the model (`engine/model.rs`) are written, or stand in the instructions. Sound is PCM of 24 kHz alone; the G.711
//!   formats are refused. Tools of type `mcp` are taken and not used.
//! - Nobody is on the other side of a call. Whoever connects to one by `call_id` for the first time hears its caller say
//!   "Hello.", or what `[[caller TEXT]]` of the instructions has, and the model answer. A call with an id that
//!   begins with `rtc_incoming` rings until it is accepted or rejected.
//! - Translations are what was said, and come when the session is closed.
//! - Client secrets open nothing.
//!
//! In the instructions or in what the user says last, for tests of what seldom happens:
//!
//! | words | effect |
//! |---|---|
//! | `[[expire]]` | the session has expired: an error, and the connection is closed |
//! | `[[drop]]` | the connection ends in the middle of an answer, without a word |
//! | `[[late]]` | what the user said is told after the answer |
//! | `[[deaf]]` | what the user said is not understood |
//! | `[[silent]]` | an answer is begun and never given |

pub(crate) mod calls;
mod response;
mod session;
mod setup;
mod translation;

use axum::Router;
use axum::extract::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::get;

use crate::api::realtime::calls::Calls;
use crate::api::realtime::session::Session;
use crate::api::realtime::translation::Translation;
use crate::error::{Error, Result};
use crate::params::{Params, Query};
use crate::socket::{bid_farewell, hold, hold_until, refuse};
use crate::world::{Caller, lock};

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/realtime", get(open))
        .route("/realtime/translations", get(open_translation))
        .merge(calls::routes())
}

async fn open(Extension(account): Caller, Query(mut query): Query, upgrade: WebSocketUpgrade) -> Result<Response> {
    let (model, call) = (query.string("model")?, query.string("call_id")?);
    let transcribes = query.one_of("intent", &["transcription"])?.is_some();
    query.finish()?;
    if let Some(id) = call {
        let known = account.world().of::<Calls>().0.get(&id).cloned();
        let call = known.ok_or_else(|| Error::not_found(format!("No session found for call_id '{id}'.")))?;
        return Ok(upgrade.on_upgrade(async move |mut socket| {
            let mut session = Session::of_call(&account, &mut lock(&call));
            let mut hung_up = lock(&call).hung_up.subscribe();
            let over = async move { drop(hung_up.wait_for(|up| *up).await) };
            if hold_until(&mut socket, &mut session, over).await {
                bid_farewell(&mut socket, 1000, "").await;
            }
            lock(&call).items = session.into_items();
        }));
    }
    let session = match (transcribes, model) {
        (true, _) => Ok(Session::new(&account, None)),
        (false, Some(model)) => Session::checked(&account, &model),
        (false, None) => Err(Error::invalid("model", "missing_model", "You must provide a model parameter.")),
    };
    Ok(upgrade.on_upgrade(async move |mut socket| match session {
        Ok(mut session) => hold(&mut socket, &mut session).await,
        Err(error) => refuse(&mut socket, &error).await,
    }))
}

async fn open_translation(
    Extension(account): Caller,
    Query(mut query): Query,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    let model = query.need("model", Params::string)?;
    query.finish()?;
    let session = Translation::new(&account, &model);
    Ok(upgrade.on_upgrade(async move |mut socket| match session {
        Ok(mut session) => hold(&mut socket, &mut session).await,
        Err(error) => refuse(&mut socket, &error).await,
    }))
}
