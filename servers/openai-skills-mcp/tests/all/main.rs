//! Cases, schemas and the rules of the tool list; what is in a zip.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use openai_skills_mcp::SERVER;
use serde_json::json;

openai_mcp_testkit::suite!(SERVER, 6 * 1024);

/// Two stored files, as Python's `zipfile` writes them.
const ZIP: &str = "UEsDBBQAAAAAAAAAIVznUApsHwAAAB8AAAAKAAAAYS9TS0lMTC5tZC0tLQpuYW1lOiBhCmRlc2NyaXB0aW9uOiBiCi0tLQpQSwMEFAAAAAAAAAAhXIMW3IwBAAAAAQAAAAgAAABhL3J1bi5zaHhQSwECFAMUAAAAAAAAACFc51AKbB8AAAAfAAAACgAAAAAAAAAAAAAAgAEAAAAAYS9TS0lMTC5tZFBLAQIUAxQAAAAAAAAAIVyDFtyMAQAAAAEAAAAIAAAAAAAAAAAAAACAAUcAAABhL3J1bi5zaFBLBQYAAAAAAgACAG4AAABuAAAAAAA=";

#[test]
fn the_files_of_a_skill_are_listed() {
    let zip = BASE64_STANDARD.decode(ZIP).unwrap();
    let files = json!([{"path": "a/SKILL.md", "bytes": 31}, {"path": "a/run.sh", "bytes": 1}]);
    for (tool, arguments) in [
        ("skill-content", json!({"skill_id": "skill_1"})),
        ("skill-version-content", json!({"skill_id": "skill_1", "version": "latest"})),
    ] {
        let script = Arc::new(Script::new(vec![Reply::new(200, zip.clone())]));
        let result = call_tool(&SERVER, tool, &arguments, script);
        assert_eq!(result["structuredContent"], json!({"files": files, "zip_bytes": zip.len()}), "{result}");
    }
}
