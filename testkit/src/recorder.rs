//! An upstream on loopback that keeps every request as it came over the wire and answers what a test scripts.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{StreamExt as _, poll_fn};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// How long a test waits for something that must happen before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request, byte for byte.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query as sent, nothing decoded.
    pub target: String,
    /// Header names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body with its transfer coding removed.
    pub body: Bytes,
}

impl Recorded {
    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The raw path, without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The raw query, without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}

/// The chunks of one answer's body, as a test hands them out.
#[derive(Clone, Debug)]
pub struct Chunks(Arc<Mutex<UnboundedReceiver<std::io::Result<Bytes>>>>);

/// What the recorder does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Sends a complete response.
    Reply {
        /// The status code.
        status: u16,
        /// Headers, `content-type` among them.
        headers: Vec<(String, String)>,
        /// The whole body.
        body: Bytes,
    },
    /// Sends a body that does not say how long it is, chunk by chunk. See [`Answer::stream`].
    Stream {
        /// Its media type.
        content_type: String,
        /// The chunks.
        chunks: Chunks,
    },
    /// Never answers: the request ends when its client hangs up, which [`Recorder::wait_for_hang_ups`] can see.
    Hang,
}

impl Answer {
    /// A JSON response.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::Reply { status, headers: vec![("content-type".into(), "application/json".into())], body: body.into() }
    }

    /// A successful response to one request, whose body grows as chunks are sent, breaks off at an error, and ends when
    /// the sender is dropped.
    pub fn stream(content_type: &str) -> (UnboundedSender<std::io::Result<Bytes>>, Self) {
        let (sender, chunks) = unbounded_channel();
        let chunks = Chunks(Arc::new(Mutex::new(chunks)));
        (sender, Self::Stream { content_type: content_type.into(), chunks })
    }

    /// Adds a header to a response.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name.into(), value.into()));
        }
        self
    }
}

#[derive(Default)]
struct Seen {
    requests: Vec<Recorded>,
    hang_ups: usize,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// A recording upstream with a thread of its own, usable from sync and async tests alike.
pub struct Recorder {
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Recorder {
    /// Starts an upstream that answers every request with what `script` makes of it.
    ///
    /// # Errors
    /// When no loopback port or no runtime can be had.
    pub fn start(script: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Bound without the runtime: an async test cannot wait for a second one.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = shared.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = accept(listener, served, Arc::new(script)) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { addr, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Starts an upstream whose answer suits every request of the API: an object that is also an empty page.
    ///
    /// # Errors
    /// As [`Recorder::start`].
    pub fn start_default() -> std::io::Result<Self> {
        Self::start(|_| Answer::json(200, r#"{"id":"obj_1","object":"list","data":[],"has_more":false}"#))
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL to give a client, `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Takes the requests seen since the last call.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.shared.lock().requests)
    }

    /// Waits until `count` requests are there that no one has taken, and says whether they came.
    pub fn wait_for_requests(&self, count: usize) -> bool {
        self.wait(|seen| seen.requests.len() >= count)
    }

    /// Waits until `count` clients have hung up on [`Answer::Hang`], and says whether they did.
    pub fn wait_for_hang_ups(&self, count: usize) -> bool {
        self.wait(|seen| seen.hang_ups >= count)
    }

    fn wait(&self, ready: impl Fn(&Seen) -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.lock();
        while !ready(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            seen = self.shared.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Script = dyn Fn(&Recorded) -> Answer + Send + Sync;

async fn accept(listener: TcpListener, shared: Arc<Shared>, script: Arc<Script>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, script) = (shared.clone(), script.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| respond(request, &shared, &*script));
            // A connection that a hostile or impatient client breaks is that client's affair.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Counts a client that left before it was answered: hyper drops the future of a request whose connection closed.
struct HangUp<'a>(&'a Shared);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        self.0.update(|seen| seen.hang_ups += 1);
    }
}

async fn respond(
    request: http::Request<Incoming>,
    shared: &Shared,
    script: &Script,
) -> Result<http::Response<UnsyncBoxBody<Bytes, std::io::Error>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let recorded = Recorded {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body,
    };
    // It counts as seen before the script answers, so that a script may wait for what a test does about it.
    shared.update(|seen| seen.requests.push(recorded.clone()));
    let answer = script(&recorded);
    match answer {
        Answer::Reply { status, headers, body } => {
            let mut response = http::Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
            *response.status_mut() =
                http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
                    response.headers_mut().append(name, value);
                }
            }
            Ok(response)
        }
        Answer::Stream { content_type, chunks } => {
            let next = poll_fn(move |cx| chunks.0.lock().unwrap_or_else(PoisonError::into_inner).poll_recv(cx));
            let body = StreamBody::new(next.map(|chunk| chunk.map(Frame::data)));
            let mut response = http::Response::new(body.boxed_unsync());
            if let Ok(value) = content_type.parse() {
                response.headers_mut().insert(http::header::CONTENT_TYPE, value);
            }
            Ok(response)
        }
        Answer::Hang => {
            let _guard = HangUp(shared);
            std::future::pending().await
        }
    }
}
