//! The central answer: what changed in a year, or between two revisions, why, and as known when.

use minutebook_domain::changes::{Changes, Outcome, Span, Step};
use minutebook_domain::command::Command;
use minutebook_domain::ids::{Kind, Position};
use minutebook_domain::related::RelatedChange;
use serde_json::{Value, json};

use crate::minutes::{
    Doc, at, because, correct, edition_after, first, given, import, late, next, next_with_change, state, state_from,
    take,
};
use crate::support::{Ledger, id};

fn year(ledger: &Ledger, year: i16, known: Position) -> Changes {
    let span = Span::year(ledger.book.agenda(&id("agenda")).unwrap(), year, known).unwrap();
    ledger.book.changes(&id("agenda"), span, &ledger.events).unwrap()
}

fn in_2018(ledger: &Ledger) -> Changes {
    year(ledger, 2018, Position::MAX)
}

fn between(ledger: &Ledger, from: usize, to: usize) -> Changes {
    let revisions = &ledger.book.agenda(&id("agenda")).unwrap().revisions;
    let span = Span::revisions(&revisions[from], &revisions[to], Position::MAX);
    ledger.book.changes(&id("agenda"), span, &ledger.events).unwrap()
}

/// The outcomes, one word each.
fn told(answer: &Changes) -> Vec<String> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Added => "added".to_owned(),
        Outcome::Dropped(disposition) => disposition.to_string(),
        Outcome::Changed(fields) => fields.iter().map(|change| change.field).collect::<Vec<_>>().join("+"),
        Outcome::Split(into) => format!("into {into:?}"),
        Outcome::Merged(from) => format!("from {from:?}"),
        Outcome::Suspended => "suspended".into(),
        Outcome::Reinstated(fields) => format!("reinstated {}", fields.len()),
        Outcome::CameAndWent => "came and went".into(),
    };
    let items = answer.items.iter();
    items.map(|item| format!("{}: {}", item.key.id, word(&item.outcome))).collect()
}

fn related(answer: &Changes) -> Vec<String> {
    let word = |change: &RelatedChange| match change {
        RelatedChange::Added => "added".to_owned(),
        RelatedChange::Changed(fields) => fields.iter().map(|change| change.field).collect::<Vec<_>>().join("+"),
        RelatedChange::NotRestated => "not restated".into(),
    };
    answer.related.iter().map(|related| format!("{}: {}", related.key.id, word(&related.change))).collect()
}

/// A later revision of the edition of 2018, with its own decision.
fn revised(document: Value, effective: &str, decision: &str) -> Value {
    edition_after(document, "2018-2019", effective)
        .patch("edition", "", json!({"decision": decision}))
        .section("decisions", json!([{"id": decision, "body": "gs", "kind": "adopt-agenda", "date": effective}]))
}

fn by(decision: &str, fields: Value) -> Value {
    let mut fields = fields;
    fields["decision"] = decision.into();
    fields
}

#[test]
fn before_the_first_edition_there_was_nothing() {
    let ledger = given([import(first())]);
    let answer = year(&ledger, 2016, Position::MAX);
    assert_eq!((answer.from, answer.to), (None, Some("2016-2017".into())));
    assert!(answer.items.iter().all(|item| item.outcome == Outcome::Added));
    assert_eq!((answer.control.before, answer.control.added, answer.control.after), (0, 4, 4));
    let empty = year(&ledger, 2015, Position::MAX);
    assert_eq!((empty.to, empty.items.len(), empty.related.len()), (None, 0, 0));
}

#[test]
fn a_change_is_told_with_its_reason_its_ground_and_what_adopted_it() {
    let advice = json!({"id": "advies", "body": "stuurgroep", "kind": "advise", "date": "2017-10-01"});
    let document = next_with_change().add("decisions", advice).patch(
        "changes",
        "c-1",
        json!({"decision": "advies", "decided_by": "stuurgroep"}),
    );
    let ledger = given([import(first()), import(document)]);
    let answer = in_2018(&ledger);
    assert_eq!(told(&answer), ["meting: title"]);
    let item = answer.items.iter().find(|item| item.key.id == id("meting")).unwrap();
    let why = item.why.as_ref().unwrap();
    assert_eq!(why.reason.as_ref().unwrap().as_str(), "Herijking.");
    assert_eq!((&why.ground, &why.body), (&Some(id("advies")), &Some(id("stuurgroep"))));
    let authority = why.authority.as_ref().unwrap();
    assert_eq!((&authority.decision, &authority.body), (&id("d-2018"), &Some(id("gs"))));
    assert_eq!(authority.mandate, Some(id("m-gs")));
    assert!(item.steps.is_empty() && !item.uncertain);
}

#[test]
fn items_come_in_order_and_a_split_is_told_once() {
    let document = next()
        .without("actions", "lobby")
        .without("actions", "pilot")
        .without("actions", "website")
        .add_under(
            "policy_items",
            "kwaliteit",
            "actions",
            json!({"id": "z-deel", "title": "Deel", "split_from": "lobby"}),
        )
        .add_under(
            "policy_items",
            "kwaliteit",
            "actions",
            json!({"id": "a-deel", "title": "Deel", "split_from": "lobby"}),
        )
        .add_under("policy_items", "kwaliteit", "actions", json!({"id": "samen", "title": "Samen"}))
        .patch("themes", "zorg", json!({"goal": "Betere zorg"}))
        .change("split", json!({"from": ["lobby"], "into": ["z-deel", "a-deel"]}))
        .change("merged", json!({"from": ["website", "pilot"], "into": ["samen"]}))
        .change("changed", json!({"theme": "zorg"}));
    let answer = in_2018(&given([import(first()), import(document)]));
    let expected = ["zorg: goal", "lobby: into [\"a-deel\", \"z-deel\"]", "samen: from [\"pilot\", \"website\"]"];
    assert_eq!(told(&answer), expected);
    assert_eq!((answer.control.by_split, answer.control.by_merge), (1, -1));
    assert!(answer.control.balances());
}

#[test]
fn what_came_and_left_within_a_year_is_told_apart() {
    let new = json!({"id": "nieuw", "title": "Nieuw"});
    let came = next().add_under("policy_items", "pilots", "actions", new).change("added", json!({"action": "nieuw"}));
    let went = revised(next(), "2018-06-01", "d-juni").change("dropped", by("d-juni", json!({"action": "nieuw"})));
    let ledger = given([import(first()), import(came), import(went)]);
    let answer = in_2018(&ledger);
    assert_eq!(told(&answer), ["nieuw: came and went"]);
    assert_eq!(answer.items.iter().find(|item| item.key.id == id("nieuw")).unwrap().steps.len(), 2);
    assert!(answer.control.balances() && answer.control.added == 0);
    assert_eq!(told(&between(&ledger, 0, 1)), ["nieuw: added"]);
    assert_eq!(told(&between(&ledger, 1, 2)), ["nieuw: completed"]);
    assert_eq!(told(&between(&ledger, 2, 1)), ["nieuw: completed"], "the older revision is the one before");
}

#[test]
fn a_part_of_a_split_may_leave_in_the_same_year() {
    let part = |name: &str| json!({"id": name, "title": name});
    let split = next()
        .without("actions", "lobby")
        .add_under("policy_items", "pilots", "actions", part("een"))
        .add_under("policy_items", "pilots", "actions", part("twee"))
        .change("split", json!({"from": ["lobby"], "into": ["een", "twee"]}));
    let went = revised(split.clone(), "2018-06-01", "d-juni")
        .without("actions", "twee")
        .change("dropped", by("d-juni", json!({"action": "twee"})));
    let answer = in_2018(&given([import(first()), import(split), import(went)]));
    assert_eq!(told(&answer), ["lobby: into [\"een\", \"twee\"]", "twee: came and went"]);
    assert!(answer.control.balances(), "{:?}", answer.control);
}

#[test]
fn an_action_that_leaves_twice_in_a_year_counts_once() {
    let merged = |document: Value, from: [&str; 2], into: &str, by: &str| {
        from.into_iter()
            .fold(document, |document, id| document.without("actions", id))
            .add_under("policy_items", "pilots", "actions", json!({"id": into, "title": into}))
            .change("merged", json!({"from": from, "into": [into], "decision": by}))
    };
    let one = merged(next(), ["lobby", "pilot"], "samen", "d-2018");
    let lobby = take(&mut next(), "actions", "lobby").unwrap();
    let back = revised(one.clone(), "2018-04-01", "d-april")
        .add_under("policy_items", "kwaliteit", "actions", lobby)
        .change("reinstated", by("d-april", json!({"action": "lobby"})));
    let two = merged(revised(back.clone(), "2018-06-01", "d-juni"), ["lobby", "meting"], "weer-samen", "d-juni");
    let answer = in_2018(&given([import(first()), import(one), import(back), import(two)]));
    assert!(answer.control.balances(), "{:?}", answer.control);
    assert_eq!((answer.control.before, answer.control.by_merge, answer.control.after), (4, -1, 3));
}

#[test]
fn several_revisions_in_a_year_are_steps_to_one_difference() {
    let second = revised(next_with_change(), "2018-06-01", "d-juni")
        .patch("actions", "meting", json!({"title": "Peiling", "place": "Emmen"}))
        .change("changed", by("d-juni", json!({"action": "meting", "reason": "Voortschrijdend inzicht."})));
    let third =
        revised(second.clone(), "2018-09-01", "d-september").patch("actions", "meting", json!({"source_line": 7}));
    let answer = in_2018(&given([import(first()), import(next_with_change()), import(second), import(third)]));
    assert_eq!(told(&answer), ["meting: title+place"]);
    let item = answer.items.iter().find(|item| item.key.id == id("meting")).unwrap();
    let Outcome::Changed(fields) = &item.outcome else { panic!("{item:?}") };
    assert_eq!((&fields[0].before, &fields[0].after), (&json!("Meting"), &json!("Peiling")));
    let reasons: Vec<_> = item.steps.iter().map(|step| step.why.reason.as_ref().unwrap().as_str()).collect();
    assert_eq!(reasons, ["Herijking.", "Voortschrijdend inzicht."], "rewritten notes are no step");
    assert_eq!(item.why.as_ref().unwrap().reason.as_ref().unwrap().as_str(), "Voortschrijdend inzicht.");
}

#[test]
fn what_was_changed_and_changed_back_is_told_with_both_reasons() {
    let back = revised(next(), "2018-06-01", "d-juni")
        .change("changed", by("d-juni", json!({"action": "meting", "reason": "Toch niet."})));
    let ledger = given([import(first()), import(next_with_change()), import(back)]);
    let item = |answer: &Changes| answer.items.iter().find(|item| item.key.id == id("meting")).unwrap().clone();
    let (answer, reasons) = (in_2018(&ledger), |step: &Step| step.why.reason.as_ref().unwrap().to_string());
    assert_eq!(item(&answer).outcome, Outcome::Changed(Vec::new()));
    assert_eq!(item(&answer).steps.iter().map(reasons).collect::<Vec<_>>(), ["Herijking.", "Toch niet."]);
    assert!(answer.control.balances());
    // Beside another change it is a step as well.
    let more = revised(next().patch("actions", "meting", json!({"place": "Emmen"})), "2018-06-01", "d-juni")
        .change("changed", by("d-juni", json!({"action": "meting"})));
    let third = revised(next().patch("actions", "meting", json!({"place": "Emmen"})), "2018-09-01", "d-september");
    let answer = in_2018(&given([import(first()), import(next_with_change()), import(more), import(third)]));
    assert_eq!((told(&answer), item(&answer).steps.len()), (vec!["meting: place".to_owned()], 2));
    let gone = next().without("actions", "lobby").change("suspended", json!({"action": "lobby"}));
    let back = revised(next(), "2018-06-01", "d-juni").change("reinstated", by("d-juni", json!({"action": "lobby"})));
    assert_eq!(told(&in_2018(&given([import(first()), import(gone), import(back)]))), ["lobby: "]);
    let noted = next().patch("actions", "meting", json!({"source_line": 1}));
    let again = revised(noted.clone(), "2018-06-01", "d-juni").patch("actions", "meting", json!({"source_line": 2}));
    assert!(told(&in_2018(&given([import(first()), import(noted), import(again)]))).is_empty(), "notes are no change");
}

#[test]
fn a_part_of_a_split_that_is_changed_later_in_the_year_is_told_against_the_split() {
    let part = |name: &str| json!({"id": name, "title": name});
    let split = next()
        .without("actions", "lobby")
        .add_under("policy_items", "pilots", "actions", part("een"))
        .add_under("policy_items", "pilots", "actions", part("twee"))
        .change("split", json!({"from": ["lobby"], "into": ["een", "twee"]}));
    for effective in ["2018-01-01", "2018-06-01"] {
        let later = revised(split.clone(), effective, "d-juni").patch("actions", "twee", json!({"place": "Emmen"}));
        let later = later.change("changed", by("d-juni", json!({"action": "twee", "reason": "Alleen in Emmen."})));
        let answer = in_2018(&given([import(first()), import(split.clone()), import(later)]));
        assert_eq!(told(&answer), ["lobby: into [\"een\", \"twee\"]", "twee: place"]);
        let why = answer.items.iter().find(|item| item.key.id == id("twee")).unwrap().why.clone().unwrap();
        assert_eq!((why.reason.unwrap().as_str(), why.ground), ("Alleen in Emmen.", Some(id("d-juni"))));
        assert!(answer.control.balances());
    }
}

#[test]
fn what_was_suspended_comes_back_with_what_changed_meanwhile() {
    let gone = next().without("actions", "lobby").change("suspended", json!({"action": "lobby"}));
    let back = edition_after(first(), "2020-2021", "2020-01-01")
        .patch("actions", "lobby", json!({"title": "Nieuwe lobby"}))
        .change("reinstated", json!({"action": "lobby", "fields": ["title"], "decision": "d-2020"}));
    let ledger = given([import(first()), import(gone), import(back)]);
    assert_eq!(told(&in_2018(&ledger)), ["lobby: suspended"]);
    assert_eq!(told(&year(&ledger, 2020, Position::MAX)), ["lobby: reinstated 1"]);
    assert_eq!(told(&between(&ledger, 0, 2)), ["lobby: title"]);
}

#[test]
fn an_erratum_is_no_change_but_is_told_where_it_bears_on_one() {
    let plain = given([import(first()), import(next_with_change())]);
    let before = in_2018(&plain);
    let known = plain.book.head() - 1;
    let title = Command::Correct(correct(at(Kind::Action, "meting"), "title", json!("Nul-meting")));
    let ledger = plain.when(title).then_recorded();
    let answer = in_2018(&ledger);
    assert_eq!(told(&answer), ["meting: title"]);
    let correction = &answer.corrected[0];
    assert_eq!(
        (&correction.fields[0].before, &correction.fields[0].after),
        (&json!("Nulmeting"), &json!("Nul-meting"))
    );
    assert_eq!(year(&ledger, 2018, known), before, "as known then the answer is the same");
    assert_eq!(year(&ledger, 2019, Position::MAX).corrected, []);
}

#[test]
fn an_erratum_on_an_amount_is_told_with_its_action() {
    let more = next().patch("amounts", "geld", json!({"eur": 700_000})).change("changed", json!({"action": "website"}));
    let mut euros = correct(at(Kind::Amount, "geld"), "eur", json!(750_000));
    euros.citation = crate::minutes::quoted("€ 750.000");
    let answer = in_2018(&given([import(first()), import(more), Command::Correct(euros)]));
    assert_eq!(told(&answer), ["website: amounts"]);
    assert_eq!(answer.corrected[0].key, at(Kind::Amount, "geld"));
}

#[test]
fn a_late_fact_is_told_in_the_year_that_it_is_about() {
    let fact = Command::RecordLate(late(at(Kind::Amount, "geld"), "2017-05-01", json!({"eur": 1})));
    let ledger = given([import(first()), import(next_with_change()), fact]);
    let answer = year(&ledger, 2017, Position::MAX);
    assert_eq!(told(&answer), ["website: amounts"]);
    let item = answer.items.iter().find(|item| item.key.id == id("website")).unwrap();
    let why = item.why.as_ref().unwrap();
    assert_eq!(why.code, Some(id("retroactive")));
    let mandate = why.authority.as_ref().and_then(|authority| authority.mandate.clone());
    assert_eq!(mandate, Some(id("m-gs")), "its decision is dated, and was taken under it");
    assert_eq!(told(&in_2018(&ledger)), ["meting: title"]);
}

#[test]
fn a_late_fact_from_before_the_first_statement_is_not_told_the_wrong_way_round() {
    let advice = json!({"id": "advies", "body": "stuurgroep", "kind": "advise", "date": "2017-10-01"});
    let fact = late(at(Kind::Decision, "advies"), "2017-10-01", json!({"reference": "RCF-7"}));
    let ledger = given([import(first()), import(next().add("decisions", advice)), Command::RecordLate(fact)]);
    assert_eq!(related(&in_2018(&ledger)), ["d-2018: added"]);
    assert_eq!(related(&year(&ledger, 2017, Position::MAX)), ["advies: added"]);
}

#[test]
fn a_late_fact_does_not_take_over_why_an_item_came() {
    let new = json!({"id": "nieuw", "title": "Nieuw"});
    let came = next().add_under("policy_items", "pilots", "actions", new).change("added", json!({"action": "nieuw"}));
    let fact = late(at(Kind::Action, "nieuw"), "2018-05-01", json!({"place": "Emmen"}));
    let answer = in_2018(&given([import(first()), import(came), Command::RecordLate(fact)]));
    let item = answer.items.iter().find(|item| item.key.id == id("nieuw")).unwrap();
    let why = item.why.as_ref().unwrap();
    assert_eq!((&item.outcome, &why.code, &why.ground), (&Outcome::Added, &None, &Some(id("d-2018"))));
    let codes: Vec<_> = item.steps.iter().map(|step| step.why.code.as_ref()).collect();
    assert_eq!(codes, [None, Some(&id("retroactive"))]);
}

#[test]
fn the_reading_of_a_revision_leaves_out_what_a_later_revision_said() {
    let second = revised(next_with_change(), "2018-01-01", "d-juni")
        .patch("actions", "pilot", json!({"place": "Assen"}))
        .change("changed", by("d-juni", json!({"action": "pilot"})));
    let fact = Command::RecordLate(late(at(Kind::Action, "pilot"), "2018-01-01", json!({"title": "Proef"})));
    let ledger = given([import(first()), import(next_with_change()), import(second), fact]);
    assert_eq!(told(&between(&ledger, 1, 2)), ["pilot: place"]);
    assert_eq!(told(&between(&ledger, 0, 1)), ["meting: title", "pilot: title"]);
}

#[test]
fn an_imprecise_date_makes_an_answer_uncertain_only_where_it_depends_on_it() {
    let imprecise = next_with_change().patch("edition", "", json!({"effective": "2017-12/2018-02"}));
    let ledger = given([import(first()), import(imprecise)]);
    let item = |answer: &Changes| answer.items.iter().find(|item| item.key.id == id("meting")).unwrap().clone();
    let in_2017 = item(&year(&ledger, 2017, Position::MAX));
    assert!(in_2017.uncertain && matches!(in_2017.outcome, Outcome::Changed(_)));
    assert!(!item(&year(&ledger, 2016, Position::MAX)).uncertain);
    assert!(!item(&between(&ledger, 0, 1)).uncertain, "whatever the day, the revision says so");
}

#[test]
fn what_stands_beside_the_items_came_changed_or_was_not_restated() {
    let document = next()
        .without("milestones", "oplevering")
        .add("milestones", json!({"id": "evaluatie", "what": "Evaluatie", "due": 2019}))
        .add("amounts", json!({"id": "subsidie", "what": "Subsidie", "eur": 5}))
        .patch("parties", "emmen", json!({"name": "Emmen"}))
        .section("process", json!([{"year": 2018, "step": "Herijking"}]));
    let ledger = given([import(first()), import(document)]);
    let expected = [
        "emmen: name",
        "subsidie: added",
        "d-2018: added",
        "evaluatie: added",
        "oplevering: not restated",
        "1: process",
    ];
    assert_eq!(related(&in_2018(&ledger)), expected);
    assert_eq!(related(&between(&ledger, 0, 1)), expected);
}

#[test]
fn an_amount_counts_in_the_action_that_names_it_and_else_stands_beside_the_items() {
    let pointing = |eur: u32| json!({"id": "bomen", "what": "Bomen", "eur": eur, "action": "lobby"});
    let before = first().add("amounts", pointing(5));
    let more = next().add("amounts", pointing(7));
    let named = more.clone().patch("actions", "lobby", json!({"amounts": ["bomen"]}));
    let named = named.change("changed", json!({"action": "lobby"}));
    let answer = |document: Value| in_2018(&given([import(before.clone()), import(document)]));
    assert_eq!(related(&answer(more)), ["bomen: eur", "d-2018: added"], "it only points at the action");
    assert_eq!(related(&answer(next())), ["bomen: not restated", "d-2018: added"]);
    assert_eq!(told(&answer(named.clone())), ["lobby: amounts"]);
    assert_eq!(related(&answer(named)), ["d-2018: added"]);
    let left = next().without("amounts", "geld").without("actions", "website");
    let left = left.without("milestones", "oplevering").change("dropped", json!({"action": "website"}));
    let left = in_2018(&given([import(first()), import(left)]));
    assert_eq!(related(&left), ["d-2018: added", "oplevering: not restated"], "it left with its action");
}

#[test]
fn a_correction_does_not_restate_what_an_edition_left_out() {
    let without = next().without("milestones", "oplevering");
    let what = Command::Correct(correct(at(Kind::Milestone, "oplevering"), "what", json!("De oplevering")));
    let due = Command::RecordLate(late(at(Kind::Milestone, "oplevering"), "2016-05-01", json!({"due": 2018})));
    let ledger = given([import(first()), import(without), what, due]);
    assert_eq!(related(&in_2018(&ledger)), ["d-2018: added", "oplevering: not restated"]);
    let again = state_from(Some("2018-06-01"), Kind::Milestone, json!({"id": "oplevering", "what": "Toch"}));
    let ledger = ledger.when(again).then_recorded();
    assert!(related(&in_2018(&ledger)).contains(&"oplevering: what+due+action".to_owned()));
}

#[test]
fn an_answer_about_the_past_knows_no_later_names() {
    let ledger = given([import(first()), import(next().patch("parties", "emmen", json!({"aliases": ["E"]})))]);
    let (before, known) = (in_2018(&ledger), ledger.book.head() - 1);
    let ledger =
        ledger.when(state_from(Some("2016"), Kind::Party, json!({"id": "emmen", "name": "Emmen"}))).then_recorded();
    assert_eq!(year(&ledger, 2018, known), before);
    let part = json!({"amounts": [{"id": "los", "what": "Los"}]});
    let ledger = ledger.when(import(part)).then_recorded();
    let (before, known) = (year(&ledger, 2020, Position::MAX), ledger.book.head() - 1);
    let linked = json!({"id": "los", "what": "Los", "action": "meting"});
    let ledger = ledger.when(because("Hoort erbij.", state(Kind::Amount, linked))).then_recorded();
    assert_eq!(year(&ledger, 2020, known), before);
}

#[test]
fn rewritten_notes_do_not_hide_why_an_item_came() {
    let new = json!({"id": "nieuw", "title": "Nieuw"});
    let came = next().add_under("policy_items", "pilots", "actions", new).change("added", json!({"action": "nieuw"}));
    let noted = revised(came.clone(), "2018-06-01", "d-juni").patch("actions", "nieuw", json!({"source_line": 9}));
    let answer = in_2018(&given([import(first()), import(came), import(noted)]));
    let item = answer.items.iter().find(|item| item.key.id == id("nieuw")).unwrap();
    assert_eq!((&item.outcome, item.steps.len()), (&Outcome::Added, 0));
    assert_eq!(item.why.as_ref().unwrap().ground, Some(id("d-2018")));
}

#[test]
fn a_late_fact_stands_under_the_mandate_that_was_known_then() {
    let fact = Command::RecordLate(late(at(Kind::Action, "meting"), "2017-05-01", json!({"title": "Peiling"})));
    let ledger = given([import(first()), fact]);
    let (before, known) = (year(&ledger, 2017, Position::MAX), ledger.book.head() - 1);
    let again = first().patch("edition", "", json!({"effective": "2016-06-01"}));
    let ledger = ledger.when(import(again.section("changes", json!([])))).then_recorded();
    assert_eq!(year(&ledger, 2017, known), before);
    let now = year(&ledger, 2017, Position::MAX);
    let item = now.items.iter().find(|item| item.key.id == id("meting")).unwrap();
    assert_eq!(item.why.as_ref().unwrap().authority.as_ref().unwrap().mandate, Some(id("m-gs")));
}

#[test]
fn another_form_of_not_stated_is_no_later_answer() {
    let two = next()
        .patch("actions", "pilot", json!({"summary": null, "title": "Twee"}))
        .change("changed", json!({"action": "pilot"}));
    let three = revised(two.clone(), "2018-06-01", "d-juni")
        .patch("actions", "pilot", json!({"summary": "", "title": "Drie"}))
        .change("changed", by("d-juni", json!({"action": "pilot"})));
    let ledger = given([import(first()), import(two), import(three.clone())]);
    let (before, known) = (in_2018(&ledger), ledger.book.head() - 1);
    assert_eq!(told(&before), ["pilot: title+summary"]);
    let four = edition_after(three, "2020-2021", "2020-01-01")
        .patch("actions", "pilot", json!({"title": "Vier"}))
        .change("changed", by("d-2020", json!({"action": "pilot"})));
    let ledger = ledger.when(import(four)).then_recorded();
    assert_eq!(year(&ledger, 2018, known), before);
    assert_eq!(in_2018(&ledger).items, before.items);
}

#[test]
fn parts_that_became_part_of_another_are_extra_by_the_split_and_lost_by_the_merge() {
    let part = |name: &str| json!({"id": name, "title": format!("Actie {name}")});
    let split = edition_after(first(), "2018-2019", "2018-01-01")
        .without("actions", "lobby")
        .add_under("policy_items", "pilots", "actions", part("een"))
        .add_under("policy_items", "pilots", "actions", part("twee"))
        .change("split", json!({"from": ["lobby"], "into": ["een", "twee"]}));
    let merged = edition_after(first(), "2020-2021", "2020-01-01")
        .without("actions", "lobby")
        .without("actions", "pilot")
        .add_under("policy_items", "pilots", "actions", part("samen"))
        .change("merged", json!({"from": ["een", "twee", "pilot"], "into": ["samen"], "decision": "d-2020"}));
    let ledger = given([import(first()), import(split), import(merged)]);
    let answer = between(&ledger, 0, 2);
    let [lobby, samen] = ["lobby: into [\"een\", \"twee\"]", "samen: from [\"een\", \"pilot\", \"twee\"]"];
    let words = ["een: came and went", lobby, samen, "twee: came and went"];
    assert_eq!(told(&answer), words);
    let control = answer.control;
    assert_eq!((control.before, control.by_split, control.by_merge, control.after), (4, 1, -2, 3));
    assert!(control.balances());
}
