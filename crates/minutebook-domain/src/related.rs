//! What changed beside the items: agreements, milestones, motions, amounts that no action names, registers and the rest.

use std::collections::BTreeSet;

use crate::book::{Revision, Stated};
use crate::changes::{Comparison, revision_at};
use crate::compare::FieldChange;
use crate::history::{Cut, Entry, Unreadable};
use crate::ids::{Key, Kind};
use crate::record::{Record, is_compared};
use crate::value::{Value, is_unstated, same};

/// A record beside the items that came, changed or was not stated again.
#[derive(Debug, Clone, PartialEq)]
pub struct Related {
    /// The record; for the yearly cycle, its first step.
    pub key: Key,
    /// What people call it.
    pub label: String,
    /// What happened.
    pub change: RelatedChange,
}

/// What can happen to a record beside the items.
#[derive(Debug, Clone, PartialEq)]
pub enum RelatedChange {
    /// It was stated for the first time, or again after an edition that did not.
    Added,
    /// It reads differently.
    Changed(Vec<FieldChange>),
    /// The edition before stated it and this one does not; it did not end by that.
    NotRestated,
}

const KINDS: [Kind; 16] = [
    Kind::Source,
    Kind::Agenda,
    Kind::Framework,
    Kind::Body,
    Kind::Mandate,
    Kind::Party,
    Kind::Role,
    Kind::Amount,
    Kind::Agreement,
    Kind::Decision,
    Kind::Motion,
    Kind::Consultation,
    Kind::Milestone,
    Kind::Step,
    Kind::Explanation,
    Kind::Remark,
];

/// The steps of a yearly cycle, and the address and name of the first.
type Cycle = (Vec<Value>, Option<(Key, String)>);

/// What the revisions before and after state.
struct Sides<'a> {
    before: Option<Stated<'a>>,
    after: Option<Stated<'a>>,
}

/// Was the record stated at that point: a register at all, another by the edition in force or since then?
fn states(key: &Key, entry: &Entry, cut: &Cut, stated: Option<&Stated>) -> bool {
    let known = entry.marks().iter().any(|mark| cut.selects(mark));
    known && (key.kind.is_register() || stated.is_none_or(|stated| stated.reaches(key, entry, cut)))
}

impl Comparison<'_> {
    /// Compares the records beside the items.
    pub(crate) fn related(&self) -> Result<Vec<Related>, Unreadable> {
        let stated = |cut: Option<Cut>| cut.and_then(|cut| self.revision_at(&cut)).map(Revision::stated);
        let sides = Sides { before: stated(self.span.from), after: stated(Some(self.span.to)) };
        let mut all = Vec::new();
        for kind in KINDS.into_iter().filter(|kind| *kind != Kind::Step) {
            for (key, entry) in self.book.entries(kind) {
                if self.concerns(key, entry, &sides)
                    && let Some(change) = self.related_change(key, entry, &sides)?
                {
                    let state = entry.at(&self.span.to, self.events)?;
                    let label = state.map_or_else(String::new, |state| state.record.label());
                    all.push(Related { key: key.clone(), label, change });
                }
            }
        }
        all.extend(self.cycle()?);
        Ok(all)
    }

    /// Registers and what this agenda's documents state; an amount that an action names counts with its action.
    fn concerns(&self, key: &Key, entry: &Entry, sides: &Sides) -> bool {
        let mine = entry.agenda.as_ref().is_none_or(|agenda| agenda == self.agenda);
        let shared = || key.kind.is_shared() && sides.before.iter().chain(&sides.after).any(|stated| stated.has(key));
        let other_agenda = key.kind == Kind::Agenda && key.id != *self.agenda;
        !other_agenda && (key.kind.is_register() || mine || shared()) && !self.counts_in_action(key, entry, sides)
    }

    /// Does an action name the amount? One that left with its action counts there too.
    fn counts_in_action(&self, key: &Key, entry: &Entry, sides: &Sides) -> bool {
        let [before, after] = &self.counted;
        let stays = || states(key, entry, &self.span.to, sides.after.as_ref());
        key.kind == Kind::Amount && (after.contains(&key.id) || before.contains(&key.id) && !stays())
    }

    fn related_change(&self, key: &Key, entry: &Entry, sides: &Sides) -> Result<Option<RelatedChange>, Unreadable> {
        let before = self.span.from.is_some_and(|cut| states(key, entry, &cut, sides.before.as_ref()));
        let after = states(key, entry, &self.span.to, sides.after.as_ref());
        let change = match (before, after) {
            (false, true) => Some(RelatedChange::Added),
            // A decision is not taken back by leaving it out of the next document.
            (true, false) if key.kind != Kind::Decision => Some(RelatedChange::NotRestated),
            (true, true) if !self.between(entry).is_empty() => self.fields_of(entry)?,
            _ => None,
        };
        Ok(change)
    }

    fn revision_at(&self, cut: &Cut) -> Option<&Revision> {
        self.book.agenda(self.agenda).and_then(|state| revision_at(state, cut))
    }

    fn fields_of(&self, entry: &Entry) -> Result<Option<RelatedChange>, Unreadable> {
        let before = self.before(entry)?;
        let Some((before, after)) = before.zip(entry.at(&self.span.to, self.events)?) else { return Ok(None) };
        let (mut old, mut new) = (before.record.write(), after.record.write());
        let names = Record::fields(before.record.kind()).iter().copied().filter(|field| is_compared(field));
        let pairs = names.map(|field| FieldChange {
            field,
            before: old.remove(field).unwrap_or_default(),
            after: new.remove(field).unwrap_or_default(),
        });
        let fields: Vec<_> = pairs.filter(|change| !same(&change.before, &change.after)).collect();
        Ok((!fields.is_empty()).then_some(RelatedChange::Changed(fields)))
    }

    /// The steps of the yearly cycle compare as one list.
    fn cycle(&self) -> Result<Option<Related>, Unreadable> {
        let before = self.steps_at(self.span.from)?;
        let after = self.steps_at(Some(self.span.to))?;
        let Some((key, label)) = after.1.or(before.1) else { return Ok(None) };
        let (before, after) = (Value::Array(before.0), Value::Array(after.0));
        if same(&before, &after) {
            return Ok(None);
        }
        let stated = !is_unstated(&after);
        let change = match self.span.from {
            Some(_) if !stated => RelatedChange::NotRestated,
            Some(_) => RelatedChange::Changed(vec![FieldChange { field: "process", before, after }]),
            None => RelatedChange::Added,
        };
        Ok(Some(Related { key, label, change }))
    }

    fn steps_at(&self, cut: Option<Cut>) -> Result<Cycle, Unreadable> {
        let revision = cut.and_then(|cut| self.revision_at(&cut));
        let (Some(cut), Some(revision)) = (cut, revision) else { return Ok((Vec::new(), None)) };
        let ids = revision.contents.get(&Kind::Step).map(Vec::as_slice).unwrap_or_default();
        let (mut steps, mut first) = (Vec::new(), None);
        for id in ids {
            let key = crate::document::key(Kind::Step, id, Some(self.agenda), Some(&revision.seal.edition.id));
            if let Some(state) = self.book.at(&key, &cut, self.events)? {
                let mut fields = state.record.write();
                let noted: BTreeSet<String> = fields.keys().filter(|field| !is_compared(field)).cloned().collect();
                fields.retain(|field, _| !noted.contains(field));
                steps.push(Value::Object(fields));
                first.get_or_insert_with(|| (key, state.record.label()));
            }
        }
        Ok((steps, first))
    }
}
