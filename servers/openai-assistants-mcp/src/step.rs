//! What a run did, step by step. <https://platform.openai.com/docs/api-reference/run-steps>

use openai_mcp_kernel::prelude::*;

use crate::backend::backed;
use crate::emulated::steps;
use crate::shapes::{Include, Order};

tools![List, Get];

backed! {
    List => steps::list,
    Get => steps::get,
}

/// List the steps of a run: messages written, tools called.
#[tool("run-step-list", GET "/threads/{thread_id}/runs/{run_id}/steps", run, beta = "assistants=v2")]
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
#[tool("run-step-get", GET "/threads/{thread_id}/runs/{run_id}/steps/{step_id}", run, beta = "assistants=v2")]
struct Get {
    thread_id: String,
    run_id: String,
    step_id: String,
    include: Option<Vec<Include>>,
}
