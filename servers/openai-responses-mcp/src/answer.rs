//! A response as a result: short unless all of it is wanted, its images in files or blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json::{self, Node, shorten, tree};
use openai_mcp_kernel::json_schema::faults;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::{self, Unsaved};
use openai_mcp_kernel::strict;
use openai_mcp_kernel::wait::Next;
use openai_mcp_pictures as pictures;
use openai_mcp_shapes::said::{Passage, Said};
use openai_mcp_shapes::tier;

use crate::item::{self, at, kept, list, text};
use crate::request::{Betas, Meant};

/// How much of a saved text is shown.
const EXCERPT: usize = 500;
/// Most bytes that are shown of a response that failed, and that OpenAI keeps.
const MOST_OF_FAILED: usize = 8000;

/// How a response is shown.
#[derive(Default)]
pub(crate) struct View {
    /// The API's object instead of a short one.
    pub(crate) full: bool,
    /// A new file for its images, or else its text.
    pub(crate) save_to: Option<String>,
    /// Most bytes of the result.
    pub(crate) max_bytes: Option<usize>,
    /// The schemas that were meant, where stricter ones were sent.
    pub(crate) meant: Meant,
    /// Whether what the model thought is wanted in cipher, which comes in any case.
    pub(crate) coded: bool,
    /// The service tier that was asked for.
    pub(crate) tier: Option<String>,
    /// The betas that it is of: nothing else of it is known without them.
    pub(crate) betas: Betas,
}

/// A response as the result of a call.
///
/// # Errors
/// A file that was named cannot be written; the error says where its content is.
pub(crate) async fn show(cx: &Context, mut response: Value, view: View) -> Result<Output> {
    let kept = kept(&response);
    let mut gallery = Gallery { cx, kept, room: pictures::ROOM, images: 0, unsaved: None };
    let mut blocks = Vec::new();
    let items = response.get_mut("output").and_then(Value::as_array_mut).into_iter().flatten();
    for item in items.filter(|item| text(item, "type") == "image_generation_call") {
        let Some(bytes) = image(item) else { continue };
        blocks.extend(gallery.deliver(item, bytes, view.save_to.as_deref()).await);
    }
    let Gallery { images, mut unsaved, .. } = gallery;
    let mut shown = if view.full { Arguments::from(response.clone()) } else { short(&response, &view) };
    if let Some(path) = view.save_to.filter(|_| images == 0) {
        match save_text(cx, &response, shown, path).await {
            Ok(saved) => shown = saved,
            Err(error) => {
                unsaved = Some(error);
                shown = Arguments::default();
            }
        }
    }
    if let Some(error) = unsaved {
        let rest = if kept { format!("; response-get of {} shows all", text(&response, "id")) } else { String::new() };
        return Err(Error::new(error.kind(), format!("{error}{rest}")));
    }
    Ok(fit(cx, shown, kept, view.max_bytes).await.beside(blocks))
}

/// A response within a result that holds no images; nothing in it is asked of the caller, which is told beside it.
pub(crate) fn within(mut response: Value, full: bool) -> Value {
    let kept = kept(&response);
    let items = response.get_mut("output").and_then(Value::as_array_mut).into_iter().flatten();
    let note = if kept { "response-get shows the image" } else { "the image is left out" };
    for item in items.filter(|item| text(item, "type") == "image_generation_call") {
        if image(item).is_some() {
            put(item, NOTE, note.into());
        }
    }
    match full {
        true => response,
        false => {
            let shown = short(&response, &View::default());
            let shown = if next(&response).is_some() { shown.without("next") } else { shown };
            shown.read().unwrap_or(response)
        }
    }
}

/// Why a response failed, with what there is of it, which may be paid for; `come` is what had come of its text.
pub(crate) fn failed(response: Value, full: bool, come: &str) -> Error {
    let id = text(&response, "id").to_owned();
    let error = Error::answer(format!("{id} failed"), at(&response, "error"));
    let kept = kept(&response);
    let mut shown = within(response, full);
    if let Some(shown) = shown.as_object_mut().filter(|_| !full) {
        shown.retain(|name, _| !matches!(name.as_str(), "id" | "status" | "model" | "conversation" | "next" | "error"));
        if !come.is_empty() && !["text", "output", "refusal"].iter().any(|said| shown.contains_key(*said)) {
            shown.insert("text".to_owned(), come.into());
        }
    }
    if shown == json!({}) {
        return error;
    }
    let (error, shown) = match kept {
        true => (error.or_hint(&format!("response-get of {id} shows it, too")), cut(shown, MOST_OF_FAILED)),
        false => (error, shown),
    };
    Error::new(error.kind(), format!("{error}\nwhat there is of it: {}", json::text(&shown)))
}

/// What the caller is to do with a response that has ended: answer its calls, or let it go on.
pub(crate) fn next(response: &Value) -> Option<Next> {
    let mut input = item::answers(response);
    if input.is_empty() && !ends_with_program(response) {
        return None;
    }
    let (name, from) = match (at(response, "conversation").get("id"), kept(response)) {
        (_, false) => {
            // OpenAI kept nothing of it: what it said goes out again, after what it was given.
            input.splice(..0, said_again(response));
            ("store", Value::Bool(false))
        }
        (Some(conversation), _) => ("conversation", conversation.clone()),
        (None, _) => ("previous_response_id", at(response, "id").clone()),
    };
    Some(create(response, name, from, input))
}

/// Whether a response ended with a program, and before the model said anything of what that gave.
fn ends_with_program(response: &Value) -> bool {
    let last = list(response, "output").next_back().map(|item| text(item, "type"));
    let Said { answer, refusal, parts, .. } = said(response);
    text(response, "status") == "completed"
        && matches!(last, Some("program" | "program_output"))
        && (answer.text.is_empty() && refusal.is_empty() && parts.is_empty())
}

/// How a response goes on that nobody keeps, where it thought, shortened what came before or ran a program: only what it said in
/// cipher can bring that back.
fn goes_on(response: &Value) -> Option<Next> {
    let cipher = |item| ["encrypted_content", "fingerprint"].iter().any(|name| at(item, name).is_string());
    let coded = list(response, "output").any(cipher);
    (!kept(response) && coded).then(|| create(response, "store", false.into(), said_again(response).collect()))
}

fn create(response: &Value, name: &str, from: Value, input: Vec<Value>) -> Next {
    let mut arguments = json!({"model": at(response, "model"), name: from});
    if !input.is_empty() {
        put(&mut arguments, "input", input.into());
    }
    Next { tool: "response-create", arguments }
}

/// The items of a response as the API takes them back. An image goes out without its bytes, and without what we noted of
/// them; a call that was cut off, which nothing answers, does not.
fn said_again(response: &Value) -> impl Iterator<Item = Value> {
    list(response, "output").filter(|item| !item::is_cut_off(item)).map(|item| {
        let mut item = item.clone();
        if text(&item, "type") == "image_generation_call" {
            for note in NOTES {
                item.as_object_mut().and_then(|item| item.remove(note));
            }
            put(&mut item, "result", Value::Null);
        }
        item
    })
}

/// What an item of an image is given in place of its bytes.
const NOTES: [&str; 2] = [NOTE, SAVED];
const NOTE: &str = "note";
const SAVED: &str = "saved_to";

/// How the call that answers is to be completed.
pub(crate) fn how(response: &Value, betas: &Betas) -> String {
    let asked = item::answers(response);
    let asks = |kind: &str| asked.iter().any(|item| text(item, "type") == kind);
    let todo = match asked.is_empty() {
        false => "run the calls and add to each item its `output`",
        true if ends_with_program(response) => "the model has yet to answer by what its program gave",
        true => "",
    };
    let mut how = String::new();
    if !kept(response) {
        how.push_str("it is not stored: put the whole input before `input`");
        how.push_str(if todo.is_empty() { ", and what is said next behind it" } else { "; " });
    }
    how.push_str(todo);
    let others = [
        ("shell_call_output", ", to a shell's [{stdout, stderr, outcome: {type: exit, exit_code}}]"),
        ("apply_patch_call_output", ", to a patch its `status`"),
        ("tool_search_output", ", to a search its `tools`"),
        ("mcp_approval_response", ", to an approval `approve`"),
    ];
    for (_, what) in others.iter().filter(|(kind, _)| asks(kind)) {
        how.push_str(what);
    }
    if list(response, "output").any(|item| list(item, "pending_safety_checks").next().is_some()) {
        how.push_str(", and `acknowledged_safety_checks` if your user agrees to the pending ones");
    }
    how.push_str(match betas.0 {
        None => "; `tools` and `instructions` do not carry over: give them again",
        Some(_) => "; `tools`, `instructions` and `multi_agent` do not carry over: give them again",
    });
    how
}

/// Members of a response that are told in a form of their own.
const TOLD: [&str; 11] = [
    "conversation",
    "error",
    "id",
    "incomplete_details",
    "model",
    "output",
    "service_tier",
    "status",
    "text",
    "tool_usage",
    "usage",
];
/// Members that nobody who has just asked needs to be told: they repeat the call, or are notes of OpenAI's own.
const LEFT_OUT: [&str; 37] = [
    "access_programs",
    "background",
    "background_options",
    "billing",
    "completed_at",
    "context_management",
    "created_at",
    "frequency_penalty",
    "image",
    "include",
    "input",
    "input_transformations",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "multi_agent",
    "object",
    "output_text",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// `{id, status, model, text or output, commentary, refusal, annotations, parts, items, next, error, incomplete, …, usage}`; what is
/// not there is left out, and what the API adds one day is there.
fn short(response: &Value, view: &View) -> Arguments {
    let put = |short: Arguments, name: &str, value: &Value| match value {
        Value::Null => short,
        value => short.set(name, value),
    };
    let mut short = Arguments::default();
    for name in ["id", "status", "model"] {
        short = put(short, name, at(response, name));
    }
    short = put(short, "conversation", at(at(response, "conversation"), "id"));
    let Said { answer: Passage { text: said, annotations }, commentary, refusal, logprobs, parts } = said(response);
    let format = at(at(response, "text"), "format");
    match Some(&said)
        .filter(|_| text(format, "type").starts_with("json"))
        .and_then(|said| output(said, view.meant.format.as_ref(), format))
    {
        Some((output, faults)) => {
            short = short.set("output", output);
            if !faults.is_empty() {
                short = short.set("faults", faults);
            }
        }
        None if said.is_empty() => {}
        None => short = short.set("text", said),
    }
    let lists = [
        ("annotations", annotations),
        ("commentary_annotations", commentary.annotations),
        ("logprobs", logprobs),
        ("parts", parts),
    ];
    for (name, said) in
        [("commentary", commentary.text), ("refusal", refusal)].into_iter().filter(|(_, said)| !said.is_empty())
    {
        short = short.set(name, said);
    }
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        short = short.set(name, list);
    }
    let items: Vec<Arguments> =
        list(response, "output").filter_map(|item| item::short(item, response, &view.meant, view.coded)).collect();
    if !items.is_empty() {
        short = short.set("items", items);
    }
    if is_going(response) && at(response, "background") == &Value::Bool(true) {
        let wait = view.betas.added(json!({"response_id": at(response, "id")}));
        short = short.set("next", json!({"tool": "response-wait", "arguments": wait}));
    } else if let Some(Next { tool, arguments }) = next(response).or_else(|| goes_on(response)) {
        let arguments = view.betas.added(arguments);
        let how = how(response, &view.betas);
        let next = Arguments::default().set("tool", tool).set("arguments", arguments).set("how", how);
        short = short.set("next", next);
    }
    short = put(short, "error", at(response, "error"));
    short = put(short, "incomplete", at(at(response, "incomplete_details"), "reason"));
    for (name, value) in response.as_object().into_iter().flatten() {
        let empty = *value == json!([]) || *value == json!({});
        if !empty && !TOLD.contains(&name.as_str()) && !LEFT_OUT.contains(&name.as_str()) {
            short = put(short, name, value);
        }
    }
    if let Some(tier) = tier::unasked(response, view.tier.as_deref()) {
        short = short.set("service_tier", tier);
    }
    short = put(short, "tool_usage", &spent(at(response, "tool_usage")).unwrap_or_default());
    put(short, "usage", &usage(response))
}

fn is_going(response: &Value) -> bool {
    matches!(text(response, "status"), "queued" | "in_progress")
}

/// Counts without those that are zero, and what is beside them.
fn spent(counts: &Value) -> Option<Value> {
    match counts {
        Value::Object(members) => {
            let told = json::object(members.iter().filter_map(|(name, count)| Some((name.clone(), spent(count)?))));
            (!told.is_empty()).then(|| told.into())
        }
        count => (!count.is_null() && count.as_f64() != Some(0.0)).then(|| count.clone()),
    }
}

/// An answer that is JSON, in the order in which the model wrote it, since that is the schema's; and where it does not fit.
/// Nulls that a stricter schema than was `meant` brought are taken out.
fn output(said: &str, meant: Option<&Value>, format: &Value) -> Option<(Node<'static>, Vec<String>)> {
    let mut output = Node::parse(said).ok()?.into_owned();
    if let Some(meant) = meant {
        strict::without_added_nulls(meant, &mut output);
    }
    let value: Value = serde_json::from_str(&output.to_json()).ok()?;
    let faults = meant.or(format.get("schema")).map(|schema| faults(schema, &value)).unwrap_or_default();
    Some((output, faults))
}

/// What the agent that answers says.
fn said(response: &Value) -> Said {
    let messages = list(response, "output").filter(|item| text(item, "type") == "message");
    Said::by(messages.filter(|message| item::agent(message).is_none()))
}

/// The numbers that cost money: of the details those that are known beside the counts, the others where they are.
fn usage(response: &Value) -> Value {
    const DETAILS: [&str; 3] = ["cached_tokens", "cache_write_tokens", "reasoning_tokens"];
    let Value::Object(usage) = at(response, "usage") else { return Value::Null };
    let mut told = usage.clone();
    told.retain(|_, count| !count.is_null());
    for (name, details) in usage.iter().filter(|(_, details)| details.is_object()) {
        told.remove(name);
        let Some(Value::Object(mut counts)) = spent(details) else { continue };
        told.extend(DETAILS.iter().filter_map(|detail| counts.remove_entry(*detail)));
        if !counts.is_empty() {
            told.insert(name.clone(), counts.into());
        }
    }
    told.into()
}

/// Takes the image out of an item; base64 is of no use to a model.
fn image(item: &mut Value) -> Option<Bytes> {
    let Value::String(data) = item.as_object_mut()?.remove("result")? else { return None };
    match STANDARD.decode(&data) {
        Ok(bytes) => Some(bytes.into()),
        Err(_) => {
            put(item, NOTE, "the image was not base64".into());
            None
        }
    }
}

fn put(item: &mut Value, name: &str, value: Value) {
    if let Some(item) = item.as_object_mut() {
        item.insert(name.to_owned(), value);
    }
}

/// What becomes of the images of a response.
struct Gallery<'a> {
    cx: &'a Context,
    /// Whether OpenAI keeps the response.
    kept: bool,
    /// Bytes that are left of what a result shows.
    room: usize,
    images: usize,
    /// Why one is not in the file that was named, but in another.
    unsaved: Option<Error>,
}

impl Gallery<'_> {
    /// An image into a file, or small into a block while there is room. None is lost: what is shown small and is not kept
    /// at OpenAI goes into a file besides.
    async fn deliver(&mut self, item: &mut Value, bytes: Bytes, save_to: Option<&str>) -> Option<Content> {
        let cx = self.cx;
        let kind = pictures::facts(&bytes).format.unwrap_or("png");
        if let Some(path) = save_to {
            let path = save::numbered(path, self.images);
            self.images += 1;
            match cx.save_paid(path, ("image", kind), bytes.clone()).await {
                Ok(saved) => {
                    put(item, SAVED, saved.show());
                    return None;
                }
                Err(Unsaved { error, kept: true }) => {
                    self.unsaved.get_or_insert(error);
                    return None;
                }
                Err(Unsaved { error, .. }) => put(item, NOTE, format!("not saved: {error}").into()),
            }
        }
        self.images += usize::from(save_to.is_none());
        let shown = match kind {
            "svg" if bytes.len() <= self.room => Some(pictures::whole(&bytes)),
            "svg" => None,
            _ => pictures::small(cx, &bytes, self.room).await,
        };
        let whole = match &shown {
            Some(Content::Image { data, .. }) => *data == bytes,
            shown => shown.is_some(),
        };
        if !whole {
            let what = if shown.is_some() { "a preview" } else { "too large to show" };
            let place = match self.kept {
                true => "response-get with `save_to` has it".to_owned(),
                false => match cx.keep(("image", kind), bytes.clone()).await {
                    Ok(saved) => format!("it is saved to {}", saved.path),
                    Err(error) => {
                        // Whatever it takes: nobody else has it.
                        put(item, NOTE, format!("kept nowhere: {error}").into());
                        return Some(pictures::whole(&bytes));
                    }
                },
            };
            put(item, NOTE, format!("{what} of {} bytes; {place}", bytes.len()).into());
        }
        if let Some(Content::Image { data, .. }) = &shown {
            self.room = self.room.saturating_sub(data.len());
        }
        shown
    }
}

/// The text into a file, with an excerpt in its place.
///
/// # Errors
/// It is not in the file that was named; the error says where it is. What is kept nowhere is shown all the same.
async fn save_text(cx: &Context, response: &Value, shown: Arguments, path: String) -> Result<Arguments> {
    let said = said(response).answer.text;
    if said.is_empty() {
        let note = match is_going(response) {
            true => "nothing to save yet: response-get with `save_to` saves it when it is done",
            false => "there was nothing to save",
        };
        return Ok(shown.set("note", note));
    }
    Ok(match cx.save_paid(path, ("response", "txt"), said.clone().into()).await {
        Ok(saved) => {
            let excerpt: String = said.chars().take(EXCERPT).collect();
            let more = if excerpt.len() < said.len() { "…" } else { "" };
            shown.without("output").set("text", format!("{excerpt}{more}")).set("saved_to", saved.show())
        }
        Err(Unsaved { error, kept: true }) => return Err(error),
        Err(Unsaved { error, .. }) => shown.set("note", format!("not saved: {error}")),
    })
}

/// A result of at most so many bytes. What OpenAI has `kept` is cut; what it has not is not lost.
async fn fit(cx: &Context, shown: Arguments, kept: bool, max_bytes: Option<usize>) -> Output {
    let whole = shown.text().clone();
    if !kept && max_bytes.is_none() {
        return cx.give_json("response", whole).await;
    }
    let most = max_bytes.unwrap_or_else(|| cx.max_result());
    let shown = match whole.len() <= most {
        true => whole,
        false => json::text(&cut(tree(&whole).unwrap_or_default(), most)).into(),
    };
    // Whoever asks for more than usual gets it.
    if most > cx.max_result() { Output::whole(shown) } else { Output::Json(shown) }
}

/// A response that OpenAI keeps, of so many bytes at most.
pub(crate) fn cut(shown: Value, most: usize) -> Value {
    let bytes = json::text(&shown).len();
    if bytes <= most {
        shown
    } else {
        shorten(&shown, most, &format!("response-get with `max_bytes` {bytes} shows all"))
    }
}
