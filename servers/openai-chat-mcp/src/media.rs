//! Bytes in answers: sound goes to a file or into a block of its own, never as base64 into text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use crate::{brief, long};

/// Largest sound that goes into a result.
const LARGEST_BLOCK: usize = 4 * 1024 * 1024;
/// How much of a saved text is shown.
const EXCERPT: usize = 500;
/// The raw samples of the API: mono, two bytes each.
const SAMPLE_RATE: u32 = 24_000;

/// Where the caller wants the answer, and in which format its sound is.
#[derive(Default)]
pub(crate) struct Keep {
    save_to: Option<String>,
    format: String,
}

impl Keep {
    /// # Errors
    /// An argument is not what it should be.
    pub(crate) fn read(arguments: &Arguments, save_to: Option<String>) -> Result<Self> {
        let audio: Option<Value> = arguments.member("audio")?;
        let format = audio.as_ref().and_then(|audio| audio.get("format")).and_then(Value::as_str).unwrap_or_default();
        Ok(Self { format: format.to_owned(), save_to })
    }

    /// Takes the sound out of a message: into a file, or into a block. A file that cannot be written costs nobody the sound.
    pub(crate) async fn take_sound(
        &self,
        cx: &Context,
        audio: &mut Map<String, Value>,
        path: Option<String>,
    ) -> Option<Content> {
        let format = self.format.as_str();
        let Some(Value::String(data)) = audio.remove("data") else { return None };
        let Ok(mut sound) = STANDARD.decode(&data) else {
            audio.insert("note".to_owned(), "the data was not base64".into());
            return None;
        };
        let wav = path.as_ref().is_none_or(|path| path.ends_with(".wav"));
        if format == "pcm16" && wav {
            sound.splice(..0, wav_header(sound.len()));
        }
        audio.insert("bytes".to_owned(), sound.len().into());
        if let Some(path) = path {
            match cx.save(path, Body::Full(sound.clone().into())).await {
                Ok(saved) => {
                    audio.insert("path".to_owned(), saved.path.into());
                    return None;
                }
                Err(error) => audio.insert("not_saved".to_owned(), error.to_string().into()),
            };
        }
        if sound.len() > LARGEST_BLOCK {
            audio.insert("note".to_owned(), "too large to show: give save_to, or a denser format such as mp3".into());
            return None;
        }
        let mime_type = match format {
            "wav" | "pcm16" | "" => "audio/wav",
            "mp3" => "audio/mpeg",
            "opus" => "audio/ogg",
            "aac" => "audio/aac",
            other => return Some(Content::Audio { data: sound.into(), mime_type: format!("audio/{other}") }),
        };
        Some(Content::Audio { data: sound.into(), mime_type: mime_type.into() })
    }
}

/// A completion as a result: what callers mostly need of it, or all.
pub(crate) async fn show(cx: &Context, mut completion: Value, keep: Keep, full: bool) -> Output {
    let mut blocks = Vec::new();
    let mut taken = false;
    let choices = completion.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten();
    for (index, choice) in choices.enumerate() {
        let Some(message) = choice.get_mut("message").and_then(Value::as_object_mut) else { continue };
        let path = keep.save_to.as_ref().map(|path| numbered(path, index));
        if let Some(audio) = message.get_mut("audio").and_then(Value::as_object_mut) {
            taken = true;
            blocks.extend(keep.take_sound(cx, audio, path).await);
        } else if let (Some(path), Some(Value::String(text))) = (path, message.get_mut("content"))
            && !text.is_empty()
        {
            taken = true;
            let saved = cx.save(path, Body::Full(text.clone().into())).await;
            match saved {
                Ok(saved) => {
                    if let Some((at, _)) = text.char_indices().nth(EXCERPT) {
                        text.truncate(at);
                        text.push('…');
                    }
                    message.insert("saved".to_owned(), json!({"path": saved.path, "bytes": saved.bytes}));
                }
                // What was paid for is shown all the same.
                Err(error) => {
                    message.insert("not_saved".to_owned(), error.to_string().into());
                }
            }
        }
    }
    if !taken && keep.save_to.is_some() {
        note(&mut completion, "there was nothing to save");
    }
    let shown = if full { completion } else { brief::completion(completion) };
    beside(long::fit(cx, shown.to_string().into()).await, blocks)
}

/// JSON with blocks of sound.
pub(crate) fn beside(json: bytes::Bytes, mut blocks: Vec<Content>) -> Output {
    if blocks.is_empty() {
        return Output::Json(json);
    }
    blocks.insert(0, Content::Text(String::from_utf8_lossy(&json).into_owned()));
    Output::Content(blocks)
}

fn note(completion: &mut Value, text: &str) {
    if let Some(completion) = completion.as_object_mut() {
        completion.insert("note".to_owned(), text.into());
    }
}

/// The path for a choice: `a.wav`, `a-1.wav`, ….
fn numbered(path: &str, index: usize) -> String {
    match (index, path.rsplit_once('.')) {
        (0, _) => path.to_owned(),
        (_, Some((stem, kind))) if !kind.contains('/') => format!("{stem}-{index}.{kind}"),
        _ => format!("{path}-{index}"),
    }
}

/// The header that makes a file of raw samples.
fn wav_header(length: usize) -> Vec<u8> {
    let length = u32::try_from(length).unwrap_or(u32::MAX - 36);
    let mut header = b"RIFF".to_vec();
    header.extend((36 + length).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    header.extend(SAMPLE_RATE.to_le_bytes());
    header.extend((SAMPLE_RATE * 2).to_le_bytes());
    header.extend(b"\x02\0\x10\0data");
    header.extend(length.to_le_bytes());
    header
}
