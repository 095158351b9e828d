//! `history` and `blame`: every event of a record, and who last set a field.

use clap::Args;
use minutebook_domain::value::Value;
use minutebook_proto::{pb, value_from_pb};
use serde_json::{Map, json};

use super::args::{self, FieldName, RecordName};
use super::changes::{difference, reasons};
use super::connect::Session;
use super::failure::Failure;
use super::page::Page;
use super::words::{Words, instant};
use super::{Output, json};

/// Which record.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook history egpo-invoering\n  \
                        minutebook history decision/gs-2017-12-uitvoeringsagenda\n  \
                        minutebook history explanation/krimp-en-leefbaarheid/3.1")]
pub(crate) struct History {
    /// An action, or KIND/ID (explanation/AGENDA/ID, change/AGENDA/EDITION/ID)
    #[arg(value_parser = args::record)]
    record: RecordName,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
}

/// Which field.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook blame egpo-invoering.title\n  \
                        minutebook blame amount/kknn-leerstoel-jaarlijks.eur")]
pub(crate) struct Blame {
    /// A field of an action, or KIND/ID.FIELD
    #[arg(value_parser = args::field)]
    field: FieldName,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
}

impl History {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let key = self.record.to_pb();
        let request = pb::GetHistoryRequest { key: Some(key.clone()), known: self.known, min_position: None };
        let answer = session.agenda().get_history(request).await?.into_inner();
        let as_json = || {
            let mut map = json::key("kind", Some(&key));
            map.insert("label".to_owned(), answer.label.as_str().into());
            map.insert("position".to_owned(), answer.position.into());
            map.insert("entries".to_owned(), answer.entries.iter().map(entry_json).collect());
            map.into()
        };
        output.answer(as_json, |page| {
            page.title(&format!("{}: {}", output.words.key(Some(&key)), answer.label));
            for entry in &answer.entries {
                write_entry(page, output.words, entry, Some(&key));
            }
        })
    }
}

impl Blame {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let key = self.field.record.to_pb();
        let field = self.field.field;
        let request =
            pb::GetBlameRequest { key: Some(key.clone()), field: field.clone(), known: self.known, min_position: None };
        let answer = session.agenda().get_blame(request).await?.into_inner();
        let value = json::value(answer.value.as_ref());
        let stated = stated_in(&answer);
        let as_json = || {
            let mut map = json::key("kind", Some(&key));
            map.insert("field".to_owned(), field.as_str().into());
            map.insert("value".to_owned(), value.clone());
            map.insert("position".to_owned(), answer.position.into());
            map.insert("set_by".to_owned(), answer.set_by.as_ref().map(entry_json).unwrap_or_default());
            map.insert("stated_in".to_owned(), stated.clone().into());
            map.into()
        };
        output.answer(as_json, |page| {
            let w = output.words;
            page.title(&format!("{}: {field}", w.key(Some(&key))));
            page.note(&w.value(&field, &value));
            if let Some(entry) = &answer.set_by {
                write_entry(page, w, entry, Some(&key));
            }
            page.section(w.pick("Waar het staat", "Where it is stated"));
            if stated.is_empty() {
                page.detail("", w.not_stated());
            }
            for (name, value) in &stated {
                page.detail(name, &w.value(name, value));
            }
        })
    }
}

/// The source and lines that the record refers to, in a fixed order.
fn stated_in(answer: &pb::GetBlameResponse) -> Map<String, Value> {
    let names = ["source_doc", "source_line", "lines", "quote", "confidence"];
    let stated = names.into_iter().filter_map(|name| Some((name, answer.stated_in.get(name)?.clone())));
    stated.map(|(name, value)| (name.to_owned(), value_from_pb(value))).collect()
}

/// An event of a record for programs.
pub(super) fn entry_json(entry: &pb::HistoryEntry) -> Value {
    let why = entry.why.as_ref();
    let mut map = json::key("kind", entry.key.as_ref());
    let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
    put("position", why.map(|why| why.position).into());
    put("recorded_at", instant(entry.recorded_at_ms).into());
    put("event", entry.event.as_str().into());
    put("actor", json::actor(entry.actor.as_ref()));
    put("fields", json::fields(&entry.fields));
    put("citations", entry.citations.iter().map(json::citation).collect());
    if let Some(resolution) = &entry.resolution {
        put("resolution", json!(resolution));
    }
    if !entry.into.is_empty() {
        put("from", json!(entry.from));
        put("into", json!(entry.into));
    }
    if entry.disposition() != pb::Disposition::Unspecified {
        put("disposition", json::disposition(entry.disposition()));
    }
    map.extend(json::why(why));
    map.into()
}

/// One event: what it set, why, who decided, who recorded it, and where it is stated.
pub(super) fn write_entry(page: &mut Page, w: Words, entry: &pb::HistoryEntry, asked: Option<&pb::RecordKey>) {
    let position = entry.why.as_ref().map_or(0, |why| why.position);
    page.gap();
    let at = w.pick("gebeurtenis", "event");
    page.item(&format!("{at} {position} {}", entry.event), &instant(entry.recorded_at_ms));
    if entry.key.as_ref() != asked {
        page.detail("", &w.key(entry.key.as_ref()));
    }
    for change in &entry.fields {
        page.detail(&change.field, &difference(w, change));
    }
    if !entry.into.is_empty() {
        page.detail(w.pick("uit", "from"), &entry.from.join(", "));
        page.detail(w.pick("in", "into"), &entry.into.join(", "));
    }
    if entry.disposition() != pb::Disposition::Unspecified {
        page.detail(w.pick("afloop", "outcome"), w.disposition(entry.disposition()));
    }
    for (name, text) in entry.why.as_ref().map(|why| reasons(w, why)).unwrap_or_default() {
        page.detail(name, &text);
    }
    if let Some(resolution) = &entry.resolution {
        page.detail(w.pick("uitkomst van de twijfel", "how the doubt was settled"), resolution);
    }
    page.detail(w.pick("vastgelegd door", "recorded by"), &w.actor(entry.actor.as_ref()));
    for citation in &entry.citations {
        page.detail(w.pick("bron", "source"), &w.citation(citation));
    }
}
