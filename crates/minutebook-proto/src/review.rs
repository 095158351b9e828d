//! Reviews: their steps as clients ask for them, and what was proposed as it goes onto the wire.

use minutebook_domain::book::OpenReview;
use minutebook_domain::check::Check;
use minutebook_domain::ids::Id;
use minutebook_domain::review::{Adopting, Opening, Proposing, ReviewAct, ReviewCommand, Setting};
use minutebook_domain::tally::{ProposalState, Proposed};

use crate::answer::{changes_to_pb, fields, finding_to_pb};
use crate::json::value_from_pb;
use crate::pb;
use crate::pb::review_command::Step;
use crate::violation::Violations;
use crate::wire::{Slot, Wire, list, missing, to_list};

/// Reads one step of a review.
pub fn review_from_pb(pb: pb::ReviewCommand) -> Result<ReviewCommand, Violations> {
    let mut violations = Violations::default();
    let agenda = violations.keep("agenda", Id::from_slot(pb.agenda));
    let edition = violations.keep("edition", Slot::from_slot(pb.edition));
    let reason = violations.keep("reason", Slot::from_slot(pb.reason));
    let act = match pb.step {
        None => violations.keep("step", Err(missing())),
        Some(Step::Open(opening)) => violations.keep("opening", opening_from_pb(opening)).map(ReviewAct::Open),
        Some(Step::Propose(proposal)) => {
            violations.keep("proposal", proposal_from_pb(proposal)).map(ReviewAct::Propose)
        }
        Some(Step::Withdraw(change)) => violations.keep("change", Id::from_slot(change)).map(ReviewAct::Withdraw),
        Some(Step::Select(change)) => violations.keep("change", Id::from_slot(change)).map(ReviewAct::Select),
        Some(Step::KeepRest(_)) => Some(ReviewAct::KeepRest),
        Some(Step::Adopt(adoption)) => violations.keep("adoption", adoption_from_pb(adoption)).map(ReviewAct::Adopt),
        Some(Step::Abandon(_)) => Some(ReviewAct::Abandon),
    };
    match (agenda, edition, reason, act) {
        (Some(agenda), Some(edition), Some(reason), Some(act)) => {
            Ok(ReviewCommand { agenda, edition, act, reason, expected_revision: pb.expected_revision })
        }
        _ => Err(violations),
    }
}

fn opening_from_pb(pb: pb::ReviewOpening) -> Result<Opening, Violations> {
    let mut violations = Violations::default();
    let years = match (pb.first_year, pb.last_year) {
        (None, None) => Some(None),
        (first, last) => {
            let first = violations.keep("first_year", Slot::from_slot(first));
            first.zip(violations.keep("last_year", Slot::from_slot(last))).map(Some)
        }
    };
    let effective = violations.keep("effective", Slot::from_slot(pb.effective));
    let horizon = violations.keep("horizon", Slot::from_slot(pb.horizon));
    let review = violations.keep("review", Slot::from_slot(pb.review));
    match (years, effective, horizon, review) {
        (Some(years), Some(effective), Some(horizon), Some(review)) => {
            Ok(Opening { years, effective, horizon, review, invented: pb.invented })
        }
        _ => Err(violations),
    }
}

fn proposal_from_pb(pb: pb::DispositionProposal) -> Result<Proposing, Violations> {
    let mut violations = Violations::default();
    let change = violations.keep("change", Slot::from_slot(pb.change));
    let kind = violations.keep("kind", Slot::from_slot(pb.kind));
    let item = violations.keep("item", Slot::from_slot(pb.item));
    let from = violations.keep("from", list(pb.from));
    let disposition = violations.keep("disposition", Slot::from_slot(pb.disposition));
    let set = violations.keep("set", list(pb.set));
    let items = violations.keep("items", list(pb.items));
    let ground = violations.keep("ground", Slot::from_slot(pb.ground));
    match (change, kind, item, from, disposition, set, items, ground) {
        (Some(change), Some(kind), Some(item), Some(from), Some(disposition), Some(set), Some(items), Some(ground)) => {
            Ok(Proposing { change, kind, item, from, disposition, set, items, ground })
        }
        _ => Err(violations),
    }
}

fn adoption_from_pb(pb: pb::ReviewAdoption) -> Result<Adopting, Violations> {
    let mut violations = Violations::default();
    let decision = violations.keep("decision", Id::from_slot(pb.decision));
    let effective = violations.keep("effective", Slot::from_slot(pb.effective));
    match (decision, effective, violations.keep("amend", list(pb.amend))) {
        (Some(decision), Some(effective), Some(amend)) => Ok(Adopting { decision, effective, amend }),
        _ => Err(violations),
    }
}

impl Wire for Setting {
    type Pb = pb::FieldSetting;

    fn to_pb(&self) -> pb::FieldSetting {
        pb::FieldSetting {
            key: self.key.to_slot(),
            field: self.field.clone(),
            old: self.old.as_ref().map(crate::json::value_to_pb),
            new: Some(crate::json::value_to_pb(&self.new)),
        }
    }

    fn from_pb(pb: pb::FieldSetting) -> Result<Self, Violations> {
        let key = Slot::from_slot(pb.key).map_err(|violations: Violations| violations.within("key"))?;
        let new = pb.new.map(value_from_pb).unwrap_or_default();
        Ok(Self { key, field: pb.field, old: pb.old.map(value_from_pb), new })
    }
}

/// A review that is open.
pub fn open_review_to_pb(open: &OpenReview) -> pb::OpenReview {
    pb::OpenReview {
        opening: Some(open.review.to_pb()),
        opened: open.opened,
        newest: open.newest,
        rest_kept: open.rest_kept,
    }
}

/// A proposal, with what became of it.
pub fn proposed_to_pb(proposed: &Proposed) -> pb::ReviewProposal {
    use pb::review_proposal::State;
    let state = match proposed.state {
        ProposalState::Sole => State::Sole,
        ProposalState::Selected => State::Selected,
        ProposalState::Competing => State::Competing,
        ProposalState::PassedOver => State::PassedOver,
        ProposalState::Withdrawn => State::Withdrawn,
        ProposalState::Adopted => State::Adopted,
        ProposalState::Amended => State::Amended,
    };
    pb::ReviewProposal {
        change: Some(proposed.change.to_pb()),
        items: to_list(&proposed.items),
        amends: proposed.amends.to_slot(),
        actor: proposed.actor.to_slot(),
        position: proposed.position,
        recorded_at_ms: proposed.recorded_at.0,
        state: state.into(),
        fields: fields(&proposed.fields),
    }
}

/// What a review would do. `problems` are those that keep it from being adopted, in the words of both languages.
pub fn check_to_pb(check: &Check, problems: Vec<pb::Problem>, position: u64) -> pb::CheckReviewResponse {
    let conflict = |(key, changes): (&minutebook_domain::ids::Key, &Vec<Id>)| pb::ReviewConflict {
        key: key.to_slot(),
        changes: to_list(changes),
    };
    pb::CheckReviewResponse {
        position,
        review: Some(open_review_to_pb(&check.open)),
        moved: check.moved.as_ref().map(changes_to_pb),
        proposals: check.proposals.iter().map(proposed_to_pb).collect(),
        actions: u32::try_from(check.actions).unwrap_or(u32::MAX),
        without_proposal: to_list(&check.without),
        conflicts: check.conflicts.iter().map(conflict).collect(),
        control: Some(check.control.to_pb()),
        problems,
        findings: check.findings.iter().map(finding_to_pb).collect(),
    }
}
