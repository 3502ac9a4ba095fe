//! Calls that another request cancels, over HTTP. Clients of the older revisions keep the connection of a call that they
//! give up, and say `notifications/cancelled`. The id that it names says nothing by itself, since every client counts from
//! 0: so each is given a number when it begins, `Mcp-Session-Id`, which it sends with all it asks.
//!
//! A session is that number and no more. It is known while a call of it runs, and any other is taken as well.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management>

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::StreamExt as _;
use http::{HeaderValue, Response, StatusCode};
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::gateway::Told;
use openai_mcp_kernel::headers::MCP_SESSION;
use openai_mcp_kernel::secret::Secret;
use tokio::sync::Notify;

/// The calls that run, by session and id.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Running>);

/// What runs under a session and an id: several calls, where callers give themselves the same.
type Running = HashMap<(String, String), Vec<Call>>;

struct Call {
    caller: Option<Secret>,
    trusted: bool,
    stop: Arc<Notify>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the answer to a message, unless another one of its session cancels it.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        told: Told,
        answer: impl Future<Output = Response<Body>>,
    ) -> Response<Body> {
        let Told { session, caller, trusted, id, cancels, opens } = told;
        if opens {
            return begun(answer.await);
        }
        let Some(session) = session else { return answer.await };
        for id in cancels {
            let call = (session.clone(), id);
            let own = |running: &&Call| running.trusted == trusted && same(&running.caller, &caller);
            for running in self.lock().get(&call).into_iter().flatten().filter(own) {
                running.stop.notify_one();
            }
        }
        let Some(id) = id else { return answer.await };
        let call = (session, id);
        let stop = Arc::new(Notify::new());
        self.lock().entry(call.clone()).or_default().push(Call { caller, trusted, stop: stop.clone() });
        let place = Place { sessions: self.clone(), call, stop };
        let response = tokio::select! {
            biased;
            response = answer => response,
            () = place.stop.notified() => return cancelled(),
        };
        response.map(|body| match body {
            Body::Full(_) => body,
            Body::Stream { chunks, length } => {
                let stopped = async move { place.stop.notified().await };
                Body::Stream { chunks: chunks.take_until(Box::pin(stopped)).boxed(), length }
            }
        })
    }
}

/// The answer to `initialize`, with a number that nobody else has.
fn begun(mut response: Response<Body>) -> Response<Body> {
    let mut number = [0; 16];
    // Without one there is no session, and a client may do without.
    if getrandom::fill(&mut number).is_ok()
        && let Ok(session) = HeaderValue::from_str(&format!("{:032x}", u128::from_ne_bytes(number)))
    {
        response.headers_mut().insert(MCP_SESSION, session);
    }
    response
}

/// What a client gets that waits for no answer any more.
fn cancelled() -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// Whether two messages came with the same key.
fn same(one: &Option<Secret>, other: &Option<Secret>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.matches(other),
        (None, None) => true,
        _ => false,
    }
}

/// A call's place among those that run.
struct Place {
    sessions: Arc<Sessions>,
    call: (String, String),
    stop: Arc<Notify>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.sessions.lock();
        if let Some(calls) = running.get_mut(&self.call) {
            calls.retain(|call| !Arc::ptr_eq(&call.stop, &self.stop));
            if calls.is_empty() {
                running.remove(&self.call);
            }
        }
    }
}
