//! The store: events and request ids by position, in sled. It is a copy that can be thrown away: whatever is missing or
//! damaged is read from the journal, and on any doubt the whole store is set aside and built again. Nothing outside
//! this module knows that it is sled.
//!
//! Keys in the one tree: `e` and a position (8 bytes, big-endian) for a chunk of events, `r` and a position for a
//! block of request ids, `h` and a position for a block of leaves (see [`chunk`]), and `applied`:
//!
//! | field      | size | meaning |
//! |------------|------|---------|
//! | checksum   | 4    | CRC-32C of the rest, little-endian like the others |
//! | next       | 8    | how many events of the journal have been applied |
//! | chain      | 32   | hash of the last applied frame |
//! | next chunk | 8    | position of the first event that is in no chunk yet |
//!
//! Only finished chunks and blocks are written. The events after them are read from the journal at each start.

mod chunk;
mod follow;

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use minutebook_domain::ids::Position;
use minutebook_tlog::{Tree, leaf_hash};

pub(crate) use self::chunk::block_of;
use self::chunk::{BLOCK_POSITIONS, ChunkBuilder, Value};
pub(crate) use self::follow::{Follower, StoreSlot};
use crate::frame::{Damage, Frame};
use crate::log::Head;
use crate::parts::{Hash, Parts};
use crate::requests::Entry;

const DIRECTORY: &str = "store";
const SEGMENT_BYTES: usize = 8 << 20;
const CACHE_BYTES: u64 = 64 << 20;
const APPLIED: &[u8] = b"applied";
const EVENTS: u8 = b'e';
const REQUESTS: u8 = b'r';
const LEAVES: u8 = b'h';

/// A file in the store's directory that asks for a new store at the next start. It goes where the store goes.
const DISTRUSTED: &str = "distrusted";

/// How many stores that were set aside are kept.
const ASIDE_KEPT: usize = 3;

const RELEASE_TRIES: u32 = 200;
const RELEASE_PAUSE: Duration = Duration::from_millis(10);

/// Why the store cannot be used. The ledger goes on without it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the store reports: {0}")]
    Sled(#[from] sled::Error),
    #[error("the store stopped with a panic")]
    Panicked,
    #[error("the store is damaged: {0}")]
    Damaged(&'static str),
    #[error("the events at position {0} are missing from the store or damaged")]
    Chunk(Position),
    #[error("the store was distrusted: {0}")]
    Distrusted(String),
    #[error("a frame for the store is damaged: {0}")]
    Frame(#[from] Damage),
}

impl StoreError {
    pub(crate) fn is_full_disk(&self) -> bool {
        let is_full = |kind| matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        matches!(self, Self::Sled(sled::Error::Io(error)) if is_full(error.kind()))
    }
}

/// How far the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) head: Head,
    pub(crate) next_chunk: Position,
}

impl Applied {
    pub(crate) const NOTHING: Self = Self { head: Head { next: 0, chain: [0; 32] }, next_chunk: 0 };

    /// The first position of which the store does not know everything.
    pub(crate) fn replay_from(&self) -> Position {
        self.next_chunk.min(block_of(self.head.next))
    }

    fn encode(&self) -> Vec<u8> {
        let mut rest = self.head.next.to_le_bytes().to_vec();
        rest.extend_from_slice(&self.head.chain);
        rest.extend_from_slice(&self.next_chunk.to_le_bytes());
        let mut bytes = crc32c::crc32c(&rest).to_le_bytes().to_vec();
        bytes.append(&mut rest);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut parts = Parts::new(bytes);
        let is_sound = parts.u32()? == crc32c::crc32c(parts.rest());
        let head = Head { next: parts.u64()?, chain: *parts.array()? };
        let applied = Self { head, next_chunk: parts.u64()? };
        (is_sound && parts.is_empty() && applied.next_chunk <= head.next).then_some(applied)
    }
}

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    db: sled::Db,
    dir: PathBuf,
}

/// What an open store holds.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) applied: Applied,
    pub(crate) requests: Vec<Entry>,
    /// The events of every finished block, as a transparency log.
    pub(crate) tree: Tree,
}

/// Run something of sled's. It panics on damage, and a panic of a copy must not end the program.
fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| StoreError::Panicked)?.map_err(StoreError::Sled)
}

fn key(kind: u8, position: Position) -> [u8; 9] {
    let mut key = [kind; 9];
    for (byte, value) in key.iter_mut().skip(1).zip(position.to_be_bytes()) {
        *byte = value;
    }
    key
}

fn position_of(key: &[u8]) -> Option<Position> {
    key.get(1..)?.try_into().ok().map(u64::from_be_bytes)
}

impl Store {
    /// Open the store of a data directory, or a new one if there is none.
    pub(crate) fn open(data: &Path) -> Result<Opened, StoreError> {
        let dir = directory(data);
        match fs::read_to_string(dir.join(DISTRUSTED)) {
            Ok(reason) => return Err(StoreError::Distrusted(reason)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::Distrusted(error.to_string())),
        }
        wait_for_release(&dir);
        let config = sled::Config::new().path(&dir).segment_size(SEGMENT_BYTES).cache_capacity(CACHE_BYTES);
        let db = guarded(|| config.open())?;
        Self { db, dir }.examine()
    }

    fn examine(self) -> Result<Opened, StoreError> {
        match self.contents() {
            Ok((applied, requests, tree)) => Ok(Opened { store: self, applied, requests, tree }),
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    fn contents(&self) -> Result<(Applied, Vec<Entry>, Tree), StoreError> {
        let applied = self.applied()?;
        let (mut requests, mut tree) = (Vec::new(), Tree::default());
        self.blocks(REQUESTS, applied.head.next, |first, value| {
            chunk::block_entries(first, value, &mut requests).is_some()
        })?;
        self.blocks(LEAVES, applied.head.next, |first, value| {
            let leaves = chunk::block_leaves(first, value);
            leaves.map(|leaves| leaves.iter().for_each(|leaf| tree.push(*leaf))).is_some()
        })?;
        Ok((applied, requests, tree))
    }

    /// Let go of the files. Even that can meet damage and panic.
    pub(crate) fn close(self) {
        if let Err(error) = guarded(move || self.db.flush().map(|_| drop(self))) {
            // The next start finds how far it came.
            tracing::warn!(%error, "the store could not be closed in order");
        }
    }

    /// How far the store says it is.
    fn applied(&self) -> Result<Applied, StoreError> {
        match guarded(|| self.db.get(APPLIED))? {
            Some(value) => Applied::decode(&value).ok_or(StoreError::Damaged("how far it is cannot be read")),
            None if guarded(|| Ok(self.db.is_empty()))? => Ok(Applied::NOTHING),
            None => Err(StoreError::Damaged("it does not say how far it is")),
        }
    }

    /// Reads every finished block of a kind before `next`, in order.
    fn blocks(
        &self,
        kind: u8,
        next: Position,
        mut read: impl FnMut(Position, &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let mut expected = 0;
        let mut blocks = self.db.scan_prefix([kind]);
        while let Some((found, value)) = guarded(|| blocks.next().transpose())? {
            if position_of(&found) != Some(expected) || !read(expected, &value) {
                return Err(StoreError::Damaged("a block of request ids or leaves is damaged or missing"));
            }
            expected = expected.saturating_add(BLOCK_POSITIONS);
        }
        if expected != block_of(next) {
            return Err(StoreError::Damaged("blocks of request ids or leaves are missing"));
        }
        Ok(())
    }

    /// The events from `position` to the end of its chunk.
    fn events(&self, position: Position) -> Result<Vec<Bytes>, StoreError> {
        let nearest = guarded(|| self.db.range(key(EVENTS, 0)..=key(EVENTS, position)).next_back().transpose())?;
        let (found, value) = nearest.ok_or(StoreError::Chunk(position))?;
        let first = position_of(&found).ok_or(StoreError::Chunk(position))?;
        chunk::chunk_events(first, &Bytes::from_owner(value), position).ok_or(StoreError::Chunk(position))
    }

    /// Write finished values, and how far the store is then, all at once.
    fn write(&self, writes: &mut Writes, applied: &Applied) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for value in writes.chunks.drain(..) {
            batch.insert(&key(EVENTS, value.first), value.bytes);
        }
        for value in writes.blocks.drain(..) {
            batch.insert(&key(REQUESTS, value.first), value.bytes);
        }
        for value in writes.leaves.drain(..) {
            batch.insert(&key(LEAVES, value.first), value.bytes);
        }
        batch.insert(APPLIED, applied.encode());
        guarded(|| self.db.apply_batch(batch))
    }

    /// Ask for a new store at the next start.
    fn distrust(&self, reason: &str) {
        if let Err(error) = fs::write(self.dir.join(DISTRUSTED), reason) {
            tracing::warn!(%error, "the store cannot be marked as distrusted");
        }
    }
}

/// Values that are finished and not written.
#[derive(Debug, Default)]
struct Writes {
    chunks: Vec<Value>,
    blocks: Vec<Value>,
    leaves: Vec<Value>,
}

/// Cuts frames into the values of the store.
#[derive(Debug)]
struct Cutter {
    applied: Head,
    chunk: ChunkBuilder,
    block: Position,
    entries: Vec<Entry>,
    leaves: Vec<Hash>,
    /// Position of the first of them.
    leaves_from: Position,
    writes: Writes,
}

impl Cutter {
    /// Go on where the store is. The frames must begin at or before [`Applied::replay_from`].
    fn new(applied: &Applied) -> Self {
        Self {
            applied: applied.head,
            chunk: ChunkBuilder::new(applied.next_chunk),
            block: block_of(applied.head.next),
            entries: Vec::new(),
            leaves: Vec::new(),
            leaves_from: block_of(applied.head.next),
            writes: Writes::default(),
        }
    }

    fn push(&mut self, frame: &Frame<'_>) {
        let wanted = self.chunk.first().max(frame.first());
        let skip = usize::try_from(wanted.saturating_sub(frame.first())).unwrap_or(usize::MAX);
        self.writes.chunks.extend(frame.events().skip(skip).filter_map(|event| self.chunk.push(event)));
        self.hash(frame);
        let block = self.block;
        for command in frame.commands().filter(|command| command.first >= block) {
            self.finish_blocks(command.first);
            self.entries.push(Entry::new(command.request_id, command.first));
        }
        self.finish_blocks(frame.next());
        if frame.next() > self.applied.next {
            self.applied = Head { next: frame.next(), chain: frame.hash() };
        }
    }

    fn hash(&mut self, frame: &Frame<'_>) {
        for (position, event) in (frame.first()..).zip(frame.events()) {
            let wanted = self.leaves_from.saturating_add(u64::try_from(self.leaves.len()).unwrap_or(u64::MAX));
            if position < wanted {
                continue;
            }
            self.leaves.push(leaf_hash(event));
            if wanted.saturating_add(1) == self.leaves_from.saturating_add(BLOCK_POSITIONS) {
                self.writes.leaves.push(chunk::leaves(self.leaves_from, &self.leaves));
                self.leaves.clear();
                self.leaves_from = self.leaves_from.saturating_add(BLOCK_POSITIONS);
            }
        }
    }

    /// Finish every block that lies before `next`.
    fn finish_blocks(&mut self, next: Position) {
        while self.block < block_of(next) {
            self.writes.blocks.push(chunk::block(self.block, &self.entries));
            self.entries.clear();
            self.block = self.block.saturating_add(BLOCK_POSITIONS);
        }
    }

    fn applied(&self) -> Applied {
        Applied { head: self.applied, next_chunk: self.chunk.first() }
    }
}

/// Where the store of a data directory is.
pub(crate) fn directory(data: &Path) -> PathBuf {
    data.join(DIRECTORY)
}

/// Set the store of a data directory aside, under a name of its own, and forget the oldest of those.
pub(crate) fn set_aside(data: &Path) -> io::Result<()> {
    let store = directory(data);
    if !store.exists() {
        return Ok(());
    }
    let prefix = format!("{DIRECTORY}.damaged-");
    let mut aside: Vec<u32> = Vec::new();
    for entry in fs::read_dir(data)? {
        aside.extend(entry?.file_name().to_str().and_then(|name| name.strip_prefix(&prefix)?.parse::<u32>().ok()));
    }
    aside.sort_unstable_by(|a, b| b.cmp(a));
    let number = aside.first().map_or(1, |last| last.saturating_add(1));
    fs::rename(store, data.join(format!("{prefix}{number}")))?;
    for old in aside.iter().skip(ASIDE_KEPT - 1) {
        fs::remove_dir_all(data.join(format!("{prefix}{old}")))?;
    }
    Ok(())
}

/// Wait until an earlier store of this program has let go of its files, which it does a moment after it is closed.
/// Another program cannot hold them: it would need the lock of the data directory.
fn wait_for_release(dir: &Path) {
    let Ok(file) = fs::File::open(dir.join("db")) else { return };
    for _ in 0..RELEASE_TRIES {
        if file.try_lock().is_ok() {
            return;
        }
        thread::sleep(RELEASE_PAUSE);
    }
}

/// Remove the store of a data directory.
pub(crate) fn remove(data: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory(data)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
