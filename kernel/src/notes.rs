//! What a client is told while a call goes on: progress, text as it grows, log messages.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/progress>

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc::UnboundedSender;

use crate::json;

/// Progress is told no more often than this.
const PAUSE: Duration = Duration::from_millis(250);

/// Where the notifications of a call go. `now` is as [`Context::monotonic`](crate::context::Context::monotonic) tells time.
pub(crate) struct Notes {
    out: UnboundedSender<Bytes>,
    /// The progress token as JSON, if the client gave one.
    token: Option<String>,
    state: Mutex<Progress>,
}

/// Takes out of a text what must not be told. Of text that grows that is done once it is put together.
type Redact<'a> = dyn Fn(String) -> String + 'a;

#[derive(Default)]
struct Progress {
    value: Option<f64>,
    /// The last message.
    message: String,
    told: Duration,
    /// Text that grew since it was last told, and how many characters came before it.
    text: String,
    characters: usize,
}

impl Notes {
    pub(crate) fn new(out: UnboundedSender<Bytes>, token: Option<String>) -> Self {
        Notes { out, token, state: Mutex::default() }
    }

    pub(crate) fn wants_progress(&self) -> bool {
        self.token.is_some()
    }

    pub(crate) fn progress(&self, now: Duration, done: f64, total: Option<f64>, message: &str) {
        self.put(now, done, total, message, "");
    }

    /// `more` are further members of the notification's `params`.
    fn put(&self, now: Duration, mut done: f64, total: Option<f64>, message: &str, more: &str) {
        let Some(token) = &self.token else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = state.value.filter(|last| done <= *last) {
            if message == state.message {
                return;
            }
            done = next(last);
        }
        state.value = Some(done);
        message.clone_into(&mut state.message);
        state.told = now;
        let mut params = format!(r#"{{"progressToken":{token},"progress":{}"#, json::number(done));
        if let Some(total) = total {
            params.push_str(&format!(r#","total":{}"#, json::number(total)));
        }
        params.push_str(&format!(r#","message":{}{more}}}"#, json::quoted(message)));
        self.send("notifications/progress", &params);
    }

    pub(crate) fn transferred(&self, now: Duration, bytes: u64, total: Option<u64>, verb: &str) {
        if self.due(now) || total == Some(bytes) {
            let of = total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
            let message = format!("{verb} {}{of}", size(bytes));
            self.progress(now, bytes as f64, total.map(|total| total as f64), &message);
        }
    }

    fn due(&self, now: Duration) -> bool {
        now.saturating_sub(self.state.lock().unwrap_or_else(PoisonError::into_inner).told) >= PAUSE
    }

    pub(crate) fn text(&self, now: Duration, piece: &str, redact: &Redact<'_>) {
        if !self.wants_progress() {
            return;
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).text.push_str(piece);
        if self.due(now) {
            self.flush_text(now, redact);
        }
    }

    pub(crate) fn flush_text(&self, now: Duration, redact: &Redact<'_>) {
        let (text, done) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let text = std::mem::take(&mut state.text);
            state.characters += text.chars().count();
            (text, state.characters.max(state.value.map_or(0, |value| value as usize + 1)))
        };
        if !text.is_empty() {
            // Who shows messages one in the place of the other needs to know a piece of a text from a whole message.
            self.put(now, done as f64, None, &redact(text), r#","_meta":{"openai-mcp/text":true}"#);
        }
    }

    /// Tells that the call goes on. Once there is text, a message of its own would stand in the middle of it: then what
    /// was held back is told, or nothing with a sign of life.
    pub(crate) fn beat(&self, now: Duration, waited: Duration, redact: &Redact<'_>) {
        let (value, begun, held) = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.value.unwrap_or_default(), state.characters > 0, !state.text.is_empty())
        };
        match (begun, held) {
            (_, true) => self.flush_text(now, redact),
            (true, false) => self.progress(now, next(value), None, ""),
            (false, false) => self.tell(now, &format!("waiting for OpenAI, {} s", waited.as_secs())),
        }
    }

    pub(crate) fn tell(&self, now: Duration, message: &str) {
        let value = self.state.lock().unwrap_or_else(PoisonError::into_inner).value;
        self.progress(now, next(value.unwrap_or_default()), None, message);
    }

    pub(crate) fn log(&self, message: &str) {
        self.send("notifications/message", message);
    }

    fn send(&self, method: &str, params: &str) {
        let message = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
        // A client that has gone needs no notes.
        let _ = self.out.unbounded_send(message.into());
    }
}

/// What comes behind a value where nothing was done: so little that what is done is told as it is, and no bar is full before its
/// time.
fn next(value: f64) -> f64 {
    ((value + 0.001) * 1000.0).round() / 1000.0
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
