//! The seam between the ledger and the place where frames are kept. It is dumb on purpose: one writer appends frames
//! one after the other, anybody reads them back. It knows no event, no command and no index.
//!
//! There are two logs: [`crate::journal::Journal`], and [`crate::memory::MemoryLog`], which fails on command.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use minutebook_domain::ids::Position;

use crate::frame::{Damage, EncodedFrame, Frame};
use crate::parts::Hash;

/// Where a log ends: the position the next event gets, and the hash of the last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Position of the next event, which is the number of events.
    pub next: Position,
    /// SHA-256 of the last frame.
    pub chain: Hash,
}

/// An append-only sequence of frames.
pub trait Log: Send + Sync {
    /// Append one frame and make it durable. `Ok` means that it survives a power cut.
    fn append(&self, expected_next: Position, frame: &EncodedFrame) -> Result<(), AppendError>;

    /// Visit the durable frames in order, beginning with the one that holds `from`, until the visitor breaks or the
    /// head is reached. Every frame has been checked: its checksum, its structure, its position, and that it follows
    /// the frame visited before it.
    fn read(&self, from: Position, visit: Visitor<'_>) -> Result<(), LogError>;

    /// Whether little has to be read to find the event at `position`. Where the frames about it are large, or nobody has
    /// been there yet, it is much.
    fn is_near(&self, position: Position) -> bool;

    /// The end of what is durable.
    fn head(&self) -> Head;
}

/// The hash of the frame that ends where `next` begins, if a frame ends there.
pub(crate) fn chain_at(log: &dyn Log, next: Position) -> Result<Option<Hash>, LogError> {
    let head = log.head();
    if next >= head.next {
        return Ok((next == head.next).then_some(head.chain));
    }
    let mut found = None;
    log.read(next, &mut |frame: &Frame<'_>| {
        found = (frame.first() == next).then(|| *frame.previous());
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// What [`Log::read`] calls for each frame.
pub type Visitor<'a> = &'a mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>;

/// Why a frame was not, or perhaps not, appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The log ends elsewhere. Nothing was written.
    #[error("the log ends at position {}, not where this frame begins", .0.next)]
    Conflict(Head),
    /// There is no room. Nothing was written, and the log can be appended to as soon as there is.
    #[error("no space left for the journal; free some space, then send the request again")]
    Full,
    /// Whether the frame was written is not known. The log takes no more frames until it is opened again.
    #[error("the outcome of the write is not known: {0}")]
    Unknown(#[source] io::Error),
}

/// Why frames could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The bytes are not those that were written.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// The operating system reported an error.
    #[error(transparent)]
    Io(#[from] IoFailure),
    /// A later program wrote this file in a format that this one does not know.
    #[error("`{}` has format {found}, this program reads up to format {known}: install a newer program", .file.display())]
    NewerFormat {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// There is no journal in this directory.
    #[error("there is no ledger in `{}`: found one first", .0.display())]
    Absent(PathBuf),
    /// There is already a journal in this directory.
    #[error("there is already a ledger in `{}`", .0.display())]
    Present(PathBuf),
}

/// Damage, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal damaged at position {position}: {damage} (`{}`, byte {offset}): restore this file from a copy", .file.display())]
pub struct Corruption {
    /// The first position that cannot be trusted.
    pub position: Position,
    /// The file.
    pub file: PathBuf,
    /// Where in the file.
    pub offset: u64,
    /// What is wrong.
    pub damage: Damage,
}

/// An error of the operating system, and what was being done.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`: {source}", .path.display())]
pub struct IoFailure {
    /// What was being done, as a verb.
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl IoFailure {
    /// For `map_err`: say what was being done to which path.
    pub(crate) fn of(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self { action, path, source }
    }

    /// Is it for want of space alone?
    pub fn is_full_disk(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}
