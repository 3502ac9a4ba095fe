//! A machine in memory: a stand-in for OpenAI, a database that outlives processes, a clock that a test moves, and a way
//! to kill a process at any point where it waits for the world.
#![allow(clippy::unwrap_used, reason = "a failed test is a panic")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _, pending, ready};
use futures_util::stream::StreamExt as _;
use http_body_util::{BodyStream, Full};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::file::Source;
use openai_mcp_kernel::platform::{Listed, Opened, Platform, Saved};
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{self, Definition, Reply};
use openai_mcp_kernel::sql::{Rows, Statement};
use openai_mcp_kernel::telemetry::Finished;
use openai_mcp_native::store::Database;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use tower_service::Service;

/// What everything of one test shares.
#[derive(Clone)]
pub struct Lab(Arc<Shared>);

struct Shared {
    server: &'static Definition,
    upstream: Mutex<Upstream>,
    database: Mutex<Database>,
    born: Instant,
    log: Mutex<Vec<Exchange>>,
}

type Upstream = Box<dyn FnMut(http::Request<Full<Bytes>>) -> Answer + Send>;
type Answer = BoxFuture<'static, http::Response<Body>>;

/// A request that OpenAI got, and how it answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Method and path, as `GET /models`.
    pub request: String,
    /// The JSON that was sent.
    pub body: Value,
    /// The status of the answer.
    pub status: u16,
    /// Whether the process that asked was killed before it had the answer.
    pub lost: bool,
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lab {
    /// A machine where `server` runs, and `api` answers for OpenAI.
    pub fn new<S, B>(server: &'static Definition, mut api: S) -> Self
    where
        S: Service<http::Request<Full<Bytes>>, Response = http::Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let upstream = move |request: http::Request<Full<Bytes>>| {
            let answer = api.call(request);
            async move {
                let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
                response.map(|body| {
                    let chunks = BodyStream::new(body).filter_map(|frame| {
                        let chunk = frame.map(|frame| frame.into_data().unwrap_or_default());
                        ready(Some(chunk.map_err(|error| Failure { text: error.to_string(), unsent: false })))
                    });
                    Body::Stream { chunks: chunks.boxed(), length: None }
                })
            }
            .boxed()
        };
        Lab(Arc::new(Shared {
            server,
            upstream: Mutex::new(Box::new(upstream)),
            database: Mutex::new(Database::memory().unwrap()),
            born: Instant::now(),
            log: Mutex::default(),
        }))
    }

    /// A process that is killed after its n-th step into the world, if told: the world has it, the process not.
    ///
    /// To be killed before a step leaves the same world as to be killed after the one before it.
    pub fn process(&self, killed: Option<usize>) -> Process {
        self.start(killed, None)
    }

    /// A process as on Workers: of what a call asks of OpenAI and of the database beyond so many requests and statements, all
    /// fails.
    pub fn bounded(&self, most: usize) -> Process {
        self.start(None, Some(most))
    }

    fn start(&self, killed: Option<usize>, most: Option<usize>) -> Process {
        let (left, room) = (Mutex::new(killed), Mutex::new(None));
        let machine = Arc::new(Machine { lab: self.clone(), left, dead: Arc::default(), room });
        let config = Config::read(|name| match name {
            "OPENAI_BASE_URL" => Some("http://sandbox/v1".into()),
            "OPENAI_API_KEY" => Some("sk-lab".into()),
            "OPENAI_MCP_MAX_REQUESTS" => most.map(|most| most.to_string()),
            _ => None,
        })
        .unwrap();
        let service = server::Service::new(self.0.server, Arc::new(config), machine.clone()).unwrap();
        Process { service, machine, most }
    }

    /// What OpenAI was asked since it was last looked at.
    pub fn log(&self) -> Vec<Exchange> {
        std::mem::take(&mut lock(&self.0.log))
    }

    /// Asks OpenAI itself.
    pub async fn ask(&self, method: &str, path: &str) -> Value {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/v1{path}"))
            .header("authorization", "Bearer sk-lab")
            .body(Full::default())
            .unwrap();
        let answer = lock(&self.0.upstream)(request);
        serde_json::from_slice(&answer.await.into_body().collect(1 << 24).await.unwrap()).unwrap()
    }
}

/// One server, as long as it lives.
pub struct Process {
    /// It.
    pub service: Arc<server::Service>,
    machine: Arc<Machine>,
    /// Most requests and statements of a call.
    most: Option<usize>,
}

impl Process {
    /// Calls a tool: its result, its error, or nothing if the process was killed.
    pub async fn call(&self, tool: &str, arguments: Value) -> Option<Result<Value, String>> {
        *lock(&self.machine.room) = self.most;
        let params = json!({"name": tool, "arguments": arguments});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let caller = Caller { key: Secret::new("sk-lab").ok(), trusted: true, ..Caller::default() };
        let begun = self.service.begin(&Bytes::from(message), caller, None);
        tokio::select! {
            biased;
            () = self.machine.dead.notified() => None,
            reply = begun.reply => {
                let Reply::One(_, answer) = reply else { panic!("{tool}: expected one message") };
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                let result = &answer["result"];
                assert!(result.is_object(), "{tool}: {answer}");
                let text = result["content"][0]["text"].as_str().unwrap_or_default();
                Some(if result["isError"] == true {
                    Err(text.to_owned())
                } else {
                    Ok(serde_json::from_str(text).unwrap_or_else(|_| panic!("{tool}: {result}")))
                })
            }
        }
    }
}

struct Machine {
    lab: Lab,
    left: Mutex<Option<usize>>,
    dead: Arc<Notify>,
    /// How many requests and statements the call may still make.
    room: Mutex<Option<usize>>,
}

impl Machine {
    /// Whether the call may make so many requests or statements more.
    fn may(&self, count: usize) -> bool {
        let mut room = lock(&self.room);
        let left = room.map(|left| left.checked_sub(count));
        *room = left.map(Option::unwrap_or_default);
        left != Some(None)
    }

    /// Counts a step: whether the process is killed after it.
    fn step(&self) -> bool {
        let mut left = lock(&self.left);
        let killed = *left == Some(0);
        *left = left.map(|steps| steps.saturating_sub(1));
        killed
    }
}

impl Platform for Machine {
    fn send(&self, request: http::Request<Body>) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        if !self.may(1) {
            return ready(Err(Failure { text: "too many subrequests".into(), unsent: true })).boxed();
        }
        let (lab, killed, dead) = (self.lab.clone(), self.step(), self.dead.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect(1 << 24).await.unwrap();
            let name = format!("{} {}", head.method, head.uri.path().trim_start_matches("/v1"));
            let sent = serde_json::from_slice(&body).unwrap_or_default();
            let answer = lock(&lab.0.upstream)(http::Request::from_parts(head, Full::new(body)));
            let response = answer.await;
            lock(&lab.0.log).push(Exchange {
                request: name,
                body: sent,
                status: response.status().as_u16(),
                lost: killed,
            });
            if killed {
                dead.notify_one();
                return pending().await;
            }
            Ok(response)
        }
        .boxed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }

    fn now(&self) -> Duration {
        Duration::from_secs(1_800_000_000) + self.lab.0.born.elapsed()
    }

    fn random(&self) -> u128 {
        fastrand::u128(..)
    }

    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>> {
        ready(match source {
            Source::Inline { bytes, filename, mime_type } => Ok(Opened::inline(bytes, filename, mime_type)),
            _ => Err(Error::new(Kind::File, "no files here")),
        })
        .boxed()
    }

    fn save(&self, _: String, _: Body) -> BoxFuture<'static, Result<Saved>> {
        ready(Err(Error::new(Kind::File, "no files here"))).boxed()
    }

    fn reserve(&self, _: String) -> BoxFuture<'static, Result<()>> {
        ready(Err(Error::new(Kind::File, "no files here"))).boxed()
    }

    fn list(&self, _: String) -> BoxFuture<'static, Result<Vec<Listed>>> {
        ready(Err(Error::new(Kind::File, "no files here"))).boxed()
    }

    fn room(&self) -> usize {
        1 << 24
    }

    fn query(&self, _: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>> {
        if !self.may(statements.len()) {
            return ready(Err(Error::new(Kind::Store, "too many queries"))).boxed();
        }
        let (killed, dead) = (self.step(), self.dead.clone());
        let outcome = lock(&self.lab.0.database).run(&statements);
        async move {
            if killed {
                dead.notify_one();
                return pending().await;
            }
            outcome
        }
        .boxed()
    }

    fn record(&self, _: &Finished<'_>) {}
}
