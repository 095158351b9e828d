//! `demo`: a new ledger, two editions of a real agenda, what changed, a correction, a late fact, and the proof that
//! all of it is rebuilt from the journal. It prints nothing that differs from one run to the next.

use std::path::Path;

use clap::Args;
use minutebook_domain::event::Actor;
use minutebook_domain::value::{Name, Text};
use minutebook_proto::{pb, value_to_pb};
use serde_json::json;

use super::connect::{Place, Session};
use super::correct::{record_erratum, record_late_fact};
use super::document::hand_in;
use super::failure::{Exit, Failure};
use super::page::{Page, print};
use super::record::Recording;
use super::words::Words;
use super::{DATA, Format, Output, changes, ledger};
use crate::server::FoundOptions;

const AGENDA: &str = "krimp-en-leefbaarheid";
const FIRST: &str = include_str!("../../../../examples/drenthe-2016-2017.yaml");
const NEXT: &str = include_str!("../../../../examples/drenthe-2018-2019-invented.yaml");

/// The action whose title was written wrongly, and its titles.
const ACTION: &str = "sport-jij-ook";
const WRONG: &str = "'Sport jij ook?' in alle Drentse gemeenten";
const RIGHT: &str = "'Sport jij ook?' in alle twaalf Drentse gemeenten";
/// The decision whose day came to be known late, and that day.
const DECISION: &str = "gs-2016-uitvoeringsagenda";
const DAY: &str = "2016-12-13";

/// Show what this program does.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook demo\n  minutebook demo --lang nl --data /tmp/demo")]
pub(crate) struct Demo {}

impl Demo {
    /// Plays it, in a directory that is not there yet.
    pub(crate) async fn run(self, place: &Place, output: Output) -> Result<(), Failure> {
        let w = output.words;
        if place.server.is_some() {
            let (nl, en) = (
                "de demo maakt een eigen grootboek; laat --server weg",
                "the demo makes a ledger of its own; leave out --server",
            );
            return Err(Failure::usage(w.pick(nl, en)));
        }
        if matches!(output.format, Format::Json) {
            return Err(Failure::usage(
                w.pick("de demo is om te lezen; laat --format weg", "the demo is to be read; leave out --format"),
            ));
        }
        if place.data.exists() {
            return Err(taken(&place.data, w));
        }
        ledger::start(&place.data, founding().map_err(|fault| Failure::usage(fault.to_string()))?, w)?;
        let session = Session::open(place, w.0).await?;
        let played = Scene { session: &session, output, data: &place.data }.play().await;
        session.close().await;
        played
    }
}

fn taken(data: &Path, w: Words) -> Failure {
    let data = data.display();
    let nl = format!("`{data}` bestaat al; verwijder die map, of kies een andere met --data");
    let en = format!("`{data}` exists already; remove that directory, or choose another with --data");
    Failure::new(Exit::Conflict, "ALREADY_FOUNDED", w.pick(nl, en))
}

fn founding() -> Result<FoundOptions, minutebook_domain::value::Fault> {
    Ok(FoundOptions {
        name: Name::new("Demo")?,
        organisation: Some(Name::new("Provincie Drenthe")?),
        zone: Name::new("Europe/Amsterdam")?,
        origin: None,
        actor: Actor { capacity: Some(Text::new("demo")?), ..Actor::default() },
    })
}

/// A ledger, and whom it is shown to.
struct Scene<'a> {
    session: &'a Session,
    output: Output,
    data: &'a Path,
}

impl Scene<'_> {
    async fn play(&self) -> Result<(), Failure> {
        self.import().await?;
        self.changes().await?;
        self.erratum().await?;
        self.late_fact().await?;
        self.rebuild().await?;
        self.next()
    }

    fn show(&self, write: impl FnOnce(&mut Page, Words)) -> Result<(), Failure> {
        let mut page = self.output.page();
        write(&mut page, self.output.words);
        page.gap();
        print(&page.into_text())
    }

    /// A ledger was founded; two documents are recorded in it.
    async fn import(&self) -> Result<(), Failure> {
        let data = self.data.display();
        self.show(|page, w| {
            page.title(w.pick("1. Een grootboek met twee edities", "1. A ledger with two editions"));
            page.note(&w.pick(
                format!(
                    "Begonnen in `{data}`. Twee agendadocumenten worden vastgelegd: de uitvoeringsagenda van de \
                     provincie Drenthe voor 2016-2017, en een verzonnen volgende voor 2018-2019."
                ),
                format!(
                    "Founded in `{data}`. Two agenda documents are recorded: the implementation agenda of the Dutch \
                     province of Drenthe for 2016-2017, and an invented next one for 2018-2019. The agenda is Dutch \
                     and stays as it was written; everything around it is in English."
                ),
            ));
        })?;
        let mut receipts = Vec::new();
        for (name, text) in [("drenthe-2016-2017.yaml", FIRST), ("drenthe-2018-2019-invented.yaml", NEXT)] {
            let answer = hand_in(self.session, text.as_bytes(), recording().write(), false).await?;
            receipts.push((name, answer.receipt.unwrap_or_default()));
        }
        self.show(|page, w| {
            let (events, to) = (w.pick("gebeurtenissen", "events"), w.pick("t/m", "to"));
            for (name, receipt) in receipts {
                page.command(&format!("minutebook import {name}"));
                let last = receipt.head.saturating_sub(1);
                page.detail("", &format!("{} {events}, {} {to} {last}", receipt.count, receipt.first));
            }
        })
    }

    async fn changes(&self) -> Result<(), Failure> {
        let answer = self.ask(2018, None).await?;
        self.show(|page, w| {
            page.title(w.pick("2. Wat veranderde er in 2018, en waarom?", "2. What changed in 2018, and why?"));
            page.command(&format!("minutebook changes {AGENDA} --year 2018"));
            changes::write(page, w, &answer, false);
        })
    }

    /// Our own writing was wrong: it is corrected as far back as it was written, and the old answer stays.
    async fn erratum(&self) -> Result<(), Failure> {
        let before = self.ask(2018, None).await?;
        let reason = "Bij het overtypen is het woord 'twaalf' weggevallen.";
        let erratum = pb::CorrectField {
            key: Some(key(pb::Kind::Action, ACTION)),
            field: "title".to_owned(),
            old: Some(value_to_pb(&json!(WRONG))),
            new: Some(value_to_pb(&json!(RIGHT))),
            reason: reason.to_owned(),
            ..pb::CorrectField::default()
        };
        let receipt = record_erratum(self.session, &recording(), erratum).await?.unwrap_or_default();
        let after = self.ask(2018, None).await?;
        let then = self.ask(2018, Some(before.position)).await?;
        self.show(|page, w| {
            page.title(w.pick("3. Een schrijffout verbeteren", "3. Correcting a slip of the pen"));
            page.note(w.pick("Eerst zegt het antwoord:", "At first the answer says:"));
            changes::write_field(page, w, &before, ACTION, "title");
            page.gap();
            page.command(&format!("minutebook erratum {ACTION}.title --to \"{RIGHT}\" --reason \"{reason}\""));
            page.note(&recorded(w, receipt.first));
            page.note(w.pick(
                "Daarna zegt het, en wat er verbeterd is staat erbij:",
                "After that it says, and tells what was corrected:",
            ));
            changes::write_field(page, w, &after, ACTION, "title");
            page.gap();
            page.note(&known(w, before.position));
            changes::write_field(page, w, &then, ACTION, "title");
        })
    }

    /// What was true and came to be known late: from its own day on, and only for who knows it.
    async fn late_fact(&self) -> Result<(), Failure> {
        let before = self.ask(2016, None).await?;
        let reason = "De besluitenlijst is teruggevonden (verzonnen voor deze demo).";
        let fact = pb::LateFact {
            key: Some(key(pb::Kind::Decision, DECISION)),
            fields: [("date".to_owned(), value_to_pb(&json!(DAY)))].into(),
            effective: Some(pb::Date { date: Some(pb::date::Date::Edtf(DAY.to_owned())) }),
            reason: reason.to_owned(),
            ..pb::LateFact::default()
        };
        let receipt = record_late_fact(self.session, &recording(), fact).await?.unwrap_or_default();
        let after = self.ask(2016, None).await?;
        let then = self.ask(2016, Some(before.position)).await?;
        self.show(|page, w| {
            page.title(w.pick("4. Een feit laat vastleggen", "4. Recording a fact late"));
            page.note(w.pick(
                "De bron vermeldt niet wanneer de eerste editie is vastgesteld. Het antwoord over 2016 zegt dat erbij:",
                "The source does not state when the first edition was adopted. The answer on 2016 says so:",
            ));
            write_findings(page, w, &before);
            page.command(&format!(
                "minutebook late-fact decision/{DECISION} --set date={DAY} --effective {DAY} --reason \"{reason}\""
            ));
            page.note(&recorded(w, receipt.first));
            page.note(w.pick("Daarna:", "After that:"));
            write_findings(page, w, &after);
            page.note(&known(w, before.position));
            write_findings(page, w, &then);
        })
    }

    async fn rebuild(&self) -> Result<(), Failure> {
        let last = ledger::rebuild(self.session).await?;
        let w = self.output.words;
        if last.before != last.after || last.before.is_empty() {
            return Err(ledger::unequal(w));
        }
        self.show(|page, w| {
            page.title(w.pick("5. Alles opnieuw uit het journaal", "5. All of it again, from the journal"));
            page.command("minutebook rebuild");
            let total = last.total;
            page.note(&w.pick(
                format!(
                    "{total} gebeurtenissen opnieuw afgespeeld; de SHA-256 van het boek is gelijk, ervoor en erna."
                ),
                format!("{total} events replayed; the SHA-256 of the book is equal, before and after."),
            ));
        })
    }

    fn next(&self) -> Result<(), Failure> {
        let data = self.data.display();
        let elsewhere = if self.data == Path::new(DATA) { String::new() } else { format!(" --data {data}") };
        self.show(|page, w| {
            page.title(w.pick("Probeer nu", "Try next"));
            for (command, nl, en) in [
                (
                    format!("changes {AGENDA} --year 2018 --format json"),
                    "hetzelfde antwoord, voor programma's",
                    "the same answer, for programs",
                ),
                (format!("history {ACTION}"), "elke gebeurtenis van één actie", "every event of one action"),
                (
                    "blame kknn-leerstoel-kennisagenda.partners".to_owned(),
                    "wie dat veld het laatst zette, en waar het staat",
                    "who last set that field, and where it is stated",
                ),
                (
                    format!("findings {AGENDA}"),
                    "wat een oplettende accountant opvalt",
                    "what a careful auditor would remark",
                ),
                (format!("agenda show {AGENDA} --valid 2017-03-01"), "de agenda op een dag", "the agenda on a day"),
                (
                    "serve".to_owned(),
                    "dit grootboek over gRPC, op deze machine",
                    "this ledger over gRPC, on this machine",
                ),
            ] {
                page.item(w.pick(nl, en), "");
                page.command(&format!("minutebook {command}{elsewhere}{}", w.pick(" --lang nl", "")));
            }
        })
    }

    async fn ask(&self, year: u32, known: Option<u64>) -> Result<pb::GetChangesResponse, Failure> {
        let known = known.map(|position| pb::Known { known: Some(pb::known::Known::Position(position)) });
        let span = Some(pb::get_changes_request::Span::Year(year));
        changes::ask(
            self.session,
            pb::GetChangesRequest {
                agenda: AGENDA.to_owned(),
                span,
                known,
                label_carried_over: false,
                min_position: None,
            },
        )
        .await
    }
}

fn recording() -> Recording {
    Recording::of("demo")
}

fn key(kind: pb::Kind, id: &str) -> pb::RecordKey {
    pb::RecordKey { kind: kind.into(), within: String::new(), id: id.to_owned() }
}

fn recorded(w: Words, position: u64) -> String {
    w.pick(format!("Vastgelegd als gebeurtenis {position}."), format!("Recorded as event {position}."))
}

fn known(w: Words, position: u64) -> String {
    w.pick(
        format!("En wie vraagt wat er toen bekend was (--known {position}) krijgt het antwoord van toen:"),
        format!("And whoever asks what was known then (--known {position}) gets the answer of then:"),
    )
}

/// The findings on the decision that was undated.
fn write_findings(page: &mut Page, w: Words, answer: &pb::GetChangesResponse) {
    let findings = answer.changes.as_ref().map(|changes| changes.findings.as_slice()).unwrap_or_default();
    let about = findings.iter().filter(|finding| finding.message_en.contains(DECISION));
    let lines: Vec<_> = about.map(|finding| (w.key(finding.key.as_ref()), w.finding(finding))).collect();
    for (head, text) in &lines {
        page.item(head, text);
    }
    if lines.is_empty() {
        page.item(w.pick("niets op te merken over dit besluit", "nothing to remark on this decision"), "");
    }
    page.gap();
}
