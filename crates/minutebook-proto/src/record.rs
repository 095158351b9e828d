//! Records: one line per kind lists its fields for both directions; the notes, which all kinds have, are added to each.

use minutebook_domain::ids::{Id, Kind};
use minutebook_domain::record::{
    Action, Agenda, Agreement, Amount, Assignment, Body, Change, Consultation, Decision, Edition, Explanation,
    Framework, Mandate, Membership, Milestone, Motion, Party, PolicyItem, Record, Remark, Role, Source, Step, Subtask,
    Theme,
};
use minutebook_domain::value::{Confidence, Scalar, Text};

use prost::Message as _;

use crate::encoded::{Encoded, Fields, Message};
use crate::pb;
use crate::violation::Violations;
use crate::wire::{FromEncoded, Slot, Wire, message_slots, messages, missing};

/// Where a statement comes from and how sure it is: the fields that all records share, which are one message on the
/// wire.
#[derive(Default)]
struct Notes {
    source_line: Option<u32>,
    source_doc: Option<Id>,
    lines: Option<Scalar>,
    quote: Option<Text>,
    confidence: Option<Confidence>,
    doubt: Option<Text>,
}

/// The number of the notes in every record.
const NOTES: usize = 15;

messages! {
    Notes as Notes { source_line, source_doc, lines, quote, confidence, doubt }
}

macro_rules! records {
    ($($kind:ident { $($field:ident),* $(,)? })*) => {
        $(
            impl Wire for $kind {
                type Pb = pb::$kind;

                fn to_pb(&self) -> pb::$kind {
                    let notes = pb::Notes {
                        source_line: self.source_line,
                        source_doc: self.source_doc.to_slot(),
                        lines: self.lines.to_slot(),
                        quote: self.quote.to_slot(),
                        confidence: self.confidence.to_slot(),
                        doubt: self.doubt.to_slot(),
                    };
                    pb::$kind {
                        id: self.id.to_slot(),
                        $($field: self.$field.to_slot(),)*
                        notes: Some(notes).filter(|notes| *notes != pb::Notes::default()),
                    }
                }

                fn from_pb(pb: pb::$kind) -> Result<Self, Violations> {
                    Self::from_encoded(Encoded::Bytes(&pb.encode_to_vec()))
                }
            }

            impl FromEncoded for $kind {
                fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
                    let message = Message::<{ NOTES + 1 }>::read(value.bytes()?)?;
                    let mut violations = Violations::default();
                    let mut number = 1;
                    let id = violations.keep("id", Slot::slot_from_encoded(message.get(number)));
                    $(
                        number += 1;
                        let $field = violations.keep(stringify!($field), Slot::slot_from_encoded(message.get(number)));
                    )*
                    let notes = message.get(NOTES).map_or_else(|| Ok(Notes::default()), Notes::from_encoded);
                    let Some(notes) = violations.keep("notes", notes) else { return Err(violations) };
                    let Some(id) = id else { return Err(violations) };
                    $(let Some($field) = $field else { return Err(violations) };)*
                    Ok(Self {
                        id,
                        $($field,)*
                        source_line: notes.source_line,
                        source_doc: notes.source_doc,
                        lines: notes.lines,
                        quote: notes.quote,
                        confidence: notes.confidence,
                        doubt: notes.doubt,
                    })
                }
            }
        )*

        message_slots! { Record, $($kind),* }

        impl Wire for Record {
            type Pb = pb::Record;

            fn to_pb(&self) -> pb::Record {
                let record = match self { $(Self::$kind(record) => pb::record::Record::$kind(record.to_pb()),)* };
                pb::Record { record: Some(record) }
            }

            fn from_pb(pb: pb::Record) -> Result<Self, Violations> {
                Self::from_encoded(Encoded::Bytes(&pb.encode_to_vec()))
            }
        }

        impl FromEncoded for Record {
            fn from_encoded(value: Encoded<'_>) -> Result<Self, Violations> {
                let mut record = None;
                for field in Fields::of(value.bytes()?) {
                    record = Some(field?);
                }
                let (number, value) = record.ok_or_else(missing)?;
                let kind = i32::try_from(number).map_err(|_| missing()).and_then(|number| Kind::from_slot(number))?;
                match kind {
                    $(Kind::$kind => $kind::from_encoded(value).map(Self::$kind),)*
                }
                .map_err(|violations| violations.within(kind.name()))
            }
        }
    };
}

records! {
    Source { title, file, sha256 }
    Agenda { title, owner, framework }
    Framework { title, period, adopted_by, adopted_on }
    Edition { first_year, last_year, adopted_by, decision, effective, horizon, review }
    Body { name, kind }
    Mandate { body, may, agenda, decision, ceiling, since, until, basis, inferred }
    Party { name, kind, aliases, members, count, inferred }
    Role { name }
    Theme { title, goal }
    Subtask { title, theme }
    PolicyItem { subtask, title, medium_term, roles, theme }
    Action { title, summary, partners, horizon, period, place, amounts, explained_in, motions, success_factor, split_from, merged_from, policy_item }
    Amount { what, eur, per, from, through, unit, part_of, source, action }
    Agreement { what, parties, kind, status_in_source, period, cofinancing, actions }
    Decision { body, kind, date, effective, reference, reasons, attachments, what }
    Motion { title, body, addressed_by }
    Consultation { name }
    Milestone { what, due, due_text, action }
    Step { year, window, step, body, inferred }
    Explanation { title, actions, facts }
    Remark { kind, what, roles, actions }
    Change { kind, action, policy_item, subtask, theme, from, into, disposition, fields, reason, decided_by, decision }
    Membership { body, party, capacity, subject, decision, since, until }
    Assignment { action, policy_item, subtask, theme, role, holder, since, until, decision }
}
