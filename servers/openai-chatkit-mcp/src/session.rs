//! Sessions. <https://platform.openai.com/docs/api-reference/chatkit/sessions>

use openai_mcp_kernel::prelude::*;

tools![Create, Cancel];

/// Open a ChatKit session; its client_secret is for the end user's browser.
///
/// Hosted workflows end on 2026-11-30.
#[tool("chatkit-session-create", POST "/chatkit/sessions")]
struct Create {
    /// Your end user; threads are theirs alone.
    user: String,
    workflow: Workflow,
    chatkit_configuration: Option<Configuration>,
    /// Default, and at most, 10 minutes.
    expires_after: Option<ExpiresAfter>,
    rate_limits: Option<RateLimits>,
}

/// Cancel a ChatKit session: its client_secret is void.
#[tool("chatkit-session-cancel", POST "/chatkit/sessions/{session_id}/cancel", destroys, idempotent)]
struct Cancel {
    session_id: String,
}

#[shape]
struct Workflow {
    /// As wf_….
    id: String,
    /// Default: the one deployed last.
    version: Option<String>,
    /// Strings, numbers or booleans.
    state_variables: Option<JsonObject>,
    /// Default on.
    tracing: Option<Switch>,
}

#[shape]
struct Switch {
    enabled: Option<bool>,
}

#[shape]
struct Configuration {
    /// Default on.
    automatic_thread_titling: Option<Switch>,
    /// Default off.
    file_upload: Option<FileUpload>,
    /// Default on.
    history: Option<History>,
}

#[shape]
struct FileUpload {
    enabled: Option<bool>,
    /// MB each, at most 512.
    max_file_size: Option<u32>,
    /// Default 10.
    max_files: Option<u32>,
}

#[shape]
struct History {
    enabled: Option<bool>,
    /// Default: all.
    recent_threads: Option<u32>,
}

#[shape]
struct ExpiresAfter {
    #[unlisted]
    anchor: Anchor,
    seconds: u32,
}

#[shape]
enum Anchor {
    CreatedAt,
}

#[shape]
struct RateLimits {
    /// Default 10.
    max_requests_per_1_minute: Option<u32>,
}
