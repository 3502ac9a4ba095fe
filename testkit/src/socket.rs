//! A WebSocket that plays what a case has as the body of an answer with status 101.
//!
//! | line | what it plays |
//! |---|---|
//! | `{…}` | an event comes in |
//! | `after TYPE` | nothing comes before another event of this type has gone out |
//! | `times N LINE` | `LINE` comes in so many times |
//! | `wait SECONDS` | so much time passes |
//! | `never` | as the first line: the socket does not open, and there is no answer |
//! | `close CODE REASON` | the other side says goodbye |
//! | `break WORDS` | the connection breaks |
//! | `gone` | the connection ends without a word |
//! | anything else | comes in as it is |
//!
//! After the last line nothing comes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::sink;
use futures_util::stream::{StreamExt as _, poll_fn};
use openai_mcp_kernel::body::Failure;
use openai_mcp_kernel::platform::{Frame, Wire};
use serde_json::Value;

/// Longest text within an event that is shown whole.
const LONGEST: usize = 200;

/// Plays `lines`. `keep` is handed what goes out, shortened to be shown and whole; `pass` lets time pass.
pub(crate) fn play(
    lines: &Bytes,
    keep: impl Fn(&str, &str) + Send + 'static,
    pass: impl Fn(Duration) + Send + 'static,
) -> Wire {
    let mut lines: VecDeque<String> = String::from_utf8_lossy(lines).lines().map(str::to_owned).collect();
    // How often the line in front has come in.
    let mut came = 0_usize;
    // How many events of each type have gone out and were not waited for yet.
    let waiting: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let gone = waiting.clone();
    let incoming = poll_fn(move |_| {
        while let Some(line) = lines.front() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            if word == "after" {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                match waiting.get_mut(rest) {
                    Some(count) if *count > 0 => *count -= 1,
                    _ => return Poll::Pending,
                }
                lines.pop_front();
                continue;
            }
            if word == "wait" {
                pass(Duration::from_secs(rest.parse().unwrap_or_default()));
                lines.pop_front();
                continue;
            }
            if word == "times" {
                let (times, line) = rest.split_once(' ').unwrap_or((rest, ""));
                if times.parse().is_ok_and(|times| came < times) {
                    came += 1;
                    return Poll::Ready(Some(Ok(Frame::Text(line.to_owned().into()))));
                }
                came = 0;
                lines.pop_front();
                continue;
            }
            let played = match word {
                "close" => {
                    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                    Ok(Frame::Closed { code: code.parse().unwrap_or(1005), reason: reason.to_owned() })
                }
                "break" => Err(Failure { text: rest.to_owned(), unsent: false }),
                "gone" => return Poll::Ready(None),
                _ => Ok(Frame::Text(line.clone().into())),
            };
            lines.pop_front();
            return Poll::Ready(Some(played));
        }
        Poll::Pending
    });
    let outgoing = sink::unfold((), move |(), text: String| {
        let event: Value = serde_json::from_str(&text).unwrap_or_default();
        if let Some(kind) = event["type"].as_str() {
            *gone.lock().unwrap_or_else(PoisonError::into_inner).entry(kind.to_owned()).or_default() += 1;
        }
        keep(&short(event).to_string(), &text);
        std::future::ready(Ok(()))
    });
    Wire { incoming: incoming.boxed(), outgoing: Box::pin(outgoing) }
}

/// The event with long texts, which are sounds and pictures, told by their length.
fn short(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST => format!("[{} letters]", text.len()).into(),
        Value::Array(items) => items.into_iter().map(short).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, short(value))).collect(),
        other => other,
    }
}
