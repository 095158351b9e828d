//! Everything that touches one partner, with the groups that it was in at that time.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::book::{Book, Revision};
use crate::dates::{Day, Edtf};
use crate::directory::End;
use crate::history::{Cut, Recall, State, Unreadable};
use crate::ids::{Id, Key, Kind};
use crate::partners::partners;
use crate::propose::amounts_of;
use crate::record::{Party, Record};

/// Everything that touches one partner.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The partner, as it read then.
    pub party: Party,
    /// The groups that it was in, and the parties whose place it took.
    pub names: Vec<Name>,
    /// What touches it, by kind and id.
    pub rows: Vec<Row>,
    /// The groups that take part in an action, and of which nobody stated the members: it may be among them.
    pub unstated: Vec<Id>,
    /// How the partner ended; absent where it did not.
    pub ended: Option<End>,
}

/// Another name under which a party takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A group that it is a member of, directly or through another group.
    Group(Id),
    /// A party whose place it took.
    Former(Id),
}

impl Name {
    /// The party of that name.
    pub fn id(&self) -> &Id {
        match self {
            Self::Group(id) | Self::Former(id) => id,
        }
    }
}

/// One thing that touches a partner.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The record.
    pub key: Key,
    /// What people call it.
    pub label: String,
    /// The field by which it names the partner.
    pub field: &'static str,
    /// The group or former party that it names instead; absent where it names the partner itself.
    pub via: Option<Id>,
    /// It ended.
    pub ended: bool,
    /// What came of it since the edition that was asked for.
    pub since: Since,
}

/// What came of something since an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// No edition was asked for.
    NotAsked,
    /// It touched the partner then, and reads the same.
    Same,
    /// It touched the partner then, and reads differently.
    Changed,
    /// It did not touch the partner then.
    Came,
    /// It touched the partner then, and does so no more.
    Left,
}

impl Book {
    /// Everything that touches a partner at a point in time, and what came of it since a revision; `day` tells what is
    /// over. `None` where the partner was not known then.
    pub fn sheet(
        &self,
        party: &Id,
        cut: &Cut,
        day: Day,
        since: Option<&Revision>,
        events: &dyn Recall,
    ) -> Result<Option<Sheet>, Unreadable> {
        let state = self.at(&Key::new(Kind::Party, party), cut, events)?;
        let Some(Record::Party(record)) = state.map(|state| state.record.as_ref().clone()) else { return Ok(None) };
        let (mut sheet, now) = self.touching(record, &[], (cut, day), events)?;
        if let Some(revision) = since {
            // What a party touched whose place it took has come with that.
            let former: Vec<_> = sheet.names.iter().filter(|name| matches!(name, Name::Former(_))).cloned().collect();
            let then = revision.as_known(cut.known);
            let before = self.touching(sheet.party.clone(), &former, (&then, then.valid), events)?;
            compare(&mut sheet, &now, before);
        }
        Ok(Some(sheet))
    }

    /// The other names under which a party took part at a point in time: groups, and parties whose place it took.
    pub fn other_names(&self, party: &Id, cut: &Cut, events: &dyn Recall) -> Result<Vec<Name>, Unreadable> {
        self.names(party, &self.parties(cut, events)?, (cut, cut.valid), events)
    }

    /// What touches a partner at a point in time, under the names that it had and some more, with how each record read.
    fn touching(
        &self,
        party: Party,
        more: &[Name],
        (cut, day): (&Cut, Day),
        events: &dyn Recall,
    ) -> Result<(Sheet, Records), Unreadable> {
        let parties = self.parties(cut, events)?;
        let mut names = self.names(&party.id, &parties, (cut, day), events)?;
        names.extend(more.iter().cloned());
        let groups = parties.values().filter(|group| is_unstated_group(group) && group.id != party.id);
        let mut unstated = Vec::new();
        for group in groups {
            if self.takes_part(&group.id, cut, events)? {
                unstated.push(group.id.clone());
            }
        }
        let ended = self.end_of(&Key::new(Kind::Party, &party.id), cut, events)?.filter(|end| end.since <= day);
        let gone = ended.as_ref().is_some_and(|end| end.successor.is_none());
        let (mut rows, mut records, mut amounts) = (Vec::new(), Records::new(), None);
        let ids = names.iter().map(Name::id).chain([&party.id]);
        let candidates: BTreeSet<&Key> = ids.flat_map(|id| self.naming(id)).collect();
        for key in candidates {
            let Some(entry) = self.entry(key) else { continue };
            let Some(State { record, .. }) = entry.at(cut, events)?.filter(|state| state.present) else { continue };
            let mut touches = None;
            for (field, id) in partners(&record) {
                if *id == party.id {
                    touches = Some((field, None));
                } else if touches.is_none() && names.iter().any(|name| name.id() == id) {
                    touches = Some((field, Some(id.clone())));
                }
            }
            let Some((field, via)) = touches else { continue };
            let over = entry.end(cut).is_some_and(|end| end.since <= day)
                || term_of(&record).is_some_and(|until| until.latest() < day)
                || gone && via.is_none() && key.kind == Kind::Assignment;
            let mut ended = over || self.has_left(&record, cut, events)?;
            if !over && ended && key.kind == Kind::Amount {
                // It may have gone over to another action.
                if amounts.is_none() {
                    amounts = Some(self.amounts_at(cut, events)?);
                }
                ended = !amounts.as_ref().is_some_and(|amounts| amounts.contains(&key.id));
            }
            rows.push(Row { key: key.clone(), label: record.label(), field, via, ended, since: Since::NotAsked });
            records.insert(key.clone(), record);
        }
        Ok((Sheet { party, names, rows, unstated, ended }, records))
    }

    /// Does it belong to an item that left the agenda, or that dropped it?
    fn has_left(&self, record: &Record, cut: &Cut, events: &dyn Recall) -> Result<bool, Unreadable> {
        let item = match record {
            Record::Amount(amount) => amount.action.as_ref().map(|id| (Kind::Action, id)),
            Record::Assignment(assignment) => assignment.item(),
            _ => None,
        };
        let Some((kind, id)) = item else { return Ok(false) };
        let left = self.at(&Key::new(kind, id), cut, events)?.is_some_and(|item| !item.present);
        match record {
            Record::Amount(amount) if !left => self.is_dropped_by_action(amount, cut, events),
            _ => Ok(left),
        }
    }

    /// The amounts that standing actions name.
    fn amounts_at(&self, cut: &Cut, events: &dyn Recall) -> Result<HashSet<Id>, Unreadable> {
        let mut named = HashSet::new();
        for (_, entry) in self.entries(Kind::Action) {
            if let Some(action) = entry.at(cut, events)?.filter(|action| action.present) {
                named.extend(amounts_of(Some(&action.record)));
            }
        }
        Ok(named)
    }

    /// Does a party take part in an action under its own name?
    fn takes_part(&self, party: &Id, cut: &Cut, events: &dyn Recall) -> Result<bool, Unreadable> {
        for key in self.naming(party).filter(|key| key.kind == Kind::Action) {
            let state = self.at(key, cut, events)?.filter(|state| state.present);
            if state.is_some_and(|state| partners(&state.record).any(|(_, id)| id == party)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The parties, as they read then.
    fn parties(&self, cut: &Cut, events: &dyn Recall) -> Result<BTreeMap<Id, Party>, Unreadable> {
        let mut all = BTreeMap::new();
        for (key, entry) in self.entries(Kind::Party) {
            if let Some(state) = entry.at(cut, events)?
                && let Record::Party(party) = state.record.as_ref()
            {
                all.insert(key.id.clone(), party.clone());
            }
        }
        Ok(all)
    }

    /// The other names of a party: those whose place it took, and the groups that it or those are members of.
    fn names(
        &self,
        party: &Id,
        parties: &BTreeMap<Id, Party>,
        (cut, day): (&Cut, Day),
        events: &dyn Recall,
    ) -> Result<Vec<Name>, Unreadable> {
        let mut into = BTreeMap::new();
        for id in parties.keys() {
            let end = self.end_of(&Key::new(Kind::Party, id), cut, events)?;
            if let Some(other) = end.filter(|end| end.since <= day).and_then(|end| end.successor) {
                into.insert(id, other);
            }
        }
        let (mut seen, mut next, mut names) = (BTreeSet::from([party]), vec![party], Vec::new());
        while let Some(id) = next.pop() {
            let former = into.iter().filter(|(_, other)| *other == id).map(|(from, _)| Name::Former((*from).clone()));
            let holds = |group: &&Party| group.members.iter().flatten().any(|member| member == id);
            let groups = parties.values().filter(holds).map(|group| Name::Group(group.id.clone()));
            for name in former.chain(groups) {
                if let Some((known, _)) = parties.get_key_value(name.id())
                    && seen.insert(known)
                {
                    next.push(known);
                    names.push(name);
                }
            }
        }
        names.sort_by(|a, b| a.id().cmp(b.id()));
        Ok(names)
    }
}

type Records = BTreeMap<Key, Arc<Record>>;

/// A group of which nobody stated the members.
fn is_unstated_group(party: &Party) -> bool {
    let is_group = party.count.is_some() || party.kind.as_ref().is_some_and(|kind| kind.as_str() == "group");
    is_group && party.members.as_ref().is_none_or(Vec::is_empty)
}

/// Tells what came of each thing since another sheet.
fn compare(sheet: &mut Sheet, now: &Records, (before, then): (Sheet, Records)) {
    let stood: HashSet<&Key> = before.rows.iter().filter(|row| !row.ended).map(|row| &row.key).collect();
    for row in &mut sheet.rows {
        let differs = then.get(&row.key).zip(now.get(&row.key)).is_some_and(|(a, b)| !a.changed(b).is_empty());
        row.since = match (stood.contains(&row.key), row.ended) {
            (true, true) => Since::Left,
            (true, false) if differs => Since::Changed,
            (true, false) | (false, true) => Since::Same,
            (false, false) => Since::Came,
        };
    }
    let left = before.rows.iter().filter(|row| !now.contains_key(&row.key) && !row.ended);
    sheet.rows.extend(left.map(|row| Row { since: Since::Left, ..row.clone() }));
    sheet.rows.sort_by(|a, b| a.key.cmp(&b.key));
}

/// Until when a record says that it holds.
fn term_of(record: &Record) -> Option<&Edtf> {
    match record {
        Record::Agreement(agreement) => agreement.period.as_ref()?.to.as_ref(),
        Record::Assignment(assignment) => assignment.until.as_ref(),
        Record::Membership(seat) => seat.until.as_ref(),
        Record::Amount(amount) => amount.through.as_ref(),
        _ => None,
    }
}
