//! Containers themselves. <https://platform.openai.com/docs/api-reference/containers>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![Create, List, Get, Delete];

/// Create a container.
#[tool("container-create", POST "/containers")]
struct Create {
    name: String,
    /// When it is deleted while idle; default 20 minutes.
    expires_after: Option<ExpiresAfter>,
    /// Uploaded files to copy into it.
    file_ids: Option<Vec<String>>,
    /// Default 1g.
    memory_limit: Option<MemoryLimit>,
    network_policy: Option<NetworkPolicy>,
    skills: Option<Vec<Skill>>,
}

/// List containers.
#[tool("container-list", GET "/containers")]
struct List {
    name: Option<String>,
    #[flatten]
    page: OrderedPage,
}

/// Get a container: status, expiry, limits.
#[tool("container-get", GET "/containers/{container_id}")]
struct Get {
    container_id: String,
}

/// Delete a container with all its files.
#[tool("container-delete", DELETE "/containers/{container_id}")]
struct Delete {
    container_id: String,
}

#[shape]
struct ExpiresAfter {
    #[unlisted]
    anchor: Anchor,
    /// Since last used.
    minutes: i64,
}

#[shape]
enum Anchor {
    LastActiveAt,
}

#[shape]
enum MemoryLimit {
    #[wire("1g")]
    One,
    #[wire("4g")]
    Four,
    #[wire("16g")]
    Sixteen,
    #[wire("64g")]
    SixtyFour,
}

/// Default disabled.
#[shape(tag = "type")]
enum NetworkPolicy {
    Disabled,
    Allowlist { allowed_domains: Vec<String>, domain_secrets: Option<Vec<DomainSecret>> },
}

/// Put into requests to that domain.
#[shape]
struct DomainSecret {
    domain: String,
    name: String,
    value: String,
}

#[shape(tag = "type")]
enum Skill {
    SkillReference {
        skill_id: String,
        /// A number, or latest.
        version: Option<String>,
    },
    Inline {
        name: String,
        description: String,
        source: Bundle,
    },
}

#[shape]
struct Bundle {
    #[unlisted]
    r#type: Base64,
    #[unlisted]
    media_type: Zip,
    /// Base64 of the zip.
    data: String,
}

#[shape]
enum Base64 {
    Base64,
}

#[shape]
enum Zip {
    #[wire("application/zip")]
    Zip,
}
