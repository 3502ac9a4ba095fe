//! Cases, schemas and the rules of the tool list; what the history keeps and what it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_kernel::sql::sql;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use openai_moderation_mcp::SERVER;
use serde_json::{Value, json};

openai_mcp_testkit::suite!(SERVER, 4 * 1024);

/// The scripted platform waits for nothing.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it waits")
}

fn verdict(category: Option<&str>) -> Value {
    let scores = json!({"hate": if category == Some("hate") { 0.9 } else { 0.01 }, "violence": 0.02});
    json!({"flagged": category.is_some(), "categories": {"hate": category == Some("hate"), "violence": false}, "category_scores": scores})
}

fn reply(results: &[Value]) -> Reply {
    Reply::json(&json!({"id": "modr-1", "model": "omni", "results": results}))
}

fn call(script: &Arc<Script>, tool: &str, arguments: &Value) -> Value {
    let result = call_tool(&SERVER, tool, arguments, script.clone());
    assert_eq!(result["isError"], false, "{result}");
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

/// The ids of a page of the history.
fn kept_ids(page: &Value) -> Vec<i64> {
    let id = |one: &Value| one["id"].as_str().unwrap().parse().unwrap();
    page["data"].as_array().unwrap().iter().map(id).collect()
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
    assert_eq!(kept["data"][0]["flagged"], false);
}

#[test]
fn the_history_is_filtered_and_paged() {
    let script = history(&[
        (json!({"input": ["one", "two", "three"]}), &[verdict(None), verdict(Some("hate")), verdict(None)]),
        (json!({"input": "two"}), &[verdict(Some("hate"))]),
    ]);
    let ids = |arguments: Value| {
        let page = call(&script, "moderation-history", &arguments);
        (kept_ids(&page), page["has_more"].as_bool().unwrap())
    };
    assert_eq!(ids(json!({})), (vec![4, 3, 2, 1], false));
    assert_eq!(ids(json!({"limit": 2})), (vec![4, 3], true));
    assert_eq!(ids(json!({"limit": 2, "after": "3"})), (vec![2, 1], false));
    assert_eq!(ids(json!({"flagged": false})), (vec![3, 1], false));
    assert_eq!(ids(json!({"category": "hate"})), (vec![4, 2], false));
    assert_eq!(ids(json!({"category": "sexual"})), (vec![], false));
    assert_eq!(ids(json!({"input": "two"})), (vec![4, 2], false));
    assert_eq!(ids(json!({"since": 1})), (vec![], false));
    assert_eq!(ids(json!({"until": 0})), (vec![4, 3, 2, 1], false));
}

#[test]
fn the_history_is_deleted() {
    let script = history(&[(json!({"input": ["one", "two"]}), &[verdict(None), verdict(None)])]);
    assert_eq!(call(&script, "moderation-history-delete", &json!({"until": -1})), json!({"deleted_count": 0}));
    assert_eq!(call(&script, "moderation-history-delete", &json!({"all": true})), json!({"deleted_count": 2}));
    assert_eq!(call(&script, "moderation-history", &json!({}))["data"], json!([]));
}

#[test]
fn a_batch_is_kept_too_and_a_long_list_is_cut() {
    let items: Vec<String> = (0..640).map(|n| format!("text {n}")).collect();
    let script = Arc::new(Script::new((0..20).map(|_| reply(&vec![verdict(Some("hate")); 32])).collect()));
    let batch = call(&script, "moderation-batch", &json!({"items": items}));
    assert_eq!((&batch["done"], &batch["flagged"]), (&json!(true), &json!(640)));
    assert_eq!(batch["by_category"], json!({"hate": 640}));
    let listed = batch["data"].as_array().unwrap().len();
    let note = format!("{} have no room in `data`; `offset` {listed} does them again, and lists them", 640 - listed);
    assert_eq!(batch["note"], note);
    assert!(batch.to_string().len() < 32 * 1024);
    let kept = call(&script, "moderation-history", &json!({"input": "text 639"}));
    assert_eq!(kept["data"].as_array().unwrap().len(), 1);
}

#[test]
fn verdicts_that_do_not_fit_are_left_out_and_counted() {
    let check = |count: usize| {
        let script = Arc::new(Script::new(vec![reply(&vec![verdict(Some("hate")); count])]));
        let checked = call(&script, "moderation-check", &json!({"input": vec!["a"; count]}));
        let kept = call(&script, "moderation-history", &json!({"limit": 1}));
        assert_eq!(kept["last_id"], count.to_string(), "all are kept");
        checked
    };
    assert_eq!(check(3).get("omitted"), None);
    let many = check(1000);
    let listed = many["results"].as_array().unwrap().len() as u64;
    assert_eq!(listed + many["omitted"].as_u64().unwrap(), 1000);
    assert!(many.to_string().len() <= 32 * 1024);
    assert!(many["hint"].as_str().unwrap().contains("moderation-batch"));
}

#[test]
fn a_page_of_the_history_ends_where_a_result_would_be_cut() {
    let wide: serde_json::Map<String, Value> = (0..40).map(|n| (format!("category/{n}"), json!(0.1234))).collect();
    let wide = json!({"flagged": false, "categories": {}, "category_scores": wide});
    let texts: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let script = history(&[(json!({"input": texts}), &vec![wide; 100])]);
    let first = call(&script, "moderation-history", &json!({"limit": 100}));
    let shown = first["data"].as_array().unwrap().len() as i64;
    assert!(shown < 100 && first.to_string().len() <= 32 * 1024);
    assert_eq!((&first["has_more"], &first["last_id"]), (&json!(true), &json!((101 - shown).to_string())));
    let next = call(&script, "moderation-history", &json!({"limit": 100, "after": first["last_id"]}));
    assert_eq!(next["data"][0]["id"], (100 - shown).to_string());
}

#[test]
fn the_history_forgets_what_is_old() {
    let check = |script: &Arc<Script>| call(script, "moderation-check", &json!({"input": "a"}));
    let ids = |script: &Arc<Script>| kept_ids(&call(script, "moderation-history", &json!({})));
    let rows = |script: &Script| {
        let count = sql("SELECT count(*) FROM verdict", []);
        block_on(script.query("moderation", vec![count])).unwrap()[0].rows[0].integer(0).unwrap()
    };
    for (days, lives) in [(None, 90), (Some("7"), 7)] {
        let script = Script::new((0..3).map(|_| reply(&[verdict(None)])).collect());
        if let Some(days) = days {
            script.set("HISTORY_DAYS", days);
        }
        let script = Arc::new(script);
        // The clock moves by as much as is slept, less than ten minutes at a time.
        let pass = |seconds: u64| (0..seconds / 300).for_each(|_| block_on(script.sleep(Duration::from_secs(300))));
        check(&script);
        pass(lives * 24 * 3600);
        check(&script);
        assert_eq!(ids(&script), [2, 1]);
        pass(300);
        assert_eq!((ids(&script), rows(&script)), (vec![2], 2));
        check(&script);
        assert_eq!((ids(&script), rows(&script)), (vec![3, 2], 2));
    }
}

#[test]
fn a_full_history_keeps_nobody_from_checking_and_still_forgets_what_is_old() {
    let verdicts = vec![verdict(None); 256];
    let script = Script::new([&verdicts[..], &verdicts[..1], &verdicts[..1], &verdicts[..1]].map(reply).into());
    script.set("MAX_STORE", "1");
    let script = Arc::new(script);
    let kept = || kept_ids(&call(&script, "moderation-history", &json!({"limit": 1})));
    call(&script, "moderation-check", &json!({"input": vec!["a"; 256]}));
    assert_eq!(call(&script, "moderation-check", &json!({"input": "b"}))["flagged"], false);
    assert_eq!(kept(), [256]);
    (0..91 * 24 * 12).for_each(|_| block_on(script.sleep(Duration::from_secs(300))));
    call(&script, "moderation-check", &json!({"input": "c"}));
    call(&script, "moderation-check", &json!({"input": "d"}));
    assert_eq!(kept(), [257]);
}
