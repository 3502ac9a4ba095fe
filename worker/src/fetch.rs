//! JavaScript's `fetch` and streams as the kernel has them.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::header::{self, HeaderMap};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use js_sys::futures::{JsFuture, spawn_local};
use js_sys::{Array, Error, Object, Promise, Reflect, Uint8Array};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::headers;
use openai_mcp_kernel::narrowing::Others;
use send_wrapper::SendWrapper;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{AbortController, ReadableStream, TransformStream, WorkerGlobalScope, WritableStreamDefaultWriter};

/// Bodies of at most so many bytes come over in one piece.
const FEW: u32 = 256 * 1024;
/// Bytes that are read or written at once.
const PIECE: u32 = 64 * 1024;

#[wasm_bindgen::prelude::wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Names of headers, which stand between spaces.
    fn names(text: &str) -> JsValue;

    /// On lines: the method, the URL, and of each named header that is there the place of its name and its value.
    fn head(request: &web_sys::Request, names: &JsValue) -> String;

    /// Asks another server. The head has the method, the URL, and each header's name and value, on lines; the body is
    /// `bytes`, or if there are none the stream. Redirects are answers, and what one key may see is not kept for the next
    /// caller. Gives the status and the named headers as [`head`] does; the body: bytes if it has few, which is cheaper than
    /// a reader, or the error if they broke off; and the socket, if the exchange became one.
    fn exchange(
        head: &str,
        bytes: &[u8],
        stream: JsValue,
        controller: &AbortController,
        names: &JsValue,
        few: u32,
    ) -> Promise;

    /// Answers the caller. The head has the status, and the headers as that of [`exchange`].
    fn respond(caller: &Caller, head: &str, bytes: &[u8], stream: JsValue);
}

#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    /// Who waits for an answer: the promise that `index.js` gave the runtime.
    pub type Caller;

    #[wasm_bindgen(method)]
    fn reject(this: &Caller, error: &JsValue);

    /// The promise itself.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn promise(this: &Caller) -> Promise;
}

/// Names of headers as JavaScript has them.
struct Names(&'static [HeaderName], LazyLock<JsValue>);

static OF_REQUESTS: Names = Names(&headers::OF_REQUESTS, LazyLock::new(|| named(&headers::OF_REQUESTS)));
static OF_ANSWERS: Names = Names(&headers::OF_ANSWERS, LazyLock::new(|| named(&headers::OF_ANSWERS)));

fn named(headers: &[HeaderName]) -> JsValue {
    let all: Vec<&str> = headers.iter().map(HeaderName::as_str).collect();
    names(&all.join(" "))
}

impl Names {
    /// Those that are there, as `glue.js` tells them.
    fn read<'a>(&self, lines: impl Iterator<Item = &'a str>) -> HeaderMap {
        let header = |line: &str| {
            let (place, value) = line.split_once(' ')?;
            let name = self.0.get(place.parse::<usize>().ok()?)?;
            Some((name.clone(), HeaderValue::from_bytes(value.as_bytes()).ok()?))
        };
        lines.filter_map(header).collect()
    }
}

/// The method, URL and headers of a request.
pub(crate) fn head_of(request: &web_sys::Request) -> Option<http::request::Parts> {
    let text = head(request, &OF_REQUESTS.1);
    let mut lines = text.lines();
    let mut head = Request::builder().method(lines.next()?).uri(lines.next()?).body(()).ok()?;
    let (taken, others): (Vec<&str>, Vec<&str>) =
        lines.partition(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    *head.headers_mut() = OF_REQUESTS.read(taken.into_iter());
    if !others.is_empty() {
        let pair = |line: &str| line.split_once(' ').map(|(name, value)| (name.to_owned(), value.to_owned()));
        head.extensions_mut().insert(Others(others.into_iter().filter_map(pair).collect()));
    }
    Some(head.into_parts().0)
}

/// What an answer holds.
pub(crate) enum Content {
    Body(Body),
    /// The exchange has become a WebSocket.
    Socket(SendWrapper<JsValue>),
}

/// Sends one request; redirects are answers. Dropping it, or the body of its answer, ends the exchange.
pub(crate) async fn fetch(request: Request<Body>, idle: Duration) -> Result<Response<Body>, Failure> {
    let (head, content) = ask(request, idle).await?.into_parts();
    match content {
        Content::Body(body) => Ok(Response::from_parts(head, body)),
        Content::Socket(_) => Err(failed("a WebSocket came that nobody asked for")),
    }
}

/// As [`fetch`], for a request that may become a WebSocket.
pub(crate) async fn ask(request: Request<Body>, idle: Duration) -> Result<Response<Content>, Failure> {
    let controller = AbortController::new().map_err(failure)?;
    let answer = begin(request, &controller).map_err(failure)?;
    let abort = Abort(Some(controller));
    let answer: Array = settled(answer).await.map_err(failure)?.unchecked_into();
    let mut response = Response::new(Content::Body(Body::EMPTY));
    let head = answer.get(0).as_string().unwrap_or_default();
    let mut lines = head.lines();
    let status = lines.next().and_then(|status| StatusCode::from_bytes(status.as_bytes()).ok());
    *response.status_mut() = status.ok_or_else(|| failed("no valid status"))?;
    *response.headers_mut() = OF_ANSWERS.read(lines);
    let body = answer.get(1);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let socket = answer.get(2);
        if !socket.is_undefined() {
            abort.needless();
            *response.body_mut() = Content::Socket(SendWrapper::new(socket));
            return Ok(response);
        }
    }
    *response.body_mut() = Content::Body(match body.dyn_ref::<Uint8Array>() {
        Some(bytes) => {
            abort.needless();
            Body::Full(bytes.to_vec().into())
        }
        None if body.is_instance_of::<Error>() => {
            Body::Stream { chunks: stream::iter([Err(failure(body))]).boxed(), length: None }
        }
        None if body.is_null() => {
            abort.needless();
            Body::EMPTY
        }
        None => {
            // `fetch` unpacks a compressed body, whose length then is another one.
            let packed = response.headers().contains_key(header::CONTENT_ENCODING);
            let length = response.headers().get(header::CONTENT_LENGTH).filter(|_| !packed);
            let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
            stream_of(body.unchecked_into(), length, Some((idle, abort))).map_err(failure)?
        }
    });
    Ok(response)
}

fn begin(request: Request<Body>, controller: &AbortController) -> Result<Promise, JsValue> {
    let (head, body) = request.into_parts();
    let lead = format!("{}\n{}", head.method, head.uri);
    let (bytes, stream) = body_of(body, Some(controller.clone()))?;
    Ok(exchange(&with_headers(lead, &head.headers), &bytes, stream, controller, &OF_ANSWERS.1, FEW))
}

/// Hands the kernel's answer to whom it is for.
pub(crate) fn give(response: Response<Body>, caller: &Caller) {
    let (head, body) = response.into_parts();
    match body_of(body, None) {
        Ok((bytes, stream)) => {
            respond(caller, &with_headers(head.status.as_u16().to_string(), &head.headers), &bytes, stream);
        }
        Err(error) => caller.reject(&error),
    }
}

/// Puts a line for each header behind what begins a head.
fn with_headers(mut head: String, headers: &HeaderMap) -> String {
    for (name, value) in headers {
        head.push('\n');
        head.push_str(name.as_str());
        head.push(' ');
        // A JavaScript string of bytes: each character is one.
        head.extend(value.as_bytes().iter().copied().map(char::from));
    }
    head
}

/// A body on its way out, as bytes or as a stream. An empty one is neither, as some statuses demand. If it fails, so does the
/// exchange.
fn body_of(body: Body, exchange: Option<AbortController>) -> Result<(Bytes, JsValue), JsValue> {
    match body {
        Body::Full(bytes) => Ok((bytes, JsValue::UNDEFINED)),
        Body::Stream { chunks, length } => {
            let pipe: TransformStream = match length {
                // Only a stream of known length is sent with a `Content-Length`.
                Some(length) => FixedLengthStream::new(length as f64)?.unchecked_into(),
                None => IdentityTransformStream::new()?.unchecked_into(),
            };
            let writer = pipe.writable().get_writer()?;
            let readable = pipe.readable();
            // `index.js` breaks the stream off if the instance that writes it crashes.
            Reflect::set(&readable, &"writer".into(), &writer)?;
            // Whoever reads the other end hears of a failure, too.
            spawn_local(async { drop(pump(chunks, writer, exchange).await) });
            Ok((Bytes::new(), readable.into()))
        }
    }
}

/// Writes chunks through one piece of JavaScript's memory: it is slow to take back what it has given out. Ends as soon as
/// nobody reads any more.
async fn pump(
    mut chunks: BoxStream<'static, Result<Bytes, Failure>>,
    writer: WritableStreamDefaultWriter,
    exchange: Option<AbortController>,
) -> Result<(), JsValue> {
    let room = Uint8Array::new_with_length(PIECE);
    let mut closed = JsFuture::from(writer.closed());
    loop {
        let chunk = match select(chunks.next(), &mut closed).await {
            Either::Left((Some(Ok(chunk)), _)) => chunk,
            Either::Left((Some(Err(failure)), _)) => {
                // The runtime would end a request of unknown length as if this were its end.
                if let Some(exchange) = exchange {
                    exchange.abort();
                }
                JsFuture::from(writer.abort_with_reason(&Error::new(&failure.text))).await?;
                return Ok(());
            }
            Either::Left((None, _)) => break,
            Either::Right(_) => return Ok(()),
        };
        for piece in chunk.chunks(PIECE as usize) {
            let view = room.subarray(0, piece.len() as u32);
            view.copy_from(piece);
            JsFuture::from(writer.write_with_chunk(&view)).await?;
        }
    }
    JsFuture::from(writer.close()).await?;
    Ok(())
}

#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    /// <https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/#identitytransformstream>
    type IdentityTransformStream;

    #[wasm_bindgen(constructor, catch)]
    fn new() -> Result<IdentityTransformStream, JsValue>;

    /// <https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/#fixedlengthstream>
    type FixedLengthStream;

    #[wasm_bindgen(constructor, catch)]
    fn new(length: f64) -> Result<FixedLengthStream, JsValue>;

    /// A stream of bytes, which can be read into memory that is already there.
    type ByteStream;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &ByteStream, options: &Object) -> Result<ByteReader, JsValue>;

    type ByteReader;

    #[wasm_bindgen(method)]
    fn read(this: &ByteReader, into: &Uint8Array) -> Promise;
}

/// A stream that comes in, as the kernel has it. It breaks off when nothing comes for `idle`.
pub(crate) fn stream_of(
    stream: ReadableStream,
    length: Option<u64>,
    limits: Option<(Duration, Abort)>,
) -> Result<Body, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"mode".into(), &"byob".into())?;
    let reader = stream.unchecked_into::<ByteStream>().get_reader(&options)?;
    let room = Uint8Array::new_with_length(PIECE);
    let chunks = stream::try_unfold((reader, room, limits), |(reader, room, limits)| async move {
        let reading = settled(reader.read(&room));
        let read = match &limits {
            None => reading.await,
            Some((idle, _)) => within(*idle, reading).await?,
        };
        let read = read.map_err(failure)?;
        let field = |name: &str| Reflect::get(&read, &name.into()).unwrap_or_default();
        if field("done").is_truthy() {
            if let Some((_, abort)) = limits {
                abort.needless();
            }
            return Ok(None);
        }
        let value: Uint8Array = field("value").unchecked_into();
        // The memory comes back with the answer.
        let room = Uint8Array::new(&value.buffer());
        Ok(Some((Bytes::from(value.to_vec()), (reader, room, limits))))
    });
    Ok(Body::Stream { chunks: chunks.boxed(), length })
}

/// Gives up after a while.
pub(crate) async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Result<T, Failure> {
    match select(std::pin::pin!(work), std::pin::pin!(sleep(patience))).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(_) => Err(failed(&format!("nothing came for {} s", patience.as_secs()))),
    }
}

/// What becomes of a promise. Its future counts references without a lock, which keeps it to one thread: there is one.
pub(crate) fn settled(promise: Promise) -> SendWrapper<JsFuture> {
    SendWrapper::new(promise.into())
}

/// Waits.
pub(crate) async fn sleep(duration: Duration) {
    struct Timer {
        id: Option<i32>,
        _ring: Closure<dyn FnMut()>,
    }
    impl Timer {
        fn new(duration: Duration, ring: impl FnOnce() + 'static) -> Self {
            let ring: Closure<dyn FnMut()> = Closure::once(ring);
            let milliseconds = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
            let call = ring.as_ref().unchecked_ref();
            let id = global().set_timeout_with_callback_and_timeout_and_arguments_0(call, milliseconds);
            Timer { id: id.ok(), _ring: ring }
        }
    }
    impl Drop for Timer {
        fn drop(&mut self) {
            if let Some(id) = self.id {
                global().clear_timeout_with_handle(id);
            }
        }
    }
    let (ring, over) = oneshot::channel();
    let timer = SendWrapper::new(Timer::new(duration, move || {
        // Who does not wait any more has dropped the timer, too.
        let _ = ring.send(());
    }));
    // A runtime that takes no timer lets nobody wait.
    if timer.id.is_some() {
        let _ = over.await;
    }
}

/// Ends an exchange when it is dropped.
pub(crate) struct Abort(Option<AbortController>);

impl Abort {
    /// The exchange has ended by itself: to end it once more would cost as much as the rest of it.
    fn needless(mut self) {
        self.0 = None;
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

fn global() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// JavaScript does not say whether a request that failed had been sent.
pub(crate) fn failure(error: JsValue) -> Failure {
    let text = error.dyn_ref::<Error>().map(|error| error.message().into()).or_else(|| error.as_string());
    failed(text.as_deref().unwrap_or("the exchange failed").trim_end_matches('.'))
}

pub(crate) fn failed(text: &str) -> Failure {
    Failure { text: text.to_owned(), unsent: false }
}
