//! Videos, which OpenAI ended on 2026-09-24; servers that are compatible have them. <https://platform.openai.com/docs/api-reference/videos>

mod character;
mod video;
mod wait;

use openai_mcp_kernel::server::Definition;
use openai_mcp_kernel::spec::Life;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "videos",
    title: "OpenAI Videos",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "Videos by a model: video-create begins a job, video-wait tells when it is done, video-content saves the \
            file. video-edit, video-extend and video-remix go on from a finished one. OpenAI has ended this API; \
            OPENAI_BASE_URL names a server that still has it.",
    topics: "generate, remix, extend videos",
    tools: &[video::TOOLS, character::TOOLS, wait::TOOLS],
    life: Life::Gone { on: "2026-09-24", instead: "a server that still has the API, by OPENAI_BASE_URL" },
    ..Definition::PLAIN
};
