//! What a result shows of an image.

use bytes::Bytes;
use openai_mcp_kernel::prelude::*;

use crate::draw;
use crate::shapes::Preview;

/// Most bytes of the images that one result shows: base64 makes 1 MB of them, which is what clients take.
pub(crate) const ROOM: usize = 750_000;

/// A block that shows an image in at most so many bytes, unless it is to be shown in full.
pub(crate) async fn show(cx: &Context, bytes: &Bytes, preview: Preview, most: usize) -> Option<Content> {
    let image = |(data, kind): (Bytes, &str)| Content::Image { data, mime_type: kind.to_owned() };
    match preview {
        Preview::None => None,
        Preview::Small => {
            let (bytes, room) = (bytes.clone(), cx.room());
            // What cannot be drawn is not shown.
            cx.compute(move || draw::preview(&bytes, most, room)).await.ok().flatten().map(image)
        }
        Preview::Full => match draw::facts(bytes).format {
            Some("svg") => Some(Content::Text(String::from_utf8_lossy(bytes).into_owned())),
            format => Some(image((bytes.clone(), draw::mime_type(format.unwrap_or_default())))),
        },
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
