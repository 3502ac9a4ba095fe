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
use openai_mcp_kernel::platform::{Listed, Opened, Platform, Saved};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::{Definition, Service};
use openai_mcp_kernel::sql::{Rows, Statement};
use openai_mcp_kernel::telemetry::Finished;
use openai_mcp_testkit::script::Script;

tools![Keep];

/// Do nothing.
#[tool("thing-keep", reads)]
struct Keep {}

impl Keep {
    async fn run(self, _: Context) -> Result<Output> {
        Ok(Output::json(&json!({})))
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

    fn open(&self, _: Source) -> BoxFuture<'static, Result<Opened>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let chunks = stream::iter(["ab", "cd", "ef"].map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())))).boxed();
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

#[test]
fn nothing_is_opened_for_who_has_no_key() {
    let (small, cx) = context(None);
    for outcome in [block_on(cx.open(url())).map(drop), block_on(cx.read(url(), 100)).map(drop)] {
        assert_eq!(outcome.unwrap_err().kind(), Kind::Key);
    }
    assert_eq!(small.opened.load(Ordering::SeqCst), 0);
}
