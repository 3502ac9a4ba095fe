//! Waiting for what goes on in the background.

use std::sync::Arc;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::Definition;
use openai_mcp_kernel::wait::{Look, Next, Stage, Watched, wait};
use openai_mcp_testkit::case;
use openai_mcp_testkit::script::{Reply, Script};

tools![Get, Wait, Feed];

/// Get a thing.
#[tool("thing-get", GET "/things/{thing_id}")]
struct Get {
    thing_id: String,
}

/// Feed a thing.
#[tool("thing-feed", POST "/things/{thing_id}/food")]
struct Feed {
    thing_id: String,
}

/// Wait for a thing.
#[tool("thing-wait", reads)]
struct Wait {
    thing_id: String,
    timeout: Option<Int<0, 3600>>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let thing = json!({"thing_id": self.thing_id});
        let again = Next { tool: Self::SPEC.name, arguments: thing.clone() };
        wait(&cx, self.timeout, again, Thing(thing)).await
    }
}

struct Thing(Value);

impl Watched for Thing {
    async fn look(&mut self, cx: &Context) -> Result<Look> {
        let object = cx.send(&Get::SPEC, self.0.clone()).value().await?;
        let stage = match object["status"].as_str() {
            Some("grown") => Stage::Done,
            Some("hungry") => Stage::Asks(Next { tool: Feed::SPEC.name, arguments: self.0.clone() }),
            _ => Stage::Going,
        };
        Ok(Look { object, stage, beside: [("colour".to_owned(), json!("red"))].into_iter().collect() })
    }
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

fn waited(arguments: &Value, statuses: &[&str], poll_after: Option<&str>) -> (Value, usize) {
    let reply = |status: &&str| {
        let mut reply = Reply::json(&json!({"status": status}));
        reply.headers.extend(poll_after.map(|pause| ("openai-poll-after-ms".to_owned(), pause.to_owned())));
        reply
    };
    let script = Arc::new(Script::new(statuses.iter().map(reply).collect()));
    let result = case::call_tool(&SERVER, "thing-wait", arguments, script.clone());
    (result["structuredContent"].clone(), script.sent().len())
}

#[test]
fn what_is_done_has_no_next_call() {
    let (result, looks) = waited(&json!({"thing_id": "t"}), &["small", "grown", "grown"], None);
    let expected = json!({"done": true, "waited_seconds": 1, "object": {"status": "grown"}, "colour": "red"});
    assert_eq!((result, looks), (expected, 2));
}

#[test]
fn what_asks_for_something_is_not_done() {
    let (result, looks) = waited(&json!({"thing_id": "t"}), &["hungry", "grown"], None);
    assert_eq!((&result["done"], looks), (&json!(false), 1), "{result}");
    assert_eq!(result["next"], json!({"tool": "thing-feed", "arguments": {"thing_id": "t"}}));
}

#[test]
fn patience_ends_with_the_call_that_waits_on() {
    let small = ["small"; 100];
    let next = json!({"tool": "thing-wait", "arguments": {"thing_id": "t"}});
    for (timeout, looks) in [(json!(null), 16), (json!(0), 1), (json!(2), 3)] {
        let (result, looked) = waited(&json!({"thing_id": "t", "timeout": timeout}), &small, None);
        assert_eq!((&result["done"], &result["next"]), (&json!(false), &next));
        assert_eq!((&result["waited_seconds"], looked), (&json!(timeout.as_u64().unwrap_or(45)), looks));
    }
}

#[test]
fn a_look_that_fails_in_passing_ends_no_wait() {
    let small = || Reply::json(&json!({"status": "small"}));
    let busy = || Reply::new(429, "{}").with_header("retry-after", "30");
    let gone = || Reply::new(404, "{}");
    let thing = |timeout: u64| json!({"thing_id": "t", "timeout": timeout});
    let looked = |timeout, replies: Vec<Reply>| {
        let script = Arc::new(Script::new(replies));
        (case::call_tool(&SERVER, "thing-wait", thing(timeout), script.clone()), script.sent().len())
    };

    // Who asks to be left alone for longer than the caller waits is not waited for.
    let (result, requests) = looked(3, vec![small(), busy(), busy(), busy()]);
    let told = &result["structuredContent"];
    assert_eq!((&told["done"], &told["object"]["status"], requests), (&json!(false), &json!("small"), 4), "{result}");
    assert_eq!(told["waited_seconds"], 3);
    assert!(told["note"].as_str().unwrap().contains("openai answered 429"), "{result}");

    let (result, _) = looked(30, vec![small(), Reply::new(500, "{}"), Reply::new(500, "{}"), small(), small()]);
    assert_eq!(result["structuredContent"]["object"]["status"], "small", "{result}");
    for replies in [vec![small(), gone()], vec![busy()], vec![Reply::new(200, "")]] {
        let (result, _) = looked(3, replies);
        assert_eq!(result["isError"], true, "{result}");
    }
}

#[test]
fn an_answer_is_left_alone_as_long_as_it_asks() {
    let small = ["small"; 100];
    let (result, looks) = waited(&json!({"thing_id": "t"}), &small, Some("20000"));
    assert_eq!((&result["waited_seconds"], looks), (&json!(40), 3));
    let (result, looks) = waited(&json!({"thing_id": "t", "timeout": 19}), &small, Some("20000"));
    assert_eq!((&result["waited_seconds"], looks), (&json!(0), 1));
}

#[test]
fn a_clock_that_stands_still_holds_nobody_up() {
    let replies = vec![Reply::json(&json!({"status": "small"})); 100];
    let script = Arc::new(Script::new(replies).with_stopped_clock());
    let result = case::call_tool(&SERVER, "thing-wait", json!({"thing_id": "t", "timeout": 2}), script.clone());
    assert_eq!((&result["structuredContent"]["waited_seconds"], script.sent().len()), (&json!(2), 3), "{result}");
}
