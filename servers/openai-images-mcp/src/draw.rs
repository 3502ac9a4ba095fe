//! Work on pixels: previews, masks, canvases. Pure, and of the size of the image: whoever calls does it with
//! [`Context::compute`](openai_mcp_kernel::context::Context::compute).
//!
//! What the head of a file says is checked against the file, and against the room there is, before a decoder sees it.

use std::io::{Cursor, Write as _};

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GenericImage as _, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};
use openai_mcp_kernel::error::{Error, Kind, Result};

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

/// What a file is, as its first bytes tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// `png`, `jpeg`, `webp`, `gif` or `svg`.
    pub(crate) format: Option<&'static str>,
    /// In pixels, as it is shown.
    pub(crate) size: Option<(u32, u32)>,
}

/// What a file is; nothing where it is no image that we know.
pub(crate) fn facts(bytes: &[u8]) -> Facts {
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
pub(crate) fn mime_type(format: &str) -> &'static str {
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
    use image::metadata::Orientation::{NoTransforms, Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let (width, height) = match orientation {
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => (height, width),
        _ => (width, height),
    };
    Ok((width, height, orientation != NoTransforms))
}

/// Width and height in pixels, as the image is shown.
///
/// # Errors
/// It is no PNG, JPEG or WebP.
pub(crate) fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    head(bytes).map(|(width, height, _)| (width, height))
}

fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| Error::new(Kind::File, format!("the image cannot be read: {error}")))?;
    let is_whole = match reader.format() {
        Some(ImageFormat::Png) => png_is_whole(bytes),
        Some(ImageFormat::WebP) => bytes.get(12..).and_then(|chunks| lossless(chunks, None)).is_some(),
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
/// before it looks at the canvas. <https://developers.google.com/speed/webp/docs/riff_container>
fn lossless(mut rest: &[u8], mut canvas: Option<(u32, u32)>) -> Option<u64> {
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
            b"ANMF" => sum += lossless(body.get(16..)?, size)?,
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
            let lossless = bytes.get(12..).and_then(|chunks| lossless(chunks, None)).unwrap_or_default();
            6 * pixels + (lossless * LOSSLESS).min(MOST_LOSSLESS)
        }
        _ => 0,
    };
    decoder.total_bytes() + beside
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

/// The pixels as they are shown.
///
/// # Errors
/// It is no PNG, JPEG or WebP, is broken, or is too large for the `room` there is: the head tells before anything is
/// unpacked.
pub(crate) fn decode(bytes: &[u8], room: usize) -> Result<DynamicImage> {
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
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The image with its pixels stored as they are shown, and their size, so that a mask means the same to everyone.
/// Nothing where it is stored so already.
///
/// # Errors
/// As [`decode`].
pub(crate) fn upright(bytes: &[u8], room: usize) -> Result<(u32, u32, Option<Bytes>)> {
    let (width, height, turned) = head(bytes)?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(too_large());
    }
    let stored = if turned { Some(png(&decode(bytes, room)?)?) } else { None };
    Ok((width, height, stored))
}

/// An image as PNG.
fn png(image: &DynamicImage) -> Result<Bytes> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, ImageFormat::Png).map_err(unreadable)?;
    Ok(out.into_inner().into())
}

/// The image in at most `most` bytes and 1,024 pixels each way, with its media type: as it is if it is small, else drawn
/// anew, as JPEG, or as PNG where it is transparent. Nothing where that cannot be, or there is not so much `room`.
pub(crate) fn preview(bytes: &Bytes, most: usize, room: usize) -> Option<(Bytes, &'static str)> {
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
        if image.width().max(image.height()) > edge {
            image = image.thumbnail(edge, edge);
        }
        let (small, kind) = if transparent {
            (png(&image.to_rgba8().into()).ok()?, "image/png")
        } else {
            let mut out = Vec::new();
            image.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut out, PREVIEW_QUALITY)).ok()?;
            (out.into(), "image/jpeg")
        };
        if small.len() <= most {
            return Some((small, kind));
        }
    }
    None
}

/// Whether there is a pixel of such an alpha.
fn any_alpha(image: &DynamicImage, such: impl Fn(u8) -> bool) -> bool {
    let any = |pixels: &RgbaImage| pixels.pixels().any(|pixel| such(pixel.0[3]));
    match image {
        DynamicImage::ImageRgba8(pixels) => any(pixels),
        image => image.has_alpha() && any(&image.to_rgba8()),
    }
}

/// A rectangle in pixels, from the upper left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A mask: a PNG of this size, transparent where `open` says so for the pixels of a row, the upper first, which come
/// closed. Nothing if there is no such pixel. It is written row by row, and is in memory packed alone.
fn mask(width: u32, height: u32, mut open: impl FnMut(u32, &mut [bool])) -> Result<Option<Bytes>> {
    let failed = |error: png::EncodingError| Error::new(Kind::Internal, format!("the mask cannot be drawn: {error}"));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    // Most rows are as the one above.
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().map_err(failed)?;
    let mut rows = writer.stream_writer().map_err(failed)?;
    let (mut any, mut opened) = (false, vec![false; width as usize]);
    let mut row = Vec::with_capacity(opened.len() * 4);
    for y in 0..height {
        opened.fill(false);
        open(y, &mut opened);
        row.clear();
        for open in &opened {
            any |= open;
            row.extend([0, 0, 0, if *open { 0 } else { 255 }]);
        }
        rows.write_all(&row).map_err(|error| failed(error.into()))?;
    }
    rows.finish().and_then(|()| writer.finish()).map_err(failed)?;
    Ok(any.then(|| file.into()))
}

/// The pixels of a row from one to another, as many of them as there are.
fn span(row: &mut [bool], from: u32, to: u32) -> &mut [bool] {
    let to = row.len().min(to as usize);
    row.get_mut(from as usize..to).unwrap_or_default()
}

/// A mask that opens a rectangle.
///
/// # Errors
/// The rectangle lies outside the image.
pub(crate) fn rectangle_mask(width: u32, height: u32, area: Area) -> Result<Bytes> {
    let (right, bottom) = (area.x.saturating_add(area.width), area.y.saturating_add(area.height));
    let mask = mask(width, height, |y, row| {
        if (area.y..bottom).contains(&y) {
            span(row, area.x, right).fill(true);
        }
    })?;
    mask.ok_or_else(|| outside("rectangle", width, height))
}

/// A mask that opens a polygon: pixels whose centre is inside by the even-odd rule.
///
/// # Errors
/// The polygon holds no pixel of the image.
pub(crate) fn polygon_mask(width: u32, height: u32, corners: &[(f64, f64)]) -> Result<Bytes> {
    let ends = corners.iter().zip(corners.iter().cycle().skip(1));
    // The upper end of each edge first.
    let mut edges: Vec<_> =
        ends.map(|(one, other)| if one.1 <= other.1 { (*one, *other) } else { (*other, *one) }).collect();
    edges.sort_by(|one, other| one.0.1.total_cmp(&other.0.1));
    let mut waiting = edges.into_iter().peekable();
    let mut met = Vec::new();
    let mask = mask(width, height, |y, row| {
        // The middle of a row of pixels.
        let middle = f64::from(y) + 0.5;
        met.extend(std::iter::from_fn(|| waiting.next_if(|(upper, _)| upper.1 <= middle)));
        met.retain(|(_, lower)| lower.1 > middle);
        // From each crossing on, inside and outside change places.
        for ((x1, y1), (x2, y2)) in &met {
            let at = x1 + (middle - y1) / (y2 - y1) * (x2 - x1);
            // To a number without sign, so that what lies on the left changes all of the row, and on the right nothing. The
            // distance of huge numbers is none.
            if let Some(pixel) = row.get_mut((at - 0.5).ceil() as usize).filter(|_| !at.is_nan()) {
                *pixel = !*pixel;
            }
        }
        let mut inside = false;
        for pixel in row {
            inside ^= *pixel;
            *pixel = inside;
        }
    })?;
    mask.ok_or_else(|| outside("polygon", width, height))
}

fn outside(name: &str, width: u32, height: u32) -> Error {
    Error::argument(name, format!("holds no pixel of the image, which is {width}x{height}"))
}

/// Refuses a mask that the API would refuse, or that would change nothing.
///
/// # Errors
/// It is no PNG of this size with transparent pixels.
pub(crate) fn check_mask(bytes: &[u8], width: u32, height: u32, room: usize) -> Result<()> {
    let fault = |problem: String| Err(Error::argument("mask", problem));
    if image::guess_format(bytes).ok() != Some(ImageFormat::Png) {
        return fault("expected a PNG image".into());
    }
    let mask = decode(bytes, room)?;
    if (mask.width(), mask.height()) != (width, height) {
        return fault(format!(
            "expected the size of the image, {width}x{height}, got {}x{}",
            mask.width(),
            mask.height()
        ));
    }
    if !any_alpha(&mask, |alpha| alpha == 0) {
        return fault(
            "expected transparent pixels where the image is to change, got none\n\
             hint: black and white mean nothing; `rectangle` or `polygon` make a mask"
                .into(),
        );
    }
    Ok(())
}

/// An image on a larger transparent canvas, and the mask that opens what is new, both PNG.
///
/// # Errors
/// The image covers the canvas.
pub(crate) fn extend(image: DynamicImage, width: u32, height: u32, left: u32, top: u32) -> Result<(Bytes, Bytes)> {
    let mut canvas = RgbaImage::new(width, height);
    let (right, bottom) = (left + image.width(), top + image.height());
    canvas
        .copy_from(&image.into_rgba8(), left, top)
        .map_err(|_| Error::new(Kind::Arguments, "the image does not fit on the canvas"))?;
    let mask = mask(width, height, |y, row| {
        row.fill(true);
        if (top..bottom).contains(&y) {
            span(row, left, right).fill(false);
        }
    })?;
    let mask = mask.ok_or_else(|| {
        let text = "the image covers the canvas: there is nothing to add\n\
                    hint: give `margins`, or a `size` of other proportions or larger";
        Error::new(Kind::Arguments, text)
    })?;
    Ok((png(&canvas.into())?, mask))
}

/// The image scaled down to fit, with its proportions.
pub(crate) fn fit(image: DynamicImage, width: u32, height: u32) -> DynamicImage {
    if image.width() <= width && image.height() <= height { image } else { image.thumbnail(width, height) }
}
