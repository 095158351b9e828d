//! `promise`: what was promised (milestones: evaluations, meetings, reports), and what became of it.

use clap::{Args, Subcommand};
use minutebook_proto::pb;
use minutebook_proto::pb::promise_view::State;
use serde_json::{Value, json};

use super::args::{Moment, RecordName};
use super::connect::Session;
use super::failure::Failure;
use super::motion::{outcome_json, outcome_line};
use super::page::Page;
use super::record::{Because, Recording, sent, tell};
use super::words::Words;
use super::{Output, args, json};

/// Promises.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook promise list --overdue")]
pub(crate) struct Promise {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List promises, the oldest first, with where each stands
    List(List),
    /// Say that a promise was met
    Meet(Meet),
    /// Move a promise to another date
    Move(Move),
    /// Say that a promise was missed
    Miss(Miss),
}

/// Which promises, and as of when.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook promise list --due 2019 --valid 2018-06-01")]
struct List {
    /// Only those that are open and due by the last day of this date (EDTF: 2019, 2019-06)
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    due: Option<pb::Date>,
    /// Only those that are overdue
    #[arg(long)]
    overdue: bool,
    /// Only those of this agenda, and those that belong to none
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    #[command(flatten)]
    moment: Moment,
}

/// Which promise was met, and what shows it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook promise meet vierde-werkconferentie --evidence werkconferentie-zorglandschap \\\n    \
                        --effective 2017-11-02"
)]
struct Meet {
    /// The milestone
    id: String,
    /// A decision, action or source that shows it (decision/ID, action/ID, source/ID)
    #[arg(long, value_name = "RECORD", value_parser = args::record)]
    evidence: Vec<RecordName>,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which promise gets another date.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook promise move evaluatie-trendbureau --due 2020-06 --reason 'the figures come later'"
)]
struct Move {
    /// The milestone
    id: String,
    /// The new date (EDTF: 2020, 2020-06, 2020-21 for spring)
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    due: pb::Date,
    /// The words for when, where a source has its own
    #[arg(long, value_name = "TEXT")]
    due_text: Option<String>,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which promise was missed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook promise miss breedband-gereed --reason 'not all of the province is connected'"
)]
struct Miss {
    /// The milestone
    id: String,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

impl Promise {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            Verb::List(list) => list.run(session, output).await,
            Verb::Meet(meet) => meet.run(session, output).await,
            Verb::Move(moved) => moved.run(session, output).await,
            Verb::Miss(miss) => miss.run(session, output).await,
        }
    }
}

impl Meet {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let evidence = self.evidence.iter().map(RecordName::to_pb).collect();
        let Because { decision, effective, reason } = self.because;
        let (header, promise) = (Some(write.clone()), self.id);
        let request = pb::MeetPromiseRequest { write: header, promise, evidence, decision, effective, reason };
        let answer = sent(&write, session.agenda().meet_promise(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl Move {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Because { decision, effective, reason } = self.because;
        let (header, promise, due, due_text) = (Some(write.clone()), self.id, Some(self.due), self.due_text);
        let request = pb::MovePromiseRequest { write: header, promise, due, due_text, decision, effective, reason };
        let answer = sent(&write, session.agenda().move_promise(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl Miss {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let Because { decision, effective, reason } = self.because;
        let (header, promise) = (Some(write.clone()), self.id);
        let request = pb::MissPromiseRequest { write: header, promise, decision, effective, reason };
        let answer = sent(&write, session.agenda().miss_promise(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl List {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let Moment { valid, known } = self.moment;
        let (agenda, due, overdue) = (self.agenda, self.due, self.overdue);
        let request = pb::ListPromisesRequest { agenda, known, valid, due, overdue, min_position: None };
        let answer = session.agenda().list_promises(request).await?.into_inner();
        let as_json = || {
            let promises: Vec<_> = answer.promises.iter().map(promise_json).collect();
            json!({"position": answer.position, "promises": promises, "open_motions": answer.open_motions})
        };
        output.answer(as_json, |page| {
            let (w, count) = (output.words, answer.promises.len());
            page.title(&w.pick(format!("Toezeggingen ({count})"), format!("Promises ({count})")));
            answer.promises.iter().for_each(|view| write_promise(page, w, view));
            let open = answer.open_motions;
            let (nl, en) = (
                format!("Niet afgedane moties: {open} (`minutebook motion list --open`)."),
                format!("Motions not settled: {open} (`minutebook motion list --open`)."),
            );
            page.gap();
            page.note(&w.pick(nl, en));
        })
    }
}

fn promise_json(view: &pb::PromiseView) -> Value {
    json!({
        "promise": view.milestone.clone().map(pb::record::Record::Milestone).map(json::record),
        "state": state(view.state()),
        "decision": view.decision,
        "outcome": view.outcome.as_ref().map(outcome_json),
        "revision": view.revision,
    })
}

fn state(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Planned => "planned",
        State::Moved => "moved",
        State::Overdue => "overdue",
        State::Met => "met",
        State::Missed => "missed",
    }
}

fn write_promise(page: &mut Page, w: Words, view: &pb::PromiseView) {
    let milestone = view.milestone.clone().unwrap_or_default();
    let (nl, en) = match view.state() {
        State::Unspecified => ("?", "?"),
        State::Planned => ("gepland", "planned"),
        State::Moved => ("verplaatst", "moved"),
        State::Overdue => ("te laat", "overdue"),
        State::Met => ("nagekomen", "met"),
        State::Missed => ("niet nagekomen", "missed"),
    };
    let words = milestone.due_text.map(|text| format!(" ({text})")).unwrap_or_default();
    let due = format!("{}{words}", w.date(milestone.due.as_ref()));
    page.item(&format!("{due}, {}", w.pick(nl, en)), &milestone.what);
    page.detail(w.pick("mijlpaal", "milestone"), &milestone.id);
    page.detail(w.pick("actie", "action"), milestone.action.as_deref().unwrap_or_else(|| w.not_stated()));
    page.detail(w.pick("besluit", "decision"), view.decision.as_deref().unwrap_or_else(|| w.not_stated()));
    if let Some(outcome) = &view.outcome {
        page.detail(w.pick("hoe", "how"), &outcome_line(w, outcome));
    }
}
