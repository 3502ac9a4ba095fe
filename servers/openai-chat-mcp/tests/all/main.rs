//! Cases, schemas and the rules of the tool list.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod late;
mod long;

openai_mcp_testkit::suite!(openai_chat_mcp::SERVER, 16 * 1024);
