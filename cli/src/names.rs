//! Names of servers and tools, as a person types them.

use openai_mcp::SERVERS;
use openai_mcp_kernel::near::{self, did_you_mean, nearest};
use openai_mcp_kernel::server::Definition;

/// The tool that may be meant, as the end of a sentence.
pub(crate) fn suggest_tool(name: &str) -> String {
    let tools = SERVERS.iter().flat_map(|definition| definition.specs());
    did_you_mean(near::tool(name, tools.map(|spec| (spec.name, spec.effect.reads))))
}

/// A filter's problem in the words of the command line.
pub(crate) fn of_flags(problem: &str) -> String {
    let problem = problem.replace("OPENAI_MCP_TOOLS", "--tools").replace("OPENAI_MCP_EXCLUDE", "--exclude");
    format!("{problem}\nhint: `openai-mcp tools` lists them")
}

/// Sets of servers that belong together, by the work they are for.
const SETS: [(&str, &[&str]); 5] = [
    ("rag", &["files", "vector-store", "responses"]),
    ("text", &["responses", "conversations", "models", "moderation"]),
    ("media", &["images", "audio", "files"]),
    ("training", &["fine-tuning", "files", "batches", "models"]),
    (
        "admin",
        &[
            "administration-access",
            "administration-organization",
            "administration-projects",
            "administration-security",
            "administration-usage",
        ],
    ),
];

/// Servers by domain or by the name of a set, each once; all of them if none is named.
pub(crate) fn find_all(domains: &[String]) -> Result<Vec<&'static Definition>, String> {
    if domains.is_empty() {
        return Ok(SERVERS.to_vec());
    }
    let mut found: Vec<&Definition> = Vec::new();
    let of_set = |name: &str| SETS.iter().find(|(set, _)| *set == name).map(|(_, domains)| domains.to_vec());
    for domain in domains.iter().flat_map(|name| of_set(name).unwrap_or_else(|| vec![name])) {
        let definition = find(domain)?;
        if !found.iter().any(|known| known.domain == definition.domain) {
            found.push(definition);
        }
    }
    Ok(found)
}

/// The server of a domain.
pub(crate) fn find(domain: &str) -> Result<&'static Definition, String> {
    let known = || SERVERS.iter().map(|definition| definition.domain);
    SERVERS.iter().copied().find(|definition| definition.domain == domain || definition.name() == domain).ok_or_else(
        || {
            format!(
                "no server `{domain}`{}; there are: {}; and sets of them: {}",
                did_you_mean(nearest(domain, known().chain(SETS.map(|(set, _)| set)))),
                known().collect::<Vec<_>>().join(", "),
                SETS.map(|(set, domains)| format!("{set} ({})", domains.join(", "))).join(", "),
            )
        },
    )
}
