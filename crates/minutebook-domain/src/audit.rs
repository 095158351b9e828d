//! One page of gaps of authority: what was decided, adopted or assigned without a decision, date or mandate that can be
//! verified, each with the events that show it.

use std::collections::BTreeSet;

use crate::authority::{ADOPT_AGENDA, GRANT_MANDATE};
use crate::book::{AgendaState, Book};
use crate::findings::{Auditor, Finding, Observation};
use crate::history::{Cut, Recall, Unreadable};
use crate::ids::{Id, Kind, Position};
use crate::record::{Decision, Record};

/// A gap of authority.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// What is remarked.
    pub finding: Finding,
    /// The events that show it, the earliest first; no more than 10.
    pub positions: Vec<Position>,
}

/// How many events a gap names.
const SHOWN: usize = 10;

/// The kinds of records by which things are decided.
const KINDS: [Kind; 4] = [Kind::Mandate, Kind::Decision, Kind::Change, Kind::Assignment];

impl Book {
    /// The gaps of authority of an agenda, over all its revisions: first those of adoptions, in their order, then those
    /// of mandates, decisions, changes and roles.
    pub fn audit(&self, agenda: &Id, events: &dyn Recall) -> Result<Vec<Gap>, Unreadable> {
        let revisions = self.agenda(agenda).map(|state| state.revisions.as_slice()).unwrap_or_default();
        let mut gaps = Vec::new();
        for revision in revisions {
            let mut auditor = Auditor::new(self, agenda, revision);
            auditor.adoption(&Cut::NOW, events)?;
            let shown = || vec![revision.position];
            gaps.extend(auditor.findings.into_iter().map(|finding| Gap { finding, positions: shown() }));
        }
        let Some(current) = self.agenda(agenda).and_then(AgendaState::current) else { return Ok(gaps) };
        let mut auditor = Auditor::new(self, agenda, current);
        for (key, entry) in KINDS.into_iter().flat_map(|kind| self.entries(kind)) {
            if auditor.concerns(key, entry) {
                auditor.record(key, entry);
                if let Record::Decision(decision) = entry.record.as_ref()
                    && self.is_without_effect(decision)
                {
                    auditor.add(key, Observation::DecisionWithoutEffect { decision: decision.id.clone() });
                }
            }
        }
        let told: BTreeSet<_> =
            gaps.iter().map(|gap| (gap.finding.key.clone(), gap.finding.observation.code())).collect();
        let new = |finding: &Finding| !told.contains(&(finding.key.clone(), finding.observation.code()));
        for finding in auditor.findings.into_iter().filter(new) {
            let entry = finding.key.as_ref().and_then(|key| self.entry(key));
            let mut positions: Vec<_> =
                entry.iter().flat_map(|entry| entry.marks()).map(|mark| mark.position).collect();
            positions.sort_unstable();
            positions.truncate(SHOWN);
            gaps.push(Gap { finding, positions });
        }
        Ok(gaps)
    }

    /// Did nothing come of a decision of which something always comes: an edition, or a mandate?
    fn is_without_effect(&self, decision: &Decision) -> bool {
        matches!(decision.kind.as_str(), ADOPT_AGENDA | GRANT_MANDATE) && self.effects(&decision.id).next().is_none()
    }
}
