//! Checking what was delivered against what the ledger's key signed. Nothing that a server says is believed here.

use minutebook_proto::pb;
use minutebook_tlog::{Checkpoint, Fault, Handover, VerifierKey, check_consistency, check_inclusion, leaf_hash};

use crate::Unproved;

/// SHA-256.
type Hash = [u8; 32];

/// The checkpoint that was seen last, and what came since.
#[derive(Debug)]
pub(crate) struct Audit {
    key: VerifierKey,
    signed: Option<Signed>,
    /// What was delivered and not proved yet: each position with the hash of its event.
    unproved: Vec<(u64, Hash)>,
}

/// A signed checkpoint.
#[derive(Debug, Clone)]
struct Signed {
    note: String,
    size: u64,
    root: Hash,
}

impl Audit {
    /// Checks with this key.
    pub(crate) fn new(key: VerifierKey) -> Self {
        Self { key, signed: None, unproved: Vec::new() }
    }

    /// Goes on from a checkpoint that was checked when it was kept. It may have been signed by an earlier key, or a later
    /// one than that of now; that the log continues it is proved before anything is handed out.
    pub(crate) fn keep(&mut self, note: &str) -> Result<(), Unproved> {
        let Checkpoint { origin, size, root } = Checkpoint::claimed(note)?;
        if origin != self.key.origin() {
            return Err(Unproved::OtherLog { kept: origin, key: self.key.origin().to_owned() });
        }
        self.signed = Some(Signed { note: note.to_owned(), size, root });
        Ok(())
    }

    /// The checkpoint that was seen last.
    pub(crate) fn note(&self) -> Option<&str> {
        self.signed.as_ref().map(|signed| signed.note.as_str())
    }

    /// How many events the checkpoint is over that was seen last.
    pub(crate) fn size(&self) -> Option<u64> {
        self.signed.as_ref().map(|signed| signed.size)
    }

    /// Takes the key that signs now, where the trusted one handed over to it.
    pub(crate) fn follow(&mut self, handovers: &[String]) {
        self.key = Handover::follow(&self.key, handovers.iter().map(String::as_str));
    }

    /// An event was delivered, and is to be proved.
    pub(crate) fn delivered(&mut self, position: u64, event: &[u8]) {
        self.unproved.push((position, leaf_hash(event)));
    }

    /// Is there nothing that is still to be proved?
    pub(crate) fn is_proved(&self) -> bool {
        self.unproved.is_empty()
    }

    /// The line broke: what was not proved will come again.
    pub(crate) fn cut(&mut self) {
        self.unproved.clear();
    }

    /// Takes a newer checkpoint, once it continues the one that was seen last.
    pub(crate) fn advance(&mut self, note: &str, consistency: &[Vec<u8>]) -> Result<(), Unproved> {
        let new = self.continued(note, consistency)?;
        self.signed = Some(new);
        Ok(())
    }

    /// Checks a proof that everything that was delivered is in the log.
    pub(crate) fn prove(&mut self, proof: Option<&pb::DeliveryProof>) -> Result<(), Unproved> {
        let Some(proof) = proof else {
            return if self.unproved.is_empty() { Ok(()) } else { Err(Unproved::Missing) };
        };
        let new = self.continued(&proof.checkpoint, &proof.consistency)?;
        if proof.inclusion.len() != self.unproved.len() {
            return Err(Unproved::OtherEvents);
        }
        for ((position, leaf), inclusion) in self.unproved.iter().zip(&proof.inclusion) {
            if inclusion.position != *position {
                return Err(Unproved::OtherEvents);
            }
            check_inclusion(&hashes(&inclusion.hashes)?, *leaf, *position, new.size, new.root)?;
        }
        self.unproved.clear();
        self.signed = Some(new);
        Ok(())
    }

    fn continued(&self, note: &str, consistency: &[Vec<u8>]) -> Result<Signed, Unproved> {
        let Checkpoint { size, root, .. } = Checkpoint::open(note, &self.key)?;
        if let Some(old) = &self.signed {
            check_consistency(&hashes(consistency)?, (old.size, old.root), (size, root))?;
        }
        Ok(Signed { note: note.to_owned(), size, root })
    }
}

/// Does this say that another key signed it, perhaps the one that took the place of ours?
pub(crate) fn is_other_key(why: &Unproved) -> bool {
    matches!(why, Unproved::Fault(Fault::Unsigned(_)))
}

fn hashes(list: &[Vec<u8>]) -> Result<Vec<Hash>, Unproved> {
    let hash = |hash: &Vec<u8>| hash.as_slice().try_into().map_err(|_| Unproved::HashLength);
    list.iter().map(hash).collect()
}
