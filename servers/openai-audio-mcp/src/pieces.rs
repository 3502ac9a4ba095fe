//! A long recording in pieces: decoded, cut where it is quiet, and encoded anew as WAV of 16 kHz.
//!
//! At any time one piece is held, besides the file itself.

use std::io::{Cursor, ErrorKind};
use std::task::Poll;

use bytes::Bytes;
use openai_mcp_kernel::context::Read;
use openai_mcp_kernel::prelude::*;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Broken;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;

use crate::resample::Resampler;
use crate::sound;

/// Part of a second in which loudness is measured.
const WINDOWS_A_SECOND: usize = 50;
/// Longest stretch before the end of a piece in which a pause is looked for, in seconds.
const SEARCH: usize = 60;

/// A piece of a recording.
pub(crate) struct Piece {
    /// A WAV file.
    pub(crate) wav: Bytes,
    /// Where it begins, in seconds of the whole.
    pub(crate) start: f64,
    /// How long it is.
    pub(crate) seconds: f64,
}

/// Cuts a recording.
pub(crate) struct Pieces {
    name: String,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    resampler: Option<Resampler>,
    /// What is decoded and not given yet.
    held: Vec<i16>,
    /// Samples given so far.
    given: u64,
    seconds: usize,
    ended: bool,
}

impl Pieces {
    /// Begins to cut a file into pieces of at most `seconds`.
    ///
    /// # Errors
    /// It is of a format that cannot be decoded here.
    pub(crate) fn new(file: &Read, seconds: usize) -> Result<Self> {
        let refused = |problem: &dyn std::fmt::Display| {
            let (stem, extension) = file.filename.rsplit_once('.').unwrap_or((&file.filename, ""));
            let target = if extension == "mp3" { format!("{stem}-new.mp3") } else { format!("{stem}.mp3") };
            Error::new(
                Kind::File,
                format!(
                    "`{}` ({:.1} MB) has to be cut, which is done for WAV and MP3, and where this server runs on a machine \
                     for FLAC, Ogg Vorbis, and AAC in M4A or MP4: \
                     {problem}\nhint: convert it, as with `ffmpeg -i {} -ac 1 -b:a 64k {}`",
                    file.filename,
                    file.bytes.len() as f64 / 1e6,
                    quoted(&file.filename),
                    quoted(&target),
                ),
            )
        };
        let stream = MediaSourceStream::new(Box::new(Cursor::new(file.bytes.clone())), Default::default());
        let mut hint = Hint::new();
        if let Some((_, extension)) = file.filename.rsplit_once('.') {
            hint.with_extension(extension);
        }
        let format = symphonia::default::get_probe().probe(&hint, stream, Default::default(), Default::default());
        let format = format.map_err(|error| refused(&error))?;
        let (track, decoder) = decoder_of(format.as_ref()).map_err(|error| refused(&error))?;
        let name = file.filename.clone();
        Ok(Pieces { name, format, decoder, track, resampler: None, held: Vec::new(), given: 0, seconds, ended: false })
    }

    /// The next piece; `None` after the last.
    ///
    /// # Errors
    /// The file is broken.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>> {
        let mut since = 0;
        // A second more than a piece can hold is read, so that no scrap is left for the last.
        while !self.ended && self.held.len() <= (self.seconds + 1) * self.rate() {
            let before = self.held.len();
            self.decode()?;
            since += self.held.len() - before;
            // Others are served by the same thread.
            if since > self.rate() {
                since = 0;
                pass().await;
            }
        }
        if self.held.is_empty() {
            return Ok(None);
        }
        let rate = self.rate();
        let end = match self.held.len() <= self.seconds * rate {
            true => self.held.len(),
            false => quiet(&self.held, rate, self.seconds * rate),
        };
        let wav = sound::wav(self.held.get(..end).unwrap_or_default(), rate as u32)?;
        self.held.drain(..end);
        let start = self.given as f64 / rate as f64;
        self.given += end as u64;
        Ok(Some(Piece { wav, start, seconds: end as f64 / rate as f64 }))
    }

    /// Samples a second; some number before the first is decoded.
    fn rate(&self) -> usize {
        self.resampler.as_ref().map_or(16_000, |resampler| resampler.rate as usize)
    }

    /// Decodes the next packet.
    fn decode(&mut self) -> Result<()> {
        let broken = |error: Broken| Error::new(Kind::File, format!("`{}` could not be decoded: {error}", self.name));
        let mut packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            // Another stream begins, as where a radio station's next programme was recorded too.
            Err(Broken::ResetRequired) => {
                (self.track, self.decoder) = decoder_of(self.format.as_ref()).map_err(broken)?;
                return Ok(());
            }
            Ok(None) => return self.finish(),
            // A recording that was broken off is as long as it is.
            Err(Broken::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => return self.finish(),
            Err(error) => return Err(broken(error)),
        };
        if packet.track_id != self.track {
            return Ok(());
        }
        // What comes after the end that an MP3 file's first frame tells of is sound as well: files were put in a row.
        if packet.trim_end >= packet.dur {
            packet.trim_end = Default::default();
        }
        let sound = match self.decoder.decode(&packet) {
            Ok(sound) => sound,
            // A decoder that keeps to the rate and channels it began with takes others for damage. What a new one cannot
            // decode either is damaged, and passed over, as players do; it may seem to end too soon, or, where others were
            // decoded, to be of a kind that is not.
            Err(error) if is_damage(&error, self.resampler.is_some()) => {
                (_, self.decoder) = decoder_of(self.format.as_ref()).map_err(broken)?;
                match self.decoder.decode(&packet) {
                    Ok(sound) => sound,
                    Err(error) if is_damage(&error, self.resampler.is_some()) => return Ok(()),
                    Err(error) => return Err(broken(error)),
                }
            }
            Err(error) => return Err(broken(error)),
        };
        let rate = sound.spec().rate();
        let channels = sound.spec().channels().count().max(1);
        let mut samples: Vec<f32> = Vec::new();
        sound.copy_to_vec_interleaved(&mut samples);
        let mono: Vec<f32> =
            samples.chunks(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
        let resampler = match self.resampler.take() {
            Some(resampler) if resampler.from == rate => resampler,
            Some(mut before) => {
                before.finish(&mut self.held);
                Resampler::to(rate, before.rate)
            }
            None => Resampler::new(rate),
        };
        self.resampler.insert(resampler).push(&mono, &mut self.held);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.ended = true;
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(&mut self.held);
        }
        Ok(())
    }
}

/// Whether an error is about one packet alone.
fn is_damage(error: &Broken, has_decoded: bool) -> bool {
    match error {
        Broken::DecodeError(_) | Broken::IoError(_) => true,
        Broken::Unsupported(_) => has_decoded,
        _ => false,
    }
}

/// The first track of sound, and what decodes it.
fn decoder_of(format: &dyn FormatReader) -> std::result::Result<(u32, Box<dyn AudioDecoder>), Broken> {
    let track = format.default_track(TrackType::Audio).ok_or(Broken::Unsupported("there is no sound"))?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or(Broken::Unsupported("an unknown codec"))?;
    let codecs = symphonia::default::get_codecs();
    Ok((track.id, codecs.make_audio_decoder(parameters, &AudioDecoderOptions::default())?))
}

/// Where to cut at most `most` samples: in the middle of the longest pause near the end.
///
/// A pause is where it is not much louder than where it is quietest, so it is found in a noisy room as well.
fn quiet(samples: &[i16], rate: usize, most: usize) -> usize {
    let window = (rate / WINDOWS_A_SECOND).max(1);
    // Half a second at least is left over.
    let end = most.min(samples.len().saturating_sub(rate / 2));
    let start = end.saturating_sub((end / 3).min(SEARCH * rate));
    let searched = samples.get(start..end).unwrap_or_default();
    let loudness: Vec<f64> = searched
        .chunks_exact(window)
        .map(|window| window.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / window.len() as f64)
        .collect();
    let floor = loudness.iter().copied().fold(f64::INFINITY, f64::min);
    // Four times the power, and never less than what 16 bits make of silence.
    let threshold = (floor * 4.0).max(100.0);
    let (mut best, mut run) = (0..0, 0..0);
    for (index, loud) in loudness.iter().enumerate() {
        run = if *loud <= threshold { run.start..index + 1 } else { index + 1..index + 1 };
        if run.len() >= best.len() {
            best = run.clone();
        }
    }
    if best.is_empty() {
        return end;
    }
    start + (best.start + best.end) * window / 2
}

/// A file's name as a word of a shell: callers copy the command, and others choose the names.
fn quoted(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    if name.bytes().all(plain) && !name.starts_with('-') {
        return name.to_owned();
    }
    format!("'./{}'", name.replace('\'', r"'\''"))
}

/// Lets others run.
async fn pass() {
    let mut passed = false;
    std::future::poll_fn(|cx| {
        if passed {
            return Poll::Ready(());
        }
        passed = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

    use futures_executor::block_on;

    use super::*;

    /// Noise with pauses that are quieter by a factor: bursts of a second, and pauses of which every fourth is longer.
    fn recording(rate: u32, seconds: usize, hush: i32) -> Vec<i16> {
        let mut state = 1u32;
        (0..seconds * rate as usize)
            .map(|n| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 16) as i32 % 8000 - 4000;
                let (second, part) = (n / rate as usize, n % rate as usize * 10 / rate as usize);
                let pause = if second % 4 == 3 { part >= 4 } else { part >= 8 };
                (if pause { noise / hush } else { noise }) as i16
            })
            .collect()
    }

    fn read(name: &str, bytes: Bytes) -> Read {
        Read { filename: name.into(), mime_type: "audio/wav".into(), bytes }
    }

    fn cut(file: &Read, seconds: usize) -> Vec<Piece> {
        let mut pieces = Pieces::new(file, seconds).unwrap();
        std::iter::from_fn(|| block_on(pieces.next()).unwrap()).collect()
    }

    #[test]
    fn pieces_are_the_whole_cut_in_the_longest_pauses() {
        for (rate, hush) in [(16_000, 100_000), (16_000, 10), (44_100, 20), (8_000, 100_000)] {
            let file = read("a.wav", sound::wav(&recording(rate, 65, hush), rate).unwrap());
            let pieces = cut(&file, 20);
            assert!((4..=5).contains(&pieces.len()), "{rate}: {} pieces", pieces.len());
            let mut expected = 0.0;
            for piece in &pieces {
                assert!((piece.start - expected).abs() < 1e-6 && piece.seconds <= 20.0, "{rate}: {}", piece.start);
                expected += piece.seconds;
                let header = hound::WavReader::new(piece.wav.as_ref()).unwrap();
                assert_eq!(header.spec().sample_rate, rate.min(16_000));
                assert_eq!(f64::from(header.duration()) / f64::from(header.spec().sample_rate), piece.seconds);
            }
            assert!((expected - 65.0).abs() < 0.001, "{rate}: {expected}");
            for piece in &pieces[1..] {
                let (second, part) = (piece.start as usize, piece.start.fract());
                assert!(second % 4 == 3 && (0.4..1.0).contains(&part), "{rate}: cut at {}", piece.start);
            }
        }
    }

    /// Four tones of 0.6 s, one a second, as common encoders write them; the MP4 is in fragments.
    const TONES: [(&str, &[u8]); 5] = [
        ("tones.flac", include_bytes!("../tests/sounds/tones.flac")),
        ("tones.m4a", include_bytes!("../tests/sounds/tones.m4a")),
        ("tones.mp3", include_bytes!("../tests/sounds/tones.mp3")),
        ("tones.mp4", include_bytes!("../tests/sounds/tones.mp4")),
        ("tones.ogg", include_bytes!("../tests/sounds/tones.ogg")),
    ];

    #[test]
    fn every_format_that_is_promised_is_cut() {
        for (name, bytes) in TONES {
            let pieces = cut(&read(name, Bytes::from_static(bytes)), 2);
            assert_eq!(pieces.len(), 3, "{name}");
            let (mut samples, mut rate) = (Vec::new(), 0);
            for piece in &pieces {
                let mut wav = hound::WavReader::new(piece.wav.as_ref()).unwrap();
                rate = wav.spec().sample_rate as usize;
                assert_eq!((piece.start * rate as f64).round(), samples.len() as f64, "{name}: at {}", piece.start);
                samples.extend(wav.samples::<i16>().map(|sample| sample.unwrap()));
            }
            let seconds = samples.len() as f64 / rate as f64;
            assert!((4.0..4.2).contains(&seconds), "{name}: {seconds} s");
            let loud: Vec<bool> =
                samples.chunks(rate / 100).map(|part| part.iter().any(|it| it.unsigned_abs() > 1500)).collect();
            for piece in &pieces[1..] {
                assert!(!loud[(piece.start * 100.0) as usize], "{name}: cut in a tone, at {}", piece.start);
            }
            // AAC comes late by what its encoder puts before the sound, a frame of 1,024 samples.
            for second in 0..4 {
                let begins = (second * 100..).find(|at| loud[*at]).unwrap() - second * 100;
                let ends = (second * 100 + 30..).find(|at| !loud[*at]).unwrap() - second * 100;
                assert!(begins <= 8 && (57..=70).contains(&ends), "{name}: {second}: {begins} to {ends}");
            }
        }
    }

    #[test]
    fn files_that_were_put_in_a_row_are_cut_to_the_end() {
        let tones = |name: &str| TONES.iter().find(|(known, _)| *known == name).unwrap().1;
        for name in ["tones.mp3", "tones.ogg"] {
            let pieces = cut(&read(name, [tones(name), tones(name)].concat().into()), 3);
            let seconds: f64 = pieces.iter().map(|piece| piece.seconds).sum();
            assert!((8.0..8.3).contains(&seconds), "{name}: {seconds} s");
        }
        // A file of one rate and a file of another, both without what tells of the whole.
        let frames = |file: &[u8]| {
            let mut frames = crate::mp3::Frames::default();
            frames.push(file).to_vec()
        };
        let slower = include_bytes!("../tests/sounds/tones-8k.mp3");
        for [one, other] in [[tones("tones.mp3"), slower], [slower, tones("tones.mp3")]] {
            let pieces = cut(&read("a.mp3", [frames(one), frames(other)].concat().into()), 3);
            let seconds: f64 = pieces.iter().map(|piece| piece.seconds).sum();
            assert!((8.0..8.5).contains(&seconds), "{seconds} s");
        }
    }

    #[test]
    fn what_is_damaged_is_passed_over() {
        // In so short a file all of Ogg's sound is in one page, whose check fails.
        for (name, bytes) in TONES.iter().filter(|(name, _)| !name.ends_with("ogg")) {
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            for at in (middle..middle + 1000).step_by(16) {
                bytes[at] ^= 0xFF;
            }
            let pieces = cut(&read(name, bytes.into()), 2);
            let seconds: f64 = pieces.iter().map(|piece| piece.seconds).sum();
            assert!((1.5..4.2).contains(&seconds), "{name}: {seconds} s");
        }
    }

    #[test]
    fn no_scrap_is_left_for_the_last() {
        for tenth in 0..12 {
            let samples = vec![3000; 16_000 * 20 + 1600 * tenth];
            let pieces = cut(&read("a.wav", sound::wav(&samples, 16_000).unwrap()), 10);
            let shortest = pieces.iter().map(|piece| piece.seconds).fold(f64::INFINITY, f64::min);
            assert!(shortest >= 0.5, "{tenth}: {shortest}");
        }
    }

    #[test]
    fn what_cannot_be_cut_says_what_can() {
        for bytes in [Bytes::from_static(b"\x1A\x45\xDF\xA3 a film"), Bytes::new()] {
            let error = Pieces::new(&read("talk.webm", bytes), 10).err().expect("not decoded").to_string();
            assert!(error.contains("`talk.webm`") && error.contains("WAV and MP3"), "{error}");
            assert!(
                error.contains("hint: convert it, as with `ffmpeg -i talk.webm -ac 1 -b:a 64k talk.mp3`"),
                "{error}"
            );
        }
        let rows = [
            ("a.mp3", "a.mp3 -ac 1 -b:a 64k a-new.mp3`"),
            ("my talk.webm", "'./my talk.webm' -ac 1 -b:a 64k './my talk.mp3'`"),
            ("$(x)'.webm", r"'./$(x)'\''.webm' -ac 1 -b:a 64k './$(x)'\''.mp3'`"),
            ("-y.webm", "'./-y.webm' -ac 1 -b:a 64k './-y.mp3'`"),
        ];
        for (name, command) in rows {
            let error = Pieces::new(&read(name, Bytes::new()), 10).err().expect("not decoded").to_string();
            assert!(error.ends_with(&format!("`ffmpeg -i {command}")), "{error}");
        }
    }
}
