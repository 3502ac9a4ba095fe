//! Images from words. <https://platform.openai.com/docs/api-reference/images/create>

use openai_mcp_kernel::prelude::*;

use crate::answer::{self, Delivery, ROOM, Wish};
use crate::shapes::{Background, Format, Level, Preview, Prompt, Quality, ResponseFormat, Svg};

tools![Generate];

/// Generate images from a prompt.
#[tool("image-generate", POST "/images/generations", run, saves)]
pub(crate) struct Generate {
    prompt: Prompt,
    /// Give one, such as gpt-image-2.6-sunburst or gpt-image-2.6-flare.
    model: Option<String>,
    n: Option<Int<1, 10>>,
    /// Auto, or as 1536x1024: multiples of 16, ratio up to 3:1, 655,360 pixels to 3840x2160.
    size: Option<String>,
    quality: Option<Quality>,
    /// Transparent needs png or webp.
    background: Option<Background>,
    output_format: Option<Format>,
    /// Percent, for webp and jpeg.
    output_compression: Option<Int<0, 100>>,
    /// Planning before drawing.
    complexity: Option<Level>,
    moderation: Option<Moderation>,
    stream: Option<bool>,
    /// Told as progress; each costs tokens.
    partial_images: Option<Int<0, 3>>,
    /// Of a gif.
    frame_count: Option<Int<2, 16>>,
    frame_duration_ms: Option<u32>,
    svg: Option<Svg>,
    /// For retired models only.
    style: Option<Style>,
    /// For retired models only.
    response_format: Option<ResponseFormat>,
    safety_identifier: Option<String>,
    /// Deprecated: safety_identifier.
    user: Option<String>,
    /// New local file, or an existing folder ending in /; kept under its id unless given.
    #[local]
    save_to: Option<String>,
    /// Small unless told; full may be several MB.
    #[local]
    preview: Option<Preview>,
}

#[shape]
enum Moderation {
    Low,
    Auto,
}

#[shape]
enum Style {
    Vivid,
    Natural,
}

impl Generate {
    async fn run(self, cx: Context) -> Result<Output> {
        let wish = Wish {
            tool: Self::SPEC.name,
            spec: &Self::SPEC,
            arguments: cx.arguments().clone(),
            asked: cx.arguments().read()?,
            delivery: Delivery { save_to: self.save_to, preview: self.preview },
            room: ROOM,
        };
        answer::make(&cx, wish).await.map(Output::Content)
    }
}
