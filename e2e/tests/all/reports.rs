//! A report of more than anybody looks at takes little memory.

use std::fmt::Write as _;

use openai_mcp_testkit::recorder::{Answer, Recorder};
use serde_json::json;

use crate::harness::{ADMIN_KEY, Launch, bearer, message, tool_call};

/// 2026-11-01.
const START: u64 = 1_793_491_200;
const DAY: u64 = 86_400;
const KEYS: u64 = 1667;

/// A page of thirty days, in each of which every key is told of on some twenty lines, as OpenAI writes them.
fn page() -> String {
    let mut page = String::from("{\n  \"object\": \"page\",\n  \"data\": [");
    for day in 0..30 {
        let (start, end) = (START + day * DAY, START + (day + 1) * DAY);
        let comma = if day > 0 { "," } else { "" };
        let _ = write!(
            page,
            "{comma}{{\"object\": \"bucket\", \"start_time\": {start}, \"end_time\": {end}, \"results\": ["
        );
        for key in 0..KEYS {
            let comma = if key > 0 { "," } else { "" };
            let _ = write!(
                page,
                "{comma}\n      {{\n        \"object\": \"organization.usage.completions.result\",\n        \"input_tokens\": {key},\n        \
                 \"output_tokens\": 1,\n        \"num_model_requests\": 1,\n        \"project_id\": null,\n        \"user_id\": null,\n        \
                 \"api_key_id\": null,\n        \"model\": \"model-{key}\",\n        \"batch\": null,\n        \"service_tier\": null,\n        \
                 \"input_cached_tokens\": 0,\n        \"input_audio_tokens\": 0,\n        \"output_audio_tokens\": 0\n      }}"
            );
        }
        page.push_str("]}");
    }
    page + "],\n  \"has_more\": false,\n  \"next_page\": null\n}"
}

#[test]
fn fifty_thousand_results_on_one_page() {
    let page = page();
    assert!(page.len() > 20 << 20, "{}", page.len());
    let upstream = Recorder::start(move |_| Answer::json(200, page.clone())).unwrap();
    let server =
        Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", &upstream.base_url()).serve();
    let call = tool_call("usage-report", &json!({"range": "2026-11-01..2026-11-30"}));
    let reply = server.post("/administration-usage/mcp", &bearer(ADMIN_KEY), message("tools/call", &call).as_bytes());
    let result = &reply.json()["result"];
    let report: serde_json::Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(report["sums"]["num_model_requests"], 30 * KEYS, "{result}");
    server.process.expect_little_memory();
}
