//! What a review would do if it were adopted now. Nothing is recorded here.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::book::{Book, OpenReview};
use crate::changes::Changes;
use crate::command::Context;
use crate::dates::{Day, Edtf};
use crate::document::Document;
use crate::event::{Actor, ControlTotal, Draft, Recorded};
use crate::findings::Finding;
use crate::history::{Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position, RequestId};
use crate::record::Record;
use crate::refusal::{Problem, Refusal, Rejection};
use crate::review::{Adopting, Reviewing};
use crate::tally::{Proposed, conflicts};

/// What a review would do if it were adopted now.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The review.
    pub open: OpenReview,
    /// What changed in the agenda since its base, where that has moved.
    pub moved: Option<Changes>,
    /// What was proposed, by item.
    pub proposals: Vec<Proposed>,
    /// How many actions stand on the agenda.
    pub actions: usize,
    /// Those for which nothing is proposed.
    pub without: Vec<Id>,
    /// The items for which several proposals compete, with their ids.
    pub conflicts: BTreeMap<Key, Vec<Id>>,
    /// The count of actions.
    pub control: ControlTotal,
    /// All that would keep it from being adopted.
    pub problems: Vec<Problem>,
    /// What a careful auditor would remark after it, and does not remark now.
    pub findings: Vec<Finding>,
}

impl Book {
    /// The proposals of an open review, each with its state as it is now.
    pub fn open_proposals(&self, agenda: &Id, edition: &Id, events: &dyn Recall) -> Result<Vec<Proposed>, Rejection> {
        Ok(self.reviewing(agenda, Some(edition), events)?.proposals()?)
    }

    /// What a review would do if it were adopted now, by a decision and from a day where those are named.
    pub fn check_review(
        &self,
        agenda: &Id,
        edition: Option<&Id>,
        decision: Option<&Id>,
        effective: Option<&Edtf>,
        today: Day,
        events: &dyn Recall,
    ) -> Result<Check, Rejection> {
        let at = self.reviewing(agenda, edition, events)?;
        let at = Reviewing { effective: effective.unwrap_or(at.effective), ..at };
        let adopting =
            decision.map(|decision| Adopting { decision: decision.clone(), effective: None, amend: Vec::new() });
        let mut outlook = at.outlook(adopting.as_ref(), None, today)?;
        let mut problems = outlook.lacks;
        problems.extend(outlook.plan.problems.iter().cloned());
        let of_edition = |key: Option<&Key>| key.is_some_and(|key| key.kind == Kind::Edition);
        // Who adopts it, and how far that mandate goes, is not said yet.
        problems.retain(|problem| decision.is_some() || !is_of_decision(problem, &outlook.document));
        let drafts = context(self, today).map(|context| self.adopted(&outlook.document, &outlook.plan, &context));
        let mut findings = self.findings_after(agenda, drafts.unwrap_or_default(), today, events)?;
        findings.retain(|finding| decision.is_some() || !of_edition(finding.key.as_ref()));
        outlook.proposals.sort_by_cached_key(|proposed| (proposed.change.subject(), proposed.position));
        Ok(Check {
            open: at.open.clone(),
            moved: at.moved().map(|span| self.changes(agenda, span, events)).transpose()?,
            conflicts: conflicts(&outlook.proposals),
            proposals: outlook.proposals,
            actions: outlook.actions,
            without: outlook.without,
            control: outlook.plan.control,
            problems,
            findings,
        })
    }

    /// The findings that there would be after these events, and are not there now.
    fn findings_after(
        &self,
        agenda: &Id,
        drafts: Vec<Draft>,
        today: Day,
        events: &dyn Recall,
    ) -> Result<Vec<Finding>, Unreadable> {
        let mut ahead = Ahead { events, head: self.head(), next: Vec::new() };
        let mut after = self.clone();
        for draft in drafts {
            let recorded = draft.record(after.head(), self.recorded_at());
            after.apply(&recorded);
            ahead.next.push(Arc::new(recorded));
        }
        let now = self.findings(agenda, today, events)?;
        let mut findings = after.findings(agenda, today, &ahead)?;
        // What is remarked of the agenda as a whole counts what is not stated: only the numbers differ. Of a record it
        // is the same remark where its words name another edition.
        let told: HashSet<_> = now.iter().map(|finding| (&finding.key, finding.observation.code())).collect();
        let is_new = |finding: &Finding| !told.contains(&(&finding.key, finding.observation.code()));
        findings.retain(|finding| finding.key.is_some() && is_new(finding));
        Ok(findings)
    }
}

/// Does the problem lie in the adopting decision?
fn is_of_decision(problem: &Problem, document: &Document) -> bool {
    let place = &problem.place;
    match (place.key.as_ref().map(|key| key.kind), place.index.and_then(|index| document.records.get(index))) {
        (Some(Kind::Edition), _) => matches!(place.field.as_deref(), Some("decision" | "adopted_by")),
        (_, Some(Record::Change(change))) => {
            change.decision.is_none() && matches!(problem.refusal, Refusal::MandateCeiling { .. })
        }
        _ => false,
    }
}

/// Nobody asks, and nothing is recorded.
fn context(book: &Book, today: Day) -> Option<Context> {
    let request_id = RequestId::new("check")?;
    Some(Context { now: book.recorded_at(), today, request_id, actor: Actor::default() })
}

/// The recorded events, and after them those that there would be.
struct Ahead<'a> {
    events: &'a dyn Recall,
    head: Position,
    next: Vec<Arc<Recorded>>,
}

impl Recall for Ahead<'_> {
    fn recall(&self, position: Position) -> Result<Arc<Recorded>, Unreadable> {
        let Some(ahead) = position.checked_sub(self.head) else { return self.events.recall(position) };
        let next = usize::try_from(ahead).ok().and_then(|ahead| self.next.get(ahead)).cloned();
        next.ok_or_else(|| Unreadable { position, reason: "there is no such event".to_owned() })
    }
}
