//! Recordings that ask for more than they are worth.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_audio_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};
use symphonia::core::io::MediaSourceStream;

const TONES: &[u8] = include_bytes!("../sounds/tones.ogg");

/// The result of a file that is cut, and how many requests were made.
fn cut(name: &str, file: &[u8]) -> (Value, usize) {
    let reply = || Reply { status: 200, headers: Vec::new(), body: r#"{"text": "x"}"#.into() };
    let script = Arc::new(Script::new((0..400).map(|_| reply()).collect()));
    let file = json!({"data": STANDARD.encode(file), "filename": name});
    let arguments = json!({"file": file, "model": "gpt-transcribe", "split_seconds": 10});
    let result = call_tool(&SERVER, "audio-transcribe", arguments, script.clone());
    (result, script.sent().len())
}

/// Refuses before anything is paid, with these words.
fn refused(name: &str, file: &[u8], words: &str) {
    let (result, sent) = cut(name, file);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(result["isError"] == true && text.contains(words), "{name}: {text}");
    assert_eq!(sent, 0, "{name}: {text}");
}

fn wav(rate: u32, channels: u16, samples: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let length = samples.len() as u32;
    file.extend(*b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(*b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.wrapping_mul(channels.into()).to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(*b"\x08\0data");
    file.extend(length.to_le_bytes());
    file.extend(samples);
    file
}

/// A page of an Ogg stream with one packet of less than 65,025 bytes. <https://xiph.org/ogg/doc/framing.html>
fn page(kind: u8, number: u32, packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(kind);
    page.extend([0; 8]);
    page.extend([7, 0, 0, 0]);
    page.extend(number.to_le_bytes());
    page.extend([0; 4]);
    page.push((packet.len() / 255 + 1) as u8);
    page.extend(vec![255; packet.len() / 255]);
    page.push((packet.len() % 255) as u8);
    page.extend(packet);
    checked(page)
}

/// The page with its checksum.
fn checked(mut page: Vec<u8>) -> Vec<u8> {
    page[22..26].fill(0);
    let sum = page.iter().fold(0u32, |sum, byte| {
        (0..8)
            .fold(sum ^ u32::from(*byte) << 24, |sum, _| if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 })
    });
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}

/// Numbers of so many bits, the lowest first.
fn bits(numbers: &[(u64, usize)]) -> Vec<u8> {
    let each = numbers.iter().flat_map(|(number, count)| (0..*count).map(move |at| number >> at & 1));
    let each: Vec<u64> = each.collect();
    each.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | *bit as u8)).collect()
}

#[test]
fn rates_that_nobody_uses_are_refused() {
    for rate in [0, 1, 3_999, 384_001, 10_000_019, u32::MAX] {
        refused("a.wav", &wav(rate, 1, &[1; 40]), "expected 4,000 to 384,000 samples a second");
    }
    for rate in [1u32, u32::MAX] {
        // The first page has 30 bytes, in which the rate is the twelfth and on.
        let (first, rest) = TONES.split_at(58);
        let mut first = first.to_vec();
        first[40..44].copy_from_slice(&rate.to_le_bytes());
        refused("a.ogg", &[checked(first), rest.to_vec()].concat(), "expected 4,000 to 384,000 samples a second");
    }
    // One that nobody uses either, and that is no more work than others.
    assert_eq!(cut("a.wav", &wav(383_999, 1, &[1; 400_000])).1, 1);
}

#[test]
fn what_would_be_hundreds_of_requests_is_refused_before_the_first() {
    refused("a.wav", &wav(4_000, 1, &vec![1; 4_000 * 2_010]), "lasts longer than the 200 pieces of 10 s");
    let sent = cut("a.wav", &wav(4_000, 1, &vec![1; 4_000 * 200])).1;
    assert!((20..=30).contains(&sent), "{sent} pieces");
}

/// An Ogg Vorbis file with 256 codebooks of 131,072 entries, each in 21 bytes.
fn vorbis(dimensions: u64) -> Vec<u8> {
    let ident = b"\x01vorbis\0\0\0\0\x01\x80\xbb\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb8\x01";
    let comment = b"\x03vorbis\0\0\0\0\0\0\0\0\x01";
    let lengths = [(1, 1), (16, 5), (131_072, 18)];
    let lookup = [(1, 4), (0, 64), (0, 4), (0, 1), (0, 1)];
    let book = [&[(0x56_4342, 24), (dimensions, 16), (131_072, 24)][..], &lengths, &lookup].concat();
    let setup = bits(&[&[(255, 8)][..], &book.repeat(256), &[(0, 64); 16]].concat());
    let setup = [b"\x05vorbis".to_vec(), setup].concat();
    [page(2, 0, ident), page(0, 1, comment), page(0, 2, &setup), page(4, 3, &[0; 40])].concat()
}

#[test]
fn tables_that_would_fill_the_memory_are_refused() {
    // 4 GB of numbers.
    refused("a.ogg", &vorbis(31), "its Vorbis tables are too large");
    let (result, sent) = cut("a.ogg", TONES);
    assert_eq!((&result["isError"], sent), (&json!(false), 1), "{result}");
}

#[test]
fn what_a_decoder_panics_on_costs_one_file() {
    refused("a.ogg", &vorbis(32), "`a.ogg` could not be decoded: its decoder failed");
}

/// The reader of ID3v2 tags makes room for what they say; symphonia is built without it.
#[test]
fn tags_of_mp3_are_not_read() {
    let title = [&b"TIT2\0\0\0\x06\0\0\x03Title"[..], include_bytes!("../sounds/tones.mp3")].concat();
    let file = [&b"ID3\x04\0\0\0\0\0\x10"[..], &title].concat();
    let stream = MediaSourceStream::new(Box::new(std::io::Cursor::new(file)), Default::default());
    let probe = symphonia::default::get_probe();
    let mut format = probe.probe(&Default::default(), stream, Default::default(), Default::default()).unwrap();
    let tags = format.metadata().current().map(|known| known.media.tags.len());
    assert!(!format.tracks().is_empty() && tags.is_none(), "{tags:?}");
}

#[test]
fn the_files_of_a_batch_share_what_a_small_machine_decodes() {
    // Frames of silence, 8 kHz in stereo, of 72 bytes each: 192 million samples of 350 that there are.
    let frame = [&[0xFF, 0xE3, 0x18, 0][..], &[0; 68]].concat();
    let file = json!({"data": STANDARD.encode(frame.repeat(166_700)), "filename": "a.mp3"});
    let refusal = || Reply { status: 400, headers: Vec::new(), body: r#"{"error": {"message": "No"}}"#.into() };
    let script = Arc::new(Script::new((0..20).map(|_| refusal()).collect()));
    let arguments = json!({"files": [file, file], "model": "whisper-1", "options": {"split_seconds": 240}});
    let result = call_tool(&SERVER, "audio-transcribe-batch", arguments, script);
    let items = &result["structuredContent"]["data"];
    let [one, other] = [0, 1].map(|at| items[at]["error"].as_str().unwrap());
    assert!(one.contains("No") && other.contains("holds more sound than is decoded here"), "{one}\n{other}");
}

#[test]
fn a_sound_without_end_is_broken_off() {
    let sound = "x".repeat(64 * 1024 * 1024 + 1);
    let reply = Reply { status: 200, headers: vec![("content-type".into(), "audio/mpeg".into())], body: sound.into() };
    let arguments = json!({"input": "Hello.", "model": "tts-1", "voice": "alloy"});
    let result = call_tool(&SERVER, "audio-speech-stream", arguments, Arc::new(Script::new(vec![reply])));
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(result["isError"] == true && text.contains("longer than 67108864 bytes"), "{text}");
}
