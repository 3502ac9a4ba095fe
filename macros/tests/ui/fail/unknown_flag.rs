use openai_mcp_kernel::prelude::*;

tools![Get];

/// Get a thing.
#[tool("thing-get", PATCH "/things")]
struct Get {}

fn main() {}
