//! Webhooks: where OpenAI tells what happened. <https://platform.openai.com/docs/guides/webhooks>

mod endpoint;
mod verify;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "webhooks",
    title: "OpenAI Webhooks",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "OpenAI webhooks: endpoints of yours that OpenAI calls when a response, a batch, a fine-tuning job and \
            the like is done. The signing secret is shown by webhook-create and webhook-rotate-secret alone, once. \
            webhook-verify checks a delivery that was received against it, offline; trust no delivery before that.",
    topics: "endpoints, events, signatures",
    tools: &[endpoint::TOOLS, verify::TOOLS],
    ..Definition::PLAIN
};
