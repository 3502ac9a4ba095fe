//! Contents that may be large or binary: a window of the text, or a file on disk; never base64 in text.

use futures_util::stream::StreamExt as _;
use serde_json::json;

use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::openai::Call;
use crate::output::Output;

/// Most bytes of a content that is saved: those of the largest upload. No disk is filled by an answer without an end.
/// <https://platform.openai.com/docs/api-reference/uploads>
const LARGEST: u64 = 8 * 1024 * 1024 * 1024;

/// Saves what a request answers to a new file, or shows at most `max_bytes` of its text from byte `offset` on. Whether it can
/// be saved is asked before the request is made.
///
/// # Errors
/// Those of the request and of [`Context::reserve`]; the connection broke, the content is longer than 8 GiB, the file could not
/// be written, or the offset is beyond the end.
pub async fn give(
    cx: &Context,
    call: Call<'_>,
    save_to: Option<String>,
    offset: u64,
    max_bytes: Option<usize>,
) -> Result<Output> {
    cx.reserve(save_to.as_deref()).await?;
    let response = call.response().await?;
    match save_to {
        Some(path) => save(cx, response, path).await,
        None => show(cx, response, offset, max_bytes).await,
    }
}

/// The same of a text, which is awaited once it is known that it can be saved.
///
/// # Errors
/// Those of the text, of [`Context::reserve`] and [`Context::save`]; or the offset is beyond its end.
pub async fn give_text(
    cx: &Context,
    text: impl Future<Output = Result<String>>,
    save_to: Option<String>,
    offset: u64,
    max_bytes: Option<usize>,
) -> Result<Output> {
    cx.reserve(save_to.as_deref()).await?;
    let text = text.await?;
    match save_to {
        Some(path) => write(cx, path, Body::Full(text.into())).await,
        None => show_text(cx, &text, offset, max_bytes),
    }
}

/// Saves a streamed content to a new file. Nothing of it is held in memory.
async fn save(cx: &Context, response: http::Response<Body>, path: String) -> Result<Output> {
    let body = response.into_body();
    let length = body.length();
    let (progress, mut done) = (cx.clone(), 0);
    let chunks = body.within(LARGEST).into_chunks().inspect(move |chunk| {
        if let Ok(bytes) = chunk {
            done += bytes.len() as u64;
            progress.transferred(done, length, "downloaded");
        }
    });
    write(cx, path, Body::Stream { chunks: chunks.boxed(), length }).await
}

async fn write(cx: &Context, path: String, body: Body) -> Result<Output> {
    Ok(Output::json(&json!({"saved_to": cx.save(path, body).await?.show()})))
}

/// Shows at most `max_bytes` of a streamed text from byte `offset` on, or describes a binary.
/// Only the window is held in memory.
async fn show(cx: &Context, response: http::Response<Body>, offset: u64, max_bytes: Option<usize>) -> Result<Output> {
    let (head, body) = response.into_parts();
    let mime = head.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let room = room(cx, max_bytes);
    let length = body.length();
    let mut chunks = body.into_chunks();
    let (mut passed, mut held, mut ended) = (0u64, Vec::new(), false);
    // A few bytes more than shown tell whether there is more, and let the window end on a whole character.
    while held.len() < room + SPARE {
        let Some(chunk) = chunks.next().await else {
            ended = true;
            break;
        };
        let broken = |text| Error::new(Kind::Connection, format!("the content broke off: {text}"));
        let chunk = chunk.map_err(|failure| broken(failure.text))?;
        let skip = usize::try_from(offset.saturating_sub(passed)).unwrap_or(usize::MAX).min(chunk.len());
        passed += chunk.len() as u64;
        let wanted = chunk.get(skip..).unwrap_or_default();
        held.extend_from_slice(wanted.get(..wanted.len().min(room + SPARE - held.len())).unwrap_or_default());
    }
    let total = if ended { Some(passed) } else { length };
    excerpt(cx, &held, offset, room, total, mime)
}

/// Shows at most `max_bytes` of a text that is all there, from byte `offset` on.
fn show_text(cx: &Context, text: &str, offset: u64, max_bytes: Option<usize>) -> Result<Output> {
    let room = room(cx, max_bytes);
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
    let end = start.saturating_add(room + SPARE).min(text.len());
    let held = text.as_bytes().get(start..end).unwrap_or_default();
    excerpt(cx, held, offset, room, Some(text.len() as u64), "text/plain")
}

/// Bytes held beyond the window: more than one character.
const SPARE: usize = 8;

fn room(cx: &Context, max_bytes: Option<usize>) -> usize {
    max_bytes.unwrap_or_else(|| cx.max_result()).max(4)
}

/// `held` is the content from `offset` on: all of it, or [`SPARE`] bytes more than `room`.
fn excerpt(cx: &Context, held: &[u8], offset: u64, room: usize, total: Option<u64>, mime: &str) -> Result<Output> {
    if let Some(total) = total.filter(|total| offset > *total) {
        return Err(Error::argument("offset", format!("the content has {total} bytes, got {offset}")));
    }
    // An offset inside a character moves on to the next one.
    let inside = |byte: &&u8| offset > 0 && (**byte & 0xC0) == 0x80;
    let lead = held.iter().take(3).take_while(inside).count();
    let shown = held.get(lead..).unwrap_or_default();
    let text = match std::str::from_utf8(shown) {
        Ok(text) => text,
        // What was held may end inside a character; anything else that is not UTF-8 is not text.
        Err(error) if error.error_len().is_none() && held.len() == room + SPARE => {
            shown.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
        }
        Err(_) => return Ok(describe(cx, held, offset, total, mime)),
    };
    if text.contains('\0') {
        return Ok(describe(cx, held, offset, total, mime));
    }
    let text = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
    let next = offset + (lead + text.len()) as u64;
    let ends = total == Some(next);
    if ends && offset == 0 {
        return Ok(Output::Text { text: text.to_owned(), structured: json!({"text": text, "bytes": next}) });
    }
    let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
    let mut structured = json!({"text": text, "offset": offset});
    let mut add = |name: &str, value: Option<u64>| {
        if let (Some(object), Some(value)) = (structured.as_object_mut(), value) {
            object.insert(name.into(), value.into());
        }
    };
    add("bytes", total);
    add("next_offset", (!ends).then_some(next));
    let on = if ends { "this is the end".to_owned() } else { format!("go on with `offset`: {next}") };
    Ok(Output::Text { text: format!("{text}\n\n[bytes {offset} to {next}{of}; {on}]"), structured })
}

fn describe(cx: &Context, held: &[u8], offset: u64, total: Option<u64>, mime: &str) -> Output {
    let first: Vec<String> = held.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let first = first.join(" ");
    let size = total.map_or_else(|| "unknown size".to_owned(), |total| format!("{total} bytes"));
    let mut structured = json!({"binary": true, "content_type": mime, "first_bytes": first, "offset": offset});
    if let (Some(object), Some(total)) = (structured.as_object_mut(), total) {
        object.insert("bytes".into(), total.into());
    }
    let advice = cx.advice_to_save();
    let text = format!("binary content, {size}, content type `{mime}`, bytes at {offset}: {first}…\nhint: {advice}");
    Output::Text { text, structured }
}
