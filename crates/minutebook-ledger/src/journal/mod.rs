//! The journal: the truth of a ledger, as files. Everything else in the data directory is rebuilt from it.
//!
//! Frames (see [`crate::frame`]) stand in segment files (see `segment`), one after the other; a frame never spans two
//! files. A frame is acknowledged after `fdatasync`, and never again written to. This module is the [`Log`] over
//! those files. It knows nothing of events, and nothing of the store.

mod ahead;
mod bulk;
mod recover;
mod scan;
mod segment;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use minutebook_domain::ids::Position;

use self::ahead::Ahead;
pub(crate) use self::bulk::Bulk;
use self::recover::Tip;
pub use self::recover::Witness;
use self::scan::Scan;
pub(crate) use self::segment::sync_dir;
use self::segment::{HEADER_BYTES, Mark, Segment};
use crate::frame::{Damage, EncodedFrame};
use crate::log::{AppendError, Head, IoFailure, Log, LogError, Visitor};

/// The first segment is this large, each next one twice that, up to [`JournalOptions::segment_bytes`], so that a small
/// ledger is small on the disk.
const FIRST_SEGMENT_BYTES: u64 = 1 << 20;

/// What can be chosen about a journal.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// Size of a full-grown segment. A frame that is larger gets a larger segment.
    pub segment_bytes: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20 }
    }
}

/// The frames of one ledger in files.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    options: JournalOptions,
    segments: ArcSwap<Vec<Arc<Segment>>>,
    head: ArcSwap<Head>,
    // Locked by the one writer only; readers do not wait for it.
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    segment: Arc<Segment>,
    file: File,
    offset: u64,
    capacity: u64,
    ahead: Ahead,
    /// Set while the outcome of a write is not known, and so for good when it fails.
    in_doubt: bool,
}

impl Journal {
    /// Make a new journal in `dir` that holds the founding frame. It is there as a whole, or not at all.
    pub fn found(dir: &Path, founding: &EncodedFrame, options: &JournalOptions) -> Result<(), LogError> {
        if Self::is_present(dir)? {
            return Err(LogError::Present(dir.into()));
        }
        fs::create_dir_all(dir).map_err(IoFailure::of("create", dir))?;
        let room = byte_count(founding).saturating_add(HEADER_BYTES);
        let mut ahead = Ahead::new(dir);
        let path = ahead
            .clear()
            .and_then(|()| ahead.take(segment_bytes(1, options).max(room)))
            .map_err(IoFailure::of("make a segment in", dir))?;
        let file = OpenOptions::new().write(true).open(&path).map_err(IoFailure::of("open", &path))?;
        file.write_all_at(&segment::header(0, founding.previous()), 0)
            .and_then(|()| file.write_all_at(founding.bytes(), HEADER_BYTES))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&path, dir.join(segment::name(1))))
            .and_then(|()| sync_dir(dir))
            .and_then(|()| dir.parent().map_or(Ok(()), sync_dir))
            .map_err(IoFailure::of("write", &path))?;
        Ok(())
    }

    /// Whether there is a journal in `dir`, sound or not.
    pub fn is_present(dir: &Path) -> Result<bool, LogError> {
        Ok(!segment::numbers(dir)?.is_empty())
    }

    /// Open the journal in `dir`, repairing what a crash leaves behind and refusing everything else.
    pub fn open(dir: &Path, options: JournalOptions, witnesses: &[Witness]) -> Result<Self, LogError> {
        let journal =
            Self::open_with(dir, options, OpenOptions::new().write(true), |last| recover::recover(last, witnesses))?;
        // A program that was killed may have named the last segment without making the name durable.
        sync_dir(dir).and_then(|()| dir.parent().map_or(Ok(()), sync_dir)).map_err(IoFailure::of("sync", dir))?;
        Ok(journal)
    }

    /// Open the journal in `dir` to read it, and write nothing: what a start would repair is left as it is, and so the
    /// journal takes no frames.
    pub fn inspect(dir: &Path, witnesses: &[Witness]) -> Result<Self, LogError> {
        let journal = Self::open_with(dir, JournalOptions::default(), OpenOptions::new().read(true), |last| {
            recover::inspect(last, witnesses)
        })?;
        journal.writer.lock().unwrap_or_else(PoisonError::into_inner).in_doubt = true;
        Ok(journal)
    }

    fn open_with(
        dir: &Path,
        options: JournalOptions,
        access: &OpenOptions,
        find_end: impl FnOnce(&Segment) -> Result<Tip, LogError>,
    ) -> Result<Self, LogError> {
        let segments: Vec<_> = segment::open_all(dir)?.into_iter().map(Arc::new).collect();
        let last = segments.last().ok_or_else(|| LogError::Absent(dir.into()))?;
        let Tip { head, offset, capacity } = find_end(last)?;
        let file = access.open(&last.path).map_err(IoFailure::of("open", &last.path))?;
        let segment = Arc::clone(last);
        let writer = Writer { segment, file, offset, capacity, ahead: Ahead::new(dir), in_doubt: false };
        Ok(Self {
            dir: dir.into(),
            options,
            segments: ArcSwap::from_pointee(segments),
            head: ArcSwap::from_pointee(head),
            writer: Mutex::new(writer),
        })
    }

    /// Begin the next segment. Until the new name is in place nothing has changed, and `Full` is the honest answer.
    fn begin_segment(&self, writer: &mut Writer, head: Head, frame_bytes: u64) -> Result<(), AppendError> {
        let number = writer.segment.number.saturating_add(1);
        let bytes = segment_bytes(number, &self.options).max(frame_bytes.saturating_add(HEADER_BYTES));
        let ready = writer.ahead.take(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::Full,
            _ => AppendError::Unknown(error),
        })?;
        let segment = Arc::new(Segment::new(&self.dir, number, head.next, head.chain));
        let file = OpenOptions::new().write(true).open(&ready)?;
        file.write_all_at(&segment::header(head.next, &head.chain), 0)?;
        file.sync_all()?;
        fs::rename(&ready, &segment.path)?;
        sync_dir(&self.dir)?;
        let capacity = file.metadata()?.len();

        let mut segments = Vec::clone(&self.segments.load());
        segments.push(Arc::clone(&segment));
        self.segments.store(Arc::new(segments));
        writer.segment = segment;
        writer.file = file;
        writer.offset = HEADER_BYTES;
        writer.capacity = capacity;
        Ok(())
    }

    fn write(&self, writer: &mut Writer, head: Head, frame: &EncodedFrame) -> Result<(), AppendError> {
        let bytes = byte_count(frame);
        if writer.offset.saturating_add(bytes) > writer.capacity {
            self.begin_segment(writer, head, bytes)?;
        }
        writer.file.write_all_at(frame.bytes(), writer.offset)?;
        writer.file.sync_data()?;
        writer.segment.mark(Mark { first: frame.first(), offset: writer.offset });
        writer.offset = writer.offset.saturating_add(bytes);
        self.head.store(Arc::new(Head { next: frame.next(), chain: *frame.hash() }));
        if writer.offset > writer.capacity / 2 {
            writer.ahead.begin(segment_bytes(writer.segment.number.saturating_add(1), &self.options));
        }
        Ok(())
    }
}

/// Any error while writing leaves the outcome open, whichever call met it.
impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        Self::Unknown(error)
    }
}

fn byte_count(frame: &EncodedFrame) -> u64 {
    u64::try_from(frame.bytes().len()).unwrap_or(u64::MAX)
}

fn segment_bytes(number: u32, options: &JournalOptions) -> u64 {
    let doublings = number.saturating_sub(1).min(32);
    (FIRST_SEGMENT_BYTES << doublings).min(options.segment_bytes)
}

impl Log for Journal {
    fn append(&self, expected_next: Position, frame: &EncodedFrame) -> Result<(), AppendError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let head = self.head();
        if writer.in_doubt {
            return Err(AppendError::Unknown(io::Error::other("an earlier write failed")));
        }
        if head.next != expected_next || head.next != frame.first() || head.chain != *frame.previous() {
            return Err(AppendError::Conflict(head));
        }
        writer.in_doubt = true;
        let written = self.write(&mut writer, head, frame);
        writer.in_doubt = matches!(written, Err(AppendError::Unknown(_)));
        written
    }

    fn read(&self, from: Position, visit: Visitor<'_>) -> Result<(), LogError> {
        // The head first: every segment up to it is then in the list.
        let head = self.head();
        let segments = self.segments.load_full();
        if from >= head.next {
            return Ok(());
        }
        let start = holding(&segments, from);
        let mut rest = segments.get(start..).unwrap_or_default().iter().peekable();
        while let Some(segment) = rest.next() {
            // A segment may have been begun since the head was taken.
            if segment.first >= head.next {
                break;
            }
            let end = rest.peek().map(|following| Head { next: following.first, chain: following.previous });
            if read_segment(segment, from, head, end, visit)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn is_near(&self, position: Position) -> bool {
        let segments = self.segments.load();
        segments.get(holding(&segments, position)).is_some_and(|segment| segment.is_near(position))
    }

    fn head(&self) -> Head {
        **self.head.load()
    }
}

/// Which of the segments holds a position.
fn holding(segments: &[Arc<Segment>], position: Position) -> usize {
    segments.partition_point(|segment| segment.first <= position).saturating_sub(1)
}

/// Visit the frames of one segment. `end` is where the following segment says that this one ends.
fn read_segment(
    segment: &Segment,
    from: Position,
    head: Head,
    end: Option<Head>,
    visit: Visitor<'_>,
) -> Result<ControlFlow<()>, LogError> {
    let mut scan = Scan::near(segment, from)?;
    while scan.next < head.next {
        let Some(frame) = scan.step_sound()? else { break };
        if frame.next() > from && visit(&frame).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    let stop = end.filter(|end| end.next <= head.next).unwrap_or(head);
    if scan.next != stop.next {
        let witness = if stop == head { "this program" } else { "the segment after it" }.to_owned();
        let damage = Damage::Missing { witness, seen: stop.next };
        return Err(segment.corruption(scan.next, scan.offset(), damage));
    }
    if scan.chain.is_some_and(|chain| chain != stop.chain) {
        return Err(segment.corruption(scan.next, scan.offset(), Damage::Chain));
    }
    Ok(ControlFlow::Continue(()))
}
