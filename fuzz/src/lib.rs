//! Wild input for what strangers reach: messages, arguments, files, and the answers of an API that means harm.
//!
//! A [`Target`] takes any bytes and panics where a promise is broken. The tests run each on its corpus and on as many
//! mutations of it as they have time for, the same ones each time; `cargo xtask fuzz` lets libFuzzer look for more.
//! `corpus/TARGET` has inputs of every kind that the target knows, and each that was found to break something.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "it tests")]

mod api;
mod call;
mod door;
mod files;
mod messages;

use std::path::{Path, PathBuf};

pub use call::quiet;
use fastrand::Rng;

/// Something that takes any input.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Panics if a promise is broken.
    pub run: fn(&[u8]),
    /// Mutated inputs of a run in the tests: some two seconds' worth.
    pub mutations: u64,
}

/// All of them.
pub static TARGETS: &[Target] = &[
    Target { name: "envelope", run: messages::envelope, mutations: 10_000 },
    Target { name: "arguments", run: messages::arguments, mutations: 10_000 },
    Target { name: "line", run: messages::line, mutations: 10_000 },
    Target { name: "door", run: door::door, mutations: 300 },
    Target { name: "multipart", run: messages::multipart, mutations: 2_000 },
    Target { name: "events", run: api::events, mutations: 5_000 },
    Target { name: "redaction", run: api::redaction, mutations: 200 },
    Target { name: "image-answer", run: api::image_answer, mutations: 1_000 },
    Target { name: "socket", run: api::socket, mutations: 300 },
    Target { name: "speech", run: api::speech, mutations: 300 },
    Target { name: "metrics", run: api::metrics, mutations: 40 },
    Target { name: "sound", run: files::sound, mutations: 100 },
    Target { name: "picture", run: files::picture, mutations: 200 },
    Target { name: "rows", run: files::rows, mutations: 200 },
    Target { name: "training", run: files::training, mutations: 300 },
    Target { name: "schema", run: files::schema, mutations: 200 },
    Target { name: "zip", run: files::zip, mutations: 1_000 },
    Target { name: "evals", run: files::evals, mutations: 200 },
];

/// The target of this name.
///
/// # Panics
/// There is none.
pub fn target(name: &str) -> &'static Target {
    let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .unwrap_or_else(|| panic!("no target `{name}`; known: {}", known()))
}

/// The inputs of `corpus/NAME`, in the order of their names.
///
/// # Panics
/// There are none.
pub fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

/// What edits put in: the marks of JSON, of tables and of headers, and numbers at the edges of their types.
const TOKENS: [&[u8]; 32] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\\",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\\u0000",
    b"\\ud800",
    b"\0",
    b"\x7f",
    "é".as_bytes(),
    b"..",
    b"/",
    b"%2e",
    b"\"type\"",
    b"\"id\"",
    b"\r\n",
    b"\n\n",
    b"data: ",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"{KEY}",
    b"\t",
    b"--",
];

/// A seed with a few random edits.
pub fn mutated(rng: &mut Rng, seeds: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = seeds[rng.usize(..seeds.len())].1.clone();
    for _ in 0..rng.usize(..4) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..12)).min(bytes.len());
        let token = TOKENS[rng.usize(..TOKENS.len())];
        match rng.u8(..6) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, token.iter().copied())),
            2 => drop(bytes.splice(at..end, token.iter().copied())),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => bytes.truncate(at.max(1)),
            _ if at < bytes.len() => bytes[at] = rng.u8(..),
            _ => {}
        }
    }
    bytes
}
