//! Providers of identities, whose tokens stand for keys.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Create, Get, Modify, Delete];

/// List the OIDC providers whose tokens stand for keys.
#[tool("workload-identity-provider-list", GET "/organization/workload_identity_providers")]
struct List {
    #[flatten]
    page: OrderedPage,
}

/// Register an OIDC provider; its tokens open nothing without a federation rule.
#[tool("workload-identity-provider-create", POST "/organization/workload_identity_providers")]
struct Create {
    audience: String,
    issuer: String,
    name: String,
    r#type: Kind,
    attribute_transformations: Option<Vec<Transformation>>,
    description: Option<String>,
    enabled: Option<bool>,
    verification: Option<Verification>,
}

/// Get an OIDC provider.
#[tool("workload-identity-provider-get", GET "/organization/workload_identity_providers/{workload_identity_provider_id}")]
struct Get {
    workload_identity_provider_id: String,
}

/// Change an OIDC provider; what is not given stays. Disabling locks out at once.
#[tool("workload-identity-provider-modify", POST "/organization/workload_identity_providers/{workload_identity_provider_id}", destroys, idempotent)]
struct Modify {
    workload_identity_provider_id: String,
    /// Replaces all.
    attribute_transformations: Option<Vec<Transformation>>,
    audience: Option<String>,
    description: Option<Nullable<String>>,
    enabled: Option<bool>,
    issuer: Option<String>,
    name: Option<String>,
    verification: Option<Verification>,
}

/// Delete an OIDC provider for good; its federation rules have to go first.
#[tool("workload-identity-provider-delete", DELETE "/organization/workload_identity_providers/{workload_identity_provider_id}")]
struct Delete {
    workload_identity_provider_id: String,
}

#[shape]
enum Kind {
    Oidc,
}

#[shape]
struct Transformation {
    attribute: String,
    /// As claims.repository.
    expression: String,
}

#[shape(tag = "type")]
enum Verification {
    /// Keys that the issuer publishes.
    Discovery(Discovery),
    /// Keys given here.
    UploadedJwks(UploadedJwks),
}

#[shape]
struct Discovery {
    /// null: the issuer's own.
    discovery_url: Nullable<String>,
}

#[shape]
struct UploadedJwks {
    jwks: JsonObject,
}
