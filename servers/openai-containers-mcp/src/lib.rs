//! Containers: where code interpreters and shells of responses work. <https://platform.openai.com/docs/api-reference/containers>

mod container;
mod file;

use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "containers",
    title: "OpenAI Containers",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "OpenAI containers: machines in which code interpreters and shells of responses run. Put files in with \
            container-file-create, name the container's id in a response's tool, and take out what was made: \
            container-file-list, then container-file-content, which shows text and saves binaries. An idle \
            container expires after 20 minutes, with all its files.",
    topics: "code interpreter sandboxes, files",
    tools: &[container::TOOLS, file::TOOLS],
    ..Definition::PLAIN
};
