//! Files of a vector store. <https://platform.openai.com/docs/api-reference/vector-stores-files>

use openai_mcp_kernel::json::{Members as _, list, member};
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
        let mut lacks = Vec::new();
        let text = async {
            let page = cx.send(&Self::SPEC, arguments).value().await?;
            lacks = lacking(&page);
            Ok(list(&page, "data").map(|part| member(part, "text")).collect())
        };
        let content = self.wanted.of_text(&cx, text).await?;
        Ok(if lacks.is_empty() { content } else { noted(content, &lacks.join("; ")) })
    }
}

/// What of a file is not in the text that OpenAI gave of it.
fn lacking(page: &Value) -> Vec<String> {
    let mut lacks = Vec::new();
    // No parameter of the API asks for the next page.
    if *page.at("has_more") == true {
        lacks.push("OpenAI gave only the first part of this file's text".to_owned());
    }
    let others = list(page, "data").filter(|part| !part.at("text").is_string()).count();
    if others > 0 {
        lacks.push(format!("parts left out that are no text: {others}"));
    }
    lacks
}

/// A content with what is to be known of it.
fn noted(content: Output, note: &str) -> Output {
    let with = |mut told: Value| {
        told.put("note", note.into());
        told
    };
    match content {
        Output::Text { text, structured } => {
            Output::Text { text: format!("{text}\n\n[{note}]"), structured: with(structured) }
        }
        Output::Json(saved) => match serde_json::from_slice(&saved) {
            Ok(told) => Output::json(&with(told)),
            Err(_) => Output::Json(saved),
        },
        other => other,
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
