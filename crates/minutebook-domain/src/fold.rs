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
    Amendment, Deed, DeedStep, Erratum, ItemEvent, ItemStep, Payload, Proposal, Recorded, Resolution, ReviewEvent,
    ReviewOpened, ReviewStep, Seal, Statement,
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
        self.take_effect(event.decision.as_ref(), position);
        if let Payload::Item(item) = &event.payload {
            self.take_effect(item.ground.as_ref(), position);
        }
        match event.payload {
            Payload::LedgerFounded(founding) => self.founding = Some(founding),
            Payload::KeyRotated(rotation) => self.rotations.push((position, rotation)),
            Payload::Stated(Statement { agenda, edition, record, fields }) => {
                let key = key(record.kind(), record.id(), agenda.as_ref(), edition.as_ref());
                let fields = fields.unwrap_or(FieldSet::ALL);
                self.put(entries, key, agenda.as_ref(), Some(record), Mark { fields, ..at });
            }
            Payload::ReviewOpened(review) => self.open_review(review, position),
            Payload::DispositionProposed(Proposal { agenda, edition, change, .. })
            | Payload::AmendedAtAdoption(Amendment { agenda, edition, change, .. }) => {
                let record = Record::from(change);
                let key = key(Kind::Change, record.id(), Some(&agenda), Some(&edition));
                self.put(entries, key, Some(&agenda), Some(record), at);
                self.review_goes_on(&agenda, &edition, position);
            }
            Payload::Review(event) => self.review(entries, event, at),
            Payload::Item(event) => self.take_in_item(entries, event, at),
            Payload::ContentsListed(listed) => {
                if let Some(review) = self.agenda_mut(&listed.agenda).open.get_mut(&listed.edition) {
                    review.contents.entry(listed.kind).or_default().extend(listed.ids);
                }
            }
            Payload::RevisionSealed(seal) => self.seal(entries, seal, at, recorded_at),
            Payload::Deed(deed) => {
                if let (Kind::Decision, Some(by)) = (deed.key.kind, event.decision) {
                    self.superseded.entry(deed.key.id.clone()).or_default().push((position, by));
                }
                self.take_in_deed(entries, deed, at);
            }
            Payload::ErratumRecorded(Erratum { key, corrects, record, fields }) => {
                self.amend(entries, &key, record, |entry| {
                    entry.mark_at(corrects).map(|written| Mark { position, fields, act: Act::Corrected, ..written })
                });
            }
            Payload::DoubtResolved(Resolution { key, record, .. }) => {
                let fields = FieldSet::named(key.kind, ["doubt"]);
                self.amend(entries, &key, record, |entry| {
                    let raised = entry.last_set("doubt", &Cut::NOW);
                    raised.map(|raised| Mark { position, fields, act: Act::Resolved, ..*raised })
                });
            }
        }
    }

    /// Notes where a decision took effect, once for each event.
    fn take_effect(&mut self, decision: Option<&Id>, position: Position) {
        let Some(decision) = decision else { return };
        let stretches = self.effects.entry(decision.clone()).or_default();
        match stretches.last_mut() {
            Some(last) if last.end >= position => last.end = position + 1,
            _ => stretches.push(position..position + 1),
        }
    }

    fn open_review(&mut self, review: ReviewOpened, position: Position) {
        let open = &mut self.agenda_mut(&review.agenda).open;
        if let Some(open) = open.get_mut(&review.edition) {
            // What came with another base nobody has kept yet.
            (open.review, open.newest, open.rest_kept) = (review, position, false);
        } else {
            let (edition, contents) = (review.edition.clone(), BTreeMap::new());
            open.insert(edition, OpenReview { review, opened: position, newest: position, rest_kept: false, contents });
        }
    }

    /// Notes the newest event of an open review.
    fn review_goes_on(&mut self, agenda: &Id, edition: &Id, position: Position) {
        if let Some(open) = self.agenda_mut(agenda).open.get_mut(edition) {
            open.newest = position;
        }
    }

    fn review(&mut self, entries: &mut impl Entries, event: ReviewEvent, at: Mark) {
        let ReviewEvent { agenda, edition, step } = event;
        self.review_goes_on(&agenda, &edition, at.position);
        let mut touch = |change: &Id, act| {
            let mark = Mark { fields: FieldSet::default(), act, ..at };
            self.put(entries, key(Kind::Change, change, Some(&agenda), Some(&edition)), Some(&agenda), None, mark);
        };
        match step {
            ReviewStep::Withdrawn(change) => touch(&change, Act::Withdrawn),
            ReviewStep::Selected(change) => touch(&change, Act::Selected),
            ReviewStep::RestKept => {
                if let Some(open) = self.agenda_mut(&agenda).open.get_mut(&edition) {
                    open.rest_kept = true;
                }
            }
            ReviewStep::Abandoned => {
                self.agenda_mut(&agenda).open.remove(&edition);
            }
        }
    }

    fn seal(&mut self, entries: &mut impl Entries, seal: Seal, at: Mark, recorded_at: Timestamp) {
        let agenda = self.agenda_mut(&seal.agenda);
        let Some(open) = agenda.open.remove(&seal.edition.id) else { return };
        let (key, edition) = (key(Kind::Edition, &seal.edition.id, Some(&seal.agenda), None), seal.edition.clone());
        let id = seal.agenda.clone();
        agenda.revisions.push(Revision {
            seal,
            position: at.position,
            recorded_at,
            invented: open.review.invented,
            base: open.review.base,
            opened: open.opened,
            contents: Arc::new(open.contents),
        });
        self.put(entries, key, Some(&id), Some(edition.into()), at);
    }

    fn agenda_mut(&mut self, id: &Id) -> &mut AgendaState {
        Arc::make_mut(self.agendas.entry(id.clone()).or_default())
    }

    fn take_in_item(&mut self, entries: &mut impl Entries, event: ItemEvent, at: Mark) {
        let agenda = event.agenda;
        let mut touch = |kind, id: &Id, act| {
            let mark = Mark { fields: FieldSet::default(), act, ..at };
            self.put(entries, Key::new(kind, id), Some(&agenda), None, mark);
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
        self.put(entries, key, Some(&agenda), Some(item), Mark { fields, act, ..at });
    }

    fn take_in_deed(&mut self, entries: &mut impl Entries, deed: Deed, at: Mark) {
        let Deed { key, step } = deed;
        let (record, fields, act, agenda) = match step {
            DeedStep::Proposed(agenda, record) => (Some(record), FieldSet::ALL, Act::Proposed, agenda),
            DeedStep::Amended(record, fields) => (Some(record), fields, Act::Changed, None),
            DeedStep::Signed(..) => (None, FieldSet::default(), Act::Signed, None),
            DeedStep::TookEffect => (None, FieldSet::default(), Act::TookEffect, None),
            DeedStep::Ended(_) | DeedStep::Merged(_) | DeedStep::Superseded(None) => {
                (None, FieldSet::default(), Act::Ended, None)
            }
            DeedStep::Superseded(Some(_)) => (None, FieldSet::default(), Act::Limited, None),
            DeedStep::Settled(_) => (None, FieldSet::default(), Act::Settled, None),
            DeedStep::Met(_) => (None, FieldSet::default(), Act::Met, None),
            DeedStep::Missed => (None, FieldSet::default(), Act::Missed, None),
        };
        self.put(entries, key, agenda.as_ref(), record, Mark { fields, act, ..at });
    }

    fn put(&mut self, entries: &mut impl Entries, key: Key, agenda: Option<&Id>, record: Option<Record>, mark: Mark) {
        if let Some(entry) = entries.entry(&key) {
            if let Some(record) = &record {
                self.naming.note(&key, record, mark.fields, Some(&entry.record));
            }
            entry.put(mark, record);
        } else if let Some(record) = record {
            self.naming.note(&key, &record, mark.fields, None);
            let owner = if key.kind.is_register() { None } else { agenda.cloned() };
            entries.insert(key, Entry::new(owner, record, mark));
        }
    }

    /// Puts a mark that takes the place in time of an earlier one.
    fn amend(
        &mut self,
        entries: &mut impl Entries,
        key: &Key,
        record: Record,
        mark: impl FnOnce(&Entry) -> Option<Mark>,
    ) {
        if let Some(entry) = entries.entry(key)
            && let Some(mark) = mark(entry)
        {
            self.naming.note(key, &record, mark.fields, Some(&entry.record));
            entry.put(mark, Some(record));
        }
    }
}
