//! How files are indexed, and how far that is.

use openai_mcp_kernel::prelude::*;

#[shape(tag = "type")]
pub(crate) enum ChunkingStrategy {
    Auto,
    Static {
        /// For type `static`.
        r#static: StaticChunking,
    },
}

#[shape]
pub(crate) struct StaticChunking {
    max_chunk_size_tokens: Int<100, 4096>,
    /// At most half of max_chunk_size_tokens.
    chunk_overlap_tokens: Int<0, 2048>,
}

#[shape]
pub(crate) enum Status {
    InProgress,
    Completed,
    Failed,
    Cancelled,
}
