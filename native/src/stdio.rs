//! Newline-delimited messages on a pair of pipes.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::FutureExt as _;
use futures_util::stream::StreamExt as _;
use memchr::memchr;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::json;
use openai_mcp_kernel::protocol::RpcError;
use openai_mcp_kernel::scan::Scan;
use openai_mcp_kernel::server::{Begun, Reply, Service};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

/// Most calls at once; more wait.
const AT_ONCE: usize = 64;
/// Most calls that run or wait; then nothing more is read until one ends.
const WAITING: usize = 1024;
/// Bytes read at a time, and collected before they are written.
const CHUNK: usize = 64 * 1024;
/// What some programs write before all else: U+FEFF.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Serves messages until the input ends, the output breaks or `end` is done. After the end of the input, calls may go on for
/// `grace`: a pipe from a shell ends once it is written, and a client that wants an end says so by a signal. So may what goes on
/// without its caller, until it is `settled`.
/// <https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#shutdown>
///
/// # Errors
/// The input could not be read.
pub async fn serve(
    service: Arc<Service>,
    max_line: usize,
    grace: Duration,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    end: impl Future<Output = ()>,
    settled: impl Future<Output = ()>,
) -> io::Result<()> {
    let (out, messages) = mpsc::channel(AT_ONCE);
    let mut writer = tokio::spawn(write(output, messages));
    let mut calls = Calls {
        service,
        out,
        running: JoinSet::new(),
        cancels: Arc::default(),
        room: Arc::new(Semaphore::new(AT_ONCE)),
        count: 0,
    };
    let mut lines = Lines { input, buffer: BytesMut::new(), searched: 0, max: max_line, first: true, skipping: None };
    let mut end = pin!(end);
    let reading = async {
        while let Some(line) = lines.next().await? {
            match line {
                Line::Message(line) => calls.begin(&line).await,
                Line::TooLong(id) => {
                    let text = format!("the message is longer than {max_line} bytes (OPENAI_MCP_MAX_BODY)");
                    let text = RpcError::new(RpcError::INVALID, text).to_message(id.as_deref());
                    // A broken output ends the server.
                    let _ = put(&calls.out, text.into()).await;
                }
            }
        }
        Ok::<_, io::Error>(())
    };
    // A message waits where nobody reads the answers, and the end does not wait for it.
    tokio::select! {
        biased;
        _ = &mut writer => return Ok(()),
        () = &mut end => return Ok(()),
        read = reading => read?,
    }
    let finish = async {
        while calls.running.join_next().await.is_some() {}
        // The writer ends when it has written what is left.
        drop(calls);
        std::future::pending::<()>().await;
    };
    let until = Instant::now() + grace;
    tokio::select! {
        _ = &mut writer => {}
        () = &mut end => return Ok(()),
        // Whatever is not done by then is dropped, and its call to OpenAI with it.
        _ = timeout_at(until, finish) => {}
    }
    tokio::select! {
        () = &mut end => {}
        _ = timeout_at(until, settled) => {}
    }
    Ok(())
}

struct Calls {
    service: Arc<Service>,
    out: mpsc::Sender<Bytes>,
    running: JoinSet<()>,
    /// How to cancel a call, by its id; the number tells calls of the same id apart.
    cancels: Arc<Mutex<HashMap<String, (u64, AbortHandle)>>>,
    room: Arc<Semaphore>,
    count: u64,
}

impl Calls {
    async fn begin(&mut self, line: &Bytes) {
        while self.running.try_join_next().is_some() {}
        if self.running.len() >= WAITING {
            self.running.join_next().await;
        }
        let caller = Caller { trusted: true, ..Caller::default() };
        let Begun { id, cancels, mut reply, .. } = self.service.begin(line, caller, None);
        for id in cancels {
            if let Some((_, call)) = lock(&self.cancels).remove(&id) {
                call.abort();
            }
        }
        let place = self.room.clone().try_acquire_owned();
        // Most messages are answered at once, and need no task of their own.
        let reply = match place.as_ref().ok().and_then(|_| (&mut reply).now_or_never()) {
            Some(Reply::Nothing) => return,
            Some(Reply::One(_, message)) => {
                // A broken output ends the server.
                let _ = put(&self.out, message).await;
                return;
            }
            Some(many) => std::future::ready(many).boxed(),
            None => reply,
        };
        self.count += 1;
        let number = self.count;
        let (room, out, cancels, of) = (self.room.clone(), self.out.clone(), self.cancels.clone(), id.clone());
        let call = async move {
            let place = match place {
                Ok(place) => Some(place),
                Err(_) => room.acquire_owned().await.ok(),
            };
            send(reply.await, &out).await;
            drop(place);
            if let Some(id) = of {
                let mut cancels = lock(&cancels);
                if cancels.get(&id).is_some_and(|(running, _)| *running == number) {
                    cancels.remove(&id);
                }
            }
        };
        // Locked, so that a call that ends at once does not take out what is not in yet.
        let mut cancels = lock(&self.cancels);
        let call = self.running.spawn(call);
        if let Some(id) = id {
            cancels.insert(id, (number, call));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a message to who writes, looked through here, by the thread that made it and has its bytes at hand.
async fn put(out: &mpsc::Sender<Bytes>, message: Bytes) -> Result<(), SendError<Bytes>> {
    out.send(json::unbroken(message)).await
}

async fn send(reply: Reply, out: &mpsc::Sender<Bytes>) {
    // An output that is closed ends the whole server, so it needs no notice here.
    match reply {
        Reply::Nothing => {}
        Reply::One(_, message) => {
            let _ = put(out, message).await;
        }
        Reply::Many(mut messages) => {
            while let Some(message) = messages.next().await {
                if put(out, message).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Writes messages, each on a line of its own; as many small ones at once as there are, large ones without a copy.
async fn write(mut output: impl AsyncWrite + Unpin, mut messages: mpsc::Receiver<Bytes>) {
    let mut lines = Vec::new();
    while let Some(message) = messages.recv().await {
        let mut next = Some(message);
        while let Some(message) = next.take() {
            if message.len() >= CHUNK / 4 {
                let mut last = Buf::chain(lines.as_slice(), message).chain(b"\n".as_slice());
                if output.write_all_buf(&mut last).await.is_err() {
                    return;
                }
                lines.clear();
                continue;
            }
            lines.extend_from_slice(&message);
            lines.push(b'\n');
            if lines.len() < CHUNK {
                next = messages.try_recv().ok();
            }
        }
        if output.write_all(&lines).await.is_err() || output.flush().await.is_err() {
            return;
        }
        lines.clear();
    }
}

enum Line {
    Message(Bytes),
    /// With its id, if it has one.
    TooLong(Option<String>),
}

struct Lines<R> {
    input: R,
    buffer: BytesMut,
    /// How much of the buffer is known to have no line break.
    searched: usize,
    max: usize,
    /// Nothing was read yet.
    first: bool,
    /// The line is too long: it is thrown away, once it was looked at for its id.
    skipping: Option<Scan>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let found = memchr(b'\n', self.buffer.get(self.searched..).unwrap_or_default());
            if let Some(at) = found {
                let mut line = self.buffer.split_to(self.searched + at + 1).freeze();
                self.searched = 0;
                if let Some(mut scan) = self.skipping.take() {
                    scan.pass(&line);
                    return Ok(Some(Line::TooLong(scan.id())));
                }
                line.truncate(line.trim_ascii_end().len());
                match line.len() {
                    0 => continue,
                    length if length > self.max => {
                        let mut scan = Scan::default();
                        scan.pass(&line);
                        return Ok(Some(Line::TooLong(scan.id())));
                    }
                    _ => return Ok(Some(Line::Message(line))),
                }
            }
            self.searched = self.buffer.len();
            if self.skipping.is_some() || self.searched > self.max {
                self.skipping.get_or_insert_default().pass(&self.buffer);
                self.buffer.clear();
                self.searched = 0;
            }
            if self.buffer.capacity() - self.buffer.len() < CHUNK / 8 {
                self.buffer.reserve(CHUNK);
            }
            if self.input.read_buf(&mut self.buffer).await? == 0 {
                let rest = self.buffer.split().freeze();
                self.searched = 0;
                if let Some(scan) = self.skipping.take() {
                    return Ok(Some(Line::TooLong(scan.id())));
                }
                return Ok((!rest.trim_ascii().is_empty()).then_some(Line::Message(rest)));
            }
            // A byte order mark is no part of the first message.
            if self.first && self.buffer.len() >= MARK.len() {
                self.first = false;
                if self.buffer.starts_with(MARK) {
                    self.buffer.advance(MARK.len());
                }
            }
        }
    }
}

/// Standard input.
pub fn input() -> Box<dyn AsyncRead + Send + Unpin> {
    #[cfg(unix)]
    if let Some(pipe) = pipes::input() {
        return pipe;
    }
    Box::new(tokio::io::stdin())
}

/// Standard output.
pub fn output() -> Box<dyn AsyncWrite + Send + Unpin> {
    #[cfg(unix)]
    if let Some(pipe) = pipes::output() {
        return pipe;
    }
    Box::new(tokio::io::stdout())
}

/// Pipes and sockets, which is what clients connect us by, can be waited for. tokio's own standard streams cost a
/// hand-over to another thread for every message.
#[cfg(unix)]
mod pipes {
    use std::fs::File;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::fs::FileTypeExt as _;
    use std::os::unix::net::UnixStream as Socket;

    use tokio::io::{AsyncRead, AsyncWrite};
    use tokio::net::UnixStream;
    use tokio::net::unix::pipe;

    pub(super) fn input() -> Option<Box<dyn AsyncRead + Send + Unpin>> {
        if let Some(socket) = socket(std::io::stdin()) {
            return Some(Box::new(socket));
        }
        Some(Box::new(pipe::OpenOptions::new().open_receiver(OPENED_ANEW?.0).ok()?))
    }

    pub(super) fn output() -> Option<Box<dyn AsyncWrite + Send + Unpin>> {
        if let Some(socket) = socket(std::io::stdout()) {
            return Some(Box::new(socket));
        }
        let pipe = pipe::OpenOptions::new().open_sender(OPENED_ANEW?.1).ok()?;
        // Room for most results, so that they need not be handed over piece by piece. Less of it is slower, not wrong.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20);
        Some(Box::new(pipe))
    }

    /// Where our ends of the pipes can be opened anew. Made non-blocking as they are, they would be so for every
    /// process that has them, and stay so after us.
    const OPENED_ANEW: Option<(&str, &str)> =
        if cfg!(target_os = "linux") { Some(("/proc/self/fd/0", "/proc/self/fd/1")) } else { None };

    fn socket(stream: impl AsFd) -> Option<UnixStream> {
        let file: File = stream.as_fd().try_clone_to_owned().ok()?.into();
        if !file.metadata().ok()?.file_type().is_socket() {
            return None;
        }
        let socket = Socket::from(OwnedFd::from(file));
        socket.set_nonblocking(true).ok()?;
        UnixStream::from_std(socket).ok()
    }
}
