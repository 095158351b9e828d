//! `agreement`: proposing, signing, amending and ending agreements, and who has signed.

use clap::{Args, Subcommand, ValueEnum};
use minutebook_domain::ids::{Id, Kind};
use minutebook_domain::value::Value;
use minutebook_proto::{pb, record_to_pb};
use serde_json::{Map, json};

use super::args::Moment;
use super::connect::Session;
use super::failure::Failure;
use super::history::{entry_json, write_entry};
use super::page::Page;
use super::record::{Because, Recording, sent, set, tell};
use super::words::Words;
use super::{Output, args, json};

/// Agreements.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook agreement list --state in-force")]
pub(crate) struct Agreement {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Propose an agreement to its parties
    Propose(Box<Propose>),
    /// Sign an agreement for one of its parties; it is in force when all have signed
    Sign(Sign),
    /// Amend an agreement in force, or one that a document states
    Amend(Amend),
    /// End an agreement
    End(End),
    /// List agreements, with where each stands
    List(List),
    /// Show an agreement: who signed, who has not, and how it was amended
    Show(Show),
}

/// An agreement to propose.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook agreement propose --id convenant-zorg --what 'Zorg dicht bij huis' --kind convenant \\\n    \
                        --party provincie-drenthe --party gemeente-emmen --until 2020"
)]
struct Propose {
    /// A new id
    #[arg(long)]
    id: String,
    /// What is agreed
    #[arg(long, value_name = "TEXT")]
    what: String,
    /// What kind of agreement
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// A party to it: at least two
    #[arg(long = "party", value_name = "PARTY")]
    parties: Vec<String>,
    /// An action that it serves
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// From when it is to hold (EDTF: 2018-01-01, 2018)
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    from: Option<pb::Date>,
    /// Until and including when it is to hold
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    until: Option<pb::Date>,
    /// The share that partners contribute, such as 50%
    #[arg(long, value_name = "SHARE")]
    share: Option<String>,
    /// What that is a share of
    #[arg(long, value_name = "TEXT", requires = "share")]
    base: Option<String>,
    /// The agenda that it belongs to
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Who signs, and when.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook agreement sign convenant-zorg --party gemeente-emmen --date 2018-02-01 \\\n    \
                        --membership zetel-emmen"
)]
struct Sign {
    /// The agreement
    id: String,
    /// The party that signs
    #[arg(long, value_name = "PARTY")]
    party: String,
    /// When it signed (EDTF: 2018-02-01, 2018-02); today unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    date: Option<pb::Date>,
    /// The membership by which the signer speaks for the party
    #[arg(long, value_name = "ID")]
    membership: Option<String>,
    /// The decision by which the party signs
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// What is to be said of it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// Which clauses read differently.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook agreement amend convenant-zorg --set period='{\"from\": 2018, \"to\": 2022}' \\\n    \
                        --reason 'prolonged by two years'"
)]
struct Amend {
    /// The agreement
    id: String,
    /// A clause and its new value: JSON where it is JSON, else text
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = args::setting, required = true)]
    fields: Vec<(String, Value)>,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which agreement ends. The effective day is the first on which it is no more.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook agreement end convenant-zorg --effective 2019-01-01 --reason 'the work is done'"
)]
struct End {
    /// The agreement
    id: String,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which agreements, and as of when.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook agreement list --valid 2019-01-01 --ends-before 2020-01-01")]
struct List {
    /// Only those that stand so
    #[arg(long, value_enum)]
    state: Option<Stands>,
    /// Only those of this party
    #[arg(long, value_name = "PARTY")]
    party: Option<String>,
    /// Only those that run out before this day, and have not yet
    #[arg(long, value_name = "DAY", value_parser = args::day)]
    ends_before: Option<String>,
    /// Only those of this agenda, and those that belong to none
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    #[command(flatten)]
    moment: Moment,
}

/// Where an agreement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stands {
    /// Its parties have still to sign
    Proposed,
    /// All have signed
    InForce,
    /// A document states it; whether the parties signed is not known
    AsStated,
    /// It was ended
    Ended,
    /// Its period is over
    Expired,
}

/// Which agreement, and as of when.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook agreement show samenwerkingsagenda-rijk")]
struct Show {
    /// The agreement
    id: String,
    #[command(flatten)]
    moment: Moment,
}

impl Agreement {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            Verb::Propose(propose) => propose.run(session, output).await,
            Verb::Sign(sign) => sign.run(session, output).await,
            Verb::Amend(amend) => amend.run(session, output).await,
            Verb::End(end) => end.run(session, output).await,
            Verb::List(list) => list.run(session, output).await,
            Verb::Show(show) => show.run(session, output).await,
        }
    }
}

impl Propose {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let ids = |ids: Vec<String>| (!ids.is_empty()).then_some(pb::IdList { ids });
        let has_period = self.from.is_some() || self.until.is_some();
        let share = self.share.map(|share| pb::Scalar { scalar: Some(pb::scalar::Scalar::Text(share)) });
        let agreement = pb::Agreement {
            id: self.id,
            what: self.what,
            parties: ids(self.parties),
            kind: self.kind,
            period: has_period.then_some(pb::Period { from: self.from, to: self.until }),
            cofinancing: share.map(|share| pb::Cofinancing { share: Some(share), base: self.base }),
            actions: ids(self.actions),
            ..pb::Agreement::default()
        };
        let Because { decision, effective, reason } = self.because;
        let (header, agenda, agreement) = (Some(write.clone()), self.agenda, Some(agreement));
        let request = pb::ProposeAgreementRequest { write: header, agenda, agreement, decision, effective, reason };
        let answer = sent(&write, session.agreement().propose_agreement(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl Sign {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let request = pb::SignAgreementRequest {
            write: Some(write.clone()),
            agreement: self.id,
            party: self.party,
            membership: self.membership,
            date: self.date,
            decision: self.decision,
            reason: self.reason,
        };
        let answer = sent(&write, session.agreement().sign_agreement(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl Amend {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let fields: Vec<String> = self.fields.iter().map(|(field, _)| field.clone()).collect();
        let agreement = amended(&self.id, self.fields, output.words)?;
        let Because { decision, effective, reason } = self.because;
        let (header, agreement) = (Some(write.clone()), Some(agreement));
        let request = pb::AmendAgreementRequest { write: header, agreement, fields, decision, effective, reason };
        let answer = sent(&write, session.agreement().amend_agreement(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

/// An agreement in which only these clauses count.
fn amended(id: &str, fields: Vec<(String, Value)>, w: Words) -> Result<pb::Agreement, Failure> {
    let Some(id) = Id::new(id) else {
        let misread = args::Misread::IdForm { text: id.to_owned() };
        return Err(Failure::usage(misread.message(w.0)));
    };
    let what = ("what".to_owned(), Value::from(id.as_str()));
    let record = set(Kind::Agreement, &id, [what].into_iter().collect(), fields, w)?;
    match record_to_pb(&record).record {
        Some(pb::record::Record::Agreement(agreement)) => Ok(agreement),
        _ => Ok(pb::Agreement::default()),
    }
}

impl End {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Because { decision, effective, reason } = self.because;
        let (header, agreement) = (Some(write.clone()), self.id);
        let request = pb::EndAgreementRequest { write: header, agreement, decision, effective, reason };
        let answer = sent(&write, session.agreement().end_agreement(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl List {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let state = match self.state {
            None => pb::AgreementState::Unspecified,
            Some(Stands::Proposed) => pb::AgreementState::Proposed,
            Some(Stands::InForce) => pb::AgreementState::InForce,
            Some(Stands::AsStated) => pb::AgreementState::AsStated,
            Some(Stands::Ended) => pb::AgreementState::Ended,
            Some(Stands::Expired) => pb::AgreementState::Expired,
        };
        let Moment { valid, known } = self.moment;
        let (agenda, party, ends_before) = (self.agenda, self.party, self.ends_before);
        let request = pb::ListAgreementsRequest {
            agenda,
            known,
            valid,
            state: state.into(),
            party,
            ends_before,
            min_position: None,
        };
        let answer = session.agreement().list_agreements(request).await?.into_inner();
        let as_json = || {
            let agreements: Vec<_> = answer.agreements.iter().map(view_json).map(Value::from).collect();
            json!({"position": answer.position, "agreements": agreements})
        };
        output.answer(as_json, |page| {
            let (w, count) = (output.words, answer.agreements.len());
            page.title(&w.pick(format!("Afspraken ({count})"), format!("Agreements ({count})")));
            for view in &answer.agreements {
                let agreement = view.agreement.clone().unwrap_or_default();
                page.item(&agreement.id, &format!("{} ({})", agreement.what, stands(w, view.state())));
                page.detail(w.pick("looptijd", "period"), &period(w, &agreement));
                if let Some(via) = &view.via {
                    page.detail("via", via);
                }
                if !view.signatures.is_empty() || view.state() == pb::AgreementState::Proposed {
                    signatures(page, w, view);
                }
            }
        })
    }
}

impl Show {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let Moment { valid, known } = self.moment;
        let request = pb::GetAgreementRequest { agreement: self.id, known, valid, min_position: None };
        let answer = session.agreement().get_agreement(request).await?.into_inner();
        let view = answer.agreement.clone().unwrap_or_default();
        let as_json = || {
            let mut map = Map::from_iter([("position".to_owned(), answer.position.into())]);
            map.extend(view_json(&view));
            map.insert("amendments".to_owned(), answer.amendments.iter().map(entry_json).collect());
            map.into()
        };
        output.answer(as_json, |page| write_view(page, output.words, &view, &answer.amendments))
    }
}

fn view_json(view: &pb::AgreementView) -> Map<String, Value> {
    let signature = |signature: &pb::Signature| {
        json!({
            "party": signature.party, "membership": signature.membership, "on": json::date(signature.on.as_ref()),
            "decision": signature.decision, "position": signature.position,
        })
    };
    let end = |end: &pb::RecordEnd| json!({"since": end.since, "reason": end.reason, "decision": end.decision, "position": end.position});
    let agreement = view.agreement.clone().map(pb::record::Record::Agreement).map(json::record);
    Map::from_iter([
        ("agreement".to_owned(), agreement.unwrap_or_default()),
        ("state".to_owned(), word(view.state()).into()),
        ("signed".to_owned(), view.signatures.iter().map(signature).collect()),
        ("not_signed".to_owned(), view.unsigned.clone().into()),
        ("in_force".to_owned(), json::date(view.in_force.as_ref())),
        ("ended".to_owned(), view.ended.as_ref().map(end).unwrap_or_default()),
        ("revision".to_owned(), view.revision.into()),
        ("via".to_owned(), view.via.as_deref().into()),
    ])
}

fn word(state: pb::AgreementState) -> &'static str {
    match state {
        pb::AgreementState::Unspecified => "unknown",
        pb::AgreementState::Proposed => "proposed",
        pb::AgreementState::InForce => "in-force",
        pb::AgreementState::AsStated => "as-stated",
        pb::AgreementState::Ended => "ended",
        pb::AgreementState::Expired => "expired",
    }
}

fn stands(w: Words, state: pb::AgreementState) -> &'static str {
    let (nl, en) = match state {
        pb::AgreementState::Unspecified => ("?", "?"),
        pb::AgreementState::Proposed => ("voorgesteld", "proposed"),
        pb::AgreementState::InForce => ("van kracht", "in force"),
        pb::AgreementState::AsStated => ("zoals vermeld", "as stated"),
        pb::AgreementState::Ended => ("beëindigd", "ended"),
        pb::AgreementState::Expired => ("afgelopen", "expired"),
    };
    w.pick(nl, en)
}

fn period(w: Words, agreement: &pb::Agreement) -> String {
    let record = json::record(pb::record::Record::Agreement(agreement.clone()));
    w.value("period", record.get("period").unwrap_or(&Value::Null))
}

/// Who signed when, and who has not.
fn signatures(page: &mut Page, w: Words, view: &pb::AgreementView) {
    for signature in &view.signatures {
        let by = signature
            .membership
            .as_ref()
            .map(|id| format!(", {} {id}", w.pick("onder lidmaatschap", "under membership")));
        let decision = signature.decision.as_ref().map(|id| format!(", {} {id}", w.pick("met besluit", "by decision")));
        let more = [by, decision].into_iter().flatten().collect::<String>();
        let line = format!("{} ({}{more})", signature.party, w.date(signature.on.as_ref()));
        page.detail(w.pick("getekend", "signed"), &line);
    }
    if !view.unsigned.is_empty() {
        page.detail(w.pick("nog niet getekend", "not signed yet"), &view.unsigned.join(", "));
    }
}

fn write_view(page: &mut Page, w: Words, view: &pb::AgreementView, amendments: &[pb::HistoryEntry]) {
    let agreement = view.agreement.clone().unwrap_or_default();
    page.title(&format!("{}: {}", agreement.id, agreement.what));
    page.item(w.pick("stand", "state"), stands(w, view.state()));
    if view.in_force.is_some() {
        page.detail(w.pick("van kracht vanaf", "in force from"), &w.date(view.in_force.as_ref()));
    }
    if let Some(end) = &view.ended {
        let decision = end.decision.as_ref().map(|id| format!("; {} {id}", w.kind(Kind::Decision))).unwrap_or_default();
        let why = end.reason.clone().unwrap_or_else(|| w.not_stated().to_owned());
        let line = format!("{}: {why}{decision}", end.since);
        page.detail(w.pick("beëindigd per", "ended as of"), &line);
    }
    signatures(page, w, view);
    let record = json::record(pb::record::Record::Agreement(agreement));
    let clauses = record.as_object().into_iter().flatten();
    for (field, value) in clauses.filter(|(field, _)| !matches!(field.as_str(), "id" | "what")) {
        page.detail(field, &w.value(field, value));
    }
    if !amendments.is_empty() {
        page.section(w.pick("Gewijzigd", "Amended"));
        for entry in amendments {
            write_entry(page, w, entry, entry.key.as_ref());
        }
    }
}
