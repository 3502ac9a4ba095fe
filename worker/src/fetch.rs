//! JavaScript's `fetch` and streams as the kernel has them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::header::{self, HeaderMap};
use http::{HeaderName, HeaderValue, Request, Response};
use js_sys::futures::{JsFuture, spawn_local};
use js_sys::{Error, Object, Promise, Reflect, Uint8Array};
use openai_mcp_kernel::headers;
use openai_mcp_kernel::platform::{Body, Failure};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{
    AbortController, ReadableStream, RequestCache, RequestInit, RequestRedirect, TransformStream, WorkerGlobalScope,
    WritableStreamDefaultWriter,
};

/// Bodies of at most so many bytes come over in one piece: that is cheaper than a reader.
const SMALL: u64 = 256 * 1024;
/// Bytes that are read or written at once.
const PIECE: u32 = 64 * 1024;

/// Sends one request; redirects are answers. Dropping it, or the body of its answer, ends the exchange.
pub(crate) async fn fetch(request: Request<Body>, idle: Duration) -> Result<Response<Body>, Failure> {
    let abort = Abort(AbortController::new().map_err(failure)?);
    let request = outgoing(request, &abort).map_err(failure)?;
    let response = settled(global().fetch_with_request(&request)).await.map_err(failure)?;
    let from: web_sys::Response = response.unchecked_into();
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = http::StatusCode::from_u16(from.status()).map_err(|_| failed("no valid status"))?;
    *response.headers_mut() = taken(&from.headers(), &headers::OF_ANSWERS);
    *response.body_mut() = incoming(from, response.headers(), idle, abort).map_err(failure)?;
    Ok(response)
}

/// A body on its way out, for a `Request` or a `Response`. Nothing for an empty one.
pub(crate) fn body_of(body: Body) -> Result<Option<JsValue>, JsValue> {
    match body {
        Body::Full(bytes) if bytes.is_empty() => Ok(None),
        // A copy: JavaScript may read it after the memory of the module has changed.
        Body::Full(bytes) => Ok(Some(Uint8Array::from(&*bytes).into())),
        Body::Stream { chunks, length } => {
            let pipe: TransformStream = match length {
                // Only a stream of known length is sent with a `Content-Length`.
                Some(length) => FixedLengthStream::new(length as f64)?.unchecked_into(),
                None => IdentityTransformStream::new()?.unchecked_into(),
            };
            let writer = pipe.writable().get_writer()?;
            // Whoever reads the other end hears of a failure, too.
            spawn_local(async { drop(pump(chunks, writer).await) });
            Ok(Some(pipe.readable().into()))
        }
    }
}

/// Writes chunks through one piece of JavaScript's memory: it is slow to take back what it has given out. Ends as soon as
/// nobody reads any more.
async fn pump(
    mut chunks: BoxStream<'static, Result<Bytes, Failure>>,
    writer: WritableStreamDefaultWriter,
) -> Result<(), JsValue> {
    let room = Uint8Array::new_with_length(PIECE);
    let mut closed = JsFuture::from(writer.closed());
    loop {
        let chunk = match select(chunks.next(), &mut closed).await {
            Either::Left((Some(Ok(chunk)), _)) => chunk,
            Either::Left((Some(Err(failure)), _)) => {
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
    struct Timer(i32);
    impl Drop for Timer {
        fn drop(&mut self) {
            global().clear_timeout_with_handle(self.0);
        }
    }
    let mut timer = None;
    let milliseconds = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    let over = Promise::new(&mut |resolve, _| {
        timer = global().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds).ok().map(Timer);
    });
    // A promise of a timer is only ever kept.
    let _ = settled(over).await;
    drop(timer);
}

/// The named ones of JavaScript's headers: each crosses over by itself, and there are dozens that nobody reads.
pub(crate) fn taken(from: &web_sys::Headers, names: &[HeaderName]) -> HeaderMap {
    let value = |name: &HeaderName| {
        let value = from.get(name.as_str()).ok()??;
        Some((name.clone(), HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    names.iter().filter_map(value).collect()
}

pub(crate) fn given(from: &HeaderMap) -> Result<web_sys::Headers, JsValue> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in from {
        // A JavaScript string of bytes: each character is one.
        let value: String = value.as_bytes().iter().copied().map(char::from).collect();
        headers.append(name.as_str(), &value)?;
    }
    Ok(headers)
}

/// Ends an exchange when it is dropped.
pub(crate) struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn outgoing(request: Request<Body>, abort: &Abort) -> Result<web_sys::Request, JsValue> {
    let (head, body) = request.into_parts();
    let init = RequestInit::new();
    init.set_method(head.method.as_str());
    init.set_headers(given(&head.headers)?.as_ref());
    init.set_redirect(RequestRedirect::Manual);
    // What one key may see is not for the next caller.
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(&abort.0.signal()));
    if let Some(body) = body_of(body)? {
        init.set_body(&body);
    }
    web_sys::Request::new_with_str_and_init(&head.uri.to_string(), &init)
}

fn incoming(response: web_sys::Response, headers: &HeaderMap, idle: Duration, abort: Abort) -> Result<Body, JsValue> {
    let Some(body) = response.body() else { return Ok(Body::EMPTY) };
    // `fetch` unpacks a compressed body, whose length then is another one.
    let packed = headers.contains_key(header::CONTENT_ENCODING);
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.filter(|_| !packed);
    if length.is_none_or(|length| length > SMALL) {
        return stream_of(body, length, Some((idle, abort)));
    }
    let chunk = async move {
        let _abort = abort;
        let buffer = settled(response.array_buffer().map_err(failure)?);
        let buffer = within(idle, buffer).await?.map_err(failure)?;
        Ok(Bytes::from(Uint8Array::new(&buffer).to_vec()))
    };
    Ok(Body::Stream { chunks: stream::once(chunk).boxed(), length })
}

fn global() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// JavaScript does not say whether a request that failed had been sent.
fn failure(error: JsValue) -> Failure {
    let text = error.dyn_ref::<Error>().map(|error| error.message().into()).or_else(|| error.as_string());
    failed(text.as_deref().unwrap_or("the exchange failed"))
}

pub(crate) fn failed(text: &str) -> Failure {
    Failure { text: text.to_owned(), unsent: false }
}
