//! What the sandbox remembers: one world per key.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;

use crate::audio::Audio;
use crate::chat::Stored;
use crate::conversations::Conversation;
use crate::files::File;
use crate::fine_tuning::{Job, Permission};
use crate::responses::Run;
use crate::shelf::Shelf;
use crate::vector_stores::Store;

/// The account a handler works for.
pub(crate) type Caller = Extension<Arc<Account>>;

#[derive(Default)]
pub(crate) struct Sandbox {
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    requests: AtomicU64,
}

impl Sandbox {
    pub(crate) fn account(&self, key: &str) -> Arc<Account> {
        let mut accounts = lock(&self.accounts);
        let open = || Arc::new(Account(Mutex::new(World { seed: fnv1a(key.as_bytes()), ..World::default() })));
        Arc::clone(accounts.entry(key.to_owned()).or_insert_with(open))
    }

    pub(crate) fn request_id(&self) -> String {
        identifier("req_", 0, self.requests.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) struct Account(Mutex<World>);

impl Account {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.0)
    }
}

/// Everything one key has made. A domain adds a field.
#[derive(Default)]
pub(crate) struct World {
    seed: u64,
    minted: u64,
    /// Requests failed on demand so far, by kind.
    pub(crate) failed: HashMap<String, u32>,
    pub(crate) files: Shelf<File>,
    pub(crate) vector_stores: Shelf<Store>,
    pub(crate) audio: Audio,
    pub(crate) completions: Shelf<Stored>,
    pub(crate) conversations: Shelf<Conversation>,
    pub(crate) responses: Shelf<Run>,
    /// The containers of code interpreters.
    pub(crate) containers: HashSet<String>,
    pub(crate) jobs: Shelf<Job>,
    pub(crate) permissions: Shelf<Permission>,
}

impl World {
    /// A new id: the n-th object of a key has the same id in every run, and no two keys share one.
    pub(crate) fn mint(&mut self, prefix: &str) -> String {
        identifier(prefix, self.seed, self.count())
    }

    pub(crate) fn count(&mut self) -> u64 {
        self.minted += 1;
        self.minted
    }

    /// Forgets the files that are past their time.
    pub(crate) fn expire(&mut self, now: u64) {
        let due = |file: &File| file.expires_at.is_some_and(|at| at <= now);
        let expired: Vec<String> = self.files.iter().filter(|(_, file)| due(file)).map(|(id, _)| id.clone()).collect();
        for id in expired {
            self.remove_file(&id);
        }
    }

    pub(crate) fn remove_file(&mut self, id: &str) -> Option<File> {
        let file = self.files.remove(id)?;
        for (_, store) in self.vector_stores.iter_mut() {
            store.detach(id);
        }
        Some(file)
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A panic elsewhere must not take the sandbox down with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn identifier(prefix: &str, seed: u64, count: u64) -> String {
    let first = splitmix(seed ^ fnv1a(prefix.as_bytes()) ^ splitmix(count));
    format!("{prefix}{first:016x}{:08x}", splitmix(first) >> 32)
}

pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

pub(crate) fn splitmix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::files::Content;

    #[test]
    fn a_file_is_forgotten_when_its_time_comes() {
        let mut world = World::default();
        for expires_at in [None, Some(100), Some(101)] {
            let id = world.mint("file-");
            let content = Content::default();
            world.files.insert(
                id,
                File { created_at: 0, filename: "a".into(), purpose: "batch", bytes: 0, expires_at, content },
            );
        }
        world.expire(100);
        let left: Vec<_> = world.files.iter().map(|(_, file)| file.expires_at).collect();
        assert_eq!(left, [None, Some(101)]);
    }
}
