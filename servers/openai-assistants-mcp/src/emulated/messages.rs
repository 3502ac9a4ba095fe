//! Messages: rows of the store, which become items of the thread's conversation before its next run.

use openai_mcp_kernel::prelude::*;

use super::Args;
use super::db::{Db, Message, Run, SENT, Table, Thread};
use super::upstream::{ItemDelete, ItemList};
use super::{Members as _, given, id, list, machine, now, refuse, text, threads};

pub(crate) async fn create(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    let message = new(cx, &thread.id, &Value::Object(args), 0)?;
    free(&db, &thread.id).await?;
    threads::attach(&db, &thread, &attached(&message, "file_search")).await?;
    while !db.add_message(&message).await? {
        // Somebody was faster: the thread is gone, or a run holds it.
        db.thread(&thread.id).await?;
        free(&db, &thread.id).await?;
    }
    Ok(message)
}

/// Fails while a run holds the thread.
async fn free(db: &Db<'_>, thread: &str) -> Result<()> {
    match machine::settle(db, thread).await? {
        Some(run) => Err(refuse(400, format!("Can't add messages to {thread} while a run {} is active", run.id))),
        None => Ok(()),
    }
}

pub(crate) async fn list_page(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    machine::settle(&db, &thread.id).await?;
    let mut within = vec![("thread", thread.id.as_str()), ("gone", "0")];
    if let Some(run) = args.get("run_id").and_then(Value::as_str) {
        within.push(("run", run));
    }
    db.page(Table::Messages, &within, &args).await
}
pub(crate) async fn get(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    Ok(db.message(&thread.id, given(&args, "message_id")?).await?.doc)
}

pub(crate) async fn modify(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let thread = db.thread(given(&args, "thread_id")?).await?;
    let change = |doc: &mut Value| {
        if let Some(metadata) = args.get("metadata") {
            doc.put("metadata", if metadata.is_null() { json!({}) } else { metadata.clone() });
        }
        Ok(())
    };
    db.change(Table::Messages, given(&args, "message_id")?, &[("thread", &thread.id), ("gone", "0")], change).await
}

pub(crate) async fn delete(cx: &Context, args: Args) -> Result<Value> {
    let db = Db::open(cx)?;
    let id = given(&args, "thread_id")?;
    let held = |run: Run| refuse(400, format!("Can't delete messages of {id} while a run {} is active", run.id));
    db.thread(id).await?;
    if let Some(run) = machine::settle(&db, id).await? {
        return Err(held(run));
    }
    let (mut thread, mut message) = (db.thread(id).await?, db.message(id, given(&args, "message_id")?).await?);
    if let (Some(SENT), Some(conversation)) = (message.item.as_deref(), &thread.conversation) {
        machine::reconcile(&db, id, conversation, thread.tail.as_deref()).await?;
        (thread, message) = (db.thread(id).await?, db.message(id, &message.id).await?);
    }
    // From here on the message is gone, and the next run would see to it, too.
    if !db.mark_message(&thread.id, &message.id, true).await?
        && let Some(run) = db.active_run(&thread.id).await?
    {
        return Err(held(run));
    }
    if let Err(error) = remove(&db, &thread, &message).await {
        db.mark_message(&thread.id, &message.id, false).await?;
        return Err(error);
    }
    Ok(json!({"id": message.id, "object": "thread.message.deleted", "deleted": true}))
}

/// Removes a message that is gone from the conversation, and from the store.
pub(super) async fn remove(db: &Db<'_>, thread: &Thread, message: &Message) -> Result<()> {
    if let (Some(item), Some(conversation)) = (&message.item, &thread.conversation) {
        if thread.tail.as_ref() == Some(item) {
            let last = json!({"conversation_id": conversation, "limit": 2, "order": "desc"});
            let last = db.cx.send(&ItemList::SPEC, last).value().await?;
            let before = list(&last, "data").map(|item| text(item, "id")).find(|id| id != item);
            db.set_tail(&thread.id, before).await?;
        }
        let item = json!({"conversation_id": conversation, "item_id": item});
        match db.cx.send(&ItemDelete::SPEC, item).bytes().await {
            Err(error) if error.kind() != Kind::Status(404) => return Err(error),
            _ => {}
        }
    }
    db.delete_message(&message.id).await
}

/// A message of a caller, as `thread.message`.
pub(super) fn new(cx: &Context, thread: &str, given: &Value, nth: usize) -> Result<Value> {
    let role = match text(given, "role") {
        role @ ("user" | "assistant") => role,
        other => return Err(Error::argument("role", format!("expected `user` or `assistant`, got `{other}`"))),
    };
    let content = match given.get("content") {
        Some(Value::String(text)) => vec![block_of_text(text)],
        Some(Value::Array(parts)) => parts.iter().map(|part| block(part, role)).collect::<Result<_>>()?,
        _ => return Err(Error::argument("content", "required: a string or an array")),
    };
    if content.is_empty() || content.iter().any(|block| block.pointer("/text/value") == Some(&json!(""))) {
        return Err(refuse(400, "Message content must be non-empty"));
    }
    let or = |name: &str, usual: Value| given.get(name).filter(|it| !it.is_null()).cloned().unwrap_or(usual);
    Ok(json!({
        "id": id(cx, "msg_", nth),
        "object": "thread.message",
        "created_at": now(cx),
        "thread_id": thread,
        "role": role,
        "status": "completed",
        "completed_at": now(cx),
        "incomplete_at": null,
        "incomplete_details": null,
        "content": content,
        "assistant_id": null,
        "run_id": null,
        "attachments": or("attachments", json!([])),
        "metadata": or("metadata", json!({})),
    }))
}

fn block_of_text(text: &str) -> Value {
    json!({"type": "text", "text": {"value": text, "annotations": []}})
}

fn block(part: &Value, role: &str) -> Result<Value> {
    let image = |name: &str, id: &str| {
        let image = part.get(name).unwrap_or(&Value::Null);
        if role == "assistant" {
            return Err(Error::argument(
                "content",
                "a message of the assistant has text alone: a conversation keeps images of the user only",
            ));
        }
        if text(image, id).is_empty() {
            return Err(Error::argument("content", format!("`{name}`: `{id}` is required")));
        }
        let detail = image.get("detail").and_then(Value::as_str).unwrap_or("auto");
        Ok(json!({"type": name, name: {id: image[id], "detail": detail}}))
    };
    match text(part, "type") {
        "text" => Ok(block_of_text(text(part, "text"))),
        "image_file" => image("image_file", "file_id"),
        "image_url" => image("image_url", "url"),
        other => Err(Error::argument("content", format!("expected type text, image_file or image_url, got `{other}`"))),
    }
}

/// The item of a conversation that says the same as a message.
pub(super) fn item(message: &Value) -> Value {
    let user = message.at("role") == "user";
    let content: Vec<Value> = list(message, "content")
        .map(|block| match text(block, "type") {
            kind @ ("image_file" | "image_url") => {
                let image = block.at(kind);
                let (member, place) = if kind == "image_file" { ("file_id", "file_id") } else { ("image_url", "url") };
                if user {
                    let detail = image.at("detail").as_str().unwrap_or("auto");
                    json!({"type": "input_image", member: image.at(place), "detail": detail})
                } else {
                    // Conversations keep no images of the assistant; only messages of the old API have any.
                    json!({"type": "output_text", "text": format!("[image {}]", text(image, place))})
                }
            }
            "refusal" => json!({"type": "refusal", "refusal": block.at("refusal")}),
            _ if user => json!({"type": "input_text", "text": block.at("text").at("value")}),
            _ => json!({"type": "output_text", "text": block.at("text").at("value")}),
        })
        .collect();
    json!({"type": "message", "role": message.at("role"), "content": content})
}

/// Whether an item of a conversation is what became of the one that was sent.
pub(super) fn same(sent: &Value, found: &Value) -> bool {
    let texts = |item: &Value| -> Vec<String> {
        list(item, "content").filter_map(|part| part.get("text")?.as_str().map(str::to_owned)).collect()
    };
    found.at("type") == "message"
        && found.at("role") == sent.at("role")
        && texts(found) == texts(sent)
        && list(found, "content").count() == list(sent, "content").count()
}

/// The files that a message attaches for a tool.
pub(super) fn attached(message: &Value, tool: &str) -> Vec<String> {
    list(message, "attachments")
        .filter(|attachment| list(attachment, "tools").any(|it| it.at("type") == tool))
        .filter_map(|attachment| attachment.get("file_id")?.as_str().map(str::to_owned))
        .collect()
}

/// The files of a message: attached, shown, cited or made.
pub(crate) fn files(message: &Value) -> Vec<Value> {
    let mut files: Vec<Value> = Vec::new();
    let mut add = |id: Option<&Value>, usage: &str, tools: Option<&Value>| {
        let Some(id) = id.filter(|id| id.is_string()) else { return };
        if files.iter().any(|file| file.at("id") == id) {
            return;
        }
        let mut file = json!({
            "id": id,
            "object": "thread.message.file",
            "created_at": message.at("created_at"),
            "message_id": message.at("id"),
            "usage": usage,
        });
        if let Some(tools) = tools {
            file.put("tools", tools.clone());
        }
        files.push(file);
    };
    for attachment in list(message, "attachments") {
        add(attachment.get("file_id"), "attachment", attachment.get("tools"));
    }
    for block in list(message, "content") {
        add(block.pointer("/image_file/file_id"), "image_file", None);
        for annotation in block.get("text").into_iter().flat_map(|text| list(text, "annotations")) {
            add(annotation.pointer("/file_path/file_id"), "file_path", None);
            add(annotation.pointer("/file_citation/file_id"), "file_citation", None);
        }
    }
    files
}
