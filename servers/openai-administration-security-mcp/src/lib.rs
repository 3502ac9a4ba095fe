//! Certificates, keys and stores of one's own clouds, workload identity.
//! <https://platform.openai.com/docs/api-reference/administration>

mod certificate;
mod external_key;
mod external_storage;
mod federation_rule;
mod project_certificate;
mod workload_identity;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "administration-security",
    title: "OpenAI Organization Security",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "Security of an OpenAI organization, with an admin key: certificates for mutual TLS, keys in an own \
            KMS, stores in own clouds, and OIDC providers whose tokens act as service accounts by federation \
            rules, without keys. Uploaded certificates do nothing until they are activated.",
    topics: "certificates, OIDC",
    tools: &[
        certificate::TOOLS,
        project_certificate::TOOLS,
        external_key::TOOLS,
        external_storage::TOOLS,
        workload_identity::TOOLS,
        federation_rule::TOOLS,
    ],
    admin: true,
    ..Definition::PLAIN
};
