//! JavaScript's WebSockets as the kernel has them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::sink::Sink;
use futures_util::stream::StreamExt as _;
use http::header::UPGRADE;
use http::{HeaderValue, Request};
use js_sys::Uint8Array;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::platform::{Connected, Frame, LONGEST_MESSAGE, Wire};
use openai_mcp_kernel::redirect;
use send_wrapper::SendWrapper;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

use crate::fetch::{self, Content, failed, failure};
use crate::urls;

/// Most bytes that have come in and are not read: JavaScript does not make the other side wait.
const MOST: usize = 2 * LONGEST_MESSAGE;

#[wasm_bindgen::prelude::wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Takes over a socket: what comes in is heard, and that it has ended, by code and reason; 0 is a fault. The text is
    /// none: what takes only objects is imported past the glue, which the packer does not know.
    fn listen(
        socket: &JsValue,
        heard: &Closure<dyn FnMut(JsValue)>,
        ended: &Closure<dyn FnMut(u16, String)>,
        nothing: &str,
    );

    /// Sends a text; an empty one says goodbye.
    #[wasm_bindgen(catch)]
    fn say(socket: &JsValue, text: &str) -> Result<(), JsValue>;

    /// Ends the connection, and hears no more of it. The text is none, as that of `listen`.
    fn leave(socket: &JsValue, nothing: &str);
}

/// An open socket, and what listens to it.
struct Held {
    socket: JsValue,
    _heard: Closure<dyn FnMut(JsValue)>,
    _ended: Closure<dyn FnMut(u16, String)>,
}

impl Drop for Held {
    fn drop(&mut self) {
        leave(&self.socket, "");
    }
}

/// What goes out. JavaScript takes it at once.
struct Outgoing(Arc<SendWrapper<Held>>);

impl Sink<String> for Outgoing {
    type Error = Failure;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, text: String) -> Result<(), Failure> {
        say(&self.0.socket, &text).map_err(failure)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(say(&self.0.socket, "").map_err(failure))
    }
}

/// What opens WebSockets. Only a Worker whose server needs them carries it.
pub type Connect = fn(Request<Body>, Duration) -> BoxFuture<'static, Result<Connected, Failure>>;

/// Opens a WebSocket.
pub fn connect(request: Request<Body>, idle: Duration) -> BoxFuture<'static, Result<Connected, Failure>> {
    open(request, idle).boxed()
}

async fn open(mut request: Request<Body>, idle: Duration) -> Result<Connected, Failure> {
    request.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    let response = redirect::follow(request, urls::join, |request| fetch::ask(request, idle)).await?;
    let (head, content) = response.into_parts();
    let socket = match content {
        Content::Body(body) => return Ok(Connected::Refused(http::Response::from_parts(head, body))),
        Content::Socket(socket) => socket.take(),
    };
    let (told, frames) = mpsc::unbounded();
    let waiting = Arc::new(AtomicUsize::new(0));
    let (tell, held) = (told.clone(), waiting.clone());
    let heard = Closure::new(move |data: JsValue| {
        let bytes = match data.as_string() {
            Some(text) => Bytes::from(text),
            None => Uint8Array::new(&data).to_vec().into(),
        };
        let frame = match held.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len() > MOST {
            true => Err(failed("more comes in than can be taken")),
            false => Ok(Frame::Text(bytes)),
        };
        // Who has stopped listening hears nothing.
        let _ = tell.unbounded_send(frame);
    });
    let ended = Closure::new(move |code: u16, reason: String| {
        let frame = match code {
            0 => Err(failed(if reason.is_empty() { "the connection broke" } else { &reason })),
            code => Ok(Frame::Closed { code, reason }),
        };
        let _ = told.unbounded_send(frame);
        told.close_channel();
    });
    listen(&socket, &heard, &ended, "");
    let held = Arc::new(SendWrapper::new(Held { socket, _heard: heard, _ended: ended }));
    let here = held.clone();
    let incoming = frames.map(move |frame| {
        let _here = &here;
        if let Ok(Frame::Text(text)) = &frame {
            waiting.fetch_sub(text.len(), Ordering::Relaxed);
        }
        frame
    });
    Ok(Connected::Open(Wire { incoming: incoming.boxed(), outgoing: Box::pin(Outgoing(held)) }))
}
