//! Cases, schemas and the rules of the tool list; the state machine against the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod machine;

openai_mcp_testkit::suite!(openai_assistants_mcp::SERVER, 18 * 1024);
