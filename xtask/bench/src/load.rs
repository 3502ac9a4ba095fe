//! The load: prepared requests over kept-alive connections or one pipe, every answer checked, few allocations.

use std::{
    cell::Cell,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use memchr::memmem;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{ChildStdin, ChildStdout},
    time::timeout,
};

/// Longer than any call here can take: a server that hangs fails the bench and does not stop it.
const HANG: Duration = Duration::from_secs(120);

/// What every answer must look like, so that a fault is never measured as speed.
#[derive(Clone, Copy)]
pub(super) struct Expect {
    /// The length of the body, known from one answer that was checked whole.
    pub(super) length: usize,
    /// Words the body must hold.
    pub(super) words: &'static str,
}

impl Expect {
    fn check(&self, status: u16, body: &[u8]) -> Result<()> {
        let found = memmem::find(body, self.words.as_bytes()).is_some();
        if status != 200 || body.len() != self.length || !found {
            let start = String::from_utf8_lossy(body.get(..400).unwrap_or(body)).into_owned();
            bail!(
                "a wrong answer under load: status {status}, {} bytes where {} with `{}` were due: {start}",
                body.len(),
                self.length,
                self.words
            );
        }
        Ok(())
    }
}

/// One round of calls.
pub(super) struct Sample {
    latencies: Vec<Duration>,
    elapsed: Duration,
}

impl Sample {
    fn new(mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        latencies.sort_unstable();
        Self { latencies, elapsed }
    }

    /// The latency that `percent` of the calls stayed below, in microseconds.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let index = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
    }

    pub(super) fn calls(&self) -> usize {
        self.latencies.len()
    }

    pub(super) fn calls_per_second(&self) -> f64 {
        self.calls() as f64 / self.elapsed.as_secs_f64()
    }
}

/// A kept-alive HTTP/1.1 connection.
pub(super) struct Connection {
    stream: TcpStream,
    /// What was read and not yet used up: the front of it, `filled` bytes.
    buffer: Vec<u8>,
    filled: usize,
    body: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 128 * 1024], filled: 0, body: Vec::with_capacity(128 * 1024) })
    }

    /// Sends a prepared request and reads the answer: its status, and its body from [`Connection::body`].
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.body.clear();
        let (head, status, length) = loop {
            self.fill().await?;
            if let Some(head) = parse_head(self.buffer.get(..self.filled).unwrap_or_default())? {
                break head;
            }
        };
        self.consume(head);
        match length {
            Some(length) => self.take(length).await?,
            None => loop {
                let chunk = httparse::parse_chunk_size(self.buffer.get(..self.filled).unwrap_or_default());
                let Ok(httparse::Status::Complete((head, size))) = chunk else {
                    ensure!(chunk.is_ok(), "a chunk without a size");
                    self.fill().await?;
                    continue;
                };
                self.consume(head);
                self.take(usize::try_from(size)?).await?;
                // The line end after the chunk, and after the last one the end of the (never sent) trailers.
                let before = self.body.len();
                self.take(2).await?;
                self.body.truncate(before);
                if size == 0 {
                    break;
                }
            },
        }
        Ok(status)
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    async fn fill(&mut self) -> Result<()> {
        let read = self.stream.read(self.buffer.get_mut(self.filled..).unwrap_or_default()).await?;
        ensure!(read > 0, "the server closed the connection in the middle of an answer");
        self.filled += read;
        Ok(())
    }

    /// Moves the next `length` bytes of the answer to the body.
    async fn take(&mut self, mut length: usize) -> Result<()> {
        while length > 0 {
            if self.filled == 0 {
                self.fill().await?;
            }
            let count = length.min(self.filled);
            self.body.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            self.consume(count);
            length -= count;
        }
        Ok(())
    }

    fn consume(&mut self, count: usize) {
        self.buffer.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

/// The length of a whole head, its status, and the body's length unless it comes in chunks.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, u16, Option<usize>)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let header = |name| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let length = match header("content-length") {
        Some(length) => Some(std::str::from_utf8(length.value)?.parse()?),
        None if header("transfer-encoding").is_some() => None,
        None => bail!("an answer without a length"),
    };
    Ok(Some((head, response.code.unwrap_or(0), length)))
}

/// A server spoken to over its standard input and output.
pub(super) struct Pipe {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    line: Vec<u8>,
    next: usize,
}

/// Ids start here and so keep their length, which keeps the length of the answers.
const FIRST_ID: usize = 10_000_000;

impl Pipe {
    pub(super) fn new((stdin, stdout): (ChildStdin, BufReader<ChildStdout>)) -> Self {
        Self { stdin, stdout, line: Vec::with_capacity(128 * 1024), next: FIRST_ID }
    }

    /// Sends one message, from behind its id on, and returns the id.
    async fn send(&mut self, rest: &str) -> Result<usize> {
        use std::io::Write as _;
        let id = self.next;
        self.next += 1;
        self.line.clear();
        writeln!(self.line, r#"{{"jsonrpc":"2.0","id":{id}{rest}"#)?;
        self.stdin.write_all(&self.line).await?;
        Ok(id)
    }

    /// Reads one message into [`Pipe::body`] and returns the id it answers.
    async fn receive(&mut self) -> Result<usize> {
        self.line.clear();
        self.stdout.read_until(b'\n', &mut self.line).await?;
        ensure!(self.line.pop() == Some(b'\n'), "the server closed its output");
        // Ids of API objects are strings, and quotes inside text are escaped: only the message's own id is a number.
        memmem::find_iter(&self.line, br#""id":"#)
            .find_map(|at| {
                let digits = self.line.get(at + 5..at + 13)?;
                std::str::from_utf8(digits).ok()?.parse().ok()
            })
            .with_context(|| format!("an answer without our id: {}", String::from_utf8_lossy(&self.line)))
    }

    pub(super) async fn exchange(&mut self, rest: &str) -> Result<()> {
        let sent = self.send(rest).await?;
        let id = timeout(HANG, self.receive()).await.context("no answer")??;
        ensure!(id == sent, "answered id {id} where {sent} was asked");
        Ok(())
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.line
    }
}

/// Calls of one kind to one program, a bounded number at a time.
pub(super) enum Load<'a> {
    Http { connections: Vec<Connection>, request: Vec<u8> },
    Stdio { pipe: &'a mut Pipe, rest: String, in_flight: usize },
}

impl Load<'_> {
    pub(super) async fn http(address: SocketAddr, request: Vec<u8>, connections: usize) -> Result<Self> {
        let connections = try_join_all((0..connections).map(|_| Connection::open(address))).await?;
        Ok(Self::Http { connections, request })
    }

    /// One call whose whole answer is handed back.
    pub(super) async fn probe(&mut self) -> Result<Vec<u8>> {
        match self {
            Self::Http { connections, request } => {
                let connection = connections.first_mut().context("no connection")?;
                let status = timeout(HANG, connection.exchange(request)).await.context("no answer")??;
                let body = connection.body();
                ensure!(status == 200, "status {status}: {}", String::from_utf8_lossy(body));
                Ok(body.to_vec())
            }
            Self::Stdio { pipe, rest, .. } => {
                pipe.exchange(rest).await?;
                Ok(pipe.body().to_vec())
            }
        }
    }

    pub(super) async fn round(&mut self, calls: usize, expect: Expect) -> Result<Sample> {
        timeout(HANG, self.run(calls, expect)).await.context("a round of calls did not end")?
    }

    async fn run(&mut self, calls: usize, expect: Expect) -> Result<Sample> {
        let start = Instant::now();
        let latencies = match self {
            Self::Http { connections, request } => {
                let left = Cell::new(calls);
                let share = calls / connections.len() * 2;
                let workers = connections.iter_mut().map(|connection| {
                    let (left, request) = (&left, request.as_slice());
                    async move {
                        let mut latencies = Vec::with_capacity(share);
                        while let Some(rest) = left.get().checked_sub(1) {
                            left.set(rest);
                            let start = Instant::now();
                            let status = connection.exchange(request).await?;
                            latencies.push(start.elapsed());
                            expect.check(status, connection.body())?;
                        }
                        anyhow::Ok(latencies)
                    }
                });
                try_join_all(workers).await?.concat()
            }
            Self::Stdio { pipe, rest, in_flight } => {
                let first = pipe.next;
                let mut sent = Vec::with_capacity(calls);
                let mut latencies = Vec::with_capacity(calls);
                while latencies.len() < calls {
                    while sent.len() < calls && sent.len() - latencies.len() < *in_flight {
                        sent.push(Some(Instant::now()));
                        pipe.send(rest).await?;
                    }
                    let id = pipe.receive().await?;
                    let start = id.checked_sub(first).and_then(|index| sent.get_mut(index)).and_then(Option::take);
                    latencies.push(start.with_context(|| format!("an answer nobody waits for: id {id}"))?.elapsed());
                    expect.check(200, pipe.body())?;
                }
                latencies
            }
        };
        Ok(Sample::new(latencies, start.elapsed()))
    }
}

/// The JSON of an answer, be it plain or the last event of a stream.
pub(super) fn parse(body: &[u8]) -> Result<Value> {
    let body = std::str::from_utf8(body)?;
    let json = body.lines().rev().find_map(|line| line.strip_prefix("data:")).unwrap_or(body);
    serde_json::from_str(json).with_context(|| format!("an answer that is not JSON: {body}"))
}
