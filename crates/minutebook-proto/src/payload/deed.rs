//! Events of what is done with a record outside the table of items.

use minutebook_domain::event::{Deed, DeedStep, Payload};
use minutebook_domain::ids::{Id, Key, Kind};
use minutebook_domain::record::{Agreement, FieldSet, Milestone, Motion, Record};

use super::Named;
use super::fields::{field_set, names};
use crate::encoded::{Encoded, Message};
use crate::pb;
use crate::pb::event::Payload as Arm;
use crate::violation::Violations;
use crate::wire::{FromEncoded, Slot, list_from_encoded, missing, to_list};

/// Declares the events by what they hold: the id of the record in field 1, and in field 2 nothing, an id or text that
/// may be absent, one that must be there, or the addresses of other records; or the whole record in field 1 and the
/// names of its fields that differ in field 2.
macro_rules! deeds {
    (
        alone { $($alone:ident . $alone_field:ident: $alone_kind:ident => $alone_step:pat, $alone_value:expr;)* }
        with { $($with:ident . $with_field:ident, $with_name:ident: $with_kind:ident => $with_step:ident;)* }
        shown { $($shown:ident . $shown_field:ident: $shown_kind:ident => $shown_step:ident;)* }
        whole { $($whole:ident . $whole_field:ident: $whole_kind:ident;)* }
    ) => {
        /// Writes what was done as the event of its name.
        pub(super) fn to_arm(deed: &Deed) -> Arm {
            let id = || deed.key.id.to_slot();
            match (deed.key.kind, &deed.step) {
                $((Kind::$alone_kind, $alone_step) => Arm::$alone(pb::$alone { $alone_field: id() }),)*
                $(
                    (Kind::$with_kind, DeedStep::$with_step(with)) => {
                        Arm::$with(pb::$with { $with_field: id(), $with_name: with.to_slot() })
                    }
                )*
                $(
                    (Kind::$shown_kind, DeedStep::$shown_step(evidence)) => {
                        Arm::$shown(pb::$shown { $shown_field: id(), evidence: to_list(evidence) })
                    }
                )*
                $(
                    (_, DeedStep::Amended(Record::$whole_kind(record), fields)) => {
                        let fields = names(*fields, Kind::$whole_kind);
                        Arm::$whole(pb::$whole { $whole_field: record.to_slot(), fields })
                    }
                )*
                (_, DeedStep::Proposed(agenda, Record::Agreement(agreement))) => {
                    let (agenda, agreement) = (agenda.to_slot(), agreement.to_slot());
                    Arm::AgreementProposed(pb::AgreementProposed { agenda, agreement })
                }
                (_, DeedStep::Signed(party, membership)) => {
                    let (party, membership) = (party.to_slot(), membership.to_slot());
                    Arm::AgreementSigned(pb::AgreementSigned { agreement: id(), party, membership })
                }
                // INVARIANT: no rule gives another deed.
                _ => Arm::RecordStated(pb::RecordStated::default()),
            }
        }

        $(
            impl Named for pb::$alone {
                fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                    let message = Message::<2>::read(value.bytes()?)?;
                    deed(Kind::$alone_kind, stringify!($alone_field), message.get(1), "", Ok($alone_value))
                }
            }
        )*

        $(
            impl Named for pb::$with {
                fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                    let message = Message::<3>::read(value.bytes()?)?;
                    let step = Slot::slot_from_encoded(message.get(2)).map(DeedStep::$with_step);
                    deed(Kind::$with_kind, stringify!($with_field), message.get(1), stringify!($with_name), step)
                }
            }
        )*

        $(
            impl Named for pb::$shown {
                fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                    let bytes = value.bytes()?;
                    let message = Message::<2>::read(bytes)?;
                    let step = list_from_encoded(bytes, 2).map(DeedStep::$shown_step);
                    deed(Kind::$shown_kind, stringify!($shown_field), message.get(1), "evidence", step)
                }
            }
        )*

        $(
            impl Named for pb::$whole {
                fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                    let bytes = value.bytes()?;
                    let record = Message::<2>::read(bytes)?.get(1).ok_or_else(missing);
                    let record = record.and_then($whole_kind::from_encoded).map(Record::from);
                    amended(stringify!($whole_field), record, field_set(Kind::$whole_kind, bytes, 2))
                }
            }
        )*
    };
}

deeds! {
    alone {
        MandateWithdrawn.mandate: Mandate => DeedStep::Ended(_), DeedStep::Ended(None);
        MembershipEnded.membership: Membership => DeedStep::Ended(_), DeedStep::Ended(None);
        DecisionRevoked.decision: Decision => DeedStep::Ended(_), DeedStep::Ended(None);
        RoleEnded.assignment: Assignment => DeedStep::Ended(_), DeedStep::Ended(None);
        AgreementEnded.agreement: Agreement => DeedStep::Ended(_), DeedStep::Ended(None);
        AmountEnded.amount: Amount => DeedStep::Ended(_), DeedStep::Ended(None);
        AgreementTookEffect.agreement: Agreement => DeedStep::TookEffect, DeedStep::TookEffect;
        MilestoneMissed.milestone: Milestone => DeedStep::Missed, DeedStep::Missed;
    }
    with {
        PartyMerged.party, into: Party => Merged;
        PartyEnded.party, successor: Party => Ended;
        BodyDissolved.body, successor: Body => Ended;
        DecisionSuperseded.decision, part: Decision => Superseded;
    }
    shown {
        MotionSettled.motion: Motion => Settled;
        MilestoneMet.milestone: Milestone => Met;
    }
    whole {
        MotionLinked.motion: Motion;
        AgreementAmended.agreement: Agreement;
        MilestoneMoved.milestone: Milestone;
    }
}

impl Named for pb::AgreementProposed {
    fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
        let message = Message::<3>::read(value.bytes()?)?;
        let mut violations = Violations::default();
        let agenda = violations.keep("agenda", Slot::slot_from_encoded(message.get(1)));
        let agreement = message.get(2).ok_or_else(missing).and_then(Agreement::from_encoded);
        match (agenda, violations.keep("agreement", agreement)) {
            (Some(agenda), Some(agreement)) => {
                let key = Key::new(Kind::Agreement, &agreement.id);
                Ok(Payload::Deed(Deed { key, step: DeedStep::Proposed(agenda, agreement.into()) }))
            }
            _ => Err(violations),
        }
    }
}

impl Named for pb::AgreementSigned {
    fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
        let message = Message::<4>::read(value.bytes()?)?;
        let mut violations = Violations::default();
        let party = violations.keep("party", Slot::slot_from_encoded(message.get(2)));
        let membership = violations.keep("membership", Slot::slot_from_encoded(message.get(3)));
        let step = match (party, membership) {
            (Some(party), Some(membership)) => Ok(DeedStep::Signed(party, membership)),
            _ => Err(violations),
        };
        deed(Kind::Agreement, "agreement", message.get(1), "", step)
    }
}

/// What was done with the record of the id in the field `name`; what is wrong with the step lies in the field `step_name`.
fn deed(
    kind: Kind,
    name: &str,
    id: Option<Encoded<'_>>,
    step_name: &str,
    step: Result<DeedStep, Violations>,
) -> Result<Payload, Violations> {
    let mut violations = Violations::default();
    let id: Option<Id> = violations.keep(name, Slot::slot_from_encoded(id));
    match (id, violations.keep(step_name, step)) {
        (Some(id), Some(step)) => Ok(Payload::Deed(Deed { key: Key::new(kind, &id), step })),
        _ => Err(violations),
    }
}

/// A record that reads differently.
fn amended(
    name: &str,
    record: Result<Record, Violations>,
    fields: Result<FieldSet, Violations>,
) -> Result<Payload, Violations> {
    let mut violations = Violations::default();
    match (violations.keep(name, record), violations.keep("fields", fields)) {
        (Some(record), Some(fields)) => {
            let key = Key::new(record.kind(), record.id());
            Ok(Payload::Deed(Deed { key, step: DeedStep::Amended(record, fields) }))
        }
        _ => Err(violations),
    }
}
