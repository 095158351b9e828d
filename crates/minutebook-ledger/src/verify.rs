//! Checking a whole ledger against what was signed, event by event, trusting nothing that was derived from it. What is
//! checked here may come from the files of this machine or from a server elsewhere; nothing is written.

use std::iter;
use std::mem;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use minutebook_domain::event::{Payload, Recorded};
use minutebook_domain::fold::Replay;
use minutebook_domain::ids::Position;
use minutebook_proto::{DecodeError, Decoder, is_about_key};
use minutebook_tlog::{Checkpoint, Fault, Frontier, Handover, SigningKey, VerifierKey, leaf_hash};

use crate::checkpoint::{self, KeptError, Keys};
use crate::journal::{Journal, Witness};
use crate::ledger::{OpenError, present};
use crate::lock::Lock;
use crate::log::{Log as _, LogError};
use crate::parts::Hash;
use crate::reader::LedgerNewer;
use crate::start::Progress;

/// What was found to be whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many events there are.
    pub events: Position,
    /// The root of the tree over them.
    pub root: Hash,
    /// What was signed, and by which key; absent where the ledger was founded without one.
    pub signed: Option<(Checkpoint, VerifierKey)>,
    /// SHA-256 of the book that the events come to; absent where they were not replayed.
    pub digest: Option<[u8; 32]>,
    /// The first event that this program cannot fold.
    pub newer: Option<LedgerNewer>,
}

/// Why a ledger is not what was signed.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// It cannot be opened, or an event of it is not one.
    #[error(transparent)]
    Unfit(#[from] OpenError),
    /// It ends before what was signed.
    #[error("there are {events} events, and {signed} were signed: some are missing")]
    Shorter {
        /// How many there are.
        events: Position,
        /// How many were signed.
        signed: Position,
    },
    /// Its founding names a key, and nothing that the key signed is there.
    #[error("the founding names the key `{0}`, and no checkpoint of it is there")]
    Unsigned(String),
    /// What was signed of it was not signed by its key.
    #[error("the checkpoint is not right: {0}")]
    Checkpoint(Fault),
    /// One key did not hand over to the next.
    #[error("the event at position {position} does not hand the key over: {fault}")]
    Handover {
        /// The position of the event.
        position: Position,
        /// What is wrong.
        fault: Fault,
    },
    /// What somebody kept of it is not of it.
    #[error("the earlier checkpoint is not of this ledger: {0}")]
    Earlier(Fault),
    /// It never had that key.
    #[error("this ledger has the key `{found}`, and never had `{expected}`")]
    OtherKey {
        /// The key that it has.
        found: String,
        /// The key that it should.
        expected: String,
    },
}

impl From<LogError> for Unverified {
    fn from(error: LogError) -> Self {
        Self::Unfit(error.into())
    }
}

impl From<KeptError> for Unverified {
    fn from(error: KeptError) -> Self {
        Self::Unfit(error.into())
    }
}

/// A check under way: the events are taken in from the first on.
#[derive(Debug, Default)]
pub struct Verifier {
    frontier: Frontier,
    /// Roots that the tree should have had when it was of those sizes.
    expected: Vec<(Position, Hash)>,
    /// What was signed, and a key that the ledger has or had.
    signed: Option<(Position, String, VerifierKey)>,
    /// Checkpoints that somebody kept, signed by a key that is still to be found among the events.
    earlier: Vec<(Position, String)>,
    replay: Option<Replay>,
    /// The keys that sign, each from the event at its position on.
    keys: Vec<(Position, String)>,
    newer: Option<LedgerNewer>,
}

impl Verifier {
    /// A check that folds the events as well, or only hashes them.
    pub fn new(replay: bool) -> Self {
        Self { replay: replay.then(Replay::default), ..Self::default() }
    }

    fn expect(&mut self, checkpoint: &Checkpoint) {
        self.expected.push((checkpoint.size, checkpoint.root));
    }

    /// Expects the tree to come to what was signed. The key is one that the ledger has, or had before it was replaced.
    /// To be said before the events are taken in.
    pub fn expect_signed(&mut self, note: &str, key: &VerifierKey) -> Result<(), Fault> {
        let checkpoint = known_or_claimed(note, key)?;
        self.expect(&checkpoint);
        self.signed = Some((checkpoint.size, note.to_owned(), key.clone()));
        Ok(())
    }

    /// Expects the tree to continue what somebody kept: checkpoints that this key signed, or one before or after it.
    pub fn expect_earlier(&mut self, notes: &[String], key: &VerifierKey) -> Result<(), Unverified> {
        for note in notes {
            let checkpoint = known_or_claimed(note, key).map_err(Unverified::Earlier)?;
            self.expect(&checkpoint);
            self.earlier.push((checkpoint.size, note.clone()));
        }
        Ok(())
    }

    /// How many events were taken in.
    pub fn events(&self) -> Position {
        self.frontier.size()
    }

    /// Takes in the next event.
    pub fn take<'e>(&mut self, decoder: &mut Decoder<'e>, event: &'e [u8]) -> Result<(), Unverified> {
        let position = self.frontier.size();
        self.frontier.push(leaf_hash(event));
        let size = self.frontier.size();
        if self.expected.iter().any(|(of, root)| *of == size && *root != self.frontier.root()) {
            return Err(KeptError::Forked { size }.into());
        }
        let folds = self.replay.is_some() && self.newer.is_none();
        if !folds && !is_about_key(event) {
            return Ok(());
        }
        match decoder.decode(event) {
            Ok(recorded) if recorded.position == position => self.fold(recorded),
            Ok(recorded) => Err(OpenError::Misnumbered { position, found: recorded.position }.into()),
            Err(DecodeError::Newer { .. }) => {
                self.newer.get_or_insert(LedgerNewer { position });
                Ok(())
            }
            Err(source) => Err(OpenError::Undecodable { position, source }.into()),
        }
    }

    fn fold(&mut self, recorded: Recorded) -> Result<(), Unverified> {
        let position = recorded.position;
        match &recorded.event.payload {
            Payload::LedgerFounded(founding) => {
                self.keys.extend(founding.verifier_key.iter().map(|key| (position, key.to_string())));
            }
            Payload::KeyRotated(rotation) => {
                let handover = Handover::open(rotation.handover.as_str());
                let Handover { previous, next } = handover.map_err(|fault| Unverified::Handover { position, fault })?;
                if self.keys.last().is_none_or(|(_, key)| *key != previous.to_string()) {
                    let fault = Fault::Unsigned(self.keys.last().map(|(_, key)| key.clone()).unwrap_or_default());
                    return Err(Unverified::Handover { position, fault });
                }
                self.keys.push((position, next.to_string()));
            }
            _ => {}
        }
        if let Some(replay) = &mut self.replay {
            replay.take_in(recorded);
        }
        Ok(())
    }

    /// Says what was checked, or what is missing at the end.
    pub fn finish(self) -> Result<Verified, Unverified> {
        let Self { frontier, expected, signed, earlier, replay, keys, newer } = self;
        let events = frontier.size();
        if let Some((signed, _)) = expected.iter().find(|(size, _)| *size > events) {
            return Err(Unverified::Shorter { events, signed: *signed });
        }
        let key_at = |size: Position| {
            let signs = keys.iter().rev().find(|(since, _)| *since < size);
            signs.and_then(|(_, key)| key.parse::<VerifierKey>().ok())
        };
        let opened = |size, note: &str| {
            let key = key_at(size).ok_or(Fault::Form("the events name no key"))?;
            Ok((Checkpoint::open(note, &key)?, key))
        };
        let signed = match (signed, keys.last()) {
            (Some((_, _, key)), last) if keys.iter().all(|(_, had)| *had != key.to_string()) => {
                let found = last.map(|(_, key)| key.clone()).unwrap_or_default();
                return Err(Unverified::OtherKey { found, expected: key.to_string() });
            }
            (Some((size, note, _)), _) => Some(opened(size, &note).map_err(Unverified::Checkpoint)?),
            (None, Some((_, key))) => return Err(Unverified::Unsigned(key.clone())),
            (None, None) => None,
        };
        for (size, note) in &earlier {
            opened(*size, note).map_err(Unverified::Earlier)?;
        }
        let digest = replay.filter(|_| newer.is_none()).map(|replay| replay.finish().digest());
        Ok(Verified { events, root: frontier.root(), signed, digest, newer })
    }
}

/// What a key signed; or what a checkpoint of its log claims that another key signed, which may have taken its place.
fn known_or_claimed(note: &str, key: &VerifierKey) -> Result<Checkpoint, Fault> {
    match Checkpoint::open(note, key) {
        Err(Fault::Unsigned(_)) => Checkpoint::claimed(note),
        opened => opened,
    }
}

/// How many batches of events are read ahead of being taken in.
const AHEAD: usize = 4;

/// A batch has about this many bytes: what one thread writes, the other finds in the cache of the processor.
const BATCH_BYTES: usize = 256 << 10;

/// Events on their way from one thread to the other.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where in the bytes each event ends.
    ends: Vec<usize>,
}

impl Batch {
    fn push(&mut self, event: &[u8]) {
        self.bytes.extend_from_slice(event);
        self.ends.push(self.bytes.len());
    }

    fn events(&self) -> impl Iterator<Item = &[u8]> {
        let starts = iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(start..*end))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Reads a whole journal: one thread checks the frames and their chain, another takes in the events.
fn take_all(journal: &Journal, mut verifier: Verifier, progress: Progress<'_>) -> Result<Verifier, Unverified> {
    let head = journal.head().next;
    let (to, batches) = sync_channel::<Batch>(AHEAD);
    let (back, used) = channel::<Batch>();
    thread::scope(|scope| {
        let taking = scope.spawn(move || {
            for batch in batches {
                let mut decoder = Decoder::default();
                batch.events().try_for_each(|event| verifier.take(&mut decoder, event))?;
                // Used again, for memory that was written before is cheaper than new memory.
                let _ = back.send(batch);
            }
            Ok::<_, Unverified>(verifier)
        });
        let mut batch = Batch::default();
        let read = journal.read(0, &mut |frame| {
            progress(frame.next(), head);
            frame.events().for_each(|event| batch.push(event));
            if batch.bytes.len() < BATCH_BYTES {
                return ControlFlow::Continue(());
            }
            let mut next = used.try_recv().unwrap_or_default();
            next.clear();
            // Nobody takes them in any more where one of them was refused.
            if to.send(mem::replace(&mut batch, next)).is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        let _ = to.send(batch);
        drop(to);
        let taken = taking.join().unwrap_or_else(|panicked| resume_unwind(panicked));
        // What was refused stands before what could not be read.
        let verifier = taken?;
        read?;
        Ok(verifier)
    })
}

/// Checks the ledger of a data directory that nobody has open: every frame and its place in the chain, the tree, the
/// signature, and what the events come to. `key` checks the signature; the key in the directory unless given. `earlier`
/// is what somebody kept of it, and it is to continue.
pub fn verify(
    data: &Path,
    key: Option<&VerifierKey>,
    earlier: &[String],
    replay: bool,
    progress: Progress<'_>,
) -> Result<Verified, Unverified> {
    let _lock = Lock::acquire(data).map_err(OpenError::from)?;
    let (own, note) = (Keys::load(data)?, checkpoint::last_note(data)?);
    let trusted = key.or(own.now.as_ref().map(SigningKey::public));
    let mut verifier = Verifier::new(replay);
    let mut witness = None;
    if let (Some(note), Some(trusted)) = (&note, trusted) {
        let unfit = |fault| KeptError::Checkpoint { path: checkpoint::note_path(data), fault };
        verifier.expect_signed(note, trusted).map_err(unfit)?;
        verifier.expect_earlier(earlier, trusted)?;
        let signed = verifier.expected.first().map(|(size, _)| *size);
        witness = signed.map(|next| Witness { name: "a signed checkpoint", next, chain: None });
    } else if note.is_some() {
        // It is there, and nothing to check it with.
        return Err(KeptError::KeyGone(checkpoint::key_path(data)).into());
    } else if !earlier.is_empty() {
        // What was kept cannot be compared with nothing, and is not passed over.
        return Err(Unverified::Earlier(Fault::Form("nothing of this ledger is signed")));
    }
    let journal = Journal::inspect(&present(data)?, witness.as_slice())?;
    let whole = take_all(&journal, verifier, progress)?.finish().map_err(|error| match error {
        Unverified::Checkpoint(fault) => KeptError::Checkpoint { path: checkpoint::note_path(data), fault }.into(),
        error => error,
    })?;
    // A key that the ledger had before does not sign it any more.
    if whole.signed.as_ref().is_some_and(|(_, signs)| own.now.is_some() && !own.has(signs)) {
        return Err(KeptError::KeyDiffers(checkpoint::key_path(data)).into());
    }
    Ok(whole)
}
