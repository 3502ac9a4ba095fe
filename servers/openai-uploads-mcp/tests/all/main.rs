//! Cases, schemas and the rules of the tool list.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod parts;

openai_mcp_testkit::suite!(openai_uploads_mcp::SERVER, 4 * 1024);
