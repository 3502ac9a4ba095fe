//! Answers that come as an event stream.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderName, Response};
use memchr::{memchr2, memmem};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::body::{Body, Failure};
use crate::error::{Error, Kind, Result};
use crate::headers;
use crate::json;
use crate::secret::Secret;

/// Most bytes of one event: an image as base64 is the largest there is.
const LONGEST_EVENT: usize = 64 * 1024 * 1024;

/// Most bytes of a stream: many images, each with what was shown on the way to it.
const LONGEST_STREAM: usize = 256 * 1024 * 1024;

/// Most bytes that the events take which a call keeps.
const MOST_KEPT: usize = 32 * 1024 * 1024;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The `event:` line, if there is one.
    pub name: Option<String>,
    /// The data: JSON, with the APIs of OpenAI.
    pub data: Bytes,
}

/// The answer to a request for a stream.
pub enum Streamed {
    /// The stream.
    Events(Events),
    /// The whole answer at once, from a server that does not stream.
    Whole(Value),
}

/// The events of an answer, as they come in. Dropping it ends the request.
pub struct Events {
    chunks: BoxStream<'static, Result<Bytes, Failure>>,
    /// Bytes that came and are not read yet.
    buffer: BytesMut,
    /// How many of them are known to hold no end of a line.
    searched: usize,
    /// Whether the last line ended in a carriage return: a line feed that follows belongs to it.
    returned: bool,
    /// What of the current event is read.
    name: Option<String>,
    data: Option<BytesMut>,
    request_id: Option<String>,
    key: Option<Secret>,
    /// Bytes that came.
    passed: usize,
    /// What the events weigh that the call keeps.
    kept: usize,
    ended: bool,
    errors_pass: bool,
}

/// Where JSON came in its place.
pub(crate) const NO_STREAM: &str = "expected an event stream, got `application/json`";

/// Whether an answer is JSON as a whole, whatever was asked for.
pub fn is_json(response: &Response<Body>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

impl Events {
    /// Reads the answer of [`crate::openai::Call::response`].
    ///
    /// # Errors
    /// The answer is JSON: the other side does not stream.
    pub fn new(response: Response<Body>) -> Result<Self> {
        if is_json(&response) {
            return Err(Error::new(Kind::Answer, NO_STREAM).perhaps_done());
        }
        let (head, body) = response.into_parts();
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Self {
            chunks: body.into_chunks(),
            buffer: BytesMut::new(),
            searched: 0,
            returned: false,
            name: None,
            data: None,
            request_id: text(headers::REQUEST_ID).map(str::to_owned),
            key: head.extensions.get().cloned(),
            passed: 0,
            kept: 0,
            ended: false,
            errors_pass: false,
        })
    }

    /// Whether the call can keep this event, too, besides those that it keeps.
    #[must_use]
    pub fn keep(&mut self, event: &Event) -> bool {
        self.kept += json::held(&event.data);
        self.kept <= MOST_KEPT
    }

    /// The same for a stream in which an event of the type `error` tells of something that failed, and others come after it.
    #[must_use]
    pub fn passing_errors(self) -> Self {
        Self { errors_pass: true, ..self }
    }

    /// The next event; `None` after the last, which is `[DONE]` or the end of the answer.
    ///
    /// # Errors
    /// The connection broke, an event is longer than 64 MiB, the stream is longer than 256 MiB, or OpenAI tells of a failure.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        while !self.ended {
            while let Some(line) = self.line() {
                if let Some(event) = self.read(line)? {
                    return Ok(Some(event));
                }
                if self.ended {
                    return Ok(None);
                }
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => {
                    self.passed += chunk.len();
                    if self.passed > LONGEST_STREAM {
                        return Err(Error::new(
                            Kind::Answer,
                            format!("the stream is longer than {LONGEST_STREAM} bytes"),
                        ));
                    }
                    self.buffer.extend_from_slice(&chunk);
                    let held = self.buffer.len() + self.data.as_ref().map_or(0, BytesMut::len);
                    if held > LONGEST_EVENT {
                        return Err(Error::new(Kind::Answer, format!("an event is longer than {LONGEST_EVENT} bytes")));
                    }
                }
                Some(Err(failure)) => {
                    return Err(Error::new(Kind::Connection, format!("the stream broke off: {}", failure.text)));
                }
                // An event that no empty line ends is none.
                None => self.ended = true,
            }
        }
        Ok(None)
    }

    /// The next line that is all there, without its end: a line feed, a carriage return, or both.
    fn line(&mut self) -> Option<BytesMut> {
        if self.returned && self.buffer.first() == Some(&b'\n') {
            self.buffer.advance(1);
            self.returned = false;
        }
        self.returned &= self.buffer.is_empty();
        let fresh = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr2(b'\r', b'\n', fresh) else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.searched + at);
        self.searched = 0;
        self.returned = self.buffer.first() == Some(&b'\r');
        self.buffer.advance(1);
        Some(line)
    }

    /// Takes a line in; an empty one completes the event.
    fn read(&mut self, mut line: BytesMut) -> Result<Option<Event>> {
        if line.is_empty() {
            let name = self.name.take();
            let Some(data) = self.data.take() else { return Ok(None) };
            return self.complete(Event { name, data: data.freeze() });
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let field = line.split_to(colon);
        let value = line.get(1..).unwrap_or_default();
        let spaces = usize::from(value.first() == Some(&b' '));
        line.advance((1 + spaces).min(line.len()));
        match field.as_ref() {
            b"event" => self.name = Some(String::from_utf8_lossy(&line).into_owned()),
            b"data" => match &mut self.data {
                None => self.data = Some(line),
                Some(data) => {
                    data.extend_from_slice(b"\n");
                    data.extend_from_slice(&line);
                }
            },
            // Comments keep the connection alive; `id` and `retry` are for those who reconnect.
            _ => {}
        }
        Ok(None)
    }

    fn complete(&mut self, event: Event) -> Result<Option<Event>> {
        #[derive(Deserialize)]
        struct Peek {
            error: Option<IgnoredAny>,
        }
        #[derive(Deserialize)]
        struct Typed {
            r#type: String,
        }
        if event.data.as_ref() == b"[DONE]" {
            self.ended = true;
            return Ok(None);
        }
        if let Err(problem) = json::narrow(&event.data) {
            self.ended = true;
            return Err(Error::new(Kind::Answer, format!("an event {problem}")));
        }
        let failed = memmem::find(&event.data, b"\"error\"").is_some()
            && serde_json::from_slice::<Peek>(&event.data).is_ok_and(|peek| peek.error.is_some());
        let is_event = || serde_json::from_slice(&event.data).is_ok_and(|Typed { r#type }| r#type == "error");
        if failed && !(self.errors_pass && is_event()) {
            self.ended = true;
            return Err(Error::event(&event.data, self.request_id.as_deref(), self.key.as_ref()));
        }
        Ok(Some(event))
    }
}
