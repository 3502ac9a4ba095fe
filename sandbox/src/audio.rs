//! `/audio`: speech, transcriptions, translations, voices and the consents they need.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Extension, Multipart, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::hearing::{self, Heard};
use crate::params::{Json as Given, Params, Query};
use crate::shelf::{Page, Shelf};
use crate::voice;
use crate::world::{Caller, World, now};

/// Largest recording of a transcription.
const LARGEST: usize = 25 * 1024 * 1024;
/// Largest recording of a voice or a consent.
const LARGEST_SAMPLE: usize = 10 * 1024 * 1024;
/// Longest recording that the `gpt-` models take, in seconds.
const LONGEST: f64 = 1400.0;
const SPEECH_FORMATS: &[&str] = &["mp3", "opus", "aac", "flac", "wav", "pcm"];
const VOICES: &[&str] =
    &["alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"];
const EXTENSIONS: &[&str] = &["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];
const FORMATS: &[&str] = &["json", "text", "srt", "verbose_json", "vtt", "diarized_json"];
/// Bytes of sound in a piece of a stream.
const PIECE: usize = 16 * 1024;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/audio/speech", post(speak))
        .route("/audio/transcriptions", post(transcribe))
        .route("/audio/translations", post(translate))
        .route("/audio/voices", post(create_voice))
        .route("/audio/voices/{voice_id}", delete(delete_voice))
        .route("/audio/voice_consents", get(list_consents).post(create_consent))
        .route("/audio/voice_consents/{consent_id}", get(get_consent).post(rename_consent).delete(delete_consent))
        .layer(DefaultBodyLimit::disable())
}

/// Voices and consents of an account.
#[derive(Default)]
pub(crate) struct Audio {
    voices: Shelf<Voice>,
    consents: Shelf<Consent>,
}

struct Voice {
    created_at: u64,
    name: String,
    /// Those made from a description say so.
    prompt: Option<String>,
}

struct Consent {
    created_at: u64,
    name: String,
    language: String,
}

impl Consent {
    fn show(&self, id: &str) -> Value {
        json!({
            "id": id, "object": "audio.voice_consent", "created_at": self.created_at, "name": self.name,
            "language": self.language,
        })
    }
}

async fn speak(Extension(account): Caller, Given(mut params): Given) -> Result<Response> {
    let model = model(&mut params)?;
    let input = params.string("input")?;
    let input = params.required("input", input)?;
    within("input", &input, 4096)?;
    let voice = params.take("voice");
    let voice = params.required("voice", voice)?;
    let voice = check_voice(&account.world(), voice)?;
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
    Ok(event_stream(deltas.chain([json!({"type": "speech.audio.done", "usage": usage})]).collect()))
}

fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value.into());
    }
}

fn event_stream(events: Vec<Value>) -> Response {
    let texts = events.into_iter().map(|event| std::io::Result::Ok(format!("data: {event}\n\n")));
    let kind = [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")];
    (kind, Body::from_stream(stream::iter(texts))).into_response()
}

fn model(params: &mut Params) -> Result<String> {
    let model = params.string("model")?;
    let model = params.required("model", model)?;
    if model.starts_with("unknown") {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        return Err(Error::not_found(message).code("model_not_found"));
    }
    Ok(model)
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
fn check_voice(world: &World, voice: Value) -> Result<String> {
    match voice {
        Value::String(name) if VOICES.contains(&name.as_str()) => Ok(name),
        Value::String(name) => {
            let known: Vec<String> = VOICES.iter().map(|name| format!("'{name}'")).collect();
            let message = format!("Invalid value: '{name}'. Supported values are: {}.", known.join(", "));
            Err(Error::invalid("voice", "invalid_value", message))
        }
        other => {
            let mut custom = Params::nested("voice".into(), other)?;
            let id = custom.string("id")?;
            let id = custom.required("id", id)?;
            custom.finish()?;
            match world.audio.voices.get(&id) {
                None => Err(Error::not_found(format!("No such voice: {id}")).param("voice.id")),
                Some(Voice { prompt: Some(_), .. }) => {
                    let message = "Voices created from text prompts are supported only in Live.";
                    Err(Error::invalid("voice.id", "unsupported_value", message))
                }
                Some(_) => Ok(id),
            }
        }
    }
}

/// A form: its fields by name, those of arrays together, and its files.
struct Form {
    params: Params,
    files: BTreeMap<String, (String, Bytes)>,
}

impl Form {
    async fn read(mut form: Multipart) -> Result<Self> {
        let broken = |fault: axum::extract::multipart::MultipartError| Error::new(fault.status(), fault.body_text());
        let (mut fields, mut files) = (Vec::new(), BTreeMap::new());
        while let Some(field) = form.next_field().await.map_err(broken)? {
            let name = field.name().unwrap_or_default().to_owned();
            match field.file_name().map(str::to_owned) {
                Some(filename) => drop(files.insert(name, (filename, field.bytes().await.map_err(broken)?))),
                None => fields.push((name, field.text().await.map_err(broken)?)),
            }
        }
        Ok(Form { params: Params::query(fields), files })
    }

    fn file(&mut self, name: &str, most: usize) -> Result<(String, Bytes)> {
        if self.params.mentions(name) {
            let message = format!("Invalid type for '{name}': expected a file, but got a string instead.");
            return Err(Error::invalid(name, "invalid_type", message));
        }
        let (filename, bytes) = self.params.required(name, self.files.remove(name))?;
        if bytes.len() > most {
            let message = format!("{name}: Maximum content size limit ({most}) exceeded ({} bytes read)", bytes.len());
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        Ok((filename, bytes))
    }

    /// Refuses what nobody has read.
    fn finish(self) -> Result<()> {
        if let Some(name) = self.files.keys().next() {
            return Err(Error::invalid(name, "unknown_parameter", format!("Unknown parameter: '{name}'.")));
        }
        self.params.finish()
    }
}

/// Checks what is known of a recording from its name, and listens to it.
async fn hear(filename: &str, bytes: Bytes) -> Result<Heard> {
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    if !EXTENSIONS.contains(&extension.as_str()) {
        let known: Vec<String> = EXTENSIONS.iter().map(|name| format!("'{name}'")).collect();
        let message = format!("Unrecognized file format. Supported formats: [{}]", known.join(", "));
        return Err(Error::invalid("file", "invalid_value", message));
    }
    let heard = tokio::task::spawn_blocking(move || hearing::hear(bytes, &extension)).await.ok().flatten();
    let heard =
        heard.ok_or_else(|| Error::invalid("file", "invalid_value", "Audio file might be corrupted or unsupported"))?;
    if heard.duration < 0.1 {
        let message = "Audio file is too short. Minimum audio length is 0.1 seconds.";
        return Err(Error::invalid("file", "audio_too_short", message));
    }
    Ok(heard)
}

async fn transcribe(form: Multipart) -> Result<Response> {
    let mut form = Form::read(form).await?;
    let (filename, bytes) = form.file("file", LARGEST)?;
    let params = &mut form.params;
    let model = model(params)?;
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

    let heard = hear(&filename, bytes).await?;
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
        ("diarized_json", true) => event_stream(answer.events(true)),
        (_, true) => event_stream(answer.events(false)),
        (format, false) => answer.respond(format),
    })
}

async fn translate(form: Multipart) -> Result<Response> {
    let mut form = Form::read(form).await?;
    let (filename, bytes) = form.file("file", LARGEST)?;
    let params = &mut form.params;
    let model = model(params)?;
    if !model.starts_with("whisper") {
        let message = format!("Translation is not supported with model '{model}'. Use 'whisper-1' instead.");
        return Err(Error::invalid("model", "unsupported_value", message));
    }
    let prompt = params.string("prompt")?;
    let format = params.one_of("response_format", &["json", "text", "srt", "verbose_json", "vtt"])?;
    params.number("temperature", 0.0..=1.0)?;
    form.finish()?;
    let heard = hear(&filename, bytes).await?;
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
    let heard = hearing::hear(bytes.into(), extension)
        .ok_or_else(|| refused("Audio file might be corrupted or unsupported"))?;
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
                set(&mut shown, "segments", segments);
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
            set(shown, "logprobs", words);
        }
        if self.gpt {
            let languages = self.languages.clone().unwrap_or_else(|| vec!["en".into()]);
            let languages: Vec<Value> = languages.into_iter().map(|code| json!({"code": code})).collect();
            set(shown, "languages", languages);
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
            set(&mut shown, "segments", segments);
        }
        if self.words {
            let words = self.heard.words.iter();
            let words: Vec<Value> =
                words.map(|word| json!({"word": word.text, "start": word.start, "end": word.end})).collect();
            set(&mut shown, "words", words);
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
                set(&mut event, "logprobs", json!([logprob(word)]));
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
    let mut form = Form::read(form).await?;
    let name = form.params.string("name")?;
    let name = form.params.required("name", name)?;
    let prompt = match form.params.one_of("type", &["audio_sample", "prompt"])? {
        Some("prompt") => {
            let prompt = form.params.string("prompt")?;
            let prompt = form.params.required("prompt", prompt)?;
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
            let (filename, sample) = form.file("audio_sample", LARGEST_SAMPLE)?;
            let consent = form.params.string("consent")?;
            let consent = form.params.required("consent", consent)?;
            if account.world().audio.consents.get(&consent).is_none() {
                return Err(no_consent(&consent));
            }
            hear(&filename, sample).await?;
            None
        }
    };
    form.finish()?;
    let voice = Voice { created_at: now(), name, prompt };
    let mut world = account.world();
    let id = world.mint("voice_");
    let mut shown = json!({
        "id": id, "object": "audio.voice", "created_at": voice.created_at, "name": voice.name, "type": "audio_sample",
    });
    if let Some(prompt) = &voice.prompt {
        set(&mut shown, "type", "prompt");
        set(&mut shown, "prompt", prompt.as_str());
    }
    world.audio.voices.insert(id, voice);
    Ok(Json(shown))
}

async fn delete_voice(Extension(account): Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    account.world().audio.voices.remove(&id).ok_or_else(|| Error::not_found(format!("No such voice: {id}")))?;
    Ok(Json(json!({"id": id, "object": "audio.voice.deleted", "deleted": true})))
}

fn no_consent(id: &str) -> Error {
    Error::not_found(format!("No such voice consent: {id}"))
}

async fn create_consent(Extension(account): Caller, form: Multipart) -> Result<Json<Value>> {
    let mut form = Form::read(form).await?;
    let (filename, recording) = form.file("recording", LARGEST_SAMPLE)?;
    let mut text = |name: &str| {
        let text = form.params.string(name)?;
        form.params.required(name, text)
    };
    let (name, language) = (text("name")?, text("language")?);
    form.finish()?;
    hear(&filename, recording).await?;
    let consent = Consent { created_at: now(), name, language };
    let mut world = account.world();
    let id = world.mint("cons_");
    let shown = consent.show(&id);
    world.audio.consents.insert(id, consent);
    Ok(Json(shown))
}

async fn list_consents(Extension(account): Caller, Query(mut query): Query) -> Result<Json<Value>> {
    let page = Page::read(&mut query, 20, 100)?;
    query.finish()?;
    account.world().audio.consents.page(&page, |id, consent| Some(consent.show(id))).map(Json)
}

async fn get_consent(Extension(account): Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    let world = account.world();
    world.audio.consents.get(&id).map(|consent| Json(consent.show(&id))).ok_or_else(|| no_consent(&id))
}

async fn rename_consent(
    Extension(account): Caller,
    Path(id): Path<String>,
    Given(mut params): Given,
) -> Result<Json<Value>> {
    let name = params.string("name")?;
    let name = params.required("name", name)?;
    params.finish()?;
    let mut world = account.world();
    let consent = world.audio.consents.get_mut(&id).ok_or_else(|| no_consent(&id))?;
    consent.name = name;
    Ok(Json(consent.show(&id)))
}

async fn delete_consent(Extension(account): Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    account.world().audio.consents.remove(&id).ok_or_else(|| no_consent(&id))?;
    Ok(Json(json!({"id": id, "object": "audio.voice_consent", "deleted": true})))
}
