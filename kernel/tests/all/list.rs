//! What a list says of a tool: enough for every host, and no more unless a directory wants it said.

use std::sync::Arc;

use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::{Definition, Service};
use openai_mcp_testkit::script::Script;
use serde_json::{Value, json};

tools![Get, Make, Replace, Delete, Search, Fetch];

/// Get a thing.
#[tool("thing-get", GET "/things/{thing_id}")]
struct Get {
    thing_id: String,
}

/// Make a thing.
#[tool("thing-make", POST "/things")]
struct Make {
    name: Option<String>,
}

/// Replace a thing.
#[tool("thing-replace", POST "/things/{thing_id}", destroys, idempotent)]
struct Replace {
    thing_id: String,
    #[unlisted]
    unit: Unit,
}

/// Delete a thing.
#[tool("thing-delete", DELETE "/things/{thing_id}")]
struct Delete {
    thing_id: String,
}

/// Search for things anywhere.
#[tool("thing-search", POST "/things/search", reads, open)]
struct Search {
    query: String,
}

/// Fetch a thing into a file.
#[tool("thing-fetch", GET "/things/{thing_id}/content", saves)]
struct Fetch {
    thing_id: String,
}

#[shape]
enum Unit {
    Piece,
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

fn list(directory: &str) -> Vec<Value> {
    let config = Config::read(|name| (name == "OPENAI_MCP_DIRECTORY").then(|| directory.to_owned())).unwrap();
    let service = Service::new(&SERVER, Arc::new(config), Arc::new(Script::default())).unwrap();
    serde_json::from_str(&service.tool_list()).unwrap()
}

#[test]
fn what_silence_says_is_not_said() {
    let said: Vec<Value> = list("false").iter().map(|tool| tool["annotations"].clone()).collect();
    let expected = [
        json!({"readOnlyHint": true, "destructiveHint": false, "openWorldHint": false}),
        json!({"destructiveHint": false, "openWorldHint": false}),
        json!({"destructiveHint": true, "idempotentHint": true, "openWorldHint": false}),
        json!({"destructiveHint": true, "idempotentHint": true, "openWorldHint": false}),
        json!({"readOnlyHint": true, "destructiveHint": false, "openWorldHint": true}),
        json!({"destructiveHint": false, "idempotentHint": true, "openWorldHint": false}),
    ];
    assert_eq!(said, expected);
    assert!(list("false").iter().all(|tool| tool.get("title").is_none()));
}

/// By the defaults of MCP, where a hint means something.
#[test]
fn a_directory_is_told_the_same_with_nothing_left_out() {
    for (short, whole) in list("false").iter().zip(list("true")) {
        let (short, said) = (&short["annotations"], &whole["annotations"]);
        let hint = |name: &str, silence: bool| short[name].as_bool().unwrap_or(silence);
        assert_eq!(said["readOnlyHint"], hint("readOnlyHint", false), "{whole}");
        assert_eq!(said["destructiveHint"], hint("destructiveHint", true), "{whole}");
        assert_eq!(said["openWorldHint"], hint("openWorldHint", true), "{whole}");
        assert!(said["idempotentHint"].is_boolean(), "{whole}");
        if said["readOnlyHint"] == false {
            assert_eq!(said["idempotentHint"], hint("idempotentHint", false), "{whole}");
        }
    }
    assert_eq!(list("true")[0]["title"], "Thing get");
}

#[test]
fn what_goes_without_saying_is_not_listed() {
    let schema = &list("false")[2]["inputSchema"];
    assert_eq!(schema["required"], json!(["thing_id"]));
    assert_eq!(schema["properties"], json!({"thing_id": {"type": "string"}}));
}
