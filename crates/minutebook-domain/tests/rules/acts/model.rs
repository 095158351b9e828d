//! The reference model: what the ledger holds in plain maps, and the rules in plain words. Nothing here calls a rule of
//! the domain.
//!
//! Where several rules forbid an act, the first of these that does answers, in this order:
//!
//! 1. who asks (`asked`): text that looks like personal data, then a body that nobody knows;
//! 2. what the record itself says, all its faults at once (`alone`): unknown references, a mandate or decision that may
//!    not be stated like that, personal data;
//! 3. of a decision: no mandate, no date, effect before its date;
//! 4. the bodies and parties that it names have ended;
//! 5. the decision by which holds no more;
//! 6. the rules of the area, each in the order in which it is written down here;
//! 7. nothing would change.
//!
//! Of a deed: the record is there, its decision is known, that decision holds; then the rules of the area; then it has
//! ended already, it would end before it began, it has no reason.

use std::collections::{BTreeMap, BTreeSet};

use minutebook_domain::ids::Kind;
use serde_json::{Value, json};

use crate::acts::act::{Act, Doing, What, Word};
use crate::acts::agenda::Item;
use crate::acts::decisions::{decision, ends_before_start, mandate};
use crate::acts::review::Review;

/// The day of every request.
pub(crate) const TODAY: &str = "2020-03-01";
/// Later than every day.
pub(crate) const NEVER: &str = "9999-12-31";

/// Accepted with these events, or refused with these codes.
pub(crate) type Answer = Result<Vec<&'static str>, BTreeSet<&'static str>>;
/// Nothing forbids it, or this does.
pub(crate) type Rule = Result<(), BTreeSet<&'static str>>;

pub(crate) fn refused<T>(code: &'static str) -> Result<T, BTreeSet<&'static str>> {
    Err(BTreeSet::from([code]))
}

/// The rule forbids it where this is so.
pub(crate) fn forbid(code: &'static str, is_so: bool) -> Rule {
    if is_so { refused(code) } else { Ok(()) }
}

/// The first day that a date may mean.
pub(crate) fn first(date: &str) -> String {
    if date.len() == 4 { format!("{date}-01-01") } else { date.to_owned() }
}

/// The last day that a date may mean.
pub(crate) fn last(date: &str) -> String {
    if date.len() == 4 { format!("{date}-12-31") } else { date.to_owned() }
}

/// The fields of a record; absent is `null`.
pub(crate) type Fields = BTreeMap<&'static str, Value>;

pub(crate) fn fields<const N: usize>(all: [(&'static str, Value); N]) -> Fields {
    all.into_iter().collect()
}

/// What was done with a record beside stating it.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) what: &'static str,
    pub(crate) turn: usize,
    pub(crate) since: String,
    /// The decision by which, or the party that signed.
    pub(crate) by: Option<String>,
}

/// A record: what was stated of it from which day on, and what was done with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// From which day, in which turn, which fields read how; the first in time first.
    stated: Vec<(String, usize, Fields)>,
    /// The turn of the first statement.
    opened: usize,
    pub(crate) done: Vec<Done>,
    /// The day from which it is over.
    pub(crate) ended: Option<String>,
    /// The last day that this may mean.
    pub(crate) surely_ended: Option<String>,
}

impl Record {
    fn new(since: &str, turn: usize, fields: Fields) -> Self {
        Self { stated: vec![(since.to_owned(), turn, fields)], opened: turn, ..Self::default() }
    }

    /// How it reads on a day: each field as it was stated last before that day. What the first statement left open any
    /// other one fills.
    pub(crate) fn on(&self, day: &str) -> Option<Fields> {
        let held: Vec<_> = self.stated.iter().filter(|(since, ..)| since.as_str() <= day).collect();
        let mut all = Fields::new();
        let open = |turn: usize, value: &Value| turn == self.opened && is_open(value);
        for weak in [true, false] {
            for (_, turn, fields) in &held {
                let counts = fields.iter().filter(|(_, value)| open(*turn, value) == weak);
                all.extend(counts.map(|(field, value)| (*field, value.clone())));
            }
        }
        (!held.is_empty()).then_some(all)
    }

    /// How it reads in the end.
    pub(crate) fn now(&self) -> Fields {
        self.on(NEVER).unwrap_or_default()
    }

    pub(crate) fn get(&self, field: &str) -> Option<String> {
        self.now().get(field).and_then(Value::as_str).map(str::to_owned)
    }

    /// The first day from which anything is known of it.
    pub(crate) fn begins(&self) -> String {
        let stated = self.stated.iter().map(|(since, ..)| since);
        stated.chain(self.done.iter().map(|done| &done.since)).min().cloned().unwrap_or_default()
    }

    /// The turns in which a field was set.
    pub(crate) fn set(&self, field: &str) -> impl Iterator<Item = usize> {
        self.stated.iter().filter(move |(.., fields)| fields.contains_key(field)).map(|(_, turn, _)| *turn)
    }

    /// The days after that one from which a field was set, each once, the first in time first.
    pub(crate) fn later(&self, day: &str, field: &str) -> BTreeSet<String> {
        let set = self.stated.iter().filter(|(.., fields)| fields.contains_key(field)).map(|(since, ..)| since);
        set.filter(|since| since.as_str() > day).cloned().collect()
    }

    /// What reads otherwise than on that day; everything where it was not known then.
    pub(crate) fn differing(&self, since: &str, to: &Fields) -> Fields {
        let before = self.on(since);
        let differs = |field: &str, value: &Value| {
            let old = before.as_ref().map(|before| before.get(field).cloned().unwrap_or_default());
            old.is_none_or(|old| old != *value && !(is_open(&old) && is_open(value)))
        };
        to.iter().filter(|(field, value)| differs(field, value)).map(|(field, value)| (*field, value.clone())).collect()
    }

    pub(crate) fn state(&mut self, since: &str, turn: usize, fields: Fields) {
        self.stated.push((since.to_owned(), turn, fields));
        self.stated.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    }

    pub(crate) fn last(&self, what: &str) -> Option<&Done> {
        self.done.iter().filter(|done| done.what == what).max_by_key(|done| done.turn)
    }

    pub(crate) fn is_over(&self, day: &str) -> bool {
        self.ended.as_ref().is_some_and(|since| since.as_str() <= day)
    }
}

pub(crate) fn is_open(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// A deed that is being judged.
pub(crate) struct Deed<'a> {
    pub(crate) kind: Kind,
    pub(crate) id: Word,
    pub(crate) what: &'a Doing,
    pub(crate) by: Option<Word>,
    /// From when it holds.
    pub(crate) on: String,
    pub(crate) why: bool,
}

/// The whole ledger.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) records: BTreeMap<(Kind, String), Record>,
    /// Which decision took the place of which, or of a part of it, or revoked it.
    pub(crate) places: Vec<(String, String, &'static str)>,
    pub(crate) items: BTreeMap<String, Item>,
    /// The adopted editions, each with the day from which it holds.
    pub(crate) editions: Vec<(Word, String)>,
    pub(crate) reviews: BTreeMap<Word, Review>,
    /// How many proposals were ever made for each edition.
    pub(crate) made: BTreeMap<Word, usize>,
    pub(crate) turn: usize,
}

/// Registers and decisions.
impl Model {
    /// What the first edition of the test agenda states.
    pub(crate) fn new() -> Self {
        let mut model = Self {
            records: BTreeMap::new(),
            places: Vec::new(),
            items: BTreeMap::new(),
            editions: vec![("2016-2017", "2016-01-01".to_owned())],
            reviews: BTreeMap::new(),
            made: BTreeMap::new(),
            turn: 0,
        };
        let mut put = |kind, id: &str, fields| {
            model.records.insert((kind, id.to_owned()), Record::new("2016-01-01", 0, fields));
        };
        for (id, name) in [("gs", "Gedeputeerde Staten"), ("ps", "Provinciale Staten"), ("stuurgroep", "Stuurgroep")] {
            put(Kind::Body, id, fields([("name", name.into())]));
        }
        for (id, name) in
            [("provincie", "Provincie Drenthe"), ("emmen", "Gemeente Emmen"), ("coevorden", "Gemeente Coevorden")]
        {
            put(Kind::Party, id, fields([("name", name.into())]));
        }
        for (id, body, may) in
            [("m-gs", "gs", "adopt-agenda"), ("m-ps", "ps", "adopt-framework"), ("m-advies", "stuurgroep", "advise")]
        {
            put(Kind::Mandate, id, mandate(body, may, None, None, None));
        }
        put(Kind::Decision, "d-2016", decision("gs", "adopt-agenda", Some("2015-12-15"), None));
        let amount = |what: &str, eur: u32, per: Value, action: Value| {
            fields([("what", what.into()), ("eur", eur.into()), ("per", per), ("action", action)])
        };
        put(Kind::Amount, "geld", amount("Website", 600_000, "year".into(), "website".into()));
        put(Kind::Amount, "los", amount("Los", 100, Value::Null, Value::Null));
        put(
            Kind::Milestone,
            "oplevering",
            fields([("what", "Oplevering".into()), ("due", "2017".into()), ("action", "website".into())]),
        );
        put(Kind::Motion, "armoede", fields([("addressed_by", json!([]))]));
        put(Kind::Motion, "sport", fields([("addressed_by", json!(["lobby"]))]));
        put(
            Kind::Agreement,
            "oud",
            fields([("what", "Oud".into()), ("parties", json!(["emmen", "provincie"])), ("period", Value::Null)]),
        );
        put(Kind::Role, "stimuleren", fields([]));
        put(Kind::Role, "regisseren", fields([]));
        for (id, title) in [("meting", "Meting"), ("website", "Website"), ("lobby", "Lobby"), ("pilot", "Pilot")] {
            let amounts = if id == "website" { vec!["geld"] } else { Vec::new() };
            model.items.insert(id.to_owned(), Item::new("2016-01-01", title, amounts));
        }
        model
    }

    /// Answers an act; what is accepted is taken in, what is refused leaves nothing.
    pub(crate) fn ask(&mut self, act: &Act) -> Answer {
        self.turn += 1;
        self.asked(act.actor)?;
        match &act.what {
            What::Register { kind, id, name, from } => {
                forbid("PERSONAL_DATA_IN_TEXT", name.contains('@'))?;
                self.state(*kind, id, from.unwrap_or(TODAY), fields([("name", (*name).into())]))
            }
            What::Decide { id, body, kind, date, effective, grounds } => {
                self.decide(id, decision(body, kind, *date, *effective), *grounds)
            }
            What::Grant { id, body, may, by, since, until } => {
                self.grant(id, mandate(body, may, *by, *since, *until), *since)
            }
            What::Seat { id, body, party, since, until } => {
                let named = [Some((Kind::Body, *body)), party.map(|party| (Kind::Party, party))];
                let named: Vec<_> = named.into_iter().flatten().collect();
                let all = fields([
                    ("body", json!(body)),
                    ("party", json!(party)),
                    ("since", json!(since)),
                    ("until", json!(until)),
                ]);
                let on = since.unwrap_or(TODAY);
                self.alone(&named)?;
                self.alive(&named, &first(on))?;
                forbid("END_BEFORE_START", ends_before_start(&all))?;
                self.state(Kind::Membership, id, on, all)
            }
            What::Assign { .. } => self.assign(&act.what),
            What::Agree { id, stated, parties, begins, from } => self.agree(id, *stated, parties, *begins, *from),
            What::Pay { id, eur, from, why } => self.pay(id, *eur, *from, *why),
            What::Promise { id, due, from } => {
                let all = [("what", "Belofte".into()), ("due", (*due).into()), ("action", Value::Null)];
                self.state(Kind::Milestone, id, from.unwrap_or(TODAY), fields(all))
            }
            What::Do { kind, id, deed, by, from, why } => self.deed(*kind, id, deed, *by, *from, *why),
            What::Link { motion, action, remove, from, why } => self.link(motion, action, *remove, *from, *why),
            What::Open { edition, effective } => self.open(edition, effective),
            What::Review { edition, step, why } => self.review(*edition, step, *why, act.actor),
        }
    }

    /// Who asks names nobody, and speaks for a body that is known.
    fn asked(&self, (body, capacity): (Word, Word)) -> Rule {
        forbid("PERSONAL_DATA_IN_TEXT", capacity.contains('@'))?;
        forbid("UNKNOWN_REFERENCE", !self.knows(Kind::Body, body))
    }

    pub(crate) fn record(&self, kind: Kind, id: &str) -> Option<&Record> {
        self.records.get(&(kind, id.to_owned()))
    }

    /// Where a body is named, a party may be meant.
    pub(crate) fn knows(&self, kind: Kind, id: &str) -> bool {
        self.record(kind, id).is_some() || kind == Kind::Body && self.record(Kind::Party, id).is_some()
    }

    /// What a record refers to is known.
    pub(crate) fn alone(&self, named: &[(Kind, Word)]) -> Rule {
        forbid("UNKNOWN_REFERENCE", named.iter().any(|(kind, id)| !self.knows(*kind, id)))
    }

    /// The bodies and parties that are named are still there on that day.
    pub(crate) fn alive(&self, named: &[(Kind, Word)], day: &str) -> Rule {
        named.iter().try_for_each(|(kind, id)| {
            let body = self.record(Kind::Body, id).filter(|_| *kind == Kind::Body);
            forbid("BODY_DISSOLVED", body.is_some_and(|body| body.is_over(day)))?;
            let party = self.record(Kind::Party, id).filter(|_| body.is_none());
            forbid("PARTY_ENDED", party.is_some_and(|party| party.is_over(day)))
        })
    }

    /// The decision holds on that day.
    pub(crate) fn holds(&self, decision: Option<&str>, day: &str) -> Rule {
        let decision = decision.and_then(|id| self.record(Kind::Decision, id));
        forbid("SUPERSEDED", decision.is_some_and(|decision| decision.is_over(day)))
    }

    /// States a record from a day on, unless nothing is new.
    pub(crate) fn state(&mut self, kind: Kind, id: &str, from: &str, to: Fields) -> Answer {
        let (key, turn, since) = ((kind, id.to_owned()), self.turn, first(from));
        let again = self.records.contains_key(&key);
        if let Some(record) = self.records.get_mut(&key) {
            let differing = record.differing(&since, &to);
            forbid("NO_CHANGE", differing.is_empty())?;
            record.state(&since, turn, differing);
        } else {
            self.records.insert(key, Record::new(&since, turn, to));
        }
        Ok(vec![match (kind, again) {
            (Kind::Party, false) => "PartyRegistered",
            (Kind::Party, true) => "PartyChanged",
            (Kind::Body, false) => "BodyEstablished",
            (Kind::Body, true) => "BodyChanged",
            (Kind::Mandate, false) => "MandateGranted",
            (Kind::Mandate, true) => "MandateChanged",
            (Kind::Amount, false) => "AmountRecorded",
            (Kind::Amount, true) => "AmountChanged",
            (Kind::Membership, _) => "MembershipStarted",
            (Kind::Assignment, _) => "RoleAssigned",
            (Kind::Agreement, _) => "AgreementStated",
            (Kind::Milestone, _) => "MilestoneSet",
            _ => "DecisionRecorded",
        }])
    }

    /// The records of a kind.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &Record)> {
        self.records.iter().filter(move |((of, _), _)| *of == kind).map(|((_, id), record)| (id.as_str(), record))
    }

    /// Something is done with a record.
    fn deed(&mut self, kind: Kind, id: Word, what: &Doing, by: Option<Word>, from: Option<Word>, why: bool) -> Answer {
        forbid("NOT_FOUND", self.record(kind, id).is_none())?;
        forbid("UNKNOWN_REFERENCE", by.is_some_and(|by| !self.knows(Kind::Decision, by)))?;
        let decision = by.and_then(|by| self.record(Kind::Decision, by));
        let held = decision.and_then(|decision| decision.get("effective").or_else(|| decision.get("date")));
        let on = from.map(str::to_owned).or(held).unwrap_or_else(|| TODAY.to_owned());
        self.holds(by, &first(&on))?;
        let deed = Deed { kind, id, what, by, on, why };
        match (kind, what) {
            (Kind::Decision, Doing::Supersede { .. } | Doing::End(_)) => self.supersede(&deed),
            (Kind::Mandate, Doing::End(_)) => {
                let advises = self.records[&(kind, id.to_owned())].get("may").as_deref() == Some("advise");
                forbid("MANDATE_NEEDS_DECISION", !advises && !self.grants(by))?;
                self.end(&deed, "MandateWithdrawn")
            }
            (Kind::Party, Doing::Merge(into)) => self.end_with(&deed, Some(into), "PartyMerged"),
            (Kind::Party, Doing::End(successor)) => self.end_with(&deed, *successor, "PartyEnded"),
            (Kind::Body, Doing::End(successor)) => self.end_with(&deed, *successor, "BodyDissolved"),
            (Kind::Membership, Doing::End(successor)) => self.end_with(&deed, *successor, "MembershipEnded"),
            (Kind::Assignment, Doing::End(_)) => self.end_role(&deed),
            (Kind::Amount, Doing::End(_)) => {
                forbid("DECISION_REQUIRED", self.is_named(id))?;
                self.end(&deed, "AmountEnded")
            }
            (Kind::Agreement, _) => self.on_agreement(&deed),
            (Kind::Motion, Doing::Settle(shown)) => self.settle(&deed, shown),
            (Kind::Milestone, _) => self.on_promise(&deed),
            _ => refused("DEED_UNFIT"),
        }
    }

    /// It is still there, ends no earlier than it began, and for a reason; then it is over.
    pub(crate) fn end(&mut self, deed: &Deed, name: &'static str) -> Answer {
        let record = &self.records[&(deed.kind, deed.id.to_owned())];
        forbid(if deed.kind == Kind::Decision { "SUPERSEDED" } else { "ALREADY_ENDED" }, record.ended.is_some())?;
        // A decision that was taken may go before it takes effect.
        let taken = record.get("date").filter(|_| deed.kind == Kind::Decision).map(|date| first(&date));
        let begins = taken.map_or(record.begins(), |taken| taken.min(record.begins()));
        forbid("END_BEFORE_START", last(&deed.on) < begins)?;
        forbid("REASON_MISSING", !deed.why)?;
        let part = matches!(deed.what, Doing::Supersede { part: true });
        self.done(deed, if part { "limited" } else { "ended" }, deed.by);
        if !part {
            let record = self.records.get_mut(&(deed.kind, deed.id.to_owned())).unwrap();
            (record.ended, record.surely_ended) = (Some(first(&deed.on)), Some(last(&deed.on)));
        }
        Ok(vec![name])
    }

    /// Notes what was done.
    pub(crate) fn done(&mut self, deed: &Deed, what: &'static str, by: Option<&str>) {
        let done = Done { what, turn: self.turn, since: first(&deed.on), by: by.map(str::to_owned) };
        self.records.get_mut(&(deed.kind, deed.id.to_owned())).unwrap().done.push(done);
    }

    /// What takes its place is another one of its kind, which never ends.
    fn end_with(&mut self, deed: &Deed, successor: Option<Word>, name: &'static str) -> Answer {
        if let Some(successor) = successor {
            let other = self.record(deed.kind, successor);
            let over = other.is_some_and(|other| other.ended.is_some());
            forbid("NOT_FOUND", other.is_none())?;
            let ended = match deed.kind {
                Kind::Body => "BODY_DISSOLVED",
                Kind::Party => "PARTY_ENDED",
                _ => "ALREADY_ENDED",
            };
            forbid(ended, over)?;
            forbid("NO_CHANGE", successor == deed.id)?;
        }
        let answer = self.end(deed, name)?;
        if successor.is_some() {
            self.done(deed, "followed", successor);
        }
        Ok(answer)
    }
}
