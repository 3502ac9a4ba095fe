//! A server with what the official conformance suite asks of a fixture, on the kernel as it is.
//!
//! Names and texts are the suite's. It lacks what a sessionless server cannot do: requests of its own to the client.

mod extras;
mod questions;
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

/// One red pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\
\0\0\0\x0cIDATx\xdac\xf8\xcf\xc0\0\0\x03\x01\x01\0\xf7\x03AC\0\0\0\0IEND\xaeB`\x82";

/// No sound at all, as a WAV file.
const SILENCE: &[u8] = b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0@\x1f\0\0\x01\0\x08\0data\0\0\0\0";
