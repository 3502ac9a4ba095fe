use openai_mcp_kernel::prelude::*;

tools![Wait];

/// Wait for a thing.
#[tool("thing-wait", reads)]
struct Wait {}

fn main() {}
