//! Events that state a record outside the table of items.

use minutebook_domain::event::{Payload, Statement};
use minutebook_domain::ids::Kind;
use minutebook_domain::record::{FieldSet, Record};

use super::Named;
use super::fields::{field_set, names};
use crate::pb;
use crate::pb::event::Payload as Arm;
use crate::violation::Violations;
use crate::wire::{Slot, required};

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
                fn read(self) -> Result<Payload, Violations> {
                    let record = required(self.$field).map(Record::$kind);
                    statement(self.agenda, self.edition, stringify!($field), record, None)
                }
            }

            impl Named for pb::$again {
                fn read(self) -> Result<Payload, Violations> {
                    let record = required(self.$field).map(Record::$kind);
                    let fields = Some(("fields", self.fields));
                    statement(self.agenda, self.edition, stringify!($field), record, fields)
                }
            }
        )*

        $(
            impl Named for pb::$name {
                fn read(self) -> Result<Payload, Violations> {
                    let record = required(self.$lone_field).map(Record::$lone);
                    let fields = self.changed.map(|changed| ("changed.names", changed.names));
                    statement(self.agenda, self.edition, stringify!($lone_field), record, fields)
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
    }
}

impl Named for pb::RecordStated {
    fn read(self) -> Result<Payload, Violations> {
        let fields = self.changed.map(|changed| ("changed.names", changed.names));
        statement(self.agenda, self.edition, "record", required(self.record), fields)
    }
}

fn changed(fields: Option<FieldSet>, kind: Kind) -> Option<pb::FieldNames> {
    fields.map(|fields| pb::FieldNames { names: names(fields, kind) })
}

/// The statement of a record that stands in the field `name`, with the path and names of the fields that changed.
fn statement(
    agenda: Option<String>,
    edition: Option<String>,
    name: &str,
    record: Result<Record, Violations>,
    fields: Option<(&str, Vec<String>)>,
) -> Result<Payload, Violations> {
    let mut violations = Violations::default();
    let agenda = violations.keep("agenda", Slot::from_slot(agenda));
    let edition = violations.keep("edition", Slot::from_slot(edition));
    let record = violations.keep(name, record);
    let fields = match (&record, fields) {
        (Some(record), Some((path, names))) => violations.keep(path, field_set(record.kind(), &names).map(Some)),
        _ => Some(None),
    };
    match (agenda, edition, record, fields) {
        (Some(agenda), Some(edition), Some(record), Some(fields)) => {
            Ok(Payload::Stated(Statement { agenda, edition, record, fields }))
        }
        _ => Err(violations),
    }
}
