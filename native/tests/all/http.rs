//! Messages over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openai_mcp_kernel::http::{Gateway, Mount};
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
    Server { at, end: Some(end), serving: tokio::spawn(serve(listener, gateway, limits, ended)) }
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
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
    let rows: [Row<'_>; 11] = [
        ("127.0.0.1:0", &[], "", Some("sk-operator")),
        ("127.0.0.1:0", &[], "authorization: Bearer sk-caller\r\n", Some("sk-caller")),
        ("127.0.0.1:0", &[], "x-forwarded-for: 203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "forwarded: for=203.0.113.9\r\n", None),
        ("127.0.0.1:0", &[], "x-forwarded-for: 203.0.113.9\r\nauthorization: Bearer sk-caller\r\n", Some("sk-caller")),
        ("127.0.0.1:0", token, "", None),
        ("127.0.0.1:0", token, "authorization: Bearer token-of-the-operator\r\n", Some("sk-operator")),
        ("0.0.0.0:0", &[], "", None),
        ("0.0.0.0:0", &[], "authorization: Bearer sk-caller\r\n", Some("sk-caller")),
        ("0.0.0.0:0", token, "authorization: Bearer sk-caller\r\n", Some("sk-caller")),
        ("0.0.0.0:0", token, "authorization: Bearer token-of-the-operator\r\n", Some("sk-operator")),
    ];
    for (address, settings, headers, key) in rows {
        let server = start(address, &upstream, settings, Limits::default()).await;
        let answer = exchange(server.at, post(headers, &get(1, "a")).as_bytes()).await;
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
async fn too_many_connections_are_told_so() {
    let upstream = echo();
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = start("127.0.0.1:0", &upstream, &[], limits).await;
    let health = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let crowd = [TcpStream::connect(server.at).await.unwrap(), TcpStream::connect(server.at).await.unwrap()];
    assert!(exchange(server.at, health).await.starts_with("HTTP/1.1 503 "));
    drop(crowd);
    while !exchange(server.at, health).await.starts_with("HTTP/1.1 200 ") {}
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
