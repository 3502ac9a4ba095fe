//! What came of the requests of a batch: its files of outputs and of errors, joined by `custom_id`.

use std::collections::BTreeMap;
use std::mem;

use bytes::Bytes;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::aside::{Aside, Piece};
use openai_mcp_kernel::json::{Members as _, list, member as text, shorten};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::Lines;
use openai_mcp_kernel::save::{self, Formats};
use openai_mcp_shapes::calls;
use openai_mcp_shapes::said::Said;
use openai_mcp_tables::{Cell, push_line};
use serde_json::Map;

use crate::batch::{Get, Wait};
use crate::prepare::Prepare;

tools![Results];

/// Most bytes of a file of results, and of one line of it.
const LARGEST: u64 = 8 * 1024 * 1024 * 1024;
const LONGEST: usize = 32 * 1024 * 1024;
/// Most bytes of a file of requests.
const REQUESTS: u64 = 200_000_000;
/// The files of results.
const RESULTS: [&str; 2] = ["output_file_id", "error_file_id"];
/// Results that are shown where nothing else is asked for.
const USUAL: usize = 20;
/// Most faults that are told of a batch that was refused.
const ERRORS: usize = 10;
/// Bytes of a result that are kept free for all that is not `data`.
const MARGIN: usize = 2048;
/// What names the kinds of items that a short result does not show.
const ITEMS: &str = "items";
/// What files of `save_to` are.
const FORMATS: Formats = &[("jsonl", &["jsonl", "ndjson"]), ("csv", &["csv"])];

/// Get what came of each request of a batch, in the order of the requests.
///
/// Texts and usage in short, `full` as OpenAI wrote it; requests that were never answered are told, too.
#[tool("batch-results", reads, saves)]
struct Results {
    batch_id: String,
    /// Requests to pass over.
    offset: Option<u64>,
    /// Default 20; all with `save_to`.
    limit: Option<Int<1, 1000>>,
    /// Only those that failed or were never answered.
    failed: Option<bool>,
    full: Option<bool>,
    /// New local file, `.jsonl` (embeddings and images whole; with `failed`, requests for batch-prepare) or `.csv` (`custom_id`, `text`,
    /// `error`, `other`).
    save_to: Option<String>,
}

#[request(GET "/files/{file_id}/content")]
struct Content {
    file_id: String,
}

impl Results {
    async fn run(self, cx: Context) -> Result<Output> {
        let Results { batch_id, offset, limit, failed, full, save_to } = self;
        let format = save::format(save_to.as_deref(), ("", None), FORMATS)?;
        cx.reserve(save_to.as_deref()).await?;
        let batch = cx.send(&Get::SPEC, json!({"batch_id": batch_id})).value().await?;
        let told = Arguments::default().set("batch_id", &batch_id).set("status", batch.get("status"));
        let usual = if save_to.is_some() { usize::MAX } else { USUAL };
        let range = (offset.unwrap_or_default() as usize, limit.map_or(usual, Int::get::<usize>));
        let page = Page { range, only_failed: failed == Some(true), full: full == Some(true), ..Page::default() };
        match save_to {
            Some(path) => save(&cx, &batch, page, told, path, format == Some("csv")).await,
            None => page.read(&cx, &batch, To::Result).await?.show(&cx, &batch, told),
        }
    }
}

/// Writes results into a new file, in the order of the requests.
async fn save(cx: &Context, batch: &Value, page: Page, told: Arguments, path: String, csv: bool) -> Result<Output> {
    let nothing = || {
        let text = format!("the batch is {} and has no files of results", text(batch, "status"));
        Error::new(Kind::File, text)
    };
    if !ended(batch) && RESULTS.iter().all(|name| file(batch, name).is_none()) {
        return Err(nothing());
    }
    let mut aside = cx.aside(path.clone()).await?;
    let head = if csv { Some(aside.put("custom_id,text,error,other\n".into()).await?) } else { None };
    // What failed is of use as what is asked again.
    let again = page.only_failed && !page.full && !csv;
    let to = if again { To::Result } else { To::File { aside: &mut aside, csv } };
    let mut page = page.read(cx, batch, to).await?;
    if page.shown.is_empty() && page.succeeded + page.failed == 0 {
        return Err(page.gone().map_or_else(nothing, |gone| Error::new(Kind::File, gone)));
    }
    let again = again && page.ask_again(cx, batch, &mut aside).await?;
    let lines = mem::take(&mut page.shown).into_values();
    let pieces = head.into_iter().chain(lines.filter_map(|item| match item {
        Item::Aside(piece) => Some(piece),
        Item::Here(_) => None,
    }));
    let saved = cx.save(path, aside.body(pieces.collect()).await?).await?.show();
    let mut told = page.tell(told.set("saved_to", &saved), batch, None);
    if again && ended(batch) {
        let file = json!({"path": saved.get("path")});
        let arguments = json!({"endpoint": batch.get("endpoint"), "file": file});
        told = told.set("next", json!({"tool": Prepare::SPEC.name, "arguments": arguments}));
    }
    Ok(Output::Json(next_offset(told, page.next).text().clone()))
}

fn next_offset(told: Arguments, next: Option<usize>) -> Arguments {
    match next {
        Some(next) => told.set("next_offset", next),
        None => told,
    }
}

/// Whether no more results come.
fn ended(batch: &Value) -> bool {
    !matches!(text(batch, "status"), "validating" | "in_progress" | "finalizing" | "cancelling")
}

/// The id of a file of a batch; some who speak this API write an empty one where there is none.
fn file<'a>(batch: &'a Value, name: &str) -> Option<&'a str> {
    Some(text(batch, name)).filter(|id| !id.is_empty())
}

/// The lines of a file of OpenAI's; nothing where there is none any more.
async fn lines(cx: &Context, batch: &Value, name: &str, most: u64) -> Result<Option<Lines>> {
    let Some(id) = file(batch, name) else { return Ok(None) };
    match cx.send(&Content::SPEC, json!({"file_id": id})).response().await {
        Ok(response) => Ok(Some(Lines::new(id, response.into_body(), most, LONGEST))),
        Err(error) if error.kind() == Kind::Status(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where results go.
enum To<'a> {
    Result,
    /// A file, in which they come to stand in another order.
    File {
        aside: &'a mut Aside,
        csv: bool,
    },
}

/// What goes there of one.
enum Item {
    Here(Arguments),
    Aside(Piece),
}

impl To<'_> {
    async fn put(&mut self, result: &Value, line: &[u8], full: bool) -> Result<Item> {
        let whole = full || (matches!(self, To::File { .. }) && has_no_words(result));
        match self {
            To::File { csv: true, .. } => self.tell(shown(result, line, false), whole.then_some(line)).await,
            _ => self.tell(shown(result, line, whole), None).await,
        }
    }

    /// Takes what is told, which in a table has the whole line beside it.
    async fn tell(&mut self, told: Arguments, whole: Option<&[u8]>) -> Result<Item> {
        let To::File { aside, csv } = self else { return Ok(Item::Here(told)) };
        let line = if *csv { row(&told, whole)?.into() } else { [told.text(), b"\n".as_slice()].concat().into() };
        aside.put(line).await.map(Item::Aside)
    }
}

/// Some results of a batch, and the sums of all.
#[derive(Default)]
struct Page {
    /// The first place, and how many.
    range: (usize, usize),
    only_failed: bool,
    full: bool,
    /// Where each request stands in the file of requests; empty where that is gone.
    order: BTreeMap<String, usize>,
    /// What goes out of each, by its place; and the first place that comes after these.
    shown: BTreeMap<usize, Item>,
    next: Option<usize>,
    /// Whether each was answered, by its place.
    answered: Vec<bool>,
    /// How many results there were that no request is known of, in the order of the files.
    seen: usize,
    succeeded: usize,
    failed: usize,
    /// How many requests there are, and how many of them have no result.
    total: usize,
    missing: usize,
    usage: Map<String, Value>,
    gone: Vec<String>,
}

impl Page {
    async fn read(mut self, cx: &Context, batch: &Value, mut to: To<'_>) -> Result<Self> {
        if let Some(mut requests) = lines(cx, batch, "input_file_id", REQUESTS).await? {
            while let Some((_, line)) = requests.next().await? {
                if let Ok(Value::String(id)) = id_of(line) {
                    self.order.insert(id, self.order.len());
                }
            }
        }
        self.answered = vec![false; self.order.len()];
        for name in RESULTS {
            self.file(cx, batch, name, &mut to).await?;
        }
        let counted = batch.pointer("/request_counts/total").and_then(Value::as_u64).unwrap_or_default() as usize;
        self.total = counted.max(self.order.len() + self.seen);
        self.missing = self.total.saturating_sub(self.succeeded + self.failed);
        let (total, (offset, _)) = (self.total, self.range);
        if offset > total {
            return Err(Error::argument("offset", format!("there are {total} results, got {offset}")));
        }
        if ended(batch) {
            let why = match self.gone.is_empty() {
                true => format!("no result: the batch ended as {}", text(batch, "status")),
                false => "no result in the files that OpenAI still has".into(),
            };
            for (id, at) in mem::take(&mut self.order) {
                if !self.answered.get(at).copied().unwrap_or(true) && self.takes(at) {
                    let told = Arguments::default().set("custom_id", id).set("error", &why);
                    let item = to.tell(told, None).await?;
                    self.insert(at, item);
                }
            }
        }
        Ok(self)
    }

    async fn file(&mut self, cx: &Context, batch: &Value, name: &str, to: &mut To<'_>) -> Result<()> {
        let Some(mut lines) = lines(cx, batch, name, LARGEST).await? else {
            if file(batch, name).is_some() {
                self.gone.push(name.trim_end_matches("_id").replace('_', " "));
            }
            return Ok(());
        };
        while let Some((_, line)) = lines.next().await? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let Ok(result) = serde_json::from_slice::<Value>(line) else { continue };
            self.add(&result, line, to).await?;
        }
        Ok(())
    }

    async fn add(&mut self, result: &Value, line: &[u8], to: &mut To<'_>) -> Result<()> {
        let failed = failure(result).is_some();
        if failed {
            self.failed += 1;
        } else {
            self.succeeded += 1;
        }
        add_usage(&mut self.usage, result);
        let known = self.order.get(text(result, "custom_id")).copied();
        if let Some(answered) = known.and_then(|at| self.answered.get_mut(at)) {
            *answered = true;
        }
        let at = known.unwrap_or(self.order.len() + self.seen);
        self.seen += usize::from(known.is_none());
        if (failed || !self.only_failed) && self.takes(at) {
            let item = to.put(result, line, self.full).await?;
            self.insert(at, item);
        }
        Ok(())
    }

    /// Puts the requests of what is shown aside, each with its error; whether there are any.
    async fn ask_again(&mut self, cx: &Context, batch: &Value, aside: &mut Aside) -> Result<bool> {
        let (mut at, mut found) = (0, false);
        if let Some(mut requests) = lines(cx, batch, "input_file_id", REQUESTS).await? {
            while let Some((_, line)) = requests.next().await? {
                if id_of(line).is_ok_and(|id| id.is_string()) {
                    if let Some(Item::Here(told)) = self.shown.get(&at) {
                        let request = Arguments::new(Some(Bytes::copy_from_slice(line.trim_ascii())));
                        let request = request.set("error", told.member::<Value>("error")?);
                        let line = [request.text(), b"\n".as_slice()].concat();
                        self.shown.insert(at, Item::Aside(aside.put(line.into()).await?));
                        found = true;
                    }
                    at += 1;
                }
            }
        }
        // What no request is known of is told all the same.
        for item in self.shown.values_mut() {
            if let Item::Here(told) = item {
                *item = Item::Aside(aside.put([told.text(), b"\n".as_slice()].concat().into()).await?);
            }
        }
        Ok(found)
    }

    /// Whether what has this place is one of the first from `offset` on.
    fn takes(&mut self, at: usize) -> bool {
        let (offset, limit) = self.range;
        if at < offset {
            return false;
        }
        let takes = self.shown.len() < limit || self.shown.last_key_value().is_some_and(|(last, _)| at <= *last);
        if !takes {
            self.goes_on(at);
        }
        takes
    }

    fn insert(&mut self, at: usize, item: Item) {
        self.shown.insert(at, item);
        if self.shown.len() > self.range.1
            && let Some((last, _)) = self.shown.pop_last()
        {
            self.goes_on(last);
        }
    }

    fn goes_on(&mut self, at: usize) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// What OpenAI no longer has.
    fn gone(&self) -> Option<String> {
        (!self.gone.is_empty()).then(|| format!("OpenAI no longer has the {}", self.gone.join(" and the ")))
    }

    /// Tells the sums, and what there is to note.
    fn tell(&mut self, mut told: Arguments, batch: &Value, note: Option<&str>) -> Arguments {
        told = told.set("total", self.total).set("succeeded", self.succeeded).set("failed", self.failed);
        // What a file held that is gone was answered, or was not.
        if self.missing > 0 && self.gone.is_empty() {
            told = told.set(if ended(batch) { "unanswered" } else { "waiting" }, self.missing);
        }
        let usage = batch.get("usage").filter(|usage| !usage.is_null()).cloned();
        let usage = usage.unwrap_or_else(|| mem::take(&mut self.usage).into());
        if usage != json!({}) {
            told = told.set("usage", usage);
        }
        let errors: Vec<&Value> = batch.get("errors").into_iter().flat_map(|errors| list(errors, "data")).collect();
        if !errors.is_empty() {
            let first: Vec<&Value> = errors.iter().copied().take(ERRORS).collect();
            told = told.set("errors", first).set("errors_total", errors.len());
        }
        let nameless = self.answered.is_empty() && file(batch, "input_file_id").is_some();
        let unordered = nameless && self.succeeded + self.failed > 0;
        if nameless {
            self.gone.insert(0, "input file".into());
        }
        let unordered = unordered.then(|| "the order is OpenAI's".to_owned());
        let notes: Vec<String> = self.gone().into_iter().chain(unordered).chain(note.map(str::to_owned)).collect();
        if !notes.is_empty() {
            told = told.set("note", notes.join("; "));
        }
        if !ended(batch) {
            let wait = json!({"tool": Wait::SPEC.name, "arguments": {"batch_id": batch.get("id")}});
            told = told.set("next", wait);
        }
        told
    }

    fn show(mut self, cx: &Context, batch: &Value, told: Arguments) -> Result<Output> {
        let room = cx.max_result() - (cx.max_result() / 2).min(MARGIN);
        let (mut data, mut bytes, mut hides) = (Vec::new(), 0, false);
        for (at, item) in mem::take(&mut self.shown) {
            let Item::Here(mut item) = item else { continue };
            if item.text().len() > room {
                let value: Value = item.read()?;
                item = shorten(&value, room / 2, "`save_to` has all of it").into();
            }
            if bytes + item.text().len() > room {
                self.next = Some(at);
                break;
            }
            bytes += item.text().len() + 1;
            hides |= item.member::<Raw<Json>>(ITEMS)?.is_some();
            data.push(item);
        }
        let hidden = hides.then_some("`full` shows the `items`; a file of `save_to` has images whole");
        let told = self.tell(told, batch, hidden).set("data", data);
        Ok(Output::Json(next_offset(told, self.next).text().clone()))
    }
}

/// A line of a table: what a result says, why there is none, and as JSON what else there is of it.
fn row(told: &Arguments, whole: Option<&[u8]>) -> Result<String> {
    let mut rest: Map<String, Value> = told.read()?;
    let [id, text, error] = ["custom_id", "text", "error"].map(|name| rest.remove(name).unwrap_or_default());
    let words = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    let error = match error {
        Value::Object(mut error) => {
            let parts = ["code", "message"].map(|name| words(error.remove(name).unwrap_or_default()));
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
        }
        error => words(error),
    };
    let other = match whole {
        Some(line) => String::from_utf8_lossy(line.trim_ascii()).into_owned(),
        None if rest.is_empty() => String::new(),
        None => Value::Object(rest).to_string(),
    };
    let mut line = String::new();
    push_line(&mut line, [words(id), words(text), error, other].map(Cell::Text));
    Ok(line)
}

/// The id of a request, without a look at the rest of its line.
fn id_of(line: &[u8]) -> serde_json::Result<Value> {
    #[derive(serde::Deserialize)]
    struct Id {
        custom_id: Value,
    }
    serde_json::from_slice::<Id>(line).map(|id| id.custom_id)
}

/// Why a request failed, if it did.
fn failure(result: &Value) -> Option<Value> {
    let told = |error: &Value| {
        let mut told = json!({"code": error.get("code"), "message": error.get("message")});
        for (name, value) in error.as_object().into_iter().flatten() {
            if !matches!(name.as_str(), "code" | "message" | "type") && !value.is_null() {
                told.put(name, value.clone());
            }
        }
        told
    };
    if let Some(error) = result.get("error").filter(|error| !error.is_null()) {
        return Some(told(error));
    }
    let status = result.pointer("/response/status_code").and_then(Value::as_u64).unwrap_or(200);
    let error = result.pointer("/response/body/error").filter(|error| !error.is_null());
    match (status, error) {
        (200..300, None) => None,
        // A response that failed has an answer of 200 with an error in it.
        (_, Some(error)) => Some(told(error)),
        (status, None) => Some(json!({"code": status, "message": null})),
    }
}

/// Adds the tokens of a result, under the names of the newer APIs.
fn add_usage(sum: &mut Map<String, Value>, result: &Value) {
    let Some(usage) = result.pointer("/response/body/usage") else { return };
    for (name, older) in
        [("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"), ("total_tokens", "total_tokens")]
    {
        if let Some(count) = usage.get(name).or_else(|| usage.get(older)).and_then(Value::as_u64) {
            let before = sum.get(name).and_then(Value::as_u64).unwrap_or_default();
            sum.insert(name.to_owned(), (before + count).into());
        }
    }
}

/// Whether a result is or has pictures or vectors, of which a short one would only tell that there are some.
fn has_no_words(result: &Value) -> bool {
    let body = result.pointer("/response/body").unwrap_or(&Value::Null);
    let first = body.pointer("/data/0").unwrap_or(&Value::Null);
    let drawn = |item: &Value| text(item, "type") == "image_generation_call" && !text(item, "result").is_empty();
    ["b64_json", "embedding"].iter().any(|name| first.get(name).is_some()) || list(body, "output").any(drawn)
}

/// A result in short, or the line itself.
fn shown(result: &Value, line: &[u8], full: bool) -> Arguments {
    if full {
        return Arguments::new(Some(Bytes::copy_from_slice(line.trim_ascii())));
    }
    let told = Arguments::default().set("custom_id", result.get("custom_id"));
    if let Some(error) = failure(result) {
        return told.set("error", error);
    }
    let body = result.pointer("/response/body").unwrap_or(&Value::Null);
    match text(body, "object") {
        "response" => of_response(told, body),
        "chat.completion" | "text_completion" => of_choices(told, body),
        "list" if body.pointer("/data/0/embedding").is_some() => {
            let first = body.pointer("/data/0/embedding");
            let dimensions = first.and_then(Value::as_array).map(Vec::len);
            told.set("embeddings", list(body, "data").count()).set("dimensions", dimensions)
        }
        _ if body.get("results").is_some() => {
            let flagged = |result: &Value| result.get("flagged").cloned().unwrap_or_default();
            told.set("flagged", list(body, "results").map(flagged).collect::<Vec<_>>())
        }
        _ if body.pointer("/data/0/b64_json").is_some() => told.set("images", list(body, "data").count()),
        _ => told.set("body", body),
    }
}

/// What a response says, and what it asks of the caller. Comments on the way count only where nothing else is said.
fn of_response(told: Arguments, body: &Value) -> Arguments {
    let messages = || list(body, "output").filter(|item| text(item, "type") == "message");
    let answers = messages().any(|message| text(message, "phase") != "commentary");
    let Said { answer, commentary, refusal, parts, .. } = Said::by(messages());
    let passage = if answers { answer } else { commentary };
    // What OpenAI ran has its output beside it.
    let outputs = list(body, "output").filter(|item| text(item, "type").ends_with("_output"));
    let done: Vec<&str> = outputs.map(|item| text(item, "call_id")).filter(|id| !id.is_empty()).collect();
    let is_open = |item: &&Value| !done.contains(&text(item, "call_id"));
    let calls: Vec<Arguments> = list(body, "output").filter(is_open).filter_map(asked).collect();
    let mut others: Vec<&str> = Vec::new();
    for item in list(body, "output").filter(|item| !is_open(item) || asked(item).is_none()) {
        let kind = text(item, "type");
        if !matches!(kind, "message" | "reasoning") && !kind.ends_with("_output") && !others.contains(&kind) {
            others.push(kind);
        }
    }
    // Who answers a call goes on from its response, and so does who lets the model answer by what its program gave.
    let silent = passage.text.is_empty() && refusal.is_empty() && parts.is_empty();
    let goes_on = !calls.is_empty() || (silent && others.contains(&"program"));
    let mut told = match silent && calls.is_empty() && others.is_empty() || !passage.text.is_empty() {
        true => told.set("text", passage.text),
        false => told,
    };
    if !refusal.is_empty() {
        told = told.set("refusal", refusal);
    }
    for (name, list) in [("annotations", passage.annotations), ("parts", parts)] {
        if !list.is_empty() {
            told = told.set(name, list);
        }
    }
    if !calls.is_empty() {
        told = told.set("calls", calls);
    }
    if goes_on && body.get("store") != Some(&Value::Bool(false)) {
        told = members(told, &json!({"response_id": body.get("id")}), &["response_id"]);
    }
    if !others.is_empty() {
        told = told.set(ITEMS, others);
    }
    match body.pointer("/incomplete_details/reason") {
        Some(reason) => told.set("incomplete", reason),
        None => told,
    }
}

/// An item that waits for the caller, with the id by which it is answered.
fn asked(item: &Value) -> Option<Arguments> {
    let names: &[&str] = match text(item, "type") {
        "function_call" => &["call_id", "name", "namespace", "arguments", "caller"],
        "custom_tool_call" => &["call_id", "name", "namespace", "input", "caller"],
        "mcp_approval_request" => &["id", "server_label", "name", "arguments"],
        "computer_call" | "shell_call" | "apply_patch_call" | "local_shell_call" => {
            return Some(calls::whole(item).into());
        }
        "tool_search_call" if text(item, "execution") == "client" => return Some(calls::whole(item).into()),
        _ => return None,
    };
    Some(members(Arguments::default(), item, names))
}

/// The choices of a chat or a completion: of one what it says, of several each.
fn of_choices(told: Arguments, body: &Value) -> Arguments {
    let choices: Vec<&Value> = list(body, "choices").collect();
    match choices.as_slice() {
        [] => told.set("text", Value::Null),
        [choice] => of_choice(told, choice),
        several => {
            let each = |choice: &&Value| of_choice(members(Arguments::default(), choice, &["index"]), choice);
            told.set("choices", several.iter().map(each).collect::<Vec<_>>())
        }
    }
}

fn of_choice(told: Arguments, choice: &Value) -> Arguments {
    let message = choice.get("message").unwrap_or(choice);
    let said = message.get("content").or_else(|| message.get("text"));
    let calls: Vec<Arguments> = list(message, "tool_calls")
        .map(|call| {
            // Each kind has what is called in a member of its own.
            let called = call.get("function").or_else(|| call.get("custom")).unwrap_or(&Value::Null);
            members(members(Arguments::default(), call, &["id"]), called, &["name", "arguments", "input"])
        })
        .collect();
    let refusal = message.get("refusal").filter(|refusal| refusal.is_string());
    let mut told = match refusal.is_some() || !calls.is_empty() {
        true => members(told, &json!({"text": said}), &["text"]),
        false => told.set("text", said),
    };
    if let Some(refusal) = refusal {
        told = told.set("refusal", refusal);
    }
    let annotations: Vec<&Value> = list(message, "annotations").collect();
    if !annotations.is_empty() {
        told = told.set("annotations", annotations);
    }
    if !calls.is_empty() {
        told = told.set("calls", calls);
    }
    match text(choice, "finish_reason") {
        "length" | "content_filter" => told.set("incomplete", choice.get("finish_reason")),
        _ => told,
    }
}

/// Adds those members of an object that it has.
fn members(told: Arguments, of: &Value, names: &[&str]) -> Arguments {
    let there = names.iter().filter_map(|name| Some((name, of.get(name).filter(|value| !value.is_null())?)));
    there.fold(told, |told, (name, value)| told.set(name, value))
}
