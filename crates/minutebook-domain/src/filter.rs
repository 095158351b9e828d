//! What a follower of the ledger wants to hear of: which events concern an agenda, an item, a body, a party or a
//! decision. An event is judged by what was known when it was recorded, so that it fits or does not fit for ever.

use std::collections::HashMap;

use crate::book::Book;
use crate::dates::{Day, Edtf};
use crate::document::key;
use crate::event::{Deed, DeedStep, ItemEvent, Payload, Proposal, Recorded, ReviewEvent, ReviewStep, Statement};
use crate::history::{Cut, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{FieldSet, Record};
use crate::sheet::Name;

/// The groups of so many days are remembered.
const DAYS: usize = 256;
/// Who took a decision is remembered of so many.
const DECISIONS: usize = 4096;

/// What events must concern. Of each list one must fit, and an empty one is no condition; all lists must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The agenda whose record it is about.
    pub agendas: Vec<Id>,
    /// Beside the agendas also what they rest on: registers, what several agendas may share, what belongs to none.
    pub registers: bool,
    /// The item that it is about, or that its record names.
    pub items: Vec<Id>,
    /// The body that it is about, that its record names, that took its decision, or for which it was recorded.
    pub bodies: Vec<Id>,
    /// The party that it names like that, itself or by a group or a former party.
    pub parties: Vec<Id>,
    /// The decision that it rests on, is about, or that its record names.
    pub decisions: Vec<Id>,
}

impl Filter {
    /// Does everything fit?
    pub fn is_empty(&self) -> bool {
        let Self { agendas, registers: _, items, bodies, parties, decisions } = self;
        [agendas, items, bodies, parties, decisions].into_iter().all(Vec::is_empty)
    }

    /// The records that it names, each of one of these kinds.
    pub fn named(&self) -> impl Iterator<Item = (&'static [Kind], &Id)> {
        let lists: [(&'static [Kind], _); 5] = [
            (&[Kind::Agenda], &self.agendas),
            (&[Kind::Action, Kind::PolicyItem, Kind::Subtask, Kind::Theme], &self.items),
            (&[Kind::Body, Kind::Party], &self.bodies),
            (&[Kind::Party], &self.parties),
            (&[Kind::Decision], &self.decisions),
        ];
        lists.into_iter().flat_map(|(kinds, ids)| ids.iter().map(move |id| (kinds, id)))
    }

    /// Does it make a difference which record of this kind an event names, agendas aside?
    fn asks_for(&self, kind: Kind) -> bool {
        let Self { agendas: _, registers: _, items, bodies, parties, decisions } = self;
        let is_asked = |ids: &[Id], is: bool| is && !ids.is_empty();
        is_asked(items, kind.is_item())
            || is_asked(decisions, kind == Kind::Decision)
            || is_asked(bodies, is_partner(kind))
            || is_asked(parties, is_partner(kind))
    }
}

/// That an event concerns a party of the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The party.
    pub party: Id,
    /// The group, or the party whose place it took, that is named instead.
    pub via: Option<Id>,
}

/// Judges events one after the other, in their order.
#[derive(Debug)]
pub struct Judge {
    filter: Filter,
    /// Under which other names each party of the filter goes, by day, since the last event that may have changed it.
    names: HashMap<Day, Vec<Vec<Name>>>,
    /// Who took each decision, where it is known, likewise.
    bodies: HashMap<Id, Option<Id>>,
}

impl Judge {
    /// Judges by a filter.
    pub fn new(filter: Filter) -> Self {
        Self { filter, names: HashMap::new(), bodies: HashMap::new() }
    }

    /// Is there anything to judge?
    pub fn is_idle(&self) -> bool {
        self.filter.is_empty()
    }

    /// An event of this name has gone by, whether or not it was judged: what is remembered may be otherwise.
    pub fn passed(&mut self, name: &str) {
        let is_correction = matches!(name, "ErratumRecorded" | "DoubtResolved");
        if name.starts_with("Party") || is_correction {
            self.names.clear();
        }
        if name.starts_with("Decision") || is_correction {
            self.bodies.clear();
        }
    }

    /// The parties of the filter that an event concerns; `None` where it does not fit.
    pub fn judge(
        &mut self,
        recorded: &Recorded,
        book: &Book,
        events: &dyn Recall,
    ) -> Result<Option<Vec<Touch>>, Unreadable> {
        let seen = Seen { recorded, book, events };
        if !self.filter.agendas.is_empty() && !seen.is_of(&self.filter)? {
            return Ok(None);
        }
        let filter = &self.filter;
        let Filter { items, bodies, parties, decisions, .. } = filter;
        if [items, bodies, parties, decisions].into_iter().all(Vec::is_empty) {
            return Ok(Some(Vec::new()));
        }
        let named = seen.named(&|kind| filter.asks_for(kind), &mut self.bodies)?;
        let fits = |wanted: &[Id], is: fn(Kind) -> bool| {
            wanted.is_empty() || named.iter().any(|(kind, id)| is(*kind) && wanted.contains(id))
        };
        let fitting =
            fits(items, Kind::is_item) && fits(decisions, |kind| kind == Kind::Decision) && fits(bodies, is_partner);
        if !fitting {
            return Ok(None);
        }
        let touches = self.touches(&seen, &named)?;
        Ok((self.filter.parties.is_empty() || !touches.is_empty()).then_some(touches))
    }

    /// The parties of the filter that are named, themselves or by another name of theirs.
    fn touches(&mut self, seen: &Seen<'_>, named: &[(Kind, Id)]) -> Result<Vec<Touch>, Unreadable> {
        let parties: Vec<&Id> = named.iter().filter(|(kind, _)| is_partner(*kind)).map(|(_, id)| id).collect();
        if self.filter.parties.is_empty() || parties.is_empty() {
            return Ok(Vec::new());
        }
        let also = self.names_at(seen)?;
        let touch = |party: &Id, others: &Vec<Name>| {
            let direct = parties.contains(&party).then_some(None);
            let via = || others.iter().map(Name::id).find(|id| parties.contains(id)).cloned().map(Some);
            direct.or_else(via).map(|via| Touch { party: party.clone(), via })
        };
        Ok(self.filter.parties.iter().zip(&also).filter_map(|(party, others)| touch(party, others)).collect())
    }

    fn names_at(&mut self, seen: &Seen<'_>) -> Result<Vec<Vec<Name>>, Unreadable> {
        let day = seen.recorded.event.effective.as_ref().map_or(Day::NEVER, Edtf::earliest);
        if let Some(names) = self.names.get(&day) {
            return Ok(names.clone());
        }
        let cut = Cut { valid: day, ..seen.then() };
        let other_names = |party| seen.book.other_names(party, &cut, seen.events);
        let names = self.filter.parties.iter().map(other_names).collect::<Result<Vec<_>, _>>()?;
        if self.names.len() >= DAYS {
            self.names.clear();
        }
        self.names.insert(day, names.clone());
        Ok(names)
    }
}

/// A reference to a body may name a party.
fn is_partner(kind: Kind) -> bool {
    matches!(kind, Kind::Body | Kind::Party)
}

/// An event, and the book to look up in what it leaves unsaid.
struct Seen<'a> {
    recorded: &'a Recorded,
    book: &'a Book,
    events: &'a dyn Recall,
}

impl Seen<'_> {
    fn position(&self) -> Position {
        self.recorded.position
    }

    /// As last stated by this event or before.
    fn then(&self) -> Cut {
        Cut { known: self.position(), ..Cut::NOW }
    }

    /// The record that the event is about.
    fn about(&self) -> Option<Key> {
        match &self.recorded.event.payload {
            Payload::Review(ReviewEvent { agenda, edition, step }) => match step {
                ReviewStep::Withdrawn(change) | ReviewStep::Selected(change) => {
                    Some(key(Kind::Change, change, Some(agenda), Some(edition)))
                }
                ReviewStep::RestKept | ReviewStep::Abandoned => None,
            },
            payload => payload.about(),
        }
    }

    /// Is it about a record of one of the agendas, or about what they rest on?
    fn is_of(&self, filter: &Filter) -> Result<bool, Unreadable> {
        let kind = self.about().map(|key| key.kind);
        let agenda = self.agenda()?;
        // A register is of no agenda, whichever document stated it.
        let is_register = kind.is_some_and(|kind| kind.is_register() && kind != Kind::Agenda);
        let is_ground = is_register || agenda.is_none() || kind.is_some_and(Kind::is_shared);
        let is_theirs = !is_register && agenda.is_some_and(|agenda| filter.agendas.contains(&agenda));
        Ok(is_theirs || filter.registers && is_ground)
    }

    /// The agenda that its record belongs to: the one that the event names, that of the record, or that of an item that
    /// the record names.
    fn agenda(&self) -> Result<Option<Id>, Unreadable> {
        let stated = match &self.recorded.event.payload {
            Payload::Stated(Statement { record: Record::Agenda(agenda), .. }) => Some(&agenda.id),
            Payload::Stated(statement) => statement.agenda.as_ref(),
            Payload::Deed(Deed { step: DeedStep::Proposed(agenda, _), .. }) => agenda.as_ref(),
            Payload::ReviewOpened(review) => Some(&review.agenda),
            Payload::DispositionProposed(proposal) => Some(&proposal.agenda),
            Payload::AmendedAtAdoption(amendment) => Some(&amendment.agenda),
            Payload::Review(event) => Some(&event.agenda),
            Payload::Item(event) => Some(&event.agenda),
            Payload::ContentsListed(contents) => Some(&contents.agenda),
            Payload::RevisionSealed(seal) => Some(&seal.agenda),
            Payload::ErratumRecorded(erratum) if erratum.key.kind == Kind::Agenda => Some(&erratum.key.id),
            Payload::DoubtResolved(resolution) if resolution.key.kind == Kind::Agenda => Some(&resolution.key.id),
            Payload::LedgerFounded(_)
            | Payload::KeyRotated(_)
            | Payload::ErratumRecorded(_)
            | Payload::DoubtResolved(_)
            | Payload::Deed(_) => None,
        };
        if stated.is_some() {
            return Ok(stated.cloned());
        }
        let Some(key) = self.about() else { return Ok(None) };
        if let Some(agenda) = self.book.entry(&key).and_then(|entry| entry.agenda.clone()) {
            return Ok(Some(agenda));
        }
        let mut named = Vec::new();
        self.of_records(&Kind::is_item, &mut named)?;
        let mut items = named.into_iter().filter(|(kind, _)| kind.is_item()).map(|(kind, id)| Key::new(kind, &id));
        Ok(items.find_map(|item| self.book.entry(&item)?.agenda.clone()))
    }

    /// All of these kinds that the event names: what it is about, what its records refer to, who decided and for whom.
    fn named(
        &self,
        wanted: &dyn Fn(Kind) -> bool,
        bodies: &mut HashMap<Id, Option<Id>>,
    ) -> Result<Vec<(Kind, Id)>, Unreadable> {
        let event = &self.recorded.event;
        let mut named: Vec<(Kind, Id)> = self.about().map(|key| (key.kind, key.id)).into_iter().collect();
        named.extend(event.actor.on_behalf_of.clone().map(|body| (Kind::Body, body)));
        let ground = match &event.payload {
            Payload::Item(ItemEvent { ground, step, .. }) => {
                let (from, into) = step.lineage().unwrap_or_default();
                named.extend(from.iter().chain(into).map(|id| (Kind::Action, id.clone())));
                ground.as_ref()
            }
            Payload::Deed(deed) => {
                named.extend(named_by(deed));
                None
            }
            _ => None,
        };
        for decision in event.decision.iter().chain(ground) {
            named.push((Kind::Decision, decision.clone()));
            let body = match bodies.get(decision) {
                Some(body) => body.clone(),
                None => self.body_of(decision, bodies)?,
            };
            named.extend(body.map(|body| (Kind::Body, body)));
        }
        self.of_records(wanted, &mut named)?;
        Ok(named)
    }

    /// Who took a decision, as far as it is known by then.
    fn body_of(&self, decision: &Id, bodies: &mut HashMap<Id, Option<Id>>) -> Result<Option<Id>, Unreadable> {
        let state = self.book.at(&Key::new(Kind::Decision, decision), &self.then(), self.events)?;
        let body = state.and_then(|state| match state.record.as_ref() {
            Record::Decision(decision) => Some(decision.body.clone()),
            _ => None,
        });
        if bodies.len() >= DECISIONS {
            bodies.clear();
        }
        bodies.insert(decision.clone(), body.clone());
        Ok(body)
    }

    /// What the records refer to that the event states; or else the record that it is about, as it read. Of other kinds
    /// than those wanted it may be what the record refers to since.
    fn of_records(&self, wanted: &dyn Fn(Kind) -> bool, named: &mut Vec<(Kind, Id)>) -> Result<(), Unreadable> {
        match &self.recorded.event.payload {
            Payload::Stated(Statement { record, .. }) => refer(record, named),
            Payload::DispositionProposed(Proposal { change, items, .. }) => {
                refer(&change.clone().into(), named);
                for item in items {
                    named.push((item.kind(), item.id().clone()));
                    refer(item, named);
                }
            }
            payload => {
                if let Payload::AmendedAtAdoption(amendment) = payload {
                    named.extend(amendment.items.iter().map(|item| (item.kind(), item.id().clone())));
                    amendment.items.iter().for_each(|item| refer(item, named));
                }
                if let Some(record) = payload.record() {
                    refer(&record, named);
                } else if let Some(key) = self.about()
                    && let Some(entry) = self.book.entry(&key)
                    && let Some(state) = entry.at_for(referring(key.kind, wanted), &self.then(), self.events)?
                {
                    refer(&state.record, named);
                }
            }
        }
        Ok(())
    }
}

/// The fields that may name a record of these kinds.
fn referring(kind: Kind, wanted: &dyn Fn(Kind) -> bool) -> FieldSet {
    // They name items otherwise than as references (see `refer`).
    if matches!(kind, Kind::Change | Kind::Assignment) {
        return FieldSet::ALL;
    }
    let may_name = |field: &&str| Record::refers(kind, field).is_some_and(wanted);
    FieldSet::named(kind, Record::fields(kind).iter().copied().filter(may_name))
}

/// What a deed names beside its record.
fn named_by(deed: &Deed) -> Vec<(Kind, Id)> {
    match &deed.step {
        DeedStep::Signed(party, _) => vec![(Kind::Party, party.clone())],
        DeedStep::Ended(successor) => successor.iter().map(|id| (deed.key.kind, id.clone())).collect(),
        DeedStep::Merged(into) => vec![(deed.key.kind, into.clone())],
        DeedStep::Settled(evidence) | DeedStep::Met(evidence) => {
            evidence.iter().map(|key| (key.kind, key.id.clone())).collect()
        }
        DeedStep::Proposed(..)
        | DeedStep::TookEffect
        | DeedStep::Amended(..)
        | DeedStep::Superseded(_)
        | DeedStep::Missed => Vec::new(),
    }
}

/// What a record refers to.
fn refer(record: &Record, named: &mut Vec<(Kind, Id)>) {
    named.extend(record.references().into_iter().map(|(_, kind, id)| (kind, id.clone())));
    match record {
        Record::Change(change) => {
            named.extend(change.items().map(|(kind, id)| (kind, id.clone())));
            let lineage = change.from.iter().chain(&change.into).flatten();
            named.extend(lineage.map(|id| (Kind::Action, id.clone())));
        }
        Record::Assignment(assignment) => named.extend(assignment.items().map(|(kind, id)| (kind, id.clone()))),
        _ => {}
    }
}
