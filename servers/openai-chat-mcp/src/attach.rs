//! Files of the caller as parts of a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::attachment::{Attachment, Kept};

/// Most bytes of all files together; OpenAI takes 50 MB in a request, and base64 makes four bytes of three.
const MOST: usize = 36 * 1024 * 1024;
/// How often a file is in memory: as it is, as base64, in the message, in the request, and what grew on the way there.
const TIMES: usize = 8;

/// The arguments with the given files in the last message of the user.
///
/// # Errors
/// A file cannot be read, or there is no message to add it to.
pub(crate) async fn add(cx: &Context, arguments: &Arguments, files: Option<Vec<Attachment>>) -> Result<Arguments> {
    let Some(files) = files else { return Ok(arguments.clone()) };
    let messages = arguments.member::<Value>("messages")?.unwrap_or_default();
    let messages = add_to(cx, messages, files).await?;
    Ok(arguments.clone().set("messages", messages))
}

/// The messages with the files in the last one of the user.
///
/// # Errors
/// As [`add`].
pub(crate) async fn add_to(cx: &Context, mut messages: Value, files: Vec<Attachment>) -> Result<Value> {
    if files.is_empty() {
        return Ok(messages);
    }
    let mut parts = Vec::new();
    let mut room = MOST.min(cx.room() / TIMES);
    for file in files {
        parts.push(match file {
            Attachment::Kept(Kept { file_id }) => kept(&file_id),
            Attachment::File(FileInput(source)) => match source.id() {
                Some(id) => kept(id),
                None => {
                    let file = cx.read(source, room).await?;
                    room = room.saturating_sub(file.bytes.len());
                    part(&file.filename, &file.mime_type, &file.bytes)
                }
            },
        });
    }
    let mut users = messages.as_array_mut().into_iter().flatten().rev();
    let last = users.find(|message| message.get("role").is_some_and(|role| role == "user"));
    let Some(last) = last.and_then(Value::as_object_mut) else {
        return Err(Error::argument("attach", "expected a message of role `user` to add the files to"));
    };
    let content = last.entry("content").or_insert(Value::Null);
    let mut whole = match content.take() {
        Value::Array(parts) => parts,
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        _ => Vec::new(),
    };
    whole.append(&mut parts);
    *content = whole.into();
    Ok(messages)
}

/// A file at OpenAI.
fn kept(id: &str) -> Value {
    json!({"type": "file", "file": {"file_id": id}})
}

fn part(filename: &str, mime_type: &str, bytes: &[u8]) -> Value {
    let data = STANDARD.encode(bytes);
    match mime_type {
        "audio/wav" | "audio/x-wav" | "audio/wave" => input_audio(&data, "wav"),
        "audio/mpeg" | "audio/mp3" => input_audio(&data, "mp3"),
        kind if kind.starts_with("image/") => {
            json!({"type": "image_url", "image_url": {"url": format!("data:{kind};base64,{data}")}})
        }
        kind => {
            let data = format!("data:{kind};base64,{data}");
            json!({"type": "file", "file": {"filename": filename, "file_data": data}})
        }
    }
}

fn input_audio(data: &str, format: &str) -> Value {
    json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})
}
