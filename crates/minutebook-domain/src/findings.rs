//! What a careful auditor would remark: gaps of authority, open doubts, contradictions, and what is not stated.
//!
//! A finding refuses nothing. It is computed from the book, never recorded, and goes away when its cause does.

use std::sync::Arc;

use crate::authority::{ADVISE, Registry};
use crate::book::{Book, Revision, Stated};
use crate::changes::{Changes, revision_at};
use crate::dates::{Day, Edtf};
use crate::event::Payload;
use crate::history::{Act, Cut, Entry, Recall, Unreadable};
use crate::ids::{Id, Key, Kind};
use crate::lookup::LookedUp;
use crate::money::{CofinancingRule, UnitRule, Units, is_part_of_itself, unit_rule};
pub use crate::observation::{Bound, Observation};
use crate::record::{Action, Agreement, Assignment, Decision, Membership, Record};
use crate::refusal::{listed, shown};
use crate::role::{Contradiction, RoleSource};
use crate::statement::reversed_term;
use crate::value::Field;

/// A remark about a record, or about the agenda as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The record.
    pub key: Option<Key>,
    /// What is remarked.
    pub observation: Observation,
}

impl Finding {
    fn of(key: &Key, observation: Observation) -> Self {
        Self { key: Some(key.clone()), observation }
    }
}

/// How many ids a finding names before it only counts.
const NAMED: usize = 5;

impl Book {
    /// The findings on an agenda as it stands now; `today` tells whether its term has passed.
    pub fn findings(&self, agenda: &Id, today: Day, events: &dyn Recall) -> Result<Vec<Finding>, Unreadable> {
        let cut = self.now();
        let Some(revision) = self.agenda(agenda).and_then(|state| revision_at(state, &cut)) else {
            return Ok(Vec::new());
        };
        let mut auditor = Auditor::new(self, agenda, revision);
        auditor.adoption(&cut, events)?;
        auditor.term(today);
        auditor.lineage(events)?;
        for kind in Kind::ALL {
            for (key, entry) in self.entries(kind) {
                if auditor.concerns(key, entry) {
                    auditor.record(key, entry);
                    auditor.ends(key, entry, events)?;
                    auditor.ended_references(key, entry, events)?;
                }
            }
        }
        auditor.assigned_roles(today, events)?;
        auditor.not_stated();
        Ok(auditor.findings)
    }

    /// The findings that bear on an answer about changes, as known at its point in time.
    pub(crate) fn changes_findings(
        &self,
        answer: &Changes,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<Vec<Finding>, Unreadable> {
        let Some(revision) = self.agenda(&answer.agenda).and_then(|state| revision_at(state, cut)) else {
            return Ok(Vec::new());
        };
        let mut auditor = Auditor::new(self, &answer.agenda, revision);
        auditor.adoption(cut, events)?;
        for item in &answer.items {
            let Some((ground, body)) = item.why.as_ref().and_then(|why| why.ground.as_ref().zip(why.body.as_ref()))
            else {
                continue;
            };
            if auditor.decision(ground, cut, events)?.is_some_and(|decision| decision.kind.as_str() == ADVISE) {
                let (decision, body) = (ground.clone(), auditor.body_name(body, cut, events)?);
                auditor.add(&item.key, Observation::RestsOnAdvice { decision, body });
            }
        }
        Ok(auditor.findings)
    }
}

/// Remarks on the agenda as a revision states it.
pub(crate) struct Auditor<'a> {
    pub(crate) book: &'a Book,
    pub(crate) agenda: &'a Id,
    stated: Stated<'a>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) looked_up: LookedUp<'a>,
}

impl<'a> Auditor<'a> {
    pub(crate) fn new(book: &'a Book, agenda: &'a Id, revision: &'a Revision) -> Self {
        Self { book, agenda, stated: revision.stated(), findings: Vec::new(), looked_up: LookedUp::default() }
    }

    pub(crate) fn add(&mut self, key: &Key, observation: Observation) {
        self.findings.push(Finding::of(key, observation));
    }

    pub(crate) fn registry(&self) -> Registry<'a> {
        Registry { book: self.book, stated: None }
    }

    /// Registers, what the current revision states, and what was stated since.
    pub(crate) fn concerns(&self, key: &Key, entry: &Entry) -> bool {
        if key.kind.is_item() {
            return entry.agenda.as_ref() == Some(self.agenda) && entry.is_present();
        }
        let mine = entry.agenda.as_ref().is_none_or(|agenda| agenda == self.agenda);
        let reached = || self.stated.reaches(key, entry, &self.book.now());
        let shared = || key.kind.is_shared() && self.stated.has(key);
        // No edition states a role assignment.
        let apart = matches!(key.kind, Kind::Decision | Kind::Assignment);
        key.kind.is_register() || shared() || mine && (apart || reached())
    }

    /// A body, as it was called at a point in time: its name and id.
    fn body_name(&self, id: &Id, cut: &Cut, events: &dyn Recall) -> Result<String, Unreadable> {
        let cut = Cut { valid: Day::NEVER, known: cut.known, sealed: None };
        for kind in [Kind::Body, Kind::Party] {
            if let Some(state) = self.book.at(&Key::new(kind, id), &cut, events)? {
                return Ok(format!("{} ({})", state.record.label(), listed([id])));
            }
        }
        Ok(listed([id]))
    }

    fn decision(&self, id: &Id, cut: &Cut, events: &dyn Recall) -> Result<Option<Decision>, Unreadable> {
        let cut = Cut { valid: Day::NEVER, known: cut.known, sealed: None };
        let state = self.book.at(&Key::new(Kind::Decision, id), &cut, events)?;
        Ok(state.and_then(|state| match state.record.as_ref() {
            Record::Decision(decision) => Some(decision.clone()),
            _ => None,
        }))
    }

    /// How the revision was adopted.
    pub(crate) fn adoption(&mut self, cut: &Cut, events: &dyn Recall) -> Result<(), Unreadable> {
        let seal = &self.stated.revision.seal;
        let key = crate::document::key(Kind::Edition, &seal.edition.id, Some(self.agenda), None);
        let (edition, effective) = (seal.edition.id.clone(), seal.edition.effective.to_string());
        if seal.edition.effective.earliest() != seal.edition.effective.latest() {
            self.add(&key, Observation::EffectiveImprecise { edition: edition.clone(), effective: effective.clone() });
        }
        let revisions = self.book.agenda(self.agenda).map(|state| state.revisions.as_slice()).unwrap_or_default();
        let earlier = revisions.iter().filter(|revision| revision.position < self.stated.revision.position);
        if let Some(other) = earlier.rev().find(|revision| revision.seal.edition.decision == seal.edition.decision) {
            let (decision, revision) = (seal.edition.decision.clone(), other.name());
            self.add(&key, Observation::DecisionReused { decision, revision });
        }
        let adopting = self.book.entry(&Key::new(Kind::Decision, &seal.edition.decision));
        if let Some(since) = adopting.and_then(|entry| entry.end(cut)).map(|end| end.since) {
            let (edition, decision) = (edition.clone(), seal.edition.decision.clone());
            self.add(&key, Observation::AdoptionEnded { edition, decision, since });
        }
        let Some(decision) = self.decision(&seal.edition.decision, cut, events)? else { return Ok(()) };
        match (&decision.date, &seal.mandate) {
            (Some(date), _) if seal.edition.effective.latest() < date.earliest() => {
                let (what, decided) = (key.clone(), date.to_string());
                self.add(&key, Observation::EffectBeforeDecision { what, effective, decided });
            }
            (None, Some(mandate)) => {
                let (decision, mandate) = (decision.id.clone(), mandate.clone());
                self.add(&key, Observation::MandateNotVerifiable { decision, mandate });
            }
            _ => {}
        }
        Ok(())
    }

    fn term(&mut self, today: Day) {
        let edition = &self.stated.revision.seal.edition;
        let key = crate::document::key(Kind::Edition, &edition.id, Some(self.agenda), None);
        let horizon = edition.horizon.as_ref();
        if let Some(to) = horizon.filter(|to| to.latest() < edition.effective.earliest()) {
            let (from, to) = (edition.effective.to_string(), to.to_string());
            self.add(&key, Observation::PeriodReversed { field: "horizon", from, to });
        }
        let horizon = edition.horizon.as_ref().unwrap_or(&edition.last_year);
        if horizon.latest() < today {
            let (edition, horizon) = (edition.id.clone(), horizon.to_string());
            self.add(&key, Observation::HorizonPassed { edition, horizon });
        }
    }

    /// The term that a record states ends after it starts.
    fn stated_term(&mut self, key: &Key, record: &Record) {
        if let Some((field, from, to)) = reversed_term(record) {
            self.add(key, Observation::PeriodReversed { field, from: from.to_string(), to: to.to_string() });
        }
    }

    /// What an action is said to come from left by a split or merge into it.
    fn lineage(&mut self, events: &dyn Recall) -> Result<(), Unreadable> {
        let book = self.book;
        for (key, entry) in book.entries(Kind::Action) {
            let references = entry.record.references().into_iter();
            for (field, _, from) in references.filter(|(field, ..)| matches!(*field, "split_from" | "merged_from")) {
                if self.concerns(key, entry) && !self.led_to(from, &key.id, events)? {
                    self.add(key, Observation::LineageNotRecorded { field, from: from.clone() });
                }
            }
        }
        Ok(())
    }

    /// Did an action leave by a split or merge into another?
    fn led_to(&self, from: &Id, part: &Id, events: &dyn Recall) -> Result<bool, Unreadable> {
        let marks = self.item(Kind::Action, from).map(Entry::marks).unwrap_or_default();
        for mark in marks.iter().filter(|mark| matches!(mark.act, Act::Split | Act::Merged)) {
            let recorded = events.recall(mark.position)?;
            let Payload::Item(item) = &recorded.event.payload else { continue };
            if item.step.lineage().is_some_and(|(_, into)| into.contains(part)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn record(&mut self, key: &Key, entry: &Entry) {
        if let Some(doubt) = entry.record.doubt() {
            self.add(key, Observation::Doubt { doubt: doubt.to_owned() });
        }
        self.left_references(key, &entry.record);
        self.stated_term(key, &entry.record);
        match entry.record.as_ref() {
            Record::Decision(decision) => self.stated_decision(key, decision),
            Record::Mandate(mandate) => self.mandate(key, mandate),
            Record::Motion(motion) => self.motion(key, motion, entry),
            Record::Explanation(explanation) => {
                self.sides(key, Kind::Action, explanation.actions.as_deref().unwrap_or_default());
            }
            Record::Action(action) => self.action(key, action, entry),
            Record::Remark(remark) => self.remark(key, remark),
            Record::Amount(amount) => self.amount(key, amount),
            Record::Agreement(agreement) => self.cofinancing(key, agreement),
            Record::Change(change) => self.change(key, change),
            Record::PolicyItem(item) => self.policy_item(key, item),
            Record::Assignment(Assignment { since, decision, .. })
            | Record::Membership(Membership { since, decision, .. }) => {
                let decision = decision.as_ref().and_then(|id| self.registry().decision(id));
                self.early(key, since.as_ref(), decision.and_then(|decision| decision.date.as_ref()));
            }
            Record::Source(_)
            | Record::Agenda(_)
            | Record::Framework(_)
            | Record::Edition(_)
            | Record::Body(_)
            | Record::Party(_)
            | Record::Role(_)
            | Record::Theme(_)
            | Record::Subtask(_)
            | Record::Consultation(_)
            | Record::Milestone(_)
            | Record::Step(_) => {}
        }
    }

    fn left_references(&mut self, key: &Key, record: &Record) {
        let left = |id: &Id| self.item(Kind::Action, id).is_some_and(|entry| !entry.is_present());
        let lineage = |field: &str| matches!(field, "split_from" | "merged_from");
        let references = record.references().into_iter().filter(|(_, kind, _)| *kind == Kind::Action);
        let gone: Vec<_> = references.filter(|(field, _, id)| !lineage(field) && left(id)).collect();
        for (field, _, id) in gone {
            let id = id.clone();
            let observation = match record {
                Record::Milestone(milestone) => {
                    Observation::EvaluationPromised { milestone: milestone.id.clone(), action: id }
                }
                _ => Observation::LeftReference { field, id },
            };
            self.add(key, observation);
        }
    }

    /// What an item or agreement names may have ended since, and documents may name what had.
    fn ended_references(&mut self, key: &Key, entry: &Entry, events: &dyn Recall) -> Result<(), Unreadable> {
        let names = key.kind.is_item() || key.kind == Kind::Agreement && entry.end(&Cut::NOW).is_none();
        let ends = |kind: &Kind| matches!(kind, Kind::Party | Kind::Amount);
        for (_, kind, id) in entry.record.references().into_iter().filter(|(_, kind, _)| names && ends(kind)) {
            let other = Key::new(kind, id);
            let end = self.book.end_of(&other, &Cut::NOW, events)?;
            if let Some(end) = end.filter(|end| end.successor.is_none()) {
                self.add(key, Observation::EndedReference { other, since: end.since });
            }
        }
        Ok(())
    }

    fn item(&self, kind: Kind, id: &Id) -> Option<&'a Entry> {
        self.book.entry(&Key::new(kind, id)).map(AsRef::as_ref)
    }

    fn motion(&mut self, key: &Key, motion: &crate::record::Motion, entry: &Entry) {
        let actions = motion.addressed_by.as_deref().unwrap_or_default();
        if actions.is_empty() && entry.last_act(&[Act::Settled], &Cut::NOW).is_none() {
            self.add(key, Observation::MotionUnlinked { motion: motion.id.clone() });
        }
        self.sides(key, Kind::Action, actions);
    }

    /// What a record names should name it too, where both have a place to say so.
    fn sides(&mut self, key: &Key, kind: Kind, named: &[Id]) {
        for id in named {
            let other = crate::document::key(kind, id, Some(self.agenda), None);
            let stated = self.book.entry(&other).filter(|entry| !kind.is_item() || entry.is_present());
            if stated.is_some_and(|entry| !entry.record.refers_to(key.kind, &key.id)) {
                self.add(key, Observation::SidesDiffer { one: key.clone(), other });
            }
        }
    }

    fn action(&mut self, key: &Key, action: &Action, entry: &Entry) {
        self.sides(key, Kind::Motion, action.motions.as_deref().unwrap_or_default());
        self.sides(key, Kind::Explanation, action.explained_in.as_slice());
        self.sides(key, Kind::Amount, action.amounts.as_deref().unwrap_or_default());
        let came: Vec<_> = entry.marks().iter().filter(|mark| mark.act == Act::Added).collect();
        let alike = self.dropped().get(&action.title.as_str().to_lowercase()).copied();
        let alike = alike.filter(|(_, left)| came.iter().any(|mark| *left <= mark.since)).map(|(other, _)| other);
        if let Some(other) = alike.or_else(|| (came.len() > 1).then_some(&action.id)).cloned() {
            self.add(key, Observation::LineageLost { item: action.id.clone(), other });
        }
        let to = action.period.as_ref().and_then(|period| period.to.as_ref());
        let bounds = [(Bound::Framework, self.frame()), (Bound::Money, self.money(action))];
        for (what, end) in bounds {
            if let Some((to, end)) = to.zip(end).filter(|(to, end)| to.latest() > end.latest()) {
                self.add(key, Observation::TargetEnded { to: to.to_string(), what, end: end.to_string() });
            }
        }
    }

    /// The last day of the sums that an action names, where each states one: the latest.
    fn money(&self, action: &Action) -> Option<&'a Edtf> {
        let amounts = action.amounts.iter().flatten().map(|id| self.item(Kind::Amount, id));
        let ends: Option<Vec<_>> = amounts
            .map(|entry| match entry?.record.as_ref() {
                Record::Amount(amount) => amount.through.as_ref(),
                _ => None,
            })
            .collect();
        ends?.into_iter().max_by_key(|end| end.latest())
    }

    /// The end of the agenda's frameworks, where each states one: the latest.
    fn frame(&self) -> Option<&'a Edtf> {
        let Record::Agenda(agenda) = self.item(Kind::Agenda, self.agenda)?.record.as_ref() else { return None };
        let frameworks = agenda.framework.as_deref()?.iter().filter_map(|id| self.item(Kind::Framework, id));
        let ends = frameworks.filter_map(|entry| match entry.record.as_ref() {
            Record::Framework(framework) => framework.period.as_ref()?.to.as_ref(),
            _ => None,
        });
        ends.max_by_key(|end| end.latest())
    }

    fn policy_item(&mut self, key: &Key, item: &crate::record::PolicyItem) {
        let subtask = item.subtask.as_ref().and_then(|id| self.item(Kind::Subtask, id));
        if let Some(Record::Subtask(subtask)) = subtask.map(|entry| entry.record.as_ref())
            && subtask.theme != item.theme
        {
            let (subtask, theme, other) = (subtask.id.clone(), item.theme.clone(), subtask.theme.clone());
            self.add(key, Observation::SubtaskElsewhere { subtask, theme, other });
        }
    }

    fn remark(&mut self, key: &Key, remark: &crate::record::Remark) {
        let Some(words) = remark.roles.as_deref().filter(|words| !words.is_empty()) else { return };
        for id in remark.actions.as_deref().unwrap_or_default() {
            let Some(Record::Action(action)) = self.item(Kind::Action, id).map(|entry| entry.record.as_ref()) else {
                continue;
            };
            let item = self.item(Kind::PolicyItem, &action.policy_item).map(|entry| entry.record.as_ref());
            let Some(Record::PolicyItem(item)) = item else { continue };
            let stated = item.roles.as_deref().unwrap_or_default();
            if words.iter().any(|word| !stated.contains(word)) {
                let (stated, other) = (listed(stated), listed(words));
                let (one, two) = (self.table(), RoleSource::Remark(remark.id.clone()));
                let found =
                    Finding::of(key, Observation::RolesContradict { item: item.id.clone(), one, stated, two, other });
                // Two of its actions may stand under the same policy item.
                if !self.findings.contains(&found) {
                    self.findings.push(found);
                }
            }
        }
    }

    /// It stands with its action on both sides, is no part of itself, and keeps to its rule by unit.
    fn amount(&mut self, key: &Key, amount: &crate::record::Amount) {
        self.sides(key, Kind::Action, amount.action.as_slice());
        if is_part_of_itself(amount, &|kind, id| self.record_of(kind, id)) {
            self.add(key, Observation::PartOfItself { amount: amount.id.clone() });
        }
        if let Some(UnitRule::Differs(Units { units, each, total })) =
            unit_rule(amount, &|kind, id| self.record_of(kind, id))
        {
            self.add(key, Observation::UnitRule { amount: amount.id.clone(), units, each, total });
        }
    }

    fn record_of(&self, kind: Kind, id: &Id) -> Option<Arc<Record>> {
        self.item(kind, id).map(|entry| entry.record.clone())
    }

    /// A share is of something, and what partners contribute comes to it.
    fn cofinancing(&mut self, key: &Key, agreement: &Agreement) {
        let Some(rule) = CofinancingRule::of(agreement) else { return };
        if !rule.readings().is_empty() {
            self.add(key, Observation::CofinancingBase { agreement: agreement.id.clone() });
        }
        let Some(Record::Agenda(agenda)) = self.item(Kind::Agenda, self.agenda).map(|entry| entry.record.as_ref())
        else {
            return;
        };
        let amounts: Vec<_> =
            agreement.actions.iter().flatten().filter_map(|id| self.paid().get(id)).flatten().collect();
        if let Some((paid, of)) = rule.falls_short(agreement, agenda.owner.as_ref(), &amounts) {
            let share = rule.share.as_ref().and_then(Field::write).map(|share| shown(&share)).unwrap_or_default();
            self.add(key, Observation::CofinancingBelow { agreement: agreement.id.clone(), paid, of, share });
        }
    }

    /// The table of the edition, as a place where roles are stated.
    fn table(&self) -> RoleSource {
        RoleSource::Edition(self.stated.revision.seal.edition.id.clone())
    }

    /// Roles that were assigned: without a decision, or otherwise than elsewhere.
    fn assigned_roles(&mut self, today: Day, events: &dyn Recall) -> Result<(), Unreadable> {
        for row in self.book.roles(self.agenda, &Cut::NOW, today, events)? {
            for said in row.statements.iter().filter(|said| said.decision.is_none()) {
                if let RoleSource::Assignment(id) = &said.source {
                    let (role, item) = (said.word.clone(), row.item.clone());
                    self.add(&Key::new(Kind::Assignment, id), Observation::RoleWithoutDecision { role, item });
                }
            }
            for Contradiction { one: (one, stated), other: (two, other) } in row.contradictions() {
                if let RoleSource::Assignment(id) = &two {
                    let key = Key::new(Kind::Assignment, id);
                    let (item, stated, other) = (row.item.id.clone(), listed(stated), listed(other));
                    self.add(&key, Observation::RolesContradict { item, one, stated, two, other });
                }
            }
        }
        Ok(())
    }

    fn change(&mut self, key: &Key, change: &crate::record::Change) {
        let registry = self.registry();
        let ground = change.decision.as_ref().and_then(|id| registry.decision(id));
        if let Some(decision) = ground.filter(|decision| decision.kind.as_str() == ADVISE) {
            let (decision, body) = (decision.id.clone(), registry.body_name(&decision.body));
            self.add(key, Observation::RestsOnAdvice { decision, body });
        }
    }

    /// Counts what is not stated, one finding for each question that people ask.
    fn not_stated(&mut self) {
        let asked = [
            (Kind::PolicyItem, "roles"),
            (Kind::Action, "partners"),
            (Kind::Action, "period"),
            (Kind::Action, "amounts"),
            (Kind::Action, "explained_in"),
            (Kind::Amount, "eur"),
            (Kind::Amount, "from"),
            (Kind::Milestone, "due"),
        ];
        for (kind, field) in asked {
            let all = self.book.entries(kind).filter(|(key, entry)| self.concerns(key, entry));
            let all: Vec<_> = all.map(|(key, entry)| (key, entry.record.value(field))).collect();
            let missing = all.iter().filter(|(_, value)| crate::value::is_unstated(value));
            let missing: Vec<&Id> = missing.map(|(key, _)| &key.id).collect();
            if !missing.is_empty() {
                let more = if missing.len() > NAMED { ", …" } else { "" };
                let ids = format!("{}{more}", listed(missing.iter().take(NAMED)));
                let observation = Observation::NotStated { what: field, count: missing.len(), of: all.len(), ids };
                self.findings.push(Finding { key: None, observation });
            }
        }
    }
}
