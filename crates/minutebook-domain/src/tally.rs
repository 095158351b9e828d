//! What was proposed in a review, by whom, and which of it counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use crate::book::{Book, Revision};
use crate::coming::named_fields;
use crate::compare::FieldChange;
use crate::dates::Timestamp;
use crate::event::{Actor, Payload};
use crate::history::{Act, Cut, Entry, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Change, FieldSet, Record};
use crate::refusal::{Refusal, Subject};
use crate::review::Reviewing;
use crate::value::{ChangeKind, Nearest};

/// One proposal of a review.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// What is proposed, and why.
    pub change: Change,
    /// The items as they would read, and their amounts.
    pub items: Vec<Record>,
    /// What would read differently, against what was known when it was proposed.
    pub fields: Vec<FieldChange>,
    /// The proposal that it takes the place of, where the adopting body decided otherwise.
    pub amends: Option<Id>,
    /// Who proposed it.
    pub actor: Actor,
    /// The event that proposed it.
    pub position: Position,
    /// When it was proposed.
    pub recorded_at: Timestamp,
    /// What became of it so far.
    pub state: ProposalState,
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    /// The only one for its items: it counts.
    Sole,
    /// Chosen among those for its items: it counts.
    Selected,
    /// One of several for an item; none is chosen yet.
    Competing,
    /// Another one was chosen.
    PassedOver,
    /// Its proposer took it back.
    Withdrawn,
    /// The edition was adopted with it.
    Adopted,
    /// The adopting body decided otherwise.
    Amended,
}

impl ProposalState {
    /// Does it count if the review were adopted now?
    pub fn counts(self) -> bool {
        matches!(self, Self::Sole | Self::Selected)
    }
}

impl Change {
    /// The item that it is about; of a split or merge the first action that leaves.
    pub(crate) fn subject(&self) -> Option<Key> {
        let leaves = || self.from.iter().flatten().next().map(|id| (Kind::Action, id));
        self.item().or_else(leaves).map(|(kind, id)| Key::new(kind, id))
    }

    /// The items that it is about, those that leave and come by a split or merge included.
    pub(crate) fn touches(&self) -> BTreeSet<Key> {
        let lineage = self.from.iter().chain(&self.into).flatten().map(|id| (Kind::Action, id));
        self.items().chain(lineage).map(|(kind, id)| Key::new(kind, id)).collect()
    }
}

/// A proposal and the marks that were put on it.
struct Marked {
    proposed: Proposed,
    selected: Option<Position>,
}

impl Book {
    /// What was proposed in the review of a revision, and what became of it.
    pub fn proposals(&self, revision: &Revision, events: &dyn Recall) -> Result<Vec<Proposed>, Unreadable> {
        let (agenda, edition) = (&revision.seal.agenda, &revision.seal.edition.id);
        let span = revision.opened..=revision.position;
        let marked = self.marked(agenda, edition, &span, &revision.as_sealed(), events)?;
        let mut all: Vec<_> = marked.into_iter().map(|marked| marked.proposed).collect();
        let amended: BTreeSet<Id> = all.iter().filter_map(|proposed| proposed.amends.clone()).collect();
        let adopted: BTreeSet<&Id> = revision.contents.get(&Kind::Change).into_iter().flatten().collect();
        for proposed in &mut all {
            proposed.state = match &proposed.change.id {
                id if adopted.contains(id) => ProposalState::Adopted,
                id if amended.contains(id) => ProposalState::Amended,
                _ if proposed.state == ProposalState::Withdrawn => ProposalState::Withdrawn,
                _ => ProposalState::PassedOver,
            };
        }
        Ok(all)
    }

    /// The proposals that were made between two events, in the order in which they were made.
    fn marked(
        &self,
        agenda: &Id,
        edition: &Id,
        span: &RangeInclusive<Position>,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<Vec<Marked>, Unreadable> {
        let within = format!("{agenda}/{edition}");
        let mut all = Vec::new();
        for (_, entry) in self.entries_within(Kind::Change, &within) {
            let Some(position) = made(entry, span) else { continue };
            let recorded = events.recall(position)?;
            let (items, amends) = match &recorded.event.payload {
                Payload::DispositionProposed(proposal) => (proposal.items.clone(), None),
                Payload::AmendedAtAdoption(amendment) => (amendment.items.clone(), amendment.amends.clone()),
                _ => continue,
            };
            let Some(Record::Change(change)) = entry.at(cut, events)?.map(|state| state.record.as_ref().clone()) else {
                continue;
            };
            let last = |act| acts(entry, act, span).max();
            let state = if last(Act::Withdrawn).is_some() { ProposalState::Withdrawn } else { ProposalState::Sole };
            let (actor, recorded_at) = (recorded.event.actor.clone(), recorded.recorded_at);
            let fields = self.proposed_fields(&change, &items, position, cut, events)?;
            let proposed = Proposed { change, items, fields, amends, actor, position, recorded_at, state };
            all.push(Marked { proposed, selected: last(Act::Selected) });
        }
        all.sort_by_key(|marked| marked.proposed.position);
        Ok(all)
    }
}

impl Book {
    /// What a proposal would let read differently of an item that stays or comes back, and of the amounts that it names.
    pub(crate) fn proposed_fields(
        &self,
        change: &Change,
        items: &[Record],
        known: Position,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<Vec<FieldChange>, Unreadable> {
        if !matches!(change.kind, ChangeKind::Changed | ChangeKind::Reinstated) {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for item in items {
            let then = Cut { known, sealed: None, ..*cut };
            let Some(state) = self.at(&Key::new(item.kind(), item.id()), &then, events)? else { continue };
            let fields = state.record.changed(item);
            let is_amount = item.kind() == Kind::Amount;
            let counts = fields.and(if is_amount { FieldSet::ALL } else { named_fields(change, item.kind()) });
            let pair = |field| FieldChange { field, before: state.record.value(field), after: item.value(field) };
            all.extend(counts.names(item.kind()).map(pair));
        }
        Ok(all)
    }
}

/// Where marks of an act are within a span.
fn acts(entry: &Entry, act: Act, span: &RangeInclusive<Position>) -> impl Iterator<Item = Position> {
    let of = move |position: &Position| span.contains(position);
    entry.marks().iter().filter(move |mark| mark.act == act).map(|mark| mark.position).filter(of)
}

/// The event within a span that made a proposal. Ids of an earlier review of the same edition may be used again by a
/// document.
fn made(entry: &Entry, span: &RangeInclusive<Position>) -> Option<Position> {
    acts(entry, Act::Stated, span).min()
}

impl Reviewing<'_> {
    /// The proposals of the review, each with its state as it is now.
    pub(crate) fn proposals(&self) -> Result<Vec<Proposed>, Unreadable> {
        let span = self.open.opened..=Position::MAX;
        let marked = self.book.marked(self.agenda, self.edition(), &span, &Cut::NOW, self.events)?;
        Ok(settled(marked))
    }

    /// The proposal is there and was not taken back.
    pub(crate) fn live(&self, change: &Id) -> Result<(), Refusal> {
        let key = self.change_key(change);
        let span = self.open.opened..=Position::MAX;
        let entry = self.book.entry(&key).filter(|entry| made(entry, &span).is_some());
        let Some(entry) = entry else {
            let all = self.book.entries_within(Kind::Change, &key.within);
            let ids: Vec<_> = all.filter(|(_, entry)| made(entry, &span).is_some()).map(|(key, _)| &key.id).collect();
            let nearest = Nearest::of(change.as_str(), ids.into_iter().map(Id::as_str));
            return Err(Refusal::NotFound { what: Subject::Record(key), nearest });
        };
        match acts(entry, Act::Withdrawn, &span).next() {
            Some(_) => Err(Refusal::ProposalWithdrawn { change: change.clone() }),
            None => Ok(()),
        }
    }

    /// The proposal can be chosen, and was not chosen just now.
    pub(crate) fn check_selection(&self, change: &Id) -> Result<(), Refusal> {
        self.live(change)?;
        let item = self.change_key(change);
        let newest = self.book.entry(&item).and_then(|entry| entry.mark_at(self.open.newest));
        let again = newest.is_some_and(|mark| mark.act == Act::Selected);
        if again { Err(Refusal::NoChange { item }) } else { Ok(()) }
    }
}

/// Gives each proposal its state: the last selection counts for all items that the proposal touches, so that what it
/// passes over is out of the way of what else was proposed. Where what was selected was withdrawn since, or more was
/// proposed, the choice is to be made anew: no earlier selection for the same items counts, and what was passed over
/// does not come back by itself.
fn settled(mut all: Vec<Marked>) -> Vec<Proposed> {
    let is_live = |marked: &Marked| marked.proposed.state != ProposalState::Withdrawn;
    let live = all.iter().filter(|marked| is_live(marked)).map(|marked| &marked.proposed);
    let made: Vec<_> = live.map(|proposed| (proposed.position, proposed.change.touches())).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(all.get(*place).and_then(|marked| marked.selected)));
    let (mut taken, mut open) = (BTreeSet::new(), BTreeSet::new());
    for place in order {
        let Some(marked) = all.get_mut(place) else { continue };
        let touched = marked.proposed.change.touches();
        let newer = |(position, keys): &(_, BTreeSet<Key>)| {
            marked.selected.is_some_and(|selected| *position > selected) && !keys.is_disjoint(&touched)
        };
        let asked = !open.is_disjoint(&touched) || made.iter().any(newer);
        let state = match marked.proposed.state {
            ProposalState::Withdrawn => ProposalState::Withdrawn,
            _ if !taken.is_disjoint(&touched) => ProposalState::PassedOver,
            _ if asked => ProposalState::Competing,
            _ if marked.selected.is_some() => ProposalState::Selected,
            sole => sole,
        };
        marked.proposed.state = state;
        if state == ProposalState::Selected {
            taken.extend(touched);
        } else if marked.selected.is_some() {
            open.extend(touched);
        }
    }
    let mut proposals: Vec<Proposed> = all.into_iter().map(|marked| marked.proposed).collect();
    let mut counts: HashMap<Key, usize> = HashMap::new();
    for proposed in proposals.iter().filter(|proposed| proposed.state == ProposalState::Sole) {
        for key in proposed.change.touches() {
            *counts.entry(key).or_default() += 1;
        }
    }
    for proposed in proposals.iter_mut().filter(|proposed| proposed.state == ProposalState::Sole) {
        if proposed.change.touches().iter().any(|key| counts.get(key).is_some_and(|count| *count > 1)) {
            proposed.state = ProposalState::Competing;
        }
    }
    proposals
}

/// The items for which several proposals compete, each with their ids.
pub fn conflicts(proposals: &[Proposed]) -> BTreeMap<Key, Vec<Id>> {
    let mut all: BTreeMap<Key, Vec<Id>> = BTreeMap::new();
    for proposed in proposals.iter().filter(|proposed| proposed.state == ProposalState::Competing) {
        for key in proposed.change.touches() {
            all.entry(key).or_default().push(proposed.change.id.clone());
        }
    }
    // A choice to be made anew may be among one.
    let contested: BTreeSet<Id> = all.values().filter(|ids| ids.len() > 1).flatten().cloned().collect();
    all.retain(|_, ids| ids.len() > 1 || ids.iter().any(|id| !contested.contains(id)));
    all
}
