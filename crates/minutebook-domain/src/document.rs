//! An agenda document: the records that it states, in its order, and its canonical form.
//!
//! How a file becomes a document, and a document a file, is the importer's concern; what may be recorded of it is
//! decided in `review.rs`.

use std::borrow::Borrow;
use std::collections::HashMap;

use serde::{Serialize, Serializer};
use serde_json::Map;

use crate::ids::{Id, Key, Kind};
use crate::record::{Agenda, Edition, Record};
use crate::value::{Hasher, Sha256, Value, is_unstated};

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
        let headers = self.headers();
        let sections = self.sections(&headers).into_iter();
        Value::Object(sections.map(|(name, section)| (name.to_owned(), section.to_value())).collect())
    }

    /// SHA-256 of the canonical form: JSON after RFC 8785 (keys sorted, no white space), unstated values left out.
    pub fn sha256(&self) -> Sha256 {
        let headers = self.headers();
        let mut sections = self.sections(&headers);
        sections.sort_unstable_by_key(|(name, _)| *name);
        let mut hasher = Hasher::default();
        // Writing into a hasher does not fail, and text and a value of JSON have no form that could not be written.
        let written = serde_json::to_writer(&mut hasher, &Sections(sections));
        debug_assert!(written.is_ok(), "{written:?}");
        hasher.finish()
    }

    /// The agenda and the edition, as records.
    fn headers(&self) -> [Option<Record>; 2] {
        [self.agenda.clone().map(Record::from), self.edition.clone().map(Record::from)]
    }

    /// What a file has, in its order.
    fn sections<'a>(&'a self, [agenda, edition]: &'a [Option<Record>; 2]) -> Vec<Section<'a>> {
        let mut all = Vec::new();
        if self.invented {
            all.push(("invented", Part::Value(true.into())));
        }
        for kind in Kind::ALL {
            let alone = |record| (kind.section(), Part::Entry(Nested::alone(record)));
            all.extend(match kind {
                Kind::Agenda => agenda.as_ref().map(alone),
                Kind::Edition => edition.as_ref().map(alone),
                Kind::Subtask | Kind::PolicyItem | Kind::Action => None,
                Kind::Theme => section(kind, self.themes()),
                _ => section(kind, self.of(kind).map(Nested::alone)),
            });
        }
        all
    }

    fn themes(&self) -> impl Iterator<Item = Nested<'_>> {
        let mut under: HashMap<(Kind, &Id), Vec<&Record>> = HashMap::new();
        for record in &self.records {
            if let Some(parent) = parent(record) {
                under.entry((record.kind(), parent)).or_default().push(record);
            }
        }
        self.of(Kind::Theme).map(move |theme| {
            let children = |kind, parent: &Record| {
                let children = under.get(&(kind, parent.id())).cloned().unwrap_or_default();
                children.into_iter().map(Nested::inside)
            };
            let items = children(Kind::PolicyItem, theme).map(|item| {
                let actions = section(Kind::Action, children(Kind::Action, item.record));
                Nested { under: actions.into_iter().collect(), ..item }
            });
            let subtasks = section(Kind::Subtask, children(Kind::Subtask, theme));
            let under = subtasks.into_iter().chain(section(Kind::PolicyItem, items)).collect();
            Nested { under, ..Nested::alone(theme) }
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

/// A record as a document writes it, with the items that are nested in it.
pub(crate) struct Nested<'a> {
    record: &'a Record,
    /// It is nested in another item, which it need not name.
    inside: bool,
    under: Vec<Section<'a>>,
}

/// A part of a document, with its name.
type Section<'a> = (&'static str, Part<'a>);

/// A part of a document.
enum Part<'a> {
    Value(Value),
    Entry(Nested<'a>),
    List(Vec<Nested<'a>>),
}

impl<'a> Nested<'a> {
    /// A record that stands for itself.
    pub(crate) fn alone(record: &'a Record) -> Self {
        Self { record, inside: false, under: Vec::new() }
    }

    fn inside(record: &'a Record) -> Self {
        Self { inside: true, ..Self::alone(record) }
    }

    /// The field that says what it is nested in, where that goes without saying.
    fn unsaid(&self) -> Option<&'static str> {
        self.inside.then_some(if self.record.kind() == Kind::Action { "policy_item" } else { "theme" })
    }

    fn to_value(&self) -> Value {
        let mut value = entry(self.record);
        if let Some(map) = value.as_object_mut() {
            self.unsaid().map(|field| map.shift_remove(field));
            map.extend(self.under.iter().map(|(name, part)| ((*name).to_owned(), part.to_value())));
        }
        value
    }
}

impl Part<'_> {
    fn to_value(&self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Entry(nested) => nested.to_value(),
            Self::List(list) => list.iter().map(Nested::to_value).collect::<Vec<_>>().into(),
        }
    }
}

/// The section of a kind, unless it is empty.
fn section<'a>(kind: Kind, entries: impl Iterator<Item = Nested<'a>>) -> Option<Section<'a>> {
    let list: Vec<_> = entries.collect();
    (!list.is_empty()).then(|| (kind.section(), Part::List(list)))
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

/// As [`canonical`] writes the value, which is not built for it.
impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (record, unsaid) = (self.record, self.unsaid());
        let said = Record::fields(record.kind()).iter().filter(|field| Some(**field) != unsaid);
        let fields = said.map(|field| (*field, record.value(field)));
        let id = (record.kind() != Kind::Step).then(|| ("id", record.id().as_str().into()));
        let stated = fields.chain(id).filter(|(_, value)| !is_unstated(value));
        let under = self.under.iter().map(|(name, part)| (*name, Said::Part(part)));
        let mut all: Vec<_> = stated.map(|(name, value)| (name, Said::Value(value))).chain(under).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        serializer.collect_map(all)
    }
}

/// What an entry says under a name.
enum Said<'a> {
    Value(Value),
    Part(&'a Part<'a>),
}

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => Canonical(value).serialize(serializer),
            Self::Part(part) => part.serialize(serializer),
        }
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => Canonical(value).serialize(serializer),
            Self::Entry(nested) => nested.serialize(serializer),
            Self::List(list) => serializer.collect_seq(list),
        }
    }
}

/// The sections of a document, sorted by their names.
struct Sections<'a>(Vec<Section<'a>>);

impl Serialize for Sections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, section)| (name, section)))
    }
}
