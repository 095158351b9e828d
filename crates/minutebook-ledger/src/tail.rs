//! The newest frames, in memory: readers find in it what the store does not hold yet, and some more for those who follow
//! closely; the store takes from it what it has to write. How far the store may lag behind is bounded here; who waits for
//! that is the writer's affair.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use minutebook_domain::ids::Position;

use crate::frame::EncodedFrame;

/// How many bytes of frames may wait for the store before the writer waits too.
const LAG_BYTES: usize = 64 << 20;

/// So many bytes of frames stay when the store has them: whoever looks at the newest events a few times a second then
/// waits for no disk.
const KEPT_BYTES: usize = 1 << 20;

/// The store takes about this much at once: it keeps its readers waiting while it writes.
const TAKE_BYTES: usize = 1 << 20;

/// So long it waits for that much, because writing a little at a time costs far more.
const TAKE_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Arc<EncodedFrame>>,
    /// How many of them, from the front, the store has written.
    kept: usize,
    kept_bytes: usize,
    /// How many after those the store has taken.
    taken: usize,
    taken_bytes: usize,
    /// The bytes of frames the store has not written.
    lag_bytes: usize,
    is_closed: bool,
}

impl State {
    /// The next frame that the store has not taken.
    fn waiting(&self) -> Option<&Arc<EncodedFrame>> {
        self.frames.get(self.kept.saturating_add(self.taken))
    }
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
        let was_idle = state.waiting().is_none();
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
        while state.waiting().is_none() {
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
            && let Some(frame) = state.waiting().cloned()
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
        while state.taken > 0
            && let Some(frame) = state.frames.get(state.kept).filter(|frame| frame.next() <= next_chunk)
        {
            state.kept_bytes = state.kept_bytes.saturating_add(frame.bytes().len());
            state.kept = state.kept.saturating_add(1);
            state.taken = state.taken.saturating_sub(1);
        }
        while state.kept_bytes > KEPT_BYTES
            && let Some(frame) = state.frames.pop_front()
        {
            state.kept_bytes = state.kept_bytes.saturating_sub(frame.bytes().len());
            state.kept = state.kept.saturating_sub(1);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameBuilder;

    /// Frames of one event of half of what is kept, from position 0 on.
    fn frames(count: u64) -> Vec<Arc<EncodedFrame>> {
        let frame = |position| {
            let mut frame = FrameBuilder::new(position, [0; 32]);
            frame.push(&format!("request-{position}"), &[0; 32], &[vec![b'e'; KEPT_BYTES / 2]]).expect("a frame");
            Arc::new(frame.finish())
        };
        (0..count).map(frame).collect()
    }

    #[test]
    fn what_the_store_has_stays_for_a_while() {
        let tail = Tail::default();
        for frame in frames(4) {
            tail.push(frame);
        }
        let here = || (0..5).filter(|position| tail.event(*position).is_some()).collect::<Vec<_>>();
        let mut written = 0;
        while written < 4 {
            let taken = tail.take().expect("frames");
            written += u64::try_from(taken.len()).expect("a number");
            assert_eq!(taken.last().map(|frame| frame.next()), Some(written), "each is taken once");
            tail.release(written);
        }
        assert_eq!((here(), tail.lag_bytes()), (vec![3], 0), "two would be more than are kept");
        // What the store has not written is not let go, however much it is.
        for frame in frames(9).into_iter().skip(4) {
            tail.push(frame);
        }
        assert!(tail.event(3).is_some() && tail.event(8).is_some());
        tail.take().expect("frames");
        tail.release(4);
        assert!((4..9).all(|position| tail.event(position).is_some()), "the store has none of them yet");
    }
}
