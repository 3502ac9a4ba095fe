//! What images weigh, and whether the machine can hold them: it is asked before they are paid for.

use openai_mcp_kernel::prelude::*;
use serde::Deserialize;

use crate::shapes::{Delivery, Preview};

/// Bytes of memory with which no request has to be refused.
const PLENTY: usize = 256 * 1024 * 1024;
/// Pixels of an image whose size is left to the model.
const USUAL: (usize, usize) = (1536, 1024);
/// Most frames of a GIF.
const MOST_FRAMES: usize = 16;
/// Most bytes of an SVG.
const SVG: usize = 1_000_000;

/// The bytes that the images at work at the same time may have together; nothing where there is room for all.
pub(crate) fn room(cx: &Context) -> Option<usize> {
    Some(cx.room()).filter(|room| *room < PLENTY)
}

/// What a request will bring.
pub(crate) struct Expected {
    pub(crate) count: usize,
    width: usize,
    height: usize,
    format: String,
    frames: usize,
    /// Whether the result holds the images.
    shown: bool,
}

impl Expected {
    /// Reads it of the arguments of a request.
    ///
    /// # Errors
    /// The arguments are no object.
    pub(crate) fn read(arguments: &Arguments, delivery: &Delivery) -> Result<Self> {
        // Of any type: what is wrong is told by the check of the request.
        #[derive(Deserialize)]
        struct Asked {
            n: Option<Value>,
            size: Option<Value>,
            output_format: Option<Value>,
            frame_count: Option<Value>,
        }
        let Asked { n, size, output_format, frame_count } = arguments.read()?;
        let number = |value: Option<Value>| value.and_then(|value| usize::try_from(value.as_u64()?).ok());
        let edges = size.as_ref().and_then(Value::as_str).and_then(|size| size.split_once('x'));
        let edges = edges.and_then(|(width, height)| width.parse::<u16>().ok().zip(height.parse::<u16>().ok()));
        let (width, height) = edges.map_or(USUAL, |(width, height)| (width.into(), height.into()));
        Ok(Expected {
            count: number(n).unwrap_or(1),
            width,
            height,
            format: output_format.as_ref().and_then(Value::as_str).unwrap_or("png").to_owned(),
            frames: number(frame_count).unwrap_or(MOST_FRAMES),
            shown: delivery.preview == Some(Preview::Full),
        })
    }

    /// Most bytes that the images may have, times four where the result holds them: beside the image there are then its
    /// base64, the result and what the host sends.
    pub(crate) fn weight(&self) -> usize {
        let pixels = self.width * self.height;
        let one = match self.format.as_str() {
            "svg" => SVG,
            "gif" => pixels.saturating_mul(self.frames),
            "jpeg" | "webp" => pixels,
            _ => pixels * 2,
        };
        one.saturating_mul(self.count).saturating_mul(if self.shown { 4 } else { 1 })
    }

    /// Refuses a request that is made this many times, if its images are likely to be more than the machine can hold: it
    /// would fail once they are paid for.
    ///
    /// # Errors
    /// They are.
    pub(crate) fn fit(&self, cx: &Context, times: usize) -> Result<()> {
        let Some(room) = room(cx) else { return Ok(()) };
        let weight = self.weight().saturating_mul(times);
        if weight <= room {
            return Ok(());
        }
        let Expected { count, width, height, format, shown, .. } = self;
        let (full, less) = if *shown { (", shown in full,", "`preview` `small`, ") } else { ("", "") };
        let text = format!(
            "{} images of {width}x{height} as {format}{full} may take {} MB, and this server has room for {}\n\
             hint: {less}fewer images in a call, a smaller `size`, `output_format` `jpeg` or `webp`, or a server on a \
             machine of your own",
            count * times,
            weight / 1_000_000,
            room / 1_000_000
        );
        Err(Error::new(Kind::Arguments, text))
    }
}
