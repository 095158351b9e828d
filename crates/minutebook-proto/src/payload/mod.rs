//! Payloads: each name of event has a message and an arm of its own on the wire.
//!
//! In the domain the events that state a record are one variant, and those of items another; the tables here are
//! where names and variants meet.

mod deed;
mod fields;
mod item;
mod review;
mod statement;

use minutebook_domain::event::{
    Base, Contents, ControlTotal, Erratum, Founding, KeyRotation, Payload, Resolution, ReviewOpened, Seal,
};

use minutebook_domain::ids::Kind;
use prost::Message as _;

use self::fields::{names, record_with_fields};
use crate::encoded::{Encoded, Message};
use crate::pb;
use crate::pb::event::Payload as Arm;
use crate::violation::{Violations, WireFault};
use crate::wire::{FromEncoded, Slot, Wire, list_from_encoded, message_slots, messages, to_list};

messages! {
    Founding as LedgerFounded { ledger, name, organisation, zone, format, tool, verifier_key }
    KeyRotation as KeyRotated { previous, next, handover }
    Base as Base { edition, revision, position, sha256 }
    ReviewOpened as ReviewOpened {
        agenda, edition, first_year, last_year, effective, horizon, review, revision, invented, base,
    }
    ControlTotal as ControlTotal { before, added, dropped, by_split, by_merge, suspended, reinstated, after }
    Seal as RevisionSealed { agenda, edition, revision, mandate, control, previous, sha256 }
    Resolution as DoubtResolved { key, text, record }
}

message_slots! { Base, ControlTotal }

/// The message of an arm, read into the payload that it stands for.
trait Named {
    fn payload(value: Encoded<'_>) -> Result<Payload, Violations>;
}

/// Messages that are a variant of the domain's payload as they stand.
macro_rules! plain {
    ($($pb:ident => $variant:ident),* $(,)?) => {$(
        impl Named for pb::$pb {
            fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                FromEncoded::from_encoded(value).map(Payload::$variant)
            }
        }
    )*};
}

plain! {
    LedgerFounded => LedgerFounded, KeyRotated => KeyRotated, ReviewOpened => ReviewOpened, DispositionProposed => DispositionProposed,
    AmendedAtAdoption => AmendedAtAdoption, RevisionSealed => RevisionSealed, DoubtResolved => DoubtResolved, ContentsListed => ContentsListed,
    ErratumRecorded => ErratumRecorded,
}

/// Writes a payload as the arm of its name.
pub(crate) fn to_arm(payload: &Payload) -> Arm {
    match payload {
        Payload::LedgerFounded(founding) => Arm::LedgerFounded(founding.to_pb()),
        Payload::KeyRotated(rotation) => Arm::KeyRotated(rotation.to_pb()),
        Payload::Stated(statement) => statement::to_arm(statement),
        Payload::ReviewOpened(review) => Arm::ReviewOpened(review.to_pb()),
        Payload::DispositionProposed(proposal) => Arm::DispositionProposed(review::proposal_to_pb(proposal)),
        Payload::AmendedAtAdoption(amendment) => Arm::AmendedAtAdoption(review::amendment_to_pb(amendment)),
        Payload::Review(event) => review::to_arm(event),
        Payload::Item(event) => item::to_arm(event),
        Payload::ContentsListed(contents) => Arm::ContentsListed(contents_to_pb(contents)),
        Payload::RevisionSealed(seal) => Arm::RevisionSealed(seal.to_pb()),
        Payload::ErratumRecorded(erratum) => Arm::ErratumRecorded(erratum_to_pb(erratum)),
        Payload::DoubtResolved(resolution) => Arm::DoubtResolved(resolution.to_pb()),
        Payload::Deed(deed) => deed::to_arm(deed),
    }
}

/// The numbers of the arms that tell which key signs.
pub(crate) const FOUNDED: u64 = 20;
pub(crate) const KEY_ROTATED: u64 = 25;

/// The number of the arm with sealed content.
pub(crate) const SEALED: u64 = 21;

/// The key of sealed content.
pub(crate) fn sealed_with(content: Encoded<'_>) -> Result<String, Violations> {
    let message = Message::<2>::read(content.bytes()?)?;
    message.get(1).map_or(Ok(""), Encoded::text).map(str::to_owned)
}

/// Declares the arms: how each is read, and what its event is called.
macro_rules! arms {
    ($($number:literal $arm:ident,)*) => {
        /// Reads the arm of that number.
        pub(crate) fn read(number: u64, message: Encoded<'_>) -> Result<Payload, Violations> {
            match number {
                $($number => pb::$arm::payload(message).map_err(|bad| bad.within(stringify!($arm))),)*
                _ => Err(Violations::of(WireFault::Word { number: number.to_string() })),
            }
        }

        /// The name of the event whose payload is the arm of that number.
        pub(crate) fn name(number: u64) -> Option<&'static str> {
            match number {
                $($number => Some(stringify!($arm)),)*
                _ => None,
            }
        }
    };
}

arms! {
    20 LedgerFounded,
    22 DoubtResolved,
    23 ErratumRecorded,
    24 RecordStated,
    25 KeyRotated,
    40 SourceRegistered,
    41 SourceChanged,
    42 PartyRegistered,
    43 PartyChanged,
    44 PartyMerged,
    45 PartyEnded,
    46 BodyEstablished,
    47 BodyChanged,
    48 BodyDissolved,
    49 MandateGranted,
    50 MandateChanged,
    51 MandateWithdrawn,
    52 MembershipStarted,
    53 MembershipEnded,
    54 FrameworkRegistered,
    55 FrameworkChanged,
    56 RoleWordDefined,
    57 RoleWordChanged,
    70 DecisionRecorded,
    71 DecisionSuperseded,
    72 DecisionRevoked,
    73 MotionRecorded,
    74 MotionLinked,
    75 MotionSettled,
    90 RoleAssigned,
    91 RoleEnded,
    92 AgreementStated,
    93 AgreementProposed,
    94 AgreementSigned,
    95 AgreementTookEffect,
    96 AgreementAmended,
    97 AgreementEnded,
    98 AmountRecorded,
    99 AmountChanged,
    100 AmountEnded,
    110 AgendaOpened,
    111 AgendaChanged,
    112 ReviewOpened,
    113 ReviewAbandoned,
    114 DispositionProposed,
    115 DispositionWithdrawn,
    116 DispositionSelected,
    117 RestKept,
    118 AmendedAtAdoption,
    120 ItemAdded,
    121 ItemChanged,
    122 ItemDropped,
    123 ItemSplit,
    124 ItemMerged,
    125 ItemSuspended,
    126 ItemReinstated,
    127 ContentsListed,
    128 RevisionSealed,
    140 MilestoneSet,
    141 MilestoneMet,
    142 MilestoneMoved,
    143 MilestoneMissed,
    144 ConsultationRecorded,
    145 CalendarStepPlanned,
    147 ExplanationWritten,
    148 RemarkRecorded,
}

fn contents_to_pb(contents: &Contents) -> pb::ContentsListed {
    pb::ContentsListed {
        agenda: contents.agenda.to_slot(),
        edition: contents.edition.to_slot(),
        kind: contents.kind.to_slot(),
        ids: to_list(&contents.ids),
    }
}

impl FromEncoded for Contents {
    fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
        let bytes = value.bytes()?;
        let message = Message::<4>::read(bytes)?;
        let mut violations = Violations::default();
        let agenda = violations.keep("agenda", Slot::slot_from_encoded(message.get(1)));
        let edition = violations.keep("edition", Slot::slot_from_encoded(message.get(2)));
        let kind = violations.keep("kind", Kind::slot_from_encoded(message.get(3)));
        match (agenda, edition, kind, violations.keep("ids", list_from_encoded(bytes, 4))) {
            (Some(agenda), Some(edition), Some(kind), Some(ids)) => Ok(Self { agenda, edition, kind, ids }),
            _ => Err(violations),
        }
    }
}

fn erratum_to_pb(erratum: &Erratum) -> pb::ErratumRecorded {
    pb::ErratumRecorded {
        key: erratum.key.to_slot(),
        corrects: erratum.corrects,
        record: erratum.record.to_slot(),
        fields: names(erratum.fields, erratum.record.kind()),
    }
}

impl FromEncoded for Erratum {
    fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
        let bytes = value.bytes()?;
        let message = Message::<4>::read(bytes)?;
        let mut violations = Violations::default();
        let key = violations.keep("key", Slot::slot_from_encoded(message.get(1)));
        let corrects = violations.keep("corrects", Slot::slot_from_encoded(message.get(2)));
        let (record, fields) = record_with_fields(&mut violations, "record", message.get(3), (bytes, 4));
        match (key, corrects, record, fields) {
            (Some(key), Some(corrects), Some(record), Some(fields)) => Ok(Self { key, corrects, record, fields }),
            _ => Err(violations),
        }
    }
}
