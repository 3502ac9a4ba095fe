//! Service accounts of a project, whose keys belong to no person.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::Page;
use openai_mcp_shapes::secret;

tools![List, Create, Get, Modify, Delete, KeyCreate];

/// List the service accounts of a project.
#[tool("project-service-account-list", GET "/organization/projects/{project_id}/service_accounts")]
struct List {
    project_id: String,
    #[flatten]
    page: Page,
}

/// Create a service account with a key, which is shown this once.
#[tool("project-service-account-create", POST "/organization/projects/{project_id}/service_accounts", run)]
struct Create {
    project_id: String,
    name: String,
    /// No key, no role.
    create_service_account_only: Option<bool>,
    /// Of the key; default never.
    expires_in_seconds: Option<i64>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        secret::shown_once(
            &cx,
            &Self::SPEC,
            "api_key.value is shown this once: keep it now where it is used, and nowhere else",
        )
        .await
    }
}

/// Get a service account.
#[tool("project-service-account-get", GET "/organization/projects/{project_id}/service_accounts/{service_account_id}")]
struct Get {
    project_id: String,
    service_account_id: String,
}

/// Rename a service account or change its role.
#[tool("project-service-account-modify", POST "/organization/projects/{project_id}/service_accounts/{service_account_id}", destroys, idempotent)]
struct Modify {
    project_id: String,
    service_account_id: String,
    name: Option<String>,
    role: Option<Role>,
}

/// Delete a service account for good, and all its keys: they fail at once.
#[tool("project-service-account-delete", DELETE "/organization/projects/{project_id}/service_accounts/{service_account_id}")]
struct Delete {
    project_id: String,
    service_account_id: String,
}

/// Create a further key of a service account, which is shown this once.
///
/// To rotate: use the new one, then project-api-key-delete the old one.
#[tool("project-service-account-key-create", POST "/organization/projects/{project_id}/service_accounts/{service_account_id}/api_keys", run)]
struct KeyCreate {
    project_id: String,
    service_account_id: String,
    /// Default never.
    expires_in_seconds: Option<i64>,
    name: Option<String>,
    /// As api.model.request.
    scopes: Option<Vec<String>>,
}

impl KeyCreate {
    async fn run(self, cx: Context) -> Result<Output> {
        secret::shown_once(&cx, &Self::SPEC, "value is shown this once: keep it now where it is used, and nowhere else")
            .await
    }
}

#[shape]
enum Role {
    Member,
    Owner,
}
