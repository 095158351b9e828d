//! `motion`: recording motions, linking them to the actions that carry them out, and settling them.

use clap::{Args, Subcommand};
use minutebook_proto::pb;
use minutebook_proto::pb::motion_view::State;
use serde_json::{Value, json};

use super::args::{Moment, RecordName};
use super::connect::Session;
use super::failure::Failure;
use super::page::Page;
use super::record::{Because, Recording, sent, tell};
use super::words::Words;
use super::{Output, args, json};

/// Motions.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook motion list --open")]
pub(crate) struct Motion {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Record a motion
    Record(Box<Record>),
    /// Link a motion to an action that carries it out
    Link(Link),
    /// Settle a motion, with evidence
    Settle(Settle),
    /// List motions, with where each stands
    List(List),
}

/// A motion as it was adopted.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook motion record --id m-2017-04 --title 'Drenthe leest' --body provinciale-staten"
)]
struct Record {
    /// A new id, such as m-2017-04
    #[arg(long)]
    id: String,
    /// Its title
    #[arg(long, value_name = "TEXT")]
    title: String,
    /// The body that adopted it
    #[arg(long, value_name = "BODY")]
    body: Option<String>,
    /// An action that carries it out
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// The agenda that it belongs to
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    /// From when it holds (EDTF: 2018-01-01, 2018); today unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
    /// Why, in one or more sentences
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    recording: Recording,
}

/// Which action carries out which motion.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook motion link m-2016-23 --action breedband-burgerinitiatieven \\\n    \
                        --how 'also for people with a disability'")]
struct Link {
    /// The motion
    motion: String,
    /// The action
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// How it carries the motion out; with --remove, why it does no more
    #[arg(long, visible_alias = "reason", value_name = "TEXT")]
    how: Option<String>,
    /// The action carries the motion out no more
    #[arg(long)]
    remove: bool,
    /// The decision by which
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// From when (EDTF: 2018-01-01, 2018); from when the decision holds, or today, unless given
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: Option<pb::Date>,
    #[command(flatten)]
    recording: Recording,
}

/// Which motion, and what shows that it was carried out.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook motion settle m-2016-20 --evidence leergeld-regelingen \\\n    \
                        --evidence decision/gs-2017-12-uitvoeringsagenda")]
struct Settle {
    /// The motion
    motion: String,
    /// A decision, action or source that shows it (decision/ID, action/ID, source/ID)
    #[arg(long, value_name = "RECORD", value_parser = args::record)]
    evidence: Vec<RecordName>,
    #[command(flatten)]
    because: Because,
    #[command(flatten)]
    recording: Recording,
}

/// Which motions, and as of when.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook motion list --unlinked")]
struct List {
    /// Only those that are not settled
    #[arg(long)]
    open: bool,
    /// Only those that no action carries out
    #[arg(long)]
    unlinked: bool,
    /// Only those of this agenda, and those that belong to none
    #[arg(long, value_name = "AGENDA")]
    agenda: Option<String>,
    #[command(flatten)]
    moment: Moment,
}

impl Motion {
    /// Does what is asked.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        match self.verb {
            Verb::Record(record) => record.run(session, output).await,
            Verb::Link(link) => link.run(session, output).await,
            Verb::Settle(settle) => settle.run(session, output).await,
            Verb::List(list) => list.run(session, output).await,
        }
    }
}

impl Record {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write_new();
        let addressed_by = (!self.actions.is_empty()).then_some(pb::IdList { ids: self.actions });
        let motion = pb::Motion { id: self.id, title: self.title, body: self.body, addressed_by, notes: None };
        let request = pb::RecordMotionRequest {
            write: Some(write.clone()),
            agenda: self.agenda,
            motion: Some(motion),
            effective: self.effective,
            reason: self.reason,
        };
        let answer = sent(&write, session.decision().record_motion(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl Link {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let request = pb::LinkMotionRequest {
            write: Some(write.clone()),
            motion: self.motion,
            action: self.action,
            remove: self.remove,
            how: self.how,
            decision: self.decision,
            effective: self.effective,
        };
        let answer = sent(&write, session.decision().link_motion(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl Settle {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let evidence = self.evidence.iter().map(RecordName::to_pb).collect();
        let Because { decision, effective, reason } = self.because;
        let (header, motion) = (Some(write.clone()), self.motion);
        let request = pb::SettleMotionRequest { write: header, motion, evidence, decision, effective, reason };
        let answer = sent(&write, session.decision().settle_motion(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}

impl List {
    async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let Moment { valid, known } = self.moment;
        let request = pb::ListMotionsRequest { agenda: self.agenda, known, valid, min_position: None };
        let mut answer = session.decision().list_motions(request).await?.into_inner();
        let linked = |view: &pb::MotionView| {
            view.motion
                .as_ref()
                .and_then(|motion| motion.addressed_by.as_ref())
                .is_some_and(|list| !list.ids.is_empty())
        };
        answer.motions.retain(|view| !(self.open && view.state() == State::Settled || self.unlinked && linked(view)));
        let as_json = || {
            let motions: Vec<_> = answer.motions.iter().map(motion_json).collect();
            json!({"position": answer.position, "motions": motions})
        };
        output.answer(as_json, |page| {
            let (w, count) = (output.words, answer.motions.len());
            page.title(&w.pick(format!("Moties ({count})"), format!("Motions ({count})")));
            answer.motions.iter().for_each(|view| write_motion(page, w, view));
        })
    }
}

fn motion_json(view: &pb::MotionView) -> Value {
    let how: serde_json::Map<_, _> =
        view.how.iter().map(|link| (link.action.clone(), Value::from(link.how.as_str()))).collect();
    json!({
        "motion": view.motion.clone().map(pb::record::Record::Motion).map(json::record),
        "state": state(view.state()),
        "how": how,
        "settled": view.settled.as_ref().map(outcome_json),
        "revision": view.revision,
    })
}

fn state(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Adopted => "adopted",
        State::BeingCarriedOut => "being-carried-out",
        State::Settled => "settled",
    }
}

/// What came of a motion or promise, for programs.
pub(super) fn outcome_json(outcome: &pb::Outcome) -> Value {
    let evidence = outcome.evidence.iter().map(|key| Value::from(json::key("kind", Some(key))));
    json!({
        "effective": json::date(outcome.effective.as_ref()),
        "evidence": evidence.collect::<Vec<_>>(),
        "reason": outcome.reason,
        "decision": outcome.decision,
        "position": outcome.position,
    })
}

/// What came of a motion or promise, on one line.
pub(super) fn outcome_line(w: Words, outcome: &pb::Outcome) -> String {
    let evidence = outcome.evidence.iter().map(|key| w.key(Some(key))).collect::<Vec<_>>().join(", ");
    let decision =
        outcome.decision.as_ref().map(|id| format!("{} {id}", w.kind(minutebook_domain::ids::Kind::Decision)));
    let parts = [Some(w.date(outcome.effective.as_ref())), Some(evidence), decision, outcome.reason.clone()];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn write_motion(page: &mut Page, w: Words, view: &pb::MotionView) {
    let motion = view.motion.clone().unwrap_or_default();
    let stands = match view.state() {
        State::Unspecified => "?",
        State::Adopted => w.pick("aangenomen, aan geen actie gekoppeld", "adopted, linked to no action"),
        State::BeingCarriedOut => w.pick("in uitvoering", "being carried out"),
        State::Settled => w.pick("afgedaan", "settled"),
    };
    page.item(&motion.id, &format!("{} ({stands})", motion.title));
    for action in motion.addressed_by.iter().flat_map(|list| &list.ids) {
        let how = view.how.iter().find(|link| link.action == *action).map(|link| format!(": {}", link.how));
        page.detail(w.pick("actie", "action"), &format!("{action}{}", how.unwrap_or_default()));
    }
    if let Some(settled) = &view.settled {
        page.detail(w.pick("afgedaan", "settled"), &outcome_line(w, settled));
    }
}
