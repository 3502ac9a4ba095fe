//! Expectations kept in files.

use std::path::Path;

use similar::TextDiff;

/// Lines of context around a difference.
const CONTEXT: usize = 3;

/// Holds a file against what a test found. With `BLESS=1` in the environment, writes the file instead.
///
/// # Errors
/// They differ: the diff.
///
/// # Panics
/// The file cannot be written.
pub fn hold(file: &Path, actual: &str) -> Result<(), String> {
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    if std::env::var_os("BLESS").is_some() {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        std::fs::write(file, actual).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return Ok(());
    }
    Err(difference(&expected, actual))
}

/// What differs between two texts, line by line.
pub(crate) fn difference(expected: &str, actual: &str) -> String {
    let diff = TextDiff::from_lines(expected, actual);
    diff.unified_diff().context_radius(CONTEXT).header("expected", "found").to_string()
}

/// Does the same for one file.
///
/// # Panics
/// They differ.
pub fn compare(file: &Path, actual: &str) {
    all_hold([(file.to_owned(), hold(file, actual))]);
}

/// Tells of all that does not hold at once.
///
/// # Panics
/// There is any.
#[track_caller]
pub fn all_hold<P: AsRef<Path>>(outcomes: impl IntoIterator<Item = (P, Result<(), String>)>) {
    let failed: Vec<String> = outcomes
        .into_iter()
        .filter_map(|(file, outcome)| Some(format!("{}:\n{}", file.as_ref().display(), outcome.err()?)))
        .collect();
    assert!(
        failed.is_empty(),
        "{}\n{} do not hold; `cargo xtask bless` takes over what was found",
        failed.join("\n"),
        failed.len()
    );
}
