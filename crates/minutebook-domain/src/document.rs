//! An agenda document: the records that it states, in its order, and its canonical form.
//!
//! How a file becomes a document, and a document a file, is the importer's concern; what may be recorded of it is
//! decided in `review.rs`.

use std::borrow::Borrow;
use std::collections::HashMap;

use serde::{Serialize, Serializer};
use serde_json::Map;
use sha2::Digest;

use crate::ids::{Id, Key, Kind};
use crate::record::{Agenda, Edition, Record};
use crate::value::{Sha256, Value, is_unstated};

/// What a secretary hands in: a whole edition of an agenda, or, without edition and items, a partial document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// The agenda, where stated.
    pub agenda: Option<Agenda>,
    /// The edition; absent in a partial document.
    pub edition: Option<Edition>,
    /// Made-up test data.
    pub invented: bool,
    /// All other records, in the order of the document, items before and after one another as nested.
    pub records: Vec<Record>,
}

impl Document {
    /// The records of one kind, in order, the agenda and the edition aside.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.kind() == kind)
    }

    /// The address that a record of this document has in the book.
    pub fn key(&self, record: &Record) -> Key {
        let agenda = self.agenda.as_ref().map(|agenda| &agenda.id);
        key(record.kind(), record.id(), agenda, self.edition.as_ref().map(|edition| &edition.id))
    }

    /// The document in the form of a file: sections in their order, items nested, what is absent left out.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        if self.invented {
            map.insert("invented".into(), true.into());
        }
        for kind in Kind::ALL {
            let section = match kind {
                Kind::Agenda => self.agenda.clone().map(|agenda| entry(&agenda.into())),
                Kind::Edition => self.edition.clone().map(|edition| entry(&edition.into())),
                Kind::Subtask | Kind::PolicyItem | Kind::Action => None,
                Kind::Theme => some_list(self.themes()),
                _ => some_list(self.of(kind).map(entry)),
            };
            if let Some(section) = section {
                map.insert(kind.section().into(), section);
            }
        }
        Value::Object(map)
    }

    /// SHA-256 of the canonical form: JSON after RFC 8785 (keys sorted, no white space), unstated values left out.
    pub fn sha256(&self) -> Sha256 {
        Sha256(sha2::Sha256::digest(canonical(&self.to_value()).as_bytes()).into())
    }

    fn themes(&self) -> impl Iterator<Item = Value> {
        let mut under: HashMap<(Kind, &Id), Vec<&Record>> = HashMap::new();
        for record in &self.records {
            if let Some(parent) = parent(record) {
                under.entry((record.kind(), parent)).or_default().push(record);
            }
        }
        self.of(Kind::Theme).map(move |theme| {
            let children = |kind, parent: &Record| under.get(&(kind, parent.id())).cloned().unwrap_or_default();
            let mut map = entry(theme);
            nest(&mut map, Kind::Subtask, children(Kind::Subtask, theme).into_iter().map(lone));
            let items = children(Kind::PolicyItem, theme).into_iter().map(|item| {
                let mut map = lone(item);
                nest(&mut map, Kind::Action, children(Kind::Action, item).into_iter().map(lone));
                map
            });
            nest(&mut map, Kind::PolicyItem, items);
            map
        })
    }
}

/// Where the records of a document are, by address.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    document: &'a Document,
    places: HashMap<Key, usize>,
}

impl<'a> Index<'a> {
    /// Looks through a document once. Of records with the same address it keeps the first.
    pub(crate) fn new(document: &'a Document) -> Self {
        let mut places = HashMap::new();
        for (place, record) in document.records.iter().enumerate() {
            places.entry(document.key(record)).or_insert(place);
        }
        Self { document, places }
    }

    /// The place of a record in the document's list.
    pub(crate) fn place(&self, key: &Key) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// The record of that address.
    pub(crate) fn get(&self, key: &Key) -> Option<&'a Record> {
        self.place(key).and_then(|place| self.document.records.get(place))
    }

    /// The document.
    pub(crate) fn document(&self) -> &'a Document {
        self.document
    }
}

/// The address of a record that a document of this agenda and edition states.
///
/// Section numbers of explanations start anew in each agenda, changes and steps in each edition.
pub fn key(kind: Kind, id: &Id, agenda: Option<&Id>, edition: Option<&Id>) -> Key {
    let name = |id: Option<&Id>| id.map(Id::as_str).unwrap_or_default().to_owned();
    let within = match kind {
        Kind::Explanation | Kind::Edition => name(agenda),
        Kind::Change | Kind::Step => format!("{}/{}", name(agenda), name(edition)),
        _ => String::new(),
    };
    Key { within: within.into(), ..Key::new(kind, id) }
}

/// One record in the form of a document, its id first. A step has no id there.
pub fn entry(record: &Record) -> Value {
    let mut map = Map::new();
    if record.kind() != Kind::Step {
        map.insert("id".into(), record.id().as_str().into());
    }
    map.extend(record.write());
    Value::Object(map)
}

/// The item that an item is nested in.
fn parent(record: &Record) -> Option<&Id> {
    match record {
        Record::Subtask(subtask) => Some(&subtask.theme),
        Record::PolicyItem(item) => Some(&item.theme),
        Record::Action(action) => Some(&action.policy_item),
        _ => None,
    }
}

/// A nested item: its parent is where it stands.
fn lone(record: &Record) -> Value {
    let mut value = entry(record);
    if let Some(map) = value.as_object_mut() {
        map.shift_remove(if record.kind() == Kind::Action { "policy_item" } else { "theme" });
    }
    value
}

fn nest(parent: &mut Value, kind: Kind, children: impl Iterator<Item = Value>) {
    if let (Some(map), Some(list)) = (parent.as_object_mut(), some_list(children)) {
        map.insert(kind.section().into(), list);
    }
}

fn some_list(entries: impl Iterator<Item = Value>) -> Option<Value> {
    let list: Vec<_> = entries.collect();
    (!list.is_empty()).then(|| list.into())
}

/// A value as JSON text, with its keys sorted and without what says nothing.
pub fn canonical(value: &Value) -> String {
    // Text and a value of JSON have no form that could not be written.
    serde_json::to_string(&Canonical(value)).unwrap_or_default()
}

/// A value that is written as [`canonical`] says.
pub(crate) struct Canonical<V>(pub(crate) V);

impl<V: Borrow<Value>> Serialize for Canonical<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.borrow() {
            Value::Object(map) => {
                let mut stated: Vec<_> = map.iter().filter(|(_, value)| !is_unstated(value)).collect();
                stated.sort_unstable_by_key(|(key, _)| *key);
                serializer.collect_map(stated.into_iter().map(|(key, value)| (key, Canonical(value))))
            }
            Value::Array(list) => serializer.collect_seq(list.iter().map(Canonical)),
            value => value.serialize(serializer),
        }
    }
}

/// A record that is written as [`canonical`] writes its [`entry`], which is not built for it.
pub(crate) struct CanonicalEntry<'a>(pub(crate) &'a Record);

impl Serialize for CanonicalEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let fields = Record::fields(record.kind()).iter().map(|field| (*field, record.value(field)));
        let id = (record.kind() != Kind::Step).then(|| ("id", record.id().as_str().into()));
        let mut stated: Vec<_> = fields.chain(id).filter(|(_, value)| !is_unstated(value)).collect();
        stated.sort_unstable_by_key(|(key, _)| *key);
        serializer.collect_map(stated.into_iter().map(|(key, value)| (key, Canonical(value))))
    }
}
