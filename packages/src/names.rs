//! What things are called everywhere, and where they are.

use openai_mcp::{DOOR, SERVERS};
use openai_mcp_kernel::server::Definition;

/// Where the code is.
pub const REPOSITORY: &str = "https://github.com/openai-mcp/openai-mcp";

/// What the names of servers begin with in the MCP registry: who may publish them is who owns that organization.
pub const NAMESPACE: &str = "io.github.openai-mcp";

/// The licenses of the code.
pub const LICENSE: &str = "MIT OR Apache-2.0";

/// The image in its registry.
pub const IMAGE: &str = "ghcr.io/openai-mcp/openai-mcp";

/// What is published: all servers behind one door, and each server.
pub fn all() -> impl Iterator<Item = &'static Definition> {
    std::iter::once(DOOR.definition).chain(SERVERS.iter().copied())
}

/// The version of the program, which packages have.
pub fn version() -> &'static str {
    DOOR.definition.version
}

/// What a server is called in clients and stores, as `openai-files`; all of them together are `openai`.
pub fn id(server: &Definition) -> String {
    server.name().trim_end_matches("-mcp").to_owned()
}

/// The name of a server in the MCP registry.
pub fn registered(server: &Definition) -> String {
    format!("{NAMESPACE}/{}", if server.domain.is_empty() { "openai" } else { server.domain })
}

/// The arguments that make the program serve it.
pub fn arguments(server: &Definition) -> Vec<&'static str> {
    if server.domain.is_empty() { vec!["stdio"] } else { vec!["stdio", server.domain] }
}

/// What a person is told of its key.
pub fn about_key(server: &Definition) -> &'static str {
    if server.admin {
        "An admin key from https://platform.openai.com/settings/organization/admin-keys"
    } else {
        "A key from https://platform.openai.com/api-keys"
    }
}

/// JSON as it stands in files.
pub fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
