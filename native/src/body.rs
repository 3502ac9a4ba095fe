//! The kernel's bodies as hyper has them, and hyper's as the kernel has them.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt as _};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use openai_mcp_kernel::body::{Body, Failure};
use tokio::time::{Instant, Sleep, sleep};

/// A body on its way out.
pub(crate) enum Outgoing {
    Full(Bytes),
    Stream { chunks: BoxStream<'static, Result<Bytes, Failure>>, left: Option<u64> },
}

impl From<Body> for Outgoing {
    fn from(body: Body) -> Self {
        match body {
            Body::Full(bytes) => Outgoing::Full(bytes),
            Body::Stream { chunks, length } => Outgoing::Stream { chunks, left: length },
        }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Outgoing::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Outgoing::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Outgoing::Stream { chunks, left } => {
                let Some(chunk) = ready!(chunks.poll_next_unpin(cx)) else { return Poll::Ready(None) };
                let chunk = chunk.map_err(|failure| std::io::Error::other(failure.text))?;
                *left = left.map(|left| left.saturating_sub(chunk.len() as u64));
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Outgoing::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Outgoing::Stream { left: Some(left), .. } => SizeHint::with_exact(*left),
            Outgoing::Stream { left: None, .. } => SizeHint::default(),
        }
    }
}

/// A body that comes in, as the kernel has it. It breaks off when nothing comes for `idle`.
pub(crate) fn incoming(body: Incoming, idle: Duration) -> Body {
    if body.is_end_stream() {
        return Body::EMPTY;
    }
    let length = body.size_hint().exact();
    Body::Stream { chunks: Box::pin(Chunks { body, idle, deadline: None }), length }
}

struct Chunks {
    body: Incoming,
    idle: Duration,
    /// Made once a chunk has to be waited for: most small answers come with their head.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Stream for Chunks {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Chunks { body, idle, deadline } = &mut *self;
        loop {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(Failure { text: describe(&error), unsent: false })));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(deadline) = deadline {
                        deadline.as_mut().reset(Instant::now() + *idle);
                    }
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Pending => {
                    let deadline = deadline.get_or_insert_with(|| Box::pin(sleep(*idle)));
                    ready!(deadline.as_mut().poll(cx));
                    let text = format!("no byte came for {} s", idle.as_secs());
                    return Poll::Ready(Some(Err(Failure { text, unsent: false })));
                }
            }
        }
    }
}

/// What went wrong, from the words of an error and of those beneath it. None of hyper's quote a URL or a header.
pub(crate) fn describe(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        // Many wrappers print what they wrap.
        if words.last().is_none_or(|last| !last.contains(&text)) {
            words.push(text);
        }
        next = error.source();
    }
    // hyper-util's own words say no more than that its request failed.
    let skip = usize::from(words.len() > 1);
    words.get(skip..).unwrap_or_default().join(": ")
}
