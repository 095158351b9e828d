//! An erratum, a late fact and a settled doubt are three things, and none of them rewrites what was recorded.

use minutebook_domain::command::{Command, Context, CorrectField, LateFact};
use minutebook_domain::event::{DeedStep, Founding};
use minutebook_domain::history::Cut;
use minutebook_domain::ids::{Key, Kind, RequestId};
use minutebook_domain::refusal::Rejection;
use minutebook_domain::value::Name;
use serde_json::{Value, json};

use crate::minutes::{
    Asked, Doc, Then, at, correct, deed, edition_after, first, given, import, late, next, next_with_change, quoted,
    resolve, state, state_from,
};
use crate::support::{Ledger, id, text};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("NOT_FOUND", what_is_corrected_is_in_the_book),
    ("FIELD_INVALID", a_corrected_value_fits_its_field),
    ("OLD_VALUE_MISMATCH", an_erratum_starts_from_the_current_value),
    ("ERRATUM_SUBSTANTIVE", an_erratum_does_not_change_who_or_what_kind),
    ("CITATION_NOT_FOUND", an_amount_or_date_is_corrected_with_a_quote_that_holds_it),
    ("ERRATUM_ON_ERRATUM", an_erratum_refers_to_the_last_one),
    ("NO_CHANGE", an_erratum_changes_something),
    ("REASON_MISSING", each_correction_has_a_reason),
    ("NOT_LATE", a_late_fact_is_past),
    ("DECISION_REQUIRED", a_late_fact_on_an_item_needs_its_decision),
    ("DECISION_INCOMPLETE", a_late_fact_on_an_item_needs_its_decision),
    ("NOT_ADOPTING", a_late_fact_on_an_item_needs_its_decision),
    ("NO_MANDATE", a_late_fact_on_an_item_needs_its_decision),
    ("KIND_NOT_STATED", an_edition_is_not_stated_late),
    ("UNKNOWN_REFERENCE", an_item_moves_late_only_to_where_it_can_stand),
    ("PERSONAL_DATA_IN_TEXT", personal_data_does_not_come_in_by_a_correction),
    ("NO_DOUBT", only_an_open_doubt_is_settled),
];

fn meting() -> Key {
    at(Kind::Action, "meting")
}

fn when(command: CorrectField) -> Then {
    given([import(first())]).when(Command::Correct(command))
}

fn when_late(command: LateFact) -> Then {
    given([import(first())]).when(Command::RecordLate(command))
}

/// A field on a day, as known after an event; the day first, so that tests read as a timeline.
fn on(ledger: &Ledger, day: &str, known: u64, key: &Key, field: &str) -> Value {
    let cut = Cut { valid: day.parse().unwrap(), known, sealed: None };
    let state = ledger.book.at(key, &cut, &ledger.events).unwrap();
    state.map_or(Value::Null, |state| state.record.value(field))
}

fn now(ledger: &Ledger, day: &str, key: &Key, field: &str) -> Value {
    on(ledger, day, u64::MAX, key, field)
}

#[test]
fn an_erratum_holds_as_far_back_as_what_it_corrects_and_is_not_seen_before_it() {
    let ledger = when(correct(meting(), "title", json!("Metingen"))).then(&["ErratumRecorded"]);
    let erratum = ledger.book.head() - 1;
    assert_eq!(on(&ledger, "2016-01-01", erratum - 1, &meting(), "title"), "Meting");
    assert_eq!(on(&ledger, "2016-01-01", erratum, &meting(), "title"), "Metingen");
}

#[test]
fn a_correction_flows_into_later_editions_that_inherited_the_value() {
    let ledger = given([import(first()), import(next_with_change())]);
    let written = ledger.book.entry(&meting()).unwrap().marks()[0].position;
    let mut title = correct(meting(), "title", json!("Metingen"));
    title.corrects = Some(written);
    let place = correct(meting(), "place", json!("Emmen"));
    let ledger = ledger.when(Command::Correct(title)).then(&["ErratumRecorded"]);
    let ledger = ledger.when(Command::Correct(place)).then(&["ErratumRecorded"]);
    assert_eq!(now(&ledger, "2017-12-31", &meting(), "title"), "Metingen");
    assert_eq!(now(&ledger, "2018-01-01", &meting(), "title"), "Nulmeting");
    assert_eq!(now(&ledger, "2016-01-01", &meting(), "place"), "Emmen");
    assert_eq!(now(&ledger, "2018-01-01", &meting(), "place"), "Emmen");
}

#[test]
fn what_is_corrected_is_in_the_book() {
    when(correct(at(Kind::Action, "metting"), "title", json!("X"))).then_refused("NOT_FOUND");
    when(correct(meting(), "titel", json!("X"))).then_refused("NOT_FOUND");
    let mut elsewhere = correct(meting(), "title", json!("X"));
    elsewhere.corrects = Some(1);
    when(elsewhere).then_refused("NOT_FOUND");
    when_late(late(at(Kind::Party, "hoogeveen"), "2017", json!({"name": "X"}))).then_refused("NOT_FOUND");
    given([import(first())]).when(resolve(at(Kind::Party, "hoogeveen"), "X")).then_refused("NOT_FOUND");
}

#[test]
fn a_corrected_value_fits_its_field() {
    when(correct(meting(), "title", json!(" "))).then_refused("FIELD_INVALID");
    when(correct(meting(), "place", json!(12))).then_refused("FIELD_INVALID");
    when_late(late(meting(), "2017", json!({"horizon": "long"}))).then_refused("FIELD_INVALID");
    when_late(late(meting(), "2017", json!({"period": {"to": "2017-13"}}))).then_refused("FIELD_INVALID");
}

#[test]
fn a_term_that_a_document_reversed_keeps_nobody_from_correcting_the_rest() {
    let reversed = json!({"period": {"from": "2018", "to": "2017"}});
    let stated = || given([import(first().patch("actions", "meting", reversed.clone()))]);
    stated().when(Command::Correct(correct(meting(), "title", json!("Metingen")))).then(&["ErratumRecorded"]);
    let fact = |fields| Command::RecordLate(late(meting(), "2017", fields));
    stated().when(fact(json!({"place": "Emmen"}))).then(&["ItemChanged"]);
    stated().when(fact(json!({"period": {"from": "2018", "to": "2016"}}))).then_refused("END_BEFORE_START");
}

#[test]
fn an_erratum_starts_from_the_current_value() {
    let from = |old: Value| CorrectField { old: Some(old), ..correct(meting(), "title", json!("Metingen")) };
    when(from(json!("Peiling"))).then_refused("OLD_VALUE_MISMATCH");
    when(from(json!("Meting"))).then(&["ErratumRecorded"]);
    let unstated = CorrectField { old: Some(json!("")), ..correct(meting(), "place", json!("Emmen")) };
    when(unstated).then(&["ErratumRecorded"]);
}

#[test]
fn an_erratum_changes_something() {
    when(correct(meting(), "title", json!("Meting"))).then_refused("NO_CHANGE");
    when(correct(meting(), "place", json!(""))).then_refused("NO_CHANGE");
    when_late(late(meting(), "2017", json!({"title": "Meting"}))).then_refused("NO_CHANGE");
}

#[test]
fn an_erratum_does_not_change_who_or_what_kind() {
    for (kind, name, field, new) in [
        (Kind::Action, "meting", "partners", json!(["coevorden"])),
        (Kind::Action, "meting", "policy_item", json!("pilots")),
        (Kind::Action, "meting", "horizon", json!("medium")),
        (Kind::Decision, "d-2016", "kind", json!("advise")),
        (Kind::Decision, "d-2016", "body", json!("ps")),
        (Kind::Mandate, "m-gs", "may", json!("grant-mandate")),
        (Kind::Amount, "geld", "per", json!("once")),
        (Kind::Edition, "2016-2017", "effective", json!("2015")),
    ] {
        when(correct(at(kind, name), field, new)).then_refused("ERRATUM_SUBSTANTIVE");
    }
}

#[test]
fn an_amount_or_date_is_corrected_with_a_quote_that_holds_it() {
    let geld = || correct(at(Kind::Amount, "geld"), "eur", json!(650_000));
    when(geld()).then_refused("CITATION_NOT_FOUND");
    for quote in ["€ 600.000 per jaar", "€ 1.650.000", "€ 650.000.000", "€ 6.500.001", "1650000", "65000"] {
        when(CorrectField { citation: quoted(quote), ..geld() }).then_refused("CITATION_NOT_FOUND");
    }
    for quote in ["€ 650.000 per jaar", "650000 euro", "in 2016: 650 000.", "€ 650.000,- in 2017", "€ 650,000."] {
        when(CorrectField { citation: quoted(quote), ..geld() }).then(&["ErratumRecorded"]);
    }
    let due = || correct(at(Kind::Milestone, "oplevering"), "due", json!("2018-12-31"));
    for quote in ["eind 2018", "31 december 2017", "31 december"] {
        when(CorrectField { citation: quoted(quote), ..due() }).then_refused("CITATION_NOT_FOUND");
    }
    for quote in ["per 31 december 2018", "31-12-2018", "31.12.2018", "2018-12-31"] {
        when(CorrectField { citation: quoted(quote), ..due() }).then(&["ErratumRecorded"]);
    }
    let mut unknown = CorrectField { citation: quoted("€ 650.000"), ..geld() };
    unknown.citation.as_mut().unwrap().source = id("krant");
    when(unknown).then_refused("UNKNOWN_REFERENCE");
}

#[test]
fn an_erratum_refers_to_the_last_one() {
    let ledger = when(correct(meting(), "title", json!("Metingen"))).then(&["ErratumRecorded"]);
    let (last, written) = (ledger.book.head() - 1, ledger.book.entry(&meting()).unwrap().marks()[0].position);
    let onto = |position| CorrectField { corrects: Some(position), ..correct(meting(), "title", json!("De meting")) };
    ledger.clone().when(Command::Correct(onto(written))).then_refused("ERRATUM_ON_ERRATUM");
    let ledger = ledger.when(Command::Correct(onto(last))).then(&["ErratumRecorded"]);
    assert_eq!(now(&ledger, "2016-01-01", &meting(), "title"), "De meting");
}

#[test]
fn an_end_that_was_a_mistake_is_taken_back_and_recorded_again() {
    let emmen = || at(Kind::Party, "emmen");
    let end = |day: &str| Command::from(deed(Kind::Party, "emmen", DeedStep::Ended(Some(id("coevorden")))).from(day));
    let go_on = || correct(emmen(), "ended", json!(null));
    let since = |ledger: &Ledger, known| {
        let cut = Cut { known, ..Cut::NOW };
        let end = ledger.book.end_of(&emmen(), &cut, &ledger.events).unwrap();
        end.map(|end| end.since.to_string())
    };
    when(go_on()).then_refused("NO_CHANGE");
    let ledger = given([import(first()), end("2017-01-01")]);
    let mistaken = ledger.book.head() - 1;
    let refused = |erratum: CorrectField, code| ledger.clone().when(Command::Correct(erratum)).then_refused(code);
    refused(correct(emmen(), "ended", json!("2018-01-01")), "FIELD_INVALID");
    refused(CorrectField { reason: text(""), ..go_on() }, "REASON_MISSING");
    refused(CorrectField { corrects: Some(mistaken - 1), ..go_on() }, "ERRATUM_ON_ERRATUM");
    refused(CorrectField { old: Some(json!("2016-01-01")), ..go_on() }, "OLD_VALUE_MISMATCH");
    ledger.clone().when(end("2018-01-01")).then_refused("ALREADY_ENDED");

    let ledger = ledger.when(Command::Correct(go_on())).then(&["ErratumRecorded"]);
    assert_eq!(since(&ledger, u64::MAX), None);
    assert_eq!(since(&ledger, mistaken).as_deref(), Some("2017-01-01"), "as it was known then");
    let history = ledger.book.history(&emmen(), u64::MAX, &ledger.events).unwrap();
    let [change] = history.last().unwrap().fields.as_slice() else { panic!("{history:?}") };
    assert_eq!((change.field, &change.before, &change.after), ("ended", &json!("2017-01-01"), &Value::Null));
    ledger.clone().when(Command::Correct(go_on())).then_refused("NO_CHANGE");
    let ledger = ledger.when(end("2018-01-01")).then(&["PartyEnded"]);
    assert_eq!(since(&ledger, u64::MAX).as_deref(), Some("2018-01-01"));
    assert_eq!(ledger.replayed(7), ledger.book);

    // What a decision ended by itself is no slip of the pen.
    for (kind, name) in [(Kind::Decision, "d-2016"), (Kind::Mandate, "m-gs")] {
        when(correct(at(kind, name), "ended", json!(null))).then_refused("ERRATUM_SUBSTANTIVE");
    }
}

#[test]
fn each_correction_has_a_reason() {
    when(CorrectField { reason: text(" "), ..correct(meting(), "title", json!("X")) }).then_refused("REASON_MISSING");
    when_late(LateFact { reason: text(""), ..late(meting(), "2017", json!({"title": "X"})) })
        .then_refused("REASON_MISSING");
    let doubt = first().patch("actions", "meting", json!({"doubt": "Wie?"}));
    given([import(doubt)]).when(resolve(meting(), "\n")).then_refused("REASON_MISSING");
}

#[test]
fn a_late_fact_is_seen_from_its_day_on_and_not_before_its_position() {
    let ledger = when_late(late(meting(), "2017-03-01", json!({"title": "Peiling"}))).then(&["ItemChanged"]);
    let fact = ledger.book.head() - 1;
    assert_eq!(now(&ledger, "2017-02-28", &meting(), "title"), "Meting");
    assert_eq!(now(&ledger, "2017-03-01", &meting(), "title"), "Peiling");
    assert_eq!(on(&ledger, "2017-03-01", fact - 1, &meting(), "title"), "Meting");
}

#[test]
fn a_late_fact_does_not_overwrite_a_later_policy_change() {
    let fact = late(meting(), "2017-03-01", json!({"title": "Peiling", "place": "Emmen"}));
    let ledger = given([import(first()), import(next_with_change()), Command::RecordLate(fact)]);
    assert_eq!(now(&ledger, "2017-12-31", &meting(), "title"), "Peiling");
    assert_eq!(now(&ledger, "2018-01-01", &meting(), "title"), "Nulmeting");
    assert_eq!(now(&ledger, "2018-01-01", &meting(), "place"), "Emmen", "what the edition did not touch is inherited");
    assert_eq!(ledger.book.entry(&meting()).unwrap().record.label(), "Nulmeting");
}

#[test]
fn an_erratum_on_a_late_fact_holds_from_the_day_of_the_fact() {
    let ledger = when_late(late(meting(), "2017-03-01", json!({"title": "Peilling"}))).then_recorded();
    let ledger = ledger.when(Command::Correct(correct(meting(), "title", json!("Peiling")))).then_recorded();
    assert_eq!(now(&ledger, "2017-02-28", &meting(), "title"), "Meting");
    assert_eq!(now(&ledger, "2017-03-01", &meting(), "title"), "Peiling");
}

/// A decision of 2014 that a document of 2016 names without its date and reference.
fn undated() -> Ledger {
    let advice = json!({"id": "advies", "body": "stuurgroep", "kind": "advise", "what": "Advies"});
    given([import(first().add("decisions", advice))])
}

fn advice() -> Key {
    at(Kind::Decision, "advies")
}

#[test]
fn a_late_fact_from_before_the_first_statement_fills_what_that_left_open() {
    let date = json!({"date": "2014-06-01"});
    let ledger = undated().when(Command::RecordLate(late(advice(), "2014-06-01", date))).then(&["DecisionRecorded"]);
    let fact = ledger.book.head() - 1;
    assert_eq!(now(&ledger, "2014-06-01", &advice(), "date"), "2014-06-01");
    assert_eq!(now(&ledger, "2016-01-01", &advice(), "date"), "2014-06-01", "the document left it open");
    assert_eq!(on(&ledger, "2016-01-01", fact - 1, &advice(), "date"), Value::Null, "known then");
    assert_eq!(ledger.book.entry(&advice()).unwrap().record.value("date"), "2014-06-01");
    let blame = ledger.book.blame(&advice(), "date", u64::MAX, &ledger.events).unwrap().unwrap();
    assert_eq!((blame.value, blame.set_by.why.position), (json!("2014-06-01"), fact));
    let [set] = blame.set_by.fields.as_slice() else { panic!("{:?}", blame.set_by) };
    assert_eq!((&set.before, &set.after), (&Value::Null, &json!("2014-06-01")));
    let other = late(advice(), "2014-07-01", json!({"date": "2014-07-01"}));
    ledger.clone().when(Command::RecordLate(other)).then_refused("DECISION_DIFFERS");
    let earlier = late(advice(), "2014-01-01", json!({"reference": "A-7"}));
    let ledger = ledger.when(Command::RecordLate(earlier)).then_recorded();
    assert_eq!(now(&ledger, "2014-01-01", &advice(), "reference"), "A-7");
    assert_eq!(now(&ledger, "2016-01-01", &advice(), "reference"), "A-7");
    // A correction of the fact holds where the fact does.
    let reference = Command::Correct(correct(advice(), "reference", json!("A-8")));
    let ledger = ledger.when(reference).then(&["ErratumRecorded"]);
    assert_eq!(now(&ledger, "2014-01-01", &advice(), "reference"), "A-8");
    assert_eq!(now(&ledger, "2016-01-01", &advice(), "reference"), "A-8");
}

#[test]
fn a_late_fact_from_before_the_first_statement_leaves_what_that_stated() {
    let emmen = at(Kind::Party, "emmen");
    let fact = late(emmen.clone(), "2014-01-01", json!({"name": "Emmen", "kind": "gemeente"}));
    let changed = next().patch("parties", "emmen", json!({"kind": "municipality"}));
    let ledger = given([import(first()), import(changed), Command::RecordLate(fact)]);
    for (day, name, kind) in [
        ("2014-01-01", "Emmen", "gemeente"),
        ("2016-01-01", "Gemeente Emmen", "gemeente"),
        ("2018-01-01", "Gemeente Emmen", "municipality"),
    ] {
        assert_eq!(now(&ledger, day, &emmen, "name"), name, "{day}");
        assert_eq!(now(&ledger, day, &emmen, "kind"), kind, "{day}");
    }
}

#[test]
fn a_statement_from_before_the_first_one_fills_what_that_left_open() {
    let emmen = at(Kind::Party, "emmen");
    let earlier = json!({"id": "emmen", "name": "Emmen", "aliases": ["E"]});
    let ledger = given([import(first()), state_from(Some("2014"), Kind::Party, earlier)]);
    assert_eq!(now(&ledger, "2014-01-01", &emmen, "name"), "Emmen");
    assert_eq!(now(&ledger, "2016-01-01", &emmen, "name"), "Gemeente Emmen");
    assert_eq!(now(&ledger, "2016-01-01", &emmen, "aliases"), json!(["E"]));
}

#[test]
fn a_late_fact_is_past() {
    when_late(late(meting(), "2020-03-02", json!({"title": "X"}))).then_refused("NOT_LATE");
    when_late(late(meting(), "2020-03-01", json!({"title": "X"}))).then_recorded();
}

#[test]
fn a_late_fact_holds_while_its_item_stood_on_the_agenda() {
    let dropped = next().without("actions", "lobby").change("dropped", json!({"action": "lobby"}));
    let ledger = given([import(first()), import(dropped)]);
    let fact = |since| Command::RecordLate(late(at(Kind::Action, "lobby"), since, json!({"title": "X"})));
    ledger.clone().when(fact("2017-12-31")).then_recorded();
    ledger.when(fact("2018-01-01")).then_refused("NOT_FOUND");
}

#[test]
fn a_late_fact_on_an_item_needs_its_decision() {
    let ledger = given([
        import(first()),
        import(json!({"decisions": [
            {"id": "advies", "body": "stuurgroep", "kind": "advise", "date": "2017-01-01"},
            {"id": "ongedateerd", "body": "gs", "kind": "adopt-agenda"},
            {"id": "van-ps", "body": "ps", "kind": "adopt-agenda", "date": "2017-01-01"},
        ]})),
    ]);
    for (decision, code) in [
        (None, "DECISION_REQUIRED"),
        (Some("onbekend"), "UNKNOWN_REFERENCE"),
        (Some("advies"), "NOT_ADOPTING"),
        (Some("ongedateerd"), "DECISION_INCOMPLETE"),
        (Some("van-ps"), "NO_MANDATE"),
    ] {
        let fact = LateFact { decision: decision.map(id), ..late(meting(), "2017", json!({"title": "X"})) };
        ledger.clone().when(Command::RecordLate(fact)).then_refused(code);
    }
    // So does an amount, which counts in its action; a party does not.
    let amount = late(at(Kind::Amount, "geld"), "2017", json!({"eur": 1}));
    ledger
        .clone()
        .when(Command::RecordLate(LateFact { decision: None, ..amount.clone() }))
        .then_refused("DECISION_REQUIRED");
    ledger.clone().when(Command::RecordLate(amount)).then(&["AmountChanged"]);
    let party = late(at(Kind::Party, "emmen"), "2017", json!({"name": "Emmen"}));
    ledger.when(Command::RecordLate(LateFact { decision: None, ..party })).then(&["PartyChanged"]);
}

#[test]
fn an_edition_is_not_stated_late() {
    when_late(late(at(Kind::Edition, "2016-2017"), "2017", json!({"review": "X"}))).then_refused("KIND_NOT_STATED");
}

#[test]
fn nothing_was_true_of_an_item_before_it_came() {
    let new = json!({"id": "nieuw", "title": "Nieuw"});
    let document =
        next().add_under("policy_items", "pilots", "actions", new).change("added", json!({"action": "nieuw"}));
    let ledger = given([import(first()), import(document)]);
    let fact = |day| Command::RecordLate(late(at(Kind::Action, "nieuw"), day, json!({"title": "Ouder"})));
    ledger.clone().when(fact("2017-12-31")).then_refused("NOT_FOUND");
    ledger.when(fact("2018-01-01")).then_recorded();
}

#[test]
fn an_item_moves_late_only_to_where_it_can_stand() {
    let moved = |to: &str, day: &str| Command::RecordLate(late(meting(), day, json!({"policy_item": to})));
    let later = next().add_under("themes", "zorg", "policy_items", json!({"id": "later", "title": "Later"}));
    let ledger = given([import(first()), import(later.change("added", json!({"policy_item": "later"})))]);
    ledger.clone().when(moved("later", "2017")).then_refused("UNKNOWN_REFERENCE");
    ledger.clone().when(moved("nergens", "2018")).then_refused("UNKNOWN_REFERENCE");
    ledger.clone().when(moved("later", "2018-01-01")).then(&["ItemChanged"]);
    let ledger = ledger.when(moved("pilots", "2017")).then(&["ItemChanged"]);
    let ended = edition_after(next(), "2020-2021", "2020-01-01").without("policy_items", "pilots");
    let refusal = ledger.clone().record(&import(ended));
    assert!(refusal.is_err(), "the moved action is missing from this document");
}

#[test]
fn what_a_correction_refers_to_is_in_the_book() {
    let nowhere = LateFact { decision: Some(id("d-2061")), ..late(meting(), "2017", json!({"title": "Metingen"})) };
    let refusal = when_late(nowhere).then_refused("UNKNOWN_REFERENCE");
    assert!(refusal.to_string().contains("did you mean `d-2016`"), "{refusal}");
    let cite = |source: &str, lines: &str| {
        let mut citation = quoted("Metingen").unwrap();
        (citation.source, citation.lines) = (id(source), Some(text(lines)));
        Some(citation)
    };
    let with = |citation| when(CorrectField { citation, ..correct(meting(), "title", json!("Metingen")) });
    let late_with = |citation| when_late(LateFact { citation, ..late(meting(), "2017", json!({"title": "Metingen"})) });
    with(cite("visei", "3")).then_refused("UNKNOWN_REFERENCE");
    late_with(cite("visei", "3")).then_refused("UNKNOWN_REFERENCE");
    for lines in ["", "0", "7-3", "3-", "-3", "drie", "1-2-3"] {
        with(cite("visie", lines)).then_refused("FIELD_INVALID");
    }
    with(cite("visie", "3-7")).then_recorded();
    late_with(cite("visie", "3")).then_recorded();
    let short = first().patch("sources", "visie", json!({"lines": 5}));
    let beyond = CorrectField { citation: cite("visie", "3-7"), ..correct(meting(), "title", json!("Metingen")) };
    given([import(short)]).when(Command::Correct(beyond)).then_refused("FIELD_INVALID");
}

#[test]
fn personal_data_does_not_come_in_by_who_acts_the_name_of_a_request_or_a_founding() {
    let ledger = given([import(first())]);
    let command = Command::Correct(correct(meting(), "title", json!("Metingen")));
    let refused = |ledger: &Ledger, command: &Command, change: &dyn Fn(&mut Context)| {
        let mut context = ledger.context();
        change(&mut context);
        match ledger.book.decide(command, &context, &ledger.events) {
            Err(Rejection::Refused(refusal)) => refusal.code(),
            other => panic!("{other:?}"),
        }
    };
    let capacity = |context: &mut Context| context.actor.capacity = Some(text("secretaris jan@drenthe.nl"));
    let subject = |context: &mut Context| context.actor.subject = Some(text("111222333"));
    let request = |context: &mut Context| context.request_id = RequestId::new("jan@drenthe.nl").unwrap();
    let changes: [&dyn Fn(&mut Context); 3] = [&capacity, &subject, &request];
    for change in changes {
        assert_eq!(refused(&ledger, &command, change), "PERSONAL_DATA_IN_TEXT");
    }
    let Command::Found(founding) = crate::support::found() else { panic!("not a founding") };
    let name = || Name::new("Grootboek van jan@drenthe.nl").unwrap();
    for founding in
        [Founding { name: name(), ..founding.clone() }, Founding { organisation: Some(name()), ..founding.clone() }]
    {
        assert_eq!(refused(&Ledger::default(), &Command::Found(founding), &|_| {}), "PERSONAL_DATA_IN_TEXT");
    }
}

#[test]
fn personal_data_does_not_come_in_by_a_correction() {
    when(correct(meting(), "summary", json!("Bel a@b.nl"))).then_refused("PERSONAL_DATA_IN_TEXT");
    when(CorrectField { reason: text("Volgens a@b.nl"), ..correct(meting(), "title", json!("X")) })
        .then_refused("PERSONAL_DATA_IN_TEXT");
    when_late(late(meting(), "2017", json!({"summary": "Bel a@b.nl"}))).then_refused("PERSONAL_DATA_IN_TEXT");
    let citation = quoted("Volgens a@b.nl");
    when(CorrectField { citation: citation.clone(), ..correct(meting(), "title", json!("Metingen")) })
        .then_refused("PERSONAL_DATA_IN_TEXT");
    when_late(LateFact { citation, ..late(meting(), "2017", json!({"title": "Metingen"})) })
        .then_refused("PERSONAL_DATA_IN_TEXT");
    let doubt = first().patch("actions", "meting", json!({"doubt": "Wie?"}));
    given([import(doubt)]).when(resolve(meting(), "Volgens a@b.nl")).then_refused("PERSONAL_DATA_IN_TEXT");
}

#[test]
fn a_settled_doubt_goes_and_the_statement_stays() {
    let doubt = first().patch("actions", "meting", json!({"doubt": "Wie?"}));
    let ledger = given([import(doubt)]).when(resolve(meting(), "Het trendbureau.")).then(&["DoubtResolved"]);
    let settled = ledger.book.head() - 1;
    assert_eq!(on(&ledger, "2016-01-01", settled - 1, &meting(), "doubt"), "Wie?");
    assert_eq!(now(&ledger, "2016-01-01", &meting(), "doubt"), Value::Null);
    assert_eq!(now(&ledger, "2016-01-01", &meting(), "title"), "Meting");
    let history = ledger.book.history(&meting(), u64::MAX, &ledger.events).unwrap();
    assert_eq!(history.last().unwrap().resolution.as_deref(), Some("Het trendbureau."));
    ledger.when(resolve(meting(), "Nogmaals.")).then_refused("NO_DOUBT");
}

#[test]
fn only_an_open_doubt_is_settled() {
    given([import(first())]).when(resolve(meting(), "Niets aan de hand.")).then_refused("NO_DOUBT");
}

#[test]
fn the_next_document_is_compared_with_what_was_corrected() {
    let title = Command::Correct(correct(meting(), "title", json!("Metingen")));
    let ledger = given([import(first()), title]);
    ledger.clone().when(import(next())).then_refused("CHANGES_MISMATCH");
    ledger.when(import(next().patch("actions", "meting", json!({"title": "Metingen"})))).then_recorded();
}

#[test]
fn history_and_blame_name_who_set_a_field_and_where_it_is_stated() {
    let ledger = given([
        import(first()),
        import(next_with_change().patch("actions", "meting", json!({"source_line": 40}))),
        state(Kind::Party, json!({"id": "emmen", "name": "Emmen"})),
        Command::Correct(correct(meting(), "title", json!("Nulmetingen"))),
    ]);
    let history = ledger.book.history(&meting(), u64::MAX, &ledger.events).unwrap();
    let names: Vec<_> = history.iter().map(|entry| entry.event).collect();
    assert_eq!(names, ["ItemAdded", "ItemChanged", "ErratumRecorded"]);
    let change = &history[2].fields[0];
    assert_eq!((change.field, &change.before, &change.after), ("title", &json!("Nulmeting"), &json!("Nulmetingen")));
    let blame = ledger.book.blame(&meting(), "title", u64::MAX, &ledger.events).unwrap().unwrap();
    assert_eq!((blame.value, blame.set_by.event), (json!("Nulmetingen"), "ErratumRecorded"));
    assert_eq!(blame.stated_in, [("source_doc", json!("visie")), ("source_line", json!(40))]);
    let before = ledger.book.blame(&meting(), "title", history[0].why.position, &ledger.events).unwrap().unwrap();
    assert_eq!(before.stated_in, [("source_doc", json!("visie")), ("source_line", json!(12))]);
    assert_eq!(ledger.book.blame(&meting(), "titel", u64::MAX, &ledger.events).unwrap(), None);
}

#[test]
fn the_history_of_an_action_holds_that_of_the_amounts_it_named() {
    let other = next()
        .add("amounts", json!({"id": "later-geld", "what": "Later", "eur": 5}))
        .patch("actions", "website", json!({"amounts": ["later-geld"]}))
        .change("changed", json!({"action": "website"}));
    let ledger = given([import(first()), import(other)]);
    let history = ledger.book.history(&at(Kind::Action, "website"), u64::MAX, &ledger.events).unwrap();
    let keys: Vec<_> = history.iter().map(|entry| entry.key.id.as_str()).collect();
    assert_eq!(keys, ["geld", "website", "later-geld", "website"]);
}

#[test]
fn what_an_edition_says_of_a_sum_rests_on_the_ground_of_its_action() {
    let budget = json!({"id": "begroting", "body": "ps", "kind": "adopt-framework", "date": "2017-11-01"});
    let more = next()
        .add("decisions", budget)
        .patch("amounts", "geld", json!({"eur": 700_000}))
        .change("changed", json!({"action": "website", "decided_by": "ps", "decision": "begroting"}));
    let ledger = given([import(first()), import(more)]);
    let blame = |key: Key, field| ledger.book.blame(&key, field, u64::MAX, &ledger.events).unwrap().unwrap().set_by;
    let sum = blame(at(Kind::Amount, "geld"), "eur");
    assert_eq!((sum.event, sum.why.ground, sum.why.body), ("AmountChanged", Some(id("begroting")), Some(id("ps"))));
    assert_eq!(sum.why.reason.unwrap().as_str(), "Herijking.");
    let action = blame(at(Kind::Action, "website"), "amounts");
    assert_eq!(action.event, "ItemChanged");
    let [change] = action.fields.as_slice() else { panic!("{action:?}") };
    assert_eq!((&change.before[0]["eur"], &change.after[0]["eur"]), (&json!(600_000), &json!(700_000)));
}

#[test]
fn the_history_of_what_was_split_or_merged_says_into_what() {
    let new = |name: &str| json!({"id": name, "title": name});
    let document = ["lobby", "pilot", "website"].into_iter().fold(next(), |all, name| all.without("actions", name));
    let document = ["een", "twee", "samen"]
        .into_iter()
        .fold(document, |all, name| all.add_under("policy_items", "kwaliteit", "actions", new(name)))
        .change("split", json!({"from": ["lobby"], "into": ["een", "twee"]}))
        .change("merged", json!({"from": ["website", "pilot"], "into": ["samen"]}));
    let ledger = given([import(first()), import(document)]);
    let last = |name: &str| {
        let history = ledger.book.history(&at(Kind::Action, name), u64::MAX, &ledger.events).unwrap();
        let last = history.last().unwrap().clone();
        (last.event, last.lineage)
    };
    assert_eq!(last("lobby"), ("ItemSplit", (vec![id("lobby")], vec![id("een"), id("twee")])));
    assert_eq!(last("pilot"), ("ItemMerged", (vec![id("website"), id("pilot")], vec![id("samen")])));
    assert_eq!(last("twee"), ("ItemAdded", (vec![id("lobby")], vec![id("een"), id("twee")])));
    assert_eq!(last("samen"), ("ItemAdded", (vec![id("website"), id("pilot")], vec![id("samen")])));
    assert_eq!(last("meting").1, (vec![], vec![]));
}
