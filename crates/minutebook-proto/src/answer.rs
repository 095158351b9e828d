//! Answers of the domain as they go onto the wire.

use minutebook_domain::answer::{Blame, HistoryEntry};
use minutebook_domain::book::Revision;
use minutebook_domain::changes::{CarriedOver, Changes, Correction, ItemChange, Outcome, Step};
use minutebook_domain::compare::FieldChange;
use minutebook_domain::findings::Finding;
use minutebook_domain::message::Lang;
use minutebook_domain::plan::{ItemDifference, Motion, Plan, StatementDifference};
use minutebook_domain::record::FieldSet;
use minutebook_domain::related::{Related, RelatedChange};
use minutebook_domain::why::{Authority, Why};

use crate::json::value_to_pb;
use crate::pb;
use crate::pb::item_change::Outcome as ItemOutcome;
use crate::pb::related_change::Outcome as RelatedOutcome;
use crate::wire::{Slot, Wire, to_list};

/// An adopted revision.
pub fn revision_to_pb(revision: &Revision) -> pb::Revision {
    pb::Revision {
        seal: Some(revision.seal.to_pb()),
        position: revision.position,
        recorded_at_ms: revision.recorded_at.0,
        invented: revision.invented,
        base: revision.base.to_slot(),
    }
}

/// Fields that differ.
pub(crate) fn fields(changes: &[FieldChange]) -> Vec<pb::FieldChange> {
    let field = |change: &FieldChange| pb::FieldChange {
        field: change.field.to_owned(),
        before: Some(value_to_pb(&change.before)),
        after: Some(value_to_pb(&change.after)),
    };
    changes.iter().map(field).collect()
}

fn why(why: &Why) -> pb::Why {
    let authority = |authority: &Authority| pb::Authority {
        decision: authority.decision.to_slot(),
        body: authority.body.to_slot(),
        mandate: authority.mandate.to_slot(),
    };
    pb::Why {
        reason: why.reason.to_slot(),
        code: why.code.to_slot(),
        ground: why.ground.to_slot(),
        body: why.body.to_slot(),
        authority: why.authority.as_ref().map(authority),
        effective: why.effective.to_slot(),
        position: why.position,
    }
}

/// A finding, in both languages.
pub fn finding_to_pb(finding: &Finding) -> pb::Finding {
    pb::Finding {
        key: finding.key.to_slot(),
        code: finding.observation.code().to_owned(),
        message_nl: finding.observation.message(Lang::Nl),
        message_en: finding.observation.message(Lang::En),
    }
}

/// How an agenda differs.
pub fn changes_to_pb(changes: &Changes) -> pb::Changes {
    pb::Changes {
        agenda: changes.agenda.to_slot(),
        from: changes.from.clone(),
        to: changes.to.clone(),
        invented: changes.invented,
        items: changes.items.iter().map(item_change).collect(),
        carried_over: changes.carried_over.iter().map(carried_over).collect(),
        corrected: changes.corrected.iter().map(correction).collect(),
        related: changes.related.iter().map(related).collect(),
        findings: changes.findings.iter().map(finding_to_pb).collect(),
        control: Some(changes.control.to_pb()),
    }
}

fn item_change(change: &ItemChange) -> pb::ItemChange {
    let mut pb = pb::ItemChange {
        key: change.key.to_slot(),
        label: change.label.clone(),
        why: change.why.as_ref().map(why),
        steps: change.steps.iter().map(step).collect(),
        uncertain: change.uncertain,
        ..pb::ItemChange::default()
    };
    let outcome = match &change.outcome {
        Outcome::Added => ItemOutcome::Added,
        Outcome::Dropped(disposition) => {
            pb.disposition = disposition.to_slot();
            ItemOutcome::Dropped
        }
        Outcome::Changed(differing) => {
            pb.fields = fields(differing);
            ItemOutcome::Changed
        }
        Outcome::Split(into) => {
            pb.others = to_list(into);
            ItemOutcome::Split
        }
        Outcome::Merged(from) => {
            pb.others = to_list(from);
            ItemOutcome::Merged
        }
        Outcome::Suspended => ItemOutcome::Suspended,
        Outcome::Reinstated(differing) => {
            pb.fields = fields(differing);
            ItemOutcome::Reinstated
        }
        Outcome::CameAndWent => ItemOutcome::CameAndWent,
    };
    pb.set_outcome(outcome);
    pb
}

fn carried_over(item: &CarriedOver) -> pb::CarriedOver {
    pb::CarriedOver { key: item.key.to_slot(), label: None, uncertain: item.uncertain }
}

fn step(step: &Step) -> pb::ChangeStep {
    pb::ChangeStep {
        event: step.event.to_owned(),
        fields: step.fields.iter().map(|&field| field.to_owned()).collect(),
        why: Some(why(&step.why)),
    }
}

fn correction(correction: &Correction) -> pb::Correction {
    pb::Correction {
        key: correction.key.to_slot(),
        fields: fields(&correction.fields),
        corrects: correction.corrects,
        why: Some(why(&correction.why)),
    }
}

fn related(related: &Related) -> pb::RelatedChange {
    let (outcome, differing) = match &related.change {
        RelatedChange::Added => (RelatedOutcome::Added, Vec::new()),
        RelatedChange::Changed(differing) => (RelatedOutcome::Changed, fields(differing)),
        RelatedChange::NotRestated => (RelatedOutcome::NotRestated, Vec::new()),
    };
    pb::RelatedChange {
        key: related.key.to_slot(),
        label: related.label.clone(),
        outcome: outcome.into(),
        fields: differing,
    }
}

/// An event in the history of a record.
pub fn history_to_pb(entry: &HistoryEntry) -> pb::HistoryEntry {
    let (from, into) = &entry.lineage;
    pb::HistoryEntry {
        key: entry.key.to_slot(),
        event: entry.event.to_owned(),
        recorded_at_ms: entry.recorded_at.0,
        actor: entry.actor.to_slot(),
        why: Some(why(&entry.why)),
        fields: fields(&entry.fields),
        citations: to_list(&entry.citations),
        resolution: entry.resolution.clone(),
        from: from.iter().map(ToString::to_string).collect(),
        into: into.iter().map(ToString::to_string).collect(),
        disposition: entry.disposition.as_ref().map(Slot::to_slot).unwrap_or_default(),
    }
}

/// Who last set a field.
pub fn blame_to_pb(blame: &Blame, position: u64) -> pb::GetBlameResponse {
    let noted = blame.stated_in.iter().map(|(name, value)| ((*name).to_owned(), value_to_pb(value)));
    pb::GetBlameResponse {
        position,
        value: Some(value_to_pb(&blame.value)),
        set_by: Some(history_to_pb(&blame.set_by)),
        stated_in: noted.collect(),
    }
}

/// What recording a document would do. `problem` turns its problems into places in the file; `change` names the entry
/// of `changes` at a place in the document.
pub fn plan_to_pb(plan: &Plan, problems: Vec<pb::Problem>, change: impl Fn(usize) -> Option<String>) -> pb::Plan {
    pb::Plan {
        agenda: plan.agenda.to_slot(),
        edition: plan.edition.to_slot(),
        revision: plan.revision,
        base: plan.base.to_slot(),
        sealed_before: plan.sealed_before,
        items: plan.items.iter().map(|item| planned_item(item, &change)).collect(),
        statements: plan.statements.iter().map(planned_statement).collect(),
        control: plan.counted.then(|| plan.control.to_pb()),
        mandate: plan.mandate.to_slot(),
        missing: to_list(&plan.missing),
        surplus: to_list(&plan.surplus),
        problems,
        invented: false,
    }
}

fn planned_item(item: &ItemDifference, change: impl Fn(usize) -> Option<String>) -> pb::PlannedItem {
    use pb::planned_item::Motion as Pb;
    let motion = match item.motion {
        Motion::New => Pb::New,
        Motion::Back => Pb::Back,
        Motion::Altered => Pb::Altered,
        Motion::Annotated => Pb::Annotated,
        Motion::Gone => Pb::Gone,
    };
    pb::PlannedItem {
        key: item.key.to_slot(),
        motion: motion.into(),
        fields: fields(&item.fields),
        change: item.claim.and_then(change),
    }
}

fn planned_statement(statement: &StatementDifference) -> pb::PlannedStatement {
    let names = |fields: FieldSet| fields.names(statement.key.kind).map(str::to_owned).collect();
    pb::PlannedStatement {
        key: statement.key.to_slot(),
        first: statement.fields.is_none(),
        fields: statement.fields.map(names).unwrap_or_default(),
    }
}
