//! Making a proposal: what it says is checked against the agenda as it stands, and stated whole.
//!
//! Whether it may be adopted is not asked here: a proposal needs no decision and no mandate.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::authority::Registry;
use crate::compare::Reading;
use crate::corrections::{known_field, patched};
use crate::event::Proposal;
use crate::history::Unreadable;
use crate::ids::{Id, Key, Kind};
use crate::record::{Change, FieldSet, Record};
use crate::refusal::{ChangeShould, Refusal, Rejection, Standing, Subject, shown};
use crate::review::{Proposing, Reviewing, Setting, given};
use crate::statement::{check_term, personal_data};
use crate::value::{ChangeKind, Fault, Nearest, Text, same_form};

/// The most items and amounts of one proposal: an event holds them all.
const ITEMS_MAX: usize = 50;

/// Where an item stands, as the review sees it.
enum Stand {
    Here(Arc<Record>),
    Left { record: Arc<Record>, suspended: bool },
    Unknown,
}

impl Reviewing<'_> {
    /// The proposal that is asked for.
    pub(crate) fn propose(&self, asked: &Proposing, reason: Option<&Text>) -> Result<Proposal, Rejection> {
        let id = self.change_id(asked.change.as_ref())?;
        let reason = given(reason, Subject::Entry(id.clone()))?;
        check_form(&id, asked)?;
        asked.items.iter().try_for_each(check_texts)?;
        let (reason, disposition) = (Some(reason.clone()), asked.disposition);
        let mut change = Change { disposition, reason, ..blank(id, asked.kind) };
        if let Some(ground) = &asked.ground {
            self.book.check_known(&Key::new(Kind::Decision, ground))?;
            self.book.check_holds(ground, self.effective.earliest())?;
            change.decided_by =
                Registry { book: self.book, stated: None }.decision(ground).map(|decision| decision.body.clone());
            change.decision = Some(ground.clone());
        }
        let items = match asked.kind {
            ChangeKind::Added => self.added(&mut change, asked)?,
            ChangeKind::Changed => self.changed(&mut change, asked)?,
            ChangeKind::Dropped | ChangeKind::Suspended => self.leaving(&mut change, asked)?,
            ChangeKind::Reinstated => self.reinstated(&mut change, asked)?,
            ChangeKind::Split | ChangeKind::Merged => self.replaced(&mut change, asked)?,
        };
        if items.len() > ITEMS_MAX {
            return Err(Refusal::TooManyItems { items: items.len(), limit: ITEMS_MAX }.into());
        }
        self.check_references(&items)?;
        self.check_terms(&items)?;
        Ok(Proposal { agenda: self.agenda.clone(), edition: self.edition().clone(), change, items })
    }

    /// What is proposed ends after it begins, and names nobody new who is there no more.
    pub(crate) fn check_terms(&self, items: &[Record]) -> Result<(), Rejection> {
        items.iter().try_for_each(|item| {
            let before = self.book.entry(&Key::new(item.kind(), item.id())).map(|entry| entry.record.as_ref());
            check_term(item, before)?;
            self.book.check_alive(item, before, self.effective.earliest(), self.events)
        })
    }

    /// The id that a proposal gets: the one asked for, or the next free one.
    fn change_id(&self, asked: Option<&Id>) -> Result<Id, Refusal> {
        let taken = |id: &Id| self.book.entry(&self.change_key(id)).is_some();
        match asked {
            Some(id) if taken(id) => Err(Refusal::IdTaken { key: self.change_key(id), agenda: self.agenda.clone() }),
            Some(id) => Ok(id.clone()),
            None => self.free_ids().next().ok_or_else(|| Refusal::NoChange { item: self.edition_key() }),
        }
    }

    /// Ids that no proposal for this edition ever had, without end.
    pub(crate) fn free_ids(&self) -> impl Iterator<Item = Id> {
        let within = self.change_key(self.edition()).within;
        let count = self.book.entries_within(Kind::Change, &within).count();
        let ids = (count + 1..).filter_map(|n| Id::new(&format!("change-{n:02}")));
        ids.filter(|id| self.book.entry(&self.change_key(id)).is_none())
    }

    fn edition_key(&self) -> Key {
        crate::document::key(Kind::Edition, self.edition(), Some(self.agenda), None)
    }

    fn standing(&self, key: &Key) -> Result<Stand, Unreadable> {
        let entry = self.book.entry(key).filter(|entry| entry.agenda.as_ref() == Some(self.agenda));
        let Some(entry) = entry else { return Ok(Stand::Unknown) };
        Ok(match entry.at(&self.cut(), self.events)? {
            Some(state) if state.present => Stand::Here(state.record),
            Some(state) => Stand::Left { record: state.record, suspended: entry.is_suspended() },
            None => Stand::Unknown,
        })
    }

    /// The item as it stands on the agenda.
    pub(crate) fn here(&self, key: &Key) -> Result<Arc<Record>, Rejection> {
        match self.standing(key)? {
            Stand::Here(record) => Ok(record),
            Stand::Left { .. } => Err(Refusal::ItemStanding { item: key.clone(), standing: Standing::Left }.into()),
            Stand::Unknown => Err(self.unknown(key).into()),
        }
    }

    fn unknown(&self, key: &Key) -> Refusal {
        let mine = self.book.entries(key.kind).filter(|(_, entry)| entry.agenda.as_ref() == Some(self.agenda));
        let ids: Vec<_> = mine.map(|(known, _)| known.id.as_str()).collect();
        Refusal::NotFound { what: key.into(), nearest: Nearest::of(key.id.as_str(), ids) }
    }

    /// The id is free for what comes. What was dropped may be taken up again as new, where that is allowed.
    fn check_new(&self, key: &Key, again: bool) -> Result<(), Rejection> {
        let standing = match self.standing(key)? {
            Stand::Unknown => None,
            Stand::Here(_) => Some(Standing::Here),
            Stand::Left { suspended: true, .. } => Some(Standing::Away),
            Stand::Left { .. } => Some(Standing::Once).filter(|_| !again),
        };
        if let Some(standing) = standing {
            return Err(Refusal::ItemStanding { item: key.clone(), standing }.into());
        }
        let other = self.book.entry(key).and_then(|entry| entry.agenda.clone()).filter(|agenda| agenda != self.agenda);
        other.map_or(Ok(()), |agenda| Err(Refusal::IdTaken { key: key.clone(), agenda }.into()))
    }

    fn added(&self, change: &mut Change, asked: &Proposing) -> Result<Vec<Record>, Rejection> {
        let mut items = asked.items.iter().filter(|record| record.kind().is_item());
        let (Some(item), None) = (items.next(), items.next()) else { return Err(one_item(change)) };
        let key = Key::new(item.kind(), item.id());
        self.check_new(&key, true)?;
        check_amounts(change, &asked.items, &[item])?;
        name(change, &key);
        Ok(asked.items.clone())
    }

    fn changed(&self, change: &mut Change, asked: &Proposing) -> Result<Vec<Record>, Rejection> {
        let key = self.meant(asked.item.as_ref(), &asked.set).ok_or_else(|| one_item(change))?;
        let before = self.here(&key)?;
        let items = self.set(change, &before, &asked.items, &asked.set)?;
        change.fields = self.fields(&before, &items)?;
        if change.fields.is_none() {
            return Err(Refusal::NoChange { item: key }.into());
        }
        name(change, &key);
        Ok(items)
    }

    fn leaving(&self, change: &mut Change, asked: &Proposing) -> Result<Vec<Record>, Rejection> {
        let key = asked.item.as_ref().filter(|_| asked.items.is_empty()).ok_or_else(|| one_item(change))?;
        self.here(key)?;
        name(change, key);
        Ok(Vec::new())
    }

    fn reinstated(&self, change: &mut Change, asked: &Proposing) -> Result<Vec<Record>, Rejection> {
        let key = asked.item.as_ref().ok_or_else(|| one_item(change))?;
        let before = match self.standing(key)? {
            Stand::Left { record, .. } => record,
            Stand::Here(_) => {
                return Err(Refusal::ItemStanding { item: key.clone(), standing: Standing::Here }.into());
            }
            Stand::Unknown => return Err(self.unknown(key).into()),
        };
        let mut items = self.set(change, &before, &asked.items, &asked.set)?;
        change.fields = self.fields(&before, &items)?;
        // What it costs comes back with it.
        for amount in amounts_of(items.first()).into_iter().filter(|id| !has_amount(&items, id)).collect::<Vec<_>>() {
            let state = self.book.at(&Key::new(Kind::Amount, &amount), &self.cut(), self.events)?;
            items.extend(state.map(|state| state.record.as_ref().clone()));
        }
        name(change, key);
        Ok(items)
    }

    fn replaced(&self, change: &mut Change, asked: &Proposing) -> Result<Vec<Record>, Rejection> {
        let parts: Vec<_> = asked.items.iter().filter(|record| record.kind() == Kind::Action).collect();
        let from: BTreeSet<&Id> = asked.from.iter().collect();
        let into: BTreeSet<&Id> = parts.iter().map(|part| part.id()).collect();
        let id = change.id.clone();
        match change.kind {
            ChangeKind::Split if from.len() != 1 || into.len() < 2 => {
                return Err(Refusal::SplitNeedsTwo { change: id }.into());
            }
            ChangeKind::Merged if from.len() < 2 || into.len() != 1 => {
                return Err(Refusal::MergeNeedsTwo { change: id }.into());
            }
            _ => {}
        }
        for action in &from {
            self.here(&Key::new(Kind::Action, action))?;
        }
        for part in &parts {
            self.check_new(&Key::new(Kind::Action, part.id()), false)?;
        }
        check_amounts(change, &asked.items, &parts)?;
        change.from = Some(from.into_iter().cloned().collect());
        change.into = Some(parts.iter().map(|part| part.id().clone()).collect());
        Ok(asked.items.clone())
    }

    /// The item that values are set for: the one that is named, or the action whose amount is.
    pub(crate) fn meant(&self, item: Option<&Key>, set: &[Setting]) -> Option<Key> {
        let named = || set.iter().filter_map(|setting| setting.key.as_ref());
        let first = item.or_else(|| named().find(|key| key.kind.is_item()));
        first.cloned().or_else(|| {
            let amounts = self.book.named_amounts();
            let named = named().find_map(|key| amounts.get(&key.id).filter(|_| key.kind == Kind::Amount));
            named.filter(|(_, agenda)| *agenda == self.agenda).map(|(action, _)| Key::clone(action))
        })
    }

    /// An item with other values, followed by the amounts that were given or set with it.
    pub(crate) fn set(
        &self,
        change: &Change,
        item: &Arc<Record>,
        given: &[Record],
        set: &[Setting],
    ) -> Result<Vec<Record>, Rejection> {
        let key = Key::new(item.kind(), item.id());
        let (own, others): (Vec<_>, Vec<_>) =
            set.iter().partition(|setting| setting.key.as_ref().is_none_or(|named| *named == key));
        let mut items = vec![altered(item, &own)?];
        items.extend(given.iter().cloned());
        for amount in others.iter().filter_map(|setting| setting.key.as_ref()).collect::<BTreeSet<_>>() {
            let of = |setting: &&&Setting| setting.key.as_ref() == Some(amount);
            let values: Vec<_> = others.iter().filter(of).copied().collect();
            if let Some(given) = items.iter_mut().find(|record| Key::new(record.kind(), record.id()) == *amount) {
                *given = altered(given, &values)?;
                continue;
            }
            let state = self.book.at(amount, &self.cut(), self.events)?.ok_or_else(|| self.unknown(amount))?;
            items.push(altered(&state.record, &values)?);
        }
        check_amounts(change, items.get(1..).unwrap_or_default(), &items.iter().take(1).collect::<Vec<_>>())?;
        Ok(items)
    }

    /// The fields in which the first of the records differs from the item before, with the amounts that it names;
    /// `None` where nothing counts as different.
    pub(crate) fn fields(&self, before: &Arc<Record>, items: &[Record]) -> Result<Option<Vec<Text>>, Unreadable> {
        let Some(after) = items.first() else { return Ok(None) };
        let amount = |id: &Id| self.book.at(&Key::new(Kind::Amount, id), &self.cut(), self.events);
        let recorded = |id: &Id| Ok::<_, Unreadable>(amount(id)?.map(|state| state.record));
        let old = Reading::new(before.clone(), recorded)?;
        let new = Reading::new(Arc::new(after.clone()), |id| {
            let stated = items.iter().find(|record| record.kind() == Kind::Amount && record.id() == id);
            stated.map_or_else(|| recorded(id), |record| Ok(Some(Arc::new(record.clone()))))
        })?;
        let counts = FieldSet::named(before.kind(), old.changes_to(&new).iter().map(|change| change.field));
        if counts.is_empty() {
            return Ok(None);
        }
        let named = counts.or(before.rewritten(after)).names(before.kind());
        Ok(Some(named.filter_map(|field| Text::new(field).ok()).collect()))
    }

    /// What the records refer to is in the book or among them. An item's parent may come by a proposal of its own.
    fn check_references(&self, items: &[Record]) -> Result<(), Refusal> {
        let registry = Registry { book: self.book, stated: None };
        for (_, kind, id) in items.iter().flat_map(Record::references) {
            let parent = matches!(kind, Kind::Theme | Kind::Subtask | Kind::PolicyItem);
            let own = items.iter().any(|record| record.kind() == kind && record.id() == id);
            if !parent && !own && !registry.knows(kind, id, Some(self.agenda)) {
                self.book.check_reference(kind, id)?;
            }
        }
        Ok(())
    }
}

/// The proposal says what its kind needs, and nothing else.
fn check_form(id: &Id, asked: &Proposing) -> Result<(), Refusal> {
    let lineage = matches!(asked.kind, ChangeKind::Split | ChangeKind::Merged);
    let names_item = matches!(asked.kind, ChangeKind::Dropped | ChangeKind::Suspended | ChangeKind::Reinstated);
    let should = match (asked.kind, asked.disposition) {
        (ChangeKind::Dropped, None) => Some(ChangeShould::StateDisposition),
        (ChangeKind::Dropped, Some(_)) | (_, None) => None,
        (_, Some(_)) => Some(ChangeShould::OmitDisposition),
    };
    let item = asked.item.as_ref();
    let ill_named = item.is_some_and(|key| lineage || !key.kind.is_item())
        || names_item && item.is_none()
        || !lineage && !asked.from.is_empty();
    let should = should.or(ill_named.then_some(ChangeShould::NameOneItem));
    if let Some(should) = should {
        return Err(Refusal::ChangeForm { change: id.clone(), should });
    }
    if !asked.set.is_empty() && !matches!(asked.kind, ChangeKind::Changed | ChangeKind::Reinstated) {
        let fault = Fault::Unknown { key: "set".to_owned(), nearest: Nearest::of("", []) };
        return Err(Refusal::FieldInvalid { field: "set".to_owned(), fault });
    }
    Ok(())
}

/// The record with these values, each checked against the one that the client saw.
fn altered(record: &Record, set: &[&Setting]) -> Result<Record, Refusal> {
    for setting in set {
        known_field(record.kind(), &setting.field)?;
        let current = record.value(&setting.field);
        if let Some(yours) = setting.old.as_ref().filter(|yours| !same_form(yours, &current)) {
            let (yours, current) = (shown(yours), shown(&current));
            return Err(Refusal::OldValueMismatch { field: setting.field.clone(), yours, current });
        }
    }
    let fields: Vec<_> = set.iter().map(|setting| (setting.field.clone(), setting.new.clone())).collect();
    patched(record, &fields)
}

fn check_texts(record: &Record) -> Result<(), Refusal> {
    let found = Record::fields(record.kind()).iter().find_map(|field| personal_data(&record.value(field)));
    found.map_or(Ok(()), |what| Err(Refusal::PersonalData { what }))
}

/// Beside the items there are only amounts, each named by one of them.
fn check_amounts(change: &Change, records: &[Record], items: &[&Record]) -> Result<(), Rejection> {
    let named: BTreeSet<Id> = items.iter().flat_map(|item| amounts_of(Some(item))).collect();
    let is_item = |record: &Record| items.iter().any(|item| std::ptr::eq(*item, record));
    let fits = |record: &Record| is_item(record) || record.kind() == Kind::Amount && named.contains(record.id());
    if records.iter().all(fits) { Ok(()) } else { Err(one_item(change)) }
}

fn has_amount(items: &[Record], id: &Id) -> bool {
    items.iter().any(|record| record.kind() == Kind::Amount && record.id() == id)
}

/// The amounts that an action names.
pub(crate) fn amounts_of(item: Option<&Record>) -> Vec<Id> {
    match item {
        Some(Record::Action(action)) => action.amounts.clone().unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn one_item(change: &Change) -> Rejection {
    Refusal::ChangeForm { change: change.id.clone(), should: ChangeShould::NameOneItem }.into()
}

/// Names the item in the field of its kind.
pub(crate) fn name(change: &mut Change, key: &Key) {
    let slot = match key.kind {
        Kind::Action => &mut change.action,
        Kind::PolicyItem => &mut change.policy_item,
        Kind::Subtask => &mut change.subtask,
        Kind::Theme => &mut change.theme,
        _ => return,
    };
    *slot = Some(key.id.clone());
}

/// A change that says nothing yet but what kind it is.
pub(crate) fn blank(id: Id, kind: ChangeKind) -> Change {
    Change {
        id,
        kind,
        action: None,
        policy_item: None,
        subtask: None,
        theme: None,
        from: None,
        into: None,
        disposition: None,
        fields: None,
        reason: None,
        decided_by: None,
        decision: None,
        source_line: None,
        source_doc: None,
        lines: None,
        quote: None,
        confidence: None,
        doubt: None,
    }
}
