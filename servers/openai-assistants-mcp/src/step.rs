//! What a run did, step by step. <https://platform.openai.com/docs/api-reference/run-steps>

use openai_mcp_kernel::prelude::*;

use crate::shapes::{Include, Order};

tools![List, Get];

/// List the steps of a run: messages written, tools called.
#[tool("run-step-list", GET "/threads/{thread_id}/runs/{run_id}/steps", records)]
struct List {
    thread_id: String,
    run_id: String,
    limit: Option<Int<1, 100>>,
    order: Option<Order>,
    after: Option<String>,
    before: Option<String>,
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
