//! Certificates of a project.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Activate, Deactivate];

/// List the certificates of a project.
#[tool("project-certificate-list", GET "/organization/projects/{project_id}/certificates")]
struct List {
    project_id: String,
    #[flatten]
    page: OrderedPage,
}

/// Activate certificates for a project: calls without one may be refused.
#[tool("project-certificate-activate", POST "/organization/projects/{project_id}/certificates/activate", destroys, idempotent)]
struct Activate {
    project_id: String,
    certificate_ids: ListOf<String, 1, 10>,
}

/// Deactivate a project's certificates: calls that rely on them are refused.
#[tool("project-certificate-deactivate", POST "/organization/projects/{project_id}/certificates/deactivate", destroys, idempotent)]
struct Deactivate {
    project_id: String,
    certificate_ids: ListOf<String, 1, 10>,
}
