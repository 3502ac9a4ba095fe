//! `/images`.
//!
//! # Where it differs from the API
//!
//! Images are gradients with rings, by the words of the prompt, signed `SANDBOX` with the prompt. An edit draws what the
//! mask opens, or tints all of the first image; further images stand small in the upper right corner. GIF is refused,
//! `[[refuse]]` in a prompt is, and tokens are counted by size and quality.

use std::io::Cursor;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json as Answer, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageFormat, RgbaImage};
use openai_mcp_studio::draw::{self, Given, Look};
use serde_json::{Map, Value, json};

use crate::api::{files, models, tools};
use crate::content::Content;
use crate::engine::catalog::Use;
use crate::error::{Error, Result};
use crate::form::{Form, Upload};
use crate::params::{Json, Params};
use crate::sse;
use crate::world::{Caller, World, now};

const LARGEST_BODY: usize = 1024 * 1024 * 1024;
const LARGEST_IMAGE: usize = 50 * 1024 * 1024;
const LARGEST_MASK: usize = 4 * 1024 * 1024;
/// Of an image that comes in; the API tells no bound, but a few bytes can be an image of gigabytes.
const MOST_PIXELS: u64 = 25_000_000;
const LONGEST_PROMPT: usize = 32_000;
pub(crate) const FORMATS: &[&str] = &["png", "webp", "jpeg", "gif", "svg"];
pub(crate) const QUALITIES: &[&str] = &["low", "medium", "high", "xhigh", "max", "auto"];
/// What the API takes an image for, by what the caller says of it.
const TYPES: &[&str] = &["image/jpeg", "image/png", "image/webp"];
const DEFAULT_MODEL: &str = "gpt-image-2.6-sunburst";
/// Between the events of a stream.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/images/generations", post(generate))
        .route("/images/edits", post(edit))
        .route("/images/variations", post(vary))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// What is to be drawn.
struct Wish {
    look: Look,
    n: usize,
    /// As asked for; a generation takes a square, an edit the size of its first image.
    size: Option<(u32, u32)>,
    quality: &'static str,
    stream: bool,
    partial: u32,
    svg_model: Option<String>,
    safety_identifier: Option<String>,
}

impl Wish {
    fn read(params: &mut Params) -> Result<Self> {
        let prompt = params.need("prompt", Params::string)?;
        let length = prompt.chars().count();
        if length == 0 || length > LONGEST_PROMPT {
            let message = format!(
                "Invalid 'prompt': expected a string with length 1 to {LONGEST_PROMPT}, but got a string with length {length} instead."
            );
            return Err(Error::invalid("prompt", "invalid_value", message));
        }
        if prompt.contains("[[refuse]]") {
            let message = "Your request was rejected by the safety system. The sandbox was asked to refuse.";
            return Err(Error::new(StatusCode::BAD_REQUEST, message).code("moderation_blocked"));
        }
        models::read(params, Some(DEFAULT_MODEL), Use::Image)?;
        let n = params.integer("n", 1..=10)?.unwrap_or(1);
        let size = size(params)?;
        let quality = params.one_of("quality", QUALITIES)?.filter(|quality| *quality != "auto").unwrap_or("medium");
        let background = params.one_of("background", &["transparent", "opaque", "auto"])?;
        let format = params.one_of("output_format", FORMATS)?.unwrap_or("png");
        let compression = params.integer("output_compression", 0..=100)?;
        params.one_of("complexity", tools::LEVELS)?;
        let partial = params.integer("partial_images", 0..=3)?;
        let stream = params.boolean("stream")?.unwrap_or(false);
        let frames = params.integer("frame_count", 2..=16)?;
        let delay = params.integer("frame_duration_ms", 0..=655_350)?;
        let svg = svg(params)?;
        let safety_identifier = params.string("safety_identifier")?;
        let user = params.string("user")?;
        for retired in ["response_format", "style"] {
            if params.take(retired).is_some() {
                let message = format!("Unknown parameter: '{retired}'. It was for models that are retired.");
                return Err(Error::invalid(retired, "unknown_parameter", message));
            }
        }
        let unsupported = |param: &str, message: String| Err(Error::invalid(param, "invalid_value", message));
        let transparent = background == Some("transparent");
        if transparent && matches!(format, "jpeg" | "gif") {
            return unsupported("background", format!("Transparent background is not supported for {format} output."));
        }
        if compression.is_some_and(|value| value < 100) && !matches!(format, "jpeg" | "webp") {
            return unsupported("output_compression", format!("Compression is not supported for {format} output."));
        }
        if partial.is_some_and(|count| count > 0) && !stream {
            return unsupported("partial_images", "Partial images are only sent in streams; set 'stream'.".into());
        }
        if stream && matches!(format, "gif" | "svg") {
            return unsupported("stream", format!("Streaming is not supported for {format} output."));
        }
        if (frames.is_some() || delay.is_some()) && format != "gif" {
            return unsupported("frame_count", "Frames are only supported for gif output.".into());
        }
        if format == "gif" {
            return Err(no_gif("output_format"));
        }
        if svg.is_some() && format != "svg" {
            return unsupported("svg", "'svg' is only supported for svg output.".into());
        }
        if format == "svg" && n > 1 {
            return unsupported("n", "SVG output requires n=1.".into());
        }
        Ok(Wish {
            look: Look {
                prompt,
                transparent,
                format,
                compression: u8::try_from(compression.unwrap_or(100)).unwrap_or(100),
            },
            n: usize::try_from(n).unwrap_or(1),
            size,
            quality,
            stream,
            partial: u32::try_from(partial.unwrap_or(0)).unwrap_or(0),
            svg_model: svg,
            safety_identifier: safety_identifier.filter(|id| !id.is_empty()).or(user),
        })
    }
}

/// The size that is asked for; none where it is left to the model.
pub(crate) fn size(params: &mut Params) -> Result<Option<(u32, u32)>> {
    let Some(text) = params.string("size")?.filter(|size| size != "auto") else { return Ok(None) };
    let path = params.path("size");
    let refuse = |why: &str| Err(Error::invalid(&path, "invalid_value", format!("Invalid value: '{text}'. {why}")));
    let edge = |text: &str| text.parse::<u32>().ok();
    let Some((width, height)) = text.split_once('x').and_then(|(width, height)| edge(width).zip(edge(height))) else {
        return refuse("Expected 'auto' or a size such as '1536x1024'.");
    };
    let (short, long) = (width.min(height), width.max(height));
    if short == 0 || width % 16 != 0 || height % 16 != 0 {
        refuse("Width and height must both be divisible by 16.")
    } else if long > short * 3 {
        refuse("The aspect ratio must be between 1:3 and 3:1.")
    } else if long > 3840 || width * height > 3840 * 2160 {
        refuse("The maximum resolution is 3840x2160.")
    } else {
        Ok(Some((width, height)))
    }
}

/// Why no GIF is drawn.
pub(crate) fn no_gif(path: &str) -> Error {
    let message = "This project has no access to the preview of GIF output: the sandbox draws none.";
    Error::new(StatusCode::FORBIDDEN, message).param(path)
}

/// The model that writes an SVG.
pub(crate) fn svg(params: &mut Params) -> Result<Option<String>> {
    // In a form the members of an object stand one by one.
    let mut members: Map<String, Value> =
        params.bracketed("svg").into_iter().map(|(key, value)| (key, Value::String(value))).collect();
    if let Some(effort) = members.remove("reasoning][effort") {
        members.insert("reasoning".into(), json!({ "effort": effort }));
    }
    if !members.is_empty() {
        params.put("svg", Value::Object(members));
    }
    let Some(mut svg) = params.object("svg")? else { return Ok(None) };
    let model = svg.string("model")?;
    if let Some(mut reasoning) = svg.object("reasoning")? {
        reasoning.one_of("effort", tools::EFFORTS)?;
        reasoning.finish()?;
    }
    svg.finish()?;
    Ok(Some(model.unwrap_or_else(|| "sandbox".to_owned())))
}

async fn generate(Json(mut params): Json) -> Result<Response> {
    params.one_of("moderation", &["low", "auto"])?;
    let wish = Wish::read(&mut params)?;
    params.finish()?;
    let (width, height) = wish.size.unwrap_or((1024, 1024));
    answer(wish, "image_generation", 0, move |look, index| draw::paint(look, index, width, height)).await
}

/// Images come as a form, or as JSON with their URLs or the ids of files.
async fn edit(Extension(account): Caller, request: Request) -> Result<Response> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Form { mut params, files } = if kind.starts_with("multipart/form-data") {
        let form = Multipart::from_request(request, &()).await;
        let form = form.map_err(|fault| Error::new(fault.status(), fault.body_text()))?;
        Form::read(form, LARGEST_IMAGE as u64).await?
    } else {
        let Json(mut params) = Json::from_request(request, &()).await?;
        params.one_of("moderation", &["low", "auto"])?;
        let files = referenced(&mut account.world(), &mut params)?;
        Form { params, files }
    };
    let wish = Wish::read(&mut params)?;
    params.one_of("input_fidelity", &["high", "low"])?;
    params.finish()?;
    let given = blocking(move || read_given(files)).await?;
    let (width, height) = match (wish.size, given.images.first()) {
        (Some(size), _) => size,
        (None, Some(first)) => first.dimensions(),
        (None, None) => (1024, 1024),
    };
    let seen = given.images.len();
    answer(wish, "image_edit", seen, move |look, index| draw::repaint(look, &given, index, width, height)).await
}

/// The files of a body of JSON.
fn referenced(world: &mut World, params: &mut Params) -> Result<Vec<Upload>> {
    let images = params.need("images", |params, name| params.array(name, 1..=16))?;
    let mask = params.take("mask").map(|value| ("mask", "mask".to_owned(), value));
    images
        .into_iter()
        .map(|(path, value)| ("image", path, value))
        .chain(mask)
        .map(|(name, path, value)| refer(world, name, Params::nested(path, value)?))
        .collect()
}

fn refer(world: &mut World, name: &str, mut reference: Params) -> Result<Upload> {
    let url = reference.string("image_url")?;
    let file_id = reference.string("file_id")?;
    let path = reference.path("image_url");
    reference.finish()?;
    let refuse = |message: &str| Err(Error::invalid(&path, "invalid_value", message));
    let (kind, content) = match (url, file_id) {
        (Some(url), None) => {
            let Some((kind, data)) = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) else {
                return refuse("The sandbox fetches no images: expected a base64 data URL.");
            };
            let Ok(bytes) = STANDARD.decode(data) else { return refuse("The data URL is not valid base64.") };
            (kind.to_owned(), Content::holding(&bytes))
        }
        (None, Some(file_id)) => {
            let file = files::find(world, &file_id)?;
            let kind = match file.text("filename").rsplit('.').next() {
                Some("jpg" | "jpeg") => "image/jpeg",
                Some("png") => "image/png",
                Some("webp") => "image/webp",
                _ => "application/octet-stream",
            };
            (kind.to_owned(), file.content.clone().unwrap_or_default())
        }
        _ => return refuse("Expected exactly one of 'image_url' and 'file_id'."),
    };
    let bytes = content.read_all().map_or(0, |bytes| bytes.len() as u64);
    Ok(Upload { name: name.to_owned(), filename: name.to_owned(), kind: Some(kind), content, bytes })
}

fn read_given(files: Vec<Upload>) -> Result<Given> {
    let mut given = Given { images: Vec::new(), mask: None, markup: None };
    for file in files {
        match file.name.as_str() {
            "image" | "image[]" => given.images.push(decode("image", &file, LARGEST_IMAGE)?.into_rgba8()),
            "mask" => given.mask = Some(alpha("mask", &file)?),
            "markup" => given.markup = Some(alpha("markup", &file)?),
            other => {
                let message = format!("Unknown parameter: '{other}'.");
                return Err(Error::invalid(other, "unknown_parameter", message));
            }
        }
    }
    let Some(first) = given.images.first() else {
        let message = "Missing required parameter: 'image'.";
        return Err(Error::invalid("image", "missing_required_parameter", message));
    };
    if given.images.len() > 16 {
        let message = format!("Invalid 'image': at most 16 images, but got {}.", given.images.len());
        return Err(Error::invalid("image", "array_above_max_length", message));
    }
    if given.mask.is_some() && given.markup.is_some() {
        return Err(Error::invalid("markup", "invalid_value", "'markup' cannot be combined with 'mask'."));
    }
    for (name, other) in [("mask", &given.mask), ("markup", &given.markup)] {
        if let Some(other) = other
            && other.dimensions() != first.dimensions()
        {
            let ((width, height), (w, h)) = (first.dimensions(), other.dimensions());
            let message =
                format!("Invalid {name} image: it is {w}x{h}, expected the size of the image, {width}x{height}.");
            return Err(Error::invalid(name, "invalid_image_file", message));
        }
    }
    Ok(given)
}

/// A picture of a form. The API goes by the type that the caller gives it, and takes no `application/octet-stream`.
fn decode(name: &str, file: &Upload, most: usize) -> Result<DynamicImage> {
    let refuse = |message: String| Error::invalid(name, "invalid_image_file", message);
    let kind = file.kind.as_deref().unwrap_or("application/octet-stream");
    if !TYPES.contains(&kind) {
        let message = format!(
            "Invalid file '{name}': unsupported mimetype ('{kind}'). Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'."
        );
        return Err(Error::invalid(name, "unsupported_file_mimetype", message));
    }
    if file.bytes > most as u64 {
        return Err(refuse(format!("Invalid {name} image: it has {} bytes, at most {most} are taken.", file.bytes)));
    }
    let content = file.content.read_all().unwrap_or_default();
    let size =
        image::ImageReader::new(Cursor::new(&content)).with_guessed_format().map(|reader| reader.into_dimensions());
    if let Ok(Ok((width, height))) = size
        && u64::from(width) * u64::from(height) > MOST_PIXELS
    {
        let most = MOST_PIXELS / 1_000_000;
        return Err(refuse(format!("Invalid {name} image: it has more than {most} megapixels.")));
    }
    image::load_from_memory(&content)
        .map_err(|_| refuse(format!("Invalid {name} image: expected a png, webp or jpg file.")))
}

/// A PNG with an alpha channel.
fn alpha(name: &str, file: &Upload) -> Result<RgbaImage> {
    let image = decode(name, file, LARGEST_MASK)?;
    let format = image::guess_format(&file.content.read_all().unwrap_or_default());
    if format.ok() != Some(ImageFormat::Png) || !image.color().has_alpha() {
        let message = format!("Invalid {name} image: expected a PNG with an alpha channel.");
        return Err(Error::invalid(name, "invalid_image_file", message));
    }
    Ok(image.into_rgba8())
}

async fn vary() -> Error {
    Error::not_found("This endpoint is retired and no longer available. Use /v1/images/edits with a GPT Image model.")
}

/// Draws, and answers at once or in a stream.
async fn answer(
    wish: Wish,
    kind: &'static str,
    seen: usize,
    draw: impl Fn(&Look, usize) -> RgbaImage + Send + 'static,
) -> Result<Response> {
    blocking(move || {
        let mut size = (0, 0);
        let mut pictures = Vec::new();
        for index in 0..wish.n {
            let picture = draw(&wish.look, index);
            size = picture.dimensions();
            pictures.push(picture);
        }
        let usage = usage(&wish, seen, size);
        let encode = |picture: &RgbaImage| match draw::encode(&wish.look, picture) {
            Ok(bytes) => Ok(STANDARD.encode(bytes)),
            Err(fault) => Err(Error::new(StatusCode::INTERNAL_SERVER_ERROR, fault.to_string())),
        };
        let created = now();
        let common = json!({
            "background": if wish.look.transparent { "transparent" } else { "opaque" },
            "output_format": wish.look.format,
            "quality": wish.quality,
            "size": format!("{}x{}", size.0, size.1),
        });
        let with = |more: Value| {
            let mut all = common.as_object().cloned().unwrap_or_default();
            if let Value::Object(more) = more {
                all.extend(more);
            }
            if let Some(id) = &wish.safety_identifier {
                all.insert("safety_identifier".into(), id.as_str().into());
            }
            Value::Object(all)
        };
        if !wish.stream {
            let data: Vec<Value> =
                pictures.iter().map(|picture| Ok(json!({"b64_json": encode(picture)?}))).collect::<Result<_>>()?;
            let mut whole = with(json!({"created": created, "data": data, "usage": usage}));
            if let (Some(model), Some(entries)) = (&wish.svg_model, whole.as_object_mut()) {
                let usage = json!({
                    "input_tokens": 10, "output_tokens": 100, "reasoning_tokens": 0, "total_tokens": 110, "model": model,
                });
                entries.insert("svg_usage".into(), usage);
            }
            return Ok(Answer(whole).into_response());
        }
        let mut events = Vec::new();
        for picture in &pictures {
            for step in 0..wish.partial {
                let coarse = encode(&draw::coarsen(picture, 8 << step))?;
                events.push(with(json!({
                    "type": format!("{kind}.partial_image"), "b64_json": coarse, "created_at": created,
                    "partial_image_index": step,
                })));
            }
            events.push(with(json!({
                "type": format!("{kind}.completed"), "b64_json": encode(picture)?, "created_at": created,
                "usage": usage,
            })));
        }
        Ok(sse::paced(events.iter().map(sse::named).collect(), PAUSE))
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let lost = |_| Error::new(StatusCode::INTERNAL_SERVER_ERROR, "the drawing was interrupted");
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}

/// Four letters of the prompt are a token; pixels cost by quality, and an image that is looked at a fixed sum.
fn usage(wish: &Wish, seen: usize, (width, height): (u32, u32)) -> Value {
    let text = wish.look.prompt.chars().count().div_ceil(4);
    let looked = seen * 300;
    let square = match wish.quality {
        "low" => 272,
        "medium" => 1056,
        "high" => 4160,
        "xhigh" => 6240,
        _ => 8320,
    };
    let pixels = u64::from(width) * u64::from(height);
    let drawn = (pixels * square).div_ceil(1024 * 1024) * wish.n as u64 + u64::from(wish.partial) * 100;
    json!({
        "input_tokens": text + looked,
        "input_tokens_details": {"image_tokens": looked, "text_tokens": text},
        "output_tokens": drawn,
        "output_tokens_details": {"image_tokens": drawn, "text_tokens": 0},
        "total_tokens": (text + looked) as u64 + drawn,
    })
}
