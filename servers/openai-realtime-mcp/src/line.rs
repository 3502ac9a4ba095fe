//! A session over a socket, for as long as a call lasts.

use std::time::Duration;

pub(crate) use openai_mcp_kernel::json::member as text;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::socket::{Socket, Step};
use openai_mcp_kernel::spec::Spec;
use serde_json::Map;

/// Longest wait for a session to be there, or set up.
const SETTING_UP: Duration = Duration::from_secs(20);

/// How the types of events end of which tools keep something, besides sound, which has a bound of its own.
const KEPT: [&str; 5] =
    ["text.delta", "transcript.delta", "transcription.completed", "response.done", "dtmf_event_received"];

/// An open session.
pub(crate) struct Line {
    cx: Context,
    socket: Socket,
    /// When the caller's patience is over.
    pub(crate) until: Duration,
    counted: usize,
}

/// What happens next.
pub(crate) enum Next {
    /// An event, with its type.
    Event(String, Value),
    /// All that was pushed has gone out.
    Sent,
    /// Time is over.
    Late,
    /// The other side has ended it.
    Closed(String),
}

impl Line {
    /// Opens a session; from now on all is to be done within `patience` seconds.
    ///
    /// # Errors
    /// There is none, or none in time.
    pub(crate) async fn open(cx: &Context, spec: &'static Spec, arguments: Value, patience: u64) -> Result<Self> {
        let patience = Duration::from_secs(patience);
        let until = cx.monotonic() + patience;
        let socket = cx.connect(spec, arguments, patience).await?;
        let mut line = Line { cx: cx.clone(), socket, until, counted: 0 };
        line.wait_for("session.created").await?;
        Ok(line)
    }

    /// Sets the session up, and waits until it is.
    ///
    /// # Errors
    /// It is not, or not in time.
    pub(crate) async fn set_up(&mut self, session: Value) -> Result<()> {
        self.push("session.update", json!({"session": session}));
        self.wait_for("session.updated").await
    }

    async fn wait_for(&mut self, wanted: &str) -> Result<()> {
        let until = self.until;
        self.until = until.min(self.cx.monotonic() + SETTING_UP);
        loop {
            match self.next().await? {
                Next::Event(kind, _) if kind == wanted => {
                    self.until = until;
                    return Ok(());
                }
                Next::Event(kind, event) if kind == "error" => return Err(failure(&event)),
                Next::Event(..) | Next::Sent => {}
                Next::Late => {
                    return Err(Error::new(Kind::Answer, format!("openai sent no `{wanted}` in time")));
                }
                Next::Closed(why) => return Err(closed(&why)),
            }
        }
    }

    /// Sends an event. Each has an id, by which an error tells which one is meant.
    pub(crate) fn push(&mut self, kind: &'static str, fields: Value) {
        self.push_all(kind, std::iter::once(fields));
    }

    /// Sends events, each made when it is its turn.
    pub(crate) fn push_all(
        &mut self,
        kind: &'static str,
        fields: impl ExactSizeIterator<Item = Value> + Send + 'static,
    ) {
        let first = self.counted + 1;
        self.counted += fields.len();
        self.socket.push_all(fields.zip(first..).map(move |(fields, number)| {
            let mut event = json!({"type": kind, "event_id": format!("{kind}-{number}")});
            if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
                event.extend(fields);
            }
            event
        }));
    }

    /// Sends an event as the caller wrote it.
    pub(crate) fn push_whole(&mut self, event: Value) {
        self.socket.push(event);
    }

    /// # Errors
    /// The connection broke.
    pub(crate) async fn next(&mut self) -> Result<Next> {
        let left = self.until.saturating_sub(self.cx.monotonic());
        if left.is_zero() {
            return Ok(Next::Late);
        }
        Ok(match self.socket.step(left).await? {
            Step::Event(event) => {
                let kind = text(&event, "type");
                if KEPT.iter().any(|end| kind.ends_with(end)) {
                    self.socket.keep()?;
                }
                Next::Event(kind.to_owned(), event)
            }
            Step::Sent => Next::Sent,
            Step::Silence => Next::Late,
            Step::Closed(code, reason) => Next::Closed(format!("{code} {reason}").trim_end().to_owned()),
        })
    }

    /// Counts the event that came last as one of which something is kept.
    ///
    /// # Errors
    /// It is more than a call keeps.
    pub(crate) fn keep(&mut self) -> Result<()> {
        self.socket.keep()
    }

    pub(crate) async fn close(self) {
        self.socket.close().await;
    }
}

/// What an event of the type `error` tells.
pub(crate) fn failure(event: &Value) -> Error {
    Error::event(event.to_string().as_bytes(), None, None)
}

/// That the session is over before its time.
pub(crate) fn closed(why: &str) -> Error {
    Error::new(Kind::Connection, format!("openai closed the session: {why}"))
}

/// Adds the numbers of one object to those of another.
pub(crate) fn add(sum: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        let before = sum.get(name);
        let both = match (before.and_then(Value::as_f64), value.as_f64()) {
            (Some(before), Some(value)) if before.fract() == 0.0 && value.fract() == 0.0 => {
                Value::from((before + value) as u64)
            }
            (Some(before), Some(value)) => Value::from(before + value),
            _ => match (before.cloned(), value) {
                (Some(Value::Object(mut before)), Value::Object(value)) => {
                    add(&mut before, value);
                    Value::Object(before)
                }
                _ => value.clone(),
            },
        };
        sum.insert(name.clone(), both);
    }
}
