use openai_mcp_kernel::prelude::*;

tools![List];

#[shape]
struct Kind {
    name: String,
}

/// List things.
#[tool("thing-list", GET "/things")]
struct List {
    #[brief]
    kind: Option<Kind>,
}

fn main() {}
