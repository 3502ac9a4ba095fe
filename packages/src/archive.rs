//! Archives whose bytes depend on their entries alone.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc, GzBuilder};
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchiveWriter};
use sha2::{Digest as _, Sha256};

/// The time of every entry, 1980-01-01: the earliest that a zip can have.
const TIME: u64 = 315_532_800;

/// A file of an archive.
#[derive(Clone)]
pub struct Entry {
    /// Its path, with `/` between folders.
    pub path: String,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Text(String),
    Program(Arc<Program>),
    Script(String),
}

/// A program, compressed once for all archives that it goes into.
pub struct Program {
    /// As it was built.
    pub bytes: Vec<u8>,
    deflated: Vec<u8>,
    crc: u32,
    level: Compression,
}

impl Program {
    /// Compresses it; `quick` is for packages that are only tried.
    ///
    /// # Errors
    /// None that memory does not make.
    pub fn new(bytes: Vec<u8>, quick: bool) -> Result<Arc<Self>> {
        let level = if quick { Compression::fast() } else { Compression::best() };
        let mut encoder = DeflateEncoder::new(Vec::new(), level);
        encoder.write_all(&bytes)?;
        let mut crc = Crc::new();
        crc.update(&bytes);
        Ok(Arc::new(Program { deflated: encoder.finish()?, crc: crc.sum(), bytes, level }))
    }
}

impl Entry {
    /// A text.
    pub fn text(path: impl Into<String>, text: impl Into<String>) -> Self {
        Entry { path: path.into(), content: Content::Text(text.into()) }
    }

    /// A text that is run.
    pub fn script(path: impl Into<String>, text: impl Into<String>) -> Self {
        Entry { path: path.into(), content: Content::Script(text.into()) }
    }

    /// A program.
    pub fn program(path: impl Into<String>, program: &Arc<Program>) -> Self {
        Entry { path: path.into(), content: Content::Program(program.clone()) }
    }

    /// What is in it.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Text(text) | Content::Script(text) => text.as_bytes(),
            Content::Program(program) => &program.bytes,
        }
    }

    /// The text of what is no program.
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) | Content::Script(text) => Some(text),
            Content::Program(_) => None,
        }
    }

    fn mode(&self) -> u32 {
        if matches!(self.content, Content::Text(_)) { 0o644 } else { 0o755 }
    }
}

/// A tar archive, gzipped.
///
/// # Errors
/// A path is too long.
pub fn tar_gz(entries: &[Entry]) -> Result<Vec<u8>> {
    let level = entries.iter().find_map(|entry| match &entry.content {
        Content::Program(program) => Some(program.level),
        _ => None,
    });
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), level.unwrap_or(Compression::best()));
    let mut tar = tar::Builder::new(&mut gzip);
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(entry.bytes().len() as u64);
        header.set_mode(entry.mode());
        header.set_mtime(TIME);
        tar.append_data(&mut header, &entry.path, entry.bytes()).with_context(|| entry.path.clone())?;
    }
    tar.finish()?;
    drop(tar);
    Ok(gzip.finish()?)
}

/// A zip archive.
///
/// # Errors
/// A path is none of a zip's.
pub fn zip(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut zip = ZipArchiveWriter::new(Vec::new());
    for entry in entries {
        let (mut file, config) = zip
            .new_file(entry.path.as_str())
            .compression_method(CompressionMethod::DEFLATE)
            .last_modified(UtcDateTime::from_unix(TIME.cast_signed()))
            // With the type of the file: pip looks for it.
            .unix_permissions(0o100_000 | entry.mode())
            .start()
            .with_context(|| entry.path.clone())?;
        let output = match &entry.content {
            Content::Program(program) => {
                file.write_all(&program.deflated)?;
                DataDescriptorOutput::new(program.crc, program.bytes.len() as u64)
            }
            Content::Text(text) | Content::Script(text) => {
                let mut writer = config.wrap(DeflateEncoder::new(&mut file, Compression::best()));
                writer.write_all(text.as_bytes())?;
                let (encoder, output) = writer.finish()?;
                encoder.finish()?;
                output
            }
        };
        file.finish(output)?;
    }
    Ok(zip.finish()?)
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
