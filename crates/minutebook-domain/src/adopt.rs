//! What a review comes to: the base with what was proposed in it, as a document that is planned and recorded as one
//! that was handed in.

use std::collections::BTreeSet;

use crate::authority::Registry;
use crate::changes::Span;
use crate::coming::{Counted, named_fields};
use crate::command::Context;
use crate::dates::Day;
use crate::document::{Document, key};
use crate::event::{Amendment, Draft, Payload, Reason};
use crate::history::{Mark, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::plan::Plan;
use crate::record::{Decision, Edition, FieldSet};
use crate::refusal::{Place, Problem, Problems, Refusal, Rejection, Subject, listed};
use crate::review::{Adopting, Reviewing, draft};
use crate::statement::check_effect;
use crate::tally::{ProposalState, Proposed, conflicts};
use crate::value::{ChangeKind, Text};

/// How many actions without a proposal a refusal names before it only counts.
const NAMED: usize = 10;

/// What a review comes to, and what keeps it from being adopted.
pub(crate) struct Outlook {
    pub(crate) proposals: Vec<Proposed>,
    /// How many actions stand on the agenda.
    pub(crate) actions: usize,
    /// Those for which nothing is proposed.
    pub(crate) without: Vec<Id>,
    pub(crate) document: Document,
    pub(crate) plan: Plan,
    pub(crate) amendments: Vec<Amendment>,
    /// What the review itself still lacks.
    pub(crate) lacks: Vec<Problem>,
}

impl Reviewing<'_> {
    /// Adopts what the review comes to.
    pub(crate) fn adopt(
        &self,
        adopting: &Adopting,
        reason: Option<&Text>,
        context: &Context,
    ) -> Result<Vec<Draft>, Rejection> {
        let outlook = self.outlook(Some(adopting), reason, context.today)?;
        if let Some(first) = outlook.lacks.into_iter().next() {
            return Err(first.refusal.into());
        }
        let Outlook { document, plan, amendments, .. } = outlook;
        match plan.problems.as_slice() {
            [] => {}
            [Problem { refusal, .. }] => return Err(refusal.clone().into()),
            _ => return Err(Refusal::Review { problems: Problems(plan.problems) }.into()),
        }
        let amended = amendments.into_iter().map(|amendment| Draft {
            decision: Some(adopting.decision.clone()),
            ..draft(context, reason, Payload::AmendedAtAdoption(amendment))
        });
        let mut drafts: Vec<_> = amended.chain(self.book.adopted(&document, &plan, context)).collect();
        if let Some(seal) = drafts.last_mut() {
            seal.reason = reason.cloned().map(|text| Reason { code: None, text });
        }
        Ok(drafts)
    }

    /// What the review comes to if it were adopted like this; without a decision, as if the base's decided again.
    pub(crate) fn outlook(
        &self,
        adopting: Option<&Adopting>,
        reason: Option<&Text>,
        today: Day,
    ) -> Result<Outlook, Rejection> {
        // From another day than the review was opened for, the agenda may read otherwise.
        let effective = adopting.and_then(|adopting| adopting.effective.as_ref()).unwrap_or(self.effective);
        Reviewing { effective, ..*self }.outlook_then(adopting, reason, today)
    }

    fn outlook_then(
        &self,
        adopting: Option<&Adopting>,
        reason: Option<&Text>,
        today: Day,
    ) -> Result<Outlook, Rejection> {
        let proposals = self.proposals()?;
        let (actions, without) = self.without_proposal(&proposals)?;
        let mut lacks = Vec::new();
        lacks.extend(self.base_moved()?.map(|refusal| self.problem(None, refusal)));
        if !without.is_empty() && !self.open.rest_kept {
            lacks.push(self.problem(None, incomplete(&without, actions)));
        }
        for (item, _) in conflicts(&proposals) {
            lacks.push(self.problem(Some(item.clone()), Refusal::ReviewConflict { item }));
        }
        for proposed in proposals.iter().filter(|proposed| proposed.state.counts()) {
            if let Some(refusal) = self.overtaken(proposed) {
                lacks.push(self.problem(Some(self.change_key(&proposed.change.id)), refusal));
            }
        }
        let counts = proposals.iter().filter(|proposed| proposed.state.counts());
        let mut counted: Vec<_> =
            counts.map(|proposed| Counted { change: proposed.change.clone(), items: proposed.items.clone() }).collect();
        let amendments = match adopting {
            Some(adopting) => self.amend(&adopting.amend, reason, &mut counted)?,
            None => Vec::new(),
        };
        let edition = self.edition_by(adopting, reason, &mut lacks);
        let document = self.document(edition, &counted, &mut lacks)?;
        let plan = self.book.planned(&document, true, today, self.events)?;
        Ok(Outlook { proposals, actions, without, document, plan, amendments, lacks })
    }

    /// What keeps it from being adopted: about a record, or about the review as a whole.
    pub(crate) fn problem(&self, about: Option<Key>, refusal: Refusal) -> Problem {
        let review = || key(Kind::Edition, self.edition(), Some(self.agenda), None);
        let place = Place { index: None, key: Some(about.unwrap_or_else(review)), field: None };
        Problem { place, refusal }
    }

    /// How many actions stand on the agenda, and those for which nothing is proposed.
    fn without_proposal(&self, proposals: &[Proposed]) -> Result<(usize, Vec<Id>), Unreadable> {
        let live = proposals.iter().filter(|proposed| proposed.state != ProposalState::Withdrawn);
        let touched: BTreeSet<Key> = live.flat_map(|proposed| proposed.change.touches()).collect();
        let (mut actions, mut without) = (0, Vec::new());
        for (key, entry) in self.book.entries(Kind::Action) {
            if entry.agenda.as_ref() != Some(self.agenda) {
                continue;
            }
            if entry.at(&self.cut(), self.events)?.is_some_and(|state| state.present) {
                actions += 1;
                if !touched.contains(key) {
                    without.push(key.id.clone());
                }
            }
        }
        Ok((actions, without))
    }

    /// The span from the base to the agenda's newest revision, where that is another one.
    pub(crate) fn moved(&self) -> Option<Span> {
        let base = self.open.review.base.as_ref()?;
        let revisions = self.book.agenda(self.agenda).map(|state| state.revisions.as_slice()).unwrap_or_default();
        let from = revisions.iter().find(|revision| revision.position == base.position)?;
        (from.position != self.current.position).then(|| Span::revisions(from, self.current, Position::MAX))
    }

    fn base_moved(&self) -> Result<Option<Refusal>, Unreadable> {
        let Some(span) = self.moved() else { return Ok(None) };
        let changes = self.book.changes(self.agenda, span, self.events)?;
        Ok(Some(Refusal::BaseMoved {
            edition: self.edition().clone(),
            base: self.open.base_name(),
            current: self.current.name(),
            changes: changes.items.len() + changes.related.len(),
        }))
    }

    /// A proposal is overtaken where what it changes was changed after it was made, or came or left.
    fn overtaken(&self, proposed: &Proposed) -> Option<Refusal> {
        self.moved_on(proposed).or_else(|| self.reads_otherwise(proposed))
    }

    fn moved_on(&self, proposed: &Proposed) -> Option<Refusal> {
        let later = |mark: &&Mark| mark.position > proposed.position && mark.act.standing().is_some();
        proposed.change.touches().into_iter().find_map(|key| {
            let entry = self.book.entry(&key)?;
            let mark = entry.marks().iter().filter(later).max_by_key(|mark| mark.position)?;
            Some(stale(key, proposed, mark))
        })
    }

    fn reads_otherwise(&self, proposed: &Proposed) -> Option<Refusal> {
        let change = &proposed.change;
        if !matches!(change.kind, ChangeKind::Changed | ChangeKind::Reinstated) {
            return None;
        }
        let (kind, id) = change.item()?;
        let named = named_fields(change, kind);
        let all = change.kind == ChangeKind::Reinstated;
        let own = (Key::new(kind, id), if all { FieldSet::ALL } else { named });
        let amounts = proposed.items.iter().filter(|record| record.kind() == Kind::Amount);
        let amounts = amounts.map(|amount| (Key::new(Kind::Amount, amount.id()), FieldSet::ALL));
        for (key, fields) in std::iter::once(own).chain(amounts) {
            let marks = self.book.entry(&key).map(|entry| entry.marks()).unwrap_or_default();
            let later = marks.iter().filter(|mark| mark.position > proposed.position);
            if let Some(mark) = later.filter(|mark| !mark.fields.and(fields).is_empty()).max_by_key(|m| m.position) {
                return Some(stale(key, proposed, mark));
            }
        }
        None
    }

    /// The edition holds from before it was decided only where the decision itself does, or for a reason.
    fn early(&self, taken: &Decision, reason: Option<&Text>) -> Option<Refusal> {
        let covers = taken.effective.as_ref().is_some_and(|since| since.earliest() <= self.effective.earliest());
        let date = taken.date.as_ref().filter(|_| !covers)?;
        check_effect(self.effective, date, reason).err()
    }

    /// The edition as it would be adopted.
    fn edition_by(&self, adopting: Option<&Adopting>, reason: Option<&Text>, lacks: &mut Vec<Problem>) -> Edition {
        let review = &self.open.review;
        let base = &self.current.seal.edition;
        let decision = adopting.map_or(&base.decision, |adopting| &adopting.decision);
        if adopting.is_some() {
            let key = Key::new(Kind::Decision, decision);
            lacks.extend(self.book.check_known(&key).err().map(|refusal| self.problem(Some(key), refusal)));
        }
        let taken = Registry { book: self.book, stated: None }.decision(decision);
        if let Some(early) = taken.filter(|_| adopting.is_some()).and_then(|taken| self.early(taken, reason)) {
            lacks.push(self.problem(None, early));
        }
        let adopted_by = taken.map_or(&base.adopted_by, |decision| &decision.body);
        Edition {
            id: review.edition.clone(),
            first_year: review.first_year.clone(),
            last_year: review.last_year.clone(),
            adopted_by: adopted_by.clone(),
            decision: decision.clone(),
            effective: self.effective.clone(),
            horizon: review.horizon.clone(),
            review: review.review.clone(),
            source_line: None,
            source_doc: None,
            lines: None,
            quote: None,
            confidence: None,
            doubt: None,
        }
    }
}

fn stale(key: Key, proposed: &Proposed, mark: &Mark) -> Refusal {
    Refusal::StaleBase { what: Subject::Record(key), yours: proposed.position, current: mark.position }
}

fn incomplete(without: &[Id], actions: usize) -> Refusal {
    let named = listed(without.iter().take(NAMED));
    let ids = match without.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} + {more}"),
    };
    Refusal::ReviewIncomplete { missing: without.len(), actions, ids }
}
