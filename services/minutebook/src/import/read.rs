//! A tree of values as the records of a document, with every violation on the way.

use std::collections::HashMap;

use minutebook_domain::document::Document;
use minutebook_domain::ids::{Id, Kind};
use minutebook_domain::record::Record;
use minutebook_domain::refusal::DocumentShould;
use minutebook_domain::value::{Expected, Fault, Nearest, Value};
use serde_json::Map;

use super::tree::{Entry, Keys, Node, Shape};
use super::{Defect, Lines, MAX_VIOLATIONS, RecordLines, Violation};

/// The most records of a document.
pub(super) const MAX_RECORDS: usize = 100_000;
/// The key beside the sections that marks made-up test data.
const INVENTED: &str = "invented";

/// Reads a document. Its records come in the order of [`Kind::ALL`] and, within a section, of the file; a theme is
/// followed by its subtasks, then its policy items, each followed by its actions.
pub(super) fn document(root: &Node) -> Result<(Document, Lines), Vec<Violation>> {
    let mut reader = Reader::default();
    reader.root(root);
    reader.finish()
}

/// The sections of a file of items, in their order.
const ITEMS: [Kind; 5] = [Kind::Theme, Kind::Subtask, Kind::PolicyItem, Kind::Action, Kind::Amount];

/// Reads items and their amounts, each in a section of its own: what an item stands under it names as a field.
pub(super) fn items(root: &Node) -> Result<Vec<Record>, Vec<Violation>> {
    let mut reader = Reader::default();
    reader.items(root);
    reader.finish().map(|(document, _)| document.records)
}

/// The sections that stand inside the records of this kind.
fn nested(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Theme => &[Kind::Subtask, Kind::PolicyItem],
        Kind::PolicyItem => &[Kind::Action],
        _ => &[],
    }
}

/// Do records of this kind stand only inside others?
fn is_nested(kind: Kind) -> bool {
    Kind::ALL.into_iter().any(|outer| nested(outer).contains(&kind))
}

/// Where a record stands: its kind and, in messages, its id or number.
#[derive(Clone, Copy)]
struct Place<'a> {
    kind: Kind,
    id: &'a str,
}

/// The record that another one stands inside: the field that names it, and its id.
#[derive(Clone, Copy)]
struct Parent<'a> {
    field: &'static str,
    id: &'a Id,
}

/// The fields of a record as read so far.
#[derive(Default)]
struct Fields<'a> {
    map: Map<String, Value>,
    lines: Vec<(&'static str, u32)>,
    /// Fields that are reported already: what the record says about them adds nothing.
    reported: Vec<&'a str>,
}

#[derive(Default)]
struct Reader {
    document: Document,
    lines: Lines,
    violations: Vec<Violation>,
    /// The line of each id so far.
    ids: HashMap<(Kind, Id), u32>,
    /// How many records were seen, good or not.
    records: usize,
    /// How many steps were seen: each has its number for an id.
    steps: usize,
}

impl Reader {
    fn push(&mut self, violation: Violation) {
        if !self.is_full() {
            self.violations.push(violation);
        }
    }

    /// Are there as many violations as are reported? Then reading stops: messages take far more time than good values.
    fn is_full(&self) -> bool {
        self.violations.len() >= MAX_VIOLATIONS
    }

    fn refuse(&mut self, place: Place, field: &str, line: u32, defect: Defect) {
        self.push(Violation::new(place.kind.section(), place.id, field, line, defect));
    }

    fn refuse_file(&mut self, line: u32, defect: Defect) {
        self.push(Violation::of_file(line, defect));
    }

    fn root(&mut self, root: &Node) {
        let entries = match &root.shape {
            Shape::Map(entries) if entries.is_empty() => return self.refuse_file(root.line, Defect::FileEmpty {}),
            Shape::Map(entries) => entries,
            Shape::Refused(why) => return self.refuse_file(root.line, why.clone()),
            _ => return self.refuse_file(root.line, Defect::SectionsMissing {}),
        };
        let (mut sections, mut keys) = (HashMap::new(), Keys::default());
        for entry in entries {
            if self.is_full() {
                return;
            }
            match keys.repeated(entry) {
                Some(why) => self.refuse_file(entry.line, why),
                None if self.is_section(entry) => _ = sections.insert(entry.key.as_str(), entry),
                None => {}
            }
        }
        if let Some(entry) = sections.get(INVENTED) {
            self.invented(entry);
        }
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_in_documents()) {
            if let Some(entry) = sections.get(kind.section()).filter(|entry| !entry.node.is_unstated()) {
                self.lines.sections.push((kind, entry.line));
                match kind {
                    Kind::Agenda | Kind::Edition => self.record(kind, &entry.node, None),
                    _ => self.list(kind, &entry.node, None),
                }
            }
        }
        self.completeness();
    }

    fn items(&mut self, root: &Node) {
        let entries = match &root.shape {
            Shape::Map(entries) if entries.is_empty() => return self.refuse_file(root.line, Defect::FileEmpty {}),
            Shape::Map(entries) => entries,
            Shape::Refused(why) => return self.refuse_file(root.line, why.clone()),
            _ => return self.refuse_file(root.line, Defect::SectionsMissing {}),
        };
        let mut keys = Keys::default();
        for entry in entries {
            let kind = ITEMS.into_iter().find(|kind| kind.section() == entry.key);
            match (keys.repeated(entry), kind) {
                (Some(why), _) => self.refuse_file(entry.line, why),
                (None, Some(kind)) => self.list(kind, &entry.node, None),
                (None, None) => {
                    let nearest = Nearest::of(&entry.key, ITEMS.map(Kind::section));
                    self.refuse_file(entry.line, Defect::SectionUnknown { key: entry.key.clone(), nearest });
                }
            }
        }
    }

    fn finish(self) -> Result<(Document, Lines), Vec<Violation>> {
        let mut violations = self.violations;
        if violations.is_empty() {
            return Ok((self.document, self.lines));
        }
        violations.sort_by_key(|violation| violation.line);
        if violations.len() >= MAX_VIOLATIONS {
            violations.push(Violation::of_file(0, Defect::TooManyViolations {}));
        }
        Err(violations)
    }

    fn is_section(&mut self, entry: &Entry) -> bool {
        let kinds = || Kind::ALL.into_iter().filter(|kind| kind.is_in_documents());
        let known = || kinds().filter(|kind| !is_nested(*kind)).map(Kind::section).chain([INVENTED]);
        let key = entry.key.as_str();
        if known().any(|section| section == key) {
            return true;
        }
        if let Shape::Refused(why) = &entry.node.shape {
            self.refuse_file(entry.line, why.clone());
        } else if kinds().any(|kind| kind.section() == key) {
            self.refuse_file(entry.line, Defect::SectionNested { key: key.to_owned() });
        } else {
            let nearest = Nearest::of(key, known());
            self.refuse_file(entry.line, Defect::SectionUnknown { key: key.to_owned(), nearest });
        }
        false
    }

    fn invented(&mut self, entry: &Entry) {
        match &entry.node.shape {
            Shape::Scalar(Value::Bool(true)) => self.document.invented = true,
            _ if entry.node.is_unstated() => {}
            _ => self.push(Violation::new(INVENTED, "", "", entry.line, Defect::InventedForm {})),
        }
    }

    /// Checks that a document is whole: an edition states items, items belong to an edition, both to an agenda.
    fn completeness(&mut self) {
        let line = |kind| self.lines.sections.iter().find(|(k, _)| *k == kind).map(|(_, line)| *line);
        let (agenda, edition, themes) = (line(Kind::Agenda), line(Kind::Edition), line(Kind::Theme));
        let refuse = |reader: &mut Self, kind, line, should| {
            reader.refuse(Place { kind, id: "" }, "", line, Defect::DocumentForm { should });
        };
        match (edition, themes) {
            (Some(line), None) => {
                refuse(self, Kind::Edition, line, DocumentShould::StateItems);
            }
            (None, Some(line)) => {
                refuse(self, Kind::Theme, line, DocumentShould::PlaceItems);
            }
            _ => {}
        }
        if agenda.is_none() && (edition.is_some() || themes.is_some()) {
            refuse(self, Kind::Agenda, 0, DocumentShould::NameAgenda);
        }
    }

    fn list(&mut self, kind: Kind, node: &Node, parent: Option<Parent>) {
        let place = Place { kind, id: "" };
        match &node.shape {
            Shape::List(list) => list.iter().for_each(|node| self.record(kind, node, parent)),
            Shape::Refused(why) => self.refuse(place, "", node.line, why.clone()),
            _ if node.is_unstated() => {}
            _ => self.refuse(place, "", node.line, Defect::SectionForm {}),
        }
    }

    fn record(&mut self, kind: Kind, node: &Node, parent: Option<Parent>) {
        if self.is_full() || self.records > MAX_RECORDS {
            return;
        }
        self.records += 1;
        if self.records > MAX_RECORDS {
            return self.refuse_file(node.line, Defect::TooManyRecords {});
        }
        let place = Place { kind, id: "" };
        match &node.shape {
            Shape::Map(entries) => self.entries(kind, node.line, entries, parent),
            Shape::Refused(why) => self.refuse(place, "", node.line, why.clone()),
            _ => self.refuse(place, "", node.line, Defect::RecordForm {}),
        }
    }

    fn entries(&mut self, kind: Kind, line: u32, entries: &[Entry], parent: Option<Parent>) {
        let written = entries.iter().find(|entry| entry.key == "id");
        let name = if kind == Kind::Step { self.next_step() } else { label(written) };
        let place = Place { kind, id: &name };
        let id = self.id(place, line, written);
        // A record without a good id is checked all the same, under a stand-in.
        let Some(checked) = id.clone().or_else(|| Id::new("unnamed")) else { return };
        let fields = self.fields(place, entries, parent);
        match Record::read(kind, checked.clone(), &fields.map) {
            Ok(record) if id.is_some() => self.keep(record, RecordLines { start: line, fields: fields.lines }),
            Ok(_) => {}
            Err(faults) => {
                for fault in faults.into_iter().filter(|fault| !fields.reported.contains(&fault.field.as_str())) {
                    let stated = fields.lines.iter().find(|(name, _)| *name == fault.field);
                    self.refuse(place, &fault.field, stated.map_or(line, |(_, line)| *line), fault.fault.into());
                }
            }
        }
        for inner in nested(kind) {
            if let Some(entry) = entries.iter().find(|entry| entry.key == inner.section()) {
                self.list(*inner, &entry.node, Some(Parent { field: kind.name(), id: &checked }));
            }
        }
    }

    fn next_step(&mut self) -> String {
        self.steps += 1;
        self.steps.to_string()
    }

    fn id(&mut self, place: Place, start: u32, written: Option<&Entry>) -> Option<Id> {
        if place.kind == Kind::Step {
            return Id::new(place.id);
        }
        let line = written.map_or(start, |entry| entry.line);
        let id = match written.map(|entry| &entry.node.shape) {
            None | Some(Shape::Scalar(Value::Null)) => Err(Fault::Missing {}.into()),
            Some(Shape::Scalar(Value::String(text))) => read_id(place.kind, text),
            Some(Shape::Scalar(_)) => Err(Fault::Type { expected: Expected::Quoted }.into()),
            Some(Shape::Refused(why)) => Err(why.clone()),
            Some(Shape::List(_) | Shape::Map(_)) => Err(Fault::Type { expected: Expected::Text }.into()),
        };
        let id = id.map_err(|wrong| self.refuse(place, "id", line, wrong)).ok()?;
        if let Some(first) = self.ids.insert((place.kind, id.clone()), line) {
            self.refuse(place, "id", line, Defect::DuplicateId { id: id.clone(), first, line });
        }
        Some(id)
    }

    /// Reads the named values of a record, its id and what is nested in it aside.
    fn fields<'a>(&mut self, place: Place, entries: &'a [Entry], parent: Option<Parent>) -> Fields<'a> {
        let mut fields = Fields::default();
        let mut keys = Keys::default();
        if let Some(parent) = parent {
            fields.map.insert(parent.field.to_owned(), parent.id.as_str().into());
        }
        for entry in entries {
            if self.is_full() {
                break;
            }
            let key = entry.key.as_str();
            let field = Record::fields(place.kind).iter().find(|field| **field == key);
            if let Some(why) = keys.repeated(entry) {
                self.refuse(place, key, entry.line, why);
            } else if parent.is_some_and(|parent| parent.field == key) {
                self.refuse(place, key, entry.line, Defect::ParentStated {});
            } else if let Some(field) = field {
                self.field(place, field, entry, &mut fields);
            } else if !inner_keys(place.kind).any(|inner| inner == key) {
                let fields = Record::fields(place.kind).iter().copied();
                let known = fields.filter(|field| parent.is_none_or(|parent| parent.field != *field));
                let nearest = Nearest::of(key, known.chain(inner_keys(place.kind)));
                self.refuse(place, key, entry.line, unknown(entry, nearest));
            }
        }
        fields
    }

    fn field<'a>(&mut self, place: Place, field: &'static str, entry: &'a Entry, fields: &mut Fields<'a>) {
        let mut faults = Vec::new();
        fields.map.insert(field.to_owned(), entry.node.to_value(&mut faults));
        fields.lines.push((field, entry.line));
        if !faults.is_empty() {
            fields.reported.push(&entry.key);
        }
        for (line, why) in faults {
            self.refuse(place, field, line, why);
        }
    }

    fn keep(&mut self, record: Record, lines: RecordLines) {
        match record {
            Record::Agenda(agenda) => (self.document.agenda, self.lines.agenda) = (Some(agenda), lines),
            Record::Edition(edition) => (self.document.edition, self.lines.edition) = (Some(edition), lines),
            record => {
                self.document.records.push(record);
                self.lines.records.push(lines);
            }
        }
    }
}

fn read_id(kind: Kind, text: &str) -> Result<Id, Defect> {
    match kind {
        _ if text.is_empty() => Err(Fault::Missing {}.into()),
        Kind::Explanation => Id::section(text).ok_or_else(|| Defect::SectionNumber { text: text.to_owned() }),
        _ => Id::new(text).ok_or_else(|| Fault::Id { text: text.to_owned() }.into()),
    }
}

/// The keys of a record that are not fields: its id, which steps do not have, and the sections inside it.
fn inner_keys(kind: Kind) -> impl Iterator<Item = &'static str> {
    let id = (kind != Kind::Step).then_some("id");
    id.into_iter().chain(nested(kind).iter().map(|inner| inner.section()))
}

/// What is wrong with a key that a record does not have.
fn unknown(entry: &Entry, nearest: Nearest) -> Defect {
    match &entry.node.shape {
        Shape::Refused(why) => why.clone(),
        _ => Fault::Unknown { key: entry.key.clone(), nearest }.into(),
    }
}

/// The id of a record as messages name it, good or not.
fn label(written: Option<&Entry>) -> String {
    match written.map(|entry| &entry.node.shape) {
        Some(Shape::Scalar(Value::String(text))) => text.clone(),
        Some(Shape::Scalar(Value::Number(number))) => number.to_string(),
        _ => String::new(),
    }
}
