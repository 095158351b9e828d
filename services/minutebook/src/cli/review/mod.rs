//! `review`: what several people do one step at a time, until a body adopts what it comes to.

mod propose;
mod told;

use clap::{Args, Subcommand};
use minutebook_domain::ids::Id;
use minutebook_proto::{pb, value_to_pb};

use super::args::{self, Assignment};
use super::connect::Session;
use super::failure::Failure;
use super::record::{Recording, sent, tell};
use super::{Format, Output, print_json};
use propose::Propose;

/// Reviews of agendas.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook review open krimp-en-leefbaarheid --edition 2018-2019 --effective 2018-01-01"
)]
pub(crate) struct Review {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Open a review for an edition, or open it again where its base has moved
    Open(Open),
    /// Propose a change of the agenda
    Propose(Box<Propose>),
    /// Choose a proposal among those for its item
    Select(Select),
    /// Take a proposal back
    Withdraw(Withdraw),
    /// Leave what nobody proposed to change as it is
    KeepRest(KeepRest),
    /// Tell what the review would do if it were adopted now, and what keeps it from that
    Check(Check),
    /// Adopt what the review comes to
    Adopt(Adopt),
    /// Give a review up
    Abandon(Abandon),
    /// List the reviews of an agenda: those that are open, and those that were adopted
    List(List),
    /// Show what was proposed in a review, by whom, and what became of it
    Show(Show),
}

impl Review {
    /// Does the step.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.step {
            Step::Open(open) => open.run(session, output).await,
            Step::Propose(propose) => propose.run(session, output).await,
            Step::Select(select) => select.run(session, output).await,
            Step::Withdraw(withdraw) => withdraw.run(session, output).await,
            Step::KeepRest(keep) => keep.run(session, output).await,
            Step::Check(check) => check.run(session, output).await,
            Step::Adopt(adopt) => adopt.run(session, output).await,
            Step::Abandon(abandon) => abandon.run(session, output).await,
            Step::List(list) => list.run(session, output).await,
            Step::Show(show) => show.run(session, output).await,
        }
    }
}

/// Which open review.
#[derive(Debug, Args)]
struct Which {
    /// The agenda
    agenda: String,
    /// The edition under review; the only open review of the agenda unless given
    #[arg(long, value_name = "LABEL")]
    edition: Option<String>,
}

/// Who acts, and on which state of the review.
#[derive(Debug, Args)]
struct Recorded {
    /// The newest event of the review that you know (`newest` of check and show): a newer one refuses
    #[arg(long, value_name = "POSITION")]
    expected_revision: Option<u64>,
    #[command(flatten)]
    recording: Recording,
}

impl Recorded {
    fn write(&self) -> pb::Write {
        pb::Write { expected_revision: self.expected_revision, ..self.recording.write() }
    }
}

/// Which edition, from when.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook review open krimp-en-leefbaarheid --edition 2018-2019 --effective 2018-01-01"
)]
struct Open {
    /// The agenda
    agenda: String,
    /// The label of the edition, such as 2018-2019; a label of years says which years and horizon are meant
    #[arg(long, value_name = "LABEL")]
    edition: String,
    /// From when it will hold
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: pb::Date,
    /// The first and the last year that it is for (2018-2019), where the label does not say
    #[arg(long, value_name = "YEARS", value_parser = args::years)]
    years: Option<(pb::Date, pb::Date)>,
    /// The term that it plans for, where that is another one
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    horizon: Option<pb::Date>,
    /// How it will be reviewed
    #[arg(long, value_name = "TEXT")]
    review: Option<String>,
    /// Made-up test data, and marked as such
    #[arg(long)]
    invented: bool,
    /// Why it is opened
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recorded: Recorded,
}

impl Open {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recorded.write();
        let (first_year, last_year) = self.years.unzip();
        let opening = pb::ReviewOpening {
            first_year,
            last_year,
            effective: Some(self.effective),
            horizon: self.horizon,
            review: self.review,
            invented: self.invented,
        };
        let request = pb::OpenReviewRequest {
            write: Some(write.clone()),
            agenda: self.agenda,
            edition: self.edition,
            opening: Some(opening),
            reason: self.reason,
        };
        let answer = sent(&write, session.review().open_review(request)).await?;
        tell(output, &self.recorded.recording, answer.receipt.as_ref())
    }
}

/// Which proposal.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook review select krimp-en-leefbaarheid change-03")]
struct Select {
    #[command(flatten)]
    which: Which,
    /// The proposal
    change: String,
    /// Why this one
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recorded: Recorded,
}

impl Select {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recorded.write();
        let request = pb::SelectDispositionRequest {
            write: Some(write.clone()),
            agenda: self.which.agenda,
            edition: self.which.edition,
            change: self.change,
            reason: self.reason,
        };
        let answer = sent(&write, session.review().select_disposition(request)).await?;
        tell(output, &self.recorded.recording, answer.receipt.as_ref())
    }
}

/// Which proposal, and why.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook review withdraw krimp-en-leefbaarheid change-03 \\\n    \
                        --reason 'the partner goes on after all'")]
struct Withdraw {
    #[command(flatten)]
    which: Which,
    /// The proposal
    change: String,
    /// Why it is taken back
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    recorded: Recorded,
}

impl Withdraw {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recorded.write();
        let request = pb::WithdrawDispositionRequest {
            write: Some(write.clone()),
            agenda: self.which.agenda,
            edition: self.which.edition,
            change: self.change,
            reason: self.reason,
        };
        let answer = sent(&write, session.review().withdraw_disposition(request)).await?;
        tell(output, &self.recorded.recording, answer.receipt.as_ref())
    }
}

/// Which review.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook review keep-rest krimp-en-leefbaarheid")]
struct KeepRest {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recorded: Recorded,
}

impl KeepRest {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recorded.write();
        let (agenda, edition, reason) = (self.which.agenda, self.which.edition, self.reason);
        let request = pb::KeepRestRequest { write: Some(write.clone()), agenda, edition, reason };
        let answer = sent(&write, session.review().keep_rest(request)).await?;
        tell(output, &self.recorded.recording, answer.receipt.as_ref())
    }
}

/// Which review, and by which decision.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook review check krimp-en-leefbaarheid --decision gs-2017-12-12")]
struct Check {
    #[command(flatten)]
    which: Which,
    /// The decision that would adopt it; without one, what concerns the decision is left out
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// From when it would hold, where that is not as it was opened
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
}

impl Check {
    /// It only reports, so it ends well whatever it finds.
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let Which { agenda, edition } = self.which;
        let (decision, effective) = (self.decision, self.effective);
        let request = pb::CheckReviewRequest { agenda, edition, decision, effective, min_position: None };
        let answer = session.review().check_review(request).await?.into_inner();
        match output.format {
            Format::Json => print_json(&told::check_json(&answer)),
            _ => output.answer(Default::default, |page| told::check(page, output.words, &answer)),
        }
    }
}

/// Which review, by which decision, and what was decided otherwise.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook review adopt krimp-en-leefbaarheid --decision gs-2017-12-12\n\n\
                        Where the body decided otherwise than was proposed, both texts are kept:\n  \
                        minutebook review adopt krimp-en-leefbaarheid --decision gs-2017-12-12 \\\n    \
                        --amend pod-sport.title='Sport dichtbij' --reason 'the board chose another name'")]
struct Adopt {
    #[command(flatten)]
    which: Which,
    /// The decision that adopts it: dated, of kind adopt-agenda
    #[arg(long, value_name = "ID")]
    decision: String,
    /// From when it holds, where that is not as it was opened
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
    /// What the body decided otherwise: a field of an action, or KIND/ID.FIELD, and its value
    #[arg(long, value_name = "ACTION.FIELD=VALUE", value_parser = args::assignment)]
    amend: Vec<Assignment>,
    /// Why; needed where the body decided otherwise, or the edition holds from before the decision
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recorded: Recorded,
}

impl Adopt {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recorded.write();
        let amend = self.amend.iter().map(|assignment| setting(assignment, None)).collect();
        let adoption = pb::ReviewAdoption { decision: self.decision, effective: self.effective, amend };
        let request = pb::AdoptReviewRequest {
            write: Some(write.clone()),
            agenda: self.which.agenda,
            edition: self.which.edition,
            adoption: Some(adoption),
            reason: self.reason,
        };
        let answer = sent(&write, session.review().adopt_review(request)).await?;
        tell(output, &self.recorded.recording, answer.receipt.as_ref())
    }
}

/// A value for a field, and what stood there.
fn setting(assignment: &Assignment, old: Option<&Assignment>) -> pb::FieldSetting {
    pb::FieldSetting {
        key: Some(assignment.field.record.to_pb()),
        field: assignment.field.field.clone(),
        old: old.map(|old| value_to_pb(&old.value)),
        new: Some(value_to_pb(&assignment.value)),
    }
}

/// Which review, and why.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook review abandon krimp-en-leefbaarheid --reason 'a new board takes office'"
)]
struct Abandon {
    #[command(flatten)]
    which: Which,
    /// Why it is given up
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    recorded: Recorded,
}

impl Abandon {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recorded.write();
        let (agenda, edition, reason) = (self.which.agenda, self.which.edition, self.reason);
        let request = pb::AbandonReviewRequest { write: Some(write.clone()), agenda, edition, reason };
        let answer = sent(&write, session.review().abandon_review(request)).await?;
        tell(output, &self.recorded.recording, answer.receipt.as_ref())
    }
}

/// Which agenda.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook review list krimp-en-leefbaarheid")]
struct List {
    /// The agenda
    agenda: String,
}

impl List {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let request = pb::ListReviewsRequest { agenda: self.agenda.clone(), min_position: None };
        let answer = session.review().list_reviews(request).await?.into_inner();
        let as_json = || told::list_json(&self.agenda, &answer);
        output.answer(as_json, |page| told::list(page, output.words, &self.agenda, &answer))
    }
}

/// Which review.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook review show krimp-en-leefbaarheid --edition 2018-2019")]
struct Show {
    /// The agenda
    agenda: String,
    /// The edition, or one of its revisions (2018-2019@1); the one under review, or the current one, unless given
    #[arg(long, value_name = "EDITION", value_parser = args::edition)]
    edition: Option<pb::EditionName>,
}

impl Show {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let request = pb::GetReviewRequest { agenda: self.agenda.clone(), edition: self.edition, min_position: None };
        let answer = session.review().get_review(request).await?.into_inner();
        let as_json = || told::show_json(&self.agenda, &answer);
        output.answer(as_json, |page| told::show(page, output.words, &answer))
    }
}

/// Reads the id of an action.
fn action(text: &str) -> Result<String, args::Misread> {
    Id::new(text).map(|id| id.to_string()).ok_or_else(|| args::Misread::IdForm { text: text.to_owned() })
}
