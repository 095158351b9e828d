//! Reading: the published book, and events by position. A reader never waits for the writer. It looks in memory, then
//! in the store, then in the journal, which always has the answer. Where that is near, it comes before the store: the
//! store lets whoever asks wait now and then for what it does beside.

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use arc_swap::ArcSwap;
use bytes::Bytes;
use minutebook_domain::book::Book;
use minutebook_domain::event::Recorded;
use minutebook_domain::history::{Recall, Unreadable};
use minutebook_domain::ids::{Position, RequestId};
use minutebook_proto::{DecodeError, decode_event};
use minutebook_tlog::{Tree, VerifierKey};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::watch;

use crate::checkpoint::{SignError, Signed, Signer};
use crate::frame::{Damage, Frame};
use crate::log::{Log, LogError};
use crate::observed::Counts;
use crate::parts::Hash;
use crate::receipt::Receipt;
use crate::requests::RequestIndex;
use crate::store::StoreSlot;
use crate::subscription::Subscription;
use crate::tail::Tail;

/// [`Reader::events`] stops after about this much.
const AT_ONCE_BYTES: usize = 1 << 20;

/// This much of the events asked for lately is kept; decoded, it takes a few times as much memory.
const KEPT_BYTES: u64 = 4 << 20;

/// About as many events are that.
const KEPT_EVENTS: usize = 8 << 10;

/// Whoever asks for an event mostly asks for those around it next: so many are fetched at once, as the store holds them.
const RUN: u8 = 16;

/// What the writer publishes and readers read.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) store: Arc<StoreSlot>,
    pub(crate) book: ArcSwap<Book>,
    /// The events of the book, as a transparency log.
    pub(crate) tree: ArcSwap<Tree>,
    /// Absent where the ledger was founded without a key.
    pub(crate) signer: Option<Signer>,
    pub(crate) requests: RwLock<RequestIndex>,
    pub(crate) head: watch::Receiver<Position>,
    pub(crate) newer: Option<LedgerNewer>,
    pub(crate) stopped: OnceLock<String>,
    pub(crate) kept: KeptEvents,
    pub(crate) counts: Counts,
}

impl Shared {
    /// The position of the next event.
    ///
    /// INVARIANT: everybody takes it from the book, which is published at one moment. Whoever sees an event in one way
    /// sees it from then on in every way.
    pub(crate) fn head(&self) -> Position {
        match self.newer {
            None => self.book.load().head(),
            // There is no book, and nothing is recorded.
            Some(_) => self.log.head().next,
        }
    }

    /// Signs all that is published. Where the log does not hold what was recorded, nothing more is.
    pub(crate) fn sign(&self) -> Result<Arc<Signed>, SignError> {
        let signer = self.signer.as_ref().ok_or(SignError::NoKey)?;
        let outcome = signer.sign(&*self.log, &self.tree);
        if let Err(error @ (SignError::Differs { .. } | SignError::Log(LogError::Corrupt(_)))) = &outcome
            && self.stopped.set(error.to_string()).is_ok()
        {
            tracing::error!(%error, "the writer has stopped; reads go on");
        }
        outcome
    }

    /// Is there more to sign?
    pub(crate) fn is_unsigned(&self) -> bool {
        self.signer.as_ref().is_some_and(|signer| signer.is_behind(&self.tree.load()))
    }
}

/// Events that were asked for lately: they never change, and answers about the past ask for the same ones.
pub(crate) type KeptEvents = Cache<Position, Kept, ByBytes>;

/// An event that was asked for, with how many bytes it was; or one beside it.
#[derive(Clone)]
pub(crate) enum Kept {
    Decoded(Arc<Recorded>, usize),
    Beside(Bytes),
}

/// Counts the bytes that events were before they were decoded.
#[derive(Clone)]
pub(crate) struct ByBytes;

impl Weighter<Position, Kept> for ByBytes {
    fn weight(&self, _: &Position, kept: &Kept) -> u64 {
        let bytes = match kept {
            Kept::Decoded(_, bytes) => *bytes,
            Kept::Beside(event) => event.len(),
        };
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// No events yet.
pub(crate) fn kept_events() -> KeptEvents {
    Cache::with_weighter(KEPT_EVENTS, KEPT_BYTES, ByBytes)
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such event yet.
    #[error("there is no event at position {position} yet; the next one will be {head}")]
    Beyond {
        /// The position asked for.
        position: Position,
        /// The position of the next event.
        head: Position,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A frame in memory is not what was appended: the memory of this machine cannot be trusted.
    #[error("the frame at position {position} is damaged in memory: {damage}; restart, and test the machine")]
    Memory {
        /// The position looked for.
        position: Position,
        /// What is wrong.
        damage: Damage,
    },
    /// The event's bytes are sound, but this program cannot read them.
    #[error("the event at position {position} cannot be decoded: {source}")]
    Decode {
        /// Its position.
        position: Position,
        /// Why.
        source: DecodeError,
    },
    /// This program is too old for queries on this ledger.
    #[error(transparent)]
    Newer(#[from] LedgerNewer),
}

/// A newer program wrote an event that this one cannot fold. Bytes are read; there is no book to query or write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event at position {position} needs a newer program; this one can read and verify, but not query or write")]
pub struct LedgerNewer {
    /// The first such event.
    pub position: Position,
}

/// What is remembered of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// SHA-256 of the request as it was parsed.
    pub digest: Hash,
    /// The answer it got.
    pub receipt: Receipt,
}

/// A handle to read a ledger with. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Arc<Shared>);

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reader").field(&self.head()).finish()
    }
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The book as of the last durable event. What is in it does not change while it is held.
    pub fn book(&self) -> Result<Arc<Book>, LedgerNewer> {
        self.0.newer.map_or_else(|| Ok(self.0.book.load_full()), Err)
    }

    /// The position of the next event: how many events are durable and in the book.
    pub fn head(&self) -> Position {
        self.0.head()
    }

    /// The events of the book as a transparency log.
    pub fn tree(&self) -> Arc<Tree> {
        self.0.tree.load_full()
    }

    /// The key that checks the checkpoints of this ledger; `None` where it was founded without one.
    pub fn verifier_key(&self) -> Option<VerifierKey> {
        self.0.signer.as_ref().map(Signer::public)
    }

    /// A signed checkpoint over all that is published; it is signed now, where it was not yet.
    pub fn checkpoint(&self) -> Result<Arc<Signed>, SignError> {
        self.0.sign()
    }

    /// Wait for more events.
    pub fn subscribe(&self) -> Subscription {
        Subscription::new(Arc::clone(&self.0))
    }

    /// The bytes of the event at `position`, exactly as they were recorded.
    pub fn event(&self, position: Position) -> Result<Bytes, ReadError> {
        if let Some(event) = self.0.tail.event(position) {
            return Ok(event);
        }
        let beyond = || ReadError::Beyond { position, head: self.head() };
        self.events(position, 1)?.pop().ok_or_else(beyond)
    }

    /// The bytes of the events from `from` on: at least one if there is one, at most `limit`, and no more than about
    /// a mebibyte. Ask again from the next position for the rest.
    pub fn events(&self, from: Position, limit: usize) -> Result<Vec<Bytes>, ReadError> {
        let head = self.head();
        let available = usize::try_from(head.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut found = Batch { first: from, events: Vec::new(), bytes: 0, limit: limit.min(available) };
        while !found.is_full() {
            let next = found.next();
            // The order matters: what leaves the memory is in the store by then.
            if let Some(frame) = self.0.tail.frame_holding(next) {
                found.extend((next..frame.next()).map_while(|position| frame.event(position)));
            } else if limit <= usize::from(RUN) && self.0.log.is_near(next) && self.events_of_log(&mut found).is_ok() {
                // Found. Where the journal is damaged there, the store has it still.
            } else if let Some(events) = self.0.store.events(found.next()) {
                found.extend(events);
            } else {
                self.events_of_log(&mut found)?;
            }
            if found.next() == next {
                break;
            }
        }
        Ok(found.events)
    }

    /// The same, where all of it is in memory: this waits for no disk. `None` where it is not.
    pub fn recent(&self, from: Position, limit: usize) -> Option<Vec<Bytes>> {
        let mut found = Batch { first: from, events: Vec::new(), bytes: 0, limit };
        while !found.is_full()
            && let Some(frame) = self.0.tail.frame_holding(found.next())
        {
            found.extend((found.next()..frame.next()).map_while(|position| frame.event(position)));
        }
        (!found.events.is_empty()).then_some(found.events)
    }

    fn events_of_log(&self, found: &mut Batch) -> Result<(), LogError> {
        let from = found.next();
        self.0.log.read(from, &mut |frame| {
            let skip = usize::try_from(from.saturating_sub(frame.first())).unwrap_or(0);
            found.extend(frame.events().skip(skip).map(Bytes::copy_from_slice));
            if found.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// The event at `position`, decoded.
    pub fn recorded(&self, position: Position) -> Result<Arc<Recorded>, ReadError> {
        let event = match self.0.kept.get(&position) {
            Some(Kept::Decoded(event, _)) => return Ok(event),
            Some(Kept::Beside(event)) => event,
            None => self.fetch(position)?,
        };
        let bytes = event.len();
        let event = decode_event(&event).map_err(|source| ReadError::Decode { position, source })?;
        let event = Arc::new(event);
        self.0.kept.insert(position, Kept::Decoded(Arc::clone(&event), bytes));
        Ok(event)
    }

    /// The bytes of the event at `position`; those beside it are kept.
    fn fetch(&self, position: Position) -> Result<Bytes, ReadError> {
        let first = position - position % u64::from(RUN);
        let mut found = None;
        for (at, event) in (first..).zip(self.events(first, usize::from(RUN))?) {
            if at == position {
                found = Some(event);
            } else if !self.0.kept.contains_key(&at) {
                // A copy: the bytes are a part of something larger, which they would keep in memory.
                self.0.kept.insert(at, Kept::Beside(Bytes::copy_from_slice(&event)));
            }
        }
        // Where those before it are very large, they are all that is read at once.
        found.map_or_else(|| self.event(position), Ok)
    }

    /// What is remembered of a request that gave events.
    pub fn request(&self, request_id: &RequestId) -> Result<Option<Remembered>, ReadError> {
        let requests = self.0.requests.read().unwrap_or_else(PoisonError::into_inner);
        let candidates = requests.candidates(request_id.as_str());
        drop(requests);
        for position in candidates {
            if let Some(remembered) = self.request_at(position, request_id)? {
                return Ok(Some(remembered));
            }
        }
        Ok(None)
    }

    /// What the command that begins at `position` is remembered as, if it is that of this request.
    fn request_at(&self, position: Position, request_id: &RequestId) -> Result<Option<Remembered>, ReadError> {
        let mut found = None;
        let mut look = |frame: &Frame<'_>| {
            found = remembered(frame, position, request_id).transpose();
            ControlFlow::Break(())
        };
        if let Some(frame) = self.0.tail.frame_holding(position) {
            let _ = look(&frame.view().map_err(|damage| ReadError::Memory { position, damage })?);
        } else {
            self.0.log.read(position, &mut look)?;
        }
        found.transpose()
    }

    /// The frames over some events, as they were recorded, each with the position after it: whole requests with what they
    /// gave. Each was checked. A frame that reaches beyond them is not among them.
    pub fn frames(
        &self,
        events: Range<Position>,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        self.0.log.read(events.start, &mut |frame| {
            if frame.next() > events.end { ControlFlow::Break(()) } else { visit(frame.next(), frame.bytes()) }
        })
    }
}

impl Recall for Reader {
    fn recall(&self, position: Position) -> Result<Arc<Recorded>, Unreadable> {
        self.recorded(position).map_err(|error| Unreadable { position, reason: error.to_string() })
    }
}

fn remembered(frame: &Frame<'_>, position: Position, request_id: &RequestId) -> Result<Option<Remembered>, ReadError> {
    let is_it = |command: &crate::frame::RecordedCommand<'_>| {
        command.first == position && command.request_id == request_id.as_str()
    };
    let Some(command) = frame.commands().find(is_it) else { return Ok(None) };
    let first_event = command.events().next().unwrap_or_default();
    let recorded_at = decode_event(first_event).map_err(|source| ReadError::Decode { position, source })?.recorded_at;
    let receipt =
        Receipt { first: command.first, count: command.count, head: frame.next(), recorded_at, repeated: true };
    Ok(Some(Remembered { digest: *command.digest, receipt }))
}

/// Events being gathered, up to a limit.
struct Batch {
    first: Position,
    events: Vec<Bytes>,
    bytes: usize,
    limit: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.events.len() >= self.limit || self.bytes >= AT_ONCE_BYTES
    }

    /// The position of the event that it lacks.
    fn next(&self) -> Position {
        self.first.saturating_add(u64::try_from(self.events.len()).unwrap_or(u64::MAX))
    }

    /// Add what still fits.
    fn extend(&mut self, events: impl IntoIterator<Item = Bytes>) {
        let mut events = events.into_iter();
        while !self.is_full()
            && let Some(event) = events.next()
        {
            self.bytes = self.bytes.saturating_add(event.len());
            self.events.push(event);
        }
    }
}
