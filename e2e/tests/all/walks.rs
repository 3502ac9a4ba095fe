//! What agents ask for first, from the first call to the last, as they do it: with an official client, by what tools and
//! results say.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::harness::{KEY, Launch, Server, bearer, connect, here, message, request, tool_call};
use crate::interop::{MODERN, play};

#[test]
fn agents_get_there_by_what_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::umbrella(&["--sandbox", "--root", folder.path().to_str().unwrap()]);
    let domains = [
        "files",
        "vector-store",
        "responses",
        "conversations",
        "skills",
        "batches",
        "webhooks",
        "assistants",
        "images",
        "audio",
        "chat",
        "embeddings",
        "fine-tuning",
        "moderation",
    ];
    let at =
        |domain: &str| json!({ "url": server.url(domain), "headers": { "Authorization": format!("Bearer {KEY}") } });
    let plan = json!({
        "places": domains.map(at),
        "folder": folder.path(),
        "handbook": std::fs::read_to_string(here().join("interop/handbook.md")).unwrap(),
        "protocol": MODERN,
    });
    play("walks.py", &[plan]);
}

/// A call that asks to be told how far it is.
fn told(tool: &str, arguments: &Value) -> String {
    let mut params = tool_call(tool, arguments);
    params["_meta"] = json!({"progressToken": "t"});
    message("tools/call", &params)
}

/// Begins a call, and gives the connection once the server has told something that begins so, with what it told.
fn begin(server: &Server, domain: &str, call: &str, beginning: &str) -> (TcpStream, String) {
    let mut stream = connect(server.addr);
    let path = format!("/{domain}/mcp");
    stream.write_all(&request("POST", &path, server.addr, &bearer(KEY), call.as_bytes())).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let start = format!("\"message\":\"{beginning}");
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "nothing that begins with {beginning:?} was told");
        if let Some((_, rest)) = line.split_once(&start) {
            return (stream, format!("{beginning}{}", rest.split('"').next().unwrap_or_default()));
        }
    }
}

/// Whoever lost the call that began a response has its text as it grows from the one that waits for it.
#[test]
fn waiting_tells_the_text() {
    let server = Server::umbrella(&["--sandbox"]);
    let input = "Hello [[long 40]] [[slow 40]]";
    let arguments = json!({"model": "gpt-6-luna", "input": input, "background": true, "stream": true});
    let (stream, begun) = begin(&server, "responses", &told("response-create", &arguments), "resp_");
    drop(stream);
    let id = begun.split(' ').next().unwrap();
    let wait = told("response-wait", &json!({"response_id": id}));
    let mut messages = server.post("/responses/mcp", &bearer(KEY), wait.as_bytes()).messages();
    let result = messages.pop().unwrap()["result"]["structuredContent"].clone();
    assert_eq!((&result["done"], &result["object"]["status"]), (&json!(true), &json!("completed")), "{result}");
    let pieces = messages.iter().map(|message| &message["params"]);
    let pieces: Vec<&str> = pieces
        .filter(|params| params["_meta"]["openai-mcp/text"] == true)
        .map(|params| params["message"].as_str().unwrap())
        .collect();
    assert!(pieces.len() > 1, "{messages:?}");
    assert_eq!(pieces.concat(), result["object"]["text"].as_str().unwrap());
}

/// An upload goes on where it was when its process died, and takes little memory all the way.
#[test]
fn an_upload_outlives_its_process() {
    const SIZE: u64 = 160 << 20;
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.bin");
    File::create(&path).unwrap().set_len(SIZE).unwrap();
    let root = folder.path().to_str().unwrap();
    let launch = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--servers", "uploads", "--root", root])
        .env("OPENAI_BASE_URL", &format!("http://{}/v1", sandbox.addr))
        .env("OPENAI_MCP_STORE", folder.path().join("store").to_str().unwrap());
    let call = told("upload-file", &json!({"file": path, "purpose": "user_data", "timeout": 600}));

    let mut first = launch.serve();
    let (_stream, _) = begin(&first, "uploads", &call, "uploaded ");
    first.process.child.kill().unwrap();
    first.process.child.wait().unwrap();

    let second = launch.serve();
    let mut messages = second.post("/uploads/mcp", &bearer(KEY), call.as_bytes()).messages();
    let result = messages.pop().unwrap()["result"]["structuredContent"].clone();
    assert_eq!((&result["done"], &result["object"]["file"]["bytes"]), (&json!(true), &json!(SIZE)), "{result}");
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", second.process.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 96 << 10, "the server took {kilobytes} kB");
    }
}
