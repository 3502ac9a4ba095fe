//! Waiting for what goes on in the background at OpenAI: the one loop behind every wait tool.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::output::Output;
use crate::schema::Int;

/// How long a wait lasts by default, in seconds: clients give up on a call after a minute.
const PATIENCE: u64 = 45;
/// Shortest and longest pause between two looks, where the answer does not ask for a longer one.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// Something that is waited for.
pub trait Watched: Send {
    /// Looks at it once, and tells the client how far it is.
    fn look(&mut self, cx: &Context) -> impl Future<Output = Result<Look>> + Send;
}

/// What a look saw.
#[derive(Debug)]
pub struct Look {
    /// What is waited for, as the API shows it.
    pub object: Value,
    /// How it stands.
    pub stage: Stage,
    /// What else stands in the result.
    pub beside: Map<String, Value>,
}

/// How something that goes on in the background stands.
#[derive(Debug)]
pub enum Stage {
    /// It goes on by itself.
    Going,
    /// Nothing more happens, and nothing is asked of the caller.
    Done,
    /// It stands still until the caller makes this call.
    Asks(Next),
}

/// The call that a caller is to make next.
#[derive(Clone, Debug)]
pub struct Next {
    /// A tool's name.
    pub tool: &'static str,
    /// Its arguments, as far as they are known.
    pub arguments: Value,
}

impl Next {
    fn show(&self) -> Value {
        json!({"tool": self.tool, "arguments": self.arguments})
    }
}

/// How long a wait with this `timeout` lasts.
pub fn patience(timeout: Option<Int<0, 3600>>) -> Duration {
    Duration::from_secs(timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs()))
}

/// Looks at something until it is done, asks for something, or `timeout` seconds have passed (default 45), or until the
/// call has made as many requests as it may. A look that fails in passing ends no wait: what was seen before stands.
///
/// The result is `{done, next, waited_seconds, object}`. `done` is true only when nothing more happens by itself and
/// nothing is asked of the caller; otherwise `next` is the call to make: what the object asks for, or `again`, which
/// goes on waiting. Whoever waits long is told late: a pause is a quarter of the time waited so far, within one and ten
/// seconds, and never shorter than the answer asks for.
///
/// # Errors
/// As the first look, and as a later one that fails for good.
pub async fn wait(
    cx: &Context,
    timeout: Option<Int<0, 3600>>,
    again: Next,
    mut watched: impl Watched,
) -> Result<Output> {
    let started = cx.monotonic();
    let patience = patience(timeout);
    // Even who does not want to wait wants to see something.
    let within = cx.trying_until(started + patience.max(PAUSE.1));
    let mut last: Option<Look> = None;
    loop {
        let (look, failure) = match (watched.look(&within).await, last.take()) {
            (Ok(look), _) => (look, None),
            (Err(error), Some(look)) if passes(&error) => (look, Some(error)),
            (Err(error), _) => return Err(error),
        };
        let waited = cx.monotonic().saturating_sub(started);
        let left = cx.left(started + patience);
        let asked = cx.poll_pause();
        if matches!(look.stage, Stage::Going) && asked <= left {
            last = Some(look);
            cx.sleep((waited / 4).clamp(PAUSE.0, PAUSE.1).max(asked).min(left)).await;
            continue;
        }
        let Look { object, stage, beside } = look;
        let next = match &stage {
            Stage::Going => Some(again.show()),
            Stage::Asks(next) => Some(next.show()),
            Stage::Done => None,
        };
        let mut result = json!({"done": next.is_none(), "waited_seconds": waited.as_secs(), "object": object});
        if let Some(result) = result.as_object_mut() {
            result.extend(next.map(|next| ("next".to_owned(), next)));
            result
                .extend(failure.map(|error| ("note".to_owned(), format!("seen before a look failed: {error}").into())));
            result.extend(beside);
        }
        return Ok(Output::json(&result));
    }
}

/// Whether a failed look says nothing of what is waited for.
fn passes(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unsent | Kind::Connection | Kind::Status(408 | 409 | 429 | 500..))
}
