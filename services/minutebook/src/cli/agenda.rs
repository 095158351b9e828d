//! `agenda list` and `agenda show`: which agendas there are, and how one reads at a point in time.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use minutebook_domain::document::Document;
use minutebook_domain::ids::Kind;
use minutebook_domain::record::Record;
use minutebook_domain::value::{Value, is_unstated};
use minutebook_proto::{pb, record_from_pb};
use serde_json::{Map, json};

use super::connect::Session;
use super::failure::{Exit, Failure};
use super::page::Page;
use super::words::{Words, instant};
use super::{Output, args, json};

/// Agendas.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook agenda show krimp-en-leefbaarheid")]
pub(crate) struct Agenda {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the agendas with their revisions
    #[command(after_help = "Example:\n  minutebook agenda list")]
    List,
    /// Show how an agenda reads
    Show(Show),
}

/// Which state of an agenda.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook agenda show krimp-en-leefbaarheid --valid 2017-03-01")]
struct Show {
    /// The agenda
    agenda: String,
    /// An edition, or one of its revisions (2018-2019@1)
    #[arg(long, value_name = "EDITION", value_parser = args::edition, conflicts_with = "valid")]
    edition: Option<pb::EditionName>,
    /// What held on this day
    #[arg(long, value_name = "DAY", value_parser = args::day)]
    valid: Option<String>,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
}

impl Agenda {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.command {
            Command::List => list(session, output).await,
            Command::Show(show) => show.run(session, output).await,
        }
    }
}

async fn list(session: &Session, output: Output) -> Result<(), Failure> {
    let answer = session.agenda().list_agendas(pb::ListAgendasRequest::default()).await?.into_inner();
    let summary = |summary: &pb::AgendaSummary| {
        let agenda = summary.agenda.clone().map(pb::record::Record::Agenda).map(json::record).unwrap_or_default();
        json!({"agenda": agenda, "revisions": summary.revisions.iter().map(json::revision).collect::<Vec<_>>()})
    };
    let as_json =
        || json!({"position": answer.position, "agendas": answer.agendas.iter().map(summary).collect::<Vec<_>>()});
    output.answer(as_json, |page| {
        let w = output.words;
        if answer.agendas.is_empty() {
            page.note(w.pick(
                "Er zijn nog geen agenda's; `minutebook import` legt er een vast.",
                "There are no agendas yet; `minutebook import` records one.",
            ));
        }
        for summary in &answer.agendas {
            let agenda = summary.agenda.clone().unwrap_or_default();
            page.item(&agenda.id, &agenda.title);
            summary.revisions.iter().for_each(|revision| page.detail("", &revision_line(w, revision)));
        }
    })
}

/// The agenda that is named, or else the only one that there is.
pub(crate) async fn named_or_only(session: &Session, named: Option<String>, w: Words) -> Result<String, Failure> {
    if let Some(agenda) = named {
        return Ok(agenda);
    }
    let answer = session.agenda().list_agendas(pb::ListAgendasRequest::default()).await?.into_inner();
    let mut ids = answer.agendas.into_iter().filter_map(|summary| summary.agenda).map(|agenda| agenda.id);
    match (ids.next(), ids.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => {
            let (nl, en) = (
                "er zijn nog geen agenda's; `minutebook import` legt er een vast",
                "there are no agendas yet; `minutebook import` records one",
            );
            Err(Failure::new(Exit::NotFound, "NOT_FOUND", w.pick(nl, en)))
        }
        (Some(_), Some(_)) => {
            let (nl, en) = (
                "er zijn meer agenda's; noem er een met --agenda",
                "there are several agendas; name one with --agenda",
            );
            Err(Failure::usage(w.pick(nl, en)))
        }
    }
}

/// `2018-2019@1, from 2018-01-01, adopted with … (event 912)`.
pub(crate) fn revision_line(w: Words, revision: &pb::Revision) -> String {
    let seal = revision.seal.clone().unwrap_or_default();
    let from = w.pick("vanaf", "from");
    let adopted = w.pick("vastgesteld met", "adopted with");
    let event = w.pick("gebeurtenis", "event");
    let mandate = match &seal.mandate {
        Some(mandate) => format!("{} {mandate}", w.pick("onder mandaat", "under mandate")),
        None => w.pick("mandaat niet na te gaan", "mandate not verifiable").to_owned(),
    };
    let invented = if revision.invented { format!("; {}", w.invented()) } else { String::new() };
    let pb::Edition { id: edition, decision, effective, .. } = seal.edition.unwrap_or_default();
    let (effective, number, position) = (w.date(effective.as_ref()), seal.revision, revision.position);
    format!("{edition}@{number}, {from} {effective}, {adopted} {decision}, {mandate} ({event} {position}){invented}")
}

impl Show {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let request = pb::GetAgendaRequest {
            agenda: self.agenda,
            edition: self.edition,
            valid: self.valid,
            known: self.known,
            min_position: None,
        };
        let answer = session.agenda().get_agenda(request).await?.into_inner();
        let document = document(&answer)?;
        let as_json = || {
            json!({
                "position": answer.position,
                "revision": answer.revision.as_ref().map(json::revision),
                "uncertain": answer.uncertain,
                "term_passed": answer.term_passed,
                "in_force": answer.in_force,
                "document": document.to_value(),
            })
        };
        output.answer(as_json, |page| Shown { page, w: output.words, document: &document }.write(&answer))
    }
}

/// The answer as a document.
fn document(answer: &pb::GetAgendaResponse) -> Result<Document, Failure> {
    let read = |record: pb::record::Record| {
        record_from_pb(Some(pb::Record { record: Some(record) })).map_err(|fault| {
            Failure::new(Exit::Unreachable, "ANSWER", format!("the answer is not understood: {fault}"))
        })
    };
    let edition = answer.revision.as_ref().and_then(|revision| revision.seal.clone()).and_then(|seal| seal.edition);
    let mut document = Document {
        invented: answer.revision.as_ref().is_some_and(|revision| revision.invented),
        ..Document::default()
    };
    let heads = answer.agenda.clone().map(pb::record::Record::Agenda).into_iter();
    let heads = heads.chain(edition.map(pb::record::Record::Edition));
    for record in heads.chain(answer.records.iter().filter_map(|record| record.record.clone())) {
        match read(record)? {
            Record::Agenda(agenda) => document.agenda = Some(agenda),
            Record::Edition(edition) => document.edition = Some(edition),
            record => document.records.push(record),
        }
    }
    Ok(document)
}

/// An agenda as people read it: themes, what stands under them, and the actions.
struct Shown<'a> {
    page: &'a mut Page,
    w: Words,
    document: &'a Document,
}

impl Shown<'_> {
    fn write(&mut self, answer: &pb::GetAgendaResponse) {
        let w = self.w;
        self.page.title(self.document.agenda.as_ref().map_or("", |agenda| agenda.title.as_str()));
        if self.document.invented {
            self.page.banner(w.invented());
        }
        if let Some(revision) = &answer.revision {
            self.page.note(&revision_line(w, revision));
            let at = w.pick("Vastgelegd op", "Recorded at");
            self.page.note(&format!("{at} {}.", instant(revision.recorded_at_ms)));
        }
        if answer.upcoming {
            let edition = answer.revision.as_ref().and_then(|revision| revision.seal.as_ref()?.edition.as_ref());
            let from = w.date(edition.and_then(|edition| edition.effective.as_ref()));
            let (nl, en) = (format!("Nog niet van kracht (vanaf {from})."), format!("Not yet in force (from {from})."));
            self.page.note(&w.pick(nl, en));
        }
        if answer.term_passed {
            let (nl, en) =
                ("Looptijd verstreken: geldt tot een volgende editie.", "Term has passed: holds until a next edition.");
            self.page.note(w.pick(nl, en));
        }
        if answer.uncertain {
            let (nl, en) = (
                "Onzeker: hangt ervan af hoe een onnauwkeurige datum wordt gelezen.",
                "Uncertain: depends on how an imprecise date is read.",
            );
            self.page.note(w.pick(nl, en));
        }
        let document = self.document;
        let headers = [document.agenda.clone().map(Record::from), document.edition.clone().map(Record::from)];
        for header in headers.into_iter().flatten() {
            self.rest(1, &header, &["adopted_by", "decision", "effective"]);
        }
        for theme in document.of(Kind::Theme) {
            self.page.section(&format!("{} {}: {}", w.kind(Kind::Theme), theme.id(), theme.label()));
            self.rest(1, theme, &[]);
            for subtask in under(document, Kind::Subtask, "theme", theme) {
                self.page.entry(1, &format!("{} {}", w.kind(Kind::Subtask), subtask.id()), &subtask.label());
                self.rest(2, subtask, &["theme"]);
            }
            for item in under(document, Kind::PolicyItem, "theme", theme) {
                self.policy_item(item);
            }
        }
        self.counts();
    }

    fn policy_item(&mut self, item: &Record) {
        let w = self.w;
        self.page.gap();
        self.page.entry(1, &format!("{} {}", w.kind(Kind::PolicyItem), item.id()), &item.label());
        self.stated(2, item, &["subtask", "roles"]);
        self.rest(2, item, &["theme", "subtask", "roles"]);
        for action in under(self.document, Kind::Action, "policy_item", item) {
            self.page.entry(2, &format!("{} {}", w.kind(Kind::Action), action.id()), &action.label());
            self.stated(3, action, &["partners", "period"]);
            self.page.detail_at(3, "amounts", &self.amounts(action));
            self.rest(3, action, &["policy_item", "partners", "period", "amounts"]);
        }
    }

    /// These fields, and of the absent ones that they are not stated.
    fn stated(&mut self, depth: usize, record: &Record, fields: &[&str]) {
        for field in fields {
            self.page.detail_at(depth, field, &self.w.value(field, &record.value(field)));
        }
    }

    /// The other fields, as far as stated; the label stands above them, and where each is stated `blame` tells.
    fn rest(&mut self, depth: usize, record: &Record, told: &[&str]) {
        for (field, value) in record.write() {
            let name = field.as_str();
            let aside = matches!(name, "title" | "source_doc" | "source_line" | "lines" | "quote" | "confidence");
            if !aside && !told.contains(&name) && !is_unstated(&value) {
                self.page.detail_at(depth, name, &self.w.value(name, &value));
            }
        }
    }

    /// The sums of an action, as the document states them.
    fn amounts(&self, action: &Record) -> String {
        let named = action.value("amounts");
        let ids = named.as_array().map(Vec::as_slice).unwrap_or_default();
        let sum = |id: &Value| {
            let amount = self.document.of(Kind::Amount).find(|amount| Some(amount.id().as_str()) == id.as_str())?;
            let mut map: Map<String, Value> = amount.write();
            map.insert("id".to_owned(), id.clone());
            Some(self.w.amount(&map))
        };
        let sums: Vec<_> = ids.iter().map(|id| sum(id).unwrap_or_else(|| self.w.value("id", id))).collect();
        if sums.is_empty() { self.w.not_stated().to_owned() } else { sums.join("; ") }
    }

    /// How many records of each other kind the edition states.
    fn counts(&mut self) {
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for record in &self.document.records {
            *counts.entry(record.kind()).or_default() += 1;
        }
        let words = counts.iter().map(|(kind, count)| format!("{} {count}", self.w.kind(*kind)));
        let list = words.collect::<Vec<_>>().join(", ");
        self.page.gap();
        self.page.note(&format!("{} {list}.", self.w.pick("Aantallen:", "Counts:")));
        self.page.note(self.w.pick(
            "Waar iets in de bron staat zegt `minutebook blame`; `--format json` toont ook wat hier alleen geteld is.",
            "`minutebook blame` tells where the source says so; `--format json` has what is only counted here as well.",
        ));
    }
}

/// The records of a kind that name this one as what they stand under, in the document's order.
fn under<'a>(
    document: &'a Document,
    kind: Kind,
    field: &'a str,
    parent: &'a Record,
) -> impl Iterator<Item = &'a Record> {
    document.of(kind).filter(move |record| record.value(field).as_str() == Some(parent.id().as_str()))
}
