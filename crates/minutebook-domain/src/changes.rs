//! The central answer: how an agenda differs between two points in time, by whose decision and why.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::book::{AgendaState, Book, Revision};
use crate::compare::{FieldChange, Reading};
use crate::dates::{Day, Edtf};
use crate::event::{ControlTotal, ItemStep, Payload, Recorded};
use crate::findings::Finding;
use crate::history::{Act, Cut, Entry, Mark, Recall, State, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::Record;
use crate::related::Related;
use crate::steps::deciding;
use crate::value::{Disposition, Text};

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

    /// Are both points days, seen from the same point of knowledge?
    fn is_of_days(&self) -> bool {
        let same = |from: Cut| from.known == self.to.known && from.sealed.is_none() && self.to.sealed.is_none();
        self.from.is_some_and(same)
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
    /// Why, and who decided; of several steps the one that brought the outcome. Absent where nothing happened.
    pub why: Option<Why>,
    /// Each step, where there were several.
    pub steps: Vec<Step>,
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
    /// It stayed as it was.
    CarriedOver,
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

/// Why something changed, and who decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// In the words of who decided.
    pub reason: Option<Text>,
    /// The reason code, such as `retroactive`.
    pub code: Option<Id>,
    /// The decision that it rests on.
    pub ground: Option<Id>,
    /// Who took it.
    pub body: Option<Id>,
    /// What adopted it.
    pub authority: Option<Authority>,
    /// From when it holds.
    pub effective: Option<Edtf>,
    /// The event.
    pub position: Position,
}

/// The decision that adopted a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The decision.
    pub decision: Id,
    /// Who took it.
    pub body: Option<Id>,
    /// Under which mandate: the one that the seal names, or of a late fact the one that held when it was recorded.
    pub mandate: Option<Id>,
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
        comparison.find_lineage()?;
        for (key, entry) in self.items(agenda) {
            comparison.compare(key, entry)?;
        }
        comparison.list_lineage()?;
        comparison.finish()
    }
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
    /// How each action stood on the agenda.
    standing: HashMap<Id, Standing, RandomState>,
    /// The amounts that the actions named before, and after: those count in their action.
    pub(crate) counted: [BTreeSet<Id>; 2],
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
    fn find_lineage(&mut self) -> Result<(), Unreadable> {
        for (_, entry) in self.book.entries(Kind::Action).filter(|(_, e)| e.agenda.as_ref() == Some(self.agenda)) {
            for mark in self.between(entry).into_iter().filter(|mark| matches!(mark.act, Act::Split | Act::Merged)) {
                if self.lineage.contains_key(&mark.position) {
                    continue;
                }
                let recorded = self.events.recall(mark.position)?;
                let Payload::Item(item) = &recorded.event.payload else { continue };
                let Some((from, into)) = item.step.lineage() else { continue };
                let (from, into, split) = (from.to_vec(), into.to_vec(), mark.act == Act::Split);
                self.parts.extend(into.iter().cloned());
                let (position, why) = (mark.position, self.why(&recorded)?);
                self.lineage.insert(position, Lineage { position, from, into, why, split });
            }
        }
        Ok(())
    }

    fn compare(&mut self, key: &Key, entry: &Entry) -> Result<(), Unreadable> {
        let between = self.between(entry);
        let after = entry.at(&self.span.to, self.events)?;
        let before = match self.span.from.filter(|from| self.span.is_of_days() && from.valid >= entry.begins()) {
            // Nothing counts in between: it read the same at both points.
            Some(from) if between.is_empty() => after.as_ref().map(|after| entry.same_at(&from, after.record.clone())),
            _ => self.before(entry)?,
        };
        let stood = before.as_ref().is_some_and(|state| state.present);
        let stands = after.as_ref().is_some_and(|state| state.present);
        if key.kind == Kind::Action {
            let left_at = leaving(&between).map(|mark| mark.position);
            self.standing.insert(key.id.clone(), Standing { before: stood, after: stands, left_at });
            for (state, counted) in [&before, &after].into_iter().zip(&mut self.counted) {
                if let Some(Record::Action(action)) = state.as_ref().filter(|s| s.present).map(|s| s.record.as_ref()) {
                    counted.extend(action.amounts.iter().flatten().cloned());
                }
            }
        }
        let uncertain = before.iter().chain(&after).any(|state| state.uncertain);
        let Some(after) = after else { return Ok(()) };
        let outcome = match (stood, stands) {
            (true, true) => self.reading(before.as_ref().zip(self.span.from), &after, &between)?,
            (false, true) if self.is_part(key) => return self.compare_part(key, entry, &after, &between),
            (false, true) => self.arrival(before.as_ref(), &after, &between)?,
            (true, false) => match self.departure(&between)? {
                Some(outcome) => outcome,
                None => return Ok(()),
            },
            (false, false) if between.iter().any(|mark| mark.act.standing() == Some(true)) => Outcome::CameAndWent,
            (false, false) => return Ok(()),
        };
        self.count(key, &outcome);
        self.tell(key, &after, &between, outcome, uncertain)
    }

    /// Lists what happened to an item, with its steps and what corrects it.
    fn tell(
        &mut self,
        key: &Key,
        after: &State,
        between: &[&Mark],
        outcome: Outcome,
        uncertain: bool,
    ) -> Result<(), Unreadable> {
        let steps =
            if outcome == Outcome::CarriedOver { Vec::new() } else { self.steps(&after.record, between, &outcome)? };
        self.correct(key, &after.record, &outcome)?;
        let why = deciding(&outcome, &steps).map(|step| step.why.clone());
        let steps = if steps.len() > 1 { steps } else { Vec::new() };
        let label = after.record.label();
        self.answer.items.push(ItemChange { key: key.clone(), label, outcome, why, steps, uncertain });
        Ok(())
    }

    /// A part of a split, or the result of a merge, came with the split; what a later revision changed in it is told
    /// against how the revision of the split stated it.
    fn compare_part(&mut self, key: &Key, entry: &Entry, after: &State, between: &[&Mark]) -> Result<(), Unreadable> {
        let came = between.iter().find(|mark| mark.act == Act::Added).map(|mark| mark.position);
        let revisions = self.book.agenda(self.agenda).map(|state| state.revisions.as_slice()).unwrap_or_default();
        let sealed = revisions.iter().find(|revision| came.is_some_and(|came| revision.position > came));
        let Some(split) = sealed.map(|revision| revision.as_known(self.span.to.known)) else { return Ok(()) };
        let before = entry.at(&split, self.events)?;
        let between: Vec<_> = between.iter().copied().filter(|mark| !split.selects(mark)).collect();
        match self.reading(before.as_ref().zip(Some(split)), after, &between)? {
            Outcome::CarriedOver => Ok(()),
            outcome => self.tell(key, after, &between, outcome, after.uncertain),
        }
    }

    fn is_part(&self, key: &Key) -> bool {
        key.kind == Kind::Action && self.parts.contains(&key.id)
    }

    /// An item that stood before and stands after: what was changed and changed back is told too.
    fn reading(&self, before: Option<(&State, Cut)>, after: &State, between: &[&Mark]) -> Result<Outcome, Unreadable> {
        let Some((before, from)) = before else { return Ok(Outcome::CarriedOver) };
        if between.is_empty() && !self.amounts_moved(&after.record) {
            return Ok(Outcome::CarriedOver);
        }
        let outcome = Outcome::Changed(self.fields(before, &from, after)?);
        let is_told = !outcome.fields().is_empty() || self.steps(&after.record, between, &outcome)?.len() > 1;
        Ok(if is_told { outcome } else { Outcome::CarriedOver })
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
        let mut listed = Vec::new();
        for lineage in self.lineage.values() {
            // An action may leave more than once in between: the last time counts.
            let left_here = |id: &&Id| stood(id).is_some_and(|standing| standing.left_at == Some(lineage.position));
            let left = lineage.from.iter().filter(left_here).count();
            let came = lineage.into.iter().filter(|id| came(id)).count();
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
        let count = |of: fn(&Standing) -> bool| self.standing.values().filter(|standing| of(standing)).count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.answer.control.before = number(count(|standing| standing.before));
        self.answer.control.after = number(count(|standing| standing.after));
        self.answer.items.sort_by(|a, b| a.key.cmp(&b.key));
        self.answer.related = self.related()?;
        self.answer.findings = self.book.changes_findings(&self.answer, &self.span.to, self.events)?;
        Ok(self.answer)
    }

    /// Why an event happened, and who decided: all as known at the point of the question.
    pub(crate) fn why(&self, recorded: &Recorded) -> Result<Why, Unreadable> {
        self.book.why(self.agenda, recorded, self.span.to.known, self.events)
    }
}

impl Book {
    /// Why an event happened, and who decided, as known at a position.
    pub(crate) fn why(
        &self,
        agenda: &Id,
        recorded: &Recorded,
        known: Position,
        events: &dyn Recall,
    ) -> Result<Why, Unreadable> {
        let event = &recorded.event;
        let decided_by = |decision: &Id| -> Result<Option<Id>, Unreadable> {
            let cut = Cut { valid: Day::NEVER, known, sealed: None };
            let state = self.at(&Key::new(Kind::Decision, decision), &cut, events)?;
            Ok(state.and_then(|state| match state.record.as_ref() {
                Record::Decision(decision) => Some(decision.body.clone()),
                _ => None,
            }))
        };
        // The seal that ends the adoption that the event is a part of; a late fact is a part of none.
        let adopted = match &event.payload {
            Payload::Item(item) => item.edition.is_some(),
            Payload::AmendedAtAdoption(_) => true,
            Payload::Stated(statement) => statement.edition.is_some() && !event.is_retroactive(),
            _ => false,
        };
        let seals = self.agenda(agenda).map(|state| state.revisions.as_slice()).unwrap_or_default();
        let place = seals.partition_point(|revision| revision.position <= recorded.position);
        let seal = seals.get(place).filter(|revision| adopted && revision.position <= known);
        let ground = match (&event.payload, seal) {
            (Payload::Item(item), _) => item.ground.clone(),
            (Payload::Stated(stated), Some(seal)) if event.decision.is_some() => {
                self.ground_of_amount(&stated.record, recorded.position..seal.position, events)?
            }
            _ => None,
        };
        let authority = event.decision.as_ref().map(|decision| {
            let mandate = if let Payload::RevisionSealed(seal) = &event.payload {
                seal.mandate.clone()
            } else if event.is_retroactive() {
                self.mandate_of(decision, agenda, recorded.position, events)?
            } else if matches!(event.payload, Payload::Deed(_)) {
                self.mandate_for(decision, Some(agenda))
            } else {
                let seal = seal.filter(|revision| revision.seal.edition.decision == *decision);
                seal.and_then(|revision| revision.seal.mandate.clone())
            };
            Ok(Authority { decision: decision.clone(), body: decided_by(decision)?, mandate })
        });
        Ok(Why {
            reason: event.reason.as_ref().map(|reason| reason.text.clone()),
            code: event.reason.as_ref().and_then(|reason| reason.code.clone()),
            body: ground.as_ref().map(decided_by).transpose()?.flatten(),
            ground,
            authority: authority.transpose()?,
            effective: event.effective.clone(),
            position: recorded.position,
        })
    }

    /// What an edition states of an amount rests on the ground of the change of the action that names it.
    fn ground_of_amount(
        &self,
        amount: &Record,
        adoption: Range<Position>,
        events: &dyn Recall,
    ) -> Result<Option<Id>, Unreadable> {
        for (_, entry) in self.entries(Kind::Action).filter(|_| amount.kind() == Kind::Amount) {
            for mark in entry.marks().iter().filter(|mark| adoption.contains(&mark.position)) {
                let recorded = events.recall(mark.position)?;
                let Payload::Item(item) = &recorded.event.payload else { continue };
                let states = item.step.record().is_some_and(|action| action.refers_to(Kind::Amount, amount.id()));
                if states && item.ground.is_some() {
                    return Ok(item.ground.clone());
                }
            }
        }
        Ok(None)
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
