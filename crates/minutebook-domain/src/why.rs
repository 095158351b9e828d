//! Why something happened, by whose decision and under which mandate.

use std::ops::Range;

use crate::book::Book;
use crate::dates::{Day, Edtf};
use crate::event::{Payload, Recorded};
use crate::history::{Cut, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::Record;
use crate::value::Text;

/// Why something changed, and who decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// In the words of who decided.
    pub reason: Option<Text>,
    /// The reason code, such as `retroactive`.
    pub code: Option<Id>,
    /// The decision that it rests on.
    pub ground: Option<Id>,
    /// Who took it.
    pub body: Option<Id>,
    /// What adopted it.
    pub authority: Option<Authority>,
    /// From when it holds.
    pub effective: Option<Edtf>,
    /// The event.
    pub position: Position,
}

/// The decision that adopted a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The decision.
    pub decision: Id,
    /// Who took it.
    pub body: Option<Id>,
    /// Under which mandate: the one that the seal names, or of a late fact the one that held when it was recorded.
    pub mandate: Option<Id>,
}

impl Book {
    /// Why an event happened, and who decided, as known at a position.
    pub(crate) fn why(
        &self,
        agenda: &Id,
        recorded: &Recorded,
        known: Position,
        events: &dyn Recall,
    ) -> Result<Why, Unreadable> {
        let event = &recorded.event;
        let decided_by = |decision: &Id| -> Result<Option<Id>, Unreadable> {
            let cut = Cut { valid: Day::NEVER, known, sealed: None };
            let state = self.at(&Key::new(Kind::Decision, decision), &cut, events)?;
            Ok(state.and_then(|state| match state.record.as_ref() {
                Record::Decision(decision) => Some(decision.body.clone()),
                _ => None,
            }))
        };
        // The seal that ends the adoption that the event is a part of; a late fact is a part of none.
        let adopted = match &event.payload {
            Payload::Item(item) => item.edition.is_some(),
            Payload::AmendedAtAdoption(_) => true,
            Payload::Stated(statement) => statement.edition.is_some() && !event.is_retroactive(),
            _ => false,
        };
        let seals = self.agenda(agenda).map(|state| state.revisions.as_slice()).unwrap_or_default();
        let place = seals.partition_point(|revision| revision.position <= recorded.position);
        let seal = seals.get(place).filter(|revision| adopted && revision.position <= known);
        let ground = match (&event.payload, seal) {
            (Payload::Item(item), _) => item.ground.clone(),
            (Payload::Stated(stated), Some(seal)) if event.decision.is_some() => {
                self.ground_of_amount(&stated.record, recorded.position..seal.position, events)?
            }
            _ => None,
        };
        let authority = event.decision.as_ref().map(|decision| {
            let mandate = if let Payload::RevisionSealed(seal) = &event.payload {
                seal.mandate.clone()
            } else if event.is_retroactive() {
                self.mandate_of(decision, agenda, recorded.position, events)?
            } else if seal.is_none() && matches!(event.payload, Payload::Deed(_) | Payload::Stated(_)) {
                self.mandate_for(decision, Some(agenda))
            } else {
                let seal = seal.filter(|revision| revision.seal.edition.decision == *decision);
                seal.and_then(|revision| revision.seal.mandate.clone())
            };
            Ok(Authority { decision: decision.clone(), body: decided_by(decision)?, mandate })
        });
        Ok(Why {
            reason: event.reason.as_ref().map(|reason| reason.text.clone()),
            code: event.reason.as_ref().and_then(|reason| reason.code.clone()),
            body: ground.as_ref().map(decided_by).transpose()?.flatten(),
            ground,
            authority: authority.transpose()?,
            effective: event.effective.clone(),
            position: recorded.position,
        })
    }

    /// What an edition states of an amount rests on the ground of the change of the action that names it.
    fn ground_of_amount(
        &self,
        amount: &Record,
        adoption: Range<Position>,
        events: &dyn Recall,
    ) -> Result<Option<Id>, Unreadable> {
        for (_, entry) in self.entries(Kind::Action).filter(|_| amount.kind() == Kind::Amount) {
            for mark in entry.marks().iter().filter(|mark| adoption.contains(&mark.position)) {
                let recorded = events.recall(mark.position)?;
                let Payload::Item(item) = &recorded.event.payload else { continue };
                let states = item.step.record().is_some_and(|action| action.refers_to(Kind::Amount, amount.id()));
                if states && item.ground.is_some() {
                    return Ok(item.ground.clone());
                }
            }
        }
        Ok(None)
    }
}
