//! What a server needs of the machine it runs on: the one gate to sockets, clocks and disks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};

use crate::body::{Body, Failure};
use crate::budget::Budget;
use crate::error::Result;
use crate::file::{Source, media_type};
use crate::sql::{Rows, Statement};
use crate::telemetry::Finished;

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

    /// Writes a new file, in folders that are made where they are missing, and gives its full path. Never overwrites.
    fn save(&self, path: String, body: Body) -> BoxFuture<'static, Result<Saved>>;

    /// Makes sure that a new file can be written at a path that a caller named, and makes the folders on the way to it.
    fn reserve(&self, path: String) -> BoxFuture<'static, Result<()>>;

    /// The regular files and the folders in a folder that a caller named, within what the operator allows, in the order of
    /// their names.
    fn list(&self, folder: String) -> BoxFuture<'static, Result<Vec<Listed>>>;

    /// Most bytes of a file that one call may hold in memory.
    fn room(&self) -> usize;

    /// The memory that files of all calls together may take; as much as there is unless told.
    fn memory(&self) -> Option<Arc<Budget>> {
        None
    }

    /// Does work that takes long, away from what else is served and within a bound on how much of it goes on at once, if
    /// the machine has such a place; else where it is called. Work that panics there is dropped, and nothing else.
    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        async move { work() }.boxed()
    }

    /// Runs statements on the database of a domain in one transaction, all or none, and gives what each gave.
    fn query(&self, domain: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>>;

    /// Takes note of a finished call.
    fn record(&self, call: &Finished<'_>);
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

/// A file or a folder in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its name, without folders.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether it is a folder.
    pub folder: bool,
}
