//! The central answer: how an agenda differs between two points in time, by whose decision and why.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::book::{AgendaState, Book, Revision};
use crate::compare::{AMOUNTS, FieldChange, Reading};
use crate::dates::Day;
use crate::event::{ControlTotal, ItemStep, Payload, Recorded};
use crate::findings::Finding;
use crate::history::{Act, Cut, Entry, Mark, Recall, State, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{FieldSet, Record};
use crate::related::Related;
use crate::steps::deciding;
use crate::value::Disposition;
use crate::why::Why;

/// The two points that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Before; absent where the agenda had not begun.
    pub from: Option<Cut>,
    /// After.
    pub to: Cut,
}

impl Span {
    /// The end of the year before, and the end of the year, as known at a position.
    pub fn year(agenda: &AgendaState, year: i16, known: Position) -> Option<Self> {
        let end = |year| Day::last_of(year).map(|valid| Cut { valid, known, sealed: None });
        let from = year.checked_sub(1).and_then(end).filter(|cut| agenda.in_force(cut).is_some());
        Some(Self { from, to: end(year)? })
    }

    /// Two revisions, as known at a position; the one that was sealed first is the one before.
    pub fn revisions(from: &Revision, to: &Revision, known: Position) -> Self {
        let (from, to) = if from.position <= to.position { (from, to) } else { (to, from) };
        Self { from: Some(from.as_known(known)), to: to.as_known(known) }
    }
}

/// How an agenda differs between two points in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The agenda.
    pub agenda: Id,
    /// The revision in force before.
    pub from: Option<String>,
    /// The revision in force after.
    pub to: Option<String>,
    /// The position that the answer was given at.
    pub position: Position,
    /// Either edition is made-up test data.
    pub invented: bool,
    /// What happened to each item, in the order theme, sub-task, policy item, action, by id.
    pub items: Vec<ItemChange>,
    /// The items that stayed as they were, in the same order.
    pub carried_over: Vec<CarriedOver>,
    /// Errata that bear on the items shown as changed, or that correct what was written in between.
    pub corrected: Vec<Correction>,
    /// What changed beside the items.
    pub related: Vec<Related>,
    /// What a careful reader should know of this answer.
    pub findings: Vec<Finding>,
    /// The count of actions.
    pub control: ControlTotal,
}

/// What happened to one item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemChange {
    /// The item; of a split the action that left, of a merge the one that came.
    pub key: Key,
    /// What people call it.
    pub label: String,
    /// What happened.
    pub outcome: Outcome,
    /// Why, and who decided; of several steps the one that brought the outcome.
    pub why: Option<Why>,
    /// Each step, where there were several.
    pub steps: Vec<Step>,
    /// Depends on how an imprecise date is read.
    pub uncertain: bool,
}

/// An item that stayed as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedOver {
    /// The item.
    pub key: Key,
    /// Depends on how an imprecise date is read.
    pub uncertain: bool,
}

/// What can happen to an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It came.
    Added,
    /// It left for good.
    Dropped(Disposition),
    /// It reads differently.
    Changed(Vec<FieldChange>),
    /// It left; these came in its place.
    Split(Vec<Id>),
    /// It came in the place of these.
    Merged(Vec<Id>),
    /// It left for a while.
    Suspended,
    /// It came back.
    Reinstated(Vec<FieldChange>),
    /// It came and left in between.
    CameAndWent,
}

impl Outcome {
    /// The fields that read differently, of an item that stayed.
    pub(crate) fn fields(&self) -> Vec<&'static str> {
        match self {
            Self::Changed(fields) => fields.iter().map(|change| change.field).collect(),
            _ => Vec::new(),
        }
    }
}

/// One of several steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The name of the event.
    pub event: &'static str,
    /// What it did.
    pub act: Act,
    /// The fields that it touched.
    pub fields: Vec<&'static str>,
    /// Why.
    pub why: Why,
}

/// An erratum.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// The item.
    pub key: Key,
    /// The fields, with what stood there and what should have.
    pub fields: Vec<FieldChange>,
    /// The event that wrote them wrongly.
    pub corrects: Position,
    /// Why.
    pub why: Why,
}

impl Book {
    /// Compares an agenda at two points in time.
    pub fn changes(&self, agenda: &Id, span: Span, events: &dyn Recall) -> Result<Changes, Unreadable> {
        let mut comparison = Comparison::new(self, agenda, span, events);
        let mut touched = Vec::new();
        for (key, entry) in self.items(agenda) {
            if !comparison.pass_over(key, entry)? {
                touched.push(Touched { key, entry, between: comparison.between(entry) });
            }
        }
        comparison.find_lineage(&touched)?;
        for item in &touched {
            comparison.compare(item)?;
        }
        comparison.list_lineage()?;
        comparison.finish()
    }
}

/// An item that may read differently, with the marks that count after and not before.
struct Touched<'a> {
    key: &'a Key,
    entry: &'a Entry,
    between: Vec<&'a Mark>,
}

/// A split or merge between the two points.
struct Lineage {
    position: Position,
    from: Vec<Id>,
    into: Vec<Id>,
    why: Why,
    split: bool,
}

/// How an action stood on the agenda before and after, and which event last took it off.
#[derive(Clone, Copy)]
struct Standing {
    before: bool,
    after: bool,
    left_at: Option<Position>,
}

/// A comparison in the making.
pub(crate) struct Comparison<'a> {
    pub(crate) book: &'a Book,
    pub(crate) agenda: &'a Id,
    pub(crate) span: Span,
    pub(crate) events: &'a dyn Recall,
    lineage: BTreeMap<Position, Lineage>,
    parts: BTreeSet<Id>,
    /// How the actions of splits and merges stood on the agenda.
    standing: HashMap<Id, Standing, RandomState>,
    /// The amounts that the actions named before, and after: those count in their action.
    pub(crate) counted: [HashSet<Id, RandomState>; 2],
    pub(crate) answer: Changes,
}

impl<'a> Comparison<'a> {
    fn new(book: &'a Book, agenda: &'a Id, span: Span, events: &'a dyn Recall) -> Self {
        let state = book.agenda(agenda);
        let before = span.from.and_then(|cut| state.and_then(|state| revision_at(state, &cut)));
        let after = state.and_then(|state| revision_at(state, &span.to));
        let invented = before.into_iter().chain(after).any(|revision| revision.invented);
        let answer = Changes {
            agenda: agenda.clone(),
            from: before.map(Revision::name),
            to: after.map(Revision::name),
            position: span.to.known.min(book.head().saturating_sub(1)),
            invented,
            items: Vec::new(),
            carried_over: Vec::new(),
            corrected: Vec::new(),
            related: Vec::new(),
            findings: Vec::new(),
            control: ControlTotal::default(),
        };
        let (lineage, parts, standing, counted) = Default::default();
        Self { book, agenda, span, events, lineage, parts, standing, counted, answer }
    }

    /// The marks that count after and not before.
    pub(crate) fn between<'b>(&self, entry: &'b Entry) -> Vec<&'b Mark> {
        entry.between(self.span.from.as_ref(), &self.span.to)
    }

    pub(crate) fn before(&self, entry: &Entry) -> Result<Option<State>, Unreadable> {
        self.span.from.map_or(Ok(None), |from| entry.at(&from, self.events))
    }

    /// Looks up what came and left by splits and merges.
    fn find_lineage(&mut self, items: &[Touched<'_>]) -> Result<(), Unreadable> {
        let marks = items.iter().flat_map(|item| &item.between);
        for mark in marks.filter(|mark| matches!(mark.act, Act::Split | Act::Merged)) {
            if self.lineage.contains_key(&mark.position) {
                continue;
            }
            let recorded = self.events.recall(mark.position)?;
            let Payload::Item(item) = &recorded.event.payload else { continue };
            let Some((from, into)) = item.step.lineage() else { continue };
            let (from, into, split) = (from.to_vec(), into.to_vec(), mark.act == Act::Split);
            self.parts.extend(into.iter().cloned());
            let nowhere = Standing { before: false, after: false, left_at: None };
            self.standing.extend(from.iter().chain(&into).map(|id| (id.clone(), nowhere)));
            let (position, why) = (mark.position, self.why(&recorded)?);
            self.lineage.insert(position, Lineage { position, from, into, why, split });
        }
        Ok(())
    }

    /// Passes over an item, where nothing touched it or its amounts in between; otherwise it is to be compared.
    fn pass_over(&mut self, key: &Key, entry: &Entry) -> Result<bool, Unreadable> {
        let Some(from) = self.span.from.filter(|from| entry.reads_the_same(from, &self.span.to)) else {
            return Ok(false);
        };
        let amounts = FieldSet::named(key.kind, [AMOUNTS]);
        let Some(after) = entry.at_for(amounts, &self.span.to, self.events)? else { return Ok(true) };
        if self.amounts_moved(&after.record) {
            return Ok(false);
        }
        let before = entry.same_at(&from, after.record.clone());
        if let (true, true) = self.note_standing(key, Some(&before), Some(&after), &[]) {
            let uncertain = before.uncertain || after.uncertain;
            self.answer.carried_over.push(CarriedOver { key: key.clone(), uncertain });
        }
        Ok(true)
    }

    fn compare(&mut self, item: &Touched<'_>) -> Result<(), Unreadable> {
        let Touched { key, entry, between } = item;
        let before = self.before(entry)?;
        let after = entry.at(&self.span.to, self.events)?;
        let (stood, stands) = self.note_standing(key, before.as_ref(), after.as_ref(), between);
        let uncertain = before.iter().chain(&after).any(|state| state.uncertain);
        let Some(after) = after else { return Ok(()) };
        let outcome = match (stood, stands) {
            (true, true) => {
                let reading = self.reading(before.as_ref().zip(self.span.from), &after, between)?;
                let Some(outcome) = reading else {
                    self.answer.carried_over.push(CarriedOver { key: Key::clone(key), uncertain });
                    return self.correct(key, entry, &after.record, &[]);
                };
                outcome
            }
            (false, true) if self.is_part(key) => return self.compare_part(item, &after),
            (false, true) => self.arrival(before.as_ref(), &after, between)?,
            (true, false) => match self.departure(between)? {
                Some(outcome) => outcome,
                None => return Ok(()),
            },
            (false, false) if between.iter().any(|mark| mark.act.standing() == Some(true)) => Outcome::CameAndWent,
            (false, false) => return Ok(()),
        };
        self.count(key, &outcome);
        self.tell(item, &after, between, outcome, uncertain)
    }

    /// Counts an item, and its amounts, where it stood.
    fn note_standing(
        &mut self,
        key: &Key,
        before: Option<&State>,
        after: Option<&State>,
        between: &[&Mark],
    ) -> (bool, bool) {
        let [before, after] = [before, after].map(|state| state.filter(|state| state.present));
        let (stood, stands) = (before.is_some(), after.is_some());
        if key.kind == Kind::Action {
            self.answer.control.before += u32::from(stood);
            self.answer.control.after += u32::from(stands);
            if let Some(standing) = self.standing.get_mut(&key.id) {
                let left_at = leaving(between).map(|mark| mark.position);
                *standing = Standing { before: stood, after: stands, left_at };
            }
            for (state, counted) in [before, after].into_iter().zip(&mut self.counted) {
                if let Some(Record::Action(action)) = state.map(|state| state.record.as_ref()) {
                    counted.extend(action.amounts.iter().flatten().cloned());
                }
            }
        }
        (stood, stands)
    }

    /// Lists what happened to an item, with its steps and what corrects it.
    fn tell(
        &mut self,
        item: &Touched<'_>,
        after: &State,
        between: &[&Mark],
        outcome: Outcome,
        uncertain: bool,
    ) -> Result<(), Unreadable> {
        let steps = self.steps(&after.record, between, &outcome)?;
        self.correct(item.key, item.entry, &after.record, &outcome.fields())?;
        let why = deciding(&outcome, &steps).map(|step| step.why.clone());
        let steps = if steps.len() > 1 { steps } else { Vec::new() };
        let label = after.record.label();
        self.answer.items.push(ItemChange { key: item.key.clone(), label, outcome, why, steps, uncertain });
        Ok(())
    }

    /// A part of a split, or the result of a merge, came with the split; what a later revision changed in it is told
    /// against how the revision of the split stated it.
    fn compare_part(&mut self, item: &Touched<'_>, after: &State) -> Result<(), Unreadable> {
        let came = item.between.iter().find(|mark| mark.act == Act::Added).map(|mark| mark.position);
        let revisions = self.book.agenda(self.agenda).map(|state| state.revisions.as_slice()).unwrap_or_default();
        let sealed = revisions.iter().find(|revision| came.is_some_and(|came| revision.position > came));
        let Some(split) = sealed.map(|revision| revision.as_known(self.span.to.known)) else { return Ok(()) };
        let before = item.entry.at(&split, self.events)?;
        let between: Vec<_> = item.between.iter().copied().filter(|mark| !split.selects(mark)).collect();
        match self.reading(before.as_ref().zip(Some(split)), after, &between)? {
            None => Ok(()),
            Some(outcome) => self.tell(item, after, &between, outcome, after.uncertain),
        }
    }

    fn is_part(&self, key: &Key) -> bool {
        key.kind == Kind::Action && self.parts.contains(&key.id)
    }

    /// An item that stood before and stands after, unless it stayed as it was: what was changed and changed back is
    /// told too.
    fn reading(
        &self,
        before: Option<(&State, Cut)>,
        after: &State,
        between: &[&Mark],
    ) -> Result<Option<Outcome>, Unreadable> {
        let Some((before, from)) = before else { return Ok(None) };
        if between.is_empty() && !self.amounts_moved(&after.record) {
            return Ok(None);
        }
        let outcome = Outcome::Changed(self.fields(before, &from, after)?);
        let is_told = !outcome.fields().is_empty() || self.steps(&after.record, between, &outcome)?.len() > 1;
        Ok(is_told.then_some(outcome))
    }

    fn amounts_moved(&self, action: &Record) -> bool {
        self.amounts_of(action).iter().any(|(_, entry)| !self.between(entry).is_empty())
    }

    /// The amounts that an action names; none for another record.
    pub(crate) fn amounts_of(&self, action: &Record) -> Vec<(Key, &'a Entry)> {
        let Record::Action(action) = action else { return Vec::new() };
        let keys = action.amounts.iter().flatten().map(|id| Key::new(Kind::Amount, id));
        keys.filter_map(|key| self.book.entry(&key).map(|entry| (key, entry.as_ref()))).collect()
    }

    fn fields(&self, before: &State, from: &Cut, after: &State) -> Result<Vec<FieldChange>, Unreadable> {
        let amount = |cut: Cut| {
            move |id: &Id| -> Result<Option<Arc<Record>>, Unreadable> {
                Ok(self.book.at(&Key::new(Kind::Amount, id), &cut, self.events)?.map(|state| state.record))
            }
        };
        let old = Reading::new(before.record.clone(), amount(*from))?;
        Ok(old.changes_to(&Reading::new(after.record.clone(), amount(self.span.to))?))
    }

    /// An item that stands after and did not before.
    fn arrival(&self, before: Option<&State>, after: &State, between: &[&Mark]) -> Result<Outcome, Unreadable> {
        let last = between.iter().rev().find(|mark| mark.act.standing() == Some(true));
        match (before.zip(self.span.from), last.map(|mark| mark.act)) {
            (Some((before, from)), Some(Act::Reinstated)) => {
                Ok(Outcome::Reinstated(self.fields(before, &from, after)?))
            }
            _ => Ok(Outcome::Added),
        }
    }

    /// An item that stood before and does not after; `None` where a split or merge says so.
    fn departure(&self, between: &[&Mark]) -> Result<Option<Outcome>, Unreadable> {
        let Some(last) = leaving(between) else { return Ok(None) };
        match (last.act, &self.events.recall(last.position)?.event.payload) {
            (Act::Dropped, Payload::Item(item)) => match item.step {
                ItemStep::Dropped(_, _, disposition) => Ok(Some(Outcome::Dropped(disposition))),
                _ => Ok(None),
            },
            (Act::Suspended, _) => Ok(Some(Outcome::Suspended)),
            _ => Ok(None),
        }
    }

    fn count(&mut self, key: &Key, outcome: &Outcome) {
        let control = &mut self.answer.control;
        match (key.kind, outcome) {
            (Kind::Action, Outcome::Added) => control.added += 1,
            (Kind::Action, Outcome::Dropped(_)) => control.dropped += 1,
            (Kind::Action, Outcome::Suspended) => control.suspended += 1,
            (Kind::Action, Outcome::Reinstated(_)) => control.reinstated += 1,
            _ => {}
        }
    }

    fn list_lineage(&mut self) -> Result<(), Unreadable> {
        let standing = |id: &Id| self.standing.get(id);
        let stood = |id: &Id| standing(id).filter(|standing| standing.before && !standing.after);
        let came = |id: &Id| standing(id).is_some_and(|standing| !standing.before && standing.after);
        // A part of one that became part of another counts in both.
        let passed = |id: &Id| {
            let left_at = standing(id).filter(|standing| !standing.before && !standing.after)?.left_at?;
            let into = self.lineage.get(&left_at).filter(|lineage| lineage.from.contains(id))?;
            let from = self.lineage.range(..into.position).any(|(_, lineage)| lineage.into.contains(id));
            from.then_some(left_at)
        };
        let mut listed = Vec::new();
        for lineage in self.lineage.values() {
            // An action may leave more than once in between: the last time counts.
            let left_at = |id: &Id| stood(id).map_or_else(|| passed(id), |standing| standing.left_at);
            let left = lineage.from.iter().filter(|id| left_at(id) == Some(lineage.position)).count();
            let came = lineage.into.iter().filter(|id| came(id) || passed(id).is_some()).count();
            let extra = i32::try_from(came).unwrap_or(i32::MAX) - i32::try_from(left).unwrap_or(i32::MAX);
            let control = &mut self.answer.control;
            let sum = if lineage.split { &mut control.by_split } else { &mut control.by_merge };
            *sum += extra;
            if left + came > 0 {
                listed.push(self.lineage_entry(lineage)?);
            }
        }
        self.answer.items.extend(listed);
        Ok(())
    }

    fn lineage_entry(&self, lineage: &Lineage) -> Result<ItemChange, Unreadable> {
        let sorted = |ids: &[Id]| ids.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        let (ids, outcome) = if lineage.split {
            (&lineage.from, Outcome::Split(sorted(&lineage.into)))
        } else {
            (&lineage.into, Outcome::Merged(sorted(&lineage.from)))
        };
        // A split has one action that left, a merge one that came; damage could make it none.
        let nothing =
            || Unreadable { position: lineage.position, reason: "a split or merge without its action".to_owned() };
        let key = Key::new(Kind::Action, ids.first().ok_or_else(nothing)?);
        let known = Cut { valid: Day::NEVER, ..self.span.to };
        let label = self.book.at(&key, &known, self.events)?.map(|state| state.record.label()).unwrap_or_default();
        Ok(ItemChange { key, label, outcome, why: Some(lineage.why.clone()), steps: Vec::new(), uncertain: false })
    }

    fn finish(mut self) -> Result<Changes, Unreadable> {
        self.answer.items.sort_by(|a, b| a.key.cmp(&b.key));
        self.answer.carried_over.sort_by(|a, b| a.key.cmp(&b.key));
        self.answer.related = self.related()?;
        self.answer.findings = self.book.changes_findings(&self.answer, &self.span.to, self.events)?;
        Ok(self.answer)
    }

    /// Why an event happened, and who decided: all as known at the point of the question.
    pub(crate) fn why(&self, recorded: &Recorded) -> Result<Why, Unreadable> {
        self.book.why(self.agenda, recorded, self.span.to.known, self.events)
    }
}

/// The mark that last took an item off the agenda.
fn leaving<'a>(between: &[&'a Mark]) -> Option<&'a Mark> {
    between.iter().rev().find(|mark| mark.act.standing() == Some(false)).copied()
}

/// The revision that a point in time shows: the sealed one, or the one in force.
pub(crate) fn revision_at<'a>(state: &'a AgendaState, cut: &Cut) -> Option<&'a Revision> {
    match cut.sealed {
        Some(seal) => state.revisions.iter().find(|revision| revision.position == seal),
        None => state.in_force(cut),
    }
}
