//! What recording a document would do, and what keeps it from being recorded. Nothing is recorded here.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::authority::{ADOPT_AGENDA, Registry, Verdict};
use crate::book::{AgendaState, Book, Revision};
use crate::compare::{FieldChange, Reading};
use crate::dates::{Day, Edtf};
use crate::document::{Document, Index, key};
use crate::event::{Base, ControlTotal};
use crate::history::{Cut, Recall, State, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Change, Decision, Edition, FieldSet, Record};
use crate::refusal::{DocumentShould, Place, Problem, Refusal};
use crate::statement;

/// What recording a document would do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The agenda, where the document states one.
    pub agenda: Option<Id>,
    /// The edition; absent for a partial document.
    pub edition: Option<Id>,
    /// The revision that it would be; 0 for a partial document.
    pub revision: u32,
    /// The revision that it starts from.
    pub base: Option<Base>,
    /// Where the same document was sealed before: recording it again does nothing.
    pub sealed_before: Option<Position>,
    /// How the items differ from the base, in the order theme, sub-task, policy item, action, by id.
    pub items: Vec<ItemDifference>,
    /// The other records that are new or read differently, in the document's order.
    pub statements: Vec<StatementDifference>,
    /// The count of actions, from the entries of `changes`.
    pub control: ControlTotal,
    /// The entries of `changes` explain every difference, so that there is a count.
    pub counted: bool,
    /// The mandate under which the edition would be adopted, where one could be checked.
    pub mandate: Option<Id>,
    /// Entries that `changes` still needs, to be filled in.
    pub missing: Vec<Change>,
    /// Entries of `changes` for which there is no difference.
    pub surplus: Vec<Change>,
    /// All that keeps the document from being recorded.
    pub problems: Vec<Problem>,
}

/// How an item differs from the base.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemDifference {
    /// The item.
    pub key: Key,
    /// What happened to it, seen from the outside.
    pub motion: Motion,
    /// The fields that mean something else; empty where it comes, leaves, or only notes differ.
    pub fields: Vec<FieldChange>,
    /// The fields that are written differently.
    pub rewritten: FieldSet,
    /// The index of the item in the document; absent where it leaves.
    pub index: Option<usize>,
    /// The index of the entry of `changes` that explains it.
    pub claim: Option<usize>,
    /// How it read before, where it was known.
    pub before: Option<Arc<Record>>,
}

/// What can be seen of an item by comparing two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// Not there before, and never in this ledger.
    New,
    /// Not there before, but it was once.
    Back,
    /// There before and after, and it reads differently.
    Altered,
    /// There before and after; only notes differ.
    Annotated,
    /// There before, not after.
    Gone,
}

/// A record outside the items that is new or reads differently.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementDifference {
    /// The record.
    pub key: Key,
    /// The index in the document; absent for the agenda.
    pub index: Option<usize>,
    /// The fields that are written differently; absent where the record is new.
    pub fields: Option<FieldSet>,
    /// How it read before, where it was known.
    pub before: Option<Arc<Record>>,
}

/// What a plan is made of.
pub(crate) struct Planner<'a> {
    pub(crate) registry: Registry<'a>,
    pub(crate) index: &'a Index<'a>,
    pub(crate) book: &'a Book,
    pub(crate) document: &'a Document,
    pub(crate) events: &'a dyn Recall,
    pub(crate) today: Day,
    /// The point in time whose state the document is compared with.
    pub(crate) cut: Cut,
    /// The document is what a review comes to; nobody handed it in.
    pub(crate) reviewed: bool,
    pub(crate) plan: Plan,
}

impl Book {
    /// Works out what recording a document would do on this day, which is when a partial document takes effect.
    pub fn plan(&self, document: &Document, today: Day, events: &dyn Recall) -> Result<Plan, Unreadable> {
        self.planned(document, false, today, events)
    }

    /// Works out what a document would do that was handed in, or that is what a review comes to.
    pub(crate) fn planned(
        &self,
        document: &Document,
        reviewed: bool,
        today: Day,
        events: &dyn Recall,
    ) -> Result<Plan, Unreadable> {
        let valid = document.edition.as_ref().map_or(today, |edition| edition.effective.earliest());
        let index = Index::new(document);
        let mut planner = Planner {
            // What a review comes to says nothing new of who may decide what: the book knows best what still holds.
            registry: Registry { book: self, stated: Some(&index).filter(|_| !reviewed) },
            index: &index,
            book: self,
            document,
            events,
            today,
            cut: Cut { valid, known: Position::MAX, sealed: None },
            reviewed,
            plan: Plan::default(),
        };
        planner.run()?;
        Ok(planner.plan)
    }
}

impl Planner<'_> {
    fn run(&mut self) -> Result<(), Unreadable> {
        self.plan.agenda = self.document.agenda.as_ref().map(|agenda| agenda.id.clone());
        self.plan.edition = self.document.edition.as_ref().map(|edition| edition.id.clone());
        if !self.reviewed && self.is_sealed() {
            return Ok(());
        }
        let edition = self.document.agenda.as_ref().zip(self.document.edition.as_ref());
        let edition = edition.map(|(agenda, edition)| (agenda, edition, self.book.agenda(&agenda.id)));
        let follows = edition.is_none_or(|(_, edition, state)| self.check_edition(edition, state));
        if self.reviewed && !follows {
            return Ok(());
        }
        self.check_form();
        self.check_ids();
        self.check_references();
        statement::check(self);
        self.compare_statements()?;
        if let Some((agenda, edition, state)) = edition {
            let current = state.and_then(AgendaState::current);
            self.check_adoption(&agenda.id, edition, current.is_none());
            // Out of its place in time there is nothing to compare it with.
            if follows {
                self.compare_items(&agenda.id)?;
                self.settle_claims(current.is_none());
                self.check_ceilings()?;
                self.plan.counted = self.plan.missing.is_empty() && self.plan.surplus.is_empty();
            }
        }
        Ok(())
    }

    pub(crate) fn problem(&mut self, index: Option<usize>, field: Option<&str>, refusal: Refusal) {
        let record = index.and_then(|index| self.document.records.get(index));
        let key = record.map(|record| self.document.key(record));
        self.plan.problems.push(Problem { place: Place { index, key, field: field.map(str::to_owned) }, refusal });
    }

    pub(crate) fn problem_of(&mut self, kind: Kind, id: &Id, field: Option<&str>, refusal: Refusal) {
        let agenda = self.document.agenda.as_ref().map(|agenda| &agenda.id);
        let place = Place { index: None, key: Some(key(kind, id, agenda, None)), field: field.map(str::to_owned) };
        self.plan.problems.push(Problem { place, refusal });
    }

    fn check_form(&mut self) {
        let has_items = self.document.records.iter().any(|record| record.kind().is_item());
        let has_changes = self.document.of(Kind::Change).next().is_some();
        let should = match (&self.document.edition, &self.document.agenda, has_items) {
            (Some(_), None, _) => Some(DocumentShould::NameAgenda),
            (Some(_), Some(_), false) => Some(DocumentShould::StateItems),
            (None, _, true) => Some(DocumentShould::PlaceItems),
            (None, _, false) if has_changes => Some(DocumentShould::PlaceChanges),
            _ => None,
        };
        if let Some(should) = should {
            self.problem(None, None, Refusal::DocumentForm { should });
        }
    }

    /// Was this document sealed before? Then nothing more is asked of it: what was corrected or filled in since, or
    /// revised, makes it no other document.
    fn is_sealed(&mut self) -> bool {
        let (Some(agenda), Some(edition)) = (&self.document.agenda, &self.document.edition) else { return false };
        let Some(state) = self.book.agenda(&agenda.id) else { return false };
        let sha256 = self.document.sha256();
        let is_this = |sealed: &&Revision| sealed.seal.edition.id == edition.id && sealed.seal.sha256 == sha256;
        let Some(same) = state.revisions.iter().rev().find(is_this) else { return false };
        self.plan.revision = same.seal.revision;
        self.plan.base = state.current().map(base_of);
        self.plan.sealed_before = Some(same.position);
        true
    }

    /// Checks the place of the edition among the others; true where it follows the current one.
    fn check_edition(&mut self, edition: &Edition, state: Option<&AgendaState>) -> bool {
        let (first, last) = (&edition.first_year, &edition.last_year);
        let misplaced = misplaced(&edition.id, first, last, &edition.effective, state);
        let mut follows = true;
        for (field, refusal) in misplaced {
            follows &= !matches!(refusal, Refusal::RevisionSealed { .. } | Refusal::EditionEarlier { .. });
            self.problem_of(Kind::Edition, &edition.id, field, refusal);
        }
        if let Some(open) = state.and_then(|state| state.open.get(&edition.id)).filter(|_| !self.reviewed) {
            self.problem_of(Kind::Edition, &edition.id, Some("id"), open.already_open());
            follows = false;
        }
        self.plan.base = state.and_then(AgendaState::current).map(base_of);
        self.plan.revision = state.map_or(1, |state| state.next_revision(&edition.id));
        follows
    }

    /// Checks that the adopting decision is of the right kind and body, dated and under a mandate.
    fn check_adoption(&mut self, agenda: &Id, edition: &Edition, first: bool) {
        let Some(decision) = self.registry.decision(&edition.decision) else {
            return;
        };
        let mut refuse = |field, refusal| self.problem_of(Kind::Edition, &edition.id, Some(field), refusal);
        if decision.kind.as_str() != ADOPT_AGENDA {
            let (decision, kind) = (decision.id.clone(), decision.kind.clone());
            refuse("decision", Refusal::NotAdopting { decision, kind });
            return;
        }
        if decision.body != edition.adopted_by {
            let (decision, body) = (decision.id.clone(), decision.body.clone());
            let (stated, field) = (edition.adopted_by.clone(), "adopted_by");
            refuse(field, Refusal::GroundBody { decision, stated, body, field });
        }
        if decision.date.is_none() && !first {
            let (decision, missing) = (decision.id.clone(), "`date`".to_owned());
            refuse("decision", Refusal::DecisionIncomplete { decision, missing });
        }
        if let Some(refusal) = self.not_taken(decision).or_else(|| self.not_holding(&decision.id)) {
            self.problem_of(Kind::Edition, &edition.id, Some("decision"), refusal);
        }
        match self.registry.verdict(&decision.body, ADOPT_AGENDA, Some(agenda), decision.date.as_ref()) {
            Verdict::Held(mandate) | Verdict::NotVerifiable(mandate) => self.plan.mandate = Some(mandate),
            Verdict::None => {
                let refusal = self.registry.no_mandate(decision, Some(agenda));
                self.problem_of(Kind::Edition, &edition.id, Some("decision"), refusal);
            }
        }
    }

    /// A decision that is dated after today decides nothing yet.
    pub(crate) fn not_taken(&self, decision: &Decision) -> Option<Refusal> {
        let date = decision.still_to_come(self.today)?;
        Some(Refusal::DecisionNotTaken { decision: decision.id.clone(), date: date.to_string() })
    }

    /// A decision that was superseded or revoked is no ground any more.
    pub(crate) fn not_holding(&self, decision: &Id) -> Option<Refusal> {
        self.book.check_holds(decision, self.cut.valid).err()
    }

    fn compare_statements(&mut self) -> Result<(), Unreadable> {
        let agenda = self.document.agenda.clone().map(Record::from);
        let others = self.document.records.iter().enumerate().map(|(index, record)| (Some(index), record));
        for (index, record) in agenda.iter().map(|agenda| (None, agenda)).chain(others) {
            if record.kind().is_item() || record.kind() == Kind::Change {
                continue;
            }
            let key = self.document.key(record);
            let before = self.book.at(&key, &self.cut, self.events)?.map(|state| state.record);
            let fields = match &before {
                Some(before) => Some(before.rewritten(record)),
                // Stated before, but only from a later day on: every field is set from this day.
                None => {
                    self.book.entry(&key).map(|_| FieldSet::named(key.kind, Record::fields(key.kind).iter().copied()))
                }
            };
            if fields.is_none_or(|fields| !fields.is_empty()) {
                self.plan.statements.push(StatementDifference { key, index, fields, before });
            }
        }
        Ok(())
    }

    fn compare_items(&mut self, agenda: &Id) -> Result<(), Unreadable> {
        let stated = self.document.records.iter().filter(|record| record.kind().is_item());
        let known = self.book.items(agenda).map(|(key, _)| key.clone());
        for key in stated.map(|record| self.document.key(record)).chain(known).collect::<BTreeSet<Key>>() {
            let before = self.book.at(&key, &self.cut, self.events)?;
            if key.kind == Kind::Action {
                self.plan.control.before += u32::from(before.as_ref().is_some_and(|state| state.present));
                self.plan.control.after += u32::from(self.index.place(&key).is_some());
            }
            if let Some(difference) = self.compare_item(key, before)? {
                self.plan.items.push(difference);
            }
        }
        Ok(())
    }

    fn compare_item(&self, key: Key, before: Option<State>) -> Result<Option<ItemDifference>, Unreadable> {
        let index = self.index.place(&key);
        let record = index.and_then(|index| self.document.records.get(index));
        let mut difference = ItemDifference {
            key,
            motion: Motion::New,
            fields: Vec::new(),
            rewritten: FieldSet::default(),
            index,
            claim: None,
            before: before.as_ref().map(|state| state.record.clone()),
        };
        match (before, record) {
            (Some(before), None) if before.present => difference.motion = Motion::Gone,
            (None, Some(_)) => difference.motion = Motion::New,
            (Some(before), Some(record)) => {
                let old = Reading::new(before.record.clone(), |id| self.amount_before(id))?;
                let new = Reading::new(Arc::new(record.clone()), |id| self.amount_after(id))?;
                difference.fields = old.changes_to(&new);
                let changed = FieldSet::named(record.kind(), difference.fields.iter().map(|change| change.field));
                difference.rewritten = before.record.rewritten(record).or(changed);
                difference.motion = match (before.present, changed.is_empty()) {
                    (false, _) => Motion::Back,
                    (true, false) => Motion::Altered,
                    (true, true) => Motion::Annotated,
                };
                if difference.motion == Motion::Annotated && difference.rewritten.is_empty() {
                    return Ok(None);
                }
            }
            (_, None) => return Ok(None),
        }
        Ok(Some(difference))
    }

    pub(crate) fn amount_before(&self, id: &Id) -> Result<Option<Arc<Record>>, Unreadable> {
        let state = self.book.at(&Key::new(Kind::Amount, id), &self.cut, self.events)?;
        Ok(state.map(|state| state.record))
    }

    pub(crate) fn amount_after(&self, id: &Id) -> Result<Option<Arc<Record>>, Unreadable> {
        let stated = self.index.get(&Key::new(Kind::Amount, id));
        stated.map_or_else(|| self.amount_before(id), |amount| Ok(Some(Arc::new(amount.clone()))))
    }
}

/// What is wrong with the years and the date of an edition, and with its place among the others of its agenda: the
/// field, and why.
pub(crate) fn misplaced(
    id: &Id,
    first: &Edtf,
    last: &Edtf,
    effective: &Edtf,
    state: Option<&AgendaState>,
) -> Vec<(Option<&'static str>, Refusal)> {
    let mut all = Vec::new();
    if first.earliest() > last.latest() {
        let (first, last) = (first.to_string(), last.to_string());
        all.push((Some("first_year"), Refusal::EditionYears { first, last }));
    }
    if effective.earliest() > last.latest() {
        let (effective, last) = (effective.to_string(), last.to_string());
        all.push((Some("effective"), Refusal::EditionOver { effective, last }));
    }
    let Some((state, current)) = state.and_then(|state| Some((state, state.current()?))) else { return all };
    let (current, since) = (&current.seal.edition.id, current.seal.edition.effective.earliest());
    if current != id && state.revision(id.as_str(), None).is_some() {
        all.push((None, Refusal::RevisionSealed { edition: id.clone(), current: current.clone() }));
    } else if effective.earliest() < since {
        let (edition, current, effective) = (id.clone(), current.clone(), effective.to_string());
        all.push((Some("effective"), Refusal::EditionEarlier { edition, effective, current, since }));
    }
    all
}

pub(crate) fn base_of(revision: &Revision) -> Base {
    Base {
        edition: revision.seal.edition.id.clone(),
        revision: revision.seal.revision,
        position: revision.position,
        sha256: revision.seal.sha256,
    }
}
