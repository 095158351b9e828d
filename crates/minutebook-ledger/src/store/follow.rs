//! The thread that brings the store up to the journal, and the slot through which readers reach the store while it can
//! be trusted. Nobody waits for this thread but a writer that is too far ahead of it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use minutebook_domain::ids::Position;

use super::{Applied, Cutter, Store, StoreError};
use crate::frame::EncodedFrame;
use crate::tail::Tail;

/// The store, as long as it can be trusted.
#[derive(Debug)]
pub(crate) struct StoreSlot {
    store: ArcSwapOption<Store>,
    applied: AtomicU64,
    next_chunk: AtomicU64,
    degraded: OnceLock<String>,
}

impl StoreSlot {
    pub(crate) fn new(store: Store, applied: &Applied) -> Self {
        Self {
            store: ArcSwapOption::from_pointee(store),
            applied: AtomicU64::new(applied.head.next),
            next_chunk: AtomicU64::new(applied.next_chunk),
            degraded: OnceLock::new(),
        }
    }

    /// A slot for a ledger that cannot have a store.
    pub(crate) fn without(reason: String) -> Self {
        Self {
            store: ArcSwapOption::empty(),
            applied: AtomicU64::new(0),
            next_chunk: AtomicU64::new(0),
            degraded: OnceLock::from(reason),
        }
    }

    /// The events from `position` to the end of its chunk, or `None` if the journal must be asked.
    pub(crate) fn events(&self, position: Position) -> Option<Vec<Bytes>> {
        let store = self.store.load();
        let store = store.as_ref().filter(|_| position < self.next_chunk.load(Ordering::Acquire))?;
        match store.events(position) {
            Ok(events) => Some(events),
            Err(error) => {
                self.degrade(&error);
                None
            }
        }
    }

    /// How many events have been applied.
    pub(crate) fn applied(&self) -> Position {
        self.applied.load(Ordering::Acquire)
    }

    /// Why the store is not used, if it is not.
    pub(crate) fn degraded(&self) -> Option<&str> {
        self.degraded.get().map(String::as_str)
    }

    /// Do without the store from now on, and build a new one at the next start.
    fn degrade(&self, error: &StoreError) {
        if self.degraded.set(error.to_string()).is_ok() {
            tracing::error!(%error, "the store is not used any more; a new one is built at the next start");
        }
        if let Some(store) = self.store.load().as_ref() {
            store.distrust(&error.to_string());
        }
        self.close();
    }

    /// Close the store, whoever still holds this slot.
    fn close(&self) {
        // A reader that is using it at this moment is the last to let go of it.
        if let Some(store) = self.store.swap(None).and_then(Arc::into_inner) {
            store.close();
        }
    }
}

/// The running thread.
#[derive(Debug)]
pub(crate) struct Follower {
    thread: Option<JoinHandle<()>>,
    slot: Arc<StoreSlot>,
    tail: Arc<Tail>,
}

impl Follower {
    /// Start to follow. The tail's first frame must hold [`Applied::replay_from`].
    pub(crate) fn start(slot: Arc<StoreSlot>, applied: &Applied, tail: Arc<Tail>) -> io::Result<Self> {
        let cutter = Cutter::new(applied);
        let (thread_slot, thread_tail) = (Arc::clone(&slot), Arc::clone(&tail));
        let thread =
            thread::Builder::new().name("store".into()).spawn(move || follow(&thread_slot, cutter, &thread_tail))?;
        Ok(Self { thread: Some(thread), slot, tail })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.tail.close();
        // It ends when everything has been applied; errors have been reported through the slot.
        let _ = self.thread.take().map(JoinHandle::join);
        self.slot.close();
    }
}

fn follow(slot: &StoreSlot, mut cutter: Cutter, tail: &Tail) {
    while let Some(frames) = tail.take() {
        // INVARIANT: this thread outlives every failure of the store. Without it the writer would wait for ever.
        let applied = catch_unwind(AssertUnwindSafe(|| apply(slot, &mut cutter, &frames)));
        if let Err(error) = applied.unwrap_or(Err(StoreError::Panicked)) {
            slot.degrade(&error);
        }
        // Without a store the journal is read, and the frames need not be kept for anybody.
        let next_chunk = if slot.degraded().is_some() { Position::MAX } else { cutter.applied().next_chunk };
        tail.release(next_chunk);
    }
}

fn apply(slot: &StoreSlot, cutter: &mut Cutter, frames: &[Arc<EncodedFrame>]) -> Result<(), StoreError> {
    let store = slot.store.load_full();
    let Some(store) = store else { return Ok(()) };
    for frame in frames {
        cutter.push(&frame.view()?);
    }
    let applied = cutter.applied();
    store.write(&mut cutter.writes, &applied)?;
    slot.applied.store(applied.head.next, Ordering::Release);
    slot.next_chunk.store(applied.next_chunk, Ordering::Release);
    Ok(())
}
