//! What somebody says of a log whose key is known, and whether this crate believes it.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use minutebook_tlog::{
    Checkpoint, Hash, Proof, Tile, TileKind, Tree, VerifierKey, check_consistency, leaf_hash, unbundle,
};
use serde_json::{Value, json};

/// The class of the answers that are to be believed.
pub(crate) const HONEST: &str = "honest";

/// That one signed tree continues another.
#[derive(Clone)]
pub(crate) struct Continued {
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) path: Vec<Hash>,
}

/// A log as files.
#[derive(Clone)]
pub(crate) struct Copied {
    pub(crate) note: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// What is said.
pub(crate) enum Said {
    Head(String),
    Included(Proof),
    Text(String),
    Continued(Continued),
    Copied(Copied),
}

/// An answer, and against which key it is held.
pub(crate) struct Answer {
    pub(crate) class: &'static str,
    pub(crate) key: VerifierKey,
    pub(crate) said: Said,
}

impl Answer {
    /// Does this crate believe it?
    pub(crate) fn is_accepted(&self) -> bool {
        let key = &self.key;
        match &self.said {
            Said::Head(note) => Checkpoint::open(note, key).is_ok(),
            Said::Included(proof) => proof.check(key).is_ok(),
            Said::Text(text) => text.parse().is_ok_and(|proof: Proof| proof.check(key).is_ok()),
            Said::Continued(Continued { old, new, path }) => {
                let heads = Checkpoint::open(old, key).and_then(|old| Ok((old, Checkpoint::open(new, key)?)));
                heads
                    .is_ok_and(|(old, new)| check_consistency(path, (old.size, old.root), (new.size, new.root)).is_ok())
            }
            Said::Copied(copied) => copied.is_sound(key).is_some(),
        }
    }

    /// The answer for other programs, which are told the class and find the verdict. The names of the fields are those of `tests/interop/verify.go`.
    pub(crate) fn json(&self) -> Value {
        let hashes = |path: &[Hash]| path.iter().map(|hash| BASE64_STANDARD.encode(hash)).collect::<Vec<_>>();
        let (kind, mut said) = match &self.said {
            Said::Head(note) => ("checkpoint", json!({ "note": note })),
            Said::Included(Proof { entry, index, path, checkpoint }) => {
                let entry = BASE64_STANDARD.encode(entry);
                ("inclusion", json!({ "note": checkpoint, "entry": entry, "index": index, "path": hashes(path) }))
            }
            Said::Text(text) => ("proof", json!({ "proof": text })),
            Said::Continued(Continued { old, new, path }) => {
                ("consistency", json!({ "old": old, "note": new, "path": hashes(path) }))
            }
            Said::Copied(Copied { note, files }) => {
                let files: BTreeMap<_, _> =
                    files.iter().map(|(name, file)| (name, BASE64_STANDARD.encode(file))).collect();
                ("copy", json!({ "note": note, "files": files }))
            }
        };
        said["class"] = self.class.into();
        said["kind"] = kind.into();
        said["key"] = self.key.to_string().into();
        said
    }
}

impl Copied {
    /// Are the files what was signed, each of them?
    fn is_sound(&self, key: &VerifierKey) -> Option<()> {
        let head = Checkpoint::open(&self.note, key).ok()?;
        let mut tree = Tree::default();
        // The tiles of entries come first, and the others are made of them.
        for tile in Tile::all(head.size) {
            let bytes = self.files.get(&tile.to_string())?;
            if tile.kind() == TileKind::Entries {
                let entries = unbundle(bytes).ok().filter(|entries| entries.len() == usize::from(tile.width()))?;
                for entry in entries {
                    tree.push(leaf_hash(entry));
                }
            } else if tree.tile(&tile).as_ref() != Some(bytes) {
                return None;
            }
        }
        (tree.root() == head.root).then_some(())
    }
}
