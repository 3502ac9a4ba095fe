//! Cases, schemas and the rules of the tool list.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod shown;

openai_mcp_testkit::suite!(openai_responses_mcp::SERVER, 16 * 1024);
