//! Models: what there is to ask. <https://platform.openai.com/docs/api-reference/models>

mod catalog;
mod model;
mod retirements;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "models",
    title: "OpenAI Models",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "The models that an OpenAI key can use. model-list says which there are: look there before naming one. \
            model-retirements says which are shut down, when, and what OpenAI recommends in their place. Only fine-tuned \
            models can be deleted.",
    topics: "which there are, retirements",
    tools: &[model::TOOLS, retirements::TOOLS],
    ..Definition::PLAIN
};
