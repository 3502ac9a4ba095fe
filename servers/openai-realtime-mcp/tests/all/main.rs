//! Cases, schemas and the rules of the tool list; speech that is long.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod turns;

openai_mcp_testkit::suite!(openai_realtime_mcp::SERVER, 11 * 1024);
