//! Cases, schemas and the rules of the tool list; secrets that are shown once.

use openai_mcp_testkit::once::{SECRET, shown_once};
use serde_json::json;

openai_mcp_testkit::suite!(openai_administration_organization_mcp::SERVER, 14 * 1024);

#[test]
fn an_admin_key_is_shown_once() {
    let answer = json!({"id": "key_1", "object": "organization.admin_api_key", "name": "n", "value": SECRET});
    let program = env!("CARGO_BIN_EXE_openai-administration-organization-mcp");
    shown_once(program, "admin-api-key-create", &json!({"name": "n"}), &answer, "admin-api-key-list");
}
