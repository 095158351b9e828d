//! Ids and references of a document: each id once, each reference to something known.

use std::collections::HashSet;

use crate::book::Book;
use crate::document::key;
use crate::ids::{Id, Key, Kind};
use crate::plan::Planner;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::value::Nearest;

/// For how many unknown references a nearest known name is looked for.
const SUGGESTIONS: usize = 20;

impl Book {
    /// The other agenda that an id belongs to.
    pub(crate) fn other_owner(&self, key: &Key, mine: &Id) -> Option<Id> {
        let owner = self.entry(key).filter(|_| !key.kind.is_shared()).and_then(|entry| entry.agenda.clone());
        owner.filter(|owner| owner != mine)
    }
}

impl Planner<'_> {
    /// No address twice, and none that belongs to another agenda.
    pub(crate) fn check_ids(&mut self) {
        let mine = self.document.agenda.as_ref().map(|agenda| &agenda.id);
        let mut seen = HashSet::new();
        for (index, record) in self.document.records.iter().enumerate() {
            let key = self.document.key(record);
            if let Some(agenda) = mine.and_then(|mine| self.book.other_owner(&key, mine)) {
                self.problem(Some(index), Some("id"), Refusal::IdTaken { key: key.clone(), agenda });
            }
            if !seen.insert(key.clone()) {
                self.problem(Some(index), Some("id"), Refusal::DuplicateId { key });
            }
        }
    }

    /// Every reference resolves in the document, then in the ledger.
    pub(crate) fn check_references(&mut self) {
        let mut unknown = Vec::new();
        let header = self.document.agenda.clone().map(Record::from).into_iter();
        let header: Vec<Record> = header.chain(self.document.edition.clone().map(Record::from)).collect();
        let records = self.document.records.iter().enumerate().map(|(index, record)| (Some(index), record));
        for (index, record) in header.iter().map(|record| (None, record)).chain(records) {
            for (field, kind, id) in record.references() {
                if !self.resolves(kind, id) {
                    unknown.push((index, record, field, kind, id.clone()));
                }
            }
        }
        for (nth, (index, record, field, kind, id)) in unknown.into_iter().enumerate() {
            let known = if nth < SUGGESTIONS { self.known(kind) } else { Vec::new() };
            let nearest = Nearest::of(id.as_str(), known.iter().map(Id::as_str));
            let refusal = match kind {
                Kind::Role => Refusal::RoleUnknown { word: id, nearest },
                _ => Refusal::UnknownReference { kind, id, nearest },
            };
            match index {
                Some(_) => self.problem(index, Some(field), refusal),
                None => self.problem_of(record.kind(), record.id(), Some(field), refusal),
            }
        }
    }

    fn resolves(&self, kind: Kind, id: &Id) -> bool {
        let agenda = self.document.agenda.as_ref().map(|agenda| &agenda.id);
        match kind {
            Kind::Agenda => agenda == Some(id) || self.book.entry(&Key::new(kind, id)).is_some(),
            // An item stands under what the same document states.
            Kind::Theme | Kind::Subtask | Kind::PolicyItem => self.index.place(&Key::new(kind, id)).is_some(),
            _ => {
                let stated = || self.index.place(&key(kind, id, agenda, None)).is_some();
                self.registry.knows(kind, id, agenda) || stated()
            }
        }
    }

    fn known(&self, kind: Kind) -> Vec<Id> {
        let recorded = self.book.entries(kind).map(|(key, _)| key.id.clone());
        let mut all: Vec<Id> = self.document.of(kind).map(|record| record.id().clone()).chain(recorded).collect();
        if kind == Kind::Body {
            all.extend(self.known(Kind::Party));
        }
        all
    }
}
