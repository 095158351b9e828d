//! The reference model of the areas: roles, agreements, money, motions and promises.

use std::collections::BTreeSet;

use minutebook_domain::ids::Kind;
use serde_json::{Value, json};

use crate::acts::act::{Doing, What, Word};
use crate::acts::model::{Answer, Deed, Model, NEVER, Record, Rule, TODAY, fields, first, forbid, last, refused};

/// Whose the agenda is.
const OWNER: &str = "provincie";

/// The ids in a list of a record, in the end.
fn listed(record: &Record, field: &str) -> BTreeSet<String> {
    listed_on(record, field, NEVER)
}

/// The ids in a list of a record on a day.
fn listed_on(record: &Record, field: &str, day: &str) -> BTreeSet<String> {
    let list = record.on(day).and_then(|mut reads| reads.remove(field)).unwrap_or_default();
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Roles.
impl Model {
    /// Somebody gets a role in one item that stands on the agenda, once at a time.
    pub(crate) fn assign(&mut self, asked: &What) -> Answer {
        let What::Assign { id, item, role, holder, term: (since, until), by, why } = asked else { unreachable!() };
        let on = since.unwrap_or(TODAY);
        let mut faults = BTreeSet::new();
        if !self.knows(Kind::Role, role) {
            faults.insert("ROLE_UNKNOWN");
        }
        let named = [holder.map(|holder| (Kind::Party, holder)), by.map(|by| (Kind::Decision, by))];
        let named: Vec<_> = named.into_iter().flatten().collect();
        faults.extend(self.alone(&named).err().into_iter().flatten());
        if !faults.is_empty() {
            return Err(faults);
        }
        self.alive(&named, &first(on))?;
        self.holds(*by, &first(on))?;
        let known = self.record(Kind::Assignment, id);
        forbid("ALREADY_ENDED", known.is_some_and(|known| known.ended.is_some()))?;
        let place = format!("{}/{}", item.0, item.1);
        let other = |known: &Record| known.get("item") != Some(place.clone()) || first(on) < known.begins();
        forbid("ROLE_FIXED", known.is_some_and(other))?;
        if item.0 == Kind::Action {
            self.standing(item.1)?;
        }
        forbid("REASON_MISSING", !why)?;
        forbid("ROLE_END_BEFORE_START", until.is_some_and(|until| last(until) < first(on)))?;
        self.mandated(*by)?;
        let of_owner = holder.is_none_or(|holder| holder == OWNER);
        let tabled = place == format!("{}/kwaliteit", Kind::PolicyItem) && *role == "stimuleren" && of_owner;
        let again = self.of(Kind::Assignment).any(|(other, record)| {
            let same = |field: &str, value: &str| record.get(field).as_deref() == Some(value);
            let term = held(record);
            other != *id
                && same("item", &place)
                && same("role", role)
                && record.get("holder").as_deref().unwrap_or(OWNER) == holder.unwrap_or(OWNER)
                && first(on) <= term.1
                && term.0 <= until.map_or(NEVER.to_owned(), last)
                && !record.is_over(&first(on))
        });
        forbid("ROLE_OVERLAP", again || tabled)?;
        let all = [
            ("item", json!(place)),
            ("role", json!(role)),
            ("holder", json!(holder)),
            ("since", json!(since)),
            ("until", json!(until)),
            ("decision", json!(by)),
        ];
        self.state(Kind::Assignment, id, on, fields(all))
    }

    /// A decision by which a role comes or goes is one that its body may take, and no advice.
    fn mandated(&self, by: Option<&str>) -> Rule {
        let Some(decision) = by.and_then(|by| self.record(Kind::Decision, by)) else { return Ok(()) };
        let (body, kind) = (decision.get("body").unwrap(), decision.get("kind").unwrap());
        let date = decision.get("date");
        let gone = date.as_ref().is_some_and(|date| !self.is_there(decision, &first(date)));
        forbid("NO_MANDATE", gone || !self.may(&body, &kind, date.as_deref()))?;
        forbid("ADVICE_ONLY", kind == "advise")
    }

    pub(crate) fn end_role(&mut self, deed: &Deed) -> Answer {
        self.mandated(deed.by)?;
        self.end(deed, "RoleEnded")
    }

    /// The roles that hold on a day: the item, the word, the holder and the assignment.
    pub(crate) fn roles(&self, day: &str) -> BTreeSet<(String, String, String, String)> {
        let held = self.of(Kind::Assignment).filter_map(|(id, record)| {
            let then = record.on(day).filter(|_| !record.is_over(day))?;
            let text = |field: &str| then[field].as_str().map(str::to_owned);
            let over = text("until").is_some_and(|until| last(&until).as_str() < day);
            let holder = text("holder").unwrap_or(OWNER.to_owned());
            let party = self.record(Kind::Party, &holder).filter(|party| party.is_over(day));
            let gone = party.is_some_and(|party| party.last("followed").is_none()) && text("holder").is_some();
            (!over && !gone).then(|| (text("item").unwrap(), text("role").unwrap(), holder, id.to_owned()))
        });
        held.collect()
    }
}

/// From when until when somebody has a role.
fn held(record: &Record) -> (String, String) {
    let since = record.get("since").map_or_else(|| record.begins(), |since| first(&since));
    (since, record.get("until").map_or(NEVER.to_owned(), |until| last(&until)))
}

/// Agreements.
impl Model {
    /// An agreement is proposed once, between two at least; or stated, while nobody is bound by it.
    pub(crate) fn agree(
        &mut self,
        id: Word,
        stated: bool,
        parties: &[Word],
        begins: Option<Word>,
        from: Option<Word>,
    ) -> Answer {
        let named: Vec<_> = parties.iter().map(|party| (Kind::Party, *party)).collect();
        let on = from.unwrap_or(TODAY);
        let period = begins.map_or(Value::Null, |from| json!({"from": from}));
        let all = fields([("what", "Afspraak".into()), ("parties", json!(parties)), ("period", period)]);
        let known = self.record(Kind::Agreement, id);
        if stated {
            let bound = known.filter(|known| !known.done.is_empty());
            let fixed = bound.filter(|known| known.last("proposed").or(known.last("signed")).is_some());
            let ended = known.is_some_and(|known| known.ended.is_some());
            let others = |known: &Record| listed(known, "parties") != parties.iter().map(|p| (*p).to_owned()).collect();
            let differs = |known: &Record| {
                others(known) || ["what", "period"].iter().any(|field| known.now()[field] != all[field])
            };
            let mut faults: BTreeSet<_> = self.alone(&named).err().into_iter().flatten().collect();
            faults.extend(match known {
                _ if fixed.is_some_and(others) => Some("PARTIES_FIXED"),
                Some(known) if ended && differs(known) => Some("AMEND_ENDED"),
                _ if fixed.is_some_and(differs) => Some("AGREEMENT_BOUND"),
                _ => None,
            });
            if !faults.is_empty() {
                return Err(faults);
            }
            self.alive(&named, &first(on))?;
            forbid("AMEND_ENDED", ended)?;
            forbid("AGREEMENT_BOUND", bound.is_some())?;
            return self.state(Kind::Agreement, id, on, all);
        }
        forbid("ALREADY_THERE", known.is_some())?;
        forbid("AGREEMENT_PARTIES", parties.len() < 2)?;
        self.alone(&named)?;
        self.alive(&named, &first(on))?;
        self.state(Kind::Agreement, id, on, all)?;
        let deed = Deed { kind: Kind::Agreement, id, what: &Doing::Miss, by: None, on: on.to_owned(), why: false };
        self.done(&deed, "proposed", None);
        Ok(vec!["AgreementProposed"])
    }

    /// What is done with an agreement that has not ended.
    pub(crate) fn on_agreement(&mut self, deed: &Deed) -> Answer {
        let agreement = &self.records[&(deed.kind, deed.id.to_owned())];
        forbid("AMEND_ENDED", agreement.ended.is_some())?;
        let signs = matches!(deed.what, Doing::Sign(..));
        let begun = agreement.last("effect").filter(|_| !signs);
        forbid("END_BEFORE_START", begun.is_some_and(|begun| last(&deed.on) < begun.since))?;
        match deed.what {
            Doing::Sign(party, seat) => self.sign(deed, party, *seat),
            Doing::Reword(words) => {
                amendable(agreement)?;
                forbid("REASON_MISSING", !deed.why)?;
                self.amend(deed, "what", words, "AgreementAmended")
            }
            Doing::Reparty(_) => {
                amendable(agreement)?;
                refused("PARTIES_FIXED")
            }
            Doing::End(_) => self.end(deed, "AgreementEnded"),
            _ => refused("DEED_UNFIT"),
        }
    }

    /// A field reads otherwise from then on.
    fn amend(&mut self, deed: &Deed, field: &'static str, to: &str, name: &'static str) -> Answer {
        let (turn, since) = (self.turn, first(&deed.on));
        let record = self.records.get_mut(&(deed.kind, deed.id.to_owned())).unwrap();
        forbid("NOT_FOUND", record.on(&since).is_none())?;
        let differing = record.differing(&since, &fields([(field, to.into())]));
        forbid("NO_CHANGE", differing.is_empty())?;
        record.state(&since, turn, differing);
        Ok(vec![name])
    }

    /// A party signs once, by who speaks for it; with the last signature the agreement takes effect.
    fn sign(&mut self, deed: &Deed, party: Word, seat: Option<Word>) -> Answer {
        let agreement = &self.records[&(deed.kind, deed.id.to_owned())];
        let (parties, mut signed) = (listed(agreement, "parties"), signed(agreement));
        let begins = agreement.now()["period"]["from"].as_str().map(first);
        let in_force = agreement.last("effect").is_some();
        let on = first(&deed.on);
        let follows =
            self.unsigned(&parties, &signed).iter().any(|other| other != party && self.speaks(party, other, &on));
        forbid("NOT_A_PARTY", !parties.contains(party) && !follows)?;
        forbid("STILL_TO_COME", on.as_str() > TODAY)?;
        forbid("ALREADY_SIGNED", signed.iter().any(|(who, _)| who == party) && !follows)?;
        self.alive(&[(Kind::Party, party)], &first(&deed.on))?;
        if let Some(seat) = seat {
            let Some(record) = self.record(Kind::Membership, seat) else { return refused("NOT_FOUND") };
            let of = |field: &str| record.get(field).as_deref() == Some(party);
            let holds = record.get("since").is_none_or(|since| first(&since) <= last(&deed.on))
                && record.get("until").is_none_or(|until| first(&deed.on) <= last(&until))
                && !record.is_over(&first(&deed.on));
            forbid("AGREEMENT_PARTY_MANDATE", !holds || !of("body") && !of("party"))?;
        }
        self.done(deed, "signed", Some(party));
        signed.insert((party.to_owned(), first(&deed.on)));
        if in_force || !self.unsigned(&parties, &signed).is_empty() {
            return Ok(vec!["AgreementSigned"]);
        }
        let days = signed.into_iter().map(|(_, day)| day).chain(begins);
        let effect = Deed { on: days.max().unwrap(), ..*deed };
        self.done(&effect, "effect", None);
        Ok(vec!["AgreementSigned", "AgreementTookEffect"])
    }

    /// The parties for which nobody signed.
    fn unsigned(&self, parties: &BTreeSet<String>, signed: &BTreeSet<(String, String)>) -> BTreeSet<String> {
        let open = |party: &&String| !signed.iter().any(|(who, on)| self.speaks(who, party, on));
        parties.iter().filter(open).cloned().collect()
    }

    /// Does a party stand for another one on a day: is it that one, or did it take its place by then?
    fn speaks(&self, who: &str, party: &str, on: &str) -> bool {
        let (mut name, mut since) = (party.to_owned(), String::new());
        loop {
            if name == who {
                return since.as_str() <= on;
            }
            let followed = self.record(Kind::Party, &name).and_then(|party| party.last("followed"));
            let Some(followed) = followed else { return false };
            (name, since) = (followed.by.clone().unwrap(), followed.since.clone());
        }
    }

    /// Where an agreement stands on a day, and who has not signed by then; `None` where it is not known then.
    pub(crate) fn agreement(&self, id: &str, day: &str) -> Option<(&'static str, BTreeSet<String>)> {
        let record = self.record(Kind::Agreement, id).filter(|record| record.on(day).is_some())?;
        let by = |what: &str| record.last(what).is_some_and(|done| done.since.as_str() <= day);
        let state = match () {
            () if record.is_over(day) => "Ended",
            () if by("effect") => "InForce",
            () if by("proposed") => "Proposed",
            () => "AsStated",
        };
        let by_then = signed(record).into_iter().filter(|(_, on)| on.as_str() <= day).collect();
        // What ended reads as it did then.
        let end = record.ended.as_deref().filter(|end| record.on(end).is_some());
        let last = end.map_or(day, |end| day.min(end));
        Some((state, self.unsigned(&listed_on(record, "parties", last), &by_then)))
    }
}

/// What was proposed is amended once it is in force.
fn amendable(agreement: &Record) -> Rule {
    let open = agreement.last("proposed").is_some() && agreement.last("effect").is_none();
    forbid("AGREEMENT_UNSIGNED", open)
}

/// Who signed an agreement, and when.
fn signed(record: &Record) -> BTreeSet<(String, String)> {
    let signed = record.done.iter().filter(|done| done.what == "signed");
    signed.filter_map(|done| Some((done.by.clone()?, done.since.clone()))).collect()
}

/// Money.
impl Model {
    /// An amount that an action on the agenda names moves with the agenda; no other one is stated after its end, and it
    /// is stated otherwise for a reason.
    pub(crate) fn pay(&mut self, id: Word, eur: u32, from: Option<Word>, why: bool) -> Answer {
        let all = fields([("what", "Geld".into()), ("eur", eur.into()), ("per", Value::Null), ("action", Value::Null)]);
        let known = self.record(Kind::Amount, id).map(Record::now);
        let other = known.is_some_and(|known| ["eur", "per"].iter().any(|field| known[field] != all[field]));
        forbid("DECISION_REQUIRED", other && self.is_named(id))?;
        forbid("ALREADY_ENDED", self.record(Kind::Amount, id).is_some_and(|known| known.ended.is_some()))?;
        forbid("REASON_MISSING", self.record(Kind::Amount, id).is_some() && !why)?;
        self.state(Kind::Amount, id, from.unwrap_or(TODAY), all)
    }
}

/// Motions and promises.
impl Model {
    /// An action that stands on the agenda carries a motion out from a day on, or does so no more, for a reason: until
    /// the first later day from which that was said already.
    pub(crate) fn link(&mut self, motion: Word, action: Word, remove: bool, from: Option<Word>, why: bool) -> Answer {
        let Some(record) = self.record(Kind::Motion, motion) else { return refused("NOT_FOUND") };
        let begins = first(from.unwrap_or(TODAY));
        let later = record.later(&begins, "addressed_by");
        let lists = [begins].into_iter().chain(later).map(|day| {
            let list = record.on(&day).unwrap()["addressed_by"].as_array().unwrap().clone();
            (day, list)
        });
        let lists: Vec<_> = lists.take_while(|(_, list)| list.contains(&action.into()) == remove).collect();
        if !remove && !lists.is_empty() {
            self.standing(action)?;
        }
        forbid("NO_CHANGE", lists.is_empty())?;
        forbid("REASON_MISSING", remove && !why)?;
        let (turn, told) = (self.turn, lists.len());
        let record = self.records.get_mut(&(Kind::Motion, motion.to_owned())).unwrap();
        for (day, mut list) in lists {
            if remove {
                list.retain(|other| other != action);
            } else {
                list.push(action.into());
            }
            record.state(&day, turn, fields([("addressed_by", list.into())]));
        }
        Ok(vec!["MotionLinked"; told])
    }

    /// A motion is settled once, by what shows it.
    pub(crate) fn settle(&mut self, deed: &Deed, shown: &[(Kind, Word)]) -> Answer {
        let motion = &self.records[&(deed.kind, deed.id.to_owned())];
        forbid("ALREADY_SETTLED", motion.last("settled").is_some())?;
        let counts = |(kind, _): &(Kind, Word)| *kind != Kind::Motion;
        forbid("MOTION_SETTLED_NO_EVIDENCE", !shown.iter().any(counts))?;
        self.shown(deed, shown)?;
        self.done(deed, "settled", None);
        Ok(vec!["MotionSettled"])
    }

    /// It happened already, and what shows it is known.
    fn shown(&self, deed: &Deed, shown: &[(Kind, Word)]) -> Rule {
        forbid("STILL_TO_COME", first(&deed.on).as_str() > TODAY)?;
        let unknown = |(kind, id): &(Kind, Word)| match kind {
            Kind::Action => !self.items.contains_key(*id),
            _ => self.record(*kind, id).is_none(),
        };
        forbid("NOT_FOUND", shown.iter().any(unknown))
    }

    /// A motion: carried out by these actions, and whether it was settled.
    pub(crate) fn motion(&self, id: &str) -> (&'static str, BTreeSet<String>) {
        let motion = &self.records[&(Kind::Motion, id.to_owned())];
        let actions = listed(motion, "addressed_by");
        let state = match motion.last("settled") {
            Some(_) => "Settled",
            None if !actions.iter().any(|action| self.agenda(NEVER).contains_key(action)) => "Adopted",
            None => "BeingCarriedOut",
        };
        (state, actions)
    }

    /// What carries a motion out on a day.
    pub(crate) fn linked(&self, motion: &str, day: &str) -> BTreeSet<String> {
        listed_on(&self.records[&(Kind::Motion, motion.to_owned())], "addressed_by", day)
    }

    /// A promise is met or missed once; a missed one may be made again for another day.
    pub(crate) fn on_promise(&mut self, deed: &Deed) -> Answer {
        let done = outcome(&self.records[&(deed.kind, deed.id.to_owned())]);
        let again = matches!(deed.what, Doing::Move(_) | Doing::Reword(_)) && done == Some("missed");
        forbid("ALREADY_SETTLED", done.is_some() && !again)?;
        match deed.what {
            Doing::Meet(shown) => {
                self.shown(deed, shown)?;
                forbid("REASON_MISSING", shown.is_empty() && !deed.why)?;
                self.done(deed, "met", None);
                Ok(vec!["MilestoneMet"])
            }
            Doing::Miss => {
                self.shown(deed, &[])?;
                forbid("REASON_MISSING", !deed.why)?;
                self.done(deed, "missed", None);
                Ok(vec!["MilestoneMissed"])
            }
            Doing::Move(due) => {
                forbid("REASON_MISSING", !deed.why)?;
                self.amend(deed, "due", due, "MilestoneMoved")
            }
            _ => refused("DEED_UNFIT"),
        }
    }

    /// Where a promise stands today.
    pub(crate) fn promise(&self, id: &str) -> &'static str {
        let promise = &self.records[&(Kind::Milestone, id.to_owned())];
        match outcome(promise) {
            Some("met") => "Met",
            Some(_) => "Missed",
            None if last(&promise.get("due").unwrap()).as_str() < TODAY => "Overdue",
            None if promise.set("due").count() > 1 => "Moved",
            None => "Planned",
        }
    }
}

/// Whether a promise was met, or was missed since it was last set for a day.
fn outcome(promise: &Record) -> Option<&'static str> {
    let set = promise.set("due").max().unwrap();
    let done = promise.last("met").into_iter().chain(promise.last("missed")).max_by_key(|done| done.turn);
    done.filter(|done| done.what == "met" || done.turn > set).map(|done| done.what)
}
