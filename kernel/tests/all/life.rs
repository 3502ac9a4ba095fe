//! What OpenAI has ended is no tool at OpenAI, lives on elsewhere, and can be answered in its place.

use std::sync::Arc;

use futures_util::FutureExt as _;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::{Definition, Reply as Answer, Service};
use openai_mcp_kernel::spec::{Life, Spec};
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};

tools![Get, Count, List];

/// A request of an API that lives on.
#[request(GET "/item")]
struct Item {}

/// Get a thing.
#[tool("thing-get", GET "/things/{thing_id}", gone = "2026-08-26", instead = "item-get")]
struct Get {
    thing_id: String,
}

/// Count things.
#[tool("thing-count", GET "/things/count", ends = "2027-01-06")]
struct Count {}

/// List things.
#[tool("thing-list", GET "/things")]
struct List {}

static ENDED: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

static STANDS_IN: Definition = Definition {
    domain: "thing",
    version: "0.0.0",
    about: "",
    tools: &[TOOLS],
    life: Life::Gone { on: "2026-08-26", instead: "nothing" },
    stand_in: Some(|cx: &Context, spec: &'static Spec, arguments: &Arguments| {
        let (cx, arguments) = (cx.clone(), arguments.read::<Value>());
        (spec.name == "thing-get").then(|| {
            async move {
                let item = cx.send(&Item::SPEC, json!({})).value().await?;
                Ok(json!({"asked": arguments?, "item": item}))
            }
            .boxed()
        })
    }),
    ..Definition::PLAIN
};

fn at_openai(definition: &'static Definition, answers: Vec<Reply>) -> Arc<Service> {
    let config = Config::read(|name| (name == "OPENAI_API_KEY").then(|| "sk-test".to_owned())).unwrap();
    Service::new(definition, Arc::new(config), Arc::new(Script::new(answers))).unwrap()
}

fn call(service: &Arc<Service>, tool: &str, arguments: &str) -> Value {
    let message = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    );
    let caller = Caller { trusted: true, ..Caller::default() };
    let reply = service.begin(&message.into(), caller, None).reply;
    match reply.now_or_never() {
        Some(Answer::One(_, text)) => serde_json::from_slice::<Value>(&text).unwrap()["result"].take(),
        _ => panic!("{tool}: no single answer at once"),
    }
}

#[test]
fn at_openai_it_is_not_listed_and_says_what_to_use() {
    let service = at_openai(&ENDED, Vec::new());
    let names: Vec<&str> = service.specs().map(|spec| spec.name).collect();
    assert_eq!(names, ["thing-count", "thing-list"]);
    assert!(service.tool_list().contains("OpenAI ends this on 2027-01-06."));
    let result = call(&service, "thing-get", r#"{"thing_id": "t"}"#);
    assert_eq!(result["isError"], true);
    assert_eq!(result["content"][0]["text"], "OpenAI ended `GET /things/{thing_id}` on 2026-08-26\nhint: use item-get");
}

#[test]
fn at_another_server_it_is_an_ordinary_tool() {
    let script = Arc::new(Script::new(vec![Reply::new(200, r#"{"id":"t"}"#)]));
    let result = call_tool(&ENDED, "thing-get", r#"{"thing_id": "t"}"#, script);
    assert_eq!(result["structuredContent"], json!({"id": "t"}));
}

#[test]
fn a_stand_in_answers_what_it_knows_with_checked_arguments() {
    let service = at_openai(&STANDS_IN, vec![Reply::new(200, r#"{"id":"item_1"}"#)]);
    assert_eq!(service.specs().count(), 3);
    let result = call(&service, "thing-get", r#"{"thing_id": "t"}"#);
    assert_eq!(result["structuredContent"], json!({"asked": {"thing_id": "t"}, "item": {"id": "item_1"}}));
    assert_eq!(call(&service, "thing-get", "{}")["content"][0]["text"], "`thing_id`: required: a string");
    let result = call(&service, "thing-list", "{}");
    assert!(result["content"][0]["text"].as_str().unwrap().contains("ended `GET /things` on"), "{result}");
}
