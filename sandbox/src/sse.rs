//! Event streams.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;

/// An event with a line that names its type.
pub(crate) fn named(event: &Value) -> Event {
    plain(event).event(event.get("type").and_then(Value::as_str).unwrap_or_default())
}

/// An event without a name.
pub(crate) fn plain(event: &Value) -> Event {
    text(&event.to_string())
}

/// An event that is no JSON.
pub(crate) fn text(data: &str) -> Event {
    Event::default().data(data)
}

/// Events as they come.
pub(crate) fn stream(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    Sse::new(events.map(Ok::<_, Infallible>)).into_response()
}

/// Events that are all there, each after a pause.
pub(crate) fn paced(events: Vec<Event>, pause: Duration) -> Response {
    stream(stream::iter(events).then(move |event| async move {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        event
    }))
}
