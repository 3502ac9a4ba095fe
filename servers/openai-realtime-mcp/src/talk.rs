//! A turn of a conversation: something said, and the answer. <https://platform.openai.com/docs/guides/realtime-conversations>

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::files::Hold;
use openai_mcp_kernel::json::Members as _;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;
use openai_mcp_shapes::calls;
use serde_json::Map;

use crate::history::{History, Place};
use crate::line::{Line, Next, closed, failure, text};
use crate::session::{Limit, Tool};
use crate::socket::Conversation;
use crate::sound::{FORMATS, Recording, Spoken, encoded};

tools![Talk];

/// Longest speech that is taken, in seconds.
const LONGEST: f64 = 600.0;
/// Largest picture.
const LARGEST_IMAGE: usize = 10 * 1024 * 1024;
/// How long an answer that was cut short, and then the transcript of what was said, are waited for, in seconds.
const AFTER: u64 = 5;
/// How long an answer may take by default, in seconds.
const PATIENCE: u64 = 45;

/// Say something to a Realtime model, in text or speech, and get its answer.
///
/// One turn; conversation goes on from call to call (the model then knows what was said, not how it sounded). Answer
/// function_calls by calling again with tool_outputs, as `next` tells.
#[tool("realtime-talk", saves, open)]
struct Talk {
    /// As gpt-realtime-2.1.
    model: String,
    text: Option<String>,
    /// Speech: wav, mp3, flac, ogg, m4a; .pcm of 24 kHz.
    audio: Option<FileInput>,
    image: Option<FileInput>,
    tool_outputs: Option<Vec<ToolOutput>>,
    /// conv_ id; new begins one.
    conversation: Option<String>,
    /// In place of a conversation: items, as an earlier result has them.
    history: Option<Vec<JsonObject>>,
    instructions: Option<String>,
    /// Default audio, if speech, voice or save_to is given.
    #[alias("output_modalities")]
    output: Option<Modality>,
    /// As marin or cedar.
    voice: Option<String>,
    tools: Option<Raw<Vec<Brief<Tool>>>>,
    tool_choice: Option<Json>,
    effort: Option<Raw<Effort>>,
    max_output_tokens: Option<Raw<Limit>>,
    /// Further fields of the session.
    session: Option<JsonObject>,
    /// New .wav file for the answer.
    save_to: Option<String>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, 600>>,
    full: Option<bool>,
}

// Of those that others take, `none` and `max` are not there.
#[shape]
enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

#[shape(read)]
struct ToolOutput {
    call_id: String,
    output: Json,
}

#[shape(read)]
#[derive(Copy, PartialEq)]
enum Modality {
    Text,
    Audio,
}

/// What is to be said.
struct Said {
    samples: Vec<i16>,
    _held: Hold,
    /// A picture, as a data URL.
    image: Option<String>,
}

impl Talk {
    async fn run(self, cx: Context) -> Result<Output> {
        let outputs = self.tool_outputs.as_deref().unwrap_or_default();
        if self.text.is_none() && self.audio.is_none() && self.image.is_none() && outputs.is_empty() {
            return Err(Error::argument(
                "text",
                "expected something to say: `text`, `audio`, `image` or `tool_outputs`",
            ));
        }
        save::format(self.save_to.as_deref(), ("", None), FORMATS)?;
        cx.reserve(self.save_to.as_deref()).await?;
        let said = self.said(&cx).await?;
        let given =
            self.history.as_ref().map(|items| items.iter().map(|JsonObject(item)| item.clone().into()).collect());
        let history = History::read(&cx, self.conversation.as_deref(), given).await?;
        if let Some(output) = outputs.iter().find(|output| !history.calls().any(|call| call == output.call_id)) {
            let known: Vec<String> = history.calls().map(|call| format!("`{call}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let text = format!("`{}` is no call that was made before; those are: {known}", output.call_id);
            return Err(Error::argument("tool_outputs", text));
        }
        let patience = self.timeout.map_or(PATIENCE, |Int(seconds)| seconds.unsigned_abs());
        let mut line = Line::open(&cx, &Conversation::SPEC, json!({"model": self.model}), patience).await?;
        let spoke = !said.samples.is_empty();
        line.set_up(self.set_up(spoke)?).await?;
        for item in &history.items {
            line.push("conversation.item.create", json!({"item": item}));
        }
        let items = self.items(&said);
        for item in &items {
            line.push("conversation.item.create", json!({"item": item}));
        }
        if spoke {
            line.push_all("input_audio_buffer.append", encoded(said.samples));
            line.push("input_audio_buffer.commit", json!({}));
        }
        line.push("response.create", json!({}));
        let mut answer = Answer { spoke, ..Answer::default() };
        let ended = answer.listen(&cx, &mut line).await;
        cx.flush_text();
        if let Err(error) = ended {
            // What came before is paid for.
            if !answer.has_begun() {
                return Err(error);
            }
            answer.incomplete = Some(error.to_string());
        }
        line.close().await;
        self.tell(&cx, answer, &history, &items).await
    }

    async fn said(&self, cx: &Context) -> Result<Said> {
        let (mut samples, mut held) = (Vec::new(), cx.hold());
        if let Some(FileInput(source)) = self.audio.clone() {
            let mut recording = Some(Recording::open(cx, source, 60).await?);
            while let Some(pieces) = recording.take()
                && let Some((piece, rest)) = pieces.next(cx).await?
            {
                if piece.start + piece.seconds > LONGEST {
                    let text =
                        format!("it lasts longer than {LONGEST} s\nhint: realtime-transcribe takes long recordings");
                    return Err(Error::argument("audio", text));
                }
                held.take(size_of_val(piece.samples.as_slice()))?;
                samples.extend(piece.samples);
                recording = Some(rest);
            }
            if samples.is_empty() {
                return Err(Error::argument("audio", "there is no sound in it"));
            }
        }
        let image = match self.image.clone() {
            Some(FileInput(source)) => {
                let file = cx.read(source, LARGEST_IMAGE).await?;
                let url = move || format!("data:{};base64,{}", file.mime_type, STANDARD.encode(&file.bytes));
                Some(cx.compute(url).await?)
            }
            None => None,
        };
        Ok(Said { samples, _held: held, image })
    }

    fn modality(&self) -> Modality {
        let speaks = self.audio.is_some() || self.voice.is_some() || self.save_to.is_some();
        self.output.unwrap_or(if speaks { Modality::Audio } else { Modality::Text })
    }

    /// How the session is to be. It answers when it is asked to, and never by itself.
    fn set_up(&self, spoke: bool) -> Result<Value> {
        let modality = if self.modality() == Modality::Audio { "audio" } else { "text" };
        let mut session = json!({"type": "realtime", "output_modalities": [modality]});
        let mut put = |name: &str, value: Option<Value>| {
            if let (Some(value), Value::Object(session)) = (value, &mut session) {
                session.insert(name.to_owned(), value);
            }
        };
        put("instructions", self.instructions.clone().map(Value::from));
        put("tools", self.tools.as_ref().map(|tools| tools.read("tools")).transpose()?);
        put("tool_choice", self.tool_choice.clone().map(|Json(choice)| choice));
        put(
            "max_output_tokens",
            self.max_output_tokens.as_ref().map(|most| most.read("max_output_tokens")).transpose()?,
        );
        let effort: Option<Value> = self.effort.as_ref().map(|effort| effort.read("effort")).transpose()?;
        put("reasoning", effort.map(|effort| json!({"effort": effort})));
        let mut audio = json!({});
        if spoke {
            audio = json!({"input": {"transcription": {"model": "gpt-transcribe"}}});
        }
        if let Some(voice) = &self.voice {
            merge(&mut audio, json!({"output": {"voice": voice}}));
        }
        put("audio", Some(audio));
        if let Some(JsonObject(more)) = self.session.clone() {
            merge(&mut session, more.into());
        }
        merge(&mut session, json!({"audio": {"input": {"turn_detection": null}}}));
        Ok(session)
    }

    /// What is said besides speech, as items.
    fn items(&self, said: &Said) -> Vec<Value> {
        let outputs = self.tool_outputs.iter().flatten();
        let mut items: Vec<Value> = outputs
            .map(|ToolOutput { call_id, output: Json(output) }| {
                let text = output.as_str().map_or_else(|| output.to_string(), str::to_owned);
                json!({"type": "function_call_output", "call_id": call_id, "output": text})
            })
            .collect();
        let mut content = Vec::new();
        content.extend(self.text.as_ref().map(|text| json!({"type": "input_text", "text": text})));
        content.extend(said.image.as_ref().map(|image| json!({"type": "input_image", "image_url": image})));
        if !content.is_empty() {
            items.push(json!({"type": "message", "role": "user", "content": content}));
        }
        items
    }

    /// What sets the session up and may be very long: the caller has it, and gives it again.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let long = [
            ("instructions", self.instructions.is_some()),
            ("tools", self.tools.is_some()),
            ("session", self.session.is_some()),
        ];
        long.into_iter().filter_map(|(name, given)| given.then_some(name))
    }

    /// The arguments of a call that goes on, in a session that is set up as this one. What was said is history by then.
    fn again(&self, cx: &Context) -> Arguments {
        // A choice that brought a call would bring it again, and never an answer.
        let now = ["text", "audio", "image", "tool_outputs", "history", "save_to", "tool_choice"];
        let left_out = now.into_iter().chain(self.given());
        let again = left_out.fold(cx.arguments().clone(), |again, name| again.without(name));
        match self.modality() {
            // What made it speech may be left out now.
            Modality::Audio => again.set("output", "audio"),
            Modality::Text => again,
        }
    }

    /// What the caller is told.
    async fn tell(self, cx: &Context, answer: Answer, history: &History, items: &[Value]) -> Result<Output> {
        let Answer { said, heard, unheard, sound, response, incomplete, spoke, .. } = answer;
        if response.as_ref().is_some_and(|response| text(response, "status") == "failed") && said.is_empty() {
            let error = response.as_ref().and_then(|response| response.pointer("/status_details/error"));
            return Err(failure(&json!({"error": error})));
        }
        let output = response.as_ref().and_then(|response| response.get("output")).and_then(Value::as_array);
        let items_of = |kind| output.into_iter().flatten().filter(move |item| text(item, "type") == kind);
        let calls: Vec<Value> = items_of("function_call").map(calls::function).collect();
        let approvals: Vec<Value> = items_of("mcp_approval_request").map(calls::approval).collect();

        let mut now = said_now(items, spoke.then_some(heard.as_deref()));
        if !said.is_empty() {
            let content = [json!({"type": "output_text", "text": said})];
            now.push(json!({"type": "message", "role": "assistant", "content": content}));
        }
        now.extend(calls.iter().cloned().map(|mut call| {
            merge(&mut call, json!({"type": "function_call"}));
            call
        }));
        let added = history.add(cx, &now).await;

        let mut told = Map::new();
        let mut put = |name: &str, value: Option<Value>| told.extend(value.map(|value| (name.to_owned(), value)));
        put("text", Some(said.into()));
        put("heard", heard.map(Value::from));
        put("not_transcribed", unheard.map(Value::from));
        let mut why = incomplete;
        if let Some(response) = &response {
            if why.is_none() && text(response, "status") != "completed" {
                let reason = response.pointer("/status_details/reason").and_then(Value::as_str).map(str::to_owned);
                let error = response.pointer("/status_details/error").filter(|error| !error.is_null());
                let error = error.map(|error| failure(&json!({"error": error})).to_string());
                why = reason.or(error).or_else(|| Some(text(response, "status").to_owned()));
            }
            put("usage", response.get("usage").filter(|usage| !usage.is_null()).cloned());
            put("response", (self.full == Some(true)).then(|| response.clone()));
        }
        if !approvals.is_empty() {
            let waits = "it waits for an approval, which cannot be given once the session is over: `require_approval` \
                         \"never\" of the MCP tool goes without";
            why = why.or_else(|| Some(waits.to_owned()));
            put("approval_requests", Some(approvals.into()));
        }
        put("incomplete", why.map(Value::from));
        if !history.items.is_empty() {
            put("replayed_items", Some(history.items.len().into()));
        }
        put("left_out", (history.left_out > 0).then(|| history.left_out.into()));
        let mut again = self.again(cx);
        match &history.place {
            Place::Conversation(id) => {
                put("conversation", Some(id.as_str().into()));
                again = again.set("conversation", id);
            }
            Place::Caller(wanted) if *wanted || !calls.is_empty() => {
                let all: Vec<Value> = history.items.iter().cloned().chain(now).collect();
                put("history", Some(all.into()));
                again = again.set("history", "the history of this result");
            }
            Place::Caller(_) => {}
        }
        if let Err(error) = added {
            put("note", Some(format!("the conversation did not take this turn: {error}").into()));
        }
        if !calls.is_empty() {
            let outputs: Vec<Value> = calls.iter().map(|call| json!({"call_id": text(call, "call_id")})).collect();
            put("function_calls", Some(calls.into()));
            let mut next = json!({"tool": Self::SPEC.name, "arguments": again.set("tool_outputs", outputs)});
            let mut how = "add the `output` that each function gives".to_owned();
            let given: Vec<String> = self.given().map(|name| format!("`{name}`")).collect();
            if !given.is_empty() {
                how += &format!(", and give {} again, as in this call", given.join(", "));
            }
            next.put("how", how.into());
            put("next", Some(next));
        }
        sound.deliver(cx, told, self.save_to).await
    }
}

/// What was said now, as items that a conversation keeps: speech as what was heard of it, pictures not at all.
fn said_now(items: &[Value], speech: Option<Option<&str>>) -> Vec<Value> {
    let mut now: Vec<Value> = Vec::new();
    for item in items {
        let mut item = item.clone();
        if let Some(Value::Array(content)) = item.get_mut("content") {
            for part in content.iter_mut().filter(|part| text(part, "type") == "input_image") {
                *part = json!({"type": "input_text", "text": "[a picture]"});
            }
        }
        now.push(item);
    }
    if let Some(heard) = speech {
        let content = [json!({"type": "input_text", "text": heard.unwrap_or("[speech that was not transcribed]")})];
        now.push(json!({"type": "message", "role": "user", "content": content}));
    }
    now
}

/// The answer as it comes.
#[derive(Default)]
struct Answer {
    /// Whether the caller spoke, and what is said is to be written down.
    spoke: bool,
    begun: bool,
    said: String,
    heard: Option<String>,
    /// Why what was said is not written down.
    unheard: Option<String>,
    sound: Spoken,
    response: Option<Value>,
    incomplete: Option<String>,
}

impl Answer {
    /// Whether there is something to tell of it.
    fn has_begun(&self) -> bool {
        !self.said.is_empty() || !self.sound.is_empty() || self.response.is_some()
    }

    /// Listens to the end of the answer. What takes too long is cancelled: what came so far is paid for.
    async fn listen(&mut self, cx: &Context, line: &mut Line) -> Result<()> {
        let mut cancelled = false;
        loop {
            let done = self.response.is_some();
            if done && (!self.spoke || self.heard.is_some() || self.unheard.is_some()) {
                return Ok(());
            }
            match line.next().await? {
                Next::Sent => {}
                Next::Event(kind, event) => {
                    // Once: who says it again and again is not waited for again.
                    if self.take(cx, &kind, &event).await? && !done {
                        line.until = cx.monotonic() + Duration::from_secs(AFTER);
                    }
                }
                Next::Late if done => {
                    self.unheard = Some("the transcript did not come in time".to_owned());
                }
                Next::Late if !cancelled => {
                    cancelled = true;
                    self.incomplete = Some("the answer took longer than `timeout`".to_owned());
                    line.push("response.cancel", json!({}));
                    line.until = cx.monotonic() + Duration::from_secs(AFTER);
                }
                Next::Late => return Err(Error::new(Kind::Answer, "the answer did not come within `timeout`")),
                Next::Closed(_) if done => {
                    self.unheard = Some("the session was closed before".to_owned());
                }
                Next::Closed(why) => return Err(closed(&why)),
            }
        }
    }

    /// Takes an event: whether it ends the answer.
    async fn take(&mut self, cx: &Context, kind: &str, event: &Value) -> Result<bool> {
        match kind {
            "response.created" => self.begun = true,
            "response.output_text.delta" | "response.output_audio_transcript.delta" => {
                self.said.push_str(text(event, "delta"));
                cx.tell_text(text(event, "delta"));
            }
            "response.output_audio.delta" => self.sound.push(cx, text(event, "delta")).await?,
            "conversation.item.input_audio_transcription.completed" => {
                self.heard = Some(text(event, "transcript").to_owned());
            }
            "conversation.item.input_audio_transcription.failed" => {
                let why = event.pointer("/error/message").and_then(Value::as_str);
                self.unheard = Some(why.unwrap_or("it could not be transcribed").to_owned());
            }
            "response.done" => {
                self.response = event.get("response").cloned();
                return Ok(self.response.is_some());
            }
            // Once the answer has begun, most leave it as it is.
            "error" if !self.begun || event.pointer("/error/code").is_some_and(|code| code == "session_expired") => {
                return Err(failure(event));
            }
            _ => {}
        }
        Ok(false)
    }
}

/// Puts the members of one object into another, at every depth.
fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}
