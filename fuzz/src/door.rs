//! The one door: what is searched by it, and the calls that go through it.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use openai_mcp_door::Door;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_testkit::case;
use openai_mcp_testkit::script::{self, Script};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Some servers: with a store and without, with tools of all three strengths.
static SERVERS: [&Definition; 3] =
    [&openai_chat_mcp::SERVER, &openai_embeddings_mcp::SERVER, &openai_moderation_mcp::SERVER];

static FRONT: Definition = Definition { domain: "everything", version: "0.0.0", about: "", ..Definition::PLAIN };

/// Doors that run what reads, what changes, and what deletes.
const DOORS: [&str; 3] = ["api-read", "api-write", "api-delete"];

/// A door that sends nothing, whose search is made once.
static SEARCHED: LazyLock<Arc<Service>> = LazyLock::new(|| before(&Arc::new(Script::default())));

fn before(script: &Arc<Script>) -> Arc<Service> {
    let services = SERVERS.iter().map(|server| case::service(server, script)).collect();
    Service::behind(Box::new(Door::new(SERVERS.to_vec())), &FRONT, services).unwrap()
}

/// The answer to a call without what tells which tool ran.
fn ask(service: &Arc<Service>, tool: &str, arguments: &str) -> Value {
    let message = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{},"arguments":{arguments}}}}}"#,
        json!(tool)
    );
    let caller = Caller { key: Secret::new("sk-case").ok(), trusted: true, ..Caller::default() };
    let Reply::One(_, answer) = futures_executor::block_on(service.begin(&Bytes::from(message), caller, None).reply)
    else {
        panic!("{tool}: expected one message")
    };
    let mut answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_ne!(answer["error"]["code"], -32603, "{tool}: {answer}");
    if let Some(result) = answer["result"].as_object_mut() {
        result.remove("_meta");
    }
    answer
}

/// The first line names one of the five, or a tool behind it; the rest is what is searched for, or its arguments.
pub(crate) fn door(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (name, rest) = text.split_once('\n').unwrap_or((text, ""));
    if name == "api-search" {
        let answer = ask(&SEARCHED, name, &json!({"query": rest}).to_string());
        let found = &answer["result"]["structuredContent"]["tools"];
        assert!(
            answer["result"]["isError"] == true || found.as_array().is_some_and(|tools| tools.len() <= 8),
            "{answer}"
        );
        return;
    }
    if serde_json::from_str::<&RawValue>(rest).is_err() {
        return;
    }
    if name.starts_with("api-") {
        ask(&SEARCHED, name, rest);
        return;
    }
    // A call through the door is the call itself, and a weaker door keeps its promise.
    let play = |by: Option<&str>| {
        let reply = script::Reply::new(200, r#"{"id": "a", "object": "list", "data": []}"#);
        let script = Arc::new(Script::new(vec![reply; 4]));
        let answer = match by {
            Some(by) => ask(&before(&script), by, &format!(r#"{{"tool":{},"arguments":{rest}}}"#, json!(name))),
            None => match SERVERS.iter().find(|server| server.specs().any(|spec| spec.is_named(name))) {
                Some(server) => ask(&case::service(server, &script), name, rest),
                None => Value::Null,
            },
        };
        (answer, script)
    };
    let (direct, itself) = play(None);
    for by in DOORS {
        let (through, script) = play(Some(by));
        let sent = |script: &Script| format!("{:?} {:?}", script.sent(), script.saved());
        if script.sent().is_empty() && sent(&itself) != sent(&script) {
            assert!(by != "api-delete" || through["result"]["isError"] == true, "{by} ran nothing: {through}");
            continue;
        }
        assert_eq!(sent(&script), sent(&itself), "{by}");
        if !script.sent().is_empty() {
            assert_eq!(through, direct, "{by}");
        }
        let deletes = script.sent().iter().any(|request| request.method == "DELETE");
        assert!(by == "api-delete" || !deletes, "{by} deletes");
        assert!(by != "api-read" || script.saved().is_empty(), "{by} saves");
    }
}
