//! The bytes of files.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use futures_util::stream;
use tempfile::SpooledTempFile;

use crate::world::lock;

const IN_MEMORY: usize = 64 * 1024;
const READ_AT_ONCE: usize = 256 * 1024;

/// The bytes of a file: in memory, or in a temporary file without a name. A clone is the same file.
#[derive(Clone)]
pub(crate) struct Content(Arc<Mutex<SpooledTempFile>>);

impl Default for Content {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SpooledTempFile::new(IN_MEMORY))))
    }
}

impl Content {
    /// A content that is all there.
    pub(crate) fn holding(bytes: &[u8]) -> Self {
        let content = Self::default();
        // What is too large for memory and cannot be stored reads as empty.
        let _ = content.append(bytes);
        content
    }

    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.0).write_all(bytes)
    }

    fn read_at(&self, offset: u64) -> io::Result<Bytes> {
        let mut file = lock(&self.0);
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        (&mut *file).take(READ_AT_ONCE as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    pub(crate) fn read_all(&self) -> io::Result<Vec<u8>> {
        let mut file = lock(&self.0);
        file.rewind()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn into_body(self) -> Body {
        Body::from_stream(stream::try_unfold((self, 0), |(content, offset)| async move {
            let reader = content.clone();
            let bytes = tokio::task::spawn_blocking(move || reader.read_at(offset)).await??;
            let next = offset + bytes.len() as u64;
            io::Result::Ok((!bytes.is_empty()).then_some((bytes, (content, next))))
        }))
    }
}
