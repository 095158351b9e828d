//! Given what was recorded, when this is asked, then this happens: the words that the rule tests are told in.

use minutebook_domain::command::{Command, CorrectField, DoDeed, ImportDocument, LateFact, ResolveDoubt, StateRecord};
use minutebook_domain::dates::Edtf;
use minutebook_domain::document::key;
use minutebook_domain::event::{Citation, DeedStep};
use minutebook_domain::ids::{Key, Kind};
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Refusal;
use minutebook_domain::value::Value;
use serde_json::json;

use crate::support::{Ledger, codes, document, id, record, text};

thread_local! {
    static RAISED: std::cell::RefCell<Vec<&'static str>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Notes that a code was raised, for the test that every code has a test.
pub(crate) fn raised(code: &'static str) {
    RAISED.with_borrow_mut(|all| all.push(code));
}

/// The codes that were raised by this test so far; they are forgotten.
pub(crate) fn take_raised() -> Vec<&'static str> {
    RAISED.take()
}

/// A ledger in which these were recorded, one after the other.
pub(crate) fn given(commands: impl IntoIterator<Item = Command>) -> Ledger {
    let mut ledger = Ledger::new();
    for command in commands {
        ledger.record(&command).unwrap_or_else(|refusal| panic!("given was refused: {refusal:?}"));
    }
    ledger
}

impl Ledger {
    /// Asks for one more thing.
    pub(crate) fn when(mut self, command: impl Into<Command>) -> Then {
        let before = self.clone();
        let answer = self.record(&command.into());
        Then { before, ledger: self, answer }
    }
}

/// What came of it.
pub(crate) struct Then {
    before: Ledger,
    ledger: Ledger,
    answer: Result<std::ops::Range<u64>, Refusal>,
}

impl Then {
    /// It gave events of these names.
    #[track_caller]
    pub(crate) fn then(self, names: &[&str]) -> Ledger {
        let range = self.answer.unwrap_or_else(|refusal| panic!("refused: {refusal:?}"));
        let events = self.ledger.events.iter().filter(|event| range.contains(&event.position));
        let recorded: Vec<_> = events.map(|event| event.event.payload.name()).collect();
        assert_eq!(recorded, names);
        self.ledger
    }

    /// It was recorded; its events do not matter here.
    #[track_caller]
    pub(crate) fn then_recorded(self) -> Ledger {
        let range = self.answer.unwrap_or_else(|refusal| panic!("refused: {refusal:?}"));
        assert!(!range.is_empty(), "nothing was recorded");
        self.ledger
    }

    /// It was refused with this code alone, in both languages, and nothing was recorded.
    #[track_caller]
    pub(crate) fn then_refused(self, code: &str) -> Refusal {
        self.then_refused_with(&[code])
    }

    /// It was refused with these codes, in the order of the problems.
    #[track_caller]
    pub(crate) fn then_refused_with(self, expected: &[&str]) -> Refusal {
        let refusal = self.answer.expect_err("it was recorded");
        let mut found = codes(&refusal);
        found.dedup();
        assert_eq!(found, expected, "{refusal:?}");
        found.into_iter().chain([refusal.code()]).for_each(raised);
        assert_eq!(self.before.book, self.ledger.book, "a refusal left events");
        for lang in [Lang::Nl, Lang::En] {
            let message = refusal.message(lang);
            assert!(!message.contains('\n') && message.len() > 20, "{message:?}");
        }
        refusal
    }
}

pub(crate) fn import(value: Value) -> Command {
    Command::Import(ImportDocument { document: document(value), expected_revision: None })
}

pub(crate) fn state(kind: Kind, value: Value) -> Command {
    state_from(None, kind, value)
}

/// The same statement, with the reason for it.
pub(crate) fn because(reason: &str, command: Command) -> Command {
    let Command::State(state) = command else { unreachable!("only a statement is explained like this") };
    Command::State(StateRecord { reason: Some(text(reason)), ..state })
}

/// A decision that is recorded alone.
pub(crate) fn decision(name: &str, body: &str, kind: &str, date: &str) -> Command {
    state(Kind::Decision, json!({"id": name, "body": body, "kind": kind, "date": date}))
}

/// States a record that holds from a date.
pub(crate) fn state_from(effective: Option<&str>, kind: Kind, value: Value) -> Command {
    Command::State(StateRecord {
        agenda: None,
        record: record(kind, value),
        effective: effective.map(|text| minutebook_domain::dates::Edtf::new(text).unwrap()),
        reason: None,
        expected_revision: None,
    })
}

/// The address of a record of the test agenda.
pub(crate) fn at(kind: Kind, name: &str) -> Key {
    key(kind, &id(name), Some(&id("agenda")), None)
}

/// A correction of one field, with no more than it needs; the rest is set on it.
pub(crate) fn correct(key: Key, field: &str, new: Value) -> CorrectField {
    let reason = text("Verkeerd overgenomen.");
    CorrectField {
        key,
        field: field.into(),
        old: None,
        new,
        reason,
        corrects: None,
        citation: None,
        expected_revision: None,
    }
}

/// A citation in the form that commands hold it.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn quoted(quote: &str) -> Option<Citation> {
    Some(Citation { source: id("visie"), lines: None, quote: Some(text(quote)), confidence: None })
}

/// A late fact, decided by the adopting decision of the first edition.
pub(crate) fn late(key: Key, effective: &str, fields: Value) -> LateFact {
    LateFact {
        key,
        fields: crate::support::object(fields).into_iter().collect(),
        effective: minutebook_domain::dates::Edtf::new(effective).unwrap(),
        reason: text("Pas later bekend geworden."),
        decision: Some(id("d-2016")),
        citation: None,
        expected_revision: None,
    }
}

pub(crate) fn resolve(key: Key, words: &str) -> Command {
    Command::ResolveDoubt(ResolveDoubt { key, text: text(words), expected_revision: None })
}

/// What is done with a record, for a reason; the rest is set on it.
pub(crate) fn deed(kind: Kind, name: &str, step: DeedStep) -> DoDeed {
    DoDeed {
        key: at(kind, name),
        step,
        decision: None,
        effective: None,
        reason: Some(text("Zo is het afgesproken.")),
        expected_revision: None,
    }
}

/// What is asked for, with more or less said of it.
pub(crate) trait Asked {
    /// By a decision.
    fn by(self, decision: &str) -> Self;
    /// From a date.
    fn from(self, date: &str) -> Self;
    /// Without a reason.
    fn unexplained(self) -> Self;
}

impl Asked for DoDeed {
    fn by(self, decision: &str) -> Self {
        Self { decision: Some(id(decision)), ..self }
    }

    fn from(self, date: &str) -> Self {
        Self { effective: Some(Edtf::new(date).unwrap()), ..self }
    }

    fn unexplained(self) -> Self {
        Self { reason: None, ..self }
    }
}

/// A document that is changed a little before it is handed in.
pub(crate) trait Doc: Sized {
    /// Sets fields of a record, wherever it is nested; `null` takes a field away.
    fn patch(self, section: &str, id: &str, fields: Value) -> Self;
    /// Adds a record to a section.
    fn add(self, section: &str, record: Value) -> Self;
    /// Adds a record to a section of another record.
    fn add_under(self, parents: &str, parent: &str, section: &str, record: Value) -> Self;
    /// Takes a record out, with all that is nested in it.
    fn without(self, section: &str, id: &str) -> Self;
    /// Sets a whole section.
    fn section(self, section: &str, value: Value) -> Self;
    /// Adds an entry of `changes`, complete but for what is given.
    fn change(self, kind: &str, fields: Value) -> Self;
}

impl Doc for Value {
    fn patch(mut self, section: &str, id: &str, fields: Value) -> Self {
        let target =
            if matches!(section, "agenda" | "edition") { self.get_mut(section) } else { find(&mut self, section, id) };
        let map = target.and_then(Value::as_object_mut).unwrap_or_else(|| panic!("no {section} {id}"));
        for (field, value) in crate::support::object(fields) {
            if value.is_null() {
                map.remove(&field)
            } else {
                map.insert(field, value)
            };
        }
        self
    }

    fn add(mut self, section: &str, record: Value) -> Self {
        push(&mut self, section, record);
        self
    }

    fn add_under(mut self, parents: &str, parent: &str, section: &str, record: Value) -> Self {
        push(find(&mut self, parents, parent).expect("no such parent"), section, record);
        self
    }

    fn without(mut self, section: &str, id: &str) -> Self {
        take(&mut self, section, id).unwrap_or_else(|| panic!("no {section} {id}"));
        self
    }

    fn section(mut self, section: &str, value: Value) -> Self {
        self.as_object_mut().unwrap().insert(section.into(), value);
        self
    }

    fn change(self, kind: &str, fields: Value) -> Self {
        let n = self.get("changes").and_then(Value::as_array).map_or(0, Vec::len) + 1;
        let mut entry = json!({"id": format!("c-{n}"), "kind": kind, "reason": "Herijking.", "decided_by": "gs",
            "decision": "d-2018"});
        if kind == "dropped" {
            entry["disposition"] = "completed".into();
        }
        let map = entry.as_object_mut().unwrap();
        for (field, value) in crate::support::object(fields) {
            if value.is_null() {
                map.remove(&field)
            } else {
                map.insert(field, value)
            };
        }
        self.add("changes", entry)
    }
}

fn push(parent: &mut Value, section: &str, record: Value) {
    let map = parent.as_object_mut().unwrap();
    map.entry(section).or_insert_with(|| json!([])).as_array_mut().unwrap().push(record);
}

/// A record of a section, wherever it is nested.
pub(crate) fn find<'a>(value: &'a mut Value, section: &str, id: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(map) => map.iter_mut().find_map(|(key, value)| {
            let list = value.as_array_mut()?;
            let here = if key == section { list.iter().position(|record| record["id"] == id) } else { None };
            match here {
                Some(place) => list.get_mut(place),
                None => list.iter_mut().find_map(|record| find(record, section, id)),
            }
        }),
        _ => None,
    }
}

/// Takes a record out of its section, wherever it is nested.
pub(crate) fn take(value: &mut Value, section: &str, id: &str) -> Option<Value> {
    let map = value.as_object_mut()?;
    map.iter_mut().find_map(|(key, value)| {
        let list = value.as_array_mut()?;
        let here = if key == section { list.iter().position(|record| record["id"] == id) } else { None };
        match here {
            Some(place) => Some(list.remove(place)),
            None => list.iter_mut().find_map(|record| take(record, section, id)),
        }
    })
}

/// A first edition: one theme, two policy items, four actions, one amount; with a dated decision.
pub(crate) fn first() -> Value {
    json!({
        "sources": [{"id": "visie", "title": "Visie", "file": "visie.txt", "lines": 2400}],
        "agenda": {"id": "agenda", "title": "Uitvoeringsagenda", "owner": "provincie"},
        "edition": {"id": "2016-2017", "first_year": 2016, "last_year": 2017, "adopted_by": "gs", "decision": "d-2016",
            "effective": "2016-01-01", "horizon": "2016/2017"},
        "bodies": [{"id": "gs", "name": "Gedeputeerde Staten"}, {"id": "ps", "name": "Provinciale Staten"},
            {"id": "stuurgroep", "name": "Stuurgroep"}],
        "mandates": [{"id": "m-gs", "body": "gs", "may": "adopt-agenda"},
            {"id": "m-ps", "body": "ps", "may": "adopt-framework"},
            {"id": "m-advies", "body": "stuurgroep", "may": "advise"}],
        "parties": [{"id": "provincie", "name": "Provincie Drenthe"}, {"id": "emmen", "name": "Gemeente Emmen"},
            {"id": "coevorden", "name": "Gemeente Coevorden"}],
        "roles": [{"id": "stimuleren", "name": "stimuleren"}, {"id": "regisseren", "name": "regisseren"}],
        "themes": [{"id": "zorg", "title": "Zorg", "goal": "Goede zorg",
            "subtasks": [{"id": "aanbod", "title": "Zorgaanbod", "source_line": 10}],
            "policy_items": [
                {"id": "kwaliteit", "subtask": "aanbod", "title": "Kwaliteit", "roles": ["stimuleren"], "actions": [
                    {"id": "meting", "title": "Meting", "partners": ["emmen"], "source_line": 12},
                    {"id": "website", "title": "Website", "amounts": ["geld"], "period": {"to": 2018}},
                    {"id": "lobby", "title": "Lobby", "horizon": "short"}]},
                {"id": "pilots", "title": "Pilots", "actions": [{"id": "pilot", "title": "Pilot", "summary": "Een"}]}]}],
        "amounts": [{"id": "geld", "what": "Website", "eur": 600_000, "per": "year", "action": "website"}],
        "decisions": [{"id": "d-2016", "body": "gs", "kind": "adopt-agenda", "date": "2015-12-15"}],
        "milestones": [{"id": "oplevering", "what": "Oplevering", "due": "2017", "action": "website"}],
        "process": [{"year": 2016, "step": "Herijking", "window": "najaar", "body": "gs"}],
    })
}

/// The next edition: the same items, a dated decision, no changes yet.
pub(crate) fn next() -> Value {
    edition_after(first(), "2018-2019", "2018-01-01")
}

/// A document as the start of a later edition, with its own decision.
pub(crate) fn edition_after(document: Value, label: &str, effective: &str) -> Value {
    let (first_year, last_year) = label.split_once('-').unwrap_or((label, label));
    let decision = format!("d-{first_year}");
    document
        .section("changes", json!([]))
        .section(
            "edition",
            json!({"id": label, "first_year": first_year, "last_year": last_year, "adopted_by": "gs",
            "decision": decision, "effective": effective}),
        )
        .section("decisions", json!([{"id": decision, "body": "gs", "kind": "adopt-agenda", "date": effective}]))
}

/// The next edition, with one action changed as its entry says.
pub(crate) fn next_with_change() -> Value {
    next().patch("actions", "meting", json!({"title": "Nulmeting"})).change("changed", json!({"action": "meting"}))
}
