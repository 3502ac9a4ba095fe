//! A model's text on its way to the client, and the way back of a client that has heard enough.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::harness::{KEY, Launch, PATIENCE, Server, bearer, connect, message, request, tool_call};

fn question(text: &str) -> String {
    let arguments = json!({"model": "gpt-6-luna", "messages": [{"role": "user", "content": text}]});
    let mut params = tool_call("chat-completion-stream", &arguments);
    params["_meta"] = json!({"progressToken": "t"});
    message("tools/call", &params)
}

#[test]
fn the_text_is_told_while_it_grows_and_whole_at_the_end() {
    let server = Server::umbrella(&["--sandbox"]);
    let reply = server.post("/chat/mcp", &bearer(KEY), question("Hello [[slow 60]]").as_bytes());
    let mut messages = reply.messages();
    let result = messages.pop().unwrap()["result"].clone();
    let whole = &result["structuredContent"]["text"];
    assert!(whole.as_str().unwrap().contains("You said: \"Hello\""), "{result}");
    assert!(result["structuredContent"]["usage"]["total_tokens"].is_u64(), "{result}");

    // A sign of life may come before the first words, and none that says anything after them.
    let told = messages.iter().map(|message| &message["params"]);
    let told: Vec<&Value> =
        told.skip_while(|params| params["message"].as_str().unwrap().starts_with("waiting")).collect();
    assert!(told.len() > 1, "{told:?}");
    let text: String = told.iter().map(|params| params["message"].as_str().unwrap()).collect();
    assert_eq!(text, whole.as_str().unwrap());
    let steps: Vec<f64> = told.iter().map(|params| params["progress"].as_f64().unwrap()).collect();
    assert!(steps.is_sorted_by(|one, next| one < next), "{steps:?}");
}

#[test]
fn a_response_tells_its_id_before_its_text() {
    let server = Server::umbrella(&["--sandbox"]);
    let arguments = json!({"model": "gpt-6-luna", "input": "Hello [[slow 60]]", "stream": true});
    let mut params = tool_call("response-create", &arguments);
    params["_meta"] = json!({"progressToken": "t"});
    let reply = server.post("/responses/mcp", &bearer(KEY), message("tools/call", &params).as_bytes());
    let mut messages = reply.messages();
    let result = messages.pop().unwrap()["result"]["structuredContent"].clone();
    let told: Vec<&Value> = messages.iter().map(|message| &message["params"]).collect();
    let begun = format!("{} has begun: response-get has it", result["id"].as_str().unwrap());
    let first = told.iter().position(|params| params["message"].as_str().unwrap().starts_with(&begun)).unwrap();
    let pieces = told[first + 1..].iter().filter(|params| params["_meta"]["openai-mcp/text"] == true);
    let text: Vec<&str> = pieces.map(|params| params["message"].as_str().unwrap()).collect();
    assert!(text.len() > 1, "{told:?}");
    assert_eq!(text.concat(), result["text"].as_str().unwrap());
}

#[test]
fn a_client_that_leaves_ends_the_stream() {
    // A model that never stops: after its first words it only listens whether anyone is still there.
    let upstream = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let base_url = format!("http://{}/v1", upstream.local_addr().unwrap());
    let (left, has_left) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = upstream.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        while request.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        let chunk = json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": "On"}}]});
        let event = format!("data: {chunk}\n\n");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        write!(stream, "{head}{:x}\r\n{event}\r\n", event.len()).unwrap();
        // The rest of the request, and then the end of the connection.
        let _ = request.read_to_end(&mut Vec::new());
        left.send(()).unwrap();
    });

    let server = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", &base_url).serve();
    let mut client = connect(server.addr);
    let asked = request("POST", "/chat/mcp", server.addr, &bearer(KEY), question("Go on").as_bytes());
    client.write_all(&asked).unwrap();
    let mut answer = BufReader::new(client.try_clone().unwrap());
    let mut line = String::new();
    while !line.contains("\"message\":\"On\"") {
        line.clear();
        assert!(answer.read_line(&mut line).unwrap() > 0, "the server said nothing of the first words");
    }
    drop((client, answer));
    has_left.recv_timeout(PATIENCE).expect("the model goes on for nobody");
}
