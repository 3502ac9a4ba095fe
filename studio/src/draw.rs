//! Pictures drawn from the words of a prompt, which they show, as they show that they are the sandbox's: gradients with
//! rings, the same for the same words.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, ImageResult, Rgba, RgbaImage, imageops};

use crate::hash::fnv1a;

const CLEAR: Rgba<u8> = Rgba([0, 0, 0, 0]);

/// What a picture is to look like.
pub struct Look {
    /// Whose words it shows.
    pub prompt: String,
    /// Whether all but a disc is clear.
    pub transparent: bool,
    /// `png`, `jpeg`, `webp` or `svg`.
    pub format: &'static str,
    /// From 0 to 100, for JPEG.
    pub compression: u8,
}

/// The pictures that an edit begins with.
pub struct Given {
    /// The pictures; the first is drawn on.
    pub images: Vec<RgbaImage>,
    /// Where it is clear, the first one is drawn anew.
    pub mask: Option<RgbaImage>,
    /// What somebody drew on the first one.
    pub markup: Option<RgbaImage>,
}

/// A new picture, the `index`-th of its prompt.
pub fn paint(look: &Look, index: usize, width: u32, height: u32) -> RgbaImage {
    let mut picture = pattern(&look.prompt, index, width, height);
    if look.transparent {
        cut_out(&mut picture);
    }
    sign(&mut picture, "SANDBOX", &look.prompt);
    picture
}

/// The first image with what the mask opens drawn anew, or all of it tinted without a mask; the other images stand
/// small in the upper right corner.
pub fn repaint(look: &Look, given: &Given, index: usize, width: u32, height: u32) -> RgbaImage {
    let Some(first) = given.images.first() else { return RgbaImage::new(width, height) };
    let scaled = |image: &RgbaImage| imageops::resize(image, width, height, imageops::FilterType::Triangle);
    let mut picture = scaled(first);
    let drawn = pattern(&look.prompt, index, width, height);
    let mask = given.mask.as_ref().map(|mask| imageops::resize(mask, width, height, imageops::FilterType::Nearest));
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let new = drawn.get_pixel(x, y);
        match &mask {
            Some(mask) if mask.get_pixel(x, y).0[3] == 0 => *pixel = *new,
            Some(_) => {}
            None => mix(pixel, *new, 80),
        }
        if !look.transparent && mask.is_some() {
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
    sign(&mut picture, "SANDBOX EDIT", &look.prompt);
    picture
}

/// The bytes of a picture.
///
/// # Errors
/// It is larger than its format allows.
pub fn encode(look: &Look, picture: &RgbaImage) -> ImageResult<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    match look.format {
        "svg" => return Ok(vector(look, picture).into_bytes()),
        "jpeg" => {
            let opaque = DynamicImage::from(picture.clone()).into_rgb8();
            opaque.write_with_encoder(JpegEncoder::new_with_quality(&mut out, look.compression.max(1)))?;
        }
        "webp" => picture.write_to(&mut out, ImageFormat::WebP)?,
        _ if look.transparent => picture.write_to(&mut out, ImageFormat::Png)?,
        _ => DynamicImage::from(picture.clone()).into_rgb8().write_to(&mut out, ImageFormat::Png)?,
    }
    Ok(out.into_inner())
}

/// The picture's first colours and its words.
fn vector(look: &Look, picture: &RgbaImage) -> String {
    let (width, height) = picture.dimensions();
    let [one, two] = colours(&look.prompt, 0).map(|Rgba([r, g, b, _])| format!("rgb({r},{g},{b})"));
    let words = look.prompt.replace('&', "&amp;").replace('<', "&lt;");
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
    fnv1a(&[prompt.as_bytes(), &index.to_le_bytes()].concat())
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
pub fn coarsen(picture: &RgbaImage, cells: u32) -> RgbaImage {
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
