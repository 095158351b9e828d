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
    /// A part of the request that is being looked at has been sent.
    is_open: bool,
    /// The last event of the last request that was looked at whole.
    whole: Option<Position>,
    ready: Vec<pb::EventBatch>,
}

impl Packer {
    /// Begins after the event at a position, or with the first one.
    pub(super) fn after(whole: Option<Position>) -> Self {
        Self { batch: pb::EventBatch::default(), bytes: 0, is_open: false, whole, ready: Vec::new() }
    }

    /// The last event of the last request that was looked at whole: a place to go on after.
    pub(super) fn whole(&self) -> Option<Position> {
        self.whole
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
            if self.bytes >= BATCH_BYTES || self.is_open {
                self.finish(false);
            }
        } else if self.bytes >= CUT_BYTES || self.batch.events.len() >= CUT_EVENTS {
            self.finish(true);
        }
    }

    /// The messages that are complete; with what there is of whole requests, however little.
    pub(super) fn take(&mut self, ends_whole: bool) -> Vec<pb::EventBatch> {
        if ends_whole && !self.batch.events.is_empty() {
            self.finish(false);
        }
        std::mem::take(&mut self.ready)
    }

    fn finish(&mut self, continues: bool) {
        let batch = std::mem::take(&mut self.batch);
        self.ready.push(pb::EventBatch { position: self.whole.unwrap_or_default(), continues, ..batch });
        (self.bytes, self.is_open) = (0, continues);
    }
}
