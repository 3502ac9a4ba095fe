//! Uploads: files of any size, in parts. <https://platform.openai.com/docs/api-reference/uploads>

mod file;
mod record;
mod upload;

use openai_mcp_kernel::allowance::Bound;
use openai_mcp_kernel::server::Definition;

/// The server.
pub static SERVER: Definition = Definition {
    domain: "uploads",
    title: "OpenAI Uploads",
    summary: env!("CARGO_PKG_DESCRIPTION"),
    version: env!("CARGO_PKG_VERSION"),
    about: "OpenAI uploads: files of up to 8 GB. upload-file sends a whole file in parts and goes on where it was when it is \
            called again; the others are its single steps. The result is a file as of file-upload, which takes up to 512 MB.",
    topics: "large files in parts, resumed",
    tools: &[file::TOOLS, upload::TOOLS],
    migrations: &[include_str!("schema.sql"), include_str!("turn.sql")],
    bound: Bound {
        tables: &[
            ("upload", "octet_length(id) + octet_length(asked)"),
            ("part", "octet_length(id) + octet_length(md5)"),
        ],
        room: "upload-cancel",
    },
    ..Definition::PLAIN
};
