//! The bytes of a request or an answer, all there or coming in.

use std::future::ready;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use crate::error::{Error, Kind, Result};

/// Why a request got no answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What happened, without key or URL query.
    pub text: String,
    /// Whether the request cannot have reached the other side, so that sending it again is safe.
    pub unsent: bool,
}

/// The bytes of a request or an answer.
pub enum Body {
    /// All there.
    Full(Bytes),
    /// Coming in.
    Stream {
        /// The chunks.
        chunks: BoxStream<'static, Result<Bytes, Failure>>,
        /// Total length in bytes, if known.
        length: Option<u64>,
    },
}

impl Body {
    /// No bytes.
    pub const EMPTY: Body = Body::Full(Bytes::new());

    /// Length in bytes, if known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Body::Full(bytes) => Some(bytes.len() as u64),
            Body::Stream { length, .. } => *length,
        }
    }

    /// As a stream of chunks.
    pub fn into_chunks(self) -> BoxStream<'static, Result<Bytes, Failure>> {
        match self {
            Body::Full(bytes) => stream::once(std::future::ready(Ok(bytes))).boxed(),
            Body::Stream { chunks, .. } => chunks,
        }
    }

    /// Its first bytes, at least `count` of them where it has so many, and the whole of it.
    pub(crate) async fn peek(self, count: usize) -> (Bytes, Body) {
        let (mut chunks, length) = match self {
            Body::Full(bytes) => return (bytes.clone(), Body::Full(bytes)),
            Body::Stream { chunks, length } => (chunks, length),
        };
        let (mut head, mut read) = (Vec::new(), Vec::new());
        while head.len() < count {
            let Some(chunk) = chunks.next().await else { break };
            if let Ok(bytes) = &chunk {
                head.extend_from_slice(bytes.get(..count.min(bytes.len())).unwrap_or_default());
            }
            let ends = chunk.is_err();
            read.push(chunk);
            if ends {
                break;
            }
        }
        let chunks = stream::iter(read).chain(chunks).boxed();
        (head.into(), Body::Stream { chunks, length })
    }

    /// The same body, which breaks off where it gets longer than `most` bytes.
    pub fn within(self, most: u64) -> Self {
        let length = self.length();
        let chunks = self.into_chunks().scan(0, move |passed, chunk| {
            let chunk = chunk.and_then(|bytes| {
                *passed += bytes.len() as u64;
                let too_long = || Failure { text: format!("it has more than {most} bytes"), unsent: false };
                if *passed > most { Err(too_long()) } else { Ok(bytes) }
            });
            ready(Some(chunk))
        });
        Body::Stream { chunks: chunks.boxed(), length }
    }

    /// All bytes, if there are at most `cap`; a body that came in one piece is not copied.
    ///
    /// # Errors
    /// More than `cap` bytes, or a broken connection.
    pub async fn collect(self, cap: usize) -> Result<Bytes> {
        self.collect_if(cap, |_| Ok(())).await
    }

    /// As [`Body::collect`], where `take` says whether there is room for so many bytes more: for each chunk that comes in, or at
    /// once for all that a told length promises, before memory is reserved for them.
    pub(crate) async fn collect_if(self, cap: usize, mut take: impl FnMut(usize) -> Result<()>) -> Result<Bytes> {
        let broken = |failure: Failure| Error::new(Kind::Connection, format!("the answer broke off: {}", failure.text));
        let too_long = || Error::new(Kind::Answer, format!("the answer is longer than {cap} bytes"));
        let length = self.length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0).min(cap);
        let mut chunks = match self {
            Body::Full(bytes) if bytes.len() > cap => return Err(too_long()),
            Body::Full(bytes) => return Ok(bytes),
            Body::Stream { chunks, .. } => chunks,
        };
        let Some(first) = chunks.next().await else { return Ok(Bytes::new()) };
        let first = first.map_err(broken)?;
        let mut taken = 0;
        let mut room_for = |bytes: usize| {
            let more = bytes.saturating_sub(taken);
            taken += more;
            take(more)
        };
        room_for(first.len())?;
        let mut rest = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(broken)?;
            if rest.is_empty() {
                room_for(length)?;
                rest.reserve(length);
                rest.extend_from_slice(&first);
            }
            if rest.len() + chunk.len() > cap {
                return Err(too_long());
            }
            room_for(rest.len() + chunk.len())?;
            rest.extend_from_slice(&chunk);
        }
        if first.len() > cap {
            return Err(too_long());
        }
        Ok(if rest.is_empty() { first } else { rest.into() })
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({:?} bytes)", self.length())
    }
}
