//! Named cursors: places in the ledger that are kept for consumers without storage of their own, and given to one of
//! them at a time.
//!
//! A consumer **acquires** a cursor and gets a token, which is good for a lease; it **acknowledges** what it has dealt
//! with, which renews the lease, or **parks** an event that it cannot deal with and goes on. When it says nothing for
//! the length of the lease, another one may acquire the cursor: the token of the first is then refused, whatever it
//! still does (a *fencing token*). So events are dealt with in their order and at least once. A cursor never moves
//! backwards, unless an operator **resets** it.
//!
//! Each cursor is a small file of its own in `cursors/`, replaced whole and durably before a change is answered: it is
//! as durable as an event. It is not in the journal, because how far somebody has read is no history, and not in the
//! store, because that can be thrown away and a cursor cannot. A file that is damaged is named and refused, and the
//! others go on: a cursor that began anew by itself would have everything dealt with twice. A reset mends it.
//!
//! Tokens begin with the time at which a cursor was made, in milliseconds: those of a cursor of the same name that was
//! deleted, or lost with its directory, are never among them.

mod kept;
mod lease;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use minutebook_domain::ids::{Id, Position};
use minutebook_domain::value::{Name, Nearest};
use tokio::sync::watch;

use self::kept::Damage;
pub use self::kept::{Holder, Kept, Parked};
pub use self::lease::Holding;
use self::lease::Lease;
use crate::clock::Clock;
use crate::durable::{self, UNFINISHED};
use crate::journal::sync_dir;
use crate::log::IoFailure;

const DIRECTORY: &str = "cursors";

/// The most cursors of a ledger.
const CURSORS: usize = 1000;
/// The most parked events of a cursor.
const PARKED: usize = 1000;
/// A cursor with as many parked events as there may be, for the longest of reasons, takes less.
const FILE_BYTES: u64 = 4 << 20;

/// Where a cursor begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before the first event.
    Beginning,
    /// After an event.
    After(Position),
    /// After the newest event.
    Now,
}

/// A cursor at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What is kept of it.
    pub kept: Arc<Kept>,
    /// What is left of the lease; `None` where it has ended, or nobody holds the cursor.
    pub left: Option<Duration>,
}

/// Why something was not done with a cursor.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// There is none of that name.
    #[error("there is no cursor `{name}`{nearest}")]
    Unknown {
        /// The name.
        name: Id,
        /// A name that is near.
        nearest: Nearest,
    },
    /// Somebody else holds it.
    #[error("cursor `{name}` is held by {holder}, for {} ms at least", .left.as_millis())]
    Held {
        /// The cursor.
        name: Id,
        /// Who.
        holder: Name,
        /// What is left of the lease.
        left: Duration,
    },
    /// The lease has ended.
    #[error("the lease of cursor `{name}` has ended")]
    Lapsed {
        /// The cursor.
        name: Id,
    },
    /// Its file is not what was written.
    #[error("`{}` is damaged: {why}; reset the cursor", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// There is no such event yet.
    #[error("there is no event at position {position} yet; the next one will be {head}")]
    Beyond {
        /// The position.
        position: Position,
        /// The position of the next event.
        head: Position,
    },
    /// The event is not parked.
    #[error("event {position} is not parked by cursor `{name}`")]
    NotParked {
        /// The cursor.
        name: Id,
        /// The position.
        position: Position,
    },
    /// There are as many cursors as there may be.
    #[error("there are {limit} cursors, and no more fit")]
    TooMany {
        /// How many.
        limit: usize,
    },
    /// As many events are parked as may be.
    #[error("cursor `{name}` has {limit} parked events, and no more fit")]
    TooManyParked {
        /// The cursor.
        name: Id,
        /// How many.
        limit: usize,
    },
    /// The file cannot be written, and the cursor is where it was.
    #[error(transparent)]
    Io(#[from] IoFailure),
    /// The ledger has been closed.
    #[error("the ledger has been closed")]
    Closed,
}

/// Tells the position of the next event.
pub(crate) struct Head(Box<dyn Fn() -> Position + Send + Sync>);

impl Head {
    /// As this function tells it.
    pub(crate) fn new(head: impl Fn() -> Position + Send + Sync + 'static) -> Self {
        Self(Box::new(head))
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Head").field(&(self.0)()).finish()
    }
}

/// The cursors of a data directory.
#[derive(Debug)]
pub struct Cursors {
    data: PathBuf,
    head: Head,
    clock: Clock,
    set: Mutex<Set>,
}

#[derive(Debug)]
struct Set {
    slots: BTreeMap<Id, Arc<Slot>>,
    /// No cursor begins with this token or an earlier one.
    newest: u64,
    is_closed: bool,
}

/// One cursor. Its file is written while `held` is locked, so that changes are made one after the other.
#[derive(Debug)]
struct Slot {
    held: Mutex<Held>,
    lease: watch::Sender<Lease>,
}

#[derive(Debug)]
enum Held {
    Whole(Arc<Kept>),
    Damaged(Damage),
    Deleted,
    Closed,
}

/// What becomes of a cursor.
enum Change {
    /// It reads otherwise.
    Kept(Kept),
    /// Only the lease begins anew.
    Renewed,
    /// Nothing.
    Nothing,
}

/// Were there ever cursors in a data directory?
pub(crate) fn are_present(data: &Path) -> bool {
    data.join(DIRECTORY).exists()
}

impl Cursors {
    /// The cursors as they are kept. Those that are held are for a whole lease.
    pub(crate) fn open(data: &Path, head: Head, clock: Clock) -> Result<Self, IoFailure> {
        let mut slots = BTreeMap::new();
        let dir = data.join(DIRECTORY);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>().map_err(IoFailure::of("read", &dir))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(IoFailure::of("read", &dir)(error)),
        };
        for entry in entries {
            let path = entry.path();
            let file_name = entry.file_name();
            let text = file_name.to_str().unwrap_or_default();
            if let Some(name) = Id::any(text) {
                let slot = Slot::load(&path, &name);
                slots.insert(name, Arc::new(slot));
            } else if !text.ends_with(UNFINISHED) {
                tracing::warn!(path = %path.display(), "this is no cursor; it is left alone");
            }
        }
        let set = Mutex::new(Set { slots, newest: 0, is_closed: false });
        Ok(Self { data: data.into(), head, clock, set })
    }

    /// Takes a cursor that nobody holds. One that is not there is made where `start` says, which counts only then.
    pub fn acquire(&self, name: &Id, holder: &Holder, start: Option<Place>) -> Result<Cursor, CursorError> {
        let found = {
            let mut set = self.set();
            match set.slots.get(name) {
                Some(slot) => Arc::clone(slot),
                None => return self.create(&mut set, name, holder, start),
            }
        };
        self.change_in(name, &found, |kept, lease| {
            lease.check_free(name)?;
            let generation = kept.generation.saturating_add(1);
            Ok(Change::Kept(Kept { generation, holder: Some(holder.clone()), ..kept.clone() }))
        })
    }

    fn create(&self, set: &mut Set, name: &Id, holder: &Holder, start: Option<Place>) -> Result<Cursor, CursorError> {
        if set.is_closed {
            return Err(CursorError::Closed);
        }
        let start = start.ok_or_else(|| set.unknown(name))?;
        if set.slots.len() >= CURSORS {
            return Err(CursorError::TooMany { limit: CURSORS });
        }
        let kept = Kept {
            name: name.clone(),
            acknowledged: self.resolve(start)?,
            generation: set.first_token(&self.clock),
            holder: Some(holder.clone()),
            parked: BTreeMap::new(),
        };
        self.make_directory()?;
        self.write(&kept)?;
        let slot = Slot::of(Held::Whole(Arc::new(kept.clone())));
        let made = slot.seen(Arc::new(kept));
        set.slots.insert(name.clone(), Arc::new(slot));
        Ok(made)
    }

    /// Begins the lease anew.
    pub fn renew(&self, name: &Id, token: u64) -> Result<Cursor, CursorError> {
        self.change(name, |_, lease| {
            lease.check(name, token)?;
            Ok(Change::Renewed)
        })
    }

    /// Everything up to and including a position has been dealt with; begins the lease anew. An earlier position than
    /// that of the cursor changes nothing.
    pub fn acknowledge(&self, name: &Id, token: u64, position: Position) -> Result<Cursor, CursorError> {
        self.change(name, |kept, lease| {
            lease.check(name, token)?;
            self.check_there(position)?;
            if kept.acknowledged >= Some(position) {
                return Ok(Change::Renewed);
            }
            Ok(Change::Kept(Kept { acknowledged: Some(position), ..kept.clone() }))
        })
    }

    /// Puts an event aside and acknowledges everything up to it; begins the lease anew. One that is parked stays so, for
    /// the reason that was given first.
    pub fn park(&self, name: &Id, token: u64, position: Position, reason: &Name) -> Result<Cursor, CursorError> {
        self.change(name, |kept, lease| {
            lease.check(name, token)?;
            self.check_there(position)?;
            let mut next = Kept { acknowledged: kept.acknowledged.max(Some(position)), ..kept.clone() };
            if next.parked.len() >= PARKED && !next.parked.contains_key(&position) {
                return Err(CursorError::TooManyParked { name: name.clone(), limit: PARKED });
            }
            next.parked.entry(position).or_insert_with(|| Parked { reason: reason.clone(), at: self.clock.now() });
            Ok(if next == *kept { Change::Renewed } else { Change::Kept(next) })
        })
    }

    /// A parked event has been dealt with after all, by whomever.
    pub fn unpark(&self, name: &Id, position: Position) -> Result<Cursor, CursorError> {
        self.change(name, |kept, _| {
            let mut next = kept.clone();
            let parked = next.parked.remove(&position);
            parked.ok_or_else(|| CursorError::NotParked { name: name.clone(), position })?;
            Ok(Change::Kept(next))
        })
    }

    /// Gives the cursor back before the lease has ended. Doing so twice changes nothing.
    pub fn release(&self, name: &Id, token: u64) -> Result<Cursor, CursorError> {
        self.change(name, |kept, lease| match &kept.holder {
            _ if kept.generation != token => lease.check(name, token).map(|()| Change::Nothing),
            Some(_) => Ok(Change::Kept(Kept { holder: None, ..kept.clone() })),
            None => Ok(Change::Nothing),
        })
    }

    /// Puts a cursor somewhere else, takes it from its holder, and forgets the parked events that will come again. Mends
    /// one that is damaged.
    pub fn reset(&self, name: &Id, place: Place) -> Result<Cursor, CursorError> {
        let acknowledged = self.resolve(place)?;
        let slot = self.slot(name)?;
        let mended = {
            let mut set = self.set();
            let generation = set.first_token(&self.clock);
            Kept { name: name.clone(), acknowledged, generation, holder: None, parked: BTreeMap::new() }
        };
        let mut held = slot.held();
        let next = match &*held {
            Held::Whole(kept) => {
                let mut next = Kept { acknowledged, holder: None, ..Kept::clone(kept) };
                next.generation = kept.generation.saturating_add(1);
                next.parked.retain(|position, _| Some(*position) <= acknowledged);
                next
            }
            Held::Damaged(_) => mended,
            Held::Deleted => return Err(gone(name)),
            Held::Closed => return Err(CursorError::Closed),
        };
        self.write(&next)?;
        Ok(slot.put(&mut held, next))
    }

    /// Forgets a cursor, damaged or not.
    pub fn delete(&self, name: &Id) -> Result<(), CursorError> {
        let mut set = self.set();
        let slot = set.slots.get(name).cloned().ok_or_else(|| set.unknown(name))?;
        let mut held = slot.held();
        if matches!(&*held, Held::Closed) {
            return Err(CursorError::Closed);
        }
        let path = self.path(name);
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        removed.and_then(|()| sync_dir(&self.data.join(DIRECTORY))).map_err(IoFailure::of("remove", &path))?;
        if let Held::Whole(kept) = &*held {
            set.newest = set.newest.max(kept.generation);
        }
        *held = Held::Deleted;
        slot.lease.send_modify(Lease::end);
        set.slots.remove(name);
        Ok(())
    }

    /// A cursor as it is now.
    pub fn get(&self, name: &Id) -> Result<Cursor, CursorError> {
        self.change(name, |_, _| Ok(Change::Nothing))
    }

    /// All of them, in the order of their names; of those that are damaged, why.
    pub fn list(&self) -> Vec<(Id, Result<Cursor, CursorError>)> {
        let slots: Vec<_> = self.set().slots.iter().map(|(name, slot)| (name.clone(), Arc::clone(slot))).collect();
        let seen = |(name, slot): (Id, Arc<Slot>)| {
            let seen = self.change_in(&name, &slot, |_, _| Ok(Change::Nothing));
            (name, seen)
        };
        slots.into_iter().map(seen).filter(|(_, seen)| !matches!(seen, Err(CursorError::Unknown { .. }))).collect()
    }

    /// For whoever reads on after a cursor that it holds.
    pub fn hold(&self, name: &Id, token: u64) -> Result<Holding, CursorError> {
        let slot = self.slot(name)?;
        // First, so that what changes afterwards is noticed.
        let lease = slot.lease.subscribe();
        let seen = self.change_in(name, &slot, |_, lease| {
            lease.check(name, token)?;
            Ok(Change::Nothing)
        })?;
        Ok(Holding { name: name.clone(), token, acknowledged: seen.kept.acknowledged, lease })
    }

    /// Waits for what is being written, and changes nothing any more: the files may become another program's.
    pub(crate) fn close(&self) {
        let mut set = self.set();
        set.is_closed = true;
        for slot in set.slots.values() {
            *slot.held() = Held::Closed;
        }
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, name: &Id) -> Result<Arc<Slot>, CursorError> {
        let set = self.set();
        set.slots.get(name).cloned().ok_or_else(|| set.unknown(name))
    }

    /// Judges and changes a cursor. It is durable before anybody hears of it.
    fn change(
        &self,
        name: &Id,
        judge: impl FnOnce(&Kept, &Lease) -> Result<Change, CursorError>,
    ) -> Result<Cursor, CursorError> {
        let slot = self.slot(name)?;
        self.change_in(name, &slot, judge)
    }

    fn change_in(
        &self,
        name: &Id,
        slot: &Slot,
        judge: impl FnOnce(&Kept, &Lease) -> Result<Change, CursorError>,
    ) -> Result<Cursor, CursorError> {
        let mut held = slot.held();
        let kept = match &*held {
            Held::Whole(kept) => Arc::clone(kept),
            Held::Damaged(damage) => {
                return Err(CursorError::Damaged { file: self.path(name), why: damage.to_string() });
            }
            Held::Deleted => return Err(gone(name)),
            Held::Closed => return Err(CursorError::Closed),
        };
        let change = judge(&kept, &slot.lease.borrow())?;
        match change {
            Change::Kept(next) => {
                self.write(&next)?;
                return Ok(slot.put(&mut held, next));
            }
            Change::Renewed => drop(slot.lease.send_replace(Lease::whole(&kept))),
            Change::Nothing => {}
        }
        Ok(slot.seen(kept))
    }

    fn resolve(&self, place: Place) -> Result<Option<Position>, CursorError> {
        match place {
            Place::Beginning => Ok(None),
            Place::After(position) => self.check_there(position).map(|()| Some(position)),
            Place::Now => Ok((self.head.0)().checked_sub(1)),
        }
    }

    fn check_there(&self, position: Position) -> Result<(), CursorError> {
        let head = (self.head.0)();
        if position < head { Ok(()) } else { Err(CursorError::Beyond { position, head }) }
    }

    fn path(&self, name: &Id) -> PathBuf {
        self.data.join(DIRECTORY).join(name.as_str())
    }

    fn make_directory(&self) -> Result<(), IoFailure> {
        let dir = self.data.join(DIRECTORY);
        let made = match fs::create_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        made.and_then(|()| sync_dir(&self.data)).map_err(IoFailure::of("create", dir))
    }

    fn write(&self, kept: &Kept) -> Result<(), IoFailure> {
        durable::replace(&self.data.join(DIRECTORY), kept.name.as_str(), 0o600, &kept::encode(kept))
    }
}

impl Set {
    fn unknown(&self, name: &Id) -> CursorError {
        let nearest = Nearest::of(name.as_str(), self.slots.keys().map(Id::as_str));
        CursorError::Unknown { name: name.clone(), nearest }
    }

    /// The token that a new cursor begins with.
    fn first_token(&mut self, clock: &Clock) -> u64 {
        let now = u64::try_from(clock.now().0).unwrap_or_default();
        self.newest = now.max(self.newest.saturating_add(1));
        self.newest
    }
}

impl Slot {
    fn load(path: &Path, name: &Id) -> Self {
        Self::of(match load(path, name) {
            Ok(kept) => Held::Whole(Arc::new(kept)),
            Err(damage) => {
                tracing::warn!(path = %path.display(), %damage, "a cursor is damaged; the others go on");
                Held::Damaged(damage)
            }
        })
    }

    fn of(held: Held) -> Self {
        let lease = match &held {
            Held::Whole(kept) => Lease::whole(kept),
            _ => Lease::default(),
        };
        Self { held: Mutex::new(held), lease: watch::Sender::new(lease) }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what has been written.
    fn put(&self, held: &mut Held, next: Kept) -> Cursor {
        let next = Arc::new(next);
        self.lease.send_replace(Lease::whole(&next));
        *held = Held::Whole(Arc::clone(&next));
        self.seen(next)
    }

    fn seen(&self, kept: Arc<Kept>) -> Cursor {
        Cursor { kept, left: self.lease.borrow().left().map(|(_, left)| left) }
    }
}

/// The cursor was deleted a moment ago.
fn gone(name: &Id) -> CursorError {
    CursorError::Unknown { name: name.clone(), nearest: Nearest::of(name.as_str(), []) }
}

fn load(path: &Path, name: &Id) -> Result<Kept, Damage> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| Damage::Unreadable(error.to_string()))?;
    let kept = kept::decode(&bytes)?;
    if kept.name == *name { Ok(kept) } else { Err(Damage::Misplaced(kept.name)) }
}
