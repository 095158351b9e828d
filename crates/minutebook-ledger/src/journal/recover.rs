//! What is done with the last segment before anything is served from it. It finds the end of the frames, tells a torn
//! tail from damage, and makes durable again what may live in the page cache only. Earlier segments need none of
//! this: the next one is begun only when every frame before it is durable.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;

use minutebook_domain::ids::Position;

use super::scan::{Found, Scan};
use super::segment::{self, Segment};
use crate::frame::{Damage, Frame, PREFIX_BYTES, announced_bytes};
use crate::log::{Head, IoFailure, LogError};
use crate::parts::Hash;

/// Something other than the journal that has seen how far the journal once was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What it is, in words for people: "the store".
    pub name: &'static str,
    /// How many events it has seen.
    pub next: Position,
    /// The hash of the frame before `next`, if it has noted that. With it, the witness also proves that the frames
    /// up to there are durable, for it is written after the sync.
    pub chain: Option<Hash>,
}

/// Where the frames of the last segment end.
#[derive(Debug)]
pub(super) struct Tip {
    pub(super) head: Head,
    pub(super) offset: u64,
    pub(super) capacity: u64,
}

/// Find the end of the last segment, repair what a crash leaves behind, and refuse everything else.
pub(super) fn recover(last: &Segment, witnesses: &[Witness]) -> Result<Tip, LogError> {
    let io = |action| IoFailure::of(action, &last.path);
    let file = OpenOptions::new().read(true).write(true).open(&last.path).map_err(io("open"))?;
    let Examined { end, capacity, is_torn } = examine(&file, last, witnesses)?;
    if is_torn {
        let position = end.head.next;
        tracing::warn!(position, file = %last.path.display(), "an unfinished write at the end of the journal is dropped");
        segment::zero(&file, end.offset, capacity).map_err(io("clear the end of"))?;
    }
    // INVARIANT: nothing is served, and nothing appended, before both the cleared tail and the frames that nobody has
    // proven durable are on the disk. After a failed sync or a killed program they may be in the page cache only,
    // marked clean, where a sync alone would not write them.
    write_again(&file, end.unproven_offset, end.offset).map_err(io("write again"))?;
    if is_torn || end.unproven_offset < end.offset {
        file.sync_data().map_err(io("sync"))?;
    }
    Ok(Tip { head: end.head, offset: end.offset, capacity })
}

/// Find the end of the last segment as a start would, and write nothing.
pub(super) fn inspect(last: &Segment, witnesses: &[Witness]) -> Result<Tip, LogError> {
    let file = File::open(&last.path).map_err(IoFailure::of("open", &last.path))?;
    let Examined { end, capacity, .. } = examine(&file, last, witnesses)?;
    Ok(Tip { head: end.head, offset: end.offset, capacity })
}

/// What is known of the last segment before anything is done with it.
struct Examined {
    end: End,
    capacity: u64,
    /// Something was being written after the end.
    is_torn: bool,
}

fn examine(file: &File, last: &Segment, witnesses: &[Witness]) -> Result<Examined, LogError> {
    let io = |action| IoFailure::of(action, &last.path);
    let end = find_end(last, witnesses)?;
    check_witnesses(last, &end, witnesses)?;
    let capacity = file.metadata().map_err(io("read"))?.len();
    let mut rest = vec![0; usize::try_from(capacity.saturating_sub(end.offset)).unwrap_or(0)];
    file.read_exact_at(&mut rest, end.offset).map_err(io("read"))?;
    let is_torn = rest.iter().any(|byte| *byte != 0);
    // After a clean end there is nothing to look through, and mostly megabytes of it.
    let damage = if is_torn { end.fatal_damage(&rest) } else { None };
    if let Some(damage) = damage {
        return Err(last.corruption(end.head.next, end.offset, damage));
    }
    Ok(Examined { end, capacity, is_torn })
}

/// The end of the sound frames.
struct End {
    head: Head,
    offset: u64,
    /// Frames from here on are not known to be durable.
    unproven_offset: u64,
    damage: Option<Damage>,
}

impl End {
    /// Damage that a torn write cannot have left.
    fn fatal_damage(&self, rest: &[u8]) -> Option<Damage> {
        match &self.damage {
            // The checksum matched: these bytes were written whole, but they do not belong here.
            Some(damage @ (Damage::Misplaced { .. } | Damage::Chain | Damage::Structure)) => Some(damage.clone()),
            damage => holds_frame(rest, self.head.next).then(|| damage.clone().unwrap_or(Damage::Length)),
        }
    }
}

fn find_end(last: &Segment, witnesses: &[Witness]) -> Result<End, LogError> {
    let mut scan = Scan::start(last)?;
    let mut unproven_offset = scan.offset();
    loop {
        let damage = match scan.step()? {
            Found::Frame(_) => None,
            Found::End => Some(None),
            Found::Damaged(damage) => Some(Some(damage)),
        };
        let head = Head { next: scan.next, chain: scan.chain.unwrap_or(last.previous) };
        if let Some(damage) = damage {
            return Ok(End { head, offset: scan.offset(), unproven_offset, damage });
        }
        if witnesses.iter().any(|witness| witness.next == head.next && witness.chain == Some(head.chain)) {
            unproven_offset = scan.offset();
        }
    }
}

fn check_witnesses(last: &Segment, end: &End, witnesses: &[Witness]) -> Result<(), LogError> {
    match witnesses.iter().find(|witness| witness.next > end.head.next) {
        None => Ok(()),
        Some(witness) => {
            let damage = Damage::Missing { witness: witness.name.to_owned(), seen: witness.next };
            Err(last.corruption(end.head.next, end.offset, damage))
        }
    }
}

/// Whether a sound frame of position `next` or later begins anywhere in these bytes.
fn holds_frame(bytes: &[u8], next: Position) -> bool {
    (0..bytes.len()).any(|start| {
        let rest = bytes.get(start..).unwrap_or_default();
        let whole = rest.first_chunk::<PREFIX_BYTES>().map(|prefix| announced_bytes(*prefix));
        let Some(Ok(Some(whole))) = whole else { return false };
        // Most places are ruled out by the position, before a checksum over up to 64 MiB is computed.
        let first = rest.get(PREFIX_BYTES..).and_then(<[u8]>::first_chunk).map(|first| u64::from_le_bytes(*first));
        let is_later = first.is_some_and(|first| first >= next && first.saturating_sub(next) < 1 << 32);
        is_later && rest.get(..whole).is_some_and(|frame| Frame::parse(frame).is_ok())
    })
}

fn write_again(file: &File, start: u64, end: u64) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut at = start;
    while at < end {
        let count = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..count).unwrap_or_default();
        file.read_exact_at(part, at)?;
        file.write_all_at(part, at)?;
        at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(())
}
