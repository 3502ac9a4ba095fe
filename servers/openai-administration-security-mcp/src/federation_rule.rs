//! Which tokens stand for which service account.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Create, Get, Modify, Delete];

/// List the federation rules of an OIDC provider.
#[tool("federation-rule-list", GET "/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules")]
struct List {
    workload_identity_provider_id: String,
    service_account_id: Option<String>,
    #[flatten]
    page: OrderedPage,
}

/// Let tokens of a provider act as a service account, without a key.
#[tool("federation-rule-create", POST "/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules")]
struct Create {
    workload_identity_provider_id: String,
    /// Attribute: value that a token must have, as {"repository": "acme/web"}.
    attribute_matchers: JsonObject,
    project_id: String,
    service_account_id: String,
    description: Option<String>,
    enabled: Option<bool>,
    name: Option<String>,
    /// {type: service_account_default} or {type: restricted, scopes}
    permissions: Option<Brief<Permissions>>,
}

/// Get a federation rule.
#[tool("federation-rule-get", GET "/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules/{workload_identity_federation_rule_id}")]
struct Get {
    workload_identity_provider_id: String,
    workload_identity_federation_rule_id: String,
}

/// Change a federation rule; it takes hold at once, what is not given stays.
#[tool("federation-rule-modify", POST "/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules/{workload_identity_federation_rule_id}", destroys, idempotent)]
struct Modify {
    workload_identity_provider_id: String,
    workload_identity_federation_rule_id: String,
    /// Replaces all.
    attribute_matchers: Option<JsonObject>,
    description: Option<Nullable<String>>,
    enabled: Option<bool>,
    name: Option<Nullable<String>>,
    /// {type: service_account_default} or {type: restricted, scopes}
    permissions: Option<Brief<Permissions>>,
}

/// Delete a federation rule for good: its tokens open nothing any more.
#[tool("federation-rule-delete", DELETE "/organization/workload_identity_providers/{workload_identity_provider_id}/federation_rules/{workload_identity_federation_rule_id}")]
struct Delete {
    workload_identity_provider_id: String,
    workload_identity_federation_rule_id: String,
}

#[shape(tag = "type")]
enum Permissions {
    /// As the service account.
    ServiceAccountDefault(All),
    /// These scopes alone.
    Restricted(Restricted),
}

#[shape]
struct All {}

#[shape]
struct Restricted {
    scopes: Vec<String>,
}
