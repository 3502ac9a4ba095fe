//! Transcripts that are longer than a result may be, and recordings of which a piece fails.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_audio_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

/// Calls audio-transcribe on a server that shows at most 1,024 bytes.
fn transcribe(arguments: &Value, answers: &[(u16, Value)], trusted: bool) -> (Value, Arc<Script>) {
    call("audio-transcribe", arguments, answers, trusted, 1024)
}

/// Calls a tool of a server that shows at most so many bytes.
fn call(tool: &str, arguments: &Value, answers: &[(u16, Value)], trusted: bool, most: usize) -> (Value, Arc<Script>) {
    let replies = answers.iter().map(|(status, body)| Reply::new(*status, body.to_string())).collect();
    let script = Script::new(replies).with("MAX_RESULT", most);
    let script = Arc::new(if trusted { script } else { script.untrusted() });
    (call_tool(&SERVER, tool, arguments, script.clone()), script)
}

/// Some seconds of sound.
pub(crate) fn recording(seconds: u32) -> Value {
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
    assert!(path.starts_with("openai-mcp-results/transcript-") && path.ends_with(".json"), "{path}");
    assert!(content == whole.to_string().as_bytes(), "another transcript is saved");
    let structured = &result["structuredContent"];
    assert!(structured["text"] == "é".repeat(2000), "another excerpt is shown");
    assert_eq!(structured["saved_to"], json!({"path": path, "bytes": content.len()}));
}

#[test]
fn where_it_cannot_be_saved_it_is_shown_whole() {
    let whole = json!({"text": "é".repeat(3000), "words": []});
    let arguments = json!({"file": recording(1), "model": "whisper-1"});
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

#[test]
fn what_lasts_too_long_for_the_model_is_cut() {
    let refusal = |message: &str| {
        let error = json!({"message": message, "type": "invalid_request_error", "param": "file", "code": null});
        (400, json!({"error": error}))
    };
    let seconds = "audio duration 1510.0 seconds is longer than 1400 seconds which is the maximum for this model";
    let tokens = "Total number of tokens in instructions + audio is too large for this model";
    let arguments = json!({"file": recording(50), "model": "gpt-4o-transcribe"});
    for message in [seconds, tokens] {
        let (result, script) = transcribe(&arguments, &[refusal(message), (200, json!({"text": "One."}))], true);
        assert_eq!(result["structuredContent"]["text"], "One.", "{result}");
        assert_eq!((script.sent().len(), script.left()), (2, 0));
    }
    let film = json!({"file": {"path": "film.webm"}, "model": "gpt-4o-transcribe"});
    let (result, _) = transcribe(&film, &[refusal(seconds)], true);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("`film.webm` (0.0 MB) has to be decoded") && text.contains("1400 seconds"), "{text}");
}

#[test]
fn a_batch_ends_before_its_result_is_full() {
    let files: Vec<Value> = (0..40).map(|n| json!({"path": format!("{n}.mp3")})).collect();
    let arguments = json!({"files": files, "model": "whisper-1"});
    let answers: Vec<(u16, Value)> = (0..40).map(|n| (200, json!({"text": format!("{n} ").repeat(100)}))).collect();
    let (mut seen, mut calls, mut offset) = (0, 0, json!(0));
    while offset.is_u64() {
        let mut arguments = arguments.clone();
        arguments["offset"] = offset;
        let (result, script) = call("audio-transcribe-batch", &arguments, &answers[seen..], true, 8192);
        assert!(result["structuredContent"].to_string().len() <= 8192, "{result}");
        assert!(script.saved().is_empty());
        for item in result["structuredContent"]["data"].as_array().unwrap() {
            assert_eq!((&item["index"], &item["text"]), (&json!(seen), &json!(format!("{seen} ").repeat(100))));
            seen += 1;
        }
        assert_eq!(script.sent().len() + script.left(), 40 - (seen - script.sent().len()));
        offset = result["structuredContent"]["next_offset"].clone();
        calls += 1;
    }
    assert_eq!(seen, 40);
    assert!((2..12).contains(&calls), "{calls} calls");
}

#[test]
fn a_text_that_does_not_fit_into_the_result_of_a_batch_is_saved() {
    let arguments = json!({"files": [{"path": "a.mp3"}, {"path": "b.mp3"}], "model": "whisper-1"});
    let long = json!({"text": "é".repeat(10_000), "words": []});
    let answers = [(200, json!({"text": "Short."})), (200, long.clone())];
    let (result, script) = call("audio-transcribe-batch", &arguments, &answers, true, 16_384);
    let structured = &result["structuredContent"];
    let [(path, content)] = &script.saved()[..] else { panic!("{:?}", script.saved()) };
    assert!(content == long.to_string().as_bytes() && path.ends_with(".json"), "{path}");
    let items = &structured["data"];
    assert_eq!((&items[0]["text"], &items[0]["saved_to"]), (&json!("Short."), &Value::Null));
    assert_eq!(items[1]["saved_to"], json!({"path": path, "bytes": content.len()}));
    assert!(items[1]["bytes_left_out"].is_u64() && structured.to_string().len() <= 16_384, "{structured}");

    let (result, _) = call(
        "audio-transcribe-batch",
        &json!({"files": [recording(1)], "model": "whisper-1"}),
        &answers[1..],
        false,
        16_384,
    );
    let item = &result["structuredContent"]["data"][0];
    assert_eq!(item["note"], "transcribe it alone to see its text whole");
}

#[test]
fn a_batch_whose_key_is_refused_ends() {
    let files: Vec<Value> = (0..40).map(|n| json!({"path": format!("{n}.mp3")})).collect();
    let refusal =
        json!({"error": {"message": "Incorrect API key", "type": "invalid_request_error", "code": "invalid_api_key"}});
    let answers = vec![(401, refusal); 40];
    let (result, script) =
        call("audio-transcribe-batch", &json!({"files": files, "model": "whisper-1"}), &answers, true, 32_768);
    assert!(script.sent().len() <= 4, "{result}");
    assert_eq!(result["isError"], true, "{result}");
}

#[test]
fn a_batch_that_can_spend_no_more_tells_where_to_go_on() {
    let files: Vec<Value> = (0..40).map(|n| json!({"path": format!("{n}.mp3")})).collect();
    let refusal = json!({"error": {"message": "Hard limit", "type": "insufficient_quota", "code": null}});
    let answers = [(200, json!({"text": "One."})), (403, refusal)];
    let (result, script) =
        call("audio-transcribe-batch", &json!({"files": files, "model": "whisper-1"}), &answers, true, 32_768);
    let told = &result["structuredContent"];
    assert_eq!((&told["succeeded"], &told["failed"], &told["done"]), (&json!(1), &json!(1), &json!(false)), "{told}");
    // The one that was refused is the first of those to be done.
    assert_eq!((&told["next_offset"], script.sent().len()), (&json!(1), 2));
    assert!(told["stopped"].as_str().unwrap().contains("Hard limit"), "{told}");
}

#[test]
fn a_text_of_more_requests_than_any_is_refused_before_the_first() {
    for tool in ["audio-speech-create", "audio-speech-stream"] {
        let arguments = json!({"input": "A sentence. ".repeat(12_000), "model": "tts-1", "voice": "alloy"});
        let (result, script) = call(tool, &arguments, &[], true, 32_768);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("`input`: the text takes 36 requests") && script.sent().is_empty(), "{text}");
    }
}
