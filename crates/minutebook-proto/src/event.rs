//! Events: encoded once when they are recorded, decoded whenever the book is folded.

use memchr::memchr2_iter;
use minutebook_domain::dates::Timestamp;
use minutebook_domain::event::{Actor, Assurance, Draft, Payload, Reason, Recorded};
use minutebook_domain::ids::RequestId;
use prost::Message as _;

use crate::encoded::{Broken, Encoded, Fields, Message};
use crate::payload;
use crate::pb;
use crate::violation::Violations;
use crate::wire::{FromEncoded, Slot, Wire, list_from_encoded, message_slots, messages, missing, to_list, words};

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
    // Whoever sealed it chose the id: escaped, it stays on one line and cannot write to a terminal.
    #[error(
        "this event is sealed with the key `{}`; sealed events are not supported by this program",
        .key_id.escape_debug()
    )]
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
        payload: Some(payload::to_arm(&event.payload)),
    };
    message.encode_to_vec()
}

/// What can be told of an event without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance<'a> {
    /// Its place.
    pub position: u64,
    /// The request id, as bytes: events of one request stand together and have the same.
    pub request_id: &'a [u8],
    /// The name of the event; `None` where it is sealed, or of a newer program.
    pub name: Option<&'static str>,
}

/// Looks at an event without decoding it. What is no event has no request and no name.
pub fn glance(event: &[u8]) -> Glance<'_> {
    let mut glance = Glance { position: 0, request_id: &[], name: None };
    for field in Fields::of(event).map_while(Result::ok) {
        match field {
            (1, Encoded::Number(position)) => glance.position = position,
            (3, Encoded::Bytes(request_id)) => glance.request_id = request_id,
            (number, _) if number >= ENVELOPE_END => glance.name = payload::name(number),
            _ => {}
        }
    }
    glance
}

/// Does an event tell which key signs? Found out without decoding it.
pub fn is_about_key(event: &[u8]) -> bool {
    const FOUNDED: [u8; 2] = tag_of(payload::FOUNDED);
    const ROTATED: [u8; 2] = tag_of(payload::KEY_ROTATED);
    // Most events have the beginning of neither tag anywhere.
    let may_be = memchr2_iter(FOUNDED[0], ROTATED[0], event).any(|at| {
        let begin = event.get(at..).and_then(<[u8]>::first_chunk).map(|[first, second]| [*first, second & 0x7f]);
        begin == Some(FOUNDED) || begin == Some(ROTATED)
    });
    may_be && Fields::of(event).any(|field| matches!(field, Ok((payload::FOUNDED | payload::KEY_ROTATED, _))))
}

/// How the tag before a payload begins: seven bits of a varint a byte, and the first byte says that there are more. The
/// second may say so as well, in an encoding that is longer than it needs to be.
const fn tag_of(payload: u64) -> [u8; 2] {
    let tag = payload << 3 | 2;
    // Moved by a bit, the first seven fall into a byte of their own.
    let [low, high, ..] = (tag << 1).to_le_bytes();
    [low >> 1 | 0x80, high]
}

/// Decodes and checks an event.
pub fn decode_event(bytes: &[u8]) -> Result<Recorded, DecodeError> {
    Decoder::default().decode(bytes)
}

/// Decodes and checks events one after the other. Those of one request say the same of who asked, which is read once.
#[derive(Debug, Default)]
pub struct Decoder<'a> {
    asked: Option<Asked<'a>>,
}

/// Who asked for an event, beside the bytes that say so.
#[derive(Debug)]
struct Asked<'a> {
    bytes: [Option<Encoded<'a>>; 2],
    request_id: RequestId,
    actor: Actor,
}

impl<'a> Decoder<'a> {
    /// Decodes and checks the next event.
    pub fn decode(&mut self, bytes: &'a [u8]) -> Result<Recorded, DecodeError> {
        let broken = |broken: Broken| DecodeError::Malformed(broken.into());
        let (message, payload) = Message::<ENVELOPE>::read_with_last(bytes).map_err(broken)?;
        let min_reader = u32::slot_from_encoded(message.get(9)).map_err(DecodeError::Malformed)?;
        if min_reader > READER {
            return Err(DecodeError::Newer { min_reader });
        }
        if let Some((payload::SEALED, content)) = payload {
            let key_id = payload::sealed_with(content).map_err(DecodeError::Malformed)?;
            return Err(DecodeError::Sealed { key_id });
        }
        self.read(bytes, &message, payload).map_err(DecodeError::Malformed)
    }

    fn asked(&mut self, message: &Message<'a, ENVELOPE>, violations: &mut Violations) -> Option<(RequestId, Actor)> {
        let bytes = [message.get(3), message.get(4)];
        if self.asked.as_ref().is_none_or(|asked| asked.bytes != bytes) {
            let [request_id, actor] = bytes;
            let request_id = violations.keep("request_id", Slot::slot_from_encoded(request_id));
            let actor = violations.keep("actor", Slot::slot_from_encoded(actor));
            self.asked = request_id.zip(actor).map(|(request_id, actor)| Asked { bytes, request_id, actor });
        }
        self.asked.as_ref().map(|asked| (asked.request_id.clone(), asked.actor.clone()))
    }

    fn read(
        &mut self,
        bytes: &[u8],
        message: &Message<'a, ENVELOPE>,
        payload: Option<(u64, Encoded<'_>)>,
    ) -> Result<Recorded, Violations> {
        let mut violations = Violations::default();
        let position = violations.keep("position", u64::slot_from_encoded(message.get(1)));
        let recorded_at = violations.keep("recorded_at_ms", u64::slot_from_encoded(message.get(2)));
        let asked = self.asked(message, &mut violations);
        let decision = violations.keep("decision_id", Slot::slot_from_encoded(message.get(5)));
        let effective = violations.keep("effective", Slot::slot_from_encoded(message.get(6)));
        let reason = violations.keep("reason", Slot::slot_from_encoded(message.get(7)));
        let citations = message.get(8).map_or_else(|| Ok(Vec::new()), |_| list_from_encoded(bytes, 8));
        let citations = violations.keep("citations", citations);
        let payload = payload.ok_or_else(missing).and_then(|(number, message)| payload::read(number, message));
        let payload = violations.keep("payload", payload);
        // The payload stands by itself: it is large, and would be copied into what it is looked at with.
        let Some(payload) = payload else { return Err(violations) };
        match (position, recorded_at, asked, decision, effective, reason, citations) {
            (
                Some(position),
                Some(recorded_at),
                Some((request_id, actor)),
                Some(decision),
                Some(effective),
                Some(reason),
                Some(citations),
            ) => Ok(Recorded {
                position,
                recorded_at: Timestamp(recorded_at.cast_signed()),
                event: Draft { request_id, actor, decision, effective, reason, citations, payload },
            }),
            _ => Err(violations),
        }
    }
}

/// Fields below this number stand beside the payload, whose arms have the numbers from it.
const ENVELOPE: usize = 20;
const ENVELOPE_END: u64 = 20;

/// The lowest reader that can apply an event with this payload.
///
/// INVARIANT: a payload, once recorded, is readable by every later program; only what older programs would
/// misunderstand gets a number above theirs.
fn min_reader(payload: &Payload) -> u32 {
    match payload {
        Payload::LedgerFounded(_)
        | Payload::KeyRotated(_)
        | Payload::Stated(_)
        | Payload::ReviewOpened(_)
        | Payload::DispositionProposed(_)
        | Payload::AmendedAtAdoption(_)
        | Payload::Review(_)
        | Payload::Item(_)
        | Payload::ContentsListed(_)
        | Payload::RevisionSealed(_)
        | Payload::ErratumRecorded(_)
        | Payload::DoubtResolved(_)
        | Payload::Deed(_) => 1,
    }
}
