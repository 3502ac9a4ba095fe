//! The conformance suite's server, as a binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    openai_mcp_native::run::server(&openai_mcp_e2e::everything::SERVER)
}
