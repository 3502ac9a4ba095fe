//! Batches of files added together. <https://platform.openai.com/docs/api-reference/vector-stores-file-batches>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::TwoWayPage;

use crate::indexing::{ChunkingStrategy, Status};

tools![Create, Get, Cancel, Files];

/// Add many uploaded files to a vector store in one request.
///
/// Give file_ids, or files where each has attributes or chunking of its own; at most 2000.
#[tool("vector-store-file-batch-create", POST "/vector_stores/{vector_store_id}/file_batches", beta = "assistants=v2")]
struct Create {
    vector_store_id: String,
    file_ids: Option<ListOf<String, 0, 2000>>,
    files: Option<Vec<File>>,
    /// For all of file_ids.
    attributes: Option<Nullable<Attributes>>,
    /// For all of file_ids, as in vector-store-file-add.
    chunking_strategy: Option<Brief<ChunkingStrategy>>,
}

#[shape]
struct File {
    file_id: String,
    attributes: Option<Nullable<Attributes>>,
    chunking_strategy: Option<Brief<ChunkingStrategy>>,
}

/// Get a file batch: status and counts.
#[tool("vector-store-file-batch-get", GET "/vector_stores/{vector_store_id}/file_batches/{batch_id}", beta = "assistants=v2")]
pub(crate) struct Get {
    vector_store_id: String,
    batch_id: String,
}

/// Cancel a file batch; files already indexed stay.
#[tool("vector-store-file-batch-cancel", POST "/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel", destroys, idempotent, beta = "assistants=v2")]
struct Cancel {
    vector_store_id: String,
    batch_id: String,
}

/// List the files of a file batch.
#[tool("vector-store-file-batch-files", GET "/vector_stores/{vector_store_id}/file_batches/{batch_id}/files", beta = "assistants=v2")]
struct Files {
    vector_store_id: String,
    batch_id: String,
    filter: Option<Status>,
    #[flatten]
    page: TwoWayPage,
}
