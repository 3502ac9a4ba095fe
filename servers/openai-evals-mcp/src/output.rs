//! The items of a run, with what was sampled and how it was graded.
//! <https://platform.openai.com/docs/api-reference/evals/getRunOutputItems>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Order;

use crate::brief;

tools![List, Get];

/// List the items of a run: status, scores, the start of each answer.
#[tool("eval-output-list", GET "/evals/{eval_id}/runs/{run_id}/output_items", brief = brief::outputs)]
pub(crate) struct List {
    eval_id: String,
    run_id: String,
    limit: Option<Int<1, 100>>,
    order: Option<Order>,
    /// error: what could not be sampled or graded.
    status: Option<Status>,
    after: Option<String>,
}

#[shape]
enum Status {
    Fail,
    Pass,
    Error,
}

/// Get an item of a run: what was asked and answered, scores with their reasons.
#[tool("eval-output-get", GET "/evals/{eval_id}/runs/{run_id}/output_items/{output_item_id}", window)]
struct Get {
    eval_id: String,
    run_id: String,
    output_item_id: String,
}
