//! Money: sums by theme, year and source, and the rules that amounts and co-financing should keep to.
//!
//! A sum is a lower bound: it adds what is stated and names what is not. A part is never added to its whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::book::{Book, Revision};
use crate::changes::revision_at;
use crate::dates::{Day, Edtf};
use crate::deeds::Doing;
use crate::event::Draft;
use crate::history::{Cut, Entry, Recall, Unreadable};
use crate::ids::{Id, Key, Kind};
use crate::message::phrases;
use crate::propose::amounts_of;
use crate::record::{Action, Agreement, Amount, Record};
use crate::refusal::{Refusal, Rejection, Subject, shown};
use crate::statement::is_reason;
use crate::value::{Fault, Field, Per, Scalar, Text};

/// By what amounts are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SumBy {
    /// The theme of the action that they belong to.
    Theme,
    /// Each year of their term.
    Year,
    /// Who or what pays.
    Source,
}

/// The money of an agenda at a point in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Money {
    /// The sums, in the order of their keys.
    pub sums: Vec<Sum>,
    /// Every amount, by id.
    pub amounts: Vec<AmountStanding>,
    /// The rules of co-financing, by the id of the agreement.
    pub cofinancing: Vec<CofinancingRule>,
}

/// What a sum is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SumOf {
    /// This theme or source.
    Record(Id),
    /// This year.
    Year(i16),
    /// The year in which they begin is not stated.
    BeginNotStated,
    /// The theme, year or source is not stated.
    NotStated,
}

/// What amounts come to, at least.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    /// What it is of.
    pub of: SumOf,
    /// What people call that.
    pub label: Option<String>,
    /// What is paid each year; absent where nothing is stated.
    pub per_year: Option<u64>,
    /// What is paid once; absent where nothing is stated.
    pub once: Option<u64>,
    /// What is stated without saying how often; absent where nothing is.
    pub unspecified: Option<u64>,
    /// The amounts that it adds.
    pub amounts: Vec<Id>,
    /// The amounts without a sum, and the actions without an amount.
    pub not_stated: Vec<Key>,
}

/// An amount, and how it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct AmountStanding {
    /// The amount.
    pub amount: Amount,
    /// The theme of its action.
    pub theme: Option<Id>,
    /// The day from which it holds no more.
    pub ended: Option<Day>,
    /// It is a part of another amount, and added to nothing.
    pub is_part: bool,
    /// Whether it keeps to its rule, where it is counted by a unit.
    pub rule: Option<UnitRule>,
}

/// Whether a part by unit, times the number of units, is the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitRule {
    /// It is.
    Verified(Units),
    /// It is not.
    Differs(Units),
    /// Nobody can say.
    NotVerifiable(Unverifiable),
}

/// So many times so much, and the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// How many units.
    pub units: u32,
    /// How much for each, in whole euros.
    pub each: u64,
    /// The whole, in whole euros.
    pub total: u64,
}

phrases! {
    /// Why a rule by unit cannot be verified.
    pub enum Unverifiable {
        /// A part of nothing.
        NoWhole
            nl "van welk bedrag het een deel is, is niet vermeld"
            en "of which amount it is a part is not stated"
        /// A sum is missing.
        NoSum
            nl "het bedrag van het deel of van het geheel is niet vermeld"
            en "the sum of the part or of the whole is not stated"
        /// It belongs to no action.
        NoAction
            nl "bij welke actie het hoort is niet vermeld"
            en "to which action it belongs is not stated"
        /// Nothing to count.
        NoGroup
            nl "de actie heeft geen partnergroep met een aantal of leden"
            en "the action has no partner group with a count or members"
        /// Too much to count.
        SeveralGroups
            nl "de actie heeft meer dan één partnergroep met een aantal of leden"
            en "the action has more than one partner group with a count or members"
    }
}

/// A rule of co-financing. Without a base it has two readings until that is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CofinancingRule {
    /// The agreement.
    pub agreement: Id,
    /// The share, as written; absent is not stated.
    pub share: Option<Scalar>,
    /// What it is a share of; absent is not stated.
    pub base: Option<Text>,
}

phrases! {
    /// How a share without a base may be read.
    pub enum ShareReading {
        /// Of everything.
        OfTotal nl "een aandeel in de totale kosten" en "a share of the total costs"
        /// Beside the contribution.
        OnTop nl "boven op de bijdrage" en "on top of the contribution"
    }
}

impl CofinancingRule {
    /// The rule of an agreement, where it has one.
    pub fn of(agreement: &Agreement) -> Option<Self> {
        let named = agreement.kind.as_ref().is_some_and(|kind| kind.as_str() == "co-financing");
        let rule = agreement.cofinancing.as_ref();
        (named || rule.is_some()).then(|| Self {
            agreement: agreement.id.clone(),
            share: rule.map(|rule| rule.share.clone()),
            base: rule.and_then(|rule| rule.base.clone()).filter(|base| !base.as_str().is_empty()),
        })
    }

    /// A share that is agreed on is one: no more than the whole.
    pub(crate) fn check_share(agreement: &Agreement) -> Result<(), Refusal> {
        let share = Self::of(agreement).and_then(|rule| rule.share).filter(|share| millionths(share).is_none());
        share.as_ref().and_then(Field::write).map_or(Ok(()), |share| {
            let fault = Fault::Share { text: shown(&share) };
            Err(Refusal::FieldInvalid { field: "cofinancing".to_owned(), fault })
        })
    }

    /// How it may be read: both ways while its base is not stated, none when it is.
    pub fn readings(&self) -> &'static [ShareReading] {
        if self.base.is_some() { &[] } else { ShareReading::ALL }
    }

    /// What the partners contribute to the agreement's actions, of these amounts of them, and all that is contributed, where that is less than the
    /// rule asks. It is a share of the total where the base says so; else the least that it may mean: on top of what
    /// the others contribute. `None` where nothing of partners is recorded, or not everything is stated alike.
    pub(crate) fn falls_short(
        &self,
        agreement: &Agreement,
        owner: Option<&Id>,
        amounts: &[&&Amount],
    ) -> Option<(u64, u64)> {
        let share = u128::from(millionths(self.share.as_ref()?)?);
        let amounts: Vec<_> = amounts.iter().filter(|amount| amount.part_of.is_none()).collect();
        let per = amounts.first()?.per;
        let (mut paid, mut others) = (0_u64, 0_u64);
        for amount in amounts.iter().filter(|amount| amount.per == per) {
            let of_partner =
                |source: &Id| Some(source) != owner && agreement.parties.iter().flatten().any(|id| id == source);
            let sum = if amount.source.as_ref().is_some_and(of_partner) { &mut paid } else { &mut others };
            *sum = sum.checked_add(amount.eur?.euros())?;
        }
        let total = paid.checked_add(others).filter(|_| paid > 0 && amounts.iter().all(|amount| amount.per == per))?;
        let of_total = self.base.as_ref().is_some_and(|base| base.as_str().to_lowercase().contains("tota"));
        let asked = share * u128::from(if of_total { total } else { others });
        (u128::from(paid) * 1_000_000 < asked).then_some((paid, total))
    }
}

/// A share in millionths: `0.5`, `"0,5"` and `"50%"` are half; what is no share is `None`.
fn millionths(share: &Scalar) -> Option<u64> {
    let text = match share {
        Scalar::Number(number) => number.as_ref(),
        Scalar::Text(text) => text.as_str(),
    };
    let (digits, places) = text.trim().strip_suffix('%').map_or((text.trim(), 6), |percent| (percent.trim_end(), 4));
    let (whole, part) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let shifted: String = part.chars().chain(std::iter::repeat('0')).take(places).collect();
    let millionths = format!("{whole}{shifted}").parse().ok()?;
    (millionths <= 1_000_000).then_some(millionths)
}

/// Where records are looked up: at one point in time.
pub(crate) type Lookup<'a> = dyn Fn(Kind, &Id) -> Option<Arc<Record>> + 'a;

/// Whether an amount keeps to its rule by unit; `None` where it is not counted by one. The number of units is the count,
/// else the members, of the only partner group of its action that has one.
pub(crate) fn unit_rule(amount: &Amount, get: &Lookup) -> Option<UnitRule> {
    amount.unit.as_ref().filter(|unit| !unit.as_str().is_empty())?;
    let counted = units_of(amount, get).map(|rule| {
        let total = u64::from(rule.units).checked_mul(rule.each);
        if total == Some(rule.total) { UnitRule::Verified(rule) } else { UnitRule::Differs(rule) }
    });
    Some(counted.unwrap_or_else(UnitRule::NotVerifiable))
}

fn units_of(amount: &Amount, get: &Lookup) -> Result<Units, Unverifiable> {
    let whole = amount.part_of.as_ref().and_then(|id| get(Kind::Amount, id));
    let Some(Record::Amount(whole)) = whole.as_deref() else { return Err(Unverifiable::NoWhole) };
    let (each, total) = amount.eur.zip(whole.eur).ok_or(Unverifiable::NoSum)?;
    let action = amount.action.as_ref().and_then(|id| get(Kind::Action, id));
    let Some(Record::Action(action)) = action.as_deref() else { return Err(Unverifiable::NoAction) };
    let mut counts = action.partners.iter().flatten().filter_map(|id| match get(Kind::Party, id).as_deref() {
        Some(Record::Party(party)) => {
            let members = party.members.as_deref().filter(|members| !members.is_empty());
            party.count.or_else(|| members.and_then(|members| u32::try_from(members.len()).ok()))
        }
        _ => None,
    });
    match (counts.next(), counts.next()) {
        (Some(units), None) => Ok(Units { units, each: each.euros(), total: total.euros() }),
        (None, _) => Err(Unverifiable::NoGroup),
        (Some(_), Some(_)) => Err(Unverifiable::SeveralGroups),
    }
}

/// Does following `part_of` come back to where it started?
pub(crate) fn is_part_of_itself(amount: &Amount, get: &Lookup) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), amount.part_of.clone());
    while let Some(id) = next.filter(|id| seen.insert(id.clone())) {
        next = match get(Kind::Amount, &id).as_deref() {
            Some(Record::Amount(whole)) => whole.part_of.clone(),
            _ => None,
        };
    }
    seen.contains(&amount.id)
}

/// Is it added to nothing, because it is a part of one of these amounts that counts? Of amounts that are parts of each
/// other the first one stands for all.
fn is_part(amount: &Amount, among: &BTreeMap<&Id, &Amount>, counts: impl Fn(&Amount) -> bool) -> bool {
    let mut chain = vec![&amount.id];
    let (mut next, mut is_part) = (amount.part_of.as_ref(), false);
    while let Some(whole) = next.and_then(|id| among.get(id)) {
        if chain.contains(&&whole.id) {
            return whole.id != amount.id || chain.iter().min() != Some(&&amount.id);
        }
        chain.push(&whole.id);
        is_part |= counts(whole);
        next = whole.part_of.as_ref();
    }
    is_part
}

impl Book {
    /// The money of an agenda at a point in time, summed; `day` tells what has ended.
    pub fn money(&self, agenda: &Id, by: SumBy, cut: &Cut, day: Day, events: &dyn Recall) -> Result<Money, Unreadable> {
        let Some(revision) = self.agenda(agenda).and_then(|state| revision_at(state, cut)) else {
            return Ok(Money { sums: Vec::new(), amounts: Vec::new(), cofinancing: Vec::new() });
        };
        let purse = Purse::open(self, agenda, revision, cut, events)?;
        let mut cofinancing = Vec::new();
        for (_, entry) in self.entries(Kind::Agreement).filter(|(key, entry)| purse.concerns(key, entry)) {
            let state = entry.at(cut, events)?.filter(|_| entry.end(cut).is_none_or(|end| day < end.since));
            if let Some(Record::Agreement(agreement)) = state.as_ref().map(|state| state.record.as_ref()) {
                cofinancing.extend(CofinancingRule::of(agreement));
            }
        }
        Ok(Money { sums: purse.sums(by, day), amounts: purse.standings(day), cofinancing })
    }

    /// Did the action of an amount name it once, and does so no more?
    pub(crate) fn is_dropped_by_action(
        &self,
        amount: &Amount,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<bool, Unreadable> {
        let action = amount.action.as_ref().and_then(|action| self.entry(&Key::new(Kind::Action, action)));
        let Some(entry) = action else { return Ok(false) };
        let names = |record: &Record| amounts_of(Some(record)).contains(&amount.id);
        if entry.at(cut, events)?.is_none_or(|state| !state.present || names(&state.record)) {
            return Ok(false);
        }
        for mark in entry.writers("amounts").filter(|mark| cut.selects(mark)) {
            if events.recall(mark.position)?.event.payload.record().is_some_and(|record| names(&record)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Holds a lone amount to the rules: it is still there, and changes for a reason.
    pub(crate) fn check_amount(
        &self,
        amount: &Amount,
        reason: Option<&Text>,
        events: &dyn Recall,
    ) -> Result<(), Rejection> {
        let key = Key::new(Kind::Amount, &amount.id);
        self.check_not_ended(&key, Day::NEVER, events)?;
        if is_part_of_itself(amount, &|kind, id| self.entry(&Key::new(kind, id)).map(|entry| entry.record.clone())) {
            return Err(Refusal::PartOfItself { amount: amount.id.clone() }.into());
        }
        if self.entry(&key).is_some() && !reason.is_some_and(|reason| is_reason(reason.as_str())) {
            return Err(Refusal::ReasonMissing { what: Subject::Record(key) }.into());
        }
        Ok(())
    }
}

/// How many years an amount counts in at most.
const YEARS: i16 = 100;

/// What the sums are taken from: the records of an agenda at one point in time.
struct Purse<'a> {
    agenda: &'a Id,
    revision: &'a Revision,
    cut: Cut,
    stated: crate::book::Stated<'a>,
    records: BTreeMap<(Kind, Id), Arc<Record>>,
    /// The actions that stand on the agenda.
    standing: BTreeSet<Id>,
    /// The amounts that concern it, and when each ended.
    amounts: BTreeMap<Id, Option<Day>>,
    /// The amounts that standing actions name, each with the first such action.
    named: BTreeMap<Id, Id>,
}

impl<'a> Purse<'a> {
    fn open(
        book: &'a Book,
        agenda: &'a Id,
        revision: &'a Revision,
        cut: &Cut,
        events: &dyn Recall,
    ) -> Result<Self, Unreadable> {
        let stated = revision.stated();
        let (records, standing, amounts, named) = Default::default();
        let mut purse = Self { agenda, revision, cut: *cut, stated, records, standing, amounts, named };
        for kind in [Kind::Theme, Kind::PolicyItem, Kind::Action, Kind::Amount, Kind::Party] {
            for (key, entry) in book.entries(kind) {
                let Some(state) = entry.at(cut, events)? else { continue };
                if let Record::Action(action) = state.record.as_ref()
                    && state.present
                    && entry.agenda.as_ref() == Some(agenda)
                {
                    purse.standing.insert(key.id.clone());
                    for amount in action.amounts.iter().flatten() {
                        purse.named.entry(amount.clone()).or_insert_with(|| key.id.clone());
                    }
                }
                if kind == Kind::Amount && purse.concerns(key, entry) {
                    // An end that is known counts in the years after it, also where it is still to come.
                    let end = entry.end(&Cut { valid: Day::NEVER, ..*cut });
                    purse.amounts.insert(key.id.clone(), end.map(|end| end.since));
                }
                purse.records.insert((kind, key.id.clone()), state.record);
            }
        }
        let mut dropped = Vec::new();
        for id in purse.amounts.keys().filter(|id| !purse.named.contains_key(*id)) {
            if let Some(Record::Amount(amount)) = purse.get(Kind::Amount, id)
                && book.is_dropped_by_action(amount, cut, events)?
            {
                dropped.push(id.clone());
            }
        }
        for id in dropped {
            purse.amounts.remove(&id);
        }
        Ok(purse)
    }

    /// What the revision states, and what was stated since.
    fn concerns(&self, key: &Key, entry: &Entry) -> bool {
        let mine = entry.agenda.as_ref().is_none_or(|of| of == self.agenda);
        let shared = key.kind.is_shared() && self.stated.has(key);
        shared || mine && self.stated.reaches(key, entry, &self.cut)
    }

    fn get(&self, kind: Kind, id: &Id) -> Option<&Record> {
        self.records.get(&(kind, id.clone())).map(AsRef::as_ref)
    }

    fn action(&self, id: &Id) -> Option<&Action> {
        match self.get(Kind::Action, id) {
            Some(Record::Action(action)) => Some(action),
            _ => None,
        }
    }

    /// The amounts that hold on a day, and of those of every day all.
    fn held(&self, day: Option<Day>) -> BTreeMap<&Id, &Amount> {
        let held = |end: &Option<Day>| end.zip(day).is_none_or(|(end, day)| day < end);
        let all = self.amounts.iter().filter(|(_, end)| held(end));
        all.filter_map(|(id, _)| match self.get(Kind::Amount, id) {
            Some(Record::Amount(amount)) => Some((id, amount)),
            _ => None,
        })
        .collect()
    }

    /// The action of an amount: the one that it names, or that names it.
    fn action_of(&self, amount: &Amount) -> Option<&Action> {
        // One whose action left the agenda may have gone over to another.
        let own = amount.action.as_ref();
        let standing = own.filter(|id| self.standing.contains(*id)).or_else(|| self.named.get(&amount.id));
        self.action(standing.or(own)?)
    }

    fn theme_of(&self, action: &Action) -> Option<&Id> {
        match self.get(Kind::PolicyItem, &action.policy_item) {
            Some(Record::PolicyItem(item)) => Some(&item.theme),
            _ => None,
        }
    }

    fn sums(&self, by: SumBy, day: Day) -> Vec<Sum> {
        let held = self.held((by != SumBy::Year).then_some(day));
        let mut sums: BTreeMap<SumOf, Sum> = BTreeMap::new();
        let mut at = |of: SumOf, add: &dyn Fn(&mut Sum)| add(sums.entry(of.clone()).or_insert_with(|| self.sum(of)));
        for amount in held.values() {
            for of in self.columns(by, amount) {
                // In a year in which no whole is paid, a part counts by itself.
                let counts = |whole: &Amount| match of {
                    SumOf::Year(year) => self.years(whole).is_none_or(|years| years.contains(&year)),
                    _ => true,
                };
                if !is_part(amount, &held, counts) {
                    at(of, &|sum| sum.add(amount));
                }
            }
        }
        let served: BTreeSet<_> = held.values().filter_map(|amount| self.action_of(amount)).map(|of| &of.id).collect();
        for action in self.standing.iter().filter(|id| !served.contains(id)).filter_map(|id| self.action(id)) {
            let theme = self.theme_of(action).filter(|_| by == SumBy::Theme);
            let of = theme.cloned().map_or(SumOf::NotStated, SumOf::Record);
            at(of, &|sum| sum.not_stated.push(Key::new(Kind::Action, &action.id)));
        }
        sums.into_values().collect()
    }

    /// What an amount is added to: one theme or source, or every year of its term.
    fn columns(&self, by: SumBy, amount: &Amount) -> Vec<SumOf> {
        let named = match by {
            SumBy::Theme => self.action_of(amount).and_then(|action| self.theme_of(action)),
            SumBy::Source => amount.source.as_ref(),
            SumBy::Year => {
                let years = self.years(amount).map(|years| years.map(SumOf::Year).collect());
                return years.unwrap_or_else(|| vec![SumOf::BeginNotStated]);
            }
        };
        vec![named.cloned().map_or(SumOf::NotStated, SumOf::Record)]
    }

    /// The years in which an amount is paid; `None` where it is not stated in which it begins. One that is paid each
    /// year without an end counts up to the last year of the edition; one that is, for no more than 100 years.
    fn years(&self, amount: &Amount) -> Option<RangeInclusive<i16>> {
        let year = |day: Day| day.parts().map(|(year, ..)| year);
        let from = amount.from.as_ref().map(Edtf::earliest).and_then(year)?;
        let last = || year(self.revision.seal.edition.last_year.latest()).unwrap_or(from).max(from);
        let through = match amount.per {
            Some(Per::Year) => amount.through.as_ref().map(Edtf::latest).and_then(year).unwrap_or_else(last),
            _ => from,
        };
        let end = self.amounts.get(&amount.id).copied().flatten();
        let held = |year: &i16| end.is_none_or(|end| Day::first_of(*year).is_some_and(|first| first < end));
        let through = (from..=through.min(from.saturating_add(YEARS - 1))).rev().find(held);
        Some(from..=through.unwrap_or(from.saturating_sub(1)))
    }

    fn sum(&self, of: SumOf) -> Sum {
        let named = |kind, id| self.get(kind, id).map(Record::label);
        let label = match &of {
            SumOf::Record(id) => named(Kind::Theme, id).or_else(|| named(Kind::Party, id)),
            SumOf::Year(_) | SumOf::BeginNotStated | SumOf::NotStated => None,
        };
        let (amounts, not_stated) = (Vec::new(), Vec::new());
        Sum { of, label, per_year: None, once: None, unspecified: None, amounts, not_stated }
    }

    fn standings(&self, day: Day) -> Vec<AmountStanding> {
        let held = self.held(Some(day));
        let get = |kind, id: &Id| self.records.get(&(kind, id.clone())).cloned();
        let standing = |(id, amount): (&Id, &Amount)| AmountStanding {
            amount: amount.clone(),
            theme: self.action_of(amount).and_then(|action| self.theme_of(action)).cloned(),
            ended: self.amounts.get(id).copied().flatten(),
            is_part: is_part(amount, &held, |_| true),
            rule: unit_rule(amount, &get),
        };
        self.held(None).into_iter().map(standing).collect()
    }
}

impl Sum {
    fn add(&mut self, amount: &Amount) {
        let Some(eur) = amount.eur else { return self.not_stated.push(Key::new(Kind::Amount, &amount.id)) };
        let sum = match amount.per {
            Some(Per::Year) => &mut self.per_year,
            Some(Per::Once) => &mut self.once,
            None => &mut self.unspecified,
        };
        *sum = Some(sum.unwrap_or_default().saturating_add(eur.euros()));
        self.amounts.push(amount.id.clone());
    }
}

impl Doing<'_> {
    /// Ends an amount that no action on the agenda names; one that is named moves with the agenda.
    pub(crate) fn end_amount(self) -> Result<Vec<Draft>, Rejection> {
        if let Some((action, _)) = self.book.named_amounts().get(&self.key().id) {
            return Err(Refusal::DecisionRequired { item: Key::clone(action) }.into());
        }
        self.end()
    }
}
