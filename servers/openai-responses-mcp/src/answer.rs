//! A response as a result: short unless all of it is wanted, its images in files or blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::json::Node;
use openai_mcp_kernel::json_schema::faults;
use openai_mcp_kernel::long;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::{self, Unsaved};
use openai_mcp_kernel::strict;
use openai_mcp_kernel::wait::Next;

use crate::item::{self, at, list, text};

/// Most bytes of the images that a result shows: base64 makes 1 MB of them, which is what clients take.
const ROOM: usize = 750_000;
/// How much of a saved text is shown.
const EXCERPT: usize = 500;

/// How a response is shown.
#[derive(Default)]
pub(crate) struct View {
    /// The API's object instead of a short one.
    pub(crate) full: bool,
    /// A new file for its images, or else its text.
    pub(crate) save_to: Option<String>,
    /// Most bytes of the result.
    pub(crate) max_bytes: Option<usize>,
    /// The schema that was meant, where a stricter one was sent.
    pub(crate) schema: Option<Value>,
}

/// A response as the result of a call.
///
/// # Errors
/// The answer is not JSON.
pub(crate) async fn show(cx: &Context, mut response: Value, view: View) -> Result<Output> {
    let mut blocks = Vec::new();
    let mut images = 0;
    let mut room = ROOM;
    let items = response.get_mut("output").and_then(Value::as_array_mut).into_iter().flatten();
    for item in items.filter(|item| text(item, "type") == "image_generation_call") {
        let Some(bytes) = image(item) else { continue };
        let path = view.save_to.as_deref().map(|path| save::numbered(path, images));
        images += 1;
        blocks.extend(deliver(cx, item, bytes, path, &mut room).await);
    }
    let shown = if view.full { Arguments::from(response.clone()) } else { short(&response, view.schema.as_ref()) };
    let shown = match view.save_to.filter(|_| images == 0) {
        Some(path) => save_text(cx, &response, shown, path).await,
        None => shown,
    };
    let kept = at(&response, "store") != &Value::Bool(false);
    let shown = fit(cx, shown, kept, view.max_bytes).await;
    if blocks.is_empty() {
        return Ok(Output::Json(shown));
    }
    blocks.insert(0, Content::Text(String::from_utf8_lossy(&shown).into_owned()));
    Ok(Output::Content(blocks))
}

/// A response within a result that holds no images; nothing in it is asked of the caller, which is told beside it.
pub(crate) fn within(mut response: Value, full: bool) -> Value {
    let items = response.get_mut("output").and_then(Value::as_array_mut).into_iter().flatten();
    for item in items.filter(|item| text(item, "type") == "image_generation_call") {
        if image(item).is_some() {
            put(item, "note", "response-get shows the image".into());
        }
    }
    match full {
        true => response,
        false => short(&response, None).without("next").read().unwrap_or(response),
    }
}

/// What the caller is to do with a response that has ended: answer its calls.
pub(crate) fn next(response: &Value) -> Option<Next> {
    let mut input = item::answers(response);
    if input.is_empty() {
        return None;
    }
    let mut arguments = json!({"model": at(response, "model")});
    let (name, from) = match (at(response, "conversation").get("id"), at(response, "store")) {
        (_, Value::Bool(false)) => {
            // OpenAI kept nothing of it: what it said goes out again, after what it was given.
            input.splice(..0, list(response, "output").cloned());
            ("store", Value::Bool(false))
        }
        (Some(conversation), _) => ("conversation", conversation.clone()),
        (None, _) => ("previous_response_id", at(response, "id").clone()),
    };
    if let Some(arguments) = arguments.as_object_mut() {
        arguments.insert(name.to_owned(), from);
        arguments.insert("input".to_owned(), input.into());
    }
    Some(Next { tool: "response-create", arguments })
}

/// How the call that answers is to be completed.
pub(crate) fn how(response: &Value) -> String {
    let asks = |kind: &str| list(response, "output").any(|item| text(item, "type") == kind);
    let mut how = String::new();
    if at(response, "store") == &Value::Bool(false) {
        how.push_str("it is not stored: put the whole input before `input`; ");
    }
    how.push_str("run the calls and add to each item its `output`");
    if asks("apply_patch_call") {
        how.push_str(", to a patch its `status`");
    }
    if asks("mcp_approval_request") {
        how.push_str(", to an approval `approve`");
    }
    how.push_str("; `tools` and `instructions` do not carry over: give them again");
    how
}

/// `{id, status, model, text or output, annotations, items, next, usage, incomplete, error}`; what is not there is left out.
fn short(response: &Value, meant: Option<&Value>) -> Arguments {
    let put = |short: Arguments, name: &str, value: &Value| match value {
        Value::Null => short,
        value => short.set(name, value),
    };
    let mut short = Arguments::default();
    for name in ["id", "status", "model"] {
        short = put(short, name, at(response, name));
    }
    short = put(short, "conversation", at(at(response, "conversation"), "id"));
    let Said { text: said, refusal, annotations } = said(response);
    let format = at(at(response, "text"), "format");
    match Some(&said).filter(|_| text(format, "type").starts_with("json")).and_then(|said| output(said, meant, format))
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
    if !refusal.is_empty() {
        short = short.set("refusal", refusal);
    }
    if !annotations.is_empty() {
        short = short.set("annotations", annotations);
    }
    let items: Vec<Arguments> = list(response, "output").filter_map(|item| item::short(item, response)).collect();
    if !items.is_empty() {
        short = short.set("items", items);
    }
    let going = matches!(text(response, "status"), "queued" | "in_progress");
    if going && at(response, "background") == &Value::Bool(true) {
        let wait = json!({"response_id": at(response, "id")});
        short = short.set("next", json!({"tool": "response-wait", "arguments": wait}));
    } else if let Some(Next { tool, arguments }) = next(response) {
        let next = Arguments::default().set("tool", tool).set("arguments", arguments).set("how", how(response));
        short = short.set("next", next);
    }
    short = put(short, "error", at(response, "error"));
    short = put(short, "incomplete", at(at(response, "incomplete_details"), "reason"));
    short = put(short, "moderation", at(response, "moderation"));
    put(short, "usage", &usage(response))
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

/// What the messages of a response say.
struct Said {
    text: String,
    refusal: String,
    annotations: Vec<Value>,
}

fn said(response: &Value) -> Said {
    let mut said = Said { text: String::new(), refusal: String::new(), annotations: Vec::new() };
    let messages = list(response, "output").filter(|item| text(item, "type") == "message");
    for part in messages.flat_map(|message| list(message, "content")) {
        if text(part, "type") == "refusal" {
            said.refusal.push_str(text(part, "refusal"));
            continue;
        }
        if !said.text.is_empty() {
            said.text.push_str("\n\n");
        }
        let before = said.text.chars().count() as u64;
        said.text.push_str(text(part, "text"));
        // Their places are those within their part.
        said.annotations.extend(list(part, "annotations").cloned().map(|mut annotation| {
            for name in ["index", "start_index", "end_index"] {
                if let Some(place) = annotation.get_mut(name)
                    && let Some(within) = place.as_u64()
                {
                    *place = (within + before).into();
                }
            }
            annotation
        }));
    }
    said
}

/// The numbers that cost money.
fn usage(response: &Value) -> Value {
    let usage = at(response, "usage");
    if !usage.is_object() {
        return Value::Null;
    }
    let mut told = json!({
        "input_tokens": at(usage, "input_tokens"), "output_tokens": at(usage, "output_tokens"),
        "total_tokens": at(usage, "total_tokens"),
    });
    let details = [("input_tokens_details", "cached_tokens"), ("output_tokens_details", "reasoning_tokens")];
    for (details, name) in details {
        let count = at(at(usage, details), name);
        if count.as_u64().is_some_and(|count| count > 0)
            && let Some(told) = told.as_object_mut()
        {
            told.insert(name.to_owned(), count.clone());
        }
    }
    told
}

/// Takes the image out of an item; base64 is of no use to a model.
fn image(item: &mut Value) -> Option<Bytes> {
    let Value::String(data) = item.as_object_mut()?.remove("result")? else { return None };
    match STANDARD.decode(&data) {
        Ok(bytes) => Some(bytes.into()),
        Err(_) => {
            put(item, "note", "the image was not base64".into());
            None
        }
    }
}

fn put(item: &mut Value, name: &str, value: Value) {
    if let Some(item) = item.as_object_mut() {
        item.insert(name.to_owned(), value);
    }
}

/// An image into a file, or into a block while there is room. A file that cannot be written costs nobody the image.
async fn deliver(
    cx: &Context,
    item: &mut Value,
    bytes: Bytes,
    path: Option<String>,
    room: &mut usize,
) -> Option<Content> {
    let mime_type = media_type(&bytes);
    if let Some(path) = path {
        let extension = mime_type.rsplit('/').next().unwrap_or_default().trim_end_matches("+xml");
        match cx.save_paid(path, ("image", extension), bytes.clone()).await {
            Ok(saved) => {
                put(item, "saved_to", saved.show());
                return None;
            }
            Err(Unsaved { error, kept }) => {
                put(item, "note", format!("not saved: {error}").into());
                if kept {
                    return None;
                }
            }
        }
    }
    if mime_type == "image/svg+xml" {
        return Some(Content::Text(String::from_utf8_lossy(&bytes).into_owned()));
    }
    match room.checked_sub(bytes.len()) {
        Some(rest) => {
            *room = rest;
            Some(Content::Image { data: bytes, mime_type: mime_type.to_owned() })
        }
        None => {
            let text = format!("its {} bytes are too many to show; response-get with `save_to` has it", bytes.len());
            put(item, "note", text.into());
            None
        }
    }
}

/// What the first bytes of an image tell.
fn media_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, ..] => "image/jpeg",
        [b'G', b'I', b'F', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', ..] => "image/webp",
        _ => "image/svg+xml",
    }
}

/// The text into a file, with an excerpt in its place. What was paid for is shown all the same if that fails.
async fn save_text(cx: &Context, response: &Value, shown: Arguments, path: String) -> Arguments {
    let said = said(response).text;
    if said.is_empty() {
        return shown.set("note", "there was nothing to save");
    }
    match cx.save(path, Body::Full(said.clone().into())).await {
        Ok(saved) => {
            let excerpt: String = said.chars().take(EXCERPT).collect();
            let more = if excerpt.len() < said.len() { "…" } else { "" };
            shown.without("output").set("text", format!("{excerpt}{more}")).set("saved_to", saved.show())
        }
        Err(error) => shown.set("note", format!("not saved: {error}")),
    }
}

/// A result of at most so many bytes. What OpenAI has `kept` is cut; what it has not goes into a new file besides.
pub(crate) async fn fit(cx: &Context, shown: Arguments, kept: bool, max_bytes: Option<usize>) -> Bytes {
    let whole = shown.text().clone();
    let most = max_bytes.unwrap_or(usize::MAX).min(cx.max_result());
    if whole.len() <= most {
        return whole;
    }
    let bytes = whole.len();
    let how = match kept {
        false => match cx.keep(("response", "json"), whole.clone()).await {
            Ok(saved) => format!("all {bytes} bytes are saved to {}", saved.path),
            Err(error) => {
                format!("there are {bytes} bytes, which OpenAI does not keep and could not be saved: {error}")
            }
        },
        true => format!("response-get with `max_bytes` {bytes} shows all"),
    };
    let value: Value = serde_json::from_slice(&whole).unwrap_or_default();
    Arguments::from(long::shorten(&value, most, &how)).text().clone()
}
