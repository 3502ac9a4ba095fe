//! What a server needs of the machine it runs on: the one gate to sockets, clocks and disks.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use futures_util::stream::{BoxStream, StreamExt as _};

use crate::error::{Error, Kind, Result};
use crate::file::{Source, media_type};
use crate::store::{Rows, Statement};
use crate::telemetry::Event;

/// A machine: native (tokio) or a Cloudflare Worker.
pub trait Platform: Send + Sync + 'static {
    /// Sends one request and gives the answer as soon as its head is there. Redirects to another host drop the key.
    fn send(&self, request: http::Request<Body>) -> BoxFuture<'static, Result<http::Response<Body>, Failure>>;

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Time since the Unix epoch.
    fn now(&self) -> Duration;

    /// Bytes that nobody can guess.
    fn random(&self) -> u128;

    /// Whether there are files that a caller could name by their path.
    fn has_files(&self) -> bool {
        true
    }

    /// Opens a file that a caller named, within what the operator allows.
    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>>;

    /// Writes a new file and gives its full path. Never overwrites.
    fn save(&self, path: String, body: Body) -> BoxFuture<'static, Result<Saved>>;

    /// The regular files in a folder that a caller named, within what the operator allows, in the order of their names.
    fn list(&self, folder: String) -> BoxFuture<'static, Result<Vec<Listed>>>;

    /// Most bytes of a file that one call may hold in memory.
    fn room(&self) -> usize;

    /// Does work that takes long, away from what else is served and within a bound on how much of it goes on at once, if
    /// the machine has such a place; else where it is called. Work that panics there is dropped, and nothing else.
    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        async move { work() }.boxed()
    }

    /// Runs statements on the database of a domain in one transaction, all or none, and gives what each gave.
    fn query(&self, domain: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>>;

    /// Takes note of a finished call.
    fn record(&self, event: &Event<'_>);
}

/// An opened file.
#[derive(Debug)]
pub struct Opened {
    /// Its name, without folders.
    pub filename: String,
    /// Its media type.
    pub mime_type: String,
    /// Its content.
    pub body: Body,
}

impl Opened {
    /// A file whose bytes the caller gave.
    pub fn inline(bytes: Bytes, filename: String, mime_type: Option<String>) -> Self {
        let mime_type = mime_type.unwrap_or_else(|| media_type(&filename).to_owned());
        Opened { filename, mime_type, body: Body::Full(bytes) }
    }
}

/// A written file.
#[derive(Debug)]
pub struct Saved {
    /// Full path.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// A file in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its name, without folders.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Why a request got no answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What happened, without key or URL query.
    pub text: String,
    /// Whether the request cannot have reached the other side, so that sending it again is safe.
    pub unsent: bool,
}

/// The bytes of a request or an answer.
pub enum Body {
    /// All there.
    Full(Bytes),
    /// Coming in.
    Stream {
        /// The chunks.
        chunks: BoxStream<'static, Result<Bytes, Failure>>,
        /// Total length in bytes, if known.
        length: Option<u64>,
    },
}

impl Body {
    /// No bytes.
    pub const EMPTY: Body = Body::Full(Bytes::new());

    /// Length in bytes, if known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Body::Full(bytes) => Some(bytes.len() as u64),
            Body::Stream { length, .. } => *length,
        }
    }

    /// As a stream of chunks.
    pub fn into_chunks(self) -> BoxStream<'static, Result<Bytes, Failure>> {
        match self {
            Body::Full(bytes) => futures_util::stream::once(std::future::ready(Ok(bytes))).boxed(),
            Body::Stream { chunks, .. } => chunks,
        }
    }

    /// The same body, which breaks off where it gets longer than `most` bytes.
    pub fn within(self, most: u64) -> Self {
        let length = self.length();
        let chunks = self.into_chunks().scan(0, move |passed, chunk| {
            let chunk = chunk.and_then(|bytes| {
                *passed += bytes.len() as u64;
                let too_long = || Failure { text: format!("it has more than {most} bytes"), unsent: false };
                if *passed > most { Err(too_long()) } else { Ok(bytes) }
            });
            ready(Some(chunk))
        });
        Body::Stream { chunks: chunks.boxed(), length }
    }

    /// All bytes, if there are at most `cap`; a body that came in one piece is not copied.
    ///
    /// # Errors
    /// More than `cap` bytes, or a broken connection.
    pub async fn collect(self, cap: usize) -> Result<Bytes> {
        let broken = |failure: Failure| Error::new(Kind::Connection, format!("the answer broke off: {}", failure.text));
        let too_long = || Error::new(Kind::Answer, format!("the answer is longer than {cap} bytes"));
        let length = self.length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0).min(cap);
        let mut chunks = match self {
            Body::Full(bytes) if bytes.len() > cap => return Err(too_long()),
            Body::Full(bytes) => return Ok(bytes),
            Body::Stream { chunks, .. } => chunks,
        };
        let Some(first) = chunks.next().await else { return Ok(Bytes::new()) };
        let first = first.map_err(broken)?;
        let mut rest = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(broken)?;
            if rest.is_empty() {
                rest.reserve(length);
                rest.extend_from_slice(&first);
            }
            if rest.len() + chunk.len() > cap {
                return Err(too_long());
            }
            rest.extend_from_slice(&chunk);
        }
        if first.len() > cap {
            return Err(too_long());
        }
        Ok(if rest.is_empty() { first } else { rest.into() })
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({:?} bytes)", self.length())
    }
}
