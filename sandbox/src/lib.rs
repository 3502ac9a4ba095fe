//! An offline, stateful, deterministic stand-in for `api.openai.com/v1`.
//!
//! It serves newcomers without a key, CI and tests: it answers as the API does as far as a caller can observe, and says
//! in every answer that it is the sandbox (`x-openai-mcp-sandbox: 1`). Nothing leaves the machine, and everything is
//! forgotten when it ends: small files are in memory, larger ones in temporary files without a name, which the system
//! removes with the process however it ends.
//!
//! # Keys
//!
//! Any `Authorization: Bearer sk-…` is accepted. Each key has files and stores of its own. Ids are derived from the key
//! and a counter: the same requests with the same key give the same ids in every run.
//!
//! # Failures and delays on demand
//!
//! | ask | by header | by key |
//! |---|---|---|
//! | every request fails | `x-sandbox-fail: 429` | `sk-sandbox-fail-429` |
//! | the first two fail, later ones pass | `x-sandbox-fail: 429; times=2` | `sk-sandbox-fail-429-2` |
//! | how long to wait | `x-sandbox-fail: 429; retry-after=3` or `retry-after-ms=50` | |
//! | answer after two seconds | `x-sandbox-delay-ms: 2000` | `sk-sandbox-slow-2000` |
//!
//! Any status from 400 to 599 will do. `times` counts each method, path and key apart and starts anew with another
//! header or key; a key may go on after a further `-` (`sk-sandbox-fail-503-1-mytest`). A 429 carries `retry-after: 1`
//! unless told otherwise. The request that fails has no effect.
//!
//! # Where it differs from the API
//!
//! Each domain says so itself, in `api/`; what the stand-in model does is told in `engine/model.rs`. `/assistants`,
//! `/threads` and `/videos` are as gone as there; the words in which the 404 says so are the sandbox's.
//!
//! # Layers
//!
//! Arrows point down only.
//!
//! ```text
//! api                              a domain a file or folder
//! setting                          what there is one of, declared as data
//! crud · form · socket · sse       collections declared as data, forms, sockets, event streams
//! auth · faults · shelf            keys, failures on demand, pages
//! params                           what requests say
//! content · error · json · world   what is stored, told, remembered
//! engine                           no HTTP
//! ```

mod api;
mod auth;
mod content;
mod crud;
mod engine;
mod error;
mod faults;
mod form;
mod json;
mod params;
mod setting;
mod shelf;
mod socket;
mod sse;
mod world;

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, OriginalUri, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use futures_util::StreamExt;
use tokio::net::TcpListener;

use crate::error::{Error, Result};
use crate::faults::{Failed, Fault};
use crate::world::Sandbox;

/// Serves a new sandbox at `/v1` until the future is dropped.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Without it small answers wait for the peer's delayed acknowledgement. Failing is slower, not wrong.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router()).await
}

/// What every sandbox answers: hundreds of routes, which take long to lay out where tests start one sandbox after the other.
static ROUTES: LazyLock<Router> = LazyLock::new(|| {
    Router::new()
        .nest("/v1", api::routes())
        .method_not_allowed_fallback(wrong_method)
        .route_layer(from_fn(admit))
        .fallback(unknown_url)
});

/// A new sandbox, with its paths under `/v1`. Clones of the router share its state.
pub fn router() -> Router {
    let sandbox = Arc::new(Sandbox::default());
    Router::new().fallback_service(ROUTES.clone()).layer(from_fn_with_state(sandbox, stamp))
}

async fn unknown_url(method: Method, OriginalUri(uri): OriginalUri) -> Error {
    let first = uri.path().strip_prefix("/v1/").and_then(|path| path.split('/').next());
    let gone = match first {
        Some("assistants" | "threads") => {
            "The Assistants API was shut down on August 26, 2026. Use the Responses and Conversations APIs."
        }
        Some("videos") => "The Videos API was shut down on September 24, 2026.",
        _ => return Error::not_found(format!("Invalid URL ({method} {})", uri.path())),
    };
    Error::not_found(gone)
}

async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Error {
    let message = format!("Not allowed to {method} on {}.", uri.path());
    Error::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_supported")
}

/// Finds the caller's account, and fails or delays the request if it was asked to.
async fn admit(Extension(sandbox): Extension<Arc<Sandbox>>, mut request: Request, next: Next) -> Response {
    match open(&sandbox, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(error) => {
            // A client that is still sending would see a broken connection in place of the answer.
            let mut body = request.into_body().into_data_stream();
            while let Some(Ok(_)) = body.next().await {}
            error.into_response()
        }
    }
}

async fn open(sandbox: &Sandbox, request: &mut Request) -> Result<()> {
    let key = auth::key(request.headers())?;
    let account = sandbox.account(&key);
    let delay = faults::delay(request.headers(), &key)?;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if let Some(fault) = Fault::wanted(request.headers(), &key)? {
        let Some(times) = fault.times else { return Err(fault.into_error()) };
        let wish = request.headers().get("x-sandbox-fail");
        let kind = format!("{} {} {wish:?}", request.method(), request.uri().path());
        let mut world = account.world();
        let failed = world.of::<Failed>().0.entry(kind).or_default();
        if *failed < times {
            *failed += 1;
            return Err(fault.into_error());
        }
    }
    request.extensions_mut().insert(account);
    Ok(())
}

/// Says which sandbox is asked, puts the API's headers on every answer, and an error of the framework's own into the API's
/// shape.
async fn stamp(State(sandbox): State<Arc<Sandbox>>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    request.extensions_mut().insert(Arc::clone(&sandbox));
    let mut response = next.run(request).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if failed && !is_json {
        let status = response.status();
        let text = axum::body::to_bytes(std::mem::replace(response.body_mut(), Body::empty()), 4096).await;
        let text = text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        response = Error::new(status, text).into_response();
    }
    let elapsed = start.elapsed().as_millis().to_string();
    let stamps = [
        ("x-request-id", sandbox.request_id()),
        ("openai-processing-ms", elapsed),
        ("openai-version", "2020-10-01".to_owned()),
        ("x-openai-mcp-sandbox", "1".to_owned()),
    ];
    for (name, value) in stamps {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
