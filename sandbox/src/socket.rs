//! WebSockets: events in both directions.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{Either, select};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::params::Params;

/// Largest piece of sound.
const LARGEST: usize = 15 * 1024 * 1024;

/// Who answers events.
pub(crate) trait Party: Send {
    /// Takes an event, and says what is wrong with it.
    fn take(&mut self, kind: &str, event: Params) -> Result<()>;

    /// What is to be sent.
    fn out(&mut self) -> &mut Out;

    /// Learns of an event that is on its way.
    fn told(&mut self, _: &Value) {}
}

/// What is to be sent, in its order.
#[derive(Default)]
pub(crate) struct Out {
    /// At once.
    now: VecDeque<Value>,
    /// After that, each after a pause: what can be taken back.
    pub(crate) later: VecDeque<(Duration, Value)>,
    /// How it ends, once all is sent.
    pub(crate) end: Option<End>,
    counted: u64,
}

/// How a connection ends.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// With a code and a reason.
    Closed(u16, &'static str),
    /// Without a word.
    Dropped,
}

impl Out {
    /// Sends an event at once.
    pub(crate) fn say(&mut self, kind: &str, fields: Value) {
        let event = self.event(kind, fields);
        self.now.push_back(event);
    }

    /// Sends an event in its turn.
    pub(crate) fn say_later(&mut self, pause: Duration, kind: &str, fields: Value) {
        let event = self.event(kind, fields);
        self.later.push_back((pause, event));
    }

    fn event(&mut self, kind: &str, fields: Value) -> Value {
        self.counted += 1;
        let mut event = json!({"type": kind, "event_id": format!("event_{:06}", self.counted)});
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
            event.extend(fields);
        }
        event
    }

    /// Tells of an error, and of the event that caused it.
    pub(crate) fn fail(&mut self, error: &Error, cause: Option<&Value>) {
        let told = json!({
            "type": error.kind, "code": error.code, "message": error.message, "param": error.param, "event_id": cause,
        });
        self.say("error", json!({"error": told}));
    }
}

/// As [`hold`], until something else has happened: whether it has.
pub(crate) async fn hold_until(socket: &mut WebSocket, party: &mut impl Party, over: impl Future<Output = ()>) -> bool {
    let (held, over) = (std::pin::pin!(hold(socket, party)), std::pin::pin!(over));
    matches!(select(held, over).await, Either::Right(_))
}

/// Lets both sides speak until one of them ends it.
pub(crate) async fn hold(socket: &mut WebSocket, party: &mut impl Party) {
    loop {
        let out = party.out();
        let next = match (out.now.pop_front(), out.later.front()) {
            (Some(event), _) => Some(event),
            (None, Some((pause, _))) if pause.is_zero() => out.later.pop_front().map(|(_, event)| event),
            (None, None) => match out.end {
                Some(End::Closed(code, reason)) => return bid_farewell(socket, code, reason).await,
                Some(End::Dropped) => return,
                None => None,
            },
            (None, Some(_)) => None,
        };
        if let Some(event) = next {
            party.told(&event);
            if socket.send(Message::Text(event.to_string().into())).await.is_err() {
                return;
            }
            continue;
        }
        let pause = party.out().later.front().map_or(Duration::MAX, |(pause, _)| *pause);
        let received = match select(std::pin::pin!(socket.recv()), std::pin::pin!(tokio::time::sleep(pause))).await {
            Either::Left((received, _)) => received,
            Either::Right(_) => {
                if let Some((pause, _)) = party.out().later.front_mut() {
                    *pause = Duration::ZERO;
                }
                continue;
            }
        };
        let text = match received {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Binary(_))) => {
                let message = "Binary messages are not supported: send events as text.";
                party.out().fail(&Error::new(StatusCode::BAD_REQUEST, message), None);
                continue;
            }
            Some(Ok(Message::Close(_))) => {
                // The answer to a goodbye goes out with the next look at what comes in.
                socket.recv().await;
                return;
            }
            Some(Err(_)) | None => return,
        };
        let event: Value = serde_json::from_str(&text).unwrap_or_default();
        let (kind, cause) = (event.get("type").cloned(), event.get("event_id").cloned());
        let taken = Params::nested(String::new(), event).and_then(|mut event| {
            event.take("type");
            event.string("event_id")?;
            match kind.as_ref().and_then(Value::as_str) {
                Some(kind) => party.take(kind, event),
                None => {
                    Err(Error::invalid("type", "missing_required_parameter", "Missing required parameter: 'type'."))
                }
            }
        });
        if let Err(error) = taken {
            party.out().fail(&error, cause.as_ref());
        }
    }
}

/// Tells why there is no session, and ends the connection.
pub(crate) async fn refuse(socket: &mut WebSocket, error: &Error) {
    let mut out = Out::default();
    out.fail(error, None);
    for event in out.now {
        // Whoever is gone is told nothing.
        let _ = socket.send(Message::Text(event.to_string().into())).await;
    }
    bid_farewell(socket, 4000, error.code.unwrap_or("invalid_request_error")).await;
}

/// Says goodbye.
pub(crate) async fn bid_farewell(socket: &mut WebSocket, code: u16, reason: &'static str) {
    // Whoever is gone is told nothing.
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}

/// The error for an event that there is none of.
pub(crate) fn unknown(kind: &str) -> Error {
    Error::invalid("type", "invalid_value", format!("Invalid value: '{kind}'. There is no event of this type."))
}

/// Sound as it is sent.
pub(crate) fn samples(base64: &str, param: &str) -> Result<Vec<i16>> {
    let wrong = |message: &str| Error::invalid(param, "invalid_value", message);
    if base64.len() > LARGEST * 4 / 3 + 4 {
        return Err(wrong("The audio is larger than 15 MiB."));
    }
    let bytes = STANDARD.decode(base64).map_err(|_| wrong("Expected base64-encoded audio bytes."))?;
    let sample = |pair: &[u8]| match pair {
        [low, high] => i16::from_le_bytes([*low, *high]),
        _ => 0,
    };
    Ok(bytes.chunks_exact(2).map(sample).collect())
}
