//! Speech that is long: others have their turn while it goes out, and its last piece is none that is too short.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::Reply;
use openai_mcp_testkit::case::{call_tool, service};
use openai_mcp_testkit::script::{Reply as Played, Script};
use openai_realtime_mcp::SERVER;
use serde_json::{Value, json};

/// Bytes of a second of PCM.
const SECOND: usize = 24_000 * 2;

/// Plays a session that hears `seconds` of silence. Gives how many pieces of it went out each time before others had their
/// turn, and the result.
fn pieces(seconds: usize) -> (Vec<usize>, Value) {
    let session = r#"{"type": "session.created", "session": {"type": "realtime"}}
after session.update
{"type": "session.updated", "session": {"type": "realtime"}}
after response.create
{"type": "response.created", "response": {"id": "resp_1"}}
{"type": "response.output_text.delta", "delta": "Hello."}
{"type": "response.done", "response": {"id": "resp_1", "status": "completed", "output": []}}
{"type": "conversation.item.input_audio_transcription.completed", "item_id": "item_1", "transcript": "Alfa."}
"#;
    let script = Arc::new(Script::new(vec![Played::new(101, session)]).then_silent());
    let sound = STANDARD.encode(vec![0; seconds * SECOND]);
    let arguments = json!({"model": "gpt-realtime-2.1", "audio": {"data": sound, "filename": "a.pcm"}, "output": "text", "timeout": 600});
    call(&script, "realtime-talk", &arguments)
}

/// Calls a tool. Gives how many pieces of sound went out each time before others had their turn, and the answer.
fn call(script: &Arc<Script>, tool: &str, arguments: &Value) -> (Vec<usize>, Value) {
    let message =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    let caller = Caller { key: Some(Secret::new("sk-test").unwrap()), trusted: true, ..Caller::default() };
    let mut reply = service(&SERVER, script).begin(&message.to_string().into(), caller, None).reply;
    let (mut turns, mut before) = (Vec::new(), 0);
    loop {
        let looked = Pin::new(&mut reply).poll(&mut Context::from_waker(Waker::noop()));
        let sent = script.sent().last().map_or(0, |socket| socket.body.matches("input_audio_buffer.append\"").count());
        turns.push(sent - before);
        before = sent;
        if let Poll::Ready(reply) = looked {
            let Reply::One(_, answer) = reply else { panic!("expected one message") };
            return (turns, serde_json::from_slice(&answer).unwrap());
        }
        assert!(turns.len() < 10_000, "the call does not end");
    }
}

#[test]
fn long_speech_goes_out_in_turns() {
    let (turns, answer) = pieces(30);
    assert_eq!(answer["result"]["structuredContent"]["text"], "Hello.", "{answer}");
    // Each has four seconds: a quarter of a megabyte as it goes out.
    assert_eq!(turns.iter().sum::<usize>(), 8);
    assert!(turns.iter().all(|pieces| *pieces <= 1), "{turns:?}");
}

/// OpenAI refuses less than a tenth of a second.
#[test]
fn of_raw_sound_no_scrap_is_left_for_the_last_piece() {
    // Bytes, and the pieces they make: one byte is no sample.
    let rows: [(usize, &[usize]); 4] = [
        (60 * SECOND, &[60 * SECOND]),
        (60 * SECOND + SECOND / 20 + 1, &[60 * SECOND - SECOND * 9 / 20, SECOND / 2]),
        (61 * SECOND, &[60 * SECOND, SECOND]),
        (120 * SECOND + 2, &[60 * SECOND, 60 * SECOND - SECOND / 2 + 2, SECOND / 2]),
    ];
    for (length, expected) in rows {
        let mut session = r#"{"type": "session.created", "session": {"type": "transcription"}}
after session.update
{"type": "session.updated", "session": {"type": "transcription"}}
"#
        .to_owned();
        for item in 0..expected.len() {
            session.push_str(&format!(
                r#"after input_audio_buffer.commit
{{"type": "input_audio_buffer.committed", "item_id": "item_{item}"}}
{{"type": "conversation.item.input_audio_transcription.completed", "item_id": "item_{item}", "transcript": "Alfa."}}
"#
            ));
        }
        let script = Arc::new(Script::new(vec![Played::new(101, session)]).then_silent());
        let file = json!({"data": STANDARD.encode(vec![0; length]), "filename": "a.PCM"});
        let arguments = json!({"model": "gpt-live-transcribe", "file": file, "timeout": 600});
        let (_, answer) = call(&script, "realtime-transcribe", &arguments);
        assert_eq!(answer["result"]["structuredContent"]["done"], true, "{length}: {answer}");
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        for line in script.sent().last().unwrap().body.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            match event["type"].as_str().unwrap() {
                "input_audio_buffer.append" => {
                    let letters = event["audio"].as_str().unwrap().trim_start_matches('[').split(' ').next().unwrap();
                    bytes += letters.parse::<usize>().unwrap() / 4 * 3;
                }
                "input_audio_buffer.commit" => pieces.push(std::mem::take(&mut bytes)),
                _ => {}
            }
        }
        // Base64 fills the last three bytes.
        let near = pieces.iter().zip(expected).all(|(bytes, expected)| (0..3).contains(&(bytes - expected)));
        assert!(near && pieces.len() == expected.len(), "{length}: {pieces:?}");
    }
}

#[test]
fn the_rest_of_a_transcript_has_a_file_of_its_own() {
    let session = r#"{"type": "session.created", "session": {"type": "transcription"}}
after session.update
{"type": "session.updated", "session": {"type": "transcription"}}
after input_audio_buffer.commit
{"type": "input_audio_buffer.committed", "item_id": "item_1"}
{"type": "conversation.item.input_audio_transcription.completed", "item_id": "item_1", "transcript": "Alfa."}
gone
"#;
    let script = Arc::new(Script::new(vec![Played::new(101, session)]).then_silent());
    let sound = STANDARD.encode(vec![0; 70 * 24_000 * 2]);
    let file = json!({"data": sound, "filename": "a.pcm"});
    let arguments = json!({"model": "gpt-live-transcribe", "file": file, "save_to": "talk.txt", "timeout": 600});
    let result = call_tool(&SERVER, "realtime-transcribe", arguments.to_string(), script.clone());
    let told = &result["structuredContent"];
    assert_eq!(told["saved_to"]["path"], "talk.txt", "{result}");
    assert_eq!(told["next"]["arguments"]["save_to"], "talk-2.txt", "{result}");
}
