//! Pictures: what a file is, its pixels, and a small one that shows what it is. Pure, and of the size of the picture: whoever
//! calls does it with [`Context::compute`].
//!
//! What the head of a file says is checked against the file, and against the room there is, before a decoder sees it.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{
    ExtendedColorType, ImageDecoder, ImageEncoder as _, ImageFormat, ImageReader, Limits, RgbaImage, imageops,
};
use openai_mcp_kernel::context::Context;
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::output::Content;

/// Most pixels of an image that is decoded, or of a mask.
const MOST_PIXELS: u64 = 25_000_000;
/// Most bytes that a decoder may ask for besides the pixels: of a PNG what its other chunks unpack to.
const BESIDE: u64 = 32 * 1024 * 1024;
/// Most segments of a JPEG: zune-jpeg 0.5.15 sorts those of XMP anew with each that comes.
const SEGMENTS: usize = 2000;
/// How many times its size lossless WebP may take, and how much at the most: image-webp 0.2.4 makes a table of 4 KB of 12
/// bytes, of which each of 65,536 groups has five.
const LOSSLESS: u64 = 400;
const MOST_LOSSLESS: u64 = 1_400_000_000;
/// Longest edges of a preview that are tried, in pixels, until it is small enough.
const EDGES: [u32; 6] = [1024, 768, 512, 384, 256, 128];
const PREVIEW_QUALITY: u8 = 80;
/// Bytes of an image that is its own preview, and most of one that is drawn: hosts send them on as text.
const SMALL: usize = 32 * 1024;
const PREVIEW: usize = 160 * 1024;

/// Most bytes of the pictures that one result shows: base64 makes 1 MB of them, which is what clients take.
pub const ROOM: usize = 750_000;

/// A picture in a result, small: in at most `most` bytes. What cannot be drawn is not shown.
pub async fn small(cx: &Context, bytes: &Bytes, most: usize) -> Option<Content> {
    let (bytes, room) = (bytes.clone(), cx.room());
    let drawn = cx.compute(move || preview(&bytes, most, room)).await.ok().flatten();
    drawn.map(|(data, kind)| Content::Image { data, mime_type: kind.to_owned() })
}

/// A picture in a result as it is; one that is written as text, as text.
pub fn whole(bytes: &Bytes) -> Content {
    match facts(bytes).format {
        Some("svg") => Content::Text(String::from_utf8_lossy(bytes).into_owned()),
        format => Content::Image { data: bytes.clone(), mime_type: mime_type(format.unwrap_or_default()).to_owned() },
    }
}

/// What a file is, as its first bytes tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// `png`, `jpeg`, `webp`, `gif` or `svg`.
    pub format: Option<&'static str>,
    /// In pixels, as it is shown.
    pub size: Option<(u32, u32)>,
}

/// What a file is; nothing where it is no image that we know.
pub fn facts(bytes: &[u8]) -> Facts {
    let format = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => "png",
        Ok(ImageFormat::Jpeg) => "jpeg",
        Ok(ImageFormat::WebP) => "webp",
        Ok(ImageFormat::Gif) => return Facts { format: Some("gif"), size: gif_size(bytes) },
        _ if bytes.trim_ascii_start().starts_with(b"<") => return Facts { format: Some("svg"), size: None },
        _ => return Facts::default(),
    };
    Facts { format: Some(format), size: size(bytes).ok() }
}

/// The size stands in the head of a GIF, which the image library is built without.
fn gif_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let word = |at: usize| Some(u32::from(*bytes.get(at)?) | u32::from(*bytes.get(at + 1)?) << 8);
    Some((word(6)?, word(8)?))
}

/// The media type of a format.
pub fn mime_type(format: &str) -> &'static str {
    match format {
        "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        _ => "image/png",
    }
}

/// Width and height as the image is shown, and whether its pixels are stored turned.
fn head(bytes: &[u8]) -> Result<(u32, u32, bool)> {
    let mut decoder = reader(bytes)?.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    let orientation = decoder.orientation().map_err(unreadable)?;
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let (width, height) = match orientation {
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => (height, width),
        _ => (width, height),
    };
    Ok((width, height, orientation != Orientation::NoTransforms))
}

/// Width and height in pixels, as the image is shown.
///
/// # Errors
/// It is no PNG, JPEG or WebP.
pub fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    head(bytes).map(|(width, height, _)| (width, height))
}

fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| Error::new(Kind::File, format!("the image cannot be read: {error}")))?;
    let is_whole = match reader.format() {
        Some(ImageFormat::Png) => png_is_whole(bytes),
        Some(ImageFormat::WebP) => bytes.get(12..).and_then(|chunks| lossless(chunks, None, false)).is_some(),
        Some(ImageFormat::Jpeg) => is_progressive(bytes).is_some(),
        _ => true,
    };
    if !is_whole {
        return Err(Error::new(Kind::File, "the image cannot be read: its parts are not as they say"));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(BESIDE);
    reader.limits(limits);
    Ok(reader)
}

/// Whether the chunks of a PNG lie within the file. What comes after them, and a last one that broke off before its
/// checksum, is left to the decoder.
fn png_is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((length, name)) = rest.get(..4).zip(rest.get(4..8)) {
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let Some(after) = rest.get(8..).and_then(|body| body.get(length..)) else { return false };
        if name == b"IEND" {
            return true;
        }
        rest = after.get(4..).unwrap_or_default();
    }
    true
}

/// How many bytes of a WebP, or of a frame in one, are lossless. Nothing if its chunks do not lie within it, or its pictures
/// are not of the size of their canvas: image-webp makes room for as much as they say, of EXIF for 4 GB, and of a frame
/// before it looks at the canvas. Nor if a frame holds frames, which no picture has.
/// <https://developers.google.com/speed/webp/docs/riff_container>
fn lossless(mut rest: &[u8], mut canvas: Option<(u32, u32)>, in_frame: bool) -> Option<u64> {
    let mut sum = 0;
    let number = |bytes: &[u8], at: usize, length: usize| {
        let bytes = bytes.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0u32, |number, byte| number << 8 | u32::from(*byte)))
    };
    while let Some((name, length)) = rest.get(..4).zip(number(rest, 4, 4)) {
        let length = length as usize;
        let body = rest.get(8..)?.get(..length)?;
        let two = |at: usize, length: usize| Some((number(body, at, length)?, number(body, at + length, length)?));
        let size = match name {
            b"VP8 " => two(6, 2).map(|(width, height)| (width & 0x3FFF, height & 0x3FFF)),
            b"VP8L" => number(body, 1, 4).map(|bits| ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)),
            b"VP8X" => two(4, 3).map(|(width, height)| (width + 1, height + 1)),
            b"ANMF" => two(6, 3).map(|(width, height)| (width + 1, height + 1)),
            _ => None,
        };
        match name {
            b"VP8X" => canvas = size,
            b"ANMF" if in_frame => return None,
            b"ANMF" => sum += lossless(body.get(16..)?, size, true)?,
            b"VP8L" | b"ALPH" => sum += length as u64,
            _ => {}
        }
        if let (Some((width, height)), Some((wide, high))) = (size, canvas)
            && (width > wide || height > high || name != b"ANMF" && (width, height) != (wide, high))
        {
            return None;
        }
        rest = rest.get(8 + length + length % 2..).unwrap_or_default();
    }
    Some(sum)
}

/// How many bytes it takes to decode an image.
fn weight(bytes: &[u8], decoder: &impl ImageDecoder) -> u64 {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let beside = match image::guess_format(bytes) {
        // The coefficients of all three colours, of a progressive one.
        Ok(ImageFormat::Jpeg) if is_progressive(bytes) != Some(false) => 6 * pixels,
        // Its planes, its transparency twice, and tables.
        Ok(ImageFormat::WebP) => {
            let lossless = bytes.get(12..).and_then(|chunks| lossless(chunks, None, false)).unwrap_or_default();
            6 * pixels + (lossless * LOSSLESS).min(MOST_LOSSLESS)
        }
        _ => 0,
    };
    decoder.total_bytes().max(4 * pixels) + beside
}

/// Whether a JPEG comes in many scans, each of which covers the whole image. Nothing if it has more segments than any.
fn is_progressive(bytes: &[u8]) -> Option<bool> {
    let (mut rest, mut plain, mut progressive) = (bytes.get(2..).unwrap_or_default(), false, false);
    for _ in 0..SEGMENTS {
        // Within a scan a byte of ones is followed by nothing, or by a mark from which it can be taken up.
        let marks = |pair: &[u8]| matches!(*pair, [0xFF, mark] if !matches!(mark, 0 | 1 | 0xD0..=0xD8 | 0xFF));
        let Some(at) = rest.windows(2).position(marks) else { return Some(progressive || !plain) };
        let segment = rest.get(at..).unwrap_or_default();
        match segment {
            [_, 0xD9, ..] => return Some(progressive || !plain),
            [_, 0xC0 | 0xC1, ..] => plain = true,
            [_, 0xC2, ..] => progressive = true,
            _ => {}
        }
        let length =
            segment.get(2..4).map_or(0, |length| length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
        rest = segment.get(2 + length..).unwrap_or_default();
    }
    None
}

fn unreadable(error: image::ImageError) -> Error {
    match error {
        image::ImageError::Limits(_) => too_large(),
        image::ImageError::Unsupported(_) => Error::new(Kind::File, "expected a PNG, JPEG or WebP image"),
        error => Error::new(Kind::File, format!("the image cannot be read: {error}")),
    }
}

fn too_large() -> Error {
    let most = MOST_PIXELS / 1_000_000;
    Error::new(Kind::File, format!("the image is too large: at most {most} megapixels\nhint: scale it down"))
}

/// The pixels as they are shown, whatever kind of pixels the file has: of the image library's own operations each is made for
/// ten kinds, which together weigh as much in a Worker as a decoder.
///
/// # Errors
/// It is no PNG, JPEG or WebP, is broken, or is too large for the `room` there is: the head tells before anything is
/// unpacked.
pub fn decode(bytes: &[u8], room: usize) -> Result<RgbaImage> {
    let mut decoder = reader(bytes)?.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(too_large());
    }
    let (weight, room) = (weight(bytes, &decoder), room as u64);
    if weight > room {
        let text = format!(
            "the image is too large: to decode it takes {} MB, and there is room for {}\nhint: scale it down{}",
            weight / 1_000_000,
            room / 1_000_000,
            if image::guess_format(bytes).ok() == Some(ImageFormat::WebP) { ", or make it a PNG" } else { "" }
        );
        return Err(Error::new(Kind::File, text));
    }
    let orientation = decoder.orientation().map_err(unreadable)?;
    Ok(turn(pixels(decoder)?, orientation))
}

/// The pixels of a decoder, as RGBA of 8 bits.
fn pixels(decoder: impl ImageDecoder) -> Result<RgbaImage> {
    let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
    let (channels, stored) = (usize::from(color.channel_count()), usize::from(color.bytes_per_pixel()));
    let count = width as usize * height as usize;
    // They change where they lie, in twice the memory otherwise: shorter ones lie at the end.
    let mut bytes = vec![0; count * stored.max(4)];
    let start = bytes.len() - count * stored;
    decoder.read_image(bytes.get_mut(start..).unwrap_or_default()).map_err(unreadable)?;
    for index in 0..if color == image::ColorType::Rgba8 { 0 } else { count } {
        let mut samples = [0; 4];
        let pixel = bytes.get(start + index * stored..).unwrap_or_default();
        for (sample, bytes) in samples.iter_mut().zip(pixel.chunks_exact(stored / channels)).take(channels) {
            *sample = match *bytes {
                [one, other] => ((u32::from(u16::from_ne_bytes([one, other])) + 128) / 257) as u8,
                _ => bytes.first().copied().unwrap_or_default(),
            };
        }
        let pixel = match (channels, samples) {
            (1, [gray, ..]) => [gray, gray, gray, 255],
            (2, [gray, alpha, ..]) => [gray, gray, gray, alpha],
            (3, [red, green, blue, _]) => [red, green, blue, 255],
            _ => samples,
        };
        bytes.get_mut(index * 4..index * 4 + 4).unwrap_or_default().copy_from_slice(&pixel);
    }
    bytes.truncate(count * 4);
    RgbaImage::from_raw(width, height, bytes).ok_or_else(too_large)
}

/// The image as it is shown.
fn turn(mut image: RgbaImage, orientation: Orientation) -> RgbaImage {
    use Orientation::{FlipHorizontal, FlipVertical, Rotate90, Rotate90FlipH, Rotate180, Rotate270, Rotate270FlipH};
    match orientation {
        Rotate90 | Rotate90FlipH => image = imageops::rotate90(&image),
        Rotate180 => imageops::rotate180_in_place(&mut image),
        Rotate270 | Rotate270FlipH => image = imageops::rotate270(&image),
        FlipVertical => imageops::flip_vertical_in_place(&mut image),
        _ => {}
    }
    if matches!(orientation, FlipHorizontal | Rotate90FlipH | Rotate270FlipH) {
        imageops::flip_horizontal_in_place(&mut image);
    }
    image
}

/// The image scaled down to fit, with its proportions.
pub fn fit(image: RgbaImage, width: u32, height: u32) -> RgbaImage {
    if image.width() <= width && image.height() <= height {
        return image;
    }
    let ratio = |most: u32, edge: u32| f64::from(most) / f64::from(edge);
    let ratio = ratio(width, image.width()).min(ratio(height, image.height()));
    let scaled = |edge: u32| ((f64::from(edge) * ratio).round() as u32).max(1);
    imageops::thumbnail(&image, scaled(image.width()), scaled(image.height()))
}

/// The image with its pixels stored as they are shown, and their size, so that a mask means the same to everyone.
/// Nothing where it is stored so already.
///
/// # Errors
/// As [`decode`].
pub fn upright(bytes: &[u8], room: usize) -> Result<(u32, u32, Option<Bytes>)> {
    let (width, height, turned) = head(bytes)?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(too_large());
    }
    let stored = if turned { Some(png(decode(bytes, room)?)?) } else { None };
    Ok((width, height, stored))
}

/// An image as PNG.
///
/// # Errors
/// It has no pixels.
pub fn png(image: RgbaImage) -> Result<Bytes> {
    let (mut out, (width, height)) = (Vec::new(), image.dimensions());
    let encoder = PngEncoder::new(&mut out);
    let written = if any_alpha(&image, |alpha| alpha < 255) {
        encoder.write_image(&image, width, height, ExtendedColorType::Rgba8)
    } else {
        encoder.write_image(&opaque(image), width, height, ExtendedColorType::Rgb8)
    };
    written.map_err(unreadable)?;
    out.shrink_to_fit();
    Ok(out.into())
}

/// The colours alone.
fn opaque(image: RgbaImage) -> Vec<u8> {
    let (mut bytes, mut count) = (image.into_raw(), 0);
    bytes.retain(|_| {
        count += 1;
        count % 4 != 0
    });
    bytes
}

/// The image in at most `most` bytes and 1,024 pixels each way, with its media type: as it is if it is small, else drawn
/// anew, as JPEG, or as PNG where it is transparent. Nothing where that cannot be, or there is not so much `room`.
fn preview(bytes: &Bytes, most: usize, room: usize) -> Option<(Bytes, &'static str)> {
    let facts = facts(bytes);
    let format = facts.format.filter(|format| *format != "svg")?;
    let longest = EDGES.first().copied().unwrap_or_default();
    let (width, height) = facts.size.unwrap_or_default();
    let raster = format != "gif";
    if bytes.len() <= if raster { most.min(SMALL) } else { most } && (!raster || width.max(height) <= longest) {
        return Some((bytes.clone(), mime_type(format)));
    }
    let most = most.min(PREVIEW);
    let mut image = raster.then(|| decode(bytes, room).ok())??;
    let transparent = any_alpha(&image, |alpha| alpha < 255);
    for edge in EDGES {
        image = fit(image, edge, edge);
        let (small, kind) = if transparent {
            (png(image.clone()).ok()?, "image/png")
        } else {
            let (mut out, (width, height)) = (Vec::new(), image.dimensions());
            let encoder = JpegEncoder::new_with_quality(&mut out, PREVIEW_QUALITY);
            encoder.write_image(&opaque(image.clone()), width, height, ExtendedColorType::Rgb8).ok()?;
            (out.into(), "image/jpeg")
        };
        if small.len() <= most {
            return Some((small, kind));
        }
    }
    None
}

/// Whether there is a pixel of such an alpha.
pub fn any_alpha(image: &RgbaImage, such: impl Fn(u8) -> bool) -> bool {
    image.pixels().any(|pixel| such(pixel.0[3]))
}
