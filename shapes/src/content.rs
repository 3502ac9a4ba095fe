//! Contents of files, which may be long or binary.

use openai_mcp_kernel::openai::Call;
use openai_mcp_kernel::prelude::*;

/// What of a content is wanted: a piece of its text, or all of it in a file.
#[shape(read)]
pub struct Wanted {
    /// Byte to start at: next_offset of the call before.
    #[local]
    offset: Option<u64>,
    #[local]
    max_bytes: Option<Int<4, 10_000_000>>,
    /// New local file to write the whole content to; for binaries.
    #[local]
    save_to: Option<String>,
}

impl Wanted {
    /// Gives what a request answers.
    ///
    /// # Errors
    /// Those of the request, and those of [`download::give`].
    pub async fn of(self, cx: &Context, call: Call<'_>) -> Result<Output> {
        let max_bytes = self.max_bytes.map(Int::get);
        download::give(cx, call, self.save_to, self.offset.unwrap_or_default(), max_bytes).await
    }

    /// Gives a text that is all there.
    ///
    /// # Errors
    /// The offset is beyond its end, or the file could not be written.
    pub async fn of_text(self, cx: &Context, text: String) -> Result<Output> {
        match self.save_to {
            Some(path) => download::save_text(cx, text, path).await,
            None => download::show_text(cx, text, self.offset.unwrap_or_default(), self.max_bytes.map(Int::get)),
        }
    }
}
