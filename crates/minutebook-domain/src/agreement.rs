//! Agreements: proposed to their parties, in force once all have signed, amended clause by clause, ended. What a
//! document states is kept as stated; signatures are never invented.

use std::collections::{BTreeMap, BTreeSet};

use crate::answer::HistoryEntry;
use crate::book::Book;
use crate::dates::{Day, Edtf};
use crate::deeds::Doing;
use crate::directory::End;
use crate::event::{DeedStep, Draft, Payload};
use crate::history::{Act, Cut, Entry, Mark, Recall, Unreadable};
use crate::ids::{Id, Key, Kind, Position};
use crate::money::CofinancingRule;
use crate::record::{Agreement, FieldSet, Membership, Record};
use crate::refusal::{Refusal, Rejection, listed};
use crate::statement::check_term;

/// The clauses that an amendment may touch: all but who agreed.
const CLAUSES: [&str; 12] = [
    "what",
    "kind",
    "status_in_source",
    "period",
    "cofinancing",
    "actions",
    "source_line",
    "source_doc",
    "lines",
    "quote",
    "confidence",
    "doubt",
];

/// How an agreement stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AgreementStanding {
    /// The agreement, as it reads.
    pub agreement: Agreement,
    /// Where it stands.
    pub state: AgreementState,
    /// Who signed, in the order of the days.
    pub signatures: Vec<Signature>,
    /// Who has not signed.
    pub unsigned: Vec<Id>,
    /// From when it is in force; absent while not all have signed.
    pub in_force: Option<Edtf>,
    /// How it ended; absent where it did not.
    pub ended: Option<End>,
    /// The newest event that touched it.
    pub revision: Position,
}

/// Where an agreement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreementState {
    /// Its parties have still to sign.
    Proposed,
    /// All have signed.
    InForce,
    /// A document states it; whether the parties signed is not known.
    AsStated,
    /// It was ended.
    Ended,
    /// Its period is over.
    Expired,
}

/// A party's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The party.
    pub party: Id,
    /// The membership by which the signer speaks for it, where that is stated.
    pub membership: Option<Id>,
    /// When.
    pub on: Option<Edtf>,
    /// The decision by which, where one is named.
    pub decision: Option<Id>,
    /// The event.
    pub position: Position,
}

impl Book {
    /// How an agreement stands at a point in time; `day` tells what is over. `None` where it is not known then.
    pub fn agreement(
        &self,
        id: &Id,
        cut: &Cut,
        day: Day,
        events: &dyn Recall,
    ) -> Result<Option<AgreementStanding>, Unreadable> {
        let Some(entry) = self.entry(&Key::new(Kind::Agreement, id)) else { return Ok(None) };
        let end = entry.end(cut);
        // What was amended from after its end never came to hold.
        let last = Cut { valid: end.map_or(cut.valid, |end| cut.valid.min(end.since)), ..*cut };
        let state = entry.at(&last, events)?.map_or_else(|| entry.at(cut, events), |state| Ok(Some(state)))?;
        let Some(Record::Agreement(agreement)) = state.as_ref().map(|state| state.record.as_ref()) else {
            return Ok(None);
        };
        let signatures = signatures(entry, cut, events)?;
        let effect = entry.last_act(&[Act::TookEffect], cut);
        let period = agreement.period.as_ref().and_then(|period| period.to.as_ref());
        let proposed = entry.last_act(&[Act::Proposed], cut).is_some();
        let state = match effect {
            _ if end.is_some_and(|end| end.since <= day) => AgreementState::Ended,
            _ if period.is_some_and(|to| to.latest() < day) => AgreementState::Expired,
            Some(effect) if effect.since <= day => AgreementState::InForce,
            _ if proposed => AgreementState::Proposed,
            _ => AgreementState::AsStated,
        };
        let in_force = effect.map(|mark| events.recall(mark.position)).transpose()?;
        Ok(Some(AgreementStanding {
            unsigned: self.unsigned(agreement, &signatures, events)?.into_iter().collect(),
            agreement: agreement.clone(),
            state,
            signatures,
            in_force: in_force.and_then(|event| event.event.effective.clone()),
            ended: self.end_of(&Key::new(Kind::Agreement, id), cut, events)?,
            revision: entry.newest(),
        }))
    }

    /// The parties for which nobody signed: neither they themselves, nor since then who took their place.
    fn unsigned(
        &self,
        agreement: &Agreement,
        signatures: &[Signature],
        events: &dyn Recall,
    ) -> Result<BTreeSet<Id>, Unreadable> {
        let mut unsigned = BTreeSet::new();
        for party in agreement.parties.iter().flatten() {
            let line = self.line(party, events)?;
            let signed = |signature: &Signature| {
                let on = signature.on.as_ref().map_or(Day::NEVER, Edtf::earliest);
                line.get(&signature.party).is_some_and(|since| *since <= on)
            };
            if !signatures.iter().any(signed) {
                unsigned.insert(party.clone());
            }
        }
        Ok(unsigned)
    }

    /// A party, and those that took its place one after the other, each from which day on.
    fn line(&self, party: &Id, events: &dyn Recall) -> Result<BTreeMap<Id, Day>, Unreadable> {
        let mut line = BTreeMap::from([(party.clone(), Day::EVER)]);
        let mut last = party.clone();
        while let Some(end) = self.end_of(&Key::new(Kind::Party, &last), &Cut::NOW, events)?
            && let Some(successor) = end.successor.filter(|successor| !line.contains_key(successor))
        {
            line.insert(successor.clone(), end.since);
            last = successor;
        }
        Ok(line)
    }

    /// How an agreement was amended, or stated otherwise, up to a point in time: each clause before and after.
    pub fn amendments(&self, id: &Id, cut: &Cut, events: &dyn Recall) -> Result<Vec<HistoryEntry>, Unreadable> {
        let key = Key::new(Kind::Agreement, id);
        let mut all = self.history(&key, cut.known, events)?;
        // A signature or an end is no amendment: it sets no clause.
        let sets = |mark: Mark| !mark.fields.is_empty() && cut.selects(&mark);
        let counts = |position| self.entry(&key).and_then(|entry| entry.mark_at(position)).is_some_and(sets);
        all.retain(|entry| !entry.fields.is_empty() && counts(entry.why.position));
        Ok(all)
    }

    /// Who agreed to what was proposed or signed does not change, whoever states it; and what they agreed to changes only
    /// by an amendment.
    pub(crate) fn agreed(&self, agreement: &Agreement) -> Option<Refusal> {
        let entry = self.entry(&Key::new(Kind::Agreement, &agreement.id))?;
        let bound = entry.last_act(&[Act::Proposed, Act::Signed], &Cut::NOW).is_some();
        if !bound && entry.end(&Cut::NOW).is_none() {
            return None;
        }
        let Record::Agreement(recorded) = entry.record.as_ref() else { return None };
        let parties = |of: &Agreement| of.parties.iter().flatten().cloned().collect::<BTreeSet<_>>();
        let same = parties(recorded) == parties(agreement);
        if bound && !same {
            return Some(Refusal::PartiesFixed { agreement: agreement.id.clone() });
        }
        let changed = entry.record.changed(&agreement.clone().into());
        let changed = if same { changed.without(FieldSet::named(Kind::Agreement, ["parties"])) } else { changed };
        if changed.is_empty() { None } else { self.check_unbound(agreement).err() }
    }

    /// An agreement that was proposed or signed is not merely stated otherwise by itself.
    pub(crate) fn check_unbound(&self, agreement: &Agreement) -> Result<(), Refusal> {
        let key = Key::new(Kind::Agreement, &agreement.id);
        if let Some(since) = self.ended(&key) {
            return Err(Refusal::AmendEnded { agreement: agreement.id.clone(), since });
        }
        let bound = [Act::Proposed, Act::Signed, Act::TookEffect];
        match self.entry(&key).and_then(|entry| entry.last_act(&bound, &Cut::NOW)) {
            Some(_) => Err(Refusal::AgreementBound { agreement: agreement.id.clone() }),
            None => Ok(()),
        }
    }
}

/// Who signed, at a point in time.
fn signatures(entry: &Entry, cut: &Cut, events: &dyn Recall) -> Result<Vec<Signature>, Unreadable> {
    let mut all = Vec::new();
    for mark in entry.marks().iter().filter(|mark| mark.act == Act::Signed && cut.selects(mark)) {
        let recorded = events.recall(mark.position)?;
        if let Payload::Deed(deed) = &recorded.event.payload
            && let DeedStep::Signed(party, membership) = &deed.step
        {
            all.push(Signature {
                party: party.clone(),
                membership: membership.clone(),
                on: recorded.event.effective.clone(),
                decision: recorded.event.decision.clone(),
                position: mark.position,
            });
        }
    }
    Ok(all)
}

impl Doing<'_> {
    /// Proposes, signs, amends or ends an agreement.
    pub(crate) fn agree(self) -> Result<Vec<Draft>, Rejection> {
        if let DeedStep::Proposed(agenda, record) = &self.command.step {
            return self.propose(agenda.as_ref(), record);
        }
        let Some(entry) = self.book.entry(self.key()) else { return Err(self.unfit()) };
        let Record::Agreement(agreement) = entry.record.as_ref() else { return Err(self.unfit()) };
        if let Some(end) = entry.end(&Cut::NOW) {
            return Err(Refusal::AmendEnded { agreement: agreement.id.clone(), since: end.since }.into());
        }
        let signs = matches!(self.command.step, DeedStep::Signed(..));
        let begun = entry.last_act(&[Act::TookEffect], &Cut::NOW).map(|mark| mark.since);
        if let Some(begun) = begun.filter(|begun| !signs && self.effective.latest() < *begun) {
            let (key, end) = (self.key().clone(), self.effective.to_string());
            return Err(Refusal::EndBeforeStart { key, end, start: begun.to_string() }.into());
        }
        match &self.command.step {
            DeedStep::Signed(party, membership) => self.sign(entry, agreement, party, membership.as_ref()),
            DeedStep::Amended(to, fields) => self.amend_agreement(entry, agreement, to, *fields),
            DeedStep::Ended(_) => self.end(),
            _ => Err(self.unfit()),
        }
    }

    fn propose(self, agenda: Option<&Id>, record: &Record) -> Result<Vec<Draft>, Rejection> {
        let Record::Agreement(agreement) = record else { return Err(self.unfit()) };
        if agreement.id != self.key().id {
            return Err(self.unfit());
        }
        if self.book.entry(self.key()).is_some() {
            return Err(Refusal::AlreadyThere { key: self.key().clone() }.into());
        }
        if let Some(agenda) = agenda {
            self.book.check_known(&Key::new(Kind::Agenda, agenda))?;
        }
        let parties: BTreeSet<_> = agreement.parties.iter().flatten().collect();
        if parties.len() < 2 {
            return Err(Refusal::AgreementParties { agreement: agreement.id.clone() }.into());
        }
        self.book.check_alone(record, true, self.context, self.events)?;
        check_term(record, None)?;
        CofinancingRule::check_share(agreement)?;
        self.book.check_alive(record, None, self.effective.earliest(), self.events)?;
        Ok(vec![self.draft()])
    }

    /// A party signs; with the last signature the agreement takes effect, or when its period begins.
    fn sign(
        self,
        entry: &Entry,
        agreement: &Agreement,
        party: &Id,
        membership: Option<&Id>,
    ) -> Result<Vec<Draft>, Rejection> {
        let parties = agreement.parties.as_deref().unwrap_or_default();
        let mut all = signatures(entry, &Cut::NOW, self.events)?;
        // Who took the place of parties that have not signed signs for them.
        let mut follows = false;
        for other in self.book.unsigned(agreement, &all, self.events)? {
            let since = self.book.line(&other, self.events)?.get(party).copied();
            follows |= other != *party && since.is_some_and(|since| since <= self.effective.earliest());
        }
        if !parties.contains(party) && !follows {
            let (agreement, parties) = (agreement.id.clone(), listed(parties));
            return Err(Refusal::NotAParty { agreement, party: party.clone(), parties }.into());
        }
        self.check_happened()?;
        if let Some(signed) = all.iter().find(|signature| signature.party == *party && !follows) {
            let on = signed.on.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(Refusal::AlreadySigned { agreement: agreement.id.clone(), party: party.clone(), on }.into());
        }
        self.book.check_not_ended(&Key::new(Kind::Party, party), self.effective.earliest(), self.events)?;
        membership.map_or(Ok(()), |membership| self.check_speaks(membership, party))?;
        let (on, decision) = (Some(self.effective.clone()), self.command.decision.clone());
        all.push(Signature { party: party.clone(), membership: membership.cloned(), on, decision, position: 0 });
        let mut drafts = vec![self.draft()];
        if self.book.unsigned(agreement, &all, self.events)?.is_empty()
            && entry.last_act(&[Act::TookEffect], &Cut::NOW).is_none()
        {
            let begins = agreement.period.as_ref().and_then(|period| period.from.as_ref());
            let days = all.iter().filter_map(|signature| signature.on.as_ref()).chain(begins);
            let effective = days.max_by_key(|day| day.earliest()).cloned();
            drafts.push(Draft { effective, reason: None, ..self.draft_of(DeedStep::TookEffect) });
        }
        Ok(drafts)
    }

    /// Whoever signs under this membership speaks for the party on that day.
    fn check_speaks(self, membership: &Id, party: &Id) -> Result<(), Refusal> {
        let key = Key::new(Kind::Membership, membership);
        self.book.check_known(&key)?;
        let Some(entry) = self.book.entry(&key) else { return Ok(()) };
        let (from, to) = (self.effective.earliest(), self.effective.latest());
        let of_party = |seat: &Membership| seat.body == *party || seat.party.as_ref() == Some(party);
        let holds = |seat: &Membership| {
            seat.since.as_ref().is_none_or(|since| since.earliest() <= to)
                && seat.until.as_ref().is_none_or(|until| from <= until.latest())
                && entry.end(&Cut::NOW).is_none_or(|end| from < end.since)
        };
        match entry.record.as_ref() {
            Record::Membership(seat) if of_party(seat) && holds(seat) => Ok(()),
            _ => {
                let (membership, party) = (membership.clone(), party.clone());
                Err(Refusal::AgreementPartyMandate { membership, party, on: self.effective.to_string() })
            }
        }
    }

    /// An agreement in force is amended, for a reason, and so is one that a document states as it stands.
    fn amend_agreement(
        self,
        entry: &Entry,
        agreement: &Agreement,
        to: &Record,
        fields: FieldSet,
    ) -> Result<Vec<Draft>, Rejection> {
        let acts = |act| entry.last_act(&[act], &Cut::NOW).is_some();
        if acts(Act::Proposed) && !acts(Act::TookEffect) {
            let missing = self.book.unsigned(agreement, &signatures(entry, &Cut::NOW, self.events)?, self.events)?;
            let (agreement, parties) = (agreement.id.clone(), listed(missing));
            return Err(Refusal::AgreementUnsigned { agreement, parties }.into());
        }
        let over = agreement.period.as_ref().and_then(|period| period.to.as_ref()).map(Edtf::latest);
        if let Some(since) = over.filter(|over| *over < self.effective.earliest()) {
            return Err(Refusal::AmendEnded { agreement: agreement.id.clone(), since }.into());
        }
        if fields.contains(Kind::Agreement, "parties") {
            return Err(Refusal::PartiesFixed { agreement: agreement.id.clone() }.into());
        }
        self.check_reason()?;
        if let Record::Agreement(to) = to
            && fields.contains(Kind::Agreement, "cofinancing")
        {
            CofinancingRule::check_share(to)?;
        }
        self.amend(to, fields, &CLAUSES)
    }
}
