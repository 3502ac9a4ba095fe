//! The ears of the sandbox: sound between pauses is a word, told by its pitch; what is loud in another way is another voice.

use std::io::Cursor;

use bytes::Bytes;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error as Broken;
use symphonia::core::formats::TrackType;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::MediaSourceStream;

use crate::sound::{LEVELS, word_at};

/// What is below is silence, of 1.
const SILENCE: f32 = 0.02;
/// Measures of loudness in a second.
const WINDOWS: usize = 200;
/// Windows of silence that do not end a word.
const GAP: usize = 6;
/// Seconds of silence between sentences.
const PAUSE: f64 = 0.3;

/// What is heard in a recording.
#[derive(Default)]
pub struct Heard {
    /// Length of the recording, in seconds.
    pub duration: f64,
    /// The words, in their order.
    pub words: Vec<Word>,
}

/// A word that was heard.
pub struct Word {
    /// The word.
    pub text: &'static str,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
    /// Whose it is, counted from 0.
    pub voice: usize,
}

/// Words without a long pause between them, by one voice.
pub struct Sentence {
    /// The words, with a capital and a full stop.
    pub text: String,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
    /// Whose it is, counted from 0.
    pub voice: usize,
}

impl Heard {
    /// The words in sentences.
    pub fn sentences(&self) -> Vec<Sentence> {
        let mut sentences: Vec<Sentence> = Vec::new();
        for word in &self.words {
            match sentences.last_mut() {
                Some(sentence) if word.start - sentence.end < PAUSE && word.voice == sentence.voice => {
                    sentence.text = format!("{} {}", sentence.text, word.text);
                    sentence.end = word.end;
                }
                _ => {
                    let mut text = word.text.to_owned();
                    if let Some(first) = text.get_mut(..1) {
                        first.make_ascii_uppercase();
                    }
                    sentences.push(Sentence { text, start: word.start, end: word.end, voice: word.voice });
                }
            }
        }
        sentences.iter_mut().for_each(|sentence| sentence.text.push('.'));
        sentences
    }

    /// All that was said.
    pub fn text(&self) -> String {
        self.sentences().into_iter().map(|sentence| sentence.text).collect::<Vec<_>>().join(" ")
    }
}

/// Why a recording is not understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Unheard {
    /// It is no sound, or not whole.
    Broken,
    /// It may be sound, in a format that only the sandbox does not decode.
    Undecoded(&'static str),
}

/// Listens to a recording, of a file with this extension.
///
/// # Errors
/// It is not understood.
pub fn hear(bytes: Bytes, extension: &str) -> Result<Heard, Unheard> {
    let undecoded = undecoded(&bytes);
    let Some((samples, rate)) = decode(bytes, extension) else {
        return Err(undecoded.map_or(Unheard::Broken, Unheard::Undecoded));
    };
    let window = (rate / WINDOWS).max(1);
    let loud: Vec<bool> = samples.chunks(window).map(|window| level(window) > SILENCE).collect();
    let mut bursts: Vec<(usize, usize)> = Vec::new();
    for (at, _) in loud.iter().enumerate().filter(|(_, loud)| **loud) {
        match bursts.last_mut() {
            Some((_, end)) if at - *end <= GAP => *end = at + 1,
            _ => bursts.push((at, at + 1)),
        }
    }
    let seconds = |at: usize| (at.min(samples.len()) as f64 / rate as f64 * 1000.0).round() / 1000.0;
    let word = |(start, end): (usize, usize)| {
        let (start, end) = (start * window, (end * window).min(samples.len()));
        let sound = samples.get(start..end).unwrap_or_default();
        // Where it swells and fades it tells less.
        let inner = sound.get(sound.len() / 5..sound.len() - sound.len() / 5).unwrap_or_default();
        Word { text: name(inner, rate), start: seconds(start), end: seconds(end), voice: voice(inner) }
    };
    Ok(Heard { duration: seconds(samples.len()), words: bursts.into_iter().map(word).collect() })
}

fn level(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

/// The word whose pitch is nearest.
fn name(sound: &[f32], rate: usize) -> &'static str {
    let crossings: Vec<f64> = sound
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| match pair {
            [before, after] if *before < 0.0 && *after >= 0.0 => Some(at as f64 + f64::from(before / (before - after))),
            _ => None,
        })
        .collect();
    let hertz = match (crossings.first(), crossings.last()) {
        (Some(first), Some(last)) if last > first => (crossings.len() - 1) as f64 * rate as f64 / (last - first),
        _ => 0.0,
    };
    word_at(hertz)
}

/// The level that is nearest, by ratio.
fn voice(sound: &[f32]) -> usize {
    let peak = f64::from(level(sound)) * std::f64::consts::SQRT_2 * 32_767.0;
    let distance = |level: f64| (peak / level).ln().abs();
    let levels = LEVELS.iter().enumerate();
    levels.min_by(|(_, one), (_, other)| distance(**one).total_cmp(&distance(**other))).map_or(0, |(at, _)| at)
}

/// The name of a format that the sandbox knows and does not decode.
fn undecoded(bytes: &[u8]) -> Option<&'static str> {
    let opus = || bytes.get(28..36).is_some_and(|head| head == b"OpusHead");
    match bytes {
        [b'O', b'g', b'g', b'S', ..] if opus() => Some("Opus"),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => Some("WebM"),
        _ => None,
    }
}

/// The samples of all channels mixed, and how many there are a second.
fn decode(bytes: Bytes, extension: &str) -> Option<(Vec<f32>, usize)> {
    let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(extension);
    let probe = symphonia::default::get_probe();
    let mut format = probe.probe(&hint, stream, Default::default(), Default::default()).ok()?;
    let track = format.default_track(TrackType::Audio)?;
    let (id, parameters) = (track.id, track.codec_params.as_ref()?.audio()?);
    let codecs = symphonia::default::get_codecs();
    let mut decoder = codecs.make_audio_decoder(parameters, &AudioDecoderOptions::default()).ok()?;
    let (mut mono, mut rate, mut samples) = (Vec::new(), 0, Vec::new());
    while let Ok(Some(packet)) = format.next_packet() {
        if packet.track_id != id {
            continue;
        }
        let sound = match decoder.decode(&packet) {
            Ok(sound) => sound,
            Err(Broken::DecodeError(_)) => continue,
            Err(_) => break,
        };
        rate = sound.spec().rate() as usize;
        let channels = sound.spec().channels().count().max(1);
        sound.copy_to_vec_interleaved(&mut samples);
        mono.extend(samples.chunks(channels).map(|frame: &[f32]| frame.iter().sum::<f32>() / channels as f32));
    }
    (rate > 0).then_some((mono, rate))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sound::{RATE, WORDS};
    use crate::voice::{encode, speak};

    #[test]
    fn what_is_said_is_heard_in_every_format_with_sound() {
        let text = WORDS.join(", ") + ". Zulu nine.";
        let samples = speak(&text, "alloy", 1.0);
        let seconds = samples.len() as f64 / f64::from(RATE);
        for format in ["wav", "flac", "mp3"] {
            let heard = hear(encode(&samples, format).into(), format).unwrap();
            assert!((heard.duration - seconds).abs() < 0.06, "{format}: {} s of {seconds}", heard.duration);
            let expected = format!("A{}. Zulu nine.", WORDS.join(" ").get(1..).unwrap());
            assert_eq!(heard.text(), expected, "{format}");
        }
    }

    #[test]
    fn silence_has_the_right_length() {
        let samples = speak("Alfa bravo charlie delta.", "alloy", 1.0);
        let seconds = samples.len() as f64 / f64::from(RATE);
        let heard = hear(encode(&samples, "aac").into(), "aac").unwrap();
        assert!((heard.duration - seconds).abs() < 0.05 && heard.words.is_empty(), "{} s of {seconds}", heard.duration);
        let opus = encode(&samples, "opus");
        assert_eq!(hear(opus.clone().into(), "ogg").err(), Some(Unheard::Undecoded("Opus")));
        assert_eq!(
            hear(b"\x1a\x45\xdf\xa3 and so on".as_slice().into(), "webm").err(),
            Some(Unheard::Undecoded("WebM"))
        );
        assert_eq!(hear(b"no sound".as_slice().into(), "wav").err(), Some(Unheard::Broken));
        // The time of the last page, at 48 kHz.
        let page = opus.windows(5).rposition(|window| window == b"OggS\0").unwrap();
        let time = u64::from_le_bytes(opus.get(page + 6..page + 14).unwrap().try_into().unwrap());
        assert_eq!(time, samples.len() as u64 * 2);
    }

    #[test]
    fn voices_are_told_apart() {
        let mut samples = Vec::new();
        let voices = ["alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova"];
        voices.iter().for_each(|voice| samples.extend(speak("One two.", voice, 1.0)));
        let heard = hear(encode(&samples, "wav").into(), "wav").unwrap();
        let mut told: Vec<usize> = heard.sentences().iter().map(|sentence| sentence.voice).collect();
        assert_eq!(told.len(), voices.len());
        told.sort_unstable();
        told.dedup();
        assert!(told.len() > 1, "{told:?}");
    }
}
