//! Which page of a list is asked for.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Order;

/// A page of a list that tells by `next` what to go on with.
#[shape]
pub(crate) struct NextPage {
    limit: Option<i64>,
    order: Option<Order>,
    after: Option<String>,
}
