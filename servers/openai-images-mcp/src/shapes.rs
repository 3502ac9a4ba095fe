//! What the arguments of several tools have in common.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::schema::{Ref, Shape, Shaped, of};
use serde::Deserialize;

/// A prompt, as long as the models take it.
pub(crate) type Prompt = Text<1, 32_000>;

#[shape]
pub(crate) enum Background {
    Transparent,
    Opaque,
    Auto,
}

#[shape]
pub(crate) enum Level {
    Low,
    Medium,
    High,
}

#[shape]
pub(crate) enum Quality {
    Low,
    Medium,
    High,
    Xhigh,
    Max,
    Auto,
}

#[shape]
pub(crate) enum Fidelity {
    High,
    Low,
}

#[shape]
pub(crate) enum Format {
    Png,
    Webp,
    Jpeg,
    Gif,
    Svg,
}

#[shape]
pub(crate) enum ResponseFormat {
    Url,
    B64Json,
}

/// Who writes an SVG.
#[shape]
pub(crate) struct Svg {
    model: Option<String>,
    reasoning: Option<Reasoning>,
}

#[shape]
pub(crate) struct Reasoning {
    effort: Option<Effort>,
}

#[shape]
pub(crate) enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

/// What a result shows of an image.
#[shape(read)]
#[derive(Copy, PartialEq, Eq)]
pub(crate) enum Preview {
    None,
    Small,
    Full,
}

/// An image that the caller hands in: a file, or the id of one of ours.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ImageInput {
    Id(String),
    File(FileInput),
}

impl Shaped for ImageInput {
    const SHAPE: Shape = Shape::Union(&[of::<String>, of::<FileInput>]);
}

/// One image, or up to 16.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Images {
    One(ImageInput),
    Many(Vec<ImageInput>),
}

struct Many;

impl Shaped for Many {
    const SHAPE: Shape = Shape::Array { items: of::<ImageInput>, min: 1, max: 16 };
}

impl Shaped for Images {
    const SHAPE: Shape = Shape::Union(&[of::<String> as Ref, of::<FileInput>, of::<Many>]);
}
