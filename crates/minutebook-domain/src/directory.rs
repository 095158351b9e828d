//! The registers: how parties, bodies and mandates end, and that nothing new names what has ended.

use crate::authority::{ADVISE, Registry};
use crate::book::Book;
use crate::dates::Day;
use crate::deeds::Doing;
use crate::event::{Deed, DeedStep, Draft, Payload};
use crate::history::{Cut, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::Record;
use crate::refusal::{Refusal, Rejection, Successor};
use crate::value::Text;

/// How a record ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The first day on which it held no more.
    pub since: Day,
    /// What took its place, where that is stated.
    pub successor: Option<Id>,
    /// Why.
    pub reason: Option<Text>,
    /// The decision by which.
    pub decision: Option<Id>,
    /// The event.
    pub position: Position,
}

impl Book {
    /// How a record ended, at a point in time; `None` where it did not.
    pub fn end_of(&self, key: &Key, cut: &Cut, events: &dyn Recall) -> Result<Option<End>, Unreadable> {
        let Some(mark) = self.entry(key).and_then(|entry| entry.end(cut)) else { return Ok(None) };
        let recorded = events.recall(mark.position)?;
        let successor = match &recorded.event.payload {
            Payload::Deed(Deed { step: DeedStep::Ended(successor), .. }) => successor.clone(),
            Payload::Deed(Deed { step: DeedStep::Merged(into), .. }) => Some(into.clone()),
            Payload::Deed(Deed { step: DeedStep::Superseded(_), .. }) => recorded.event.decision.clone(),
            _ => None,
        };
        Ok(Some(End {
            since: mark.since,
            successor,
            reason: recorded.event.reason.as_ref().map(|reason| reason.text.clone()),
            decision: recorded.event.decision.clone(),
            position: mark.position,
        }))
    }

    /// Why nothing can be done any more with a record; `None` where it has not ended by that day.
    fn over(&self, key: &Key, day: Day, events: &dyn Recall) -> Result<Option<Refusal>, Unreadable> {
        let Some(end) = self.end_of(key, &Cut { valid: day, ..Cut::NOW }, events)? else { return Ok(None) };
        let (since, name) = (end.since, || Registry { book: self, stated: None }.body_name(&key.id));
        Ok(Some(match (key.kind, end.decision) {
            (Kind::Party, _) => Refusal::PartyEnded { party: name(), since, successor: Successor(end.successor) },
            (Kind::Body, _) => Refusal::BodyDissolved { body: name(), since, successor: Successor(end.successor) },
            (Kind::Decision, Some(by)) => Refusal::Superseded { decision: key.id.clone(), by, since },
            _ => Refusal::AlreadyEnded { key: key.clone(), since },
        }))
    }

    /// The record has not ended by that day.
    pub(crate) fn check_not_ended(&self, key: &Key, day: Day, events: &dyn Recall) -> Result<(), Rejection> {
        self.over(key, day, events)?.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    /// What a record names, and did not name before, has not ended by that day. A body may be a party that decides.
    pub(crate) fn check_alive(
        &self,
        record: &Record,
        before: Option<&Record>,
        day: Day,
        events: &dyn Recall,
    ) -> Result<(), Rejection> {
        let named = before.map(Record::references).unwrap_or_default();
        for (_, kind, id) in record.references() {
            if !matches!(kind, Kind::Body | Kind::Party) || named.iter().any(|(_, _, other)| *other == id) {
                continue;
            }
            let own = Key::new(kind, id);
            let key = if self.entry(&own).is_some() { own } else { Key::new(Kind::Party, id) };
            self.check_not_ended(&key, day, events)?;
        }
        Ok(())
    }
}

impl Doing<'_> {
    /// Ends a party, body or membership; what takes its place is another one of its kind that is still there.
    pub(crate) fn end_with(self, successor: Option<&Id>) -> Result<Vec<Draft>, Rejection> {
        if let Some(id) = successor {
            let other = Key::new(self.key().kind, id);
            self.book.check_known(&other)?;
            self.book.check_not_ended(&other, Day::NEVER, self.events)?;
            if other == *self.key() {
                return Err(Refusal::NoChange { item: other }.into());
            }
        }
        self.end()
    }

    /// A mandate is withdrawn by what could grant it: a dated decision of kind `grant-mandate`. What only advises has
    /// no effect to take away, and ends without one.
    pub(crate) fn withdraw_mandate(self) -> Result<Vec<Draft>, Rejection> {
        let Some(Record::Mandate(mandate)) = self.book.entry(self.key()).map(|entry| entry.record.as_ref()) else {
            return Err(Refusal::DeedUnfit { key: self.key().clone() }.into());
        };
        let registry = Registry { book: self.book, stated: None };
        let granted = self.decision.is_some_and(|decision| registry.grants(decision));
        if !granted && mandate.may.as_str() != ADVISE {
            let (mandate, may) = (mandate.id.clone(), mandate.may.clone());
            return Err(Refusal::MandateNeedsDecision { mandate, may }.into());
        }
        self.end()
    }
}
