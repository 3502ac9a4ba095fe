//! Files of a vector store. <https://platform.openai.com/docs/api-reference/vector-stores-files>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::content::Wanted;
use openai_mcp_shapes::page::TwoWayPage;

use crate::indexing::{ChunkingStrategy, Status};

tools![Add, List, Get, Content, Update, Delete];

/// Add an uploaded file to a vector store and index it in the background.
#[tool("vector-store-file-add", POST "/vector_stores/{vector_store_id}/files", beta = "assistants=v2")]
struct Add {
    vector_store_id: String,
    file_id: String,
    attributes: Option<Nullable<Attributes>>,
    chunking_strategy: Option<ChunkingStrategy>,
}

/// List the files of a vector store.
#[tool("vector-store-file-list", GET "/vector_stores/{vector_store_id}/files", beta = "assistants=v2")]
pub(crate) struct List {
    vector_store_id: String,
    filter: Option<Status>,
    #[flatten]
    page: TwoWayPage,
}

/// Get a file of a vector store: status, error, attributes.
#[tool("vector-store-file-get", GET "/vector_stores/{vector_store_id}/files/{file_id}", beta = "assistants=v2")]
pub(crate) struct Get {
    vector_store_id: String,
    file_id: String,
}

/// Read the text that was indexed of a file.
#[tool("vector-store-file-content", GET "/vector_stores/{vector_store_id}/files/{file_id}/content", run, saves, beta = "assistants=v2")]
pub(crate) struct Content {
    #[read]
    vector_store_id: String,
    #[read]
    file_id: String,
    #[read]
    #[flatten]
    wanted: Wanted,
}

impl Content {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = json!({"vector_store_id": self.vector_store_id, "file_id": self.file_id});
        let text = async {
            let page = cx.send(&Self::SPEC, arguments).value().await?;
            let chunks = page.get("data").and_then(Value::as_array).into_iter().flatten();
            Ok(chunks.filter_map(|chunk| chunk.get("text")?.as_str()).collect())
        };
        self.wanted.of_text(&cx, text).await
    }
}

/// Replace the attributes of a file in a vector store.
#[tool("vector-store-file-update", POST "/vector_stores/{vector_store_id}/files/{file_id}", destroys, idempotent, beta = "assistants=v2")]
struct Update {
    vector_store_id: String,
    file_id: String,
    attributes: Nullable<Attributes>,
}

/// Remove a file from a vector store; the file itself stays.
#[tool("vector-store-file-delete", DELETE "/vector_stores/{vector_store_id}/files/{file_id}", beta = "assistants=v2")]
struct Delete {
    vector_store_id: String,
    file_id: String,
}
