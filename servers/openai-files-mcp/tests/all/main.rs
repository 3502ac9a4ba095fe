//! Cases, schemas and the rules of the tool list.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use openai_files_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};

openai_mcp_testkit::suite!(SERVER, 3 * 1024 + 128);

/// Each advice would else be refused by the other.
#[test]
fn saving_is_advised_to_those_who_may_save() {
    let script = || Script::new(vec![Reply::new(200, vec![0; 20])]);
    for (script, advice) in [
        (script(), "give `save_to`"),
        (script().untrusted(), "it cannot be had here"),
        (script().with("READ_ONLY", true), "it cannot be had here"),
    ] {
        let result = call_tool(&SERVER, "file-content", r#"{"file_id": "file-1"}"#, Arc::new(script));
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("binary content, 20 bytes") && text.contains(&format!("hint: {advice}")), "{text}");
    }
}
