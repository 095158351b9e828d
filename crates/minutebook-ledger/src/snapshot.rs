//! The book in a file, so that a start need not fold the whole journal. A snapshot is a shortcut that can be thrown
//! away: it is checked when it is read, and on any mismatch the journal is folded instead.
//!
//! A snapshot is `snapshot/<position>.snap`. All integers are little-endian:
//!
//! | field    | size | meaning |
//! |----------|------|---------|
//! | magic    | 8    | `mbooksnp` |
//! | format   | 4    | format of this file; anything but ours is discarded |
//! | folding  | 16   | fingerprint of the code that folded the book; anything but ours is discarded |
//! | digest   | 32   | SHA-256 of everything after it |
//! | position | 8    | how many events the book has taken in |
//! | chain    | 32   | hash of the frame that holds the last of them |
//! | book     | rest | the book, written by bincode 2 in its standard configuration |

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use minutebook_domain::book::Book;
use minutebook_domain::ids::Position;

use crate::frame::sha256;
use crate::journal::sync_dir;
use crate::log::{Head, IoFailure};
use crate::parts::Parts;

const DIRECTORY: &str = "snapshot";
const EXTENSION: &str = "snap";
const MAGIC: &[u8; 8] = b"mbooksnp";

const FORMAT: u32 = 1;

/// INVARIANT: another text whenever the layout of the book or the meaning of an event changes. The build script takes
/// it from the sources, for bincode would read the bytes of one layout as another without a word.
const FOLDING: &[u8; 16] = first_16(env!("MINUTEBOOK_FOLDING").as_bytes());

/// Digest, and what comes before it.
const SEALED_FROM: usize = 8 + 4 + 16 + 32;

const fn first_16(text: &[u8]) -> &[u8; 16] {
    match text.first_chunk() {
        Some(chunk) => chunk,
        None => &[0; 16],
    }
}

/// How many snapshots are kept; the older one serves when the newest is damaged.
const KEPT: usize = 2;

/// Why a snapshot was not written. The ledger does not need it.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The operating system reported an error.
    #[error(transparent)]
    Io(#[from] IoFailure),
    /// The book could not be written as bytes.
    #[error("the book cannot be written as a snapshot: {0}")]
    Encode(#[from] bincode::error::EncodeError),
}

/// Where the snapshots of a data directory are.
pub(crate) fn directory(data: &Path) -> PathBuf {
    data.join(DIRECTORY)
}

/// A book as it was at a position.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) book: Book,
    pub(crate) head: Head,
}

/// Write a snapshot beside the others, and remove the oldest.
pub(crate) fn write(data: &Path, book: &Book, head: Head) -> Result<(), SnapshotError> {
    let dir = directory(data);
    fs::create_dir_all(&dir).map_err(IoFailure::of("create", &dir))?;
    let path = dir.join(format!("{}.{EXTENSION}", head.next));
    let unfinished = path.with_extension("tmp");
    let bytes = encode(book, head)?;
    File::create(&unfinished)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&unfinished, &path))
        .and_then(|()| sync_dir(&dir))
        .map_err(IoFailure::of("write", &path))?;
    for (_, old) in list(data).into_iter().skip(KEPT) {
        fs::remove_file(&old).map_err(IoFailure::of("remove", old))?;
    }
    Ok(())
}

fn encode(book: &Book, head: Head) -> Result<Vec<u8>, SnapshotError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(FOLDING);
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&head.next.to_le_bytes());
    bytes.extend_from_slice(&head.chain);
    bincode::serde::encode_into_std_write(book, &mut bytes, bincode::config::standard())?;
    let digest = sha256(bytes.get(SEALED_FROM..).unwrap_or_default());
    bytes.splice(SEALED_FROM - digest.len()..SEALED_FROM, digest);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<Snapshot> {
    let mut parts = Parts::new(bytes);
    let is_ours = parts.array()? == MAGIC && parts.u32()? == FORMAT && parts.array()? == FOLDING;
    if !is_ours || *parts.array()? != sha256(parts.rest()) {
        return None;
    }
    let head = Head { next: parts.u64()?, chain: *parts.array()? };
    let (book, read): (Book, usize) =
        bincode::serde::decode_from_slice(parts.rest(), bincode::config::standard()).ok()?;
    (read == parts.rest().len() && book.head() == head.next).then_some(Snapshot { book, head })
}

/// The newest snapshot that is sound.
pub(crate) fn load(data: &Path) -> Option<Snapshot> {
    list(data).into_iter().find_map(|(_, path)| {
        let snapshot = fs::read(&path).ok().as_deref().and_then(decode);
        if snapshot.is_none() {
            tracing::warn!(file = %path.display(), "a snapshot is damaged or of another version of this program, and is passed over");
        }
        snapshot
    })
}

/// Remove all snapshots of a data directory.
pub(crate) fn remove(data: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory(data)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The snapshots of a data directory, newest first.
fn list(data: &Path) -> Vec<(Position, PathBuf)> {
    let entries = fs::read_dir(directory(data)).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let path = entry.path();
        let is_snapshot = path.extension().is_some_and(|extension| extension == EXTENSION);
        let position = path.file_stem()?.to_str()?.parse().ok()?;
        is_snapshot.then_some((position, path))
    });
    let mut found: Vec<_> = named.collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

/// Writes a snapshot in the background whenever enough has been recorded since the last one.
#[derive(Debug)]
pub(crate) struct Snapshots {
    data: PathBuf,
    every: u64,
    last: Position,
    running: Option<JoinHandle<()>>,
}

impl Snapshots {
    pub(crate) fn new(data: &Path, every: u64, last: Position) -> Self {
        Self { data: data.into(), every, last, running: None }
    }

    /// Look whether it is time. Never waits.
    pub(crate) fn consider(&mut self, book: &Arc<Book>, head: Head) {
        let is_busy = self.running.as_ref().is_some_and(|running| !running.is_finished());
        if is_busy || head.next.saturating_sub(self.last) < self.every {
            return;
        }
        self.last = head.next;
        let (data, book) = (self.data.clone(), Arc::clone(book));
        let work = move || {
            if let Err(error) = write(&data, &book, head) {
                tracing::warn!(%error, "no snapshot was written");
            }
        };
        // Without a thread there is no snapshot this time.
        self.running = thread::Builder::new().name("snapshot".into()).spawn(work).ok();
    }
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        // The thread writes into a directory that the next holder of the lock may clear.
        let _ = self.running.take().map(JoinHandle::join);
    }
}
