use openai_mcp_kernel::prelude::*;

tools![Get];

#[tool("thing-get", GET "/things")]
struct Get {}

fn main() {}
