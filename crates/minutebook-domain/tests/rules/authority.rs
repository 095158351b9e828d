//! Nothing changes without a decision, and a decision needs a mandate.

use minutebook_domain::book::Book;
use minutebook_domain::command::Command;
use minutebook_domain::event::{DeedStep, Founding, KeyRotation};
use minutebook_domain::ids::Kind;
use minutebook_domain::message::Lang;
use minutebook_domain::value::{Name, Text};
use serde_json::json;

use crate::minutes::{
    Asked as _, Doc, at, because, decision, deed, edition_after, first, given, import, late, next, next_with_change,
    state, state_from,
};
use crate::support::{Ledger, found, id};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("ALREADY_FOUNDED", a_ledger_is_founded_once),
    ("KEY_REPLACED", a_key_hands_over_to_the_next),
    ("NOT_FOUNDED", nothing_is_recorded_before_the_founding),
    ("NO_MANDATE", an_edition_needs_a_mandate_and_the_refusal_names_who_may),
    ("NOT_ADOPTING", an_advice_never_adopts),
    ("DECISION_INCOMPLETE", a_next_edition_needs_a_dated_decision),
    ("GROUND_BODY", the_adopting_body_is_the_one_that_decided),
    ("DECISION_DIFFERS", a_decision_restated_otherwise_is_refused),
    ("EFFECT_BEFORE_ALLOWED", a_decision_has_no_effect_before_its_date),
    ("MANDATE_NEEDS_DECISION", a_later_mandate_needs_a_decision),
    ("DECISION_REQUIRED", an_amount_of_an_action_moves_only_with_the_agenda),
    ("KIND_NOT_STATED", an_item_is_not_merely_stated),
    ("STALE_BASE", a_statement_on_an_older_state_is_refused),
    ("REVISION_UNKNOWN", a_statement_on_an_older_state_is_refused),
    ("NO_CHANGE", stating_what_stands_is_refused),
    ("ID_TAKEN", a_lone_statement_keeps_to_its_agenda),
];

#[test]
fn a_ledger_is_founded_once() {
    Ledger::new().when(found()).then_refused("ALREADY_FOUNDED");
}

#[test]
fn a_key_hands_over_to_the_next() {
    let name = |text: &str| Name::new(text).expect("a name");
    let rotate = |previous: &str, next: &str| {
        let (previous, next) = (name(previous), name(next));
        Command::RotateKey(KeyRotation { previous, next, handover: Text::new("signed by both").expect("a text") })
    };
    Ledger::new().when(rotate("first", "second")).then_refused("KEY_REPLACED");
    let Command::Found(founding) = found() else { panic!("not a founding") };
    let founding = Founding { verifier_key: Some(name("first")), ..founding };
    let ledger = Ledger::default().when(Command::Found(founding)).then(&["LedgerFounded"]);
    assert_eq!(ledger.book.verifier_key(), Some(&name("first")));
    let ledger = ledger.when(rotate("first", "second")).then(&["KeyRotated"]);
    let ledger = ledger.when(rotate("second", "third")).then(&["KeyRotated"]);
    assert_eq!(ledger.book.verifier_key(), Some(&name("third")));
    assert_eq!(ledger.book.rotations().iter().map(|(position, _)| *position).collect::<Vec<_>>(), [1, 2]);
    ledger.when(rotate("first", "fourth")).then_refused("KEY_REPLACED");
}

#[test]
fn nothing_is_recorded_before_the_founding() {
    Ledger::default().when(import(first())).then_refused("NOT_FOUNDED");
    let ledger = Ledger::default().when(found()).then(&["LedgerFounded"]);
    assert!(ledger.book.founding().is_some() && Book::default().founding().is_none());
}

#[test]
fn the_first_edition_may_be_adopted_without_a_date() {
    let undated = first().patch("decisions", "d-2016", json!({"date": null}));
    let ledger = given([]).when(import(undated)).then_recorded();
    let seal = &ledger.book.agenda(&id("agenda")).unwrap().revisions[0].seal;
    assert_eq!(seal.mandate, Some(id("m-gs")));
}

#[test]
fn a_next_edition_needs_a_dated_decision() {
    let undated = next_with_change().patch("decisions", "d-2018", json!({"date": null}));
    given([import(first())]).when(import(undated)).then_refused("DECISION_INCOMPLETE");
    given([import(first())]).when(import(next_with_change())).then_recorded();
}

#[test]
fn a_decision_stated_alone_needs_a_date_and_a_mandate() {
    let decision = json!({"id": "d-x", "body": "gs", "kind": "adopt-agenda"});
    given([import(first())]).when(state(Kind::Decision, decision)).then_refused("DECISION_INCOMPLETE");
    let decision = json!({"id": "d-x", "body": "ps", "kind": "adopt-agenda", "date": "2019-01-01"});
    given([import(first())]).when(state(Kind::Decision, decision)).then_refused("NO_MANDATE");
    let blank = json!({"id": "d-x", "body": "gs", "kind": "adopt-agenda", "date": "2019-01-01", "what": " "});
    given([import(first())]).when(state(Kind::Decision, blank)).then_refused("FIELD_INVALID");
    let decision = json!({"id": "d-x", "body": "gs", "kind": "adopt-agenda", "date": "2020-03-02"});
    given([import(first())]).when(state(Kind::Decision, decision)).then_refused("DECISION_NOT_TAKEN");
    let decision = json!({"id": "d-x", "body": "gs", "kind": "adopt-agenda", "date": "2019-01-01"});
    given([import(first())]).when(state(Kind::Decision, decision)).then(&["DecisionRecorded"]);
}

#[test]
fn an_edition_needs_a_mandate_and_the_refusal_names_who_may() {
    let by_ps = next_with_change()
        .patch("edition", "", json!({"adopted_by": "ps"}))
        .patch("decisions", "d-2018", json!({"body": "ps"}))
        .patch("changes", "c-1", json!({"decided_by": "gs", "decision": "d-2016"}));
    let refusal = given([import(first())]).when(import(by_ps)).then_refused("NO_MANDATE");
    for lang in [Lang::Nl, Lang::En] {
        let message = refusal.message(lang);
        assert!(message.contains("Provinciale Staten (`ps`)"), "{message}");
        assert!(message.contains("Gedeputeerde Staten (`gs`)"), "{message}");
    }
}

#[test]
fn a_mandate_of_another_time_is_named_with_its_term() {
    let later = first().patch("mandates", "m-gs", json!({"since": "2019-01-01"}));
    let dated = later.patch("decisions", "d-2016", json!({"date": "2016-06-14"}));
    let refusal = Ledger::new().when(import(dated)).then_refused("NO_MANDATE");
    assert!(refusal.message(Lang::En).contains("mandate `m-gs` holds from 2019-01-01"), "{refusal}");
    assert!(refusal.message(Lang::Nl).contains("mandaat `m-gs` geldt vanaf 2019-01-01"), "{refusal:#}");
}

#[test]
fn a_mandate_counts_for_its_agenda_alone() {
    let elsewhere = first().patch("mandates", "m-gs", json!({"agenda": "agenda-b"}));
    let unknown = Ledger::new().when(import(elsewhere.clone()));
    unknown.then_refused_with(&["UNKNOWN_REFERENCE", "NO_MANDATE"]);
    let other = json!({"agenda": {"id": "agenda-b", "title": "Andere agenda"}});
    given([import(other)]).when(import(elsewhere)).then_refused("NO_MANDATE");
    given([]).when(import(first().patch("mandates", "m-gs", json!({"agenda": "agenda"})))).then_recorded();
}

#[test]
fn a_mandate_counts_from_its_first_day_to_its_last() {
    for (period, held) in [
        (json!({"until": "2017"}), false),
        (json!({"until": "2018-01"}), true),
        (json!({"since": "2018-01-02"}), false),
        (json!({"since": "2018"}), true),
    ] {
        let mandates = json!([{"id": "m-gs-2", "body": "ps", "may": "adopt-agenda"}]);
        let mut one = first().patch("mandates", "m-gs", period.clone());
        one["mandates"].as_array_mut().unwrap().extend(mandates.as_array().unwrap().clone());
        // The first edition is adopted by the body whose mandate is not limited.
        let one =
            one.patch("edition", "", json!({"adopted_by": "ps"})).patch("decisions", "d-2016", json!({"body": "ps"}));
        let two = next_with_change().section("mandates", json!([])).patch(
            "changes",
            "c-1",
            json!({"decision": "d-2016",
            "decided_by": "ps"}),
        );
        let then = given([import(one)]).when(import(two));
        if held {
            then.then_recorded();
        } else {
            then.then_refused("NO_MANDATE");
        }
    }
}

#[test]
fn an_advice_never_adopts() {
    let advised = next_with_change()
        .patch("edition", "", json!({"adopted_by": "stuurgroep"}))
        .patch("decisions", "d-2018", json!({"body": "stuurgroep", "kind": "advise"}))
        .patch("changes", "c-1", json!({"decided_by": "stuurgroep"}));
    given([import(first())]).when(import(advised)).then_refused("NOT_ADOPTING");
}

#[test]
fn an_advice_may_be_the_ground_of_a_change() {
    let advice = json!({"id": "advies", "body": "stuurgroep", "kind": "advise", "date": "2017-10-01"});
    let grounded = next_with_change().add("decisions", advice).patch(
        "changes",
        "c-1",
        json!({"decision": "advies", "decided_by": "stuurgroep"}),
    );
    given([import(first())]).when(import(grounded)).then_recorded();
}

#[test]
fn a_ground_is_of_a_kind_that_its_body_may_take() {
    let budget = json!({"id": "begroting", "body": "stuurgroep", "kind": "adopt-budget", "date": "2017-11-01"});
    let grounded = next_with_change().add("decisions", budget).patch(
        "changes",
        "c-1",
        json!({"decision": "begroting", "decided_by": "stuurgroep"}),
    );
    given([import(first())]).when(import(grounded)).then_refused("NO_MANDATE");
}

#[test]
fn the_adopting_body_is_the_one_that_decided() {
    let other = next_with_change().patch("edition", "", json!({"adopted_by": "ps"}));
    given([import(first())]).when(import(other)).then_refused("GROUND_BODY");
}

#[test]
fn a_later_document_may_fill_in_what_a_decision_did_not_state() {
    let undated = first().patch("decisions", "d-2016", json!({"date": null}));
    let filled = json!({"id": "d-2016", "body": "gs", "kind": "adopt-agenda", "date": "2015-12-15"});
    let ledger = given([import(undated.clone())]).when(import(next_with_change().add("decisions", filled)));
    let ledger = ledger.then_recorded();
    // The first document is still the one that was sealed, though the decision reads fuller now.
    ledger.when(import(undated)).then(&[]);
}

#[test]
fn a_decision_restated_otherwise_is_refused() {
    for fields in
        [json!({"date": "2015-12-16"}), json!({"date": null}), json!({"body": "ps"}), json!({"kind": "advise"})]
    {
        let restated = first()["decisions"][0].clone();
        let restated = json!({"decisions": [restated]}).patch("decisions", "d-2016", fields);
        given([import(first())]).when(import(restated)).then_refused("DECISION_DIFFERS");
    }
    let same = json!({"decisions": [first()["decisions"][0]]});
    given([import(first())]).when(import(same)).then(&[]);
}

#[test]
fn a_decision_has_no_effect_before_its_date() {
    let early =
        json!({"id": "d-x", "body": "gs", "kind": "adopt-agenda", "date": "2019-02-01", "effective": "2019-01-31"});
    given([import(first())]).when(state(Kind::Decision, early.clone())).then_refused("EFFECT_BEFORE_ALLOWED");
    let same_month = json!({"decisions": [early]}).patch("decisions", "d-x", json!({"effective": "2019-02"}));
    given([import(first())]).when(state(Kind::Decision, same_month["decisions"][0].clone())).then_recorded();
}

fn grant(decision: &str) -> serde_json::Value {
    json!({"id": "m-nieuw", "body": "stuurgroep", "may": "adopt-agenda", "decision": decision})
}

#[test]
fn a_later_mandate_needs_a_decision() {
    let bare = json!({"id": "m-nieuw", "body": "stuurgroep", "may": "adopt-agenda"});
    given([import(first())]).when(state(Kind::Mandate, bare)).then_refused("MANDATE_NEEDS_DECISION");
    given([import(first())]).when(state(Kind::Mandate, grant("d-2016"))).then_refused("MANDATE_NEEDS_DECISION");
    let advice = json!({"id": "m-nieuw", "body": "ps", "may": "advise"});
    given([import(first())]).when(state(Kind::Mandate, advice)).then(&["MandateGranted"]);
}

#[test]
fn a_mandate_that_is_widened_or_taken_away_needs_a_decision() {
    let wider = json!({"id": "m-advies", "body": "stuurgroep", "may": "adopt-agenda"});
    given([import(first())]).when(state(Kind::Mandate, wider)).then_refused("MANDATE_NEEDS_DECISION");
    let narrower = json!({"id": "m-gs", "body": "stuurgroep", "may": "advise"});
    given([import(first())]).when(state(Kind::Mandate, narrower)).then_refused("MANDATE_NEEDS_DECISION");
    let longer = late(at(Kind::Mandate, "m-gs"), "2016-01-01", json!({"until": "2030"}));
    given([import(first())]).when(Command::RecordLate(longer)).then_refused("MANDATE_NEEDS_DECISION");
}

#[test]
fn a_body_that_adopts_frameworks_may_begin_to_grant() {
    let begin = json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"});
    let decision = json!({"id": "d-mandaat", "body": "ps", "kind": "grant-mandate", "date": "2019-05-01"});
    let ledger = given([import(first())]).when(state(Kind::Mandate, begin)).then(&["MandateGranted"]);
    let ledger = ledger.when(state(Kind::Decision, decision)).then(&["DecisionRecorded"]);
    ledger.when(state(Kind::Mandate, grant("d-mandaat"))).then(&["MandateGranted"]);
}

#[test]
fn the_right_to_grant_begins_once_and_only_there() {
    let by_gs = json!({"id": "m-verlenen", "body": "gs", "may": "grant-mandate"});
    given([import(first())]).when(state(Kind::Mandate, by_gs.clone())).then_refused("MANDATE_NEEDS_DECISION");
    let begin = json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"});
    let second = json!({"id": "m-ook", "body": "ps", "may": "grant-mandate"});
    let ledger = given([import(first()), state(Kind::Mandate, begin.clone())]);
    ledger.when(state(Kind::Mandate, second.clone())).then_refused("MANDATE_NEEDS_DECISION");
    let both = json!({"mandates": [begin, second]});
    given([import(first())]).when(import(both)).then_refused("MANDATE_NEEDS_DECISION");
}

#[test]
fn a_grant_counts_only_when_dated_and_under_a_mandate_that_the_book_has() {
    let begin = json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"});
    let undated = json!({"decisions": [{"id": "d-mandaat", "body": "ps", "kind": "grant-mandate"}],
        "mandates": [grant("d-mandaat")]});
    let ledger = given([import(first()), state(Kind::Mandate, begin.clone())]);
    ledger.when(import(undated.clone())).then_refused("MANDATE_NEEDS_DECISION");
    // The same document that begins the right to grant cannot use it yet.
    let dated = undated.patch("decisions", "d-mandaat", json!({"date": "2019-05-01"})).add("mandates", begin);
    given([import(first())]).when(import(dated)).then_refused("MANDATE_NEEDS_DECISION");
}

#[test]
fn an_amount_of_an_action_moves_only_with_the_agenda() {
    let more = json!({"id": "geld", "what": "Website", "eur": 700_000, "per": "year", "action": "website"});
    given([import(first())]).when(state(Kind::Amount, more.clone())).then_refused("DECISION_REQUIRED");
    given([import(first())]).when(import(json!({"amounts": [more]}))).then_refused("DECISION_REQUIRED");
    let words = json!({"id": "geld", "what": "Voor de website", "eur": 600_000, "per": "year", "action": "website"});
    let reworded = state(Kind::Amount, words);
    given([import(first())]).when(reworded.clone()).then_refused("REASON_MISSING");
    given([import(first())]).when(because("Zo heet het nu.", reworded)).then(&["AmountChanged"]);
    let free = json!({"id": "subsidie", "what": "Subsidie", "eur": 5});
    given([import(first())]).when(state(Kind::Amount, free)).then(&["AmountRecorded"]);
}

#[test]
fn an_item_is_not_merely_stated() {
    for (kind, record) in [
        (Kind::Theme, json!({"id": "t", "title": "T"})),
        (Kind::Action, json!({"id": "a", "title": "A", "policy_item": "kwaliteit"})),
        (Kind::Edition, first()["edition"].clone()),
        (Kind::Change, json!({"id": "c", "kind": "dropped", "action": "meting"})),
    ] {
        given([import(first())]).when(state(kind, record)).then_refused("KIND_NOT_STATED");
    }
}

fn expecting(position: u64) -> Command {
    let Command::State(mut command) = state(Kind::Party, json!({"id": "emmen", "name": "Emmen"})) else {
        unreachable!()
    };
    command.expected_revision = Some(position);
    Command::State(command)
}

#[test]
fn a_statement_on_an_older_state_is_refused() {
    let ledger = given([import(first())]);
    let newest = ledger.book.entry(&at(Kind::Party, "emmen")).unwrap().newest();
    let ledger = ledger.when(expecting(newest)).then(&["PartyChanged"]);
    ledger.clone().when(expecting(newest)).then_refused("STALE_BASE");
    let current = ledger.book.head() - 1;
    ledger.clone().when(expecting(current + 1)).then_refused("REVISION_UNKNOWN");
    let newer = ledger.book.newer(newest, current, &ledger.events).unwrap();
    let [event] = newer.as_slice() else { panic!("{newer:?}") };
    assert_eq!((event.position, event.event, event.about.as_str()), (current, "PartyChanged", "`emmen`"));
    assert_eq!(event.fields.iter().map(|change| change.field).collect::<Vec<_>>(), ["name"]);
}

#[test]
fn a_document_on_an_older_state_is_refused() {
    let ledger = given([import(first())]);
    let newest = ledger.book.agenda(&id("agenda")).unwrap().newest();
    let on = |position| {
        let Command::Import(mut command) = import(next_with_change()) else { unreachable!() };
        command.expected_revision = Some(position);
        Command::Import(command)
    };
    ledger.clone().when(on(newest - 1)).then_refused("STALE_BASE");
    ledger.when(on(newest)).then_recorded();
}

#[test]
fn stating_what_stands_is_refused() {
    let same = first()["parties"][1].clone();
    given([import(first())]).when(state(Kind::Party, same)).then_refused("NO_CHANGE");
}

#[test]
fn a_lone_statement_keeps_to_its_agenda() {
    let other = json!({"agenda": {"id": "agenda-b", "title": "Andere agenda"}});
    let milestone = json!({"id": "oplevering", "what": "Iets anders"});
    let Command::State(mut command) = state(Kind::Milestone, milestone) else { unreachable!() };
    command.agenda = Some(id("agenda-b"));
    given([import(first()), import(other)]).when(Command::State(command)).then_refused("ID_TAKEN");
}

#[test]
fn a_register_holds_from_its_own_date() {
    let renamed = state_from(Some("2018"), Kind::Party, json!({"id": "emmen", "name": "Emmen"}));
    let ledger = given([import(first()), renamed]);
    let name = |day: &str| {
        let cut = minutebook_domain::history::Cut { valid: day.parse().unwrap(), ..ledger.book.now() };
        let state = ledger.book.at(&at(Kind::Party, "emmen"), &cut, &ledger.events).unwrap().unwrap();
        (state.record.label(), state.uncertain)
    };
    assert_eq!(name("2017-12-31"), ("Gemeente Emmen".into(), false));
    assert_eq!(name("2018-06-01"), ("Emmen".into(), true));
    assert_eq!(name("2018-12-31"), ("Emmen".into(), false));
}

#[test]
fn a_mandate_of_the_same_document_may_adopt_it() {
    let begin = state(Kind::Mandate, json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"}));
    let document = edition_after(next(), "2018-2019", "2018-01-01")
        .patch("actions", "meting", json!({"title": "Nulmeting"}))
        .change("changed", json!({"action": "meting", "decision": "d-2016"}))
        .patch("edition", "", json!({"adopted_by": "stuurgroep"}))
        .patch("decisions", "d-2018", json!({"body": "stuurgroep"}))
        .add("decisions", json!({"id": "d-mandaat", "body": "ps", "kind": "grant-mandate", "date": "2017-05-01"}))
        .add("mandates", grant("d-mandaat"));
    given([import(first()), begin]).when(import(document)).then_recorded();
}

#[test]
fn a_refusal_names_who_might_have_decided_on_that_day() {
    let begin = state(Kind::Mandate, json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"}));
    let grant = decision("d-mandaat", "ps", "grant-mandate", "2016-05-01");
    let mandate = json!({"id": "m-s", "body": "gs", "may": "subsidie", "decision": "d-mandaat"});
    let withdraw = deed(Kind::Mandate, "m-s", DeedStep::Ended(None)).by("d-mandaat").from("2018-01-01");
    let ledger = given([import(first()), begin, grant, state(Kind::Mandate, mandate), withdraw.into()]);
    let who = |ledger: &Ledger, day| {
        let asked = decision("d-x", "stuurgroep", "subsidie", day);
        ledger.clone().when(asked).then_refused("NO_MANDATE").message(Lang::En)
    };
    assert!(
        who(&ledger, "2017-05-01").contains("only Gedeputeerde Staten (`gs`) can"),
        "{}",
        who(&ledger, "2017-05-01")
    );
    assert!(who(&ledger, "2018-05-01").contains("nobody"), "{}", who(&ledger, "2018-05-01"));
    let dissolve = deed(Kind::Body, "gs", DeedStep::Ended(None)).from("2017-03-01");
    let ledger = ledger.when(dissolve).then_recorded();
    assert!(who(&ledger, "2017-05-01").contains("nobody"), "{}", who(&ledger, "2017-05-01"));
}

#[test]
fn the_right_to_grant_may_begin_again_once_nobody_has_it() {
    let begin = |name, since| json!({"id": name, "body": "ps", "may": "grant-mandate", "since": since});
    let one = json!({"id": "m-een", "body": "ps", "may": "grant-mandate", "since": "2016", "until": "2018"});
    let ledger = given([import(first()), state(Kind::Mandate, one)]);
    ledger.clone().when(state(Kind::Mandate, begin("m-twee", "2018-06-01"))).then_refused("MANDATE_NEEDS_DECISION");
    ledger.when(state(Kind::Mandate, begin("m-twee", "2019"))).then(&["MandateGranted"]);
}
