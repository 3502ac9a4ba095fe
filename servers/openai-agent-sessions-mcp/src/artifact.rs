//! Artifacts: files that turns published.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::content::Wanted;
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
    #[read]
    #[flatten]
    wanted: Wanted,
}

impl Content {
    async fn run(self, cx: Context) -> Result<Output> {
        self.wanted.of(&cx, cx.send(&Self::SPEC, cx.arguments())).await
    }
}

/// Delete an artifact.
#[tool("agent-session-artifact-delete", DELETE "/agents/sessions/{session_id}/artifacts/{artifact_id}")]
struct Delete {
    session_id: String,
    artifact_id: String,
}
