//! Events: encoded once when they are recorded, decoded whenever the book is folded.

use minutebook_domain::dates::Timestamp;
use minutebook_domain::event::{Actor, Assurance, Draft, Payload, Reason, Recorded};
use prost::Message as _;

use crate::pb;
use crate::violation::Violations;
use crate::wire::{Slot, Wire, list, message_slots, messages, missing, to_list, words};

/// The reader that this program is: it can apply every event whose `min_reader` is not above it.
pub const READER: u32 = 1;

/// Why bytes are not an event that this program can apply. Names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not an event, or one that holds what the domain does not accept: the bytes are damaged or were never ours.
    #[error("malformed event: {0}")]
    Malformed(Violations),
    /// Recorded by a newer program, for readers that know more.
    #[error("this event needs reader {min_reader}, and this program is reader {READER}; use a newer minutebook")]
    Newer {
        /// The lowest reader that can apply it.
        min_reader: u32,
    },
    /// Encrypted: this program keeps and proves it, and cannot open it.
    #[error("this event is sealed with the key `{key_id}`; sealed events are not supported by this program")]
    Sealed {
        /// The key that opens it.
        key_id: String,
    },
}

words! {
    Assurance { Claimed }
}

messages! {
    Actor as Actor { subject, capacity, on_behalf_of, assurance }
    Reason as Reason { code, text }
}

message_slots! { Actor, Reason }

/// Encodes an event. The bytes are what is hashed, stored and served: an event is never encoded again.
pub fn encode_event(recorded: &Recorded) -> Vec<u8> {
    let event = &recorded.event;
    let message = pb::Event {
        position: recorded.position,
        recorded_at_ms: recorded.recorded_at.0,
        request_id: event.request_id.to_slot(),
        actor: event.actor.to_slot(),
        decision_id: event.decision.to_slot(),
        effective: event.effective.to_slot(),
        reason: event.reason.to_slot(),
        citations: to_list(&event.citations),
        min_reader: min_reader(&event.payload),
        payload: Some(event.payload.to_pb()),
    };
    message.encode_to_vec()
}

/// Decodes and checks an event.
pub fn decode_event(bytes: &[u8]) -> Result<Recorded, DecodeError> {
    let message = pb::Event::decode(bytes).map_err(|error| DecodeError::Malformed(Violations::of(error)))?;
    if message.min_reader > READER {
        return Err(DecodeError::Newer { min_reader: message.min_reader });
    }
    if let Some(pb::event::Payload::Sealed(sealed)) = message.payload {
        return Err(DecodeError::Sealed { key_id: sealed.key_id });
    }
    read(message).map_err(DecodeError::Malformed)
}

fn read(pb: pb::Event) -> Result<Recorded, Violations> {
    let mut violations = Violations::default();
    let request_id = violations.keep("request_id", Slot::from_slot(pb.request_id));
    let actor = violations.keep("actor", Slot::from_slot(pb.actor));
    let decision = violations.keep("decision_id", Slot::from_slot(pb.decision_id));
    let effective = violations.keep("effective", Slot::from_slot(pb.effective));
    let reason = violations.keep("reason", Slot::from_slot(pb.reason));
    let citations = violations.keep("citations", list(pb.citations));
    let payload = violations.keep("payload", pb.payload.ok_or_else(missing).and_then(Payload::from_pb));
    match (request_id, actor, decision, effective, reason, citations, payload) {
        (
            Some(request_id),
            Some(actor),
            Some(decision),
            Some(effective),
            Some(reason),
            Some(citations),
            Some(payload),
        ) => {
            let event = Draft { request_id, actor, decision, effective, reason, citations, payload };
            Ok(event.record(pb.position, Timestamp(pb.recorded_at_ms)))
        }
        _ => Err(violations),
    }
}

/// The lowest reader that can apply an event with this payload.
///
/// INVARIANT: a payload, once recorded, is readable by every later program; only what older programs would
/// misunderstand gets a number above theirs.
fn min_reader(payload: &Payload) -> u32 {
    match payload {
        Payload::LedgerFounded(_)
        | Payload::Stated(_)
        | Payload::ReviewOpened(_)
        | Payload::DispositionProposed(_)
        | Payload::Item(_)
        | Payload::ContentsListed(_)
        | Payload::RevisionSealed(_)
        | Payload::ErratumRecorded(_)
        | Payload::DoubtResolved(_) => 1,
    }
}
