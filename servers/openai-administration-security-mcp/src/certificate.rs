//! Certificates for mutual TLS.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Create, Get, Modify, Delete, Activate, Deactivate];

/// List certificates.
#[tool("certificate-list", GET "/organization/certificates")]
struct List {
    #[flatten]
    page: OrderedPage,
}

/// Upload a certificate for mutual TLS; it does nothing until activated.
#[tool("certificate-create", POST "/organization/certificates")]
struct Create {
    /// PEM.
    certificate: String,
    name: Option<String>,
}

/// Get a certificate.
#[tool("certificate-get", GET "/organization/certificates/{certificate_id}")]
struct Get {
    certificate_id: String,
    /// content: the PEM.
    include: Option<Vec<Include>>,
}

/// Rename a certificate.
#[tool("certificate-modify", POST "/organization/certificates/{certificate_id}", destroys, idempotent)]
struct Modify {
    certificate_id: String,
    name: Option<String>,
}

/// Delete a certificate for good; an active one has to be deactivated first.
#[tool("certificate-delete", DELETE "/organization/certificates/{certificate_id}")]
struct Delete {
    certificate_id: String,
}

/// Activate certificates for the organization: calls without one may be refused.
#[tool("certificate-activate", POST "/organization/certificates/activate", destroys, idempotent)]
struct Activate {
    certificate_ids: ListOf<String, 1, 10>,
}

/// Deactivate certificates: calls that rely on them are refused at once.
#[tool("certificate-deactivate", POST "/organization/certificates/deactivate", destroys, idempotent)]
struct Deactivate {
    certificate_ids: ListOf<String, 1, 10>,
}

#[shape]
enum Include {
    Content,
}
