//! Sound as the API gives it: its formats, how long it lasts, how parts of it become one.

use bytes::{Bytes, BytesMut};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save::Formats;
use openai_mcp_sound::mp3::Frames;
use openai_mcp_sound::wave::header;

/// Bytes of a second of `pcm`: 24 kHz, mono, 16 bits.
/// <https://platform.openai.com/docs/guides/text-to-speech#supported-output-formats>
const PCM_SECOND: f64 = 48_000.0;

/// The formats of speech, with the extensions of their files.
pub(crate) const FORMATS: Formats = &[
    ("mp3", &["mp3"]),
    ("opus", &["opus", "ogg", "oga"]),
    ("aac", &["aac"]),
    ("flac", &["flac"]),
    ("wav", &["wav"]),
    ("pcm", &["pcm", "raw"]),
];

#[shape(read)]
#[derive(Copy, PartialEq)]
pub(crate) enum Format {
    Mp3,
    Opus,
    Aac,
    Flac,
    Wav,
    Pcm,
}

impl Format {
    /// The name, which is the extension of a file as well.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Mp3 => "mp3",
            Format::Opus => "opus",
            Format::Aac => "aac",
            Format::Flac => "flac",
            Format::Wav => "wav",
            Format::Pcm => "pcm",
        }
    }

    /// Bytes of a second, at the most.
    pub(crate) fn rate(self) -> f64 {
        match self {
            Format::Opus => 8_000.0,
            Format::Mp3 | Format::Aac => 20_000.0,
            Format::Flac => 36_000.0,
            Format::Wav | Format::Pcm => 48_000.0,
        }
    }

    pub(crate) fn mime_type(self) -> &'static str {
        match self {
            Format::Mp3 => "audio/mpeg",
            Format::Opus => "audio/ogg",
            Format::Aac => "audio/aac",
            Format::Flac => "audio/flac",
            Format::Wav => "audio/wav",
            Format::Pcm => "audio/pcm",
        }
    }

    /// Whether parts can be joined without decoding them.
    pub(crate) fn joins(self) -> bool {
        matches!(self, Format::Mp3 | Format::Wav | Format::Pcm)
    }
}

/// Joins parts as they come, and measures them. A sound of one part stays as it is, byte for byte, unless it is WAV:
/// its header tells the length, which a stream does not know.
pub(crate) struct Joiner {
    format: Format,
    single: bool,
    frames: Frames,
    /// The parts so far, of WAV.
    parts: Vec<BytesMut>,
    bytes: u64,
    /// Seconds of the WAV that is finished.
    joined: f64,
}

impl Joiner {
    pub(crate) fn new(format: Format, parts: usize) -> Self {
        Joiner { format, single: parts <= 1, frames: Frames::default(), parts: Vec::new(), bytes: 0, joined: 0.0 }
    }

    pub(crate) fn next_part(&mut self) {
        self.frames.next_file();
        self.parts.push(BytesMut::new());
    }

    /// Takes a piece of the current part, and gives what can be written.
    pub(crate) fn push(&mut self, piece: Bytes) -> Bytes {
        self.bytes += piece.len() as u64;
        match self.format {
            Format::Wav => {
                if let Some(part) = self.parts.last_mut() {
                    part.extend_from_slice(&piece);
                }
                Bytes::new()
            }
            Format::Mp3 => {
                let frames = self.frames.push(&piece);
                if self.single { piece } else { frames.freeze() }
            }
            _ => piece,
        }
    }

    /// What is left to be written when all parts are through.
    ///
    /// # Errors
    /// The parts are not of one kind.
    pub(crate) fn finish(&mut self) -> Result<Bytes> {
        if self.format != Format::Wav {
            return Ok(Bytes::new());
        }
        let parts = std::mem::take(&mut self.parts);
        let waves: Option<Vec<Wave<'_>>> = parts.iter().map(|part| Wave::read(part)).collect();
        let Some(waves) = waves else {
            return match parts.into_iter().next().filter(|_| self.single) {
                Some(part) => Ok(part.freeze()),
                None => Err(Error::new(Kind::Answer, "a part of the sound is no WAV file")),
            };
        };
        self.joined = waves.iter().filter_map(Wave::seconds).sum();
        join(&waves)
    }

    /// Bytes that came in so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Seconds that came in so far, where the format tells.
    pub(crate) fn seconds(&self) -> Option<f64> {
        match self.format {
            Format::Pcm => Some(self.bytes as f64 / PCM_SECOND),
            Format::Mp3 => Some(self.frames.seconds),
            Format::Wav => {
                let parts = self.parts.iter().filter_map(|part| Wave::read(part)?.seconds());
                Some(self.joined + parts.sum::<f64>())
            }
            _ => None,
        }
    }
}

/// A WAV file: its `fmt ` chunk and its samples.
/// <http://soundfile.sapp.org/doc/WaveFormat/>
pub(crate) struct Wave<'a> {
    format: &'a [u8],
    samples: &'a [u8],
}

impl<'a> Wave<'a> {
    /// Reads a file. What a stream could not know, the length of its samples, is taken from what there is.
    pub(crate) fn read(file: &'a [u8]) -> Option<Self> {
        if file.get(..4)? != b"RIFF" || file.get(8..12)? != b"WAVE" {
            return None;
        }
        // Few chunks come before the samples, and this is read again with each piece of a stream.
        const CHUNKS: usize = 1000;
        let (mut rest, mut format) = (file.get(12..)?, None);
        for _ in 0..CHUNKS {
            let (name, length) = (rest.get(..4)?, rest.get(4..8)?.try_into().ok()?);
            let length = u32::from_le_bytes(length) as usize;
            let body = rest.get(8..)?;
            match name {
                b"data" => {
                    let samples = body.get(..length).filter(|_| length > 0).unwrap_or(body);
                    return Some(Wave { format: format?, samples });
                }
                b"fmt " => format = Some(body.get(..length).filter(|format| format.len() >= 16)?),
                _ => {}
            }
            rest = body.get(length.checked_add(length % 2)?..)?;
        }
        None
    }

    fn seconds(&self) -> Option<f64> {
        let rate = u32::from_le_bytes(self.format.get(8..12)?.try_into().ok()?);
        (rate > 0).then(|| self.samples.len() as f64 / f64::from(rate))
    }
}

fn join(waves: &[Wave<'_>]) -> Result<Bytes> {
    let Some(first) = waves.first() else { return Ok(Bytes::new()) };
    if waves.iter().any(|wave| wave.format != first.format) {
        return Err(Error::new(Kind::Answer, "the parts of the sound differ in their sample rate or channels"));
    }
    let length: usize = waves.iter().map(|wave| wave.samples.len()).sum();
    let mut file = header(first.format, length)?;
    for wave in waves {
        file.extend_from_slice(wave.samples);
    }
    Ok(file.freeze())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use openai_mcp_sound::wave::wav;

    use super::*;

    fn samples(file: &[u8]) -> Vec<i16> {
        hound::WavReader::new(file).unwrap().samples().map(|sample| sample.unwrap()).collect()
    }

    #[test]
    fn wav_files_are_joined_under_one_header() {
        // As a server streams it: with lengths that it did not know, and a chunk of its own.
        let mut streamed = wav([1, 2, 3], 24_000).unwrap().to_vec();
        streamed[4..8].fill(0xFF);
        streamed[40..44].fill(0xFF);
        streamed.splice(36..36, *b"LIST\x03\0\0\0abc\0");
        let mut joiner = Joiner::new(Format::Wav, 2);
        let whole: Vec<u8> = [streamed, wav([4, 5], 24_000).unwrap().to_vec()]
            .into_iter()
            .flat_map(|part| {
                joiner.next_part();
                part.chunks(5).flat_map(|chunk| joiner.push(Bytes::copy_from_slice(chunk))).collect::<Vec<u8>>()
            })
            .collect();
        assert!(whole.is_empty(), "the header is not known before the end");
        assert!((joiner.seconds().unwrap() - 5.0 / 24_000.0).abs() < 1e-9);
        assert_eq!(samples(&joiner.finish().unwrap()), [1, 2, 3, 4, 5]);
        assert!((joiner.seconds().unwrap() - 5.0 / 24_000.0).abs() < 1e-9);
    }

    #[test]
    fn parts_of_other_kinds_are_not_joined() {
        let files = [wav([1], 24_000).unwrap(), wav([1], 16_000).unwrap(), Bytes::from_static(b"nothing")];
        let files = [
            &files[..],
            &[Bytes::from([&b"RIFF\0\0\0\0WAVE"[..], &b"junk\0\0\0\0".repeat(2000), &files[0][12..]].concat())],
        ]
        .concat();
        for (other, problem) in [(1, "differ in their sample rate"), (2, "no WAV file"), (3, "no WAV file")] {
            let mut joiner = Joiner::new(Format::Wav, 2);
            for part in [&files[0], &files[other]] {
                joiner.next_part();
                joiner.push(part.clone());
            }
            let error = joiner.finish().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_sound_of_one_part_stays_as_it_is() {
        for format in [Format::Mp3, Format::Opus, Format::Aac, Format::Flac, Format::Wav, Format::Pcm] {
            let mut joiner = Joiner::new(format, 1);
            joiner.next_part();
            let out = [joiner.push(Bytes::from_static(b"any bytes")), joiner.finish().unwrap()].concat();
            assert_eq!(out, b"any bytes", "{}", format.name());
        }
    }
}
