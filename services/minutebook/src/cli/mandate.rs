//! `mandate`: who may decide what.

use clap::{Args, Subcommand};
use minutebook_proto::pb;
use serde_json::json;

use super::connect::Session;
use super::failure::Failure;
use super::record::{Because, Recording, sent, tell};
use super::words::Words;
use super::{Output, args, json};

/// Mandates.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook mandate who-may adopt-agenda --on 2018-01-09")]
pub(crate) struct Mandate {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Grant a mandate: by a decision of kind grant-mandate, unless it only lets a body advise
    Grant(Box<Grant>),
    /// Withdraw a mandate: by a decision of kind grant-mandate, unless it only lets a body advise
    Withdraw(Withdraw),
    /// List the mandates, also those that are over
    List(List),
    /// Tell who may take a kind of decision, on a date
    WhoMay(WhoMay),
}

/// A mandate.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook mandate grant --id m-stuurgroep --body stuurgroep-kknn --may adopt-plan \\\n    \
                        --decision ps-2018-007 --since 2018-02-01"
)]
struct Grant {
    /// A new id
    #[arg(long)]
    id: String,
    /// The body that may decide
    #[arg(long, value_name = "BODY")]
    body: String,
    /// The kind of decision that it may take
    #[arg(long, value_name = "KIND")]
    may: String,
    /// Only for this agenda
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    /// The largest sum that it covers, in whole euros
    #[arg(long, value_name = "EUROS")]
    ceiling: Option<u64>,
    /// From when; from when the decision holds unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    since: Option<pb::Date>,
    /// Until and including when
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    until: Option<pb::Date>,
    /// The law or rule that it rests on
    #[arg(long, value_name = "TEXT")]
    basis: Option<String>,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// A mandate to withdraw.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook mandate withdraw m-stuurgroep --decision ps-2019-011 --reason 'the group was dissolved'"
)]
struct Withdraw {
    /// The mandate
    mandate: String,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which mandates.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook mandate list --body gedeputeerde-staten")]
struct List {
    /// Only those of this body
    #[arg(long, value_name = "BODY")]
    body: Option<String>,
    /// Only those for this agenda, and those for all
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    /// Only those held on this date
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    on: Option<pb::Date>,
}

/// Which kind of decision.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook mandate who-may adopt-framework --on 2016-06-14")]
struct WhoMay {
    /// The kind of decision, such as adopt-agenda
    kind: String,
    /// On this date; today unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    on: Option<pb::Date>,
    /// For this agenda
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
}

impl Mandate {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            Verb::Grant(grant) => grant.run(session, output).await,
            Verb::Withdraw(withdraw) => withdraw.run(session, output).await,
            Verb::List(List { body, agenda, on }) => {
                let request = pb::ListMandatesRequest { body, agenda, on, min_position: None };
                let answer = session.directory().list_mandates(request).await?.into_inner();
                list(output, output.words.pick("Mandaten", "Mandates"), answer.position, &answer.mandates)
            }
            Verb::WhoMay(WhoMay { kind, on, agenda }) => {
                let request = pb::WhoMayRequest { kind: kind.clone(), on, agenda, min_position: None };
                let answer = session.directory().who_may(request).await?.into_inner();
                let date = output.words.date(answer.on.as_ref());
                let (nl, en) = (format!("Wie mag `{kind}` op {date}"), format!("Who may `{kind}` on {date}"));
                list(output, &output.words.pick(nl, en), answer.position, &answer.mandates)
            }
        }
    }
}

impl Grant {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write_new();
        let Because { decision, effective, reason } = self.because;
        let mandate = pb::Mandate {
            id: self.id,
            body: self.body,
            may: self.may,
            agenda: self.agenda,
            decision,
            ceiling: self.ceiling,
            since: self.since,
            until: self.until,
            basis: self.basis,
            inferred: None,
            notes: None,
        };
        let request = pb::GrantMandateRequest {
            write: Some(write.clone()),
            agenda: None,
            mandate: Some(mandate),
            effective,
            reason,
        };
        let answer = sent(&write, session.directory().grant_mandate(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl Withdraw {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Because { decision, effective, reason } = self.because;
        let (mandate, header) = (self.mandate, Some(write.clone()));
        let request = pb::WithdrawMandateRequest { write: header, mandate, decision, effective, reason };
        let answer = sent(&write, session.directory().withdraw_mandate(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

fn list(output: Output, title: &str, position: u64, mandates: &[pb::HeldMandate]) -> Result<(), Failure> {
    let as_json = || {
        let held = |held: &pb::HeldMandate| {
            let mandate = held.mandate.clone().map(pb::record::Record::Mandate).map(json::record);
            json!({"mandate": mandate, "body": held.body, "withdrawn": held.withdrawn,
                "body_ended": held.body_ended})
        };
        json!({"position": position, "mandates": mandates.iter().map(held).collect::<Vec<_>>()})
    };
    output.answer(as_json, |page| {
        let w = output.words;
        page.title(&format!("{title} ({})", mandates.len()));
        if mandates.is_empty() {
            page.note(w.pick("Niemand.", "Nobody."));
        }
        for held in mandates {
            let mandate = held.mandate.clone().unwrap_or_default();
            page.item(&mandate.may, &held.body);
            page.detail(&mandate.id, &terms(w, &mandate, held));
        }
    })
}

/// The limits of a mandate on one line.
fn terms(w: Words, mandate: &pb::Mandate, held: &pb::HeldMandate) -> String {
    let dated = |nl, en, date: Option<&pb::Date>| date.map(|date| format!("{} {}", w.pick(nl, en), w.date(Some(date))));
    let day = |nl, en, day: Option<&String>| day.map(|day| format!("{} {day}", w.pick(nl, en)));
    let ceiling =
        mandate.ceiling.map(|euros| format!("{} {}", w.pick("t/m", "up to"), w.value("ceiling", &euros.into())));
    let all = [
        mandate.agenda.as_ref().map(|agenda| format!("{} {agenda}", w.pick("voor", "for"))),
        ceiling,
        dated("vanaf", "from", mandate.since.as_ref()),
        dated("t/m", "until", mandate.until.as_ref()),
        day("ingetrokken per", "withdrawn from", held.withdrawn.as_ref()),
        day("orgaan opgeheven per", "body dissolved on", held.body_ended.as_ref()),
        mandate.decision.as_ref().map(|decision| format!("{} {decision}", w.pick("bij besluit", "by decision"))),
        mandate.basis.clone(),
        (mandate.inferred == Some(true)).then(|| w.pick("afgeleid", "inferred").to_owned()),
    ];
    let stated: Vec<_> = all.into_iter().flatten().collect();
    if stated.is_empty() { w.pick("zonder grens", "without a limit").to_owned() } else { stated.join(", ") }
}
