//! What every request works with: the open ledger, and points in time as people name them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockWriteGuard};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use minutebook_domain::book::Book;
use minutebook_domain::command::Command;
use minutebook_domain::dates::{Day, Timestamp};
use minutebook_domain::history::Cut;
use minutebook_domain::ids::Position;
use minutebook_ledger::{
    Cursors, Ledger, Observed, OpenError, Options, Pending, Reader, Receipt, RotateError, Status as LedgerStatus,
    Submission, SubmitError,
};
use minutebook_proto::{WriteOptions, pb};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::metrics::Metrics;
use crate::serve::limits::{Limits, count};

/// The open ledger of a data directory.
#[derive(Debug)]
pub(crate) struct App {
    data: PathBuf,
    options: Options,
    // Empty while the ledger is rebuilt.
    ledger: RwLock<Option<Ledger>>,
    // Where this program can be reached, once it is: a rebuilt ledger has a new lock file to note it in.
    address: OnceLock<String>,
    queries: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    reads: Arc<Semaphore>,
}

/// The ledger is being rebuilt: it takes and answers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger is being rebuilt; ask again when it is done")]
pub(crate) struct Rebuilding;

impl App {
    /// Opens the ledger of a directory.
    pub(crate) fn open(data: &Path, options: Options, limits: &Limits) -> Result<Self, OpenError> {
        let ledger = Ledger::open(data, options.clone())?;
        Ok(Self {
            data: data.to_owned(),
            options,
            ledger: RwLock::new(Some(ledger)),
            address: OnceLock::new(),
            metrics: Arc::default(),
            queries: Arc::new(Semaphore::new(count(limits.queries))),
            reads: Arc::new(Semaphore::new(count(limits.reads))),
        })
    }

    /// Works something out away from the threads that serve sockets, when it is its turn: it may read from the disk.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        in_turn(&self.queries, work).await
    }

    /// Reads a part of a stream, when it is its turn. However many streams there are, queries do not wait for them.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        in_turn(&self.reads, read).await
    }

    fn with<T>(&self, look: impl FnOnce(&Ledger) -> T) -> Result<T, Rebuilding> {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        ledger.as_ref().map(look).ok_or(Rebuilding)
    }

    fn held(&self) -> RwLockWriteGuard<'_, Option<Ledger>> {
        self.ledger.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the whole journal once, beside all else.
    pub(crate) fn look_through(&self) -> anyhow::Result<()> {
        Ok(self.held().as_mut().ok_or(Rebuilding)?.look_through()?)
    }

    /// A handle to read with.
    pub(crate) fn reader(&self) -> Result<Reader, Rebuilding> {
        self.with(Ledger::reader)
    }

    /// The named cursors, as long as this ledger is open.
    pub(crate) fn cursors(&self) -> Result<Arc<Cursors>, Rebuilding> {
        self.with(Ledger::cursors)
    }

    /// How the ledger is doing.
    pub(crate) fn status(&self) -> Result<LedgerStatus, Rebuilding> {
        self.with(Ledger::status)
    }

    /// What can be watched of it, beside how it is doing.
    pub(crate) fn observed(&self) -> Result<Observed, Rebuilding> {
        self.with(Ledger::observed)
    }

    /// What is counted of the requests.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The bytes of the files of the journal.
    pub(crate) fn journal_bytes(&self) -> u64 {
        bytes_under(&self.data.join("journal"))
    }

    /// The bytes of the files of the store.
    pub(crate) fn store_bytes(&self) -> u64 {
        bytes_under(&self.data.join("store"))
    }

    /// Notes in the lock file where this program can be reached.
    pub(crate) fn publish_address(&self, address: &str) -> anyhow::Result<()> {
        let address = self.address.get_or_init(|| address.to_owned());
        match self.with(|ledger| ledger.publish_address(address))? {
            // What is recorded can be read all the same, by whoever names the address.
            Err(failure) if failure.is_full_disk() => {
                tracing::warn!(%failure, "the address is not noted; name it with --server");
                Ok(())
            }
            published => Ok(published?),
        }
    }

    /// Asks for commands to be recorded; the answer comes when they are durable.
    pub(crate) fn submit(&self, write: &WriteOptions, commands: Vec<Command>) -> Pending {
        let submission = Submission {
            request_id: write.request_id.clone(),
            commands,
            actor: write.actor.clone(),
            validate_only: write.validate_only,
        };
        let pending = self.with(|ledger| ledger.submit(submission));
        pending.unwrap_or_else(|Rebuilding| Pending::ready(Err(SubmitError::Stopped)))
    }

    /// Lets another key sign the checkpoints. Waits until both keys have signed that.
    pub(crate) fn rotate_key(&self, write: WriteOptions) -> Result<Receipt, RotateError> {
        let rotated = self.with(|ledger| ledger.rotate_key(write.request_id, write.actor));
        rotated.unwrap_or_else(|Rebuilding| Err(SubmitError::Stopped.into()))
    }

    /// Throws away what can be thrown away and replays the journal. Nothing is served meanwhile.
    pub(crate) fn rebuild(&self, progress: &mut dyn FnMut(Position, Position)) -> anyhow::Result<([u8; 32], [u8; 32])> {
        // INVARIANT: the lock is not held meanwhile, so that whoever asks is told instead of kept waiting.
        let ledger = self.held().take().ok_or(Rebuilding)?;
        let before = ledger.reader().book()?.digest();
        drop(ledger);
        let ledger = Ledger::rebuild(&self.data, self.options.clone(), progress)?;
        if let Some(address) = self.address.get() {
            ledger.publish_address(address)?;
        }
        let after = ledger.reader().book()?.digest();
        *self.held() = Some(ledger);
        Ok((before, after))
    }

    /// Finishes what waits, writes a snapshot and closes the ledger. What was acknowledged is in the journal: a snapshot
    /// that could not be written only makes the next start slower.
    pub(crate) fn close(&self) {
        let ledger = self.held().take();
        if let Err(error) = ledger.map_or(Ok(()), Ledger::close) {
            tracing::warn!(%error, "the ledger was closed without a snapshot");
        }
    }
}

/// The bytes of the files under a directory; what cannot be read counts as none.
fn bytes_under(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Nothing is done for whoever gave up before their turn; what was begun keeps its place until it is done.
async fn in_turn<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // The semaphore is never closed.
    let turn = Arc::clone(turns).acquire_owned().await.ok();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    })
    .await
}

/// What one query works with: the book at one moment, and the events behind it.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The book; it does not change while the query holds it.
    pub(crate) book: Arc<Book>,
    /// Reads events back.
    pub(crate) reader: Reader,
}

/// Why a point in time is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TimeFault {
    /// Not a day.
    #[error("`{0}` is not a day; use for example 2017-03-01")]
    Day(String),
    /// Nothing was known then.
    #[error("the ledger began on {began}; ask for what was known from then on")]
    BeforeFounding {
        /// The day of its founding, in its time zone.
        began: String,
    },
    /// Nothing is known yet.
    #[error("there is no event {position} yet; the newest is {newest}")]
    Beyond {
        /// The position asked for.
        position: Position,
        /// The newest event.
        newest: Position,
    },
}

impl Query {
    /// The position of the newest event.
    pub(crate) fn position(&self) -> Position {
        self.book.head().saturating_sub(1)
    }

    /// The ledger's time zone.
    pub(crate) fn zone(&self) -> TimeZone {
        let zone = self.book.founding().and_then(|founding| TimeZone::get(founding.zone.as_str()).ok());
        zone.unwrap_or(TimeZone::UTC)
    }

    /// Today, in the ledger's time zone.
    pub(crate) fn today(&self) -> Day {
        day(jiff::Timestamp::now().to_zoned_datetime(self.zone()).date())
    }

    /// The newest event that had been recorded at the end of a day; `None` where the ledger began later.
    pub(crate) fn known_on(&self, day: Day) -> Result<Option<Position>, QueryFault> {
        let end = self.end_of(&day.to_string())?;
        Ok(self.first_after(end)?.checked_sub(1))
    }

    /// A point on both clocks.
    pub(crate) fn cut(&self, valid: Option<&str>, known: Option<&pb::Known>) -> Result<Cut, QueryFault> {
        let valid = day_asked(valid)?.unwrap_or(Day::NEVER);
        Ok(Cut { valid, known: self.known(known)?, sealed: None })
    }

    /// The newest event that was known then.
    pub(crate) fn known(&self, known: Option<&pb::Known>) -> Result<Position, QueryFault> {
        let instant = match known.and_then(|known| known.known.as_ref()) {
            None => return Ok(self.position()),
            Some(pb::known::Known::Position(position)) if *position > self.position() => {
                return Err(TimeFault::Beyond { position: *position, newest: self.position() }.into());
            }
            Some(pb::known::Known::Position(position)) => return self.whole(*position),
            Some(pb::known::Known::InstantMs(instant)) => Timestamp(*instant),
            Some(pb::known::Known::Date(date)) => self.end_of(date)?,
        };
        let after = self.first_after(instant)?;
        Ok(after.checked_sub(1).ok_or_else(|| self.before_founding())?)
    }

    /// The newest event that was known with this one: the events of one request became known together.
    fn whole(&self, position: Position) -> Result<Position, QueryFault> {
        let request = self.reader.recorded(position)?.event.request_id.clone();
        let receipt = self.reader.request(&request)?.map(|remembered| remembered.receipt);
        let last = receipt.map_or(0, |receipt| (receipt.first + Position::from(receipt.count)).saturating_sub(1));
        Ok(position.max(last))
    }

    /// The last millisecond of a day in the ledger's time zone.
    fn end_of(&self, date: &str) -> Result<Timestamp, TimeFault> {
        let fault = |_| TimeFault::Day(date.to_owned());
        let next = date.parse::<Date>().and_then(Date::tomorrow).map_err(fault)?;
        let start = next.to_zoned_datetime(self.zone()).map_err(fault)?;
        Ok(Timestamp(start.timestamp().as_millisecond() - 1))
    }

    /// The first position whose event was recorded after an instant: `recorded_at` never decreases, so it is halved.
    fn first_after(&self, instant: Timestamp) -> Result<Position, minutebook_ledger::ReadError> {
        let (mut low, mut high) = (0, self.book.head());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.reader.recorded(middle)?.recorded_at <= instant {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn before_founding(&self) -> TimeFault {
        let founded = self.reader.recorded(0).map(|event| event.recorded_at.0).unwrap_or_default();
        let founded = jiff::Timestamp::from_millisecond(founded).unwrap_or_default();
        TimeFault::BeforeFounding { began: founded.to_zoned_datetime(self.zone()).date().to_string() }
    }
}

/// Why a query has no point in time to answer for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryFault {
    /// The point in time is not one.
    #[error(transparent)]
    Time(#[from] TimeFault),
    /// An event cannot be read.
    #[error(transparent)]
    Read(#[from] minutebook_ledger::ReadError),
}

/// A day that a request may name.
pub(crate) fn day_asked(text: Option<&str>) -> Result<Option<Day>, QueryFault> {
    let day = |text: &str| text.parse::<Day>().map_err(|_| TimeFault::Day(text.to_owned()));
    Ok(text.map(day).transpose()?)
}

fn day(date: Date) -> Day {
    let part = |part: i8| u8::try_from(part).unwrap_or_default();
    Day::new(date.year(), part(date.month()), part(date.day())).unwrap_or(Day::NEVER)
}
