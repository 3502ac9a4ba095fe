//! Names that a person mistyped.

use openai_mcp::SERVERS;
use openai_mcp_kernel::near::{self, did_you_mean};

/// The tool that may be meant, as the end of a sentence.
pub(crate) fn suggest_tool(name: &str) -> String {
    let tools = SERVERS.iter().flat_map(|definition| definition.specs());
    did_you_mean(near::tool(name, tools.map(|spec| (spec.name, spec.effect.reads))))
}
