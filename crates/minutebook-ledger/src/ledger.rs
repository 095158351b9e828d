//! A ledger as a program holds it: the data directory is locked, the writer and the store's thread run, readers are
//! handed out. What a ledger does is written elsewhere; this module puts the parts together and takes them down.
//!
//! A data directory holds `lock`, `journal/` (the truth), `key` and `checkpoint` (what proves it), `cursors/` (how far
//! consumers are), `store/` and `snapshot/` (both can be thrown away).

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::tz::TimeZone;
use minutebook_domain::book::Book;
use minutebook_domain::command::{Command, Context};
use minutebook_domain::event::{Actor, Founding, Payload, Recorded};
use minutebook_domain::history::{Recall, Unreadable};
use minutebook_domain::ids::{Position, RequestId};
use minutebook_domain::refusal::Refusal;
use minutebook_domain::value::Name;
use minutebook_proto::DecodeError;
use minutebook_tlog::{SigningKey, Tree};
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::{self, Kept, KeptError, RotateError, SignError, Signer};
use crate::clock::{self, Clock};
use crate::cursors::{self, Cursors};
use crate::frame::{EncodedFrame, FrameBuilder};
use crate::journal::{Journal, JournalOptions, Witness};
use crate::lock::{Lock, LockError};
use crate::log::{IoFailure, Log, LogError};
use crate::observed::Observed;
use crate::reader::{LedgerNewer, Reader, Shared};
use crate::receipt::{Pending, Receipt, Submission, SubmitError};
use crate::snapshot::{self, SnapshotError, Snapshots};
use crate::start::{self, Derived, Progress, Started};
use crate::store::Follower;
use crate::writer::{self, Waiting, Writer};

pub(crate) const JOURNAL: &str = "journal";

/// So long after a write it may take until it is signed; a checkpoint for each would cost more than the write.
const SIGN_PAUSE: Duration = Duration::from_millis(500);

/// What can be chosen when a ledger is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the journal is laid out.
    pub journal: JournalOptions,
    /// A snapshot is written whenever this many events have been recorded.
    pub snapshot_every: u64,
    /// How many submissions may wait for the writer.
    pub queue: usize,
    /// Tells the time.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self { journal: JournalOptions::default(), snapshot_every: 100_000, queue: 1024, clock: Clock::default() }
    }
}

/// Why a ledger was not founded or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another program has it open, or the lock file cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The bytes of an event are those that were recorded, yet they are no event.
    #[error("the event at position {position} cannot be decoded: {source}")]
    Undecodable {
        /// Its position.
        position: Position,
        /// Why.
        source: DecodeError,
    },
    /// An event says that it belongs elsewhere.
    #[error(
        "the event at position {position} says that it is the one at position {found}: restore the journal from a copy"
    )]
    Misnumbered {
        /// Where it stands.
        position: Position,
        /// Where it says it belongs.
        found: Position,
    },
    /// There is no journal where there was one.
    #[error(
        "the journal of `{}` is gone, and what was made of it is still there: restore `journal` from a copy; to begin \
         anew, choose another directory", .0.display()
    )]
    Lost(PathBuf),
    /// The founding was refused.
    #[error("the ledger cannot be founded: {0}")]
    Founding(#[source] SubmitError),
    /// The ledger's time zone is not in the database of this program.
    #[error("the time zone `{0}` is not known to this program: install a newer program")]
    Zone(String),
    /// No thread could be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// What can be thrown away could not be, or the directory of the cursors cannot be read.
    #[error(transparent)]
    Files(#[from] IoFailure),
    /// The founding could not be signed.
    #[error("the founding cannot be signed: {0}")]
    Unsigned(#[source] SignError),
    /// The key or the last signed checkpoint cannot be used.
    #[error(transparent)]
    Kept(#[from] KeptError),
}

/// How a ledger is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How many events are durable.
    pub head: Position,
    /// How many of them the store has.
    pub applied: Position,
    /// Why the store is not used, if it is not.
    pub degraded: Option<String>,
    /// How many events the last signed checkpoint is over.
    pub signed: Position,
    /// Why the writer has stopped, if it has.
    pub stopped: Option<String>,
    /// Why there are no queries and no writes, if there are none.
    pub newer: Option<LedgerNewer>,
}

/// An open ledger.
pub struct Ledger {
    data: PathBuf,
    shared: Arc<Shared>,
    queue: Option<mpsc::Sender<Waiting>>,
    writer: Option<JoinHandle<()>>,
    follower: Option<Follower>,
    // Ends the thread that signs when it is dropped.
    signing: Option<(SyncSender<()>, JoinHandle<()>)>,
    // Ends the thread that looks through the journal when it is dropped.
    looking: Option<(SyncSender<()>, JoinHandle<()>)>,
    cursors: Arc<Cursors>,
    // The position of the snapshot that it started from.
    snapshot_at: Position,
    // INVARIANT: the last field, so that the directory is unlocked after everything else has ended.
    lock: Lock,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("data", &self.data).field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Found a ledger in a directory that holds none, and open it. Its checkpoints are signed with the key, if there is
    /// one; the founding names its public half.
    pub fn found(
        data: &Path,
        options: Options,
        founding: Founding,
        key: Option<&SigningKey>,
        request_id: &RequestId,
        actor: Actor,
    ) -> Result<Self, OpenError> {
        let lock = Lock::acquire(data)?;
        let journal = data.join(JOURNAL);
        if Journal::is_present(&journal)? {
            return Err(LogError::Present(journal).into());
        }
        if has_remains(data) {
            return Err(OpenError::Lost(data.into()));
        }
        let verifier_key = key.and_then(|key| Name::new(&key.public().to_string()).ok());
        let founding = Founding { verifier_key, ..founding };
        let frame = founding_frame(founding, request_id, actor, &options.clock).map_err(OpenError::Founding)?;
        // Before the journal: what it names is there.
        key.map_or(Ok(()), |key| checkpoint::write_key(data, key)).map_err(KeptError::Io)?;
        Journal::found(&journal, &frame, &options.journal)?;
        Self::open_locked(lock, data, options, &mut |_, _| {})
    }

    /// Open a ledger.
    pub fn open(data: &Path, options: Options) -> Result<Self, OpenError> {
        let lock = Lock::acquire(data)?;
        Self::open_locked(lock, data, options, &mut |_, _| {})
    }

    /// Throw away the store and the snapshots of a ledger that nobody has open, and build them again.
    pub fn rebuild(data: &Path, options: Options, progress: Progress<'_>) -> Result<Self, OpenError> {
        let lock = Lock::acquire(data)?;
        present(data)?;
        start::discard(data).map_err(IoFailure::of("clear", data))?;
        Self::open_locked(lock, data, options, progress)
    }

    fn open_locked(lock: Lock, data: &Path, options: Options, progress: Progress<'_>) -> Result<Self, OpenError> {
        // Before a store is made where there is no ledger, or no key to it.
        let journal = present(data)?;
        let kept = Kept::load(data)?;
        let derived = Derived::load(data);
        let mut witnesses = derived.witnesses();
        witnesses.extend(kept.size().map(|next| Witness { name: "a signed checkpoint", next, chain: None }));
        let log = Arc::new(Journal::open(&journal, options.journal.clone(), &witnesses)?);
        Self::over(log, (derived, kept), lock, data, options, progress)
    }

    /// Open a ledger over another log than the journal. Store, snapshots and lock are in `data`.
    pub fn open_over(log: Arc<dyn Log>, data: &Path, options: Options) -> Result<Self, OpenError> {
        let lock = Lock::acquire(data)?;
        let kept = Kept::load(data)?;
        Self::over(log, (Derived::load(data), kept), lock, data, options, &mut |_, _| {})
    }

    fn over(
        log: Arc<dyn Log>,
        (derived, kept): (Derived, Kept),
        lock: Lock,
        data: &Path,
        options: Options,
        progress: Progress<'_>,
    ) -> Result<Self, OpenError> {
        let Started { shared, follower, announce, snapshot_at } = start::start(log, derived, kept, data, progress)?;
        if shared.signer.as_ref().is_some_and(|signer| signer.last().is_none()) {
            // Before anything but the founding is recorded: from then on there is always a checkpoint.
            shared.sign().map_err(OpenError::Unsigned)?;
        }
        let (queue, waiting) = mpsc::channel(options.queue.max(1));
        let zone = zone_of(&shared)?;
        let following = Arc::clone(&shared);
        let following = cursors::Head::new(move || following.head());
        let cursors = Arc::new(Cursors::open(data, following, options.clock.clone())?);
        let snapshots = Snapshots::new(data, options.snapshot_every, snapshot_at);
        let head = shared.log.head();
        let (for_writer, tree) = (Arc::clone(&shared), Tree::clone(&shared.tree.load()));
        let writer = Writer { shared: for_writer, clock: options.clock, zone, snapshots, head, announce, tree };
        let writer = Some(writer.start(waiting).map_err(OpenError::Thread)?);
        let signing = shared.signer.is_some().then(|| sign_from_time_to_time(Arc::clone(&shared)));
        let signing = signing.transpose().map_err(OpenError::Thread)?;
        let (data, queue, follower) = (data.into(), Some(queue), Some(follower));
        Ok(Self { data, shared, queue, writer, follower, signing, looking: None, cursors, snapshot_at, lock })
    }

    /// Ask for something to be recorded. Never waits, but reads all of a large submission; the answer comes when it is
    /// durable.
    pub fn submit(&self, submission: Submission) -> Pending {
        if let Some(newer) = self.shared.newer {
            return Pending::ready(Err(newer.into()));
        }
        let Some(queue) = &self.queue else { return Pending::ready(Err(SubmitError::Stopped)) };
        let (sender, receiver) = oneshot::channel();
        // Worked out here, where nobody else waits for it.
        let digest = Command::digest(&submission.commands);
        match queue.try_send(Waiting { submission, digest, answer: sender }) {
            Ok(()) => Pending::new(receiver),
            Err(mpsc::error::TrySendError::Full(_)) => Pending::ready(Err(SubmitError::Overloaded)),
            Err(mpsc::error::TrySendError::Closed(_)) => Pending::ready(Err(SubmitError::Stopped)),
        }
    }

    /// Lets another key sign the checkpoints, and records that it does. Waits until that is signed by both. A request
    /// that was answered before gets that answer again.
    pub fn rotate_key(&self, request_id: RequestId, actor: Actor) -> Result<Receipt, RotateError> {
        let signer = self.shared.signer.as_ref().ok_or(SignError::NoKey)?;
        let remembered = self.reader().request(&request_id);
        let unremembered = |error| SubmitError::Unremembered(Box::new(error));
        if let Some(found) = remembered.map_err(unremembered)? {
            let event = self.reader().recorded(found.receipt.first).map_err(unremembered)?;
            if matches!(event.event.payload, Payload::KeyRotated(_)) {
                return Ok(found.receipt);
            }
            let request_id = request_id.as_str().to_owned();
            return Err(SubmitError::Refused(Refusal::RequestIdReused { request_id }).into());
        }
        self.shared.sign()?;
        let receipt = signer.rotate(|rotation| {
            let commands = vec![Command::RotateKey(rotation)];
            self.submit(Submission { request_id, commands, actor, validate_only: false }).wait()
        })?;
        self.shared.sign()?;
        Ok(receipt)
    }

    /// A handle to read with.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// The named cursors. Once the ledger is closed they change no more.
    pub fn cursors(&self) -> Arc<Cursors> {
        Arc::clone(&self.cursors)
    }

    /// Reads the whole journal once, on a thread of its own: what has become unreadable since it was written is found
    /// out before somebody asks for it. Then nothing more is recorded on top of it.
    pub fn look_through(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let (stop, stopped) = sync_channel::<()>(1);
        let work = move || {
            // Of this thread alone: whoever asks something goes first. Where it cannot be, it is only less polite.
            let _ = rustix::process::nice(19);
            let is_stopped = || stopped.try_recv() == Err(TryRecvError::Disconnected);
            let read = shared
                .log
                .read(0, &mut |_| if is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
            if let Err(error) = read
                && shared.stopped.set(error.to_string()).is_ok()
            {
                tracing::error!(%error, "the writer has stopped; reads go on");
            }
        };
        self.looking = Some((stop, thread::Builder::new().name("look-through".into()).spawn(work)?));
        Ok(())
    }

    /// How the ledger is doing.
    pub fn status(&self) -> Status {
        Status {
            head: self.shared.log.head().next,
            applied: self.shared.store.applied(),
            signed: self.shared.signer.as_ref().and_then(Signer::last).map_or(0, |last| last.checkpoint.size),
            degraded: self.shared.store.degraded().map(str::to_owned),
            stopped: self.shared.stopped.get().cloned(),
            newer: self.shared.newer,
        }
    }

    /// What can be watched of it, beside how it is doing.
    pub fn observed(&self) -> Observed {
        let head = self.shared.log.head().next;
        let room = self.queue.as_ref().map(|queue| (queue.max_capacity(), queue.capacity()));
        let (waiting_limit, free) = room.unwrap_or_default();
        Observed {
            commits: self.shared.counts.observed(),
            waiting: waiting_limit.saturating_sub(free),
            waiting_limit,
            lag_bytes: self.shared.tail.lag_bytes(),
            signed: self.shared.signer.as_ref().map(|signer| signer.signed_of(head)),
        }
    }

    /// Note in the lock file where this program can be reached.
    pub fn publish_address(&self, address: &str) -> Result<(), IoFailure> {
        self.lock.publish(address)
    }

    /// Finish what waits, write a snapshot if anything is new, and close. Without it the ledger is closed too, and the
    /// next start is slower.
    pub fn close(mut self) -> Result<(), SnapshotError> {
        self.stop();
        let (book, head) = (self.shared.book.load(), self.shared.log.head());
        // A book that stopped before an event of a newer program is not worth keeping.
        let is_new = book.head() == head.next && head.next != self.snapshot_at;
        if is_new { snapshot::write(&self.data, &book, head) } else { Ok(()) }
    }

    fn stop(&mut self) {
        self.cursors.close();
        drop(self.queue.take());
        // The writer cannot have panicked: that ends the program.
        let _ = self.writer.take().map(JoinHandle::join);
        for (stop, thread) in [self.looking.take(), self.signing.take()].into_iter().flatten() {
            drop(stop);
            let _ = thread.join();
        }
        drop(self.follower.take());
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Signs what is new, until the sender is dropped: then once more.
fn sign_from_time_to_time(shared: Arc<Shared>) -> io::Result<(SyncSender<()>, JoinHandle<()>)> {
    let (stop, stopped) = sync_channel(1);
    let work = move || loop {
        let ends = stopped.recv_timeout(SIGN_PAUSE) != Err(RecvTimeoutError::Timeout);
        if shared.is_unsigned()
            && let Err(error) = shared.sign()
        {
            tracing::warn!(%error, "no checkpoint was signed");
        }
        if ends {
            return;
        }
    };
    Ok((stop, thread::Builder::new().name("signer".into()).spawn(work)?))
}

/// Whether a directory holds what is made of a journal, or says how far somebody has read in one. That is never there
/// before the journal is.
pub fn has_remains(data: &Path) -> bool {
    start::derived(data).iter().any(|dir| dir.exists()) || checkpoint::is_signed(data) || cursors::are_present(data)
}

/// Where the journal of a data directory is.
pub(crate) fn present(data: &Path) -> Result<PathBuf, OpenError> {
    match data.join(JOURNAL) {
        journal if Journal::is_present(&journal)? => Ok(journal),
        _ if has_remains(data) => Err(OpenError::Lost(data.into())),
        journal => Err(LogError::Absent(journal).into()),
    }
}

fn zone_of(shared: &Shared) -> Result<TimeZone, OpenError> {
    let book = shared.book.load();
    match book.founding() {
        Some(founding) => {
            let name = founding.zone.as_str();
            clock::zone(name).ok_or_else(|| OpenError::Zone(name.to_owned()))
        }
        // Only a ledger whose founding needs a newer program has none, and nothing is decided in it.
        None => Ok(TimeZone::UTC),
    }
}

/// The frame of position 0.
pub fn founding_frame(
    founding: Founding,
    request_id: &RequestId,
    actor: Actor,
    clock: &Clock,
) -> Result<EncodedFrame, SubmitError> {
    let unknown = || SubmitError::Refused(Refusal::ZoneUnknown { zone: founding.zone.as_str().to_owned() });
    let zone = clock::zone(founding.zone.as_str()).ok_or_else(unknown)?;
    let now = clock.now();
    let today = clock::day_in(&zone, now);
    let context = Context { now, today, request_id: request_id.clone(), actor };
    let book = Book::default();
    let command = Command::Found(founding);
    let digest = Command::digest(std::slice::from_ref(&command));
    let drafts = book.decide(&command, &context, &NoEvents)?;
    let mut events = Vec::with_capacity(1);
    for (position, draft) in (0..).zip(drafts) {
        events.push(writer::encode(draft, position, now)?.0);
    }
    let mut frame = FrameBuilder::founding(events.first().map(Vec::as_slice).unwrap_or_default());
    frame
        .push(request_id.as_str(), &digest, &events)
        .map_err(|_| SubmitError::TooLarge { limit: writer::EVENT_BYTES })?;
    Ok(frame.finish())
}

/// There are no events before the founding.
struct NoEvents;

impl Recall for NoEvents {
    fn recall(&self, position: Position) -> Result<Arc<Recorded>, Unreadable> {
        Err(Unreadable { position, reason: "the ledger has not begun".into() })
    }
}
