//! Decisions: which hold, and how one takes the place of another.

use std::collections::BTreeSet;

use crate::answer::HistoryEntry;
use crate::authority::{ADVISE, Registry, Verdict};
use crate::book::Book;
use crate::dates::{Day, Edtf};
use crate::deeds::Doing;
use crate::event::{DeedStep, Draft, Payload};
use crate::history::{Cut, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Decision, Record};
use crate::refusal::{Refusal, Rejection};
use crate::value::Text;

/// How a decision stands to others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionLinks {
    /// What took its place, or revoked it, in the order in which that holds.
    pub superseded_by: Vec<Link>,
    /// What it took the place of, or revoked, by id.
    pub supersedes: Vec<Link>,
}

/// That one decision took the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The decision at the other end.
    pub other: Id,
    /// Which part of the older one; absent is all of it.
    pub part: Option<Text>,
    /// It was revoked: nothing took its place.
    pub revoked: bool,
    /// From when.
    pub effective: Option<Edtf>,
    /// Why.
    pub reason: Option<Text>,
    /// The event.
    pub position: Position,
}

/// A decision, with all that it is connected to.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionView {
    /// The decision.
    pub decision: Decision,
    /// The newest event of the decision.
    pub newest: Position,
    /// The agenda that it was recorded for, where there is one.
    pub agenda: Option<Id>,
    /// Whether its body might take it.
    pub mandate: Verdict,
    /// How it stands to others.
    pub links: DecisionLinks,
    /// What happened by it or on its ground, in the order of recording; no more than were asked for.
    pub effects: Vec<HistoryEntry>,
    /// How many effects there are.
    pub effects_count: usize,
}

/// How many effects of one decision are told.
pub const EFFECTS_MAX: usize = 200;

/// Which decisions are meant.
#[derive(Debug, Clone, Default)]
pub struct DecisionFilter {
    /// Of this body.
    pub body: Option<Id>,
    /// Of this agenda, or of none.
    pub agenda: Option<Id>,
    /// Taken on this day or after; undated ones are left out then.
    pub from: Option<Day>,
    /// Taken on this day or before; undated ones are left out then.
    pub to: Option<Day>,
}

impl DecisionFilter {
    /// An imprecise date is within where any of its days is.
    fn lets(&self, decision: &Decision, agenda: Option<&Id>) -> bool {
        let date = decision.date.as_ref();
        self.body.as_ref().is_none_or(|body| *body == decision.body)
            && self.agenda.as_ref().is_none_or(|mine| agenda.is_none_or(|of| of == mine))
            && self.from.is_none_or(|from| date.is_some_and(|date| from <= date.latest()))
            && self.to.is_none_or(|to| date.is_some_and(|date| date.earliest() <= to))
    }
}

impl Book {
    /// A decision as it read at a point in time; `None` where it was not recorded yet.
    ///
    /// It tells as many effects as are asked for.
    pub fn decision_view(
        &self,
        id: &Id,
        effects_max: usize,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<Option<DecisionView>, Unreadable> {
        let Some(entry) = self.entry(&Key::new(Kind::Decision, id)) else { return Ok(None) };
        let Some(state) = entry.at(cut, events)? else { return Ok(None) };
        let Record::Decision(decision) = state.record.as_ref() else { return Ok(None) };
        let known: Vec<_> = self.effects(id).filter(|position| *position <= cut.known).collect();
        let mut effects = Vec::new();
        for position in known.iter().copied().take(effects_max) {
            let Some(key) = events.recall(position)?.event.payload.about() else { continue };
            effects.extend(self.history_at(&key, position, cut.known, events)?);
        }
        let registry = Registry { book: self, stated: None };
        Ok(Some(DecisionView {
            mandate: registry.authority(decision, entry.agenda.as_ref()),
            decision: decision.clone(),
            newest: entry.newest(),
            agenda: entry.agenda.clone(),
            links: self.decision_links(id, cut, events)?,
            effects,
            effects_count: known.len(),
        }))
    }

    /// The decisions that are meant, the earliest first; undated ones last.
    pub fn decisions(
        &self,
        filter: &DecisionFilter,
        effects_max: usize,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<Vec<DecisionView>, Unreadable> {
        let mut meant = Vec::new();
        for (_, entry) in self.entries(Kind::Decision) {
            let Some(state) = entry.at(cut, events)? else { continue };
            let Record::Decision(decision) = state.record.as_ref() else { continue };
            if filter.lets(decision, entry.agenda.as_ref()) {
                meant.push((decision.date.as_ref().map_or(Day::NEVER, Edtf::earliest), decision.id.clone()));
            }
        }
        meant.sort();
        let views = meant.iter().map(|(_, id)| self.decision_view(id, effects_max, cut, events));
        views.filter_map(Result::transpose).collect()
    }

    /// How a decision stands to others, at a point in time.
    pub fn decision_links(&self, id: &Id, cut: &Cut, events: &dyn Recall) -> Result<DecisionLinks, Unreadable> {
        let mut links = DecisionLinks::default();
        for (older, places) in &self.spine.superseded {
            for (position, by) in places.iter().filter(|(_, by)| older == id || by == id) {
                let entry = self.entry(&Key::new(Kind::Decision, older));
                let counts = entry.and_then(|entry| entry.mark_at(*position)).is_some_and(|mark| cut.selects(&mark));
                if !counts {
                    continue;
                }
                if older == id {
                    links.superseded_by.push(link(by, *position, events)?);
                } else {
                    links.supersedes.push(link(older, *position, events)?);
                }
            }
        }
        Ok(links)
    }

    /// The decision holds on that day: none took its place before, and it was not revoked.
    pub(crate) fn check_holds(&self, decision: &Id, day: Day) -> Result<(), Refusal> {
        let Some(entry) = self.entry(&Key::new(Kind::Decision, decision)) else { return Ok(()) };
        let Some(end) = entry.end(&Cut::NOW).filter(|end| end.since <= day) else { return Ok(()) };
        let places = self.spine.superseded.get(decision).into_iter().flatten();
        let by = places.filter(|(position, _)| *position == end.position).map(|(_, by)| by.clone()).next();
        let (decision, since) = (decision.clone(), end.since);
        Err(Refusal::Superseded { by: by.unwrap_or_else(|| decision.clone()), decision, since })
    }

    /// Was the decision superseded, in whole or in part, by the other one, or by one that was?
    fn is_superseded_by(&self, decision: &Id, other: &Id) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![decision]);
        while let Some(id) = next.pop() {
            if id == other {
                return true;
            }
            if seen.insert(id) {
                next.extend(self.spine.superseded.get(id).into_iter().flatten().map(|(_, by)| by));
            }
        }
        false
    }
}

fn link(other: &Id, position: Position, events: &dyn Recall) -> Result<Link, Unreadable> {
    let recorded = events.recall(position)?;
    let step = match &recorded.event.payload {
        Payload::Deed(deed) => Some(&deed.step),
        _ => None,
    };
    Ok(Link {
        other: other.clone(),
        part: step.and_then(|step| if let DeedStep::Superseded(part) = step { part.clone() } else { None }),
        revoked: matches!(step, Some(DeedStep::Ended(_))),
        effective: recorded.event.effective.clone(),
        reason: recorded.event.reason.as_ref().map(|reason| reason.text.clone()),
        position,
    })
}

impl Doing<'_> {
    /// A decision takes the place of another one, or revokes it: one of the same body, or of a body that may take
    /// decisions of that kind.
    pub(crate) fn supersede(self) -> Result<Vec<Draft>, Rejection> {
        let Some(by) = self.decision else {
            return Err(Refusal::GroundMissing { what: format!("`{}`", self.key().id) }.into());
        };
        let Some(Record::Decision(old)) = self.book.entry(self.key()).map(|entry| entry.record.as_ref()) else {
            return Err(Refusal::DeedUnfit { key: self.key().clone() }.into());
        };
        if by.id == old.id {
            return Err(Refusal::SupersedeSelf { decision: by.id.clone() }.into());
        }
        if self.book.is_superseded_by(&by.id, &old.id) {
            return Err(Refusal::SupersedeCycle { decision: old.id.clone(), by: by.id.clone() }.into());
        }
        if by.kind.as_str() == ADVISE && old.kind.as_str() != ADVISE {
            return Err(Refusal::AdviceOnly { decision: by.id.clone() }.into());
        }
        self.check_rank(old, by)?;
        // Nor does what was decided before it take its place.
        let ends = by.date.iter().chain([self.effective]).min_by_key(|day| day.latest()).unwrap_or(self.effective);
        // One that was taken may go before it takes effect.
        let taken = old.date.as_ref().or(old.effective.as_ref());
        let early = |day: &&Edtf| self.effective.earliest() < day.earliest() || ends.latest() < day.earliest();
        if let Some(start) = taken.filter(early) {
            let (end, start) = (ends.to_string(), start.to_string());
            return Err(Refusal::EndBeforeStart { key: self.key().clone(), end, start }.into());
        }
        self.end()
    }

    fn check_rank(self, old: &Decision, by: &Decision) -> Result<(), Refusal> {
        let registry = Registry { book: self.book, stated: None };
        let agenda = self.book.entry(self.key()).and_then(|entry| entry.agenda.as_ref());
        let may = registry.verdict(&by.body, old.kind.as_str(), agenda, by.date.as_ref());
        if by.body == old.body || may != Verdict::None {
            return Ok(());
        }
        let mut others: Vec<&Id> = registry.may_decide(old.kind.as_str(), agenda, by.date.as_ref()).collect();
        others.push(&old.body);
        let (body, who) = (registry.body_name(&by.body), Box::new(registry.holders(others)));
        Err(Refusal::SupersedeOwnRank { body, decision: old.id.clone(), who })
    }
}
