//! Answers that are longer than a result should be: they stay JSON, with their long texts and lists cut.

use bytes::Bytes;
use serde_json::Value;

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::output::Output;
use crate::spec::{Long, Spec};

impl Context {
    /// What OpenAI answered as the result of a tool, cut as the tool is declared.
    ///
    /// # Errors
    /// The answer is not JSON.
    pub async fn fitted(&self, spec: &'static Spec, given: Bytes, max_bytes: Option<usize>) -> Result<Output> {
        let (length, cx) = (given.len(), self.clone());
        self.compute_long(length, move || answer(&cx, spec.long, given, max_bytes)).await?
    }
}

/// An answer of OpenAI as a result, cut as its tool is declared, where it is too long or holds base64, which no model can
/// read.
///
/// # Errors
/// The answer is not JSON.
fn answer(cx: &Context, long: Long, answer: Bytes, max_bytes: Option<usize>) -> Result<Output> {
    let most = max_bytes.unwrap_or(usize::MAX).min(cx.max_result());
    if matches!(long, Long::Cut) || (answer.len() <= most && !json::coded(&answer)) {
        return Ok(Output::Json(answer));
    }
    let mut answer =
        json::tree(&answer).map_err(|problem| Error::new(Kind::Answer, format!("the answer {problem}")))?;
    leave_out(&mut answer);
    let listed = answer.get("data").is_some_and(Value::is_array);
    Ok(match long {
        Long::Page(tool) if listed => page(cx, answer, &format!("{tool} shows all of one")),
        Long::Page(tool) => Output::json(&fitting(answer, cx.max_result(), |_| format!("{tool} shows all"))),
        _ if listed && max_bytes.is_none() => page(cx, answer, "`max_bytes` shows more"),
        _ => window(cx, answer, max_bytes),
    })
}

/// Leaves out base64, but for what the API wants to have back as it was.
fn leave_out(value: &mut Value) {
    const NAMES: [&str; 4] = ["b64_json", "data", "file_data", "result"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(leave_out),
        Value::Object(members) => {
            for (name, value) in members {
                let Value::String(text) = value else {
                    leave_out(value);
                    continue;
                };
                let (head, code) = text.split_once(";base64,").unwrap_or(("", text));
                let known = if head.is_empty() { NAMES.contains(&name.as_str()) } else { head.starts_with("data:") };
                if known && json::is_code(code) {
                    *text = format!("{head}({} characters of base64 left out)", text.len());
                }
            }
        }
        _ => {}
    }
}

/// What OpenAI keeps, of which the caller takes as much as `max_bytes` says.
fn window(cx: &Context, answer: Value, max_bytes: Option<usize>) -> Output {
    let most = max_bytes.unwrap_or_else(|| cx.max_result());
    let whole = |bytes| format!("`max_bytes` {bytes} shows all");
    let answer = match first_items(&answer, most, whole) {
        Some(part) => part,
        None => fitting(answer, most, whole),
    };
    match max_bytes {
        Some(_) => Output::Text { text: json::text(&answer), structured: answer },
        None => Output::json(&answer),
    }
}

/// A value as it is if it has at most so many bytes, else cut; `whole` says how to see all of its bytes.
fn fitting(value: Value, most: usize, whole: impl FnOnce(usize) -> String) -> Value {
    let bytes = json::text(&value).len();
    if bytes <= most { value } else { json::shorten(&value, most, &whole(bytes)) }
}

/// Of a list that has more than so many bytes, the items at its beginning that fit, from which the caller goes on as from any
/// page. Nothing where it is no such list.
fn first_items(answer: &Value, most: usize, whole: impl FnOnce(usize) -> String) -> Option<Value> {
    let bytes = json::text(answer).len();
    if bytes <= most || !answer.get("data").is_some_and(Value::is_array) {
        return None;
    }
    let page = short_items(answer.clone(), most / 4, &whole(bytes));
    let text = json::text(&page);
    if text.len() <= most {
        return Some(page);
    }
    let (part, note) = json::cut_list(text.as_bytes(), most)?;
    let mut part = json::tree(&part).ok()?;
    part.as_object_mut()?.insert("note".to_owned(), note.into());
    Some(part)
}

/// A page of which every item takes a quarter of a result at most, so that the page can be cut between them.
fn page(cx: &Context, page: Value, whole: &str) -> Output {
    Output::json(&short_items(page, cx.max_result() / 4, whole))
}

/// A page whose items have so many bytes at most.
fn short_items(mut page: Value, most: usize, whole: &str) -> Value {
    let mut cut = false;
    for item in page.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
        if json::text(item).len() > most {
            *item = json::short(item, most);
            cut = true;
        }
    }
    if cut { json::noted(page, &format!("long texts and lists are cut; {whole}")) } else { page }
}
