//! A big file goes through in a stream: with progress, in little memory, and no further than its caller wants.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::harness::{KEY, Launch, Server, bearer, connect, exchange, read_reply, request};

const SIZE: u64 = 512 << 20;

/// Takes one request and throws its body away. Sends how many bytes of it came, once at the end of each mebibyte and
/// once at its own end.
fn sink() -> (String, mpsc::Receiver<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (send, counts) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = vec![0; 1 << 20];
        let (mut count, mut told, mut tail) = (0, 0, Vec::new());
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            count += read as u64;
            if count - told >= 1 << 20 {
                told = count;
                let _ = send.send(count);
            }
            tail.extend_from_slice(&buffer[read.saturating_sub(64)..read]);
            tail.drain(..tail.len().saturating_sub(64));
            // The last boundary ends the body, however its length was told.
            if tail.windows(4).any(|end| end == b"--\r\n") && count > SIZE {
                let body = r#"{"id":"file-1","object":"file"}"#;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length";
                let _ = write!(stream, "{head}: {}\r\n\r\n{body}", body.len());
                break;
            }
        }
        let _ = send.send(count);
    });
    (url, counts)
}

/// A server, and a call that uploads a file of [`SIZE`] zeros and asks for progress.
fn upload(base_url: &str) -> (Server, Vec<u8>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.bin");
    File::create(&path).unwrap().set_len(SIZE).unwrap();
    let server = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--root", folder.path().to_str().unwrap()])
        .env("OPENAI_BASE_URL", base_url)
        .serve();
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "file-upload",
            "arguments": { "file": { "path": path }, "purpose": "user_data" },
            "_meta": { "progressToken": "p" },
        },
    });
    let bytes = request("POST", "/files/mcp", server.addr, &bearer(KEY), call.to_string().as_bytes());
    (server, bytes, folder)
}

#[test]
fn half_a_gigabyte_is_streamed_with_progress() {
    let (url, counts) = sink();
    let (server, call, _folder) = upload(&url);
    let reply = exchange(server.addr, &call).unwrap();
    assert!(counts.iter().last().unwrap() > SIZE);
    let mut messages = reply.messages();
    let answer = messages.pop().unwrap();
    assert_eq!(answer["result"]["structuredContent"]["id"], "file-1", "{answer}");
    assert!(!messages.is_empty(), "no progress was reported");
    let progress: Vec<f64> = messages
        .iter()
        .map(|message: &Value| {
            assert_eq!(message["params"]["progressToken"], "p", "{message}");
            message["params"]["progress"].as_f64().unwrap()
        })
        .collect();
    assert!(progress.windows(2).all(|pair| pair[0] < pair[1]), "{progress:?}");

    server.process.expect_little_memory();
}

#[test]
fn an_abandoned_upload_stops() {
    let (url, counts) = sink();
    let (server, call, _folder) = upload(&url);
    let mut stream = connect(server.addr);
    stream.write_all(&call).unwrap();
    assert!(counts.recv().is_ok(), "the upload did not begin");
    drop(stream);
    // The sink ends when its client hangs up, which the server does long before the end of the file.
    assert!(counts.iter().last().unwrap() < SIZE, "the upload went on without its caller");
    let stream = connect(server.addr);
    (&stream).write_all(&request("GET", "/health", server.addr, &[], b"")).unwrap();
    assert_eq!(read_reply(stream).map(|reply| reply.status), Some(200));
}
