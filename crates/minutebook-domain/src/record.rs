//! What a document states: one typed record per line of its sections, declared once in the table at the end.
//!
//! A record's fields carry the names of the document. The table gives each field its type and, where it refers to
//! other records, the kind it refers to; reading, writing, comparing and patching follow from it. What records mean
//! and which may be recorded is decided elsewhere.

use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::dates::{Day, Edtf};
pub use crate::fields::FieldSet;
use crate::ids::{Id, Kind};
use crate::value::{
    Attachment, ChangeKind, Cofinancing, Confidence, Disposition, Eur, Fault, Field, Horizon, Name, Nearest, Per,
    Period, Scalar, Sha256, Text, Value, same, same_form,
};

/// The fields that say where a statement comes from and how sure it is. Any record has them.
pub const NOTES: [&str; 6] = ["source_line", "source_doc", "lines", "quote", "confidence", "doubt"];

/// Does a difference in this field make two records differ in the yearly comparison? Notes and lineage do not.
pub fn is_compared(field: &str) -> bool {
    !NOTES.contains(&field) && field != "split_from" && field != "merged_from"
}

/// A fault of one field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// The field, or the unknown key.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// The ids that a field holds.
trait Ids {
    fn ids(&self) -> &[Id];
}

impl Ids for Id {
    fn ids(&self) -> &[Id] {
        std::slice::from_ref(self)
    }
}

impl Ids for Option<Id> {
    fn ids(&self) -> &[Id] {
        self.as_slice()
    }
}

impl Ids for Option<Vec<Id>> {
    fn ids(&self) -> &[Id] {
        self.as_deref().unwrap_or_default()
    }
}

macro_rules! records {
    ($($(#[$doc:meta])* $kind:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty $(=> $target:ident)?,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $kind {
                /// The record's id.
                pub id: Id,
                $($(#[$field_doc])* pub $field: $type,)*
                /// The line of the source, from 1.
                pub source_line: Option<u32>,
                /// The source, where it is not the document's first one.
                pub source_doc: Option<Id>,
                /// The lines that hold the statement; for a source, how many lines it has.
                pub lines: Option<Scalar>,
                /// The words of the source.
                pub quote: Option<Text>,
                /// How sure the reading is.
                pub confidence: Option<Confidence>,
                /// What a person must still decide about the reading.
                pub doubt: Option<Text>,
            }

            impl $kind {
                const FIELDS: &[&str] = &[
                    $(stringify!($field),)* "source_line", "source_doc", "lines", "quote", "confidence", "doubt",
                ];

                fn read(id: Id, map: &Map<String, Value>) -> Result<Self, Vec<FieldFault>> {
                    let mut faults = unknown_keys(map, Self::FIELDS);
                    $(let $field = field(map, stringify!($field), &mut faults);)*
                    let source_line = field(map, "source_line", &mut faults);
                    let source_doc = field(map, "source_doc", &mut faults);
                    let lines = field(map, "lines", &mut faults);
                    let quote = field(map, "quote", &mut faults);
                    let confidence = field(map, "confidence", &mut faults);
                    let doubt = field(map, "doubt", &mut faults);
                    if let (
                        $(Some($field),)* Some(source_line), Some(source_doc), Some(lines), Some(quote),
                        Some(confidence), Some(doubt), true,
                    ) = ($($field,)* source_line, source_doc, lines, quote, confidence, doubt, faults.is_empty()) {
                        Ok(Self { id, $($field,)* source_line, source_doc, lines, quote, confidence, doubt })
                    } else {
                        Err(faults)
                    }
                }

                fn write(&self) -> Map<String, Value> {
                    let mut map = Map::new();
                    let mut put = |name: &str, value: Option<Value>| if let Some(value) = value {
                        map.insert(name.to_owned(), value);
                    };
                    $(put(stringify!($field), self.$field.write());)*
                    put("source_line", self.source_line.write());
                    put("source_doc", self.source_doc.write());
                    put("lines", self.lines.write());
                    put("quote", self.quote.write());
                    put("confidence", self.confidence.write());
                    put("doubt", self.doubt.write());
                    map
                }

                fn value(&self, field: &str) -> Option<Value> {
                    match field {
                        $(stringify!($field) => self.$field.write(),)*
                        "source_line" => self.source_line.write(),
                        "source_doc" => self.source_doc.write(),
                        "lines" => self.lines.write(),
                        "quote" => self.quote.write(),
                        "confidence" => self.confidence.write(),
                        "doubt" => self.doubt.write(),
                        _ => None,
                    }
                }

                fn unequal(&self, other: &Self) -> FieldSet {
                    let equal = [
                        $(self.$field == other.$field,)* self.source_line == other.source_line,
                        self.source_doc == other.source_doc, self.lines == other.lines, self.quote == other.quote,
                        self.confidence == other.confidence, self.doubt == other.doubt,
                    ];
                    FieldSet::but(equal)
                }

                fn unstated(&self) -> FieldSet {
                    let stated = [
                        $(self.$field.is_stated(),)* self.source_line.is_stated(), self.source_doc.is_stated(),
                        self.lines.is_stated(), self.quote.is_stated(), self.confidence.is_stated(),
                        self.doubt.is_stated(),
                    ];
                    FieldSet::but(stated)
                }

                fn patch(&mut self, from: &Self, fields: FieldSet) {
                    let mut place = 0..;
                    let mut touched = || place.next().is_some_and(|n| fields.has(n));
                    $(if touched() { self.$field.clone_from(&from.$field); })*
                    if touched() { self.source_line = from.source_line; }
                    if touched() { self.source_doc.clone_from(&from.source_doc); }
                    if touched() { self.lines.clone_from(&from.lines); }
                    if touched() { self.quote.clone_from(&from.quote); }
                    if touched() { self.confidence = from.confidence; }
                    if touched() { self.doubt.clone_from(&from.doubt); }
                }

                fn take(&mut self, from: Self, fields: FieldSet) {
                    let mut place = 0..;
                    let mut touched = || place.next().is_some_and(|n| fields.has(n));
                    $(if touched() { self.$field = from.$field; })*
                    if touched() { self.source_line = from.source_line; }
                    if touched() { self.source_doc = from.source_doc; }
                    if touched() { self.lines = from.lines; }
                    if touched() { self.quote = from.quote; }
                    if touched() { self.confidence = from.confidence; }
                    if touched() { self.doubt = from.doubt; }
                }

                fn refers(field: &str) -> Option<Kind> {
                    match field {
                        "source_doc" => Some(Kind::Source),
                        $($(stringify!($field) => Some(Kind::$target),)?)*
                        _ => None,
                    }
                }

                fn references(&self) -> Vec<(&'static str, Kind, &Id)> {
                    #[allow(unused_mut)]
                    let mut all: Vec<_> = self.source_doc.ids().iter().map(|id| ("source_doc", Kind::Source, id)).collect();
                    $($(all.extend(self.$field.ids().iter().map(|id| (stringify!($field), Kind::$target, id)));)?)*
                    all
                }
            }

            impl From<$kind> for Record {
                fn from(record: $kind) -> Self {
                    Self::$kind(record)
                }
            }
        )*

        /// A record of any kind.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Record { $($(#[$doc])* $kind($kind),)* }

        impl Record {
            /// What kind of record it is.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            /// The record's id.
            pub fn id(&self) -> &Id {
                match self { $(Self::$kind(record) => &record.id,)* }
            }

            /// The names of a kind's fields, the id aside, in their order.
            pub fn fields(kind: Kind) -> &'static [&'static str] {
                match kind { $(Kind::$kind => $kind::FIELDS,)* }
            }

            /// Reads the fields of a record from a document's form, with every fault of every field.
            pub fn read(kind: Kind, id: Id, map: &Map<String, Value>) -> Result<Self, Vec<FieldFault>> {
                match kind { $(Kind::$kind => $kind::read(id, map).map(Self::$kind),)* }
            }

            /// The fields in the form of a document, the id aside; what is absent stays absent.
            pub fn write(&self) -> Map<String, Value> {
                match self { $(Self::$kind(record) => record.write(),)* }
            }

            /// One field in the form of a document; `null` where it is absent.
            pub fn value(&self, field: &str) -> Value {
                let value = match self { $(Self::$kind(record) => record.value(field),)* };
                value.unwrap_or_default()
            }

            /// The fields that do not hold the same value; of records of different kinds all of them.
            pub(crate) fn unequal(&self, other: &Self) -> FieldSet {
                match (self, other) {
                    $((Self::$kind(record), Self::$kind(other)) => record.unequal(other),)*
                    _ => FieldSet::named(self.kind(), Self::fields(self.kind()).iter().copied()),
                }
            }

            /// The fields that say nothing.
            pub(crate) fn unstated(&self) -> FieldSet {
                match self { $(Self::$kind(record) => record.unstated(),)* }
            }

            /// Takes these fields from another record of the same kind; one of another kind changes nothing.
            pub fn patch(&mut self, from: &Self, fields: FieldSet) {
                match (self, from) {
                    $((Self::$kind(record), Self::$kind(from)) => record.patch(from, fields),)*
                    _ => {}
                }
            }

            /// Does what [`Record::patch`] does with a record that is not needed any more.
            pub(crate) fn take(&mut self, from: Self, fields: FieldSet) {
                match (self, from) {
                    $((Self::$kind(record), Self::$kind(from)) => record.take(from, fields),)*
                    _ => {}
                }
            }

            /// Each reference to another record: the field, the kind it refers to, and the id.
            ///
            /// A reference to a body may also name a party (see the document format, `bodies`).
            pub fn references(&self) -> Vec<(&'static str, Kind, &Id)> {
                match self { $(Self::$kind(record) => record.references(),)* }
            }

            /// The kind that a field refers to, if it refers to records.
            pub fn refers(kind: Kind, field: &str) -> Option<Kind> {
                match kind { $(Kind::$kind => $kind::refers(field),)* }
            }

            /// What a person must still decide about the reading, if anything.
            pub fn doubt(&self) -> Option<&str> {
                let doubt = match self { $(Self::$kind(record) => &record.doubt,)* };
                doubt.as_ref().map(Text::as_str).filter(|text| !text.is_empty())
            }
        }
    };
}

impl Record {
    /// Does it refer to that record?
    pub(crate) fn refers_to(&self, kind: Kind, id: &Id) -> bool {
        self.references().into_iter().any(|(_, of, other)| of == kind && other == id)
    }

    /// The fields that are written differently, unstated forms aside.
    pub fn rewritten(&self, other: &Self) -> FieldSet {
        self.differing(other, same_form)
    }

    /// The record with these fields of another one. An event states it like this, so that the whole record says
    /// nothing beyond the fields that the event names, not even another form of "not stated".
    #[must_use]
    pub(crate) fn with(&self, from: &Self, fields: FieldSet) -> Self {
        let mut record = self.clone();
        record.patch(from, fields);
        record
    }

    /// The fields that mean something else: what the yearly comparison lists.
    pub fn changed(&self, other: &Self) -> FieldSet {
        let compared = Self::fields(self.kind()).iter().copied().filter(|f| is_compared(f));
        self.differing(other, same).and(FieldSet::named(self.kind(), compared))
    }

    fn differing(&self, other: &Self, equal: fn(&Value, &Value) -> bool) -> FieldSet {
        let kind = self.kind();
        let unequal = self.unequal(other).names(kind);
        FieldSet::named(kind, unequal.filter(|field| !equal(&self.value(field), &other.value(field))))
    }

    /// What people call it: its title, name or text.
    pub fn label(&self) -> String {
        let text = |name| match self.value(name) {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        let label = ["title", "name", "what", "step", "capacity"].into_iter().find_map(text);
        label.unwrap_or_else(|| self.id().as_str().to_owned())
    }
}

fn unknown_keys(map: &Map<String, Value>, known: &[&str]) -> Vec<FieldFault> {
    let unknown = map.keys().filter(|key| !known.contains(&key.as_str()));
    let nearest = |key: &str| Nearest::of(key, known.iter().copied().chain(["id"]));
    let fault = |key: &String| Fault::Unknown { key: key.clone(), nearest: nearest(key) };
    unknown.map(|key| FieldFault { field: key.clone(), fault: fault(key) }).collect()
}

fn field<T: Field>(map: &Map<String, Value>, name: &str, faults: &mut Vec<FieldFault>) -> Option<T> {
    let fault = |fault| faults.push(FieldFault { field: name.to_owned(), fault });
    T::read(map.get(name)).map_err(fault).ok()
}

records! {
    /// A document that statements are read from.
    Source {
        /// Its title.
        title: Name,
        /// The name of its file.
        file: Option<Text>,
        /// The SHA-256 of the file.
        sha256: Option<Sha256>,
    }
    /// The lasting series of editions.
    Agenda {
        /// Its title.
        title: Name,
        /// Whose agenda it is.
        owner: Option<Id> => Party,
        /// What it is part of.
        framework: Option<Vec<Id>> => Framework,
    }
    /// A policy, programme or scheme that frames an agenda.
    Framework {
        /// Its title.
        title: Name,
        /// When it holds.
        period: Option<Period>,
        /// The body that adopted it.
        adopted_by: Option<Id> => Body,
        /// When it was adopted.
        adopted_on: Option<Edtf>,
    }
    /// One adopted state of an agenda.
    Edition {
        /// The first year it is for.
        first_year: Edtf,
        /// The last year it is for.
        last_year: Edtf,
        /// The body that adopted it.
        adopted_by: Id => Body,
        /// The decision that adopted it.
        decision: Id => Decision,
        /// From when it holds.
        effective: Edtf,
        /// The term that it plans for.
        horizon: Option<Edtf>,
        /// How it will be reviewed.
        review: Option<Text>,
    }
    /// Who can decide.
    Body {
        /// Its official name.
        name: Name,
        /// What kind of body.
        kind: Option<Id>,
    }
    /// What a body may decide.
    Mandate {
        /// The body.
        body: Id => Body,
        /// The kind of decision.
        may: Id,
        /// The agenda that it is limited to.
        agenda: Option<Id> => Agenda,
        /// The decision that granted it.
        decision: Option<Id> => Decision,
        /// The largest sum that it covers.
        ceiling: Option<Eur>,
        /// From when.
        since: Option<Edtf>,
        /// Until when.
        until: Option<Edtf>,
        /// The law or rule that it rests on.
        basis: Option<Text>,
        /// Read from who decided what, not stated.
        inferred: Option<bool>,
    }
    /// A partner: an organisation, a group, a function, a fund.
    Party {
        /// Its official name.
        name: Name,
        /// What kind of party.
        kind: Option<Id>,
        /// Other names that sources use.
        aliases: Option<Vec<Name>>,
        /// The members of a group.
        members: Option<Vec<Id>> => Party,
        /// How many members a group has.
        count: Option<u32>,
        /// Read from the context, not stated.
        inferred: Option<bool>,
    }
    /// A word of the role vocabulary.
    Role {
        /// The word.
        name: Name,
    }
    /// A priority theme.
    Theme {
        /// Its title.
        title: Name,
        /// Its main goal.
        goal: Option<Text>,
    }
    /// A sub-task of a theme.
    Subtask {
        /// Its title.
        title: Name,
        /// The theme that it stands under.
        theme: Id => Theme,
    }
    /// One medium-term cell.
    PolicyItem {
        /// The sub-task that it belongs to.
        subtask: Option<Id> => Subtask,
        /// Its title.
        title: Name,
        /// What is aimed for in the medium term.
        medium_term: Option<Text>,
        /// The roles of the agenda's owner.
        roles: Option<Vec<Id>> => Role,
        /// The theme that it stands under.
        theme: Id => Theme,
    }
    /// One short-term action.
    Action {
        /// Its title.
        title: Name,
        /// What is done.
        summary: Option<Text>,
        /// Who takes part.
        partners: Option<Vec<Id>> => Party,
        /// Its term.
        horizon: Option<Horizon>,
        /// When it runs.
        period: Option<Period>,
        /// Where.
        place: Option<Text>,
        /// The sums of money that belong to it.
        amounts: Option<Vec<Id>> => Amount,
        /// The section that explains it.
        explained_in: Option<Id> => Explanation,
        /// The motions that it carries out.
        motions: Option<Vec<Id>> => Motion,
        /// What would show success.
        success_factor: Option<Text>,
        /// The action that it is a part of by a split.
        split_from: Option<Id> => Action,
        /// The actions that it was made of by a merge.
        merged_from: Option<Vec<Id>> => Action,
        /// The policy item that it stands under.
        policy_item: Id => PolicyItem,
    }
    /// A sum of money, or a part of one. Absent is not stated, never zero.
    Amount {
        /// What it is for.
        what: Name,
        /// The sum in whole euros.
        eur: Option<Eur>,
        /// How often it is paid.
        per: Option<Per>,
        /// From when.
        from: Option<Edtf>,
        /// Until and including when.
        through: Option<Edtf>,
        /// What it is counted by.
        unit: Option<Text>,
        /// The amount that it is a part of; a part is never added to its whole.
        part_of: Option<Id> => Amount,
        /// Who or what pays.
        source: Option<Id> => Party,
        /// The action that it belongs to.
        action: Option<Id> => Action,
    }
    /// What parties agreed, as stated; signatures are not invented.
    Agreement {
        /// What was agreed.
        what: Name,
        /// Between whom.
        parties: Option<Vec<Id>> => Party,
        /// What kind of agreement.
        kind: Option<Id>,
        /// How the source calls its state.
        status_in_source: Option<Text>,
        /// When it holds.
        period: Option<Period>,
        /// A rule of co-financing.
        cofinancing: Option<Cofinancing>,
        /// The actions that it serves.
        actions: Option<Vec<Id>> => Action,
    }
    /// A decision of a body.
    Decision {
        /// Who decided.
        body: Id => Body,
        /// What kind of decision.
        kind: Id,
        /// When it was taken; absent is not stated.
        date: Option<Edtf>,
        /// From when it holds; absent is from its date.
        effective: Option<Edtf>,
        /// Its official reference.
        reference: Option<Text>,
        /// Why.
        reasons: Option<Text>,
        /// The documents that belong to it.
        attachments: Option<Vec<Attachment>>,
        /// What was decided.
        what: Option<Text>,
    }
    /// A motion.
    Motion {
        /// Its title.
        title: Name,
        /// The body that adopted it.
        body: Option<Id> => Body,
        /// The actions that carry it out.
        addressed_by: Option<Vec<Id>> => Action,
    }
    /// Who was asked for input.
    Consultation {
        /// Whose meeting it was.
        name: Name,
    }
    /// Something due.
    Milestone {
        /// What is due.
        what: Name,
        /// When; absent is not stated.
        due: Option<Edtf>,
        /// The source's own words for when.
        due_text: Option<Text>,
        /// The action that it belongs to.
        action: Option<Id> => Action,
    }
    /// A step of the yearly cycle.
    Step {
        /// The year of the cycle.
        year: Option<Edtf>,
        /// When in the year.
        window: Option<Text>,
        /// What happens.
        step: Name,
        /// Who does it.
        body: Option<Id> => Body,
        /// The window was read from the context; it is never put in a calendar file.
        inferred: Option<bool>,
    }
    /// A section that explains actions.
    Explanation {
        /// Its title.
        title: Name,
        /// The actions that it explains.
        actions: Option<Vec<Id>> => Action,
        /// What it says.
        facts: Option<Vec<Text>>,
    }
    /// What has no place of its own.
    Remark {
        /// What kind of remark.
        kind: Option<Id>,
        /// What it says.
        what: Name,
        /// Role statements beside those of the policy items.
        roles: Option<Vec<Id>> => Role,
        /// The actions that it is about.
        actions: Option<Vec<Id>> => Action,
    }
    /// Why an edition differs from the one before it, for one item.
    Change {
        /// What happened to the item.
        kind: ChangeKind,
        /// The action, where it is one.
        action: Option<Id>,
        /// The policy item, where it is one.
        policy_item: Option<Id>,
        /// The sub-task, where it is one.
        subtask: Option<Id>,
        /// The theme, where it is one.
        theme: Option<Id>,
        /// The actions that leave by a split or merge.
        from: Option<Vec<Id>>,
        /// The actions that come by a split or merge.
        into: Option<Vec<Id>>,
        /// What became of an item that leaves.
        disposition: Option<Disposition>,
        /// The fields that differ.
        fields: Option<Vec<Text>>,
        /// Why.
        reason: Option<Text>,
        /// The body of the ground.
        decided_by: Option<Id> => Body,
        /// The ground: the decision that this change rests on.
        decision: Option<Id> => Decision,
    }
    /// Who sits in a body, in which capacity. No personal names.
    Membership {
        /// The body, or the party that is spoken for.
        body: Id => Body,
        /// The party that the member comes from.
        party: Option<Id> => Party,
        /// The capacity ("gedeputeerde, jaarlijks roulerend").
        capacity: Name,
        /// An opaque reference to the person.
        subject: Option<Text>,
        /// The decision that appointed the member.
        decision: Option<Id> => Decision,
        /// From when.
        since: Option<Edtf>,
        /// Until when.
        until: Option<Edtf>,
    }
    /// A role that somebody has in one item, stated apart from the edition.
    Assignment {
        /// The action, where it is one.
        action: Option<Id>,
        /// The policy item, where it is one.
        policy_item: Option<Id>,
        /// The sub-task, where it is one.
        subtask: Option<Id>,
        /// The theme, where it is one.
        theme: Option<Id>,
        /// The word of the vocabulary.
        role: Id => Role,
        /// Who has the role; absent is the owner of the agenda.
        holder: Option<Id> => Party,
        /// From when.
        since: Option<Edtf>,
        /// Until when.
        until: Option<Edtf>,
        /// The decision that gave the role; absent is as stated, without one.
        decision: Option<Id> => Decision,
    }
}

/// The items that a record names, each in the field of its kind.
macro_rules! named_items {
    ($record:expr) => {
        [
            (Kind::Action, &$record.action),
            (Kind::PolicyItem, &$record.policy_item),
            (Kind::Subtask, &$record.subtask),
            (Kind::Theme, &$record.theme),
        ]
        .into_iter()
        .filter_map(|(kind, id)| id.as_ref().map(|id| (kind, id)))
    };
}

impl Decision {
    /// The date, where it is still to come, or reaches beyond the year of today, so that nobody can say that it has been.
    pub(crate) fn still_to_come(&self, today: Day) -> Option<&Edtf> {
        let year = today.parts().and_then(|(year, ..)| Day::last_of(year)).unwrap_or(today);
        self.date.as_ref().filter(|date| date.earliest() > today || date.latest() > year)
    }

    /// From when it holds: as it says, or else from its date; `None` where neither is stated.
    pub fn holds_from(&self) -> Option<&Edtf> {
        self.effective.as_ref().or(self.date.as_ref())
    }
}

impl Change {
    /// The items that the entry names, unless it is a split or merge: it should be one.
    pub fn items(&self) -> impl Iterator<Item = (Kind, &Id)> {
        named_items!(self)
    }

    /// The one item that the entry names, unless it is a split or merge.
    pub fn item(&self) -> Option<(Kind, &Id)> {
        self.items().next()
    }
}

impl Assignment {
    /// The items that it names: it should be one.
    pub fn items(&self) -> impl Iterator<Item = (Kind, &Id)> {
        named_items!(self)
    }

    /// The item in which the role is had.
    pub fn item(&self) -> Option<(Kind, &Id)> {
        self.items().next()
    }
}

#[cfg(test)]
mod tests;
