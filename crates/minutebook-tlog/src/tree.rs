//! The tree of RFC 6962, section 2.1: growing it, its root at any size, and proofs about it.

use imbl::Vector;
use sha2::{Digest as _, Sha256};
use tlog_tiles::tlog::{self, HashReader};

use crate::tile::{Tile, TileKind};
use crate::{Fault, Hash, MAX_SIZE};

/// Levels of the tree between one that is kept and the next: half a tile. The levels between are made when they are
/// asked for, from 16 hashes at most.
const KEPT_HEIGHT: u8 = 4;

/// How many hashes of a level that is kept come to one of the next.
const KEPT_WIDTH: usize = 1 << KEPT_HEIGHT;

/// More hashes than any proof has: two for each level of the largest tree.
const MAX_PATH: usize = 128;

/// The hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(entry).finalize().into()
}

fn node_hash(left: Hash, right: Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that grows, with every hash of its tiles. A copy shares what it has with the original: 34 bytes an entry.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The hashes of level 0 are those of entries; each of another level is that of 16 on the level below. Every second
    /// level is one of tiles.
    levels: Vec<Vector<Hash>>,
}

impl Tree {
    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| count(leaves.len()))
    }

    /// Adds an entry by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vector::new());
            }
            let Some(hashes) = self.levels.get_mut(level) else { return };
            hashes.push_back(hash);
            if hashes.len() % KEPT_WIDTH != 0 {
                return;
            }
            hash = subtree(hashes, hashes.len() - KEPT_WIDTH..hashes.len());
        }
    }

    /// The hash of an entry.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.levels.first()?.get(usize::try_from(index).ok()?).copied()
    }

    /// The root over all entries.
    pub fn root(&self) -> Hash {
        // A tree has its own root.
        self.root_at(self.size()).unwrap_or_default()
    }

    /// The root over the first entries; `None` where there are fewer.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        (size <= self.size()).then(|| tlog::tree_hash(size, self).ok())?.map(|root| root.0)
    }

    /// The right edge of the tree over the first entries; `None` where there are fewer.
    pub fn frontier(&self, size: u64) -> Option<Frontier> {
        let heights = (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1);
        let peak = |height: u32| self.node(u8::try_from(height).ok()?, (size >> height) - 1);
        let peaks: Option<Vec<Hash>> = heights.map(peak).collect();
        Some(Frontier { size, peaks: peaks? })
    }

    /// The proof that an entry is in the tree of a size; `None` where there is no such entry or size.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        let provable = index < size && size <= self.size();
        path(provable.then(|| tlog::prove_record(size, index, self))?)
    }

    /// The proof that the tree of a size continues that of a smaller one; `None` where there is no such size.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        if old == 0 {
            return Some(Vec::new());
        }
        let provable = old <= new && new <= self.size();
        path(provable.then(|| tlog::prove_tree(new, old, self))?)
    }

    /// The hashes of a tile, as a file holds them; `None` where the tree does not have it. A tile of entries holds none.
    pub fn tile(&self, tile: &Tile) -> Option<Vec<u8>> {
        let TileKind::Hashes(level) = tile.kind() else { return None };
        let hashes = self.levels.get(2 * usize::from(level))?;
        let first = usize::try_from(tile.first()).ok()?;
        let end = first.checked_add(usize::from(tile.width()))?;
        (end <= hashes.len()).then(|| hashes.focus().narrow(first..end).into_iter().flatten().copied().collect())
    }

    /// The hash of a node, which is stored or made from what is stored.
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        let hashes = self.levels.get(usize::from(level / KEPT_HEIGHT))?;
        let height = u32::from(level % KEPT_HEIGHT);
        let first = usize::try_from(index.checked_shl(height)?).ok()?;
        let end = first.checked_add(1 << height)?;
        (end <= hashes.len()).then(|| subtree(hashes, first..end))
    }
}

impl HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let read = |index: &u64| {
            let (level, n) = tlog::split_stored_hash_index(*index);
            self.node(level, n).map(tlog::Hash).ok_or(tlog::Error::IndexesNotInTree)
        };
        indexes.iter().map(read).collect()
    }
}

/// The hash over a power of two of neighbours.
fn subtree(hashes: &Vector<Hash>, range: std::ops::Range<usize>) -> Hash {
    let mut row: Vec<Hash> = hashes.focus().narrow(range).into_iter().copied().collect();
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| pair.iter().copied().reduce(node_hash).unwrap_or_default()).collect();
    }
    row.first().copied().unwrap_or_default()
}

fn path(proof: Result<Vec<tlog::Hash>, tlog::Error>) -> Option<Vec<Hash>> {
    Some(proof.ok()?.into_iter().map(|hash| hash.0).collect())
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The right edge of a growing tree: enough for its root, however many entries it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// The roots of the whole subtrees that the entries fall apart into, the largest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each trailing one of the size is a subtree that this entry completes with its neighbour.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(left, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root over all entries.
    pub fn root(&self) -> Hash {
        let root = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(left, right));
        root.unwrap_or(tlog::EMPTY_HASH.0)
    }
}

/// Checks that an entry is in a tree.
pub fn check_inclusion(path: &[Hash], leaf: Hash, index: u64, size: u64, root: Hash) -> Result<(), Fault> {
    if size > MAX_SIZE {
        return Err(Fault::Size(size));
    }
    if index >= size {
        return Err(Fault::Beyond { index, size });
    }
    let checked = tlog::check_record(&proof(path)?, size, tlog::Hash(root), index, tlog::Hash(leaf));
    checked.map_err(|_| Fault::NotIncluded(index))
}

/// Checks that a tree begins with an earlier one. The empty tree is the beginning of every tree.
pub fn check_consistency(path: &[Hash], old: (u64, Hash), new: (u64, Hash)) -> Result<(), Fault> {
    let ((old, old_root), (new, new_root)) = (old, new);
    if new > MAX_SIZE {
        return Err(Fault::Size(new));
    }
    if old > new {
        return Err(Fault::Shrunk { old, new });
    }
    let consistent = if old == 0 {
        path.is_empty() && old_root == tlog::EMPTY_HASH.0
    } else {
        tlog::check_tree(&proof(path)?, new, tlog::Hash(new_root), old, tlog::Hash(old_root)).is_ok()
    };
    if consistent { Ok(()) } else { Err(Fault::NotConsistent { old, new }) }
}

fn proof(path: &[Hash]) -> Result<Vec<tlog::Hash>, Fault> {
    if path.len() > MAX_PATH {
        return Err(Fault::Form("the proof has more hashes than any proof needs"));
    }
    Ok(path.iter().copied().map(tlog::Hash).collect())
}
