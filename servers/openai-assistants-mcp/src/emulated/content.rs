//! What a message says: as a `thread.message`, as an item of a conversation, in files.

use openai_mcp_kernel::prelude::*;

use super::{Members as _, id, list, now, text};

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
        return Err(Error::refusal(400, "Message content must be non-empty"));
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
