//! What the rule tests share: documents from JSON, and a ledger in memory that reads like minutes.

use minutebook_domain::book::Book;
use minutebook_domain::command::{Command, Context};
use minutebook_domain::dates::Timestamp;
use minutebook_domain::document::Document;
use minutebook_domain::event::{Actor, Founding, Recorded};
use minutebook_domain::fold::Replay;
use minutebook_domain::ids::{Id, Kind, Position, RequestId};
use minutebook_domain::record::Record;
use minutebook_domain::refusal::{Refusal, Rejection};
use minutebook_domain::value::{Name, Text, Value};
use serde_json::Map;

pub(crate) fn id(text: &str) -> Id {
    Id::any(text).unwrap()
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

/// A record of a kind from its document form.
pub(crate) fn record(kind: Kind, value: Value) -> Record {
    let Value::Object(mut map) = value else { panic!("a record is an object") };
    let id = map.remove("id").map_or_else(|| id("1"), |text| id(text.as_str().unwrap()));
    Record::read(kind, id, &map).unwrap_or_else(|faults| panic!("{kind}: {faults:?}"))
}

/// A document from its JSON form.
pub(crate) fn document(value: Value) -> Document {
    let Value::Object(mut map) = value else { panic!("a document is an object") };
    let mut document = Document { invented: map.remove("invented") == Some(true.into()), ..Document::default() };
    for kind in Kind::ALL {
        let Some(section) = map.remove(kind.section()) else { continue };
        match kind {
            Kind::Agenda | Kind::Edition => match record(kind, section) {
                Record::Agenda(agenda) => document.agenda = Some(agenda),
                Record::Edition(edition) => document.edition = Some(edition),
                _ => {}
            },
            Kind::Theme => list(section).into_iter().for_each(|theme| add_theme(&mut document, theme)),
            Kind::Step => {
                for (n, step) in list(section).into_iter().enumerate() {
                    let Value::Object(map) = step else { panic!("a step is an object") };
                    document.records.push(Record::read(kind, id(&format!("{}", n + 1)), &map).unwrap());
                }
            }
            _ => document.records.extend(list(section).into_iter().map(|value| record(kind, value))),
        }
    }
    assert!(map.is_empty(), "unknown sections: {map:?}");
    document
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        other => panic!("not a list: {other}"),
    }
}

fn add_theme(document: &mut Document, mut theme: Value) {
    let map = theme.as_object_mut().unwrap();
    let (subtasks, items) = (map.remove("subtasks"), map.remove("policy_items"));
    let parent = map["id"].clone();
    document.records.push(record(Kind::Theme, theme));
    let under = |mut value: Value, field: &str, parent: &Value| {
        value.as_object_mut().unwrap().insert(field.into(), parent.clone());
        value
    };
    for subtask in list(subtasks.unwrap_or_default()) {
        document.records.push(record(Kind::Subtask, under(subtask, "theme", &parent)));
    }
    for mut item in list(items.unwrap_or_default()) {
        let actions = item.as_object_mut().unwrap().remove("actions");
        let item_id = item["id"].clone();
        document.records.push(record(Kind::PolicyItem, under(item, "theme", &parent)));
        for action in list(actions.unwrap_or_default()) {
            document.records.push(record(Kind::Action, under(action, "policy_item", &item_id)));
        }
    }
}

/// The command that begins a ledger.
pub(crate) fn found() -> Command {
    let name = |text| Name::new(text).unwrap();
    Command::Found(Founding {
        ledger: id("test-ledger"),
        name: name("Test"),
        organisation: None,
        zone: name("Europe/Amsterdam"),
        format: 1,
        tool: name("test"),
        verifier_key: None,
    })
}

/// A ledger in memory: its events, and the book that they come to.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) book: Book,
    pub(crate) events: Vec<Recorded>,
    requests: u32,
}

impl Ledger {
    /// A founded ledger.
    pub(crate) fn new() -> Self {
        let mut ledger = Self::default();
        ledger.record(&found()).unwrap();
        ledger
    }

    /// The context of the next request; each is a minute later than the one before, on 1 March 2020.
    pub(crate) fn context(&self) -> Context {
        Context {
            now: Timestamp(1_583_020_800_000 + i64::from(self.requests) * 60_000),
            today: "2020-03-01".parse().unwrap(),
            request_id: RequestId::new(&format!("r-{}", self.requests)).unwrap(),
            actor: Actor::default(),
        }
    }

    /// Decides on a command and records what it gives; the positions of its events.
    pub(crate) fn record(&mut self, command: &Command) -> Result<std::ops::Range<Position>, Refusal> {
        self.record_as(command, Actor::default())
    }

    /// Does so when this actor asks.
    pub(crate) fn record_as(&mut self, command: &Command, actor: Actor) -> Result<std::ops::Range<Position>, Refusal> {
        let context = Context { actor, ..self.context() };
        self.requests += 1;
        let drafts = match self.book.decide(command, &context, &self.events) {
            Ok(drafts) => drafts,
            Err(Rejection::Refused(refusal)) => return Err(refusal),
            Err(Rejection::Unreadable(unreadable)) => panic!("{unreadable}"),
        };
        let first = self.book.head();
        for draft in drafts {
            let recorded = draft.record(self.book.head(), context.now);
            self.book.apply(&recorded);
            self.events.push(recorded);
        }
        Ok(first..self.book.head())
    }

    /// The same ledger, replayed from its events in two goes, as a start from a snapshot at that place does.
    pub(crate) fn replayed(&self, snapshot: usize) -> Book {
        let (before, after) = self.events.split_at(snapshot.min(self.events.len()));
        let go_on = |book, events: &[Recorded]| {
            let mut replay = Replay::of(book);
            for event in events {
                replay.take_in(event.clone());
            }
            replay.finish()
        };
        go_on(go_on(Book::default(), before), after)
    }
}

/// The codes of a refusal: of a document those of all its problems.
pub(crate) fn codes(refusal: &Refusal) -> Vec<&'static str> {
    match refusal {
        Refusal::Document { problems } => problems.0.iter().map(|problem| problem.refusal.code()).collect(),
        other => vec![other.code()],
    }
}

/// The object of a JSON value.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}
