//! Folding: how an event changes the book.
//!
//! INVARIANT: it has no failure. What an event says was decided before it was recorded; an event that names what the
//! book does not have leaves the state as it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;
use imbl::OrdMap;

use crate::book::{AgendaState, Book, OpenReview, Revision, Spine};
use crate::dates::{Day, Edtf, Timestamp};
use crate::document::key;
use crate::event::{
    Erratum, ItemEvent, ItemStep, Payload, Proposal, Recorded, Resolution, ReviewOpened, Seal, Statement,
};
use crate::history::{Act, Cut, Entry, Mark};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{FieldSet, Record};

/// The records of a book, as folding needs them.
pub(crate) trait Entries {
    /// A record, to be changed.
    fn entry(&mut self, key: &Key) -> Option<&mut Entry>;
    /// Takes in a record that is not there yet.
    fn insert(&mut self, key: Key, entry: Entry);
}

impl Entries for OrdMap<Key, Arc<Entry>> {
    fn entry(&mut self, key: &Key) -> Option<&mut Entry> {
        self.get_mut(key).map(Arc::make_mut)
    }

    fn insert(&mut self, key: Key, entry: Entry) {
        self.insert(key, Arc::new(entry));
    }
}

/// A book that takes in a long run of events, as a start does: what the events touch is kept by hash until the end,
/// for an ordered map is walked through on each of them.
#[derive(Debug, Default)]
pub struct Replay {
    spine: Spine,
    entries: Touched,
}

/// The records that a replay has touched, over those that it has not.
#[derive(Debug, Default)]
struct Touched {
    touched: HashMap<Key, Entry, RandomState>,
    rest: OrdMap<Key, Arc<Entry>>,
}

impl Entries for Touched {
    fn entry(&mut self, key: &Key) -> Option<&mut Entry> {
        if !self.rest.is_empty()
            && let Some((key, entry)) = self.rest.remove_with_key(key)
        {
            self.touched.insert(key, Arc::unwrap_or_clone(entry));
        }
        self.touched.get_mut(key)
    }

    fn insert(&mut self, key: Key, entry: Entry) {
        self.touched.insert(key, entry);
    }
}

impl Replay {
    /// Goes on from a book.
    pub fn of(book: Book) -> Self {
        let Book { spine, entries } = book;
        Self { spine, entries: Touched { touched: HashMap::default(), rest: entries } }
    }

    /// The position of the next event.
    pub fn head(&self) -> Position {
        self.spine.head
    }

    /// Takes in the next event. What it states is kept, not copied.
    pub fn take_in(&mut self, recorded: Recorded) {
        self.spine.take_in(&mut self.entries, recorded);
    }

    /// The book after the events.
    pub fn finish(self) -> Book {
        let Touched { touched, rest: mut entries } = self.entries;
        let mut touched: Vec<_> = touched.into_iter().collect();
        // In their order, each goes where the one before it went.
        touched.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        entries.extend(touched.into_iter().map(|(key, entry)| (key, Arc::new(entry))));
        Book { spine: self.spine, entries }
    }
}

impl Spine {
    /// Takes in the next event.
    pub(crate) fn take_in(&mut self, entries: &mut impl Entries, recorded: Recorded) {
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
                put(entries, key, agenda.as_ref(), Some(record), Mark { fields, ..at });
            }
            Payload::ReviewOpened(review) => self.open_review(entries, review, at),
            Payload::DispositionProposed(Proposal { agenda, edition, change }) => {
                let record = Record::from(change);
                let key = key(Kind::Change, record.id(), Some(&agenda), Some(&edition));
                put(entries, key, Some(&agenda), Some(record), at);
            }
            Payload::Item(event) => take_in_item(entries, event, at),
            Payload::ContentsListed(listed) => {
                if let Some(review) = self.agenda_mut(&listed.agenda).open.as_mut() {
                    review.contents.entry(listed.kind).or_default().extend(listed.ids);
                }
            }
            Payload::RevisionSealed(seal) => self.seal(seal, position, recorded_at),
            Payload::ErratumRecorded(Erratum { key, corrects, record, fields }) => {
                amend(entries, &key, record, |entry| {
                    entry.mark_at(corrects).map(|written| Mark { position, fields, act: Act::Corrected, ..written })
                });
            }
            Payload::DoubtResolved(Resolution { key, record, .. }) => {
                let fields = FieldSet::named(key.kind, ["doubt"]);
                amend(entries, &key, record, |entry| {
                    let raised = entry.last_set("doubt", &Cut::NOW);
                    raised.map(|raised| Mark { position, fields, act: Act::Resolved, ..*raised })
                });
            }
        }
    }

    fn open_review(&mut self, entries: &mut impl Entries, review: ReviewOpened, at: Mark) {
        let ReviewOpened { agenda, edition, invented, base, .. } = review;
        let record = Record::from(edition.clone());
        let key = key(Kind::Edition, record.id(), Some(&agenda), None);
        put(entries, key, Some(&agenda), Some(record), at);
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

    fn agenda_mut(&mut self, id: &Id) -> &mut AgendaState {
        Arc::make_mut(self.agendas.entry(id.clone()).or_default())
    }
}

fn take_in_item(entries: &mut impl Entries, event: ItemEvent, at: Mark) {
    let agenda = event.agenda;
    let mut touch = |kind, id: &Id, act| {
        let mark = Mark { fields: FieldSet::default(), act, ..at };
        put(entries, Key::new(kind, id), Some(&agenda), None, mark);
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
    put(entries, key, Some(&agenda), Some(item), Mark { fields, act, ..at });
}

fn put(entries: &mut impl Entries, key: Key, agenda: Option<&Id>, record: Option<Record>, mark: Mark) {
    if let Some(entry) = entries.entry(&key) {
        entry.put(mark, record);
    } else if let Some(record) = record {
        let owner = if key.kind.is_register() { None } else { agenda.cloned() };
        entries.insert(key, Entry::new(owner, record, mark));
    }
}

/// Puts a mark that takes the place in time of an earlier one.
fn amend(entries: &mut impl Entries, key: &Key, record: Record, mark: impl FnOnce(&Entry) -> Option<Mark>) {
    if let Some(entry) = entries.entry(key)
        && let Some(mark) = mark(entry)
    {
        entry.put(mark, Some(record));
    }
}
