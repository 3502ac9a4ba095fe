//! The ratios of the last release, kept in the repository, so that a change that costs shows before the next one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Ratios by what was measured. Only what is nearly the same on every machine is kept: ratios to a program measured in
/// the same run, and sizes.
pub(super) struct Kept {
    path: PathBuf,
    ratios: BTreeMap<String, f64>,
}

impl Kept {
    /// Reads those of the last release.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join("xtask/bench/last.json");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self { ratios: serde_json::from_str(&text).with_context(|| path.display().to_string())?, path })
    }

    /// What it was, to stand beside what it is.
    pub(super) fn get(&self, what: &str) -> Option<f64> {
        self.ratios.get(what).copied()
    }

    /// Writes those of this run in the place of the old; what this run did not measure stays.
    pub(super) fn replace(mut self, ratios: impl Iterator<Item = (String, f64)>) -> Result<()> {
        self.ratios.extend(ratios.map(|(what, ratio)| (what, (ratio * 100.0).round() / 100.0)));
        fs::write(&self.path, serde_json::to_string_pretty(&self.ratios)? + "\n")?;
        Ok(())
    }
}
