//! Marks of OpenAI's models in files. <https://platform.openai.com/docs/api-reference/content-provenance-checks>

use openai_mcp_kernel::prelude::*;

tools![Check];

/// Look for the marks of OpenAI's models in an image or a sound.
///
/// `not_detected` proves nothing: marks get lost, and others' models leave none of these.
#[tool("content-provenance-check", POST "/content_provenance_checks", multipart, reads, open)]
struct Check {
    /// PNG, JPEG, WebP, GIF or audio.
    file: FileInput,
}
