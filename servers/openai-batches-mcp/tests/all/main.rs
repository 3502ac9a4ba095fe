//! Cases, schemas and the rules of the tool list.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use openai_batches_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::Script;

openai_mcp_testkit::suite!(SERVER, 5 * 1024);

/// The file is in memory twice before it is sent: where there is little, as on a Worker, all that share it would die.
#[test]
fn what_has_no_room_in_a_batch_is_not_prepared() {
    let texts = vec![format!("\"{}\"", "word ".repeat(200_000)); 34].join(",");
    let arguments = format!(r#"{{"endpoint": "/v1/embeddings", "body": {{"model": "m"}}, "texts": [{texts}]}}"#);
    let script = Arc::new(Script::new(Vec::new()));
    let result = call_tool(&SERVER, "batch-prepare", arguments, script.clone());
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("expected at most 33554432 bytes: make several batches"), "{text}");
    assert!(script.sent().is_empty());
}
