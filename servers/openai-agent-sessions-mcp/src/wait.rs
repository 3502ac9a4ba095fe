//! Waiting for a session.

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Patience;

use crate::follow::{Turn, follow};

tools![Wait];

/// Wait until a session's turn has ended or asks for something.
#[tool("agent-session-wait", reads)]
struct Wait {
    session_id: String,
    #[flatten]
    patience: Patience,
    /// The last item known. Default: tell of the last turn.
    after: Option<String>,
    /// Whether something has yet to come after it.
    #[unlisted]
    fresh: Option<bool>,
    /// Requests and calls that were answered.
    #[unlisted]
    answered: Option<Vec<String>>,
}

impl Wait {
    async fn run(self, cx: Context) -> Result<Output> {
        let Wait { session_id, patience, after, fresh, answered } = self;
        let turn = Turn { session_id, after, fresh: fresh == Some(true), answered: answered.unwrap_or_default() };
        follow(&cx, turn, patience.timeout, None).await
    }
}
