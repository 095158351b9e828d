//! The subscriptions that are open, and how far each has come.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minutebook_domain::ids::Position;

/// Everybody who follows the ledger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscribers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// How many there ever were, which numbers them.
    entered: u64,
    /// The position of the event that each needs next.
    next: HashMap<u64, Arc<AtomicU64>>,
}

/// How far the subscriptions are behind, in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) open: usize,
    pub(super) entered: u64,
    pub(super) largest: u64,
    pub(super) summed: u64,
}

impl Subscribers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more follows the ledger, from this position on, until what this gives is dropped.
    pub(crate) fn enter(&self, from: Position) -> Subscriber {
        let next = Arc::new(AtomicU64::new(from));
        let mut state = self.state();
        let number = state.entered;
        state.entered = number.saturating_add(1);
        state.next.insert(number, Arc::clone(&next));
        drop(state);
        Subscriber { number, next, all: self.clone() }
    }

    /// How far they are behind a ledger of so many events.
    pub(super) fn behind(&self, head: Position) -> Behind {
        let state = self.state();
        let (mut largest, mut summed) = (0, 0_u64);
        for next in state.next.values() {
            let lag = head.saturating_sub(next.load(Relaxed));
            largest = lag.max(largest);
            summed = summed.saturating_add(lag);
        }
        Behind { open: state.next.len(), entered: state.entered, largest, summed }
    }
}

/// A subscription that is open.
#[derive(Debug)]
#[must_use]
pub(crate) struct Subscriber {
    number: u64,
    next: Arc<AtomicU64>,
    all: Subscribers,
}

impl Subscriber {
    /// It has passed every event before this position.
    pub(crate) fn reached(&self, next: Position) {
        self.next.store(next, Relaxed);
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.all.state().next.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_counts_until_it_is_dropped() {
        let all = Subscribers::default();
        let behind = |head| {
            let Behind { open, entered, largest, summed } = all.behind(head);
            (open, entered, largest, summed)
        };
        assert_eq!(behind(10), (0, 0, 0, 0));
        let first = all.enter(0);
        let second = all.enter(8);
        assert_eq!(behind(10), (2, 2, 10, 12));
        first.reached(9);
        assert_eq!(behind(10), (2, 2, 2, 3));
        // One that waits for an event far ahead is not behind.
        second.reached(20);
        assert_eq!(behind(10), (2, 2, 1, 1));
        drop(first);
        assert_eq!(behind(10), (1, 2, 0, 0));
        drop(second);
        assert_eq!(behind(10), (0, 2, 0, 0));
    }
}
