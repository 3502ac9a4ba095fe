//! Files of the caller as parts of a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::file::media_type;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::attachment::{Attachment, Kept};

/// Most bytes of all files together; OpenAI takes 50 MB in a request, and base64 makes four bytes of three.
const MOST: usize = 36 * 1024 * 1024;
/// How often a file is in memory: as it is, as base64, in the message, in the request, and what grew on the way there.
const TIMES: usize = 8;
/// What models look at; other files are read.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];

#[request(GET "/files/{file_id}")]
struct File {
    file_id: String,
}

/// The arguments with the files in the last message of the user in `input`, or in a message of their own.
///
/// # Errors
/// A file cannot be read, or is not there.
pub(crate) async fn add(cx: &Context, arguments: Arguments, files: Option<Vec<Attachment>>) -> Result<Arguments> {
    let Some(files) = files.filter(|files| !files.is_empty()) else { return Ok(arguments) };
    let mut parts = Vec::new();
    let mut room = MOST.min(cx.room() / TIMES);
    for file in files {
        parts.push(match file {
            Attachment::Kept(Kept { file_id }) => kept(cx, file_id).await?,
            Attachment::File(FileInput(source)) => match source.id() {
                Some(id) => kept(cx, id.to_owned()).await?,
                None => {
                    let file = cx.read(source, room).await?;
                    room = room.saturating_sub(file.bytes.len());
                    part(&file.filename, &file.mime_type, &file.bytes)
                }
            },
        });
    }
    let mut items = match arguments.member::<Value>("input")? {
        Some(Value::String(text)) => vec![json!({"role": "user", "content": text})],
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    match items.iter_mut().rev().find(|item| item.get("role").is_some_and(|role| role == "user")) {
        Some(Value::Object(last)) => {
            let mut content = match last.remove("content") {
                Some(Value::Array(parts)) => parts,
                Some(Value::String(text)) => vec![json!({"type": "input_text", "text": text})],
                _ => Vec::new(),
            };
            content.append(&mut parts);
            last.insert("content".to_owned(), content.into());
        }
        _ => items.push(json!({"role": "user", "content": parts})),
    }
    Ok(arguments.set("input", items))
}

/// A file at OpenAI: its name tells whether it is looked at or read.
async fn kept(cx: &Context, file_id: String) -> Result<Value> {
    let file = cx.send(&File::SPEC, json!({"file_id": file_id})).value().await?;
    let name = file.get("filename").and_then(Value::as_str).unwrap_or_default();
    let kind = if IMAGES.contains(&media_type(name)) { "input_image" } else { "input_file" };
    Ok(json!({"type": kind, "file_id": file_id}))
}

fn part(filename: &str, mime_type: &str, bytes: &[u8]) -> Value {
    let url = format!("data:{mime_type};base64,{}", STANDARD.encode(bytes));
    match IMAGES.contains(&mime_type) {
        true => json!({"type": "input_image", "image_url": url}),
        false => json!({"type": "input_file", "filename": filename, "file_data": url}),
    }
}
