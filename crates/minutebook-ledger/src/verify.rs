//! Checking a whole ledger against what was signed, event by event, trusting nothing that was derived from it. What is
//! checked here may come from the files of this machine or from a server elsewhere; nothing is written.

use std::ops::ControlFlow;
use std::path::Path;

use minutebook_domain::event::{Payload, Recorded};
use minutebook_domain::fold::Replay;
use minutebook_domain::ids::Position;
use minutebook_proto::{DecodeError, Decoder};
use minutebook_tlog::{Checkpoint, Fault, Frontier, VerifierKey, leaf_hash};

use crate::checkpoint::{self, KeptError};
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
    /// What somebody kept of it is not of it.
    #[error("the earlier checkpoint is not of this ledger: {0}")]
    Earlier(Fault),
    /// It was founded with another key.
    #[error("the founding names the key `{found}`, not `{expected}`")]
    OtherKey {
        /// The key that it names.
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
    replay: Option<Replay>,
    founded_with: Option<String>,
    newer: Option<LedgerNewer>,
}

impl Verifier {
    /// A check that folds the events as well, or only hashes them.
    pub fn new(replay: bool) -> Self {
        Self { replay: replay.then(Replay::default), ..Self::default() }
    }

    /// Expects the tree to have had this root at this size. To be said before the events are taken in.
    pub fn expect(&mut self, checkpoint: &Checkpoint) {
        self.expected.push((checkpoint.size, checkpoint.root));
    }

    /// Expects the tree to continue what somebody kept: signed checkpoints of that key.
    pub fn expect_earlier(&mut self, notes: &[String], key: &VerifierKey) -> Result<(), Unverified> {
        for note in notes {
            self.expect(&Checkpoint::open(note, key).map_err(Unverified::Earlier)?);
        }
        Ok(())
    }

    /// How many events were taken in.
    pub fn events(&self) -> Position {
        self.frontier.size()
    }

    /// Takes in the next event.
    pub fn take<'e>(&mut self, decoder: &mut Decoder<'e>, event: &'e [u8]) -> Result<(), OpenError> {
        let position = self.frontier.size();
        self.frontier.push(leaf_hash(event));
        let size = self.frontier.size();
        if self.expected.iter().any(|(of, root)| *of == size && *root != self.frontier.root()) {
            return Err(KeptError::Forked { size }.into());
        }
        let folds = self.replay.is_some() && self.newer.is_none();
        if !folds && position > 0 {
            return Ok(());
        }
        match decoder.decode(event) {
            Ok(recorded) if recorded.position == position => self.fold(recorded),
            Ok(recorded) => return Err(OpenError::Misnumbered { position, found: recorded.position }),
            Err(DecodeError::Newer { .. }) => self.newer = Some(LedgerNewer { position }),
            Err(source) => return Err(OpenError::Undecodable { position, source }),
        }
        Ok(())
    }

    fn fold(&mut self, recorded: Recorded) {
        if let Payload::LedgerFounded(founding) = &recorded.event.payload {
            self.founded_with = founding.verifier_key.as_ref().map(ToString::to_string);
        }
        if let Some(replay) = &mut self.replay {
            replay.take_in(recorded);
        }
    }

    /// Says what was checked, or what is missing at the end.
    pub fn finish(self, signed: Option<(Checkpoint, VerifierKey)>) -> Result<Verified, Unverified> {
        let Self { frontier, expected, replay, founded_with, newer } = self;
        let events = frontier.size();
        if let Some((signed, _)) = expected.iter().find(|(size, _)| *size > events) {
            return Err(Unverified::Shorter { events, signed: *signed });
        }
        let by = signed.as_ref().map(|(_, key)| key.to_string());
        match (founded_with, by) {
            (found, Some(expected)) if found.as_ref() != Some(&expected) => {
                return Err(Unverified::OtherKey { found: found.unwrap_or_default(), expected });
            }
            (Some(key), None) => return Err(Unverified::Unsigned(key)),
            _ => {}
        }
        let digest = replay.filter(|_| newer.is_none()).map(|replay| replay.finish().digest());
        Ok(Verified { events, root: frontier.root(), signed, digest, newer })
    }
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
    let signed = checkpoint::signed(data, key)?;
    let witness =
        signed.as_ref().map(|(signed, _)| Witness { name: "a signed checkpoint", next: signed.size, chain: None });
    let journal = Journal::inspect(&present(data)?, witness.as_slice())?;
    let mut verifier = Verifier::new(replay);
    if let Some((signed, key)) = &signed {
        verifier.expect(signed);
        verifier.expect_earlier(earlier, key)?;
    } else if !earlier.is_empty() {
        // What was kept cannot be compared with nothing, and is not passed over.
        return Err(Unverified::Earlier(Fault::Form("nothing of this ledger is signed")));
    }
    let head = journal.head().next;
    let mut failed = None;
    journal.read(0, &mut |frame| {
        let mut decoder = Decoder::default();
        for event in frame.events() {
            if let Err(error) = verifier.take(&mut decoder, event) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        progress(frame.next(), head);
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), Err)?;
    verifier.finish(signed)
}
