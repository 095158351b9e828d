//! One page of gaps of authority: what was decided, adopted or assigned without a decision, date or mandate that can be
//! verified, each with the events that show it.

use std::collections::{BTreeSet, HashSet};

use crate::authority::{ADOPT_AGENDA, ADVISE, GRANT_MANDATE, Verdict};
use crate::book::{AgendaState, Book, Revision};
use crate::dates::Edtf;
use crate::findings::{Auditor, Finding, Observation};
use crate::history::{Cut, Entry, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Assignment, Decision, Mandate, Record};

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
        // What an earlier edition adopted stays a gap until somebody records what was missing.
        let adopted: HashSet<Key> = revisions.iter().flat_map(Revision::changes).collect();
        for (key, entry) in KINDS.into_iter().flat_map(|kind| self.entries(kind)) {
            if adopted.contains(key) || auditor.concerns(key, entry) {
                auditor.record(key, entry);
                auditor.ends(key, entry, events)?;
                if let Record::Assignment(assignment) = entry.record.as_ref() {
                    auditor.undecided(key, assignment);
                }
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

impl Auditor<'_> {
    /// A decision has a date, and a mandate that surely held on it.
    pub(crate) fn stated_decision(&mut self, key: &Key, decision: &Decision) {
        let registry = self.registry();
        let (kind, date, id) = (&decision.kind, decision.date.as_ref(), || decision.id.clone());
        if date.is_none() {
            self.add(key, Observation::DecisionUndated { decision: id() });
        }
        match registry.authority(decision, Some(self.agenda)) {
            Verdict::NotVerifiable(mandate) => {
                if let Some(date) = date {
                    let date = date.to_string();
                    self.add(key, Observation::DecisionImprecise { decision: id(), mandate, date });
                }
            }
            Verdict::None => {
                let body = registry.body_name(&decision.body);
                self.add(key, Observation::MandateNotStated { decision: id(), kind: kind.clone(), body });
            }
            Verdict::Held(_) => {}
        }
        self.early(key, decision.effective.as_ref(), decision.date.as_ref());
    }

    /// A mandate rests on a decision that holds, and begins no earlier than that was taken.
    pub(crate) fn mandate(&mut self, key: &Key, mandate: &Mandate) {
        if mandate.inferred == Some(true) {
            self.add(key, Observation::MandateInferred { mandate: mandate.id.clone() });
        }
        let Some(decision) = &mandate.decision else {
            if mandate.may.as_str() != ADVISE {
                self.add(key, Observation::MandateAsserted { mandate: mandate.id.clone() });
            }
            return;
        };
        let granting = self.registry().decision(decision);
        self.early(key, mandate.since.as_ref(), granting.and_then(|granting| granting.date.as_ref()));
        let ended = |kind, id| self.book.ended(&Key::new(kind, id));
        if let Some(since) = ended(Kind::Decision, decision).filter(|_| ended(Kind::Mandate, &mandate.id).is_none()) {
            let (mandate, decision) = (mandate.id.clone(), decision.clone());
            self.add(key, Observation::MandateGroundEnded { mandate, decision, since });
        }
    }

    /// A role was assigned without a decision, whether or not it is over.
    fn undecided(&mut self, key: &Key, assignment: &Assignment) {
        if let (None, Some((kind, item))) = (&assignment.decision, assignment.item()) {
            let (role, item) = (assignment.role.clone(), Key::new(kind, item));
            self.add(key, Observation::RoleWithoutDecision { role, item });
        }
    }

    /// It holds from before it was decided, or perhaps so.
    pub(crate) fn early(&mut self, key: &Key, effective: Option<&Edtf>, decided: Option<&Edtf>) {
        let early = effective.zip(decided).filter(|(effective, decided)| effective.earliest() < decided.earliest());
        if let Some((effective, decided)) = early {
            let (what, effective, decided) = (key.clone(), effective.to_string(), decided.to_string());
            self.add(key, Observation::EffectBeforeDecision { what, effective, decided });
        }
    }

    /// What ended it was decided by then.
    pub(crate) fn ends(&mut self, key: &Key, entry: &Entry, events: &dyn Recall) -> Result<(), Unreadable> {
        for mark in entry.ends(&Cut::NOW) {
            let recorded = events.recall(mark.position)?;
            let decision = recorded.event.decision.as_ref().and_then(|id| self.registry().decision(id));
            let Some((decision, date)) = decision.and_then(|decision| Some((decision, decision.date.as_ref()?))) else {
                continue;
            };
            if mark.surely_since < date.earliest() {
                let (by, end, decided) = (decision.id.clone(), mark.since, date.to_string());
                self.add(key, Observation::EndBeforeDecision { what: key.clone(), by, end, decided });
            }
        }
        Ok(())
    }
}
