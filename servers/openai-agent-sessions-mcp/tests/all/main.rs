//! Cases, schemas and the rules of the tool list; streams that break off anywhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod drops;

use std::sync::Arc;

use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::json;

openai_mcp_testkit::suite!(openai_agent_sessions_mcp::SERVER, 13 * 1024);

#[test]
fn a_wait_ends_before_it_has_made_more_requests_than_it_may() {
    let stream = Reply::new(200, ": closed at once\n\n").with_header("content-type", "text/event-stream");
    let session = Reply::json(&json!({"id": "asess_1", "status": "in_progress", "environment": {"type": "none"}}));
    let turns = Reply::json(&json!({"data": [{"id": "turn_1", "status": "in_progress"}], "has_more": false}));
    let items = Reply::json(&json!({"data": [], "has_more": false}));
    let rounds = std::iter::repeat_n([stream, session], 12).flatten();
    let replies = rounds.chain([turns, items]).collect();
    let script = Arc::new(Script::new(replies).with("MAX_REQUESTS", 40));
    let result = call_tool(
        &openai_agent_sessions_mcp::SERVER,
        "agent-session-wait",
        json!({"session_id": "asess_1"}),
        script.clone(),
    );
    let told = &result["structuredContent"];
    assert_eq!((&told["done"], &told["next"]["tool"]), (&json!(false), &json!("agent-session-wait")), "{result}");
    assert_eq!((script.left(), told["waited_seconds"].as_u64()), (0, Some(11)), "{result}");
}
