//! A log in memory that fails on command, so that tests can stop the write path at each of its steps. It keeps the
//! promises of [`Log`] and outlives the ledger that uses it, as a disk outlives a program.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use minutebook_domain::ids::Position;

use crate::frame::{EncodedFrame, Frame, FrameBuilder};
use crate::log::{AppendError, Corruption, Head, Log, LogError, Visitor};

/// How an append is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written, and the caller knows.
    Full,
    /// Nothing is written, but the caller cannot know.
    Lost,
    /// The frame is written, but the caller cannot know.
    Kept,
    /// Other events are written, and nobody notices.
    Altered,
}

#[derive(Debug)]
struct State {
    frames: Vec<EncodedFrame>,
    /// A frame that was written while the caller could not know; found at the next start.
    kept: Option<EncodedFrame>,
    fault: Option<Fault>,
    failed: bool,
}

/// See the module.
#[derive(Debug)]
pub struct MemoryLog(Mutex<State>);

impl MemoryLog {
    /// A log that holds the founding frame.
    pub fn found(founding: EncodedFrame) -> Self {
        Self(Mutex::new(State { frames: vec![founding], kept: None, fault: None, failed: false }))
    }

    /// Let the next append fail in this way.
    pub fn fail_next(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// What starting the program again does: what was kept is found, and frames can be appended again.
    pub fn restart(&self) {
        let mut state = self.state();
        state.failed = false;
        let kept = state.kept.take();
        state.frames.extend(kept);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn head(&self) -> Head {
        self.frames
            .last()
            .map_or(Head { next: 0, chain: [0; 32] }, |last| Head { next: last.next(), chain: *last.hash() })
    }
}

/// A sound frame of the same commands, each of whose events has another last byte.
fn altered(frame: &EncodedFrame) -> Option<EncodedFrame> {
    let mut other = FrameBuilder::new(frame.first(), *frame.previous());
    for command in frame.view().ok()?.commands() {
        let mut events: Vec<_> = command.events().map(<[u8]>::to_vec).collect();
        let last = events.iter_mut().filter_map(|event| event.last_mut());
        last.for_each(|byte| *byte ^= 1);
        other.push(command.request_id, command.digest, &events).ok()?;
    }
    Some(other.finish())
}

impl Log for MemoryLog {
    fn append(&self, expected_next: Position, frame: &EncodedFrame) -> Result<(), AppendError> {
        let mut state = self.state();
        let head = state.head();
        if state.failed {
            return Err(AppendError::Unknown(io::Error::other("an earlier write failed")));
        }
        if head.next != expected_next || head.next != frame.first() || head.chain != *frame.previous() {
            return Err(AppendError::Conflict(head));
        }
        match state.fault.take() {
            None => {
                state.frames.push(frame.clone());
                return Ok(());
            }
            Some(Fault::Full) => return Err(AppendError::Full),
            Some(Fault::Altered) => {
                let altered = altered(frame).ok_or_else(|| io::Error::other("it cannot be altered"))?;
                state.frames.push(altered);
                return Ok(());
            }
            Some(Fault::Lost) => {}
            Some(Fault::Kept) => state.kept = Some(frame.clone()),
        }
        state.failed = true;
        Err(AppendError::Unknown(io::Error::other("failed on command")))
    }

    fn read(&self, from: Position, visit: Visitor<'_>) -> Result<(), LogError> {
        let frames = self.state().frames.clone();
        for frame in frames.iter().filter(|frame| frame.next() > from) {
            let damaged = |damage| Corruption { position: frame.first(), file: PathBuf::new(), offset: 0, damage };
            if visit(&Frame::parse(frame.bytes()).map_err(damaged)?) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn is_near(&self, _: Position) -> bool {
        true
    }

    fn head(&self) -> Head {
        self.state().head()
    }
}
