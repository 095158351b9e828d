//! The tree and the entries as static files: <https://c2sp.org/tlog-tiles>. This module has their names and the form of
//! an entry bundle; the hashes are those of [`crate::Tree`].

use std::fmt;
use std::str::FromStr;

use crate::{Fault, MAX_SIZE};

/// How many hashes or entries a full tile has.
pub(crate) const WIDTH: usize = 256;

const FULL: u16 = 256;

/// The highest level that a tile may name.
const MAX_LEVEL: u8 = 63;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes of a level: 0 has those of entries.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

impl TileKind {
    /// How many of its hashes or entries a tree of a size has.
    fn count(self, size: u64) -> u64 {
        match self {
            Self::Entries => size,
            Self::Hashes(level) => size.checked_shr(u32::from(level) * 8).unwrap_or_default(),
        }
    }
}

/// The name of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl Tile {
    /// What it holds.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// How many hashes or entries it has, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// The number of its first hash or entry, among all of its level.
    pub fn first(&self) -> u64 {
        self.index.saturating_mul(u64::from(FULL))
    }

    /// The last tile of a kind that a tree of a size has; `None` where it has none.
    pub fn last(kind: TileKind, size: u64) -> Option<Self> {
        let index = kind.count(size).checked_sub(1)? / u64::from(FULL);
        let width = u16::try_from(kind.count(size) - index * u64::from(FULL)).ok()?;
        Some(Self { kind, index, width })
    }

    /// Does a tree of a size have this very tile?
    pub fn is_of(&self, size: u64) -> bool {
        let end = self.first().saturating_add(u64::from(self.width));
        if self.width == FULL { end <= self.kind.count(size) } else { Self::last(self.kind, size) == Some(*self) }
    }

    /// The tiles of a tree of a size, level by level; those of entries first.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        let kinds = std::iter::once(TileKind::Entries).chain((0..=MAX_LEVEL).map(TileKind::Hashes));
        kinds.flat_map(move |kind| Self::of(kind, size))
    }

    /// The tiles of one kind of a tree of a size.
    pub fn of(kind: TileKind, size: u64) -> impl Iterator<Item = Self> {
        Self::last(kind, size).into_iter().flat_map(|last| {
            let before = (0..last.index).map(move |index| Self { index, width: FULL, ..last });
            before.chain([last])
        })
    }
}

/// The path below the prefix of the log, such as `tile/0/x001/234.p/7`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let digits = self.index.to_string();
        let padded = format!("{digits:0>width$}", width = digits.len().div_ceil(3) * 3);
        for (n, digit) in padded.chars().enumerate() {
            let is_last = n + 3 >= padded.len();
            match n % 3 {
                0 if n > 0 && is_last => write!(f, "/{digit}")?,
                0 if n > 0 => write!(f, "/x{digit}")?,
                0 if !is_last => write!(f, "x{digit}")?,
                _ => write!(f, "{digit}")?,
            }
        }
        if self.width < FULL { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for Tile {
    type Err = Fault;

    fn from_str(path: &str) -> Result<Self, Fault> {
        parse(path).filter(|tile| tile.to_string() == path).ok_or(Fault::Form("this is not the path of a tile"))
    }
}

/// Reads a path loosely: what it would be written as decides whether it is one.
fn parse(path: &str) -> Option<Tile> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(level.parse().ok().filter(|level| *level <= MAX_LEVEL)?),
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok().filter(|width| (1..FULL).contains(width))?),
        None => (rest, FULL),
    };
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let index = digits.parse().ok().filter(|index| *index <= MAX_SIZE)?;
    Some(Tile { kind, index, width })
}

/// Entries as a tile of entries holds them: each with its length in front, two bytes, the high one first.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| Fault::Form("an entry has more than 65,535 bytes"))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle.
pub fn unbundle(bytes: &[u8]) -> Result<Vec<&[u8]>, Fault> {
    let (mut entries, mut rest) = (Vec::new(), bytes);
    while let Some((length, after)) = rest.split_first_chunk() {
        let split = after.split_at_checked(usize::from(u16::from_be_bytes(*length)));
        let (entry, after) = split.ok_or(Fault::Form("the entries end in the middle of one"))?;
        if entries.len() == WIDTH {
            return Err(Fault::Form("there are more than 256 entries"));
        }
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(Fault::Form("the entries end in the middle of one")) }
}
