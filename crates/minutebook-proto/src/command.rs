//! Commands as clients send them, with every bad field named at once.

use minutebook_domain::command::{Command, CorrectField, DoDeed, LateFact, ResolveDoubt, StateRecord};
use minutebook_domain::event::{Actor, DeedStep};
use minutebook_domain::ids::{Kind, RequestId};
use minutebook_domain::record::{Agreement, FieldSet, Record};
use minutebook_domain::value::Text;
use prost_types::Value;

use crate::json::value_from_pb;
use crate::pb;
use crate::review::review_from_pb;
use crate::violation::{Violations, WireFault};
use crate::wire::{Slot, Wire, list, missing, required};

/// What a write says of itself, checked.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// The client's name for the write.
    pub request_id: RequestId,
    /// Decide, but record nothing.
    pub validate_only: bool,
    /// Who acts.
    pub actor: Actor,
    /// The newest event of the record that the client knows.
    pub expected_revision: Option<u64>,
    /// Prove in the receipt that the events are in the log.
    pub prove: bool,
}

/// Reads what a write says of itself.
pub fn write_from_pb(pb: Option<pb::Write>) -> Result<WriteOptions, Violations> {
    let pb = pb.ok_or_else(|| missing().within("write"))?;
    let mut violations = Violations::default();
    let request_id = violations.keep("request_id", RequestId::from_slot(pb.request_id));
    let actor = pb.actor.map(|mut actor| {
        // How an actor is known is the server's to say; a client may leave it out.
        actor.assurance = pb::Assurance::Claimed.into();
        actor
    });
    let actor = violations.keep("actor", actor.map_or_else(|| Ok(Actor::default()), Actor::from_pb));
    match (request_id, actor) {
        (Some(request_id), Some(actor)) => Ok(WriteOptions {
            request_id,
            validate_only: pb.validate_only,
            actor,
            expected_revision: pb.expected_revision,
            prove: pb.prove,
        }),
        _ => Err(violations.within("write")),
    }
}

/// Reads a batch of commands.
pub fn commands_from_pb(commands: Vec<pb::Command>) -> Result<Vec<Command>, Violations> {
    list(commands).map_err(|violations| violations.within("commands"))
}

impl Wire for Command {
    type Pb = pb::Command;

    fn to_pb(&self) -> pb::Command {
        let command = match self {
            Self::State(state) => Some(pb::command::Command::State(state.to_pb())),
            // INVARIANT: only statements go back onto the wire; the other commands are read here and never written.
            _ => None,
        };
        pb::Command { command }
    }

    fn from_pb(pb: pb::Command) -> Result<Self, Violations> {
        match pb.command.ok_or_else(missing)? {
            pb::command::Command::State(state) => Ok(Self::State(StateRecord::from_pb(state)?)),
            pb::command::Command::Correct(correct) => correct_from_pb(correct).map(Self::Correct),
            pb::command::Command::LateFact(fact) => late_from_pb(fact).map(Self::RecordLate),
            pb::command::Command::ResolveDoubt(resolve) => resolve_from_pb(resolve).map(Self::ResolveDoubt),
            pb::command::Command::Deed(deed) => deed_from_pb(deed).map(Self::Do),
            pb::command::Command::Review(review) => review_from_pb(review).map(Self::Review),
        }
    }
}

impl Wire for StateRecord {
    type Pb = pb::StateRecord;

    fn to_pb(&self) -> pb::StateRecord {
        pb::StateRecord {
            agenda: self.agenda.to_slot(),
            record: Some(self.record.to_pb()),
            effective: self.effective.to_slot(),
            reason: self.reason.to_slot(),
            expected_revision: self.expected_revision,
        }
    }

    fn from_pb(pb: pb::StateRecord) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let agenda = violations.keep("agenda", Slot::from_slot(pb.agenda));
        let record = violations.keep("record", required(pb.record));
        let effective = violations.keep("effective", Slot::from_slot(pb.effective));
        let reason = violations.keep("reason", Slot::from_slot(pb.reason));
        match (agenda, record, effective, reason) {
            (Some(agenda), Some(record), Some(effective), Some(reason)) => {
                Ok(Self { agenda, record, effective, reason, expected_revision: pb.expected_revision })
            }
            _ => Err(violations),
        }
    }
}

/// Reads one statement.
pub fn state_from_pb(pb: Option<pb::StateRecord>) -> Result<StateRecord, Violations> {
    required(pb)
}

/// Reads a correction.
pub fn correct_from_pb(pb: pb::CorrectField) -> Result<CorrectField, Violations> {
    let mut violations = Violations::default();
    let key = violations.keep("key", required(pb.key));
    let reason = violations.keep("reason", Text::from_slot(pb.reason));
    let citation = violations.keep("citation", Slot::from_slot(pb.citation));
    match (key, reason, citation) {
        (Some(key), Some(reason), Some(citation)) => Ok(CorrectField {
            key,
            field: pb.field,
            old: pb.old.map(value_from_pb),
            new: pb.new.map(value_from_pb).unwrap_or_default(),
            reason,
            corrects: pb.corrects,
            citation,
            expected_revision: None,
        }),
        _ => Err(violations),
    }
}

/// Reads a late fact.
pub fn late_from_pb(pb: pb::LateFact) -> Result<LateFact, Violations> {
    let mut violations = Violations::default();
    let key = violations.keep("key", required(pb.key));
    let effective = violations.keep("effective", Slot::from_slot(pb.effective));
    let reason = violations.keep("reason", Text::from_slot(pb.reason));
    let decision = violations.keep("decision", Slot::from_slot(pb.decision));
    let citation = violations.keep("citation", Slot::from_slot(pb.citation));
    // A map has no order; sorted, the same request has the same digest.
    let mut fields: Vec<(String, Value)> = pb.fields.into_iter().collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    let fields = fields.into_iter().map(|(name, value)| (name, value_from_pb(value))).collect();
    match (key, effective, reason, decision, citation) {
        (Some(key), Some(effective), Some(reason), Some(decision), Some(citation)) => {
            Ok(LateFact { key, fields, effective, reason, decision, citation, expected_revision: None })
        }
        _ => Err(violations),
    }
}

/// Reads how a doubt is settled.
pub fn resolve_from_pb(pb: pb::ResolveDoubt) -> Result<ResolveDoubt, Violations> {
    let mut violations = Violations::default();
    let key = violations.keep("key", required(pb.key));
    let text = violations.keep("text", Text::from_slot(pb.text));
    match (key, text) {
        (Some(key), Some(text)) => Ok(ResolveDoubt { key, text, expected_revision: None }),
        _ => Err(violations),
    }
}

/// Reads what is to be done with a record.
pub fn deed_from_pb(pb: pb::Deed) -> Result<DoDeed, Violations> {
    let mut violations = Violations::default();
    let key = violations.keep("key", required(pb.key));
    let step = violations.keep("step", pb.step.ok_or_else(missing).and_then(step_from_pb));
    let decision = violations.keep("decision", Slot::from_slot(pb.decision));
    let effective = violations.keep("effective", Slot::from_slot(pb.effective));
    let reason = violations.keep("reason", Slot::from_slot(pb.reason));
    match (key, step, decision, effective, reason) {
        (Some(key), Some(step), Some(decision), Some(effective), Some(reason)) => {
            Ok(DoDeed { key, step, decision, effective, reason, expected_revision: None })
        }
        _ => Err(violations),
    }
}

fn step_from_pb(step: pb::deed::Step) -> Result<DeedStep, Violations> {
    use pb::deed::Step;
    let mut violations = Violations::default();
    let step = match step {
        Step::Propose(propose) => {
            let agenda = violations.keep("propose.agenda", Slot::from_slot(propose.agenda));
            let agreement: Option<Agreement> = violations.keep("propose.agreement", required(propose.agreement));
            agenda.zip(agreement).map(|(agenda, agreement)| DeedStep::Proposed(agenda, agreement.into()))
        }
        Step::Sign(sign) => {
            let party = violations.keep("sign.party", Slot::from_slot(sign.party));
            let membership = violations.keep("sign.membership", Slot::from_slot(sign.membership));
            party.zip(membership).map(|(party, membership)| DeedStep::Signed(party, membership))
        }
        Step::Amend(amend) => {
            let record: Option<Record> = violations.keep("amend.record", required(amend.record));
            record.and_then(|record| {
                let fields = violations.keep("amend.fields", field_set(record.kind(), &amend.fields));
                fields.map(|fields| DeedStep::Amended(record, fields))
            })
        }
        Step::End(end) => violations.keep("end.successor", Slot::from_slot(end.successor)).map(DeedStep::Ended),
        Step::MergeInto(into) => violations.keep("merge_into", Slot::from_slot(into)).map(DeedStep::Merged),
        Step::Supersede(how) => violations.keep("supersede.part", Slot::from_slot(how.part)).map(DeedStep::Superseded),
        Step::Settle(shown) => violations.keep("settle.evidence", list(shown.evidence)).map(DeedStep::Settled),
        Step::Meet(shown) => violations.keep("meet.evidence", list(shown.evidence)).map(DeedStep::Met),
        Step::Miss(pb::MissStep {}) => Some(DeedStep::Missed),
    };
    step.ok_or(violations)
}

fn field_set(kind: Kind, names: &[String]) -> Result<FieldSet, Violations> {
    let unknown = names.iter().position(|name| !Record::fields(kind).contains(&name.as_str()));
    match unknown {
        Some(n) => Err(Violations::of(WireFault::Field { kind: kind.name() }).within(&format!("[{n}]"))),
        None => Ok(FieldSet::named(kind, names.iter().map(String::as_str))),
    }
}
