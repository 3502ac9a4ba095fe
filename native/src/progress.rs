//! Whether a connection gets on. A client that asks and never reads, or keeps a connection open for nothing, holds a
//! place that others want.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::body::Outgoing;
use crate::fair::Fair;

/// Bytes of an answer that are handed on at a time: more wait here, where it is seen whether they move. Most answers are
/// one piece, which goes out by one call of the system.
const PIECE: usize = 256 * 1024;

/// A socket that breaks off when what is written does not move for `patience`.
pub(crate) struct Moving {
    stream: Fair,
    patience: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Moving {
    pub(crate) fn new(stream: Fair, patience: Duration) -> Self {
        Moving { stream, patience, stuck: None }
    }

    fn moved(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Moving {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Moving {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.moved(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.moved(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What goes on in a connection.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Mutex<State>>);

struct State {
    /// Requests so far.
    asked: u64,
    /// Requests and answers that it is for this side to go on with.
    ours: usize,
    /// When the other side last did something.
    last: Instant,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Activity(Arc::new(Mutex::new(State { asked: 0, ours: 0, last: Instant::now() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was a request at all.
    pub(crate) fn began(&self) -> bool {
        self.state().asked > 0
    }

    /// Since when it has been for the other side to go on: to read, or to ask.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.ours == 0).then_some(state.last)
    }

    /// A request has come.
    pub(crate) fn turn(&self) -> Turn {
        let mut state = self.state();
        state.asked += 1;
        state.ours += 1;
        Turn { activity: self.clone(), ours: true }
    }
}

/// Whose turn it is with one request.
pub(crate) struct Turn {
    activity: Activity,
    ours: bool,
}

impl Turn {
    fn is_ours(&mut self, ours: bool) {
        if self.ours != ours {
            let mut state = self.activity.state();
            match ours {
                true => state.ours += 1,
                false => state.ours -= 1,
            }
            state.last = Instant::now();
            self.ours = ours;
        }
    }

    /// The answer, of which it is the other side's turn to read.
    pub(crate) fn answer(mut self, body: Outgoing) -> Answer {
        self.is_ours(false);
        Answer { body, turn: self }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.is_ours(false);
    }
}

/// The body of an answer, in pieces, whose reading counts as progress. It is asked for a piece when there is room for
/// one.
pub(crate) struct Answer {
    body: Outgoing,
    turn: Turn,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Answer { body, turn } = &mut *self;
        turn.is_ours(true);
        let frame = match body {
            Outgoing::Full(bytes) if bytes.len() > PIECE => Some(Ok(Frame::data(bytes.split_to(PIECE)))),
            body => ready!(Pin::new(body).poll_frame(cx)),
        };
        turn.is_ours(false);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
