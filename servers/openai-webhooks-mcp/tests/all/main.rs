//! Cases, schemas and the rules of the tool list; deliveries that come too late.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::once::{SECRET, shown_once};
use openai_mcp_testkit::script::Script;
use openai_webhooks_mcp::SERVER;
use serde_json::json;

openai_mcp_testkit::suite!(SERVER, 5 * 1024);

#[test]
fn a_delivery_is_good_for_five_minutes() {
    // Signed with `secret`, at the time 0 with which the clock of a script begins.
    let headers = json!({
        "webhook-id": "wh_1",
        "webhook-timestamp": "0",
        "webhook-signature": "v1,M6/DyK5/DFvqB4g/yJlNrkBNXN/luE1wxm0vqv4dWpA=",
    });
    let arguments = json!({"payload": "{}", "headers": headers, "secrets": "secret"});
    let script = Arc::new(Script::default());
    for (seconds, problem) in [(0, None), (300, None), (1, Some("its time is 301 seconds behind the clock here"))] {
        script.sleep(Duration::from_secs(seconds)).now_or_never().unwrap();
        let result = call_tool(&SERVER, "webhook-verify", &arguments, script.clone());
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(result["isError"], problem.is_some(), "{text}");
        assert!(text.contains(problem.unwrap_or(r#""valid":true"#)), "{text}");
    }
}

#[test]
fn a_signing_secret_is_shown_once() {
    let program = env!("CARGO_BIN_EXE_openai-webhooks-mcp");
    let endpoint = json!({"id": "we_1", "object": "webhook_endpoint", "name": "n", "signing_secret": SECRET});
    let new = json!({"name": "n", "url": "https://example.com/a", "event_types": ["response.completed"]});
    shown_once(program, "webhook-create", &new, &endpoint, "webhook-list");
    shown_once(program, "webhook-rotate-secret", &json!({"webhook_endpoint_id": "we_1"}), &endpoint, "webhook-list");
}
