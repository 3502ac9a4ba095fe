//! Sound in and out: PCM of 24 kHz, mono, 16 bits, as Realtime has it.
//! <https://platform.openai.com/docs/api-reference/realtime-client-events/input_audio_buffer/append>

use std::sync::atomic::AtomicU64;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use openai_mcp_kernel::files::Seekable;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::{Elsewhere, Formats, Sound, numbered};
use openai_mcp_sound::pieces::{Cut, Piece, Pieces};
use openai_mcp_sound::wave;
use serde_json::Map;

/// Samples a second.
pub(crate) const RATE: u32 = 24_000;
/// Bytes of a second.
const SECOND: usize = RATE as usize * 2;
/// Most samples of an event: 256 KB as base64.
const PIECE: usize = 98_304;
/// Most bytes of sound that are taken from one answer, where there is room for it: eleven minutes.
const LONGEST: usize = 32 * 1024 * 1024;

/// The formats of what is spoken.
pub(crate) const FORMATS: Formats = &[("wav", &["wav"])];

/// A recording, piece by piece.
pub(crate) enum Recording {
    /// Samples that need no decoder: where the next piece begins, and most bytes of it, at least [`SECOND`].
    Raw(Seekable, u64, usize),
    /// Another, decoded.
    Decoded(Box<Pieces>),
}

impl Recording {
    /// Opens a file, of which pieces of at most `seconds` are wanted. PCM of 24 kHz is told by its name or type.
    ///
    /// # Errors
    /// It cannot be read or decoded.
    pub(crate) async fn open(cx: &Context, source: Source, seconds: usize) -> Result<Self> {
        let file = cx.seekable(source, cx.room()).await?;
        let name = file.filename.to_ascii_lowercase();
        let raw = name.ends_with(".pcm") || name.ends_with(".raw") || file.mime_type == "audio/pcm";
        if raw {
            return Ok(Recording::Raw(file, 0, seconds * SECOND));
        }
        let cut = Cut { seconds, rate: Some(RATE) };
        Ok(Recording::Decoded(Box::new(Pieces::begin(cx, &file, cut, &AtomicU64::new(0)).await?)))
    }

    /// The piece in which a second of the recording lies, and what gives those after it.
    ///
    /// # Errors
    /// The file is broken, or ends before.
    pub(crate) async fn from(mut self, cx: &Context, second: f64) -> Result<(Piece, Self)> {
        while let Some((piece, rest)) = self.next(cx).await? {
            // Offsets are told in thousandths of a second.
            if piece.start + piece.seconds > second + 0.001 {
                return Ok((piece, rest));
            }
            self = rest;
        }
        Err(Error::argument("offset", "the recording ends before"))
    }

    /// The next piece, and what gives those after it.
    ///
    /// # Errors
    /// The file is broken.
    pub(crate) async fn next(self, cx: &Context) -> Result<Option<(Piece, Self)>> {
        match self {
            Recording::Decoded(pieces) => {
                let next = pieces.next(cx).await?;
                Ok(next.map(|(piece, pieces)| (piece, Recording::Decoded(Box::new(pieces)))))
            }
            Recording::Raw(file, at, most) => {
                let read = move || {
                    // A second more than a piece can hold is read, so that no scrap is left for the last: less than a tenth
                    // of a second is refused.
                    let (mut bytes, mut length) = (vec![0; most + SECOND], 0);
                    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
                        match file.read_at(rest, at + length as u64)? {
                            0 => break,
                            count => length += count,
                        }
                    }
                    if length > most {
                        length = most.min(length - SECOND / 2) & !1;
                    }
                    bytes.truncate(length);
                    let samples: Vec<i16> = bytes.chunks_exact(2).map(sample).collect();
                    Ok::<_, std::io::Error>((samples, length as u64, file))
                };
                let read = cx.compute(read).await?;
                let (samples, length, file) =
                    read.map_err(|error| Error::new(Kind::File, format!("the file could not be read: {error}")))?;
                if samples.is_empty() {
                    return Ok(None);
                }
                let start = at as f64 / 2.0 / f64::from(RATE);
                let seconds = samples.len() as f64 / f64::from(RATE);
                let piece = Piece { samples, rate: RATE, start, seconds };
                Ok(Some((piece, Recording::Raw(file, at + length, most))))
            }
        }
    }
}

fn sample(pair: &[u8]) -> i16 {
    match pair {
        [low, high] => i16::from_le_bytes([*low, *high]),
        _ => 0,
    }
}

/// Samples as events have them, in as many pieces as they need, each written when it is asked for.
pub(crate) fn encoded(samples: Vec<i16>) -> impl ExactSizeIterator<Item = Value> + Send {
    (0..samples.len().div_ceil(PIECE)).map(move |number| {
        let piece = samples.chunks(PIECE).nth(number).unwrap_or_default();
        let bytes: Vec<u8> = piece.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        json!({"audio": STANDARD.encode(bytes)})
    })
}

/// The arguments of a call that goes on from a second of the recording, into another file. What was handed over with the call
/// is not said again.
pub(crate) fn again(cx: &Context, second: f64, save_to: Option<String>) -> Arguments {
    const SHORT: usize = 4096;
    let arguments = cx.arguments().clone().set("offset", second).without("save_to");
    let arguments = match save_to {
        Some(path) => arguments.set("save_to", path),
        None => arguments,
    };
    if arguments.text().len() > SHORT { arguments.set("file", "the same file") } else { arguments }
}

/// The file of the next part: `a-2.wav` behind `a.wav`, and `a-3.wav` behind `a-2.wav` if that was itself for a call that went on.
pub(crate) fn following(path: &str, goes_on: bool) -> String {
    let (stem, extension) = match path.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains(['/', '\\']) => (stem, format!(".{extension}")),
        _ => (path, String::new()),
    };
    let part = stem.rsplit_once('-').and_then(|(stem, part)| Some((stem, part.parse::<usize>().ok()?)));
    match part {
        Some((stem, part)) if goes_on && part > 1 => numbered(&format!("{stem}{extension}"), part),
        _ => numbered(path, 1),
    }
}

/// What is spoken, as it comes.
#[derive(Default)]
pub(crate) struct Spoken(Vec<u8>);

impl Spoken {
    /// Takes the base64 of an event.
    ///
    /// # Errors
    /// It is none, or there is no end of it.
    pub(crate) async fn push(&mut self, cx: &Context, base64: &str) -> Result<()> {
        let (length, base64) = (base64.len(), base64.to_owned());
        let bytes = cx.compute_long(length, move || STANDARD.decode(base64)).await?;
        let bytes = bytes.map_err(|_| Error::new(Kind::Answer, "openai sent sound that is no base64"))?;
        self.0.extend_from_slice(&bytes);
        // It is sent on as text, and there several times meanwhile.
        if self.0.len() > LONGEST.min(cx.room() / 6) {
            return Err(Error::new(Kind::Answer, "openai sends more sound than there is room for"));
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn seconds(&self) -> f64 {
        (self.0.len() as f64 / 2.0 / f64::from(RATE) * 1000.0).round() / 1000.0
    }

    async fn wav(self, cx: &Context) -> Result<Bytes> {
        cx.compute(move || wave::wav(self.0.chunks_exact(2).map(sample), RATE)).await?
    }

    /// Gives a result with what is spoken, as a file or within it. What was paid for is not lost if the file cannot be
    /// written.
    ///
    /// # Errors
    /// Its encoding failed.
    pub(crate) async fn deliver(
        self,
        cx: &Context,
        mut told: Map<String, Value>,
        save_to: Option<String>,
    ) -> Result<Output> {
        if self.is_empty() {
            return Ok(Output::json(&told.into()));
        }
        told.insert("seconds".into(), self.seconds().into());
        let sound = Sound { data: self.wav(cx).await?, extension: "wav", mime_type: "audio/wav" };
        Ok(cx.give_sound(told, sound, save_to).await.unwrap_or_else(Elsewhere::tell))
    }
}
