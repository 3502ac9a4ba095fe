//! Turns at work that takes long: as much goes on at once as there are places for, and next comes who has least under way.

use core::net::IpAddr;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openai_mcp_kernel::budget::network;
use tokio::sync::oneshot;

/// Places for work, and who waits for one.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Mutex<Queue>>);

#[derive(Debug)]
struct Queue {
    free: usize,
    /// How many places each address has; nothing stands for those on this machine.
    running: HashMap<Option<IpAddr>, usize>,
    waiting: VecDeque<(Option<IpAddr>, oneshot::Sender<Turn>)>,
}

/// A place, free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    by: Option<IpAddr>,
}

impl Turns {
    /// So many places.
    pub(crate) fn new(places: usize) -> Self {
        let queue = Queue { free: places, running: HashMap::new(), waiting: VecDeque::new() };
        Turns(Arc::new(Mutex::new(queue)))
    }

    /// Waits for a place. Who waits for one that has fewer than others comes before them.
    pub(crate) async fn wait(&self, by: Option<IpAddr>) -> Option<Turn> {
        let (sender, turn) = oneshot::channel();
        self.queue().waiting.push_back((by.map(network), sender));
        self.give();
        turn.await.ok()
    }

    /// Gives free places to those that wait.
    fn give(&self) {
        loop {
            let mut queue = self.queue();
            queue.waiting.retain(|(_, sender)| !sender.is_closed());
            let Queue { free, running, waiting } = &mut *queue;
            let count = |(_, (by, _)): &(usize, &(Option<IpAddr>, _))| running.get(by).copied().unwrap_or_default();
            let next = waiting.iter().enumerate().min_by_key(count).map(|(index, _)| index);
            let Some((by, sender)) = next.filter(|_| *free > 0).and_then(|index| waiting.remove(index)) else { return };
            *free -= 1;
            *running.entry(by).or_default() += 1;
            drop(queue);
            // Whoever has gone meanwhile lets it fall, which gives it on.
            let _ = sender.send(Turn { turns: self.clone(), by });
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.turns.queue();
        queue.free += 1;
        if let Some(count) = queue.running.get_mut(&self.by) {
            *count -= 1;
            if *count == 0 {
                queue.running.remove(&self.by);
            }
        }
        drop(queue);
        self.turns.give();
    }
}
