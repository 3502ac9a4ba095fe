//! Work on pixels: masks and canvases. Pure, and of the size of the image: whoever calls does it with
//! [`Context::compute`](openai_mcp_kernel::context::Context::compute).

use std::io::Write as _;

use bytes::Bytes;
use image::{GenericImage as _, ImageFormat, RgbaImage};
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_pictures::{any_alpha, decode, png};

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
pub(crate) fn extend(image: RgbaImage, width: u32, height: u32, left: u32, top: u32) -> Result<(Bytes, Bytes)> {
    let mut canvas = RgbaImage::new(width, height);
    let (right, bottom) = (left + image.width(), top + image.height());
    canvas
        .copy_from(&image, left, top)
        .map_err(|_| Error::new(Kind::Arguments, "the image does not fit on the canvas"))?;
    // A Worker has little memory for what comes next.
    drop(image);
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
    Ok((png(canvas)?, mask))
}
