//! The book: the current state of the ledger, with the history of each record.
//!
//! It takes commands ([`Book::decide`]) and events ([`Book::apply`]); it reads no clock and no disk. How an event
//! changes it is written in [`crate::fold`].

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::dates::{Day, Timestamp};
use crate::document::key;
use crate::event::{Base, Founding, KeyRotation, Recorded, ReviewOpened, Seal};
use crate::history::{Cut, Entry, Recall, State, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::partners::Naming;
use crate::value::{Hasher, Name};

/// The current state of a ledger. Cheap to clone: the copies share what they have in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    pub(crate) spine: Spine,
    pub(crate) entries: OrdMap<Key, Arc<Entry>>,
}

/// What a book holds beside its records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spine {
    pub(crate) head: Position,
    pub(crate) recorded_at: Timestamp,
    pub(crate) founding: Option<Founding>,
    /// The keys that signed after the first, each with the event.
    pub(crate) rotations: Vec<(Position, KeyRotation)>,
    pub(crate) agendas: OrdMap<Id, Arc<AgendaState>>,
    /// Where the events are that each decision authorises, or that rest on it: stretches of positions, in their order.
    pub(crate) effects: OrdMap<Id, Vec<Range<Position>>>,
    /// By which event which decision took the place of each decision, or of a part of it, or revoked it.
    pub(crate) superseded: OrdMap<Id, Vec<(Position, Id)>>,
    /// Which records named each partner.
    pub(crate) naming: Naming,
}

/// The editions of one agenda.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgendaState {
    /// The reviews that are open, by the label of their edition.
    pub open: BTreeMap<Id, OpenReview>,
    /// The adopted revisions, in the order of recording.
    pub revisions: Vec<Revision>,
}

/// A review that is being filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenReview {
    /// What is said of the edition, with the base that it starts from.
    pub review: ReviewOpened,
    /// The event that opened it first.
    pub opened: Position,
    /// Its newest event, which clients give as the state of the review that they know.
    pub newest: Position,
    /// What nobody proposed to change stays as it is.
    pub rest_kept: bool,
    pub(crate) contents: BTreeMap<Kind, Vec<Id>>,
}

/// An adopted state of an agenda.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The seal, as recorded.
    pub seal: Seal,
    /// The position of the seal.
    pub position: Position,
    /// When it was sealed.
    pub recorded_at: Timestamp,
    /// Made-up test data.
    pub invented: bool,
    /// The revision that it started from.
    pub base: Option<Base>,
    /// The event that opened its review.
    pub opened: Position,
    /// What it states, by section, in the document's order.
    pub contents: Arc<BTreeMap<Kind, Vec<Id>>>,
}

impl Revision {
    /// The point in time at which it reads as sealed, whatever was recorded later.
    pub fn as_sealed(&self) -> Cut {
        Cut { valid: self.seal.edition.effective.earliest(), known: self.position, sealed: None }
    }

    /// The point in time at which it reads as known then, with later corrections.
    pub fn as_known(&self, known: Position) -> Cut {
        Cut { valid: self.seal.edition.effective.earliest(), known, sealed: Some(self.position) }
    }

    /// `2018-2019`, or `2018-2019@2` for a later revision.
    pub fn name(&self) -> String {
        self.seal.name()
    }

    /// Does it state the record?
    pub fn states(&self, address: &Key) -> bool {
        let own = key(address.kind, &address.id, Some(&self.seal.agenda), Some(&self.seal.edition.id));
        own == *address && self.contents.get(&address.kind).is_some_and(|ids| ids.contains(&address.id))
    }

    /// The addresses of the changes that it tells of.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Key> {
        let ids = self.contents.get(&Kind::Change).into_iter().flatten();
        ids.map(|id| key(Kind::Change, id, Some(&self.seal.agenda), Some(&self.seal.edition.id)))
    }

    /// What it states, to be asked of many records.
    pub(crate) fn stated(&self) -> Stated<'_> {
        let (agenda, edition) = (Some(&self.seal.agenda), Some(&self.seal.edition.id));
        let first = self.contents.iter().filter_map(|(kind, ids)| ids.first().map(|id| (*kind, id)));
        Stated {
            revision: self,
            within: first.map(|(kind, id)| (kind, key(kind, id, agenda, edition).within)).collect(),
            ids: OnceCell::new(),
        }
    }
}

/// What a revision states.
pub(crate) struct Stated<'a> {
    /// The revision.
    pub(crate) revision: &'a Revision,
    within: HashMap<Kind, SmolStr>,
    // Filled when it is first asked for.
    ids: OnceCell<HashSet<(Kind, &'a Id), RandomState>>,
}

impl Stated<'_> {
    /// Does the revision state the record?
    pub(crate) fn has(&self, address: &Key) -> bool {
        let all = || self.revision.contents.iter().flat_map(|(kind, ids)| ids.iter().map(|id| (*kind, id))).collect();
        self.within.get(&address.kind) == Some(&address.within)
            && self.ids.get_or_init(all).contains(&(address.kind, &address.id))
    }

    /// Was the record stated by the revision, or after it?
    pub(crate) fn reaches(&self, address: &Key, entry: &Entry, cut: &Cut) -> bool {
        let since = self.revision.seal.edition.effective.earliest();
        self.has(address) || entry.stated_after(since, self.revision.position, cut)
    }
}

impl AgendaState {
    /// The revision in force on a day, as known at a position.
    pub fn in_force(&self, cut: &Cut) -> Option<&Revision> {
        let known = self.revisions.iter().filter(|revision| revision.position <= cut.known);
        let begun = known.filter(|revision| revision.seal.edition.effective.earliest() <= cut.valid);
        begun.max_by_key(|revision| (revision.seal.edition.effective.earliest(), revision.position))
    }

    /// The revision that holds last in time: what a next edition starts from.
    pub fn current(&self) -> Option<&Revision> {
        self.in_force(&Cut::NOW)
    }

    /// The newest revision of an edition, or the one with that number.
    pub fn revision(&self, edition: &str, number: Option<u32>) -> Option<&Revision> {
        let of = |revision: &&Revision| revision.seal.edition.id.as_str() == edition;
        self.revisions.iter().rev().filter(of).find(|revision| number.is_none_or(|n| n == revision.seal.revision))
    }

    /// The number that the next revision of an edition gets.
    pub(crate) fn next_revision(&self, edition: &Id) -> u32 {
        self.revision(edition.as_str(), None).map_or(1, |revision| revision.seal.revision + 1)
    }

    /// The position of the newest seal, which clients give as the revision that they know.
    pub fn newest(&self) -> Position {
        self.revisions.last().map(|revision| revision.position).unwrap_or_default()
    }
}

impl Book {
    /// The position that the next event gets; how many events the book has taken in.
    pub fn head(&self) -> Position {
        self.spine.head
    }

    /// When the newest event was recorded.
    pub fn recorded_at(&self) -> Timestamp {
        self.spine.recorded_at
    }

    /// How the ledger began; absent before it did.
    pub fn founding(&self) -> Option<&Founding> {
        self.spine.founding.as_ref()
    }

    /// The keys that signed the checkpoints after the first one, each with the event that tells of it.
    pub fn rotations(&self) -> &[(Position, KeyRotation)] {
        &self.spine.rotations
    }

    /// The public key of the checkpoints; absent where the ledger was founded without one.
    pub fn verifier_key(&self) -> Option<&Name> {
        let rotated = self.spine.rotations.last().map(|(_, rotation)| &rotation.next);
        rotated.or_else(|| self.founding().and_then(|founding| founding.verifier_key.as_ref()))
    }

    /// Everything that is known now, of all time.
    pub fn now(&self) -> Cut {
        Cut::NOW
    }

    /// A record with its history.
    pub fn entry(&self, key: &Key) -> Option<&Arc<Entry>> {
        self.entries.get(key)
    }

    /// The records of a kind, by address.
    pub fn entries(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Arc<Entry>)> {
        let id = Id::any("0").map(|id| Key { kind, within: "".into(), id });
        id.into_iter().flat_map(|first| self.entries.range(first..)).take_while(move |(key, _)| key.kind == kind)
    }

    /// The records of a kind whose ids are counted in an agenda or an edition, by id.
    pub(crate) fn entries_within<'a>(
        &'a self,
        kind: Kind,
        within: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Entry>)> {
        let id = Id::any("0").map(|id| Key { kind, within: within.into(), id });
        let all = id.into_iter().flat_map(|first| self.entries.range(first..));
        all.take_while(move |(key, _)| key.kind == kind && key.within == within)
    }

    /// The items of an agenda: themes, sub-tasks, policy items and actions, by id within each.
    pub fn items(&self, agenda: &Id) -> impl Iterator<Item = (&Key, &Arc<Entry>)> {
        let kinds = [Kind::Theme, Kind::Subtask, Kind::PolicyItem, Kind::Action];
        let all = kinds.into_iter().flat_map(|kind| self.entries(kind));
        all.filter(move |(_, entry)| entry.agenda.as_ref() == Some(agenda))
    }

    /// How a record read at a point in time.
    pub fn at(&self, key: &Key, cut: &Cut, events: &dyn Recall) -> Result<Option<State>, Unreadable> {
        self.entries.get(key).map_or(Ok(None), |entry| entry.at(cut, events))
    }

    /// The editions of an agenda.
    pub fn agenda(&self, id: &Id) -> Option<&AgendaState> {
        self.spine.agendas.get(id).map(AsRef::as_ref)
    }

    /// The day from which a record holds no more, as far as is known now.
    pub(crate) fn ended(&self, key: &Key) -> Option<Day> {
        self.entry(key)?.end(&Cut::NOW).map(|mark| mark.since)
    }

    /// The positions of the events that a decision authorises, or that rest on it.
    pub fn effects(&self, decision: &Id) -> impl Iterator<Item = Position> {
        self.spine.effects.get(decision).into_iter().flatten().flat_map(Clone::clone)
    }

    /// The agendas of the ledger.
    pub fn agendas(&self) -> impl Iterator<Item = (&Id, &AgendaState)> {
        self.spine.agendas.iter().map(|(id, state)| (id, state.as_ref()))
    }

    /// A body by its id: a body, or else a party of that id.
    pub fn body(&self, id: &Id) -> Option<&Arc<Entry>> {
        self.entry(&Key::new(Kind::Body, id)).or_else(|| self.entry(&Key::new(Kind::Party, id)))
    }

    /// How many records and marks of history it holds.
    pub fn size(&self) -> (usize, usize) {
        (self.entries.len(), self.entries.values().map(|entry| entry.marks().len()).sum())
    }

    /// SHA-256 over the whole book, in the order of keys: equal books have equal digests.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Hasher::default();
        let config = bincode::config::standard();
        // Writing into a hasher does not fail, and the book has no type that serde cannot write.
        let written = bincode::serde::encode_into_std_write(self, &mut hasher, config);
        debug_assert!(written.is_ok(), "{written:?}");
        hasher.finish().0
    }

    /// Takes in the next event.
    pub fn apply(&mut self, recorded: &Recorded) {
        self.spine.take_in(&mut self.entries, recorded.clone());
    }
}
