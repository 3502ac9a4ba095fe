//! Safety: where a file comes from, and what OpenAI tells of unsafe use. <https://platform.openai.com/docs/api-reference/safety>

mod alert;
mod case;
mod provenance;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "safety",
    title: "OpenAI Safety",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "Safety at OpenAI. content-provenance-check looks in an image or a sound for the marks that OpenAI's \
            models leave; none found does not mean that no model made it. safety-alert-get and safety-case-get \
            explain the ids that webhooks of safety name.",
    topics: "provenance of images, alerts, cases",
    tools: &[provenance::TOOLS, alert::TOOLS, case::TOOLS],
    ..Definition::PLAIN
};
