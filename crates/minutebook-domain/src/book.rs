//! The book: the current state of the ledger, folded from its events, with the history of each record.
//!
//! It takes commands ([`Book::decide`]) and events ([`Book::apply`]); it reads no clock and no disk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::dates::{Day, Edtf, Timestamp};
use crate::document::key;
use crate::event::{
    Base, Erratum, Founding, ItemEvent, ItemStep, Payload, Proposal, Recorded, Resolution, ReviewOpened, Seal,
    Statement,
};
use crate::history::{Act, Cut, Entry, Mark, Recall, State, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Edition, FieldSet, Record};

/// The current state of a ledger. Cheap to clone: the copies share what they have in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    head: Position,
    recorded_at: Timestamp,
    founding: Option<Founding>,
    entries: OrdMap<Key, Arc<Entry>>,
    agendas: OrdMap<Id, Arc<AgendaState>>,
}

/// The editions of one agenda.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgendaState {
    open: Option<OpenReview>,
    /// The adopted revisions, in the order of recording.
    pub revisions: Vec<Revision>,
}

/// A review that is being filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OpenReview {
    edition: Edition,
    invented: bool,
    base: Option<Base>,
    contents: BTreeMap<Kind, Vec<Id>>,
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
    /// What the document said of the edition.
    pub edition: Edition,
    /// Made-up test data.
    pub invented: bool,
    /// The revision that it started from.
    pub base: Option<Base>,
    /// What it states, by section, in the document's order.
    pub contents: Arc<BTreeMap<Kind, Vec<Id>>>,
}

impl Revision {
    /// The point in time at which it reads as sealed, whatever was recorded later.
    pub fn as_sealed(&self) -> Cut {
        Cut { valid: self.seal.effective.earliest(), known: self.position, sealed: None }
    }

    /// The point in time at which it reads as known then, with later corrections.
    pub fn as_known(&self, known: Position) -> Cut {
        Cut { valid: self.seal.effective.earliest(), known, sealed: Some(self.position) }
    }

    /// `2018-2019`, or `2018-2019@2` for a later revision.
    pub fn name(&self) -> String {
        match self.seal.revision {
            1 => self.seal.edition.to_string(),
            n => format!("{}@{n}", self.seal.edition),
        }
    }

    /// Does it state the record?
    pub fn states(&self, address: &Key) -> bool {
        let own = key(address.kind, &address.id, Some(&self.seal.agenda), Some(&self.seal.edition));
        own == *address && self.contents.get(&address.kind).is_some_and(|ids| ids.contains(&address.id))
    }

    /// What it states, to be asked of many records.
    pub(crate) fn stated(&self) -> Stated<'_> {
        let (agenda, edition) = (Some(&self.seal.agenda), Some(&self.seal.edition));
        let first = self.contents.iter().filter_map(|(kind, ids)| ids.first().map(|id| (*kind, id)));
        Stated {
            revision: self,
            within: first.map(|(kind, id)| (kind, key(kind, id, agenda, edition).within)).collect(),
            ids: self.contents.iter().flat_map(|(kind, ids)| ids.iter().map(|id| (*kind, id))).collect(),
        }
    }
}

/// What a revision states.
pub(crate) struct Stated<'a> {
    /// The revision.
    pub(crate) revision: &'a Revision,
    within: HashMap<Kind, Arc<str>>,
    ids: HashSet<(Kind, &'a Id)>,
}

impl Stated<'_> {
    /// Does the revision state the record?
    pub(crate) fn has(&self, address: &Key) -> bool {
        self.ids.contains(&(address.kind, &address.id)) && self.within.get(&address.kind) == Some(&address.within)
    }

    /// Was the record stated by the revision, or after it?
    pub(crate) fn reaches(&self, address: &Key, entry: &Entry, cut: &Cut) -> bool {
        let since = self.revision.seal.effective.earliest();
        self.has(address) || entry.stated_after(since, self.revision.position, cut)
    }
}

impl AgendaState {
    /// The revision in force on a day, as known at a position.
    pub fn in_force(&self, cut: &Cut) -> Option<&Revision> {
        let known = self.revisions.iter().filter(|revision| revision.position <= cut.known);
        let begun = known.filter(|revision| revision.seal.effective.earliest() <= cut.valid);
        begun.max_by_key(|revision| (revision.seal.effective.earliest(), revision.position))
    }

    /// The revision that holds last in time: what a next edition starts from.
    pub fn current(&self) -> Option<&Revision> {
        self.in_force(&Cut { valid: Day::NEVER, known: Position::MAX, sealed: None })
    }

    /// The newest revision of an edition, or the one with that number.
    pub fn revision(&self, edition: &str, number: Option<u32>) -> Option<&Revision> {
        let of = |revision: &&Revision| revision.seal.edition.as_str() == edition;
        self.revisions.iter().rev().filter(of).find(|revision| number.is_none_or(|n| n == revision.seal.revision))
    }

    /// The position of the newest seal, which clients give as the revision that they know.
    pub fn newest(&self) -> Position {
        self.revisions.last().map(|revision| revision.position).unwrap_or_default()
    }
}

impl Book {
    /// The position that the next event gets; how many events the book has taken in.
    pub fn head(&self) -> Position {
        self.head
    }

    /// When the newest event was recorded.
    pub fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// How the ledger began; absent before it did.
    pub fn founding(&self) -> Option<&Founding> {
        self.founding.as_ref()
    }

    /// Everything that is known now, of all time.
    pub fn now(&self) -> Cut {
        Cut { valid: Day::NEVER, known: Position::MAX, sealed: None }
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
        self.agendas.get(id).map(AsRef::as_ref)
    }

    /// The agendas of the ledger.
    pub fn agendas(&self) -> impl Iterator<Item = (&Id, &AgendaState)> {
        self.agendas.iter().map(|(id, state)| (id, state.as_ref()))
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
        let mut hasher = Hasher(sha2::Sha256::new());
        let config = bincode::config::standard();
        // Writing into a hasher does not fail, and the book has no type that serde cannot write.
        let written = bincode::serde::encode_into_std_write(self, &mut hasher, config);
        debug_assert!(written.is_ok(), "{written:?}");
        hasher.0.finalize().into()
    }

    /// Takes in the next event.
    ///
    /// INVARIANT: it has no failure. What an event says was decided before it was recorded; an event that names
    /// what the book does not have leaves the state as it is.
    pub fn apply(&mut self, recorded: &Recorded) {
        self.take_in(recorded.clone());
    }

    /// Does what [`Book::apply`] does with an event that is not needed any more: what it states is kept, not copied.
    pub fn take_in(&mut self, recorded: Recorded) {
        let Recorded { position, recorded_at, event } = recorded;
        self.head = position + 1;
        self.recorded_at = recorded_at;
        let effective = event.effective.as_ref();
        let at = Mark {
            position,
            anchor: position,
            since: effective.map_or(Day::EVER, Edtf::earliest),
            surely_since: effective.map_or(Day::EVER, Edtf::latest),
            fields: FieldSet::ALL,
            act: Act::Stated,
            late: event.is_retroactive(),
        };
        match event.payload {
            Payload::LedgerFounded(founding) => self.founding = Some(founding),
            Payload::Stated(Statement { agenda, edition, record, fields }) => {
                let key = key(record.kind(), record.id(), agenda.as_ref(), edition.as_ref());
                let fields = fields.unwrap_or(FieldSet::ALL);
                self.put(&key, agenda.as_ref(), Some(record), Mark { fields, ..at });
            }
            Payload::ReviewOpened(review) => self.open_review(review, at),
            Payload::DispositionProposed(Proposal { agenda, edition, change }) => {
                let record = Record::from(change);
                let key = key(Kind::Change, record.id(), Some(&agenda), Some(&edition));
                self.put(&key, Some(&agenda), Some(record), at);
            }
            Payload::Item(event) => self.take_in_item(event, at),
            Payload::ContentsListed(listed) => {
                if let Some(review) = self.agenda_mut(&listed.agenda).open.as_mut() {
                    review.contents.entry(listed.kind).or_default().extend(listed.ids);
                }
            }
            Payload::RevisionSealed(seal) => self.seal(seal, position, recorded_at),
            Payload::ErratumRecorded(Erratum { key, corrects, record, fields }) => {
                let written = self.entries.get(&key).and_then(|entry| entry.mark_at(corrects));
                let mark = written.map(|written| Mark { position, fields, act: Act::Corrected, ..written });
                self.amend(&key, record, mark);
            }
            Payload::DoubtResolved(Resolution { key, record, .. }) => {
                let raised = self.entries.get(&key).and_then(|entry| entry.last_set("doubt", &self.now()).copied());
                let fields = FieldSet::named(key.kind, ["doubt"]);
                let mark = raised.map(|raised| Mark { position, fields, act: Act::Resolved, ..raised });
                self.amend(&key, record, mark);
            }
        }
    }

    /// Puts a mark that takes the place in time of an earlier one.
    fn amend(&mut self, key: &Key, record: Record, mark: Option<Mark>) {
        if let Some(mark) = mark {
            self.put(key, None, Some(record), mark);
        }
    }

    fn take_in_item(&mut self, event: ItemEvent, at: Mark) {
        let agenda = event.agenda;
        let mut touch = |kind, id: &Id, act| {
            self.put(&Key::new(kind, id), Some(&agenda), None, Mark { fields: FieldSet::default(), act, ..at });
        };
        let (item, fields, act) = match event.step {
            ItemStep::Added(item) => (item, FieldSet::ALL, Act::Added),
            ItemStep::Changed(item, fields) => (item, fields, Act::Changed),
            ItemStep::Reinstated(item, fields) => (item, fields, Act::Reinstated),
            ItemStep::Dropped(kind, id, _) => return touch(kind, &id, Act::Dropped),
            ItemStep::Suspended(kind, id) => return touch(kind, &id, Act::Suspended),
            ItemStep::Split(from, _) => return touch(Kind::Action, &from, Act::Split),
            ItemStep::Merged(from, _) => return from.iter().for_each(|id| touch(Kind::Action, id, Act::Merged)),
        };
        let key = Key::new(item.kind(), item.id());
        self.put(&key, Some(&agenda), Some(item), Mark { fields, act, ..at });
    }

    fn open_review(&mut self, review: ReviewOpened, at: Mark) {
        let ReviewOpened { agenda, edition, invented, base, .. } = review;
        let record = Record::from(edition.clone());
        let key = key(Kind::Edition, record.id(), Some(&agenda), None);
        self.put(&key, Some(&agenda), Some(record), at);
        let contents = BTreeMap::new();
        self.agenda_mut(&agenda).open = Some(OpenReview { edition, invented, base, contents });
    }

    fn seal(&mut self, seal: Seal, position: Position, recorded_at: Timestamp) {
        let agenda = self.agenda_mut(&seal.agenda);
        if let Some(review) = agenda.open.take() {
            agenda.revisions.push(Revision {
                seal,
                position,
                recorded_at,
                edition: review.edition,
                invented: review.invented,
                base: review.base,
                contents: Arc::new(review.contents),
            });
        }
    }

    fn put(&mut self, key: &Key, agenda: Option<&Id>, record: Option<Record>, mark: Mark) {
        if let Some(entry) = self.entries.get_mut(key) {
            Arc::make_mut(entry).put(mark, record);
        } else if let Some(record) = record {
            let owner = if key.kind.is_register() { None } else { agenda.cloned() };
            self.entries.insert(key.clone(), Arc::new(Entry::new(owner, record, mark)));
        }
    }

    fn agenda_mut(&mut self, id: &Id) -> &mut AgendaState {
        Arc::make_mut(self.agendas.entry(id.clone()).or_default())
    }
}

/// Lets the digest be taken while the book is written.
struct Hasher(sha2::Sha256);

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
