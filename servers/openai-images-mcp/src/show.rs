//! What a result shows of an image.

use bytes::Bytes;
use openai_mcp_kernel::prelude::*;
use openai_mcp_pictures as pictures;

use crate::shapes::Preview;

/// A block that shows an image in at most so many bytes, unless it is to be shown in full.
pub(crate) async fn show(cx: &Context, bytes: &Bytes, preview: Preview, most: usize) -> Option<Content> {
    match preview {
        Preview::None => None,
        Preview::Small => pictures::small(cx, bytes, most).await,
        Preview::Full => Some(pictures::whole(bytes)),
    }
}

/// A result: JSON, and what it shows of images, each under its id where there are several.
pub(crate) fn output(told: Value, shown: Vec<(String, Content)>) -> Output {
    if shown.is_empty() {
        return Output::json(&told);
    }
    let several = shown.len() > 1;
    let blocks =
        shown.into_iter().flat_map(|(id, block)| several.then_some(Content::Text(id)).into_iter().chain([block]));
    Output::Content(std::iter::once(Content::Text(told.to_string())).chain(blocks).collect())
}
