use openai_mcp_kernel::prelude::*;

tools![Get];

/// Get a thing, which is to say any of the things that there are, were, or ever will have been.
#[tool("thing-get", GET "/things")]
struct Get {}

fn main() {}
