//! What an API answers that means harm, or one between it and us.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::events::{Event, Events};
use openai_mcp_kernel::secret::Secret;
use openai_mcp_testkit::canary::{KEY, leak};
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

use crate::call::call;

/// Requests that a call may make until it has had enough.
const REQUESTS: usize = 8;

/// An event stream gives the same events however the network cuts it. The first byte tells into how long pieces.
pub(crate) fn events(input: &[u8]) {
    let Some((length, text)) = input.split_first() else { return };
    let whole = read(vec![Bytes::copy_from_slice(text)]);
    let pieces = text.chunks(usize::from(*length).max(1)).map(Bytes::copy_from_slice).collect();
    assert_eq!(read(pieces), whole);
}

/// All events, and the error that ended them if there was one.
fn read(chunks: Vec<Bytes>) -> (Vec<Event>, Option<String>) {
    let chunks = stream::iter(chunks.into_iter().map(Ok::<_, Failure>)).boxed();
    let mut response = http::Response::new(Body::Stream { chunks, length: None });
    response.extensions_mut().insert(Secret::new(KEY).unwrap());
    let mut events = Events::new(response).unwrap();
    let mut all = Vec::new();
    loop {
        match futures_executor::block_on(events.next()) {
            Ok(Some(event)) => all.push(event),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error.into_text())),
        }
    }
}

/// Whatever says the key back: status, headers and body as a case has them, with `{KEY}` where the key is said, `{UP}` and
/// `{DOWN}` where it is in the other letters.
pub(crate) fn redaction(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // A fuzzer that sees comparisons learns what the key is: it may say no more than a server knows to look for.
    if leak(text).is_some() {
        return;
    }
    let text = text.replace("{KEY}", KEY).replace("{UP}", &KEY.to_uppercase()).replace("{DOWN}", &KEY.to_lowercase());
    let Ok(reply) = Reply::read(&text) else { return };
    let script = || Arc::new(Script::new(vec![reply.clone(); REQUESTS]).as_caller(KEY));
    let question = json!({"model": "m", "messages": [{"role": "user", "content": "a"}]});
    let results = [
        call(&openai_chat_mcp::SERVER, "chat-completion-create", &question, script()),
        call(&openai_chat_mcp::SERVER, "chat-completion-stream", &question, script()),
        call(&openai_embeddings_mcp::SERVER, "embedding-create", &json!({"model": "m", "input": "a"}), script()),
        call(&openai_moderation_mcp::SERVER, "moderation-batch", &json!({"items": ["a"]}), script()),
        call(&openai_images_mcp::SERVER, "image-generate", &json!({"prompt": "a"}), script()),
        call(
            &openai_audio_mcp::SERVER,
            "audio-speech-stream",
            &json!({"model": "m", "voice": "v", "input": "a"}),
            script(),
        ),
    ];
    for result in results {
        // What a success holds is what was asked for.
        if reply.status >= 400 || result["isError"] == true {
            assert_eq!(leak(&result.to_string()), None, "{result}");
        }
        assert_eq!(leak(&result["_meta"].to_string()), None, "{result}");
    }
}

/// The answer to a request for images, of which the base64 is taken out while it comes in.
pub(crate) fn image_answer(input: &[u8]) {
    let reply = Reply::new(200, input.to_vec());
    call(&openai_images_mcp::SERVER, "image-generate", &json!({"prompt": "a"}), Arc::new(Script::new(vec![reply])));
}

/// What comes in by a socket, line by line as a case has it, once the session is there and set up.
pub(crate) fn socket(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // Words of cases, with which a few letters become as many events, or as much time, as one likes.
    if text.lines().any(|line| line.starts_with("times") || line.starts_with("wait")) {
        return;
    }
    let set_up = r#"{"type": "session.created"}
{"type": "session.updated"}
"#;
    let script = |begin: &str| Arc::new(Script::new(vec![Reply::new(101, format!("{begin}{text}"))]));
    let speech = json!({"data": "AAAA", "filename": "a.pcm"});
    let realtime = [
        ("realtime-talk", json!({"model": "m", "text": "a"})),
        ("realtime-talk", json!({"model": "m", "audio": speech})),
        ("realtime-call-watch", json!({"call_id": "rtc_1"})),
        ("realtime-transcribe", json!({"file": speech, "model": "m"})),
        ("realtime-translate", json!({"file": speech, "language": "es"})),
    ];
    for (tool, arguments) in realtime {
        call(&openai_realtime_mcp::SERVER, tool, &arguments, script(set_up));
    }
    call(&openai_live_mcp::SERVER, "live-session-watch", &json!({"session_id": "live_1"}), script(""));
}

/// Sound in the format that the first byte tells, of which several pieces become one.
pub(crate) fn speech(input: &[u8]) {
    let Some((format, sound)) = input.split_first() else { return };
    let format = ["mp3", "wav", "pcm", "flac", "opus", "aac"][usize::from(*format) % 6];
    let reply = Reply::new(200, sound.to_vec());
    let text = "A sentence of speech. ".repeat(300);
    let arguments =
        json!({"model": "tts-1", "voice": "alloy", "input": text, "response_format": format, "save_to": "a"});
    call(&openai_audio_mcp::SERVER, "audio-speech-create", &arguments, Arc::new(Script::new(vec![reply; REQUESTS])));
}

/// The metrics of a job: CSV, as it is or in base64.
pub(crate) fn metrics(input: &[u8]) {
    let job = Reply::json(&json!({"id": "ftjob-1", "status": "succeeded", "result_files": ["file-1"]}));
    let events = Reply::json(&json!({"data": [{"data": {"step": 1, "train_loss": 1}}]}));
    let arguments = json!({"fine_tuning_job_id": "ftjob-1"});
    for table in [input.to_vec(), STANDARD.encode(input).into_bytes()] {
        let replies = vec![job.clone(), Reply::new(200, table), events.clone()];
        let result =
            call(&openai_fine_tuning_mcp::SERVER, "fine-tune-metrics", &arguments, Arc::new(Script::new(replies)));
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        assert!(result["isError"] == true || serde_json::from_str::<Value>(text).is_ok(), "{text}");
    }
}
