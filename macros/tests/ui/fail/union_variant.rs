use openai_mcp_kernel::prelude::*;

#[shape]
enum Either {
    One(String),
    Two,
}

fn main() {}
