//! A ledger as static files, which any tile server can serve and any other program can check: `checkpoint`, the tiles of
//! the tree and the entries (<https://c2sp.org/tlog-tiles>), and the key that they are checked with. Nothing gets into
//! the directory before it has been proved to continue what is there.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use minutebook_domain::ids::Position;
use minutebook_tlog::{Checkpoint, Fault, Hash, Tile, TileKind, Tree, VerifierKey, bundle, leaf_hash, unbundle};

const CHECKPOINT: &str = "checkpoint";
const KEY: &str = "verifier-key";
const INCOMING: &str = "incoming";

/// How many entries a full tile has.
const WIDTH: u64 = 256;

/// The largest key or checkpoint.
const KEPT_BYTES: u64 = 128 << 10;

/// The largest tile: 256 entries of 65,535 bytes, each with its length.
const TILE_BYTES: u64 = 256 * (65_535 + 2);

/// Why a copy was not made, or is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TilesError {
    /// A file cannot be used.
    #[error("`{}`: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{}` is damaged: {why}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The copy is of another ledger.
    #[error("this is a copy of the log `{}`, and its key is {found}", .found.origin())]
    OtherKey {
        /// The key that it was made with.
        found: Box<VerifierKey>,
    },
    /// The ledger is not what the copy holds of it.
    #[error("the ledger differs from this copy at position {position}: it was changed since, or is another one")]
    Forked {
        /// The first position at which they are known to differ.
        position: Position,
    },
    /// The ledger has become shorter.
    #[error("the ledger has {new} events and this copy {old}: some are missing")]
    Shorter {
        /// What the copy has.
        old: Position,
        /// What the ledger has.
        new: Position,
    },
    /// What was signed does not fit the entries.
    #[error("{0}")]
    Fault(#[from] Fault),
}

fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, TilesError> {
    done.map_err(|source| TilesError::Io { path: path.into(), source })
}

/// A directory with a copy, and what it holds.
#[derive(Debug)]
pub(crate) struct Copy {
    dir: PathBuf,
    key: VerifierKey,
    old: Position,
    tree: Tree,
}

impl Copy {
    /// Opens the copy in a directory, or begins one, for the ledger of that key.
    pub(crate) fn open(dir: &Path, key: VerifierKey) -> Result<Self, TilesError> {
        let signs = key.clone();
        Self::open_followed(dir, key, &signs)
    }

    /// Opens a copy, or begins one, whose key may have handed over to another since. What that key signed may be in
    /// its place already.
    pub(crate) fn open_followed(dir: &Path, key: VerifierKey, signs: &VerifierKey) -> Result<Self, TilesError> {
        let mut copy = Self { dir: dir.into(), key, old: 0, tree: Tree::default() };
        let Some(found) = kept_key(dir)? else { return Ok(copy) };
        if found != copy.key {
            return Err(TilesError::OtherKey { found: found.into() });
        }
        let signed = kept_checkpoint(dir, &copy.key).or_else(|_| kept_checkpoint(dir, signs))?;
        if let Some((checkpoint, _)) = signed {
            for tile in Tile::all(checkpoint.size).filter(|tile| tile.kind() == TileKind::Hashes(0)) {
                let (path, bytes) = copy.file(&tile)?;
                let (hashes, rest) = bytes.as_chunks::<32>();
                if hashes.len() != usize::from(tile.width()) || !rest.is_empty() {
                    return Err(damaged(path, "it has not as many hashes as its name says"));
                }
                for hash in hashes {
                    copy.tree.push(*hash);
                }
            }
            if copy.tree.root() != checkpoint.root {
                return Err(damaged(dir.join(CHECKPOINT), "the tiles do not come to what was signed"));
            }
            copy.old = checkpoint.size;
        }
        Ok(copy)
    }

    /// How many entries it holds.
    pub(crate) fn size(&self) -> Position {
        self.old
    }

    /// From where entries are needed: from the start of its last tile, where that is not full.
    pub(crate) fn needs_from(&self) -> Position {
        self.old - self.old % WIDTH
    }

    /// Takes in entries, and what was signed of them. Where they do not continue the copy nothing of it changes.
    /// `key` signed it: that of the copy, or one that took its place.
    pub(crate) fn continue_with(mut self, note: &str, key: VerifierKey) -> Result<Continued, TilesError> {
        let checkpoint = Checkpoint::open(note, &key)?;
        self.key = key;
        if checkpoint.size < self.old {
            return Err(TilesError::Shorter { old: self.old, new: checkpoint.size });
        }
        let incoming = self.dir.join(INCOMING);
        // What an earlier attempt left is of no use.
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => at(&incoming, Err(error))?,
            _ => {}
        }
        at(&incoming, fs::create_dir_all(&incoming))?;
        let next = self.needs_from();
        Ok(Continued { copy: self, checkpoint, note: note.to_owned(), next, entries: Vec::new() })
    }

    fn file(&self, tile: &Tile) -> Result<(PathBuf, Vec<u8>), TilesError> {
        let path = self.dir.join(tile.to_string());
        match read(&path, TILE_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(damaged(path, "it is gone")),
            bytes => Ok((path.clone(), at(&path, bytes)?)),
        }
    }

    /// The entries, tile by tile, each checked against the tree that was signed.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Result<Vec<Vec<u8>>, TilesError>> {
        let tiles = Tile::all(self.old).filter(|tile| tile.kind() == TileKind::Entries);
        tiles.map(|tile| {
            let (path, bytes) = self.file(&tile)?;
            let entries = unbundle(&bytes).map_err(|fault| damaged(path.clone(), fault))?;
            if entries.len() != usize::from(tile.width()) {
                return Err(damaged(path, "it has not as many entries as its name says"));
            }
            for (position, entry) in (tile.first()..).zip(&entries) {
                if self.tree.leaf(position) != Some(leaf_hash(entry)) {
                    return Err(damaged(
                        path,
                        format_args!("the entry at position {position} is not the one that was signed"),
                    ));
                }
            }
            Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
        })
    }

    /// Checks the other tiles: each comes to what the entries do.
    pub(crate) fn check_tiles(&self) -> Result<(), TilesError> {
        for tile in Tile::all(self.old).filter(|tile| tile.kind() != TileKind::Entries) {
            let (path, bytes) = self.file(&tile)?;
            if self.tree.tile(&tile).as_ref() != Some(&bytes) {
                return Err(damaged(path, "it is not what the entries come to"));
            }
        }
        Ok(())
    }
}

fn damaged(path: PathBuf, why: impl std::fmt::Display) -> TilesError {
    TilesError::Damaged { path, why: why.to_string() }
}

/// The key that a copy was made with.
pub(crate) fn kept_key(dir: &Path) -> Result<Option<VerifierKey>, TilesError> {
    let path = dir.join(KEY);
    let text = match read(&path, KEPT_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => at(&path, text)?,
    };
    let key = String::from_utf8(text).ok().and_then(|text| text.parse().ok());
    key.map(Some).ok_or_else(|| damaged(path, "it is no key"))
}

fn kept_checkpoint(dir: &Path, key: &VerifierKey) -> Result<Option<(Checkpoint, String)>, TilesError> {
    let path = dir.join(CHECKPOINT);
    let note = match read(&path, KEPT_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        note => at(&path, note)?,
    };
    let note = String::from_utf8(note).unwrap_or_default();
    match Checkpoint::open(&note, key) {
        Ok(checkpoint) => Ok(Some((checkpoint, note))),
        Err(fault) => Err(damaged(path, fault)),
    }
}

/// The checkpoint of a copy, which its key signed, and as it was signed.
pub(crate) fn checkpoint(dir: &Path, key: &VerifierKey) -> Result<(Checkpoint, String), TilesError> {
    let gone = || damaged(dir.join(CHECKPOINT), "it is gone");
    kept_checkpoint(dir, key)?.ok_or_else(gone)
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A copy that is being continued.
#[derive(Debug)]
pub(crate) struct Continued {
    copy: Copy,
    checkpoint: Checkpoint,
    note: String,
    next: Position,
    /// Those of the tile that is not full yet.
    entries: Vec<Vec<u8>>,
}

impl Continued {
    /// Where it will end.
    pub(crate) fn size(&self) -> Position {
        self.checkpoint.size
    }

    /// The position of the entry that it takes next.
    pub(crate) fn next(&self) -> Position {
        self.next
    }

    /// Takes in the next entry.
    pub(crate) fn take(&mut self, entry: Vec<u8>) -> Result<(), TilesError> {
        let leaf: Hash = leaf_hash(&entry);
        match self.copy.tree.leaf(self.next) {
            Some(kept) if kept != leaf => return Err(TilesError::Forked { position: self.next }),
            Some(_) => {}
            None => self.copy.tree.push(leaf),
        }
        self.next += 1;
        self.entries.push(entry);
        if self.next.is_multiple_of(WIDTH) || self.next == self.checkpoint.size {
            let bytes = bundle(self.entries.iter().map(Vec::as_slice))?;
            if let Some(tile) = Tile::last(TileKind::Entries, self.next) {
                self.stage(&tile.to_string(), &bytes)?;
            }
            self.entries.clear();
        }
        Ok(())
    }

    fn stage(&self, name: &str, bytes: &[u8]) -> Result<(), TilesError> {
        let path = self.copy.dir.join(INCOMING).join(name);
        let parent = path.parent().unwrap_or(&self.copy.dir);
        at(parent, fs::create_dir_all(parent))?;
        at(&path, File::create(&path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all())))
    }

    fn place(&self, name: &str) -> Result<(), TilesError> {
        let (from, to) = (self.copy.dir.join(INCOMING).join(name), self.copy.dir.join(name));
        let parent = to.parent().unwrap_or(&self.copy.dir);
        at(parent, fs::create_dir_all(parent))?;
        at(&to, fs::rename(&from, &to))
    }

    /// Puts everything in its place, once it comes to what was signed.
    pub(crate) fn finish(self) -> Result<Position, TilesError> {
        let Self { copy, checkpoint, note, next, .. } = &self;
        if *next != checkpoint.size || copy.tree.root() != checkpoint.root {
            // The old part is proved by the leaves that are kept; what differs is new.
            return Err(TilesError::Forked { position: copy.old.min(*next) });
        }
        for tile in Tile::all(checkpoint.size).filter(|tile| !tile.is_of(copy.old)) {
            let name = tile.to_string();
            // Those of entries wait already.
            if let Some(bytes) = copy.tree.tile(&tile) {
                self.stage(&name, &bytes)?;
            }
            self.place(&name)?;
        }
        self.stage(KEY, format!("{}\n", copy.key).as_bytes())?;
        self.stage(CHECKPOINT, note.as_bytes())?;
        // INVARIANT: until the checkpoint is there the copy is what it was before. A key that took over comes after it:
        // whoever goes on with the copy follows the old key to the new one, and cannot follow it back.
        self.place(CHECKPOINT)?;
        self.place(KEY)?;
        for tile in Tile::all(copy.old).filter(|tile| !tile.is_of(checkpoint.size)) {
            let path = copy.dir.join(tile.to_string());
            let _ = fs::remove_file(&path);
            // It goes where it held nothing else.
            let _ = path.parent().map(fs::remove_dir);
        }
        Ok(checkpoint.size)
    }
}

impl Drop for Continued {
    fn drop(&mut self) {
        // What was not put in its place is of no use; a directory that holds nothing was made for it.
        let _ = fs::remove_dir_all(self.copy.dir.join(INCOMING));
        let _ = fs::remove_dir(&self.copy.dir);
    }
}
