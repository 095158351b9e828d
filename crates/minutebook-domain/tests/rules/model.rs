//! Agenda documents made up for the properties, and an independent comparison of two of them.
//!
//! Nothing here uses the comparison of the domain: documents are plain JSON, and what differs is worked out anew.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::minutes::{Doc, find, take};

/// One change that a review makes to a document; the numbers choose among what is there.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    Add(u8),
    AddPolicyItem,
    Drop(u8, u8),
    DropPolicyItem(u8),
    Suspend(u8),
    Back(u8, bool),
    Change(u8, u8, u8),
    Move(u8, u8),
    Split(u8),
    Merge(u8, u8),
    Notes(u8, u8),
    Unstate(u8, u8),
    Register(u8, u8),
    Amount(u8, u8),
    Theme(u8),
    Beside(u8, u8),
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    use Edit::*;
    let n = any::<u8>;
    prop_oneof![
        4 => n().prop_map(Add),
        1 => Just(AddPolicyItem),
        2 => (n(), n()).prop_map(|(a, b)| Drop(a, b)),
        1 => n().prop_map(DropPolicyItem),
        2 => n().prop_map(Suspend),
        3 => (n(), n()).prop_map(|(a, b)| Back(a, b % 3 == 0)),
        4 => (n(), n(), n()).prop_map(|(a, b, c)| Change(a, b, c)),
        2 => (n(), n()).prop_map(|(a, b)| Move(a, b)),
        2 => n().prop_map(Split),
        2 => (n(), n()).prop_map(|(a, b)| Merge(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Notes(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Unstate(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Register(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Amount(a, b)),
        1 => n().prop_map(Theme),
        3 => (n(), n()).prop_map(|(a, b)| Beside(a, b)),
    ]
}

/// What a chain of editions remembers from one document to the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    next_id: u32,
    /// Actions that left, as they last read.
    gone: BTreeMap<String, Value>,
    /// Those of them that left for a while only.
    suspended: BTreeSet<String>,
}

/// A document in the making, and what its `changes` must say of the items that leave or come.
pub(crate) struct Review<'a> {
    pub(crate) document: Value,
    memory: &'a mut Memory,
    base: BTreeMap<(String, String), Map<String, Value>>,
    claims: Vec<Value>,
    left: BTreeSet<String>,
}

/// The ids of a section, wherever it is nested, in the order of the document.
pub(crate) fn ids(value: &Value, section: &str) -> Vec<String> {
    let Value::Object(map) = value else { return Vec::new() };
    let lists = map.iter().filter_map(|(key, value)| Some((key, value.as_array()?)));
    lists
        .flat_map(|(key, list)| {
            list.iter().flat_map(move |record| {
                let own = (key == section).then(|| record["id"].as_str().unwrap_or_default().to_owned());
                own.into_iter().chain(ids(record, section))
            })
        })
        .collect()
}

fn pick(all: &[String], n: u8) -> Option<String> {
    all.get(usize::from(n) % all.len().max(1)).cloned()
}

impl<'a> Review<'a> {
    /// A review of a document.
    pub(crate) fn new(document: Value, memory: &'a mut Memory) -> Self {
        let base = items(&document);
        Self { document, memory, base, claims: Vec::new(), left: BTreeSet::new() }
    }

    fn new_id(&mut self, kind: &str) -> String {
        self.memory.next_id += 1;
        format!("{kind}-{}", self.memory.next_id)
    }

    fn actions(&self) -> Vec<String> {
        ids(&self.document, "actions")
    }

    /// The actions that were there before and still are; those may leave by an entry of their own.
    fn settled(&self) -> Vec<String> {
        let before = |id: &String| self.base.contains_key(&("action".to_owned(), id.clone()));
        self.actions().into_iter().filter(before).collect()
    }

    fn add_action(&mut self, parent: u8, record: Value) {
        if let Some(parent) = pick(&ids(&self.document, "policy_items"), parent) {
            let document = std::mem::take(&mut self.document);
            self.document = document.add_under("policy_items", &parent, "actions", record);
        }
    }

    fn leave(&mut self, id: &str) {
        if let Some(action) = take(&mut self.document, "actions", id) {
            self.memory.gone.insert(id.to_owned(), action);
            self.left.insert(id.to_owned());
        }
    }

    fn set(&mut self, section: &str, n: u8, field: &str, value: Value) {
        if let Some(record) =
            pick(&ids(&self.document, section), n).and_then(|id| find(&mut self.document, section, &id))
        {
            record[field] = value;
        }
    }

    /// Makes one change; one that does not fit what is there makes none.
    #[allow(clippy::too_many_lines)] // one arm for each edit
    pub(crate) fn apply(&mut self, edit: &Edit) {
        match *edit {
            Edit::Add(parent) => {
                let id = self.new_id("a");
                let record = json!({"id": id, "title": format!("Actie {id}"), "partners": ["emmen"]});
                self.add_action(parent, record);
            }
            Edit::AddPolicyItem => {
                let id = self.new_id("p");
                let theme = ids(&self.document, "themes").remove(0);
                let document = std::mem::take(&mut self.document);
                self.document = document.add_under("themes", &theme, "policy_items", json!({"id": id, "title": id}));
            }
            Edit::Drop(n, how) => {
                if let Some(id) = pick(&self.settled(), n) {
                    self.leave(&id);
                    let how = ["completed", "discontinued", "handed-over", "absorbed"][usize::from(how % 4)];
                    self.claims.push(json!({"kind": "dropped", "action": id, "disposition": how}));
                }
            }
            Edit::DropPolicyItem(n) => {
                let document = &mut self.document;
                let empty = |id: &String| {
                    !ids(document, "policy_items").is_empty() && {
                        let item = find(&mut document.clone(), "policy_items", id).cloned().unwrap_or_default();
                        ids(&item, "actions").is_empty()
                    }
                };
                let empty: Vec<_> = ids(document, "policy_items").into_iter().filter(empty).collect();
                if let Some(id) = pick(&empty, n) {
                    take(document, "policy_items", &id);
                    if self.base.contains_key(&("policy_item".to_owned(), id.clone())) {
                        self.claims.push(json!({"kind": "dropped", "policy_item": id, "disposition": "discontinued"}));
                    }
                }
            }
            Edit::Suspend(n) => {
                if let Some(id) = pick(&self.settled(), n) {
                    self.leave(&id);
                    self.claims.push(json!({"kind": "suspended", "action": id}));
                    self.memory.suspended.insert(id);
                }
            }
            Edit::Back(n, as_new) => {
                let gone = self.memory.gone.keys().filter(|id| !self.left.contains(*id)).cloned().collect::<Vec<_>>();
                if let Some(id) = pick(&gone, n) {
                    let mut record = self.memory.gone.remove(&id).unwrap_or_default();
                    if n % 2 == 0 {
                        record["summary"] = format!("Terug {n}").into();
                    }
                    let as_new = !self.memory.suspended.remove(&id) && as_new;
                    self.add_action(n, record);
                    if self.actions().contains(&id) {
                        self.claims.push(json!({"kind": if as_new { "added" } else { "reinstated" }, "action": id}));
                    }
                }
            }
            Edit::Change(n, field, value) => {
                let (field, value) = match field % 5 {
                    0 => ("title", json!(format!("Titel {}", value % 4))),
                    1 => ("summary", json!(format!("Tekst {}", value % 3))),
                    2 => ("period", json!({"from": 2014 + i32::from(value % 3), "to": "2020"})),
                    3 => {
                        ("partners", if value % 2 == 0 { json!(["emmen", "coevorden"]) } else { json!(["coevorden"]) })
                    }
                    _ => ("horizon", json!(if value % 2 == 0 { "short" } else { "medium" })),
                };
                self.set("actions", n, field, value);
            }
            Edit::Move(n, to) => {
                if let Some(action) = pick(&self.actions(), n).and_then(|id| take(&mut self.document, "actions", &id)) {
                    self.add_action(to, action);
                }
            }
            Edit::Split(n) => {
                if let Some(from) = pick(&self.settled(), n) {
                    self.leave(&from);
                    let into = [self.new_id("a"), self.new_id("a")];
                    for id in &into {
                        self.add_action(n, json!({"id": id, "title": format!("Deel {id}"), "split_from": from}));
                    }
                    self.claims.push(json!({"kind": "split", "from": [from], "into": into}));
                }
            }
            Edit::Merge(n, m) => {
                let settled = self.settled();
                let (Some(one), Some(other)) = (pick(&settled, n), pick(&settled, m)) else { return };
                if one != other {
                    self.leave(&one);
                    self.leave(&other);
                    let into = self.new_id("a");
                    self.add_action(n, json!({"id": into, "title": "Samen", "merged_from": [one, other]}));
                    self.claims.push(json!({"kind": "merged", "from": [one, other], "into": [into]}));
                }
            }
            Edit::Notes(n, line) => {
                self.set("actions", n, "source_line", json!(line));
                self.set("policy_items", line, "quote", json!(format!("Regel {n}")));
            }
            Edit::Unstate(n, form) => {
                let forms =
                    [("summary", json!("")), ("partners", json!([])), ("period", json!(null)), ("place", json!(null))];
                let (field, value) = forms[usize::from(form % 4)].clone();
                self.set("actions", n, field, value);
            }
            Edit::Register(n, name) => self.set("parties", n, "name", json!(format!("Naam {}", name % 3))),
            Edit::Amount(n, eur) => {
                self.set("amounts", n, "eur", json!(u32::from(eur % 4) * 1000));
                if eur % 5 == 0 {
                    let id = self.new_id("geld");
                    if let Some(action) = pick(&self.actions(), n) {
                        let document = std::mem::take(&mut self.document);
                        self.document = document.add("amounts", json!({"id": id, "what": id, "eur": 5}));
                        find(&mut self.document, "actions", &action).unwrap()["amounts"] = json!([id]);
                    }
                }
            }
            Edit::Theme(n) => {
                self.set("themes", n, "goal", json!(format!("Doel {}", n % 3)));
                self.set("subtasks", n, "title", json!(format!("Opgave {}", n % 4)));
                self.set("policy_items", n, "roles", json!([if n % 2 == 0 { "stimuleren" } else { "regisseren" }]));
            }
            Edit::Beside(n, m) => match n % 4 {
                0 => {
                    let id = self.new_id("m");
                    let document = std::mem::take(&mut self.document);
                    self.document = document.add("milestones", json!({"id": id, "what": id, "due": 2019}));
                }
                1 => {
                    if let Some(id) = pick(&ids(&self.document, "milestones"), m) {
                        take(&mut self.document, "milestones", &id);
                    }
                }
                2 => self.set("milestones", m, "due", json!(2015 + u32::from(m % 4))),
                _ => self.document["process"] = json!([{"year": 2016 + u32::from(m % 3), "step": "Herijking"}]),
            },
        }
    }

    /// The document with its `changes`: those of the edits, and an entry for each other difference.
    pub(crate) fn finish(mut self, decision: &str) -> Value {
        let after = items(&self.document);
        let named: BTreeSet<String> = self
            .claims
            .iter()
            .flat_map(|claim| {
                let lists = ["from", "into"].into_iter().filter_map(|side| claim[side].as_array());
                let one = ["action", "policy_item"].into_iter().map(|kind| &claim[kind]);
                lists.flatten().chain(one).filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        for ((kind, id), record) in &after {
            let change = match self.base.get(&(kind.clone(), id.clone())) {
                _ if named.contains(id) => continue,
                None => json!({"kind": "added"}),
                Some(before) => {
                    let fields = differing(before, record);
                    if fields.is_empty() {
                        continue;
                    }
                    json!({"kind": "changed", "fields": fields})
                }
            };
            let mut change = change;
            change[kind] = id.as_str().into();
            self.claims.push(change);
        }
        for (n, claim) in self.claims.iter_mut().enumerate() {
            claim["id"] = format!("c-{n}").into();
            claim["reason"] = format!("Reden {n}").into();
            claim["decision"] = decision.into();
            claim["decided_by"] = "gs".into();
        }
        self.document.section("changes", json!(self.claims))
    }
}

/// Every item of a document with all that counts in it: its parent, and of an action its amounts.
pub(crate) fn items(document: &Value) -> BTreeMap<(String, String), Map<String, Value>> {
    let amounts: BTreeMap<&str, &Value> =
        list(document, "amounts").iter().filter_map(|amount| Some((amount["id"].as_str()?, amount))).collect();
    let mut all = BTreeMap::new();
    let mut put = |kind: &str, record: &Value, parent: Option<(&str, &Value)>| {
        let mut map = record.as_object().cloned().unwrap_or_default();
        for aside in [
            "source_line",
            "source_doc",
            "lines",
            "quote",
            "confidence",
            "doubt",
            "split_from",
            "merged_from",
            "subtasks",
            "policy_items",
            "actions",
            "id",
        ] {
            map.remove(aside);
        }
        if let Some(Value::Array(named)) = map.get_mut("amounts") {
            for amount in named {
                let found = amount.as_str().and_then(|id| amounts.get(id)).map(|found| (*found).clone());
                let mut found = found.unwrap_or_else(|| json!({"id": amount.clone()}));
                for aside in ["what", "action", "source_line", "quote", "doubt"] {
                    found.as_object_mut().unwrap().remove(aside);
                }
                *amount = found;
            }
        }
        if let Some((field, parent)) = parent {
            map.insert(field.into(), parent["id"].clone());
        }
        all.insert((kind.to_owned(), record["id"].as_str().unwrap_or_default().to_owned()), map);
    };
    for theme in list(document, "themes") {
        put("theme", theme, None);
        for subtask in list(theme, "subtasks") {
            put("subtask", subtask, Some(("theme", theme)));
        }
        for item in list(theme, "policy_items") {
            put("policy_item", item, Some(("theme", theme)));
            for action in list(item, "actions") {
                put("action", action, Some(("policy_item", item)));
            }
        }
    }
    all
}

fn list<'a>(value: &'a Value, section: &str) -> &'a [Value] {
    value.get(section).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The names of the fields that say something else.
pub(crate) fn differing(before: &Map<String, Value>, after: &Map<String, Value>) -> BTreeSet<String> {
    let said = |map: &Map<String, Value>, name: &str| map.get(name).map(plain).unwrap_or_default();
    before.keys().chain(after.keys()).filter(|name| said(before, name) != said(after, name)).cloned().collect()
}

/// A value in one form: numbers as text, what says nothing as `null`, and left out of records.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Array(list) if list.is_empty() => Value::Null,
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(map) => {
            let said = map.iter().map(|(key, value)| (key.clone(), plain(value))).filter(|(_, value)| !value.is_null());
            said.collect::<BTreeMap<_, _>>().into_iter().collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// What differs between two exported documents: what came, what left, what reads differently, what stayed.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Difference {
    pub(crate) came: BTreeSet<(String, String)>,
    pub(crate) left: BTreeSet<(String, String)>,
    pub(crate) changed: BTreeMap<(String, String), BTreeSet<String>>,
    pub(crate) same: BTreeSet<(String, String)>,
}

/// Compares two exported documents.
pub(crate) fn difference(before: &Value, after: &Value) -> Difference {
    let (before, after) = (items(before), items(after));
    let mut answer = Difference::default();
    for (key, record) in &after {
        match before.get(key) {
            None => _ = answer.came.insert(key.clone()),
            Some(old) => {
                let fields = differing(old, record);
                if fields.is_empty() {
                    answer.same.insert(key.clone());
                } else {
                    answer.changed.insert(key.clone(), fields);
                }
            }
        }
    }
    answer.left = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    answer
}
