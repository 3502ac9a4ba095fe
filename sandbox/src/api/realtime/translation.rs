//! Sessions that translate.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_studio::sound::RATE;
use openai_mcp_studio::{hearing, voice};
use serde_json::{Value, json};

use crate::api::models;
use crate::api::realtime::setup::LIFE;
use crate::engine::catalog::Use;
use crate::engine::tokens::pieces;
use crate::error::Result;
use crate::json::put;
use crate::params::Params;
use crate::socket::{End, Out, Party, samples, unknown};
use crate::world::{Account, now};

/// Bytes of a piece of sound: 200 ms.
const PIECE: usize = 9_600;

pub(super) struct Translation {
    config: Value,
    heard: Vec<i16>,
    out: Out,
}

impl Translation {
    pub(super) fn new(account: &Arc<Account>, model: &str) -> Result<Self> {
        models::check(model, Use::Interpretation)?;
        let audio = json!({"input": {"transcription": null, "noise_reduction": null}, "output": {"language": "en"}});
        let id = account.world().mint("sess_");
        let config =
            json!({"id": id, "type": "translation", "model": model, "audio": audio, "expires_at": now() + LIFE});
        let mut out = Out::default();
        out.say("session.created", json!({"session": config}));
        Ok(Translation { config, heard: Vec::new(), out })
    }

    fn close(&mut self) {
        let heard = hearing::hear(voice::encode(&self.heard, "wav").into(), "wav").unwrap_or_default();
        let elapsed = heard.words.last().map_or(0.0, |word| word.end * 1000.0) as u64;
        let said = heard.text();
        let transcribes = self.config.pointer("/audio/input/transcription").is_some_and(|it| !it.is_null());
        for word in pieces(&said) {
            if transcribes {
                self.out.say("session.input_transcript.delta", json!({"delta": word, "elapsed_ms": elapsed}));
            }
            self.out.say("session.output_transcript.delta", json!({"delta": word, "elapsed_ms": elapsed}));
        }
        for piece in voice::encode(&voice::speak(&said, "marin", 1.0), "pcm").chunks(PIECE) {
            let fields = json!({
                "delta": STANDARD.encode(piece), "elapsed_ms": elapsed, "sample_rate": RATE, "channels": 1, "format": "pcm16",
            });
            self.out.say("session.output_audio.delta", fields);
        }
        self.out.say("session.closed", json!({}));
        self.out.end = Some(End::Closed(1000, ""));
    }
}

impl Party for Translation {
    fn take(&mut self, kind: &str, mut event: Params) -> Result<()> {
        match kind {
            "session.update" => {
                let mut wish = event.need("session", Params::object)?;
                event.finish()?;
                if let Some(mut audio) = wish.object("audio")? {
                    for side in ["input", "output"] {
                        let Some(mut changes) = audio.object(side)? else { continue };
                        if let Some(kept) = self.config.get_mut("audio").and_then(|audio| audio.get_mut(side)) {
                            changes.rest().into_iter().for_each(|(name, value)| put(kept, &name, value));
                        }
                    }
                    audio.finish()?;
                }
                wish.finish()?;
                self.out.say("session.updated", json!({"session": self.config}));
            }
            "session.input_audio_buffer.append" => {
                self.heard.extend(samples(&event.need("audio", Params::string)?, "audio")?);
                event.finish()?;
            }
            "session.close" => {
                event.finish()?;
                self.close();
            }
            _ => return Err(unknown(kind)),
        }
        Ok(())
    }

    fn out(&mut self) -> &mut Out {
        &mut self.out
    }
}
