//! Sessions over sockets: a dialogue in speech, whoever leaves, and an API that means harm.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::harness::{KEY, Launch, PATIENCE, Server, bearer, connect, message, request, tool_call};

/// A server before the stand-in, and a folder that it may use.
fn studio() -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    (Launch::umbrella(&["serve", "--sandbox", "--addr", "127.0.0.1:0", "--root", root]).serve(), folder)
}

#[track_caller]
fn call(server: &Server, domain: &str, tool: &str, arguments: &Value) -> Value {
    let result = server.call(domain, tool, arguments);
    assert_eq!(result["isError"], false, "{tool}: {result}");
    result["structuredContent"].clone()
}

fn samples(folder: &TempDir, file: &str) -> Vec<i16> {
    let mut reader = hound::WavReader::open(folder.path().join(file)).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels, reader.spec().bits_per_sample), (24_000, 1, 16));
    reader.samples().map(|sample| sample.unwrap()).collect()
}

#[test]
fn a_dialogue_in_speech_goes_on_from_call_to_call() {
    let (server, folder) = studio();
    let speak = |text: &str, voice: &str, file: &str| {
        let arguments = json!({"input": text, "model": "gpt-4o-mini-tts", "voice": voice, "response_format": "wav", "save_to": file});
        call(&server, "audio", "audio-speech-create", &arguments);
    };
    speak("Bravo lima.", "alloy", "question.wav");
    let tool =
        json!({"type": "function", "name": "lima", "description": "weather of lima", "parameters": {"type": "object"}});
    let turn = |more: &Value| {
        let mut arguments = json!({"model": "gpt-realtime-2.1", "voice": "marin", "tools": [tool]});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&server, "realtime", "realtime-talk", &arguments)
    };

    let asked = turn(&json!({"audio": "question.wav", "conversation": "new"}));
    assert_eq!(asked["heard"], "Bravo lima.", "{asked}");
    assert_eq!(asked["function_calls"][0]["name"], "lima", "{asked}");
    let conversation = asked["conversation"].as_str().unwrap();

    // What `next` tells, with what the function gives.
    let mut next = asked["next"]["arguments"].clone();
    assert_eq!(asked["next"]["tool"], "realtime-talk");
    next["tool_outputs"][0]["output"] = "It rains.".into();
    next["save_to"] = "answer.wav".into();
    let answered = turn(&next);
    let words = answered["text"].as_str().unwrap();
    assert!(words.contains("It rains."), "{answered}");
    // Not a sample is missing of what was spoken, and none is between its pieces.
    speak(words, "marin", "expected.wav");
    assert!(samples(&folder, "answer.wav") == samples(&folder, "expected.wav"), "the sound is another");

    let third = turn(&json!({"text": "Say it again", "output": "text", "conversation": conversation}));
    assert!(third["text"].as_str().unwrap().contains("Before that you said: \"Bravo lima.\""), "{third}");
    assert_eq!(third["replayed_items"], 4, "{third}");
    assert!(third.get("incomplete").is_none(), "{third}");
}

#[test]
fn recordings_are_written_down_and_translated_piece_by_piece() {
    let (server, folder) = studio();
    let text = "Alfa bravo charlie delta. ".repeat(40);
    let arguments = json!({"input": text, "model": "gpt-4o-mini-tts", "voice": "alloy", "response_format": "mp3", "save_to": "talk.mp3"});
    let seconds = call(&server, "audio", "audio-speech-create", &arguments)["seconds"].as_f64().unwrap();
    assert!(seconds > 60.0, "one piece only: {seconds} s");

    let heard =
        call(&server, "realtime", "realtime-transcribe", &json!({"file": "talk.mp3", "model": "gpt-live-transcribe"}));
    assert_eq!(heard["done"], true, "{heard}");
    assert_eq!(heard["text"].as_str().unwrap().matches("delta.").count(), 40, "{heard}");

    let (mut offset, mut texts, mut spoken) = (json!(0.0), Vec::new(), 0);
    for (number, file) in ["first.wav", "second.wav", "third.wav"].into_iter().enumerate() {
        let arguments = json!({"file": "talk.mp3", "language": "es", "offset": offset, "save_to": file});
        let slice = call(&server, "realtime", "realtime-translate", &arguments);
        assert_eq!((&slice["done"], &slice["from"]), (&json!(number == 2), &offset), "{slice}");
        offset = slice["to"].clone();
        texts.push(slice["text"].as_str().unwrap().to_owned());
        spoken += samples(&folder, file).len();
    }
    let all = texts.join(" ");
    assert_eq!(all.matches("delta.").count(), 40, "{all}");
    assert!((spoken as f64 / 24_000.0 - seconds).abs() < 3.0, "{spoken} samples for {seconds} s");
}

/// Five minutes of 96 kHz in stereo: more than the server may take.
#[test]
fn a_recording_is_not_held_in_memory() {
    const RATE: u32 = 96_000;
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let server = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--root", root])
        .env("OPENAI_BASE_URL", &format!("http://{}/v1", sandbox.addr))
        .serve();
    let length = 5 * 60 * RATE * 4;
    let head = [
        b"RIFF".as_slice(),
        &(length + 36).to_le_bytes(),
        b"WAVEfmt \x10\0\0\0\x01\0\x02\0",
        &RATE.to_le_bytes(),
        &(RATE * 4).to_le_bytes(),
        b"\x04\0\x10\0data",
        &length.to_le_bytes(),
    ];
    std::fs::write(folder.path().join("long.wav"), head.concat()).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(folder.path().join("long.wav")).unwrap();
    // All the rest is silence.
    file.set_len(u64::from(length) + 44).unwrap();
    let arguments = json!({"file": "long.wav", "model": "gpt-live-transcribe", "timeout": 600});
    let heard = call(&server, "realtime", "realtime-transcribe", &arguments);
    assert_eq!(heard["done"], true, "{heard}");
    server.process.expect_little_memory();
}

/// An API that does with each socket as it is told.
pub(crate) fn listen(mut play: impl FnMut(WebSocket<TcpStream>) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if let Ok(socket) = tungstenite::accept(stream.unwrap()) {
                play(socket);
            }
        }
    });
    addr
}

/// A server before such an API.
fn upstream(play: impl FnMut(WebSocket<TcpStream>) + Send + 'static) -> Server {
    let base_url = format!("http://{}/v1", listen(play));
    Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", &base_url).serve()
}

/// A session whose answer does not end, and what tells that its client has left.
pub(crate) fn endless() -> (impl FnMut(WebSocket<TcpStream>) + Send + 'static, mpsc::Receiver<()>) {
    let (left, has_left) = mpsc::channel();
    let play = move |mut socket| {
        begin(&mut socket);
        say(&mut socket, &delta("On and on"));
        // The end of the connection.
        while socket.read().is_ok() {}
        left.send(()).unwrap();
    };
    (play, has_left)
}

/// A call that listens to it.
pub(crate) fn listening() -> (&'static str, Value) {
    ("realtime-talk", json!({"model": "gpt-realtime-2.1", "text": "Hi", "timeout": 600}))
}

fn say(socket: &mut WebSocket<TcpStream>, event: &Value) -> bool {
    socket.send(Message::text(event.to_string())).is_ok()
}

/// A session that speaks in bytes, and breaks off at the question.
pub(crate) fn breaking() -> impl FnMut(WebSocket<TcpStream>) + Send + 'static {
    |mut socket| {
        let created = json!({"type": "session.created", "session": {}}).to_string();
        socket.send(Message::binary(created)).unwrap();
        until_asked(&mut socket);
    }
}

/// Plays a session up to the question.
fn begin(socket: &mut WebSocket<TcpStream>) {
    say(socket, &json!({"type": "session.created", "session": {}}));
    until_asked(socket);
}

fn until_asked(socket: &mut WebSocket<TcpStream>) {
    while let Ok(message) = socket.read() {
        let event: Value = serde_json::from_str(message.to_text().unwrap_or_default()).unwrap_or_default();
        if event["type"] == "session.update" {
            say(socket, &json!({"type": "session.updated", "session": {}}));
        }
        if event["type"] == "response.create" {
            say(socket, &json!({"type": "response.created", "response": {"id": "resp_1"}}));
            return;
        }
    }
}

fn delta(text: &str) -> Value {
    json!({"type": "response.output_text.delta", "delta": text})
}

#[test]
fn a_client_that_leaves_ends_the_session() {
    use std::io::{BufRead as _, BufReader, Write as _};

    let (play, has_left) = endless();
    let server = upstream(play);
    let (tool, arguments) = listening();
    let mut params = tool_call(tool, &arguments);
    params["_meta"] = json!({"progressToken": "t"});
    let body = message("tools/call", &params);
    let mut client = connect(server.addr);
    client.write_all(&request("POST", "/realtime/mcp", server.addr, &bearer(KEY), body.as_bytes())).unwrap();
    let mut answer = BufReader::new(client);
    let mut line = String::new();
    while !line.contains("On and on") {
        line.clear();
        assert!(answer.read_line(&mut line).unwrap() > 0, "no progress came");
    }
    drop(answer);
    has_left.recv_timeout(PATIENCE).expect("the session goes on");
}

#[test]
fn a_call_that_is_cancelled_ends_the_session() {
    let (play, has_left) = endless();
    let base_url = format!("http://{}/v1", listen(play));
    let launch = Launch::umbrella(&["stdio", "realtime"]).env("OPENAI_BASE_URL", &base_url).env("OPENAI_API_KEY", KEY);
    let mut process = launch.start();
    let (tool, arguments) = listening();
    let mut params = tool_call(tool, &arguments);
    params["_meta"] = json!({"progressToken": "t"});
    process.send(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}));
    while !process.receive().to_string().contains("On and on") {}
    process.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}));
    has_left.recv_timeout(PATIENCE).expect("the session goes on");
    // The server itself stays.
    process.send(&json!({"jsonrpc": "2.0", "id": 8, "method": "ping"}));
    process.receive_answer(&json!(8));
}

#[test]
fn an_api_that_means_harm_costs_one_error() {
    type Play = fn(&mut WebSocket<TcpStream>);
    let rows: [(&str, Play, &str); 6] = [
        ("garbage", |socket| drop(socket.send(Message::text("garbage"))), "something that is no event"),
        ("an array", |socket| drop(socket.send(Message::text("[1, 2]"))), "something that is no event"),
        ("bytes", |socket| drop(socket.send(Message::binary(vec![0xFF; 9]))), "something that is no event"),
        ("a huge message", |socket| drop(socket.send(Message::text("x".repeat(17 << 20)))), "the connection broke"),
        ("a goodbye", |socket| drop(socket.close(None)), "openai closed the session"),
        ("nothing", |_| {}, "the connection broke"),
    ];
    let mut number = 0;
    let server = upstream(move |mut socket| {
        begin(&mut socket);
        let (_, play, _) = rows[number];
        number += 1;
        play(&mut socket);
        let _ = socket.flush();
        if number < rows.len() {
            while socket.read().is_ok() {}
        }
    });
    for (name, _, expected) in rows {
        let result = server.call("realtime", "realtime-talk", &json!({"model": "gpt-realtime-2.1", "text": "Hi"}));
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(result["isError"] == true && text.contains(expected), "{name}: {result}");
    }
}

#[test]
fn an_answer_without_end_is_cut() {
    let server = upstream(|mut socket| {
        begin(&mut socket);
        while say(&mut socket, &delta("on ")) {}
    });
    let arguments = json!({"model": "gpt-realtime-2.1", "text": "Hi", "timeout": 1});
    let result = server.call("realtime", "realtime-talk", &arguments);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("\"incomplete\":"), "{}", text.get(..300).unwrap_or(text));
}
