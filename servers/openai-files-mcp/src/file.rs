//! Uploaded files. <https://platform.openai.com/docs/api-reference/files>

use openai_mcp_kernel::batch;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Order;
use openai_mcp_shapes::content::Wanted;

tools![List, Get, Delete, Content, PurposeList];

/// Files of a page where no limit is given: OpenAI's own default is 10000.
const PAGE: u32 = 20;

/// List uploaded files, the newest first.
#[tool("file-list", GET "/files", run)]
pub(crate) struct List {
    purpose: Option<Brief<AnyPurpose>>,
    /// Default 20.
    #[read]
    limit: Option<Int<1, 10_000>>,
    order: Option<Order>,
    /// Id of the last file of the page before.
    after: Option<String>,
}

/// What files are for, those that OpenAI makes too.
#[shape]
enum AnyPurpose {
    Assistants,
    AssistantsOutput,
    Batch,
    BatchOutput,
    #[wire("fine-tune")]
    FineTune,
    #[wire("fine-tune-results")]
    FineTuneResults,
    Vision,
    UserData,
    Evals,
}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = match self.limit {
            Some(_) => cx.arguments().clone(),
            None => cx.arguments().clone().set("limit", PAGE),
        };
        Ok(Output::Json(cx.send(&Self::SPEC, arguments).bytes().await?))
    }
}

/// Get a file's name, size, purpose and expiry.
#[tool("file-get", GET "/files/{file_id}")]
struct Get {
    file_id: String,
}

/// Delete files, also from all vector stores.
#[tool("file-delete", DELETE "/files/{file_id}", run)]
struct Delete {
    #[read]
    #[alias("file_ids")]
    file_id: OneOrMany<String>,
}

impl Delete {
    async fn run(self, cx: Context) -> Result<Output> {
        batch::delete(&cx, &Self::SPEC, "file_id", self.file_id).await
    }
}

/// Read a file's text piece by piece, or save it to a local file.
#[tool("file-content", GET "/files/{file_id}/content", run, saves)]
struct Content {
    file_id: String,
    #[read]
    #[flatten]
    wanted: Wanted,
}

impl Content {
    async fn run(self, cx: Context) -> Result<Output> {
        let content = self.wanted.of(&cx, cx.send(&Self::SPEC, cx.arguments())).await;
        content.map_err(|error| match error.kind() {
            Kind::Status(400) => error.or_hint("of a file in a vector store, vector-store-file-content shows the text"),
            _ => error,
        })
    }
}

/// List the purposes a file can have, and what each is for.
#[tool("file-purpose-list", reads)]
struct PurposeList {}

impl PurposeList {
    async fn run(self, _: Context) -> Result<Output> {
        let purpose =
            |purpose: &str, used_by: &str, takes: &str| json!({"purpose": purpose, "used_by": used_by, "takes": takes});
        Ok(Output::json(&json!({
            "upload": [
                purpose("assistants", "vector stores, file search, code interpreter", "documents, code, data"),
                purpose("batch", "Batch API", "JSONL of requests, at most 200 MB"),
                purpose("fine-tune", "fine-tuning", "JSONL of examples"),
                purpose("vision", "image input", "PNG, JPEG, WebP, GIF"),
                purpose("user_data", "any API that takes a file id", "any file"),
                purpose("evals", "evals", "JSONL of items"),
            ],
            "made_by_openai": ["assistants_output", "batch_output", "fine-tune-results"],
        })))
    }
}
