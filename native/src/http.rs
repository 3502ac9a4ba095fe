//! The kernel's HTTP face on sockets.
//!
//! hyper is driven directly: a framework's accept loop knows no time limit for a request's head, no limit of
//! connections, and no pause when the system is out of file descriptors.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{StreamExt as _, TryStreamExt as _};
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::budget::{Budget, Held};
use openai_mcp_kernel::gateway::{Admitted, Gateway, Peer};
use openai_mcp_kernel::scan::Scan;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::body::Outgoing;
use crate::fair::Fair;
use crate::progress::{Activity, Moving};
use crate::sessions::Sessions;

/// Most of a body that is too large is read and thrown away, so that a client that sends it gets to read why.
const THROWN_AWAY: usize = 64 * 1024 * 1024;

/// Connections that are turned away whose clients are heard out at once, and how long each of them.
const HEARD_OUT: usize = 16;
const HEARD: Duration = Duration::from_secs(1);

/// HTTP/2 requests at once on a connection.
const STREAMS: u32 = 32;
/// Most bytes of a request's head, and of what is read or written at a time.
const BUFFER: usize = 16 * 1024;
/// What a request and its answer take besides their bytes, in bytes.
const ANSWER: usize = 4 * 1024;

/// What the server grants a client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the head of a request, from its first moment.
    pub head: Duration,
    /// Between two pieces of a body; ten times as long for all of it.
    pub body: Duration,
    /// For a client that is to read, or to ask for something, until its connection is closed.
    pub idle: Duration,
    /// Connections at once; more are answered 503. Half of them are the most for an address that is not this machine's.
    pub connections: u32,
    /// Bytes of all bodies that are being read or worked on; more are answered 503. Half of them are the most for an
    /// address that is not this machine's.
    pub bodies: usize,
    /// Bytes of all answers that are not read yet, each counted with [`ANSWER`] more; while there are as many, requests
    /// are answered 503. Half of them are the most for an address that is not this machine's.
    pub answers: usize,
    /// For calls in flight, once the server is told to end.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(10),
            connections: 2048,
            bodies: 64 * 1024 * 1024,
            answers: 64 * 1024 * 1024,
            grace: Duration::from_secs(10),
        }
    }
}

/// Serves until `end` is done, then lets calls in flight finish for a while, and what goes on without its caller: it is
/// `settled` when nothing does.
///
/// # Errors
/// The listener has no address.
pub async fn serve(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    limits: Limits,
    end: impl Future<Output = ()>,
    settled: impl Future<Output = ()>,
) -> io::Result<()> {
    let bound_to_loopback = is_loopback(listener.local_addr()?.ip());
    let connections = Budget::new(limits.connections as usize);
    let bodies = Budget::new(limits.bodies);
    let answers = Budget::new(limits.answers);
    let turned = Budget::new(HEARD_OUT);
    let sessions = Arc::new(Sessions::default());
    let (ending, told) = watch::channel(());
    let mut end = pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => break,
        };
        match accepted {
            Ok((stream, from)) => {
                let is_loopback = is_loopback(from.ip());
                // Programs of this machine, a proxy among them, speak for many.
                let from = (!is_loopback).then_some(from.ip());
                let peer = Peer { bound_to_loopback, is_loopback, from };
                let mut place = connections.open(from);
                if !place.take(1) {
                    turn_away(stream, turned.open(None));
                    continue;
                }
                let (bodies, answers) = (bodies.clone(), answers.clone());
                let (gateway, sessions) = (gateway.clone(), sessions.clone());
                let client = Client { gateway, sessions, peer, bodies, answers, limits };
                let serving = connection(stream, client, told.clone());
                tokio::spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            // The client gave up before we came to it.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            // Out of file descriptors or memory: some will be free again in a while.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
    drop((listener, told));
    let _ = ending.send(());
    // Every connection listens for the end until it is done.
    let finish = async {
        ending.closed().await;
        settled.await;
    };
    let _ = timeout(limits.grace, finish).await;
    Ok(())
}

/// The other end of a connection, and what it is served with.
#[derive(Clone)]
struct Client {
    gateway: Arc<Gateway>,
    sessions: Arc<Sessions>,
    peer: Peer,
    bodies: Arc<Budget>,
    answers: Arc<Budget>,
    limits: Limits,
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Answers a connection for which there is no place. What is closed with bytes unread is reset, and its client may lose the
/// answer: while there is a place for that, what it still sends is read and thrown away.
fn turn_away(mut stream: TcpStream, mut place: Held) {
    let _ = stream.try_write(
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    if place.take(1) {
        tokio::spawn(async move {
            let _ = stream.shutdown().await;
            let _ = timeout(HEARD, copy(&mut stream.take(THROWN_AWAY as u64), &mut sink())).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, client: Client, mut ending: watch::Receiver<()>) {
    // Without it small answers wait for the other side's delayed acknowledgement. Failing is slower, not wrong.
    let _ = stream.set_nodelay(true);
    let limits = client.limits;
    let activity = Activity::new();
    let many = Arc::new(AtomicBool::new(false));
    let service = {
        let (activity, many) = (activity.clone(), many.clone());
        service_fn(move |request: Request<Incoming>| {
            many.store(request.version() == Version::HTTP_2, Ordering::Relaxed);
            let (turn, client) = (activity.turn(), client.clone());
            async move { Ok::<_, Infallible>(answer(&client, request).await.map(|body| turn.answer(body))) }
        })
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(BUFFER as u32);
    let stream = TokioIo::new(Moving::new(Fair::new(stream), limits.idle));
    let mut connection = pin!(builder.serve_connection(stream, service));
    // hyper's own limit begins once it knows the version of HTTP, which a silent client never tells.
    let mut check = pin!(sleep(limits.head));
    // Over HTTP/1.1, hyper itself waits no longer than that for the next head, too.
    let (mut watched, mut closing) = (true, false);
    loop {
        tokio::select! {
            biased;
            // An error here is the client's: it broke off, was too slow, or does not speak HTTP.
            _ = connection.as_mut() => return,
            // The other end is dropped when the server is told to end.
            _ = ending.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
                return;
            }
            () = &mut check, if watched => {
                if !activity.began() {
                    return;
                }
                watched = many.load(Ordering::Relaxed);
                let now = Instant::now();
                // HTTP/2 has frames that keep a connection alive, and an answer that is not read holds none of them up.
                match activity.waits_since().map(|since| since + limits.idle) {
                    Some(until) if until > now => check.as_mut().reset(until),
                    None => check.as_mut().reset(now + limits.idle),
                    Some(_) if watched && !closing => {
                        closing = true;
                        connection.as_mut().graceful_shutdown();
                        check.as_mut().reset(now + limits.idle);
                    }
                    Some(_) if watched => return,
                    Some(_) => {}
                }
            }
        }
    }
}

async fn answer(client: &Client, request: Request<Incoming>) -> Response<Outgoing> {
    let Client { gateway, sessions, peer, bodies, answers, limits } = client;
    let from = peer.from;
    let mut held = answers.open(from);
    let room = held.take(ANSWER);
    let (head, body) = request.into_parts();
    let admitted = if room { gateway.admit(&head, *peer) } else { Err(Box::new(no_room())) };
    let waits = head.headers.contains_key(header::EXPECT);
    // The body of what is refused is thrown away, or the client, which still sends it, would not get to read why.
    let most = admitted.as_ref().map_or(0, Admitted::max_body);
    let reading = read(body, most, waits, limits.body, bodies.open(from));
    // A byte now and then keeps no connection for ever.
    let body = timeout(10 * limits.body, reading).await.unwrap_or(Err(Unread::Late));
    let response = match (admitted, body) {
        (Err(refusal), _) => *refusal,
        (Ok(admitted), Ok(body)) => {
            let (told, answer) = gateway.begin(admitted, body);
            sessions.answer(told, answer).await
        }
        (Ok(admitted), Err(Unread::TooLarge(id))) => gateway.too_large(&admitted, id.as_deref()),
        (Ok(admitted), Err(Unread::Late)) => admitted.answer(last(StatusCode::REQUEST_TIMEOUT)),
        (Ok(admitted), Err(Unread::Broken)) => admitted.answer(last(StatusCode::BAD_REQUEST)),
        (Ok(admitted), Err(Unread::NoRoom)) => admitted.answer(no_room()),
    };
    response.map(|body| Outgoing::from(count(body, held, answers.clone(), from)))
}

/// An answer whose bytes are counted until they are read. What was worked for is given in any case.
fn count(body: Body, mut held: Held, answers: Arc<Budget>, from: Option<IpAddr>) -> Body {
    match body {
        Body::Full(bytes) => {
            // What others have as well takes nothing.
            if bytes.is_unique() {
                held.owe(bytes.len());
            }
            Body::Full(held.keep(bytes))
        }
        Body::Stream { chunks, length } => {
            let count = move |chunk: Bytes| {
                let _while_it_lasts = &held;
                let mut own = answers.open(from);
                own.owe(chunk.len());
                own.keep(chunk)
            };
            Body::Stream { chunks: chunks.map_ok(count).boxed(), length }
        }
    }
}

/// The answer where others have taken all the memory there is.
fn no_room() -> Response<Body> {
    let mut response = last(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// An answer after which nothing more is read.
fn last(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

enum Unread {
    /// The id of its message, if it was found.
    TooLarge(Option<String>),
    /// It stopped.
    Late,
    /// It is no body, or it broke off, in which case nobody reads the answer.
    Broken,
    /// Others have taken all the memory there is for bodies.
    NoRoom,
}

/// The body of a request, which holds what it took of the memory for bodies.
async fn read(
    mut body: Incoming,
    cap: usize,
    waits: bool,
    patience: Duration,
    mut held: Held,
) -> Result<Bytes, Unread> {
    let told = http_body::Body::size_hint(&body);
    if told.lower() > cap as u64 && (waits || told.lower() > THROWN_AWAY as u64) {
        return Err(Unread::TooLarge(None));
    }
    let mut first = Bytes::new();
    let mut all = Vec::new();
    let (mut length, mut full) = (0, false);
    let mut scan = Scan::default();
    loop {
        let frame = match timeout(patience, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Err(_) => return Err(Unread::Late),
        };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > THROWN_AWAY.max(cap) {
            break;
        } else if full {
            continue;
        } else if length > cap {
            for passed in [std::mem::take(&mut first), std::mem::take(&mut all).into(), data] {
                scan.pass(&passed);
            }
            held.give_back();
            continue;
        }
        if !held.take(data.len()) {
            (full, first, all) = (true, Bytes::new(), Vec::new());
            held.give_back();
            continue;
        }
        if length == data.len() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&data);
        }
    }
    match length {
        length if length > cap => Err(Unread::TooLarge(scan.id())),
        _ if full => Err(Unread::NoRoom),
        _ if all.is_empty() => Ok(held.keep(first)),
        _ => Ok(held.keep(all.into())),
    }
}
