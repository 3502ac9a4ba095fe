//! Jobs that make videos, and the videos. <https://platform.openai.com/docs/api-reference/videos>

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use openai_mcp_shapes::page::OrderedPage;

tools![Create, List, Get, Content, Edit, Extend, Remix, Delete];

/// Begin to make a video; video-wait tells when it is there.
#[tool("video-create", POST "/videos", multipart, open)]
struct Create {
    prompt: String,
    /// Begins with this picture.
    input_reference: Option<Reference>,
    /// Default sora-2.
    model: Option<String>,
    seconds: Option<Seconds>,
    /// Default 720x1280.
    size: Option<Size>,
}

/// List videos, made and being made.
#[tool("video-list", GET "/videos")]
struct List {
    #[flatten]
    page: OrderedPage,
}

/// Get a video: status, progress, when it expires.
#[tool("video-get", GET "/videos/{video_id}")]
pub(crate) struct Get {
    video_id: String,
}

/// Save a finished video, its thumbnail or its sprites to a local file.
#[tool("video-content", GET "/videos/{video_id}/content", run, saves)]
struct Content {
    video_id: String,
    /// Default video, which is MP4.
    variant: Option<Variant>,
    /// New local file.
    #[local]
    save_to: Option<String>,
}

impl Content {
    async fn run(self, cx: Context) -> Result<Output> {
        download::give(&cx, cx.send(&Self::SPEC, cx.arguments()), self.save_to, 0, None).await
    }
}

/// Begin to change a finished video as the prompt says.
#[tool("video-edit", POST "/videos/edits", multipart, open)]
struct Edit {
    prompt: String,
    video: Source,
}

/// Begin to make a finished video longer.
#[tool("video-extend", POST "/videos/extensions", multipart, open)]
struct Extend {
    prompt: String,
    /// Of the new part.
    seconds: Longer,
    video: Source,
}

/// Begin to make a finished video anew with another prompt.
#[tool("video-remix", POST "/videos/{video_id}/remix")]
struct Remix {
    video_id: String,
    prompt: String,
}

/// Delete a video.
#[tool("video-delete", DELETE "/videos/{video_id}")]
struct Delete {
    video_id: String,
}

#[shape]
enum Reference {
    File(FileInput),
    Image(Image),
}

#[shape]
struct Image {
    file_id: Option<String>,
    /// A URL or data URL.
    image_url: Option<String>,
}

/// A finished video, or a file: lists show the first alone, since a file takes many words there.
enum Source {}

impl Shaped for Source {
    const SHAPE: Shape = Shape::Brief { listed: of::<Finished>, taken: of::<Either>, options: false };
}

#[shape]
enum Either {
    File(FileInput),
    Video(Finished),
}

/// A finished one; or a file, as of video-character-create.
#[shape]
struct Finished {
    id: String,
}

#[shape]
enum Seconds {
    #[wire("4")]
    Four,
    #[wire("8")]
    Eight,
    #[wire("12")]
    Twelve,
}

#[shape]
enum Longer {
    #[wire("4")]
    Four,
    #[wire("8")]
    Eight,
    #[wire("12")]
    Twelve,
    #[wire("16")]
    Sixteen,
    #[wire("20")]
    Twenty,
}

#[shape]
enum Size {
    #[wire("720x1280")]
    Tall,
    #[wire("1280x720")]
    Wide,
    #[wire("1024x1792")]
    LargeTall,
    #[wire("1792x1024")]
    LargeWide,
}

#[shape]
enum Variant {
    Video,
    Thumbnail,
    Spritesheet,
}
