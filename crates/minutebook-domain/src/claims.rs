//! The section `changes`: whether its entries explain the differences, each with a reason and a ground.

use std::collections::{BTreeMap, BTreeSet};

use crate::authority::Verdict;
use crate::history::Unreadable;
use crate::ids::{Id, Key, Kind};
use crate::plan::{ItemDifference, Motion, Planner};
use crate::propose::{blank, name};
use crate::record::{Change, Record, is_compared};
use crate::refusal::{ChangeShould, Mismatch, Refusal, Subject, Unfit, listed};
use crate::statement::is_reason;
use crate::value::{ChangeKind, Eur, Text};

impl Planner<'_> {
    /// Matches each entry with the differences that it explains; what is left over on either side is refused.
    pub(crate) fn settle_claims(&mut self, first: bool) {
        if first {
            self.plan.control.added = self.plan.control.after;
            if self.document.of(Kind::Change).next().is_some() {
                self.problem(None, None, Refusal::FirstEdition {});
            }
            return;
        }
        let places: BTreeMap<Key, usize> =
            self.plan.items.iter().enumerate().map(|(place, item)| (item.key.clone(), place)).collect();
        for (index, record) in self.document.records.iter().enumerate() {
            if let Record::Change(change) = record {
                self.check_change(index, change);
                self.claim(index, change, &places);
            }
        }
        self.list_missing();
        self.check_control_total();
    }

    fn check_change(&mut self, index: usize, change: &Change) {
        if !change.reason.as_ref().is_some_and(|reason| is_reason(reason.as_str())) {
            let refusal = Refusal::ReasonMissing { what: Subject::Entry(change.id.clone()) };
            self.problem(Some(index), Some("reason"), refusal);
        }
        let should = match (change.kind, change.disposition) {
            (ChangeKind::Dropped, None) => Some(ChangeShould::StateDisposition),
            (ChangeKind::Dropped, Some(_)) | (_, None) => None,
            (_, Some(_)) => Some(ChangeShould::OmitDisposition),
        };
        if let Some(should) = should {
            self.problem(Some(index), Some("disposition"), Refusal::ChangeForm { change: change.id.clone(), should });
        }
        let Some(ground) = &change.decision else {
            // What was proposed step by step rests on the decision that adopts it, unless it names another.
            if self.reviewed {
                return;
            }
            let what = format!("`{}`", change.id);
            self.problem(Some(index), Some("decision"), Refusal::GroundMissing { what });
            return;
        };
        let Some(decision) = self.registry.decision(ground) else {
            return;
        };
        if let Some(stated) = change.decided_by.as_ref().filter(|body| **body != decision.body) {
            let (decision, body, field) = (ground.clone(), decision.body.clone(), "decided_by");
            let refusal = Refusal::GroundBody { decision, stated: stated.clone(), body, field };
            self.problem(Some(index), Some(field), refusal);
        }
        if let Some(refusal) = self.not_taken(decision).or_else(|| self.not_holding(ground)) {
            self.problem(Some(index), Some("decision"), refusal);
        }
        let agenda = self.plan.agenda.clone();
        let verdict =
            self.registry.verdict(&decision.body, decision.kind.as_str(), agenda.as_ref(), decision.date.as_ref());
        if verdict == Verdict::None {
            let refusal = self.registry.no_mandate(decision, agenda.as_ref());
            self.problem(Some(index), Some("decision"), refusal);
        }
    }

    /// An amount of an action rises only as far as the mandate of the ground goes.
    pub(crate) fn check_ceilings(&mut self) -> Result<(), Unreadable> {
        for (index, record) in self.document.records.iter().enumerate() {
            let Record::Change(change) = record else { continue };
            let adopting = self.document.edition.as_ref().map(|edition| &edition.decision).filter(|_| self.reviewed);
            let ground = change.decision.as_ref().or(adopting).and_then(|id| self.registry.decision(id));
            let ceiling = ground.and_then(|ground| self.registry.ceiling(ground, self.plan.agenda.as_ref()));
            let Some((mandate, ceiling)) = ceiling else { continue };
            for id in change.action.iter().chain(change.into.iter().flatten()) {
                let Some(Record::Action(action)) = self.index.get(&Key::new(Kind::Action, id)) else { continue };
                for amount in action.amounts.iter().flatten() {
                    let (before, after) = (self.amount_before(amount)?, self.amount_after(amount)?);
                    let (before, eur) = (euros(before.as_deref()), euros(after.as_deref()));
                    if eur > before && eur > ceiling {
                        let (amount, mandate) = (amount.clone(), mandate.clone());
                        let refusal = Refusal::MandateCeiling { amount, eur, mandate, ceiling };
                        self.problem(Some(index), Some("decision"), refusal);
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the entry the differences that it explains, or lists it as surplus.
    fn claim(&mut self, index: usize, change: &Change, places: &BTreeMap<Key, usize>) {
        let explained = match change.kind {
            ChangeKind::Split | ChangeKind::Merged => self.claim_lineage(index, change, places),
            _ => self.claim_item(index, change, places),
        };
        if let Some(found) = explained {
            for place in found {
                self.mark(index, place);
            }
            return;
        }
        let item = change.item().map(|(kind, id)| Key::new(kind, id));
        let why = item.as_ref().map_or(Unfit::Lineage, |key| self.unfit(change.kind, key, places));
        let what = Mismatch::Surplus(change.kind, item, why);
        self.problem(Some(index), None, Refusal::ChangesMismatch { what });
        self.plan.surplus.push(change.clone());
    }

    /// Why an entry of this kind explains nothing of an item.
    fn unfit(&self, kind: ChangeKind, key: &Key, places: &BTreeMap<Key, usize>) -> Unfit {
        let motion = places.get(key).and_then(|place| self.plan.items.get(*place)).map(|item| item.motion);
        match (motion, kind) {
            (None, _) if self.index.place(key).is_none() => Unfit::Absent,
            (Some(Motion::Gone), _) => Unfit::Left,
            (_, ChangeKind::Dropped | ChangeKind::Suspended) => Unfit::Stands,
            (None | Some(Motion::Altered | Motion::Annotated), ChangeKind::Added | ChangeKind::Reinstated) => {
                Unfit::Stood
            }
            (Some(Motion::Annotated), _) => Unfit::NotesOnly,
            (Some(Motion::Back), _) => Unfit::Returns,
            (Some(Motion::New), _) => Unfit::IsNew,
            // What is altered fits `changed`.
            (None | Some(Motion::Altered), _) => Unfit::Unchanged,
        }
    }

    fn claim_item(&mut self, index: usize, change: &Change, places: &BTreeMap<Key, usize>) -> Option<Vec<usize>> {
        if change.items().count() != 1 || change.from.is_some() || change.into.is_some() {
            let should = ChangeShould::NameOneItem;
            self.problem(Some(index), None, Refusal::ChangeForm { change: change.id.clone(), should });
            return Some(Vec::new());
        }
        let (kind, id) = change.item()?;
        let place = *places.get(&Key::new(kind, id))?;
        let item = self.plan.items.get(place)?;
        let suspended = self.book.entry(&item.key).is_some_and(|entry| entry.is_suspended());
        let fits = match change.kind {
            // What was dropped may be taken up as new; what was suspended comes back.
            ChangeKind::Added => item.motion == Motion::New || item.motion == Motion::Back && !suspended,
            ChangeKind::Reinstated => item.motion == Motion::Back,
            ChangeKind::Changed => item.motion == Motion::Altered,
            ChangeKind::Dropped | ChangeKind::Suspended => item.motion == Motion::Gone,
            ChangeKind::Split | ChangeKind::Merged => false,
        };
        if let Some(refusal) = fields_differ(item, change).filter(|_| fits) {
            self.problem(Some(index), Some("fields"), refusal);
        }
        let control = &mut self.plan.control;
        if fits && kind == Kind::Action {
            match change.kind {
                ChangeKind::Added => control.added += 1,
                ChangeKind::Dropped => control.dropped += 1,
                ChangeKind::Suspended => control.suspended += 1,
                ChangeKind::Reinstated => control.reinstated += 1,
                ChangeKind::Changed | ChangeKind::Split | ChangeKind::Merged => {}
            }
        }
        fits.then(|| vec![place])
    }

    fn claim_lineage(&mut self, index: usize, change: &Change, places: &BTreeMap<Key, usize>) -> Option<Vec<usize>> {
        let (from, into) = (change.from.as_deref().unwrap_or_default(), change.into.as_deref().unwrap_or_default());
        let split = change.kind == ChangeKind::Split;
        let counts = if split { from.len() == 1 && into.len() >= 2 } else { from.len() >= 2 && into.len() == 1 };
        if !counts || change.item().is_some() {
            let change = change.id.clone();
            let refusal = if split { Refusal::SplitNeedsTwo { change } } else { Refusal::MergeNeedsTwo { change } };
            self.problem(Some(index), None, refusal);
            return Some(Vec::new());
        }
        let find = |id: &Id, motion| {
            let place = *places.get(&Key::new(Kind::Action, id))?;
            self.plan.items.get(place).filter(|item| item.motion == motion).map(|_| place)
        };
        let gone = from.iter().map(|id| find(id, Motion::Gone));
        let found: Vec<usize> = gone.chain(into.iter().map(|id| find(id, Motion::New))).collect::<Option<_>>()?;
        let count = |ids: &[Id]| i32::try_from(ids.len()).unwrap_or(i32::MAX);
        let extra = count(into) - count(from);
        let sum = if split { &mut self.plan.control.by_split } else { &mut self.plan.control.by_merge };
        *sum += extra;
        Some(found)
    }

    fn mark(&mut self, index: usize, place: usize) {
        let Some(item) = self.plan.items.get_mut(place) else {
            return;
        };
        if item.claim.replace(index).is_some() {
            let item = item.key.clone();
            self.problem(Some(index), None, Refusal::ReviewConflict { item });
        }
    }

    fn list_missing(&mut self) {
        let taken: BTreeSet<&Id> = self.document.of(Kind::Change).map(Record::id).collect();
        let free = (1..).filter_map(|n| Id::new(&format!("change-{n:02}"))).filter(|id| !taken.contains(id));
        let open = self.plan.items.iter().filter(|item| item.claim.is_none() && item.motion != Motion::Annotated);
        self.plan.missing = open.zip(free).map(|(item, id)| skeleton(id, item)).collect();
        if !self.plan.missing.is_empty() {
            let entry = |change: &Change| change.item().map(|(kind, id)| (change.kind, Key::new(kind, id)));
            let what = Mismatch::Missing(self.plan.missing.iter().filter_map(entry).collect());
            self.problem(None, None, Refusal::ChangesMismatch { what });
        }
    }

    fn check_control_total(&mut self) {
        let control = self.plan.control;
        if self.plan.problems.is_empty() && !control.balances() {
            self.problem(None, None, Refusal::ControlTotal { control, after: control.after });
        }
    }
}

/// The sum of an amount, where it states one.
fn euros(amount: Option<&Record>) -> u64 {
    match amount {
        Some(Record::Amount(amount)) => amount.eur.map_or(0, Eur::euros),
        _ => 0,
    }
}

fn fields_differ(item: &ItemDifference, change: &Change) -> Option<Refusal> {
    let named: BTreeSet<&str> = change.fields.as_deref()?.iter().map(Text::as_str).collect();
    // Notes may be named beside what counts.
    let given: BTreeSet<&str> = named.into_iter().filter(|field| is_compared(field)).collect();
    let computed: BTreeSet<&str> = item.fields.iter().map(|change| change.field).collect();
    (!given.is_empty() && given != computed).then(|| Refusal::FieldsDiffer {
        item: item.key.clone(),
        given: listed(given),
        computed: listed(computed),
    })
}

/// The entry that a difference still needs: what can be computed is filled in, the reason and ground are not.
fn skeleton(id: Id, item: &ItemDifference) -> Change {
    let (kind, fields) = match item.motion {
        Motion::Gone => (ChangeKind::Dropped, None),
        Motion::Back => (ChangeKind::Reinstated, None),
        Motion::Altered | Motion::Annotated => (ChangeKind::Changed, Some(&item.fields)),
        Motion::New => (ChangeKind::Added, None),
    };
    let fields = fields.map(|all| all.iter().filter_map(|change| Text::new(change.field).ok()).collect());
    let mut change = Change { fields, ..blank(id, kind) };
    name(&mut change, &item.key);
    change
}
