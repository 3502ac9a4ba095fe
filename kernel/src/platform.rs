//! What a server needs of the machine it runs on: the one gate to sockets, clocks and disks.

use core::net::IpAddr;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use futures_util::sink::Sink;
use futures_util::stream::BoxStream;

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

    /// Opens a WebSocket by a request for an `http` or `https` URL, to which the platform adds the headers of the handshake.
    /// Redirects are followed as by [`Platform::send`], and no message of more than [`LONGEST_MESSAGE`] bytes is taken.
    fn connect(&self, _: http::Request<Body>) -> BoxFuture<'static, Result<Connected, Failure>> {
        ready(Err(Failure { text: "no WebSocket can be opened here".into(), unsent: true })).boxed()
    }

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Time since the Unix epoch.
    fn now(&self) -> Duration;

    /// Time since some moment, which goes on whatever is done to the clock. Default: the clock.
    fn monotonic(&self) -> Duration {
        self.now()
    }

    /// Bytes that nobody can guess.
    fn random(&self) -> u128;

    /// Whether there are files that a caller could name by their path.
    fn has_files(&self) -> bool {
        true
    }

    /// Opens a file that a caller named, within what the operator allows.
    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>>;

    /// Opens a file that a caller named, within what the operator allows, to be read in any order; `None` where it lies on no
    /// disk of this machine.
    fn on_disk(&self, _: Source) -> BoxFuture<'static, Result<Option<OnDisk>>> {
        ready(Ok(None)).boxed()
    }

    /// Writes a new file, in folders that are made where they are missing, and gives its full path. Never overwrites.
    fn save(&self, path: String, body: Body) -> BoxFuture<'static, Result<Saved>>;

    /// A place for bytes beside that of a new file, as long as somebody has it. Default: in memory.
    fn scratch(&self, _near: String) -> BoxFuture<'static, Result<Box<dyn Scratch>>> {
        ready(Ok(Box::new(BytesMut::new()) as Box<dyn Scratch>)).boxed()
    }

    /// Makes sure that a new file can be written at a path that a caller named, with the folders on the way to it, and
    /// leaves nothing behind.
    fn reserve(&self, path: String) -> BoxFuture<'static, Result<()>>;

    /// The regular files and the folders in a folder that a caller named, within what the operator allows, in the order of
    /// their names.
    fn list(&self, folder: String) -> BoxFuture<'static, Result<Vec<Listed>>>;

    /// Most bytes of a file that one call may hold in memory.
    fn room(&self) -> usize;

    /// The memory that files of all calls together may take. Default: as much as there is.
    fn memory(&self) -> Option<Arc<Budget>> {
        None
    }

    /// Does work that takes long, away from what else is served and within a bound on how much of it goes on at once, if
    /// the machine has such a place; else where it is called. The address for which it is done comes before those that have
    /// more of it under way. Work that panics there is dropped, and nothing else.
    fn compute(&self, _for: Option<IpAddr>, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        async move { work() }.boxed()
    }

    /// Goes on with work whose call has ended, on machines that live longer than their calls. On others, as Workers, it is
    /// dropped.
    fn detach(&self, work: BoxFuture<'static, ()>) {
        drop(work);
    }

    /// The same for work that is paid for and is to come to its end, within a bound on how long it lasts and how much of it goes
    /// on at once, of it no more than a share for one address; a machine that is to end waits for it as for a call.
    fn finish(&self, by: Option<IpAddr>, work: BoxFuture<'static, ()>) {
        let _ = by;
        drop(work);
    }

    /// Runs statements on the database of a domain in one transaction, all or none, and gives what each gave.
    fn query(&self, domain: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>>;

    /// Takes note of a call that begins. Each is recorded when it ends.
    fn begun(&self) {}

    /// Takes note of a call that has ended.
    fn record(&self, call: &Finished<'_>);
}

/// Most bytes of a message of a WebSocket: OpenAI takes 15 MiB of sound at once.
pub const LONGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// What came of opening a WebSocket.
pub enum Connected {
    /// It is open.
    Open(Wire),
    /// The other side answered with something else.
    Refused(http::Response<Body>),
}

/// Both ends of a WebSocket that is open. It is gone when both are dropped.
pub struct Wire {
    /// What comes in, up to the end of the connection.
    pub incoming: BoxStream<'static, Result<Frame, Failure>>,
    /// Texts that go out. To close it is to say goodbye, with code 1000.
    pub outgoing: Pin<Box<dyn Sink<String, Error = Failure> + Send>>,
}

/// What comes in by a WebSocket.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A message.
    Text(Bytes),
    /// The other side says goodbye.
    Closed {
        /// Why, as a number (RFC 6455 §7.4).
        code: u16,
        /// Why, in words.
        reason: String,
    },
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

/// Bytes that can be read in any order.
pub trait ReadAt: Send + Sync {
    /// Reads bytes from a place on, at least one unless that is the end.
    ///
    /// # Errors
    /// Those of the disk.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadAt for Bytes {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let (count, rest) = (buffer.len().min(rest.len()), rest.iter());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(count)
    }
}

/// Bytes that come in one after the other, to be read in any order once they are all there.
pub trait Scratch: Send {
    /// Adds bytes at the end.
    fn put(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>>;

    /// All of them. They are gone when nobody has them any more.
    fn content(self: Box<Self>) -> BoxFuture<'static, Result<Arc<dyn ReadAt>>>;
}

impl Scratch for BytesMut {
    fn put(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.extend_from_slice(&bytes);
        ready(Ok(())).boxed()
    }

    fn content(self: Box<Self>) -> BoxFuture<'static, Result<Arc<dyn ReadAt>>> {
        ready(Ok(Arc::new(self.freeze()) as Arc<dyn ReadAt>)).boxed()
    }
}

/// An opened file on a disk.
pub struct OnDisk {
    /// Its name, without folders.
    pub filename: String,
    /// Its media type.
    pub mime_type: String,
    /// Size in bytes.
    pub length: u64,
    /// Its content. Reading takes time, so it belongs into [`Platform::compute`].
    pub content: Arc<dyn ReadAt>,
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
