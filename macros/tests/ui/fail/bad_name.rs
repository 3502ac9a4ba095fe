use openai_mcp_kernel::prelude::*;

tools![Get];

/// Get a thing.
#[tool("thing_get", GET "/things")]
struct Get {}

fn main() {}
