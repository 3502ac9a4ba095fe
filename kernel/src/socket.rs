//! Requests to OpenAI that stay open: WebSockets, which carry events as JSON in both directions.

use std::collections::VecDeque;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, poll_fn, select};
use futures_util::sink::SinkExt as _;
use futures_util::stream::StreamExt as _;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::body::Failure;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::openai;
use crate::platform::{Frame, LONGEST_MESSAGE, Wire};
use crate::spec::Spec;

/// Most bytes and messages that come in over one socket: no call lasts longer than some ten minutes, of which speech has
/// 38 MB as base64.
const MOST: usize = 96 * 1024 * 1024;
const MOST_MESSAGES: usize = 100_000;
/// Most values that come in, in one message and in all: each weighs many times its text.
const MOST_VALUES: usize = 400_000;
const MOST_VALUES_IN_ALL: usize = 2_000_000;
/// Most bytes of what is kept, of which a value counts a few besides its text.
const MOST_KEPT: usize = 16 * 1024 * 1024;
const VALUE: usize = 8;
/// Bytes that are read and written in a row before others have their turn, and what a message counts at least.
const TURN: usize = 256 * 1024;
const LEAST: usize = 1024;
/// Longest that anyone waits for the other side to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// An open WebSocket. Dropping it ends the connection.
pub struct Socket {
    cx: Context,
    wire: Wire,
    /// What goes out next, written when it is its turn.
    waiting: VecDeque<Box<dyn Iterator<Item = Value> + Send>>,
    /// Whether all that was pushed has gone out.
    sent: bool,
    /// What came in.
    bytes: usize,
    messages: usize,
    values: usize,
    /// What the event that came last weighs, and all those that were kept.
    last: usize,
    kept: usize,
    /// What was read and written in a row.
    turn: usize,
}

/// What happens next on a socket.
#[derive(Debug)]
pub enum Step {
    /// An event came in.
    Event(Value),
    /// All that was pushed has gone out: the moment to push more.
    Sent,
    /// Nothing came for as long as was to be waited.
    Silence,
    /// The other side has closed the socket, with this code and reason.
    Closed(u16, String),
}

impl Context {
    /// Opens a WebSocket: `cx.connect(&Session::SPEC, json!({"model": model}), patience).await?`. The request is a GET, with key and
    /// headers as any other. It is tried again as long as it is not open, within `patience`; nothing is after that.
    ///
    /// # Errors
    /// Wrong arguments, no key, no connection in time, or a refusal.
    pub async fn connect(
        &self,
        spec: &'static Spec,
        arguments: impl Into<Arguments> + Send,
        patience: Duration,
    ) -> Result<Socket> {
        let wire = openai::connect(self, spec, &arguments.into(), patience).await?;
        Ok(Socket {
            cx: self.clone(),
            wire,
            waiting: VecDeque::new(),
            sent: true,
            bytes: 0,
            messages: 0,
            values: 0,
            last: 0,
            kept: 0,
            turn: 0,
        })
    }
}

impl Socket {
    /// Sends an event as soon as the other side takes it, while [`Socket::step`] is waited for.
    pub fn push(&mut self, event: Value) {
        self.push_all(std::iter::once(event));
    }

    /// Sends events, each of which is made when it is its turn: a long recording is not held as text, and others are
    /// served between its pieces.
    pub fn push_all(&mut self, events: impl Iterator<Item = Value> + Send + 'static) {
        self.waiting.push_back(Box::new(events));
        self.sent = false;
    }

    /// Sends what was pushed and waits for what happens next, for `patience` at most. Events come first: who has much to
    /// push does so when all is [`Step::Sent`], and holds no more of it in memory.
    ///
    /// # Errors
    /// The connection broke, or what came is no event or more than a socket may bring.
    pub async fn step(&mut self, patience: Duration) -> Result<Step> {
        let Socket { wire, waiting, sent, turn, .. } = self;
        let next = poll_fn(|task| {
            // Who sends without end would otherwise be listened to without end, and what is long sent in one go.
            if std::mem::take(turn) > TURN {
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            let broken = |failure: Failure| Poll::Ready(Err(broken(&failure)));
            let mut done = false;
            while !*sent {
                match (wire.outgoing.as_mut().poll_ready(task), waiting.front_mut()) {
                    (Poll::Ready(Ok(())), Some(events)) => {
                        let Some(event) = events.next() else {
                            waiting.pop_front();
                            continue;
                        };
                        let text = json::text(&event);
                        *turn += text.len();
                        if let Err(failure) = wire.outgoing.as_mut().start_send(text) {
                            return broken(failure);
                        }
                        if *turn > TURN {
                            break;
                        }
                    }
                    (Poll::Ready(Ok(())), None) => match wire.outgoing.as_mut().poll_flush(task) {
                        Poll::Ready(Ok(())) => (*sent, done) = (true, true),
                        Poll::Ready(Err(failure)) => return broken(failure),
                        Poll::Pending => break,
                    },
                    (Poll::Ready(Err(failure)), _) => return broken(failure),
                    (Poll::Pending, _) => break,
                }
            }
            match wire.incoming.poll_next_unpin(task) {
                Poll::Ready(Some(Ok(frame))) => {
                    // What has gone out is told when nothing else is to be told.
                    *sent &= !done;
                    Poll::Ready(Ok(Some(frame)))
                }
                Poll::Ready(Some(Err(failure))) => broken(failure),
                Poll::Ready(None) => {
                    Poll::Ready(Ok(Some(Frame::Closed { code: 1006, reason: "without a goodbye".into() })))
                }
                Poll::Pending if done => Poll::Ready(Ok(None)),
                Poll::Pending => {
                    if *turn > TURN {
                        task.waker().wake_by_ref();
                    }
                    Poll::Pending
                }
            }
        });
        let frame = match select(next, self.cx.platform().sleep(patience)).await {
            Either::Left((frame, _)) => frame?,
            Either::Right(_) => return Ok(Step::Silence),
        };
        match frame {
            Some(Frame::Text(text)) => self.read(text).await.map(Step::Event),
            Some(Frame::Closed { code, reason }) => Ok(Step::Closed(code, reason)),
            None => Ok(Step::Sent),
        }
    }

    async fn read(&mut self, text: Bytes) -> Result<Value> {
        let length = text.len();
        self.bytes += length;
        self.messages += 1;
        if length > LONGEST_MESSAGE || self.bytes > MOST || self.messages > MOST_MESSAGES {
            return Err(too_much());
        }
        let most = MOST_VALUES.min(MOST_VALUES_IN_ALL - self.values);
        let look = move || {
            let values = json::values(&text);
            (values, (values <= most).then(|| serde_json::from_slice(&text)))
        };
        let (values, event) = self.cx.compute_long(length, look).await?;
        self.last = length + VALUE * values;
        self.turn += self.last.max(LEAST);
        let event = event.ok_or_else(too_much)?;
        self.values += values;
        match event {
            Ok(event @ Value::Object(_)) => Ok(event),
            _ => Err(Error::new(Kind::Answer, "openai sent something that is no event")),
        }
    }

    /// Counts the event that came last as one of which something is kept until the call ends.
    ///
    /// # Errors
    /// It is more than a call keeps.
    pub fn keep(&mut self) -> Result<()> {
        self.kept += std::mem::take(&mut self.last);
        if self.kept > MOST_KEPT { Err(too_much()) } else { Ok(()) }
    }

    /// Says goodbye, and waits a moment for the other side to do so.
    pub async fn close(mut self) {
        let goodbye = async {
            // Whoever is gone already needs none.
            if self.wire.outgoing.close().await.is_ok() {
                while let Some(Ok(Frame::Text(_))) = self.wire.incoming.next().await {}
            }
        };
        select(std::pin::pin!(goodbye), self.cx.platform().sleep(GOODBYE)).await;
    }
}

fn too_much() -> Error {
    Error::new(Kind::Answer, "openai sends more than a session has")
}

fn broken(failure: &Failure) -> Error {
    Error::new(Kind::Connection, format!("the connection broke: {}", failure.text))
}
