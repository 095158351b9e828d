//! The frame: the unit that is appended, and the only thing a log holds. This module is the format, field by field;
//! it reads and writes no file.
//!
//! A frame holds whole commands and their events. All integers are little-endian. Sizes are in bytes.
//!
//! | field    | size  | meaning |
//! |----------|-------|---------|
//! | length   | 4     | how many bytes follow the checksum; never 0, so that zero-filled space is not a frame |
//! | checksum | 4     | CRC-32C (Castagnoli) of the four length bytes and of everything after the checksum |
//! | first    | 8     | position of the first event in the frame |
//! | count    | 4     | number of events in the frame, at least 1 |
//! | previous | 32    | SHA-256 of the whole previous frame, from its length to its last byte |
//! | commands | rest  | one or more commands, one after the other, up to the end of the frame |
//!
//! A command:
//!
//! | field      | size  | meaning |
//! |------------|-------|---------|
//! | id length  | 1     | length of the request id; what was recorded has 1 to 64 |
//! | request id | above | ASCII text the client chose |
//! | digest     | 32    | SHA-256 of the deterministic encoding of the parsed request |
//! | count      | 4     | number of its events, at least 1 |
//! | events     | rest  | that many times: length (4), then the event's bytes exactly as they were recorded |
//!
//! **The chain.** The frame that holds position 0 holds the founding event and nothing else. Its `previous` is the
//! SHA-256 of the founding event's bytes, so that two ledgers never share a chain. Every later frame carries the
//! SHA-256 of the frame before it.

use std::cell::OnceCell;
use std::ops::Range;

use bytes::Bytes;
use minutebook_domain::ids::Position;
use sha2::{Digest as _, Sha256};

use crate::parts::{Hash, Parts};

/// The largest frame, prefix included.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// Length and checksum.
pub(crate) const PREFIX_BYTES: usize = 8;

/// Prefix, first position, count and previous hash.
const HEADER_BYTES: usize = PREFIX_BYTES + 8 + 4 + 32;

/// What can be wrong with bytes that ought to be a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The length cannot be that of a frame in this place.
    #[error("the length does not fit")]
    Length,
    /// The checksum does not match the bytes.
    #[error("the checksum does not match")]
    Checksum,
    /// The checksum matches, yet the parts do not add up to a frame.
    #[error("the parts do not add up to a frame")]
    Structure,
    /// It is a sound frame, but not the one that belongs here.
    #[error("a frame of position {found} stands here")]
    Misplaced {
        /// The position found in the frame.
        found: Position,
    },
    /// The frame before it is not the one it was written after.
    #[error("the chain of hashes is broken")]
    Chain,
    /// The file says of itself something that cannot be.
    #[error("the header of the file is damaged")]
    Header,
    /// Frames that were there are gone.
    #[error("the frames end here, but {witness} has seen them up to position {seen}")]
    Missing {
        /// Who has seen more.
        witness: String,
        /// How many events the witness has seen.
        seen: Position,
    },
}

/// SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), body)
}

/// How long the frame is that starts with these eight bytes, prefix included. `None` in zero-filled space.
pub(crate) fn announced_bytes(prefix: [u8; PREFIX_BYTES]) -> Result<Option<usize>, Damage> {
    let [a, b, c, d, ..] = prefix;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| Damage::Length)?;
    if prefix == [0; PREFIX_BYTES] {
        return Ok(None);
    }
    let whole = length.checked_add(PREFIX_BYTES).ok_or(Damage::Length)?;
    if whole <= HEADER_BYTES || whole > MAX_FRAME_BYTES {
        return Err(Damage::Length);
    }
    Ok(Some(whole))
}

/// A frame whose checksum and structure have been checked, borrowed from the place it was read into.
// INVARIANT: made by `parse` only, which walks every part once; the iterators below rely on it.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    first: Position,
    count: u32,
    previous: Hash,
    hash: OnceCell<Hash>,
    commands: Parts<'a>,
}

impl<'a> Frame<'a> {
    /// Check the bytes of one whole frame.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let mut parts = Parts::new(bytes);
        let prefix = parts.array().ok_or(Damage::Length)?;
        if announced_bytes(*prefix)? != Some(bytes.len()) {
            return Err(Damage::Length);
        }
        let [l0, l1, l2, l3, c0, c1, c2, c3] = *prefix;
        if checksum([l0, l1, l2, l3], parts.rest()) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(Damage::Checksum);
        }
        Self::parse_body(bytes, parts).ok_or(Damage::Structure)
    }

    fn parse_body(bytes: &'a [u8], mut parts: Parts<'a>) -> Option<Self> {
        let first = parts.u64()?;
        let count = parts.u32()?;
        let previous = *parts.array()?;
        let frame = Self { bytes, first, count, previous, hash: OnceCell::new(), commands: parts.clone() };
        first.checked_add(u64::from(count))?;
        let mut counted = 0_u32;
        while !parts.is_empty() {
            let command = RecordedCommand::parse(&mut parts, first)?;
            counted = counted.checked_add(command.count)?;
        }
        (counted == count && count > 0).then_some(frame)
    }

    /// The bytes of the whole frame.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Position of the first event.
    pub fn first(&self) -> Position {
        self.first
    }

    /// Position after the last event.
    pub fn next(&self) -> Position {
        self.first.saturating_add(u64::from(self.count))
    }

    /// SHA-256 of the frame before this one.
    pub fn previous(&self) -> &Hash {
        &self.previous
    }

    /// SHA-256 of this frame. It is computed at the first call.
    pub fn hash(&self) -> Hash {
        *self.hash.get_or_init(|| sha256(self.bytes))
    }

    /// The commands in the order they were decided.
    pub fn commands(&self) -> impl Iterator<Item = RecordedCommand<'a>> + use<'a> {
        let mut parts = self.commands.clone();
        let mut first = self.first;
        std::iter::from_fn(move || {
            let command = RecordedCommand::parse(&mut parts, first)?;
            first = command.next();
            Some(command)
        })
    }

    /// The bytes of every event, in order.
    pub fn events(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.commands().flat_map(|command| command.events())
    }

    fn event_spans(&self) -> Vec<Range<usize>> {
        self.commands().flat_map(|command| spans(command.events, command.count)).collect()
    }
}

/// A command as a frame holds it.
#[derive(Debug, Clone)]
pub struct RecordedCommand<'a> {
    /// The id the client gave.
    pub request_id: &'a str,
    /// SHA-256 of the parsed request.
    pub digest: &'a Hash,
    /// Position of its first event.
    pub first: Position,
    /// How many events it gave.
    pub count: u32,
    events: Parts<'a>,
}

impl<'a> RecordedCommand<'a> {
    fn parse(parts: &mut Parts<'a>, first: Position) -> Option<Self> {
        let id_length = usize::from(parts.u8()?);
        let request_id = std::str::from_utf8(parts.take(id_length)?).ok()?;
        let digest = parts.array()?;
        let count = parts.u32()?;
        let events = parts.clone();
        for _ in 0..count {
            parts.counted_span()?;
        }
        (count > 0).then_some(Self { request_id, digest, first, count, events })
    }

    /// Position after its last event.
    pub fn next(&self) -> Position {
        self.first.saturating_add(u64::from(self.count))
    }

    /// The bytes of its events, in order.
    pub fn events(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut parts = self.events.clone();
        (0..self.count).map_while(move |_| {
            let length = usize::try_from(parts.u32()?).ok()?;
            parts.take(length)
        })
    }
}

fn spans(mut parts: Parts<'_>, count: u32) -> impl Iterator<Item = Range<usize>> {
    (0..count).map_while(move |_| parts.counted_span())
}

/// A frame that owns its bytes and knows where its events lie: ready to be appended, or kept in memory for readers.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    bytes: Bytes,
    first: Position,
    previous: Hash,
    hash: Hash,
    events: Vec<Range<usize>>,
}

impl EncodedFrame {
    /// A copy of a frame that was read.
    pub fn copy_of(frame: &Frame<'_>) -> Self {
        Self {
            bytes: Bytes::copy_from_slice(frame.bytes),
            first: frame.first,
            previous: frame.previous,
            hash: frame.hash(),
            events: frame.event_spans(),
        }
    }

    /// The bytes as they are written.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Position of the first event.
    pub fn first(&self) -> Position {
        self.first
    }

    /// Position after the last event.
    pub fn next(&self) -> Position {
        self.first.saturating_add(u64::try_from(self.events.len()).unwrap_or(u64::MAX))
    }

    /// SHA-256 of the frame before this one.
    pub fn previous(&self) -> &Hash {
        &self.previous
    }

    /// SHA-256 of this frame.
    pub fn hash(&self) -> &Hash {
        &self.hash
    }

    /// The bytes of the event at `position`, if it is in this frame. They share the frame's memory.
    pub fn event(&self, position: Position) -> Option<Bytes> {
        let index = usize::try_from(position.checked_sub(self.first)?).ok()?;
        self.events.get(index).map(|span| self.bytes.slice(span.clone()))
    }

    /// The bytes of every event, in order.
    pub fn events(&self) -> impl Iterator<Item = &[u8]> {
        self.events.iter().filter_map(|span| self.bytes.get(span.clone()))
    }

    /// The same frame, to walk its commands.
    pub fn view(&self) -> Result<Frame<'_>, Damage> {
        Ok(Frame { hash: OnceCell::from(self.hash), ..Frame::parse(&self.bytes)? })
    }
}

/// The command would make the frame larger than [`MAX_FRAME_BYTES`]; the frame is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frame would hold more than {MAX_FRAME_BYTES} bytes")]
pub struct FrameFull;

/// A frame in the making.
#[derive(Debug)]
pub struct FrameBuilder {
    bytes: Vec<u8>,
    first: Position,
    previous: Hash,
    events: Vec<Range<usize>>,
}

impl FrameBuilder {
    /// An empty frame after the frame with hash `previous`.
    pub fn new(first: Position, previous: Hash) -> Self {
        let mut bytes = vec![0; PREFIX_BYTES];
        bytes.extend_from_slice(&first.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&previous);
        Self { bytes, first, previous, events: Vec::new() }
    }

    /// The frame of position 0.
    pub fn founding(event: &[u8]) -> Self {
        Self::new(0, sha256(event))
    }

    /// Position after the last event so far.
    pub fn next(&self) -> Position {
        self.first.saturating_add(u64::try_from(self.events.len()).unwrap_or(u64::MAX))
    }

    /// Whether no command has been added.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many bytes the frame has so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Add a command and its events, or nothing at all.
    pub fn push(&mut self, request_id: &str, digest: &Hash, events: &[Vec<u8>]) -> Result<(), FrameFull> {
        let added: usize = events.iter().map(|event| event.len().saturating_add(4)).sum();
        let whole = self.bytes.len().saturating_add(1 + request_id.len() + digest.len() + 4).saturating_add(added);
        if whole > MAX_FRAME_BYTES {
            return Err(FrameFull);
        }
        let id_length = u8::try_from(request_id.len()).map_err(|_| FrameFull)?;
        self.bytes.reserve(whole.saturating_sub(self.bytes.len()));
        self.bytes.push(id_length);
        self.bytes.extend_from_slice(request_id.as_bytes());
        self.bytes.extend_from_slice(digest);
        self.bytes.extend_from_slice(&length_of(events.len()).to_le_bytes());
        for event in events {
            self.bytes.extend_from_slice(&length_of(event.len()).to_le_bytes());
            let start = self.bytes.len();
            self.bytes.extend_from_slice(event);
            self.events.push(start..self.bytes.len());
        }
        Ok(())
    }

    /// Fill in length, count and checksum.
    pub fn finish(mut self) -> EncodedFrame {
        let length = length_of(self.bytes.len().saturating_sub(PREFIX_BYTES)).to_le_bytes();
        let count = length_of(self.events.len()).to_le_bytes();
        if let Some(field) = self.bytes.get_mut(PREFIX_BYTES + 8..PREFIX_BYTES + 12) {
            field.copy_from_slice(&count);
        }
        let sum = checksum(length, self.bytes.get(PREFIX_BYTES..).unwrap_or_default()).to_le_bytes();
        for (byte, value) in self.bytes.iter_mut().zip(length.into_iter().chain(sum)) {
            *byte = value;
        }
        let hash = sha256(&self.bytes);
        EncodedFrame { bytes: self.bytes.into(), first: self.first, previous: self.previous, hash, events: self.events }
    }
}

/// A length that `push` has already held below [`MAX_FRAME_BYTES`], which fits in 32 bits.
fn length_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
