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
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use openai_mcp_kernel::http::{Gateway, Peer};
use openai_mcp_kernel::platform::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::body::Outgoing;

/// How long calls in flight may go on after the server was told to end.
const GRACE: Duration = Duration::from_secs(10);
/// Most of a body that is too large is read and thrown away, so that a client that sends it gets to read why.
const THROWN_AWAY: usize = 64 * 1024 * 1024;

/// What the server grants a client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the head of a request, from its first moment.
    pub head: Duration,
    /// Between two pieces of a body.
    pub body: Duration,
    /// Connections at once; more are answered 503.
    pub connections: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { head: Duration::from_secs(10), body: Duration::from_secs(30), connections: 2048 }
    }
}

/// Serves until `end` is done, then lets calls in flight finish for a while.
///
/// # Errors
/// The listener has no address.
pub async fn serve(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    limits: Limits,
    end: impl Future<Output = ()>,
) -> io::Result<()> {
    let bound_to_loopback = is_loopback(listener.local_addr()?.ip());
    let room = Arc::new(Semaphore::new(limits.connections as usize));
    let (ending, told) = watch::channel(());
    let mut end = pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => break,
        };
        match accepted {
            Ok((stream, from)) => {
                let Ok(place) = room.clone().try_acquire_owned() else {
                    turn_away(&stream);
                    continue;
                };
                let peer = Peer { bound_to_loopback, is_loopback: is_loopback(from.ip()) };
                let serving = connection(stream, gateway.clone(), peer, limits, told.clone());
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
    drop(listener);
    drop(ending);
    // Every connection holds a place until it is done.
    let _ = timeout(GRACE, room.acquire_many(limits.connections)).await;
    Ok(())
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn turn_away(stream: &TcpStream) {
    // If the few bytes do not fit into the socket's buffer, the client sees a closed connection instead.
    let _ = stream.try_write(
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
}

async fn connection(
    stream: TcpStream,
    gateway: Arc<Gateway>,
    peer: Peer,
    limits: Limits,
    mut ending: watch::Receiver<()>,
) {
    // Without it small answers wait for the other side's delayed acknowledgement. Failing is slower, not wrong.
    let _ = stream.set_nodelay(true);
    let spoke = Arc::new(AtomicBool::new(false));
    let service = {
        let spoke = spoke.clone();
        service_fn(move |request| {
            spoke.store(true, Ordering::Relaxed);
            let gateway = gateway.clone();
            async move { Ok::<_, Infallible>(answer(&gateway, request, peer, limits.body).await) }
        })
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper's own limit begins once it knows the version of HTTP, which a silent client never tells.
    let mut first = pin!(sleep(limits.head));
    let mut silent = true;
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
            () = &mut first, if silent => {
                silent = !spoke.load(Ordering::Relaxed);
                if silent {
                    return;
                }
            }
        }
    }
}

async fn answer(gateway: &Gateway, request: Request<Incoming>, peer: Peer, patience: Duration) -> Response<Outgoing> {
    let (head, body) = request.into_parts();
    let response = match gateway.admit(&head, peer) {
        Err(answer) => *answer,
        Ok(admitted) => {
            let waits = head.headers.contains_key(header::EXPECT);
            // A byte now and then keeps no connection for ever.
            let body = timeout(10 * patience, read(body, gateway.max_body(), waits, patience)).await;
            match body.unwrap_or(Err(Unread::Late)) {
                Ok(body) => gateway.serve(admitted, body).await,
                Err(Unread::TooLarge) => gateway.too_large(),
                Err(Unread::Late) => {
                    let mut response = Response::new(Body::EMPTY);
                    *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
                    response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
                    response
                }
            }
        }
    };
    response.map(Outgoing::from)
}

enum Unread {
    TooLarge,
    /// The body stopped, or broke off, in which case nobody reads the answer.
    Late,
}

async fn read(mut body: Incoming, cap: usize, waits: bool, patience: Duration) -> Result<Bytes, Unread> {
    let told = http_body::Body::size_hint(&body);
    if told.lower() > cap as u64 && (waits || told.lower() > THROWN_AWAY as u64) {
        return Err(Unread::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all = Vec::new();
    let mut length = 0;
    loop {
        let frame = match timeout(patience, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return Err(Unread::Late),
        };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > THROWN_AWAY.max(cap) {
            break;
        } else if length > cap {
            (first, all) = (Bytes::new(), Vec::new());
        } else if length == data.len() {
            first = data;
        } else {
            if all.is_empty() {
                all.reserve(usize::try_from(told.lower()).unwrap_or(0).min(cap));
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    match length {
        length if length > cap => Err(Unread::TooLarge),
        _ if all.is_empty() => Ok(first),
        _ => Ok(all.into()),
    }
}
