//! The start, which is also the recovery, for there is no other one: load what can be thrown away, let it bear witness
//! against the journal, and fold the rest of the journal over it. What does not agree with the journal is put aside.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};

use arc_swap::ArcSwap;
use minutebook_domain::fold::Replay;
use minutebook_domain::ids::Position;
use minutebook_domain::value::Name;
use minutebook_proto::{DecodeError, Decoder};
use minutebook_tlog::{Tree, leaf_hash};
use tokio::sync::watch;

use crate::checkpoint::Kept;
use crate::frame::{EncodedFrame, Frame};
use crate::journal::Witness;
use crate::ledger::OpenError;
use crate::log::{Head, Log, LogError, chain_at};
use crate::observed::Counts;
use crate::reader::{LedgerNewer, Shared, kept_events};
use crate::requests::{Entry, RequestIndex};
use crate::snapshot::{self, Snapshot};
use crate::store::{self, Applied, Follower, Opened, Store, StoreError, StoreSlot, block_of};
use crate::tail::Tail;

/// Hears how far a replay is, and how far it has to go.
pub type Progress<'a> = &'a mut dyn FnMut(Position, Position);

/// What can be thrown away, as it was found.
pub(crate) struct Derived {
    snapshot: Option<Snapshot>,
    store: Result<Opened, StoreError>,
}

impl Derived {
    pub(crate) fn load(data: &Path) -> Self {
        Self { snapshot: snapshot::load(data), store: open_store(data) }
    }

    /// What it says of how far the journal once was.
    pub(crate) fn witnesses(&self) -> Vec<Witness> {
        let witness = |name, head: Head| Witness { name, next: head.next, chain: Some(head.chain) };
        let store = self.store.as_ref().ok().map(|opened| witness("the store", opened.applied.head));
        let snapshot = self.snapshot.as_ref().map(|snapshot| witness("a snapshot", snapshot.head));
        store.into_iter().chain(snapshot).filter(|witness| witness.next > 0).collect()
    }

    /// Give up what does not belong to this log.
    fn check(self, log: &dyn Log, data: &Path) -> Result<Self, LogError> {
        let agrees = |head: Head| Ok::<_, LogError>(head.next == 0 || chain_at(log, head.next)? == Some(head.chain));
        let snapshot = match self.snapshot {
            Some(snapshot) if !agrees(snapshot.head)? => {
                let position = snapshot.head.next;
                tracing::warn!(position, "a snapshot does not agree with the journal; it is not used");
                None
            }
            snapshot => snapshot,
        };
        let store = match self.store {
            Ok(opened) if !agrees(opened.applied.head)? => {
                opened.store.close();
                renew_store(data, &StoreError::Damaged("it does not agree with the journal"))
            }
            store => store,
        };
        Ok(Self { snapshot, store })
    }
}

fn open_store(data: &Path) -> Result<Opened, StoreError> {
    match Store::open(data) {
        // There is nothing wrong with the store, and no room for another one.
        Err(error) if error.is_full_disk() => Err(error),
        Err(error) => renew_store(data, &error),
        opened => opened,
    }
}

/// Set the store aside and begin a new one.
fn renew_store(data: &Path, error: &StoreError) -> Result<Opened, StoreError> {
    tracing::warn!(%error, "the store is set aside and built again from the journal");
    store::set_aside(data).map_err(|error| StoreError::Sled(error.into()))?;
    Store::open(data)
}

/// Everything that runs over a log, but the writer.
pub(crate) struct Started {
    pub(crate) shared: Arc<Shared>,
    pub(crate) follower: Follower,
    /// Tells subscriptions of the head; they end when it is dropped.
    pub(crate) announce: watch::Sender<Position>,
    /// The position of the snapshot that was used.
    pub(crate) snapshot_at: Position,
}

/// Check what was found against the log, and bring it up to date.
pub(crate) fn start(
    log: Arc<dyn Log>,
    derived: Derived,
    kept: Kept,
    data: &Path,
    progress: Progress<'_>,
) -> Result<Started, OpenError> {
    let Derived { snapshot, store } = derived.check(&*log, data)?;
    let snapshot_at = snapshot.as_ref().map_or(0, |snapshot| snapshot.head.next);
    let book = snapshot.map(|snapshot| snapshot.book).unwrap_or_default();
    let (slot, applied, entries, tree) = match store {
        Ok(Opened { store, applied, requests, tree }) => (StoreSlot::new(store, &applied), applied, requests, tree),
        Err(error) => {
            tracing::error!(%error, "there is no store; events are read from the journal");
            (StoreSlot::without(error.to_string()), Applied::NOTHING, Vec::new(), Tree::default())
        }
    };
    let (slot, tail) = (Arc::new(slot), Arc::new(Tail::default()));
    let follower = Follower::start(Arc::clone(&slot), &applied, Arc::clone(&tail)).map_err(OpenError::Thread)?;

    let mut replay = Catching {
        book: Replay::of(book),
        newer: None,
        entries,
        entries_from: block_of(applied.head.next),
        tail: &tail,
        tail_from: applied.replay_from(),
        tree,
    };
    replay.run(&*log, progress)?;
    let Catching { book, newer, entries, mut tree, .. } = replay;
    let book = book.finish();
    if !kept.agrees(&tree) {
        tracing::warn!("the store's tree is not what was signed; it is made again from the journal");
        tree = tree_of(&*log)?;
    }
    let signer = kept.signer(book.verifier_key().map(Name::as_str), &tree)?;
    let (announce, head) = watch::channel(log.head().next);
    let shared = Shared {
        log,
        tail,
        store: slot,
        book: ArcSwap::from_pointee(book),
        tree: ArcSwap::from_pointee(tree),
        signer,
        requests: RwLock::new(RequestIndex::of(entries)),
        head,
        newer,
        stopped: OnceLock::new(),
        kept: kept_events(),
        counts: Counts::default(),
    };
    Ok(Started { shared: Arc::new(shared), follower, announce, snapshot_at })
}

/// One pass over the journal, from the first position that anybody lacks.
struct Catching<'a> {
    book: Replay,
    newer: Option<LedgerNewer>,
    entries: Vec<Entry>,
    entries_from: Position,
    tail: &'a Tail,
    tail_from: Position,
    tree: Tree,
}

impl Catching<'_> {
    fn run(&mut self, log: &dyn Log, progress: Progress<'_>) -> Result<(), OpenError> {
        let end = log.head().next;
        let from = self.book.head().min(self.tail_from).min(self.entries_from).min(self.tree.size());
        let mut failed = None;
        log.read(from, &mut |frame| {
            progress(frame.next(), end);
            match self.take(frame) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn take(&mut self, frame: &Frame<'_>) -> Result<(), OpenError> {
        if frame.next() > self.book.head() && self.newer.is_none() {
            self.fold(frame)?;
        }
        for (position, event) in (frame.first()..).zip(frame.events()) {
            if position == self.tree.size() {
                self.tree.push(leaf_hash(event));
            }
        }
        let wanted = frame.commands().filter(|command| command.first >= self.entries_from);
        self.entries.extend(wanted.map(|command| Entry::new(command.request_id, command.first)));
        if frame.next() > self.tail_from {
            self.tail.push(Arc::new(EncodedFrame::copy_of(frame)));
            self.tail.wait_for_room();
        }
        Ok(())
    }

    fn fold(&mut self, frame: &Frame<'_>) -> Result<(), OpenError> {
        let mut decoder = Decoder::default();
        for (position, event) in (frame.first()..).zip(frame.events()) {
            if position < self.book.head() {
                continue;
            }
            match decoder.decode(event) {
                Ok(recorded) if recorded.position == position => self.book.take_in(recorded),
                Ok(recorded) => return Err(OpenError::Misnumbered { position, found: recorded.position }),
                Err(DecodeError::Newer { .. }) => {
                    tracing::warn!(position, "an event needs a newer program; the ledger opens for raw reading only");
                    self.newer = Some(LedgerNewer { position });
                    return Ok(());
                }
                Err(source) => return Err(OpenError::Undecodable { position, source }),
            }
        }
        Ok(())
    }
}

/// The whole log as a transparency log.
fn tree_of(log: &dyn Log) -> Result<Tree, LogError> {
    let mut tree = Tree::default();
    log.read(0, &mut |frame| {
        frame.events().for_each(|event| tree.push(leaf_hash(event)));
        ControlFlow::Continue(())
    })?;
    Ok(tree)
}

/// Where what can be thrown away is.
pub(crate) fn derived(data: &Path) -> [PathBuf; 2] {
    [store::directory(data), snapshot::directory(data)]
}

/// Throw away what can be thrown away.
pub(crate) fn discard(data: &Path) -> io::Result<()> {
    store::remove(data)?;
    snapshot::remove(data)
}
