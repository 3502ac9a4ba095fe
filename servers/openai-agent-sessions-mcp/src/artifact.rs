//! Artifacts: files that turns published.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

tools![List, Get, Content, Delete];

/// List the files that a session's turns published.
#[tool("agent-session-artifact-list", GET "/agents/sessions/{session_id}/artifacts")]
struct List {
    session_id: String,
    environment_id: Option<String>,
    #[flatten]
    page: OrderedPage,
}

/// Get an artifact's path, size and turn.
#[tool("agent-session-artifact-get", GET "/agents/sessions/{session_id}/artifacts/{artifact_id}")]
struct Get {
    session_id: String,
    artifact_id: String,
}

/// Read an artifact's text piece by piece, or save it to a local file.
#[tool("agent-session-artifact-content", GET "/agents/sessions/{session_id}/artifacts/{artifact_id}/content", run, saves)]
struct Content {
    session_id: String,
    artifact_id: String,
    /// next_offset of the call before.
    #[local]
    offset: Option<u64>,
    #[local]
    max_bytes: Option<Int<4, 10_000_000>>,
    /// New local file.
    #[local]
    save_to: Option<String>,
}

impl Content {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.reserve(self.save_to.as_deref()).await?;
        let response = cx.send(&Self::SPEC, cx.arguments()).response().await?;
        match self.save_to {
            Some(path) => download::save(&cx, response, path).await,
            None => {
                let max_bytes = self.max_bytes.map(Int::get);
                download::show(&cx, response, self.offset.unwrap_or_default(), max_bytes).await
            }
        }
    }
}

/// Delete an artifact.
#[tool("agent-session-artifact-delete", DELETE "/agents/sessions/{session_id}/artifacts/{artifact_id}")]
struct Delete {
    session_id: String,
    artifact_id: String,
}
