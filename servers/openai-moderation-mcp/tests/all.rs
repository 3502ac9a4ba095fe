//! Cases, schemas and the rules of the tool list; what the history keeps and what it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use openai_moderation_mcp::SERVER;
use serde_json::{Value, json};

openai_mcp_testkit::suite!(SERVER, 4 * 1024);

fn verdict(category: Option<&str>) -> Value {
    let scores = json!({"hate": if category == Some("hate") { 0.9 } else { 0.01 }, "violence": 0.02});
    json!({"flagged": category.is_some(), "categories": {"hate": category == Some("hate"), "violence": false}, "category_scores": scores})
}

fn reply(results: &[Value]) -> Reply {
    let body = json!({"id": "modr-1", "model": "omni", "results": results}).to_string();
    Reply { status: 200, headers: Vec::new(), body: body.into() }
}

fn call(script: &Arc<Script>, tool: &str, arguments: &Value) -> Value {
    let result = call_tool(&SERVER, tool, &arguments.to_string(), script.clone());
    assert_eq!(result["isError"], false, "{result}");
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

/// The history after one check of each of these.
fn history(checks: &[(Value, &[Value])]) -> Arc<Script> {
    let script = Arc::new(Script::new(checks.iter().map(|(_, results)| reply(results)).collect()));
    for (arguments, _) in checks {
        call(&script, "moderation-check", arguments);
    }
    script
}

#[test]
fn the_history_keeps_a_hash_and_no_text() {
    let script = history(&[(json!({"input": "abc"}), &[verdict(Some("hate"))])]);
    let kept = call(&script, "moderation-history", &json!({}));
    let kept = &kept["data"][0];
    // The SHA-256 of `abc`: FIPS 180-2, appendix B.1.
    assert_eq!(kept["hash"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!((&kept["flagged"], &kept["categories"]), (&json!(true), &json!(["hate"])));
    assert_eq!(kept["scores"], json!({"hate": 0.9, "violence": 0.02}));
    assert!(kept.get("excerpt").is_none());
}

#[test]
fn an_excerpt_is_kept_when_asked_for_and_nothing_when_not_wanted() {
    let long = "ä".repeat(200);
    let script = history(&[
        (json!({"input": long, "keep": "excerpt"}), &[verdict(None)]),
        (json!({"input": "secret", "keep": "none"}), &[verdict(None)]),
    ]);
    let kept = call(&script, "moderation-history", &json!({}));
    assert_eq!(kept["data"].as_array().unwrap().len(), 1);
    assert_eq!(kept["data"][0]["excerpt"], "ä".repeat(80));
}

#[test]
fn the_history_is_filtered_and_paged() {
    let script = history(&[
        (json!({"input": ["one", "two", "three"]}), &[verdict(None), verdict(Some("hate")), verdict(None)]),
        (json!({"input": "two"}), &[verdict(Some("hate"))]),
    ]);
    let ids = |arguments: Value| {
        let page = call(&script, "moderation-history", &arguments);
        let ids: Vec<i64> = page["data"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
        (ids, page["has_more"].as_bool().unwrap())
    };
    assert_eq!(ids(json!({})), (vec![4, 3, 2, 1], false));
    assert_eq!(ids(json!({"limit": 2})), (vec![4, 3], true));
    assert_eq!(ids(json!({"limit": 2, "after": 3})), (vec![2, 1], false));
    assert_eq!(ids(json!({"flagged": false})), (vec![3, 1], false));
    assert_eq!(ids(json!({"category": "hate"})), (vec![4, 2], false));
    assert_eq!(ids(json!({"category": "hat"})), (vec![], false));
    assert_eq!(ids(json!({"input": "two"})), (vec![4, 2], false));
    assert_eq!(ids(json!({"since": 1})), (vec![], false));
    assert_eq!(ids(json!({"until": 0})), (vec![4, 3, 2, 1], false));
}

#[test]
fn the_history_is_deleted() {
    let script = history(&[(json!({"input": ["one", "two"]}), &[verdict(None), verdict(None)])]);
    assert_eq!(call(&script, "moderation-history-delete", &json!({"until": -1})), json!({"deleted": 0}));
    assert_eq!(call(&script, "moderation-history-delete", &json!({})), json!({"deleted": 2}));
    assert_eq!(call(&script, "moderation-history", &json!({}))["data"], json!([]));
}

#[test]
fn a_batch_is_kept_too_and_a_long_list_is_cut() {
    let items: Vec<String> = (0..320).map(|n| format!("text {n}")).collect();
    let script = Arc::new(Script::new((0..10).map(|_| reply(&vec![verdict(Some("hate")); 32])).collect()));
    let batch = call(&script, "moderation-batch", &json!({"items": items}));
    assert_eq!((&batch["done"], &batch["flagged"]), (&json!(true), &json!(320)));
    assert_eq!(batch["by_category"], json!({"hate": 320}));
    let listed = batch["results"].as_array().unwrap().len() as u64;
    assert_eq!(listed + batch["omitted"].as_u64().unwrap_or_default(), 320);
    assert!(batch.to_string().len() < 32 * 1024);
    let kept = call(&script, "moderation-history", &json!({"input": "text 319"}));
    assert_eq!(kept["data"].as_array().unwrap().len(), 1);
}
