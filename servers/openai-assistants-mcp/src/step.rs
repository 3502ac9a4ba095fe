//! What a run did, step by step. <https://platform.openai.com/docs/api-reference/run-steps>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::TwoWayPage;

use crate::shapes::Include;

tools![List, Get];

/// List the steps of a run: messages written, tools called.
#[tool("run-step-list", GET "/threads/{thread_id}/runs/{run_id}/steps", records)]
struct List {
    thread_id: String,
    run_id: String,
    #[flatten]
    page: TwoWayPage,
    include: Option<Vec<Include>>,
}

/// Get a step of a run.
#[tool("run-step-get", GET "/threads/{thread_id}/runs/{run_id}/steps/{step_id}", records)]
struct Get {
    thread_id: String,
    run_id: String,
    step_id: String,
    include: Option<Vec<Include>>,
}
