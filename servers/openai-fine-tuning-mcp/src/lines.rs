//! The lines of a file as it comes in: a training file may be larger than the memory of a Worker.

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::prelude::*;

/// Most bytes of one line: an example may hold images.
const LONGEST: usize = 64 * 1024 * 1024;

pub(crate) struct Lines {
    chunks: BoxStream<'static, Result<Bytes, Failure>>,
    held: Vec<u8>,
    /// Where the next line begins in `held`, and how far no line end was found.
    start: usize,
    searched: usize,
    /// Bytes that came in.
    pub(crate) bytes: u64,
}

impl Lines {
    pub(crate) fn new(body: Body) -> Self {
        Lines { chunks: body.into_chunks(), held: Vec::new(), start: 0, searched: 0, bytes: 0 }
    }

    /// The next line, without its end.
    pub(crate) async fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            let rest = self.held.get(self.searched..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let (start, end) = (self.start, self.searched + at);
                self.start = end + 1;
                self.searched = self.start;
                return Ok(self.held.get(start..end));
            }
            self.held.drain(..self.start);
            self.start = 0;
            self.searched = self.held.len();
            if self.held.len() > LONGEST {
                return Err(Error::new(Kind::Answer, format!("a line has more than {LONGEST} bytes")));
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => {
                    self.bytes += chunk.len() as u64;
                    self.held.extend_from_slice(&chunk);
                }
                Some(Err(failure)) => {
                    return Err(Error::new(Kind::Connection, format!("the file broke off: {}", failure.text)));
                }
                None if self.held.is_empty() => return Ok(None),
                None => {
                    self.start = self.held.len();
                    self.searched = self.start;
                    return Ok(Some(&self.held));
                }
            }
        }
    }
}
