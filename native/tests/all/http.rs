//! Messages over HTTP.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::gateway::{Gateway, Mount};
use openai_mcp_kernel::prelude::*;
use openai_mcp_native::http::{Limits, serve};
use openai_mcp_testkit::recorder::{Answer, Recorder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::things::{THINGS, config, get, service};

struct Server {
    at: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

async fn start(address: &str, upstream: &Recorder, settings: &[(&str, &str)], limits: Limits) -> Server {
    let listener = TcpListener::bind(address).await.unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
    let config = config(&upstream.base_url(), settings);
    let servers = vec![(&THINGS, Ok(service(config.clone())))];
    let gateway = Arc::new(Gateway::new(servers, Mount::Root, config));
    let (end, ended) = oneshot::channel::<()>();
    let ended = async move {
        let _ = ended.await;
    };
    Server {
        at,
        end: Some(end),
        serving: tokio::spawn(serve(listener, gateway, limits, ended, std::future::ready(()))),
    }
}

/// Writes a request and reads all that comes back until the server closes.
async fn exchange(at: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    // A server that has had enough may close before it has read everything.
    let _ = stream.write_all(request).await;
    read(stream).await
}

async fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 65536];
    // What came before a reset counts as well.
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        answer.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(answer).unwrap()
}

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn echo() -> Recorder {
    Recorder::start(|request| match request.path() {
        "/v1/things/slow" => Answer::Hang,
        _ => Answer::json(200, json!({"key": request.header("authorization")}).to_string()),
    })
    .unwrap()
}

#[tokio::test]
async fn keys_of_the_operator_are_for_the_operator() {
    let upstream = echo();
    let token: &[_] = &[("OPENAI_MCP_ACCESS_TOKEN", "token-of-the-operator")];
    let named: &[_] = &[("OPENAI_MCP_ALLOWED_HOSTS", "mcp.example.com")];
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
    let rows: [Row<'_>; 20] = [
        ("127.0.0.1:0", &[], "", Some("sk-operator")),
        ("127.0.0.1:0", &[], "authorization: Bearer sk-caller\r\n", Some("sk-caller")),
        ("127.0.0.1:0", &[], "x-forwarded-for: 203.0.113.9\r\nauthorization: Bearer sk-caller\r\n", Some("sk-caller")),
        ("127.0.0.1:0", &[], "forwarded: for=203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "via: 1.1 proxy\r\n", None),
        ("127.0.0.1:0", &[], "x-forwarded-for: 203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "X-Forwarded-Proto: https\r\n", None),
        ("127.0.0.1:0", &[], "x-real-ip: 203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "x-client-ip: 203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "true-client-ip: 203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "cf-connecting-ip: 203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "fly-client-ip: 203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "x-envoy-external-address: 203.0.113.9\r\n", None),
        // A proxy that adds no header still asks for what its caller asked for.
        ("127.0.0.1:0", named, "host: mcp.example.com\r\n", None),
        ("127.0.0.1:0", token, "", None),
        ("127.0.0.1:0", token, "authorization: Bearer token-of-the-operator\r\n", Some("sk-operator")),
        ("0.0.0.0:0", &[], "", None),
        ("0.0.0.0:0", &[], "authorization: Bearer sk-caller\r\n", Some("sk-caller")),
        ("0.0.0.0:0", token, "authorization: Bearer sk-caller\r\n", Some("sk-caller")),
        ("0.0.0.0:0", token, "authorization: Bearer token-of-the-operator\r\n", Some("sk-operator")),
    ];
    for (address, settings, headers, key) in rows {
        let server = start(address, &upstream, settings, Limits::default()).await;
        let mut request = post(headers, &get(1, "a"));
        if headers.starts_with("host: ") {
            request = request.replace("host: localhost\r\n", "");
        }
        let answer = exchange(server.at, request.as_bytes()).await;
        let sent = upstream.take();
        match key {
            Some(key) => {
                assert_eq!(sent[0].header("authorization"), Some(&*format!("Bearer {key}")), "{address} {headers}")
            }
            None => {
                assert!(sent.is_empty(), "{address} {headers}");
                assert!(answer.contains("no OpenAI key"), "{address} {headers}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_filter_is_taken_in_every_spelling_and_never_in_silence() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let narrowed = [
        ("?tools=thing-crash", ""),
        ("?tools=thing_crash", ""),
        ("?Tools=thing-c*", ""),
        ("?exclude=thing-get", ""),
        ("?exclude=thing-get+,+thing-write", ""),
        ("", "X-MCP-Tools: thing-crash\r\n"),
        ("", "X-MCP-Exclude: thing-get\r\n"),
        ("", "x-mcp_exclude: thing-get\r\nx-mcp-tools: thing-crash,thing-get\r\n"),
    ];
    for (query, headers) in narrowed {
        let request = post(headers, list).replace("POST /mcp", &format!("POST /mcp{query}"));
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.contains("thing-crash") && !answer.contains("thing-get"), "{query} {headers}: {answer}");
    }
    for (query, headers) in [
        ("?read_only=1", ""),
        ("?readonly=true", ""),
        ("?read-only", ""),
        ("?READ%5FONLY=yes", ""),
        ("?readOnly=on", ""),
        ("", "X-MCP-Readonly: true\r\n"),
        ("", "X-MCP-Read-Only: true\r\n"),
        ("?read_only=false", "x-mcp-read_only: true\r\n"),
    ] {
        let call = get(1, "a").replace("thing-get", "thing-write");
        let request = post(headers, &call).replace("POST /mcp", &format!("POST /mcp{query}"));
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.contains("`thing-write` is not offered here: read-only"), "{query} {headers}: {answer}");
    }
    let refused = [
        ("?read-onyl=1", "", "did you mean `read_only`?"),
        ("?read_only=maybe", "", "must be true or false"),
        ("?tool=thing-get", "", "did you mean `tools`?"),
        ("?exclude_tools=thing-get", "", "is no filter"),
        ("", "X-MCP-Readonyl: true\r\n", "did you mean `read_only`?"),
        ("", "X-MCP-Toolsets: all\r\nX-MCP-Tool: thing-get\r\n", "did you mean `tools`?"),
        ("?tools=nope", "", "tools: no tool is named `nope`"),
        ("?exclude=thing-gte", "", "did you mean `thing-get`?"),
        ("?exclude=other-*", "", "no tool's name begins as `other-*` does"),
        ("?tools=", "", "leave no tool"),
    ];
    for (query, headers, told) in refused {
        let request = post(headers, list).replace("POST /mcp", &format!("POST /mcp{query}"));
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(told), "{query} {headers}: {answer}");
    }
    // What has nothing to do with it is let be.
    let request =
        post("X-MCP-Session: 1\r\nx-mcp-proxy-auth: 2\r\n", list).replace("POST /mcp", "POST /mcp?utm_source=a&v=1");
    assert!(exchange(server.at, request.as_bytes()).await.contains("thing-get"));
}

/// They say what the operator's key is charged to, and nothing of another's.
#[tokio::test]
async fn organization_and_project_are_the_operators() {
    let upstream = echo();
    let settings: &[_] = &[
        ("OPENAI_MCP_ACCESS_TOKEN", "token-of-the-operator"),
        ("OPENAI_ORG_ID", "org-operator"),
        ("OPENAI_PROJECT_ID", "proj_operator"),
    ];
    let server = start("127.0.0.1:0", &upstream, settings, Limits::default()).await;
    for (key, told) in [("token-of-the-operator", true), ("sk-caller", false)] {
        let request = post(&format!("authorization: Bearer {key}\r\n"), &get(1, "a"));
        assert!(exchange(server.at, request.as_bytes()).await.starts_with("HTTP/1.1 200 "));
        let sent = upstream.take().remove(0);
        assert_eq!(sent.header("openai-organization"), told.then_some("org-operator"), "{key}");
        assert_eq!(sent.header("openai-project"), told.then_some("proj_operator"), "{key}");
    }
}

#[tokio::test]
async fn a_mistyped_token_is_no_key() {
    let upstream = echo();
    let server =
        start("0.0.0.0:0", &upstream, &[("OPENAI_MCP_ACCESS_TOKEN", "token-of-the-operator")], Limits::default()).await;
    let body = get(1, "a");
    let in_header = post("authorization: Bearer token-of-the-operater\r\n", &body);
    for request in [post("", &body).replace("/mcp", "/mcp/token-of-the-operater"), in_header] {
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("neither the access token"), "{answer}");
        assert!(answer.contains("\r\nwww-authenticate: Bearer\r\n"), "{answer}");
        assert!(upstream.take().is_empty());
    }
    // Who brings none is told that there is one.
    let answer = exchange(server.at, post("", &body).as_bytes()).await;
    assert!(answer.contains("`Authorization: Bearer` with sk-… or this server's access token"), "{answer}");
    let alike = Config::read(|name| (name == "OPENAI_MCP_ACCESS_TOKEN").then(|| "sk-token".into()));
    assert!(alike.unwrap_err().contains("OPENAI_MCP_ACCESS_TOKEN"));
}

#[tokio::test]
async fn what_stands_for_a_key_is_none() {
    let upstream = echo();
    let near = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let far = start("0.0.0.0:0", &upstream, &[], Limits::default()).await;
    let call = get(1, "a");
    for bearer in ["", "${OPENAI_API_KEY}", "${env:OPENAI_API_KEY}", "{env:OPENAI_API_KEY}", "${input:openai-key}"] {
        let request = post(&format!("authorization: Bearer {bearer}\r\n"), &call);
        assert!(exchange(near.at, request.as_bytes()).await.starts_with("HTTP/1.1 200 "), "{bearer}");
        assert_eq!(upstream.take()[0].header("authorization"), Some("Bearer sk-operator"), "{bearer}");
        let answer = exchange(far.at, request.as_bytes()).await;
        let problem = if bearer.is_empty() { "the key is empty" } else { "is a name where a key should be" };
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(problem), "{bearer}: {answer}");
        assert!(upstream.take().is_empty(), "{bearer}");
    }
    // The key here is not for who comes from elsewhere, until they have something to show.
    let answer = exchange(far.at, post("", &call).as_bytes()).await;
    assert!(answer.contains("or set OPENAI_MCP_ACCESS_TOKEN where the server runs, and send that"), "{answer}");
    // Servers that speak OpenAI's API take what they like.
    let request = post("authorization: Bearer your-key\r\n", &call);
    assert!(exchange(far.at, request.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(upstream.take()[0].header("authorization"), Some("Bearer your-key"));
}

#[tokio::test]
async fn a_url_ends_where_it_should() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    for (path, status, key) in [
        ("/mcp/mcp", "404", None),
        ("/mcp/mcp/", "404", None),
        ("/mcp/sk-caller/", "200", Some("Bearer sk-caller")),
        ("/mcp/", "200", Some("Bearer sk-operator")),
        ("/mcp/sk-caller/more", "404", None),
    ] {
        let request = post("", &get(1, "a")).replacen("/mcp", path, 1);
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert_eq!(upstream.take().first().and_then(|seen| seen.header("authorization")), key, "{path}");
    }
}

#[tokio::test]
async fn who_leaves_out_the_path_is_told_it() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let answer = exchange(server.at, post("", &get(1, "a")).replacen("/mcp", "/", 1).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("MCP is served at /mcp;"), "{answer}");
}

#[tokio::test]
async fn health_is_told_by_any_name_but_on_loopback() {
    let upstream = echo();
    let named: &[_] = &[("OPENAI_MCP_ALLOWED_HOSTS", "mcp.example.com")];
    for (address, status) in [("0.0.0.0:0", "200"), ("127.0.0.1:0", "403")] {
        let server = start(address, &upstream, named, Limits::default()).await;
        for method in ["GET", "HEAD"] {
            let probe = format!("{method} /health HTTP/1.1\r\nhost: 10.1.2.3:8787\r\nconnection: close\r\n\r\n");
            let answer = exchange(server.at, probe.as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{address}: {answer}");
        }
        let call = post("host: 10.1.2.3:8787\r\n", &get(1, "a")).replacen("host: localhost\r\n", "", 1);
        assert!(exchange(server.at, call.as_bytes()).await.starts_with("HTTP/1.1 403 "), "{address}");
        let nameless = "GET /health HTTP/1.1\r\nconnection: close\r\n\r\n";
        assert!(exchange(server.at, nameless.as_bytes()).await.starts_with("HTTP/1.1 400 "), "{address}");
    }
}

#[tokio::test]
async fn heads_that_cannot_be_taken_say_so() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    for (headers, status, told) in [
        ("content-encoding: gzip\r\n", "415", "leave out `Content-Encoding`"),
        ("content-encoding: identity\r\n", "200", ""),
        (
            "mcp-protocol-version: 2025-11-25\r\nmcp-protocol-version: 1999-01-01\r\n",
            "400",
            "-32020,\"message\":\"there is more than one header `MCP-Protocol-Version`",
        ),
        ("mcp-method: tools/call\r\nmcp-method: tools/list\r\n", "400", "more than one header `Mcp-Method`"),
        ("mcp-name: thing-get\r\nmcp-name: thing-get\r\n", "400", "more than one header `Mcp-Name`"),
    ] {
        let answer = exchange(server.at, post(headers, &get(1, "a")).as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(told), "{headers}: {answer}");
    }
}

/// A request whose answer is a stream where the client takes one.
fn listen(id: &Value, headers: &str) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let method = "subscriptions/listen";
    let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"_meta": meta}}).to_string();
    post(&format!("mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n{headers}"), &message)
}

#[tokio::test]
async fn who_takes_no_stream_gets_none() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    for (accept, streams) in [
        ("", true),
        ("accept: application/json, text/event-stream\r\n", true),
        ("accept: application/json\r\naccept: Text/Event-Stream;q=0.9\r\n", true),
        ("accept: */*\r\n", true),
        ("accept: text/*\r\n", true),
        ("accept: application/json\r\n", false),
    ] {
        let answer = exchange(server.at, listen(&json!(1), accept).as_bytes()).await;
        let kind = if streams { "text/event-stream" } else { "application/json" };
        assert!(answer.contains(&format!("\r\ncontent-type: {kind}\r\n")), "{accept}: {answer}");
        assert!(answer.contains(r#""resultType":"complete""#), "{accept}: {answer}");
    }
}

#[tokio::test]
async fn what_readers_take_for_the_end_of_a_line_is_escaped_in_events() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let id = "«\u{2028}…\u{2029}\u{85}”";
    let answer = exchange(server.at, listen(&json!(id), "").as_bytes()).await;
    assert!(answer.contains(r#"data: {"jsonrpc":"2.0","id":"«\u2028…\u2029\u0085”","#), "{answer}");
    assert!(!answer.contains(['\u{85}', '\u{2028}', '\u{2029}']), "{answer}");
}

#[tokio::test]
async fn a_refusal_is_read_however_long_its_body_is() {
    let upstream = echo();
    let token: &[_] = &[("OPENAI_MCP_ACCESS_TOKEN", "token-of-the-operator")];
    let server = start("127.0.0.1:0", &upstream, token, Limits::default()).await;
    let long = post("", &" ".repeat(16 * 1024 * 1024));
    for (request, status) in [
        (long.replacen("application/json", "text/plain", 1), "415"),
        (long.replacen("host:", "authorization: Bearer token-of-nobody\r\nhost:", 1), "401"),
        (long.replacen("/mcp", "/mcp?tools=nope", 1), "400"),
        (long.replacen("/mcp", "/nowhere", 1), "404"),
    ] {
        let mut stream = TcpStream::connect(server.at).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(read(stream).await.starts_with(&format!("HTTP/1.1 {status} ")), "{status}");
    }
}

#[tokio::test]
async fn a_page_reads_refusals_too() {
    let upstream = echo();
    let limits = Limits { body: Duration::from_millis(100), bodies: 5_000, ..Limits::default() };
    let server = start("127.0.0.1:0", &upstream, &[("OPENAI_MCP_MAX_BODY", "8192")], limits).await;
    let origin = "origin: http://localhost:3000\r\n";
    let head = format!("POST /mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{origin}");
    for (request, status) in [
        (post(origin, &" ".repeat(10_000)), "413"),
        (post(origin, &" ".repeat(6_000)), "503"),
        (format!("{head}content-length: 100\r\n\r\n"), "408"),
        (format!("{head}transfer-encoding: chunked\r\n\r\nno chunk\r\n"), "400"),
        (post(origin, "{}").replacen("application/json", "text/plain", 1), "415"),
    ] {
        let answer = exchange(server.at, request.as_bytes()).await;
        let told = "\r\naccess-control-allow-origin: http://localhost:3000\r\n";
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(told), "{status}: {answer}");
    }
}

#[tokio::test]
async fn a_page_may_ask_for_the_end_of_its_session() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    for (method, status, header) in [
        ("OPTIONS", "204", "access-control-allow-methods: POST, DELETE, OPTIONS"),
        ("DELETE", "405", "allow: POST, OPTIONS"),
    ] {
        let request = post("origin: http://localhost:3000\r\n", "").replacen("POST", method, 1);
        let answer = exchange(server.at, request.as_bytes()).await;
        for header in [header, "access-control-allow-origin: http://localhost:3000"] {
            let told = answer.contains(&format!("\r\n{header}\r\n"));
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && told, "{method}: {answer}");
        }
    }
}

#[tokio::test]
async fn users_stand_in_no_host_and_there_is_one_origin() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    for headers in [
        "host: localhost@evil.example\r\n",
        "host: localhost:80@evil.example\r\n",
        "host: evil.example@localhost\r\n",
        "host: localhost\r\norigin: http://localhost:80@evil.example\r\n",
        "host: localhost\r\norigin: http://evil.example@localhost\r\n",
        "host: localhost\r\norigin: http://localhost\r\norigin: https://evil.example\r\n",
    ] {
        let request = post(headers, &get(1, "a")).replacen("host: localhost\r\n", "", 1);
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{headers}: {answer}");
    }
}

#[tokio::test]
async fn a_request_has_one_host_and_one_key() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let plain = post("", &get(1, "a"));
    let at = |target: &str| plain.replacen("/mcp", target, 1);
    let rows = [
        (plain.clone(), "200"),
        (post("host: LOCALHOST:80\r\n", &get(1, "a")), "200"),
        (at("http://localhost:80/mcp"), "200"),
        (post("host: evil.example\r\n", &get(1, "a")), "403"),
        (at("http://evil.example/mcp"), "403"),
        (post("authorization: Bearer sk-one\r\nauthorization: Bearer sk-two\r\n", &get(1, "a")), "400"),
    ];
    for (request, status) in rows {
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    for (given, words) in [
        // As some hosts hand over two.
        ("Bearer sk-one, Bearer sk-two", "more than one `Authorization` header"),
        ("Digest realm=a, nonce=b", "must be `Bearer` and a key"),
    ] {
        let request = post(&format!("authorization: {given}\r\n"), &get(1, "a"));
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(words), "{given}: {answer}");
    }
}

#[tokio::test]
async fn a_stranger_needs_little_room() {
    let upstream = echo();
    let server = start("0.0.0.0:0", &upstream, &[], Limits::default()).await;
    let long = post("", &" ".repeat(64 * 1024 + 1));
    let answer = exchange(server.at, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("no key"), "{answer}");
    let with_key = long.replace("host:", "authorization: Bearer sk-caller\r\nhost:");
    assert!(exchange(server.at, with_key.as_bytes()).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn bodies_share_their_memory() {
    let upstream = echo();
    let limits = Limits { bodies: 10_000, ..Limits::default() };
    let server = start("127.0.0.1:0", &upstream, &[], limits).await;
    let call = get(1, "a");
    let whole = post("", &format!("{call}{}", " ".repeat(6_000)));
    let (most, rest) = whole.split_at(whole.len() - 1);
    let mut held = TcpStream::connect(server.at).await.unwrap();
    held.write_all(most.as_bytes()).await.unwrap();
    // The server may not have read it yet.
    let refused = loop {
        let answer = exchange(server.at, whole.as_bytes()).await;
        if !answer.starts_with("HTTP/1.1 200 ") {
            break answer;
        }
    };
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after"), "{refused}");
    let longer = post("", &" ".repeat(1 << 20));
    assert!(exchange(server.at, longer.as_bytes()).await.starts_with("HTTP/1.1 503 "));
    assert!(exchange(server.at, post("", &call).as_bytes()).await.starts_with("HTTP/1.1 200 "));
    held.write_all(rest.as_bytes()).await.unwrap();
    assert!(read(held).await.starts_with("HTTP/1.1 200 "));
    assert!(exchange(server.at, whole.as_bytes()).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[("OPENAI_MCP_MAX_BODY", "4096")], Limits::default()).await;
    let long = "x".repeat(5000);
    let head = "POST /mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    let rows = [
        ("a body within it", post("", &get(1, "a")), "200"),
        ("a body over it", post("", &long), "413"),
        ("chunks over it", format!("{head}transfer-encoding: chunked\r\n\r\n1388\r\n{long}\r\n0\r\n\r\n"), "413"),
        ("a claim", format!("{head}content-length: 1000000000000\r\n\r\n"), "413"),
        ("a question", format!("{head}content-length: 5000\r\nexpect: 100-continue\r\n\r\n"), "413"),
    ];
    for (name, request, status) in rows {
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer}");
    }

    let mut stream = TcpStream::connect(server.at).await.unwrap();
    let body = get(1, "a");
    let head = format!("{head}content-length: {}\r\nexpect: 100-continue\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    assert!(read(stream).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let upstream = echo();
    let limits = Limits { head: Duration::from_millis(100), body: Duration::from_millis(100), ..Limits::default() };
    let server = start("127.0.0.1:0", &upstream, &[], limits).await;
    let head = "POST /mcp HTTP/1.1\r\nhost: localhost\r\n";
    let rows = [
        ("silence", String::new(), ""),
        ("half of HTTP/2's preface", "PRI * HTTP/2.0\r\n".into(), ""),
        ("half a head", head.into(), ""),
        ("no body", format!("{head}content-length: 100\r\n\r\n"), "HTTP/1.1 408 "),
        ("half a body", format!("{head}content-length: 100\r\n\r\n{{\"jsonrpc\""), "HTTP/1.1 408 "),
    ];
    for (name, request, start) in rows {
        let answer = exchange(server.at, request.as_bytes()).await;
        assert!(answer.starts_with(start) && answer.is_empty() == start.is_empty(), "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_answered_under_its_id() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[("OPENAI_MCP_MAX_BODY", "1024")], Limits::default()).await;
    let x = "x".repeat(100_000);
    for body in [format!(r#"{{"id":77,"x":"{x}"}}"#), format!(r#"{{"x":"{x}","id":77}}"#)] {
        let answer = exchange(server.at, post("", &body).as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 413 ") && answer.contains(r#""jsonrpc":"2.0","id":77,"error""#),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_none_is_told_so() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let request = "POST /mcp HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nno chunk\r\n";
    let answer = exchange(server.at, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn who_never_reads_is_cut_off() {
    let upstream = echo();
    let limits = Limits { idle: Duration::from_millis(100), ..Limits::default() };
    let server = start("127.0.0.1:0", &upstream, &[], limits).await;
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    let page = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
    while stream.write_all(page.as_bytes()).await.is_ok() {}
}

#[tokio::test]
async fn answers_that_are_not_read_share_their_memory() {
    let upstream = echo();
    let limits = Limits { answers: 40_000, ..Limits::default() };
    let server = start("127.0.0.1:0", &upstream, &[], limits).await;
    let health = || http::Request::get(format!("http://localhost:{}/health", server.at.port())).body(Empty::new());
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, _connection) = client(&server, builder.initial_stream_window_size(1)).await;
    let mut unread = Vec::new();
    let refused = loop {
        let answer = sender.send_request(health().unwrap()).await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        unread.push(answer);
    };
    assert_eq!(refused.status(), 503);
    assert!((2..10).contains(&unread.len()), "{}", unread.len());
    let request = post("", &get(1, "a"));
    for request in [&request, &post("", &" ".repeat(1 << 20))] {
        assert!(exchange(server.at, request.as_bytes()).await.starts_with("HTTP/1.1 503 "));
    }
    assert!(upstream.take().is_empty(), "a call whose answer has no room was paid for");
    // Whoever gives up gives back.
    drop((unread, refused));
    while !exchange(server.at, request.as_bytes()).await.starts_with("HTTP/1.1 200 ") {}
}

#[tokio::test]
async fn a_page_is_made_for_some_addresses_at_once() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, _connection) = client(&server, builder.initial_stream_window_size(1)).await;
    let page =
        |port: usize| format!("GET / HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n").into_bytes();
    let mut unread = Vec::new();
    let mut port = 1;
    while exchange(server.at, &page(port)).await.contains(&format!("http://localhost:{port}/mcp")) {
        let request = http::Request::get(format!("http://localhost:{port}/")).body(Empty::new()).unwrap();
        unread.push(sender.send_request(request).await.unwrap());
        port += 1;
    }
    assert_eq!(unread.len(), 8);
    drop(unread);
    while !exchange(server.at, &page(port)).await.contains(&format!("http://localhost:{port}/mcp")) {}
}

/// How often all tasks that could go on had their turn.
pub(crate) fn rounds() -> (Arc<AtomicUsize>, JoinHandle<()>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = count.clone();
    let rounds = tokio::spawn(async move {
        loop {
            counting.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    (count, rounds)
}

#[tokio::test]
async fn a_flood_of_frames_leaves_others_their_turn() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    // Frames of a type that nobody knows, which need no answer, and a PING, which does: RFC 9113, sections 4.1 and 6.7.
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    flood.extend(b"\0\0\0\xbe\0\0\0\0\0".repeat(1 << 20));
    flood.extend(b"\0\0\x08\x06\0\0\0\0\0flooded!");
    let (count, rounds) = rounds();
    let (mut reading, mut writing) = stream.split();
    let answer = async {
        let mut answer = Vec::new();
        while !answer.ends_with(b"flooded!") {
            assert!(reading.read_buf(&mut answer).await.unwrap() > 0, "it was closed");
        }
    };
    let (written, ()) = tokio::join!(writing.write_all(&flood), answer);
    written.unwrap();
    rounds.abort();
    let count = count.load(Ordering::Relaxed);
    assert!(count >= flood.len() / (64 * 1024), "{count} rounds for {} bytes", flood.len());
}

/// A client of HTTP/2, which answers every PING, and its connection.
async fn client(
    server: &Server,
    builder: &hyper::client::conn::http2::Builder<TokioExecutor>,
) -> (SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let stream = TcpStream::connect(server.at).await.unwrap();
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(connection))
}

#[tokio::test]
async fn http2_that_does_nothing_is_closed() {
    let upstream = echo();
    let limits = Limits { head: Duration::from_millis(100), idle: Duration::from_millis(100), ..Limits::default() };
    let server = start("127.0.0.1:0", &upstream, &[], limits).await;
    let page = || http::Request::get(format!("http://localhost:{}/", server.at.port())).body(Empty::new()).unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).keep_alive_interval(Duration::from_millis(20)).keep_alive_while_idle(true);

    // Nothing was asked.
    let (_sender, connection) = client(&server, &builder).await;
    let _ = connection.await.unwrap();
    // Everything was answered.
    let (mut sender, connection) = client(&server, &builder).await;
    assert_eq!(sender.send_request(page()).await.unwrap().status(), 200);
    let _ = connection.await.unwrap();
    // The answer is not read.
    let (mut sender, connection) = client(&server, builder.initial_stream_window_size(1)).await;
    let answer = sender.send_request(page()).await.unwrap();
    let _ = connection.await.unwrap();
    assert!(answer.into_body().collect().await.is_err());

    // A call that takes its time is none of them.
    let call = http::Request::post(format!("http://localhost:{}/mcp", server.at.port()))
        .header("content-type", "application/json")
        .body(http_body_util::Full::new(Bytes::from(get(1, "slow"))))
        .unwrap();
    let stream = TcpStream::connect(server.at).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let calling = tokio::spawn(sender.send_request(call));
    tokio::task::spawn_blocking(move || upstream.wait_for_requests(1)).await.unwrap();
    let (_other, idle) = client(&server, &builder).await;
    let _ = idle.await.unwrap();
    assert!(!connection.is_finished() && !calling.is_finished());
}

#[tokio::test]
async fn http2_has_so_many_streams() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "not its settings: {head:?}");
    let mut settings = vec![0; usize::from(head[2])];
    stream.read_exact(&mut settings).await.unwrap();
    // SETTINGS_MAX_CONCURRENT_STREAMS: RFC 9113, section 6.5.2.
    assert!(settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 32]), "{settings:?}");
}

#[tokio::test]
async fn too_many_connections_are_told_so() {
    let upstream = echo();
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = start("127.0.0.1:0", &upstream, &[], limits).await;
    let health = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let crowd = [TcpStream::connect(server.at).await.unwrap(), TcpStream::connect(server.at).await.unwrap()];
    assert!(exchange(server.at, health).await.starts_with("HTTP/1.1 503 "));
    // One who still sends gets to read it, too.
    let long = post("", &" ".repeat(1 << 20));
    assert!(exchange(server.at, long.as_bytes()).await.starts_with("HTTP/1.1 503 "));
    drop(crowd);
    while !exchange(server.at, health).await.starts_with("HTTP/1.1 200 ") {}
}

/// An address of this machine's by which others reach it, if it has one. To ask how a packet would leave sends none.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|own| !own.is_loopback())
}

#[tokio::test]
async fn an_address_has_half_of_the_connections() {
    let Some(own) = own_address() else { return };
    let upstream = echo();
    let limits = Limits { connections: 4, ..Limits::default() };
    let server = start("0.0.0.0:0", &upstream, &[], limits).await;
    let elsewhere = SocketAddr::from((own, server.at.port()));
    let health = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let crowd = [TcpStream::connect(elsewhere).await.unwrap(), TcpStream::connect(elsewhere).await.unwrap()];
    assert!(exchange(elsewhere, health).await.starts_with("HTTP/1.1 503 "));
    // Another address still has its places, and so has this one once its connections are closed.
    assert!(exchange(server.at, health).await.starts_with("HTTP/1.1 200 "));
    drop(crowd);
    while !exchange(elsewhere, health).await.starts_with("HTTP/1.1 200 ") {}
}

#[tokio::test]
async fn a_stopping_server_finishes_its_calls() {
    let (entered, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let upstream = Recorder::start(move |_| {
        entered.send(()).unwrap();
        gate.lock().unwrap().recv().unwrap();
        Answer::json(200, r#"{"late":true}"#)
    })
    .unwrap();
    let mut server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let idle = TcpStream::connect(server.at).await.unwrap();
    let keep_alive = post("", &get(1, "a")).replace("connection: close\r\n", "");
    let call = tokio::spawn(async move { exchange(server.at, keep_alive.as_bytes()).await });
    waiting.recv().await.unwrap();
    server.end.take().unwrap().send(()).unwrap();
    // An idle connection is closed at once; after that, nobody listens any more.
    read(idle).await;
    assert!(TcpStream::connect(server.at).await.is_err());
    go_on.send(()).unwrap();
    assert!(call.await.unwrap().contains("late"));
    server.serving.await.unwrap().unwrap();
}

/// Begins a session, and gives the header that says which.
async fn session(server: &Server) -> String {
    let open = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
    let answer = exchange(server.at, post("", open).as_bytes()).await;
    let header = answer.lines().find(|line| line.starts_with("mcp-session-id: "));
    format!("{}\r\n", header.unwrap_or_else(|| panic!("{answer}")))
}

#[tokio::test]
async fn a_notification_of_its_session_cancels_a_call() {
    let held = Arc::new(std::sync::Mutex::new(None));
    let holding = held.clone();
    let upstream = Recorder::start(move |request| match request.path() {
        "/v1/things/held" => {
            let (sender, answer) = Answer::stream("application/json");
            *holding.lock().unwrap() = Some(sender);
            answer
        }
        _ => Answer::Hang,
    })
    .unwrap();
    let upstream = Arc::new(upstream);
    let requests = |count| {
        let upstream = upstream.clone();
        async move { tokio::task::spawn_blocking(move || upstream.wait_for_requests(count)).await.unwrap() }
    };
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let (one, other) = (session(&server).await, session(&server).await);
    assert_ne!(one, other);
    let call = |headers: &str, thing| {
        let (at, request) = (server.at, post(headers, &get(1, thing)));
        tokio::spawn(async move { exchange(at, request.as_bytes()).await })
    };
    let goes_on = call(&one, "held");
    assert!(requests(1).await);
    let ends = call(&other, "slow");
    assert!(requests(2).await);
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    // Every client counts from the same number, and may have the same key.
    for headers in ["", "mcp-session-id: made-up\r\n", &format!("{one}authorization: Bearer sk-other\r\n"), &other] {
        assert!(exchange(server.at, post(headers, cancel).as_bytes()).await.starts_with("HTTP/1.1 202 "), "{headers}");
    }
    let told = upstream.clone();
    assert!(tokio::task::spawn_blocking(move || told.wait_for_hang_ups(1)).await.unwrap());
    assert!(ends.await.unwrap().starts_with("HTTP/1.1 202 "));
    held.lock().unwrap().take().unwrap().send(Ok(Bytes::from_static(b"{\"late\":true}"))).unwrap();
    let answer = goes_on.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("late"), "{answer}");

    // One that has begun to tell of itself ends in the middle.
    let progress = get(2, "slow").replacen(r#""params":{"#, r#""params":{"_meta":{"progressToken":1},"#, 1);
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    stream.write_all(post(&other, &progress).as_bytes()).await.unwrap();
    let mut begun = vec![0; 8192];
    let length = stream.read(&mut begun).await.unwrap();
    assert!(String::from_utf8_lossy(&begun[..length]).contains("text/event-stream"));
    exchange(server.at, post(&other, &format!("[{}]", cancel.replace(":1}", ":2}"))).as_bytes()).await;
    assert!(!read(stream).await.contains("result"));
    assert!(tokio::task::spawn_blocking(move || upstream.wait_for_hang_ups(2)).await.unwrap());
}

/// Clients may choose the same number for their sessions.
#[tokio::test]
async fn who_has_the_same_session_takes_no_call_away() {
    let upstream = Arc::new(echo());
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let (own, other) = ("mcp-session-id: shared\r\n", "mcp-session-id: shared\r\nauthorization: Bearer sk-other\r\n");
    let mut calls = Vec::new();
    for (count, headers) in [(1, own), (2, other)] {
        let (at, request) = (server.at, post(headers, &get(1, "slow")));
        calls.push(tokio::spawn(async move { exchange(at, request.as_bytes()).await }));
        let waiting = upstream.clone();
        assert!(tokio::task::spawn_blocking(move || waiting.wait_for_requests(count)).await.unwrap());
    }
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    exchange(server.at, post(own, cancel).as_bytes()).await;
    assert!(calls.remove(0).await.unwrap().starts_with("HTTP/1.1 202 "));
    assert!(tokio::task::spawn_blocking(move || upstream.wait_for_hang_ups(1)).await.unwrap());
}

/// Neither they nor the holder of the token bring a key of their own.
#[tokio::test]
async fn who_has_no_key_cancels_no_call_of_the_operator() {
    let held = Arc::new(std::sync::Mutex::new(None));
    let holding = held.clone();
    let upstream = Recorder::start(move |_| {
        let (sender, answer) = Answer::stream("application/json");
        *holding.lock().unwrap() = Some(sender);
        answer
    });
    let upstream = Arc::new(upstream.unwrap());
    let token: &[_] = &[("OPENAI_MCP_ACCESS_TOKEN", "token-of-the-operator")];
    let server = start("127.0.0.1:0", &upstream, token, Limits::default()).await;
    let headers = "mcp-session-id: shared\r\n";
    let (at, request) =
        (server.at, post(&format!("{headers}authorization: Bearer token-of-the-operator\r\n"), &get(1, "held")));
    let call = tokio::spawn(async move { exchange(at, request.as_bytes()).await });
    let waiting = upstream.clone();
    assert!(tokio::task::spawn_blocking(move || waiting.wait_for_requests(1)).await.unwrap());
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert!(exchange(server.at, post(headers, cancel).as_bytes()).await.starts_with("HTTP/1.1 202 "));
    held.lock().unwrap().take().unwrap().send(Ok(Bytes::from_static(b"{\"late\":true}"))).unwrap();
    let answer = call.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("late"), "{answer}");
}

#[tokio::test]
async fn hanging_up_drops_the_call() {
    let upstream = Arc::new(echo());
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    stream.write_all(post("", &get(1, "slow")).as_bytes()).await.unwrap();
    let waiting = upstream.clone();
    assert!(tokio::task::spawn_blocking(move || waiting.wait_for_requests(1)).await.unwrap());
    drop(stream);
    assert!(tokio::task::spawn_blocking(move || upstream.wait_for_hang_ups(1)).await.unwrap());
}

#[tokio::test]
async fn a_panic_costs_one_call() {
    let upstream = echo();
    let server = start("127.0.0.1:0", &upstream, &[], Limits::default()).await;
    let crash = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"thing-crash"}}"#;
    assert!(exchange(server.at, post("", crash).as_bytes()).await.contains("-32603"));
    assert!(exchange(server.at, post("", &get(1, "a")).as_bytes()).await.starts_with("HTTP/1.1 200 "));
}
