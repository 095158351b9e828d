//! What is done with a record outside the table of items: the rules that all deeds share. Those of one area stand with
//! it (`decision.rs`, `directory.rs`, `role.rs`, `agreement.rs`, `money.rs`, `motion.rs`).

use crate::authority::Registry;
use crate::book::Book;
use crate::command::{Context, DoDeed};
use crate::dates::{Day, Edtf};
use crate::event::{Deed, DeedStep, Draft, Payload, Reason};
use crate::history::{Cut, Recall};
use crate::ids::{Id, Key, Kind};
use crate::record::{Decision, FieldSet, Record};
use crate::refusal::{Refusal, Rejection, Subject};
use crate::statement::{check_term, check_text, dated, is_reason};
use crate::value::Nearest;

/// A deed that is being decided on.
#[derive(Clone, Copy)]
pub(crate) struct Doing<'a> {
    pub(crate) book: &'a Book,
    pub(crate) command: &'a DoDeed,
    pub(crate) context: &'a Context,
    pub(crate) events: &'a dyn Recall,
    /// The decision by which, where one is named.
    pub(crate) decision: Option<&'a Decision>,
    /// From when it holds.
    pub(crate) effective: &'a Edtf,
}

/// From when a deed holds: as it says, or else from when the decision by which it is done does, or from today.
pub(crate) fn deed_holds(stated: Option<&Edtf>, decision: Option<&Decision>, context: &Context) -> Edtf {
    let holds = stated.or(decision.and_then(Decision::holds_from));
    holds.cloned().unwrap_or_else(|| Edtf::on(context.today))
}

impl Book {
    /// Does something with a record outside the table of items.
    pub(crate) fn decide_deed(
        &self,
        command: &DoDeed,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Vec<Draft>, Rejection> {
        if !matches!(command.step, DeedStep::Proposed(..)) {
            self.check_known(&command.key)?;
        }
        self.check_expected(&command.key, command.expected_revision)?;
        command.reason.as_ref().map_or(Ok(()), check_text)?;
        let decision = command.decision.as_ref().map(|id| self.known_decision(id)).transpose()?;
        let effective = deed_holds(command.effective.as_ref(), decision, context);
        let doing = Doing { book: self, command, context, events, decision, effective: &effective };
        if let Some(decision) = decision {
            doing.check_taken(decision)?;
        }
        let done = match (command.key.kind, &command.step) {
            (Kind::Decision, DeedStep::Superseded(_) | DeedStep::Ended(_)) => doing.supersede()?,
            (Kind::Mandate, DeedStep::Ended(_)) => doing.withdraw_mandate()?,
            (Kind::Party | Kind::Body | Kind::Membership, DeedStep::Ended(successor)) => {
                doing.end_with(successor.as_ref())?
            }
            (Kind::Party, DeedStep::Merged(into)) => doing.end_with(Some(into))?,
            (Kind::Assignment, DeedStep::Ended(_)) => doing.end_role()?,
            (Kind::Amount, DeedStep::Ended(_)) => doing.end_amount()?,
            (Kind::Agreement, _) => doing.agree()?,
            (Kind::Motion, _) => doing.carry_out()?,
            (Kind::Milestone, _) => doing.keep_promise()?,
            _ => return Err(Refusal::DeedUnfit { key: command.key.clone() }.into()),
        };
        Ok(done)
    }

    pub(crate) fn known_decision(&self, id: &Id) -> Result<&Decision, Refusal> {
        let registry = Registry { book: self, stated: None };
        registry.decision(id).ok_or_else(|| {
            let ids: Vec<_> = self.entries(Kind::Decision).map(|(key, _)| key.id.clone()).collect();
            let nearest = Nearest::of(id.as_str(), ids.iter().map(Id::as_str));
            Refusal::UnknownReference { kind: Kind::Decision, id: id.clone(), nearest }
        })
    }
}

impl<'a> Doing<'a> {
    /// The record as deeds see it.
    pub(crate) fn key(self) -> &'a Key {
        &self.command.key
    }

    /// The event of the deed, as it was asked for.
    pub(crate) fn draft(self) -> Draft {
        self.draft_of(self.command.step.clone())
    }

    /// The event of a deed with the record.
    pub(crate) fn draft_of(self, step: DeedStep) -> Draft {
        Draft {
            decision: self.command.decision.clone(),
            effective: Some(self.effective.clone()),
            reason: self.command.reason.clone().map(|text| Reason { code: None, text }),
            ..Draft::of(self.context, Payload::Deed(Deed { key: self.key().clone(), step }))
        }
    }

    /// What is done needs a reason in words.
    pub(crate) fn check_reason(self) -> Result<(), Refusal> {
        let given = self.command.reason.as_ref().is_some_and(|reason| is_reason(reason.as_str()));
        if given { Ok(()) } else { Err(Refusal::ReasonMissing { what: Subject::Record(self.key().clone()) }) }
    }

    /// A decision by which something is done was taken, and holds.
    fn check_taken(self, decision: &Decision) -> Result<(), Refusal> {
        if let Some(date) = decision.still_to_come(self.context.today) {
            return Err(Refusal::DecisionNotTaken { decision: decision.id.clone(), date: date.to_string() });
        }
        self.book.check_holds(&decision.id, self.effective.earliest())
    }

    /// It is still there, and ends after it began.
    pub(crate) fn check_open(self) -> Result<(), Rejection> {
        let Some(entry) = self.book.entry(self.key()) else { return Ok(()) };
        if let Some(since) = self.book.ended(self.key()).filter(|_| self.key().kind != Kind::Decision) {
            return Err(Refusal::AlreadyEnded { key: self.key().clone(), since }.into());
        }
        self.book.check_not_ended(self.key(), Day::NEVER, self.events)?;
        // It may say of itself that it holds from before the day from which it was recorded.
        let stated = match entry.record.as_ref() {
            Record::Decision(decision) => decision.date.clone().or_else(|| dated(&entry.record)),
            record => dated(record),
        };
        let stated = stated.map(|start| start.earliest());
        let begun = stated.map_or(entry.begins(), |stated| stated.min(entry.begins()));
        if self.effective.latest() < begun && begun > Day::EVER {
            let (end, start) = (self.effective.to_string(), begun.to_string());
            return Err(Refusal::EndBeforeStart { key: self.key().clone(), end, start }.into());
        }
        Ok(())
    }

    /// Ends the record: for a reason, and once.
    pub(crate) fn end(self) -> Result<Vec<Draft>, Rejection> {
        self.check_open()?;
        self.check_reason()?;
        Ok(vec![self.draft()])
    }

    /// What is done happened already.
    pub(crate) fn check_happened(self) -> Result<(), Refusal> {
        let to_come = self.effective.earliest() > self.context.today;
        if to_come { Err(Refusal::StillToCome { date: self.effective.to_string() }) } else { Ok(()) }
    }

    /// What does not fit a record of this kind.
    pub(crate) fn unfit(self) -> Rejection {
        Refusal::DeedUnfit { key: self.key().clone() }.into()
    }

    /// The record reads differently from then on, in some of the fields that this deed may touch.
    pub(crate) fn amend(self, to: &Record, named: FieldSet, allowed: &[&str]) -> Result<Vec<Draft>, Rejection> {
        let (key, kind) = (self.key(), self.key().kind);
        let beyond = named.without(FieldSet::named(kind, allowed.iter().copied()));
        if to.kind() != kind || *to.id() != key.id || !beyond.is_empty() {
            return Err(self.unfit());
        }
        let cut = Cut { valid: self.effective.earliest(), ..Cut::NOW };
        let state = self.book.at(key, &cut, self.events)?.ok_or_else(|| Refusal::NotFound {
            what: Subject::On(key.clone(), Box::new(self.effective.clone())),
            nearest: Nearest::of("", []),
        })?;
        let fields = state.record.rewritten(&state.record.with(to, named));
        if fields.is_empty() {
            return Err(Refusal::NoChange { item: key.clone() }.into());
        }
        let record = state.record.with(to, fields);
        check_term(&record, Some(&state.record))?;
        self.book.check_alone(&record, true, self.context, self.events)?;
        Ok(vec![self.draft_of(DeedStep::Amended(record, fields))])
    }
}
