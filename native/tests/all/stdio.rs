//! Messages over a pair of pipes.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::FutureExt as _;
use openai_mcp_kernel::prelude::*;
use openai_mcp_native::stdio;
use openai_mcp_testkit::recorder::{Answer, Recorder};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

use crate::things::{config, get, service};

const PING: &str = r#"{"jsonrpc":"2.0","id":"ping","method":"ping"}"#;

/// For calls that are not to end by themselves.
const GRACE: Duration = Duration::from_millis(500);

/// A server at the other end of a pipe.
struct Pipe {
    input: WriteHalf<DuplexStream>,
    output: Lines<BufReader<ReadHalf<DuplexStream>>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Pipe {
    fn new(upstream: &Recorder) -> Self {
        Pipe::ending(upstream, GRACE)
    }

    fn ending(upstream: &Recorder, grace: Duration) -> Self {
        let (near, far) = tokio::io::duplex(1 << 20);
        let (input, output) = tokio::io::split(far);
        let config = config(&upstream.base_url(), &[]);
        let server = tokio::spawn(stdio::serve(service(config), 4096, grace, input, output, pending(), ready(())));
        let (output, input) = tokio::io::split(near);
        Pipe { input, output: BufReader::new(output).lines(), server }
    }

    async fn send(&mut self, line: impl AsRef<[u8]>) {
        self.input.write_all(line.as_ref()).await.unwrap();
        self.input.write_all(b"\n").await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        serde_json::from_str(&self.output.next_line().await.unwrap().expect("an answer")).unwrap()
    }

    /// Ends the input and gives what is still written.
    async fn end(mut self) -> Vec<Value> {
        self.input.shutdown().await.unwrap();
        self.server.await.unwrap().unwrap();
        let mut rest = Vec::new();
        while let Some(line) = self.output.next_line().await.unwrap() {
            rest.push(serde_json::from_str(&line).unwrap());
        }
        rest
    }
}

fn echo() -> Recorder {
    Recorder::start(|request| match request.path() {
        "/v1/things/slow" => Answer::Hang,
        path => Answer::json(200, json!({"path": path, "key": request.header("authorization")}).to_string()),
    })
    .unwrap()
}

#[tokio::test]
async fn lines_of_every_kind_are_answered() {
    let upstream = echo();
    let mut pipe = Pipe::new(&upstream);
    let modern = |id: &str, method: &str| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"_meta": meta}}).to_string()
    };
    let long = format!(r#"{{"jsonrpc":"2.0","id":9,"method":"ping","x":"{}"}}"#, "x".repeat(4096));
    let rows: [(Vec<u8>, &str, Value); 9] = [
        (PING.into(), "/result", json!({})),
        (format!("{PING}\r").into(), "/id", json!("ping")),
        (b"  \r\n\n\t\n".iter().copied().chain(PING.bytes()).collect(), "/id", json!("ping")),
        (modern("m", "tools/list").into(), "/result/tools/0/name", json!("thing-get")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.into(), "/result/tools/1/name", json!("thing-crash")),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}".to_vec(), "/error/code", json!(-32700)),
        (b"nonsense".to_vec(), "/error/code", json!(-32700)),
        (long.into(), "/error/code", json!(-32600)),
        (modern("d", "server/discover").into(), "/id", json!("d")),
    ];
    for (line, pointer, expected) in rows {
        let shown = String::from_utf8_lossy(&line).into_owned();
        pipe.send(line).await;
        let answer = pipe.receive().await;
        assert_eq!(answer.pointer(pointer), Some(&expected), "{shown}: {answer}");
    }
    // Much longer than what is kept of a line, over many reads.
    for _ in 0..100 {
        pipe.input.write_all(&[b'x'; 100_000]).await.unwrap();
    }
    pipe.send("").await;
    assert_eq!(pipe.receive().await["error"]["code"], -32600);
    // Notifications and answers to questions that were never asked get no answer.
    pipe.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    pipe.send(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#).await;
    // The last line needs no line break.
    pipe.input.write_all(PING.as_bytes()).await.unwrap();
    let rest = pipe.end().await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(rest[0]["id"], "ping");
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_under_its_id() {
    let upstream = echo();
    let mut pipe = Pipe::new(&upstream);
    let x = "x".repeat(200_000);
    let rows: [(String, Value); 8] = [
        (format!(r#"{{"jsonrpc":"2.0","id":9,"method":"ping","x":"{x}"}}"#), json!(9)),
        (format!(r#"{{"jsonrpc":"2.0","method":"ping","x":"{x}", "id" : "last" }}"#), json!("last")),
        (format!(r#"{{"params":{{"id":1,"x":["{x}",{{"id":2}}]}},"id":-3.5}}"#), json!(-3.5)),
        (format!(r#"{{"x":"\",\"id\":5,{x}","id":"a\"}},"}}"#), json!("a\"},")),
        (format!(r#"{{"x":"{x}","id":null}}"#), Value::Null),
        (format!(r#"{{"x":"{x}"}}"#), Value::Null),
        (format!(r#"[{{"id":1,"x":"{x}"}}]"#), Value::Null),
        (format!(r#"{{"id":"{x}","x":1}}"#), Value::Null),
    ];
    for (line, id) in rows {
        pipe.send(&line).await;
        let answer = pipe.receive().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(-32600)), "{}", &line[..60]);
    }
    pipe.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":7}").await;
    let answer = pipe.receive().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32700)));
    // The last line needs no line break, however long it is.
    pipe.input.write_all(format!(r#"{{"id":10,"x":"{x}""#).as_bytes()).await.unwrap();
    assert_eq!(pipe.end().await[0]["id"], 10);
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_the_first_message() {
    let upstream = echo();
    let mut pipe = Pipe::new(&upstream);
    pipe.send(format!("\u{feff}{PING}")).await;
    assert_eq!(pipe.receive().await["id"], "ping");
    pipe.send(format!("\u{feff}{PING}")).await;
    assert_eq!(pipe.receive().await["error"]["code"], -32700);
}

#[tokio::test]
async fn what_readers_take_for_the_end_of_a_line_is_escaped() {
    let upstream = echo();
    let mut pipe = Pipe::new(&upstream);
    let id = "\u{2029}é«\u{2028}…\u{2029}\u{85}Å\u{2028}";
    let ping = json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    for message in [ping.clone(), json!([ping])] {
        pipe.send(message.to_string()).await;
        let line = pipe.output.next_line().await.unwrap().unwrap();
        assert!(line.contains(r#""\u2029é«\u2028…\u2029\u0085Å\u2028""#), "{line}");
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer.get(0).unwrap_or(&answer)["id"], id);
    }
}

#[tokio::test]
async fn calls_run_side_by_side_with_the_operators_key() {
    let upstream = echo();
    let mut pipe = Pipe::new(&upstream);
    pipe.send(get(1, "slow")).await;
    pipe.send(get(2, "fast")).await;
    let answer = pipe.receive().await;
    assert_eq!(answer["id"], 2);
    assert_eq!(answer["result"]["structuredContent"], json!({"path": "/v1/things/fast", "key": "Bearer sk-operator"}));
}

#[tokio::test]
async fn a_panic_costs_one_call() {
    let upstream = echo();
    let mut pipe = Pipe::new(&upstream);
    pipe.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"thing-crash"}}"#).await;
    assert_eq!(pipe.receive().await["error"]["code"], -32603);
    pipe.send(PING).await;
    assert_eq!(pipe.receive().await["id"], "ping");
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_and_its_id_is_free() {
    let upstream = Arc::new(echo());
    let mut pipe = Pipe::new(&upstream);
    pipe.send(get(1, "slow")).await;
    let waiting = upstream.clone();
    assert!(tokio::task::spawn_blocking(move || waiting.wait_for_requests(1)).await.unwrap());
    pipe.send(get(2, "slow")).await;
    let waiting = upstream.clone();
    assert!(tokio::task::spawn_blocking(move || waiting.wait_for_requests(2)).await.unwrap());
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    pipe.send(cancel).await;
    pipe.send(format!("[{}]", cancel.replace(":1}", ":2}"))).await;
    let waiting = upstream.clone();
    assert!(tokio::task::spawn_blocking(move || waiting.wait_for_hang_ups(2)).await.unwrap());
    pipe.send(get(1, "fast")).await;
    let answer = pipe.receive().await;
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(1), &json!(false)));
    assert!(pipe.end().await.is_empty());
}

#[tokio::test]
async fn the_end_of_input_ends_the_server_and_what_still_runs() {
    let upstream = Arc::new(echo());
    let mut pipe = Pipe::new(&upstream);
    pipe.send(get(1, "slow")).await;
    pipe.send(get(2, "fast")).await;
    let rest = pipe.end().await;
    assert_eq!(rest.iter().map(|answer| &answer["id"]).collect::<Vec<_>>(), [&json!(2)]);
    assert!(tokio::task::spawn_blocking(move || upstream.wait_for_hang_ups(1)).await.unwrap());
}

#[tokio::test]
async fn calls_may_go_on_for_a_while_after_the_end_of_input() {
    let held = Arc::new(std::sync::Mutex::new(None));
    let holding = held.clone();
    let upstream = Recorder::start(move |_| {
        let (sender, answer) = Answer::stream("application/json");
        *holding.lock().unwrap() = Some(sender);
        answer
    });
    let upstream = Arc::new(upstream.unwrap());
    for (round, (grace, answers)) in [(Duration::from_secs(600), 1), (Duration::ZERO, 0)].into_iter().enumerate() {
        let mut pipe = Pipe::ending(&upstream, grace);
        pipe.send(get(1, "held")).await;
        let waiting = upstream.clone();
        assert!(tokio::task::spawn_blocking(move || waiting.wait_for_requests(round + 1)).await.unwrap());
        let end = tokio::spawn(pipe.end());
        if answers == 0 {
            assert!(end.await.unwrap().is_empty());
        } else {
            held.lock().unwrap().take().unwrap().send(Ok("{}".into())).unwrap();
            assert_eq!(end.await.unwrap().len(), answers);
        }
    }
}

#[tokio::test]
async fn a_broken_output_ends_the_server() {
    let upstream = echo();
    let (mut input, far) = tokio::io::duplex(1 << 16);
    let (output, near) = tokio::io::duplex(64);
    drop(near);
    let service = service(config(&upstream.base_url(), &[]));
    let server = tokio::spawn(stdio::serve(service, 4096, GRACE, far, output, pending(), ready(())));
    input.write_all(format!("{PING}\n").as_bytes()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_server_whose_answers_nobody_reads_is_ended() {
    let upstream = echo();
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_owned();
    for line in [list, "x".repeat(5000)] {
        let (mut input, far) = tokio::io::duplex(1 << 10);
        let (output, _unread) = tokio::io::duplex(64);
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let service = service(config(&upstream.base_url(), &[]));
        let server = tokio::spawn(stdio::serve(service, 4096, GRACE, far, output, ended.map(drop), ready(())));
        let read = Arc::new(AtomicUsize::new(0));
        let count = read.clone();
        tokio::spawn(async move {
            while input.write_all(format!("{line}\n").as_bytes()).await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        // It reads until it has nowhere to put its answers.
        let (mut before, mut idle) = (0, 0);
        while before == 0 || idle < 1000 {
            tokio::task::yield_now().await;
            let now = read.load(Ordering::Relaxed);
            idle = if now == before { idle + 1 } else { 0 };
            before = now;
        }
        end.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(60), server).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn more_calls_than_run_at_once_are_all_answered() {
    let upstream = echo();
    let mut pipe = Pipe::new(&upstream);
    for id in 0..500 {
        pipe.send(get(id, "fast")).await;
    }
    let mut answered = Vec::new();
    for _ in 0..500 {
        answered.push(pipe.receive().await["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..500).collect::<Vec<_>>());
}
