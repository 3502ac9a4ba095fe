//! Bytes that are put aside while a call lasts, so that a file can have them in another order than they come in.

use std::io;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

use crate::body::{Body, Failure};
use crate::context::Context;
use crate::error::Result;
use crate::platform::{ReadAt, Scratch};

/// Bytes read at a time, unless one piece has more.
const CHUNK: usize = 256 * 1024;

/// Where bytes are put aside.
pub struct Aside {
    cx: Context,
    scratch: Box<dyn Scratch>,
    length: u64,
}

/// Bytes that were put aside together.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    at: u64,
    length: usize,
}

impl Context {
    /// A place for bytes beside that of a new file, on the disk that is to have them. They are gone when it is dropped.
    ///
    /// # Errors
    /// As [`Context::save`].
    pub async fn aside(&self, path: String) -> Result<Aside> {
        self.check_saving()?;
        let scratch = self.platform().scratch(path).await?;
        Ok(Aside { cx: self.clone(), scratch, length: 0 })
    }
}

impl Aside {
    /// Puts bytes aside.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn put(&mut self, bytes: Bytes) -> Result<Piece> {
        let piece = Piece { at: self.length, length: bytes.len() };
        self.length += bytes.len() as u64;
        self.scratch.put(bytes).await?;
        Ok(piece)
    }

    /// The pieces, in this order.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn body(self, pieces: Vec<Piece>) -> Result<Body> {
        let (cx, content) = (self.cx, self.scratch.content().await?);
        let length = pieces.iter().map(|piece| piece.length as u64).sum();
        let chunks = stream::unfold((cx, content, pieces.into_iter()), |(cx, content, mut rest)| async move {
            let (mut together, mut size) = (Vec::new(), 0);
            while size < CHUNK
                && let Some(piece) = rest.next()
            {
                size += piece.length;
                together.push(piece);
            }
            if together.is_empty() {
                return None;
            }
            let from = content.clone();
            let chunk = cx.compute(move || read(&*from, &together, size)).await;
            let failed = |text: String| Failure { text, unsent: false };
            let chunk = chunk.map_err(|error| failed(error.into_text()));
            let chunk = chunk.and_then(|read| read.map_err(|error| failed(error.to_string())));
            Some((chunk, (cx, content, rest)))
        });
        Ok(Body::Stream { chunks: chunks.boxed(), length: Some(length) })
    }
}

/// Those pieces one after the other, `size` bytes in all.
fn read(content: &dyn ReadAt, pieces: &[Piece], size: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; size];
    let mut rest = bytes.as_mut_slice();
    for &Piece { mut at, length } in pieces {
        let mut piece = rest.split_off_mut(..length).unwrap_or_default();
        while !piece.is_empty() {
            let count = content.read_at(piece, at)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            at += count as u64;
            piece = piece.split_off_mut(count..).unwrap_or_default();
        }
    }
    Ok(bytes.into())
}
