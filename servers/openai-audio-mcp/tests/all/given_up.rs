//! Callers who have gone while something is spoken or written down: it is paid for.

use std::sync::Arc;

use openai_audio_mcp::SERVER;
use openai_mcp_testkit::case::give_up;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

use crate::long::recording;

fn said(text: &str) -> Reply {
    Reply::json(&json!({"text": text}))
}

fn spoken(text: &str) -> Reply {
    let mut reply = Reply::new(200, text.to_owned());
    reply.headers = vec![("content-type".to_owned(), "audio/pcm".to_owned())];
    reply
}

/// What is saved of a call whose caller has gone after these answers, and how many requests were made.
fn gone(tool: &str, arguments: &Value, before: Vec<Reply>, after: Vec<Reply>) -> (Vec<(String, String)>, usize) {
    let script = Arc::new(Script::new(before).then_silent());
    give_up(&SERVER, tool, arguments, &script);
    script.reply(after);
    script.tidy_up();
    let saved =
        script.saved().into_iter().map(|(path, content)| (path, String::from_utf8_lossy(&content).into_owned()));
    (saved.collect(), script.sent().len())
}

#[test]
fn a_transcript_goes_to_its_file_or_to_a_spare_one() {
    let file = json!({"path": "a.mp3"});
    let arguments = json!({"file": file, "model": "gpt-transcribe", "save_to": "a.txt"});
    let (saved, _) = gone("audio-transcribe", &arguments, Vec::new(), vec![said("One.")]);
    assert_eq!(saved, [("a.txt".to_owned(), "One.".to_owned())]);

    for (tool, arguments) in [
        ("audio-transcribe", json!({"file": file, "model": "gpt-transcribe"})),
        ("audio-translate", json!({"file": file, "model": "whisper-1"})),
    ] {
        let (saved, _) = gone(tool, &arguments, Vec::new(), vec![said("One.")]);
        let [(path, content)] = &saved[..] else { panic!("{saved:?}") };
        assert!(path.starts_with("openai-mcp-results/transcript-") && content == r#"{"text":"One."}"#, "{saved:?}");
    }
}

#[test]
fn of_a_long_recording_the_pieces_are_kept_that_are_paid_for() {
    let arguments =
        json!({"file": recording(100), "model": "gpt-transcribe", "split_seconds": 10, "save_to": "talk.txt"});
    let after = ["Two.", "Three.", "Four.", "Five."].map(said).into();
    let (saved, sent) = gone("audio-transcribe", &arguments, vec![said("One.")], after);
    let [(path, content)] = &saved[..] else { panic!("{saved:?}") };
    // The name that was asked for is for the whole.
    assert!(path.starts_with("openai-mcp-results/transcript-first-"), "{path}");
    assert!(content.contains("One. Two. Three. Four."), "{content}");
    assert_eq!(sent, 4, "three are under way at a time");
}

#[test]
fn of_a_batch_what_is_in_no_file_is_kept_together() {
    let files: Vec<Value> = (0..9).map(|n| json!({"path": format!("{n}.mp3")})).collect();
    let arguments = json!({"files": files, "model": "gpt-transcribe"});
    let after = ["2", "3", "4", "5", "6"].map(said).into();
    let (saved, sent) = gone("audio-transcribe-batch", &arguments, vec![said("1")], after);
    let [(path, content)] = &saved[..] else { panic!("{saved:?}") };
    assert!(path.starts_with("openai-mcp-results/transcripts-"), "{path}");
    let report: Value = serde_json::from_str(content).unwrap();
    let texts: Vec<_> = report["data"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!((texts, sent, &report["next_offset"]), (vec!["1", "2", "3", "4", "5"], 5, &json!(5)));
}

#[test]
fn speech_goes_to_its_file_or_to_a_spare_one() {
    let arguments = json!({"input": "Hello", "model": "tts-1", "voice": "alloy", "save_to": "a.pcm"});
    for tool in ["audio-speech-create", "audio-speech-stream"] {
        let (saved, _) = gone(tool, &arguments, Vec::new(), vec![spoken("sound")]);
        assert_eq!(saved, [("a.pcm".to_owned(), "sound".to_owned())], "{tool}");
    }
    let arguments = json!({"input": "Hello", "model": "tts-1", "voice": "alloy"});
    let (saved, _) = gone("audio-speech-create", &arguments, Vec::new(), vec![spoken("sound")]);
    let [(path, content)] = &saved[..] else { panic!("{saved:?}") };
    assert!(path.starts_with("openai-mcp-results/speech-") && content == "sound", "{saved:?}");
}

#[test]
fn of_a_long_text_the_parts_are_kept_that_are_paid_for() {
    let arguments = json!({
        "input": "A sentence. ".repeat(3000), "model": "tts-1", "voice": "alloy", "save_to": "a.pcm",
    });
    for (tool, parts, sent) in [("audio-speech-create", "first-4-of-9", 4), ("audio-speech-stream", "first-2-of-9", 2)]
    {
        let after = ["two ", "three ", "four ", "five "].map(spoken).into();
        let (saved, made) = gone(tool, &arguments, vec![spoken("one ")], after);
        let [(path, content)] = &saved[..] else { panic!("{tool}: {saved:?}") };
        assert!(path.starts_with(&format!("openai-mcp-results/speech-{parts}-")), "{tool}: {path}");
        assert_eq!((content.split_whitespace().count(), made), (sent, sent), "{tool}: {content}");
    }
}
