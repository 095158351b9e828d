//! What people may ask of a ledger, in words that read well, and the command that asks it.

use minutebook_domain::command::{Command, DoDeed, LinkMotion, StateRecord};
use minutebook_domain::dates::Edtf;
use minutebook_domain::event::{Actor, DeedStep};
use minutebook_domain::ids::Kind;
use minutebook_domain::record::FieldSet;
use minutebook_domain::review::{Adopting, Proposing, ReviewAct, ReviewCommand};
use minutebook_domain::value::{ChangeKind, Disposition, Value};
use serde_json::json;

use crate::minutes::at;
use crate::review_steps::{action, date, opening, proposing, setting, step};
use crate::support::{id, record, text};

/// An id, a name or a date. A date is a day or a year.
pub(crate) type Word = &'static str;

/// Why something is done.
pub(crate) const WHY: &str = "Zo is het afgesproken.";

/// Somebody asks something.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    /// On behalf of which body, in which capacity.
    pub(crate) actor: (Word, Word),
    pub(crate) what: What,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Register { kind: Kind, id: Word, name: Word, from: Option<Word> },
    Decide { id: Word, body: Word, kind: Word, date: Option<Word>, effective: Option<Word>, grounds: bool },
    Grant { id: Word, body: Word, may: Word, by: Option<Word>, since: Option<Word>, until: Option<Word> },
    Seat { id: Word, body: Word, party: Option<Word>, since: Option<Word>, until: Option<Word> },
    Assign { id: Word, item: (Kind, Word), role: Word, holder: Option<Word>, term: Term, by: Option<Word>, why: bool },
    Agree { id: Word, stated: bool, parties: Vec<Word>, begins: Option<Word>, from: Option<Word> },
    Pay { id: Word, eur: u32, from: Option<Word>, why: bool },
    Promise { id: Word, due: Word, from: Option<Word> },
    Do { kind: Kind, id: Word, deed: Doing, by: Option<Word>, from: Option<Word>, why: bool },
    Link { motion: Word, action: Word, remove: bool, from: Option<Word>, why: bool },
    Open { edition: Word, effective: Word },
    Review { edition: Option<Word>, step: Step, why: bool },
}

/// From when, and until when.
pub(crate) type Term = (Option<Word>, Option<Word>);

/// What is done with a record.
#[derive(Debug, Clone)]
pub(crate) enum Doing {
    Supersede { part: bool },
    End(Option<Word>),
    Merge(Word),
    Sign(Word, Option<Word>),
    Reword(Word),
    Reparty(Word),
    Settle(Vec<(Kind, Word)>),
    Meet(Vec<(Kind, Word)>),
    Miss,
    Move(Word),
}

/// A step of a review.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Propose(Proposal, Option<Word>),
    Withdraw(Word),
    Select(Word),
    KeepRest,
    /// By a decision, and from when, where not as it was opened.
    Adopt(Word, Option<Word>),
    Abandon,
}

/// What is proposed.
#[derive(Debug, Clone)]
pub(crate) enum Proposal {
    Retitle(Word, Word),
    Repay(Word, u32),
    Drop(Word, bool),
    Suspend(Word),
    Reinstate(Word),
    Add(Word),
    Split(Word, Vec<Word>),
    Merge(Vec<Word>, Word),
}

impl Act {
    pub(crate) fn who(&self) -> Actor {
        let (body, capacity) = self.actor;
        Actor { capacity: Some(text(capacity)), on_behalf_of: Some(id(body)), ..Actor::default() }
    }

    pub(crate) fn command(&self) -> Command {
        match self.what.clone() {
            What::Register { kind, id, name, from } => stated(kind, json!({"id": id, "name": name}), from, false),
            What::Decide { id, body, kind, date, effective, grounds } => {
                let fields = json!({"id": id, "body": body, "kind": kind, "date": date, "effective": effective});
                stated(Kind::Decision, fields, None, grounds)
            }
            What::Grant { id, body, may, by, since, until } => {
                let fields =
                    json!({"id": id, "body": body, "may": may, "decision": by, "since": since, "until": until});
                stated(Kind::Mandate, fields, None, false)
            }
            What::Seat { id, body, party, since, until } => {
                let fields = json!({"id": id, "body": body, "party": party, "capacity": "bestuurder", "since": since,
                    "until": until});
                stated(Kind::Membership, fields, None, false)
            }
            What::Assign { id, item, role, holder, term: (since, until), by, why } => {
                let mut fields = json!({"id": id, "role": role, "holder": holder, "since": since, "until": until,
                    "decision": by});
                fields[item.0.name()] = item.1.into();
                stated(Kind::Assignment, fields, None, why)
            }
            What::Agree { id, stated: true, parties, begins, from } => {
                stated(Kind::Agreement, agreement(id, &parties, begins), from, false)
            }
            What::Agree { id, parties, begins, from, .. } => {
                let step = DeedStep::Proposed(None, record(Kind::Agreement, agreement(id, &parties, begins)));
                doing(Kind::Agreement, id, step, None, from, false)
            }
            What::Pay { id, eur, from, why } => {
                stated(Kind::Amount, json!({"id": id, "what": "Geld", "eur": eur}), from, why)
            }
            What::Promise { id, due, from } => {
                stated(Kind::Milestone, json!({"id": id, "what": "Belofte", "due": due}), from, false)
            }
            What::Do { kind, id, deed, by, from, why } => doing(kind, id, deed.step(kind, id), by, from, why),
            What::Link { motion, action, remove, from, why } => Command::Link(LinkMotion {
                motion: id(motion),
                action: id(action),
                remove,
                how: why.then(|| text(WHY)),
                decision: None,
                effective: from.map(date),
                expected_revision: None,
            }),
            What::Open { edition, effective } => Command::Review(opening(edition, effective)),
            What::Review { edition, step: asked, why } => {
                let asked = step(asked.act(), why.then_some(WHY));
                Command::Review(ReviewCommand { edition: edition.map(id), ..asked })
            }
        }
    }
}

fn stated(kind: Kind, fields: Value, from: Option<Word>, why: bool) -> Command {
    let fields = fields.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    let fields = Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect());
    Command::State(StateRecord {
        agenda: None,
        record: record(kind, fields),
        effective: from.map(date),
        reason: why.then(|| text(WHY)),
        expected_revision: None,
    })
}

fn agreement(id: Word, parties: &[Word], begins: Option<Word>) -> Value {
    let period = begins.map(|from| json!({"from": from}));
    json!({"id": id, "what": "Afspraak", "parties": parties, "period": period})
}

fn doing(kind: Kind, name: Word, step: DeedStep, by: Option<Word>, from: Option<Word>, why: bool) -> Command {
    let (decision, effective): (_, Option<Edtf>) = (by.map(id), from.map(date));
    let reason = why.then(|| text(WHY));
    Command::Do(DoDeed { key: at(kind, name), step, decision, effective, reason, expected_revision: None })
}

impl Doing {
    fn step(self, kind: Kind, name: Word) -> DeedStep {
        let keys = |all: Vec<(Kind, Word)>| all.into_iter().map(|(kind, id)| at(kind, id)).collect();
        let amended = |field: &str, value: Value| {
            let mut fields = match kind {
                Kind::Motion => json!({"id": name, "title": "-"}),
                _ => json!({"id": name, "what": "-"}),
            };
            fields[field] = value;
            DeedStep::Amended(record(kind, fields), FieldSet::named(kind, [field]))
        };
        match self {
            Self::Supersede { part } => DeedStep::Superseded(part.then(|| text("een deel"))),
            Self::End(successor) => DeedStep::Ended(successor.map(id)),
            Self::Merge(into) => DeedStep::Merged(id(into)),
            Self::Sign(party, seat) => DeedStep::Signed(id(party), seat.map(id)),
            Self::Reword(words) => amended("what", words.into()),
            Self::Reparty(party) => amended("parties", json!([party])),
            Self::Settle(shown) => DeedStep::Settled(keys(shown)),
            Self::Meet(shown) => DeedStep::Met(keys(shown)),
            Self::Miss => DeedStep::Missed,
            Self::Move(due) => amended("due", due.into()),
        }
    }
}

impl Step {
    fn act(self) -> ReviewAct {
        match self {
            Self::Propose(proposal, ground) => {
                ReviewAct::Propose(Proposing { ground: ground.map(id), ..proposal.asked() })
            }
            Self::Withdraw(change) => ReviewAct::Withdraw(id(change)),
            Self::Select(change) => ReviewAct::Select(id(change)),
            Self::KeepRest => ReviewAct::KeepRest,
            Self::Adopt(decision, effective) => {
                ReviewAct::Adopt(Adopting { decision: id(decision), effective: effective.map(date), amend: Vec::new() })
            }
            Self::Abandon => ReviewAct::Abandon,
        }
    }
}

impl Proposal {
    fn asked(self) -> Proposing {
        let of = |kind, name| Proposing { item: Some(at(Kind::Action, name)), ..proposing(kind) };
        let parts = |names: Vec<Word>| names.into_iter().map(|name| action(name, json!({}))).collect();
        let set = |kind, name, field, value| Proposing {
            set: vec![setting(at(kind, name), field, value)],
            ..proposing(ChangeKind::Changed)
        };
        match self {
            Self::Retitle(name, title) => set(Kind::Action, name, "title", title.into()),
            Self::Repay(name, eur) => set(Kind::Amount, name, "eur", eur.into()),
            Self::Drop(name, said) => {
                let disposition = said.then_some(Disposition::Completed);
                Proposing { disposition, ..of(ChangeKind::Dropped, name) }
            }
            Self::Suspend(name) => of(ChangeKind::Suspended, name),
            Self::Reinstate(name) => of(ChangeKind::Reinstated, name),
            Self::Add(name) => Proposing { items: parts(vec![name]), ..proposing(ChangeKind::Added) },
            Self::Split(from, into) => {
                Proposing { from: vec![id(from)], items: parts(into), ..proposing(ChangeKind::Split) }
            }
            Self::Merge(from, into) => {
                let from = from.into_iter().map(id).collect();
                Proposing { from, items: parts(vec![into]), ..proposing(ChangeKind::Merged) }
            }
        }
    }
}
