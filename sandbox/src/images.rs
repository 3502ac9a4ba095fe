//! `/images`: pictures drawn from the words of the prompt, which they show, as they show that they are the sandbox's.

use std::convert::Infallible;
use std::io::Cursor;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Extension, Multipart};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json as Answer, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage, imageops};
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::params::{Json, Params};
use crate::world::{Caller, now};

const LARGEST_BODY: usize = 1024 * 1024 * 1024;
const LARGEST_IMAGE: usize = 50 * 1024 * 1024;
const LARGEST_MASK: usize = 4 * 1024 * 1024;
const LONGEST_PROMPT: usize = 32_000;
const FORMATS: &[&str] = &["png", "webp", "jpeg", "gif", "svg"];
const QUALITIES: &[&str] = &["low", "medium", "high", "xhigh", "max", "auto"];
const LEVELS: &[&str] = &["low", "medium", "high"];
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const DEFAULT_MODEL: &str = "gpt-image-2.6-sunburst";
/// Between the events of a stream.
const PAUSE: Duration = Duration::from_millis(50);
const CLEAR: Rgba<u8> = Rgba([0, 0, 0, 0]);

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/images/generations", post(generate))
        .route("/images/edits", post(edit))
        .route("/images/variations", post(vary))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// What is to be drawn.
struct Wish {
    prompt: String,
    n: usize,
    /// As asked for; a generation takes a square, an edit the size of its first image.
    size: Option<(u32, u32)>,
    quality: &'static str,
    transparent: bool,
    format: &'static str,
    compression: u8,
    stream: bool,
    partial: u32,
    svg_model: Option<String>,
    safety_identifier: Option<String>,
}

impl Wish {
    fn read(params: &mut Params) -> Result<Self> {
        let prompt = params.string("prompt")?;
        let prompt = params.required("prompt", prompt)?;
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
        model(params)?;
        let n = params.integer("n", 1..=10)?.unwrap_or(1);
        let size = size(params)?;
        let quality = params.one_of("quality", QUALITIES)?.filter(|quality| *quality != "auto").unwrap_or("medium");
        let background = params.one_of("background", &["transparent", "opaque", "auto"])?;
        let format = params.one_of("output_format", FORMATS)?.unwrap_or("png");
        let compression = params.integer("output_compression", 0..=100)?;
        params.one_of("complexity", LEVELS)?;
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
            let message = "This project has no access to the preview of GIF output: the sandbox draws none.";
            return Err(Error::new(StatusCode::FORBIDDEN, message).param("output_format"));
        }
        if svg.is_some() && format != "svg" {
            return unsupported("svg", "'svg' is only supported for svg output.".into());
        }
        if format == "svg" && n > 1 {
            return unsupported("n", "SVG output requires n=1.".into());
        }
        Ok(Wish {
            prompt,
            n: usize::try_from(n).unwrap_or(1),
            size,
            quality,
            transparent,
            format,
            compression: u8::try_from(compression.unwrap_or(100)).unwrap_or(100),
            stream,
            partial: u32::try_from(partial.unwrap_or(0)).unwrap_or(0),
            svg_model: svg,
            safety_identifier: safety_identifier.filter(|id| !id.is_empty()).or(user),
        })
    }
}

fn model(params: &mut Params) -> Result<()> {
    let model = params.string("model")?.unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let missing = |message: String| Err(Error::not_found(message).param("model").code("model_not_found"));
    match model.as_str() {
        "gpt-image-1" | "dall-e-2" | "dall-e-3" => missing(format!("The model `{model}` has been shut down.")),
        "chatgpt-image-latest" => Ok(()),
        known if known.starts_with("gpt-image-") => Ok(()),
        _ => missing(format!("The model `{model}` does not exist or does not make images.")),
    }
}

fn size(params: &mut Params) -> Result<Option<(u32, u32)>> {
    let Some(text) = params.string("size")?.filter(|size| size != "auto") else { return Ok(None) };
    let refuse = |why: &str| Err(Error::invalid("size", "invalid_value", format!("Invalid value: '{text}'. {why}")));
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

/// The model that writes an SVG.
fn svg(params: &mut Params) -> Result<Option<String>> {
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
        reasoning.one_of("effort", EFFORTS)?;
        reasoning.finish()?;
    }
    svg.finish()?;
    Ok(Some(model.unwrap_or_else(|| "sandbox".to_owned())))
}

async fn generate(Extension(_): Caller, Json(mut params): Json) -> Result<Response> {
    params.one_of("moderation", &["low", "auto"])?;
    let wish = Wish::read(&mut params)?;
    params.finish()?;
    let (width, height) = wish.size.unwrap_or((1024, 1024));
    answer(wish, "image_generation", 0, move |wish, index| {
        let mut picture = pattern(&wish.prompt, index, width, height);
        if wish.transparent {
            cut_out(&mut picture);
        }
        sign(&mut picture, "SANDBOX", &wish.prompt);
        picture
    })
    .await
}

/// The images of an edit.
struct Given {
    images: Vec<RgbaImage>,
    mask: Option<RgbaImage>,
    markup: Option<RgbaImage>,
}

async fn edit(Extension(_): Caller, mut form: Multipart) -> Result<Response> {
    let broken = |fault: axum::extract::multipart::MultipartError| Error::new(fault.status(), fault.body_text());
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if field.file_name().is_some() {
            files.push((name, field.bytes().await.map_err(broken)?));
        } else {
            fields.push((name, field.text().await.map_err(broken)?));
        }
    }
    let mut params = Params::query(fields);
    let wish = Wish::read(&mut params)?;
    params.one_of("input_fidelity", &["high", "low"])?;
    params.finish()?;
    let given = blocking(move || Given::read(files)).await?;
    let (width, height) = match (wish.size, given.images.first()) {
        (Some(size), _) => size,
        (None, Some(first)) => first.dimensions(),
        (None, None) => (1024, 1024),
    };
    let seen = given.images.len();
    answer(wish, "image_edit", seen, move |wish, index| repaint(wish, &given, index, width, height)).await
}

impl Given {
    fn read(files: Vec<(String, Bytes)>) -> Result<Self> {
        let mut given = Given { images: Vec::new(), mask: None, markup: None };
        for (name, bytes) in files {
            match name.as_str() {
                "image" | "image[]" => given.images.push(decode("image", &bytes, LARGEST_IMAGE)?.into_rgba8()),
                "mask" => given.mask = Some(alpha("mask", &bytes)?),
                "markup" => given.markup = Some(alpha("markup", &bytes)?),
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
}

fn decode(name: &str, bytes: &[u8], most: usize) -> Result<DynamicImage> {
    let refuse = |message: String| Error::invalid(name, "invalid_image_file", message);
    if bytes.len() > most {
        return Err(refuse(format!("Invalid {name} image: it has {} bytes, at most {most} are taken.", bytes.len())));
    }
    image::load_from_memory(bytes)
        .map_err(|_| refuse(format!("Invalid {name} image: expected a png, webp or jpg file.")))
}

/// A PNG with an alpha channel.
fn alpha(name: &str, bytes: &[u8]) -> Result<RgbaImage> {
    let image = decode(name, bytes, LARGEST_MASK)?;
    if image::guess_format(bytes).ok() != Some(ImageFormat::Png) || !image.color().has_alpha() {
        let message = format!("Invalid {name} image: expected a PNG with an alpha channel.");
        return Err(Error::invalid(name, "invalid_image_file", message));
    }
    Ok(image.into_rgba8())
}

/// The first image with what the mask opens drawn anew, or all of it tinted without a mask; the other images stand
/// small in the upper right corner.
fn repaint(wish: &Wish, given: &Given, index: usize, width: u32, height: u32) -> RgbaImage {
    let Some(first) = given.images.first() else { return RgbaImage::new(width, height) };
    let scaled = |image: &RgbaImage| imageops::resize(image, width, height, imageops::FilterType::Triangle);
    let mut picture = scaled(first);
    let drawn = pattern(&wish.prompt, index, width, height);
    let mask = given.mask.as_ref().map(|mask| imageops::resize(mask, width, height, imageops::FilterType::Nearest));
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let new = drawn.get_pixel(x, y);
        match &mask {
            Some(mask) if mask.get_pixel(x, y).0[3] == 0 => *pixel = *new,
            Some(_) => {}
            None => mix(pixel, *new, 80),
        }
        if !wish.transparent && mask.is_some() {
            flatten(pixel);
        }
    }
    if let Some(markup) = &given.markup {
        imageops::overlay(&mut picture, &scaled(markup), 0, 0);
    }
    for (at, other) in (0i64..).zip(given.images.iter().skip(1)) {
        let edge = (width.min(height) / 6).max(1);
        let small = imageops::thumbnail(other, edge, edge);
        imageops::overlay(
            &mut picture,
            &small,
            i64::from(width) - i64::from(edge) * (at % 4 + 1),
            at / 4 * i64::from(edge),
        );
    }
    sign(&mut picture, "SANDBOX EDIT", &wish.prompt);
    picture
}

async fn vary() -> Error {
    Error::not_found("This endpoint is retired and no longer available. Use /v1/images/edits with a GPT Image model.")
}

/// Draws, and answers at once or in a stream.
async fn answer(
    wish: Wish,
    kind: &'static str,
    seen: usize,
    draw: impl Fn(&Wish, usize) -> RgbaImage + Send + 'static,
) -> Result<Response> {
    blocking(move || {
        let mut size = (0, 0);
        let mut pictures = Vec::new();
        for index in 0..wish.n {
            let picture = draw(&wish, index);
            size = picture.dimensions();
            pictures.push(picture);
        }
        let usage = usage(&wish, seen, size);
        let created = now();
        let common = json!({
            "background": if wish.transparent { "transparent" } else { "opaque" },
            "output_format": wish.format,
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
                pictures.iter().map(|picture| Ok(json!({"b64_json": encode(&wish, picture)?}))).collect::<Result<_>>()?;
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
                let coarse = encode(&wish, &coarsen(picture, 8 << step))?;
                events.push(with(json!({
                    "type": format!("{kind}.partial_image"), "b64_json": coarse, "created_at": created,
                    "partial_image_index": step,
                })));
            }
            events.push(with(json!({
                "type": format!("{kind}.completed"), "b64_json": encode(&wish, picture)?, "created_at": created,
                "usage": usage,
            })));
        }
        Ok(tell(events))
    })
    .await
}

fn tell(events: Vec<Value>) -> Response {
    let lines = events.into_iter().map(|event| {
        let name = event.get("type").and_then(Value::as_str).unwrap_or_default();
        format!("event: {name}\ndata: {event}\n\n")
    });
    let lines: Vec<String> = lines.collect();
    let body = Body::from_stream(stream::unfold(lines.into_iter(), |mut lines| async move {
        let line = lines.next()?;
        tokio::time::sleep(PAUSE).await;
        Some((Ok::<_, Infallible>(Bytes::from(line)), lines))
    }));
    ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], body).into_response()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let lost = |_| Error::new(StatusCode::INTERNAL_SERVER_ERROR, "the drawing was interrupted");
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}

/// Four letters of the prompt are a token; pixels cost by quality, and an image that is looked at a fixed sum.
fn usage(wish: &Wish, seen: usize, (width, height): (u32, u32)) -> Value {
    let text = wish.prompt.chars().count().div_ceil(4);
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

fn encode(wish: &Wish, picture: &RgbaImage) -> Result<String> {
    let failed = |fault: image::ImageError| Error::new(StatusCode::INTERNAL_SERVER_ERROR, fault.to_string());
    let mut out = Cursor::new(Vec::new());
    match wish.format {
        "svg" => return Ok(STANDARD.encode(vector(wish, picture))),
        "jpeg" => {
            let opaque = DynamicImage::from(picture.clone()).into_rgb8();
            opaque
                .write_with_encoder(JpegEncoder::new_with_quality(&mut out, wish.compression.max(1)))
                .map_err(failed)?;
        }
        "webp" => picture.write_to(&mut out, ImageFormat::WebP).map_err(failed)?,
        _ if wish.transparent => picture.write_to(&mut out, ImageFormat::Png).map_err(failed)?,
        _ => DynamicImage::from(picture.clone()).into_rgb8().write_to(&mut out, ImageFormat::Png).map_err(failed)?,
    }
    Ok(STANDARD.encode(out.into_inner()))
}

/// The picture's first colours and its words.
fn vector(wish: &Wish, picture: &RgbaImage) -> String {
    let (width, height) = picture.dimensions();
    let [one, two] = colours(&wish.prompt, 0).map(|Rgba([r, g, b, _])| format!("rgb({r},{g},{b})"));
    let words = wish.prompt.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\">\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{one}\"/>\
         <circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{two}\"/>\
         <text x=\"16\" y=\"32\">SANDBOX: {words}</text></svg>",
        width / 2,
        height / 2,
        width.min(height) / 3
    )
}

fn seed(prompt: &str, index: usize) -> u64 {
    let hash = prompt.bytes().chain(index.to_le_bytes());
    hash.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Two colours far apart on the wheel.
fn colours(prompt: &str, index: usize) -> [Rgba<u8>; 2] {
    let hue = (seed(prompt, index) >> 8) % 360;
    [hue, (hue + 150) % 360].map(|hue| {
        // One of the three colours rises or falls between the corners of the wheel.
        let part = |shift: u64| {
            let at = (hue + shift) % 360;
            let level = match at {
                0..60 => at * 255 / 60,
                60..180 => 255,
                180..240 => (240 - at) * 255 / 60,
                _ => 0,
            };
            u8::try_from(40 + level * 180 / 255).unwrap_or(255)
        };
        Rgba([part(120), part(0), part(240), 255])
    })
}

/// A gradient with rings about a point: the same words give the same picture.
fn pattern(prompt: &str, index: usize, width: u32, height: u32) -> RgbaImage {
    let [one, two] = colours(prompt, index);
    let seed = seed(prompt, index);
    let (cx, cy) = (u64::from(width) * (20 + seed % 60) / 100, u64::from(height) * (20 + (seed >> 16) % 60) / 100);
    let ring = u64::from(width.max(height) / 16).max(1);
    RgbaImage::from_fn(width, height, |x, y| {
        let along = u64::from(x + y) * 255 / u64::from(width + height).max(1);
        let mut pixel = one;
        mix(&mut pixel, two, u8::try_from(along).unwrap_or(255));
        let (dx, dy) = (u64::from(x).abs_diff(cx), u64::from(y).abs_diff(cy));
        if (dx * dx + dy * dy).isqrt() / ring % 2 == 1 {
            mix(&mut pixel, Rgba([255, 255, 255, 255]), 60);
        }
        pixel
    })
}

/// Leaves a disc.
fn cut_out(picture: &mut RgbaImage) {
    let (width, height) = picture.dimensions();
    let radius = u64::from(width.min(height)) * 45 / 100;
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (dx, dy) = (u64::from(x).abs_diff(u64::from(width / 2)), u64::from(y).abs_diff(u64::from(height / 2)));
        if (dx * dx + dy * dy).isqrt() > radius {
            *pixel = CLEAR;
        }
    }
}

/// The picture in `cells` squares across.
fn coarsen(picture: &RgbaImage, cells: u32) -> RgbaImage {
    let (width, height) = picture.dimensions();
    let small = imageops::thumbnail(picture, cells, (cells * height / width.max(1)).max(1));
    imageops::resize(&small, width, height, imageops::FilterType::Nearest)
}

/// `of` of 255 parts of another colour.
fn mix(pixel: &mut Rgba<u8>, other: Rgba<u8>, of: u8) {
    for (own, other) in pixel.0.iter_mut().zip(other.0) {
        let sum = u32::from(*own) * u32::from(255 - of) + u32::from(other) * u32::from(of);
        *own = u8::try_from(sum / 255).unwrap_or(255);
    }
}

/// On white.
fn flatten(pixel: &mut Rgba<u8>) {
    let Rgba([r, g, b, alpha]) = *pixel;
    *pixel = Rgba([255, 255, 255, 255]);
    mix(pixel, Rgba([r, g, b, 255]), alpha);
}

/// A band at the lower edge with who drew it and what was asked for.
fn sign(picture: &mut RgbaImage, who: &str, prompt: &str) {
    let (width, height) = picture.dimensions();
    let scale = (width / 320).max(1);
    let (letter, line) = (8 * scale, 10 * scale);
    let top = height.saturating_sub(2 * line + 2 * scale);
    for y in top..height {
        for x in 0..width {
            picture.put_pixel(x, y, Rgba([16, 16, 16, 255]));
        }
    }
    let room = usize::try_from(width / letter.max(1)).unwrap_or_default();
    let lines = (top + 2 * scale..).step_by(line as usize).zip([who, prompt]);
    for (y, text) in lines {
        for (x, letter) in (0..).step_by(letter as usize).zip(text.chars().take(room)) {
            write(picture, x, y, scale, letter);
        }
    }
}

/// One letter, eight dots each way.
fn write(picture: &mut RgbaImage, left: u32, top: u32, scale: u32, letter: char) {
    let Some(rows) = font8x8::legacy::BASIC_LEGACY.get(letter as usize) else { return };
    let (width, height) = picture.dimensions();
    for y in 0..8 * scale {
        for x in 0..8 * scale {
            let row = rows.get((y / scale) as usize).copied().unwrap_or_default();
            if row >> (x / scale) & 1 == 1 && left + x < width && top + y < height {
                picture.put_pixel(left + x, top + y, Rgba([255, 255, 255, 255]));
            }
        }
    }
}
