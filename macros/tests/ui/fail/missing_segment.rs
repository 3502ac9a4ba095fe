use openai_mcp_kernel::prelude::*;

tools![Get];

/// Get a thing.
#[tool("thing-get", GET "/things/{thing_id}")]
struct Get {
    id: String,
}

fn main() {}
