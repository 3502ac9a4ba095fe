//! What a message gets for an answer, by the text: `protocol.txt` has the cases and says how to read them.

use std::fmt::Write as _;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::StreamExt as _;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::platform::{Listed, Opened, Platform, Saved};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::protocol::Headers;
use openai_mcp_kernel::server::{Begun, Definition, Front, Offered, Reply, Service, Turn};
use openai_mcp_kernel::sql::{Rows, Statement};
use openai_mcp_kernel::telemetry::Finished;
use openai_mcp_testkit::golden;
use openai_mcp_testkit::script::{self, BASE_URL, Script};

tools![Get, Wait, Count, Crash];

/// Get a thing.
#[tool("thing-get", GET "/things/{thing_id}")]
struct Get {
    thing_id: String,
}

/// Wait without a word.
#[tool("thing-wait", reads)]
struct Wait {
    seconds: Int<0, 100>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.sleep(Duration::from_secs(self.seconds.0.unsigned_abs())).await;
        Ok(Output::json(&json!({"waited": self.seconds.0})))
    }
}

/// Count to two.
#[tool("thing-count", reads)]
struct Count {
    /// Seconds before each.
    pause: Option<Int<0, 100>>,
}

impl Count {
    async fn run(self, cx: Context) -> Result<Output> {
        for done in [0, 1, 1, 2] {
            if let Some(Int(seconds)) = self.pause {
                cx.sleep(Duration::from_secs(seconds.unsigned_abs())).await;
            }
            cx.progress(f64::from(done), Some(2.0), &format!("counted to {done}"));
        }
        Ok(Output::json(&json!({"counted": 2})))
    }
}

/// Crash.
#[tool("thing-crash", reads)]
struct Crash {}

impl Crash {
    async fn run(self, _: Context) -> Result<Output> {
        panic!("a fault of ours")
    }
}

pub(crate) static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "Things.", tools: &[TOOLS], ..Definition::PLAIN };

/// A machine whose time passes when everything waits for it.
#[derive(Default)]
struct Machine {
    script: Script,
    time: Mutex<Duration>,
    sleepers: Mutex<Vec<(Duration, oneshot::Sender<()>)>>,
    /// How calls ended.
    ended: Mutex<Vec<String>>,
}

impl Machine {
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut cx = std::task::Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = work.as_mut().poll(&mut cx) {
                return value;
            }
            let mut sleepers = self.sleepers.lock().unwrap();
            sleepers.retain(|(_, sleeper)| !sleeper.is_canceled());
            sleepers.sort_by_key(|(until, _)| *until);
            assert!(!sleepers.is_empty(), "it waits for something that never comes");
            let (until, sleeper) = sleepers.remove(0);
            *self.time.lock().unwrap() = until;
            sleeper.send(()).unwrap();
        }
    }

    fn sleeping(&self) -> usize {
        self.sleepers.lock().unwrap().iter().filter(|(_, sleeper)| !sleeper.is_canceled()).count()
    }
}

impl Platform for Machine {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (sleeper, woken) = oneshot::channel();
        self.sleepers.lock().unwrap().push((self.now() + duration, sleeper));
        woken.map(|woken| woken.unwrap()).boxed()
    }

    fn now(&self) -> Duration {
        *self.time.lock().unwrap()
    }

    fn send(&self, request: http::Request<Body>) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        self.script.send(request)
    }

    fn random(&self) -> u128 {
        self.script.random()
    }

    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>> {
        self.script.open(source)
    }

    fn save(&self, path: String, body: Body) -> BoxFuture<'static, Result<Saved>> {
        self.script.save(path, body)
    }

    fn reserve(&self, path: String) -> BoxFuture<'static, Result<()>> {
        self.script.reserve(path)
    }

    fn list(&self, folder: String) -> BoxFuture<'static, Result<Vec<Listed>>> {
        self.script.list(folder)
    }

    fn room(&self) -> usize {
        self.script.room()
    }

    fn query(&self, domain: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>> {
        self.script.query(domain, statements)
    }

    fn record(&self, call: &Finished<'_>) {
        self.ended.lock().unwrap().push(call.to_string());
    }
}

fn service() -> (Arc<Machine>, Arc<Service>) {
    let reply = script::Reply::new(200, r#"{"id": "t"}"#);
    let machine = Arc::new(Machine { script: Script::new(vec![reply]), ..Machine::default() });
    let config = Config::read(|name| match name {
        "OPENAI_BASE_URL" => Some(BASE_URL.into()),
        "OPENAI_API_KEY" => Some("sk-test".into()),
        _ => None,
    });
    let service = Service::new(&SERVER, Arc::new(config.unwrap()), machine.clone()).unwrap();
    (machine, service)
}

fn begin(message: &str, headers: Option<Headers<'_>>) -> (Arc<Machine>, Begun) {
    let (machine, service) = service();
    let caller = Caller { trusted: true, ..Caller::default() };
    (machine, service.begin(&Bytes::from(message.to_owned()), caller, headers))
}

/// The answer to one case, as the file has it.
fn answer(case: &str) -> String {
    const META: &str =
        r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;
    let mut headers = Some(Headers::default());
    let mut message = String::new();
    for line in case.lines() {
        match (line.split_once(' ').unwrap_or((line, "")), &mut headers) {
            (("stdio", ""), headers) => *headers = None,
            (("version:", value), Some(headers)) => headers.version = Some(value),
            (("method:", value), Some(headers)) => headers.method = Some(value),
            (("name:", value), Some(headers)) => headers.name = Some(value),
            ((">", text), _) => message = text.replace("$META", META),
            (("#" | "<", _), _) => {}
            _ => panic!("{line}"),
        }
    }
    let (machine, begun) = begin(&message, headers);
    match machine.run(begun.reply) {
        Reply::Nothing => "< nothing\n".into(),
        Reply::One(status, text) => format!("< {status} {}\n", String::from_utf8(text.into()).unwrap()),
        Reply::Many(texts) => {
            machine.run(texts.collect::<Vec<_>>()).into_iter().fold(String::new(), |mut all, text| {
                writeln!(all, "< {}", String::from_utf8(text.into()).unwrap()).unwrap();
                all
            })
        }
    }
}

#[test]
fn answers() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol.txt");
    let text = std::fs::read_to_string(&file).unwrap();
    let cases: Vec<String> = text
        .split("\n\n")
        .map(|case| {
            let given: String =
                case.lines().filter(|line| !line.starts_with('<')).map(|line| format!("{line}\n")).collect();
            if given.lines().any(|line| line.starts_with('>')) { given.clone() + &answer(&given) } else { given }
        })
        .collect();
    golden::compare(&file, &cases.join("\n"));
}

/// What weighs many times its text is not read as a tree, wherever in a message it stands.
#[test]
fn many_values() {
    let many = format!("[{}0]", r#"{"":0},"#.repeat(1000));
    let few = format!("[{}]", json!("[{:,".repeat(1000)));
    let call = |member: &str, value: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"thing-get","arguments":{{"thing_id":"t"}},"{member}":{value}}}}}"#
        )
    };
    let meta = |value: &str| format!(r#"{{"io.modelcontextprotocol/clientCapabilities":{value}}}"#);
    let fault = |member: &str| {
        format!(
            r#"400 {{"jsonrpc":"2.0","id":1,"error":{{"code":-32602,"message":"`{member}` has more than 10000 values"}}}}"#
        )
    };
    let done = r#"200 {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"id\":\"t\"}"}],"structuredContent":{"id":"t"},"isError":false}}"#;
    let id = r#"400 {"jsonrpc":"2.0","error":{"code":-32600,"message":"`id` must be a string or an integer, got an array"}}"#;
    let rows = [
        (call("inputResponses", &many), fault("inputResponses")),
        (call("inputResponses", &few), done.into()),
        (call("_meta", &meta(&many)), fault("_meta")),
        (call("_meta", &meta(&few)), done.into()),
        (format!(r#"{{"jsonrpc":"2.0","id":{many},"method":"ping"}}"#), id.into()),
    ];
    for (message, expected) in rows {
        let (machine, begun) = begin(&message, None);
        let Reply::One(status, text) = machine.run(begun.reply) else { panic!("expected one message") };
        assert_eq!(format!("{status} {}", String::from_utf8(text.into()).unwrap()), expected);
    }
}

/// The id a message has, and those it cancels.
#[test]
fn ids() {
    const CANCEL: &str = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#;
    let batch = format!(r#"[{CANCEL},{{"jsonrpc":"2.0","id":6,"method":"ping"}},{}]"#, CANCEL.replace('5', r#""5""#));
    let rows: [(&str, Option<&str>, &[&str]); 9] = [
        (r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#, Some("5"), &[]),
        (r#"{"jsonrpc":"2.0","id":"5","method":"ping"}"#, Some(r#""5""#), &[]),
        (CANCEL, None, &["5"]),
        (&CANCEL.replace('5', r#""5""#), None, &[r#""5""#]),
        (r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}"#, None, &[]),
        (r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#, None, &[]),
        (r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"requestId":5}}"#, None, &[]),
        (r#"{"jsonrpc":"2.0","id":5,"result":{}}"#, None, &[]),
        (&batch, None, &["5", r#""5""#]),
    ];
    for (message, id, cancels) in rows {
        let (_, begun) = begin(message, None);
        assert_eq!(begun.id.as_deref(), id, "{message}");
        assert_eq!(begun.cancels, cancels, "{message}");
    }
}

/// Who lets go of an answer ends the work for it.
#[test]
fn letting_go_ends_the_work() {
    let call =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"thing-wait","arguments":{"seconds":9}}}"#;
    let (machine, mut begun) = begin(call, None);
    assert!((&mut begun.reply).now_or_never().is_none());
    assert_eq!(machine.sleeping(), 1);
    drop(begun);
    assert_eq!(machine.sleeping(), 0);
    assert_eq!(
        *machine.ended.lock().unwrap(),
        ["server=openai-thing-mcp tool=thing-wait outcome=dropped ms=0 bytes=0"]
    );
}

/// Each call that begins is recorded once, however it ends.
#[test]
fn every_call_is_recorded() {
    for (tool, outcome) in [("thing-count", "ok"), ("thing-get", "arguments"), ("thing-crash", "crashed")] {
        let call = json!({"name": tool, "arguments": {}});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).to_string();
        let (machine, begun) = begin(&call, None);
        machine.run(begun.reply);
        let ended = machine.ended.lock().unwrap();
        assert!(ended.len() == 1 && ended[0].contains(&format!("tool={tool} outcome={outcome} ")), "{tool}: {ended:?}");
    }
}

/// Stands before servers, and breaks down.
struct Broken;

impl Front for Broken {
    fn list(&self, _: &Offered<'_>) -> String {
        "[]".into()
    }

    fn call(&self, _: &str, _: &Arguments, _: &Offered<'_>) -> Option<Turn> {
        panic!("it breaks down");
    }
}

static FRONT: Definition = Definition { domain: "front", version: "0.0.0", about: "", ..Definition::PLAIN };

#[test]
fn a_front_that_breaks_down_costs_one_call() {
    let (machine, service) = service();
    let front = Service::behind(Box::new(Broken), &FRONT, vec![service]).unwrap();
    let caller = Caller { trusted: true, ..Caller::default() };
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"any","arguments":{}}}"#;
    let Reply::One(_, answer) = machine.run(front.begin(&Bytes::from(call), caller, None).reply) else {
        panic!("expected one message");
    };
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"internal error"}}"#;
    assert_eq!(answer, error);
}
