//! Many items in one call, of which each costs money.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt as _;
use openai_mcp_kernel::batch::{Stop, deadline, delete, run_paid};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};

tools![Batch, Delete, Pages];

/// Do things.
#[tool("thing-batch")]
struct Batch {
    /// How many turns each takes.
    turns: Vec<u32>,
    /// After which nothing is to be begun.
    last: u32,
    /// Seconds that each takes besides.
    seconds: Option<u32>,
}

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let (stop, own) = (Stop::default(), cx.clone());
        let seconds = std::time::Duration::from_secs(self.seconds.unwrap_or_default().into());
        let pieces = self.turns.into_iter().enumerate().collect();
        let mut outcomes = run_paid(&cx, pieces, 3, deadline(&cx, None), &stop, move |(index, turns)| {
            let cx = own.clone();
            async move {
                cx.sleep(seconds).await;
                for _ in 0..turns {
                    others_first().await;
                }
                index
            }
        });
        let mut done = Vec::new();
        while let Some(index) = outcomes.next().await {
            done.push(index);
            if u32::try_from(index) == Ok(self.last) {
                stop.now();
            }
        }
        Ok(Output::json(&done.into()))
    }
}

/// Delete things.
#[tool("thing-delete", DELETE "/things/{thing_id}", destroys, idempotent, run)]
struct Delete {
    #[read]
    thing_id: OneOrMany<String>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        delete(&cx, &Self::SPEC, "thing_id", self.thing_id).await
    }
}

/// Read things without end.
#[tool("thing-pages", GET "/things", run)]
struct Pages {}

impl Pages {
    async fn run(self, cx: Context) -> Result<Output> {
        loop {
            cx.send(&Self::SPEC, json!({})).value().await?;
        }
    }
}

async fn others_first() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

#[test]
fn what_is_begun_is_waited_for_and_nothing_else_is_begun() {
    for (arguments, done) in [
        (json!({"turns": [1, 9, 5, 1, 1], "last": 0}), json!([0, 1, 2])),
        (json!({"turns": [1, 1, 1, 1, 1], "last": 9}), json!([0, 1, 2, 3, 4])),
        // The second would end after the minute that clients wait.
        (json!({"turns": [0, 0, 0], "last": 9, "seconds": 30}), json!([0])),
    ] {
        let result = call_tool(&SERVER, "thing-batch", &arguments, Arc::new(Script::new(Vec::new())));
        assert_eq!(result["content"][0]["text"], done.to_string(), "{arguments}");
    }
}

#[test]
fn no_call_makes_more_requests_than_it_may() {
    let script = || Arc::new(Script::new(vec![Reply::json(&json!({"deleted": true})); 100]).with("MAX_REQUESTS", 40));
    let ids: Vec<String> = (0..100).map(|id| format!("thing_{id}")).collect();
    let asked = script();
    let result = call_tool(&SERVER, "thing-delete", json!({"thing_id": ids}), asked.clone());
    let told = &result["structuredContent"];
    let tried = asked.sent().len();
    assert!((20..40).contains(&tried), "{tried}");
    assert_eq!((&told["deleted_count"], &told["not_tried"]), (&json!(tried), &json!(ids[tried..])), "{result}");

    let asked = script();
    let result = call_tool(&SERVER, "thing-pages", json!({}), asked.clone());
    assert_eq!((&result["isError"], asked.sent().len()), (&json!(true), 40), "{result}");
    assert!(result["content"][0]["text"].as_str().unwrap().contains("as many requests as it may"), "{result}");
}
