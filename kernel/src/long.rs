//! Answers that are longer than a result should be: they stay JSON, with their long texts and lists cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Members as _};
use crate::output::Output;
use crate::save;
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

    /// What OpenAI answers a tool that shows a window of it, in `brief` where there is such a thing, and takes `save_to`: the
    /// base64 within goes to that file, several to files beside it.
    ///
    /// # Errors
    /// Those of the request, an answer that is not JSON, or a file that cannot be written.
    pub async fn unpacked(
        &self,
        spec: &'static Spec,
        save_to: Option<String>,
        brief: Option<fn(Value) -> Value>,
    ) -> Result<Output> {
        self.reserve(save_to.as_deref()).await?;
        let max_bytes = self.arguments().member("max_bytes")?;
        let call = self.send(spec, self.arguments());
        let given = if save_to.is_none() && brief.is_none() {
            call.bytes().await?
        } else {
            let mut answer = call.value().await?;
            if let Some(path) = save_to
                && unpack(self, &mut answer, &path).await? == 0
            {
                answer.put("note", "there was nothing to save".into());
            }
            let answer = match brief {
                Some(brief) => brief(answer),
                None => answer,
            };
            json::text(&answer).into()
        };
        self.fitted(spec, given, max_bytes).await
    }
}

/// Puts base64 into files, and in its place where it is; how many files those are.
async fn unpack(cx: &Context, answer: &mut Value, path: &str) -> Result<usize> {
    let mut files = 0;
    for found in codes(answer) {
        let text = found.as_str().unwrap_or_default();
        let code = text.split_once(HEAD).map_or(text, |(_, code)| code);
        // What only looks so stays.
        let Ok(bytes) = STANDARD.decode(code) else { continue };
        let saved = cx.save(save::numbered(path, files), Body::Full(bytes.into())).await?;
        *found = json!({"saved_to": saved.show()});
        files += 1;
    }
    Ok(files)
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
    for found in codes(&mut answer) {
        let text = found.as_str().unwrap_or_default();
        let head = text.split_once(HEAD).map_or("", |(head, _)| head);
        *found = format!("{head}({} characters of base64 left out)", text.len()).into();
    }
    let listed = answer.get("data").is_some_and(Value::is_array);
    Ok(match long {
        Long::Page(tool) if listed => page(cx, answer, &format!("{tool} shows all of one")),
        Long::Page(tool) => Output::json(&fitting(answer, cx.max_result(), |_| format!("{tool} shows all"))),
        _ if listed && max_bytes.is_none() => page(cx, answer, "`max_bytes` shows more"),
        _ => window(cx, answer, max_bytes),
    })
}

/// What stands before the base64 of a data URL.
const HEAD: &str = ";base64,";

/// The texts that are base64, but for what the API wants to have back as it was.
fn codes(value: &mut Value) -> Vec<&mut Value> {
    fn find<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| find(item, found)),
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str().map(|text| is_code(name, text)) {
                        Some(true) => found.push(value),
                        Some(false) => {}
                        None => find(value, found),
                    }
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    find(value, &mut found);
    found
}

/// Whether the text of a member is base64, or the URL of data that are.
fn is_code(name: &str, text: &str) -> bool {
    const NAMES: [&str; 4] = ["b64_json", "data", "file_data", "result"];
    match text.split_once(HEAD) {
        Some((head, code)) => head.starts_with("data:") && json::is_code(code),
        None => NAMES.contains(&name) && json::is_code(text),
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
