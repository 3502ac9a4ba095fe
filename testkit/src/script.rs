//! A platform without sockets or clocks: it answers from a script and keeps what was sent.
//!
//! What a call names decides what it finds:
//!
//! | named | found |
//! |---|---|
//! | a path or URL | a file that says `content of` and the path or URL, of the type that its extension tells |
//! | a path that ends in `SKILL.md` | a file that begins with a name and a description |
//! | a path to read with `missing` in it | no such file |
//! | a path to read with `broken` in it | a file of 16 bytes that breaks off after `half of ` |
//! | a path to read with `large` in it | a file of 20 MiB: the last letter of the path, again and again |
//! | a URL with `endless` in it | a file that begins and does not go on |
//! | a path to save to with `missing` in it | no such folder |
//! | a path to save to with `taken` in it | a file that is there already |
//! | a path to save to with `full` in it | a full disk, which is seen only when the file is written |
//! | a folder with `missing` in it | no such folder |
//! | a folder `skills/pdf` | `SKILL.md`, `run.sh`, and a folder `references` with `a.md`, of 8 bytes each |
//! | a folder whose name has an extension | no folder |
//! | any other folder | `a.mp3`, `b.txt` and `c.wav`, of 8 bytes each |
//!
//! With the setting `NO_FILES` no file can be written, as where the server has none.
//!
//! Random numbers are 0 at first, and then others that are the same in every run.

use core::net::IpAddr;
use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _, pending, poll_fn, ready};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::file::{Source, media_type};
use openai_mcp_kernel::platform::{Connected, Listed, Opened, Platform, Saved};
use openai_mcp_kernel::sql::{Rows, Statement};
use openai_mcp_kernel::telemetry::Finished;
use openai_mcp_native::store::Database;
use serde_json::Value;

use crate::socket;

/// What the script answers to one request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A reply without headers; its body is JSON or anything else.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Reply { status, headers: Vec::new(), body: body.into() }
    }

    /// Reads one as a case has it: `STATUS`, header lines, body.
    ///
    /// # Errors
    /// There is no status.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().peekable();
        let status = lines.next().and_then(|line| line.trim().parse().ok());
        let status = status.ok_or_else(|| format!("a reply begins with a status: {text}"))?;
        let mut headers = Vec::new();
        // The fields of an event stream look like headers, and begin its body.
        while let Some((name, value)) = lines.peek().and_then(|line| line.split_once(": "))
            && !["data", "event", "id"].contains(&name)
            && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
        {
            headers.push((name.to_owned(), value.to_owned()));
            lines.next();
        }
        Ok(Reply { status, headers, body: lines.collect::<Vec<_>>().join("\n").into() })
    }

    /// The same with a header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A successful one, of JSON.
    pub fn json(body: &Value) -> Self {
        Reply::new(200, body.to_string())
    }
}

/// One request as it would have gone out.
#[derive(Clone, Debug)]
pub struct Sent {
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// Path and query below the base URL.
    pub target: String,
    /// The headers that differ from request to request.
    pub headers: Vec<(String, String)>,
    /// The body, as text: of a part that is none, how many bytes it has.
    pub body: String,
    /// The body as it was sent.
    pub bytes: Bytes,
}

/// The scripted platform, with an empty database. Its clock moves only when something sleeps, and then at once.
#[derive(Default)]
pub struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
    clock: Arc<Mutex<Duration>>,
    /// Whether somebody stopped the clock, while time goes on.
    stopped: bool,
    saved: Arc<Mutex<Vec<(String, Bytes)>>>,
    drawn: Mutex<u128>,
    database: Mutex<Option<Database>>,
    settings: Mutex<Vec<(String, String)>>,
    storeless: bool,
    untrusted: bool,
    key: Option<String>,
    silent: Arc<AtomicBool>,
    /// Who waits for the end of its silence.
    waiting: Arc<Mutex<Vec<Waker>>>,
    computed: AtomicUsize,
    openai: bool,
    left: Mutex<Vec<BoxFuture<'static, ()>>>,
}

/// A body as text. Contents that are no text, in a form its parts, are told by their length.
pub(crate) fn text(body: &[u8]) -> String {
    let length = |content: &[u8]| format!("[{} bytes]", content.len());
    let Some(end) = body.starts_with(b"--").then(|| body.windows(2).position(|two| two == b"\r\n")).flatten() else {
        return std::str::from_utf8(body).map_or_else(|_| length(body), str::to_owned);
    };
    let part = |part: &[u8]| match std::str::from_utf8(part) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let head = part.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
            let (head, content) = part.split_at(head);
            let content = content.strip_suffix(b"\r\n").unwrap_or(content);
            format!("{}{}\r\n", String::from_utf8_lossy(head), length(content))
        }
    };
    let (boundary, mut rest) = body.split_at(end);
    let mut parts = Vec::new();
    while let Some(at) = rest.windows(end).position(|window| window == boundary) {
        parts.push(part(&rest[..at]));
        rest = &rest[at + end..];
    }
    parts.push(part(rest));
    let boundary = String::from_utf8_lossy(boundary);
    format!("{boundary}{}", parts.join(&boundary))
}

/// How long anyone waits for an API that is silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where servers send their requests by default.
const OPENAI: &str = "https://api.openai.com/v1";

/// Base URL of scripted servers.
pub const BASE_URL: &str = "https://api.test/v1";

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Script {
    /// A script of these answers, in order.
    pub fn new(replies: Vec<Reply>) -> Self {
        Script { replies: Arc::new(Mutex::new(replies.into())), ..Script::default() }
    }

    /// The same for a caller from elsewhere, who may name no files.
    #[must_use]
    pub fn untrusted(mut self) -> Self {
        self.untrusted = true;
        self
    }

    /// The same for a caller with this key.
    #[must_use]
    pub fn as_caller(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// The caller's key, if it is not the usual one.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether the caller may name files.
    pub(crate) fn trusted(&self) -> bool {
        !self.untrusted
    }

    /// The same with an API that does not answer at all once the answers are used up. Who waits for a minute or longer
    /// then waits for ever.
    #[must_use]
    pub fn then_silent(self) -> Self {
        self.silent.store(true, Ordering::Relaxed);
        self
    }

    /// The same with the variable `OPENAI_MCP_{name}` set.
    #[must_use]
    pub fn with(self, name: &str, value: impl Display) -> Self {
        self.set(name, &value.to_string());
        self
    }

    /// The same with a clock that somebody stopped, while time goes on.
    #[must_use]
    pub fn with_stopped_clock(mut self) -> Self {
        self.stopped = true;
        self
    }

    /// The same at another time than the beginning of 1970, in seconds since then.
    #[must_use]
    pub fn at(self, seconds: u64) -> Self {
        *lock(&self.clock) = Duration::from_secs(seconds);
        self
    }

    /// Sets the variable `OPENAI_MCP_{name}`.
    pub fn set(&self, name: &str, value: &str) {
        lock(&self.settings).push((format!("OPENAI_MCP_{name}"), value.to_owned()));
    }

    /// The variables that were set.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        lock(&self.settings).clone()
    }

    /// The same without a database: a Worker to which none is bound.
    #[must_use]
    pub fn without_store(mut self) -> Self {
        self.storeless = true;
        self
    }

    /// Answers more requests, after those that are left.
    pub fn reply(&self, replies: Vec<Reply>) {
        lock(&self.replies).extend(replies);
    }

    /// The same for a server that takes the script for OpenAI itself.
    #[must_use]
    pub fn as_openai(mut self) -> Self {
        self.openai = true;
        self
    }

    /// Whether it is taken for OpenAI itself.
    pub(crate) fn is_openai(&self) -> bool {
        self.openai
    }

    /// How often work was done that takes long.
    pub fn computed(&self) -> usize {
        self.computed.load(Ordering::Relaxed)
    }

    /// What was sent.
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.sent).clone()
    }

    /// What was saved: path and content.
    pub fn saved(&self) -> Vec<(String, Bytes)> {
        lock(&self.saved).clone()
    }

    /// Does what calls left to be done after their end, however long that waits: an API that was silent answers now.
    pub fn tidy_up(&self) {
        self.silent.store(false, Ordering::Relaxed);
        lock(&self.waiting).drain(..).for_each(Waker::wake);
        let left = std::mem::take(&mut *lock(&self.left));
        left.into_iter().for_each(futures_executor::block_on);
    }

    /// Whether calls left something to be done after their end.
    pub fn has_left(&self) -> bool {
        !lock(&self.left).is_empty()
    }

    /// How many answers nobody asked for.
    pub fn left(&self) -> usize {
        lock(&self.replies).len()
    }
}

impl Platform for Script {
    fn send(&self, request: http::Request<Body>) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        const SAME_IN_ALL: [&str; 2] = ["authorization", "user-agent"];
        let mut reply = lock(&self.replies).pop_front();
        let (sent, replies) = (self.sent.clone(), self.replies.clone());
        let (silent, waiting) = (self.silent.clone(), self.waiting.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = match body.collect(1 << 20).await {
                Ok(body) => body,
                // Whoever has an answer all the same takes half of it for the whole, as some runtimes let it.
                Err(_) if reply.is_some() || silent.load(Ordering::Relaxed) => Bytes::new(),
                Err(error) => return Err(Failure { text: error.to_string(), unsent: true }),
            };
            if reply.is_none() && silent.load(Ordering::Relaxed) {
                poll_fn(|task| match silent.load(Ordering::Relaxed) {
                    true => {
                        lock(&waiting).push(task.waker().clone());
                        Poll::Pending
                    }
                    false => Poll::Ready(()),
                })
                .await;
                reply = lock(&replies).pop_front();
            }
            let usual = |name: &str, value: &[u8]| {
                SAME_IN_ALL.contains(&name)
                    || matches!((name, value), ("accept", b"application/json") | ("accept-encoding", b"identity"))
            };
            let headers = head.headers.iter().filter(|(name, value)| !usual(name.as_str(), value.as_bytes()));
            lock(&sent).push(Sent {
                method: head.method.to_string(),
                target: head.uri.to_string().trim_start_matches(BASE_URL).trim_start_matches(OPENAI).to_owned(),
                headers: headers
                    .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                    .collect(),
                body: text(&body),
                bytes: body,
            });
            let reply = reply.ok_or(Failure { text: "the script has no further answer".into(), unsent: false })?;
            let mut response = http::Response::builder().status(reply.status);
            for (name, value) in &reply.headers {
                response = response.header(name, value);
            }
            let body = Body::Stream {
                length: Some(reply.body.len() as u64),
                chunks: Box::pin(futures_util::stream::iter([Ok(reply.body)])),
            };
            response.body(body).map_err(|error| Failure { text: error.to_string(), unsent: true })
        }
        .boxed()
    }

    fn connect(&self, request: http::Request<Body>) -> BoxFuture<'static, Result<Connected, Failure>> {
        let reply = lock(&self.replies).front().filter(|reply| reply.status == 101).cloned();
        let Some(reply) = reply else {
            return self.send(request).map(|answer| answer.map(Connected::Refused)).boxed();
        };
        let (sent, clock, opening) = (self.sent.clone(), self.clock.clone(), self.send(request));
        async move {
            opening.await?;
            if reply.body.starts_with(b"never") {
                return pending().await;
            }
            let index = lock(&sent).len().saturating_sub(1);
            if let Some(request) = lock(&sent).get_mut(index) {
                request.method = "SOCKET".into();
            }
            let keep = move |shown: &str, whole: &str| {
                if let Some(request) = lock(&sent).get_mut(index) {
                    request.body.push_str(&format!("{shown}\n"));
                    request.bytes = [&request.bytes, whole.as_bytes(), b"\n"].concat().into();
                }
            };
            Ok(Connected::Open(socket::play(&reply.body, keep, move |time| *lock(&clock) += time)))
        }
        .boxed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if self.silent.load(Ordering::Relaxed) && duration >= PATIENCE {
            return pending().boxed();
        }
        // Guards against silence, which sleep beside an answer that is there at once, must not move the clock: it moves when
        // somebody has to wait.
        let clock = self.clock.clone();
        async move { *lock(&clock) += duration }.boxed()
    }

    fn compute(&self, _for: Option<IpAddr>, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        async move { work() }.boxed()
    }

    fn now(&self) -> Duration {
        if self.stopped { Duration::ZERO } else { self.monotonic() }
    }

    fn monotonic(&self) -> Duration {
        *lock(&self.clock)
    }

    /// 0 at first, another number each time.
    fn random(&self) -> u128 {
        let mut drawn = lock(&self.drawn);
        let number = *drawn;
        *drawn += 1 << 64 | 1 << 16;
        number
    }

    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>> {
        let opened = |filename: Option<String>, mime_type: Option<String>, at: &str, content: String| {
            let filename = filename.unwrap_or_else(|| at.rsplit('/').next().unwrap_or_default().to_owned());
            let mime_type = mime_type.unwrap_or_else(|| media_type(&filename).to_owned());
            Opened { filename, mime_type, body: Body::Full(content.into()) }
        };
        ready(match source {
            Source::Path { path, .. } if path.contains("missing") => {
                Err(Error::new(Kind::File, format!("`{path}`: no such file")))
            }
            Source::Path { path, .. } if path.contains("broken") => {
                let broke = Failure { text: "the file changed while it was read".into(), unsent: false };
                let chunks = [Ok(Bytes::from_static(b"half of ")), Err(broke)];
                let body = Body::Stream { length: Some(16), chunks: Box::pin(futures_util::stream::iter(chunks)) };
                Ok(Opened { filename: path, mime_type: "text/plain".into(), body })
            }
            Source::Path { path, filename, mime_type } if path.contains("large") => {
                let letter = path.bytes().last().unwrap_or_default();
                let content = Body::Full(vec![letter; 20 * 1024 * 1024].into());
                Ok(Opened { body: content, ..opened(filename, mime_type, &path, String::new()) })
            }
            Source::Path { path, filename, mime_type } => {
                let head =
                    if path.ends_with("SKILL.md") { "---\nname: pdf\ndescription: Reads PDF\n---\n" } else { "" };
                Ok(opened(filename, mime_type, &path, format!("{head}content of {path}")))
            }
            Source::Url { url, .. } if url.contains("endless") => {
                let begin = futures_util::stream::iter([Ok(Bytes::from(vec![0; 1024]))]);
                let chunks = Box::pin(begin.chain(futures_util::stream::pending()));
                let body = Body::Stream { length: None, chunks };
                Ok(Opened { filename: "a.png".into(), mime_type: "image/png".into(), body })
            }
            Source::Url { url, filename, mime_type } => {
                Ok(opened(filename, mime_type, &url, format!("content of {url}")))
            }
            Source::Inline { bytes, filename, mime_type } => Ok(Opened::inline(bytes, filename, mime_type)),
        })
        .boxed()
    }

    fn save(&self, path: String, body: Body) -> BoxFuture<'static, Result<Saved>> {
        let saved = self.saved.clone();
        let none = self.settings().iter().any(|(name, _)| name == "OPENAI_MCP_NO_FILES");
        async move {
            if none {
                return Err(Error::new(Kind::File, "this server uses no files of its machine"));
            }
            if path.contains("missing") {
                return Err(Error::new(Kind::File, format!("the folder of `{path}`: no such file or folder")));
            }
            if path.contains("full") {
                body.collect(usize::MAX).await?;
                return Err(Error::new(Kind::File, format!("`{path}`: no space left on device")));
            }
            let content = body.collect(1 << 20).await?;
            let bytes = content.len() as u64;
            lock(&saved).push((path.clone(), content));
            Ok(Saved { path, bytes })
        }
        .boxed()
    }

    fn reserve(&self, path: String) -> BoxFuture<'static, Result<()>> {
        ready(match path.as_str() {
            path if path.contains("missing") => {
                Err(Error::new(Kind::File, format!("the folder of `{path}`: no such file or folder")))
            }
            path if path.contains("taken") => Err(Error::new(Kind::File, format!("`{path}` is there already"))),
            _ => Ok(()),
        })
        .boxed()
    }

    fn list(&self, folder: String) -> BoxFuture<'static, Result<Vec<Listed>>> {
        ready(match folder.as_str() {
            folder if folder.contains("missing") => {
                Err(Error::new(Kind::File, format!("`{folder}`: no such file or folder")))
            }
            folder if folder.rsplit('/').next().is_some_and(|name| name.trim_start_matches('.').contains('.')) => {
                Err(Error::new(Kind::File, format!("`{folder}`: not a folder")))
            }
            folder => {
                let names: &[&str] = match folder.trim_end_matches('/') {
                    "skills/pdf" => &["SKILL.md", "references/", "run.sh"],
                    "skills/pdf/references" => &["a.md"],
                    _ => &["a.mp3", "b.txt", "c.wav"],
                };
                let listed = |name: &&str| {
                    let folder = name.ends_with('/');
                    let name = name.trim_end_matches('/').to_owned();
                    Listed { name, bytes: if folder { 0 } else { 8 }, folder }
                };
                Ok(names.iter().map(listed).collect())
            }
        })
        .boxed()
    }

    fn room(&self) -> usize {
        64 * 1024 * 1024
    }

    fn query(&self, _: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>> {
        if self.storeless {
            return ready(Err(Error::new(Kind::Store, "there is no store here"))).boxed();
        }
        let mut database = lock(&self.database);
        let outcome = match &mut *database {
            Some(database) => Ok(database),
            none => Database::memory().map(|database| none.insert(database)),
        };
        ready(outcome.and_then(|database| database.run(&statements))).boxed()
    }

    fn detach(&self, work: BoxFuture<'static, ()>) {
        lock(&self.left).push(work);
    }

    fn finish(&self, _: Option<IpAddr>, work: BoxFuture<'static, ()>) {
        self.detach(work);
    }

    fn record(&self, _: &Finished<'_>) {}
}
