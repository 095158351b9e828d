//! Payloads: each name of event has a message and an arm of its own on the wire.
//!
//! In the domain the events that state a record are one variant, and those of items another; the tables here are
//! where names and variants meet.

mod fields;
mod item;
mod statement;

use minutebook_domain::event::{
    Base, Contents, ControlTotal, Erratum, Founding, Payload, Proposal, Resolution, ReviewOpened, Seal,
};

use crate::pb;
use crate::pb::event::Payload as Arm;
use crate::violation::Violations;
use crate::wire::{Slot, Wire, list, message_slots, messages, required, to_list};

use self::fields::{names, record_with_fields};

messages! {
    Founding as LedgerFounded { ledger, name, organisation, zone, format, tool }
    Base as Base { edition, revision, position, sha256 }
    ReviewOpened as ReviewOpened { agenda, edition, revision, invented, base }
    Proposal as DispositionProposed { agenda, edition, change }
    ControlTotal as ControlTotal { before, added, dropped, by_split, by_merge, suspended, reinstated, after }
    Seal as RevisionSealed { agenda, edition, revision, decision, mandate, effective, control, previous, sha256 }
    Resolution as DoubtResolved { key, text, record }
}

message_slots! { Base, ControlTotal }

/// The message of one arm, read into the payload that it stands for.
trait Named {
    fn read(self) -> Result<Payload, Violations>;
}

/// Messages that are a variant of the domain's payload as they stand.
macro_rules! plain {
    ($($pb:ident => $variant:ident),* $(,)?) => {$(
        impl Named for pb::$pb {
            fn read(self) -> Result<Payload, Violations> {
                Wire::from_pb(self).map(Payload::$variant)
            }
        }
    )*};
}

plain! {
    LedgerFounded => LedgerFounded, ReviewOpened => ReviewOpened, DispositionProposed => DispositionProposed,
    RevisionSealed => RevisionSealed, DoubtResolved => DoubtResolved, ContentsListed => ContentsListed,
    ErratumRecorded => ErratumRecorded,
}

impl Wire for Payload {
    type Pb = Arm;

    fn to_pb(&self) -> Arm {
        match self {
            Self::LedgerFounded(founding) => Arm::LedgerFounded(founding.to_pb()),
            Self::Stated(statement) => statement::to_arm(statement),
            Self::ReviewOpened(review) => Arm::ReviewOpened(review.to_pb()),
            Self::DispositionProposed(proposal) => Arm::DispositionProposed(proposal.to_pb()),
            Self::Item(event) => item::to_arm(event),
            Self::ContentsListed(contents) => Arm::ContentsListed(contents.to_pb()),
            Self::RevisionSealed(seal) => Arm::RevisionSealed(seal.to_pb()),
            Self::ErratumRecorded(erratum) => Arm::ErratumRecorded(erratum.to_pb()),
            Self::DoubtResolved(resolution) => Arm::DoubtResolved(resolution.to_pb()),
        }
    }

    fn from_pb(arm: Arm) -> Result<Self, Violations> {
        macro_rules! arms {
            ($($arm:ident),* $(,)?) => {
                match arm {
                    // The event as a whole says so before its payload is read.
                    Arm::Sealed(_) => Err(Violations::of("is sealed")),
                    $(Arm::$arm(message) => message.read().map_err(|bad| bad.within(stringify!($arm))),)*
                }
            };
        }
        arms! {
            LedgerFounded, DoubtResolved, ErratumRecorded, RecordStated,
            SourceRegistered, SourceChanged, PartyRegistered, PartyChanged, BodyEstablished, BodyChanged,
            MandateGranted, MandateChanged, FrameworkRegistered, FrameworkChanged, RoleWordDefined, RoleWordChanged,
            DecisionRecorded, MotionRecorded, AgreementStated, AmountRecorded, AmountChanged,
            AgendaOpened, AgendaChanged, ReviewOpened, DispositionProposed,
            ItemAdded, ItemChanged, ItemDropped, ItemSplit, ItemMerged, ItemSuspended, ItemReinstated,
            ContentsListed, RevisionSealed,
            MilestoneSet, ConsultationRecorded, CalendarStepPlanned, ExplanationWritten, RemarkRecorded,
        }
    }
}

impl Wire for Contents {
    type Pb = pb::ContentsListed;

    fn to_pb(&self) -> pb::ContentsListed {
        pb::ContentsListed {
            agenda: self.agenda.to_slot(),
            edition: self.edition.to_slot(),
            kind: self.kind.to_slot(),
            ids: to_list(&self.ids),
        }
    }

    fn from_pb(pb: pb::ContentsListed) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let agenda = violations.keep("agenda", Slot::from_slot(pb.agenda));
        let edition = violations.keep("edition", Slot::from_slot(pb.edition));
        let kind = violations.keep("kind", Slot::from_slot(pb.kind));
        match (agenda, edition, kind, violations.keep("ids", list(pb.ids))) {
            (Some(agenda), Some(edition), Some(kind), Some(ids)) => Ok(Self { agenda, edition, kind, ids }),
            _ => Err(violations),
        }
    }
}

impl Wire for Erratum {
    type Pb = pb::ErratumRecorded;

    fn to_pb(&self) -> pb::ErratumRecorded {
        pb::ErratumRecorded {
            key: self.key.to_slot(),
            corrects: self.corrects,
            record: self.record.to_slot(),
            fields: names(self.fields, self.record.kind()),
        }
    }

    fn from_pb(pb: pb::ErratumRecorded) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let key = violations.keep("key", Slot::from_slot(pb.key));
        let (record, fields) = record_with_fields(&mut violations, "record", required(pb.record), &pb.fields);
        match (key, record, fields) {
            (Some(key), Some(record), Some(fields)) => Ok(Self { key, corrects: pb.corrects, record, fields }),
            _ => Err(violations),
        }
    }
}
