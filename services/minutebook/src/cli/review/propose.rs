//! `review propose`: a change of the agenda, and why.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use minutebook_domain::ids::{Key, Kind};
use minutebook_domain::record::Record;
use minutebook_domain::value::{ChangeKind, Disposition, Field as _};
use minutebook_proto::{disposition_to_pb, pb, record_to_pb};
use pb::command::Command;
use pb::review_command::Step;
use serde_json::json;

use super::{Recorded, Which, action, setting};
use crate::cli::args::{self, Assignment, Misread, RecordName};
use crate::cli::connect::Session;
use crate::cli::failure::{Exit, Failure};
use crate::cli::record::{receipt_line, sent};
use crate::cli::words::Words;
use crate::cli::{Output, json};
use crate::import::{self, Violation};

/// A change, and why.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").required(true).multiple(true).args(["drop", "set", "add", "split", "merge", "suspend", "reinstate"])),
    after_help = "Example:\n  minutebook review propose krimp-en-leefbaarheid --drop pod-sport --disposition handed-over \\\n    \
                        --reason 'the municipalities carry it on themselves'\n\n\
                        A change names the fields; what an action costs changes with it:\n  \
                        minutebook review propose krimp-en-leefbaarheid --set sport-jij-ook.place='heel Drenthe' \\\n    \
                        --reason 'the whole province takes part'\n  \
                        minutebook review propose krimp-en-leefbaarheid --set amount/kknn-leerstoel-jaarlijks.eur=40000 \\\n    \
                        --reason 'the chair was extended'\n\n\
                        What comes stands in a file with themes, subtasks, policy_items, actions and amounts, each a list of\n\
                        records; an action names its policy_item:\n  \
                        minutebook review propose krimp-en-leefbaarheid --add new.yaml --reason 'the motion asks for it'\n  \
                        minutebook review propose krimp-en-leefbaarheid --split pod-sport --into parts.yaml --reason '...'"
)]
pub(super) struct Propose {
    #[command(flatten)]
    which: Which,
    /// An action that leaves, or KIND/ID
    #[arg(long, value_name = "ACTION", value_parser = args::record, requires = "disposition")]
    drop: Option<RecordName>,
    /// What becomes of it: completed, discontinued, handed-over or absorbed
    #[arg(long, value_name = "WORD", value_parser = disposition, requires = "drop")]
    disposition: Option<Disposition>,
    /// A field of an action, or KIND/ID.FIELD, and its value: JSON where it is JSON, else text
    #[arg(long, value_name = "ACTION.FIELD=VALUE", value_parser = args::assignment)]
    set: Vec<Assignment>,
    /// What stands there now; another value is refused
    #[arg(long, value_name = "ACTION.FIELD=VALUE", value_parser = args::assignment, requires = "set")]
    was: Vec<Assignment>,
    /// The file with what comes: a proposal for each item
    #[arg(long, value_name = "FILE")]
    add: Option<PathBuf>,
    /// An action that leaves for several
    #[arg(long, value_name = "ACTION", value_parser = action, requires = "into")]
    split: Option<String>,
    /// An action that leaves for a common one; name each
    #[arg(long, value_name = "ACTION", value_parser = action, requires = "into")]
    merge: Vec<String>,
    /// The file with the actions that come by a split or merge
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// An action that leaves for a while, or KIND/ID
    #[arg(long, value_name = "ACTION", value_parser = args::record)]
    suspend: Option<RecordName>,
    /// An action that comes back, or KIND/ID; with --set as it reads then
    #[arg(long, value_name = "ACTION", value_parser = args::record)]
    reinstate: Option<RecordName>,
    /// Why, in one or more sentences: it is printed in the yearly report
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// The decision that it rests on; the one that adopts it unless given
    #[arg(long, value_name = "DECISION")]
    ground: Option<String>,
    /// The id of the proposal; the next free one unless given
    #[arg(long, value_name = "ID", conflicts_with = "add")]
    id: Option<String>,
    #[command(flatten)]
    recorded: Recorded,
}

/// Reads what becomes of an item.
fn disposition(text: &str) -> Result<Disposition, Misread> {
    Disposition::read(Some(&text.into())).map_err(|fault| Misread::ValueForm { fault })
}

impl Propose {
    /// Records the proposal, or one for each item that comes.
    pub(super) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        self.check_usage(output.words)?;
        let proposals = self.proposals(output.words)?;
        let dry_run = self.recorded.recording.is_dry_run();
        let write = self.recorded.write();
        let (receipt, changes) = match <[_; 1]>::try_from(proposals) {
            Ok([proposal]) => {
                let request = pb::ProposeDispositionRequest {
                    write: Some(write.clone()),
                    agenda: self.which.agenda,
                    edition: self.which.edition,
                    proposal: Some(proposal),
                    reason: self.reason,
                };
                let answer = sent(&write, session.review().propose_disposition(request)).await?;
                (answer.receipt.unwrap_or_default(), answer.changes)
            }
            Err(proposals) => self.all(session, write, proposals).await?,
        };
        let as_json = || json!({"receipt": json::receipt(&receipt), "dry_run": dry_run, "changes": changes});
        output.answer(as_json, |page| {
            let w = output.words;
            page.note(&receipt_line(w, &receipt, dry_run));
            if !changes.is_empty() {
                page.note(&format!("{} {}.", w.pick("Voorgesteld:", "Proposed:"), changes.join(", ")));
            }
        })
    }

    /// Records several proposals: all of them, or none.
    async fn all(
        self,
        session: &Session,
        write: pb::Write,
        proposals: Vec<pb::DispositionProposal>,
    ) -> Result<(pb::Receipt, Vec<String>), Failure> {
        let Which { agenda, edition } = self.which;
        let command = |proposal| {
            let (agenda, edition) = (agenda.clone(), edition.clone());
            let (reason, step) = (Some(self.reason.clone()), Some(Step::Propose(proposal)));
            let review = pb::ReviewCommand { agenda, edition, reason, expected_revision: None, step };
            pb::Command { command: Some(Command::Review(review)) }
        };
        let commands = proposals.into_iter().map(command).collect();
        let request = pb::RecordRequest { write: Some(write.clone()), commands };
        let receipt = sent(&write, session.ledger().record(request)).await?.receipt.unwrap_or_default();
        if write.validate_only {
            return Ok((receipt, Vec::new()));
        }
        let edition = edition.map(|edition| pb::EditionName { edition, revision: None });
        let review = session
            .review()
            .get_review(pb::GetReviewRequest { agenda, edition, min_position: None })
            .await?
            .into_inner();
        let recorded = receipt.first..receipt.first + u64::from(receipt.count);
        let mine = review.proposals.into_iter().filter(|proposal| recorded.contains(&proposal.position));
        Ok((receipt, mine.filter_map(|proposal| Some(proposal.change?.id)).collect()))
    }

    /// One thing is proposed at a time.
    fn check_usage(&self, w: Words) -> Result<(), Failure> {
        let asked = [
            self.drop.is_some(),
            !self.set.is_empty() && self.reinstate.is_none(),
            self.add.is_some(),
            self.split.is_some(),
            !self.merge.is_empty(),
            self.suspend.is_some(),
            self.reinstate.is_some(),
        ];
        let is_set = |was: &Assignment| self.set.iter().any(|set| set.field == was.field);
        if let Some(was) = self.was.iter().find(|was| !is_set(was)) {
            let field = &was.field.field;
            let nl = format!("--was noemt veld `{field}`, dat --set niet stelt");
            return Err(Failure::usage(w.pick(nl, format!("--was names field `{field}`, which --set does not set"))));
        }
        if asked.into_iter().filter(|asked| *asked).count() == 1 {
            return Ok(());
        }
        let nl = "stel één ding tegelijk voor: --drop, --set, --add, --split, --merge, --suspend of --reinstate";
        let en = "propose one thing at a time: --drop, --set, --add, --split, --merge, --suspend or --reinstate";
        Err(Failure::usage(w.pick(nl, en)))
    }

    fn proposals(&self, w: Words) -> Result<Vec<pb::DispositionProposal>, Failure> {
        if let Some(file) = &self.add {
            let items = read(file, w)?;
            return Ok(apart(&items).into_iter().map(|items| self.proposal(ChangeKind::Added, None, &items)).collect());
        }
        if let Some(file) = &self.into {
            let (kind, from) = match &self.split {
                Some(action) => (ChangeKind::Split, vec![action.clone()]),
                None => (ChangeKind::Merged, self.merge.clone()),
            };
            let proposal = self.proposal(kind, None, &read(file, w)?);
            return Ok(vec![pb::DispositionProposal { from, ..proposal }]);
        }
        let (kind, item) = match (&self.drop, &self.suspend, &self.reinstate) {
            (Some(item), _, _) => (ChangeKind::Dropped, Some(item)),
            (_, Some(item), _) => (ChangeKind::Suspended, Some(item)),
            (_, _, Some(item)) => (ChangeKind::Reinstated, Some(item)),
            _ => (ChangeKind::Changed, None),
        };
        Ok(vec![self.proposal(kind, item, &[])])
    }

    fn proposal(&self, kind: ChangeKind, item: Option<&RecordName>, items: &[Record]) -> pb::DispositionProposal {
        let was = |set: &Assignment| self.was.iter().find(|was| was.field == set.field);
        let mut proposal = pb::DispositionProposal {
            change: self.id.clone(),
            item: item.map(RecordName::to_pb),
            set: self.set.iter().map(|set| setting(set, was(set))).collect(),
            items: items.iter().map(record_to_pb).collect(),
            ground: self.ground.clone(),
            ..pb::DispositionProposal::default()
        };
        proposal.set_kind(change_kind(kind));
        if let Some(disposition) = self.disposition {
            proposal.set_disposition(disposition_to_pb(disposition));
        }
        proposal
    }
}

fn change_kind(kind: ChangeKind) -> pb::ChangeKind {
    match kind {
        ChangeKind::Added => pb::ChangeKind::Added,
        ChangeKind::Dropped => pb::ChangeKind::Dropped,
        ChangeKind::Changed => pb::ChangeKind::Changed,
        ChangeKind::Split => pb::ChangeKind::Split,
        ChangeKind::Merged => pb::ChangeKind::Merged,
        ChangeKind::Suspended => pb::ChangeKind::Suspended,
        ChangeKind::Reinstated => pb::ChangeKind::Reinstated,
    }
}

/// The items of a file.
fn read(file: &Path, w: Words) -> Result<Vec<Record>, Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::of_file(file, &error))?;
    import::parse_items(&bytes).map_err(|violations| {
        let told = |violation: &Violation| format!("{} [{}]", violation.shown(w.0), violation.code());
        let details = violations.iter().map(|violation| (String::new(), told(violation))).collect();
        let file = file.display();
        let message = w.pick(format!("`{file}` klopt niet"), format!("`{file}` is not right"));
        Failure::with(Exit::Refused, "INVALID_DOCUMENT", message, details)
    })
}

/// Each item with the amounts that it names. Those that no item names go with the first, so that they are refused.
fn apart(items: &[Record]) -> Vec<Vec<Record>> {
    let (amounts, items): (Vec<_>, Vec<_>) = items.iter().partition(|record| record.kind() == Kind::Amount);
    let key = |record: &Record| Key::new(record.kind(), record.id());
    let names = |item: &Record, amount: &Record| {
        item.references().into_iter().any(|(_, kind, id)| Key::new(kind, id) == key(amount))
    };
    let mut all: Vec<Vec<Record>> = Vec::new();
    for item in &items {
        let own = amounts.iter().filter(|amount| names(item, amount)).map(|amount| (*amount).clone());
        all.push(std::iter::once((*item).clone()).chain(own).collect());
    }
    let loose = amounts.iter().filter(|amount| !items.iter().any(|item| names(item, amount)));
    let loose: Vec<Record> = loose.map(|amount| (*amount).clone()).collect();
    match all.first_mut() {
        Some(first) => first.extend(loose),
        None => all.push(loose),
    }
    all
}
