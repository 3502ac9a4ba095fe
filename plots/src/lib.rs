//! A canvas that plotters draws on, and its PNG.
//!
//! Plotters draws on a machine's fonts or in a browser; there are neither on a Worker, so letters are a bitmap font's.

use std::convert::Infallible;

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::FONT_9X15;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::text::Baseline;
use embedded_graphics::text::renderer::TextRenderer as _;
use miniz_oxide::deflate::compress_to_vec_zlib;
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{BackendColor, BackendTextStyle, DrawingBackend, DrawingErrorKind};

/// How a PNG begins (<https://www.w3.org/TR/png-3/>, as all of it here).
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Bits of a sample, colours without transparency, and the one way there is to compress, to filter and to order rows.
const EIGHT_BIT_RGB: [u8; 5] = [8, 2, 0, 0, 0];
/// Before a row whose bytes stand for themselves: what is drawn has areas of one colour, of which filters make nothing smaller.
const UNFILTERED: u8 = 0;
/// Of 10.
const COMPRESSION: u8 = 6;
/// Without a table: those of the libraries for PNG make a Worker 16 KB larger, gzipped.
static CHECKSUM: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// How wide a letter is, in pixels.
pub const LETTER: u32 = FONT_9X15.character_size.width;

/// White at first.
#[derive(Debug)]
pub struct Canvas {
    width: u32,
    height: u32,
    /// Three bytes each.
    pixels: Vec<u8>,
}

impl Canvas {
    /// A canvas of so many pixels.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![255; width as usize * height as usize * 3] }
    }

    /// What was drawn, as a PNG; `None` of a canvas without pixels.
    #[must_use]
    pub fn png(&self) -> Option<Vec<u8>> {
        if self.pixels.is_empty() {
            return None;
        }
        let mut rows = Vec::with_capacity(self.pixels.len() + self.height as usize);
        for row in self.pixels.chunks(self.width as usize * 3) {
            rows.push(UNFILTERED);
            rows.extend_from_slice(row);
        }
        let mut header = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        header.extend_from_slice(&EIGHT_BIT_RGB);
        let mut file = SIGNATURE.to_vec();
        push_chunk(&mut file, b"IHDR", &header);
        push_chunk(&mut file, b"IDAT", &compress_to_vec_zlib(&rows, COMPRESSION));
        push_chunk(&mut file, b"IEND", &[]);
        Some(file)
    }

    fn mix(&mut self, (x, y): (i32, i32), colour: BackendColor) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        let (red, green, blue) = colour.rgb;
        for (byte, new) in self.pixels.iter_mut().skip(at).zip([red, green, blue]) {
            *byte = (f64::from(*byte) * (1.0 - colour.alpha) + f64::from(new) * colour.alpha).round() as u8;
        }
    }
}

/// Draws on a canvas that stays its maker's.
impl DrawingBackend for &mut Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(&mut self, at: (i32, i32), colour: BackendColor) -> Result<(), DrawingErrorKind<Infallible>> {
        self.mix(at, colour);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let letters = u32::try_from(text.chars().count()).unwrap_or_default();
        Ok((LETTER.saturating_mul(letters), FONT_9X15.character_size.height))
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): (i32, i32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (width, height) = self.estimate_text_size(text, style)?;
        let (width, height) = (width.cast_signed(), height.cast_signed());
        let Pos { h_pos, v_pos } = style.anchor();
        let left = match h_pos {
            HPos::Left => x,
            HPos::Center => x - width / 2,
            HPos::Right => x - width,
        };
        let top = match v_pos {
            VPos::Top => y,
            VPos::Center => y - height / 2,
            VPos::Bottom => y - height,
        };
        let mut letters = Letters { canvas: self, colour: style.color() };
        let style = MonoTextStyle::new(&FONT_9X15, BinaryColor::On);
        let Ok(_) = style.draw_string(text, Point::new(left, top), Baseline::Top, &mut letters);
        Ok(())
    }
}

/// Adds a chunk of a PNG: its length, its kind, what it holds, and a checksum of these two.
fn push_chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let mut sum = CHECKSUM.digest();
    sum.update(kind);
    sum.update(data);
    // No canvas has 4 GB.
    file.extend_from_slice(&(data.len() as u32).to_be_bytes());
    file.extend_from_slice(kind);
    file.extend_from_slice(data);
    file.extend_from_slice(&sum.finalize().to_be_bytes());
}

/// Where a bitmap font sets its pixels.
struct Letters<'a> {
    canvas: &'a mut Canvas,
    colour: BackendColor,
}

impl OriginDimensions for Letters<'_> {
    fn size(&self) -> Size {
        Size::new(self.canvas.width, self.canvas.height)
    }
}

impl DrawTarget for Letters<'_> {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, lit) in pixels {
            if lit.is_on() {
                self.canvas.mix((at.x, at.y), self.colour);
            }
        }
        Ok(())
    }
}
