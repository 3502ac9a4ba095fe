//! Cases, schemas and the rules of the tool list; the engine against the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod engine;

openai_mcp_testkit::suite!(openai_evals_mcp::SERVER, 11 * 1024);
