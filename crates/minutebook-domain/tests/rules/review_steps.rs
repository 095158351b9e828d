//! The steps of a review, in the words that its rule tests are told in.

use minutebook_domain::check::Check;
use minutebook_domain::command::Command;
use minutebook_domain::dates::Edtf;
use minutebook_domain::event::{Deed, DeedStep, Payload};
use minutebook_domain::ids::{Key, Kind};
use minutebook_domain::record::Record;
use minutebook_domain::review::{Adopting, Opening, Proposing, ReviewAct, ReviewCommand, Setting};
use minutebook_domain::tally::{ProposalState, Proposed};
use minutebook_domain::value::{ChangeKind, Disposition};
use serde_json::{Value, json};

use crate::minutes::{at, first, given, import, state};
use crate::support::{Ledger, id, record, text};

pub(crate) fn date(text: &str) -> Edtf {
    Edtf::new(text).unwrap()
}

/// A step of the only open review.
pub(crate) fn step(act: ReviewAct, reason: Option<&str>) -> ReviewCommand {
    ReviewCommand { agenda: id("agenda"), edition: None, act, reason: reason.map(text), expected_revision: None }
}

pub(crate) fn opening(label: &str, effective: &str) -> ReviewCommand {
    let opening = Opening { years: None, effective: date(effective), horizon: None, review: None, invented: false };
    ReviewCommand { edition: Some(id(label)), ..step(ReviewAct::Open(opening), None) }
}

pub(crate) fn open(label: &str, effective: &str) -> Command {
    Command::Review(opening(label, effective))
}

pub(crate) fn proposing(kind: ChangeKind) -> Proposing {
    Proposing {
        change: None,
        kind,
        item: None,
        from: Vec::new(),
        disposition: None,
        set: Vec::new(),
        items: Vec::new(),
        ground: None,
    }
}

/// A proposal with a reason.
pub(crate) fn propose(proposing: Proposing) -> Command {
    Command::Review(step(ReviewAct::Propose(proposing), Some("Herijking van de agenda.")))
}

pub(crate) fn setting(key: Key, field: &str, new: Value) -> Setting {
    Setting { key: Some(key), field: field.into(), old: None, new }
}

/// A field of an action reads otherwise.
pub(crate) fn changing(action: &str, field: &str, new: Value) -> Proposing {
    Proposing { set: vec![setting(at(Kind::Action, action), field, new)], ..proposing(ChangeKind::Changed) }
}

pub(crate) fn change(action: &str, field: &str, new: Value) -> Command {
    propose(changing(action, field, new))
}

pub(crate) fn dropping(action: &str) -> Proposing {
    let disposition = Some(Disposition::Completed);
    Proposing { item: Some(at(Kind::Action, action)), disposition, ..proposing(ChangeKind::Dropped) }
}

pub(crate) fn drop(action: &str) -> Command {
    propose(dropping(action))
}

/// An action under a policy item of the test agenda.
pub(crate) fn action(name: &str, more: Value) -> Record {
    let mut fields = json!({"id": name, "title": format!("Actie {name}"), "policy_item": "kwaliteit"});
    fields.as_object_mut().unwrap().extend(crate::support::object(more));
    record(Kind::Action, fields)
}

pub(crate) fn add(items: impl IntoIterator<Item = Record>) -> Command {
    propose(Proposing { items: items.into_iter().collect(), ..proposing(ChangeKind::Added) })
}

pub(crate) fn split(from: &str, into: &[&str]) -> Command {
    let items = into.iter().map(|part| action(part, json!({}))).collect();
    propose(Proposing { from: vec![id(from)], items, ..proposing(ChangeKind::Split) })
}

pub(crate) fn merge(from: &[&str], into: &str) -> Command {
    let from = from.iter().map(|part| id(part)).collect();
    propose(Proposing { from, items: vec![action(into, json!({}))], ..proposing(ChangeKind::Merged) })
}

pub(crate) fn suspend(action: &str) -> Command {
    propose(Proposing { item: Some(at(Kind::Action, action)), ..proposing(ChangeKind::Suspended) })
}

pub(crate) fn reinstating(action: &str) -> Proposing {
    Proposing { item: Some(at(Kind::Action, action)), ..proposing(ChangeKind::Reinstated) }
}

pub(crate) fn withdraw(change: &str) -> Command {
    Command::Review(step(ReviewAct::Withdraw(id(change)), Some("Bij nader inzien niet nodig.")))
}

pub(crate) fn select(change: &str) -> Command {
    Command::Review(step(ReviewAct::Select(id(change)), None))
}

pub(crate) fn keep_rest() -> Command {
    Command::Review(step(ReviewAct::KeepRest, None))
}

pub(crate) fn adopting(decision: &str) -> Adopting {
    Adopting { decision: id(decision), effective: None, amend: Vec::new() }
}

pub(crate) fn adopt(decision: &str) -> Command {
    Command::Review(step(ReviewAct::Adopt(adopting(decision)), None))
}

/// The body decides otherwise than was proposed.
pub(crate) fn adopt_with(decision: &str, amend: Vec<Setting>) -> Command {
    let adopting = Adopting { amend, ..adopting(decision) };
    Command::Review(step(ReviewAct::Adopt(adopting), Some("Het college besloot anders.")))
}

/// A decision that adopts agendas.
pub(crate) fn decide(name: &str, taken: &str) -> Command {
    state(Kind::Decision, json!({"id": name, "body": "gs", "kind": "adopt-agenda", "date": taken}))
}

/// The first edition, the decision on the next one, and its review: opened, and nothing more.
pub(crate) fn opened() -> Ledger {
    given([import(first()), decide("d-2018", "2017-12-12"), open("2018-2019", "2018-01-01")])
}

/// A ledger in which these were recorded as well.
pub(crate) fn then(mut ledger: Ledger, commands: impl IntoIterator<Item = Command>) -> Ledger {
    for command in commands {
        ledger.record(&command).unwrap_or_else(|refusal| panic!("given was refused: {refusal:?}"));
    }
    ledger
}

impl Ledger {
    /// What the only open review would do if it were adopted now.
    pub(crate) fn check(&self, decision: Option<&str>) -> Check {
        let decision = decision.map(id);
        let today = self.context().today;
        self.book.check_review(&id("agenda"), None, decision.as_ref(), None, today, &self.events).unwrap()
    }

    /// The proposals of the open review of 2018, with what became of each.
    pub(crate) fn states(&self) -> Vec<(String, ProposalState)> {
        let all = self.book.open_proposals(&id("agenda"), &id("2018-2019"), &self.events).unwrap();
        told(&all)
    }

    /// The codes of what keeps the open review from being adopted.
    pub(crate) fn problems(&self, decision: Option<&str>) -> Vec<&'static str> {
        self.check(decision).problems.iter().map(|problem| problem.refusal.code()).collect()
    }

    /// A decision is revoked.
    pub(crate) fn revoke(mut self, decision: &str) -> Self {
        let deed = Deed { key: at(Kind::Decision, decision), step: DeedStep::Ended(None) };
        let mut event = self.events.last().unwrap().clone();
        event.position += 1;
        event.event.payload = Payload::Deed(deed);
        event.event.decision = Some(id("d-2016"));
        event.event.effective = Some(date("2017-12-20"));
        self.book.apply(&event);
        self.events.push(event);
        self
    }
}

pub(crate) fn told(all: &[Proposed]) -> Vec<(String, ProposalState)> {
    all.iter().map(|proposed| (proposed.change.id.to_string(), proposed.state)).collect()
}
