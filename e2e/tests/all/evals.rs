//! Sessions with evals, through a real client: on a machine and on Workers.

use std::sync::atomic::{AtomicBool, Ordering};

use openai_mcp_testkit::recorder::{Answer, Recorder};
use serde_json::{Value, json};

use crate::harness::{KEY, Launch, Server, python};
use crate::interop::{LEGACY, MODERN, play};
use crate::worker::Edge;

/// Plays the documented examples on a server at this place.
fn documented(url: &str, protocol: &str) {
    let at = json!({ "url": url, "headers": { "Authorization": format!("Bearer {KEY}") } });
    play(&python(), "evals.py", &json!({ "evals": at, "protocol": protocol }));
}

#[test]
fn the_documented_examples_on_a_machine() {
    let server = Server::umbrella(&["--sandbox"]);
    for protocol in [MODERN, LEGACY] {
        documented(&server.url("evals"), protocol);
    }
}

#[test]
fn the_documented_examples_on_workers() {
    let sandbox = Launch::umbrella(&["sandbox", "--addr", "127.0.0.1:0"]).serve();
    let edge = Edge::of(&["evals".to_owned()], sandbox.addr, &[]);
    documented(&edge.url("evals"), MODERN);
}

/// Two who wait for one run part its work, which D1 knows: what one has paid for, the other does not pay again.
#[test]
fn who_races_on_workers_asks_nothing_twice() {
    const ITEMS: usize = 20;
    let refused = AtomicBool::new(false);
    let upstream = Recorder::start(move |_| {
        // The first request is refused, so that creating the run leaves its items to those who wait.
        if !refused.swap(true, Ordering::Relaxed) {
            let error = json!({"message": "Slow down.", "type": "requests", "code": "rate_limit_exceeded"});
            return Answer::json(429, json!({ "error": error }).to_string());
        }
        let message = json!({"role": "assistant", "content": "yes", "refusal": null});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop", "logprobs": null});
        let usage = json!({"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4});
        let completion = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5.4",
                                "choices": [choice], "usage": usage});
        Answer::json(200, completion.to_string())
    })
    .unwrap();
    let edge = Edge::of(&["evals".to_owned()], upstream.addr(), &[]);
    let call = |tool: &str, arguments: Value| {
        let result = edge.call("evals", KEY, tool, &arguments);
        assert_eq!(result["isError"], false, "{result}");
        result["structuredContent"].clone()
    };

    let criterion = json!({"type": "string_check", "name": "yes", "input": "{{sample.output_text}}",
                           "operation": "eq", "reference": "yes"});
    let config = json!({"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": true});
    let eval = call("eval-create", json!({"data_source_config": config, "testing_criteria": [criterion]}));
    let rows: Vec<_> = (0..ITEMS).map(|at| json!({"item": {"question": format!("Number {at}?")}})).collect();
    let template = json!([{"role": "user", "content": "{{item.question}}"}]);
    let data = json!({"type": "completions", "model": "gpt-5.4",
                      "source": {"type": "file_content", "content": rows},
                      "input_messages": {"type": "template", "template": template}});
    let run = call("eval-run-create", json!({"eval_id": eval["id"], "data_source": data, "concurrency": 2}));
    let ids = json!({"eval_id": eval["id"], "run_id": run["id"]});
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| while call("eval-run-wait", ids.clone())["done"] != true {});
        }
    });

    let run = call("eval-run-get", ids.clone());
    assert_eq!(run["result_counts"], json!({"total": ITEMS, "errored": 0, "failed": 0, "passed": ITEMS}), "{run}");
    let mut asked: Vec<_> = upstream.take().into_iter().skip(1).map(|request| request.body).collect();
    assert_eq!(asked.len(), ITEMS);
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), ITEMS, "an item was asked twice");
}
