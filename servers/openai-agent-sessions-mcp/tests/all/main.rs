//! Cases, schemas and the rules of the tool list; streams that break off anywhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod drops;

openai_mcp_testkit::suite!(openai_agent_sessions_mcp::SERVER, 13 * 1024);
