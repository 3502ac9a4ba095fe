//! Answers that are longer than a result should be: they stay JSON, with their long texts and lists cut.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::output::Output;
use crate::spec::Long;

/// Shortest text that is cut further.
const SHORTEST: usize = 64;
/// Bytes that an item of a list is reckoned with.
const ITEM: usize = 64;

/// An answer of OpenAI as a result, cut as its tool is declared.
pub(crate) fn answer(cx: &Context, long: Long, answer: Bytes, max_bytes: Option<usize>) -> Result<Output> {
    match long {
        Long::Cut => Ok(Output::Json(answer)),
        Long::Window => fit(cx, answer, max_bytes, |cx, answer, max_bytes| window(cx, answer, max_bytes, "")),
        Long::Page(tool) => {
            fit(cx, answer, None, |cx, answer, _| page(cx, answer, &format!("{tool} shows all of one")))
        }
    }
}

/// An answer of OpenAI as a result: as it is if it fits, else as `view` has it, for which `max_bytes` is the argument by
/// which the caller asks for more.
///
/// # Errors
/// The answer is not JSON.
pub fn fit(
    cx: &Context,
    answer: Bytes,
    max_bytes: Option<usize>,
    view: impl FnOnce(&Context, Value, Option<usize>) -> Output,
) -> Result<Output> {
    if answer.len() <= max_bytes.unwrap_or(usize::MAX).min(cx.max_result()) {
        return Ok(Output::Json(answer));
    }
    let answer = serde_json::from_slice(&answer)
        .map_err(|error| Error::new(Kind::Answer, format!("the answer is not JSON: {error}")))?;
    Ok(view(cx, answer, max_bytes))
}

/// What OpenAI keeps, of which the caller takes as much as `max_bytes` says. `how` is what goes before that word.
pub fn window(cx: &Context, answer: Value, max_bytes: Option<usize>, how: &str) -> Output {
    let (bytes, most) = (json::text(&answer).len(), max_bytes.unwrap_or_else(|| cx.max_result()));
    let answer =
        if bytes <= most { answer } else { shorten(&answer, most, &format!("{how}`max_bytes` {bytes} shows all")) };
    match max_bytes {
        Some(_) => Output::Text { text: json::text(&answer), structured: answer },
        None => Output::json(&answer),
    }
}

/// A page of which every item takes a quarter of a result at most, so that the page can be cut between them.
pub fn page(cx: &Context, mut page: Value, whole: &str) -> Output {
    let most = cx.max_result() / 4;
    let mut cut = false;
    for item in page.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
        if json::text(item).len() > most {
            *item = short(item, most);
            cut = true;
        }
    }
    Output::json(&if cut { noted(page, &format!("long texts and lists are cut; {whole}")) } else { page })
}

/// A value of at most so many bytes, as far as cutting texts and lists can do that, with a member `cut` that says what was
/// done and, by `whole`, how to see all.
pub fn shorten(value: &Value, most: usize, whole: &str) -> Value {
    // Beside the words about what was cut.
    let room = most - (most / 4).min(1024);
    noted(short(value, room), &format!("long texts and lists are cut; {whole}"))
}

fn noted(mut answer: Value, note: &str) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("cut".to_owned(), note.into());
    }
    answer
}

/// A value of at most so many bytes, as far as cutting texts and lists can do that.
fn short(value: &Value, most: usize) -> Value {
    let mut longest = most.max(SHORTEST);
    loop {
        let cut = cut(value, longest);
        if json::text(&cut).len() <= most || longest <= SHORTEST {
            return cut;
        }
        longest /= 2;
    }
}

fn cut(value: &Value, longest: usize) -> Value {
    match value {
        Value::String(text) if text.len() > longest => {
            let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            format!("{}… ({} bytes in all)", text.get(..end).unwrap_or_default(), text.len()).into()
        }
        Value::Array(items) => {
            let most = (longest / ITEM).max(1);
            let mut shown: Vec<Value> = items.iter().take(most).map(|item| cut(item, longest)).collect();
            if items.len() > most {
                shown.push(format!("… ({} items in all)", items.len()).into());
            }
            shown.into()
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), cut(value, longest))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
