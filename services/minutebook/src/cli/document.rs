//! `plan`, `import`, `draft` and `export`: agenda documents going in and coming out.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use minutebook_domain::message::Lang;
use minutebook_domain::value::Value;
use minutebook_proto::pb;
use pb::import_document_request::Part;
use pb::planned_item::Motion;
use serde_json::json;
use tonic::Streaming;

use super::changes::control_line;
use super::connect::Session;
use super::failure::{Exit, Failure};
use super::ledger::progress;
use super::page::{Page, print_bytes};
use super::record::{Recording, receipt_line, sent};
use super::sources::{self, Differs};
use super::words::Words;
use super::{Format, Output, args, json};
use crate::import::{self, Violation};

/// How many bytes of a file go in one message.
const CHUNK: usize = 64 * 1024;
/// How often the spinner of an import moves.
const TICK: Duration = Duration::from_millis(100);

/// Which document.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook plan agenda-2018-2019.yaml --write")]
pub(crate) struct Plan {
    /// The document, YAML or JSON
    file: PathBuf,
    /// Add the entries that `changes` lacks to the file, to be filled in
    #[arg(long)]
    write: bool,
}

/// Which document.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook import agenda-2018-2019.yaml --capacity secretary --on-behalf-of gs")]
pub(crate) struct Import {
    /// The document, YAML or JSON
    file: PathBuf,
    #[command(flatten)]
    recording: Recording,
}

/// For which edition.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook draft krimp-en-leefbaarheid --edition 2020-2021 > next.yaml")]
pub(crate) struct Draft {
    /// The agenda
    agenda: String,
    /// The label of the next edition
    #[arg(long, value_name = "LABEL")]
    edition: String,
}

/// Which edition.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook export krimp-en-leefbaarheid --edition 2018-2019@1 > edition.yaml")]
pub(crate) struct Export {
    /// The agenda
    agenda: String,
    /// The edition, or one of its revisions; the current one unless given
    #[arg(long, value_name = "EDITION", value_parser = args::edition)]
    edition: Option<pb::EditionName>,
}

impl Plan {
    /// Works out the plan, and adds to the file what it lacks.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let bytes = read(&self.file)?;
        let differs = differing(&bytes, &self.file);
        let answer = hand_in(session, &bytes, pb::Write::default(), true).await?;
        let mut plan = answer.plan.unwrap_or_default();
        let refused = plan.problems.iter().filter(|problem| !is_missing(problem)).count();
        let missing: Vec<_> = plan.missing.iter().map(skeleton).collect();
        if self.write && !missing.is_empty() {
            write_missing(&self.file, &bytes, &missing, output.words)?;
        }
        let as_json = told(&plan, answer.position, &differs, None);
        if self.write {
            // What was added is no longer missing.
            plan.problems.retain(|problem| !is_missing(problem));
        }
        output.answer(
            || as_json,
            |page| {
                let mut report = Report { page, w: output.words };
                report.plan(&plan, &differs);
                report.missing(&missing, self.write);
            },
        )?;
        // That entries are still missing is what a plan is asked for; all else keeps the document out.
        if refused == 0 { Ok(()) } else { Err(unrecordable(refused, output.words, Vec::new())) }
    }
}

/// Is it that `changes` lacks entries?
fn is_missing(problem: &pb::Problem) -> bool {
    problem.code == "CHANGES_MISMATCH" && problem.id.is_empty()
}

impl Import {
    /// Records the document; a dry run tells only what that would do.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let bytes = read(&self.file)?;
        let differs = differing(&bytes, &self.file);
        let dry_run = self.recording.is_dry_run();
        let spinner = progress(ProgressBar::new_spinner());
        let (nl, en) = (format!("inlezen: {}", self.file.display()), format!("importing {}", self.file.display()));
        spinner.set_message(output.words.pick(nl, en));
        spinner.enable_steady_tick(TICK);
        let answer = hand_in(session, &bytes, self.recording.write(), dry_run).await;
        spinner.finish_and_clear();
        let answer = match answer {
            Err(failure) if failure.is("INVALID_DOCUMENT") => {
                return Err(in_full(session, &bytes, failure, output.words).await);
            }
            answer => answer?,
        };
        let plan = answer.plan.unwrap_or_default();
        let receipt = answer.receipt.as_ref();
        let refused = dry_run && !plan.problems.is_empty();
        if refused {
            return Err(refusal(&plan, output.words));
        }
        let as_json = || told(&plan, answer.position, &differs, receipt);
        output.answer(as_json, |page| {
            let w = output.words;
            Report { page, w }.plan(&plan, &differs);
            page.gap();
            page.note(&receipt_line(w, &receipt.cloned().unwrap_or_default(), dry_run));
        })
    }
}

/// A refused document with all that is wrong with it: the refusal has room for a part of it, a plan for all.
async fn in_full(session: &Session, bytes: &[u8], failure: Failure, w: Words) -> Failure {
    let planned = hand_in(session, bytes, pb::Write::default(), true).await;
    let plan = planned.ok().and_then(|answer| answer.plan).filter(|plan| !plan.problems.is_empty());
    plan.map_or(failure, |plan| refusal(&plan, w))
}

/// The refusal that a dry run foretells.
fn refusal(plan: &pb::Plan, w: Words) -> Failure {
    let details = plan.problems.iter().map(|problem| {
        let words = w.pick(&problem.message_nl, &problem.message_en);
        (place(problem, w), format!("{words} [{}]", problem.code))
    });
    unrecordable(plan.problems.len(), w, details.collect())
}

fn unrecordable(count: usize, w: Words, details: Vec<(String, String)>) -> Failure {
    let message = w.pick(
        format!("het document kan zo niet worden vastgelegd (bezwaren: {count})"),
        format!("the document cannot be recorded like this (problems: {count})"),
    );
    Failure::with(Exit::Refused, "INVALID_DOCUMENT", message, details)
}

/// `section id.field (line N)`; what is about no place is about the document.
fn place(problem: &pb::Problem, w: Words) -> String {
    let field = if problem.field.is_empty() { String::new() } else { format!(".{}", problem.field) };
    let line =
        if problem.line == 0 { String::new() } else { format!(" ({} {})", w.pick("regel", "line"), problem.line) };
    let place = format!("{} {}{field}{line}", problem.section, problem.id).trim().to_owned();
    if place.is_empty() { w.pick("het document", "the document").to_owned() } else { place }
}

impl Draft {
    /// Prints the draft.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let format = notation(output).into();
        let request =
            pb::DraftEditionRequest { agenda: self.agenda, edition: self.edition, format, min_position: None };
        let stream = session.agenda().draft_edition(request).await?.into_inner();
        pour(stream, |answer| answer.chunk).await
    }
}

impl Export {
    /// Prints the document.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let format = notation(output).into();
        let request =
            pb::ExportEditionRequest { agenda: self.agenda, edition: self.edition, format, min_position: None };
        let stream = session.agenda().export_edition(request).await?.into_inner();
        pour(stream, |answer| answer.chunk).await
    }
}

fn notation(output: Output) -> pb::DocumentFormat {
    if output.format == Format::Json { pb::DocumentFormat::Json } else { pb::DocumentFormat::Yaml }
}

/// Prints the parts of a document as they come.
async fn pour<T>(mut stream: Streaming<T>, chunk: impl Fn(T) -> Vec<u8>) -> Result<(), Failure> {
    while let Some(part) = stream.message().await? {
        print_bytes(&chunk(part))?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::of_file(file, &error))
}

/// A document that cannot be read has no sources to compare: what is wrong with it is the server's to say.
fn differing(bytes: &[u8], file: &Path) -> Vec<Differs> {
    import::parse(bytes).map(|parsed| sources::differing(&parsed, file)).unwrap_or_default()
}

/// Sends a document to be planned or recorded.
pub(crate) async fn hand_in(
    session: &Session,
    bytes: &[u8],
    write: pb::Write,
    plan_only: bool,
) -> Result<pb::ImportDocumentResponse, Failure> {
    let options = Part::Options(pb::ImportOptions { write: Some(write.clone()), plan_only });
    let chunks = bytes.chunks(CHUNK).map(|chunk| Part::Chunk(chunk.to_vec()));
    let parts: Vec<_> = std::iter::once(options).chain(chunks).collect();
    let parts = parts.into_iter().map(|part| pb::ImportDocumentRequest { part: Some(part) });
    sent(&write, session.ledger().import_document(tokio_stream::iter(parts))).await
}

/// An entry of `changes` to be filled in: what a person must add stands there as not stated.
fn skeleton(change: &pb::Change) -> Value {
    let mut value = json::record(pb::record::Record::Change(change.clone()));
    let dropped = change.kind() == pb::ChangeKind::Dropped;
    if let Some(map) = value.as_object_mut() {
        let asked = ["reason", "decided_by", "decision"].into_iter().chain(dropped.then_some("disposition"));
        for field in asked.collect::<Vec<_>>() {
            map.entry(field).or_insert(Value::Null);
        }
    }
    value
}

/// Adds entries to a file: a whole new file takes the place of the old one, or nothing happens.
fn write_missing(file: &Path, bytes: &[u8], missing: &[Value], w: Words) -> Result<(), Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| Failure::usage(format!("`{}`: {error}", file.display())))?;
    let changed = import::with_changes(text, missing).map_err(|violations| {
        let told = |violation: &Violation| format!("{} [{}]", violation.shown(w.0), violation.code());
        let details = violations.iter().map(|violation| (String::new(), told(violation))).collect();
        let file = file.display();
        let message = w.pick(format!("`{file}` is niet gewijzigd"), format!("`{file}` was not changed"));
        Failure::with(Exit::Refused, "FILE_NOT_CHANGED", message, details)
    })?;
    replace(file, changed.as_bytes()).map_err(|error| Failure::of_file(file, &error))
}

/// Writes beside the file, then renames: a failure halfway leaves the file as it was.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let whole = file.canonicalize()?;
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    let beside = whole.with_file_name(format!(".{name}.{}", uuid::Uuid::now_v7()));
    let written = File::create_new(&beside).and_then(|mut new| {
        new.set_permissions(fs::metadata(&whole)?.permissions())?;
        new.write_all(bytes)?;
        new.sync_all()
    });
    let done = written.and_then(|()| fs::rename(&beside, &whole));
    if done.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    done
}

/// A plan for programs.
fn told(plan: &pb::Plan, position: u64, differs: &[Differs], receipt: Option<&pb::Receipt>) -> Value {
    let item = |item: &pb::PlannedItem| {
        let mut map = json::key("item", item.key.as_ref());
        map.insert("motion".to_owned(), motion(item.motion(), Words(Lang::En)).into());
        map.insert("fields".to_owned(), json::fields(&item.fields));
        map.insert("change".to_owned(), item.change.clone().into());
        map
    };
    let statement = |statement: &pb::PlannedStatement| {
        let mut map = json::key("kind", statement.key.as_ref());
        map.insert("first".to_owned(), statement.first.into());
        map.insert("fields".to_owned(), statement.fields.clone().into());
        map
    };
    let entries = |list: &[pb::Change]| {
        list.iter().map(|change| json::record(pb::record::Record::Change(change.clone()))).collect::<Vec<_>>()
    };
    let base = |base: &pb::Base| json!({"edition": base.edition, "revision": base.revision, "position": base.position});
    json!({
        "position": position,
        "agenda": plan.agenda,
        "edition": plan.edition,
        "revision": (plan.revision > 0).then_some(plan.revision),
        "base": plan.base.as_ref().map(base),
        "sealed_before": plan.sealed_before,
        "invented": plan.invented,
        "items": plan.items.iter().map(item).collect::<Vec<_>>(),
        "statements": plan.statements.iter().map(statement).collect::<Vec<_>>(),
        "control_total": plan.control.as_ref().map(json::control),
        "mandate": plan.mandate,
        "missing": entries(&plan.missing),
        "surplus": entries(&plan.surplus),
        "problems": plan.problems.iter().map(json::problem).collect::<Vec<_>>(),
        "findings": differs.iter().map(differs_json).collect::<Vec<_>>(),
        "receipt": receipt.map(json::receipt),
    })
}

fn differs_json(differs: &Differs) -> Value {
    json!({
        "kind": "source", "id": differs.source, "code": "SOURCE_DIFFERS",
        "message_nl": differs.message(Words(Lang::Nl)), "message_en": differs.message(Words(Lang::En)),
    })
}

fn motion(motion: Motion, w: Words) -> &'static str {
    let (nl, en) = match motion {
        Motion::Unspecified => ("onbekend", "unknown"),
        Motion::New => ("nieuw", "new"),
        Motion::Back => ("komt terug", "comes back"),
        Motion::Altered => ("gewijzigd", "changed"),
        Motion::Annotated => ("alleen aantekeningen", "annotated"),
        Motion::Gone => ("gaat eraf", "leaves"),
    };
    w.pick(nl, en)
}

/// A plan for people.
struct Report<'a> {
    page: &'a mut Page,
    w: Words,
}

impl Report<'_> {
    fn plan(&mut self, plan: &pb::Plan, differs: &[Differs]) {
        self.head(plan);
        self.items(&plan.items, plan.base.is_none());
        self.statements(&plan.statements);
        for finding in differs {
            self.page.item(self.w.pick("bevinding", "finding"), &finding.message(self.w));
        }
        if !plan.problems.is_empty() {
            let (nl, en) = ("Wat het vastleggen tegenhoudt", "What keeps it from being recorded");
            self.page.section(&self.counted(nl, en, plan.problems.len()));
            for problem in &plan.problems {
                let words = self.w.pick(&problem.message_nl, &problem.message_en);
                self.page.item(&place(problem, self.w), &format!("{words} [{}]", problem.code));
            }
        }
        // Until `changes` explains every difference there is nothing to add up.
        if let Some(control) = &plan.control {
            self.page.gap();
            self.page.note(&control_line(self.w, control));
        }
    }

    fn counted(&self, nl: &str, en: &str, count: usize) -> String {
        format!("{} ({count})", self.w.pick(nl, en))
    }

    fn head(&mut self, plan: &pb::Plan) {
        let w = self.w;
        let agenda = plan.agenda.as_deref().unwrap_or(w.not_stated());
        // Of a file that cannot be read as a document nothing is known but its faults.
        let faulty = |sections: &[&str]| plan.problems.iter().any(|p| sections.contains(&p.section.as_str()));
        let title = match &plan.edition {
            Some(edition) => w.pick(
                format!("Agenda {agenda}, editie {edition}@{}", plan.revision),
                format!("Agenda {agenda}, edition {edition}@{}", plan.revision),
            ),
            None if faulty(&["agenda", "edition"]) => {
                w.pick("Document met fouten in de kop", "A document whose header has faults").to_owned()
            }
            None if faulty(&["themes", ""]) => w.pick("Document met fouten", "A document with faults").to_owned(),
            None => w.pick("Deeldocument, zonder editie", "A partial document, without edition").to_owned(),
        };
        self.page.title(&title);
        if plan.invented {
            self.page.banner(w.invented());
        }
        if let Some(base) = &plan.base {
            let (edition, revision) = (&base.edition, base.revision);
            self.page.note(
                &w.pick(
                    format!("Vergeleken met {edition}@{revision}."),
                    format!("Compared with {edition}@{revision}."),
                ),
            );
        }
        if let Some(mandate) = &plan.mandate {
            self.page.note(&w.pick(
                format!("Wordt vastgesteld onder mandaat {mandate}."),
                format!("To be adopted under mandate {mandate}."),
            ));
        }
        if let Some(position) = plan.sealed_before {
            self.page.note(&w.pick(
                format!("Dit document is al vastgelegd, bij gebeurtenis {position}."),
                format!("This document has been recorded already, at event {position}."),
            ));
        }
    }

    fn items(&mut self, items: &[pb::PlannedItem], first: bool) {
        if items.is_empty() {
            return;
        }
        // Of a first edition everything is new, and notes are no change: how many says enough.
        let told =
            |item: &&pb::PlannedItem| !(first && item.motion() == Motion::New || item.motion() == Motion::Annotated);
        let (told, counted): (Vec<_>, Vec<_>) = items.iter().partition(told);
        if !counted.is_empty() {
            let (nl, en) = match (first, counted.len()) {
                (true, count) => {
                    (format!("Nieuw op de agenda: {count} onderdelen."), format!("New on the agenda: {count} items."))
                }
                (false, count) => (
                    format!("Alleen met andere aantekeningen: {count} onderdelen."),
                    format!("With other notes only: {count} items."),
                ),
            };
            self.page.gap();
            self.page.note(&self.w.pick(nl, en));
        }
        if told.is_empty() {
            return;
        }
        self.page.section(&self.counted("Wat op de agenda verandert", "What changes on the agenda", told.len()));
        for item in told {
            let fields: Vec<_> = item.fields.iter().map(|field| field.field.as_str()).collect();
            let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
            let motion = motion(item.motion(), self.w);
            self.page.item(&self.w.key(item.key.as_ref()), &format!("{motion}{fields}"));
        }
    }

    /// Registers and other records: as many as there are of each kind, for a first edition has hundreds.
    fn statements(&mut self, statements: &[pb::PlannedStatement]) {
        let (first, again): (Vec<_>, Vec<_>) = statements.iter().partition(|statement| statement.first);
        if !first.is_empty() {
            self.page.gap();
            self.page.note(&self.w.pick(
                format!("Nieuw naast de agenda: {} gegevens.", first.len()),
                format!("New beside the agenda: {} records.", first.len()),
            ));
        }
        if !again.is_empty() {
            self.page.section(&self.counted(
                "Wat ernaast anders luidt",
                "What reads differently beside it",
                again.len(),
            ));
            for statement in again {
                self.page.item(&self.w.key(statement.key.as_ref()), &statement.fields.join(", "));
            }
        }
    }

    fn missing(&mut self, missing: &[Value], written: bool) {
        if missing.is_empty() {
            return;
        }
        let count = missing.len();
        self.page.gap();
        let (nl, en) = if written {
            (
                format!("{count} regels toegevoegd aan `changes`: vul reden, orgaan en besluit in."),
                format!("{count} entries were added to `changes`: fill in reason, body and decision."),
            )
        } else {
            (
                format!("In `changes` ontbreken {count} regels; `minutebook plan --write` zet ze klaar."),
                format!("`changes` lacks {count} entries; `minutebook plan --write` adds them, to be filled in."),
            )
        };
        self.page.note(&self.w.pick(nl, en));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_asks_for_what_a_person_must_add() {
        let change = pb::Change {
            id: "drop-pod-sport".into(),
            kind: pb::ChangeKind::Dropped.into(),
            action: Some("pod-sport".into()),
            ..pb::Change::default()
        };
        let wanted = json!({
            "id": "drop-pod-sport", "kind": "dropped", "action": "pod-sport",
            "reason": null, "decided_by": null, "decision": null, "disposition": null,
        });
        assert_eq!(skeleton(&change), wanted);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        fs::write(&file, "old").unwrap();
        replace(&file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
