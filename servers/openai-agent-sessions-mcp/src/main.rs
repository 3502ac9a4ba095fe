//! The native binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    openai_mcp_native::run::server(&openai_agent_sessions_mcp::SERVER)
}
