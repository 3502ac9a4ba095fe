//! Cases, schemas and the rules of the tool list; batches that run out of time, and what collections leave behind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, pending};
use openai_embeddings_mcp::SERVER;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::error::Result;
use openai_mcp_kernel::file::Source;
use openai_mcp_kernel::platform::{Body, Failure, Listed, Opened, Platform, Saved};
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{Reply, Service};
use openai_mcp_kernel::store::{Rows, Statement, sql};
use openai_mcp_kernel::telemetry::Event;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{self, Script};
use serde_json::{Value, json};

openai_mcp_testkit::suite!(SERVER, 6 * 1024);

/// An answer with so many vectors of two numbers.
fn reply(vectors: usize) -> script::Reply {
    let one = |index| json!({"object": "embedding", "index": index, "embedding": [1.0, index as f64]});
    let data: Vec<Value> = (0..vectors).map(one).collect();
    let usage = json!({"prompt_tokens": vectors, "total_tokens": vectors});
    let body = json!({"object": "list", "data": data, "model": "m", "usage": usage}).to_string();
    script::Reply { status: 200, headers: Vec::new(), body: body.into() }
}

fn read(result: &Value) -> Value {
    assert_eq!(result["isError"], false, "{result}");
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

/// A script whose answers come but for those after the first few, which never do.
struct Held {
    script: Script,
    answers: AtomicUsize,
}

impl Platform for Held {
    fn send(&self, request: http::Request<Body>) -> BoxFuture<'static, Result<http::Response<Body>, Failure>> {
        match self.answers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => self.script.send(request),
            Err(_) => pending().boxed(),
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // Whoever would wait longer than a client does not come back.
        if duration < Duration::from_secs(60) { self.script.sleep(duration) } else { pending().boxed() }
    }

    fn now(&self) -> Duration {
        self.script.now()
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

    fn list(&self, folder: String) -> BoxFuture<'static, Result<Vec<Listed>>> {
        self.script.list(folder)
    }

    fn room(&self) -> usize {
        self.script.room()
    }

    fn query(&self, domain: &'static str, statements: Vec<Statement>) -> BoxFuture<'static, Result<Vec<Rows>>> {
        self.script.query(domain, statements)
    }

    fn record(&self, event: &Event<'_>) {
        self.script.record(event);
    }
}

#[test]
fn a_batch_ends_within_a_minute_though_the_api_does_not_answer() {
    let held = Held { script: Script::new(vec![reply(2048)]), answers: AtomicUsize::new(1) };
    let service = Service::new(&SERVER, Arc::new(Config::read(|_| None).unwrap()), Arc::new(held)).unwrap();
    let caller = Caller { key: Secret::new("sk-test").ok(), trusted: true, ..Caller::default() };
    let arguments = json!({"texts": vec!["a"; 2049], "collection": "docs"});
    let params = json!({"name": "embedding-batch", "arguments": arguments});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let answer = service.begin(&message.into(), caller, None).reply.now_or_never();
    let Some(Reply::One(200, answer)) = answer else { panic!("expected an answer") };
    let batch = read(&serde_json::from_slice::<Value>(&answer).unwrap()["result"]);
    assert_eq!(
        (&batch["done"], &batch["embedded"], &batch["next_offset"]),
        (&json!(false), &json!(2048), &json!(2048))
    );
}

#[test]
fn segments_that_are_mostly_dead_are_taken_together() {
    let script = Arc::new(Script::new([5, 6, 2, 1].map(reply).into()));
    let call = |tool: &str, arguments: Value| read(&call_tool(&SERVER, tool, &arguments.to_string(), script.clone()));
    let segments = || {
        let kept = sql("SELECT size, length(vectors) AS bytes FROM segment ORDER BY id", []);
        let dead = sql("SELECT count(*) FROM dead", []);
        let found = script.query("embeddings", vec![kept, dead]).now_or_never().unwrap().unwrap();
        let sizes: Vec<i64> = found[0].rows.iter().map(|row| row.integer(0).unwrap()).collect();
        assert!(found[0].rows.iter().all(|row| row.integer(1).unwrap() == row.integer(0).unwrap() * 8));
        (sizes, found[1].rows[0].integer(0).unwrap())
    };
    let items = |ids: &[&str]| -> Value { ids.iter().map(|id| json!({"id": id, "text": *id})).collect() };
    call("embedding-collection-add", json!({"collection": "c", "items": items(&["a", "b", "c", "d", "e"])}));
    call("embedding-collection-add", json!({"collection": "c", "items": items(&["f", "g", "h", "i", "j", "k"])}));
    call("embedding-collection-delete", json!({"collection": "c", "ids": ["a", "b", "f", "g", "h"]}));
    assert_eq!(segments(), (vec![5, 6], 5));
    // Now more than half of both is dead.
    call("embedding-collection-add", json!({"collection": "c", "items": items(&["c", "k"])}));
    assert_eq!(segments(), (vec![2, 4], 0));
    let found = call("embedding-search", json!({"query": "q", "collection": "c", "top_k": 10}));
    let hits: Vec<&str> = found["data"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    assert_eq!(found["searched"], 6);
    // By the second number of their vectors: the query's is 0.
    assert_eq!(hits, ["c", "k", "d", "i", "e", "j"]);
}
