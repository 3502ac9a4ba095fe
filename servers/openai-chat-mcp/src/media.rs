//! Bytes in answers: sound goes to a file or into a block of its own, never as base64 into text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::{self, Formats, Unsaved};
use serde_json::Map;

use crate::{brief, long};

/// Largest sound that goes into a result.
const LARGEST_BLOCK: usize = 4 * 1024 * 1024;
/// How much of a saved text is shown.
const EXCERPT: usize = 500;
/// The raw samples of the API: mono, two bytes each.
const SAMPLE_RATE: u32 = 24_000;
/// The formats of spoken answers, with the extensions of their files.
const FORMATS: Formats = &[
    ("wav", &["wav"]),
    ("mp3", &["mp3"]),
    ("flac", &["flac"]),
    ("opus", &["opus", "ogg", "oga"]),
    ("aac", &["aac"]),
    ("pcm16", &["pcm", "raw", "wav"]),
];

/// Where the caller wants the answer, and in which format its sound is.
#[derive(Default)]
pub(crate) struct Keep {
    save_to: Option<String>,
    format: String,
    /// Whether OpenAI is to keep it.
    pub(crate) stored: bool,
    /// The service tier that was asked for.
    pub(crate) tier: Option<String>,
}

impl Keep {
    /// # Errors
    /// An argument is not what it should be, or the file is of another format than the sound.
    pub(crate) fn read(arguments: &Arguments, save_to: Option<String>) -> Result<Self> {
        let audio: Option<Value> = arguments.member("audio")?;
        let format = audio.as_ref().and_then(|audio| audio.get("format")).and_then(Value::as_str).unwrap_or_default();
        if !format.is_empty() {
            save::format(save_to.as_deref(), ("", Some(format)), FORMATS)?;
        }
        let stored = arguments.member("store")?.unwrap_or_default();
        let tier = arguments.member("service_tier")?;
        Ok(Self { format: format.to_owned(), save_to, stored, tier })
    }

    /// Takes the sound out of a message: into a file, or into a block.
    ///
    /// # Errors
    /// It is not in the file that was named; the error says where it is.
    pub(crate) async fn take_sound(
        &self,
        cx: &Context,
        audio: &mut Map<String, Value>,
        path: Option<String>,
    ) -> Result<Option<Content>> {
        let format = self.format.as_str();
        let Some(Value::String(data)) = audio.remove("data") else { return Ok(None) };
        let Ok(mut sound) = STANDARD.decode(&data) else {
            audio.insert("note".to_owned(), "the data was not base64".into());
            return Ok(None);
        };
        let wav = path.as_ref().is_none_or(|path| path.to_ascii_lowercase().ends_with(".wav"));
        if format == "pcm16" && wav {
            sound.splice(..0, wav_header(sound.len()));
        }
        let sound = Bytes::from(sound);
        if let Some(path) = path {
            let extension = FORMATS.iter().find(|(name, _)| *name == format).and_then(|(_, all)| all.first());
            match cx.save_paid(path, ("speech", extension.unwrap_or(&"wav")), sound.clone()).await {
                Ok(saved) => {
                    audio.insert("saved_to".to_owned(), saved.show());
                    return Ok(None);
                }
                Err(Unsaved { error, kept: true }) => return Err(error),
                Err(Unsaved { error, .. }) => audio.insert("note".to_owned(), format!("not saved: {error}").into()),
            };
        }
        audio.insert("bytes".to_owned(), sound.len().into());
        if sound.len() > LARGEST_BLOCK {
            audio.insert("note".to_owned(), "too large to show: give save_to, or a denser format such as mp3".into());
            return Ok(None);
        }
        let mime_type = match format {
            "wav" | "pcm16" | "" => "audio/wav",
            "mp3" => "audio/mpeg",
            "opus" => "audio/ogg",
            "aac" => "audio/aac",
            other => &format!("audio/{other}"),
        };
        Ok(Some(Content::Audio { data: sound, mime_type: mime_type.to_owned() }))
    }
}

/// A completion as a result: what callers mostly need of it, or all.
///
/// # Errors
/// An answer is not in the file that was named; the error says where it is.
pub(crate) async fn show(cx: &Context, mut completion: Value, keep: Keep, full: bool) -> Result<Output> {
    let (mut blocks, mut taken, mut failed) = (Vec::new(), false, None);
    let choices = completion.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten();
    for (index, choice) in choices.enumerate() {
        let Some(message) = choice.get_mut("message").and_then(Value::as_object_mut) else { continue };
        let path = keep.save_to.as_ref().map(|path| save::numbered(path, index));
        if let Some(audio) = message.get_mut("audio").and_then(Value::as_object_mut) {
            taken = true;
            match keep.take_sound(cx, audio, path).await {
                Ok(block) => blocks.extend(block),
                Err(error) => failed = failed.or(Some(error)),
            }
        } else if let (Some(path), Some(Value::String(text))) = (path, message.get_mut("content"))
            && !text.is_empty()
        {
            taken = true;
            let (name, told) = match cx.save_paid(path, ("answer", "txt"), text.clone().into()).await {
                Ok(saved) => {
                    if let Some((at, _)) = text.char_indices().nth(EXCERPT) {
                        text.truncate(at);
                        text.push('…');
                    }
                    ("saved_to", saved.show())
                }
                // What is kept nowhere is shown all the same.
                Err(Unsaved { error, kept }) => {
                    let told = format!("not saved: {error}").into();
                    failed = failed.or(kept.then_some(error));
                    ("note", told)
                }
            };
            message.insert(name.to_owned(), told);
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    if !taken && keep.save_to.is_some() {
        note(&mut completion, "there was nothing to save");
    }
    let shown = if full { completion } else { brief::completion(completion, keep.tier.as_deref()) };
    Ok(long::fit(cx, shown.to_string().into(), keep.stored).await.beside(blocks))
}

fn note(completion: &mut Value, text: &str) {
    if let Some(completion) = completion.as_object_mut() {
        completion.insert("note".to_owned(), text.into());
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
