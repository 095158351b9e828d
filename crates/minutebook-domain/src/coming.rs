//! The edition that a review comes to, as a document: its base, with what was stated of the agenda since and the
//! changes that count.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::document::Document;
use crate::history::{Cut, Unreadable};
use crate::ids::{Id, Key, Kind};
use crate::propose::amounts_of;
use crate::record::{Change, Edition, FieldSet, Record};
use crate::refusal::{Problem, Refusal};
use crate::review::Reviewing;
use crate::value::{ChangeKind, Text};

/// A change that counts, with the items as they would read.
pub(crate) struct Counted {
    pub(crate) change: Change,
    pub(crate) items: Vec<Record>,
}

impl Reviewing<'_> {
    /// The document of the edition: the base, with what was stated of the agenda since, and the changes that count.
    pub(crate) fn document(
        &self,
        edition: Edition,
        counted: &[Counted],
        lacks: &mut Vec<Problem>,
    ) -> Result<Document, Unreadable> {
        let cut = self.cut();
        let reading = self.book.reading(self.agenda, &cut, self.events)?;
        let mut document = reading.map(|reading| reading.document).unwrap_or_default();
        if document.agenda.is_none() {
            let agenda = self.book.entry(&Key::new(Kind::Agenda, self.agenda)).map(|entry| entry.record.as_ref());
            document.agenda = agenda.and_then(|record| match record {
                Record::Agenda(agenda) => Some(agenda.clone()),
                _ => None,
            });
        }
        document.invented = self.open.review.invented;
        // The steps of the year before are not the next edition's.
        let interim = edition.id == self.current.seal.edition.id;
        document.records.retain(|record| record.kind() != Kind::Change && (interim || record.kind() != Kind::Step));
        document.records.extend(self.stated_since(&cut)?);
        let grounds = counted.iter().filter_map(|counted| counted.change.decision.as_ref());
        for decision in std::iter::once(&edition.decision).chain(grounds) {
            if !document.of(Kind::Decision).any(|record| record.id() == decision) {
                let entry = self.book.entry(&Key::new(Kind::Decision, decision));
                let then = entry.map_or(Ok(None), |entry| entry.at(&cut, self.events))?.map(|state| state.record);
                let record = then.or_else(|| entry.map(|entry| entry.record.clone()));
                document.records.extend(record.map(Arc::unwrap_or_clone));
            }
        }
        document.edition = Some(edition);
        let mut table = Table::of(document.records);
        for counted in counted {
            if let Some(item) = table.apply(counted) {
                lacks.push(self.problem(Some(item.clone()), Refusal::ReviewConflict { item }));
            }
        }
        document.records = table.finish();
        document.records.extend(counted.iter().map(|counted| counted.change.clone().into()));
        Ok(document)
    }

    /// What was stated of the agenda since its newest revision, outside documents.
    fn stated_since(&self, cut: &Cut) -> Result<Vec<Record>, Unreadable> {
        let stated = self.current.stated();
        let mut all = Vec::new();
        for kind in Kind::ALL {
            let beside = kind.is_in_documents() && !kind.is_item() && !kind.is_register();
            if !beside || matches!(kind, Kind::Edition | Kind::Step | Kind::Change) {
                continue;
            }
            for (key, entry) in self.book.entries(kind) {
                let mine = entry.agenda.as_ref() == Some(self.agenda);
                if mine && !stated.has(key) && stated.reaches(key, entry, cut) {
                    all.extend(entry.at(cut, self.events)?.map(|state| state.record.as_ref().clone()));
                }
            }
        }
        Ok(all)
    }
}

/// The fields of the item that a change names.
pub(crate) fn named_fields(change: &Change, kind: Kind) -> FieldSet {
    FieldSet::named(kind, change.fields.iter().flatten().map(Text::as_str))
}

/// The records of the base, as the changes that count are applied to them.
struct Table {
    /// A record that left leaves its place.
    records: Vec<Option<Record>>,
    places: HashMap<Key, usize>,
    /// The amounts that changes have stated.
    stated: HashMap<Key, Record>,
    /// The actions that left.
    left: Vec<Record>,
}

impl Table {
    fn of(records: Vec<Record>) -> Self {
        let places = records.iter().enumerate().map(|(place, record)| (Key::new(record.kind(), record.id()), place));
        let places = places.collect();
        let records = records.into_iter().map(Some).collect();
        Self { records, places, stated: HashMap::new(), left: Vec::new() }
    }

    /// Applies a change; the amount that another one states otherwise, where there is one.
    fn apply(&mut self, counted: &Counted) -> Option<Key> {
        let change = &counted.change;
        let (amounts, items): (Vec<_>, Vec<_>) = counted.items.iter().partition(|r| r.kind() == Kind::Amount);
        match change.kind {
            ChangeKind::Changed => {
                for item in items {
                    if let Some(record) = self.record(&Key::new(item.kind(), item.id())) {
                        record.patch(item, named_fields(change, item.kind()));
                    }
                }
            }
            ChangeKind::Added | ChangeKind::Reinstated => self.put_all(items),
            ChangeKind::Dropped | ChangeKind::Suspended => {
                if let Some((kind, id)) = change.item() {
                    self.remove(&Key::new(kind, id));
                }
            }
            ChangeKind::Split | ChangeKind::Merged => {
                for id in change.from.iter().flatten() {
                    self.remove(&Key::new(Kind::Action, id));
                }
                self.put_all(items);
            }
        }
        let mut conflict = None;
        for amount in amounts {
            let key = Key::new(Kind::Amount, amount.id());
            if self.stated.insert(key.clone(), amount.clone()).is_some_and(|other| other != *amount) {
                conflict = Some(key.clone());
            }
            match self.record(&key) {
                Some(record) => record.clone_from(amount),
                None => self.put(amount),
            }
        }
        conflict
    }

    fn record(&mut self, key: &Key) -> Option<&mut Record> {
        self.places.get(key).and_then(|place| self.records.get_mut(*place)).and_then(Option::as_mut)
    }

    fn put_all(&mut self, items: Vec<&Record>) {
        for item in items {
            self.put(item);
        }
    }

    /// Puts a record at the end of its section. One that is there already is not put aside: it is a fault that shows.
    fn put(&mut self, record: &Record) {
        self.places.insert(Key::new(record.kind(), record.id()), self.records.len());
        self.records.push(Some(record.clone()));
    }

    fn remove(&mut self, key: &Key) {
        let place = self.places.get(key).and_then(|place| self.records.get_mut(*place));
        self.left.extend(place.and_then(Option::take));
    }

    /// The records that stay. What an action costs leaves with it, unless another one names it.
    fn finish(self) -> Vec<Record> {
        let mut records: Vec<Record> = self.records.into_iter().flatten().collect();
        let named: BTreeSet<Id> = records.iter().flat_map(|record| amounts_of(Some(record))).collect();
        let gone: BTreeSet<Id> = self.left.iter().flat_map(|action| amounts_of(Some(action))).collect();
        let left: BTreeSet<&Id> = self.left.iter().filter(|r| r.kind() == Kind::Action).map(Record::id).collect();
        records.retain(|record| match record {
            Record::Amount(amount) => {
                let leaves = gone.contains(&amount.id) || amount.action.as_ref().is_some_and(|id| left.contains(id));
                named.contains(&amount.id) || !leaves
            }
            _ => true,
        });
        records
    }
}
