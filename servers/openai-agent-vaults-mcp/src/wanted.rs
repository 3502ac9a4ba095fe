//! What a list is narrowed by.

use openai_mcp_kernel::prelude::*;

/// Which of a list are wanted.
#[shape]
pub(crate) struct Wanted {
    /// All of it must be there.
    metadata: Option<Metadata>,
    status: Option<Vec<Status>>,
}

#[shape]
enum Status {
    Active,
    Archived,
}
