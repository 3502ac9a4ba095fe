//! The voice of the sandbox: each word a tone, each comma and full stop a pause.

use rusty_mp3::{Mp3Encoder, Mp3EncoderConfig};

use crate::sound::{LEVELS, RATE, WORDS, tone_of};

/// Speaks a text. A word that the sandbox knows is a tone of its own, any other shares one; longer words last longer.
pub fn speak(text: &str, voice: &str, speed: f64) -> Vec<i16> {
    let level = LEVELS.get(hash(voice) % LEVELS.len()).copied().unwrap_or(8_000.0);
    let mut samples = Vec::new();
    for token in text.split_whitespace() {
        let word: String =
            token.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        if !word.is_empty() {
            let known = WORDS.iter().position(|known| *known == word);
            let hertz = tone_of(known.unwrap_or_else(|| hash(&word) % WORDS.len()));
            let seconds = (0.1 + 0.04 * word.chars().count().min(12) as f64) / speed;
            tone(&mut samples, hertz, level, seconds);
        }
        let pause: f64 = match token.trim_end_matches(['"', '\'', ')', '”', '’']).chars().last() {
            Some('.' | '!' | '?' | '…' | '。' | '！' | '？') => 0.5,
            Some(',' | ';' | ':' | '，' | '、') => 0.2,
            _ => 0.1,
        };
        // However fast: a pause that cannot be heard is none.
        samples.resize(samples.len() + (f64::from(RATE) * (pause / speed).max(0.06)) as usize, 0);
    }
    samples
}

/// Adds a tone of a length in seconds.
pub fn tone(samples: &mut Vec<i16>, hertz: f64, level: f64, seconds: f64) {
    let count = (f64::from(RATE) * seconds) as usize;
    let fade = RATE as usize / 200;
    samples.extend((0..count).map(|at| {
        let edge = (at.min(count - 1 - at) as f64 / fade as f64).min(1.0);
        let phase = std::f64::consts::TAU * hertz * at as f64 / f64::from(RATE);
        (level * edge * phase.sin()) as i16
    }));
}

fn hash(text: &str) -> usize {
    text.bytes().fold(7, |hash: usize, byte| (hash.wrapping_mul(31) ^ usize::from(byte)) % 1_000_003)
}

/// Sound in a format of the API. `opus` and `aac` are silence of the right length.
pub fn encode(samples: &[i16], format: &str) -> Vec<u8> {
    match format {
        "wav" => [wav_header(samples.len() * 2), pcm(samples)].concat(),
        "pcm" => pcm(samples),
        "flac" => flac(samples),
        "opus" => opus(samples.len()),
        "aac" => aac(samples.len()),
        _ => mp3(samples),
    }
}

fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn wav_header(length: usize) -> Vec<u8> {
    let length = length as u32;
    let mut header = b"RIFF".to_vec();
    header.extend((36 + length).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * 2).to_le_bytes());
    header.extend(b"\x02\0\x10\0data");
    header.extend(length.to_le_bytes());
    header
}

fn mp3(samples: &[i16]) -> Vec<u8> {
    let mut encoder = Mp3Encoder::new(Mp3EncoderConfig { bitrate_kbps: 64, vbr_quality: None });
    let mut file = Vec::new();
    if encoder.push_pcm_s16(samples, 1, RATE).is_ok() {
        encoder.finish();
        while let Ok(packet) = encoder.next_packet() {
            file.extend(packet);
        }
    }
    file
}

/// Frames that hold the samples as they are (RFC 9639).
fn flac(samples: &[i16]) -> Vec<u8> {
    const BLOCK: usize = 4096;
    let mut file = b"fLaC\x80\0\0\x22".to_vec();
    file.extend([BLOCK as u16, BLOCK as u16].iter().flat_map(|size| size.to_be_bytes()));
    file.extend([0; 6]);
    // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of samples.
    let about = u64::from(RATE) << 44 | 15 << 36 | samples.len() as u64;
    file.extend(about.to_be_bytes());
    file.extend([0; 16]);
    for (number, block) in samples.chunks(BLOCK).enumerate() {
        // A block whose size stands at the end of the header, 24 kHz, mono, 16 bits.
        let mut frame = vec![0xFF, 0xF8, 0x77, 0x08];
        let number = char::from_u32(number as u32).unwrap_or('\0');
        frame.extend(number.encode_utf8(&mut [0; 4]).bytes());
        frame.extend((block.len() as u16 - 1).to_be_bytes());
        frame.push(crc(&frame, 8, 0x07) as u8);
        frame.push(0x02);
        frame.extend(block.iter().flat_map(|sample| sample.to_be_bytes()));
        frame.extend((crc(&frame, 16, 0x8005) as u16).to_be_bytes());
        file.extend(frame);
    }
    file
}

/// A check of so many bits, most significant bit first, beginning with zeros.
fn crc(bytes: &[u8], bits: u32, polynomial: u32) -> u32 {
    let top = 1 << (bits - 1);
    let mask = u32::MAX >> (32 - bits);
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << (bits - 8), |sum, _| {
            (if sum & top == 0 { sum << 1 } else { sum << 1 ^ polynomial }) & mask
        })
    })
}

/// Silent packets of 20 ms in Ogg pages of a second (RFC 7845).
fn opus(samples: usize) -> Vec<u8> {
    const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];
    let mut head = b"OpusHead\x01\x01\0\0".to_vec();
    head.extend(RATE.to_le_bytes());
    head.extend([0; 3]);
    let mut tags = b"OpusTags\x07\0\0\0sandbox".to_vec();
    tags.extend([0; 4]);
    let mut file = page(2, 0, 0, &[head]);
    file.extend(page(0, 0, 1, &[tags]));
    // Opus counts time at 48 kHz.
    let end = samples as u64 * 2;
    let packets = end.div_ceil(960).max(1);
    for (number, first) in (0..packets).step_by(50).enumerate() {
        let last = (first + 50).min(packets);
        let (kind, time) = if last == packets { (4, end) } else { (0, last * 960) };
        let packets: Vec<Vec<u8>> = (first..last).map(|_| SILENCE.to_vec()).collect();
        file.extend(page(kind, time, number as u32 + 2, &packets));
    }
    file
}

/// A page of Ogg (RFC 3533) with packets of less than 255 bytes.
fn page(kind: u8, time: u64, number: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(kind);
    page.extend(time.to_le_bytes());
    page.extend(1u32.to_le_bytes());
    page.extend(number.to_le_bytes());
    page.extend([0; 4]);
    page.push(packets.len() as u8);
    page.extend(packets.iter().map(|packet| packet.len() as u8));
    page.extend(packets.concat());
    let check = crc(&page, 32, 0x04C1_1DB7).to_le_bytes();
    if let Some(place) = page.get_mut(22..26) {
        place.copy_from_slice(&check);
    }
    page
}

/// Silent frames of 1024 samples with ADTS headers (ISO 13818-7).
fn aac(samples: usize) -> Vec<u8> {
    const SILENCE: [u8; 6] = [0x00, 0xC8, 0x00, 0x80, 0x23, 0x80];
    let length = (7 + SILENCE.len()) as u16;
    // AAC-LC, 24 kHz, mono.
    let header = [0xFF, 0xF1, 0x58, 0x40 | (length >> 11) as u8, (length >> 3) as u8, (length << 5) as u8 | 0x1F, 0xFC];
    let frame = [header.as_slice(), &SILENCE].concat();
    frame.repeat(samples.div_ceil(1024).max(1))
}
