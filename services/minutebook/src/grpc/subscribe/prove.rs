//! Proving what was delivered: a signed checkpoint, that it continues the one before, and each event's place in it.

use minutebook_domain::ids::Position;
use minutebook_ledger::Reader;
use minutebook_proto::{glance, pb};

use super::super::trouble::{Fault, Trouble};

/// After so many events a proof is due: those of more would make a large message.
const AT_ONCE: usize = 1000;

/// What one subscriber has been given, and proof of what.
#[derive(Debug)]
pub(super) struct Prover {
    reader: Reader,
    /// The size of the checkpoint that the subscriber has.
    size: Option<u64>,
    delivered: Vec<Position>,
}

impl Prover {
    /// Goes on from a checkpoint of that size. A ledger without a key has none.
    pub(super) fn new(reader: Reader, size: Option<u64>) -> Result<Self, Fault> {
        if reader.verifier_key().is_none() {
            return Err(Trouble::NoCheckpoints {}.into());
        }
        let head = reader.head();
        match size.filter(|size| *size > head) {
            Some(size) => Err(Trouble::SizeForm { size, head }.into()),
            None => Ok(Self { reader, size, delivered: Vec::new() }),
        }
    }

    /// These events are about to be delivered.
    pub(super) fn note(&mut self, batch: &pb::EventBatch) {
        self.delivered.extend(batch.events.iter().map(|event| glance(&event.event).position));
    }

    /// Should what was delivered be proved before more is?
    pub(super) fn is_due(&self) -> bool {
        self.delivered.len() >= AT_ONCE
    }

    /// Proves what was delivered since the last time; nothing where nothing was. May wait for a disk.
    pub(super) fn prove(&mut self) -> Result<Option<pb::DeliveryProof>, Fault> {
        if self.delivered.is_empty() {
            return Ok(None);
        }
        let signed = self.reader.checkpoint().map_err(|error| Trouble::from(&error))?;
        let (tree, size) = (self.reader.tree(), signed.checkpoint.size);
        let head = tree.size();
        let unproved = || Trouble::SizeForm { size, head };
        let list = |path: Vec<[u8; 32]>| path.iter().map(|hash| hash.to_vec()).collect();
        let consistency = match self.size.filter(|old| *old > 0) {
            Some(old) => list(tree.prove_consistency(old, size).ok_or_else(unproved)?),
            None => Vec::new(),
        };
        let inclusion = self.delivered.iter().map(|position| {
            let path = tree.prove_inclusion(*position, size).ok_or_else(unproved)?;
            Ok(pb::InclusionProof { position: *position, hashes: list(path) })
        });
        let inclusion = inclusion.collect::<Result<_, Fault>>()?;
        self.delivered.clear();
        self.size = Some(size);
        Ok(Some(pb::DeliveryProof { checkpoint: signed.note.clone(), consistency, inclusion }))
    }
}
