//! The history of one record, and how a point in time selects from it.
//!
//! A mark remembers where an event is, from when it holds and which fields it touched, never the values: those are
//! read back from the event when an older state is asked for. So history costs 32 bytes of memory an event.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dates::Day;
use crate::event::Recorded;
use crate::ids::{Id, Position};
use crate::record::{FieldSet, Record};

/// Reads events back by position, for states older than the current one.
pub trait Recall {
    /// The event at a position below the head.
    fn recall(&self, position: Position) -> Result<Arc<Recorded>, Unreadable>;
}

impl Recall for Vec<Recorded> {
    fn recall(&self, position: Position) -> Result<Arc<Recorded>, Unreadable> {
        let index = usize::try_from(position).ok();
        let event = index.and_then(|index| self.get(index)).cloned();
        event.map(Arc::new).ok_or_else(|| Unreadable { position, reason: "there is no such event".into() })
    }
}

/// An event that should be there could not be read. This is damage or a failing disk, never a refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event at position {position} cannot be read: {reason}")]
pub struct Unreadable {
    /// Which event.
    pub position: Position,
    /// What the storage says.
    pub reason: String,
}

/// What an event did to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Stated it, or stated it again with other fields.
    Stated,
    /// Put it on the agenda.
    Added,
    /// Changed it by decision.
    Changed,
    /// Took it off the agenda.
    Dropped,
    /// Took it off for a while.
    Suspended,
    /// Put it back.
    Reinstated,
    /// Took it off: others took its place.
    Split,
    /// Took it off: it became part of another.
    Merged,
    /// Corrected our writing.
    Corrected,
    /// Settled a doubt.
    Resolved,
    /// Proposed it: an agreement that has still to be signed.
    Proposed,
    /// Signed it, for a party.
    Signed,
    /// Brought it into force.
    TookEffect,
    /// Ended it: it holds no more from that day on, whether it was merged, superseded, withdrawn or revoked.
    Ended,
    /// Took the place of a part of it.
    Limited,
    /// Settled a motion.
    Settled,
    /// Met a milestone.
    Met,
    /// Missed a milestone.
    Missed,
    /// Chose a proposal.
    Selected,
    /// Took a proposal back.
    Withdrawn,
}

impl Act {
    /// Does it end the record, or a part of it?
    fn ends(self) -> bool {
        matches!(self, Self::Ended | Self::Limited)
    }

    /// Whether the record stands on the agenda after it; `None` where it does not touch that.
    pub fn standing(self) -> Option<bool> {
        match self {
            Self::Added | Self::Reinstated => Some(true),
            Self::Dropped | Self::Suspended | Self::Split | Self::Merged => Some(false),
            Self::Stated
            | Self::Changed
            | Self::Corrected
            | Self::Resolved
            | Self::Proposed
            | Self::Signed
            | Self::TookEffect
            | Self::Ended
            | Self::Limited
            | Self::Settled
            | Self::Met
            | Self::Missed
            | Self::Selected
            | Self::Withdrawn => None,
        }
    }
}

/// Where an event is that touched a record, and from when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The event.
    pub position: Position,
    /// The event whose place in time it takes: its own, or for a correction the event that it corrects.
    pub anchor: Position,
    /// The earliest day from which it holds.
    pub since: Day,
    /// The day from which it certainly holds.
    pub surely_since: Day,
    /// The fields that it touched.
    pub fields: FieldSet,
    /// What it did.
    pub act: Act,
    /// Recorded later than it held.
    pub late: bool,
}

impl Mark {
    /// Marks order by when they hold, then by when they were recorded; a correction follows what it corrects.
    fn order(&self) -> (Day, Position, Position) {
        (self.since, self.anchor, self.position)
    }
}

/// A point on both clocks: what held on a day, as known at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// What held on this day ("geldig op").
    pub valid: Day,
    /// As known after this event ("zichtdatum").
    pub known: Position,
    /// Only what a revision with its seal here contains; later corrections and late facts still count.
    pub sealed: Option<Position>,
}

impl Cut {
    /// Everything that is known now, of all time.
    pub const NOW: Self = Self { valid: Day::NEVER, known: Position::MAX, sealed: None };

    /// Does the mark count at this point?
    pub fn selects(&self, mark: &Mark) -> bool {
        let afterwards = |seal| mark.late || (mark.anchor != mark.position && mark.anchor <= seal);
        let within = |seal| mark.position <= seal || afterwards(seal);
        mark.since <= self.valid && mark.position <= self.known && self.sealed.is_none_or(within)
    }
}

/// A record with its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The agenda whose document stated it first.
    pub agenda: Option<Id>,
    /// How it reads after every mark.
    pub record: Arc<Record>,
    /// In their order (see [`Mark`]).
    marks: Vec<Mark>,
    /// The newest event that touched the record.
    newest: Position,
    /// The event that stated it first.
    first: Position,
    /// The fields that it left open then. A document states a record as from its own date; what it says nothing of
    /// may have held before, so a mark that holds earlier and was recorded later fills it.
    open: FieldSet,
    total: Total,
}

/// What all marks of a record come to, so that the commonest answers need not look at each of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Total {
    /// The day by which every mark surely holds.
    settled: Day,
    /// Does it stand on the agenda?
    present: bool,
    /// Did any end it, or a part of it?
    ends: bool,
}

impl Total {
    fn of(mark: &Mark) -> Self {
        let present = mark.act.standing().unwrap_or(true);
        Self { settled: mark.since.max(mark.surely_since), present, ends: mark.act.ends() }
    }

    /// With one more mark in its place among them all.
    fn with(self, mark: &Mark, marks: &[Mark]) -> Self {
        let new = Self::of(mark);
        let present = if mark.act.standing().is_some() { present(marks.iter()) } else { self.present };
        Self { settled: self.settled.max(new.settled), present, ends: self.ends || new.ends }
    }
}

/// How a record read at a point in time.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The record.
    pub record: Arc<Record>,
    /// Whether it stood on the agenda; always so for what is not an item.
    pub present: bool,
    /// Whether this depends on how an imprecise date is read.
    pub uncertain: bool,
}

impl State {
    /// The record, and what the marks that it comes from say beside it.
    fn of<'a>(record: Arc<Record>, selected: impl DoubleEndedIterator<Item = &'a Mark> + Clone, cut: &Cut) -> Self {
        // What a revision contains it contains on any day that its date may mean.
        let contained = |mark: &Mark| cut.sealed.is_some_and(|seal| mark.anchor <= seal);
        let doubtful = |mark: &Mark| mark.surely_since > cut.valid && !contained(mark);
        let uncertain = cut.valid < Day::NEVER && selected.clone().any(doubtful);
        Self { present: !record.kind().is_item() || present(selected), record, uncertain }
    }
}

impl Entry {
    /// A record at its first mark.
    pub fn new(agenda: Option<Id>, record: Record, mark: Mark) -> Self {
        let (open, record, first) = (record.unstated(), Arc::new(record), mark.position);
        Self { agenda, record, marks: vec![mark], newest: first, first, open, total: Total::of(&mark) }
    }

    /// The fields that a mark settles against those that hold earlier.
    fn settles(&self, mark: &Mark) -> FieldSet {
        if mark.position == self.first { mark.fields.without(self.open) } else { mark.fields }
    }

    /// The marks with the fields that each may decide, the strongest first: what no mark settles reads as the first
    /// statement left it.
    fn deciding(&self) -> impl Iterator<Item = (&Mark, FieldSet)> {
        let first = self.marks.iter().filter(|mark| mark.position == self.first);
        let left_open = first.map(|mark| (mark, mark.fields.and(self.open)));
        self.marks.iter().rev().map(|mark| (mark, self.settles(mark))).chain(left_open)
    }

    /// The marks that wrote a field, the one that counts first.
    pub(crate) fn writers(&self, field: &str) -> impl Iterator<Item = &Mark> {
        let kind = self.record.kind();
        self.deciding().filter(move |(_, fields)| fields.contains(kind, field)).map(|(mark, _)| mark)
    }

    /// The marks, in the order in which they hold.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The mark of an event.
    pub fn mark_at(&self, position: Position) -> Option<Mark> {
        self.marks.iter().find(|mark| mark.position == position).copied()
    }

    /// The day from which anything is known of it.
    pub(crate) fn begins(&self) -> Day {
        self.marks.first().map_or(Day::NEVER, |mark| mark.since)
    }

    /// The newest event that touched the record.
    pub fn newest(&self) -> Position {
        self.newest
    }

    /// Does it stand on the agenda after every mark?
    pub fn is_present(&self) -> bool {
        self.total.present
    }

    /// Did it leave the agenda for a while only?
    pub(crate) fn is_suspended(&self) -> bool {
        let last = self.marks.iter().rev().find(|mark| mark.act.standing().is_some());
        last.is_some_and(|mark| mark.act == Act::Suspended)
    }

    /// The marks that ended it, or a part of it, at a point in time; not those that an erratum took back.
    pub(crate) fn ends(&self, cut: &Cut) -> impl Iterator<Item = &Mark> {
        let marks = if self.total.ends { self.marks.as_slice() } else { &[] };
        let taken_back = |end: &Mark| {
            let of = |mark: &Mark| mark.act == Act::Corrected && mark.anchor == end.position;
            marks.iter().any(|mark| of(mark) && cut.selects(mark))
        };
        marks.iter().filter(move |mark| mark.act.ends() && cut.selects(mark) && !taken_back(mark))
    }

    /// The mark that ended the record, at a point in time; of several the one that holds first.
    pub fn end(&self, cut: &Cut) -> Option<&Mark> {
        self.ends(cut).find(|mark| mark.act == Act::Ended)
    }

    /// The last mark of one of these acts, at a point in time.
    pub fn last_act(&self, acts: &[Act], cut: &Cut) -> Option<&Mark> {
        self.marks.iter().rev().find(|mark| acts.contains(&mark.act) && cut.selects(mark))
    }

    /// Puts a mark in its place; the current record takes those of its fields that no later mark has set.
    pub(crate) fn put(&mut self, mark: Mark, record: Option<Record>) {
        // Most marks hold last, so their place is looked for from the end.
        let later = self.marks.iter().rev().take_while(|other| other.order() > mark.order());
        let (count, later) =
            later.fold((0, FieldSet::default()), |(n, set), other| (n + 1, set.or(self.settles(other))));
        self.marks.insert(self.marks.len() - count, mark);
        self.newest = self.newest.max(mark.position);
        self.total = self.total.with(&mark, &self.marks);
        if let Some(record) = record {
            Arc::make_mut(&mut self.record).take(record, mark.fields.without(later));
        }
    }

    /// Was it stated after a revision: from a later day on, or on its day and recorded later? Corrections state nothing.
    pub(crate) fn stated_after(&self, since: Day, position: Position, cut: &Cut) -> bool {
        let states = |mark: &&Mark| mark.anchor == mark.position && cut.selects(mark);
        self.marks.iter().filter(states).any(|mark| (mark.since, mark.position) > (since, position))
    }

    /// The mark that last set a field, at a point in time.
    pub fn last_set(&self, field: &str, cut: &Cut) -> Option<&Mark> {
        self.writers(field).find(|mark| cut.selects(mark))
    }

    /// The marks that hold by a day: all but those that begin later.
    fn until(&self, valid: Day) -> &[Mark] {
        let count = self.marks.partition_point(|mark| mark.since <= valid);
        self.marks.get(..count).unwrap_or_default()
    }

    /// The marks that count at one point in time and not at an earlier one.
    pub(crate) fn between(&self, from: Option<&Cut>, to: &Cut) -> Vec<&Mark> {
        let new = |mark: &&Mark| to.selects(mark) && !from.is_some_and(|from| from.selects(mark));
        // Seen from the same point of knowledge, what holds by the earlier day counts at both.
        let same = |from: &&Cut| from.known == to.known && from.sealed.is_none() && to.sealed.is_none();
        let earlier = from.filter(same).map_or(0, |from| self.until(from.valid).len());
        self.until(to.valid).iter().skip(earlier).filter(new).collect()
    }

    /// Do the same marks count at both points in time?
    pub(crate) fn reads_the_same(&self, from: &Cut, to: &Cut) -> bool {
        self.marks.iter().all(|mark| from.selects(mark) == to.selects(mark))
    }

    /// How the record read at a point in time, as far as these fields go: where later marks touched only others, no
    /// event has to be read.
    pub(crate) fn at_for(&self, fields: FieldSet, cut: &Cut, events: &dyn Recall) -> Result<Option<State>, Unreadable> {
        if let Some(state) = self.settled(cut) {
            return Ok(Some(state));
        }
        let selected = self.marks.iter().filter(|mark| cut.selects(mark));
        if self.marks.iter().any(|mark| !cut.selects(mark) && !mark.fields.and(fields).is_empty()) {
            return self.at(cut, events);
        }
        let is_known = selected.clone().next().is_some();
        Ok(is_known.then(|| State::of(self.record.clone(), selected, cut)))
    }

    /// The record as it read at another point in time, where it is known to have read the same at this one.
    pub(crate) fn same_at(&self, cut: &Cut, record: Arc<Record>) -> State {
        State::of(record, self.until(cut.valid).iter().filter(|mark| cut.selects(mark)), cut)
    }

    /// Its state after every mark, where all of them surely count.
    fn settled(&self, cut: &Cut) -> Option<State> {
        let all_count = self.total.settled <= cut.valid && self.newest <= cut.known && cut.sealed.is_none();
        let present = !self.record.kind().is_item() || self.total.present;
        all_count.then(|| State { record: self.record.clone(), present, uncertain: false })
    }

    /// How the record read at a point in time; `None` before it was first stated.
    pub fn at(&self, cut: &Cut, events: &dyn Recall) -> Result<Option<State>, Unreadable> {
        if let Some(state) = self.settled(cut) {
            return Ok(Some(state));
        }
        let selected: Vec<&Mark> = self.until(cut.valid).iter().filter(|mark| cut.selects(mark)).collect();
        if selected.is_empty() {
            return Ok(None);
        }
        let record = if selected.len() == self.marks.len() {
            Some(self.record.clone())
        } else {
            self.read_back(&selected, cut, events)?
        };
        Ok(record.map(|record| State::of(record, selected.iter().copied(), cut)))
    }

    /// Reads the record that these marks come to: each field from the last mark that touched it.
    ///
    /// INVARIANT: an event states the whole record as it read when it was recorded. So where events were recorded in
    /// the order in which they hold, the last one alone has the answer; not where it rests on events left out here.
    fn read_back(&self, marks: &[&Mark], cut: &Cut, events: &dyn Recall) -> Result<Option<Arc<Record>>, Unreadable> {
        let last = marks.iter().map(|mark| mark.position).max().unwrap_or_default();
        let left_out = |mark: &Mark| mark.position < last && mark.since <= cut.valid && !cut.selects(mark);
        let in_order = marks.is_sorted_by_key(|mark| mark.position)
            && marks.iter().all(|mark| mark.anchor == mark.position)
            && !self.marks.iter().any(left_out);
        let mut answer: Option<Record> = None;
        let mut settled = FieldSet::default();
        for (mark, fields) in self.deciding().filter(|(mark, _)| cut.selects(mark)) {
            let missing = fields.without(settled);
            if missing.is_empty() {
                continue;
            }
            let Some(record) = events.recall(mark.position)?.event.payload.record() else {
                continue;
            };
            match &mut answer {
                None => answer = Some(record),
                Some(answer) => answer.patch(&record, missing),
            }
            if in_order {
                break;
            }
            settled = settled.or(fields);
        }
        Ok(answer.map(Arc::new))
    }
}

fn present<'a>(marks: impl DoubleEndedIterator<Item = &'a Mark>) -> bool {
    marks.rev().find_map(|mark| mark.act.standing()).unwrap_or(true)
}
