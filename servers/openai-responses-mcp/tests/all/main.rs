//! Cases, schemas and the rules of the tool list.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod shown;

use std::sync::Arc;

use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::Script;
use openai_responses_mcp::SERVER;

openai_mcp_testkit::suite!(SERVER, 16 * 1024);

/// It is in memory many times over before it is sent: where there is little, as on a Worker, all that share it would die.
#[test]
fn what_has_no_room_in_a_message_is_not_attached() {
    let data = "A".repeat(12_000_000);
    let arguments = format!(
        r#"{{"model": "gpt-6-astra", "input": "Read.", "attach": [{{"data": "{data}", "filename": "a.pdf"}}]}}"#
    );
    let script = Arc::new(Script::new(Vec::new()));
    let result = call_tool(&SERVER, "response-create", arguments, script.clone());
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("`a.pdf` is larger than 8.3 MB"), "{text}");
    assert!(script.sent().is_empty());
}
