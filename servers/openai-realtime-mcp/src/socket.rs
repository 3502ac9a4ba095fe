//! The sockets of the API. <https://platform.openai.com/docs/guides/realtime-websocket>

use openai_mcp_kernel::prelude::*;

/// A conversation, or a call that another client holds.
#[request(GET "/realtime")]
pub(crate) struct Conversation {
    model: Option<String>,
    call_id: Option<String>,
}

/// A session that writes down what it hears.
#[request(GET "/realtime")]
pub(crate) struct Hearing {
    intent: String,
}

/// A session that translates.
#[request(GET "/realtime/translations")]
pub(crate) struct Translation {
    model: String,
}
