//! The files that results hold.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// An image, a sound or another file in a result.
pub(crate) struct File {
    bytes: Vec<u8>,
    mime_type: String,
}

impl File {
    /// The file that a block of content holds, if it holds one.
    pub(crate) fn of(block: &Value) -> Option<Self> {
        let at = block.get("resource").unwrap_or(block);
        let text = |name| at.get(name).and_then(Value::as_str);
        let bytes = STANDARD.decode(text("data").or(text("blob"))?).ok()?;
        Some(File { bytes, mime_type: text("mimeType").unwrap_or("application/octet-stream").to_owned() })
    }

    /// Writes it into a new file, and says so.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<String, String> {
        write_new(path, &self.bytes)
    }

    /// Writes it into a new file in the current folder that is named for what made it, and says so.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write_beside(&self, name: &Path) -> Result<String, String> {
        let path = name.with_extension(self.extension());
        for index in 0.. {
            let path = numbered(&path, index);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&path, &error)),
                Ok(file) => return fill(file, &path, &self.bytes),
            }
        }
        Err("no name is free".into())
    }

    fn extension(&self) -> &str {
        let subtype = self.mime_type.split(['/', ';']).nth(1).unwrap_or_default();
        match subtype {
            "mpeg" => "mp3",
            "jpeg" => "jpg",
            "svg+xml" => "svg",
            "octet-stream" | "" => "bin",
            subtype => subtype.strip_prefix("x-").unwrap_or(subtype),
        }
    }
}

/// Refuses, before anything is paid, a file that cannot be written in the end. Who writes it may take a folder as well, and
/// name a file within.
///
/// # Errors
/// It is there already, or its folder is not.
pub(crate) fn check(path: &Path, or_folder: bool) -> Result<(), String> {
    let there = path.symlink_metadata().is_ok();
    if there && !(or_folder && path.is_dir()) {
        return Err(format!("-o: `{}` is there already, and nothing is overwritten", path.display()));
    }
    place(path).map(drop)
}

/// The full path of a file, and its folder.
///
/// # Errors
/// The folder is not there.
pub(crate) fn place(path: &Path) -> Result<(String, PathBuf), String> {
    let full = std::path::absolute(path).map_err(|error| format!("-o: `{}`: {error}", path.display()))?;
    let folder = if full.is_dir() { Some(full.as_path()) } else { full.parent() };
    let folder = folder.filter(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| format!("-o: the folder of `{}` is not there", path.display()))?.to_owned();
    let full = full.into_os_string().into_string().map_err(|_| format!("-o: `{}` is not UTF-8", path.display()))?;
    Ok((full, folder))
}

/// The name of one of several files: `a.png`, `a-2.png`, `a-3.png`.
pub(crate) fn numbered(path: &Path, index: usize) -> PathBuf {
    if index == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", index + 1));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Writes a new file, and says so.
///
/// # Errors
/// It is there already, or cannot be written.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<String, String> {
    let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| failed(path, &error))?;
    fill(file, path, bytes)
}

/// Writes a file that was just made, and says so. Of one that cannot be written whole nothing stays.
fn fill(mut file: fs::File, path: &Path, bytes: &[u8]) -> Result<String, String> {
    // Some file systems tell only then that there was no room.
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| {
        let _ = fs::remove_file(path);
        failed(path, &error)
    })?;
    Ok(format!("saved {} bytes to {}", bytes.len(), path.display()))
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("`{}` cannot be written: {error}", path.display())
}
