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

    /// Gives a text, which is awaited once it is known that it can be saved.
    ///
    /// # Errors
    /// Those of the text, and those of [`download::give_text`].
    pub async fn of_text(self, cx: &Context, text: impl Future<Output = Result<String>>) -> Result<Output> {
        let max_bytes = self.max_bytes.map(Int::get);
        download::give_text(cx, text, self.save_to, self.offset.unwrap_or_default(), max_bytes).await
    }
}
