//! What the arguments of several tools have in common.

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::Formats;
use openai_mcp_kernel::schema::{Shape, Shaped, of};
use openai_mcp_shapes::attachment::Kept;
use openai_mcp_shapes::{Effort, ImageFormat, Level};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The formats of images, with the extensions of their files.
pub(crate) const FORMATS: Formats =
    &[("png", &["png"]), ("jpeg", &["jpg", "jpeg", "jfif"]), ("webp", &["webp"]), ("gif", &["gif"]), ("svg", &["svg"])];

/// A prompt, as long as the models take it.
pub(crate) type Prompt = Text<1, 32_000>;

/// How images are to be, as both requests of the API take it.
#[shape]
pub(crate) struct Look {
    /// Name one, as gpt-image-2.6-sunburst or gpt-image-2.6-flare.
    model: Option<String>,
    n: Option<Int<1, 10>>,
    /// auto, or as 1536x1024: multiples of 16, ratio up to 3:1, 655,360 pixels to 3840x2160.
    size: Option<String>,
    quality: Option<AnyQuality>,
    /// transparent needs png or webp.
    background: Option<Background>,
    output_format: Option<ImageFormat>,
    /// Percent, for webp and jpeg.
    output_compression: Option<Int<0, 100>>,
    /// How much is planned before drawing.
    complexity: Option<Level>,
    stream: Option<bool>,
    /// Told as progress; each costs tokens.
    partial_images: Option<Int<0, 3>>,
    /// Of a gif.
    frame_count: Option<Int<2, 16>>,
    frame_duration_ms: Option<u32>,
    /// Who writes an SVG: {model, reasoning: {effort}}.
    svg: Option<Brief<Svg>>,
    /// For retired models.
    #[unlisted]
    response_format: Option<ResponseFormat>,
    safety_identifier: Option<String>,
    /// Deprecated: safety_identifier.
    #[unlisted]
    user: Option<String>,
}

/// What may be asked of an image besides its prompt.
#[shape]
pub(crate) struct Drawing {
    #[flatten]
    look: Look,
    moderation: Option<Moderation>,
    /// For retired models.
    #[unlisted]
    style: Option<Style>,
}

#[shape]
pub(crate) enum Moderation {
    Low,
    Auto,
}

#[shape]
enum Style {
    Vivid,
    Natural,
}

/// What becomes of the images.
#[shape(read)]
#[derive(Default)]
pub(crate) struct Delivery {
    /// New local file, or folder ending in /.
    #[local]
    pub(crate) save_to: Option<String>,
    #[local]
    pub(crate) preview: Option<Preview>,
    /// The API's whole answer.
    #[local]
    pub(crate) full: Option<bool>,
}

#[shape]
pub(crate) enum Background {
    Transparent,
    Opaque,
    Auto,
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

/// A quality, or one of retired models, which lists do not show.
pub(crate) enum AnyQuality {}

impl Shaped for AnyQuality {
    const SHAPE: Shape = Shape::Brief { listed: of::<Quality>, taken: of::<EveryQuality>, options: false };
}

#[shape]
enum EveryQuality {
    Low,
    Medium,
    High,
    Xhigh,
    Max,
    Auto,
    Standard,
    Hd,
}

#[shape]
pub(crate) enum Fidelity {
    High,
    Low,
}

#[shape]
pub(crate) enum ResponseFormat {
    Url,
    B64Json,
}

#[shape]
pub(crate) struct Svg {
    model: Option<String>,
    reasoning: Option<Reasoning>,
}

#[shape]
pub(crate) struct Reasoning {
    effort: Option<Effort>,
}

/// What a result shows of an image.
#[shape(read)]
#[derive(Copy, PartialEq, Eq)]
pub(crate) enum Preview {
    None,
    Small,
    Full,
}

/// How the ids of our images begin.
const ID: &str = "img_";

/// An image that the caller hands in.
#[derive(Clone, Debug)]
pub(crate) enum ImageInput {
    /// One of ours.
    Id(String),
    /// A file that a text names: by its path or URL, or as a data URL.
    Named(Source),
    File(FileInput),
}

impl<'de> Deserialize<'de> for ImageInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Text(String),
            Kept(Kept),
            File(FileInput),
        }
        let text = match Given::deserialize(deserializer)? {
            Given::File(file) => return Ok(ImageInput::File(file)),
            Given::Text(text) | Given::Kept(Kept { file_id: text }) => text,
        };
        match text.trim() {
            id if id.starts_with(ID) => Ok(ImageInput::Id(id.to_owned())),
            _ => Source::of_text(&text).map(ImageInput::Named).map_err(D::Error::custom),
        }
    }
}

struct Listed;

impl Shaped for Listed {
    const SHAPE: Shape = Shape::Union(&[of::<String>, of::<FileInput>]);
}

struct Taken;

impl Shaped for Taken {
    const SHAPE: Shape = Shape::Union(&[of::<String>, of::<Kept>, of::<FileInput>]);
}

impl Shaped for ImageInput {
    const SHAPE: Shape = Shape::Brief { listed: of::<Listed>, taken: of::<Taken>, options: false };
}

/// One image, or up to 16. Lists show the second alone, since a file takes many words there.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Images {
    One(ImageInput),
    Many(ListOf<ImageInput, 1, 16>),
}

struct Either;

impl Shaped for Either {
    const SHAPE: Shape = Shape::Union(&[of::<String>, of::<Kept>, of::<FileInput>, of::<ListOf<ImageInput, 1, 16>>]);
}

impl Shaped for Images {
    const SHAPE: Shape = Shape::Brief { listed: of::<ListOf<ImageInput, 1, 16>>, taken: of::<Either>, options: false };
}
