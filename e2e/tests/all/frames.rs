//! What goes out over sockets, compared with the official SDK in the same session: handshakes, and the events in their order.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::harness::{KEY, Launch, PATIENCE, here};
use crate::interop::play;

/// Headers of a handshake that say who asks for what.
const HEADERS: [&str; 6] =
    ["authorization", "openai-organization", "openai-project", "openai-beta", "openai-safety-identifier", "cookie"];

/// A session as the other side sees it: the handshake, and each event without its id.
type Seen = (Value, Vec<Value>);

/// An API that goes along with every session, and tells of each when it is over.
fn upstream() -> (String, mpsc::Receiver<Seen>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (over, sessions) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut handshake = Value::Null;
            #[allow(clippy::result_large_err, reason = "the type of a refusal is tungstenite's")]
            let note = |request: &Request, response: Response| {
                let header = |name: &str| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
                handshake = json!({ "to": request.uri().to_string(), "headers": HEADERS.map(header) });
                Ok(response)
            };
            let socket = tungstenite::accept_hdr(stream, note).unwrap();
            let events = go_along(socket, handshake["to"].as_str().unwrap().contains("/live/"));
            over.send((handshake, events)).unwrap();
        }
    });
    (base_url, sessions)
}

/// Plays a session to its end, and gives the events that came in.
fn go_along(mut socket: WebSocket<TcpStream>, live: bool) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    let mut told = vec![json!({ "type": if live { "session.started" } else { "session.created" }, "session": {} })];
    loop {
        // Whoever has said all goes without listening.
        for event in told.drain(..) {
            let _ = socket.send(Message::text(event.to_string()));
        }
        let Ok(message) = socket.read() else { return events };
        let Ok(mut event) = serde_json::from_slice::<Value>(&message.into_data()) else { continue };
        event.as_object_mut().unwrap().remove("event_id");
        let done = |status: &str| {
            let said = json!({ "type": "message", "content": [{ "type": "output_text", "text": "Aye." }] });
            json!({ "type": "response.done", "response": { "id": "resp_1", "status": status, "output": [said] } })
        };
        match event["type"].as_str().unwrap() {
            "session.update" => told.push(json!({ "type": "session.updated", "session": {} })),
            "input_audio_buffer.commit" => {
                let heard = "conversation.item.input_audio_transcription.completed";
                told.push(json!({ "type": "input_audio_buffer.committed", "item_id": "item_1" }));
                told.push(json!({ "type": heard, "item_id": "item_1", "transcript": "Lima." }));
            }
            "response.create" => {
                told.push(json!({ "type": "response.created", "response": { "id": "resp_1" } }));
                let never = events.iter().any(|event| event.to_string().contains("never"));
                told.extend((!never).then(|| done("completed")));
            }
            "response.cancel" => told.push(done("cancelled")),
            "session.close" => told.push(json!({ "type": "session.closed", "reason": "close_requested" })),
            _ => {}
        }
        events.push(event);
    }
}

#[test]
fn frames_are_those_of_the_sdk() {
    let samples: Vec<u8> = (0..12_000i16).flat_map(|n| (n % 400 * 50).to_le_bytes()).collect();
    let rows = std::fs::read_to_string(here().join("interop/frames.json")).unwrap();
    let rows: Value =
        serde_json::from_str(&rows.replace("\"PCM\"", &format!("\"{}\"", STANDARD.encode(samples)))).unwrap();
    let (base_url, sessions) = upstream();
    let ours = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"])
        .env("OPENAI_BASE_URL", &base_url)
        .env("OPENAI_ORG_ID", "org-e2e")
        .env("OPENAI_PROJECT_ID", "proj_e2e")
        .serve();
    let calls = rows.as_array().unwrap().iter().map(|row| {
        let (server, tool) = (row["server"].as_str().unwrap(), row["tool"].as_str().unwrap());
        let result = ours.call(server, tool, &row["arguments"]);
        assert_eq!(result["isError"], false, "{}: {result}", row["name"]);
        (&row["name"], sessions.recv_timeout(PATIENCE).unwrap())
    });
    let calls: Vec<_> = calls.collect();
    let client = json!({ "api_key": KEY, "base_url": base_url, "organization": "org-e2e", "project": "proj_e2e" });
    play("frames.py", &[json!({ "protocol": "sent", "client": client, "rows": rows })]);
    for (name, ours) in calls {
        assert_eq!(ours, sessions.recv_timeout(PATIENCE).unwrap(), "{name}");
    }
}
