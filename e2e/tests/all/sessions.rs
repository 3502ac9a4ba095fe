//! A session of a hosted agent, driven through the official clients by its tools alone.

use serde_json::json;

use crate::harness::{KEY, Server, node, python};
use crate::interop::{LEGACY, MODERN, play};

#[test]
fn a_session_with_an_approval_an_artifact_and_a_broken_stream() {
    let server = Server::umbrella(&["--sandbox"]);
    for protocol in [MODERN, LEGACY] {
        let headers = json!({ "Authorization": format!("Bearer {KEY}") });
        let at = json!({ "url": server.url("agent-sessions"), "headers": headers });
        let plan = json!({ "agent_sessions": at, "protocol": protocol });
        play(&python(), "agent_sessions.py", &plan);
        play(&node(), "agent-sessions.mjs", &plan);
    }
}
