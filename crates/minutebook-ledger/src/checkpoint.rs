//! The signed head of the ledger, as a transparency log: the key that signs it, and the file that the last signed one
//! is kept in. Both stand beside the journal, and neither can be rebuilt from it.
//!
//! What is signed was read back from the log a moment before: an event that was recorded as one thing and is stored as
//! another is found out here, and nothing over it is ever signed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use minutebook_domain::event::KeyRotation;
use minutebook_domain::ids::Position;
use minutebook_domain::value::{Name, Text};
use minutebook_tlog::{Checkpoint, Fault, Frontier, Handover, NOTE_BYTES, SigningKey, Tree, VerifierKey, leaf_hash};

use crate::durable;
use crate::journal::sync_dir;
use crate::log::{IoFailure, Log, LogError};
use crate::observed::SignedOf;
use crate::receipt::SubmitError;

const KEY: &str = "key";
const NEXT_KEY: &str = "key.next";
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
    /// Nothing is signed of a ledger that has a key. It is before anything but the founding is recorded.
    #[error("there is no checkpoint of this ledger: restore `{}` from a copy", .0.display())]
    CheckpointGone(PathBuf),
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

/// Why no other key signs.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The ledger has no key, or what was recorded until now cannot be signed.
    #[error(transparent)]
    Unsigned(#[from] SignError),
    /// The rotation before this one is not finished: nothing was signed since.
    #[error("the key was replaced a moment ago; try again when the next checkpoint is signed")]
    Unfinished,
    /// The event was not recorded.
    #[error(transparent)]
    Unrecorded(#[from] SubmitError),
    /// A file cannot be written.
    #[error(transparent)]
    Io(#[from] IoFailure),
    /// The name of the log has no place in an event.
    #[error("the key cannot be replaced: {0}")]
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
    keys: Keys,
    signed: Option<Signed>,
}

/// The keys of a data directory.
pub(crate) struct Keys {
    /// The one that signs.
    pub(crate) now: Option<SigningKey>,
    /// One that was made to take its place. It does once an event says so.
    pub(crate) next: Option<SigningKey>,
}

impl Keys {
    pub(crate) fn load(data: &Path) -> Result<Self, KeptError> {
        let key = |name| {
            let path = data.join(name);
            let key = read(&path)?.map(|text| text.parse()).transpose();
            key.map_err(|_| KeptError::KeyDiffers(path))
        };
        // What was to take the place of a key and is damaged never did.
        Ok(Self { now: key(KEY)?, next: key(NEXT_KEY).unwrap_or_default() })
    }

    /// Is it one of these?
    pub(crate) fn has(&self, key: &VerifierKey) -> bool {
        [&self.now, &self.next].into_iter().flatten().any(|own| own.public() == key)
    }
}

/// Was anything signed of what a data directory holds, or held?
pub(crate) fn is_signed(data: &Path) -> bool {
    data.join(CHECKPOINT).exists()
}

/// Where the key of a data directory is.
pub(crate) fn key_path(data: &Path) -> PathBuf {
    data.join(KEY)
}

/// Where the last checkpoint of a data directory is.
pub(crate) fn note_path(data: &Path) -> PathBuf {
    data.join(CHECKPOINT)
}

/// The text of the last checkpoint of a data directory.
pub(crate) fn last_note(data: &Path) -> Result<Option<String>, KeptError> {
    read(&note_path(data))
}

impl Kept {
    pub(crate) fn load(data: &Path) -> Result<Self, KeptError> {
        let keys = Keys::load(data)?;
        let note = last_note(data)?;
        if keys.now.is_none() && note.is_some() {
            return Err(KeptError::KeyGone(key_path(data)));
        }
        let open = |note: String| {
            let own = [&keys.now, &keys.next].into_iter().flatten();
            let mut opened = own.map(|key| Checkpoint::open(&note, key.public()));
            // What the key of now says is wrong with it, unless the other one signed it.
            let first = opened.next().unwrap_or(Err(Fault::Form("there is no key")));
            let checkpoint = first.or_else(|fault| opened.find_map(Result::ok).ok_or(fault));
            let checkpoint = checkpoint.map_err(|fault| KeptError::Checkpoint { path: note_path(data), fault })?;
            Ok::<_, KeptError>(Signed { checkpoint, note })
        };
        let signed = note.map(open).transpose()?;
        Ok(Self { data: data.into(), keys, signed })
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

    /// Goes on signing for a ledger whose events name that key; `None` where they name none.
    pub(crate) fn signer(self, named: Option<&str>, tree: &Tree) -> Result<Option<Signer>, KeptError> {
        let Some(named) = named else { return Ok(None) };
        let (size, agrees) = (self.size().unwrap_or_default(), self.agrees(tree));
        let path = || key_path(&self.data);
        let is_it = |key: &SigningKey| key.public().to_string() == named;
        let signing = match (self.keys.now, self.keys.next) {
            (None, _) => return Err(KeptError::KeyGone(path())),
            (Some(now), _) if is_it(&now) => Signing { key: now, retiring: None },
            // The program ended between the event and the first checkpoint after it.
            (Some(now), Some(next)) if is_it(&next) => Signing { key: next, retiring: Some(now) },
            _ => return Err(KeptError::KeyDiffers(path())),
        };
        // The founding alone may be there without: a program that ended in that moment had taken nothing else in.
        if self.signed.is_none() && tree.size() > 1 {
            return Err(KeptError::CheckpointGone(note_path(&self.data)));
        }
        let frontier = tree.frontier(size).filter(|_| agrees).ok_or(KeptError::Forked { size })?;
        Ok(Some(Signer {
            data: self.data,
            signing: ArcSwap::from_pointee(signing),
            frontier: Mutex::new(frontier),
            last: ArcSwapOption::new(self.signed.map(Arc::new)),
        }))
    }
}

/// Signs checkpoints.
#[derive(Debug)]
pub(crate) struct Signer {
    data: PathBuf,
    signing: ArcSwap<Signing>,
    /// Of what was signed last, and so of what was read back until then.
    frontier: Mutex<Frontier>,
    last: ArcSwapOption<Signed>,
}

/// The key that signs.
#[derive(Debug)]
struct Signing {
    key: SigningKey,
    /// The one before it, which signs once more with it.
    retiring: Option<SigningKey>,
}

impl Signer {
    /// The key that checks what is signed.
    pub(crate) fn public(&self) -> VerifierKey {
        self.signing.load().key.public().clone()
    }

    /// The last checkpoint that was signed.
    pub(crate) fn last(&self) -> Option<Arc<Signed>> {
        self.last.load_full()
    }

    /// How far the checkpoints of a ledger of so many events are.
    pub(crate) fn signed_of(&self, head: Position) -> SignedOf {
        let signed = self.last.load().as_ref().map_or(0, |last| last.checkpoint.size);
        let written = fs::metadata(note_path(&self.data)).and_then(|file| file.modified()).ok();
        // A clock that was set back makes it no younger than new.
        let checkpoint_age = written.map(|written| written.elapsed().unwrap_or_default());
        SignedOf { unsigned: head.saturating_sub(signed), checkpoint_age }
    }

    /// Is there more to sign?
    pub(crate) fn is_behind(&self, tree: &Tree) -> bool {
        let more = self.last.load().as_ref().is_none_or(|last| last.checkpoint.size < tree.size());
        more || self.signing.load().retiring.is_some()
    }

    /// Signs all that is published: the last checkpoint again, where that is of it.
    pub(crate) fn sign(&self, log: &dyn Log, published: &ArcSwap<Tree>) -> Result<Arc<Signed>, SignError> {
        let mut frontier = self.frontier.lock().unwrap_or_else(PoisonError::into_inner);
        let (tree, signing) = (published.load_full(), self.signing.load_full());
        let is_of_it = |last: &Arc<Signed>| last.checkpoint.size == tree.size() && signing.retiring.is_none();
        if let Some(last) = self.last().filter(is_of_it) {
            return Ok(last);
        }
        let read_back = read_back(log, frontier.clone(), &tree)?;
        let (origin, size, root) = (signing.key.public().origin().to_owned(), read_back.size(), read_back.root());
        let checkpoint = Checkpoint { origin, size, root };
        let keys: Vec<_> = signing.retiring.iter().chain([&signing.key]).collect();
        let note = checkpoint.sign(&keys)?;
        write(&self.data, CHECKPOINT, &note)?;
        if signing.retiring.is_some() {
            self.retire(&signing.key)?;
        }
        *frontier = read_back;
        let signed = Arc::new(Signed { checkpoint, note });
        self.last.store(Some(Arc::clone(&signed)));
        Ok(signed)
    }

    /// Puts the next key in the place of the one before it, which has signed for the last time.
    fn retire(&self, key: &SigningKey) -> Result<(), IoFailure> {
        let path = key_path(&self.data);
        let placed = fs::rename(self.data.join(NEXT_KEY), &path).and_then(|()| sync_dir(&self.data));
        placed.map_err(IoFailure::of("replace", &path))?;
        self.signing.store(Arc::new(Signing { key: key.clone(), retiring: None }));
        Ok(())
    }

    /// Makes another key, and lets it sign from the event on that `record` records of it. Nothing is signed meanwhile.
    pub(crate) fn rotate<T>(
        &self,
        record: impl FnOnce(KeyRotation) -> Result<T, SubmitError>,
    ) -> Result<T, RotateError> {
        let _frontier = self.frontier.lock().unwrap_or_else(PoisonError::into_inner);
        let signing = self.signing.load_full();
        if signing.retiring.is_some() {
            return Err(RotateError::Unfinished);
        }
        let next = SigningKey::generate(signing.key.public().origin())?;
        // Before the event: what it names is there.
        write(&self.data, NEXT_KEY, &format!("{}\n", next.secret_text()))?;
        let name = |key: &SigningKey| Name::new(&key.public().to_string()).map_err(|_| UNFIT);
        let handover = Text::new(&Handover::sign(&signing.key, &next)?).map_err(|_| UNFIT)?;
        let rotation = KeyRotation { previous: name(&signing.key)?, next: name(&next)?, handover };
        let recorded = record(rotation)?;
        self.signing.store(Arc::new(Signing { key: next, retiring: Some(signing.key.clone()) }));
        Ok(recorded)
    }
}

/// A key whose name no event has room for; it could not have been founded with.
const UNFIT: Fault = Fault::Form("the name of the log is too long");

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

/// Writes a file of the data directory whole, or leaves it as it was. Keys are their owner's alone.
fn write(data: &Path, name: &str, text: &str) -> Result<(), IoFailure> {
    let mode = if name == CHECKPOINT { 0o644 } else { 0o600 };
    durable::replace(data, name, mode, text.as_bytes())
}
