//! Transcripts that are longer than a result may be, and recordings of which a piece fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_audio_mcp::SERVER;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{Reply, Service};
use openai_mcp_testkit::script::{self, Script};
use serde_json::{Value, json};

/// Calls audio-transcribe on a server that shows at most 1,024 bytes.
fn transcribe(arguments: &Value, answers: &[(u16, Value)], trusted: bool) -> (Value, Arc<Script>) {
    let reply = |(status, body): &(u16, Value)| script::Reply {
        status: *status,
        headers: Vec::new(),
        body: body.to_string().into(),
    };
    let script = Arc::new(Script::new(answers.iter().map(reply).collect()));
    let config = Config::read(|name| (name == "OPENAI_MCP_MAX_RESULT").then(|| "1024".into())).unwrap();
    let service = Service::new(&SERVER, Arc::new(config), script.clone()).unwrap();
    let caller = Caller { key: Secret::new("sk-test").ok(), trusted, ..Caller::default() };
    let params = json!({"name": "audio-transcribe", "arguments": arguments});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    match futures_executor::block_on(service.begin(&message.into(), caller, None).reply) {
        Reply::One(200, answer) => (serde_json::from_slice::<Value>(&answer).unwrap()["result"].take(), script),
        _ => panic!("expected one answer"),
    }
}

/// Some seconds of sound.
fn recording(seconds: u32) -> Value {
    let mut file = std::io::Cursor::new(Vec::new());
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for at in 0..seconds * 8_000 {
        writer.write_sample(if at % 40 < 20 { 5_000i16 } else { -5_000 }).unwrap();
    }
    writer.finalize().unwrap();
    json!({"data": STANDARD.encode(file.into_inner()), "filename": "talk.wav"})
}

#[test]
fn a_long_transcript_is_saved_and_its_beginning_shown() {
    let whole = json!({"text": "é".repeat(3000), "words": []});
    let arguments = json!({"file": recording(1), "model": "whisper-1"});
    let (result, script) = transcribe(&arguments, &[(200, whole.clone())], true);
    let saved = script.saved();
    assert_eq!(saved.len(), 1);
    let (path, content) = &saved[0];
    assert!(path.starts_with("transcript-") && path.ends_with(".json"), "{path}");
    assert!(content == whole.to_string().as_bytes(), "another transcript is saved");
    let structured = &result["structuredContent"];
    assert!(structured["text"] == "é".repeat(2000), "another excerpt is shown");
    assert_eq!((&structured["path"], &structured["bytes"]), (&json!(path), &json!(content.len())));
    assert!(result["content"][0]["text"].as_str().unwrap().contains(&format!("is saved to {path}")));
}

#[test]
fn where_it_cannot_be_saved_what_fits_is_shown_with_how_to_see_the_rest() {
    let whole = json!({"text": "é".repeat(3000), "words": []});
    let mut arguments = json!({"file": recording(1), "model": "whisper-1"});
    let (result, _) = transcribe(&arguments, &[(200, whole.clone())], false);
    let bytes = whole.to_string().len();
    assert_eq!(result["structuredContent"]["text"], "é".repeat(256));
    let shown = result["content"][0]["text"].as_str().unwrap();
    assert!(shown.ends_with(&format!("ask again with `max_bytes`: {bytes} to see all]")), "{shown}");
    arguments["max_bytes"] = bytes.into();
    let (result, _) = transcribe(&arguments, &[(200, whole.clone())], false);
    assert!(result["structuredContent"] == whole, "not the whole is shown");
}

#[test]
fn a_piece_that_fails_does_not_take_the_ones_before_it_along() {
    let failure = json!({"error": {"message": "Quota", "type": "insufficient_quota", "param": null, "code": null}});
    let arguments = json!({"file": recording(28), "model": "whisper-1", "split_seconds": 10});
    let answers = [(200, json!({"text": "One."})), (200, json!({"text": "Two."})), (400, failure.clone())];
    let (result, script) = transcribe(&arguments, &answers, true);
    assert_eq!(script.sent().len(), 3);
    let structured = &result["structuredContent"];
    assert_eq!((&result["isError"], &structured["text"]), (&json!(false), &json!("One. Two.")), "{result}");
    let incomplete = &structured["incomplete"];
    let end = incomplete["ends_at_seconds"].as_f64().unwrap();
    assert!((12.0..=20.0).contains(&end), "{end}");
    assert!(incomplete["error"].as_str().unwrap().contains("Quota"), "{incomplete}");

    let (result, _) = transcribe(&arguments, &[(400, failure.clone()), (400, failure.clone()), (400, failure)], true);
    assert_eq!(result["isError"], true, "{result}");
}
