//! A server with what the official conformance suite asks of a fixture, on the kernel as it is.
//!
//! Names and texts are the suite's. It lacks what a sessionless server cannot do: requests of its own to the client.

mod extras;
mod questions;
mod samples;
mod store;
mod tools;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "everything",
    version: env!("CARGO_PKG_VERSION"),
    about: "Fixtures for the MCP conformance suite.",
    tools: &[tools::CONTENT, tools::NOTES, tools::QUESTIONS, store::TOOLS],
    migrations: store::MIGRATIONS,
    extras: Some(&extras::Everything),
    ..Definition::PLAIN
};
