//! Templates: what environments are made from.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::agent::Machine;
use openai_mcp_shapes::page::OrderedPage;

tools![Create, List, Get, Modify, Delete];

/// Create a template: each session that names it gets a fresh environment.
#[tool("agent-environment-template-create", POST "/agents/environments/templates")]
struct Create {
    name: Option<Nullable<String>>,
    #[flatten]
    machine: Machine,
}

/// List templates of environments.
#[tool("agent-environment-template-list", GET "/agents/environments/templates")]
struct List {
    #[flatten]
    page: OrderedPage,
}

/// Get a template of environments, without what is confidential.
#[tool("agent-environment-template-get", GET "/agents/environments/templates/{environment_template_id}")]
struct Get {
    environment_template_id: String,
}

/// Change a template; what is given replaces what was there, null takes it away.
///
/// All is as in agent-environment-template-create.
#[tool("agent-environment-template-modify", POST "/agents/environments/templates/{environment_template_id}", destroys, idempotent)]
struct Modify {
    environment_template_id: String,
    name: Option<Nullable<String>>,
    #[flatten]
    #[brief]
    machine: Machine,
}

/// Delete a template; environments made from it stay.
#[tool("agent-environment-template-delete", DELETE "/agents/environments/templates/{environment_template_id}")]
struct Delete {
    environment_template_id: String,
}
