//! For how long a peer has taken nothing of what waits for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nobody waits.
const NEVER: u64 = u64::MAX;

/// Everything of one connection that may wait for its peer.
#[derive(Debug)]
pub(super) struct Stalls {
    begun: Instant,
    next: AtomicU64,
    // Since when each waits, in milliseconds from the beginning.
    waiting: Mutex<HashMap<u64, Arc<AtomicU64>>>,
}

impl Stalls {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), next: AtomicU64::new(0), waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Arc<AtomicU64>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(NEVER)
    }

    /// For how long the one has waited that waits longest.
    pub(super) fn longest(&self) -> Duration {
        let first = self.waiting().values().map(|since| since.load(Ordering::Relaxed)).min();
        Duration::from_millis(self.now_ms().saturating_sub(first.unwrap_or(NEVER)))
    }

    /// Something more that may wait.
    pub(super) fn add(self: &Arc<Self>) -> Stall {
        let (id, since) = (self.next.fetch_add(1, Ordering::Relaxed), Arc::new(AtomicU64::new(NEVER)));
        self.waiting().insert(id, Arc::clone(&since));
        Stall { stalls: Arc::clone(self), id, since }
    }
}

/// Something that may wait for the peer.
#[derive(Debug)]
pub(super) struct Stall {
    stalls: Arc<Stalls>,
    id: u64,
    since: Arc<AtomicU64>,
}

impl Stall {
    /// There is something for the peer, which has not taken it yet. Waiting begins where it had not.
    pub(super) fn wait(&self) {
        if self.since.load(Ordering::Relaxed) == NEVER {
            self.since.store(self.stalls.now_ms(), Ordering::Relaxed);
        }
    }

    /// The peer took it.
    pub(super) fn taken(&self) {
        self.since.store(NEVER, Ordering::Relaxed);
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.stalls.waiting().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_waits_longest_counts_until_it_is_taken_or_gone() {
        let stalls = Arc::new(Stalls::new());
        let (one, other) = (stalls.add(), stalls.add());
        assert_eq!(stalls.longest(), Duration::ZERO);
        one.since.store(0, Ordering::Relaxed);
        other.wait();
        while stalls.longest().is_zero() {
            std::thread::yield_now();
        }
        // It waits since then, and not since it was looked at again.
        one.wait();
        assert_eq!(one.since.load(Ordering::Relaxed), 0);
        one.taken();
        assert!(stalls.longest() < stalls.begun.elapsed());
        drop(other);
        assert_eq!(stalls.longest(), Duration::ZERO);
    }
}
