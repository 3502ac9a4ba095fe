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

/// Servers by domain, each once; all of them if none is named.
pub(crate) fn find_all(domains: &[String]) -> Result<Vec<&'static Definition>, String> {
    if domains.is_empty() {
        return Ok(SERVERS.to_vec());
    }
    let mut found: Vec<&Definition> = Vec::new();
    for domain in domains {
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
                "no server `{domain}`{}; there are: {}",
                did_you_mean(nearest(domain, known())),
                known().collect::<Vec<_>>().join(", ")
            )
        },
    )
}
