//! A ledger as static files, which any tile server can serve and any other program can check: `checkpoint`, the tiles of
//! the tree and the entries (<https://c2sp.org/tlog-tiles>), and the key that they are checked with. Nothing gets into
//! the directory before it has been proved to continue what is there.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use minutebook_domain::ids::Position;
use minutebook_tlog::{Checkpoint, Fault, Hash, Tile, TileKind, Tree, VerifierKey, bundle, leaf_hash, unbundle};

const CHECKPOINT: &str = "checkpoint";
const KEY: &str = "verifier-key";
const INCOMING: &str = "incoming";
const TILES: &str = "tile";

/// A directory that has one of these holds a ledger, or a backup of one.
const LEDGER: [&str; 2] = ["journal", "key"];

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
    /// There are other things than a copy.
    #[error("`{}` is no copy, and not empty", .0.display())]
    Foreign(PathBuf),
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
    old: Position,
    /// What was signed of it, as it was signed; nothing yet where the copy is only begun.
    note: String,
    tree: Tree,
}

impl Copy {
    /// Begins a copy in a directory where there is none.
    pub(crate) fn begin(dir: &Path) -> Self {
        Self { dir: dir.into(), old: 0, note: String::new(), tree: Tree::default() }
    }

    /// Opens the copy in a directory. Its tiles come to its checkpoint; who signed that is still to be checked.
    pub(crate) fn open(dir: &Path) -> Result<Self, TilesError> {
        let path = dir.join(CHECKPOINT);
        let note = match read(&path, KEPT_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged(path, "it is gone")),
            note => String::from_utf8(at(&path, note)?).unwrap_or_default(),
        };
        let checkpoint = Checkpoint::claimed(&note).map_err(|fault| damaged(path, fault))?;
        let mut copy = Self::begin(dir);
        // What it claims may be far more than there is: the first tile that is missing ends this.
        for tile in Tile::of(TileKind::Hashes(0), checkpoint.size) {
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
            return Err(damaged(dir.to_owned(), "its tiles do not come to what was signed"));
        }
        copy.old = checkpoint.size;
        copy.note = note;
        Ok(copy)
    }

    /// What was signed of it, as it was signed.
    pub(crate) fn note(&self) -> &str {
        &self.note
    }

    /// Checks that one of these keys signed it.
    pub(crate) fn check_signed(&self, keys: [&VerifierKey; 2]) -> Result<(), TilesError> {
        let [first, second] = keys.map(|key| Checkpoint::open(&self.note, key));
        first.or(second).map(drop).map_err(|fault| damaged(self.dir.join(CHECKPOINT), fault))
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
    pub(crate) fn continue_with(self, note: &str, key: VerifierKey) -> Result<Continued, TilesError> {
        let checkpoint = Checkpoint::open(note, &key)?;
        if checkpoint.size < self.old {
            return Err(TilesError::Shorter { old: self.old, new: checkpoint.size });
        }
        let incoming = self.dir.join(INCOMING);
        // What an earlier attempt left is of no use.
        if !is_left_over(&incoming)? {
            return Err(TilesError::Foreign(incoming));
        }
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => at(&incoming, Err(error))?,
            _ => {}
        }
        at(&incoming, fs::create_dir_all(&incoming))?;
        let next = self.needs_from();
        Ok(Continued { copy: self, key, checkpoint, note: note.to_owned(), next, entries: Vec::new() })
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
        Tile::of(TileKind::Entries, self.old).map(|tile| {
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

/// The key of the copy in a directory; `None` where there is nothing. Where there are other things it is no place for a
/// copy: a ledger, a backup, or what is somebody's.
pub(crate) fn kept_key(dir: &Path) -> Result<Option<VerifierKey>, TilesError> {
    let names = names(dir)?;
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let foreign = || TilesError::Foreign(dir.into());
    if LEDGER.iter().any(|name| has(name)) {
        return Err(foreign());
    }
    if !has(KEY) {
        let is_free = names.iter().all(|name| name == INCOMING);
        return if is_free { Ok(None) } else { Err(foreign()) };
    }
    let path = dir.join(KEY);
    let key = String::from_utf8(at(&path, read(&path, KEPT_BYTES))?).ok().and_then(|text| text.parse().ok());
    key.map(Some).ok_or_else(|| damaged(path, "it is no key"))
}

/// Whether all that is there was left by a copy that was cut off.
fn is_left_over(incoming: &Path) -> Result<bool, TilesError> {
    Ok(names(incoming)?.iter().all(|name| name == TILES || name == CHECKPOINT || name == KEY))
}

/// What a directory holds; nothing where there is none.
fn names(dir: &Path) -> Result<Vec<OsString>, TilesError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => at(dir, entries)?,
    };
    entries.map(|entry| at(dir, entry.map(|entry| entry.file_name()))).collect()
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
    key: VerifierKey,
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
        let Self { copy, key, checkpoint, note, next, .. } = &self;
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
        self.stage(KEY, format!("{key}\n").as_bytes())?;
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
