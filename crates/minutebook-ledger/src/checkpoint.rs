//! The signed head of the ledger, as a transparency log: the key that signs it, and the file that the last signed one
//! is kept in. Both stand beside the journal, and neither can be rebuilt from it.
//!
//! What is signed was read back from the log a moment before: an event that was recorded as one thing and is stored as
//! another is found out here, and nothing over it is ever signed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use minutebook_domain::ids::Position;
use minutebook_tlog::{Checkpoint, Fault, Frontier, NOTE_BYTES, SigningKey, Tree, VerifierKey, leaf_hash};

use crate::journal::sync_dir;
use crate::log::{IoFailure, Log, LogError};

const KEY: &str = "key";
const CHECKPOINT: &str = "checkpoint";

/// Why the key or the last signed checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A file cannot be used.
    #[error(transparent)]
    Io(#[from] IoFailure),
    /// The key is not there, though the founding names one.
    #[error("the key of this ledger is gone: restore `{}` from a copy", .0.display())]
    KeyGone(PathBuf),
    /// The key is not one, or another one than the founding names.
    #[error("`{}` is not the key of this ledger: restore it from a copy", .0.display())]
    KeyDiffers(PathBuf),
    /// The checkpoint is not one that the key signed.
    #[error("the checkpoint in `{}` cannot be used: {fault}; restore the file from a copy", .path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: Fault,
    },
    /// What was signed is not what the journal holds.
    #[error("the journal differs from what was signed over its first {size} events: restore it from a copy")]
    Forked {
        /// How many events were signed.
        size: Position,
    },
}

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The ledger was founded without a key.
    #[error("this ledger was founded without a key and has no checkpoints")]
    NoKey,
    /// The log cannot be read back.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] IoFailure),
    /// The log does not hold what was recorded.
    #[error("the event at position {position} is stored otherwise than it was recorded; nothing over it is signed")]
    Differs {
        /// The first such position.
        position: Position,
    },
    /// The name of the log has no place in a checkpoint.
    #[error("the checkpoint cannot be signed: {0}")]
    Unfit(#[from] Fault),
}

/// A signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// As it is written, with the signature.
    pub note: String,
}

/// Makes the key of a new ledger, which only its owner reads.
pub(crate) fn write_key(data: &Path, key: &SigningKey) -> Result<(), IoFailure> {
    write(data, KEY, &format!("{}\n", key.secret_text()))
}

/// Puts a checkpoint that was signed elsewhere into a data directory.
pub(crate) fn write_note(data: &Path, note: &str) -> Result<(), IoFailure> {
    write(data, CHECKPOINT, note)
}

/// The key and the last signed checkpoint of a data directory, as they were found.
pub(crate) struct Kept {
    data: PathBuf,
    key: Option<SigningKey>,
    signed: Option<Signed>,
}

/// Was anything signed of what a data directory holds, or held?
pub(crate) fn is_signed(data: &Path) -> bool {
    data.join(CHECKPOINT).exists()
}

/// The key of a data directory.
fn key_of(data: &Path) -> Result<Option<SigningKey>, KeptError> {
    let path = data.join(KEY);
    let key = read(&path)?.map(|text| text.parse()).transpose();
    key.map_err(|_| KeptError::KeyDiffers(path))
}

/// The last checkpoint of a data directory, which that key signed.
fn last_signed(data: &Path, key: &VerifierKey) -> Result<Option<Signed>, KeptError> {
    let path = data.join(CHECKPOINT);
    let Some(note) = read(&path)? else { return Ok(None) };
    let checkpoint = Checkpoint::open(&note, key).map_err(|fault| KeptError::Checkpoint { path, fault })?;
    Ok(Some(Signed { checkpoint, note }))
}

/// What was signed last, and by which key: the one that is given, or that of the data directory.
pub(crate) fn signed(data: &Path, key: Option<&VerifierKey>) -> Result<Option<(Checkpoint, VerifierKey)>, KeptError> {
    let own = || Ok::<_, KeptError>(key_of(data)?.map(|key| key.public().clone()));
    let Some(key) = key.cloned().map_or_else(own, |key| Ok(Some(key)))? else { return Ok(None) };
    Ok(last_signed(data, &key)?.map(|signed| (signed.checkpoint, key)))
}

impl Kept {
    pub(crate) fn load(data: &Path) -> Result<Self, KeptError> {
        let key = key_of(data)?;
        let signed = key.as_ref().map_or(Ok(None), |key| last_signed(data, key.public()))?;
        Ok(Self { data: data.into(), key, signed })
    }

    /// How many events were signed.
    pub(crate) fn size(&self) -> Option<Position> {
        self.signed.as_ref().map(|signed| signed.checkpoint.size)
    }

    /// Does the tree begin with what was signed?
    pub(crate) fn agrees(&self, tree: &Tree) -> bool {
        let signed = self.signed.as_ref().map(|signed| &signed.checkpoint);
        signed.is_none_or(|signed| tree.root_at(signed.size) == Some(signed.root))
    }

    /// Goes on signing for a ledger whose founding names that key; `None` where it names none.
    pub(crate) fn signer(self, founded_with: Option<&str>, tree: &Tree) -> Result<Option<Signer>, KeptError> {
        let Some(founded_with) = founded_with else { return Ok(None) };
        let path = || self.data.join(KEY);
        let key = self.key.as_ref().ok_or_else(|| KeptError::KeyGone(path()))?;
        if key.public().to_string() != founded_with {
            return Err(KeptError::KeyDiffers(path()));
        }
        let size = self.size().unwrap_or_default();
        let frontier = tree.frontier(size).filter(|_| self.agrees(tree)).ok_or(KeptError::Forked { size })?;
        Ok(Some(Signer {
            data: self.data,
            key: key.clone(),
            frontier: Mutex::new(frontier),
            last: ArcSwapOption::new(self.signed.map(Arc::new)),
        }))
    }
}

/// Signs checkpoints.
#[derive(Debug)]
pub(crate) struct Signer {
    data: PathBuf,
    key: SigningKey,
    /// Of what was signed last, and so of what was read back until then.
    frontier: Mutex<Frontier>,
    last: ArcSwapOption<Signed>,
}

impl Signer {
    /// The key that checks what is signed.
    pub(crate) fn public(&self) -> &VerifierKey {
        self.key.public()
    }

    /// The last checkpoint that was signed.
    pub(crate) fn last(&self) -> Option<Arc<Signed>> {
        self.last.load_full()
    }

    /// Is there more to sign?
    pub(crate) fn is_behind(&self, tree: &Tree) -> bool {
        self.last.load().as_ref().is_none_or(|last| last.checkpoint.size < tree.size())
    }

    /// Signs all that is published: the last checkpoint again, where that is of it.
    pub(crate) fn sign(&self, log: &dyn Log, published: &ArcSwap<Tree>) -> Result<Arc<Signed>, SignError> {
        let mut frontier = self.frontier.lock().unwrap_or_else(PoisonError::into_inner);
        let tree = published.load_full();
        if let Some(last) = self.last().filter(|last| last.checkpoint.size == tree.size()) {
            return Ok(last);
        }
        let read_back = read_back(log, frontier.clone(), &tree)?;
        let (origin, size, root) = (self.public().origin().to_owned(), read_back.size(), read_back.root());
        let checkpoint = Checkpoint { origin, size, root };
        let note = checkpoint.sign(&[&self.key])?;
        write(&self.data, CHECKPOINT, &note)?;
        *frontier = read_back;
        let signed = Arc::new(Signed { checkpoint, note });
        self.last.store(Some(Arc::clone(&signed)));
        Ok(signed)
    }
}

/// Reads what is new back from the log, up to the end of the tree that was published over it.
fn read_back(log: &dyn Log, mut frontier: Frontier, tree: &Tree) -> Result<Frontier, SignError> {
    let mut differs = None;
    log.read(frontier.size(), &mut |frame| {
        for (position, event) in (frame.first()..).zip(frame.events()) {
            if position < frontier.size() {
                continue;
            }
            // What was appended since then is signed the next time.
            if position >= tree.size() {
                return ControlFlow::Break(());
            }
            let leaf = leaf_hash(event);
            if tree.leaf(position) != Some(leaf) {
                differs = Some(position);
                return ControlFlow::Break(());
            }
            frontier.push(leaf);
        }
        ControlFlow::Continue(())
    })?;
    // The leaves are equal, and so is what they come to, unless the memory of one of the two changed.
    let position = differs.or_else(|| (frontier.root() != tree.root()).then_some(frontier.size()));
    position.map_or(Ok(frontier), |position| Err(SignError::Differs { position }))
}

fn read(path: &Path) -> Result<Option<String>, KeptError> {
    let mut text = String::new();
    let limit = u64::try_from(NOTE_BYTES).unwrap_or(u64::MAX);
    match File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Bytes that are no text are neither a key nor a checkpoint.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(error) => Err(IoFailure::of("read", path)(error).into()),
    }
}

/// Writes a file of the data directory whole, or leaves it as it was.
fn write(data: &Path, name: &str, text: &str) -> Result<(), IoFailure> {
    let (path, unfinished) = (data.join(name), data.join(format!("{name}.tmp")));
    let mode = if name == KEY { 0o600 } else { 0o644 };
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&unfinished, &path))
        .and_then(|()| sync_dir(data))
        .map_err(IoFailure::of("write", &path))
}
