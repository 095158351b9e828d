//! Reading the frames of one segment from front to back, through one buffer that is used again and again. It checks
//! each frame and that it follows the one before; it does not know which segment comes next.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use minutebook_domain::ids::Position;

use super::segment::{Mark, Segment};
use crate::frame::{Damage, Frame, PREFIX_BYTES, announced_bytes, sha256};
use crate::log::{IoFailure, LogError};
use crate::parts::Hash;

const READ_BYTES: usize = 128 << 10;

/// A place in a segment, and what the next frame there must look like.
pub(super) struct Scan<'a> {
    segment: &'a Segment,
    file: File,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    buffer_offset: u64,
    /// Where in the buffer the next frame begins.
    at: usize,
    /// The position the next frame must begin with.
    pub(super) next: Position,
    /// The hash the next frame must carry; unknown when the scan begins in the middle of a segment.
    pub(super) chain: Option<Hash>,
}

/// What stands at the place the scan has reached.
pub(super) enum Found<'b> {
    Frame(Frame<'b>),
    /// Zero-filled space, or the end of the file.
    End,
    /// Bytes that are not the frame that belongs here.
    Damaged(Damage),
}

impl<'a> Scan<'a> {
    /// Begin at the start of the segment, where the chain is known.
    pub(super) fn start(segment: &'a Segment) -> Result<Self, LogError> {
        let mark = segment.mark_before(segment.first);
        Self::at(segment, mark, Some(segment.previous))
    }

    /// Begin at the mark nearest before `position`.
    pub(super) fn near(segment: &'a Segment, position: Position) -> Result<Self, LogError> {
        let mark = segment.mark_before(position);
        let chain = (mark.first == segment.first).then_some(segment.previous);
        Self::at(segment, mark, chain)
    }

    fn at(segment: &'a Segment, mark: Mark, chain: Option<Hash>) -> Result<Self, LogError> {
        let file = File::open(&segment.path).map_err(IoFailure::of("open", &segment.path))?;
        let buffer = Vec::new();
        Ok(Self { segment, file, buffer, buffer_offset: mark.offset, at: 0, next: mark.first, chain })
    }

    /// Where in the file the next frame begins.
    pub(super) fn offset(&self) -> u64 {
        self.buffer_offset.saturating_add(u64::try_from(self.at).unwrap_or(u64::MAX))
    }

    /// Look at the next frame and, if it is the right one, go past it.
    pub(super) fn step(&mut self) -> Result<Found<'_>, LogError> {
        let offset = self.offset();
        let whole = match self.announced()? {
            Ok(Some(whole)) => whole,
            Ok(None) => return Ok(Found::End),
            Err(damage) => return Ok(Found::Damaged(damage)),
        };
        if !self.fill(whole)? {
            return Ok(Found::Damaged(Damage::Length));
        }
        let start = self.at;
        let end = start.saturating_add(whole);
        let frame = match Frame::parse(self.buffer.get(start..end).unwrap_or_default()) {
            Ok(frame) => frame,
            Err(damage) => return Ok(Found::Damaged(damage)),
        };
        if let Some(damage) = misfit(&frame, self.next, self.chain.as_ref()) {
            return Ok(Found::Damaged(damage));
        }
        self.segment.mark(Mark { first: frame.first(), offset });
        self.at = end;
        self.next = frame.next();
        self.chain = Some(frame.hash());
        Ok(Found::Frame(frame))
    }

    /// Like `step`, where anything but a frame or the end is an error.
    pub(super) fn step_sound(&mut self) -> Result<Option<Frame<'_>>, LogError> {
        let (segment, next, offset) = (self.segment, self.next, self.offset());
        match self.step()? {
            Found::Frame(frame) => Ok(Some(frame)),
            Found::End => Ok(None),
            Found::Damaged(damage) => Err(segment.corruption(next, offset, damage)),
        }
    }

    /// How long the next frame says it is.
    fn announced(&mut self) -> Result<Result<Option<usize>, Damage>, LogError> {
        if !self.fill(PREFIX_BYTES)? {
            return Ok(Ok(None));
        }
        let prefix = self.buffer.get(self.at..).and_then(<[u8]>::first_chunk);
        Ok(prefix.map_or(Ok(None), |prefix| announced_bytes(*prefix)))
    }

    /// Have at least `count` bytes in the buffer from `at`. `false` if the file ends before.
    fn fill(&mut self, count: usize) -> Result<bool, LogError> {
        let held = self.buffer.len().saturating_sub(self.at);
        if held >= count {
            return Ok(true);
        }
        self.buffer_offset = self.offset();
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.resize(count.max(READ_BYTES), 0);
        let mut filled = held;
        while filled < self.buffer.len() {
            let offset = self.buffer_offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match self.file.read_at(self.buffer.get_mut(filled..).unwrap_or_default(), offset) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(IoFailure::of("read", &self.segment.path)(error).into()),
            }
        }
        self.buffer.truncate(filled);
        Ok(filled >= count)
    }
}

/// Why a sound frame is not the one that belongs at `next`, after the frame with hash `chain`.
fn misfit(frame: &Frame<'_>, next: Position, chain: Option<&Hash>) -> Option<Damage> {
    if frame.first() != next {
        return Some(Damage::Misplaced { found: frame.first() });
    }
    if chain.is_some_and(|chain| chain != frame.previous()) {
        return Some(Damage::Chain);
    }
    // INVARIANT: the founding event seeds the chain, so that a frame of another ledger never fits.
    let is_unseeded = next == 0 && frame.events().next().map(sha256).as_ref() != Some(frame.previous());
    is_unseeded.then_some(Damage::Chain)
}
