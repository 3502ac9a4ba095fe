//! The requests about files that fine-tuning needs; the files server has them as tools.

use openai_mcp_kernel::prelude::*;

/// A file's name, size and purpose.
#[request(GET "/files/{file_id}")]
pub(crate) struct Get {
    file_id: String,
}

/// A file's content.
#[request(GET "/files/{file_id}/content")]
pub(crate) struct Content {
    file_id: String,
}
