#![deny(dead_code)]
use openai_mcp_kernel::prelude::*;

tools![Get];

/// Get a thing.
#[tool("thing-get", GET "/things")]
struct Get {}

/// Delete all things.
#[tool("thing-delete", DELETE "/things")]
struct Delete {}

fn main() {
    let _ = TOOLS;
}
