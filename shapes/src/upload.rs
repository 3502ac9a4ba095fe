//! What files are uploaded for, and how long they stay. <https://platform.openai.com/docs/api-reference/files/create>

use openai_mcp_kernel::prelude::*;

/// What a file is for.
#[shape]
pub enum Purpose {
    /// Assistants, vector stores, the code interpreter.
    Assistants,
    /// Requests of a batch.
    Batch,
    /// Examples to train with.
    #[wire("fine-tune")]
    FineTune,
    /// Images.
    Vision,
    /// Any use.
    UserData,
    /// Items of evals.
    Evals,
}

/// Default: batch files expire after 30 days, others never.
#[shape]
pub struct ExpiresAfter {
    #[unlisted]
    anchor: Anchor,
    seconds: Int<3600, 2_592_000>,
}

#[shape]
enum Anchor {
    CreatedAt,
}
