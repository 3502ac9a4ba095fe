//! What things are called everywhere, and where they are.

use openai_mcp::{DOOR, SERVERS};
use openai_mcp_kernel::server::Definition;
use serde_json::{Map, Value, json};

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

/// The name of a server in the MCP registry.
pub fn registered(server: &Definition) -> String {
    format!("{NAMESPACE}/{}", if server.domain.is_empty() { "openai" } else { server.domain })
}

/// The arguments that make the program serve it.
pub fn arguments(server: &Definition) -> Vec<&'static str> {
    if server.domain.is_empty() { vec!["stdio"] } else { vec!["stdio", server.domain] }
}

/// A key that a server takes.
#[derive(Clone, Copy)]
pub struct Key {
    /// What a setting of it is called.
    pub id: &'static str,
    /// The variable that holds it.
    pub variable: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What a person is told of it.
    pub about: &'static str,
    /// How it begins.
    pub example: &'static str,
    /// Whether the server can do nothing without it.
    pub required: bool,
}

const PROJECT: Key = Key {
    id: "key",
    variable: "OPENAI_API_KEY",
    title: "OpenAI key",
    about: "A key from https://platform.openai.com/api-keys",
    example: "sk-…",
    required: true,
};
const ADMIN: Key = Key {
    id: "admin_key",
    variable: "OPENAI_ADMIN_KEY",
    title: "OpenAI admin key",
    about: "An admin key from https://platform.openai.com/settings/organization/admin-keys",
    example: "sk-admin-…",
    required: true,
};
/// For servers of which some tools take it.
const ALSO: Key = Key {
    about: "For tools of administration alone: an admin key from \
            https://platform.openai.com/settings/organization/admin-keys",
    required: false,
    ..ADMIN
};

/// The keys that a server takes, the one that it needs first.
pub fn keys(server: &Definition) -> Vec<Key> {
    let some = |server: &Definition| server.admin || server.specs().any(|spec| spec.admin);
    let also = if server.domain.is_empty() { SERVERS.iter().any(|server| some(server)) } else { some(server) };
    match (server.admin, also) {
        (true, _) => vec![ADMIN],
        (false, true) => vec![PROJECT, ALSO],
        (false, false) => vec![PROJECT],
    }
}

/// The keys of a server by their variables, each where a person is asked for it.
pub fn environment(keys: &[Key]) -> Value {
    let place = |key: &Key| (key.variable.to_owned(), format!("${{user_config.{}}}", key.id).into());
    Value::Object(keys.iter().map(place).collect())
}

/// What asks for the keys of a server, as Claude Code and bundles have it.
pub fn questions(keys: &[Key]) -> Map<String, Value> {
    let question = |key: &Key| {
        let Key { title, about, required, .. } = key;
        json!({"type": "string", "title": title, "description": about, "sensitive": true, "required": required})
    };
    keys.iter().map(|key| (key.id.to_owned(), question(key))).collect()
}

/// Our licenses, by the names of their files.
pub const LICENSES: [(&str, &str); 2] =
    [("LICENSE-APACHE", include_str!("../../LICENSE-APACHE")), ("LICENSE-MIT", include_str!("../../LICENSE-MIT"))];

/// JSON as it stands in files.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
