//! The registers: how parties, bodies and mandates end, and that nothing new names what has ended.

use crate::authority::{ADVISE, GRANT_MANDATE, Registry, Verdict};
use crate::book::Book;
use crate::dates::Day;
use crate::deeds::Doing;
use crate::event::{DeedStep, Draft, Payload};
use crate::history::{Cut, Mark, Recall, Unreadable};
use crate::ids::{Id, Key, Kind};
use crate::record::Record;
use crate::refusal::{Refusal, Rejection, Successor};

impl Book {
    /// Why nothing can be done any more with a record that ended by this event.
    pub(crate) fn over(&self, key: &Key, end: &Mark, events: &dyn Recall) -> Result<Refusal, Unreadable> {
        let since = end.since;
        let name = || Registry { book: self, stated: None }.body_name(&key.id);
        let recorded = events.recall(end.position)?;
        let successor = || match &recorded.event.payload {
            Payload::Deed(deed) => match &deed.step {
                DeedStep::Ended(successor) => Successor(successor.clone()),
                DeedStep::Merged(into) => Successor(Some(into.clone())),
                _ => Successor(None),
            },
            _ => Successor(None),
        };
        Ok(match (key.kind, &recorded.event.decision) {
            (Kind::Party, _) => Refusal::PartyEnded { party: name(), since, successor: successor() },
            (Kind::Body, _) => Refusal::BodyDissolved { body: name(), since, successor: successor() },
            (Kind::Decision, Some(by)) => Refusal::Superseded { decision: key.id.clone(), by: by.clone(), since },
            _ => Refusal::AlreadyEnded { key: key.clone(), since },
        })
    }

    /// The record has not ended by that day.
    pub(crate) fn check_not_ended(&self, key: &Key, day: Day, events: &dyn Recall) -> Result<(), Rejection> {
        match self.entry(key).and_then(|entry| entry.end(&Cut::NOW)).filter(|end| end.since <= day) {
            Some(end) => Err(self.over(key, end, events)?.into()),
            None => Ok(()),
        }
    }

    /// What a record names has not ended by that day. A body may be a party that decides.
    pub(crate) fn check_alive(&self, record: &Record, day: Day, events: &dyn Recall) -> Result<(), Rejection> {
        for (_, kind, id) in record.references() {
            if !matches!(kind, Kind::Body | Kind::Party) {
                continue;
            }
            let own = Key::new(kind, id);
            let key = if self.entry(&own).is_some() { own } else { Key::new(Kind::Party, id) };
            let end = self.entry(&key).and_then(|entry| entry.end(&Cut::NOW));
            if let Some(end) = end.filter(|end| end.since <= day) {
                return Err(self.over(&key, end, events)?.into());
            }
        }
        Ok(())
    }
}

impl Doing<'_> {
    /// Ends a party or body; what takes its place is another one of its kind that is still there.
    pub(crate) fn end_with(self, successor: Option<&Id>) -> Result<Vec<Draft>, Rejection> {
        if let Some(id) = successor {
            let other = Key::new(self.key().kind, id);
            self.book.check_known(&other)?;
            if let Some(end) = self.book.entry(&other).and_then(|entry| entry.end(&Cut::NOW)) {
                return Err(self.book.over(&other, end, self.events)?.into());
            }
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
        let granted = self.decision.is_some_and(|decision| {
            decision.kind.as_str() == GRANT_MANDATE
                && matches!(
                    registry.verdict(&decision.body, GRANT_MANDATE, None, decision.date.as_ref()),
                    Verdict::Held(_)
                )
        });
        if !granted && mandate.may.as_str() != ADVISE {
            let (mandate, may) = (mandate.id.clone(), mandate.may.clone());
            return Err(Refusal::MandateNeedsDecision { mandate, may }.into());
        }
        self.end()
    }
}
