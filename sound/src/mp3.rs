//! MP3 as a row of frames (ISO 11172-3 and 13818-3, layer III).

use bytes::{Buf as _, BytesMut};

/// What the four bytes at the start of a frame say.
struct Header {
    length: usize,
    samples: u32,
    rate: u32,
    /// Where a frame that tells of the whole file (Xing, Info) says so.
    tag: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        const RATES: [u32; 3] = [44_100, 48_000, 32_000];
        const FIRST: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const SECOND: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let [0xFF, second, third, fourth, ..] = *bytes else { return None };
        // Eleven bits of ones, then layer III.
        if second & 0xE6 != 0xE2 {
            return None;
        }
        let (first_version, halvings) = match (second >> 3) & 3 {
            3 => (true, 0),
            2 => (false, 1),
            0 => (false, 2),
            _ => return None,
        };
        let bitrate = usize::from(third >> 4).checked_sub(1)?;
        let bitrate = *if first_version { FIRST.get(bitrate) } else { SECOND.get(bitrate) }? * 1000;
        let rate = RATES.get(usize::from((third >> 2) & 3))? >> halvings;
        let samples = if first_version { 1152 } else { 576 };
        let length = samples / 8 * bitrate / rate as usize + usize::from((third >> 1) & 1);
        let tag = match (first_version, fourth >> 6 == 3) {
            (true, false) => 36,
            (true, true) | (false, false) => 21,
            (false, true) => 13,
        };
        Some(Header { length, samples: samples as u32, rate, tag })
    }
}

/// Reads frames out of bytes as they come, without what tells of the whole file: tags, and the frame with its length.
#[derive(Default)]
pub struct Frames {
    buffer: BytesMut,
    begun: bool,
    /// Bytes of a tag that are yet to come.
    skip: usize,
    /// Seconds of the frames that were read.
    pub seconds: f64,
}

impl Frames {
    /// Takes bytes in, and gives the frames that are whole.
    pub fn push(&mut self, bytes: &[u8]) -> BytesMut {
        self.buffer.extend_from_slice(bytes);
        let mut out = BytesMut::new();
        loop {
            let skipped = self.skip.min(self.buffer.len());
            self.buffer.advance(skipped);
            self.skip -= skipped;
            if self.buffer.len() < 10 {
                return out;
            }
            if let [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] = *self.buffer {
                self.skip = 10 + [a, b, c, d].iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7F));
                continue;
            }
            if self.buffer.starts_with(b"TAG") {
                self.skip = 128;
                continue;
            }
            let Some(header) = Header::read(&self.buffer) else {
                self.buffer.advance(1);
                continue;
            };
            if self.buffer.len() < header.length {
                return out;
            }
            let frame = self.buffer.split_to(header.length);
            let at = |start: usize, word: &[u8]| frame.get(start..).is_some_and(|rest| rest.starts_with(word));
            let tells = at(header.tag, b"Xing") || at(header.tag, b"Info") || at(36, b"VBRI");
            if self.begun || !tells {
                self.seconds += f64::from(header.samples) / f64::from(header.rate);
                out.unsplit(frame);
            }
            self.begun = true;
        }
    }

    /// Says that another file begins.
    pub fn next_file(&mut self) {
        self.buffer.clear();
        self.begun = false;
        self.skip = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    /// A frame of 24 kHz, mono, 32 kbit/s: 96 bytes, 24 ms.
    fn frame(fill: u8) -> Vec<u8> {
        let mut frame = vec![fill; 96];
        frame[..4].copy_from_slice(&[0xFF, 0xF3, 0x44, 0xC4]);
        frame
    }

    fn tagged() -> Vec<u8> {
        let mut first = frame(0);
        first[13..17].copy_from_slice(b"Xing");
        let mut file = b"ID3\x04\0\0\0\0\x01\x02".to_vec();
        file.extend(vec![0xFF; 130]);
        file.extend(first);
        file.extend([frame(1), frame(2), b"TAG".to_vec(), vec![0; 125]].concat());
        file
    }

    #[test]
    fn only_frames_of_sound_are_left() {
        let sound = [frame(1), frame(2)].concat();
        for size in [1, 7, 96, 10_000] {
            let mut frames = Frames::default();
            let mut out = Vec::new();
            for _ in 0..2 {
                frames.next_file();
                for chunk in tagged().chunks(size) {
                    out.extend_from_slice(&frames.push(chunk));
                }
            }
            assert_eq!(out, [sound.clone(), sound.clone()].concat(), "chunks of {size}");
            assert!((frames.seconds - 4.0 * 0.024).abs() < 1e-9, "{}", frames.seconds);
        }
    }

    #[test]
    fn lengths_follow_the_tables_of_the_standard() {
        let rows: [([u8; 4], usize, u32, u32); 5] = [
            ([0xFF, 0xFB, 0x90, 0x00], 417, 1152, 44_100),
            ([0xFF, 0xFB, 0x92, 0x00], 418, 1152, 44_100),
            ([0xFF, 0xFA, 0xE4, 0xC0], 960, 1152, 48_000),
            ([0xFF, 0xF3, 0xE4, 0xC4], 480, 576, 24_000),
            ([0xFF, 0xE3, 0x18, 0xC0], 72, 576, 8_000),
        ];
        for (bytes, length, samples, rate) in rows {
            let header = Header::read(&bytes).unwrap();
            assert_eq!((header.length, header.samples, header.rate), (length, samples, rate), "{bytes:x?}");
        }
        for bytes in [
            [0xFF, 0xFD, 0x90, 0],
            [0xFF, 0xEB, 0x90, 0],
            [0xFF, 0xFB, 0x00, 0],
            [0xFF, 0xFB, 0xF0, 0],
            [0xFF, 0xFB, 0x9C, 0],
        ] {
            assert!(Header::read(&bytes).is_none(), "{bytes:x?}");
        }
    }
}
