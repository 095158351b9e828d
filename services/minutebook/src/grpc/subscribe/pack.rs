//! Putting events into messages: whole requests together, as many as are good to send at once.

use bytes::Bytes;
use minutebook_domain::filter::Touch;
use minutebook_domain::ids::{Id, Position};
use minutebook_proto::pb;

/// A message is sent when it has about this much.
const BATCH_BYTES: usize = 64 << 10;
/// A request that has more than this, or more events, is sent in parts.
const CUT_BYTES: usize = 2 << 20;
const CUT_EVENTS: usize = 2048;

/// Events on their way into messages.
#[derive(Debug)]
pub(super) struct Packer {
    batch: pb::EventBatch,
    bytes: usize,
    /// How many events of the batch are of requests that were looked at whole.
    whole_events: usize,
    /// A part of the request that is being looked at has been sent.
    is_open: bool,
    /// The last event of the last request that was looked at whole.
    whole: Option<Position>,
    /// The same, of those of which nothing is held back here.
    settled: Option<Position>,
    ready: Vec<pb::EventBatch>,
}

impl Packer {
    /// Begins after the event at a position, or with the first one.
    pub(super) fn after(whole: Option<Position>) -> Self {
        let batch = pb::EventBatch::default();
        Self { batch, bytes: 0, whole_events: 0, is_open: false, whole, settled: whole, ready: Vec::new() }
    }

    /// Is a request being sent in parts?
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Everything up to here has been taken out, or does not fit, and a request ends here: a place to go on after.
    pub(super) fn settled(&self) -> Option<Position> {
        self.settled
    }

    /// Takes in an event that fits.
    pub(super) fn push(&mut self, event: Bytes, touches: Vec<Touch>) {
        let id = |id: Id| id.as_str().to_owned();
        let to_pb = |touch: Touch| pb::PartyMatch { party: id(touch.party), via: touch.via.map(id) };
        self.bytes = self.bytes.saturating_add(event.len());
        let matches = touches.into_iter().map(to_pb).collect();
        self.batch.events.push(pb::DeliveredEvent { event, matches });
    }

    /// The event at a position has been looked at; it may have been the last of its request.
    pub(super) fn looked_at(&mut self, position: Position, is_last: bool) {
        if is_last {
            self.whole = Some(position);
            self.whole_events = self.batch.events.len();
            if self.bytes >= BATCH_BYTES || self.is_open {
                self.finish(false);
            } else if self.batch.events.is_empty() {
                self.settled = self.whole;
            }
        } else if self.bytes >= CUT_BYTES || self.batch.events.len() >= CUT_EVENTS {
            self.cut();
        }
    }

    /// Sends a part of the request that is being looked at, and before it what is whole: whoever drops the parts of a
    /// request that it did not get whole goes on before that request.
    fn cut(&mut self) {
        if self.whole_events > 0 {
            let part = self.batch.events.split_off(self.whole_events);
            self.finish(false);
            self.batch.events = part;
        }
        if !self.batch.events.is_empty() {
            self.finish(true);
        }
    }

    /// The messages that are complete; where a request ends with the event at a position, which was looked at last, with
    /// what there is, however little.
    pub(super) fn take(&mut self, position: Option<Position>) -> Vec<pb::EventBatch> {
        if self.whole == position && !self.batch.events.is_empty() {
            self.finish(false);
        }
        std::mem::take(&mut self.ready)
    }

    fn finish(&mut self, continues: bool) {
        let batch = std::mem::take(&mut self.batch);
        self.ready.push(pb::EventBatch { position: self.whole.unwrap_or_default(), continues, ..batch });
        (self.bytes, self.whole_events, self.is_open, self.settled) = (0, 0, continues, self.whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Bytes {
        vec![b'e'; bytes].into()
    }

    /// What came out: how many events, the position, and whether they go on.
    fn out(batches: &[pb::EventBatch]) -> Vec<(usize, u64, bool)> {
        batches.iter().map(|batch| (batch.events.len(), batch.position, batch.continues)).collect()
    }

    #[test]
    fn nobody_can_go_on_after_what_is_still_held_back() {
        let mut packer = Packer::after(None);
        packer.push(event(10), Vec::new());
        packer.looked_at(0, true);
        assert_eq!(packer.settled(), None, "the event is still here");
        // The next request is in the middle when the stretch ends: what came before it is not told of yet.
        packer.push(event(10), Vec::new());
        packer.looked_at(1, false);
        assert_eq!((out(&packer.take(Some(1))), packer.settled()), (vec![], None));
        packer.looked_at(2, true);
        assert_eq!((out(&packer.take(Some(2))), packer.settled()), (vec![(2, 2, false)], Some(2)));
        packer.looked_at(3, true);
        assert_eq!((out(&packer.take(Some(3))), packer.settled()), (vec![], Some(3)), "what does not fit is settled");
        packer.looked_at(4, false);
        assert_eq!(packer.settled(), Some(3), "a request is not whole");
    }

    #[test]
    fn a_message_is_sent_when_it_is_worth_it_and_a_large_request_in_parts() {
        let mut packer = Packer::after(Some(9));
        for position in 10..14 {
            packer.push(event(BATCH_BYTES / 2), Vec::new());
            packer.looked_at(position, true);
        }
        assert_eq!(out(&packer.take(Some(13))), [(2, 11, false), (2, 13, false)]);
        packer.push(event(10), Vec::new());
        packer.looked_at(14, true);
        packer.push(event(CUT_BYTES), Vec::new());
        packer.looked_at(15, false);
        // What is whole goes by itself, so that its position is a place to go on after when the parts are dropped.
        assert_eq!(out(&packer.take(Some(15))), [(1, 14, false), (1, 14, true)]);
        assert_eq!((packer.is_open(), packer.settled()), (true, Some(14)));
        // Nothing more of the request fits: its end is told all the same.
        packer.looked_at(16, true);
        assert_eq!(out(&packer.take(Some(16))), [(0, 16, false)]);
        assert_eq!((packer.is_open(), packer.settled()), (false, Some(16)));
    }
}
