//! Results that are larger than they may be are cut where that is honest, and say so in every form that a client shows.

use std::sync::Arc;

use openai_mcp_kernel::json::Line;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};

tools![List];

/// List things.
#[tool("thing-list", GET "/things")]
struct List {}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

/// The result of a call that OpenAI answers with `body`, on a server that shows at most 1,024 bytes.
fn result(body: &Value) -> Value {
    answered(200, body)
}

fn answered(status: u16, body: &Value) -> Value {
    let script = Script::new(vec![Reply::new(status, format!("{body:#}"))]).with("MAX_RESULT", 1024);
    call_tool(&SERVER, "thing-list", "{}", Arc::new(script))
}

fn items(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({"id": format!("thing_{number}"), "text": "é".repeat(40)})).collect()
}

#[test]
fn a_list_is_cut_between_items_and_goes_on_after_the_last() {
    let whole =
        json!({"object": "list", "data": items(30), "first_id": "thing_0", "last_id": "thing_29", "has_more": false});
    let result = result(&whole);
    let cut: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    let kept = cut["data"].as_array().unwrap();
    assert!((1..30).contains(&kept.len()) && cut.to_string().len() <= 1024, "{cut}");
    assert_eq!(kept.as_slice(), &items(30)[..kept.len()]);
    let last = &kept.last().unwrap()["id"];
    assert_eq!((&cut["has_more"], &cut["last_id"], &cut["first_id"]), (&json!(true), last, &json!("thing_0")));
    let note = result["content"][1]["text"].as_str().unwrap();
    assert!(note.starts_with(&format!("cut to the first {} of 30 items", kept.len())), "{note}");
    assert!(note.contains(&format!("`after`: {last}")), "{note}");
    let mut structured = result["structuredContent"].clone();
    assert_eq!(structured.as_object_mut().unwrap().remove("note"), Some(json!(note)));
    assert_eq!(structured, cut);
}

#[test]
fn a_list_that_is_cut_keeps_its_own_note() {
    let result = result(&json!({"note": "not all is indexed", "data": items(30), "has_more": false}));
    let note = result["structuredContent"]["note"].as_str().unwrap();
    assert!(note.starts_with("not all is indexed\ncut to the first "), "{note}");
    assert_eq!(result["content"][1]["text"], note);
    assert!(!result["content"][0]["text"].as_str().unwrap().contains("note"), "{result}");
}

#[test]
fn a_list_that_names_what_is_next_names_it_anew_when_it_is_cut() {
    let result = result(&json!({"object": "list", "data": items(30), "has_more": true, "next": "thing_29"}));
    let cut: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(cut["next"], cut["data"].as_array().unwrap().last().unwrap()["id"]);
}

#[test]
fn a_list_without_pages_says_how_to_see_the_others() {
    let result = result(&json!({"data": items(30)}));
    assert!(result["content"][1]["text"].as_str().unwrap().contains("fewer or narrower"), "{result}");
    assert!(result["structuredContent"]["has_more"].is_null());
    // Of a search there is no next page, whatever it calls that.
    let found: Vec<Value> = (0..30).map(|at| json!({"file_id": at, "text": "é".repeat(40)})).collect();
    let result = self::result(&json!({"data": found, "has_more": false, "next_page": null}));
    assert!(result["content"][1]["text"].as_str().unwrap().contains("fewer or narrower"), "{result}");
    assert_eq!(result["structuredContent"]["has_more"], true);
}

/// A usage page of many groups has no cursor within it, and its days would be summed as if they were all.
#[test]
fn times_that_are_cut_go_on_where_the_last_ends() {
    let days: Vec<Value> =
        (0..30).map(|day| json!({"start_time": day, "end_time": day + 1, "results": ["é".repeat(40)]})).collect();
    for next_page in [Value::Null, json!("page_2")] {
        let page = json!({"object": "page", "data": days, "has_more": !next_page.is_null(), "next_page": next_page});
        let result = result(&page);
        let cut = &result["structuredContent"];
        let end = &cut["data"].as_array().unwrap().last().unwrap()["end_time"];
        assert_eq!(cut["has_more"], true, "{result}");
        assert!(cut["note"].as_str().unwrap().ends_with(&format!("go on with `start_time`: {end}")), "{result}");
    }
}

#[test]
fn a_list_that_is_cut_keeps_no_token_of_what_comes_behind_it() {
    let items: Vec<Value> = (0..30).map(|at| json!({"start_time": at, "text": "é".repeat(40)})).collect();
    for token in ["next_page", "next"] {
        let result = result(&json!({"object": "page", "data": items, "has_more": true, token: "page_2"}));
        assert_eq!(result["structuredContent"].get(token), None, "{result}");
        assert!(result["content"][1]["text"].as_str().unwrap().contains("a smaller `limit`"), "{result}");
    }
}

#[test]
fn an_id_is_given_for_no_token() {
    // Of a list that says nothing of a next page nobody knows whether it goes on by ids.
    for next in [json!("page_2"), Value::Null] {
        let result = result(&json!({"data": items(30), "has_more": !next.is_null(), "next": next}));
        let cut = &result["structuredContent"];
        assert_eq!((cut.get("next"), &cut["has_more"]), (None, &json!(true)), "{result}");
        let note = result["content"][1]["text"].as_str().unwrap();
        assert!(note.contains("a smaller `limit`") && !note.contains("thing_"), "{note}");

        let long = json!({"id": "thing_0", "text": "é".repeat(2000)});
        let result = self::result(&json!({"data": [long, {"id": "thing_1"}], "has_more": false, "next": next}));
        assert!(!result["content"][1]["text"].as_str().unwrap().contains("`after`"), "{result}");
    }
}

#[test]
fn an_object_is_cut_in_its_long_texts_and_lists() {
    let whole = json!({"did": vec!["x".repeat(90); 50], "id": "thing_0", "text": "é".repeat(400)});
    let result = result(&whole);
    let cut: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(cut, result["structuredContent"]);
    assert!((512..=1024).contains(&cut.to_string().len()), "{cut}");
    assert_eq!(cut["id"], "thing_0");
    assert!(cut["text"].as_str().unwrap().ends_with("… (800 bytes in all)"), "{cut}");
    assert_eq!(cut["did"].as_array().unwrap().last().unwrap(), "… (50 items in all)");
    assert!(cut["cut"].as_str().unwrap().contains("OPENAI_MCP_MAX_RESULT"), "{cut}");
}

#[test]
fn what_cannot_be_cut_within_is_cut_as_text() {
    // One item that does not fit, an array, an object with a member too many: no JSON of a part of them would be honest.
    let long = "é".repeat(2000);
    let many: Value = (0..200).map(|at| (format!("member_{at}"), at.into())).collect::<serde_json::Map<_, _>>().into();
    for whole in [json!({"data": [{"id": "thing_0", "text": long}], "has_more": false}), json!([long]), many] {
        let result = result(&whole);
        assert!(result.get("structuredContent").is_none(), "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!((1000..=1024).contains(&text.len()), "{text}");
        assert!(result["content"][1]["text"].as_str().unwrap().starts_with("cut after"), "{result}");
        assert_eq!(result["isError"], false);
    }
}

#[test]
fn a_page_whose_first_item_does_not_fit_tells_how_to_go_past_it() {
    let long = json!({"id": 7, "text": "é".repeat(2000)});
    let result = result(&json!({"data": [long, {"id": 8}], "last_id": 8, "has_more": true}));
    assert!(
        result["content"][1]["text"].as_str().unwrap().ends_with("`after`: 7 goes on behind the first item"),
        "{result}"
    );
}

#[test]
fn ids_may_be_numbers() {
    let items: Vec<Value> = (0..30).map(|id| json!({"id": id, "text": "é".repeat(40)})).collect();
    let result = result(&json!({"data": items, "last_id": 29, "has_more": false}));
    let cut = &result["structuredContent"];
    assert_eq!(cut["last_id"], cut["data"].as_array().unwrap().last().unwrap()["id"]);
}

#[test]
fn a_long_error_is_cut() {
    let refused = json!({"error": {"message": "no", "param": "é".repeat(2000)}});
    let result = answered(400, &refused);
    let texts = result["content"].as_array().unwrap();
    assert!(texts[0]["text"].as_str().unwrap().len() <= 1024, "{result}");
    assert!(texts[1]["text"].as_str().unwrap().ends_with("bytes in all)"), "{result}");
    assert_eq!(result["isError"], true);
}

#[test]
fn what_fits_is_left_alone() {
    let whole = json!({"data": items(3), "has_more": false});
    let result = result(&whole);
    assert_eq!(result["structuredContent"], whole);
    assert_eq!(result["content"].as_array().unwrap().len(), 1);
    // An array is no structured content: older clients take objects alone.
    assert!(self::result(&json!([1, 2])).get("structuredContent").is_none());
}

#[test]
fn what_is_too_long_to_be_shown_is_not_quoted_to_its_end() {
    const MANY: usize = 100_000;
    let texts = [
        format!("[\"{}\"]", "a".repeat(MANY)),
        format!("[\"{}\"]", r"\n".repeat(MANY)),
        format!("{}{}", "[".repeat(MANY), "]".repeat(MANY)),
        format!("{}1{}", "{\"a\":".repeat(MANY), "}".repeat(MANY)),
        format!("[1{}]", ",1".repeat(MANY)),
    ];
    for text in texts {
        let (start, mut out) = (text.get(..9).unwrap_or_default().to_owned(), Vec::new());
        Line::quoted(text.into(), 100, &mut out).unwrap();
        assert!(out.is_empty() && out.capacity() < 1000, "{start}… took {} bytes", out.capacity());
    }
}
