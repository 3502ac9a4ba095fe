//! What a message gets for an answer, with what is told before it.

use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc::UnboundedReceiver;
use futures_util::future::{BoxFuture, Either, FutureExt as _, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use crate::context::Context;

/// When a call that tells nothing of itself first tells that it goes on, and how often it does so then.
const FIRST_BEAT: Duration = Duration::from_secs(1);
const BEAT: Duration = Duration::from_secs(10);

/// What a message gets for an answer.
pub enum Reply {
    /// Nothing: it was a notification.
    Nothing,
    /// One message, with the HTTP status that goes with it.
    One(u16, Bytes),
    /// Notifications, then the response.
    Many(BoxStream<'static, Bytes>),
}

/// Answers with one message, or, once the work has something to tell before it ends, with a stream of them.
pub(super) fn with_notes(
    work: BoxFuture<'static, (u16, Bytes)>,
    notes: UnboundedReceiver<Bytes>,
    cx: Context,
) -> BoxFuture<'static, Reply> {
    if !cx.wants_progress() && cx.facts().log_level.is_none() {
        return work.map(|(status, message)| Reply::One(status, message)).boxed();
    }
    let beat =
        cx.wants_progress().then(|| beat(cx)).map_or_else(|| std::future::pending().boxed(), |beat| beat.boxed());
    // The beat never ends, so the selection ends with the work.
    let work = select(work, beat).map(|ended| match ended {
        Either::Left((message, _)) => message,
        Either::Right((never, _)) => never,
    });
    async move {
        match select(work.boxed(), notes.into_future()).await {
            Either::Left(((status, message), notes)) => match notes.into_inner() {
                // What was told in the very step that ended the work still comes before its result.
                Some(mut notes) => match std::iter::from_fn(|| notes.try_recv().ok()).collect::<Vec<_>>() {
                    told if told.is_empty() => Reply::One(status, message),
                    told => Reply::Many(stream::iter(told).chain(stream::iter([message])).boxed()),
                },
                None => Reply::One(status, message),
            },
            Either::Right(((first, notes), work)) => {
                let last = work.map(|(_, message)| message).into_stream();
                let rest = interleave(notes, last.boxed());
                Reply::Many(stream::iter(first).chain(rest).boxed())
            }
        }
    }
    .boxed()
}

/// The notes as they come, then the result.
fn interleave(notes: UnboundedReceiver<Bytes>, last: BoxStream<'static, Bytes>) -> BoxStream<'static, Bytes> {
    stream::unfold(Some((notes, last, None::<Bytes>)), |state| async {
        let (mut notes, mut last, result) = state?;
        if let Some(result) = result {
            return match notes.try_recv() {
                Ok(note) => Some((note, Some((notes, last, Some(result))))),
                Err(_) => Some((result, None)),
            };
        }
        match select(notes.next(), last.next()).await {
            Either::Left((Some(note), _)) => Some((note, Some((notes, last, None)))),
            Either::Left((None, result)) => result.await.map(|result| (result, None)),
            Either::Right((Some(result), _)) => match notes.try_recv() {
                Ok(note) => Some((note, Some((notes, last, Some(result))))),
                Err(_) => Some((result, None)),
            },
            Either::Right((None, _)) => None,
        }
    })
    .boxed()
}

/// Tells every now and then that the call goes on: clients take silence for a hang.
async fn beat(cx: Context) -> (u16, Bytes) {
    let started = cx.monotonic();
    cx.sleep(FIRST_BEAT).await;
    loop {
        cx.beat(cx.monotonic().saturating_sub(started));
        cx.sleep(BEAT).await;
    }
}
