//! The reference model of decisions and mandates.

use std::collections::BTreeSet;

use minutebook_domain::ids::Kind;
use serde_json::{Value, json};

use crate::acts::act::{Doing, Word};
use crate::acts::model::{Answer, Deed, Fields, Model, Record, TODAY, fields, first, forbid, is_open, last, refused};

impl Model {
    /// A decision is taken by a body with a mandate for it on its date, and read once.
    pub(crate) fn decide(&mut self, id: Word, to: Fields, grounds: bool) -> Answer {
        let text = |field: &str| to.get(field).and_then(Value::as_str).map(str::to_owned);
        let (body, kind, date) = (text("body").unwrap(), text("kind").unwrap(), text("date"));
        let mut faults = BTreeSet::new();
        if !self.knows(Kind::Body, &body) {
            faults.insert("UNKNOWN_REFERENCE");
        }
        if self.record(Kind::Decision, id).is_some_and(|decision| {
            let now = decision.now();
            now.iter().any(|(field, value)| !is_open(value) && *value != to[field])
        }) {
            faults.insert("DECISION_DIFFERS");
        } else if date.as_ref().is_some_and(|date| first(date).as_str() > TODAY || last(date) > last(&TODAY[..4])) {
            faults.insert("DECISION_NOT_TAKEN");
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        forbid("NO_MANDATE", !self.may(&body, &kind, date.as_deref()))?;
        let Some(date) = date else { return refused("DECISION_INCOMPLETE") };
        let effective = text("effective");
        let before = effective.as_ref().is_some_and(|effective| first(effective) < first(&date));
        forbid("EFFECT_BEFORE_ALLOWED", before && !grounds)?;
        // Which body decides is judged on the day of the decision.
        let body: &str = &body;
        let ended = |kind| self.record(kind, body).is_some_and(|record| record.is_over(&first(&date)));
        let is_body = self.record(Kind::Body, body).is_some();
        forbid("BODY_DISSOLVED", is_body && ended(Kind::Body))?;
        forbid("PARTY_ENDED", !is_body && ended(Kind::Party))?;
        self.state(Kind::Decision, id, &effective.unwrap_or(date), to)
    }

    /// The body may take a decision of this kind on this date.
    pub(crate) fn may(&self, body: &str, kind: &str, date: Option<&str>) -> bool {
        self.of(Kind::Mandate)
            .any(|(_, mandate)| mandate.get("body").as_deref() == Some(body) && self.covers(mandate, kind, date))
    }

    /// The mandate lets its body decide this, on this date. Without a date: at any time, if it was never withdrawn. One
    /// that does not say since when it holds does so from when the decision that grants it does.
    pub(crate) fn covers(&self, mandate: &Record, kind: &str, date: Option<&str>) -> bool {
        let (since, until) = (self.granted(mandate), mandate.get("until"));
        let within = |date: &str| {
            since.as_ref().is_none_or(|since| first(since) <= last(date))
                && until.as_ref().is_none_or(|until| first(date) <= last(until))
        };
        let withdrawn = mandate.surely_ended.as_ref().is_some_and(|end| date.is_none_or(|date| first(date) >= *end));
        mandate.get("may").as_deref() == Some(kind) && date.is_none_or(within) && !withdrawn
    }

    /// From when a mandate holds.
    fn granted(&self, mandate: &Record) -> Option<String> {
        let granting = mandate.get("decision").and_then(|by| self.record(Kind::Decision, &by));
        mandate.get("since").or(granting.and_then(|decision| decision.get("effective").or(decision.get("date"))))
    }

    /// The body may take a decision of this kind on each day that the date may mean.
    fn surely_may(&self, body: &str, kind: &str, date: &str) -> bool {
        self.of(Kind::Mandate).any(|(_, mandate)| {
            let covers = |day: &str| self.covers(mandate, kind, Some(day));
            let begun = self.granted(mandate).is_none_or(|since| last(&since) <= first(date));
            let holds = mandate.ended.as_ref().is_none_or(|end| last(date) < *end);
            mandate.get("body").as_deref() == Some(body)
                && begun
                && holds
                && covers(&first(date))
                && covers(&last(date))
        })
    }

    /// The body of a mandate or decision has not ended by that day.
    pub(crate) fn is_there(&self, of: &Record, day: &str) -> bool {
        let body = of.get("body").unwrap();
        let mut all = [Kind::Body, Kind::Party].into_iter().filter_map(|kind| self.record(kind, &body));
        !all.any(|body| body.is_over(day))
    }

    /// The decision grants or takes mandates.
    pub(crate) fn grants(&self, by: Option<&str>) -> bool {
        let decision = by.and_then(|by| self.record(Kind::Decision, by));
        decision.is_some_and(|decision| {
            let (body, date) = (decision.get("body").unwrap(), decision.get("date"));
            decision.get("kind").as_deref() == Some("grant-mandate")
                && date.is_some_and(|date| {
                    self.surely_may(&body, "grant-mandate", &date) && self.is_there(decision, &first(&date))
                })
        })
    }

    /// A mandate is granted by a decision; the first right to grant may be asserted for who adopts frameworks.
    pub(crate) fn grant(&mut self, id: Word, to: Fields, since: Option<Word>) -> Answer {
        let text = |field: &str| to.get(field).and_then(Value::as_str);
        let (body, may, by) = (text("body").unwrap(), text("may").unwrap(), text("decision"));
        let mut faults = BTreeSet::new();
        if !self.knows(Kind::Body, body) || by.is_some_and(|by| !self.knows(Kind::Decision, by)) {
            faults.insert("UNKNOWN_REFERENCE");
        }
        let begin = since.map_or(String::new(), first);
        let granting = |(_, mandate): (&str, &Record)| {
            let past = mandate.get("until").is_some_and(|until| last(&until) < begin);
            let there = self.is_there(mandate, &begin);
            mandate.get("may").as_deref() == Some("grant-mandate") && mandate.ended.is_none() && !past && there
        };
        let begins =
            may == "grant-mandate" && !self.of(Kind::Mandate).any(granting) && self.may(body, "adopt-framework", None);
        let recorded = self.record(Kind::Mandate, id);
        let known = recorded.is_some_and(|mandate| mandate.now() == to);
        let advises = |mandate: &Record| mandate.get("may").as_deref() == Some("advise");
        let free = may == "advise" && recorded.is_none_or(advises);
        if !free && !known && !begins && !self.grants(by) {
            faults.insert("MANDATE_NEEDS_DECISION");
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let granting = by.and_then(|by| self.record(Kind::Decision, by));
        let granted = granting.and_then(|decision| decision.get("effective").or(decision.get("date")));
        let on: &str = &since.map(str::to_owned).or(granted.clone()).unwrap_or(TODAY.to_owned());
        let decided = granting.and_then(|decision| decision.get("date"));
        forbid("EFFECT_BEFORE_ALLOWED", decided.is_some_and(|decided| first(on) < first(&decided)))?;
        let start = since.map(str::to_owned).or(granted);
        forbid("END_BEFORE_START", text("until").zip(start).is_some_and(|(until, start)| last(until) < first(&start)))?;
        let over = |kind| self.record(kind, body).map(|record| record.is_over(&first(on)));
        forbid("BODY_DISSOLVED", over(Kind::Body) == Some(true))?;
        forbid("PARTY_ENDED", over(Kind::Body).is_none() && over(Kind::Party) == Some(true))?;
        self.holds(by, &first(on))?;
        forbid("END_BEFORE_START", ends_before_start(&to))?;
        self.state(Kind::Mandate, id, on, to)
    }

    /// A decision takes the place of another one of the same body, or of one that its body might take; never of one that
    /// took its own place, and an advice only of an advice.
    pub(crate) fn supersede(&mut self, deed: &Deed) -> Answer {
        let Some(by) = deed.by else { return refused("GROUND_MISSING") };
        let (old, new) = (&self.records[&(deed.kind, deed.id.to_owned())], &self.records[&(deed.kind, by.to_owned())]);
        forbid("SUPERSEDE_SELF", by == deed.id)?;
        forbid("SUPERSEDE_CYCLE", self.replaced_by(by).contains(deed.id))?;
        let kind = |decision: &Record| decision.get("kind").unwrap();
        forbid("ADVICE_ONLY", kind(new) == "advise" && kind(old) != "advise")?;
        let may = self.may(&new.get("body").unwrap(), &kind(old), new.get("date").as_deref());
        forbid("SUPERSEDE_OWN_RANK", old.get("body") != new.get("body") && !may)?;
        let (name, how) = match deed.what {
            Doing::Supersede { part: true } => ("DecisionSuperseded", "part"),
            Doing::Supersede { part: false } => ("DecisionSuperseded", "whole"),
            _ => ("DecisionRevoked", "revoked"),
        };
        let begins = old.get("date").or(old.get("effective"));
        let by_then = last(&new.get("date").unwrap_or(deed.on.clone())).min(last(&deed.on));
        let early = |begins: &String| first(&deed.on) < first(begins) || by_then < first(begins);
        forbid("END_BEFORE_START", begins.as_ref().is_some_and(early))?;
        let answer = self.end(deed, name)?;
        self.places.push((deed.id.to_owned(), by.to_owned(), how));
        Ok(answer)
    }

    /// The decision, and all that took its place, or the place of those.
    fn replaced_by(&self, decision: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::from([decision.to_owned()]);
        loop {
            let next = self.places.iter().filter(|(old, ..)| all.contains(old)).map(|(_, new, _)| new.clone());
            let more: BTreeSet<_> = next.filter(|new| !all.contains(new)).collect();
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }
}

/// The last day of its end lies before the first day of its start.
pub(crate) fn ends_before_start(record: &Fields) -> bool {
    let day = |field: &str| record.get(field).and_then(Value::as_str);
    day("since").zip(day("until")).is_some_and(|(since, until)| last(until) < first(since))
}

pub(crate) fn decision(body: &str, kind: &str, date: Option<&str>, effective: Option<&str>) -> Fields {
    fields([("body", json!(body)), ("kind", json!(kind)), ("date", json!(date)), ("effective", json!(effective))])
}

pub(crate) fn mandate(body: &str, may: &str, by: Option<&str>, since: Option<&str>, until: Option<&str>) -> Fields {
    fields([
        ("body", json!(body)),
        ("may", json!(may)),
        ("decision", json!(by)),
        ("since", json!(since)),
        ("until", json!(until)),
    ])
}
