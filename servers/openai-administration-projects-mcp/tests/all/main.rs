//! Cases, schemas and the rules of the tool list; secrets that are shown once.

use openai_mcp_testkit::once::{SECRET, shown_once};
use serde_json::json;

openai_mcp_testkit::suite!(openai_administration_projects_mcp::SERVER, 16 * 1024);

#[test]
fn the_key_of_a_service_account_is_shown_once() {
    let program = env!("CARGO_BIN_EXE_openai-administration-projects-mcp");
    let key =
        json!({"id": "key_1", "object": "organization.project.service_account.api_key", "name": "k", "value": SECRET});
    let account = json!({"id": "svc_acct_1", "name": "n", "role": "member", "api_key": key});
    let new = json!({"project_id": "proj_1", "name": "n"});
    shown_once(program, "project-service-account-create", &new, &account, "project-list");
    let further = json!({"project_id": "proj_1", "service_account_id": "svc_acct_1", "name": "k"});
    shown_once(program, "project-service-account-key-create", &further, &key, "project-list");
}
