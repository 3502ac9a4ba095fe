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
//! - A vector store reads UTF-8 and UTF-16 text of any format; PDF and office documents, which the API reads, end as
//!   `failed` with `last_error.code` `unsupported_file`. Markup is indexed as it stands.
//! - A token is up to four characters of a word. The real tokenizer cuts elsewhere, so chunk boundaries differ.
//! - Search is lexical (BM25 over English word stems): a chunk is found by its words, not by its meaning, and one that
//!   shares no word with the query is not found at all. A score is the BM25 score `s` as `s / (s + 1)`; `ranker` changes
//!   nothing and `rewrite_query` leaves the query as it is. Of several queries the best score of a chunk counts.
//! - Models are not models: what they answer is told in `model.rs`, with the magic words that bring about refusals, cuts,
//!   slow streams and failures. Any name of a model is taken, but those that begin with `unknown`. Every completion has
//!   `system_fingerprint` `fp_sandbox`. Audio is a tone of a fifth of a second, in wav or pcm16.
//! - A response in the background is `queued` for 200 ms and `in_progress` for 200 ms before the model says anything.
//!   Hosted tools are used by rule: file search once for each message of the user, the code interpreter when the message
//!   has a digit or a word like `solve`. The code interpreter runs no code and says so. Other hosted tools are taken and
//!   never used. The answer quotes and cites the best passage found, no other.
//! - A conversation gains the items of a response that ends `completed` or `incomplete`; one that is `failed` or
//!   `cancelled` leaves nothing. While a response runs, its conversation can be read and have its metadata changed;
//!   everything else is refused as `conversation_locked`. Who hangs up on a response in the foreground cancels it.
//! - Reasoning items come only where a summary is asked for. What is `encrypted_content` holds nothing, so a compacted
//!   context keeps the messages of the user alone. Events carry no `obfuscation`, and texts no log probabilities.
//! - Items of types other than messages, function calls and their outputs are kept as they are given, unchecked.
//! - `/assistants` and `/threads` are as gone as there. The words in which the 404 says so are the sandbox's.
//! - An embedding tells which words a text has (English stems): texts are close where they share words, not where they
//!   mean alike. The answer's `model` ends in `-sandbox`.
//! - Images are gradients with rings, by the words of the prompt, signed `SANDBOX` with the prompt. An edit draws what the
//!   mask opens, or tints all of the first image; further images stand small in the upper right corner. GIF is refused,
//!   `[[refuse]]` in a prompt is, and tokens are counted by size and quality.
//! - Indexing starts 300 ms after a file is attached. An expired vector store only says so in its `status`.
//! - Speech is tones: each word is one, from 300 to 1,350 Hz, commas and full stops are pauses, voices differ in how loud
//!   they are. `mp3`, `flac`, `wav` and `pcm` sound; `opus` and `aac` are silence of the right length. Speech comes as
//!   fast as it can be sent.
//! - Transcription hears sound between pauses as words, one of 36 by its pitch (the alphabet of pilots and the digits), so
//!   `alfa bravo` is understood as it was spoken and any other recording as words that mean nothing; their times are
//!   right. A pause of 0.3 s ends a sentence. It decodes WAV, MP3, FLAC, Ogg Vorbis and AAC; Opus and WebM are refused as
//!   corrupted. Translations are transcriptions.

mod audio;
mod auth;
mod chat;
mod conversations;
mod embeddings;
mod error;
mod faults;
mod files;
mod filter;
mod fine_tuning;
mod graders;
mod hearing;
mod images;
mod index;
mod items;
mod model;
mod models;
mod moderations;
mod params;
mod respond;
mod responses;
mod shelf;
mod vector_stores;
mod voice;
mod world;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use futures_util::StreamExt;
use tokio::net::TcpListener;

use crate::error::{Error, Result};
use crate::faults::Fault;
use crate::world::{Sandbox, now};

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

/// A new sandbox, with its paths under `/v1`. Clones of the router share its state.
pub fn router() -> Router {
    let sandbox = Arc::new(Sandbox::default());
    // A domain is a module with its routes, and a field in `World` for what it remembers.
    let domains = Router::new()
        .merge(files::routes())
        .merge(vector_stores::routes())
        .merge(audio::routes())
        .merge(chat::routes())
        .merge(conversations::routes())
        .merge(embeddings::routes())
        .merge(responses::routes())
        .merge(images::routes())
        .merge(moderations::routes())
        .merge(fine_tuning::routes())
        .merge(models::routes());
    Router::new()
        .nest("/v1", domains)
        .method_not_allowed_fallback(wrong_method)
        .route_layer(from_fn_with_state(Arc::clone(&sandbox), admit))
        .fallback(unknown_url)
        .layer(from_fn_with_state(sandbox, stamp))
}

async fn unknown_url(method: Method, OriginalUri(uri): OriginalUri) -> Error {
    let first = uri.path().strip_prefix("/v1/").and_then(|path| path.split('/').next());
    if let Some("assistants" | "threads") = first {
        let message = "The Assistants API was shut down on August 26, 2026. Use the Responses and Conversations APIs.";
        return Error::not_found(message);
    }
    Error::not_found(format!("Invalid URL ({method} {})", uri.path()))
}

async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Error {
    let message = format!("Not allowed to {method} on {}.", uri.path());
    Error::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_supported")
}

/// Finds the caller's account, and fails or delays the request if it was asked to.
async fn admit(State(sandbox): State<Arc<Sandbox>>, mut request: Request, next: Next) -> Response {
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
        let failed = world.failed.entry(kind).or_default();
        if *failed < times {
            *failed += 1;
            return Err(fault.into_error());
        }
    }
    account.world().expire(now());
    request.extensions_mut().insert(account);
    Ok(())
}

/// Puts the API's headers on every answer, and an error of the framework's own into the API's shape.
async fn stamp(State(sandbox): State<Arc<Sandbox>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
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
