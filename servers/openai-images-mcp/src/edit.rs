//! Images from images. <https://platform.openai.com/docs/api-reference/images/createEdit>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;
use openai_mcp_pictures::{self as pictures, ROOM};

use crate::answer::{self, Wish};
use crate::draw::{self, Area};
use crate::record;
use crate::shapes::{Delivery, Fidelity, ImageInput, Images, Look, Moderation, Prompt};

tools![Edit, Inpaint, Outpaint, Variations];

/// Most bytes of an image that the API takes.
const LARGEST: usize = 50 * 1024 * 1024;
/// Most bytes of a mask that the API takes.
const LARGEST_MASK: usize = 4 * 1024 * 1024;
/// Most bytes of all files in a request of JSON, where base64 makes four bytes of three.
const MOST: usize = 36 * 1024 * 1024;
/// How often such a file is in memory: as it is, as base64, in the arguments, in the request, and what grew on the way.
const TIMES: usize = 8;
/// Canvases are multiples of this.
const STEP: u32 = 16;
/// Longest edge and most pixels of a canvas: 3840x2160.
const LONGEST_EDGE: u32 = 3840;
const MOST_PIXELS: u64 = 3840 * 2160;

/// Edit or combine up to 16 images by a prompt.
#[tool("image-edit", POST "/images/edits", multipart, run, open, saves)]
struct Edit {
    /// Files, ids of images made here, or OpenAI's file ids.
    #[read]
    #[alias("image_id")]
    image: Images,
    prompt: Prompt,
    /// PNG of the first image's size, transparent where it may change.
    #[read]
    mask: Option<FileInput>,
    /// Transparent PNG laid over the first image to guide the edit; not with mask.
    #[read]
    markup: Option<FileInput>,
    /// For gpt-image-1.5 and gpt-image-1-mini.
    #[unlisted]
    input_fidelity: Option<Fidelity>,
    #[flatten]
    look: Look,
    moderation: Option<Moderation>,
    #[read]
    #[flatten]
    delivery: Delivery,
}

/// The same request as JSON, which alone takes `moderation` and files at OpenAI.
#[request(POST "/images/edits")]
struct EditJson {
    images: Vec<JsonObject>,
    prompt: Prompt,
    mask: Option<JsonObject>,
    input_fidelity: Option<Fidelity>,
    #[flatten]
    look: Look,
    moderation: Option<Moderation>,
    #[flatten]
    delivery: Delivery,
}

#[request(GET "/files/{file_id}/content")]
struct FileContent {
    file_id: String,
}

/// What tools that make their own images and masks take of image-edit's arguments.
#[shape]
struct EditOptions {
    #[unlisted]
    input_fidelity: Option<Fidelity>,
    #[flatten]
    look: Look,
    moderation: Option<Moderation>,
}

impl Edit {
    async fn run(self, cx: Context) -> Result<Output> {
        let mut asked = cx.arguments().clone().set("image", origins(&self.image));
        let images = match self.image {
            Images::One(image) => vec![image],
            Images::Many(ListOf(images)) => images,
        };
        let whole = images.iter().all(|image| matches!(image, ImageInput::File(_)));
        let mut files = Vec::new();
        for image in images {
            files.push(("image", image.source(&cx).await?));
        }
        for (name, file) in [("mask", self.mask), ("markup", self.markup)] {
            if let Some(FileInput(source)) = file {
                asked = asked.set(name, place(&source));
                files.push((name, source));
            }
        }
        let arguments = cx.arguments().clone();
        // What stands in the arguments as a form takes it stays there: a list of one is sent as a list.
        if whole && !needs_json(&arguments, &files)? {
            files.clear();
        }
        finish(&cx, Self::SPEC.name, arguments, files, asked, self.delivery).await.map_err(with_advice)
    }
}

/// Whether a form has no place for some of it.
fn needs_json(arguments: &Arguments, files: &[(&'static str, Source)]) -> Result<bool> {
    let moderated = arguments.member::<Value>("moderation")?.is_some_and(|value| !value.is_null());
    Ok(moderated || files.iter().any(|(_, source)| source.id().is_some()))
}

/// The arguments with files as JSON has them: by their ids at OpenAI, else whole, as data URLs.
///
/// # Errors
/// A file cannot be read, or all are too many bytes; JSON has no place for `markup`.
async fn as_json(cx: &Context, arguments: Arguments, files: Vec<(&'static str, Source)>) -> Result<Arguments> {
    let (mut images, mut mask, mut room) = (Vec::new(), None, MOST.min(cx.room() / TIMES));
    for (name, source) in files {
        let reference = match source.id() {
            Some(id) => json!({"file_id": id}),
            None => {
                let file = cx.read(source, room).await?;
                room = room.saturating_sub(file.bytes.len());
                let url = format!("data:{};base64,{}", file.mime_type, STANDARD.encode(&file.bytes));
                json!({"image_url": url})
            }
        };
        match name {
            "image" => images.push(reference),
            "mask" => mask = Some(reference),
            other => {
                let text = "OpenAI takes none beside `moderation` or file ids; give the images themselves";
                return Err(Error::argument(other, text));
            }
        }
    }
    let arguments = arguments.without("image").without("mask").set("images", images);
    Ok(mask.into_iter().fold(arguments, |arguments, mask| arguments.set("mask", mask)))
}

/// To whom drew a mask by hand, the tool is told that draws it.
fn with_advice(error: Error) -> Error {
    let text = error.to_string();
    if error.kind() != Kind::Status(400) || !text.contains("mask") {
        return error;
    }
    let hint = "image-inpaint draws the mask for a rectangle or polygon, and checks one that is given";
    Error::new(error.kind(), format!("{text}\nhint: {hint}"))
}

/// Not every file can be had back.
fn with_other_way(error: Error) -> Error {
    if error.kind() != Kind::Status(400) {
        return error;
    }
    let hint = "give the image itself, as path, URL or data; image-edit takes it by its id";
    Error::new(error.kind(), format!("{error}\nhint: {hint}"))
}

impl ImageInput {
    /// What is sent.
    async fn source(self, cx: &Context) -> Result<Source> {
        Ok(match self {
            ImageInput::Id(id) => made(record::image(cx, "image", &id).await?),
            ImageInput::File(FileInput(source)) | ImageInput::Named(source) => source,
        })
    }

    /// Its name and its bytes.
    async fn read(self, cx: &Context) -> Result<(String, Bytes)> {
        match self {
            ImageInput::Id(id) => record::image(cx, "image", &id).await,
            ImageInput::File(FileInput(source)) | ImageInput::Named(source) => match source.id() {
                Some(id) => {
                    let content = cx.send(&FileContent::SPEC, json!({"file_id": id})).bytes().await;
                    Ok((id.to_owned(), content.map_err(with_other_way)?))
                }
                None => {
                    let read = cx.read(source, LARGEST).await?;
                    Ok((read.filename, read.bytes))
                }
            },
        }
    }
}

/// Repaint one area of an image.
///
/// Give exactly one of mask, rectangle, polygon, in pixels from the upper left. The model may stray beyond it a little.
#[tool("image-inpaint", open, saves)]
struct Inpaint {
    /// File, id of an image made here, or OpenAI's file id.
    #[alias("image_id")]
    image: ImageInput,
    /// The whole picture that is wanted, not the area alone.
    prompt: Prompt,
    /// PNG of the image's size, transparent where it may change.
    mask: Option<FileInput>,
    rectangle: Option<Rectangle>,
    /// Corners as [x, y].
    polygon: Option<ListOf<ListOf<f64, 2, 2>, 3, 1000>>,
    /// Other arguments of image-edit: model, n, quality, …
    options: Options<EditOptions>,
    #[flatten]
    delivery: Delivery,
}

#[shape(read)]
struct Rectangle {
    x: Int<0, 100_000>,
    y: Int<0, 100_000>,
    width: Int<1, 100_000>,
    height: Int<1, 100_000>,
}

impl Rectangle {
    fn area(&self) -> Area {
        Area { x: self.x.get(), y: self.y.get(), width: self.width.get(), height: self.height.get() }
    }
}

/// Where an image may change.
enum Where {
    Mask(Bytes),
    Rectangle(Area),
    Polygon(Vec<(f64, f64)>),
}

impl Inpaint {
    async fn run(self, cx: Context) -> Result<Output> {
        let Inpaint { image, prompt: Text(prompt), mask, rectangle, polygon, options, delivery } = self;
        let from = origin(&image);
        let (name, bytes) = image.read(&cx).await?;
        let place = match (mask, rectangle, polygon) {
            (Some(FileInput(source)), None, None) => Where::Mask(cx.read(source, LARGEST_MASK).await?.bytes),
            (None, Some(rectangle), None) => Where::Rectangle(rectangle.area()),
            (None, None, Some(ListOf(corners))) => {
                let corner = |ListOf(corner): &ListOf<f64, 2, 2>| Some((*corner.first()?, *corner.get(1)?));
                Where::Polygon(corners.iter().filter_map(corner).collect())
            }
            _ => return Err(Error::argument("mask", "expected exactly one of `mask`, `rectangle`, `polygon`")),
        };
        let (head, room) = (bytes.clone(), cx.room());
        // At once: pixels that waited for their next turn would pile up.
        let drawn = cx.compute(move || {
            let upright = pictures::upright(&head, room).map_err(|error| Error::argument("image", error));
            let (width, height, turned) = upright?;
            let mask = match place {
                Where::Mask(mask) => draw::check_mask(&mask, width, height, room).map(|()| mask),
                Where::Rectangle(area) => draw::rectangle_mask(width, height, area),
                Where::Polygon(corners) => draw::polygon_mask(width, height, &corners),
            };
            Ok::<_, Error>((turned, mask?))
        });
        let (turned, mask) = drawn.await??;
        let mut held = cx.hold();
        held.take(mask.len() + turned.as_ref().map_or(0, Bytes::len))?;
        let image = turned.map_or((name, bytes), |turned| ("image.png".to_owned(), turned));
        let files = vec![("image", made(image)), ("mask", made(("mask.png".into(), mask)))];
        let arguments = options.arguments().set("prompt", prompt);
        let asked = arguments.clone().set("image", from);
        finish(&cx, Self::SPEC.name, arguments, files, asked, delivery).await
    }
}

/// Extend an image beyond its edges.
///
/// Give size or margins. The canvas grows to the right and downwards to multiples of 16.
#[tool("image-outpaint", open, saves)]
struct Outpaint {
    /// File, id of an image made here, or OpenAI's file id.
    #[alias("image_id")]
    image: ImageInput,
    /// The whole picture that is wanted, not the new area alone.
    prompt: Prompt,
    /// Of the result, as 1536x1024, with the image in its middle, scaled down if it is larger.
    size: Option<String>,
    /// Pixels to add.
    margins: Option<Margins>,
    /// Other arguments of image-edit: model, n, quality, …
    options: Options<EditOptions>,
    #[flatten]
    delivery: Delivery,
}

#[shape(read)]
#[derive(Default)]
struct Margins {
    left: Option<Int<0, 3840>>,
    top: Option<Int<0, 3840>>,
    right: Option<Int<0, 3840>>,
    bottom: Option<Int<0, 3840>>,
}

impl Outpaint {
    async fn run(self, cx: Context) -> Result<Output> {
        let Outpaint { image, prompt: Text(prompt), size, margins, options, delivery } = self;
        let from = origin(&image);
        let target = match (&size, &margins) {
            (Some(size), None) => Some(read_size(size)?),
            (None, Some(_)) => None,
            _ => return Err(Error::argument("size", "expected either `size` or `margins`")),
        };
        let (_, bytes) = image.read(&cx).await?;
        let room = cx.room();
        // At once: pixels that waited for their next turn would pile up.
        let drawn = cx.compute(move || {
            let image = pictures::decode(&bytes, room).map_err(|error| Error::argument("image", error))?;
            let up = |edge: u32| edge.next_multiple_of(STEP);
            let (image, (width, height), (left, top)) = match (target, margins) {
                (Some((width, height)), _) => {
                    check_canvas("size", width, height)?;
                    let image = pictures::fit(image, width, height);
                    let corner = ((width - image.width()) / 2, (height - image.height()) / 2);
                    (image, (width, height), corner)
                }
                (None, margins) => {
                    let Margins { left, top, right, bottom } = margins.unwrap_or_default();
                    let [left, top, right, bottom] =
                        [left, top, right, bottom].map(|pixels| pixels.map_or(0, Int::get::<u32>));
                    let (width, height) = (up(image.width() + left + right), up(image.height() + top + bottom));
                    check_canvas("margins", width, height)?;
                    (image, (width, height), (left, top))
                }
            };
            let (canvas, mask) = draw::extend(image, width, height, left, top)?;
            Ok::<_, Error>((canvas, mask, width, height))
        });
        let (canvas, mask, width, height) = drawn.await??;
        let mut held = cx.hold();
        held.take(canvas.len() + mask.len())?;
        let files = vec![("image", made(("image.png".into(), canvas))), ("mask", made(("mask.png".into(), mask)))];
        let arguments = options.arguments().set("prompt", prompt).set("size", format!("{width}x{height}"));
        let asked = arguments.clone().set("image", from);
        finish(&cx, Self::SPEC.name, arguments, files, asked, delivery).await
    }
}

fn read_size(text: &str) -> Result<(u32, u32)> {
    let fault = || Error::argument("size", format!("expected pixels as `1536x1024`, got `{text}`"));
    let (width, height) = text.split_once('x').ok_or_else(fault)?;
    let edge = |text: &str| text.parse::<u32>().ok().filter(|edge| (1..=LONGEST_EDGE).contains(edge));
    let (width, height) = edge(width).zip(edge(height)).ok_or_else(fault)?;
    Ok((width.next_multiple_of(STEP), height.next_multiple_of(STEP)))
}

/// What the models take as a size.
fn check_canvas(argument: &str, width: u32, height: u32) -> Result<()> {
    let (short, long) = (width.min(height), width.max(height));
    let problem = if long > LONGEST_EDGE || u64::from(width) * u64::from(height) > MOST_PIXELS {
        "at most 3840x2160"
    } else if long > short * 3 {
        "a ratio of at most 3:1"
    } else {
        return Ok(());
    };
    let hint = if argument == "margins" { "\nhint: give `size`, to which the image is scaled down" } else { "" };
    Err(Error::argument(argument, format!("expected a canvas of {problem}, got {width}x{height}{hint}")))
}

/// Make new images on the model of one, through image-edit.
///
/// The API's own endpoint for variations is retired.
#[tool("image-generate-variations", open, saves)]
struct Variations {
    /// File, id of an image made here, or OpenAI's file id.
    #[alias("image_id")]
    image: ImageInput,
    /// What to vary, if not just anything.
    prompt: Option<Prompt>,
    /// Other arguments of image-edit: model, n, size, …
    options: Options<EditOptions>,
    #[flatten]
    delivery: Delivery,
}

impl Variations {
    async fn run(self, cx: Context) -> Result<Output> {
        let Variations { image, prompt, options, delivery } = self;
        let from = origin(&image);
        let mut prompt_text =
            "A variation of this image: the same subject, style and mood in another composition.".to_owned();
        if let Some(Text(prompt)) = prompt {
            prompt_text.push(' ');
            prompt_text.push_str(&prompt);
        }
        let files = vec![("image", image.source(&cx).await?)];
        let arguments = options.arguments().set("prompt", prompt_text);
        let asked = arguments.clone().set("image", from);
        finish(&cx, Self::SPEC.name, arguments, files, asked, delivery).await
    }
}

/// Where images come from, for the record.
fn origins(images: &Images) -> Value {
    match images {
        Images::One(image) => origin(image),
        Images::Many(ListOf(images)) => images.iter().map(origin).collect(),
    }
}

fn origin(image: &ImageInput) -> Value {
    match image {
        ImageInput::Id(id) => id.as_str().into(),
        ImageInput::File(FileInput(source)) | ImageInput::Named(source) => place(source),
    }
}

/// Of a file only where it came from is remembered, and never its content: that may be more than a record holds.
fn place(source: &Source) -> Value {
    if let Some(id) = source.id() {
        return id.into();
    }
    match source {
        Source::Path { path, .. } => json!({"path": path}),
        Source::Url { url, .. } => json!({"url": url}),
        Source::Inline { filename, .. } => json!({"filename": filename}),
    }
}

/// A file to send, of the type that its bytes tell.
fn made((filename, bytes): (String, Bytes)) -> Source {
    let mime_type = pictures::facts(&bytes).format.map(|format| pictures::mime_type(format).to_owned());
    Source::Inline { bytes, filename, mime_type }
}

/// Calls image-edit with arguments and files: as a form, or as JSON where only that takes them. `asked` is for the record.
async fn finish(
    cx: &Context,
    tool: &'static str,
    mut arguments: Arguments,
    files: Vec<(&'static str, Source)>,
    asked: Arguments,
    delivery: Delivery,
) -> Result<Output> {
    let mut spec: &Spec = &Edit::SPEC;
    if needs_json(&arguments, &files)? {
        (spec, arguments) = (&EditJson::SPEC, as_json(cx, arguments, files).await?);
    } else {
        arguments = files.into_iter().fold(arguments, |arguments, (name, file)| arguments.attach(name, file));
    }
    let asked = asked.read()?;
    Ok(answer::make(cx, Wish { tool, spec, arguments, asked, delivery, room: ROOM }).await?.output())
}
