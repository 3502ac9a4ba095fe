//! Cases, schemas and the rules of the tool list; batches that run out of time, and what collections leave behind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use futures_util::FutureExt as _;
use openai_embeddings_mcp::SERVER;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_kernel::sql::sql;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

openai_mcp_testkit::suite!(SERVER, 6 * 1024);

/// An answer with so many vectors of two numbers.
fn reply(vectors: usize) -> Reply {
    let one = |index| json!({"object": "embedding", "index": index, "embedding": [1.0, index as f64]});
    let data: Vec<Value> = (0..vectors).map(one).collect();
    let usage = json!({"prompt_tokens": vectors, "total_tokens": vectors});
    Reply::json(&json!({"object": "list", "data": data, "model": "m", "usage": usage}))
}

fn read(result: &Value) -> Value {
    assert_eq!(result["isError"], false, "{result}");
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

#[test]
fn a_batch_ends_within_a_minute_though_the_api_does_not_answer() {
    let script = Script::new(vec![reply(2048)]).then_silent();
    let arguments = json!({"texts": vec!["a"; 2049], "collection": "docs"});
    let batch = read(&call_tool(&SERVER, "embedding-batch", arguments, Arc::new(script)));
    assert_eq!(
        (&batch["done"], &batch["succeeded"], &batch["next_offset"]),
        (&json!(false), &json!(2048), &json!(2048))
    );
}

#[test]
fn a_file_of_a_part_says_what_it_has() {
    let texts = vec!["a"; 2049];
    let batch = |script: Script, arguments: Value| {
        let script = Arc::new(script);
        (read(&call_tool(&SERVER, "embedding-batch", arguments, script.clone())), script.saved())
    };
    let (part, saved) =
        batch(Script::new(vec![reply(2048)]).then_silent(), json!({"texts": texts, "save_to": "a.jsonl"}));
    assert_eq!((&part["done"], &part["next_offset"]), (&json!(false), &json!(2048)));
    assert_eq!(part["saved_to"]["path"], "a.jsonl");
    assert_eq!(part["note"], "`a.jsonl` has what is before `next_offset`; the rest needs another `save_to`");
    assert_eq!(saved.len(), 1);
    // Of nothing there is no file, so that its name is free for the next call.
    let (nothing, saved) = batch(Script::new(vec![]).then_silent(), json!({"texts": texts, "save_to": "a.jsonl"}));
    assert_eq!((&nothing["done"], &nothing["next_offset"]), (&json!(false), &json!(0)));
    assert_eq!(nothing["note"], "there are no vectors, so `a.jsonl` is not written");
    assert!(nothing.get("saved_to").is_none() && saved.is_empty());
    let (through, saved) = batch(Script::new(vec![]), json!({"texts": ["a"], "offset": 1, "save_to": "a.jsonl"}));
    assert!(through["done"] == true && saved.is_empty());
}

#[test]
fn segments_that_are_mostly_dead_are_taken_together() {
    let script = Arc::new(Script::new([5, 6, 2, 1].map(reply).into()));
    let call = |tool: &str, arguments: Value| read(&call_tool(&SERVER, tool, arguments, script.clone()));
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
    let again = json!([{"id": "c", "text": "c anew"}, {"id": "k", "text": "k anew"}]);
    call("embedding-collection-add", json!({"collection": "c", "items": again}));
    assert_eq!(segments(), (vec![2, 4], 0));
    let found = call("embedding-search", json!({"query": "q", "collection": "c", "top_k": 10}));
    let hits: Vec<&str> = found["data"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    assert_eq!(found["searched"], 6);
    // By the second number of their vectors: the query's is 0.
    assert_eq!(hits, ["c", "k", "d", "i", "e", "j"]);
}
