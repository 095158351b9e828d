//! From a plan to its events: how a document is recorded, whether it was handed in or is what a review comes to.
//!
//! A document that is handed in is a review that is opened, filled and adopted in one go.

use std::collections::HashMap;

use crate::book::{AgendaState, Book};
use crate::command::{Context, ImportDocument};
use crate::dates::Edtf;
use crate::document::Document;
use crate::event::{
    CONTENTS_MAX, Contents, Draft, ItemEvent, ItemStep, Payload, Proposal, Reason, ReviewOpened, Seal, Statement,
};
use crate::history::Recall;
use crate::ids::{Id, Key, Kind};
use crate::plan::{ItemDifference, Motion, Plan};
use crate::record::{Agenda, Change, Edition, Record};
use crate::refusal::{Problems, Refusal, Rejection, Subject};
use crate::value::ChangeKind;

impl Book {
    /// Records what a document states; no events where it was recorded before.
    pub(crate) fn decide_import(
        &self,
        command: &ImportDocument,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Vec<Draft>, Rejection> {
        let document = &command.document;
        self.check_base(document.agenda.as_ref(), command)?;
        let plan = self.plan(document, context.today, events)?;
        if !plan.problems.is_empty() {
            return Err(Refusal::Document { problems: Problems(plan.problems) }.into());
        }
        if plan.sealed_before.is_some() {
            return Ok(Vec::new());
        }
        let effective = document.edition.as_ref().map_or_else(|| Edtf::on(context.today), |e| e.effective.clone());
        let mut adoption = Adoption { document, plan: &plan, context, effective, drafts: Vec::new() };
        match (&document.agenda, &document.edition) {
            (Some(agenda), Some(edition)) => {
                adoption.open(agenda, edition);
                adoption.state();
                adoption.propose(agenda, edition);
                adoption.adopt(self, agenda, edition);
            }
            _ => adoption.state(),
        }
        Ok(adoption.drafts)
    }

    /// The events that adopt what a review comes to.
    pub(crate) fn adopted(&self, document: &Document, plan: &Plan, context: &Context) -> Vec<Draft> {
        let (Some(agenda), Some(edition)) = (&document.agenda, &document.edition) else { return Vec::new() };
        let effective = edition.effective.clone();
        let mut adoption = Adoption { document, plan, context, effective, drafts: Vec::new() };
        adoption.state();
        adoption.adopt(self, agenda, edition);
        adoption.drafts
    }

    fn check_base(&self, agenda: Option<&Agenda>, command: &ImportDocument) -> Result<(), Refusal> {
        let Some((agenda, yours)) = agenda.zip(command.expected_revision) else {
            return Ok(());
        };
        let current = self.agenda(&agenda.id).map(AgendaState::newest).unwrap_or_default();
        let what = Subject::Record(Key::new(Kind::Agenda, &agenda.id));
        what.check_known_state(yours, current)
    }
}

/// An adoption in the making: the events of one document.
struct Adoption<'a> {
    document: &'a Document,
    plan: &'a Plan,
    context: &'a Context,
    effective: Edtf,
    drafts: Vec<Draft>,
}

impl<'a> Adoption<'a> {
    fn push(&mut self, decision: Option<&Id>, reason: Option<&Change>, payload: Payload) {
        let text = reason.and_then(|change| change.reason.clone());
        self.drafts.push(Draft {
            decision: decision.cloned(),
            effective: Some(self.effective.clone()),
            reason: text.map(|text| Reason { code: None, text }),
            ..Draft::of(self.context, payload)
        });
    }

    fn open(&mut self, agenda: &Agenda, edition: &Edition) {
        let opened = ReviewOpened {
            agenda: agenda.id.clone(),
            edition: edition.id.clone(),
            first_year: edition.first_year.clone(),
            last_year: edition.last_year.clone(),
            effective: edition.effective.clone(),
            horizon: edition.horizon.clone(),
            review: edition.review.clone(),
            revision: self.plan.revision,
            invented: self.document.invented,
            base: self.plan.base.clone(),
        };
        self.push(None, None, Payload::ReviewOpened(opened));
    }

    fn adopt(&mut self, book: &Book, agenda: &Agenda, edition: &Edition) {
        let previous = book.agenda(&agenda.id).and_then(|state| state.revisions.last()).map(|r| r.position);
        self.move_items(agenda, edition);
        self.list_contents(agenda, edition);
        self.seal(agenda, edition, previous);
    }

    fn state(&mut self) {
        let plan = self.plan;
        let claims = self.claims_of_amounts();
        for difference in &plan.statements {
            let agenda = || self.document.agenda.clone().map(Record::from);
            let stated = difference.index.map_or_else(agenda, |index| self.document.records.get(index).cloned());
            if let Some(record) = stated {
                let record = match (&difference.before, difference.fields) {
                    (Some(before), Some(fields)) => before.with(&record, fields),
                    _ => record,
                };
                let statement = Statement {
                    agenda: plan.agenda.clone(),
                    edition: plan.edition.clone(),
                    record,
                    fields: difference.fields,
                };
                // What an action costs is part of the action: it changes by the same decision, for the same reason.
                let restated = statement.fields.is_some() && statement.record.kind() == Kind::Amount;
                let claim = claims.get(statement.record.id()).copied().filter(|_| restated);
                let adopting = claim.and(self.document.edition.as_ref()).map(|edition| &edition.decision);
                self.push(adopting, claim, Payload::Stated(statement));
            }
        }
    }

    /// The entries of `changes` that explain the actions, by the amounts that those name.
    fn claims_of_amounts(&self) -> HashMap<&'a Id, &'a Change> {
        let record = |index: Option<usize>| index.and_then(|index| self.document.records.get(index));
        let mut claims = HashMap::new();
        for item in &self.plan.items {
            if let (Some(Record::Action(action)), Some(Record::Change(change))) =
                (record(item.index), record(item.claim))
            {
                for amount in action.amounts.iter().flatten() {
                    claims.entry(amount).or_insert(change);
                }
            }
        }
        claims
    }

    fn propose(&mut self, agenda: &Agenda, edition: &Edition) {
        for record in self.document.of(Kind::Change) {
            if let Record::Change(change) = record {
                let (agenda, edition) = (agenda.id.clone(), edition.id.clone());
                let proposal = Proposal { agenda, edition, change: change.clone(), items: Vec::new() };
                self.push(None, Some(change), Payload::DispositionProposed(proposal));
            }
        }
    }

    /// Moves the items: first those that leave for others, so that their parts come after them.
    fn move_items(&mut self, agenda: &Agenda, edition: &Edition) {
        let document = self.document;
        let changes = document.of(Kind::Change).filter_map(change);
        let lineages = changes.filter_map(|change| lineage(change).map(|step| (Some(change), step)));
        let moves = self.plan.items.iter().filter_map(|item| {
            let claim = item.claim.and_then(|index| document.records.get(index)).and_then(change);
            item_step(document, item, claim).map(|step| (claim, step))
        });
        for (claim, step) in lineages.chain(moves).collect::<Vec<_>>() {
            // What was proposed step by step rests on the adopting decision, unless it names another.
            let ground = claim.map(|change| change.decision.as_ref().unwrap_or(&edition.decision).clone());
            let event = ItemEvent { agenda: agenda.id.clone(), edition: Some(edition.id.clone()), ground, step };
            self.push(Some(&edition.decision), claim, Payload::Item(event));
        }
    }

    fn list_contents(&mut self, agenda: &Agenda, edition: &Edition) {
        for kind in Kind::ALL {
            let ids: Vec<Id> = match kind {
                Kind::Agenda => vec![agenda.id.clone()],
                _ => self.document.of(kind).map(|record| record.id().clone()).collect(),
            };
            for stretch in ids.chunks(CONTENTS_MAX) {
                let (agenda, edition) = (agenda.id.clone(), edition.id.clone());
                let contents = Contents { agenda, edition, kind, ids: stretch.to_vec() };
                self.push(None, None, Payload::ContentsListed(contents));
            }
        }
    }

    fn seal(&mut self, agenda: &Agenda, edition: &Edition, previous: Option<u64>) {
        let seal = Seal {
            agenda: agenda.id.clone(),
            edition: edition.clone(),
            revision: self.plan.revision,
            mandate: self.plan.mandate.clone(),
            control: self.plan.control,
            previous,
            sha256: self.document.sha256(),
        };
        self.push(Some(&edition.decision), None, Payload::RevisionSealed(seal));
    }
}

fn item_step(document: &Document, item: &ItemDifference, claim: Option<&Change>) -> Option<ItemStep> {
    let record = item.index.and_then(|index| document.records.get(index)).cloned();
    let restated = |record: Record| match &item.before {
        Some(before) => before.with(&record, item.rewritten),
        None => record,
    };
    let (kind, id) = (item.key.kind, item.key.id.clone());
    match (item.motion, record) {
        (Motion::New, Some(record)) => Some(ItemStep::Added(record)),
        (Motion::Back, Some(record)) if claim.is_some_and(|change| change.kind == ChangeKind::Added) => {
            Some(ItemStep::Added(record))
        }
        (Motion::Back, Some(record)) => Some(ItemStep::Reinstated(restated(record), item.rewritten)),
        (Motion::Altered | Motion::Annotated, Some(record)) => {
            Some(ItemStep::Changed(restated(record), item.rewritten))
        }
        (Motion::Gone, None) => match claim.map(|change| (change.kind, change.disposition)) {
            Some((ChangeKind::Dropped, Some(disposition))) => Some(ItemStep::Dropped(kind, id, disposition)),
            Some((ChangeKind::Suspended, _)) => Some(ItemStep::Suspended(kind, id)),
            // What left by a split or merge has its event already.
            _ => None,
        },
        _ => None,
    }
}

fn change(record: &Record) -> Option<&Change> {
    match record {
        Record::Change(change) => Some(change),
        _ => None,
    }
}

fn lineage(change: &Change) -> Option<ItemStep> {
    let (from, into) = (change.from.as_deref()?, change.into.as_deref()?);
    match (change.kind, from, into) {
        (ChangeKind::Split, [from], into) => Some(ItemStep::Split(from.clone(), into.to_vec())),
        (ChangeKind::Merged, from, [into]) => Some(ItemStep::Merged(from.to_vec(), into.clone())),
        _ => None,
    }
}
