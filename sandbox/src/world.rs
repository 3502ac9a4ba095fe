//! What the sandbox remembers: one world per key.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use openai_mcp_studio::hash::{fnv1a, splitmix};

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

/// Everything one key has made: a state of each type that asks for one.
#[derive(Default)]
pub(crate) struct World {
    seed: u64,
    minted: u64,
    states: HashMap<TypeId, Box<dyn Any + Send>>,
}

impl World {
    /// The state of a type: who owns the type owns the state.
    pub(crate) fn of<T: Default + Send + 'static>(&mut self) -> &mut T {
        let state = self.states.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        match state.downcast_mut() {
            Some(state) => state,
            None => unreachable!("a state is kept under its own type"),
        }
    }

    /// A new id: the n-th object of a key has the same id in every run, and no two keys share one.
    pub(crate) fn mint(&mut self, prefix: &str) -> String {
        identifier(prefix, self.seed, self.count())
    }

    pub(crate) fn count(&mut self) -> u64 {
        self.minted += 1;
        self.minted
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
