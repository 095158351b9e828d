//! Events that state a record outside the table of items.

use minutebook_domain::event::{Payload, Statement};
use minutebook_domain::ids::Kind;
use minutebook_domain::record::{
    Agenda, Agreement, Amount, Assignment, Body, Consultation, Decision, Explanation, FieldSet, Framework, Mandate,
    Membership, Milestone, Motion, Party, Record, Remark, Role, Source, Step,
};

use super::Named;
use super::fields::{field_set, names};
use crate::encoded::{Encoded, Message, repeated};
use crate::pb;
use crate::pb::event::Payload as Arm;
use crate::violation::Violations;
use crate::wire::{FromEncoded, Slot, missing};

/// Declares which event states a record of which kind, and in which field. Kinds on the left of the first table have
/// one name for the first statement and one for those that change it; kinds in the second have one for all.
macro_rules! statements {
    (
        { $($kind:ident . $field:ident => $first:ident, $again:ident;)* }
        { $($lone:ident . $lone_field:ident => $name:ident;)* }
    ) => {
        /// Writes a statement as the event of its name.
        pub(super) fn to_arm(statement: &Statement) -> Arm {
            let (agenda, edition) = (statement.agenda.to_slot(), statement.edition.to_slot());
            match (&statement.record, statement.fields) {
                $(
                    (Record::$kind(record), None) => {
                        Arm::$first(pb::$first { agenda, edition, $field: record.to_slot() })
                    }
                    (Record::$kind(record), Some(fields)) => {
                        let fields = names(fields, Kind::$kind);
                        Arm::$again(pb::$again { agenda, edition, $field: record.to_slot(), fields })
                    }
                )*
                $(
                    (Record::$lone(record), fields) => {
                        let changed = changed(fields, Kind::$lone);
                        Arm::$name(pb::$name { agenda, edition, $lone_field: record.to_slot(), changed })
                    }
                )*
                (
                    record @ (Record::Edition(_) | Record::Theme(_) | Record::Subtask(_) | Record::PolicyItem(_)
                        | Record::Action(_) | Record::Change(_)),
                    fields,
                ) => {
                    let changed = changed(fields, record.kind());
                    Arm::RecordStated(pb::RecordStated { agenda, edition, record: record.to_slot(), changed })
                }
            }
        }

        $(
            impl Named for pb::$first {
                fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                    statement::<$kind>(value, stringify!($field), |_, _| Ok(None))
                }
            }

            impl Named for pb::$again {
                fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                    statement::<$kind>(value, stringify!($field), |kind, message| {
                        field_set(kind, message, FIELDS).map(Some).map_err(|bad| bad.within("fields"))
                    })
                }
            }
        )*

        $(
            impl Named for pb::$name {
                fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
                    statement::<$lone>(value, stringify!($lone_field), read_changed)
                }
            }
        )*
    };
}

statements! {
    {
        Source.source => SourceRegistered, SourceChanged;
        Party.party => PartyRegistered, PartyChanged;
        Body.body => BodyEstablished, BodyChanged;
        Mandate.mandate => MandateGranted, MandateChanged;
        Framework.framework => FrameworkRegistered, FrameworkChanged;
        Role.role => RoleWordDefined, RoleWordChanged;
        Agenda.record => AgendaOpened, AgendaChanged;
        Amount.amount => AmountRecorded, AmountChanged;
    }
    {
        Decision.decision => DecisionRecorded;
        Motion.motion => MotionRecorded;
        Agreement.agreement => AgreementStated;
        Milestone.milestone => MilestoneSet;
        Consultation.consultation => ConsultationRecorded;
        Step.step => CalendarStepPlanned;
        Explanation.explanation => ExplanationWritten;
        Remark.remark => RemarkRecorded;
        Membership.membership => MembershipStarted;
        Assignment.assignment => RoleAssigned;
    }
}

impl Named for pb::RecordStated {
    fn payload(value: Encoded<'_>) -> Result<Payload, Violations> {
        statement::<Record>(value, "record", read_changed)
    }
}

/// The number of the fields that changed, in every statement.
const FIELDS: u64 = 4;

fn changed(fields: Option<FieldSet>, kind: Kind) -> Option<pb::FieldNames> {
    fields.map(|fields| pb::FieldNames { names: names(fields, kind) })
}

/// The fields that changed, where the event says that there are any: an absent message is not an empty one.
fn read_changed(kind: Kind, message: &[u8]) -> Result<Option<FieldSet>, Violations> {
    let Some(changed) = repeated(message, FIELDS).last() else {
        return Ok(None);
    };
    field_set(kind, changed?.bytes()?, 1).map(Some).map_err(|bad| bad.within("changed.names"))
}

/// Reads the statement of a record that stands in the field `name`; how it names its fields is up to the event.
fn statement<T: FromEncoded + Into<Record>>(
    value: Encoded<'_>,
    name: &str,
    fields: impl Fn(Kind, &[u8]) -> Result<Option<FieldSet>, Violations>,
) -> Result<Payload, Violations> {
    let bytes = value.bytes()?;
    let message = Message::<4>::read(bytes)?;
    let mut violations = Violations::default();
    let agenda = violations.keep("agenda", Slot::slot_from_encoded(message.get(1)));
    let edition = violations.keep("edition", Slot::slot_from_encoded(message.get(2)));
    let record = message.get(3).ok_or_else(missing).and_then(T::from_encoded);
    let record: Option<Record> = violations.keep(name, record.map(Into::into));
    let fields = record.as_ref().map(|record| fields(record.kind(), bytes));
    let fields = fields.and_then(|fields| fields.map_err(|bad| violations.0.extend(bad.0)).ok());
    match (agenda, edition, record, fields) {
        (Some(agenda), Some(edition), Some(record), Some(fields)) => {
            Ok(Payload::Stated(Statement { agenda, edition, record, fields }))
        }
        _ => Err(violations),
    }
}
