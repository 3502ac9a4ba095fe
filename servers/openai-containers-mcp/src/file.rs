//! Files of a container. <https://platform.openai.com/docs/api-reference/container-files>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::content::Wanted;
use openai_mcp_shapes::page::OrderedPage;

tools![Create, List, Get, Content, Delete];

/// Put a file into a container: one from here, or an uploaded one by its id.
#[tool("container-file-create", POST "/containers/{container_id}/files", multipart, run, open)]
struct Create {
    container_id: String,
    #[read]
    file: Option<FileInput>,
    #[read]
    file_id: Option<String>,
}

/// The same request without a file, which the SDK sends as JSON.
#[request(POST "/containers/{container_id}/files")]
struct Copy {
    container_id: String,
    file_id: String,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let spec = match (&self.file, &self.file_id) {
            (Some(_), None) => &Self::SPEC,
            (None, Some(_)) => &Copy::SPEC,
            _ => return Err(Error::argument("file", "expected either `file` or `file_id`")),
        };
        cx.send(spec, cx.arguments()).bytes().await.map(Output::Json)
    }
}

/// List the files of a container: those put in, and those that code made.
#[tool("container-file-list", GET "/containers/{container_id}/files")]
struct List {
    container_id: String,
    #[flatten]
    page: OrderedPage,
}

/// Get a file's path, size and source.
#[tool("container-file-get", GET "/containers/{container_id}/files/{file_id}")]
struct Get {
    container_id: String,
    file_id: String,
}

/// Read a container file's text piece by piece, or download it to a local file.
#[tool("container-file-content", GET "/containers/{container_id}/files/{file_id}/content", run, saves)]
struct Content {
    container_id: String,
    file_id: String,
    #[read]
    #[flatten]
    wanted: Wanted,
}

impl Content {
    async fn run(self, cx: Context) -> Result<Output> {
        self.wanted.of(&cx, cx.send(&Self::SPEC, cx.arguments())).await
    }
}

/// Delete a file of a container; an uploaded file that it is a copy of stays.
#[tool("container-file-delete", DELETE "/containers/{container_id}/files/{file_id}")]
struct Delete {
    container_id: String,
    file_id: String,
}
