//! The steps that led to what is told of an item, and the errata that bear on it.

use crate::changes::{Comparison, Correction, Outcome, Step};
use crate::compare::{FieldChange, counts_in_action};
use crate::event::Payload;
use crate::history::{Act, Entry, Mark, Unreadable};
use crate::ids::{Key, Kind};
use crate::record::{Record, is_compared};

impl Comparison<'_> {
    /// The steps that led to an outcome, in the order in which they hold, those that cancel each other too;
    /// corrections are listed apart, and where only notes or forms were rewritten nothing happened.
    pub(crate) fn steps(&self, after: &Record, between: &[&Mark], outcome: &Outcome) -> Result<Vec<Step>, Unreadable> {
        let kind = after.kind();
        let changed = outcome.fields();
        let shown = |mark: &&&Mark| match mark.act {
            Act::Corrected | Act::Resolved => false,
            act => act.standing().is_some() || mark.fields.names(kind).any(is_compared),
        };
        let own = between.iter().filter(shown).map(|mark| (**mark, kind));
        let is_changed = matches!(outcome, Outcome::Changed(_));
        let amounts = if is_changed { self.amounts_of(after) } else { Vec::new() };
        let amounts = amounts.iter().flat_map(|(key, entry)| {
            let counts = |mark: &&Mark| mark.act == Act::Stated && mark.fields.names(key.kind).any(counts_in_action);
            let marks = self.between(entry).into_iter().filter(counts);
            marks.map(move |mark| (*mark, key.kind))
        });
        let mut marks: Vec<(Mark, Kind)> = own.chain(amounts).collect();
        marks.sort_by_key(|(mark, _)| (mark.since, mark.position));
        let mut steps = Vec::with_capacity(marks.len());
        for (mark, of) in marks {
            let recorded = self.events.recall(mark.position)?;
            // What an edition states of an amount is part of its change of the action.
            let in_edition = matches!(&recorded.event.payload, Payload::Stated(stated) if stated.edition.is_some());
            let fields: Vec<_> = match mark.act {
                Act::Added => Vec::new(),
                _ if of == kind => mark.fields.names(kind).collect(),
                _ => vec!["amounts"],
            };
            // Whoever decides gives a reason; without one it was only written otherwise.
            let decided = recorded.event.reason.is_some() || mark.act.standing().is_some();
            let bears = fields.iter().any(|field| changed.contains(field));
            if (of == kind || !in_edition) && (bears || decided) {
                let (event, act) = (recorded.event.payload.name(), mark.act);
                steps.push(Step { event, act, fields, why: self.why(&recorded)? });
            }
        }
        Ok(steps)
    }

    /// Lists the errata that bear on the fields of an item that are shown as changed, and on an action's amounts.
    pub(crate) fn correct(
        &mut self,
        key: &Key,
        entry: &Entry,
        after: &Record,
        changed: &[&str],
    ) -> Result<(), Unreadable> {
        self.correct_record(key, entry, changed)?;
        let bears: &[&str] = if changed.contains(&"amounts") { Record::fields(Kind::Amount) } else { &[] };
        let amounts = self.amounts_of(after);
        amounts.into_iter().try_for_each(|(key, entry)| self.correct_record(&key, entry, bears))
    }

    fn correct_record(&mut self, key: &Key, entry: &Entry, changed: &[&str]) -> Result<(), Unreadable> {
        let between = self.between(entry);
        for mark in entry.marks().iter().filter(|mark| mark.act == Act::Corrected && self.span.to.selects(mark)) {
            let bears = changed.iter().any(|field| mark.fields.contains(key.kind, field));
            if !bears && !between.iter().any(|other| other.position == mark.anchor) {
                continue;
            }
            let recorded = self.events.recall(mark.position)?;
            let Payload::ErratumRecorded(erratum) = &recorded.event.payload else { continue };
            let written = self.events.recall(erratum.corrects)?.event.payload.record();
            let before = |field| written.as_ref().map(|record| record.value(field)).unwrap_or_default();
            let fields = erratum.fields.names(key.kind);
            let fields =
                fields.map(|field| FieldChange { field, before: before(field), after: erratum.record.value(field) });
            let (fields, corrects) = (fields.collect(), erratum.corrects);
            let why = self.why(&recorded)?;
            self.answer.corrected.push(Correction { key: key.clone(), fields, corrects, why });
        }
        Ok(())
    }
}

/// The step that brought an outcome: the last one that put the item on the agenda or took it off, where that is what
/// happened; else the last that was decided. What was recorded late of an item is no reason for its coming.
pub(crate) fn deciding<'a>(outcome: &Outcome, steps: &'a [Step]) -> Option<&'a Step> {
    let standing = match outcome {
        Outcome::Added | Outcome::Reinstated(_) => Some(true),
        Outcome::Dropped(_) | Outcome::Suspended | Outcome::CameAndWent => Some(false),
        Outcome::Changed(_) | Outcome::Split(_) | Outcome::Merged(_) => None,
    };
    let brought = |step: &&Step| standing.is_some() && step.act.standing() == standing;
    let decided = |step: &&Step| step.why.reason.is_some();
    let last = |which: &dyn Fn(&&Step) -> bool| steps.iter().rev().find(which);
    last(&brought).or_else(|| last(&decided)).or(steps.last())
}
