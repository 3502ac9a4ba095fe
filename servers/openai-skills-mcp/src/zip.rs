//! What is in a zip, and how much of it a skill may be. <https://platform.openai.com/docs/guides/tools-skills>

use rawzip::ZipArchive;

/// Most files of a skill.
pub(crate) const MOST: usize = 500;
/// Most bytes of a skill.
pub(crate) const LARGEST: u64 = 50 * 1024 * 1024;

/// Names and lengths of the files in a zip, folders left out.
///
/// # Errors
/// It is no zip, or has more than `most` files.
pub(crate) fn entries(zip: &[u8], most: usize) -> Result<Vec<(String, u64)>, String> {
    let archive = ZipArchive::from_slice(zip).map_err(|error| error.to_string())?;
    let (mut entries, mut found) = (archive.entries(), Vec::new());
    while let Some(entry) = entries.next_entry().map_err(|error| error.to_string())? {
        if entry.is_dir() {
            continue;
        }
        if found.len() >= most {
            return Err(format!("it has more than {most} files"));
        }
        found
            .push((String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned(), entry.uncompressed_size_hint()));
    }
    Ok(found)
}
