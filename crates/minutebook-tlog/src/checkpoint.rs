//! The signed head of a log: <https://c2sp.org/tlog-checkpoint>.

use signed_note::{Note, NoteError, Signer, VerifierList};
use tlog_tiles::tlog;

use crate::{Fault, Hash, MAX_SIZE, SigningKey, VerifierKey};

/// The longest signed checkpoint that is read: room for sixteen signatures of the largest kind in use.
pub const NOTE_BYTES: usize = 128 << 10;

/// How many entries a log has, and the root of its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Signs it, by each of the keys.
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<String, Fault> {
        let unfit = Fault::Form("a checkpoint is of a log with a name of one line");
        let text = tlog_tiles::Checkpoint::new(&self.origin, self.size, tlog::Hash(self.root), "");
        let mut note = text.ok().and_then(|text| Note::new(&text.to_bytes(), &[]).ok()).ok_or(unfit.clone())?;
        let signers: Vec<&dyn Signer> = keys.iter().map(|key| -> &dyn Signer { &key.signer }).collect();
        note.add_sigs(&signers).map_err(|_| unfit.clone())?;
        String::from_utf8(note.to_bytes()).map_err(|_| unfit)
    }

    /// Reads a signed checkpoint of the log of a key; all signatures of that key are right, and there is one.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, Fault> {
        let (note, checkpoint) = read(note)?;
        if checkpoint.origin != key.origin() {
            return Err(Fault::Origin { found: checkpoint.origin, expected: key.origin().to_owned() });
        }
        let known = VerifierList::new(vec![Box::new(key.verifier.clone())]);
        note.verify(&known).map_err(|error| match error {
            NoteError::InvalidSignature { .. } => Fault::Signature(key.to_string()),
            _ => Fault::Unsigned(key.to_string()),
        })?;
        Ok(checkpoint)
    }

    /// Reads what a signed checkpoint claims. Who signed it is still to be checked.
    pub fn claimed(note: &str) -> Result<Self, Fault> {
        read(note).map(|(_, checkpoint)| checkpoint)
    }
}

fn read(note: &str) -> Result<(Note, Checkpoint), Fault> {
    if note.len() > NOTE_BYTES {
        return Err(Fault::Form("the checkpoint is longer than any"));
    }
    let note = Note::from_bytes(note.as_bytes()).map_err(|_| Fault::Form("this is not a signed note"))?;
    let text = tlog_tiles::Checkpoint::from_bytes(note.text());
    let text = text.map_err(|_| Fault::Form("the signed text is not a checkpoint"))?;
    if text.size() > MAX_SIZE {
        return Err(Fault::Size(text.size()));
    }
    let checkpoint = Checkpoint { origin: text.origin().to_owned(), size: text.size(), root: text.hash().0 };
    Ok((note, checkpoint))
}
