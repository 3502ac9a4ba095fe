//! Reading a file into chunks, and ranking chunks for a query.

use std::ops::Range;
use std::sync::LazyLock;

use bm25::{Embedder, EmbedderBuilder, Embedding, Language};

use crate::engine::tokens::{CHARS_PER_TOKEN, starts};

/// BM25 weighs a chunk's length against the usual one. A fixed usual length lets a chunk be embedded once, whatever else
/// comes into its store later.
const USUAL_WORDS_PER_CHUNK: f32 = 100.0;
/// The API's own limit for one file.
const MOST_TOKENS: u64 = 5_000_000;

static EMBEDDER: LazyLock<Embedder> =
    LazyLock::new(|| EmbedderBuilder::with_avgdl(USUAL_WORDS_PER_CHUNK).language_mode(Language::English).build());

/// How a file is cut.
#[derive(Clone, Copy)]
pub(crate) struct Strategy {
    pub(crate) max_chunk_size_tokens: usize,
    pub(crate) chunk_overlap_tokens: usize,
}

/// A file as a vector store keeps it.
pub(crate) struct Parsed {
    pub(crate) text: String,
    pub(crate) chunks: Vec<Range<usize>>,
    pub(crate) embeddings: Vec<Embedding>,
}

/// Why a file could not be read: the code and the message of `last_error`.
pub(crate) type Unreadable = (&'static str, &'static str);

impl Parsed {
    /// Reads a file of a length in bytes; `content` is asked for them unless they are too many.
    pub(crate) fn read(
        length: u64,
        content: impl FnOnce() -> std::io::Result<Vec<u8>>,
        strategy: Strategy,
    ) -> Result<Self, Unreadable> {
        if length > MOST_TOKENS * CHARS_PER_TOKEN as u64 {
            return Err(("invalid_file", "The file could not be parsed because it is too large."));
        }
        let bytes = content().map_err(|_| ("server_error", "An internal error occurred."))?;
        let text = decode(bytes)?;
        let chunks = cut(&text, strategy);
        if chunks.is_empty() {
            return Err(("invalid_file", "The file could not be parsed because it is empty."));
        }
        let embeddings = chunks.iter().map(|chunk| embed(text.get(chunk.clone()).unwrap_or_default())).collect();
        Ok(Self { text, chunks, embeddings })
    }
}

pub(crate) fn embed(text: &str) -> Embedding {
    EMBEDDER.embed(text)
}

/// BM25 scores have no upper bound; the API's are within 0 and 1.
pub(crate) fn normal(score: f32) -> f64 {
    let score = f64::from(score.max(0.0));
    score / (score + 1.0)
}

fn decode(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
    };
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    };
    // Text holds no NUL, most other formats soon do.
    text.filter(|text| !text.contains('\0'))
        .ok_or(("unsupported_file", "The file type is not supported. The sandbox reads UTF-8 and UTF-16 text only."))
}

fn cut(text: &str, strategy: Strategy) -> Vec<Range<usize>> {
    let tokens = starts(text);
    let step = strategy.max_chunk_size_tokens.saturating_sub(strategy.chunk_overlap_tokens).max(1);
    let mut chunks = Vec::new();
    let mut start = 0;
    while let Some(from) = tokens.get(start) {
        let end = start + strategy.max_chunk_size_tokens;
        chunks.push(*from..tokens.get(end).copied().unwrap_or(text.len()));
        if end >= tokens.len() {
            break;
        }
        start += step;
    }
    chunks
}
