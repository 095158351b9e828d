//! What a follower makes of what it is told: whole requests, in their order, each once, and proved where that is asked
//! for. It knows no network.

use std::collections::VecDeque;

use bytes::Bytes;
use minutebook_proto::pb::subscribe_response::Told as Said;
use minutebook_proto::{glance, pb};
use prost::{DecodeError, Message as _};

use crate::Error;
use crate::audit::Audit;

/// How much is held that is not whole or not proved. The largest request has 64 MiB of events, and a server proves after
/// 1,000 events at most.
const HELD_BYTES: usize = 256 << 20;

/// What a follower hands out.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Events.
    Events(Batch),
    /// Everything that was there has been handed out, and what follows is new; once, with the newest position then.
    CaughtUp(u64),
    /// Everything up to and including this position has been handed out, or does not fit the filter; every few seconds,
    /// also when nothing happens.
    Checkpoint(u64),
    /// The line broke, and the follower connects again; what follows goes on where it was. Once each time, for your log.
    Interrupted(String),
}

/// The events of one or more whole requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The events, in their order.
    pub events: Vec<Event>,
    /// Everything up to and including this position has been handed out, or does not fit: a place to go on after.
    pub position: u64,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the ledger.
    pub position: u64,
    /// Its bytes as they were recorded: what is hashed and proved.
    pub bytes: Bytes,
    /// The parties of the filter that it concerns, and how.
    pub matches: Vec<pb::PartyMatch>,
}

impl Event {
    /// Its name (`ItemChanged`); `None` where it is sealed, or of a newer program.
    pub fn name(&self) -> Option<&'static str> {
        glance(&self.bytes).name
    }

    /// The event itself. Stop where its `min_reader` is above what you were written for.
    pub fn decode(&self) -> Result<pb::Event, DecodeError> {
        pb::Event::decode(self.bytes.clone())
    }
}

/// What came and is still to be handed out.
#[derive(Debug)]
pub(crate) struct Intake {
    /// All events are due, without a gap.
    is_gapless: bool,
    /// The first position that can come; `None` where that is what is recorded next.
    first: Option<u64>,
    /// Up to where everything was handed out, or is ready to be.
    position: Option<u64>,
    has_caught_up: bool,
    audit: Option<Audit>,
    /// The first position that can come now.
    due: Option<u64>,
    /// Parts of requests that are not whole yet.
    open: Vec<Event>,
    /// What is whole and not proved yet.
    waiting: VecDeque<Told>,
    held_bytes: usize,
    ready: VecDeque<Told>,
}

impl Intake {
    /// What goes on after a position, or begins with the first event that can come.
    pub(crate) fn new(position: Option<u64>, first: Option<u64>, is_gapless: bool, audit: Option<Audit>) -> Self {
        let (open, waiting, ready) = (Vec::new(), VecDeque::new(), VecDeque::new());
        let due = first;
        Self { is_gapless, first, position, has_caught_up: false, audit, due, open, waiting, held_bytes: 0, ready }
    }

    /// Up to where everything was handed out, or is ready to be.
    pub(crate) fn position(&self) -> Option<u64> {
        self.position
    }

    /// What checks it, where that is asked for.
    pub(crate) fn audit(&mut self) -> Option<&mut Audit> {
        self.audit.as_mut()
    }

    /// The next thing to hand out.
    pub(crate) fn next(&mut self) -> Option<Told> {
        self.ready.pop_front()
    }

    /// The line broke. What is not whole and proved comes again.
    pub(crate) fn cut(&mut self) {
        self.open.clear();
        self.waiting.clear();
        self.held_bytes = 0;
        self.due = self.position.map(after).or(self.first);
        if let Some(audit) = &mut self.audit {
            audit.cut();
        }
    }

    /// Tells something of the follower's own.
    pub(crate) fn tell(&mut self, told: Told) {
        self.ready.push_back(told);
    }

    /// Takes in what the server says.
    pub(crate) fn take(&mut self, said: Said) -> Result<(), Error> {
        match said {
            Said::Events(batch) => self.take_batch(batch)?,
            Said::CaughtUp(pb::CaughtUp { position }) => {
                self.reaches(position)?;
                self.waiting.push_back(Told::CaughtUp(position));
            }
            Said::Checkpoint(checkpoint) => self.take_checkpoint(&checkpoint)?,
        }
        if self.audit.as_ref().is_none_or(Audit::is_proved) {
            self.release();
        }
        Ok(())
    }

    fn take_batch(&mut self, batch: pb::EventBatch) -> Result<(), Error> {
        for pb::DeliveredEvent { event: bytes, matches } in batch.events {
            let position = glance(&bytes).position;
            self.comes(position, position)?;
            if let Some(audit) = &mut self.audit {
                audit.delivered(position, &bytes);
            }
            self.held_bytes = self.held_bytes.saturating_add(bytes.len());
            self.open.push(Event { position, bytes, matches });
        }
        if self.held_bytes > HELD_BYTES {
            return Err(Error::TooMuch { limit: HELD_BYTES });
        }
        // The position of a part is that of the request before it.
        if !batch.continues {
            self.reaches(batch.position)?;
            let events = std::mem::take(&mut self.open);
            self.waiting.push_back(Told::Events(Batch { events, position: batch.position }));
        }
        Ok(())
    }

    fn take_checkpoint(&mut self, checkpoint: &pb::SubscriptionCheckpoint) -> Result<(), Error> {
        if let Some(audit) = &mut self.audit {
            audit.prove(checkpoint.proof.as_ref())?;
        }
        let position = checkpoint.position;
        // A server that has looked at nothing yet says 0 as well. While the parts of a request come, a checkpoint tells of
        // the request before it, which was told of.
        if (self.due == Some(0) && position == 0) || !self.open.is_empty() {
            return Ok(());
        }
        self.reaches(position)?;
        self.waiting.push_back(Told::Checkpoint(position));
        Ok(())
    }

    /// An event comes, or what was looked at ends before this position.
    fn comes(&mut self, position: u64, last: u64) -> Result<(), Error> {
        let fits = |due: u64| if self.is_gapless { position == due } else { position >= due };
        if let Some(due) = self.due.filter(|due| !fits(*due)) {
            return Err(Error::OutOfOrder { due, found: position });
        }
        self.due = Some(after(last));
        Ok(())
    }

    /// Everything up to a position was told, or does not fit. Where all events fit, that is up to the last that came.
    fn reaches(&mut self, position: u64) -> Result<(), Error> {
        self.comes(after(position), position)
    }

    /// Hands out what is whole, now that nothing of it is to be proved.
    fn release(&mut self) {
        for told in self.waiting.drain(..) {
            let is_again = match &told {
                Told::Events(Batch { position, .. }) | Told::Checkpoint(position) => {
                    self.position = Some(*position);
                    false
                }
                Told::CaughtUp(position) => {
                    self.position = Some(*position);
                    std::mem::replace(&mut self.has_caught_up, true)
                }
                Told::Interrupted(_) => false,
            };
            if !is_again {
                self.ready.push_back(told);
            }
        }
        self.held_bytes = self.open.iter().map(|event| event.bytes.len()).sum();
    }
}

/// The position after another.
fn after(position: u64) -> u64 {
    position.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use minutebook_tlog::{Checkpoint, Fault, Handover, SigningKey, Tree, leaf_hash};

    use super::*;
    use crate::Unproved;

    fn event(position: u64) -> Bytes {
        pb::Event { position, request_id: "r".into(), ..pb::Event::default() }.encode_to_vec().into()
    }

    fn batch(positions: &[u64], position: u64, continues: bool) -> Said {
        let event = |position: &u64| pb::DeliveredEvent { event: event(*position), matches: Vec::new() };
        Said::Events(pb::EventBatch { events: positions.iter().map(event).collect(), position, continues })
    }

    fn caught_up(position: u64) -> Said {
        Said::CaughtUp(pb::CaughtUp { position })
    }

    fn checkpoint(position: u64) -> Said {
        Said::Checkpoint(pb::SubscriptionCheckpoint { position, proof: None })
    }

    /// What is handed out: the positions of events, and the names of the rest.
    fn handed_out(intake: &mut Intake) -> Vec<String> {
        let positions = |batch: &Batch| batch.events.iter().map(|event| event.position).collect::<Vec<_>>();
        std::iter::from_fn(|| intake.next())
            .map(|told| match &told {
                Told::Events(batch) => format!("{:?} to {}", positions(batch), batch.position),
                Told::CaughtUp(position) => format!("caught up {position}"),
                Told::Checkpoint(position) => format!("checkpoint {position}"),
                Told::Interrupted(why) => why.clone(),
            })
            .collect()
    }

    #[test]
    fn only_whole_requests_are_handed_out() {
        let mut intake = Intake::new(None, Some(0), true, None);
        intake.take(batch(&[0], 0, false)).unwrap();
        assert_eq!(handed_out(&mut intake), ["[0] to 0"]);
        intake.take(batch(&[1, 2], 0, true)).unwrap();
        intake.take(checkpoint(0)).unwrap();
        assert_eq!((handed_out(&mut intake), intake.position()), (vec![], Some(0)));
        intake.take(batch(&[3], 3, false)).unwrap();
        intake.take(caught_up(3)).unwrap();
        intake.take(checkpoint(3)).unwrap();
        assert_eq!(handed_out(&mut intake), ["[1, 2, 3] to 3", "caught up 3", "checkpoint 3"]);
    }

    #[test]
    fn what_was_not_whole_comes_again_after_a_cut_and_catching_up_is_told_once() {
        let mut intake = Intake::new(Some(6), Some(7), true, None);
        intake.take(batch(&[7], 7, false)).unwrap();
        intake.take(caught_up(7)).unwrap();
        intake.take(batch(&[8, 9], 7, true)).unwrap();
        intake.cut();
        assert_eq!(intake.position(), Some(7));
        intake.take(batch(&[8, 9], 7, true)).unwrap();
        intake.take(batch(&[10], 10, false)).unwrap();
        intake.take(caught_up(10)).unwrap();
        assert_eq!(handed_out(&mut intake), ["[7] to 7", "caught up 7", "[8, 9, 10] to 10"]);
    }

    #[test]
    fn a_gap_and_a_repetition_are_refused() {
        let after = |said: &[Said], is_gapless| {
            let mut intake = Intake::new(Some(6), Some(7), is_gapless, None);
            let refused = said.iter().cloned().find_map(|said| intake.take(said).err());
            refused.map(|error| match error {
                Error::OutOfOrder { due, found } => (due, found),
                error => panic!("{error}"),
            })
        };
        assert_eq!(after(&[batch(&[7, 8], 8, false), checkpoint(8)], true), None);
        assert_eq!(after(&[batch(&[8], 8, false)], true), Some((7, 8)), "a gap");
        assert_eq!(after(&[batch(&[8], 8, false)], false), None, "what does not fit is left out");
        assert_eq!(after(&[batch(&[7, 7], 7, false)], false), Some((8, 7)), "twice");
        assert_eq!(after(&[batch(&[6], 6, false)], false), Some((7, 6)), "what was there");
        assert_eq!(after(&[checkpoint(9)], true), Some((7, 10)), "a gap that a checkpoint hides");
        assert_eq!(after(&[checkpoint(9), batch(&[9], 9, false)], false), Some((10, 9)), "behind a checkpoint");
        assert_eq!(after(&[batch(&[7, 9], 8, false)], false), Some((10, 9)), "a place before its events");
    }

    #[test]
    fn what_is_new_may_begin_anywhere_and_0_may_mean_that_nothing_was_looked_at() {
        let mut new = Intake::new(None, None, true, None);
        new.take(caught_up(560)).unwrap();
        new.take(batch(&[561], 561, false)).unwrap();
        let mut first = Intake::new(None, Some(0), true, None);
        first.take(checkpoint(0)).unwrap();
        assert_eq!((handed_out(&mut first), first.position()), (vec![], None));
        first.take(batch(&[0], 0, false)).unwrap();
        assert_eq!(handed_out(&mut new), ["caught up 560", "[561] to 561"]);
    }

    /// A log that proves.
    struct Log {
        tree: Tree,
        key: SigningKey,
    }

    impl Log {
        fn of(events: u64, key: SigningKey) -> Self {
            let mut tree = Tree::default();
            (0..events).for_each(|position| tree.push(leaf_hash(&event(position))));
            Self { tree, key }
        }

        fn signed(&self) -> String {
            let (size, root) = (self.tree.size(), self.tree.root());
            Checkpoint { origin: self.key.public().origin().into(), size, root }.sign(&[&self.key]).unwrap()
        }

        fn proof(&self, old: u64, positions: &[u64]) -> pb::DeliveryProof {
            let size = self.tree.size();
            let list = |path: Option<Vec<[u8; 32]>>| path.unwrap().iter().map(|hash| hash.to_vec()).collect();
            let inclusion = |position: &u64| pb::InclusionProof {
                position: *position,
                hashes: list(self.tree.prove_inclusion(*position, size)),
            };
            pb::DeliveryProof {
                checkpoint: self.signed(),
                consistency: list(self.tree.prove_consistency(old, size)),
                inclusion: positions.iter().map(inclusion).collect(),
            }
        }
    }

    fn proved(position: u64, proof: pb::DeliveryProof) -> Said {
        Said::Checkpoint(pb::SubscriptionCheckpoint { position, proof: Some(proof) })
    }

    fn verifying(log: &Log, position: Option<u64>) -> Intake {
        let mut audit = Audit::new(log.key.public().clone());
        audit.advance(&log.signed(), &[]).unwrap();
        Intake::new(position, Some(position.map_or(0, after)), true, Some(audit))
    }

    fn key() -> SigningKey {
        SigningKey::generate("log").unwrap()
    }

    #[test]
    fn what_is_not_proved_is_held_back() {
        let (old, key) = (4, key());
        let mut intake = verifying(&Log::of(old, key.clone()), None);
        let log = Log::of(7, key);
        intake.take(batch(&[0, 1, 2], 2, false)).unwrap();
        intake.take(batch(&[3, 4], 2, true)).unwrap();
        assert_eq!(handed_out(&mut intake), Vec::<String>::new());
        intake.take(proved(2, log.proof(old, &[0, 1, 2, 3, 4]))).unwrap();
        assert_eq!(handed_out(&mut intake), ["[0, 1, 2] to 2"]);
        intake.take(batch(&[5, 6], 6, false)).unwrap();
        intake.take(caught_up(6)).unwrap();
        assert_eq!((handed_out(&mut intake), intake.position()), (vec![], Some(2)));
        intake.take(proved(6, log.proof(7, &[5, 6]))).unwrap();
        assert_eq!(handed_out(&mut intake), ["[3, 4, 5, 6] to 6", "caught up 6", "checkpoint 6"]);
        intake.take(checkpoint(6)).unwrap();
        assert_eq!(handed_out(&mut intake), ["checkpoint 6"]);
    }

    #[test]
    fn nothing_is_handed_out_on_a_proof_that_does_not_hold() {
        let (old, key) = (2, key());
        let (log, before) = (Log::of(5, key.clone()), Log::of(old, key));
        let forged = |change: &dyn Fn(&mut pb::DeliveryProof)| {
            let mut intake = verifying(&before, None);
            intake.take(batch(&[0, 1, 2], 2, false)).unwrap();
            let mut proof = log.proof(old, &[0, 1, 2]);
            change(&mut proof);
            let error = intake.take(proved(2, proof)).unwrap_err();
            assert_eq!(handed_out(&mut intake), Vec::<String>::new(), "{error}");
            match error {
                Error::NotProved(why) => why,
                error => panic!("{error}"),
            }
        };
        let other = Log::of(5, self::key());
        assert!(matches!(forged(&|proof| proof.checkpoint = other.signed()), Unproved::Fault(Fault::Unsigned(_))));
        let changed = forged(&|proof| proof.consistency.clear());
        assert_eq!(changed, Unproved::Fault(Fault::NotConsistent { old: 2, new: 5 }));
        assert_eq!(forged(&|proof| proof.inclusion.truncate(2)), Unproved::OtherEvents);
        assert_eq!(forged(&|proof| proof.inclusion.swap(1, 2)), Unproved::OtherEvents);
        assert_eq!(forged(&|proof| proof.inclusion[1].hashes[0] = vec![0; 32]), Fault::NotIncluded(1).into());
        assert_eq!(forged(&|proof| proof.inclusion[1].hashes[0].truncate(31)), Unproved::HashLength);
        let mut intake = verifying(&before, None);
        intake.take(batch(&[0], 0, false)).unwrap();
        assert!(matches!(intake.take(checkpoint(0)), Err(Error::NotProved(Unproved::Missing))));
    }

    #[test]
    fn an_event_with_other_bytes_is_not_proved() {
        let log = Log::of(3, key());
        let mut intake = verifying(&log, None);
        let Said::Events(mut told) = batch(&[0, 1, 2], 2, false) else { panic!("events") };
        let other = pb::Event { position: 1, request_id: "other".into(), ..pb::Event::default() };
        told.events[1].event = other.encode_to_vec().into();
        intake.take(Said::Events(told)).unwrap();
        let error = intake.take(proved(2, log.proof(3, &[0, 1, 2]))).unwrap_err();
        assert!(matches!(error, Error::NotProved(Unproved::Fault(Fault::NotIncluded(1)))), "{error}");
    }

    #[test]
    fn what_was_kept_is_continued_by_the_same_log_and_no_other() {
        let (mine, next) = (key(), key());
        let log = Log::of(4, mine.clone());
        let kept = |note: &str| {
            let mut audit = Audit::new(mine.public().clone());
            audit.keep(note).map(|()| audit)
        };
        let longer = Log::of(9, mine.clone());
        let mut audit = kept(&log.signed()).unwrap();
        let proof = longer.proof(4, &[]);
        audit.advance(&proof.checkpoint, &proof.consistency).unwrap();
        assert_eq!((audit.size(), audit.note()), (Some(9), Some(proof.checkpoint.as_str())));
        // Put back.
        let shrunk = audit.advance(&log.signed(), &[]).unwrap_err();
        assert!(matches!(Error::from(shrunk), Error::WentBack { seen: 8, .. }));
        // Another key signs what follows, and the one that is trusted handed over to it.
        let rotated = Log::of(9, next.clone());
        assert!(is_unsigned(&audit.advance(&rotated.signed(), &[])));
        audit.follow(&[Handover::sign(&mine, &next).unwrap()]);
        audit.advance(&rotated.signed(), &[]).unwrap();
        let elsewhere = Log::of(4, SigningKey::generate("elsewhere").unwrap());
        assert!(matches!(kept(&elsewhere.signed()), Err(Unproved::OtherLog { .. })));
    }

    fn is_unsigned(checked: &Result<(), Unproved>) -> bool {
        checked.as_ref().is_err_and(crate::audit::is_other_key)
    }
}
