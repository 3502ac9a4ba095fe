//! What is told of a failure fits it, and what may have been carried out and must not be made twice is not.

use std::sync::Arc;
use std::time::Duration;

use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};

tools![Get, GetPart, Create, Use];

/// Get a thing.
#[tool("thing-get", GET "/things")]
struct Get {}

/// Get a part.
#[tool("thing-part-get", GET "/parts/{part_id}")]
struct GetPart {
    part_id: String,
}

/// Make a thing.
#[tool("thing-create", POST "/things")]
struct Create {}

/// Make a thing and use it.
#[tool("thing-use")]
struct Use {}

impl Use {
    async fn run(self, cx: Context) -> Result<Output> {
        Ok(Output::json(&cx.send(&Create::SPEC, json!({})).value().await?))
    }
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

/// The text of a call that gets these answers, and how many requests it made; where answers end, connections break.
fn told(tool: &str, replies: Vec<Reply>) -> (String, usize) {
    let script = Arc::new(Script::new(replies).as_openai());
    let result = call_tool(&SERVER, tool, "{}", script.clone());
    assert_eq!(result["isError"], true, "{result}");
    (result["content"][0]["text"].as_str().unwrap().to_owned(), script.sent().len())
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(status, json!({"error": {"type": "some_error", "code": code, "message": message}}).to_string())
}

const PERHAPS: &str = "the request may have been carried out";

#[test]
fn what_may_have_been_carried_out_is_told_so() {
    let page = || Reply::new(502, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>");
    let fault = || refused(500, "server_error", "The server had an error");
    for (tool, replies, says, perhaps, requests) in [
        ("thing-create", vec![], "the connection to openai broke before its answer", true, 1),
        ("thing-get", vec![], "openai could not be reached", false, 3),
        ("thing-create", vec![page()], "openai answered 502: a page, `502 Bad Gateway`", true, 1),
        ("thing-get", vec![page(), page(), page()], "a fault at OpenAI's end: try again", false, 3),
        ("thing-create", vec![fault()], "a fault at OpenAI's end: try again", false, 1),
        ("thing-use", vec![Reply::new(200, "")], "the answer is not JSON", true, 1),
        ("thing-use", vec![Reply::new(200, "{\"id\": \"th")], "not JSON", true, 1),
    ] {
        let (told, sent) = told(tool, replies);
        assert!(told.contains(says), "{tool}: {told}");
        assert_eq!((told.contains(PERHAPS), sent), (perhaps, requests), "{tool}: {told}");
    }
}

#[test]
fn it_is_tried_again_when_the_answer_says() {
    // `Fri, 27 Nov 2026 10:00:00 GMT`
    const NOW: u64 = 1_795_773_600;
    for (name, value, milliseconds) in [
        ("retry-after", "2", 2000),
        ("retry-after", "1.5", 1500),
        ("retry-after-ms", "250", 250),
        ("retry-after", "Fri, 27 Nov 2026 10:00:03 GMT", 3000),
        // Nothing that says when is to be overrun at once.
        ("retry-after", "0", 500),
        ("retry-after", "-1", 500),
        ("retry-after-ms", "0", 500),
        ("retry-after", "Fri, 27 Nov 2026 10:00:00 GMT", 500),
        ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", 500),
        ("retry-after", "soon", 500),
    ] {
        let busy = Reply::new(429, "{}").with_header(name, value);
        let script = Arc::new(Script::new(vec![busy, Reply::json(&json!({}))]).as_openai().at(NOW));
        let result = call_tool(&SERVER, "thing-get", "{}", script.clone());
        assert_eq!(result["isError"], false, "{name}: {value}: {result}");
        let waited = script.now() - Duration::from_secs(NOW);
        assert_eq!(waited, Duration::from_millis(milliseconds), "{name}: {value}");
    }
}

#[test]
fn what_no_later_try_brings_is_asked_for_once() {
    for (status, code, message, says) in [
        (429, "insufficient_quota", "You exceeded your current quota", "waiting does not help"),
        (429, "billing_hard_limit_reached", "Billing hard limit has been reached", "waiting does not help"),
        (400, "billing_hard_limit_reached", "Billing hard limit has been reached", "waiting does not help"),
        (
            429,
            "rate_limit_exceeded",
            "Request too large for gpt-5.5 on tokens per min: Limit 3, Requested 4",
            "send less",
        ),
        (
            401,
            "",
            "You have insufficient permissions for this operation. Missing scopes: x.",
            "the key lacks a permission",
        ),
        (401, "invalid_api_key", "Incorrect API key provided", "check the key"),
    ] {
        let (told, sent) = told("thing-get", vec![refused(status, code, message)]);
        assert!(told.contains(says) && sent == 1, "{sent} requests: {told}");
    }
}

#[test]
fn a_file_that_is_said_back_is_left_out() {
    let message = format!("Invalid image: data:image/png;base64,{} is none", "iVBORw0KGgo".repeat(90));
    let (told, _) = told("thing-get", vec![refused(400, "invalid_image", &message)]);
    assert!(told.contains("data:image/png;base64,(990 characters of base64 left out) is none"), "{told}");
}

#[test]
fn what_is_longer_than_an_error_should_be_is_told_by_its_beginning() {
    let body = format!("the gateway is wrong: {}", "x ".repeat(500_000));
    let (told, _) = told("thing-get", vec![Reply::new(400, body)]);
    assert!(told.contains("the gateway is wrong: x x"), "{told}");
}

#[test]
fn an_id_is_to_be_checked_only_where_there_is_one() {
    let gone = || refused(404, "not_found", "There is no such thing");
    assert_eq!(told("thing-get", vec![gone()]).0, "openai answered 404 some_error not_found: There is no such thing");
    let script = Arc::new(Script::new(vec![gone()]).as_openai());
    let result = call_tool(&SERVER, "thing-part-get", r#"{"part_id": "1"}"#, script);
    assert!(
        result["content"][0]["text"]
            .as_str()
            .unwrap()
            .ends_with("\nhint: check the id, and that the key is of the project that owns it")
    );
}
