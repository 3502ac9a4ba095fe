//! Files that go with what a user says.

use openai_mcp_kernel::prelude::*;

/// A file of the caller's, or one at OpenAI; a path may be the id of one, too: [`Source::id`].
#[shape(read)]
pub enum Attachment {
    /// One at OpenAI.
    Kept(Kept),
    /// One that goes out with the request.
    File(FileInput),
}

// A file at OpenAI, by its id.
#[shape(read)]
#[expect(missing_docs, reason = "lists would show them, and the name says it")]
pub struct Kept {
    pub file_id: String,
}
