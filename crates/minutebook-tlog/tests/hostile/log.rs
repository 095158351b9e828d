//! Logs to lie about, the same at every run.

use std::cell::RefCell;
use std::collections::BTreeMap;

use minutebook_tlog::{Checkpoint, Hash, Proof, SigningKey, Tile, TileKind, Tree, bundle, leaf_hash};
use rand_core::{CryptoRng, Error, RngCore};

use crate::answer::{Continued, Copied};

/// Chance from a seed (`SplitMix64`).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below a limit.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next_u64() % u64::try_from(limit).unwrap()).unwrap()
    }
}

impl RngCore for Chance {
    fn next_u32(&mut self) -> u32 {
        u32::try_from(self.next_u64() >> 32).unwrap()
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| u8::try_from(self.next_u64() >> 56).unwrap());
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

/// The keys of a test protect nothing.
impl CryptoRng for Chance {}

/// A key for the log of that name.
pub(crate) fn key(chance: &mut Chance, origin: &str) -> SigningKey {
    signed_note::generate_key(chance, origin).0.parse().unwrap()
}

/// A log and who signs it.
pub(crate) struct Log {
    pub(crate) key: SigningKey,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) tree: Tree,
    /// What was signed: signing takes milliseconds where nothing is optimised.
    notes: RefCell<BTreeMap<u64, String>>,
}

impl Log {
    pub(crate) fn new(key: SigningKey, entries: Vec<Vec<u8>>) -> Self {
        let mut tree = Tree::default();
        for entry in &entries {
            tree.push(leaf_hash(entry));
        }
        Self { key, entries, tree, notes: RefCell::default() }
    }

    /// The entry at a position.
    pub(crate) fn entry(&self, index: u64) -> Vec<u8> {
        self.entries[usize::try_from(index).unwrap()].clone()
    }

    /// The head that the log had at a size.
    pub(crate) fn head(&self, size: u64) -> Checkpoint {
        let root = self.tree.root_at(size).unwrap();
        Checkpoint { origin: self.key.public().origin().to_owned(), size, root }
    }

    /// The same, signed.
    pub(crate) fn note(&self, size: u64) -> String {
        self.notes.borrow_mut().entry(size).or_insert_with(|| self.sign(&self.head(size))).clone()
    }

    /// Signs what is to be said with the key of this log.
    pub(crate) fn sign(&self, head: &Checkpoint) -> String {
        head.sign(&[&self.key]).unwrap()
    }

    pub(crate) fn path(&self, index: u64, size: u64) -> Vec<Hash> {
        self.tree.prove_inclusion(index, size).unwrap()
    }

    pub(crate) fn included(&self, index: u64, size: u64) -> Proof {
        Proof { entry: self.entry(index), index, path: self.path(index, size), checkpoint: self.note(size) }
    }

    pub(crate) fn continued(&self, old: u64, new: u64) -> Continued {
        let path = self.tree.prove_consistency(old, new).unwrap();
        Continued { old: self.note(old), new: self.note(new), path }
    }

    pub(crate) fn copied(&self, size: u64) -> Copied {
        let file = |tile: Tile| {
            let first = usize::try_from(tile.first()).unwrap();
            let entries = || &self.entries[first..first + usize::from(tile.width())];
            let bytes = match tile.kind() {
                TileKind::Entries => bundle(entries().iter().map(Vec::as_slice)).unwrap(),
                TileKind::Hashes(_) => self.tree.tile(&tile).unwrap(),
            };
            (tile.to_string(), bytes)
        };
        Copied { note: self.note(size), files: Tile::all(size).map(file).collect() }
    }
}
