//! A proof as one text that needs nothing else but the log's public key: <https://c2sp.org/tlog-proof>.

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::{Checkpoint, Fault, Hash, NOTE_BYTES, VerifierKey, check_inclusion};

/// The longest proof that is read: the largest entry as text, the path, and the checkpoint.
pub const PROOF_BYTES: usize = NOTE_BYTES + (128 << 10);

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// That an entry is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What is proved to be there: the bytes of the entry. They stand in the proof as its extra data.
    pub entry: Vec<u8>,
    /// Its position.
    pub index: u64,
    /// The hashes from beside the entry up to below the root.
    pub path: Vec<Hash>,
    /// The signed checkpoint, as it was signed.
    pub checkpoint: String,
}

impl Proof {
    /// Checks the signature, and that the entry is at its position of the tree that was signed.
    pub fn check(&self, key: &VerifierKey) -> Result<Checkpoint, Fault> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        let leaf = crate::leaf_hash(&self.entry);
        check_inclusion(&self.path, leaf, self.index, checkpoint.size, checkpoint.root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nextra {}\nindex {}", BASE64_STANDARD.encode(&self.entry), self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", BASE64_STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Proof {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.len() > PROOF_BYTES {
            return Err(Fault::Form("the proof is longer than any"));
        }
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(Fault::Form("there is no checkpoint in the proof"))?;
        let mut lines = proof.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(Fault::Form("the first line is not that of a proof"));
        }
        let entry = lines.next().and_then(|line| line.strip_prefix("extra "));
        let entry = entry.and_then(|entry| BASE64_STANDARD.decode(entry).ok());
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(|text| text.parse().ok().filter(|index: &u64| index.to_string() == text));
        let hash = |line: &str| BASE64_STANDARD.decode(line).ok()?.try_into().ok();
        let path: Option<Vec<Hash>> = lines.map(hash).collect();
        Ok(Self {
            entry: entry.ok_or(Fault::Form("the proof does not hold the entry (`extra`)"))?,
            index: index.ok_or(Fault::Form("the proof does not say at which position (`index`)"))?,
            path: path.ok_or(Fault::Form("the proof holds a line that is not a hash"))?,
            checkpoint: checkpoint.to_owned(),
        })
    }
}
