//! The newest frames, in memory: readers find in it what the store does not hold yet, and the store takes from it what
//! it has to write. How far the store may lag behind is bounded here; who waits for that is the writer's affair.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use minutebook_domain::ids::Position;

use crate::frame::EncodedFrame;

/// How many bytes of frames may wait for the store before the writer waits too.
const LAG_BYTES: usize = 64 << 20;

/// The store takes about this much at once: it keeps its readers waiting while it writes.
const TAKE_BYTES: usize = 1 << 20;

/// So long it waits for that much, because writing a little at a time costs far more.
const TAKE_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Arc<EncodedFrame>>,
    /// How many of them, from the front, the store has taken.
    taken: usize,
    taken_bytes: usize,
    /// The bytes of frames the store has not written.
    lag_bytes: usize,
    is_closed: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    state: Mutex<State>,
    changed: Condvar,
}

impl Tail {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Add the newest frame. Never waits.
    pub(crate) fn push(&self, frame: Arc<EncodedFrame>) {
        let mut state = self.state();
        let was_idle = state.taken == state.frames.len();
        state.lag_bytes = state.lag_bytes.saturating_add(frame.bytes().len());
        state.frames.push_back(frame);
        // In between the store waits for more, and is not woken for each frame.
        if was_idle || state.lag_bytes >= TAKE_BYTES {
            self.changed.notify_all();
        }
    }

    /// Wait until the store is not too far behind.
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.state();
        while state.lag_bytes > LAG_BYTES && !state.is_closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The bytes of the frames that the store has not written.
    pub(crate) fn lag_bytes(&self) -> usize {
        self.state().lag_bytes
    }

    /// For the store: the next frames, about as many as are good to write at once; waits for some. `None` when there will be no more.
    pub(crate) fn take(&self) -> Option<Vec<Arc<EncodedFrame>>> {
        let mut state = self.state();
        while state.taken == state.frames.len() {
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let waits = |state: &mut State| state.lag_bytes < TAKE_BYTES && !state.is_closed;
        let (mut state, _) =
            self.changed.wait_timeout_while(state, TAKE_PAUSE, waits).unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while state.taken_bytes < TAKE_BYTES
            && let Some(frame) = state.frames.get(state.taken).cloned()
        {
            state.taken = state.taken.saturating_add(1);
            state.taken_bytes = state.taken_bytes.saturating_add(frame.bytes().len());
            taken.push(frame);
        }
        Some(taken)
    }

    /// For the store: everything taken has been dealt with, and events before `next_chunk` are found elsewhere.
    pub(crate) fn release(&self, next_chunk: Position) {
        let mut state = self.state();
        while state.taken > 0 && state.frames.front().is_some_and(|frame| frame.next() <= next_chunk) {
            state.frames.pop_front();
            state.taken = state.taken.saturating_sub(1);
        }
        state.lag_bytes = state.lag_bytes.saturating_sub(state.taken_bytes);
        state.taken_bytes = 0;
        self.changed.notify_all();
    }

    /// No frame will be pushed any more.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// The frame that holds `position`, if it is here.
    pub(crate) fn frame_holding(&self, position: Position) -> Option<Arc<EncodedFrame>> {
        let state = self.state();
        let index = state.frames.partition_point(|frame| frame.next() <= position);
        state.frames.get(index).filter(|frame| frame.first() <= position).cloned()
    }

    /// The event at `position`, if it is here.
    pub(crate) fn event(&self, position: Position) -> Option<Bytes> {
        self.frame_holding(position)?.event(position)
    }
}
