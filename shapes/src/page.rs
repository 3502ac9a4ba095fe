//! Which page of a list is asked for. <https://platform.openai.com/docs/api-reference/pagination>
//!
//! The names say it all, and every list would pay for more.

use openai_mcp_kernel::prelude::*;

use crate::words::Order;

/// A page of a list that has an order of its own and goes one way.
#[shape(read)]
#[expect(missing_docs, reason = "it would stand in every list")]
pub struct Page {
    pub limit: Option<Int<1, 100>>,
    pub after: Option<String>,
}

/// A page of a list that goes one way.
#[shape]
pub struct OrderedPage {
    limit: Option<Int<1, 100>>,
    order: Option<Order>,
    after: Option<String>,
}

/// A page of a list that goes both ways.
#[shape]
pub struct TwoWayPage {
    #[flatten]
    page: OrderedPage,
    before: Option<String>,
}
