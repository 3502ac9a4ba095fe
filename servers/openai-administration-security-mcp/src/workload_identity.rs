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
    #[unlisted]
    r#type: Kind,
    /// As {attribute: repo, expression: claims.repository}
    attribute_transformations: Option<Vec<Brief<Transformation>>>,
    description: Option<String>,
    enabled: Option<bool>,
    /// {type: discovery, discovery_url: null for the issuer's own} or {type: uploaded_jwks, jwks}
    verification: Option<Brief<Verification>>,
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
    /// Replaces all; {attribute, expression} each.
    attribute_transformations: Option<Vec<Brief<Transformation>>>,
    audience: Option<String>,
    description: Option<Nullable<String>>,
    enabled: Option<bool>,
    issuer: Option<String>,
    name: Option<String>,
    /// {type: discovery, discovery_url: null for the issuer's own} or {type: uploaded_jwks, jwks}
    verification: Option<Brief<Verification>>,
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
    discovery_url: Nullable<String>,
}

#[shape]
struct UploadedJwks {
    jwks: JsonObject,
}
