//! The section `changes` covers the differences: no more, no less, each with a reason and a ground.

use minutebook_domain::event::ControlTotal;
use minutebook_domain::ids::Kind;
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Refusal;
use serde_json::{Value, json};

use crate::minutes::{Doc, edition_after, first, given, import, next, next_with_change, raised, take};
use crate::support::{document, id};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("CHANGES_MISMATCH", a_difference_without_an_entry_is_refused),
    ("REASON_MISSING", every_change_has_a_reason),
    ("DECISION_NOT_TAKEN", a_decision_of_the_future_is_not_taken),
    ("MANDATE_CEILING", a_sum_rises_as_far_as_the_mandate_of_its_ground),
    ("GROUND_MISSING", every_change_has_a_ground),
    ("GROUND_BODY", the_deciding_body_is_that_of_the_ground),
    ("REVIEW_CONFLICT", an_item_has_one_entry),
    ("CHANGE_FORM", an_entry_says_what_became_of_the_item),
    ("FIRST_EDITION", a_first_edition_has_no_changes),
    ("FIELDS_DIFFER", the_fields_given_are_those_that_differ),
    ("SPLIT_NEEDS_TWO", a_split_has_one_source_and_two_parts),
    ("MERGE_NEEDS_TWO", a_merge_has_two_sources_and_one_result),
    ("CONTROL_TOTAL", the_control_total_is_the_sum_of_the_changes),
];

fn when(document: Value) -> crate::minutes::Then {
    given([import(first())]).when(import(document))
}

#[test]
fn an_edition_without_differences_needs_no_changes() {
    when(next()).then_recorded();
}

#[test]
fn a_difference_without_an_entry_is_refused() {
    let bare = next().patch("actions", "meting", json!({"title": "Nulmeting"})).without("actions", "lobby");
    let refusal = when(bare).then_refused("CHANGES_MISMATCH");
    assert!(refusal.message(Lang::En).contains("lacks `dropped` action lobby, `changed` action meting;"), "{refusal}");
    assert!(refusal.message(Lang::Nl).contains("ontbreekt `dropped` actie lobby"), "{refusal:#}");
}

#[test]
fn an_entry_without_a_difference_is_refused() {
    for (kind, fields, why) in [
        ("changed", json!({"action": "lobby"}), "reads the same"),
        ("dropped", json!({"action": "lobby"}), "still stands"),
        ("dropped", json!({"action": "meting"}), "still stands"),
        ("added", json!({"action": "lobby"}), "was there already"),
        ("added", json!({"action": "bestaat-niet"}), "in neither edition"),
        ("reinstated", json!({"action": "lobby"}), "was there already"),
        ("split", json!({"from": ["lobby"], "into": ["x", "y"]}), "must leave"),
    ] {
        let refusal = when(next_with_change().change(kind, fields)).then_refused("CHANGES_MISMATCH");
        let Refusal::Document { problems } = &refusal else { panic!("{refusal}") };
        let problem = problems.0.last().unwrap();
        let place = problem.place.key.as_ref().map(|key| (key.kind, key.id.as_str()));
        assert_eq!(place, Some((Kind::Change, "c-2")), "it stands at its own place");
        let message = problem.refusal.message(Lang::En);
        assert!(message.starts_with(&format!("`{kind}`")) && message.contains(why), "{message}");
    }
}

#[test]
fn an_entry_of_another_kind_than_the_difference_is_refused() {
    let wrong = next().without("actions", "lobby").change("changed", json!({"action": "lobby"}));
    when(wrong).then_refused("CHANGES_MISMATCH");
    let new = json!({"id": "nieuw", "title": "Nieuw"});
    let wrong =
        next().add_under("policy_items", "pilots", "actions", new).change("reinstated", json!({"action": "nieuw"}));
    when(wrong).then_refused("CHANGES_MISMATCH");
}

#[test]
fn notes_and_places_in_the_list_are_no_difference() {
    let notes = json!({"source_line": 99, "quote": "Anders", "confidence": "certain", "doubt": "Klopt dit?"});
    when(next().patch("actions", "meting", notes)).then_recorded();
    let mut turned = next();
    let meting = take(&mut turned, "actions", "meting").unwrap();
    when(turned.add_under("policy_items", "kwaliteit", "actions", meting)).then_recorded();
    when(next().patch("actions", "website", json!({"period": {"to": "2018"}, "partners": []}))).then_recorded();
}

#[test]
fn a_move_is_a_change_of_the_parent() {
    let mut moved = next();
    let meting = take(&mut moved, "actions", "meting").unwrap();
    let moved = moved.add_under("policy_items", "pilots", "actions", meting);
    let claimed = moved.change("changed", json!({"action": "meting", "fields": ["policy_item"]}));
    when(claimed).then_recorded();
}

#[test]
fn an_amount_counts_in_its_action() {
    let more = next().patch("amounts", "geld", json!({"eur": 700_000}));
    when(more.clone()).then_refused("CHANGES_MISMATCH");
    when(more.change("changed", json!({"action": "website", "fields": ["amounts"]}))).then_recorded();
    when(next().patch("amounts", "geld", json!({"what": "Voor de website"}))).then_recorded();
}

#[test]
fn themes_subtasks_and_policy_items_are_claimed_too() {
    let changed = next()
        .patch("themes", "zorg", json!({"goal": "Betere zorg"}))
        .patch("subtasks", "aanbod", json!({"title": "Aanbod"}))
        .patch("policy_items", "pilots", json!({"roles": ["regisseren"]}))
        .change("changed", json!({"theme": "zorg", "fields": ["goal"]}))
        .change("changed", json!({"subtask": "aanbod"}))
        .change("changed", json!({"policy_item": "pilots", "fields": ["roles"]}));
    when(changed).then_recorded();
}

#[test]
fn the_fields_given_are_those_that_differ() {
    for fields in [json!(["summary"]), json!(["title", "summary"])] {
        when(next_with_change().patch("changes", "c-1", json!({"fields": fields}))).then_refused("FIELDS_DIFFER");
    }
    for fields in [json!(["title"]), json!([]), json!(["title", "title"])] {
        when(next_with_change().patch("changes", "c-1", json!({"fields": fields}))).then_recorded();
    }
    let dropped = next().without("actions", "lobby").change("dropped", json!({"action": "lobby", "fields": ["title"]}));
    when(dropped).then_refused("FIELDS_DIFFER");
}

#[test]
fn every_change_has_a_reason() {
    let words = ["", " \n ", "-", "2018.", "Changed.", "completed", "Voltooid.", "vervallen"];
    for reason in words.map(Value::from).into_iter().chain([json!(null)]) {
        when(next_with_change().patch("changes", "c-1", json!({"reason": reason}))).then_refused("REASON_MISSING");
    }
}

#[test]
fn a_decision_of_the_future_is_not_taken() {
    let dated = |decision: &str, date: &str| {
        let budget = json!({"id": "begroting", "body": "stuurgroep", "kind": "advise", "date": "2017-11-01"});
        let ground = json!({"decision": "begroting", "decided_by": "stuurgroep"});
        let document = next_with_change().add("decisions", budget).patch("changes", "c-1", ground);
        when(document.patch("decisions", decision, json!({"date": date})))
    };
    dated("d-2018", "2020-03-02").then_refused("DECISION_NOT_TAKEN");
    dated("begroting", "2021").then_refused("DECISION_NOT_TAKEN");
    dated("begroting", "2020").then_recorded();
}

#[test]
fn a_sum_rises_as_far_as_the_mandate_of_its_ground() {
    let ceiling = |euros: u32, eur: u32| {
        let limited = first().patch("mandates", "m-gs", json!({"ceiling": euros}));
        let more = next().patch("mandates", "m-gs", json!({"ceiling": euros}));
        let more = more.patch("amounts", "geld", json!({"eur": eur})).change("changed", json!({"action": "website"}));
        given([import(limited)]).when(import(more))
    };
    ceiling(650_000, 700_000).then_refused("MANDATE_CEILING");
    ceiling(700_000, 700_000).then_recorded();
    ceiling(500_000, 550_000).then_recorded();
}

#[test]
fn every_change_has_a_ground() {
    when(next_with_change().patch("changes", "c-1", json!({"decision": null}))).then_refused("GROUND_MISSING");
    let unknown = next_with_change().patch("changes", "c-1", json!({"decision": "d-2017"}));
    when(unknown).then_refused("UNKNOWN_REFERENCE");
}

#[test]
fn the_deciding_body_is_that_of_the_ground() {
    when(next_with_change().patch("changes", "c-1", json!({"decided_by": "ps"}))).then_refused("GROUND_BODY");
}

#[test]
fn an_item_has_one_entry() {
    when(next_with_change().change("changed", json!({"action": "meting"}))).then_refused("REVIEW_CONFLICT");
    let twice = split(json!(["een", "een"]));
    when(twice).then_refused_with(&["REVIEW_CONFLICT", "CHANGES_MISMATCH"]);
}

#[test]
fn an_entry_says_what_became_of_the_item() {
    let dropped = |fields| next().without("actions", "lobby").change("dropped", fields);
    when(dropped(json!({"action": "lobby", "disposition": null}))).then_refused("CHANGE_FORM");
    let kept = next_with_change().patch("changes", "c-1", json!({"disposition": "completed"}));
    when(kept).then_refused("CHANGE_FORM");
    for disposition in ["completed", "discontinued", "handed-over", "absorbed"] {
        when(dropped(json!({"action": "lobby", "disposition": disposition}))).then_recorded();
    }
}

#[test]
fn an_entry_names_one_item() {
    for fields in [json!({"action": null}), json!({"theme": "zorg"}), json!({"from": ["meting"]})] {
        let refusal = given([import(first())]).record(&import(next_with_change().patch("changes", "c-1", fields)));
        assert!(crate::support::codes(&refusal.unwrap_err()).contains(&"CHANGE_FORM"));
    }
}

#[test]
fn a_first_edition_has_no_changes() {
    let early = first().change("added", json!({"action": "meting", "decision": "d-2016"}));
    given([]).when(import(early)).then_refused("FIRST_EDITION");
}

fn split(into: Value) -> Value {
    let part = |name: &str| json!({"id": name, "title": name, "split_from": "lobby"});
    next()
        .without("actions", "lobby")
        .add_under("policy_items", "kwaliteit", "actions", part("een"))
        .add_under("policy_items", "kwaliteit", "actions", part("twee"))
        .change("split", json!({"from": ["lobby"], "into": into}))
}

fn merge(from: Value, into: Value) -> Value {
    next()
        .without("actions", "lobby")
        .without("actions", "pilot")
        .add_under("policy_items", "kwaliteit", "actions", json!({"id": "samen", "title": "Samen"}))
        .change("merged", json!({"from": from, "into": into}))
}

#[test]
fn a_split_has_one_source_and_two_parts() {
    when(split(json!(["een", "twee"]))).then_recorded();
    for bad in [split(json!(["een"])), merge(json!(["lobby", "pilot"]), json!(["samen"]))] {
        let bad = bad.patch("changes", "c-1", json!({"kind": "split"}));
        let Err(refusal) = given([import(first())]).record(&import(bad)) else { panic!("it was recorded") };
        assert_eq!(crate::support::codes(&refusal), ["SPLIT_NEEDS_TWO", "CHANGES_MISMATCH"]);
        raised("SPLIT_NEEDS_TWO");
    }
}

#[test]
fn a_merge_has_two_sources_and_one_result() {
    when(merge(json!(["lobby", "pilot"]), json!(["samen"]))).then_recorded();
    for bad in [merge(json!(["lobby"]), json!(["samen"])), merge(json!(["lobby", "pilot"]), json!(["samen", "meting"]))]
    {
        let Err(refusal) = given([import(first())]).record(&import(bad)) else { panic!("it was recorded") };
        assert_eq!(crate::support::codes(&refusal), ["MERGE_NEEDS_TWO", "CHANGES_MISMATCH"]);
        raised("MERGE_NEEDS_TWO");
    }
}

#[test]
fn what_a_split_or_merge_names_leaves_and_comes() {
    // A source that stays, and a part that was there already.
    when(split(json!(["een", "meting"]))).then_refused("CHANGES_MISMATCH");
    when(merge(json!(["lobby", "website"]), json!(["samen"]))).then_refused("CHANGES_MISMATCH");
}

#[test]
fn the_events_of_a_split_come_before_its_parts() {
    let ledger = when(split(json!(["een", "twee"]))).then_recorded();
    let items: Vec<_> = ledger.events.iter().map(|event| event.event.payload.name()).collect();
    assert!(items.windows(3).any(|three| three == ["ItemSplit", "ItemAdded", "ItemAdded"]), "{items:?}");
    let control = ledger.book.agenda(&id("agenda")).unwrap().current().unwrap().seal.control;
    assert_eq!((control.before, control.by_split, control.after), (4, 1, 5));
}

fn later(document: Value) -> Value {
    edition_after(document, "2020-2021", "2020-01-01")
}

#[test]
fn what_was_suspended_or_dropped_comes_back() {
    for gone in ["suspended", "dropped"] {
        let without = next().without("actions", "lobby").change(gone, json!({"action": "lobby"}));
        let ledger = given([import(first()), import(without)]);
        let names = |ledger: &crate::support::Ledger| {
            ledger.events.iter().rev().find_map(|event| match event.event.payload.name() {
                name @ ("ItemReinstated" | "ItemAdded") => Some(name),
                _ => None,
            })
        };
        let entry = || json!({"action": "lobby", "decision": "d-2018"});
        let reinstated = ledger.clone().when(import(later(first()).change("reinstated", entry()))).then_recorded();
        assert_eq!(names(&reinstated), Some("ItemReinstated"), "{gone}");
        let added = ledger.clone().when(import(later(first()).change("added", entry())));
        if gone == "dropped" {
            assert_eq!(names(&added.then_recorded()), Some("ItemAdded"));
        } else {
            added.then_refused("CHANGES_MISMATCH");
        }
        ledger.when(import(later(first()).change("changed", entry()))).then_refused("CHANGES_MISMATCH");
    }
}

#[test]
fn a_plan_gives_the_entries_that_are_missing() {
    let without = next().without("actions", "lobby").change("suspended", json!({"action": "lobby"}));
    let ledger = given([import(first()), import(without)]);
    let bare = later(first()).without("actions", "pilot").patch("actions", "meting", json!({"title": "Nulmeting"}));
    let plan = ledger.book.plan(&document(bare), "2020-03-01".parse().unwrap(), &ledger.events).unwrap();
    let missing: Vec<_> =
        plan.missing.iter().map(|change| (change.kind.word(), change.item().unwrap().1.as_str())).collect();
    assert_eq!(missing, [("reinstated", "lobby"), ("changed", "meting"), ("dropped", "pilot")]);
    let ids: Vec<_> = plan.missing.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids, ["change-01", "change-02", "change-03"]);
    assert!(plan.missing.iter().all(|change| change.reason.is_none() && change.decision.is_none()));
}

/// A document cannot bring a total out of balance: entries that do not fit are refused before. The sum stands guard.
#[test]
fn the_control_total_is_the_sum_of_the_changes() {
    let total = ControlTotal {
        before: 40,
        added: 7,
        dropped: 8,
        by_split: 1,
        by_merge: -1,
        suspended: 2,
        reinstated: 1,
        after: 38,
    };
    assert!(total.balances() && total.expected() == 38);
    assert!(!ControlTotal { after: 39, ..total }.balances());
    let refusal = Refusal::ControlTotal { control: total, after: 40 };
    let sum = "40 + 7 − 8 +1 (splitsen) -1 (samenvoegen) − 2 (opgeschort) + 1 (terug) = 38";
    assert!(refusal.message(Lang::Nl).contains(&format!("{sum}, maar de nieuwe stand telt 40")), "{refusal:#}");
    raised(refusal.code());
}
