//! `decision` and `dossier`: recording decisions, how one takes the place of another, and what came of them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use minutebook_domain::value::Value;
use minutebook_proto::pb;
use minutebook_proto::pb::decision_view::Authority;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::connect::Session;
use super::failure::Failure;
use super::history::{entry_json, write_entry};
use super::page::Page;
use super::record::{Recording, sent, tell};
use super::words::Words;
use super::{Output, args, json};

/// Decisions.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook decision list --body gedeputeerde-staten --from 2017-01-01")]
pub(crate) struct Decision {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Record a decision that a body took
    Record(Box<Record>),
    /// Let a decision take the place of another one, or of a part of it
    Supersede(Supersede),
    /// Revoke a decision by another one
    Revoke(Revoke),
    /// List decisions, the earliest first
    List(Period),
    /// Show a decision: its mandate, what came of it, what superseded it
    Show(Show),
    /// Print the list of decisions of a body in a period, with what came of each
    Report(Period),
}

/// A decision as it was taken.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook decision record --id gs-2018-004 --body gedeputeerde-staten \\\n    \
                        --kind adopt-agenda --date 2018-01-09 --what 'Uitvoeringsagenda 2018-2019'\n\n\
                        It holds from its date, unless --effective says otherwise; from before it only with --grounds.")]
struct Record {
    /// A new id, such as gs-2018-004
    #[arg(long)]
    id: String,
    /// The body that took it
    #[arg(long, value_name = "BODY")]
    body: String,
    /// What kind of decision, such as adopt-agenda, adopt-framework, grant-mandate, advise
    #[arg(long, value_name = "KIND")]
    kind: String,
    /// When it was taken (EDTF: 2018-01-09, 2018-01)
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    date: Option<pb::Date>,
    /// What was decided
    #[arg(long, value_name = "TEXT")]
    what: Option<String>,
    /// From when it holds, where that is not its date
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
    /// Its official reference
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
    /// Why it was taken
    #[arg(long, value_name = "TEXT")]
    reasons: Option<String>,
    /// A document that belongs to it: its name and SHA-256 are recorded, the file stays where it is
    #[arg(long = "attach", value_name = "FILE")]
    attachments: Vec<PathBuf>,
    /// The grounds on which it holds from before its date
    #[arg(long, value_name = "TEXT")]
    grounds: Option<String>,
    /// The agenda that it belongs to
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// Which decision takes the place of which.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook decision supersede gs-2016-123 --by gs-2018-004 --reason 'prolonged to 2020'"
)]
struct Supersede {
    /// The decision whose place is taken
    decision: String,
    /// The decision that takes it
    #[arg(long, value_name = "DECISION")]
    by: String,
    /// Which part of the older one; all of it unless given
    #[arg(long, value_name = "TEXT")]
    part: Option<String>,
    /// From when; from when the new decision holds unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
    /// Why, in one or more sentences
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// Which decision is revoked.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook decision revoke gs-2016-123 --by gs-2018-004 --reason 'the scheme was closed'"
)]
struct Revoke {
    /// The decision that is revoked
    decision: String,
    /// The decision that revokes it
    #[arg(long, value_name = "DECISION")]
    by: String,
    /// From when; from when the revoking decision holds unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
    /// Why, in one or more sentences
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// Which decisions.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook decision report --body gedeputeerde-staten --from 2017 --to 2017 \\\n    \
                        --format markdown"
)]
struct Period {
    /// Only those of this body
    #[arg(long, value_name = "BODY")]
    body: Option<String>,
    /// Only those taken on this day or after: 2017-03-01, or the first day of 2017
    #[arg(long, value_name = "DATE", value_parser = args::first_day)]
    from: Option<String>,
    /// Only those taken on this day or before: 2017-03-01, or the last day of 2017
    #[arg(long, value_name = "DATE", value_parser = args::last_day)]
    to: Option<String>,
    /// Only those of this agenda, and those that belong to none
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
}

/// Which decision.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook decision show gs-2016-uitvoeringsagenda")]
struct Show {
    /// The decision
    decision: String,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
}

/// Which decision.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook dossier gs-2016-uitvoeringsagenda")]
pub(crate) struct Dossier {
    /// The decision
    decision: String,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
}

impl Decision {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            Verb::Record(record) => record.run(session, output).await,
            Verb::Supersede(supersede) => supersede.run(session, output).await,
            Verb::Revoke(revoke) => revoke.run(session, output).await,
            Verb::List(period) => period.list(session, output).await,
            Verb::Show(show) => show.run(session, output).await,
            Verb::Report(period) => period.report(session, output).await,
        }
    }
}

impl Record {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let attachments = self.attachments.iter().map(|file| attachment(file)).collect::<Result<Vec<_>, _>>()?;
        let decision = pb::Decision {
            id: self.id,
            body: self.body,
            kind: self.kind,
            date: self.date,
            effective: self.effective,
            reference: self.reference,
            reasons: self.reasons,
            attachments: (!attachments.is_empty()).then_some(pb::AttachmentList { attachments }),
            what: self.what,
            notes: None,
        };
        let request = pb::RecordDecisionRequest {
            write: Some(write.clone()),
            agenda: self.agenda,
            decision: Some(decision),
            effective: None,
            reason: self.grounds,
        };
        let answer = sent(&write, session.decision().record_decision(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

/// A file by its name and digest.
fn attachment(file: &Path) -> Result<pb::Attachment, Failure> {
    let bytes = fs::read(file).map_err(|error| Failure::of_file(file, &error))?;
    let name = file.file_name().unwrap_or(file.as_os_str());
    Ok(pb::Attachment { title: name.to_string_lossy().into_owned(), sha256: Sha256::digest(&bytes).to_vec() })
}

impl Supersede {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Self { decision, by, part, effective, reason, recording } = self;
        let request =
            pb::SupersedeDecisionRequest { write: Some(write.clone()), decision, by, part, effective, reason };
        let answer = sent(&write, session.decision().supersede_decision(request)).await?;
        tell(output, &recording, answer.receipt.as_ref())
    }
}

impl Revoke {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Self { decision, by, effective, reason, recording } = self;
        let request = pb::RevokeDecisionRequest { write: Some(write.clone()), decision, by, effective, reason };
        let answer = sent(&write, session.decision().revoke_decision(request)).await?;
        tell(output, &recording, answer.receipt.as_ref())
    }
}

impl Period {
    async fn ask(&self, session: &Session, with_effects: bool) -> Result<pb::ListDecisionsResponse, Failure> {
        let request = pb::ListDecisionsRequest {
            agenda: self.agenda.clone(),
            known: self.known.clone(),
            body: self.body.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            with_effects,
            min_position: None,
        };
        Ok(session.decision().list_decisions(request).await?.into_inner())
    }

    async fn list(self, session: &Session, output: Output) -> Result<(), Failure> {
        let answer = self.ask(session, false).await?;
        output.answer(
            || listed(&answer),
            |page| {
                let w = output.words;
                page.title(&self.title(w, w.pick("Besluiten", "Decisions"), answer.decisions.len()));
                for view in &answer.decisions {
                    write_head(page, w, view);
                }
            },
        )
    }

    /// The list of decisions as it is published.
    async fn report(self, session: &Session, output: Output) -> Result<(), Failure> {
        let answer = self.ask(session, true).await?;
        output.answer(
            || listed(&answer),
            |page| {
                let w = output.words;
                page.title(&self.title(w, w.pick("Besluitenlijst", "List of decisions"), answer.decisions.len()));
                for view in &answer.decisions {
                    let decision = view.decision.clone().unwrap_or_default();
                    let what = decision.what.unwrap_or_else(|| decision.kind.clone());
                    page.section(&format!("{}. {what}", w.date(decision.date.as_ref())));
                    write_head(page, w, view);
                    write_terms(page, w, view);
                    for (event, count) in counted(view) {
                        page.detail(w.pick("gevolg", "effect"), &format!("{count} × {event}"));
                    }
                }
            },
        )
    }

    fn title(&self, w: Words, what: &str, count: usize) -> String {
        let of = self.body.as_ref().map(|body| format!(" {} {body}", w.pick("van", "of"))).unwrap_or_default();
        let from = self.from.as_ref().map(|day| format!(" {} {day}", w.pick("vanaf", "from"))).unwrap_or_default();
        let to = self.to.as_ref().map(|day| format!(" {} {day}", w.pick("t/m", "to"))).unwrap_or_default();
        format!("{what}{of}{from}{to} ({count})")
    }
}

impl Show {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let request = pb::GetDecisionRequest { decision: self.decision, known: self.known, min_position: None };
        let answer = session.decision().get_decision(request).await?.into_inner();
        let view = answer.decision.unwrap_or_default();
        let as_json = || {
            let mut value = view_json(&view);
            if let Some(map) = value.as_object_mut() {
                map.insert("position".into(), answer.position.into());
            }
            value
        };
        output.answer(as_json, |page| write_view(page, output.words, &view))
    }
}

impl Dossier {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let request = pb::GetDossierRequest { decision: self.decision, known: self.known, min_position: None };
        let answer = session.decision().get_dossier(request).await?.into_inner();
        output.answer(|| dossier_json(&answer), |page| write_dossier(page, output.words, &answer))
    }
}

fn listed(answer: &pb::ListDecisionsResponse) -> Value {
    json!({
        "position": answer.position,
        "decisions": answer.decisions.iter().map(view_json).collect::<Vec<_>>(),
    })
}

fn view_json(view: &pb::DecisionView) -> Value {
    let link = |link: &pb::DecisionLink| {
        json!({
            "decision": link.decision, "part": link.part, "revoked": link.revoked,
            "effective": json::date(link.effective.as_ref()), "reason": link.reason, "position": link.position,
        })
    };
    json!({
        "decision": view.decision.clone().map(pb::record::Record::Decision).map(json::record),
        "agenda": view.agenda,
        "authority": authority_word(view.authority()),
        "mandate": view.mandate,
        "superseded_by": view.superseded_by.iter().map(link).collect::<Vec<_>>(),
        "supersedes": view.supersedes.iter().map(link).collect::<Vec<_>>(),
        "effects": view.effects.iter().map(entry_json).collect::<Vec<_>>(),
        "effects_count": view.effects_count,
        "revision": view.revision,
    })
}

fn authority_word(authority: Authority) -> Option<&'static str> {
    match authority {
        Authority::Unspecified => None,
        Authority::Held => Some("held"),
        Authority::NotVerifiable => Some("not-verifiable"),
        Authority::None => Some("none"),
    }
}

fn dossier_json(answer: &pb::GetDossierResponse) -> Value {
    let then = |then: &pb::AgendaThen| json!({"agenda": then.agenda, "revision": then.revision, "actions": then.actions, "position": then.position});
    let mut value = answer.decision.as_ref().map(view_json).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.insert("position".into(), answer.position.into());
        map.insert("known_then".into(), answer.known_then.into());
        map.insert("agendas_then".into(), answer.agendas.iter().map(then).collect());
        let grounds = answer.grounds.iter().cloned().map(pb::record::Record::Decision).map(json::record);
        map.insert("grounds".into(), grounds.collect());
        let promises = answer.promises.iter().cloned().map(pb::record::Record::Milestone).map(json::record);
        map.insert("promises".into(), promises.collect());
    }
    value
}

/// A decision on a line, and what took its place.
fn write_head(page: &mut Page, w: Words, view: &pb::DecisionView) {
    let decision = view.decision.clone().unwrap_or_default();
    let date = w.date(decision.date.as_ref());
    page.item(&decision.id, &format!("{date}, {}, {}", decision.body, decision.kind));
    if let Some(what) = &decision.what {
        page.detail("", what);
    }
    for link in &view.superseded_by {
        let (nl, en) =
            if link.revoked { ("ingetrokken met", "revoked by") } else { ("vervangen door", "superseded by") };
        page.detail(w.pick(nl, en), &link_line(w, link));
    }
    for link in &view.supersedes {
        let (nl, en) = if link.revoked { ("trekt in", "revokes") } else { ("vervangt", "supersedes") };
        page.detail(w.pick(nl, en), &link_line(w, link));
    }
}

fn link_line(w: Words, link: &pb::DecisionLink) -> String {
    let part = link.part.as_ref().map(|part| format!(" ({part})")).unwrap_or_default();
    let from = w.date(link.effective.as_ref());
    format!(
        "{}{part}, {} {from} ({} {})",
        link.decision,
        w.pick("vanaf", "from"),
        w.pick("gebeurtenis", "event"),
        link.position
    )
}

/// What a decision says of itself, and under which mandate.
fn write_terms(page: &mut Page, w: Words, view: &pb::DecisionView) {
    let decision = view.decision.clone().unwrap_or_default();
    let effective = decision.effective.as_ref().or(decision.date.as_ref());
    page.detail(w.pick("geldt vanaf", "holds from"), &w.date(effective));
    for (name, text) in [
        (w.pick("kenmerk", "reference"), &decision.reference),
        (w.pick("overwegingen", "reasons"), &decision.reasons),
        (w.pick("agenda", "agenda"), &view.agenda),
    ] {
        if let Some(text) = text {
            page.detail(name, text);
        }
    }
    for attachment in decision.attachments.iter().flat_map(|list| &list.attachments) {
        let sha256 = json::hex(&attachment.sha256);
        page.detail(w.pick("bijlage", "attachment"), &format!("{} (SHA-256 {sha256})", attachment.title));
    }
    let mandate = view.mandate.as_deref().unwrap_or_default();
    let authority = match view.authority() {
        Authority::Held => mandate.to_owned(),
        Authority::NotVerifiable => {
            let why = match &decision.date {
                None => w.pick("de datum ontbreekt", "the date is missing"),
                Some(_) => w.pick("de datum is te ruim", "the date is too coarse"),
            };
            format!("{mandate}, {}: {why}", w.pick("niet na te gaan", "not verifiable"))
        }
        Authority::None | Authority::Unspecified => w.pick("geen vastgelegd", "none recorded").to_owned(),
    };
    page.detail(w.pick("mandaat", "mandate"), &authority);
}

/// The effects, counted by the name of the event, in the order of their first.
fn counted(view: &pb::DecisionView) -> Vec<(&str, u32)> {
    let mut counts: Vec<(&str, u32)> = Vec::new();
    for effect in &view.effects {
        match counts.iter_mut().find(|(event, _)| *event == effect.event) {
            Some((_, count)) => *count += 1,
            None => counts.push((&effect.event, 1)),
        }
    }
    counts
}

fn write_view(page: &mut Page, w: Words, view: &pb::DecisionView) {
    let decision = view.decision.as_ref();
    page.title(decision.map_or("", |decision| decision.id.as_str()));
    write_head(page, w, view);
    write_terms(page, w, view);
    page.section(&format!("{} ({})", w.pick("Gevolgen", "Effects"), view.effects_count));
    for effect in &view.effects {
        write_entry(page, w, effect, None);
    }
    let left = usize::try_from(view.effects_count).unwrap_or_default().saturating_sub(view.effects.len());
    if left > 0 {
        page.note(&w.pick(format!("en nog {left} …"), format!("and {left} more …")));
    }
}

fn write_dossier(page: &mut Page, w: Words, answer: &pb::GetDossierResponse) {
    let view = answer.decision.clone().unwrap_or_default();
    write_view(page, w, &view);
    page.section(w.pick("Wat toen bekend was", "What was known then"));
    match answer.known_then {
        Some(position) => {
            page.note(&w.pick(format!("Tot en met gebeurtenis {position}."), format!("Up to event {position}.")));
        }
        None => page.note(w.pick(
            "Niet na te gaan: het besluit heeft geen datum, of dit grootboek begon later.",
            "Not verifiable: the decision has no date, or this ledger began later.",
        )),
    }
    for then in answer.agendas.iter().filter(|_| answer.known_then.is_some()) {
        let none = w.pick("nog niets vastgesteld", "nothing adopted yet");
        let actions = w.pick("acties", "actions");
        let stood = then.revision.as_ref().map(|revision| format!("{revision}, {} {actions}", then.actions));
        page.item(&then.agenda, stood.as_deref().unwrap_or(none));
    }
    page.section(&format!("{} ({})", w.pick("Gronden en adviezen", "Grounds and advice"), answer.grounds.len()));
    for ground in &answer.grounds {
        page.item(&ground.id, &format!("{}, {}, {}", w.date(ground.date.as_ref()), ground.body, ground.kind));
    }
    page.section(&format!("{} ({})", w.pick("Nog open toezeggingen", "Promises still open"), answer.promises.len()));
    for promise in &answer.promises {
        page.item(&promise.id, &format!("{}: {}", w.date(promise.due.as_ref()), promise.what));
    }
}
