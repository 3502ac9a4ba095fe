//! WebSockets to OpenAI: an upgrade of a request of the client's, so proxies, certificates and redirects are as for any.

use std::future::ready;
use std::sync::Arc;
use std::task::Poll;

use futures_util::sink::SinkExt as _;
use futures_util::stream::{StreamExt as _, poll_fn};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Request, StatusCode};
use hyper_util::rt::TokioIo;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::platform::{Connected, Frame, LONGEST_MESSAGE, Wire};
use openai_mcp_kernel::redirect;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::body::{describe, incoming};
use crate::client::{Client, IDLE, join};

/// Bytes that are read at once: of the smallest frames so many that a piece of a message is soon taken.
const PIECE: usize = 16 * 1024;
/// Pings and the like that are taken in a row before others have their turn.
const IN_A_ROW: usize = 256;

/// Opens a WebSocket (RFC 6455 §4.1).
pub(crate) async fn connect(client: Arc<Client>, mut request: Request<Body>) -> Result<Connected, Failure> {
    let key = generate_key();
    let expected = derive_accept_key(key.as_bytes());
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    let key = HeaderValue::from_str(&key).map_err(|_| failed("no key for the handshake"))?;
    headers.insert(SEC_WEBSOCKET_KEY, key);
    let response = redirect::follow(request, join, |request| client.send(request.map(Into::into))).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Connected::Refused(response.map(|body| incoming(body, IDLE))));
    }
    if response.headers().get(SEC_WEBSOCKET_ACCEPT).is_none_or(|accept| accept.as_bytes() != expected.as_bytes()) {
        return Err(failed("the answer to the handshake of the WebSocket is not to this one"));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| failed(&describe(&error)))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE))
        .read_buffer_size(PIECE);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await;
    let (outgoing, mut incoming) = socket.split();
    // Pings are answered while what comes in is read.
    let frames = poll_fn(move |task| {
        for _ in 0..IN_A_ROW {
            let frame = match std::task::ready!(incoming.poll_next_unpin(task)) {
                Some(Ok(Message::Text(text))) => Ok(Frame::Text(text.into())),
                Some(Ok(Message::Binary(bytes))) => Ok(Frame::Text(bytes)),
                Some(Ok(Message::Close(close))) => Ok(match close {
                    Some(close) => Frame::Closed { code: close.code.into(), reason: close.reason.as_str().to_owned() },
                    None => Frame::Closed { code: 1005, reason: String::new() },
                }),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => return Poll::Ready(None),
                Some(Err(error)) => Err(failed(&describe(&error))),
            };
            return Poll::Ready(Some(frame));
        }
        task.waker().wake_by_ref();
        Poll::Pending
    });
    let texts = outgoing
        .with(|text: String| ready(Ok::<_, Error>(Message::Text(text.into()))))
        .sink_map_err(|error| failed(&describe(&error)));
    Ok(Connected::Open(Wire { incoming: frames.boxed(), outgoing: Box::pin(texts) }))
}

fn failed(text: &str) -> Failure {
    Failure { text: text.to_owned(), unsent: false }
}
