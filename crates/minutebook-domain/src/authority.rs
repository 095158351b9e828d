//! Who may decide what: mandates, and the decisions that are taken under them.

use crate::book::Book;
use crate::dates::{Day, Edtf};
use crate::document::{Index, key};
use crate::history::{Cut, Mark, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::record::{Decision, Mandate, Record};
use crate::refusal::{Holders, On, Refusal, listed};

/// The kind of decision that adopts an edition of an agenda.
pub const ADOPT_AGENDA: &str = "adopt-agenda";
/// The kind of decision that gives no effect by itself.
pub const ADVISE: &str = "advise";
/// The kind of decision that lets a body decide.
pub const GRANT_MANDATE: &str = "grant-mandate";
/// The kind of decision whose holder may be trusted with the first `grant-mandate`.
pub const ADOPT_FRAMEWORK: &str = "adopt-framework";

/// Whether a body may take a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It held this mandate on that date.
    Held(Id),
    /// It holds this mandate, but the decision has no date to check it against, or one that is not precise enough.
    NotVerifiable(Id),
    /// It holds none.
    None,
}

/// The records that rules look things up in: what a document states first, then the book.
#[derive(Clone, Copy)]
pub(crate) struct Registry<'a> {
    pub(crate) book: &'a Book,
    pub(crate) stated: Option<&'a Index<'a>>,
}

impl<'a> Registry<'a> {
    /// The record of that address.
    pub(crate) fn get(self, key: &Key) -> Option<&'a Record> {
        let stated = self.stated.and_then(|index| index.get(key));
        stated.or_else(|| self.book.entry(key).map(|entry| entry.record.as_ref()))
    }

    /// The record of that kind and ledger-wide id.
    pub(crate) fn find(self, kind: Kind, id: &Id) -> Option<&'a Record> {
        self.get(&Key::new(kind, id))
    }

    /// Is there such a record? A reference to a body may also name a party.
    pub(crate) fn knows(self, kind: Kind, id: &Id, agenda: Option<&Id>) -> bool {
        let party = kind == Kind::Body && self.find(Kind::Party, id).is_some();
        party || self.get(&key(kind, id, agenda, None)).is_some()
    }

    /// The decision of that id.
    pub(crate) fn decision(self, id: &Id) -> Option<&'a Decision> {
        match self.find(Kind::Decision, id) {
            Some(Record::Decision(decision)) => Some(decision),
            _ => None,
        }
    }

    /// Every mandate, as it reads now, and what withdrew it.
    fn mandates(self) -> impl Iterator<Item = (&'a Mandate, Option<&'a Mark>)> {
        let document = self.stated.map(Index::document);
        let stated = document.into_iter().flat_map(|document| document.of(Kind::Mandate));
        let restated = move |key: &Key| self.stated.is_some_and(|index| index.place(key).is_some());
        let recorded = self.book.entries(Kind::Mandate).filter(move |(key, _)| !restated(key));
        let recorded = recorded.map(|(_, entry)| entry.record.as_ref());
        stated.chain(recorded).filter_map(move |record| match record {
            Record::Mandate(mandate) => {
                let entry = self.book.entry(&Key::new(Kind::Mandate, &mandate.id));
                Some((mandate, entry.and_then(|entry| entry.end(&Cut::NOW))))
            }
            _ => None,
        })
    }

    /// From when a mandate holds: as it states, or else from when the decision that granted it holds.
    fn granted_from(self, mandate: &'a Mandate) -> Option<&'a Edtf> {
        let granting = mandate.decision.as_ref().and_then(|id| self.decision(id));
        mandate.since.as_ref().or(granting.and_then(Decision::holds_from))
    }

    /// The mandates under which a body may take a decision of this kind, for this agenda, on this date.
    fn held<'b>(
        self,
        kind: &'b str,
        agenda: Option<&'b Id>,
        date: Option<&'b Edtf>,
    ) -> impl Iterator<Item = &'a Mandate> {
        self.covering(kind, agenda, date).map(|(mandate, _)| mandate)
    }

    /// The same, each with how much of the date it covers.
    fn covering<'b>(
        self,
        kind: &'b str,
        agenda: Option<&'b Id>,
        date: Option<&'b Edtf>,
    ) -> impl Iterator<Item = (&'a Mandate, Cover)> {
        self.mandates().filter_map(move |(mandate, end)| {
            Some((mandate, covers(mandate, self.granted_from(mandate), end, kind, agenda, date)?))
        })
    }

    /// May the body take a decision of this kind, for this agenda, on this date?
    pub(crate) fn verdict(self, body: &Id, kind: &str, agenda: Option<&Id>, date: Option<&Edtf>) -> Verdict {
        let own = self.covering(kind, agenda, date).filter(|(mandate, _)| mandate.body == *body);
        match own.min_by_key(|(_, cover)| *cover) {
            Some((mandate, Cover::Wholly)) => Verdict::Held(mandate.id.clone()),
            Some((mandate, Cover::Perhaps)) => Verdict::NotVerifiable(mandate.id.clone()),
            None => Verdict::None,
        }
    }

    /// Did the body that took a decision have a mandate for it? One that was gone by then had none.
    pub(crate) fn authority(self, decision: &Decision, agenda: Option<&Id>) -> Verdict {
        let date = decision.date.as_ref();
        match date.filter(|date| !self.is_there(&decision.body, date.earliest())) {
            Some(_) => Verdict::None,
            None => self.verdict(&decision.body, decision.kind.as_str(), agenda, date),
        }
    }

    /// May the decision grant mandates, and take them away? It is a dated one of that kind, under a mandate for it.
    pub(crate) fn grants(self, decision: &Decision) -> bool {
        decision.kind.as_str() == GRANT_MANDATE && matches!(self.authority(decision, None), Verdict::Held(_))
    }

    /// The largest sum that a decision may be the ground of, and the mandate that says so; `None` where none limits it.
    pub(crate) fn ceiling(self, decision: &Decision, agenda: Option<&Id>) -> Option<(&'a Id, u64)> {
        let held = self.held(decision.kind.as_str(), agenda, decision.date.as_ref());
        let held = held.filter(|mandate| mandate.body == decision.body);
        let ceilings: Option<Vec<_>> = held.map(|mandate| Some((&mandate.id, mandate.ceiling?.euros()))).collect();
        ceilings?.into_iter().max_by_key(|(_, ceiling)| *ceiling)
    }

    /// Does any body that is still there hold a mandate for this kind of decision on a day?
    pub(crate) fn any_holds(self, kind: &str, day: Day) -> bool {
        self.mandates().any(|(mandate, end)| {
            let over = end.is_some() || mandate.until.as_ref().is_some_and(|until| until.latest() < day);
            mandate.may.as_str() == kind && !over && self.is_there(&mandate.body, day)
        })
    }

    /// From when the body, which may be a party that decides, is no more.
    fn body_ended(self, body: &Id) -> Option<Day> {
        [Kind::Body, Kind::Party].into_iter().filter_map(|kind| self.book.ended(&Key::new(kind, body))).min()
    }

    fn is_there(self, body: &Id, day: Day) -> bool {
        self.body_ended(body).is_none_or(|end| day < end)
    }

    /// The refusal of a decision without mandate: it names who may, or when the body itself might.
    pub(crate) fn no_mandate(self, decision: &Decision, agenda: Option<&Id>) -> Refusal {
        let kind = decision.kind.as_str();
        let who = match self.held(kind, agenda, None).find(|mandate| mandate.body == decision.body) {
            Some(own) => Holders::Itself(own.id.clone(), self.granted_from(own).cloned(), own.until.clone()),
            None => self
                .elsewhere(decision, agenda)
                .unwrap_or_else(|| self.holders(self.may_decide(kind, agenda, decision.date.as_ref()))),
        };
        Refusal::NoMandate {
            body: self.body_name(&decision.body),
            on: Box::new(On(decision.date.clone())),
            kind: decision.kind.clone(),
            who: Box::new(who),
        }
    }

    /// That the body holds such a mandate for another agenda than the one that was named, or than none.
    fn elsewhere(self, decision: &Decision, agenda: Option<&Id>) -> Option<Holders> {
        let mut own = self.mandates().map(|(mandate, _)| mandate).filter(|mandate| {
            mandate.body == decision.body && mandate.may == decision.kind && mandate.agenda.as_ref() != agenda
        });
        own.find_map(|mandate| Some(Holders::ForAgenda(mandate.id.clone(), mandate.agenda.clone()?)))
    }

    /// Bodies in a message, each once.
    pub(crate) fn holders<'b>(self, bodies: impl IntoIterator<Item = &'b Id>) -> Holders {
        let mut names: Vec<_> = bodies.into_iter().map(|body| self.body_name(body)).collect();
        names.sort();
        names.dedup();
        if names.is_empty() { Holders::Nobody } else { Holders::Others(names.join(", ")) }
    }

    /// The bodies that may take a decision of this kind on a date, or at any time.
    pub(crate) fn may_decide<'b>(
        self,
        kind: &'b str,
        agenda: Option<&'b Id>,
        date: Option<&'b Edtf>,
    ) -> impl Iterator<Item = &'a Id> {
        let day = date.map_or(Day::EVER, Edtf::earliest);
        self.held(kind, agenda, date).map(|mandate| &mandate.body).filter(move |body| self.is_there(body, day))
    }

    /// A body in a message: its name and id.
    pub(crate) fn body_name(self, id: &Id) -> String {
        let record = self.find(Kind::Body, id).or_else(|| self.find(Kind::Party, id));
        record.map_or_else(|| listed([id]), |record| format!("{} ({})", record.label(), listed([id])))
    }
}

/// A mandate, and whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMandate {
    /// The mandate.
    pub mandate: Mandate,
    /// What people call its body.
    pub body: String,
    /// From when it was withdrawn.
    pub withdrawn: Option<Day>,
    /// From when its body is no more.
    pub body_ended: Option<Day>,
}

/// Which mandates are meant.
#[derive(Debug, Clone, Default)]
pub struct MandateFilter {
    /// For this kind of decision.
    pub may: Option<Id>,
    /// Of this body.
    pub body: Option<Id>,
    /// For this agenda, or for all.
    pub agenda: Option<Id>,
    /// Held on this date.
    pub on: Option<Edtf>,
}

impl Book {
    /// Who may decide what: the mandates, by kind of decision, then by body.
    pub fn mandates(&self, filter: &MandateFilter) -> Vec<HeldMandate> {
        let registry = Registry { book: self, stated: None };
        let meant = registry.mandates().filter(|(mandate, end)| {
            let agenda = filter.agenda.as_ref().or(mandate.agenda.as_ref());
            let on = filter.on.as_ref();
            filter.may.as_ref().is_none_or(|may| *may == mandate.may)
                && filter.body.as_ref().is_none_or(|body| *body == mandate.body)
                && on.is_none_or(|on| {
                    let from = registry.granted_from(mandate);
                    registry.is_there(&mandate.body, on.earliest())
                        && covers(mandate, from, *end, mandate.may.as_str(), agenda, Some(on)).is_some()
                })
                && mandate.agenda.as_ref().is_none_or(|of| filter.agenda.as_ref().is_none_or(|mine| mine == of))
        });
        let held = meant.map(|(mandate, withdrawn)| HeldMandate {
            mandate: mandate.clone(),
            body: registry.body_name(&mandate.body),
            withdrawn: withdrawn.map(|mark| mark.since),
            body_ended: registry.body_ended(&mandate.body),
        });
        let mut all: Vec<_> = held.collect();
        all.sort_by(|a, b| (&a.mandate.may, &a.mandate.body).cmp(&(&b.mandate.may, &b.mandate.body)));
        all
    }

    /// The mandate under which a dated decision was taken, as far as is known now.
    pub(crate) fn mandate_for(&self, decision: &Id, agenda: Option<&Id>) -> Option<Id> {
        let registry = Registry { book: self, stated: None };
        let decision = registry.decision(decision)?;
        match registry.authority(decision, agenda) {
            Verdict::Held(mandate) => Some(mandate),
            Verdict::NotVerifiable(_) | Verdict::None => None,
        }
    }

    /// The mandate under which a dated decision adopts an agenda, as known at a position.
    pub(crate) fn mandate_of(
        &self,
        decision: &Id,
        agenda: &Id,
        known: Position,
        events: &dyn Recall,
    ) -> Result<Option<Id>, Unreadable> {
        let cut = Cut { valid: Day::NEVER, known, sealed: None };
        let taken = self.at(&Key::new(Kind::Decision, decision), &cut, events)?.map(|state| state.record);
        let Some(Record::Decision(taken)) = taken.as_deref() else { return Ok(None) };
        if taken.kind.as_str() != ADOPT_AGENDA || taken.date.is_none() {
            return Ok(None);
        }
        for (_, entry) in self.entries(Kind::Mandate) {
            let Some(state) = entry.at(&cut, events)? else { continue };
            let Record::Mandate(mandate) = state.record.as_ref() else { continue };
            let end = entry.end(&cut);
            let from = Registry { book: self, stated: None }.granted_from(mandate);
            let cover = covers(mandate, from, end, ADOPT_AGENDA, Some(agenda), taken.date.as_ref());
            if mandate.body == taken.body && cover == Some(Cover::Wholly) {
                return Ok(Some(mandate.id.clone()));
            }
        }
        Ok(None)
    }
}

/// How much of the date of a decision a mandate covers, the most first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cover {
    /// Each day that it may mean.
    Wholly,
    /// Some of those days, or there is no date.
    Perhaps,
}

/// Does the mandate, which holds from a date on, let its body decide this, on this date? An end counts to its latest day.
/// From the day of its withdrawal on it covers nothing, and of a date that is not stated nobody can say that it was
/// before; where that day is imprecise, what was decided between the days that it may mean is covered perhaps.
fn covers(
    mandate: &Mandate,
    since: Option<&Edtf>,
    end: Option<&Mark>,
    kind: &str,
    agenda: Option<&Id>,
    date: Option<&Edtf>,
) -> Option<Cover> {
    let until = mandate.until.as_ref().map_or(Day::NEVER, Edtf::latest);
    let lets = mandate.may.as_str() == kind && mandate.agenda.as_ref().is_none_or(|of| Some(of) == agenda);
    let (begins, surely) = since.map_or((Day::EVER, Day::EVER), |since| (since.earliest(), since.latest()));
    let (from, to) = match date.filter(|_| lets) {
        Some(date) => (date.earliest(), date.latest()),
        None => return (lets && end.is_none()).then_some(Cover::Perhaps),
    };
    // A part of a range is covered where it meets the range of the mandate.
    let meets = begins <= to && from <= until && end.is_none_or(|end| from < end.surely_since);
    let wholly = surely <= from && to <= until && end.is_none_or(|end| to < end.since);
    meets.then_some(if wholly { Cover::Wholly } else { Cover::Perhaps })
}
