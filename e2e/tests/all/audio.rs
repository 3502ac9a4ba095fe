//! What the audio server makes is listened to: joined speech has no gap, and recordings that are cut keep their times.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Launch, Server};

/// Longer than one request may be, when said so many times.
const SENTENCE: &str = "Alfa bravo charlie, delta echo foxtrot.";
const TIMES: usize = 106;

struct Studio {
    server: Server,
    folder: TempDir,
}

impl Studio {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        let server = Launch::umbrella(&["serve", "--sandbox", "--addr", "127.0.0.1:0", "--root", root]).serve();
        Studio { server, folder }
    }

    #[track_caller]
    fn call(&self, tool: &str, arguments: &Value) -> Value {
        let result = self.server.call("audio", tool, arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    fn speak(&self, tool: &str, text: &str, file: &str, more: &Value) -> Value {
        let format = file.rsplit('.').next();
        let mut arguments = json!({
            "input": text, "model": "gpt-4o-mini-tts", "voice": "coral", "response_format": format, "save_to": file,
        });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call(tool, &arguments)
    }

    fn samples(&self, file: &str) -> Vec<i16> {
        let mut reader = hound::WavReader::open(self.folder.path().join(file)).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.spec().channels), (24_000, 1));
        reader.samples().map(|sample| sample.unwrap()).collect()
    }

    fn transcribe(&self, file: &str, format: &str, split: Option<u64>) -> Value {
        let mut arguments =
            json!({"file": {"path": file}, "model": "whisper-1", "response_format": format, "max_bytes": 1_000_000});
        if format == "verbose_json" {
            arguments["timestamp_granularities"] = json!(["word", "segment"]);
        }
        if let Some(seconds) = split {
            arguments["split_seconds"] = seconds.into();
        }
        self.call("audio-transcribe", &arguments)
    }
}

#[test]
fn long_speech_is_joined_without_a_gap() {
    let studio = Studio::new();
    let text = [SENTENCE; TIMES].join(" ");
    studio.speak("audio-speech-create", SENTENCE, "one.wav", &json!({}));
    let one = studio.samples("one.wav");
    let seconds = (one.len() * TIMES) as f64 / 24_000.0;

    // Every sample is where it would be had the whole been said at once.
    let about = studio.speak("audio-speech-create", &text, "long.wav", &json!({}));
    assert_eq!(about["parts"], 2, "{about}");
    assert!((about["seconds"].as_f64().unwrap() - seconds).abs() < 0.001, "{about}");
    assert!(studio.samples("long.wav") == one.repeat(TIMES), "the joined sound is another");
    for more in [json!({"stream_format": "sse"}), json!({})] {
        let file = if more == json!({}) { "sound.wav" } else { "events.wav" };
        let about = studio.speak("audio-speech-stream", &text, file, &more);
        assert_eq!(about["usage"].is_object(), file == "events.wav", "{about}");
        assert!(studio.samples(file) == one.repeat(TIMES), "{file}: the streamed sound is another");
    }

    // The frames of an encoder begin with a little silence, once for each part.
    let about = studio.speak("audio-speech-stream", &text, "long.mp3", &json!({}));
    let told = about["seconds"].as_f64().unwrap();
    assert!((seconds..seconds + 2.0 * 0.15).contains(&told), "{told} s of {seconds}");
    let heard = studio.transcribe("long.mp3", "verbose_json", None);
    assert!((heard["duration"].as_f64().unwrap() - told).abs() < 0.15, "{} s of {told}", heard["duration"]);
    let segments = heard["segments"].as_array().unwrap();
    assert_eq!(segments.len(), TIMES);
    for pair in segments.windows(2) {
        let silence = pair[1]["start"].as_f64().unwrap() - pair[0]["end"].as_f64().unwrap();
        assert!((0.45..0.65).contains(&silence), "{silence} s of silence before {}", pair[1]);
    }
}

#[test]
fn recordings_that_are_cut_keep_their_words_and_times() {
    let studio = Studio::new();
    let text = [SENTENCE; 24].join(" ");
    for file in ["talk.wav", "talk.mp3"] {
        studio.speak("audio-speech-create", &text, file, &json!({}));
        let whole = studio.transcribe(file, "verbose_json", None);
        let cut = studio.transcribe(file, "verbose_json", Some(30));
        for name in ["text", "language", "task"] {
            assert_eq!(cut[name], whole[name], "{file}: {name}");
        }
        let near = |what: &str, one: &Value, other: &Value| {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            assert!((one - other).abs() < 0.02, "{file}: {what}: {one} and {other}");
        };
        near("duration", &cut["duration"], &whole["duration"]);
        for (list, count, name) in [("words", 144, "word"), ("segments", 24, "text")] {
            let (cut, whole) = (cut[list].as_array().unwrap(), whole[list].as_array().unwrap());
            assert_eq!((cut.len(), whole.len()), (count, count), "{file}: {list}");
            for (one, other) in cut.iter().zip(whole) {
                assert_eq!((&one[name], &one["id"]), (&other[name], &other["id"]), "{file}");
                near(list, &one["start"], &other["start"]);
                near(list, &one["end"], &other["end"]);
            }
        }
    }
    for format in ["srt", "vtt"] {
        let whole = studio.transcribe("talk.wav", format, None);
        assert_eq!(studio.transcribe("talk.wav", format, Some(30)), whole, "{format}");
    }
}
