//! Work on pixels: previews, masks, canvases. Pure.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GenericImage as _, ImageDecoder as _, ImageFormat, ImageReader, Limits, Rgba, RgbaImage};
use openai_mcp_kernel::error::{Error, Kind, Result};

/// Most pixels of an image that is decoded: some 100 MB, all that a Worker has.
const MOST_PIXELS: u64 = 25_000_000;
/// Most bytes a decoder may ask for.
const MOST_MEMORY: u64 = 128 * 1024 * 1024;
/// Longest edges of a preview that are tried, in pixels, until it is small enough.
const EDGES: [u32; 6] = [1024, 768, 512, 384, 256, 128];
const PREVIEW_QUALITY: u8 = 85;

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
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    Ok(reader)
}

fn unreadable(error: image::ImageError) -> Error {
    match error {
        image::ImageError::Limits(_) => too_large(),
        image::ImageError::Unsupported(_) => Error::new(Kind::File, "expected a PNG, JPEG or WebP image"),
        error => Error::new(Kind::File, format!("the image cannot be read: {error}")),
    }
}

fn too_large() -> Error {
    Error::new(
        Kind::File,
        format!("the image is too large: at most {} megapixels\nhint: scale it down", MOST_PIXELS / 1_000_000),
    )
}

/// The pixels as they are shown.
///
/// # Errors
/// It is no PNG, JPEG or WebP, is broken, or is too large: the head tells before anything is unpacked.
pub(crate) fn decode(bytes: &[u8]) -> Result<DynamicImage> {
    let mut decoder = reader(bytes)?.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS || decoder.total_bytes() > MOST_MEMORY {
        return Err(too_large());
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
pub(crate) fn upright(bytes: &[u8]) -> Result<(u32, u32, Option<Bytes>)> {
    let (width, height, turned) = head(bytes)?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(too_large());
    }
    let stored = if turned { Some(png(&decode(bytes)?)?) } else { None };
    Ok((width, height, stored))
}

/// An image as PNG.
fn png(image: &DynamicImage) -> Result<Bytes> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, ImageFormat::Png).map_err(unreadable)?;
    Ok(out.into_inner().into())
}

/// The image in at most `room` bytes and 1,024 pixels each way, with its media type: as it is if it fits, else scaled
/// down, as JPEG, or as PNG where it is transparent. Nothing where that cannot be.
pub(crate) fn preview(bytes: &Bytes, room: usize) -> Option<(Bytes, &'static str)> {
    let facts = facts(bytes);
    let format = facts.format.filter(|format| *format != "svg")?;
    let longest = EDGES.first().copied().unwrap_or_default();
    let (width, height) = facts.size.unwrap_or_default();
    let raster = format != "gif";
    if bytes.len() <= room && (!raster || width.max(height) <= longest) {
        return Some((bytes.clone(), mime_type(format)));
    }
    let mut image = raster.then(|| decode(bytes).ok())??;
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
        if small.len() <= room {
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

/// A mask: a PNG of this size, transparent where `inside` says so, with whether there is any such pixel.
///
/// # Errors
/// There is no transparent pixel.
fn mask(width: u32, height: u32, inside: impl Fn(u32, u32) -> bool) -> Option<RgbaImage> {
    let mut any = false;
    let mask = RgbaImage::from_fn(width, height, |x, y| {
        let inside = inside(x, y);
        any |= inside;
        if inside { Rgba([0, 0, 0, 0]) } else { Rgba([0, 0, 0, 255]) }
    });
    any.then_some(mask)
}

/// A mask that opens a rectangle.
///
/// # Errors
/// The rectangle lies outside the image.
pub(crate) fn rectangle_mask(width: u32, height: u32, area: Area) -> Result<Bytes> {
    let (right, bottom) = (area.x.saturating_add(area.width), area.y.saturating_add(area.height));
    let mask = mask(width, height, |x, y| (area.x..right).contains(&x) && (area.y..bottom).contains(&y));
    png(&mask.ok_or_else(|| outside("rectangle", width, height))?.into())
}

/// A mask that opens a polygon: pixels whose centre is inside by the even-odd rule.
///
/// # Errors
/// The polygon holds no pixel of the image.
pub(crate) fn polygon_mask(width: u32, height: u32, corners: &[(f64, f64)]) -> Result<Bytes> {
    let edges: Vec<_> = corners.iter().zip(corners.iter().cycle().skip(1)).collect();
    // Where the middle of each row of pixels crosses an edge.
    let rows: Vec<Vec<f64>> = (0..height)
        .map(|y| {
            let y = f64::from(y) + 0.5;
            let crossed = edges.iter().filter(|((_, y1), (_, y2))| (*y1 <= y) != (*y2 <= y));
            crossed.map(|((x1, y1), (x2, y2))| x1 + (y - y1) / (y2 - y1) * (x2 - x1)).collect()
        })
        .collect();
    let inside = |x: u32, y: u32| {
        let crossings = rows.get(y as usize).into_iter().flatten();
        crossings.filter(|at| **at <= f64::from(x) + 0.5).count() % 2 == 1
    };
    png(&mask(width, height, inside).ok_or_else(|| outside("polygon", width, height))?.into())
}

fn outside(name: &str, width: u32, height: u32) -> Error {
    Error::argument(name, format!("holds no pixel of the image, which is {width}x{height}"))
}

/// Refuses a mask that the API would refuse, or that would change nothing.
///
/// # Errors
/// It is no PNG of this size with transparent pixels.
pub(crate) fn check_mask(bytes: &[u8], width: u32, height: u32) -> Result<()> {
    let fault = |problem: String| Err(Error::argument("mask", problem));
    if image::guess_format(bytes).ok() != Some(ImageFormat::Png) {
        return fault("expected a PNG image".into());
    }
    let mask = decode(bytes)?;
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
pub(crate) fn extend(image: &DynamicImage, width: u32, height: u32, left: u32, top: u32) -> Result<(Bytes, Bytes)> {
    let mut canvas = RgbaImage::new(width, height);
    canvas
        .copy_from(&image.to_rgba8(), left, top)
        .map_err(|_| Error::new(Kind::Arguments, "the image does not fit on the canvas"))?;
    let (right, bottom) = (left + image.width(), top + image.height());
    let mask =
        mask(width, height, |x, y| !((left..right).contains(&x) && (top..bottom).contains(&y))).ok_or_else(|| {
            let text = "the image covers the canvas: there is nothing to add\n\
                        hint: give `margins`, or a `size` of other proportions or larger";
            Error::new(Kind::Arguments, text)
        })?;
    Ok((png(&canvas.into())?, png(&mask.into())?))
}

/// The image scaled down to fit, with its proportions.
pub(crate) fn fit(image: DynamicImage, width: u32, height: u32) -> DynamicImage {
    if image.width() <= width && image.height() <= height { image } else { image.thumbnail(width, height) }
}
