//! The kernel on Cloudflare Workers: one server per Worker, at `/mcp` and `/mcp/{key}`.
//!
//! It stands on wasm-bindgen alone. A Worker is a function of a request and its environment; the crate `worker` would
//! make it 20 KB larger, gzipped, by objects that nothing here uses.
#![cfg(target_arch = "wasm32")]

mod fetch;
mod machine;
#[doc(hidden)]
pub mod socket;
#[doc(hidden)]
pub mod store;
mod urls;

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::StreamExt as _;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use js_sys::futures::{JsFuture, spawn_local};
use js_sys::{Object, Reflect};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::gateway::{Gateway, Mount, Peer};
use openai_mcp_kernel::scan::Scan;
use openai_mcp_kernel::server::{Definition, Service, check_settings};
use openai_mcp_kernel::spec::Filter;
use wasm_bindgen::prelude::*;
use web_sys::console;

use crate::fetch::{give, head_of, stream_of};
use crate::machine::Edge;
use crate::socket::Connect;
use crate::store::Query;

#[doc(hidden)]
pub use fetch::Caller;
#[doc(hidden)]
pub use {wasm_bindgen, web_sys};

/// Requests and statements of D1 that a call makes by default: Workers allow 1,000, on the free plan 50.
/// <https://developers.cloudflare.com/workers/platform/limits/>
const MAX_REQUESTS: &str = "900";

/// Most bytes of a body that is too long that are read, to find the id of its message.
const THROWN_AWAY: usize = 64 * 1024 * 1024;

/// Makes the crate a Worker that serves a [`Definition`]: `serve!(SERVER)`, or `serve!(SERVER, sockets)` for one that opens
/// WebSockets.
#[macro_export]
macro_rules! serve {
    ($server:expr) => {
        $crate::serve!(@ $server, None);
    };
    ($server:expr, sockets) => {
        $crate::serve!(@ $server, Some($crate::socket::connect));
    };
    (@ $server:expr, $connect:expr) => {
        /// The handler of requests.
        #[$crate::wasm_bindgen::prelude::wasm_bindgen(wasm_bindgen = $crate::wasm_bindgen)]
        pub fn fetch(
            request: $crate::web_sys::Request,
            body: Option<Vec<u8>>,
            env: &$crate::wasm_bindgen::JsValue,
            caller: $crate::Caller,
        ) {
            let store = if $server.migrations.is_empty() { None } else { Some($crate::store::query as _) };
            $crate::serve(&$server, store, $connect, request, body, env, caller)
        }
    };
}

/// Answers one request, whose body `index.js` has read if it is short. The first one of an isolate makes the server, with the
/// variables, secrets and, if it keeps anything, the database of `env`.
pub fn serve(
    definition: &'static Definition,
    query: Option<Query>,
    connect: Option<Connect>,
    request: web_sys::Request,
    body: Option<Vec<u8>>,
    env: &JsValue,
    caller: Caller,
) {
    static GATEWAY: OnceLock<Result<Gateway, String>> = OnceLock::new();
    let gateway = GATEWAY.get_or_init(|| {
        std::panic::set_hook(Box::new(crashed));
        gateway(definition, query, connect, env)
    });
    spawn_local(async move {
        let response = match gateway {
            Ok(gateway) => {
                // It is rejected when nobody waits any more: all that the call holds is let go.
                let lost = async { JsFuture::from(caller.promise()).await };
                match select(pin!(answer(gateway, &request, body)), pin!(lost)).await {
                    Either::Left((response, _)) => response,
                    Either::Right(_) => return,
                }
            }
            Err(problem) => plain(StatusCode::SERVICE_UNAVAILABLE, problem),
        };
        give(response, &caller);
    });
}

/// A panic leaves the instance unusable, and `index.js` learns of it: what awaits the panicked task waits for ever.
fn crashed(panic: &std::panic::PanicHookInfo<'_>) {
    console::error_1(&panic.to_string().into());
    // Nothing can be done about a global object that takes no property.
    let _ = Reflect::set(&js_sys::global(), &"crashed".into(), &JsValue::TRUE);
}

fn gateway(
    definition: &'static Definition,
    query: Option<Query>,
    connect: Option<Connect>,
    env: &JsValue,
) -> Result<Gateway, String> {
    let variables = variables(env)?;
    let variable = |name: &str| {
        let given = variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        given.or_else(|| (name == "OPENAI_MCP_MAX_REQUESTS").then(|| MAX_REQUESTS.to_owned()))
    };
    let config = Arc::new(Config::read(variable)?.with_settings(variables));
    check_settings(&[definition], &config)?;
    config.filter.check(definition.specs(), Filter::VARIABLES)?;
    let store = query.map(|query| (query, Reflect::get(env, &"STORE".into()).unwrap_or_default()));
    let edge = Arc::new(Edge::new(&config.allowed_urls, store, connect, config.verbose));
    let service = Service::new(definition, config.clone(), edge)?;
    Ok(Gateway::new(vec![(definition, Ok(service))], Mount::Root, config))
}

/// The variables and secrets of `env` that are meant for a server. `vars` may hold any JSON: a number and a boolean are
/// taken as text.
fn variables(env: &JsValue) -> Result<Vec<(String, String)>, String> {
    let names = Object::keys(env.unchecked_ref::<Object>());
    let read = |name: JsValue| {
        let value = Reflect::get(env, &name).ok().filter(|value| !value.is_null() && !value.is_undefined())?;
        let name = name.as_string().filter(|name| name.starts_with("OPENAI_"))?;
        Some(match value.is_object() {
            true => Err(format!("{name}: expected text, a number or a boolean")),
            false => Ok((name, value.unchecked_ref::<Object>().to_string().into())),
        })
    };
    names.iter().filter_map(read).collect()
}

async fn answer(gateway: &Gateway, request: &web_sys::Request, body: Option<Vec<u8>>) -> Response<Body> {
    let Some(head) = head_of(request) else { return plain(StatusCode::BAD_REQUEST, "the request has no valid head") };
    // Everyone comes over the network.
    let peer = Peer { bound_to_loopback: false, is_loopback: false, from: None };
    match gateway.admit(&head, peer) {
        Err(answer) => *answer,
        Ok(admitted) => match read(request, body, &head.headers, admitted.max_body()).await {
            Ok(Ok(body)) => gateway.serve(admitted, body).await,
            Ok(Err(id)) => gateway.too_large(&admitted, id.as_deref()),
            Err(_) => admitted.answer(plain(StatusCode::BAD_REQUEST, "the body broke off")),
        },
    }
}

/// The body of a request; if it has more than `cap` bytes, the id of its message as far as it was found.
async fn read(
    request: &web_sys::Request,
    short: Option<Vec<u8>>,
    headers: &HeaderMap,
    cap: usize,
) -> Result<Result<Bytes, Option<String>>, JsValue> {
    let mut scan = Scan::default();
    if let Some(body) = short {
        if body.len() <= cap {
            return Ok(Ok(body.into()));
        }
        scan.pass(&body);
        return Ok(Err(scan.id()));
    }
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|told| told > THROWN_AWAY) {
        return Ok(Err(None));
    }
    let Some(stream) = request.body() else { return Ok(Ok(Bytes::new())) };
    let mut chunks = stream_of(stream, None, None)?.into_chunks();
    let mut held = Vec::with_capacity(told.unwrap_or_default().min(cap));
    let mut passed = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|failure| JsValue::from(failure.text))?;
        passed += chunk.len();
        if passed > THROWN_AWAY {
            break;
        } else if passed > cap {
            scan.pass(&std::mem::take(&mut held));
            scan.pass(&chunk);
        } else {
            held.extend_from_slice(&chunk);
        }
    }
    Ok(if passed > cap { Err(scan.id()) } else { Ok(held.into()) })
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::Full(text.to_owned().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
