//! Images of responses: small in a result, whole in a file, and never lost.

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, Rgb, RgbImage};
use openai_mcp_testkit::case::{call_tool, call_with_progress};
use openai_mcp_testkit::script::{Reply, Script};
use openai_responses_mcp::SERVER;
use serde_json::{Value, json};

/// A picture that no compression makes small.
fn large() -> Vec<u8> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let picture = RgbImage::from_fn(512, 512, |_, _| Rgb([noise(), noise(), noise()]));
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

fn response(picture: &[u8], store: bool) -> Reply {
    let call = json!({"type": "image_generation_call", "id": "ig_1", "result": STANDARD.encode(picture)});
    Reply::json(&json!({"id": "resp_1", "status": "completed", "store": store, "output": [call, call]}))
}

#[test]
fn a_large_image_is_shown_small_and_kept_whole() {
    let picture = large();
    for store in [true, false] {
        let script = Arc::new(Script::new(vec![response(&picture, store)]));
        let asked = json!({"model": "gpt-6-astra", "input": "Draw", "store": store});
        let result = call_tool(&SERVER, "response-create", asked, script.clone());
        let shown = result["content"].as_array().unwrap();
        let told: Value = serde_json::from_str(shown[0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(shown.len(), 3, "{told}");
        for block in &shown[1..] {
            assert_eq!(block["mimeType"], "image/jpeg");
            assert!(block["data"].as_str().unwrap().len() < 250_000, "a preview is as large as a picture");
        }
        let note = told["items"][0]["note"].as_str().unwrap();
        assert!(note.starts_with(&format!("a preview of {} bytes", picture.len())), "{note}");
        match store {
            true => assert!(note.contains("response-get with `save_to`") && script.saved().is_empty(), "{note}"),
            false => {
                let saved = script.saved();
                assert_eq!(saved.len(), 2, "what OpenAI does not keep is kept here");
                assert!(note.contains(&saved[0].0) && saved[0].1 == picture, "{note}");
            }
        }
    }
}

#[test]
fn the_text_of_a_response_is_told_to_whoever_waits_for_it() {
    let going = Reply::json(&json!({"id": "resp_1", "status": "in_progress", "background": true, "output": []}));
    let message = json!({"type": "message", "content": [{"type": "output_text", "text": "Hi there"}]});
    let ended = json!({"id": "resp_1", "status": "completed", "output": [message]});
    let event = |event: Value| format!("data: {event}\n\n");
    let events = [
        event(json!({"type": "response.output_text.delta", "sequence_number": 1, "delta": "Hi"})),
        event(json!({"type": "response.output_text.delta", "sequence_number": 2, "delta": " there"})),
        event(json!({"type": "response.completed", "sequence_number": 3, "response": ended})),
    ];
    let wait = json!({"response_id": "resp_1"});
    let told = |replies: Vec<Reply>| {
        let script = Arc::new(Script::new(replies));
        let mut messages = call_with_progress(&SERVER, "response-wait", &wait, script.clone());
        let result = messages.pop().unwrap()["result"]["structuredContent"].clone();
        assert_eq!((&result["done"], &result["object"]["text"]), (&json!(true), &json!("Hi there")), "{result}");
        let text = messages.iter().map(|message| &message["params"]);
        let text = text.filter(|params| params["_meta"]["openai-mcp/text"] == true);
        let text: String = text.map(|params| params["message"].as_str().unwrap()).collect();
        (text, script.sent().iter().map(|sent| sent.target.clone()).collect::<Vec<_>>())
    };
    let (text, asked) = told(vec![going.clone(), Reply::new(200, events.concat())]);
    assert_eq!((text.as_str(), asked.len()), ("Hi there", 2));
    assert_eq!(asked[1], "/responses/resp_1?stream=true");

    // One that was made without a stream has no events: it is looked at again.
    let refused = Reply::new(400, json!({"error": {"message": "cannot be streamed"}}).to_string());
    let (text, asked) = told(vec![going, refused, Reply::json(&ended)]);
    assert_eq!((text.as_str(), asked.len()), ("", 3));
}

#[test]
fn events_that_do_not_open_end_no_later_than_the_wait() {
    let going = Reply::json(&json!({"id": "resp_1", "status": "in_progress", "background": true, "output": []}));
    let script = Arc::new(Script::new(vec![going]).then_silent());
    let wait = json!({"response_id": "resp_1", "timeout": 3});
    let messages = call_with_progress(&SERVER, "response-wait", &wait, script);
    let result = &messages.last().unwrap()["result"]["structuredContent"];
    assert_eq!((&result["done"], &result["waited_seconds"]), (&json!(false), &json!(3)), "{result}");
}
