//! Expectations kept in files.

use std::path::Path;

/// Compares a file with what a test found. With `BLESS=1` in the environment, writes the file instead.
///
/// # Panics
/// They differ.
pub fn compare(file: &Path, actual: &str) {
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    if expected == actual {
        return;
    }
    if std::env::var_os("BLESS").is_some() {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        std::fs::write(file, actual).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return;
    }
    panic!(
        "{} differs; `cargo xtask bless` takes over what is found\n--- expected\n{expected}\n--- found\n{actual}",
        file.display()
    );
}
