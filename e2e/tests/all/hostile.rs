//! Input that no well-meaning client sends: each is answered or cut off, and the server serves on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use openai_mcp_testkit::recorder::{self, Recorder};
use serde_json::{Value, json};

use crate::harness::{
    KEY, Launch, PATIENCE, Process, Reply, Server, bearer, connect, exchange, message, read_reply, request, tool_call,
};

const PATH: &str = "/vector-store/mcp";

/// What a row of a table expects.
enum Expect {
    /// An HTTP status and a JSON-RPC error code.
    Fault(u16, i64),
    /// A tool result that is an error and has this in its text.
    Refused(&'static str),
    /// Any answer but a fault of the server's own.
    Answer,
}

use Expect::{Answer, Fault, Refused};

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn call_with(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"vector-store-search","arguments":{arguments}}}}}"#
    )
}

/// Messages that are wrong, for HTTP bodies and for lines alike.
fn messages() -> Vec<(&'static str, Vec<u8>, Expect)> {
    let with_params = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#).into_bytes()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("a truncated message", text(r#"{"jsonrpc":"2.0","id":1,"method":"pi"#), Fault(400, -32700)),
        ("an open string", text(r#"{"jsonrpc":"2.0"#), Fault(400, -32700)),
        ("two messages in one", text(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{"a":1}"#), Fault(400, -32700)),
        ("words", text("hello"), Fault(400, -32700)),
        ("invalid UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}".to_vec(), Fault(400, -32700)),
        (
            "an overlong sequence",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc0\xaf\"}".to_vec(),
            Fault(400, -32700),
        ),
        ("a raw control character", text("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\u{1}b\"}"), Fault(400, -32700)),
        ("arrays 100,000 deep", nested(100_000).into_bytes(), Answer),
        ("100,000 opening brackets", "[".repeat(100_000).into_bytes(), Fault(400, -32700)),
        ("objects 100,000 deep", (r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000)).into_bytes(), Answer),
        ("deep arguments", call_with(&nested(100_000)).into_bytes(), Answer),
        ("deep in one argument", call_with(&format!(r#"{{"filters":{}}}"#, nested(100_000))).into_bytes(), Answer),
        ("deep beside the message", with_params("ping", &nested(100_000)), Answer),
        ("null", text("null"), Fault(400, -32600)),
        ("a number", text("17"), Fault(400, -32600)),
        ("a string", text(r#""ping""#), Fault(400, -32600)),
        ("an empty object", text("{}"), Fault(400, -32600)),
        ("an empty batch", text("[]"), Fault(400, -32600)),
        ("a batch", text(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#), Answer),
        ("a batch of no messages", text("[1,null,{}]"), Answer),
        ("a batch in a batch", text("[[[[]]]]"), Answer),
        ("another version", text(r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#), Fault(400, -32600)),
        ("no version", text(r#"{"id":1,"method":"ping"}"#), Fault(400, -32600)),
        ("an object for an id", text(r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#), Fault(400, -32600)),
        ("a list for an id", text(r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#), Fault(400, -32600)),
        ("an id beyond all numbers", text(r#"{"jsonrpc":"2.0","id":1e999,"method":"ping"}"#), Answer),
        ("no method", text(r#"{"jsonrpc":"2.0","id":1}"#), Fault(400, -32600)),
        ("a number for a method", text(r#"{"jsonrpc":"2.0","id":1,"method":5}"#), Fault(400, -32600)),
        ("an unknown method", with_params("tools/destroy", "{}"), Fault(200, -32601)),
        ("a method with control characters", with_params("\\u0000\\r\\nx: y", "{}"), Fault(200, -32601)),
        ("a very long method", with_params(&"m".repeat(100_000), "{}"), Fault(200, -32601)),
        ("a string for parameters", with_params("tools/call", r#""x""#), Answer),
        ("a list for parameters", with_params("tools/call", "[]"), Answer),
        ("no parameters", with_params("tools/call", "{}"), Fault(200, -32602)),
        ("a number for a tool", with_params("tools/call", r#"{"name":1}"#), Fault(200, -32602)),
        ("an unknown tool", with_params("tools/call", r#"{"name":"rm-rf","arguments":{}}"#), Fault(200, -32602)),
        ("a tool with a path", with_params("tools/call", r#"{"name":"../vector-store-list"}"#), Fault(200, -32602)),
        ("a list for arguments", with_params("tools/call", r#"{"name":"vector-store-list","arguments":[]}"#), Answer),
        (
            "a string for arguments",
            with_params("tools/call", r#"{"name":"vector-store-list","arguments":"{}"}"#),
            Answer,
        ),
        (
            "an unknown argument",
            call_with(r#"{"vector_store_id":"vs_1","query":"q","querry":"q"}"#).into_bytes(),
            Refused("querry"),
        ),
        ("a missing argument", call_with(r#"{"query":"q"}"#).into_bytes(), Refused("vector_store_id")),
        ("a wrong type", call_with(r#"{"vector_store_id":"vs_1","query":{"a":1}}"#).into_bytes(), Refused("query")),
        (
            "a text for a number",
            call_with(r#"{"vector_store_id":"vs_1","query":"q","max_num_results":"nine"}"#).into_bytes(),
            Refused("max_num_results"),
        ),
        (
            "a number out of range",
            call_with(r#"{"vector_store_id":"vs_1","query":"q","max_num_results":1e400}"#).into_bytes(),
            Answer,
        ),
        (
            "a fraction",
            call_with(r#"{"vector_store_id":"vs_1","query":"q","max_num_results":1.5}"#).into_bytes(),
            Refused("max_num_results"),
        ),
        ("half a character", call_with(r#"{"vector_store_id":"vs_1","query":"\ud800"}"#).into_bytes(), Answer),
        ("nul", call_with(r#"{"vector_store_id":"vs_\u0000","query":"q"}"#).into_bytes(), Refused("vector_store_id")),
        (
            "the same argument twice",
            call_with(r#"{"vector_store_id":"vs_1","vector_store_id":"../files","query":"q"}"#).into_bytes(),
            Answer,
        ),
        ("the same key twice", text(r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#), Answer),
        ("an unknown key", text(r#"{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"a":1}}"#), Answer),
        ("an answer to no question", text(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), Answer),
        (
            "a cancellation of nothing",
            text(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#),
            Answer,
        ),
        (
            "a cancellation of everything",
            text(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}"#),
            Answer,
        ),
        (
            "a modern message with a broken envelope",
            with_params("tools/list", r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}"#),
            Answer,
        ),
        ("a wild progress token", with_params("tools/list", r#"{"_meta":{"progressToken":{"a":[]}}}"#), Answer),
    ]
}

#[track_caller]
fn judge(name: &str, status: Option<u16>, answer: Option<&Value>, expect: &Expect) {
    let seen = format!("{name}: {status:?} {answer:?}");
    assert!(status.is_none_or(|status| status < 500), "{seen}");
    let code = answer.and_then(|answer| answer["error"]["code"].as_i64());
    assert_ne!(code, Some(-32603), "{seen}");
    match expect {
        Fault(wanted, fault) => {
            assert!(status.is_none_or(|status| status == *wanted), "{seen}");
            assert_eq!(code, Some(*fault), "{seen}");
        }
        Refused(word) => {
            let result = &answer.unwrap_or_else(|| panic!("{seen}"))["result"];
            assert_eq!(result["isError"], true, "{seen}");
            assert!(result["content"][0]["text"].as_str().unwrap().contains(word), "{seen}");
        }
        Answer => {}
    }
}

/// The server still does what it is there for.
#[track_caller]
fn serves_on(server: &Server, after: &str) {
    let result = server.call("vector-store", "vector-store-list", &json!({ "limit": 1 }));
    assert_eq!(result["isError"], false, "after {after}: {result}");
}

fn sandbox(arguments: &[&str]) -> Server {
    Server::umbrella(&[&["--sandbox"], arguments].concat())
}

#[test]
fn wrong_messages_over_http() {
    let server = sandbox(&[]);
    for (name, body, expect) in messages().into_iter().chain([("nothing", Vec::new(), Fault(400, -32700))]) {
        let reply = server.post(PATH, &bearer(KEY), &body);
        let answer = serde_json::from_str::<Value>(&reply.body).ok();
        judge(name, Some(reply.status), answer.as_ref(), &expect);
        serves_on(&server, name);
    }
}

#[test]
fn wrong_messages_over_stdio() {
    let mut process = Launch::umbrella(&["stdio", "vector-store", "--sandbox"]).start();
    for (name, line, expect) in messages() {
        process.write(&line);
        // Empty lines and lines that end as on Windows are no messages and no faults.
        process.write(b"\r\n\n  \n");
        let (before, _) = ping(&mut process, name);
        let answer = before.first();
        match expect {
            Answer => assert!(before.iter().all(|answer| answer["error"]["code"] != -32603), "{name}: {before:?}"),
            expect => judge(name, None, answer, &expect),
        }
    }
    let finished = process.finish();
    assert!(finished.status.success(), "{finished:?}");
}

/// Asks for a sign of life, and returns what was said before it came.
#[track_caller]
fn ping(process: &mut Process, id: &str) -> (Vec<Value>, Value) {
    // Answers may overtake each other: the sign of life is asked for when everything else has had its answer.
    process.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": tool_call("vector-store-list", &json!({})) }));
    let (before, answer) = process.receive_answer(&json!(id));
    assert_eq!(answer["result"]["isError"], false, "after {id}: {answer}");
    (before, answer)
}

#[test]
fn giant_input() {
    let cap = 1 << 20;
    let server = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--sandbox"])
        .env("OPENAI_MCP_MAX_BODY", &cap.to_string())
        .serve();
    let filler = message("ping", &json!({ "filler": "x".repeat(cap) }));
    assert_eq!(server.post(PATH, &bearer(KEY), filler.as_bytes()).status, 413);
    serves_on(&server, "a body over the limit");

    // A claim alone is enough: nothing of the body need arrive.
    let claim = [("content-length", "1000000000000"), ("authorization", "Bearer sk-x")];
    let mut stream = connect(server.addr);
    stream.write_all(&request("POST", PATH, server.addr, &claim, b"")).unwrap();
    assert_eq!(read_reply(stream).map(|reply| reply.status), Some(413));
    serves_on(&server, "a claim of a terabyte");

    // A body without a length never ends by itself.
    let mut stream = connect(server.addr);
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        server.addr
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let written = (0..100_000).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(written < 10_000, "the server read {written} chunks of 64 KiB");
    serves_on(&server, "an endless body");

    let fits = message("ping", &json!({ "filler": "x".repeat(cap / 2) }));
    assert_eq!(server.post(PATH, &bearer(KEY), fits.as_bytes()).status, 200);
}

#[test]
fn a_giant_line_ends_the_line_and_not_the_server() {
    let mut process = Launch::umbrella(&["stdio", "vector-store", "--sandbox"])
        .env("OPENAI_MCP_MAX_BODY", &(1 << 20).to_string())
        .start();
    for _ in 0..64 {
        process.write(" ".repeat(1 << 20).as_bytes());
    }
    process.write(b"\n");
    ping(&mut process, "after 64 MB");
    process.write(b"{\"an unfinished line");
    assert!(process.finish().status.success());
}

#[test]
fn broken_http() {
    let server = sandbox(&[]);
    let host = server.addr;
    let long = "x".repeat(1 << 20);
    let many: String = (0..5000).map(|number| format!("x-{number}: y\r\n")).collect();
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("no HTTP", b"hello\r\n\r\n".to_vec()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("no host", b"POST /vector-store/mcp HTTP/1.1\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ("two hosts", format!("GET / HTTP/1.1\r\nhost: {host}\r\nhost: evil.example\r\nconnection: close\r\n\r\n").into()),
        ("a header with a nul", format!("GET / HTTP/1.1\r\nhost: {host}\r\nx: a\0b\r\n\r\n").into()),
        ("a header over lines", format!("GET / HTTP/1.1\r\nhost: {host}\r\nx: a\r\n b\r\nconnection: close\r\n\r\n").into()),
        ("a giant header", format!("GET / HTTP/1.1\r\nhost: {host}\r\nx: {long}\r\n\r\n").into()),
        ("5,000 headers", format!("GET / HTTP/1.1\r\nhost: {host}\r\n{many}\r\n").into()),
        ("a giant path", format!("GET /{long} HTTP/1.1\r\nhost: {host}\r\n\r\n").into()),
        ("a negative length", format!("POST {PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-length: -1\r\n\r\n").into()),
        ("two lengths", format!("POST {PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{{}}").into()),
        ("a length and chunks", format!("POST {PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n").into()),
        ("a bad chunk", format!("POST {PATH} HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n").into()),
        ("less than it said", format!("POST {PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{").into()),
        ("control characters in the path", format!("GET /\x01\x02 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").into()),
    ];
    for (name, bytes) in rows {
        let mut stream = connect(server.addr);
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        if let Some(reply) = read_reply(stream) {
            assert!(reply.status < 500, "{name}: {reply:?}");
        }
        serves_on(&server, name);
    }
}

#[test]
fn methods_paths_and_origins() {
    let server = sandbox(&[]);
    let list = message("tools/list", &json!({}));
    let origin = format!("http://{}", server.addr);
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u16]);
    let rows: &[Row<'_>] = &[
        ("GET", PATH, &[], &[405]),
        ("DELETE", PATH, &[], &[405]),
        ("PUT", PATH, &[], &[405]),
        ("HEAD", PATH, &[], &[405]),
        ("BREW", PATH, &[], &[405]),
        ("GET", "/health", &[], &[200]),
        ("GET", "/", &[], &[200]),
        ("POST", "/", &[], &[404, 405]),
        ("GET", "/nothing", &[], &[404]),
        ("POST", "/nothing/mcp", &[], &[404]),
        ("POST", "/vector-store/mcp/", &[], &[200, 400, 401, 404]),
        ("POST", "/vector-store/mcp/sk-a/b", &[], &[404]),
        ("POST", "/vector-store/mcp/%0d%0ax-evil:%20y", &[], &[200, 400, 401, 404]),
        ("POST", "/vector-store/mcp/%00", &[], &[200, 400, 401, 404]),
        ("POST", "/vector-store/mcp/%ff%fe", &[], &[200, 400, 401, 404]),
        ("POST", "/vector-store/mcp/..", &[], &[200, 400, 401, 404]),
        ("POST", "/vector-store/mcp/../../health", &[], &[404]),
        ("POST", "//vector-store//mcp", &[], &[404]),
        ("POST", PATH, &[("host", "evil.example")], &[403, 421]),
        ("POST", PATH, &[("host", "127.0.0.1.evil.example")], &[403, 421]),
        ("POST", PATH, &[("host", "")], &[400, 403, 421]),
        ("POST", PATH, &[("origin", "https://evil.example")], &[403]),
        ("POST", PATH, &[("origin", "null")], &[403]),
        ("POST", PATH, &[("origin", "http://127.0.0.1.evil.example")], &[403]),
        ("POST", PATH, &[("origin", &origin)], &[200]),
        ("OPTIONS", PATH, &[("origin", "https://evil.example"), ("access-control-request-method", "POST")], &[403]),
        ("OPTIONS", PATH, &[("origin", &origin), ("access-control-request-method", "POST")], &[200, 204]),
        ("POST", PATH, &[("content-type", "text/plain")], &[400, 415]),
        ("POST", PATH, &[("content-type", "multipart/form-data; boundary=x")], &[400, 415]),
        ("POST", PATH, &[("content-type", "application/json; charset=utf-8")], &[200]),
        ("POST", PATH, &[("authorization", "Basic dXNlcjpwYXNz")], &[200, 400, 401]),
        ("POST", PATH, &[("authorization", "Bearer")], &[200, 400, 401]),
        ("POST", PATH, &[("authorization", "Bearer \u{e9}\u{1f980}")], &[200, 400, 401]),
        ("POST", PATH, &[("mcp-protocol-version", "yesterday")], &[400]),
        ("POST", PATH, &[("mcp-session-id", "../../etc/passwd"), ("last-event-id", "7")], &[200]),
        ("POST", PATH, &[("accept", "image/png")], &[200, 400, 406]),
        ("POST", PATH, &[("expect", "100-continue")], &[200]),
    ];
    for (method, path, headers, wanted) in rows {
        let name = format!("{method} {path} {headers:?}");
        let body = if *method == "POST" { list.as_bytes() } else { b"" };
        let reply = exchange(server.addr, &request(method, path, server.addr, headers, body));
        let Some(reply) = reply else { panic!("{name}: no reply") };
        // A hundred and something comes before the reply that was asked for.
        let status = if reply.status == 100 { status_after_continue(&reply) } else { reply.status };
        assert!(wanted.contains(&status), "{name}: {reply:?}");
        assert!(reply.header("x-evil").is_none(), "{name}: {reply:?}");
        if status == 405 {
            let allow = reply.header("allow").unwrap_or_default();
            assert!(allow.contains("POST") || *path == "/", "{name}: {reply:?}");
        }
        if *method == "OPTIONS" && status != 403 {
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin.as_str()), "{name}: {reply:?}");
            assert!(reply.header("access-control-allow-methods").unwrap().contains("POST"), "{name}: {reply:?}");
            let allowed = reply.header("access-control-allow-headers").unwrap().to_lowercase();
            for header in ["authorization", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name"] {
                assert!(allowed.contains(header), "{name}: {header} is not in {allowed}");
            }
        }
        serves_on(&server, &name);
    }
}

fn status_after_continue(reply: &Reply) -> u16 {
    let rest = reply.body.trim_start().strip_prefix("HTTP/1.1 ").unwrap();
    rest[..3].parse().unwrap()
}

/// Ids that no escaping makes safe: the caller gets a fault that names the argument, and nothing is sent.
const IDS: &[&str] = &[
    "",
    ".",
    "..",
    "%2e%2e",
    ".%2E",
    "\r\nx-evil: 1",
    "a\nb",
    "a\tb",
    "a\u{0}b",
    "\u{7f}",
    "\u{1b}[31m",
    "a/b",
    "../files",
    "a/../b",
    "/",
    "//evil.example/",
    "\\..\\x",
    "http://evil",
];

/// Ids that are harmless once escaped, as the official SDK escapes them: one segment of the path, whatever is in it.
const ODD_IDS: &[&str] = &["%2F", "%00", "a?b=c", "a#b", "...", "..;", "a b", "@evil.example", "~", "é", "\u{202e}abc"];

#[test]
fn ids_stay_in_their_segment() {
    let upstream = Recorder::start_default().unwrap();
    let server =
        Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", &upstream.base_url()).serve();
    for id in IDS {
        let result = server.call("vector-store", "vector-store-get", &json!({ "vector_store_id": id }));
        assert_eq!(result["isError"], true, "{id:?}: {result}");
        assert!(result["content"][0]["text"].as_str().unwrap().contains("vector_store_id"), "{id:?}: {result}");
        assert!(upstream.take().is_empty(), "{id:?} reached the upstream");
    }
    let long = "x".repeat(100_000);
    for id in ODD_IDS.iter().copied().chain([long.as_str()]) {
        let result = server.call("vector-store", "vector-store-get", &json!({ "vector_store_id": id }));
        for seen in upstream.take() {
            let rest = seen.target.strip_prefix("/v1/vector_stores/").unwrap_or_else(|| panic!("{id:?}: {seen:?}"));
            assert!(!rest.contains(['/', '?', '#']), "{id:?}: {seen:?}");
            let decoded = percent_encoding::percent_decode_str(rest).decode_utf8().unwrap();
            assert_eq!(decoded, id);
            assert_eq!(seen.header("x-evil"), None);
        }
        assert!(result["isError"].is_boolean(), "{id:?}: {result}");
    }
    let server = sandbox(&[]);
    for id in ODD_IDS {
        let result = server.call("vector-store", "vector-store-get", &json!({ "vector_store_id": id }));
        assert_eq!(result["isError"], true, "{id:?}: {result}");
        serves_on(&server, id);
    }
}

/// Every argument of every tool is given every kind of value.
#[test]
fn every_argument_takes_every_type() {
    // What is waited for has come.
    let all = r#"{"id":"obj_1","object":"list","data":[],"has_more":false,"status":"completed"}"#;
    let upstream = Recorder::start(move |_| recorder::Answer::json(200, all)).unwrap();
    let server =
        Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", &upstream.base_url()).serve();
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("\0"),
        json!([]),
        json!([[1]]),
        json!({}),
        json!({ "a": {} }),
    ];
    for domain in ["vector-store", "files"] {
        let list = server.post(&format!("/{domain}/mcp"), &bearer(KEY), message("tools/list", &json!({})).as_bytes());
        for tool in list.json()["result"]["tools"].as_array().unwrap() {
            let name = tool["name"].as_str().unwrap();
            for argument in tool["inputSchema"]["properties"].as_object().unwrap().keys() {
                for value in &values {
                    let result = server.call(domain, name, &json!({ argument.as_str(): value }));
                    let text = result["content"][0]["text"]
                        .as_str()
                        .unwrap_or_else(|| panic!("{name} {argument} {value}: {result}"));
                    // Either it suits and something came back, or the fault names an argument.
                    assert!(!text.is_empty() && result["isError"].is_boolean(), "{name} {argument} {value}: {result}");
                }
            }
            let result = server.call(domain, name, &json!({ "no_such_argument": 1 }));
            assert_eq!(result["isError"], true, "{name}: {result}");
            assert!(result["content"][0]["text"].as_str().unwrap().contains("no_such_argument"), "{name}: {result}");
        }
    }
    serves_on(&server, "every type");
}

/// Answers of very many small values, each of which weighs many times its text once it is read.
#[test]
fn wide_answers_take_little_memory() {
    const LENGTH: usize = 8 << 20;
    let wide = |begin: &str, unit: &str| format!("{begin}{}1]}}", unit.repeat(LENGTH / unit.len()));
    let list = move |unit| wide(r#"{"object":"list","has_more":false,"data":["#, unit);
    let event = format!("data: {{\"type\":\"x\",\"a\":[{}1]}}\n\n", "1,".repeat(200_000)).repeat(20);
    let upstream = Recorder::start(move |request| match request.path() {
        "/v1/files" => recorder::Answer::json(200, list("1,")),
        "/v1/batches" => {
            recorder::Answer::json(200, wide(r#"{"object":"list","data":[],"a":[0],"#, "\"a\":1,").replace("1]}", "1}"))
        }
        "/v1/models" => recorder::Answer::json(200, list("{\"a\":1},")),
        "/v1/chat/completions" => recorder::Answer::json(200, list("[[[]]],")),
        "/v1/audio/transcriptions" => recorder::Answer::json(200, wide(r#"{"text":"a","words":["#, "1,")),
        _ => recorder::Answer::Reply {
            status: 200,
            headers: vec![("content-type".into(), "text/event-stream".into())],
            body: event.clone().into(),
        },
    })
    .unwrap();
    // What is paid for and fits no result is saved.
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", &upstream.base_url());
    let server = launch.within(folder.path()).serve();
    let sound = json!({"data": "AAAA", "filename": "a.mp3"});
    for (domain, tool, arguments) in [
        ("files", "file-list", json!({})),
        ("batches", "batch-list", json!({})),
        ("models", "model-list", json!({})),
        ("chat", "chat-completion-create", json!({"model": "m", "messages": [{"role": "user", "content": "a"}]})),
        ("audio", "audio-transcribe", json!({"file": sound, "model": "whisper-1"})),
        ("agent-sessions", "agent-session-events", json!({"session_id": "asess_1"})),
    ] {
        let result = server.call(domain, tool, &arguments);
        assert_ne!(result["content"][0]["text"], "internal error", "{tool}: {result}");
    }
    server.process.expect_memory_below(100);
}

/// Arguments of so many names that work on each pair of them would come to no end.
#[test]
fn very_many_names_are_looked_at_once_each() {
    let server = sandbox(&[]);
    let names = |start: &str, count: usize| -> serde_json::Map<String, Value> {
        (0..count).map(|index| (format!("{start}{index}"), json!(0))).collect()
    };
    let with = |mut object: Value, more: serde_json::Map<String, Value>| {
        object.as_object_mut().unwrap().extend(more);
        object
    };
    let schema = json!({"type": "object", "allOf": [names("a", 120_000)]});
    let format = json!({"type": "json_schema", "name": "a", "strict": true, "schema": schema});
    let function = with(json!({"name": "a"}), names("a", 75_000));
    let function = with(json!({"type": "function", "function": function}), names("b", 75_000));
    for (domain, tool, arguments) in [
        ("images", "image-generate-batch", json!({"prompts": ["a"], "quality": "low", "options": names("a", 80_000)})),
        ("responses", "response-create", json!({"model": "gpt-5", "input": "a", "text": {"format": format}})),
        ("responses", "response-create", json!({"model": "gpt-5", "input": "a", "tools": [function]})),
    ] {
        let result = server.call(domain, tool, &arguments);
        assert!(result["isError"].is_boolean(), "{tool}");
    }
    serves_on(&server, "many names");
}

/// A setting that is not taken as it was meant is told at the start, not at the first call, and never passed over.
#[test]
fn nonsense_in_a_setting_is_told_at_the_start() {
    let rows = [
        ("OPENAI_MCP_READ_ONLY", "true;false"),
        ("OPENAI_MCP_READONLY", "true"),
        ("OPENAI_MCP_read_only", "true"),
        ("OPENAI_MCP_ACCES_TOKEN", "secret"),
        ("OPENAI_MCP_MAX_BODY", "18446744073709551615"),
        ("OPENAI_MCP_MAX_BODY", "1152921504606846976"),
        ("OPENAI_MCP_MAX_RESULT", "-1"),
        ("OPENAI_MCP_MAX_STORE", "much"),
        ("OPENAI_MCP_HISTORY_DAYS", "0"),
        ("OPENAI_MCP_EVALS", "cloud"),
        ("OPENAI_MCP_EVALS_PARALLEL", "257"),
        ("OPENAI_MCP_ASSISTANTS", "1"),
        ("OPENAI_MCP_ALLOWED_HOSTS", "https://mcp.example.com"),
        ("OPENAI_MCP_ALLOWED_HOSTS", "mcp.example.com:8787"),
        ("OPENAI_MCP_ALLOWED_ORIGINS", "example.com"),
        ("OPENAI_MCP_ALLOWED_ORIGINS", "https://example.com/"),
        ("OPENAI_MCP_ALLOWED_URLS", "http://10.0.0.1/"),
        ("OPENAI_MCP_ALLOWED_URLS", "a:99999"),
    ];
    for (name, value) in rows {
        let launch = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env(name, value);
        let ended = launch.run();
        assert!(!ended.status.success() && ended.stderr.contains(name), "{name}={value}: {ended:?}");
    }
    // A text in another encoding than UTF-8.
    #[cfg(unix)]
    for name in ["OPENAI_API_KEY", "OPENAI_MCP_ACCESS_TOKEN", "OPENAI_MCP_READ_ONLY", "OPENAI_MCP_STORE"] {
        let value = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
        for command in [&["serve", "--addr", "127.0.0.1:0"][..], &["stdio", "files"]] {
            let ended = Launch::umbrella(command).env_of_any_kind(name, value).run();
            assert!(!ended.status.success(), "{name}: {ended:?}");
            assert!(ended.stderr.contains(name) && ended.stderr.contains("UTF-8"), "{name}: {ended:?}");
        }
    }
    let taken = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--sandbox"])
        .env("OPENAI_MCP_ALLOWED_HOSTS", "mcp.example.com, 10.0.0.1,[::1]")
        .env("OPENAI_MCP_ALLOWED_ORIGINS", "https://example.com,http://localhost:3000,vscode-webview://abc,*")
        .env("OPENAI_MCP_ALLOWED_URLS", "files.example.com,10.0.0.1:8080")
        .env("OPENAI_MCP_HISTORY_DAYS", "7")
        .serve();
    serves_on(&taken, "settings");
}

#[cfg(unix)]
fn allow_open_files(wanted: u64) -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let limit = wanted.min(hard).max(soft);
    setrlimit(Resource::RLIMIT_NOFILE, limit, hard).unwrap();
    limit
}

/// Opens connections until there are `count` or the server takes no more.
fn crowd(server: &Server, count: u64) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    while (crowd.len() as u64) < count {
        match TcpStream::connect_timeout(&server.addr, Duration::from_secs(2)) {
            Ok(mut stream) => {
                // Some say nothing and some begin to speak. A server that has had enough may already be gone.
                if crowd.len() % 2 == 0 {
                    let _ = stream.write_all(b"POST /vector-store/mcp HTTP/1.1\r\n");
                }
                crowd.push(stream);
            }
            Err(_) => break,
        }
    }
    crowd
}

/// The server may refuse while it still believes a crowd to be there, and serves once it has seen it leave.
fn recovers(server: &Server) {
    let list = message("tools/call", &tool_call("vector-store-list", &json!({})));
    let bytes = request("POST", PATH, server.addr, &bearer(KEY), list.as_bytes());
    let deadline = Instant::now() + PATIENCE;
    while exchange(server.addr, &bytes).is_none_or(|reply| reply.status != 200) {
        assert!(Instant::now() < deadline, "the server did not recover");
    }
    serves_on(server, "a crowd");
}

#[cfg(unix)]
#[test]
fn ten_thousand_connections() {
    let count = 10_000.min(allow_open_files(12_000) - 1_000);
    let server = sandbox(&[]);
    let crowd = crowd(&server, count);
    eprintln!("{} of {count} connections were taken", crowd.len());
    drop(crowd);
    recovers(&server);
}

#[cfg(unix)]
#[test]
fn more_connections_than_the_server_has_files() {
    let inner = Launch::umbrella(&[]);
    let program = inner.program.to_str().unwrap();
    let server = Launch::new("sh")
        .args(&["-c", "ulimit -n 128; exec \"$0\" \"$@\"", program, "serve", "--addr", "127.0.0.1:0", "--sandbox"])
        .serve();
    let crowd = crowd(&server, 1_000);
    assert!(crowd.len() > 100, "only {} connections", crowd.len());
    drop(crowd);
    recovers(&server);
}

/// Clients that speak too slowly are cut off, wherever in their request they stop.
#[test]
fn slow_clients() {
    let server = sandbox(&["--header-timeout", "1", "--body-timeout", "1"]);
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n", server.addr);
    let starts: [(&str, String); 4] = [
        ("half a request line", "POST /vec".into()),
        ("half a head", head.clone()),
        ("no body", format!("{head}content-length: 100\r\n\r\n")),
        ("half a body", format!("{head}content-length: 100000\r\n\r\n{{\"jsonrpc\":\"2.0\"")),
    ];
    for (name, start) in starts {
        for drips in [false, true] {
            let mut stream = connect(server.addr);
            stream.write_all(start.as_bytes()).unwrap();
            assert!(is_cut_off(stream, drips), "{name} (drips: {drips}) is waited for without end");
            serves_on(&server, name);
        }
    }
}

/// Waits until the other side ends the connection. A dripping client goes on sending a byte at a time.
fn is_cut_off(mut stream: TcpStream, drips: bool) -> bool {
    let pause = Duration::from_millis(50);
    if drips {
        stream.set_read_timeout(Some(pause)).unwrap();
    }
    let mut buffer = [0; 4096];
    let mut pauses = PATIENCE.as_millis() / pause.as_millis();
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if drips && pauses > 0 && error.kind() == std::io::ErrorKind::WouldBlock => {
                pauses -= 1;
                if stream.write_all(b"x").is_err() {
                    return true;
                }
            }
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}
