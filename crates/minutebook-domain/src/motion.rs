//! Motions and promises: which actions carry a motion out and what settled it, and what is due, was met or was missed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::book::Book;
use crate::command::{Context, DoDeed, LinkMotion};
use crate::dates::{Day, Edtf};
use crate::deeds::{Doing, deed_holds};
use crate::event::{DeedStep, Draft, Payload, Recorded, Statement};
use crate::history::{Act, Cut, Entry, Mark, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{FieldSet, Milestone, Motion, Record};
use crate::refusal::{Refusal, Rejection};
use crate::value::Text;

/// How a motion stands.
#[derive(Debug, Clone, PartialEq)]
pub struct MotionStanding {
    /// The motion, as it reads.
    pub motion: Motion,
    /// Where it stands.
    pub state: MotionState,
    /// How actions carry it out, where that is told: the action, and the words.
    pub how: Vec<(Id, Text)>,
    /// What settled it; absent where nothing did.
    pub settled: Option<Outcome>,
    /// The newest event that touched it.
    pub revision: Position,
}

/// Where a motion stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MotionState {
    /// Adopted; no action carries it out.
    Adopted,
    /// An action carries it out.
    BeingCarriedOut,
    /// Settled, with evidence.
    Settled,
}

/// How a promise stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PromiseStanding {
    /// The milestone, as it reads.
    pub milestone: Milestone,
    /// Where it stands.
    pub state: PromiseState,
    /// The decision by which it was set, or set otherwise.
    pub decision: Option<Id>,
    /// How it was met, or missed; absent while it is open.
    pub outcome: Option<Outcome>,
    /// The newest event that touched it.
    pub revision: Position,
}

/// Where a promise stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromiseState {
    /// Still to come, or not stated when.
    Planned,
    /// Still to come, at another time than was stated first.
    Moved,
    /// The last day that it may mean has passed.
    Overdue,
    /// Kept.
    Met,
    /// Not kept.
    Missed,
}

impl PromiseState {
    /// Is it still to be kept?
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Moved | Self::Overdue)
    }
}

/// What came of a motion or promise.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// From when.
    pub effective: Option<Edtf>,
    /// What shows it.
    pub evidence: Vec<Key>,
    /// Why.
    pub reason: Option<Text>,
    /// The decision by which, where one is named.
    pub decision: Option<Id>,
    /// The event.
    pub position: Position,
}

/// The mark of these acts that was recorded last: what was done later counts, whatever day it was said to hold from.
fn newest<'a>(entry: &'a Entry, cut: &Cut, counts: impl Fn(&Mark) -> bool) -> Option<&'a Mark> {
    entry.marks().iter().filter(|mark| counts(mark) && cut.selects(mark)).max_by_key(|mark| mark.position)
}

fn outcome(mark: &Mark, events: &dyn Recall) -> Result<Outcome, Unreadable> {
    let recorded = events.recall(mark.position)?;
    let evidence = match &recorded.event.payload {
        Payload::Deed(deed) => match &deed.step {
            DeedStep::Settled(evidence) | DeedStep::Met(evidence) => evidence.clone(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    Ok(Outcome {
        effective: recorded.event.effective.clone(),
        evidence,
        reason: recorded.event.reason.as_ref().map(|reason| reason.text.clone()),
        decision: recorded.event.decision.clone(),
        position: mark.position,
    })
}

/// The mark that met or missed a promise; `None` while it is open. Another due date opens a missed one again.
fn kept<'a>(entry: &'a Entry, cut: &Cut) -> Option<&'a Mark> {
    let last = newest(entry, cut, |mark| matches!(mark.act, Act::Met | Act::Missed))?;
    let moved = || newest(entry, cut, sets_due).is_some_and(|moved| moved.position > last.position);
    (last.act == Act::Met || !moved()).then_some(last)
}

fn sets_due(mark: &Mark) -> bool {
    matches!(mark.act, Act::Stated | Act::Changed) && mark.fields.contains(Kind::Milestone, "due")
}

impl Book {
    /// How the motions stand at a point in time, by id: those of an agenda and those that belong to none, or all.
    pub fn motions(
        &self,
        agenda: Option<&Id>,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<Vec<MotionStanding>, Unreadable> {
        let mut all = Vec::new();
        for (_, entry) in self.entries(Kind::Motion).filter(|(_, entry)| is_of(entry, agenda)) {
            let Some(state) = entry.at(cut, events)? else { continue };
            let Record::Motion(motion) = state.record.as_ref() else { continue };
            let settled = entry.last_act(&[Act::Settled], cut).map(|mark| outcome(mark, events)).transpose()?;
            // An action that left the agenda carries nothing out any more.
            let mut carried = false;
            for action in motion.addressed_by.iter().flatten() {
                let action = self.at(&Key::new(Kind::Action, action), cut, events)?;
                carried |= action.is_some_and(|action| action.present);
            }
            all.push(MotionStanding {
                motion: motion.clone(),
                state: match &settled {
                    Some(_) => MotionState::Settled,
                    None if carried => MotionState::BeingCarriedOut,
                    None => MotionState::Adopted,
                },
                how: how(motion, entry, cut, events)?,
                settled,
                revision: entry.newest(),
            });
        }
        Ok(all)
    }

    /// How the promises stand on a day, the oldest first, those without a date last.
    pub fn promises(
        &self,
        agenda: Option<&Id>,
        cut: &Cut,
        day: Day,
        events: &dyn Recall,
    ) -> Result<Vec<PromiseStanding>, Unreadable> {
        let mut all = Vec::new();
        for (_, entry) in self.entries(Kind::Milestone).filter(|(_, entry)| is_of(entry, agenda)) {
            let Some(state) = entry.at(cut, events)? else { continue };
            let Record::Milestone(milestone) = state.record.as_ref() else { continue };
            let mark = kept(entry, cut);
            let mut decision = None;
            for mark in entry.marks().iter().rev().filter(|mark| cut.selects(mark)) {
                if decision.is_none() && matches!(mark.act, Act::Stated | Act::Changed) {
                    decision = self.decided(events.recall(mark.position)?.as_ref());
                }
            }
            let overdue = milestone.due.as_ref().is_some_and(|due| due.latest() < day);
            let times = entry.marks().iter().filter(|mark| sets_due(mark) && cut.selects(mark)).count();
            all.push(PromiseStanding {
                milestone: milestone.clone(),
                state: match mark.map(|mark| mark.act) {
                    Some(Act::Met) => PromiseState::Met,
                    Some(_) => PromiseState::Missed,
                    None if overdue => PromiseState::Overdue,
                    None if times > 1 => PromiseState::Moved,
                    None => PromiseState::Planned,
                },
                decision,
                outcome: mark.map(|mark| outcome(mark, events)).transpose()?,
                revision: entry.newest(),
            });
        }
        let due = |promise: &PromiseStanding| promise.milestone.due.as_ref().map_or(Day::NEVER, Edtf::latest);
        all.sort_by(|a, b| due(a).cmp(&due(b)).then_with(|| a.milestone.id.cmp(&b.milestone.id)));
        Ok(all)
    }

    /// The decision by which something was stated: its own, or the one that adopted the edition that states it.
    fn decided(&self, recorded: &Recorded) -> Option<Id> {
        let adopted = match &recorded.event.payload {
            Payload::Stated(Statement { agenda: Some(agenda), edition: Some(_), .. }) => self.agenda(agenda),
            _ => None,
        };
        let seal =
            adopted.and_then(|state| state.revisions.iter().find(|revision| revision.position > recorded.position));
        recorded.event.decision.clone().or_else(|| seal.map(|revision| revision.seal.edition.decision.clone()))
    }

    /// Lets an action carry out a motion from a day on, or no more. What was recorded to hold from later days lists all
    /// actions of the motion, so each of those is told too, up to the first that says otherwise of this action.
    pub(crate) fn decide_link(
        &self,
        command: &LinkMotion,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Vec<Draft>, Rejection> {
        let key = Key::new(Kind::Motion, &command.motion);
        self.check_known(&key)?;
        let Some(entry) = self.entry(&key) else { return Err(Refusal::DeedUnfit { key }.into()) };
        let decision = command.decision.as_ref().map(|id| self.known_decision(id)).transpose()?;
        let first = deed_holds(command.effective.as_ref(), decision, context);
        let lists = entry.marks().iter().filter(|mark| mark.fields.contains(Kind::Motion, "addressed_by"));
        let later: BTreeSet<_> = lists.map(|mark| mark.since).filter(|since| *since > first.earliest()).collect();
        let mut drafts = Vec::new();
        for from in std::iter::once(first).chain(later.into_iter().map(Edtf::on)) {
            let cut = Cut { valid: from.earliest(), ..Cut::NOW };
            let reads = entry.at(&cut, events)?.map_or_else(|| entry.record.clone(), |state| state.record);
            let Record::Motion(motion) = reads.as_ref() else { return Err(Refusal::DeedUnfit { key }.into()) };
            if carries(Some(reads.as_ref()), &command.action) != command.remove {
                break;
            }
            let mut to = motion.clone();
            let actions = to.addressed_by.get_or_insert_default();
            if command.remove {
                actions.retain(|action| *action != command.action);
            } else {
                actions.push(command.action.clone());
            }
            let deed = DoDeed {
                key: key.clone(),
                step: DeedStep::Amended(to.into(), FieldSet::named(Kind::Motion, ["addressed_by"])),
                decision: command.decision.clone(),
                effective: Some(from),
                reason: command.how.clone(),
                expected_revision: command.expected_revision,
            };
            drafts.extend(self.decide_deed(&deed, context, events)?);
        }
        if drafts.is_empty() { Err(Refusal::NoChange { item: key }.into()) } else { Ok(drafts) }
    }
}

fn is_of(entry: &Entry, agenda: Option<&Id>) -> bool {
    agenda.is_none_or(|agenda| entry.agenda.as_ref().is_none_or(|of| of == agenda))
}

/// How actions carry out a motion, as far as that was told when they were linked last.
fn how(motion: &Motion, entry: &Entry, cut: &Cut, events: &dyn Recall) -> Result<Vec<(Id, Text)>, Unreadable> {
    let mut told = BTreeMap::new();
    let mut links: Vec<_> = entry.marks().iter().filter(|m| m.act == Act::Changed && cut.selects(m)).collect();
    links.sort_by_key(|mark| mark.position);
    for mark in links {
        let recorded = events.recall(mark.position)?;
        let before = entry.at(&Cut { known: mark.position.saturating_sub(1), ..*cut }, events)?;
        let before: HashSet<&Id> = carriers(before.as_ref().map(|state| state.record.as_ref())).collect();
        let linked = recorded.event.payload.record();
        if let Some(reason) = &recorded.event.reason {
            let new = carriers(linked.as_ref()).filter(|action| !before.contains(action));
            told.extend(new.map(|action| (action.clone(), reason.text.clone())));
        }
    }
    let actions = motion.addressed_by.iter().flatten();
    Ok(actions.filter_map(|action| Some((action.clone(), told.get(action)?.clone()))).collect())
}

/// The actions that carry out a motion.
fn carriers(motion: Option<&Record>) -> impl Iterator<Item = &Id> {
    let actions = match motion {
        Some(Record::Motion(motion)) => motion.addressed_by.as_deref().unwrap_or_default(),
        _ => &[],
    };
    actions.iter()
}

/// Does the action carry out the motion?
fn carries(motion: Option<&Record>, action: &Id) -> bool {
    carriers(motion).any(|id| id == action)
}

impl Doing<'_> {
    /// Links a motion to what carries it out, or settles it.
    pub(crate) fn carry_out(self) -> Result<Vec<Draft>, Rejection> {
        let Some(entry) = self.book.entry(self.key()) else { return Err(self.unfit()) };
        match &self.command.step {
            DeedStep::Amended(to, fields) => self.link(entry, to, *fields),
            DeedStep::Settled(evidence) => {
                if let Some(settled) = entry.last_act(&[Act::Settled], &Cut::NOW) {
                    let since = settled.since;
                    return Err(Refusal::AlreadySettled { key: self.key().clone(), since }.into());
                }
                let shows = |shown: &Key| matches!(shown.kind, Kind::Decision | Kind::Action | Kind::Source);
                if !evidence.iter().any(shows) {
                    return Err(Refusal::MotionNoEvidence { motion: self.key().id.clone() }.into());
                }
                self.check_evidence(evidence)?;
                Ok(vec![self.draft()])
            }
            _ => Err(self.unfit()),
        }
    }

    /// What carries a motion out from then on stands on an agenda; what no longer does is taken off for a reason.
    fn link(self, entry: &Entry, to: &Record, fields: FieldSet) -> Result<Vec<Draft>, Rejection> {
        let actions = |record: &Record| match record {
            Record::Motion(motion) => motion.addressed_by.iter().flatten().cloned().collect(),
            _ => BTreeSet::new(),
        };
        let cut = Cut { valid: self.effective.earliest(), ..Cut::NOW };
        let reads = entry.at(&cut, self.events)?;
        let before = reads.as_ref().map_or_else(BTreeSet::new, |state| actions(&state.record));
        let after = actions(to);
        for action in after.difference(&before) {
            self.book.check_standing(&Key::new(Kind::Action, action), None)?;
        }
        let drafts = self.amend(to, fields, &["addressed_by"])?;
        if !before.is_subset(&after) {
            self.check_reason()?;
        }
        Ok(drafts)
    }

    /// Says that a promise was met or missed, or moves it.
    pub(crate) fn keep_promise(self) -> Result<Vec<Draft>, Rejection> {
        let Some(entry) = self.book.entry(self.key()) else { return Err(self.unfit()) };
        let done = kept(entry, &Cut::NOW);
        let moves = matches!(self.command.step, DeedStep::Amended(..));
        // A promise that was missed may be made again.
        if let Some(done) = done.filter(|done| !(moves && done.act == Act::Missed)) {
            return Err(Refusal::AlreadySettled { key: self.key().clone(), since: done.since }.into());
        }
        match &self.command.step {
            DeedStep::Met(evidence) => {
                self.check_evidence(evidence)?;
                if evidence.is_empty() {
                    self.check_reason()?;
                }
                Ok(vec![self.draft()])
            }
            DeedStep::Missed => {
                self.check_happened()?;
                self.check_reason()?;
                Ok(vec![self.draft()])
            }
            DeedStep::Amended(to, fields) => {
                self.check_reason()?;
                self.amend(to, *fields, &["due", "due_text"])
            }
            _ => Err(self.unfit()),
        }
    }

    /// What is done was done already, and what shows it is in the book.
    fn check_evidence(self, evidence: &[Key]) -> Result<(), Refusal> {
        self.check_happened()?;
        evidence.iter().try_for_each(|shown| self.book.check_known(shown))
    }
}
