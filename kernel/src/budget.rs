//! What there is of something, for all who want it: memory, connections.

use core::net::{IpAddr, Ipv6Addr};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// So many units for all together. Of those no address has more than half, so that one caller leaves something to others.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// What somebody has of a [`Budget`]; given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    budget: Arc<Budget>,
    by: Option<IpAddr>,
    count: usize,
}

impl Budget {
    /// So many units.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Budget { most, taken: Mutex::default() })
    }

    /// Opens an account, with nothing taken yet, for an address or for somebody whom no share binds.
    pub fn open(self: &Arc<Self>, by: Option<IpAddr>) -> Held {
        Held { budget: self.clone(), by: by.map(network), count: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Takes more, if there is as much.
    #[must_use]
    pub fn take(&mut self, count: usize) -> bool {
        if count == 0 {
            return true;
        }
        let mut taken = self.budget.taken();
        if count > self.budget.most.saturating_sub(taken.all) {
            return false;
        }
        if let Some(by) = self.by {
            let share = taken.by.entry(by).or_default();
            if count > (self.budget.most / 2).max(1).saturating_sub(*share) {
                return false;
            }
            *share += count;
        }
        taken.all += count;
        self.count += count;
        true
    }

    /// Takes more, whether or not there is as much: of what is there already.
    pub fn owe(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let mut taken = self.budget.taken();
        taken.all += count;
        if let Some(by) = self.by {
            *taken.by.entry(by).or_default() += count;
        }
        self.count += count;
    }

    /// Gives all back.
    pub fn give_back(&mut self) {
        let count = std::mem::take(&mut self.count);
        if count == 0 {
            return;
        }
        let mut taken = self.budget.taken();
        taken.all -= count;
        if let Some(by) = self.by
            && let Some(share) = taken.by.get_mut(&by)
        {
            *share -= count;
            if *share == 0 {
                taken.by.remove(&by);
            }
        }
    }

    /// Bytes that hold on to what was taken for them, up to the last copy.
    pub fn keep(self, bytes: Bytes) -> Bytes {
        struct Kept {
            bytes: Bytes,
            _held: Held,
        }
        impl AsRef<[u8]> for Kept {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        if self.count == 0 { bytes } else { Bytes::from_owner(Kept { bytes, _held: self }) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// What stands for whoever has an address: who has one of IPv6 has 2^64 of them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}
