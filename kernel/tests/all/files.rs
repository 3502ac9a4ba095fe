//! What a file that a caller names may cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::budget::Budget;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::platform::{Listed, Opened, Platform, Saved};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_kernel::sql::{Rows, Statement};
use openai_mcp_kernel::telemetry::Finished;
use openai_mcp_testkit::script::{self, Script};

tools![Keep, Look, Peek];

/// Do nothing.
#[tool("thing-keep", reads)]
struct Keep {}

impl Keep {
    async fn run(self, _: Context) -> Result<Output> {
        Ok(Output::json(&json!({})))
    }
}

/// Read a file.
#[tool("thing-look", reads)]
struct Look {
    file: FileInput,
}

impl Look {
    async fn run(self, cx: Context) -> Result<Output> {
        let read = cx.read(self.file.0, 200_000).await?;
        Ok(Output::json(&json!({"bytes": read.bytes.len()})))
    }
}

/// Open a file.
#[tool("thing-peek", reads)]
struct Peek {
    file: FileInput,
}

impl Peek {
    async fn run(self, cx: Context) -> Result<Output> {
        let opened = cx.open(self.file.0).await?;
        Ok(Output::json(&json!({"filename": opened.filename})))
    }
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "Things.", tools: &[TOOLS], ..Definition::PLAIN };

/// A machine that has room for ten bytes, and files of three chunks.
struct Small {
    script: Script,
    memory: Arc<Budget>,
    opened: AtomicUsize,
}

impl Platform for Small {
    fn memory(&self) -> Option<Arc<Budget>> {
        Some(self.memory.clone())
    }

    fn open(&self, source: Source) -> BoxFuture<'static, Result<Opened>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let chunks = stream::iter(["ab", "cd", "ef"].map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))));
        let chunks = match source {
            Source::Url { url, .. } if url.ends_with("/slow") => {
                let begun = stream::iter([Ok(Bytes::from_static(&[b'a'; 100_000]))]);
                begun.chain(stream::pending()).boxed()
            }
            Source::Url { url, .. } if url.ends_with("/promises") => {
                let body = Body::Stream { chunks: chunks.boxed(), length: Some(1 << 40) };
                return ready(Ok(Opened { filename: "a".into(), mime_type: "text/plain".into(), body })).boxed();
            }
            _ => chunks.boxed(),
        };
        let body = Body::Stream { chunks, length: None };
        ready(Ok(Opened { filename: "a".into(), mime_type: "text/plain".into(), body })).boxed()
    }

    fn send(&self, request: http::Request<Body>) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        self.script.send(request)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.script.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.script.now()
    }

    fn random(&self) -> u128 {
        self.script.random()
    }

    fn reserve(&self, path: String) -> BoxFuture<'static, Result<()>> {
        self.script.reserve(path)
    }

    fn save(&self, path: String, body: Body) -> BoxFuture<'static, Result<Saved>> {
        self.script.save(path, body)
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

    fn record(&self, _: &Finished<'_>) {}
}

fn context(key: Option<&str>) -> (Arc<Small>, Context) {
    let small = Small { script: Script::default(), memory: Budget::new(10), opened: AtomicUsize::new(0) };
    let small = Arc::new(small);
    let config = Config::read(|name| key.filter(|_| name.ends_with("_KEY")).map(str::to_owned)).unwrap();
    let service = Service::new(&SERVER, Arc::new(config), small.clone()).unwrap();
    (small, service.command())
}

fn url() -> Source {
    Source::Url { url: "https://example.com/a".into(), filename: None, mime_type: None }
}

#[test]
fn files_in_memory_share_it() {
    let (_, cx) = context(Some("sk-test"));
    let first = block_on(cx.read(url(), 100)).unwrap();
    assert_eq!(first.bytes, "abcdef");
    let error = block_on(cx.read(url(), 100)).unwrap_err().into_text();
    assert!(error.contains("files of other calls") && error.contains("hint: "), "{error}");
    let part = first.bytes.slice(..1);
    drop(first);
    assert!(block_on(cx.read(url(), 100)).is_err());
    drop(part);
    assert!(block_on(cx.read(url(), 100)).is_ok());
}

/// What a caller with a key of their own gets who names a URL, and how many files were opened.
fn look(replies: Vec<script::Reply>, memory: usize, from: Option<&str>, url: &str) -> (String, usize) {
    ask("thing-look", replies, memory, from, url)
}

fn ask(tool: &str, replies: Vec<script::Reply>, memory: usize, from: Option<&str>, url: &str) -> (String, usize) {
    let small = Small { script: Script::new(replies), memory: Budget::new(memory), opened: AtomicUsize::new(0) };
    let small = Arc::new(small);
    let service = Service::new(&SERVER, Arc::new(Config::read(|_| None).unwrap()), small.clone()).unwrap();
    let caller = Caller {
        key: Secret::new("sk-caller").ok(),
        from: from.map(|from| from.parse().unwrap()),
        ..Caller::default()
    };
    let params = json!({"name": tool, "arguments": {"file": {"url": url}}});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let begun = service.begin(&Bytes::from(call.to_string()), caller, None);
    let Reply::One(_, answer) = block_on(begun.reply) else { panic!("expected one message") };
    (String::from_utf8(answer.into()).unwrap(), small.opened.load(Ordering::SeqCst))
}

#[test]
fn a_stranger_takes_a_share_of_the_memory_for_files_and_not_for_ever() {
    let known = || vec![script::Reply::new(200, "{}")];
    let (answer, _) = look(known(), 10, None, "https://example.com/a");
    assert!(answer.contains(r#""bytes":6"#), "{answer}");
    let (answer, _) = look(known(), 10, Some("203.0.113.1"), "https://example.com/a");
    assert!(answer.contains("files of other calls"), "{answer}");
    let (answer, _) = look(known(), 200_000, None, "https://example.com/slow");
    assert!(answer.contains("it takes longer than 300 s"), "{answer}");
}

#[test]
fn nothing_is_read_for_a_key_that_is_made_up() {
    for tool in ["thing-look", "thing-peek"] {
        let unknown = script::Reply::new(401, r#"{"error":{"message":"Incorrect API key provided"}}"#);
        let (answer, opened) = ask(tool, vec![unknown], 10, None, "https://example.com/a");
        assert!(answer.contains("Incorrect API key"), "{answer}");
        assert_eq!(opened, 0, "{tool}");
    }
}

/// Who tells a length need not send as much.
#[test]
fn a_length_that_is_promised_is_part_of_the_memory_for_files() {
    let (_, cx) = context(Some("sk-test"));
    let source = Source::Url { url: "https://example.com/promises".into(), filename: None, mime_type: None };
    let error = block_on(cx.read(source, usize::MAX)).unwrap_err().into_text();
    assert!(error.contains("files of other calls"), "{error}");
}

#[test]
fn nothing_is_opened_for_who_has_no_key() {
    let (small, cx) = context(None);
    for outcome in [block_on(cx.open(url())).map(drop), block_on(cx.read(url(), 100)).map(drop)] {
        assert_eq!(outcome.unwrap_err().kind(), Kind::Key);
    }
    assert_eq!(small.opened.load(Ordering::SeqCst), 0);
}
