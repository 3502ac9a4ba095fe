//! Cases, schemas and the rules of the tool list.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod given_up;
mod pixels;
mod settings;

openai_mcp_testkit::suite!(openai_images_mcp::SERVER, 12 * 1024);
