//! How sessions are set up.

use std::sync::Arc;

use openai_mcp_studio::sound::RATE;
use serde_json::{Map, Value, json};

use crate::api::models;
use crate::engine::catalog::Use;
use crate::error::{Error, Result};
use crate::json::{put, text};
use crate::params::Params;
use crate::world::{Account, now};

const VOICES: &[&str] = &["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"];
/// How long a session lasts, in seconds.
pub(super) const LIFE: u64 = 3600;

/// A session as it begins; without a model it transcribes, or is yet to be told.
pub(crate) fn start(account: &Arc<Account>, model: Option<&str>) -> Value {
    let vad = json!({
        "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
        "create_response": true, "interrupt_response": true, "idle_timeout_ms": null,
    });
    let pcm = json!({"type": "audio/pcm", "rate": RATE});
    let input = json!({"format": pcm, "transcription": null, "noise_reduction": null, "turn_detection": vad});
    let id = account.world().mint("sess_");
    match model {
        Some(model) => json!({
            "type": "realtime", "object": "realtime.session", "id": id, "model": model, "output_modalities": ["audio"],
            "instructions": "", "tools": [], "tool_choice": "auto", "max_output_tokens": "inf", "tracing": null,
            "truncation": "auto", "prompt": null, "expires_at": now() + LIFE, "include": null,
            "audio": {"input": input, "output": {"format": pcm, "voice": "marin", "speed": 1.0}},
        }),
        None => json!({
            "type": "transcription", "object": "realtime.transcription_session", "id": id, "expires_at": now() + LIFE,
            "include": null, "audio": {"input": input},
        }),
    }
}

/// Changes how a session is set up. One that was not told what it is becomes it.
pub(crate) fn set_up(account: &Arc<Account>, mut session: Value, mut wish: Params) -> Result<Value> {
    let kind = wish.need("type", |wish, name| wish.one_of(name, &["realtime", "transcription"]))?;
    if kind == "realtime" {
        let model = wish.string("model")?;
        if let Some(model) = &model {
            models::check(model, Use::Realtime)?;
        }
        if text(&session, "type") != "realtime" {
            session = start(account, Some(model.as_deref().unwrap_or("gpt-realtime")));
        }
    }
    for (name, value) in of_session(&mut wish, kind)? {
        put(&mut session, &name, value);
    }
    if let Some(mut audio) = wish.object("audio")? {
        let mut sides = vec![("input", true)];
        if kind == "realtime" {
            sides.push(("output", false));
        }
        for (side, hears) in sides {
            let Some(wish) = audio.object(side)? else { continue };
            let changes = if hears { of_input(wish)? } else { of_output(wish)? };
            let audio = session.get_mut("audio").and_then(|audio| audio.get_mut(side));
            if let Some(audio) = audio {
                changes.into_iter().for_each(|(name, value)| put(audio, &name, value));
            }
        }
        audio.finish()?;
    }
    wish.finish()?;
    Ok(session)
}

fn of_session(wish: &mut Params, kind: &str) -> Result<Map<String, Value>> {
    let mut changes = Map::new();
    if let Some(include) = wish.some_of("include", &["item.input_audio_transcription.logprobs"])? {
        changes.insert("include".to_owned(), json!(include));
    }
    if kind != "realtime" {
        return Ok(changes);
    }
    if let Some(instructions) = wish.string("instructions")? {
        changes.insert("instructions".to_owned(), instructions.into());
    }
    if let Some(modalities) = wish.some_of("output_modalities", &["text", "audio"])? {
        if modalities.len() != 1 {
            let message = "Invalid modalities: supported combinations are: ['text'] and ['audio'].";
            return Err(Error::invalid(&wish.path("output_modalities"), "invalid_value", message));
        }
        changes.insert("output_modalities".to_owned(), json!(modalities));
    }
    if let Some(tools) = wish.array("tools", 0..=128)? {
        let mut kept = Vec::new();
        for (path, tool) in tools {
            let mut tool = Params::nested(path, tool)?;
            let kind = tool.need("type", |tool, name| tool.one_of(name, &["function", "mcp"]))?;
            if kind == "function" {
                tool.required("name", tool.peek("name").map(|_| ()))?;
            }
            let mut tool = tool.rest();
            tool.insert("type".to_owned(), kind.into());
            kept.push(Value::Object(tool));
        }
        changes.insert("tools".to_owned(), kept.into());
    }
    // What the stand-in has no use for is kept as it is.
    for name in
        ["tool_choice", "max_output_tokens", "truncation", "tracing", "prompt", "reasoning", "parallel_tool_calls"]
    {
        if let Some(value) = wish.take(name) {
            changes.insert(name.to_owned(), value);
        }
    }
    Ok(changes)
}

fn of_input(mut wish: Params) -> Result<Map<String, Value>> {
    let mut changes = Map::new();
    format(&mut wish, &mut changes)?;
    let clears = |wish: &Params, name: &str| wish.mentions(name) && wish.peek(name).is_none_or(Value::is_null);
    for name in ["turn_detection", "transcription", "noise_reduction"] {
        if clears(&wish, name) {
            changes.insert(name.to_owned(), Value::Null);
        }
    }
    if let Some(mut detection) = wish.object("turn_detection")? {
        let kind = detection.one_of("type", &["server_vad", "semantic_vad"])?.unwrap_or("server_vad");
        let mut detection = detection.rest();
        detection.insert("type".to_owned(), kind.into());
        changes.insert("turn_detection".to_owned(), detection.into());
    }
    if let Some(mut transcription) = wish.object("transcription")? {
        if let Some(model) = transcription.peek("model").and_then(Value::as_str) {
            models::check(model, Use::Hearing)?;
        }
        changes.insert("transcription".to_owned(), transcription.rest().into());
    }
    if let Some(mut reduction) = wish.object("noise_reduction")? {
        changes.insert("noise_reduction".to_owned(), reduction.rest().into());
    }
    wish.finish()?;
    Ok(changes)
}

fn of_output(mut wish: Params) -> Result<Map<String, Value>> {
    let mut changes = Map::new();
    format(&mut wish, &mut changes)?;
    if let Some(voice) = wish.take("voice") {
        match &voice {
            Value::String(name) if !VOICES.contains(&name.as_str()) => {
                let message = format!("Invalid value: '{name}'. Supported values are: {}.", VOICES.join(", "));
                return Err(Error::invalid(&wish.path("voice"), "invalid_value", message));
            }
            _ => changes.insert("voice".to_owned(), voice),
        };
    }
    if let Some(speed) = wish.number("speed", 0.25..=1.5)? {
        changes.insert("speed".to_owned(), json!(speed));
    }
    wish.finish()?;
    Ok(changes)
}

fn format(wish: &mut Params, changes: &mut Map<String, Value>) -> Result<()> {
    let Some(mut format) = wish.object("format")? else { return Ok(()) };
    let kind = format.one_of("type", &["audio/pcm", "audio/pcmu", "audio/pcma"])?.unwrap_or("audio/pcm");
    let rate = format.integer("rate", i64::from(RATE)..=i64::from(RATE))?;
    format.finish()?;
    if kind != "audio/pcm" {
        let message = "The sandbox speaks and hears audio/pcm alone.";
        return Err(Error::invalid(&wish.path("format"), "unsupported_value", message));
    }
    changes.insert("format".to_owned(), json!({"type": kind, "rate": rate.unwrap_or(i64::from(RATE))}));
    Ok(())
}
