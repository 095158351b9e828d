//! What happened to something since a client looked at it: the difference that a stale write is told.

use crate::book::Book;
use crate::compare::FieldChange;
use crate::event::{Actor, Payload, ReviewStep};
use crate::history::{Cut, Recall, Unreadable};
use crate::ids::{Id, Key, Position};
use crate::refusal::listed;

/// An event that a client did not know.
#[derive(Debug, Clone, PartialEq)]
pub struct Newer {
    /// Where it is.
    pub position: Position,
    /// The name of the event.
    pub event: &'static str,
    /// The ids that it is about: of records, of a proposal with its items, or of an edition.
    pub about: String,
    /// Who recorded it.
    pub actor: Actor,
    /// The fields that it set, or that a proposal would, with the value before.
    pub fields: Vec<FieldChange>,
}

/// How many events are looked through, the newest.
const LOOKED_THROUGH: Position = 5_000;

/// What an event is about, as far as writing against an older state goes.
#[derive(PartialEq, Eq)]
enum Concern {
    /// The editions of an agenda.
    Agenda(Id),
    /// The review of an edition.
    Review(Id, Id),
    /// A record.
    Record(Key),
}

fn concern(payload: &Payload) -> Option<Concern> {
    let review = |agenda: &Id, edition: &Id| Some(Concern::Review(agenda.clone(), edition.clone()));
    match payload {
        Payload::RevisionSealed(seal) => Some(Concern::Agenda(seal.agenda.clone())),
        Payload::ReviewOpened(event) => review(&event.agenda, &event.edition),
        Payload::DispositionProposed(event) => review(&event.agenda, &event.edition),
        Payload::Review(event) => review(&event.agenda, &event.edition),
        other => other.about().map(Concern::Record),
    }
}

impl Book {
    /// What happened after one event to what a later one is about, up to that one.
    pub fn newer(&self, yours: Position, current: Position, events: &dyn Recall) -> Result<Vec<Newer>, Unreadable> {
        let meant = concern(&events.recall(current)?.event.payload);
        let first = yours.saturating_add(1).max(current.saturating_sub(LOOKED_THROUGH));
        let mut all = Vec::new();
        for position in first..=current {
            let recorded = events.recall(position)?;
            let payload = &recorded.event.payload;
            if concern(payload) != meant {
                continue;
            }
            let (about, fields) = self.told(payload, position, events)?;
            all.push(Newer { position, event: payload.name(), about, actor: recorded.event.actor.clone(), fields });
        }
        Ok(all)
    }

    fn told(
        &self,
        payload: &Payload,
        position: Position,
        events: &dyn Recall,
    ) -> Result<(String, Vec<FieldChange>), Unreadable> {
        Ok(match payload {
            Payload::RevisionSealed(seal) => (listed([&seal.edition.id]), Vec::new()),
            Payload::ReviewOpened(event) => (listed([&event.edition]), Vec::new()),
            Payload::Review(event) => match &event.step {
                ReviewStep::Withdrawn(change) | ReviewStep::Selected(change) => (listed([change]), Vec::new()),
                ReviewStep::RestKept | ReviewStep::Abandoned => (listed([&event.edition]), Vec::new()),
            },
            Payload::DispositionProposed(proposal) => {
                let (change, items) = (&proposal.change, &proposal.items);
                let about = listed(change.touches().iter().map(|key| &key.id));
                let fields = self.proposed_fields(change, items, position, &Cut::NOW, events)?;
                (format!("`{}` ({about})", change.id), fields)
            }
            other => {
                let Some(key) = other.about() else { return Ok(Default::default()) };
                let history = self.history_at(&key, position, position, events)?;
                (listed([&key.id]), history.map(|entry| entry.fields).unwrap_or_default())
            }
        })
    }
}
