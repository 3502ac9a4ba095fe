//! How much of a store is one caller's: rows and bytes, so that no caller can fill the disk or database of all.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Megabytes that are kept for a caller where the operator says nothing else.
const MEGABYTES: u64 = 4096;
const MEGABYTE: u64 = 1024 * 1024;
/// Rows for each of them.
const ROWS: u64 = 256;
/// The part of an allowance that is written before it is measured again: other processes write, too.
const FRESH: u64 = 16;
/// Callers whose use is remembered; with more, all are measured anew.
const CALLERS: usize = 10_000;

/// What of a server's store counts for its owner.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The tables that grow with use, each with what one of its rows weighs in bytes, as SQL.
    pub tables: &'static [(&'static str, &'static str)],
    /// The tools that make room.
    pub room: &'static str,
}

impl Bound {
    /// A server that keeps nothing.
    pub const NONE: Bound = Bound { tables: &[], room: "" };
}

/// Rows and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Amount {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Amount {
    /// The allowance of each caller: so many megabytes, as the operator's `OPENAI_MCP_MAX_STORE` has them.
    ///
    /// # Errors
    /// The setting is no number.
    pub(crate) fn allowed(setting: Option<&str>) -> Result<Self, String> {
        let megabytes = match setting {
            None => MEGABYTES,
            Some(text) => text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
                format!("the operator's OPENAI_MCP_MAX_STORE: expected a number of megabytes, got `{text}`")
            })?,
        };
        Ok(Amount { rows: megabytes.saturating_mul(ROWS), bytes: megabytes.saturating_mul(MEGABYTE) })
    }

    pub(crate) fn megabytes(self) -> u64 {
        self.bytes.div_ceil(MEGABYTE)
    }

    fn plus(self, more: Amount) -> Self {
        Amount { rows: self.rows.saturating_add(more.rows), bytes: self.bytes.saturating_add(more.bytes) }
    }

    fn within(self, most: Amount) -> bool {
        self.rows <= most.rows && self.bytes <= most.bytes
    }
}

/// What a process knows of a store.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Whether its tables are up to date.
    pub(crate) migrated: AtomicBool,
    callers: Mutex<HashMap<String, Used>>,
}

/// What a caller uses: what was measured, and what was written since.
#[derive(Debug, Default)]
struct Used {
    measured: Amount,
    since: Amount,
}

impl Known {
    fn callers(&self) -> MutexGuard<'_, HashMap<String, Used>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is surely room for one row more of so many bytes; if not, it has to be measured.
    pub(crate) fn has_room(&self, owner: &str, bytes: u64, most: Amount) -> bool {
        let recent = Amount { rows: most.rows / FRESH, bytes: most.bytes / FRESH };
        self.callers().get(owner).is_some_and(|used| {
            used.since.within(recent) && used.measured.plus(used.since).plus(Amount { rows: 1, bytes }).within(most)
        })
    }

    /// Takes note of what was measured.
    pub(crate) fn measured(&self, owner: &str, measured: Amount) {
        let mut callers = self.callers();
        if callers.len() >= CALLERS {
            callers.clear();
        }
        callers.insert(owner.to_owned(), Used { measured, since: Amount::default() });
    }

    /// Takes note of what was written.
    pub(crate) fn added(&self, owner: &str, added: Amount) {
        if let Some(used) = self.callers().get_mut(owner) {
            used.since = used.since.plus(added);
        }
    }
}
