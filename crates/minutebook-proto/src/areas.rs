//! Roles, agreements, money, motions and promises as they go onto the wire.

use minutebook_domain::agreement::{AgreementStanding, AgreementState, Signature};
use minutebook_domain::command::LinkMotion;
use minutebook_domain::ids::{Id, Key, Kind};
use minutebook_domain::message::Lang;
use minutebook_domain::money::{AmountStanding, CofinancingRule, Money, Sum, SumOf, UnitRule, Units};
use minutebook_domain::motion::{MotionStanding, MotionState, Outcome, PromiseStanding, PromiseState};
use minutebook_domain::role::{Contradiction, RoleRow, RoleSource, RoleStatement};

use crate::governance::end_to_pb;
use crate::pb;
use crate::pb::unit_rule::Verdict;
use crate::violation::Violations;
use crate::wire::{Slot, Wire, to_list};

/// The roles in one item of an agenda.
pub fn role_row_to_pb(row: &RoleRow, agenda: &Id) -> pb::RoleRow {
    let source = |source: &RoleSource| role_source(source, agenda).to_slot();
    let statement = |said: &RoleStatement| pb::RoleStatement {
        word: said.word.to_slot(),
        holder: said.holder.to_slot(),
        source: source(&said.source),
        since: said.since.to_slot(),
        until: said.until.to_slot(),
        decision: said.decision.to_slot(),
    };
    let contradiction = |found: &Contradiction| pb::RoleContradiction {
        one: source(&found.one.0),
        one_words: to_list(&found.one.1),
        other: source(&found.other.0),
        other_words: to_list(&found.other.1),
    };
    pb::RoleRow {
        item: row.item.to_slot(),
        label: row.label.clone(),
        statements: row.statements.iter().map(statement).collect(),
        contradictions: row.contradictions().iter().map(contradiction).collect(),
    }
}

fn role_source(source: &RoleSource, agenda: &Id) -> Key {
    match source {
        RoleSource::Edition(id) => minutebook_domain::document::key(Kind::Edition, id, Some(agenda), None),
        RoleSource::Remark(id) => Key::new(Kind::Remark, id),
        RoleSource::Assignment(id) => Key::new(Kind::Assignment, id),
    }
}

/// In how many items a role word is named.
pub fn role_total_to_pb((word, items): &(Id, usize)) -> pb::RoleTotal {
    pb::RoleTotal { word: word.to_slot(), items: u32::try_from(*items).unwrap_or(u32::MAX) }
}

/// An agreement, and where it stands.
pub fn agreement_to_pb(standing: &AgreementStanding, via: Option<&Id>) -> pb::AgreementView {
    let signature = |signature: &Signature| pb::Signature {
        party: signature.party.to_slot(),
        membership: signature.membership.to_slot(),
        on: signature.on.to_slot(),
        decision: signature.decision.to_slot(),
        position: signature.position,
    };
    let key = Key::new(Kind::Agreement, &standing.agreement.id);
    pb::AgreementView {
        agreement: standing.agreement.to_slot(),
        state: agreement_state_to_pb(standing.state).into(),
        signatures: standing.signatures.iter().map(signature).collect(),
        unsigned: to_list(&standing.unsigned),
        in_force: standing.in_force.to_slot(),
        ended: standing.ended.as_ref().map(|end| end_to_pb(&key, end)),
        revision: standing.revision,
        via: via.map(Wire::to_pb),
    }
}

/// Where an agreement stands.
pub fn agreement_state_to_pb(state: AgreementState) -> pb::AgreementState {
    match state {
        AgreementState::Proposed => pb::AgreementState::Proposed,
        AgreementState::InForce => pb::AgreementState::InForce,
        AgreementState::AsStated => pb::AgreementState::AsStated,
        AgreementState::Ended => pb::AgreementState::Ended,
        AgreementState::Expired => pb::AgreementState::Expired,
    }
}

/// The sums of an agenda, its amounts and its rules of co-financing.
pub fn money_to_pb(money: &Money, position: u64) -> pb::SumAmountsResponse {
    pb::SumAmountsResponse {
        position,
        sums: money.sums.iter().map(sum).collect(),
        amounts: money.amounts.iter().map(amount).collect(),
        cofinancing: money.cofinancing.iter().map(cofinancing).collect(),
    }
}

fn sum(sum: &Sum) -> pb::AmountSum {
    use pb::amount_sum::Of;
    pb::AmountSum {
        of: match &sum.of {
            SumOf::Record(id) => Some(Of::Id(id.to_slot())),
            SumOf::Year(year) => u32::try_from(*year).ok().map(Of::Year),
            SumOf::BeginNotStated => Some(Of::BeginNotStated(pb::BeginNotStated {})),
            SumOf::NotStated => None,
        },
        label: sum.label.clone(),
        per_year: sum.per_year,
        once: sum.once,
        unspecified: sum.unspecified,
        amounts: to_list(&sum.amounts),
        not_stated: to_list(&sum.not_stated),
    }
}

fn amount(standing: &AmountStanding) -> pb::AmountView {
    pb::AmountView {
        amount: standing.amount.to_slot(),
        theme: standing.theme.to_slot(),
        ended: standing.ended.map(|day| day.to_string()),
        is_part: standing.is_part,
        rule: standing.rule.map(unit_rule),
    }
}

fn unit_rule(rule: UnitRule) -> pb::UnitRule {
    let of = |verdict: Verdict, Units { units, each, total }| pb::UnitRule {
        verdict: verdict.into(),
        units,
        each,
        total,
        ..pb::UnitRule::default()
    };
    match rule {
        UnitRule::Verified(units) => of(Verdict::Verified, units),
        UnitRule::Differs(units) => of(Verdict::Differs, units),
        UnitRule::NotVerifiable(why) => pb::UnitRule {
            verdict: Verdict::NotVerifiable.into(),
            why_nl: format!("{why:#}"),
            why_en: why.to_string(),
            ..pb::UnitRule::default()
        },
    }
}

fn cofinancing(rule: &CofinancingRule) -> pb::CofinancingRule {
    let readings = |lang: Lang| {
        let said = |reading| if lang == Lang::Nl { format!("{reading:#}") } else { format!("{reading}") };
        rule.readings().iter().map(said).collect()
    };
    pb::CofinancingRule {
        agreement: rule.agreement.to_slot(),
        share: rule.share.to_slot(),
        base: rule.base.to_slot(),
        readings_nl: readings(Lang::Nl),
        readings_en: readings(Lang::En),
    }
}

fn outcome(outcome: &Outcome) -> pb::Outcome {
    pb::Outcome {
        effective: outcome.effective.to_slot(),
        evidence: to_list(&outcome.evidence),
        reason: outcome.reason.to_slot(),
        decision: outcome.decision.to_slot(),
        position: outcome.position,
    }
}

/// A motion, and where it stands.
pub fn motion_to_pb(standing: &MotionStanding) -> pb::MotionView {
    use pb::motion_view::State;
    let state = match standing.state {
        MotionState::Adopted => State::Adopted,
        MotionState::BeingCarriedOut => State::BeingCarriedOut,
        MotionState::Settled => State::Settled,
    };
    let how = standing.how.iter().map(|(action, how)| pb::MotionLink { action: action.to_slot(), how: how.to_slot() });
    pb::MotionView {
        motion: standing.motion.to_slot(),
        state: state.into(),
        how: how.collect(),
        settled: standing.settled.as_ref().map(outcome),
        revision: standing.revision,
    }
}

/// A promise, and where it stands.
pub fn promise_to_pb(standing: &PromiseStanding) -> pb::PromiseView {
    use pb::promise_view::State;
    let state = match standing.state {
        PromiseState::Planned => State::Planned,
        PromiseState::Moved => State::Moved,
        PromiseState::Overdue => State::Overdue,
        PromiseState::Met => State::Met,
        PromiseState::Missed => State::Missed,
    };
    pb::PromiseView {
        milestone: standing.milestone.to_slot(),
        state: state.into(),
        decision: standing.decision.to_slot(),
        outcome: standing.outcome.as_ref().map(outcome),
        revision: standing.revision,
    }
}

/// Reads which action should carry out a motion, or no more.
pub fn link_from_pb(pb: pb::LinkMotionRequest) -> Result<LinkMotion, Violations> {
    let mut violations = Violations::default();
    let motion = violations.keep("motion", Slot::from_slot(pb.motion));
    let action = violations.keep("action", Slot::from_slot(pb.action));
    let how = violations.keep("how", Slot::from_slot(pb.how));
    let decision = violations.keep("decision", Slot::from_slot(pb.decision));
    let effective = violations.keep("effective", Slot::from_slot(pb.effective));
    match (motion, action, how, decision, effective) {
        (Some(motion), Some(action), Some(how), Some(decision), Some(effective)) => {
            Ok(LinkMotion { motion, action, remove: pb.remove, how, decision, effective, expected_revision: None })
        }
        _ => Err(violations),
    }
}
