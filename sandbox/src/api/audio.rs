//! `/audio`: speech, transcriptions, translations, voices and the consents they need.
//!
//! # Where it differs from the API
//!
//! - Speech is tones: each word is one, from 300 to 1,350 Hz, commas and full stops are pauses, voices differ in how loud
//!   they are. `mp3`, `flac`, `wav` and `pcm` sound; `opus` and `aac` are silence of the right length. Speech comes as
//!   fast as it can be sent.
//! - Transcription hears sound between pauses as words, one of 36 by its pitch (the alphabet of pilots and the digits), so
//!   `alfa bravo` is understood as it was spoken and any other recording as words that mean nothing; their times are
//!   right. A pause of 0.3 s ends a sentence. Translations are transcriptions.
//! - It decodes WAV, MP3, FLAC, Ogg Vorbis and AAC. Opus and WebM, which the API decodes, are refused as what the sandbox
//!   cannot decode.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Extension, Multipart};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use openai_mcp_studio::hearing::{self, Heard, Unheard};
use openai_mcp_studio::voice;
use serde_json::{Map, Value, json};

use crate::api::models;
use crate::crud::{self, Collection, Field, Need, Verb};
use crate::engine::catalog::Use;
use crate::error::{Error, Result};
use crate::form::{Form, Upload};
use crate::json::put;
use crate::params::{Json as Given, Params};
use crate::shelf::Paging;
use crate::sse;
use crate::world::{Caller, World};

/// Largest recording of a transcription.
const LARGEST: u64 = 25 * 1024 * 1024;
/// Largest recording of a voice or a consent.
const LARGEST_SAMPLE: u64 = 10 * 1024 * 1024;
/// Longest recording that the `gpt-` models take, in seconds.
const LONGEST: f64 = 1400.0;
const SPEECH_FORMATS: &[&str] = &["mp3", "opus", "aac", "flac", "wav", "pcm"];
const VOICES: &[&str] =
    &["alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"];
const EXTENSIONS: &[&str] = &["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];
const FORMATS: &[&str] = &["json", "text", "srt", "verbose_json", "vtt", "diarized_json"];
/// Bytes of sound in a piece of a stream.
const PIECE: usize = 16 * 1024;

static VOICES_MADE: Collection = Collection {
    path: "/audio/voices",
    serves: &[Verb::Delete],
    object: "audio.voice",
    prefix: "voice_",
    fields: &[],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "audio.voice.deleted",
    missing: |id| Error::not_found(format!("No such voice: {id}")),
};
static CONSENTS: Collection = Collection {
    path: "/audio/voice_consents",
    serves: &[Verb::List, Verb::Get, Verb::Modify, Verb::Delete],
    object: "audio.voice_consent",
    prefix: "cons_",
    fields: &[Field { name: "name", read: crud::text, create: Need::No, modify: Need::Must }],
    paging: Paging::NEWEST,
    filters: &[],
    deleted: "audio.voice_consent",
    missing: |id| Error::not_found(format!("No such voice consent: {id}")),
};

pub(crate) fn routes() -> Router {
    VOICES_MADE
        .routes()
        .merge(CONSENTS.routes())
        .route("/audio/speech", post(speak))
        .route("/audio/transcriptions", post(transcribe))
        .route("/audio/translations", post(translate))
        .route("/audio/voices", post(create_voice))
        .route("/audio/voice_consents", post(create_consent))
        .layer(DefaultBodyLimit::disable())
}

async fn speak(Extension(account): Caller, Given(mut params): Given) -> Result<Response> {
    let model = models::read(&mut params, None, Use::Speech)?;
    let input = params.need("input", Params::string)?;
    within("input", &input, 4096)?;
    let voice = params.take("voice");
    let voice = params.required("voice", voice)?;
    let voice = check_voice(&mut account.world(), voice)?;
    if let Some(instructions) = params.string("instructions")? {
        within("instructions", &instructions, 4096)?;
    }
    let format = params.one_of("response_format", SPEECH_FORMATS)?.unwrap_or("mp3");
    let speed = params.number("speed", 0.25..=4.0)?.unwrap_or(1.0);
    let events = params.one_of("stream_format", &["sse", "audio"])? == Some("sse");
    params.finish()?;
    if events && model.starts_with("tts-1") {
        let message = format!("stream_format 'sse' is not supported with model '{model}'.");
        return Err(Error::invalid("stream_format", "unsupported_value", message));
    }
    let failed = |_| Error::new(StatusCode::INTERNAL_SERVER_ERROR, "The sandbox could not speak.");
    let spoken = tokio::task::spawn_blocking({
        let input = input.clone();
        move || voice::encode(&voice::speak(&input, &voice, speed), format)
    });
    let sound = Bytes::from(spoken.await.map_err(failed)?);
    let pieces: Vec<Bytes> = sound.chunks(PIECE).map(|piece| sound.slice_ref(piece)).collect();
    if !events {
        let kind = match format {
            "mp3" => "audio/mpeg",
            "opus" => "audio/opus",
            "aac" => "audio/aac",
            "flac" => "audio/flac",
            "wav" => "audio/wav",
            _ => "audio/pcm",
        };
        let body = Body::from_stream(stream::iter(pieces.into_iter().map(std::io::Result::Ok)));
        return Ok(([(header::CONTENT_TYPE, kind)], body).into_response());
    }
    let (input, output) = (input.split_whitespace().count(), sound.len() / 4096 + 1);
    let usage = json!({"input_tokens": input, "output_tokens": output, "total_tokens": input + output});
    let deltas = pieces.iter().map(|piece| json!({"type": "speech.audio.delta", "audio": STANDARD.encode(piece)}));
    let events = deltas.chain([json!({"type": "speech.audio.done", "usage": usage})]);
    Ok(event_stream(&events.collect::<Vec<_>>()))
}

fn event_stream(events: &[Value]) -> Response {
    sse::paced(events.iter().map(sse::plain).collect(), Duration::ZERO)
}

fn within(param: &str, text: &str, most: usize) -> Result<()> {
    let got = text.chars().count();
    if param == "input" && got == 0 {
        let message =
            "Invalid 'input': empty string. Expected a string with minimum length 1, but got an empty string instead.";
        return Err(Error::invalid(param, "empty_string", message));
    }
    if got <= most {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}': string too long. Expected a string with maximum length {most}, but got a string with length {got} instead."
    );
    Err(Error::invalid(param, "string_above_max_length", message))
}

/// The name of a voice, or the id of one that was made from a recording.
fn check_voice(world: &mut World, voice: Value) -> Result<String> {
    match voice {
        Value::String(name) if VOICES.contains(&name.as_str()) => Ok(name),
        Value::String(name) => {
            let known: Vec<String> = VOICES.iter().map(|name| format!("'{name}'")).collect();
            let message = format!("Invalid value: '{name}'. Supported values are: {}.", known.join(", "));
            Err(Error::invalid("voice", "invalid_value", message))
        }
        other => {
            let mut custom = Params::nested("voice".into(), other)?;
            let id = custom.need("id", Params::string)?;
            custom.finish()?;
            let voice = VOICES_MADE.find(world, "", &id).map_err(|missing| missing.param("voice.id"))?;
            if voice.text("type") == "prompt" {
                let message = "Voices created from text prompts are supported only in Live.";
                return Err(Error::invalid("voice.id", "unsupported_value", message));
            }
            Ok(id)
        }
    }
}

/// Checks what is known of a recording from its name, and listens to it.
async fn hear(file: Upload) -> Result<Heard> {
    let extension =
        file.filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    if !EXTENSIONS.contains(&extension.as_str()) {
        let known: Vec<String> = EXTENSIONS.iter().map(|name| format!("'{name}'")).collect();
        let message = format!("Unrecognized file format. Supported formats: [{}]", known.join(", "));
        return Err(Error::invalid("file", "invalid_value", message));
    }
    let listen = move || hearing::hear(file.content.read_all().unwrap_or_default().into(), &extension);
    let heard = tokio::task::spawn_blocking(listen).await.unwrap_or(Err(Unheard::Broken));
    let heard = heard.map_err(|fault| Error::invalid("file", "invalid_value", unheard(&fault)))?;
    if heard.duration < 0.1 {
        let message = "Audio file is too short. Minimum audio length is 0.1 seconds.";
        return Err(Error::invalid("file", "audio_too_short", message));
    }
    Ok(heard)
}

/// The API decodes more than the sandbox does; what is so is no fault of the caller's.
fn unheard(fault: &Unheard) -> String {
    match fault {
        Unheard::Broken => "Audio file might be corrupted or unsupported".to_owned(),
        Unheard::Undecoded(format) => {
            format!(
                "The sandbox cannot decode {format}, which the API does. Use wav, mp3, flac, aac or Ogg Vorbis here."
            )
        }
    }
}

async fn transcribe(form: Multipart) -> Result<Response> {
    let mut form = Form::read(form, LARGEST).await?;
    let file = form.file("file", LARGEST)?;
    let params = &mut form.params;
    let model = models::read(params, None, Use::Transcription)?;
    let format = params.one_of("response_format", FORMATS)?;
    let diarizes = model.contains("diarize");
    let whisper = model.starts_with("whisper");
    let fits = match format {
        None | Some("json" | "text") => true,
        Some("diarized_json") => diarizes,
        Some(_) => whisper,
    };
    if !fits {
        let format = format.unwrap_or_default();
        let message =
            format!("response_format '{format}' is not compatible with model '{model}'. Use 'json' or 'text' instead.");
        return Err(Error::invalid("response_format", "unsupported_value", message));
    }
    let language = params.string("language")?;
    let languages = params.strings("languages", 1..=usize::MAX)?;
    params.strings("keywords", 0..=usize::MAX)?;
    let prompt = params.string("prompt")?;
    params.number("temperature", 0.0..=1.0)?;
    let granularities = params.some_of("timestamp_granularities", &["word", "segment"])?;
    if granularities.is_some() && format != Some("verbose_json") {
        let message = "timestamp_granularities requires response_format 'verbose_json'.";
        return Err(Error::invalid("timestamp_granularities", "unsupported_value", message));
    }
    let logprobs = params.some_of("include", &["logprobs"])?.is_some_and(|include| !include.is_empty());
    let chunking = !params.bracketed("chunking_strategy").is_empty() | params.string("chunking_strategy")?.is_some();
    let names = params.strings("known_speaker_names", 0..=4)?.unwrap_or_default();
    let references = params.strings("known_speaker_references", 0..=4)?.unwrap_or_default();
    if names.len() != references.len() {
        let message = "known_speaker_names and known_speaker_references must have the same length.";
        return Err(Error::invalid("known_speaker_references", "invalid_value", message));
    }
    // The API takes no notice of it where a model does not stream.
    let stream = params.boolean("stream")? == Some(true) && !whisper;
    form.finish()?;

    let heard = hear(file).await?;
    if !whisper && heard.duration > LONGEST {
        let message = format!(
            "audio duration {:.3} seconds is longer than {LONGEST} seconds which is the maximum for this model",
            heard.duration
        );
        return Err(Error::invalid("file", "invalid_value", message));
    }
    if diarizes && !chunking && heard.duration > 30.0 {
        let message = "chunking_strategy is required for diarization models when the audio is longer than 30 seconds.";
        return Err(Error::invalid("chunking_strategy", "missing_required_parameter", message));
    }
    let voices = references.iter().map(|reference| reference_voice(reference)).collect::<Result<Vec<_>>>()?;
    let answer = Answer {
        heard,
        language,
        languages,
        prompt,
        words: granularities.as_ref().is_some_and(|it| it.contains(&"word")),
        segments: granularities.as_ref().is_none_or(|it| it.contains(&"segment")),
        logprobs,
        whisper,
        gpt: model == "gpt-transcribe",
        known: names.into_iter().zip(voices).collect(),
    };
    Ok(match (format.unwrap_or("json"), stream) {
        ("diarized_json", true) => event_stream(&answer.events(true)),
        (_, true) => event_stream(&answer.events(false)),
        (format, false) => answer.respond(format),
    })
}

async fn translate(form: Multipart) -> Result<Response> {
    let mut form = Form::read(form, LARGEST).await?;
    let file = form.file("file", LARGEST)?;
    let params = &mut form.params;
    let model = models::read(params, None, Use::Transcription)?;
    if !model.starts_with("whisper") {
        let message = format!("Translation is not supported with model '{model}'. Use 'whisper-1' instead.");
        return Err(Error::invalid("model", "unsupported_value", message));
    }
    let prompt = params.string("prompt")?;
    let format = params.one_of("response_format", &["json", "text", "srt", "verbose_json", "vtt"])?;
    params.number("temperature", 0.0..=1.0)?;
    form.finish()?;
    let heard = hear(file).await?;
    let answer = Answer { heard, prompt, segments: true, whisper: true, ..Answer::default() };
    Ok(answer.respond(format.unwrap_or("json")))
}

/// How loud the sample of a known speaker is: that is what the sandbox tells voices by.
fn reference_voice(reference: &str) -> Result<usize> {
    let refused = |message: &str| Error::invalid("known_speaker_references", "invalid_value", message);
    let (kind, data) = reference
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
        .ok_or_else(|| refused("Expected a data URL."))?;
    let bytes = STANDARD.decode(data).map_err(|_| refused("The data URL is not base64."))?;
    let extension = kind.rsplit('/').next().unwrap_or_default().trim_start_matches("x-");
    let heard = hearing::hear(bytes.into(), extension).map_err(|fault| refused(&unheard(&fault)))?;
    if !(2.0..=10.0).contains(&heard.duration) {
        return Err(refused("Reference audio must be between 2 and 10 seconds."));
    }
    heard.words.first().map(|word| word.voice).ok_or_else(|| refused("The reference has no speech."))
}

/// What was heard, and how it is to be told.
#[derive(Default)]
struct Answer {
    heard: Heard,
    language: Option<String>,
    languages: Option<Vec<String>>,
    prompt: Option<String>,
    words: bool,
    segments: bool,
    logprobs: bool,
    whisper: bool,
    gpt: bool,
    known: Vec<(String, usize)>,
}

impl Answer {
    fn respond(&self, format: &str) -> Response {
        let text = |text: String| ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response();
        match format {
            "text" => text(self.heard.text() + "\n"),
            "srt" => text(self.subtitles(',')),
            "vtt" => text(format!("WEBVTT\n\n{}", self.subtitles('.'))),
            "verbose_json" => Json(self.verbose()).into_response(),
            "diarized_json" => {
                let segments = self.diarized();
                let text: Vec<&str> = segments.iter().filter_map(|segment| segment.get("text")?.as_str()).collect();
                let mut shown = json!({
                    "task": "transcribe", "duration": self.heard.duration, "text": text.join(" "), "usage": self.usage(),
                });
                put(&mut shown, "segments", segments);
                Json(shown).into_response()
            }
            _ => {
                let mut shown = json!({"text": self.heard.text(), "usage": self.usage()});
                self.add_details(&mut shown);
                Json(shown).into_response()
            }
        }
    }

    fn add_details(&self, shown: &mut Value) {
        if self.logprobs {
            let words: Vec<Value> = self.heard.words.iter().map(|word| logprob(word.text)).collect();
            put(shown, "logprobs", words);
        }
        if self.gpt {
            let languages = self.languages.clone().unwrap_or_else(|| vec!["en".into()]);
            let languages: Vec<Value> = languages.into_iter().map(|code| json!({"code": code})).collect();
            put(shown, "languages", languages);
        }
    }

    fn usage(&self) -> Value {
        if self.whisper {
            return json!({"type": "duration", "seconds": self.heard.duration.ceil() as u64});
        }
        let (audio, text) = ((self.heard.duration * 10.0).ceil() as usize, count(self.prompt.as_deref()));
        let (input, output) = (audio + text, self.heard.words.len());
        json!({
            "type": "tokens", "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
            "input_token_details": {"audio_tokens": audio, "text_tokens": text},
        })
    }

    fn verbose(&self) -> Value {
        let mut shown = json!({
            "task": "transcribe", "language": self.language.as_deref().unwrap_or("english"),
            "duration": self.heard.duration, "text": self.heard.text(), "usage": self.usage(),
        });
        if self.segments {
            let segments = self.heard.sentences().into_iter().enumerate();
            let segments: Vec<Value> = segments
                .map(|(id, sentence)| {
                    json!({
                        "id": id, "seek": 0, "start": sentence.start, "end": sentence.end, "text": sentence.text,
                        "tokens": [], "temperature": 0.0, "avg_logprob": -0.01, "compression_ratio": 1.0, "no_speech_prob": 0.0,
                    })
                })
                .collect();
            put(&mut shown, "segments", segments);
        }
        if self.words {
            let words = self.heard.words.iter();
            let words: Vec<Value> =
                words.map(|word| json!({"word": word.text, "start": word.start, "end": word.end})).collect();
            put(&mut shown, "words", words);
        }
        shown
    }

    fn diarized(&self) -> Vec<Value> {
        let mut seen: Vec<usize> = Vec::new();
        let mut speaker = |voice: usize| {
            if let Some((name, _)) = self.known.iter().find(|(_, known)| *known == voice) {
                return name.clone();
            }
            let at = seen.iter().position(|known| *known == voice).unwrap_or_else(|| {
                seen.push(voice);
                seen.len() - 1
            });
            char::from(b'A' + at as u8).to_string()
        };
        let segments = self.heard.sentences().into_iter().enumerate();
        segments
            .map(|(number, sentence)| {
                json!({
                    "type": "transcript.text.segment", "id": format!("seg_{number}"), "start": sentence.start,
                    "end": sentence.end, "speaker": speaker(sentence.voice), "text": sentence.text,
                })
            })
            .collect()
    }

    fn subtitles(&self, separator: char) -> String {
        let clock = |seconds: f64| {
            let time = (seconds * 1000.0).round() as u64;
            let (rest, thousandths) = (time / 1000, time % 1000);
            format!("{:02}:{:02}:{:02}{separator}{thousandths:03}", rest / 3600, rest / 60 % 60, rest % 60)
        };
        let sentences = self.heard.sentences().into_iter().enumerate();
        let cues = sentences.map(|(index, sentence)| {
            let number = if separator == ',' { format!("{}\n", index + 1) } else { String::new() };
            format!("{number}{} --> {}\n{}\n\n", clock(sentence.start), clock(sentence.end), sentence.text)
        });
        cues.collect()
    }

    fn events(&self, diarized: bool) -> Vec<Value> {
        let mut events = Vec::new();
        let text = self.heard.text();
        for (index, word) in text.split(' ').filter(|word| !word.is_empty()).enumerate() {
            let delta = if index == 0 { word.to_owned() } else { format!(" {word}") };
            let mut event = json!({"type": "transcript.text.delta", "delta": delta});
            if self.logprobs {
                put(&mut event, "logprobs", json!([logprob(word)]));
            }
            events.push(event);
        }
        if diarized {
            events.extend(self.diarized());
        }
        let mut done = json!({"type": "transcript.text.done", "text": text, "usage": self.usage()});
        self.add_details(&mut done);
        events.push(done);
        events
    }
}

fn logprob(word: &str) -> Value {
    json!({"token": word, "bytes": word.as_bytes(), "logprob": -0.01})
}

fn count(text: Option<&str>) -> usize {
    text.map_or(0, |text| text.split_whitespace().count())
}

async fn create_voice(Extension(account): Caller, form: Multipart) -> Result<Json<Value>> {
    let mut form = Form::read(form, LARGEST_SAMPLE).await?;
    let name = form.params.need("name", Params::string)?;
    let prompt = match form.params.one_of("type", &["audio_sample", "prompt"])? {
        Some("prompt") => {
            let prompt = form.params.need("prompt", Params::string)?;
            let hint = form.params.string("script_hint")?;
            for (param, text) in [("prompt", Some(&prompt)), ("script_hint", hint.as_ref())] {
                if text.is_some_and(|text| text.trim().is_empty()) {
                    return Err(Error::invalid(param, "invalid_value", format!("'{param}' must not be blank.")));
                }
            }
            form.params.one_of("model", &["auto", "2026-10-08"])?;
            Some(prompt)
        }
        _ => {
            let sample = form.file("audio_sample", LARGEST_SAMPLE)?;
            let consent = form.params.need("consent", Params::string)?;
            CONSENTS.find(&mut account.world(), "", &consent)?;
            hear(sample).await?;
            None
        }
    };
    form.finish()?;
    let kind = if prompt.is_some() { "prompt" } else { "audio_sample" };
    let mut fields = Map::from_iter([("name".to_owned(), name.into()), ("type".to_owned(), kind.into())]);
    fields.extend(prompt.map(|prompt| ("prompt".to_owned(), prompt.into())));
    Ok(Json(VOICES_MADE.insert(&mut account.world(), "", fields, None)))
}

async fn create_consent(Extension(account): Caller, form: Multipart) -> Result<Json<Value>> {
    let mut form = Form::read(form, LARGEST_SAMPLE).await?;
    let recording = form.file("recording", LARGEST_SAMPLE)?;
    let mut text = |name: &str| form.params.need(name, Params::string);
    let (name, language) = (text("name")?, text("language")?);
    form.finish()?;
    hear(recording).await?;
    let fields = Map::from_iter([("name".to_owned(), name.into()), ("language".to_owned(), language.into())]);
    Ok(Json(CONSENTS.insert(&mut account.world(), "", fields, None)))
}
