//! What automations sent.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![Create, List, Get];

/// Run an automation now, once; its schedule stays.
#[tool("agent-automation-invocation-create", POST "/agents/automations/{automation_id}/invocations", open)]
struct Create {
    automation_id: String,
}

/// List the runs of an automation: which were delivered, and to which session.
#[tool("agent-automation-invocation-list", GET "/agents/automations/{automation_id}/invocations")]
struct List {
    automation_id: String,
    #[flatten]
    page: OrderedPage,
}

/// Get a run of an automation.
#[tool("agent-automation-invocation-get", GET "/agents/automations/{automation_id}/invocations/{invocation_id}")]
struct Get {
    automation_id: String,
    invocation_id: String,
}
