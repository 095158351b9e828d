//! One file of the journal: its name, its header, and the marks that lead quickly to a position in it. It does not
//! read frames (see `scan`) and does not decide when a new file begins (see the module above).
//!
//! A segment is `NNNN.seg`, numbered from `0001`, without gaps. It begins with a header of 64 bytes:
//!
//! | field    | size | meaning |
//! |----------|------|---------|
//! | magic    | 8    | `minutebk` |
//! | format   | 4    | format of this file, little-endian; 1 |
//! | first    | 8    | position of the first event in this file, little-endian |
//! | previous | 32   | the hash that the first frame here carries as its `previous` |
//! | checksum | 4    | CRC-32C of the 52 bytes before it, little-endian |
//! | reserved | 8    | zero |
//!
//! Frames follow one after the other without padding. The rest of the file is zero-filled.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use minutebook_domain::ids::Position;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::frame::Damage;
use crate::log::{Corruption, IoFailure, LogError};
use crate::parts::{Hash, Parts};

pub(super) const HEADER_BYTES: u64 = 64;
const MAGIC: &[u8; 8] = b"minutebk";
const FORMAT: u32 = 1;
const EXTENSION: &str = "seg";

/// How far apart marks are, so that finding a position reads at most about this much.
const MARK_EVERY_BYTES: u64 = 64 << 10;

/// How far apart the marks about a position may be for it to be near: they, and a frame of a usual size.
const NEAR_BYTES: u64 = 4 * MARK_EVERY_BYTES;

/// A segment whose header has been read.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) number: u32,
    pub(super) first: Position,
    pub(super) previous: Hash,
    marks: RwLock<Vec<Mark>>,
}

/// A frame that begins with position `first` stands at `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) first: Position,
    pub(super) offset: u64,
}

impl Segment {
    pub(super) fn new(dir: &Path, number: u32, first: Position, previous: Hash) -> Self {
        let marks = RwLock::new(vec![Mark { first, offset: HEADER_BYTES }]);
        Self { path: dir.join(name(number)), number, first, previous, marks }
    }

    /// Read the header. `after` is a position before this segment, to name damage by.
    fn open(dir: &Path, number: u32, after: Position) -> Result<Self, LogError> {
        let path = dir.join(name(number));
        let mut header = [0; 64];
        let read = File::open(&path).and_then(|file| file.read_exact_at(&mut header, 0));
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            read => read.map_err(IoFailure::of("read", &path))?,
        }
        let mut parts = Parts::new(&header);
        let (first, previous) = parse_header(&mut parts, &path, after)?;
        Ok(Self::new(dir, number, first, previous))
    }

    /// The last mark at or before `position`.
    pub(super) fn mark_before(&self, position: Position) -> Mark {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        let after = marks.partition_point(|mark| mark.first <= position);
        let start = Mark { first: self.first, offset: HEADER_BYTES };
        after.checked_sub(1).and_then(|index| marks.get(index)).copied().unwrap_or(start)
    }

    /// Whether the marks before and after `position` are known and close to each other.
    pub(super) fn is_near(&self, position: Position) -> bool {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        let after = marks.partition_point(|mark| mark.first <= position);
        let before = after.checked_sub(1).and_then(|index| marks.get(index));
        before.zip(marks.get(after)).is_some_and(|(before, after)| after.offset - before.offset <= NEAR_BYTES)
    }

    /// Remember where a frame stands, unless a mark close before it does already.
    pub(super) fn mark(&self, mark: Mark) {
        let is_due =
            |last: Option<&Mark>| last.is_none_or(|last| mark.offset >= last.offset.saturating_add(MARK_EVERY_BYTES));
        if is_due(self.marks.read().unwrap_or_else(PoisonError::into_inner).last()) {
            let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
            // INVARIANT: ordered by offset. Two readers may come here at once, so look again.
            if is_due(marks.last()) {
                marks.push(mark);
            }
        }
    }

    /// Damage in this file.
    pub(super) fn corruption(&self, position: Position, offset: u64, damage: Damage) -> LogError {
        Corruption { position, file: self.path.clone(), offset, damage }.into()
    }
}

pub(super) fn name(number: u32) -> String {
    format!("{number:04}.{EXTENSION}")
}

pub(super) fn header(first: Position, previous: &Hash) -> Vec<u8> {
    let mut header = Vec::with_capacity(64);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&FORMAT.to_le_bytes());
    header.extend_from_slice(&first.to_le_bytes());
    header.extend_from_slice(previous);
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    header.resize(64, 0);
    header
}

fn parse_header(parts: &mut Parts<'_>, path: &Path, after: Position) -> Result<(Position, Hash), LogError> {
    let sum = crc32c::crc32c(parts.rest().get(..52).unwrap_or_default());
    let fields = || Some((parts.array::<8>()?, parts.u32()?, parts.u64()?, parts.array()?, parts.u32()?));
    let damaged = || Corruption { position: after, file: path.into(), offset: 0, damage: Damage::Header }.into();
    match { fields }() {
        // The format comes before the checksum: a newer one may have its checksum elsewhere.
        Some((magic, found, ..)) if magic == MAGIC && found > FORMAT => {
            Err(LogError::NewerFormat { file: path.into(), found, known: FORMAT })
        }
        Some((magic, FORMAT, first, previous, stated)) if magic == MAGIC && stated == sum => Ok((first, *previous)),
        _ => Err(damaged()),
    }
}

/// The numbers of the segments in a directory, in order.
pub(super) fn numbers(dir: &Path) -> Result<Vec<u32>, LogError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(IoFailure::of("list", dir))?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let path = entry.map_err(IoFailure::of("list", dir))?.path();
        let is_segment = path.extension().is_some_and(|extension| extension == EXTENSION);
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        numbers.extend(number.filter(|_: &u32| is_segment));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// All segments of a journal directory, in order.
pub(super) fn open_all(dir: &Path) -> Result<Vec<Segment>, LogError> {
    let numbers = numbers(dir)?;
    let mut segments: Vec<Segment> = Vec::with_capacity(numbers.len());
    for (expected, number) in (1..).zip(numbers) {
        let after = segments.last().map(|last| last.first);
        let position = after.unwrap_or_default();
        if number != expected {
            let file = dir.join(name(expected));
            let damage = Damage::Missing { witness: format!("`{}`", name(number)), seen: position };
            return Err(Corruption { position, file, offset: 0, damage }.into());
        }
        let segment = Segment::open(dir, number, position)?;
        let in_order = after.map_or(segment.first == 0, |after| segment.first > after);
        if !in_order {
            return Err(segment.corruption(position, 0, Damage::Header));
        }
        segments.push(segment);
    }
    if segments.is_empty() { Err(LogError::Absent(dir.into())) } else { Ok(segments) }
}

/// Create a zero-filled file that is as long on the disk as it says, so that later writes into it need no new space
/// and `fdatasync` need not write anything but the data.
pub(super) fn create_zeroed(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        // A full disk says so before megabytes have been written in vain.
        Err(error @ (Errno::NOSPC | Errno::DQUOT)) => return Err(error.into()),
        // Not every file system can do it. The zeros are written in any case: reserved space alone would make each
        // `fdatasync` write metadata too.
        _ => zero(&file, 0, bytes)?,
    }
    file.sync_all()
}

/// Write zeros from `start` up to `end`.
pub(super) fn zero(file: &File, start: u64, end: u64) -> io::Result<()> {
    let zeros = vec![0; 1 << 20];
    let mut at = start;
    while at < end {
        let count = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all_at(zeros.get(..count).unwrap_or_default(), at)?;
        at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// Make names that were created, renamed or removed in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    // The parent of a relative name is the empty path, which means here.
    let here = Path::new(".");
    File::open(if dir.as_os_str().is_empty() { here } else { dir })?.sync_all()
}
