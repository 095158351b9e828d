//! Roles: who has which in which item, as editions, remarks and assignments state it side by side. Statements may
//! contradict each other; none overwrites another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::authority::{ADVISE, Registry, Verdict};
use crate::book::Book;
use crate::changes::revision_at;
use crate::command::{Context, StateRecord};
use crate::dates::{Day, Edtf};
use crate::deeds::Doing;
use crate::event::Draft;
use crate::history::{Cut, Entry, Mark, Recall, Unreadable};
use crate::ids::{Id, Key, Kind};
use crate::message::Lang;
use crate::record::{Assignment, Decision, Record};
use crate::refusal::{Refusal, Rejection, Subject};
use crate::statement::is_reason;
use crate::value::Nearest;

/// An item and the roles that are stated for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// The item: every policy item, and what else a role was assigned in.
    pub item: Key,
    /// What people call it.
    pub label: String,
    /// The edition whose table it stands in; only policy items have roles there.
    pub table: Option<RoleSource>,
    /// What is stated: first by the edition, then by remarks, then by assignments.
    pub statements: Vec<RoleStatement>,
}

/// One role word, and who states it of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleStatement {
    /// The word.
    pub word: Id,
    /// Who has the role; absent where the agenda's owner is meant and not stated.
    pub holder: Option<Id>,
    /// Where it is stated.
    pub source: RoleSource,
    /// From when.
    pub since: Option<Edtf>,
    /// Until when.
    pub until: Option<Edtf>,
    /// The decision by which; absent is as stated, without one.
    pub decision: Option<Id>,
}

/// Where a role is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleSource {
    /// In the table of this edition.
    Edition(Id),
    /// In this remark.
    Remark(Id),
    /// By this assignment.
    Assignment(Id),
}

/// In English; in the alternate form (`{:#}`) in Dutch.
impl fmt::Display for RoleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, Lang::of(f)) {
            (Self::Edition(_), Lang::Nl) => f.write_str("de tabel"),
            (Self::Edition(_), Lang::En) => f.write_str("the table"),
            (Self::Remark(id) | Self::Assignment(id), _) => write!(f, "`{id}`"),
        }
    }
}

/// Two sources that state different roles of the same holder, in the same item, at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The one source, and its words.
    pub one: (RoleSource, Vec<Id>),
    /// The other source, and its words.
    pub other: (RoleSource, Vec<Id>),
}

impl RoleRow {
    /// Where two sources state different roles. A source that repeats a part of what another one says agrees with it.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let mut voices: Vec<Vec<&RoleStatement>> = Vec::new();
        for statement in &self.statements {
            let same =
                |voice: &&mut Vec<&RoleStatement>| voice.first().is_some_and(|first| first.speaks_with(statement));
            match voices.iter_mut().find(same) {
                Some(voice) => voice.push(statement),
                None => voices.push(vec![statement]),
            }
        }
        let mut all = Vec::new();
        // A remark on an item whose table names no role contradicts that too.
        let silent = self.statements.first().is_none_or(|said| !matches!(said.source, RoleSource::Edition(_)));
        for (n, other) in voices.iter().enumerate() {
            let Some(spoken_by_other) = spoken(other) else { continue };
            let remarked = matches!(spoken_by_other.0, RoleSource::Remark(_));
            let table = self.table.clone().filter(|_| silent && remarked).map(|table| (table, Vec::new()));
            let against = voices.iter().take(n).filter(|one| other.iter().any(|said| said.contradicts(one)));
            let ones = table.into_iter().chain(against.filter_map(|one| spoken(one)));
            all.extend(ones.map(|one| Contradiction { one, other: spoken_by_other.clone() }));
        }
        all
    }
}

fn spoken(voice: &[&RoleStatement]) -> Option<(RoleSource, Vec<Id>)> {
    let words = voice.iter().map(|said| said.word.clone()).collect();
    voice.first().map(|first| (first.source.clone(), words))
}

impl RoleStatement {
    /// Is it stated together with the other one, of the same holder: in the same place, or by the same decision?
    fn speaks_with(&self, other: &Self) -> bool {
        let assigned = |source: &RoleSource| matches!(source, RoleSource::Assignment(_));
        let together = assigned(&self.source) && assigned(&other.source) && self.decision.is_some();
        self.holder == other.holder && (self.source == other.source || together && self.decision == other.decision)
    }

    /// Does the other source speak of the same holder and time, and not of this role?
    fn contradicts(&self, one: &[&Self]) -> bool {
        let mut heard = one.iter().filter(|said| said.holder == self.holder && self.meets(said)).peekable();
        heard.peek().is_some() && heard.all(|said| said.word != self.word)
    }

    fn meets(&self, other: &Self) -> bool {
        let term = |said: &Self| {
            let since = said.since.as_ref().map_or(Day::EVER, Edtf::earliest);
            (since, said.until.as_ref().map_or(Day::NEVER, Edtf::latest))
        };
        let ((since, until), (from, to)) = (term(self), term(other));
        since <= to && from <= until
    }
}

/// In how many items each word is named, the most used first.
pub fn role_totals(rows: &[RoleRow]) -> Vec<(Id, usize)> {
    let mut items: BTreeMap<&Id, usize> = BTreeMap::new();
    for row in rows {
        let words: BTreeSet<&Id> = row.statements.iter().map(|said| &said.word).collect();
        for word in words {
            *items.entry(word).or_default() += 1;
        }
    }
    let mut totals: Vec<_> = items.into_iter().map(|(word, count)| (word.clone(), count)).collect();
    totals.sort_by(|(a, most), (b, least)| least.cmp(most).then(a.cmp(b)));
    totals
}

impl Book {
    /// The roles in the items of an agenda at a point in time; `day` tells which assignments are over.
    pub fn roles(&self, agenda: &Id, cut: &Cut, day: Day, events: &dyn Recall) -> Result<Vec<RoleRow>, Unreadable> {
        let owner = self.owner(agenda, cut, events)?;
        let revision = self.agenda(agenda).and_then(|state| revision_at(state, cut));
        let remarked = self.remarked(agenda, owner.as_ref(), cut, events)?;
        let assigned = self.assigned(agenda, owner.as_ref(), cut, day, events)?;
        let mut rows = Vec::new();
        for (key, entry) in self.items(agenda) {
            let Some(state) = entry.at(cut, events)?.filter(|state| state.present) else { continue };
            if key.kind != Kind::PolicyItem && !assigned.contains_key(key) {
                continue;
            }
            let edition = revision.map(|revision| RoleSource::Edition(revision.seal.edition.id.clone()));
            let table = edition.filter(|_| key.kind == Kind::PolicyItem);
            let mut statements = match &table {
                Some(table) => tabled(table, owner.as_ref(), &state.record, entry, cut, events)?,
                None => Vec::new(),
            };
            statements.extend([&remarked, &assigned].into_iter().filter_map(|all| all.get(key)).flatten().cloned());
            rows.push(RoleRow { item: key.clone(), label: state.record.label(), table, statements });
        }
        Ok(rows)
    }

    fn owner(&self, agenda: &Id, cut: &Cut, events: &dyn Recall) -> Result<Option<Id>, Unreadable> {
        let state = self.at(&Key::new(Kind::Agenda, agenda), cut, events)?;
        Ok(state.and_then(|state| match state.record.as_ref() {
            Record::Agenda(agenda) => agenda.owner.clone(),
            _ => None,
        }))
    }

    /// What remarks state: of the actions that they name, and of the policy items that those stand under.
    fn remarked(
        &self,
        agenda: &Id,
        owner: Option<&Id>,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<BTreeMap<Key, Vec<RoleStatement>>, Unreadable> {
        let mut all: BTreeMap<Key, Vec<RoleStatement>> = BTreeMap::new();
        let Some(revision) = self.agenda(agenda).and_then(|state| revision_at(state, cut)) else { return Ok(all) };
        let stated = revision.stated();
        let mine = |entry: &Entry| entry.agenda.as_ref().is_none_or(|of| of == agenda);
        for (key, entry) in
            self.entries(Kind::Remark).filter(|(key, entry)| mine(entry) && stated.reaches(key, entry, cut))
        {
            let Some(state) = entry.at(cut, events)? else { continue };
            let Record::Remark(remark) = state.record.as_ref() else { continue };
            let mut items = BTreeSet::new();
            for action in remark.actions.as_deref().unwrap_or_default() {
                let action = Key::new(Kind::Action, action);
                if let Some(Record::Action(of)) = self.at(&action, cut, events)?.as_ref().map(|s| s.record.as_ref()) {
                    items.extend([Key::new(Kind::PolicyItem, &of.policy_item), action]);
                }
            }
            let since = entry.last_set("roles", cut).map(|mark| events.recall(mark.anchor)).transpose()?;
            let since = since.and_then(|set| set.event.effective.clone());
            for (item, word) in
                items.iter().flat_map(|item| remark.roles.iter().flatten().map(move |word| (item, word)))
            {
                all.entry(item.clone()).or_default().push(RoleStatement {
                    word: word.clone(),
                    holder: owner.cloned(),
                    source: RoleSource::Remark(key.id.clone()),
                    since: since.clone(),
                    until: None,
                    decision: None,
                });
            }
        }
        Ok(all)
    }

    /// What was assigned and is not over.
    fn assigned(
        &self,
        agenda: &Id,
        owner: Option<&Id>,
        cut: &Cut,
        day: Day,
        events: &dyn Recall,
    ) -> Result<BTreeMap<Key, Vec<RoleStatement>>, Unreadable> {
        let mut all: BTreeMap<Key, Vec<RoleStatement>> = BTreeMap::new();
        for (key, entry) in self.entries(Kind::Assignment).filter(|(_, entry)| entry.agenda.as_ref() == Some(agenda)) {
            let Some(state) = entry.at(cut, events)? else { continue };
            let Record::Assignment(assignment) = state.record.as_ref() else { continue };
            let ended = entry.end(cut).is_some_and(|end| end.since <= day);
            let over = assignment.until.as_ref().is_some_and(|until| until.latest() < day);
            // What a party stands in, its successor stands in; without one it is over.
            let holder = assignment.holder.as_ref().map(|holder| Key::new(Kind::Party, holder));
            let end = holder.map_or(Ok(None), |holder| self.end_of(&holder, cut, events))?;
            let gone = end.is_some_and(|end| end.since <= day && end.successor.is_none());
            let Some((kind, item)) = assignment.item().filter(|_| !ended && !over && !gone) else { continue };
            all.entry(Key::new(kind, item)).or_default().push(RoleStatement {
                word: assignment.role.clone(),
                holder: assignment.holder.as_ref().or(owner).cloned(),
                source: RoleSource::Assignment(key.id.clone()),
                since: assignment.since.clone(),
                until: assignment.until.clone(),
                decision: assignment.decision.clone(),
            });
        }
        Ok(all)
    }

    /// Holds an assignment to its rules, and says which agenda it belongs to: that of its item.
    pub(crate) fn check_assignment(
        &self,
        assignment: &Assignment,
        command: &StateRecord,
        effective: &Edtf,
        context: &Context,
        events: &dyn Recall,
    ) -> Result<Id, Rejection> {
        let key = Key::new(Kind::Assignment, &assignment.id);
        self.check_not_ended(&key, Day::NEVER, events)?;
        let mut items = assignment.items();
        let (Some((kind, item)), None) = (items.next(), items.next()) else {
            return Err(Refusal::RoleItem { assignment: assignment.id.clone() }.into());
        };
        let item = Key::new(kind, item);
        self.check_same_role(&key, &item, effective)?;
        let agenda = self.check_standing(&item, command.agenda.as_ref())?;
        if let Some(agenda) = self.other_owner(&key, &agenda) {
            return Err(Refusal::IdTaken { key, agenda }.into());
        }
        if !command.reason.as_ref().is_some_and(|reason| is_reason(reason.as_str())) {
            return Err(Refusal::ReasonMissing { what: Subject::Record(key) }.into());
        }
        self.check_word(&assignment.role, effective)?;
        let since = assignment.since.as_ref().unwrap_or(effective);
        if let Some(until) = assignment.until.as_ref().filter(|until| until.latest() < since.earliest()) {
            return Err(Refusal::RoleEndBeforeStart { since: since.to_string(), until: until.to_string() }.into());
        }
        let registry = Registry { book: self, stated: None };
        if let Some(decision) = assignment.decision.as_ref().and_then(|id| registry.decision(id)) {
            if let Some(date) = decision.still_to_come(context.today) {
                return Err(Refusal::DecisionNotTaken { decision: decision.id.clone(), date: date.to_string() }.into());
            }
            self.check_mandated(decision, &agenda)?;
        }
        self.check_overlap(assignment, &item, &agenda, since, events)?;
        Ok(agenda)
    }

    /// A role that is stated otherwise stays with its item, and begins no earlier: what its first statement left open
    /// would be filled from before it.
    fn check_same_role(&self, key: &Key, item: &Key, effective: &Edtf) -> Result<(), Refusal> {
        let Some(entry) = self.entry(key) else { return Ok(()) };
        let Record::Assignment(recorded) = entry.record.as_ref() else { return Ok(()) };
        let Some((kind, id)) = recorded.item() else { return Ok(()) };
        let (own, since) = (Key::new(kind, id), entry.begins());
        if own == *item && since <= effective.earliest() {
            return Ok(());
        }
        Err(Refusal::RoleFixed { assignment: key.id.clone(), item: own, since })
    }

    /// A late fact moves no role, and gives none twice.
    pub(crate) fn check_late_role(
        &self,
        assignment: &Assignment,
        effective: &Edtf,
        events: &dyn Recall,
    ) -> Result<(), Rejection> {
        let Some((kind, id)) = assignment.item() else {
            return Err(Refusal::RoleItem { assignment: assignment.id.clone() }.into());
        };
        let (key, item) = (Key::new(Kind::Assignment, &assignment.id), Key::new(kind, id));
        self.check_same_role(&key, &item, effective)?;
        let agenda = self.entry(&key).and_then(|entry| entry.agenda.as_ref());
        let since = assignment.since.as_ref().unwrap_or(effective);
        agenda.map_or(Ok(()), |agenda| self.check_overlap(assignment, &item, agenda, since, events))
    }

    /// The item stands on an agenda: on the one that is named, where one is.
    pub(crate) fn check_standing(&self, item: &Key, named: Option<&Id>) -> Result<Id, Refusal> {
        self.check_known(item)?;
        let entry = self.entry(item).filter(|entry| entry.is_present());
        let agenda = entry.and_then(|entry| entry.agenda.as_ref()).filter(|of| named.is_none_or(|named| named == *of));
        agenda.cloned().ok_or_else(|| Refusal::NotOnAgenda { item: item.clone() })
    }

    /// The word was in the vocabulary on that day.
    fn check_word(&self, word: &Id, day: &Edtf) -> Result<(), Refusal> {
        let of_then = |entry: &Entry| entry.begins() <= day.latest();
        if self.entry(&Key::new(Kind::Role, word)).is_some_and(|entry| of_then(entry)) {
            return Ok(());
        }
        let words = self.entries(Kind::Role).filter(|(_, entry)| of_then(entry)).map(|(key, _)| key.id.as_str());
        Err(Refusal::RoleUnknown { word: word.clone(), nearest: Nearest::of(word.as_str(), words) })
    }

    /// A decision by which a role comes or goes is one that its body may take, and more than an advice.
    fn check_mandated(&self, decision: &Decision, agenda: &Id) -> Result<(), Refusal> {
        let registry = Registry { book: self, stated: None };
        let kind = decision.kind.as_str();
        if registry.authority(decision, Some(agenda)) == Verdict::None {
            return Err(registry.no_mandate(decision, Some(agenda)));
        }
        if kind == ADVISE { Err(Refusal::AdviceOnly { decision: decision.id.clone() }) } else { Ok(()) }
    }

    /// The holder does not have the role in the item already, at any time that the assignment is for: by another
    /// assignment, or, as the owner, by the agenda itself.
    fn check_overlap(
        &self,
        assignment: &Assignment,
        item: &Key,
        agenda: &Id,
        since: &Edtf,
        events: &dyn Recall,
    ) -> Result<(), Rejection> {
        let owner = self.owner(agenda, &Cut::NOW, events)?;
        let holder_of = |assignment: &Assignment| assignment.holder.clone().or_else(|| owner.clone());
        let holder = holder_of(assignment);
        let overlap = |since: String| {
            let holder = holder.as_ref().map_or_else(|| agenda.to_string(), ToString::to_string);
            Refusal::RoleOverlap { holder, word: assignment.role.clone(), item: Box::new(item.clone()), since }
        };
        let (from, to) = (since.earliest(), assignment.until.as_ref().map_or(Day::NEVER, Edtf::latest));
        for (_, entry) in self.entries(Kind::Assignment).filter(|(key, _)| key.id != assignment.id) {
            let Record::Assignment(other) = entry.record.as_ref() else { continue };
            let same = other.item() == Some((item.kind, &item.id)) && other.role == assignment.role;
            let begun = other.since.as_ref().map_or_else(|| entry.begins(), Edtf::earliest);
            let until = other.until.as_ref().map_or(Day::NEVER, Edtf::latest);
            let ended = entry.end(&Cut::NOW).is_some_and(|end| end.since <= from);
            if same && holder_of(other) == holder && from <= until && begun <= to && !ended {
                return Err(overlap(other.since.as_ref().map_or_else(|| begun.to_string(), ToString::to_string)).into());
            }
        }
        let Some(entry) = self.entry(item).filter(|_| holder == owner) else { return Ok(()) };
        let states = |record: &Record| match record {
            Record::PolicyItem(item) => item.roles.as_deref().unwrap_or_default().contains(&assignment.role),
            _ => false,
        };
        // As it reads when the assignment begins, and from each day within it on which it reads otherwise.
        let within = entry.writers("roles").map(|mark| mark.since).filter(|day| from < *day && *day <= to);
        for day in std::iter::once(since.latest()).chain(within) {
            let cut = Cut { valid: day, ..Cut::NOW };
            if entry.at(&cut, events)?.is_some_and(|state| states(&state.record)) {
                let set = stated_since(&assignment.role, entry, &cut, events)?.map_or(day, |mark| mark.since);
                return Err(overlap(set.to_string()).into());
            }
        }
        Ok(())
    }
}

/// What the edition's table states of a policy item.
fn tabled(
    table: &RoleSource,
    owner: Option<&Id>,
    record: &Record,
    entry: &Entry,
    cut: &Cut,
    events: &dyn Recall,
) -> Result<Vec<RoleStatement>, Unreadable> {
    let Record::PolicyItem(item) = record else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for word in item.roles.iter().flatten() {
        let Some(mark) = stated_since(word, entry, cut, events)? else { continue };
        let set = events.recall(mark.anchor)?;
        all.push(RoleStatement {
            word: word.clone(),
            holder: owner.cloned(),
            source: table.clone(),
            since: set.event.effective.clone(),
            until: None,
            decision: set.event.decision.clone(),
        });
    }
    Ok(all)
}

/// The mark since which the roles of an item hold a word, at a point in time.
fn stated_since(word: &Id, entry: &Entry, cut: &Cut, events: &dyn Recall) -> Result<Option<Mark>, Unreadable> {
    let mut since = None;
    for mark in entry.writers("roles").filter(|mark| cut.selects(mark)) {
        match events.recall(mark.position)?.event.payload.record() {
            Some(Record::PolicyItem(item)) if item.roles.iter().flatten().any(|held| held == word) => {
                since = Some(*mark);
            }
            _ => break,
        }
    }
    Ok(since)
}

impl Doing<'_> {
    /// Ends a role; where a decision is named, by one that its body may take.
    pub(crate) fn end_role(self) -> Result<Vec<Draft>, Rejection> {
        let agenda = self.book.entry(self.key()).and_then(|entry| entry.agenda.as_ref());
        if let Some((decision, agenda)) = self.decision.zip(agenda) {
            self.book.check_mandated(decision, agenda)?;
        }
        self.end()
    }
}
