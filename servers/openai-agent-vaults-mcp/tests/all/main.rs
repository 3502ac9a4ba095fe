//! Cases, schemas and the rules of the tool list; secrets that are said back.

use std::sync::Arc;

use openai_agent_vaults_mcp::SERVER;
use openai_mcp_testkit::canary::{KEY, echoes, leak};
use openai_mcp_testkit::case::call_with_progress;
use openai_mcp_testkit::script::Script;
use serde_json::json;

openai_mcp_testkit::suite!(SERVER, 6 * 1024);

/// Whatever an API makes of a secret, and whatever is wrong with how it was given: it is not told again.
#[test]
fn a_secret_goes_one_way() {
    let place = json!({"vault_id": "vault_1", "credential_id": "cred_1", "name": "a"});
    let bearer = json!({"type": "static_bearer", "mcp_server_url": "https://a.example.com", "token": KEY});
    let auths = [
        bearer.clone(),
        json!({"type": "environment_variable", "secret_name": "A", "secret_value": format!("of {KEY}"),
            "networking": {"type": "unrestricted"}}),
        json!(KEY),
        json!({"type": KEY}),
        json!({"type": "static_bearer", "token": [KEY]}),
        json!({"type": "static_bearer", "token": {"env": KEY, "path": KEY}}),
    ];
    for echo in echoes(KEY) {
        // Nobody takes a credential for the name of a request, which is told as it comes.
        if echo.reply.headers.iter().any(|(name, _)| name == "x-request-id") {
            continue;
        }
        for auth in &auths {
            for tool in ["vault-credential-create", "vault-credential-modify"] {
                let mut arguments = place.clone();
                let surplus = if tool.ends_with("modify") { "name" } else { "credential_id" };
                if let Some(arguments) = arguments.as_object_mut() {
                    arguments.remove(surplus);
                    arguments.insert("auth".into(), auth.clone());
                }
                let script = Arc::new(Script::new(vec![echo.reply.clone(); 8]));
                for message in call_with_progress(&SERVER, tool, &arguments, script) {
                    let said = message.to_string();
                    assert_eq!(leak(&said), None, "{tool}, {}: {said}", echo.name);
                }
            }
        }
    }
}
