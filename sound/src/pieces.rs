//! A long recording in pieces: decoded, cut where it is quiet, at the rate that is wanted.
//!
//! At any time one piece is held, and the file itself only where it lies on no disk. A file says nothing that is believed: before anything is paid
//! its packets are counted, and while it is decoded what comes out is.

use std::io::{self, ErrorKind, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use openai_mcp_kernel::files::Seekable;
use openai_mcp_kernel::prelude::*;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP3, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Broken;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};

use crate::resample::{Resampler, Weights};
use crate::wave;

/// Part of a second in which loudness is measured.
const WINDOWS_A_SECOND: usize = 50;
/// Longest stretch before the end of a piece in which a pause is looked for, in seconds.
const SEARCH: usize = 60;
/// Most pieces of a file, each of which is a request that is paid for.
const MOST: usize = 200;
/// Samples a second that there are, from telephones to studios.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// Most recordings in a row in one file. Each may need a decoder of its own, which takes some 20 ms to make.
const RECORDINGS: usize = 1000;
/// Most numbers in the tables of a Vorbis decoder. Those of encoders have some 200,000.
const TABLES: u64 = 4_000_000;
/// Most packets: of four billion samples there are fewer.
const PACKETS: usize = 8_000_000;
/// What is decoded before others have their turn: some hundredths of a second.
const TURN_SAMPLES: u64 = 2_000_000;
const TURN_PACKETS: usize = 20_000;
const TURN_TIME: Duration = Duration::from_millis(100);
/// Most time in which the packets of a file are counted, and in which it is decoded. The tables of MP4 can be such that
/// each packet is looked for among all before it. Where a clock stands still while a program works there is no MP4.
const COUNTING: Duration = Duration::from_secs(20);
const DECODING: Duration = Duration::from_secs(600);
/// Weights that are kept, of one rate each: MP3 has nine.
const KEPT: usize = 9;

/// What a machine can hold and do.
#[derive(Clone, Copy)]
struct Machine {
    /// Most seconds of a piece, of which five are in memory.
    seconds: usize,
    /// Most samples that are decoded, over all channels.
    samples: u64,
}

/// Of a file half a day of 48 kHz in stereo, a minute or two of work.
const SERVER: Machine = Machine { seconds: 780, samples: 4_000_000_000 };
/// An isolate of 128 MB, of which no call may take 30 s: of all files of a call an hour in stereo, or two in mono.
const WORKER: Machine = Machine { seconds: 240, samples: 350_000_000 };
/// Memory for files from which on a machine is no Worker.
const PLENTY: usize = 256 * 1024 * 1024;

/// The rate that speech models hear, in Hz.
const HEARD: u32 = 16_000;

/// How a recording is cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Most seconds of a piece.
    pub seconds: usize,
    /// Samples a second of the pieces: 16,000 by default, or fewer where the recording has fewer.
    pub rate: Option<u32>,
}

/// A piece of a recording.
pub struct Piece {
    /// What is heard, of one channel.
    pub samples: Vec<i16>,
    /// Samples a second.
    pub rate: u32,
    /// Where it begins, in seconds of the whole.
    pub start: f64,
    /// How long it is.
    pub seconds: f64,
}

impl Piece {
    /// As a WAV file.
    ///
    /// # Errors
    /// More than 4 GB.
    pub fn wav(&self) -> Result<Bytes> {
        wave::wav(&self.samples, self.rate)
    }
}

/// Cuts a recording.
pub struct Pieces {
    name: String,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    /// How many recordings have begun.
    recordings: usize,
    resampler: Option<Resampler>,
    weights: Vec<Weights>,
    /// What is decoded and not given yet.
    held: Vec<i16>,
    /// Samples given so far.
    given: u64,
    /// Samples that may still be decoded.
    left: u64,
    /// Most seconds of a piece.
    seconds: usize,
    /// Samples a second, if that is told.
    wanted: Option<u32>,
    /// Packets that were read.
    packets: usize,
    /// How long it took so far.
    time: Duration,
    /// Of the whole in seconds, as the file says.
    length: f64,
    ended: bool,
}

impl Pieces {
    /// Begins to cut a file, and adds to the `work` of the call.
    ///
    /// # Errors
    /// It is of a format that cannot be decoded here, or lasts too long: nothing is paid then.
    pub async fn begin(cx: &Context, file: &Seekable, cut: Cut, work: &AtomicU64) -> Result<Self> {
        let (file, watch) = (file.clone(), watch(cx));
        let machine = match work.load(Ordering::Relaxed) {
            done if cx.room() < PLENTY => Machine { samples: WORKER.samples.saturating_sub(done), ..WORKER },
            _ => SERVER,
        };
        let begin = move || caught(&file.filename, || Pieces::new(&file, cut, machine, watch()));
        let (pieces, samples) = cx.compute(begin).await??;
        work.fetch_add(samples, Ordering::Relaxed);
        Ok(pieces)
    }

    /// As [`Pieces::begin`], by a clock that has just begun, and how many samples there are.
    fn new(file: &Seekable, cut: Cut, machine: Machine, passed: impl Fn() -> Duration) -> Result<(Self, u64)> {
        let seconds = cut.seconds.min(machine.seconds);
        let refused = |problem: &dyn std::fmt::Display| {
            let (stem, extension) = file.filename.rsplit_once('.').unwrap_or((&file.filename, ""));
            let target = if extension == "mp3" { format!("{stem}-new.mp3") } else { format!("{stem}.mp3") };
            Error::new(
                Kind::File,
                format!(
                    "`{}` ({:.1} MB) has to be decoded, which is done for WAV and MP3, and where this server runs on a machine \
                     for FLAC, Ogg Vorbis, and AAC in M4A or MP4: \
                     {problem}\nhint: convert it, as with `ffmpeg -i {} -ac 1 -b:a 64k {}`",
                    file.filename,
                    file.length as f64 / 1e6,
                    quoted(&file.filename),
                    quoted(&target),
                ),
            )
        };
        let mut format = open(file).map_err(|error| refused(&error))?;
        decoder_of(format.as_ref()).map_err(|error| refused(&error))?;
        let length = length(format.as_mut(), machine, seconds, passed);
        let (length, samples) = length.map_err(|problem| problem.of(&file.filename, seconds))?;
        // From the beginning again.
        let format = open(file).map_err(|error| refused(&error))?;
        let (track, decoder) = decoder_of(format.as_ref()).map_err(|error| refused(&error))?;
        let pieces = Pieces {
            name: file.filename.clone(),
            format,
            decoder,
            track,
            recordings: 1,
            resampler: None,
            weights: Vec::new(),
            held: Vec::new(),
            given: 0,
            left: machine.samples,
            seconds,
            wanted: cut.rate,
            packets: 0,
            time: Duration::ZERO,
            length,
            ended: false,
        };
        Ok((pieces, samples))
    }

    /// How many pieces there will be, about.
    pub fn count(&self) -> usize {
        ((self.length / self.seconds as f64).ceil() as usize).max(1)
    }

    /// The next piece, and what gives those after it; `None` after the last.
    ///
    /// # Errors
    /// The file is broken, or lasts longer than it said.
    pub async fn next(mut self, cx: &Context) -> Result<Option<(Piece, Self)>> {
        loop {
            let watch = watch(cx);
            let turn = move || {
                let name = self.name.clone();
                let outcome = caught(&name, || self.turn(watch()));
                (self, outcome)
            };
            let (pieces, outcome) = cx.compute(turn).await?;
            match outcome? {
                Turn::Piece(piece) => return Ok(Some((piece, pieces))),
                Turn::End => return Ok(None),
                Turn::More => self = pieces,
            }
            // Where work is done on the thread that serves, others have their turn.
            pass().await;
        }
    }

    /// Decodes until a piece is whole, or for a while.
    fn turn(&mut self, passed: impl Fn() -> Duration) -> Result<Turn> {
        let (left, packets) = (self.left, self.packets);
        // A second more than a piece can hold is read, so that no scrap is left for the last.
        while !self.ended && self.held.len() <= (self.seconds + 1) * self.rate() {
            let time = passed();
            if time > TURN_TIME || left - self.left > TURN_SAMPLES || self.packets - packets > TURN_PACKETS {
                self.time += time;
                return if self.time > DECODING {
                    Err(Problem::Much.of(&self.name, self.seconds))
                } else {
                    Ok(Turn::More)
                };
            }
            self.decode()?;
        }
        if self.held.is_empty() {
            return Ok(Turn::End);
        }
        let rate = self.rate();
        if self.given > (MOST * self.seconds * rate) as u64 {
            return Err(Problem::Long.of(&self.name, self.seconds));
        }
        let end = match self.held.len() <= self.seconds * rate {
            true => self.held.len(),
            false => quiet(&self.held, rate, self.seconds * rate),
        };
        let samples = self.held.drain(..end).collect();
        let start = self.given as f64 / rate as f64;
        self.given += end as u64;
        Ok(Turn::Piece(Piece { samples, rate: rate as u32, start, seconds: end as f64 / rate as f64 }))
    }

    /// Samples a second; some number before the first is decoded.
    fn rate(&self) -> usize {
        self.resampler.as_ref().map_or(self.wanted.unwrap_or(HEARD), |resampler| resampler.by.rate) as usize
    }

    /// Decodes the next packet.
    fn decode(&mut self) -> Result<()> {
        let broken = |error: Broken| undecodable(&self.name, &error);
        let mut packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            // Another stream begins, as where a radio station's next programme was recorded too.
            Err(Broken::ResetRequired) => {
                self.recordings += 1;
                if self.recordings > RECORDINGS {
                    return Err(Problem::Much.of(&self.name, self.seconds));
                }
                (self.track, self.decoder) = decoder_of(self.format.as_ref()).map_err(broken)?;
                return Ok(());
            }
            Ok(None) => return self.finish(),
            // A recording that was broken off is as long as it is.
            Err(Broken::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => return self.finish(),
            Err(error) => return Err(broken(error)),
        };
        self.packets += 1;
        if self.packets > PACKETS {
            return Err(Problem::Much.of(&self.name, self.seconds));
        }
        if packet.track_id != self.track {
            return Ok(());
        }
        // What comes after the end that an MP3 file's first frame tells of is sound as well: files were put in a row.
        if packet.trim_end >= packet.dur {
            packet.trim_end = Default::default();
        }
        let has_decoded = self.resampler.is_some();
        let is_mp3 = self.decoder.codec_params().codec == CODEC_ID_MP3;
        let sound = match self.decoder.decode(&packet) {
            Ok(sound) => sound,
            // A decoder of MP3 that keeps to the rate and channels it began with takes others for damage. What a new one
            // cannot decode either is damaged, and passed over, as players do; it may seem to end too soon, or, where
            // others were decoded, to be of a kind that is not.
            Err(error) if is_mp3 && is_damage(&error, has_decoded) => {
                (_, self.decoder) = decoder_of(self.format.as_ref()).map_err(broken)?;
                match self.decoder.decode(&packet) {
                    Ok(sound) => sound,
                    Err(error) if is_damage(&error, has_decoded) => return Ok(()),
                    Err(error) => return Err(broken(error)),
                }
            }
            Err(error) if is_damage(&error, has_decoded) => return Ok(()),
            Err(error) => return Err(broken(error)),
        };
        let rate = sound.spec().rate();
        let channels = sound.spec().channels().count().max(1);
        check(rate).map_err(|problem| undecodable(&self.name, &problem))?;
        let mut samples: Vec<f32> = Vec::new();
        sound.copy_to_vec_interleaved(&mut samples);
        self.left = match self.left.checked_sub(samples.len() as u64) {
            Some(left) => left,
            None => return Err(Problem::Much.of(&self.name, self.seconds)),
        };
        let mono: Vec<f32> =
            samples.chunks(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
        let resampler = match self.resampler.take() {
            Some(resampler) if resampler.by.from == rate => resampler,
            Some(mut before) => {
                before.finish(&mut self.held);
                Resampler::new(self.weights(rate, before.by.rate))
            }
            None => Resampler::new(self.weights(rate, self.wanted.unwrap_or(HEARD.min(rate)))),
        };
        self.resampler.insert(resampler).push(&mono, &mut self.held);
        Ok(())
    }

    /// Weights between two rates. Those of the latest are kept: they take a millisecond, and the rate may change with
    /// each packet.
    fn weights(&mut self, from: u32, rate: u32) -> Weights {
        if let Some(known) = self.weights.iter().find(|known| known.from == from && known.rate == rate) {
            return known.clone();
        }
        if self.weights.len() == KEPT {
            self.weights.remove(0);
        }
        let weights = Weights::new(from, rate);
        self.weights.push(weights.clone());
        weights
    }

    fn finish(&mut self) -> Result<()> {
        self.ended = true;
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(&mut self.held);
        }
        Ok(())
    }
}

/// What came of decoding for a while.
enum Turn {
    Piece(Piece),
    More,
    End,
}

/// Why a file is not cut.
enum Problem {
    /// It would make too many pieces.
    Long,
    /// It takes more work than is done.
    Much,
}

impl Problem {
    fn of(self, name: &str, seconds: usize) -> Error {
        let text = match self {
            Problem::Long => format!(
                "`{name}` lasts longer than the {MOST} pieces of {seconds} s that are made of a file, each a request\n\
                 hint: cut it beforehand, or into longer pieces"
            ),
            Problem::Much => format!("`{name}` holds more sound than is decoded here\nhint: cut it beforehand"),
        };
        Error::new(Kind::File, text)
    }
}

/// How long a file says that it lasts, in seconds, and how many samples it has. Its packets are counted, none is decoded; where it is broken is told
/// by who decodes it.
fn length(
    format: &mut dyn FormatReader,
    machine: Machine,
    seconds: usize,
    passed: impl Fn() -> Duration,
) -> Result<(f64, u64), Problem> {
    let (mut length, mut samples) = (0.0, 0.0);
    let (mut packets, mut recordings) = (0, 1);
    let mut of = extent(format);
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Err(Broken::ResetRequired) => {
                recordings += 1;
                if recordings > RECORDINGS {
                    return Err(Problem::Much);
                }
                of = extent(format);
                continue;
            }
            Ok(None) | Err(_) => return Ok((length, samples as u64)),
        };
        packets += 1;
        if let Some((track, unit, density)) = of
            && packet.track_id == track
        {
            let time = packet.dur.get() as f64 * unit;
            length += time;
            samples += time * density;
        }
        if length > (MOST * seconds) as f64 {
            return Err(Problem::Long);
        }
        if packets > PACKETS || samples > machine.samples as f64 || passed() > COUNTING {
            return Err(Problem::Much);
        }
    }
}

/// The first track of sound, how many seconds its unit of time is, and how many samples a second has.
fn extent(format: &dyn FormatReader) -> Option<(u32, f64, f64)> {
    let (track, parameters) = audio(format).ok()?;
    let rate = f64::from(parameters.sample_rate.unwrap_or(HEARD));
    let unit = track.time_base.map_or(1.0 / rate, |base| f64::from(base.numer.get()) / f64::from(base.denom.get()));
    Some((track.id, unit, rate * parameters.channels.as_ref().map_or(2, |channels| channels.count()) as f64))
}

/// A file, and where in it is read next.
struct Reader(Seekable, u64);

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read_at(buffer, self.1)?;
        self.1 += count as u64;
        Ok(count)
    }
}

impl io::Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.0.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.1.checked_add_signed(by),
        };
        self.1 = at.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.1)
    }
}

impl MediaSource for Reader {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.0.length)
    }
}

fn open(file: &Seekable) -> Result<Box<dyn FormatReader>, Broken> {
    let stream = MediaSourceStream::new(Box::new(Reader(file.clone(), 0)), Default::default());
    let mut hint = Hint::new();
    if let Some((_, extension)) = file.filename.rsplit_once('.') {
        hint.with_extension(extension);
    }
    symphonia::default::get_probe().probe(&hint, stream, Default::default(), Default::default())
}

fn undecodable(name: &str, problem: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::File, format!("`{name}` could not be decoded: {problem}"))
}

/// Decodes, and lives to tell of it: symphonia 0.6.1 panics on some broken files, in symphonia-format-ogg
/// (`lookup1_values` of `mappings/vorbis.rs`, whose assertion overflows), in symphonia-codec-vorbis (`floor.rs`) and in
/// symphonia-core (`media_source_stream.rs`). What was transcribed before is not lost with it.
fn caught<T>(name: &str, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(undecodable(name, &"its decoder failed")))
}

/// Whether an error is about one packet alone.
fn is_damage(error: &Broken, has_decoded: bool) -> bool {
    match error {
        Broken::DecodeError(_) | Broken::IoError(_) => true,
        Broken::Unsupported(_) => has_decoded,
        _ => false,
    }
}

/// The first track of sound.
fn audio(format: &dyn FormatReader) -> Result<(&Track, &AudioCodecParameters), Broken> {
    let track = format.default_track(TrackType::Audio).ok_or(Broken::Unsupported("there is no sound"))?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    Ok((track, parameters.ok_or(Broken::Unsupported("an unknown codec"))?))
}

/// The first track of sound, and what decodes it.
fn decoder_of(format: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), Broken> {
    let (track, parameters) = audio(format)?;
    parameters.sample_rate.map_or(Ok(()), check).map_err(Broken::Unsupported)?;
    if parameters.codec == CODEC_ID_VORBIS && tables(parameters.extra_data.as_deref().unwrap_or_default()) > TABLES {
        return Err(Broken::Unsupported("its Vorbis tables are too large"));
    }
    let codecs = symphonia::default::get_codecs();
    Ok((track.id, codecs.make_audio_decoder(parameters, &AudioDecoderOptions::default())?))
}

/// Refuses a rate from which more would come than anybody hears, or nothing.
fn check(rate: u32) -> Result<(), &'static str> {
    if RATES.contains(&rate) { Ok(()) } else { Err("expected 4,000 to 384,000 samples a second") }
}

/// How many numbers a decoder makes of the headers of a Vorbis stream, at the most: a codebook of 21 bytes can ask for
/// four million, and there can be 256. Codebooks begin with a word of 24 bits, anywhere among the bits; 16 bits of
/// dimensions and 24 of entries follow, and an entry takes room for eight numbers besides.
/// <https://xiph.org/vorbis/doc/Vorbis_I_spec.html#x1-470003>
fn tables(headers: &[u8]) -> u64 {
    const SYNC: u64 = 0x56_4342;
    let (mut bits, mut sum) = (0u128, 0u64);
    for byte in headers {
        bits = bits >> 8 | u128::from(*byte) << 64;
        for shift in 0..8 {
            let word = (bits >> shift) as u64;
            if word & 0xFF_FFFF == SYNC {
                sum = sum.saturating_add((word >> 40) * ((word >> 24 & 0xFFFF) + 8));
            }
        }
    }
    sum
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

/// Makes clocks that begin when they are made.
fn watch(cx: &Context) -> impl Fn() -> Box<dyn Fn() -> Duration> + Send + 'static {
    let cx = cx.clone();
    move || {
        let (cx, begun) = (cx.clone(), cx.monotonic());
        Box::new(move || cx.monotonic().saturating_sub(begun))
    }
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

    use openai_mcp_kernel::files::Read;

    use super::*;

    const TEN: Cut = Cut { seconds: 10, rate: None };

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

    fn read(name: &str, bytes: Bytes) -> Seekable {
        Read { filename: name.into(), mime_type: "audio/wav".into(), bytes }.into()
    }

    fn cut(file: &Seekable, seconds: usize) -> Vec<Piece> {
        let mut pieces = Some(Pieces::new(file, Cut { seconds, rate: None }, SERVER, Duration::default).unwrap().0);
        let piece = || loop {
            match pieces.as_mut()?.turn(Duration::default).unwrap() {
                Turn::Piece(piece) => return Some(piece),
                Turn::More => {}
                Turn::End => pieces = None,
            }
        };
        std::iter::from_fn(piece).collect()
    }

    #[test]
    fn pieces_are_the_whole_cut_in_the_longest_pauses() {
        for (rate, hush) in [(16_000, 100_000), (16_000, 10), (44_100, 20), (8_000, 100_000)] {
            let file = read("a.wav", wave::wav(recording(rate, 65, hush), rate).unwrap());
            let pieces = cut(&file, 20);
            assert!((4..=5).contains(&pieces.len()), "{rate}: {} pieces", pieces.len());
            let mut expected = 0.0;
            for piece in &pieces {
                assert!((piece.start - expected).abs() < 1e-6 && piece.seconds <= 20.0, "{rate}: {}", piece.start);
                expected += piece.seconds;
                let header = hound::WavReader::new(std::io::Cursor::new(piece.wav().unwrap())).unwrap();
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
        ("tones.flac", include_bytes!("../../servers/openai-audio-mcp/tests/sounds/tones.flac")),
        ("tones.m4a", include_bytes!("../../servers/openai-audio-mcp/tests/sounds/tones.m4a")),
        ("tones.mp3", include_bytes!("../../servers/openai-audio-mcp/tests/sounds/tones.mp3")),
        ("tones.mp4", include_bytes!("../../servers/openai-audio-mcp/tests/sounds/tones.mp4")),
        ("tones.ogg", include_bytes!("../../servers/openai-audio-mcp/tests/sounds/tones.ogg")),
    ];

    #[test]
    fn every_format_that_is_promised_is_cut() {
        for (name, bytes) in TONES {
            let pieces = cut(&read(name, Bytes::from_static(bytes)), 2);
            assert_eq!(pieces.len(), 3, "{name}");
            let (mut samples, mut rate) = (Vec::new(), 0);
            for piece in &pieces {
                let mut wav = hound::WavReader::new(std::io::Cursor::new(piece.wav().unwrap())).unwrap();
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
        let slower = include_bytes!("../../servers/openai-audio-mcp/tests/sounds/tones-8k.mp3");
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
            let pieces = cut(&read("a.wav", wave::wav(&samples, 16_000).unwrap()), 10);
            let shortest = pieces.iter().map(|piece| piece.seconds).fold(f64::INFINITY, f64::min);
            assert!(shortest >= 0.5, "{tenth}: {shortest}");
        }
    }

    #[test]
    fn what_cannot_be_cut_says_what_can() {
        for bytes in [Bytes::from_static(b"\x1A\x45\xDF\xA3 a film"), Bytes::new()] {
            let error = Pieces::new(&read("talk.webm", bytes), TEN, SERVER, Duration::default)
                .err()
                .expect("not decoded")
                .to_string();
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
            let error = Pieces::new(&read(name, Bytes::new()), TEN, SERVER, Duration::default)
                .err()
                .expect("not decoded")
                .to_string();
            assert!(error.ends_with(&format!("`ffmpeg -i {command}")), "{error}");
        }
    }
}
