//! Random and mutated input at the three doors that strangers knock on: the envelope, the checker, the planner.
//!
//! Every input is made from its number, so that a failure names the input that caused it.

use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::json;
use openai_mcp_kernel::plan::{self, Payload};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::protocol::Headers;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_testkit::script::Script;
use serde_json::value::RawValue;

/// Inputs for each door.
const INPUTS: u64 = 20_000;

tools![Everything];

/// Take every kind of argument.
#[tool("thing-do", POST "/things/{thing_id}/do")]
struct Everything {
    thing_id: String,
    #[query]
    include: Option<Vec<String>>,
    #[header("Idempotency-Key")]
    idempotency_key: Option<String>,
    name: Option<Nullable<Text<1, 8>>>,
    count: Option<Int<-5, 5>>,
    ratio: Option<Num<0, 1>>,
    tags: Option<OneOrMany<String>>,
    metadata: Option<Metadata>,
    attributes: Option<Attributes>,
    anything: Option<Json>,
    tree: Option<Tree>,
}

#[shape(tag = "type")]
enum Tree {
    Leaf { value: Scalar },
    Node { children: Vec<Tree> },
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

const MESSAGES: [&str; 7] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"thing-do","arguments":{"thing_id":"t"},"_meta":{"progressToken":"p"}}}"#,
    r#"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#,
    r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"}]"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
    r#"{"jsonrpc":"2.0","id":3,"result":{}}"#,
    r#"{"jsonrpc":"2.0","id":4,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
];

const ARGUMENTS: [&str; 5] = [
    r#"{"thing_id":"t?1 ü","include":["a","b&c"],"idempotency_key":"k","name":null,"count":-5,"ratio":0.5,"tags":["x"]}"#,
    r#"{"thing_id":"..","anything":[{"deep":[[[]]]}],"count":5,"count":5}"#,
    r#"{"thing_id":"a..b","metadata":{"a":"b"},"attributes":{"n":1e3,"s":"x","b":true},"anything":[{"deep":[[[]]]}]}"#,
    r#"{"thing_id":"%2e%2Ex","tree":{"type":"node","children":[{"type":"leaf","value":9007199254740993}]}}"#,
    r#"{"thing_id":"u","tags":"one","tree":{"value":1,"type":"leaf"}}"#,
];

const TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\u{7f}",
    "é",
    "..",
    "/",
    "%2e",
    "\"type\"",
    "\"id\"",
    "\r\n",
];

/// A seed with a few random edits, not always UTF-8 any more.
fn mutated(rng: &mut Rng, seeds: &[&str]) -> Vec<u8> {
    let mut bytes = seeds[rng.usize(..seeds.len())].as_bytes().to_vec();
    for _ in 0..rng.usize(..4) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..12)).min(bytes.len());
        match rng.u8(..5) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, TOKENS[rng.usize(..TOKENS.len())].bytes())),
            2 => drop(bytes.splice(at..end, TOKENS[rng.usize(..TOKENS.len())].bytes())),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ if at < bytes.len() => bytes[at] = rng.u8(..),
            _ => {}
        }
    }
    bytes
}

fn service() -> Arc<Service> {
    let config = Config::read(|_| None).unwrap();
    Service::new(&SERVER, Arc::new(config), Arc::new(Script::default())).unwrap()
}

#[test]
fn every_message_gets_one_well_formed_answer_or_none() {
    let service = service();
    let headers = [
        None,
        Some(Headers::default()),
        Some(Headers { version: Some("2026-07-28"), method: Some("tools/list"), name: None }),
    ];
    for number in 0..INPUTS {
        let mut rng = Rng::with_seed(number);
        let message = Bytes::from(mutated(&mut rng, &MESSAGES));
        let begun = service.begin(&message, Caller::default(), headers[rng.usize(..headers.len())]);
        let id = begun.id.clone();
        let answers = futures_executor::block_on(async {
            match begun.reply.await {
                Reply::Nothing => Vec::new(),
                Reply::One(_, answer) => vec![answer],
                Reply::Many(answers) => futures_util::StreamExt::collect(answers).await,
            }
        });
        for answer in &answers {
            let value: Value = serde_json::from_slice(answer).unwrap_or_else(|error| panic!("input {number}: {error}"));
            assert!(!answer.contains(&b'\n'), "input {number}: a line break");
            assert!(value.is_array() || value["jsonrpc"] == "2.0", "input {number}: {value}");
        }
        if let Some(id) = id {
            let last: Value = serde_json::from_slice(answers.last().unwrap()).unwrap();
            assert_eq!(last["id"], serde_json::from_str::<Value>(&id).unwrap(), "input {number}");
            assert!(last["result"].is_object() != last["error"].is_object(), "input {number}");
        }
    }
}

#[test]
fn what_is_planned_is_what_was_given() {
    let (spec, mut planned) = (TOOLS[0].spec, 0);
    let endpoint = spec.endpoint.as_ref().unwrap();
    for number in 0..INPUTS {
        let mut rng = Rng::with_seed(number);
        let text = mutated(&mut rng, &ARGUMENTS);
        let arguments = Arguments::new(Some(text.clone().into()));
        let checked = plan::check(spec, &arguments, false);
        let plan = plan::plan(spec, endpoint, &arguments, false);
        let (meant, plan) = match (checked, plan) {
            (Err(checked), Err(error)) => {
                assert_eq!(checked.to_string(), error.to_string(), "input {number}");
                continue;
            }
            (Ok(meant), Ok(plan)) => (meant, plan),
            (Ok(_), Err(error)) => panic!("input {number}: {error}"),
            (Err(error), Ok(_)) => panic!("input {number} was planned: {error}"),
        };
        planned += 1;
        let given: Value = serde_json::from_slice(meant.text()).unwrap();
        // The path has three segments, and the second is the id and nothing else.
        let path = plan.target.split('?').next().unwrap();
        let segments: Vec<&str> = path.split('/').collect();
        assert_eq!((segments.len(), segments[1], segments[3]), (4, "things", "do"), "input {number}: {path}");
        let id = percent_encoding::percent_decode_str(segments[2]).decode_utf8().unwrap();
        assert_eq!(Some(id.as_ref()), given["thing_id"].as_str(), "input {number}");
        assert!(plan.target.is_ascii() && !plan.target.contains(char::is_control), "input {number}");
        // The body has the other arguments, each with the text that the caller wrote.
        let Payload::Json(body) = &plan.body else { panic!("input {number}: no JSON body") };
        let body: std::collections::BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).unwrap();
        let raw: std::collections::BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&text).unwrap();
        for (name, value) in raw {
            let elsewhere = ["thing_id", "include", "idempotency_key"].contains(&name.as_str());
            assert_eq!(body.get(&name).map(|sent| sent.get()), (!elsewhere).then_some(value.get()), "input {number}");
        }
    }
    assert!(
        planned > INPUTS / 10,
        "only {planned} inputs were planned: the mutations are too wild to test the planner"
    );
}

#[test]
fn json_on_one_line_keeps_its_meaning() {
    for number in 0..INPUTS {
        let mut rng = Rng::with_seed(number);
        let mut text = mutated(&mut rng, &ARGUMENTS);
        if let Ok(value) = serde_json::from_slice::<Value>(&text)
            && rng.bool()
        {
            text = serde_json::to_vec_pretty(&value).unwrap();
        }
        let line = json::Line::new(text.clone().into());
        match serde_json::from_slice::<&RawValue>(&text) {
            Err(_) => assert!(line.is_err(), "input {number}"),
            Ok(_) => {
                let (mut quoted, line) = (Vec::new(), line.unwrap());
                assert!(!line.text().contains('\n'), "input {number}");
                assert_eq!(json::Line::new(line.bytes().clone()).unwrap().text(), line.text(), "input {number}");
                line.push_quoted(&mut quoted);
                let unquoted: String = serde_json::from_slice(&quoted).unwrap();
                assert_eq!(unquoted, line.text().replace('\t', " "), "input {number}");
                let line = line.text();
                if let Ok(value) = serde_json::from_slice::<Value>(&text) {
                    assert_eq!(serde_json::from_str::<Value>(line).unwrap(), value, "input {number}");
                }
            }
        }
    }
}
