//! What the adopting body decides otherwise than was proposed.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use crate::coming::{Counted, named_fields};
use crate::event::Amendment;
use crate::ids::{Id, Key, Kind};
use crate::propose::{amounts_of, blank, name};
use crate::record::{Change, Record};
use crate::refusal::{Refusal, Rejection, Standing, Subject};
use crate::review::{Reviewing, Setting, given};
use crate::value::{ChangeKind, Nearest, Text};

impl Reviewing<'_> {
    /// What the adopting body decided otherwise takes the place of what was proposed.
    pub(crate) fn amend(
        &self,
        set: &[Setting],
        reason: Option<&Text>,
        counted: &mut Vec<Counted>,
    ) -> Result<Vec<Amendment>, Rejection> {
        let mut by_item: BTreeMap<Key, Vec<Setting>> = BTreeMap::new();
        for setting in set {
            by_item.entry(self.amended_item(setting, counted)?).or_default().push(setting.clone());
        }
        let mut all = Vec::new();
        for ((item, set), id) in by_item.into_iter().zip(self.free_ids()) {
            let reason = given(reason, self.subject())?;
            let place = counted.iter().position(|counted| counted.change.touches().contains(&item));
            let proposed = place.and_then(|place| counted.get(place));
            let amended = self.amended(&item, &set, (id, reason), proposed)?;
            self.check_terms(&amended.items)?;
            if proposed
                .is_some_and(|proposed| proposed.items == amended.items && proposed.change.kind == amended.change.kind)
            {
                return Err(Refusal::NoChange { item }.into());
            }
            all.push(Amendment {
                agenda: self.agenda.clone(),
                edition: self.edition().clone(),
                amends: proposed.map(|proposed| proposed.change.id.clone()),
                change: amended.change.clone(),
                items: amended.items.clone(),
            });
            match place.and_then(|place| counted.get_mut(place)) {
                Some(proposed) => *proposed = amended,
                None => counted.push(amended),
            }
        }
        Ok(all)
    }

    /// The item that a value is set for: of an amount the action that names it, one that comes first of all.
    fn amended_item(&self, setting: &Setting, counted: &[Counted]) -> Result<Key, Refusal> {
        let amount = setting.key.as_ref().filter(|key| key.kind == Kind::Amount);
        let items = counted.iter().flat_map(|counted| &counted.items);
        let names = |item: &&Record| amount.is_some_and(|amount| amounts_of(Some(item)).contains(&amount.id));
        let coming = items.filter(names).map(|item| Key::new(item.kind(), item.id())).next();
        let found = coming.or_else(|| self.meant(None, slice::from_ref(setting)));
        found.ok_or_else(|| {
            let field = || Subject::Field(Kind::Action, setting.field.clone());
            let what = setting.key.as_ref().map_or_else(field, Subject::from);
            Refusal::NotFound { what, nearest: Nearest::of("", []) }
        })
    }

    fn amended(
        &self,
        item: &Key,
        set: &[Setting],
        (id, reason): (Id, &Text),
        proposed: Option<&Counted>,
    ) -> Result<Counted, Rejection> {
        let Some(proposed) = proposed else {
            let change = Change { reason: Some(reason.clone()), ..blank(id, ChangeKind::Changed) };
            return self.changed_otherwise(item, set, change, None);
        };
        // Why it was proposed still counts; what the body adds comes after it.
        let proposed_for = proposed.change.reason.as_ref().map_or("", Text::as_str);
        let both = Text::new(format!("{proposed_for}\n{reason}").trim()).unwrap_or_else(|_| reason.clone());
        let as_proposed = Change { id, reason: Some(both), ..proposed.change.clone() };
        match (proposed.change.kind, proposed.items.iter().find(|record| is(record, item))) {
            (ChangeKind::Changed | ChangeKind::Dropped | ChangeKind::Suspended, _) => {
                let change = Change { kind: ChangeKind::Changed, disposition: None, ..as_proposed };
                self.changed_otherwise(item, set, change, Some(proposed))
            }
            (_, Some(record)) => self.comes_otherwise(record, set, as_proposed, proposed),
            (_, None) => Err(Refusal::ItemStanding { item: item.clone(), standing: Standing::Left }.into()),
        }
    }

    /// An item that stays reads otherwise than was proposed; one that was to leave stays after all.
    fn changed_otherwise(
        &self,
        item: &Key,
        set: &[Setting],
        mut change: Change,
        proposed: Option<&Counted>,
    ) -> Result<Counted, Rejection> {
        let before = self.here(item)?;
        let mut now = before.clone();
        let (records, amounts): (Vec<_>, Vec<_>) = proposed
            .into_iter()
            .flat_map(|proposed| proposed.items.iter().cloned())
            .partition(|record| record.kind() != Kind::Amount);
        if let Some((record, proposed)) = records.first().zip(proposed) {
            now = Arc::new(before.with(record, named_fields(&proposed.change, item.kind)));
        }
        let items = self.set(&change, &now, &amounts, set)?;
        change.fields = self.fields(&before, &items)?;
        if change.fields.is_none() {
            return Err(Refusal::NoChange { item: item.clone() }.into());
        }
        name(&mut change, item);
        Ok(Counted { change, items })
    }

    /// An item that comes reads otherwise than was proposed; all else of the proposal stays.
    fn comes_otherwise(
        &self,
        record: &Record,
        set: &[Setting],
        mut change: Change,
        proposed: &Counted,
    ) -> Result<Counted, Rejection> {
        let item = Key::new(record.kind(), record.id());
        let own = amounts_of(Some(record));
        let rest = proposed.items.iter().filter(|other| !is(other, &item)).cloned();
        let (amounts, others): (Vec<_>, Vec<_>) =
            rest.partition(|other| other.kind() == Kind::Amount && own.contains(other.id()));
        let mut items = self.set(&change, &Arc::new(record.clone()), &amounts, set)?;
        if change.kind == ChangeKind::Reinstated
            && let Some(before) = self.book.at(&item, &self.cut(), self.events)?
        {
            change.fields = self.fields(&before.record, &items)?;
        }
        items.extend(others);
        Ok(Counted { change, items })
    }
}

fn is(record: &Record, key: &Key) -> bool {
    record.kind() == key.kind && record.id() == &key.id
}
