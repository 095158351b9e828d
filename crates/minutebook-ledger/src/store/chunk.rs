//! The values the store keeps, byte by byte: chunks of events and blocks of request ids. Both are cut by rules that
//! look at nothing but the events from position 0 on, so that a store that is rebuilt is the same key for key. It
//! does not know where values are kept.
//!
//! All integers in values are little-endian.
//!
//! A **chunk**, under the position of its first event:
//!
//! | field    | size  | meaning |
//! |----------|-------|---------|
//! | checksum | 4     | CRC-32C of the rest |
//! | first    | 8     | position of the first event; a value under a wrong key is found out |
//! | count    | 1     | number of events, 1 to 16 |
//! | lengths  | 4 × n | length of each event |
//! | events   | rest  | the bytes of the events, one after the other |
//!
//! Chunks are cut greedily: an event joins the chunk unless that has 16 events already or its events would have more
//! than 64 KiB together.
//!
//! A **block** of request ids, under a multiple of 4,096, holds the commands whose first event is among the 4,096
//! positions from there: checksum and first as above, then 16 bytes for each command: the first 8 bytes of the SHA-256
//! of its request id, and the position of its first event.
//!
//! A **block of leaves** holds the hashes, as entries of the transparency log, of the 4,096 events from a position on:
//! checksum and first as above, then 32 bytes for each event.

use bytes::Bytes;
use minutebook_domain::ids::Position;

use crate::parts::{Hash, Parts};
use crate::requests::Entry;

const CHUNK_EVENTS: usize = 16;
const CHUNK_BYTES: usize = 64 << 10;

/// How many positions a block of request ids covers.
pub(super) const BLOCK_POSITIONS: u64 = 4096;

/// The block that covers `position`.
pub(crate) fn block_of(position: Position) -> Position {
    position - position % BLOCK_POSITIONS
}

/// A value and the position it is kept under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) first: Position,
    pub(super) bytes: Vec<u8>,
}

fn seal(first: Position, rest: &[&[u8]]) -> Value {
    let mut bytes = vec![0; 4];
    bytes.extend_from_slice(&first.to_le_bytes());
    for part in rest {
        bytes.extend_from_slice(part);
    }
    let sum = crc32c::crc32c(bytes.get(4..).unwrap_or_default());
    bytes.splice(..4, sum.to_le_bytes());
    Value { first, bytes }
}

/// The parts of a value after its first position, if checksum and position are right.
fn unseal(first: Position, bytes: &[u8]) -> Option<Parts<'_>> {
    let mut parts = Parts::new(bytes);
    let sum = parts.u32()?;
    let is_sound = crc32c::crc32c(parts.rest()) == sum && parts.u64()? == first;
    is_sound.then_some(parts)
}

/// A chunk in the making.
#[derive(Debug)]
pub(super) struct ChunkBuilder {
    first: Position,
    lengths: Vec<u8>,
    events: Vec<u8>,
}

impl ChunkBuilder {
    pub(super) fn new(first: Position) -> Self {
        Self { first, lengths: Vec::new(), events: Vec::new() }
    }

    /// Position of the first event that is in no finished chunk.
    pub(super) fn first(&self) -> Position {
        self.first
    }

    fn count(&self) -> usize {
        self.lengths.len() / 4
    }

    /// Add the next event. Gives the chunk that is finished by it, if one is.
    pub(super) fn push(&mut self, event: &[u8]) -> Option<Value> {
        let is_over = self.count() > 0 && self.events.len().saturating_add(event.len()) > CHUNK_BYTES;
        let before = is_over.then(|| self.finish());
        self.lengths.extend_from_slice(&u32::try_from(event.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.events.extend_from_slice(event);
        // A chunk that has just been begun is never full, so at most one is finished.
        before.or_else(|| (self.count() == CHUNK_EVENTS).then(|| self.finish()))
    }

    fn finish(&mut self) -> Value {
        let count = self.count();
        let value = seal(self.first, &[&[u8::try_from(count).unwrap_or(u8::MAX)], &self.lengths, &self.events]);
        *self = Self::new(self.first.saturating_add(u64::try_from(count).unwrap_or(u64::MAX)));
        value
    }
}

/// The events of a chunk from `position` on. `None` if the value is damaged or does not reach that far.
pub(super) fn chunk_events(first: Position, bytes: &Bytes, position: Position) -> Option<Vec<Bytes>> {
    let mut parts = unseal(first, bytes)?;
    let count = usize::from(parts.u8()?);
    let mut lengths = Parts::new(parts.take(count.checked_mul(4)?)?);
    let skip = usize::try_from(position.checked_sub(first)?).ok()?;
    let mut events = Vec::with_capacity(count);
    while let Some(length) = lengths.u32() {
        let span = parts.span(usize::try_from(length).ok()?)?;
        events.push(bytes.slice(span));
    }
    (skip < events.len() && parts.is_empty()).then(|| events.split_off(skip))
}

/// The value of a block.
pub(super) fn block(first: Position, entries: &[Entry]) -> Value {
    let mut rest = Vec::with_capacity(entries.len().saturating_mul(16));
    for entry in entries {
        rest.extend_from_slice(&entry.key.to_le_bytes());
        rest.extend_from_slice(&entry.first.to_le_bytes());
    }
    seal(first, &[&rest])
}

/// Add the entries of a block to `entries`. `None` if the value is damaged.
pub(super) fn block_entries(first: Position, bytes: &[u8], entries: &mut Vec<Entry>) -> Option<()> {
    let mut parts = unseal(first, bytes)?;
    while !parts.is_empty() {
        entries.push(Entry { key: parts.u64()?, first: parts.u64()? });
    }
    Some(())
}

/// The value of a block of leaves.
pub(super) fn leaves(first: Position, hashes: &[Hash]) -> Value {
    seal(first, &[hashes.as_flattened()])
}

/// The hashes of a block of leaves. `None` if the value is damaged.
pub(super) fn block_leaves(first: Position, bytes: &[u8]) -> Option<&[Hash]> {
    let (hashes, rest) = unseal(first, bytes)?.rest().as_chunks();
    (rest.is_empty() && u64::try_from(hashes.len()) == Ok(BLOCK_POSITIONS)).then_some(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(events: &[Vec<u8>]) -> Vec<Value> {
        let mut builder = ChunkBuilder::new(0);
        events.iter().filter_map(|event| builder.push(event)).collect()
    }

    #[test]
    fn a_chunk_holds_sixteen_events_or_64_kib() {
        let small = cut(&vec![vec![7; 10]; 40]);
        assert_eq!(small.iter().map(|value| value.first).collect::<Vec<_>>(), [0, 16]);
        let large = cut(&vec![vec![7; 30_000]; 5]);
        assert_eq!(large.iter().map(|value| value.first).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn events_come_back_and_a_changed_bit_does_not() {
        let events: Vec<Vec<u8>> = (0..16_u8).map(|n| vec![n; usize::from(n) + 1]).collect();
        let value = cut(&events).remove(0);
        let found = chunk_events(0, &value.bytes.clone().into(), 3).expect("sound");
        assert_eq!(found, events[3..]);
        assert_eq!(chunk_events(16, &value.bytes.clone().into(), 16), None, "under a wrong key");
        for bit in 0..value.bytes.len() * 8 {
            let mut bytes = value.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(chunk_events(0, &bytes.into(), 0), None, "bit {bit}");
        }
    }

    #[test]
    fn a_block_of_leaves_comes_back_whole() {
        let hashes: Vec<Hash> = (0..4096_u32).map(|n| crate::frame::sha256(&n.to_le_bytes())).collect();
        let value = leaves(4096, &hashes);
        assert_eq!(block_leaves(4096, &value.bytes), Some(hashes.as_slice()));
        assert_eq!(block_leaves(0, &value.bytes), None, "under a wrong key");
        assert_eq!(block_leaves(0, &leaves(0, &hashes[1..]).bytes), None, "one is missing");
    }

    #[test]
    fn a_block_comes_back() {
        let entries = vec![Entry { key: 9, first: 4097 }, Entry { key: 1, first: 4100 }];
        let value = block(4096, &entries);
        let mut found = Vec::new();
        assert_eq!(block_entries(4096, &value.bytes, &mut found), Some(()));
        assert_eq!(found, entries);
        assert_eq!(block_entries(0, &value.bytes, &mut found), None);
    }
}
