//! What a document must be: its form, ids, references and place in time; and that nothing of it is lost.

use minutebook_domain::document::canonical;
use minutebook_domain::ids::Kind;
use minutebook_domain::message::Lang;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::minutes::{Doc, at, edition_after, first, given, import, next_with_change, state};
use crate::support::{Ledger, document, id};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("INVALID_DOCUMENT", every_problem_is_reported_at_its_place),
    ("DOCUMENT_FORM", a_document_is_a_whole_edition_or_a_part),
    ("DUPLICATE_ID", an_id_stands_once_in_its_section),
    ("ID_TAKEN", an_id_of_another_agenda_is_refused),
    ("UNKNOWN_REFERENCE", a_reference_resolves_in_the_document_or_the_ledger),
    ("ROLE_UNKNOWN", a_role_is_a_word_of_the_vocabulary),
    ("EDITION_YEARS", the_years_of_an_edition_are_in_order),
    ("EDITION_OVER", an_edition_holds_before_its_years_are_over),
    ("EDITION_EARLIER", an_earlier_edition_is_refused),
    ("REVISION_SEALED", an_edition_that_was_followed_is_sealed),
    ("PERSONAL_DATA_IN_TEXT", personal_data_does_not_belong_in_texts),
];

#[test]
fn a_first_edition_is_a_review_opened_filled_and_sealed() {
    let ledger = given([]).when(import(first())).then_recorded();
    let names: Vec<_> = ledger.events.iter().map(|event| event.event.payload.name()).collect();
    assert_eq!(names[..3], ["LedgerFounded", "ReviewOpened", "AgendaOpened"]);
    assert_eq!(names.last(), Some(&"RevisionSealed"));
    assert_eq!(names.iter().filter(|name| **name == "ItemAdded").count(), 8);
    let control = ledger.book.agenda(&id("agenda")).unwrap().revisions[0].seal.control;
    assert_eq!((control.before, control.added, control.after), (0, 4, 4));
}

#[test]
fn the_same_document_again_records_nothing() {
    let ledger = given([import(first())]).when(import(first())).then(&[]);
    let ledger = ledger.when(import(next_with_change())).then_recorded();
    let ledger = ledger.when(import(next_with_change())).then(&[]);
    ledger.when(import(first())).then(&[]);
}

#[test]
fn unstated_forms_make_no_other_document() {
    let mut forms = first();
    forms["themes"][0]["policy_items"][0]["actions"][0]["place"] = json!("");
    forms["themes"][0]["policy_items"][0]["actions"][0]["motions"] = json!([]);
    forms["agreements"] = json!([]);
    given([import(first())]).when(import(forms)).then(&[]);
}

#[test]
fn an_edition_comes_back_as_it_was_handed_in() {
    let mut all = first()
        .add("frameworks", json!({"id": "nota", "title": "Nota", "period": {"to": 2020}, "adopted_by": "ps"}))
        .patch("agenda", "", json!({"framework": ["nota"]}))
        .add(
            "agreements",
            json!({"id": "deal", "what": "Deal", "parties": ["emmen"], "kind": "co-financing",
            "cofinancing": {"share": 0.5}, "actions": ["meting"]}),
        )
        .add("motions", json!({"id": "motie", "title": "Motie", "body": "ps", "addressed_by": ["lobby"]}))
        .add("consultations", json!({"id": "vdg", "name": "VDG"}))
        .add("explanations", json!({"id": "3.1", "title": "Uitleg", "actions": ["meting"], "facts": ["Eén", "Twee"]}))
        .add("remarks", json!({"id": "let-op", "what": "Let op", "source_line": 3, "roles": ["regisseren"]}))
        .patch("actions", "meting", json!({"explained_in": "3.1", "lines": "12-14", "confidence": "probable"}))
        .patch("actions", "lobby", json!({"period": {"from": "2016", "to": 2017}, "doubt": "Wie?"}));
    all["invented"] = true.into();
    let ledger = given([import(all.clone())]);
    let revision = &ledger.book.agenda(&id("agenda")).unwrap().revisions[0];
    let export = ledger.book.export(&id("agenda"), revision, &ledger.events).unwrap();
    assert_eq!(canonical(&export.to_value()), canonical(&all));
    assert_eq!(export.sha256(), revision.seal.sha256);
    let digest: [u8; 32] = Sha256::digest(canonical(&all)).into();
    assert_eq!(export.sha256().0, digest, "taken of the canonical form, though that is not built");
}

#[test]
fn later_changes_of_a_register_do_not_rewrite_an_edition() {
    let renamed = json!({"id": "emmen", "name": "Emmen"});
    let ledger = given([import(first()), state(Kind::Party, renamed), import(next_with_change())]);
    let revisions = &ledger.book.agenda(&id("agenda")).unwrap().revisions;
    for (revision, document) in revisions.iter().zip([first(), next_with_change()]) {
        let export = ledger.book.export(&id("agenda"), revision, &ledger.events).unwrap();
        assert_eq!(canonical(&export.to_value()), canonical(&document), "{}", revision.name());
    }
}

#[test]
fn a_document_is_a_whole_edition_or_a_part() {
    let mut forms =
        vec![first(), first(), first(), json!({"changes": []}).change("dropped", json!({"action": "meting"}))];
    forms[0].as_object_mut().unwrap().remove("edition");
    forms[1].as_object_mut().unwrap().remove("themes");
    forms[2].as_object_mut().unwrap().remove("agenda");
    for form in forms {
        let Err(refusal) = given([import(next_first())]).record(&import(form)) else { panic!("it was recorded") };
        assert!(crate::support::codes(&refusal).contains(&"DOCUMENT_FORM"), "{refusal:?}");
        crate::minutes::raised("DOCUMENT_FORM");
    }
}

/// The first edition with the decision that the next one rests on.
fn next_first() -> Value {
    first().add("decisions", json!({"id": "d-2018", "body": "gs", "kind": "adopt-agenda", "date": "2018-01-01"}))
}

#[test]
fn a_part_records_what_happened_between_two_editions() {
    let part = json!({
        "decisions": [{"id": "budget", "body": "ps", "kind": "adopt-budget", "date": "2016-11-09"}],
        "milestones": [{"id": "evaluatie", "what": "Evaluatie", "due": "2019"}],
        "parties": [{"id": "emmen", "name": "Emmen"}],
    });
    let events = ["PartyChanged", "DecisionRecorded", "MilestoneSet"];
    let ledger = given([import(first())]).when(import(part.clone())).then(&events);
    ledger.when(import(part)).then(&[]);
}

#[test]
fn an_id_stands_once_in_its_section() {
    for (parents, parent, section, record) in [
        ("policy_items", "pilots", "actions", json!({"id": "meting", "title": "Nog een"})),
        ("themes", "zorg", "policy_items", json!({"id": "kwaliteit", "title": "Nog een"})),
    ] {
        given([]).when(import(first().add_under(parents, parent, section, record))).then_refused("DUPLICATE_ID");
    }
    given([]).when(import(first().add("parties", json!({"id": "emmen", "name": "E"})))).then_refused("DUPLICATE_ID");
    // One id may stand in several sections.
    given([]).when(import(first().add("parties", json!({"id": "gs", "name": "GS"})))).then_recorded();
}

fn other_agenda() -> Value {
    let text = first().to_string().replace("\"agenda\":{\"id\":\"agenda\"", "\"agenda\":{\"id\":\"agenda-b\"");
    let other: Value = serde_json::from_str(&text).unwrap();
    let mut other = other.patch("edition", "", json!({"id": "2016-2017"}));
    for register in ["bodies", "mandates", "parties", "roles", "sources"] {
        other.as_object_mut().unwrap().remove(register);
    }
    other
}

#[test]
fn an_id_of_another_agenda_is_refused() {
    given([import(first())]).when(import(other_agenda())).then_refused("ID_TAKEN");
}

#[test]
fn what_starts_anew_in_each_agenda_is_not_taken() {
    let explained = |document: Value| document.add("explanations", json!({"id": "3.1", "title": "Uitleg"}));
    let text = other_agenda().to_string();
    let renamed =
        ["zorg", "aanbod", "kwaliteit", "meting", "website", "lobby", "pilots", "pilot", "geld", "oplevering"]
            .iter()
            .fold(text, |text, name| text.replace(&format!("\"{name}\""), &format!("\"{name}-b\"")));
    let other: Value = serde_json::from_str(&renamed).unwrap();
    let ledger = given([import(explained(first()))]).when(import(explained(other.clone()))).then_recorded();
    for (agenda, document) in [("agenda", explained(first())), ("agenda-b", explained(other))] {
        let revision = &ledger.book.agenda(&id(agenda)).unwrap().revisions[0];
        let export = ledger.book.export(&id(agenda), revision, &ledger.events).unwrap();
        assert_eq!(canonical(&export.to_value()), canonical(&document), "{agenda}");
    }
}

#[test]
fn a_reference_resolves_in_the_document_or_the_ledger() {
    let unknown = first().patch("actions", "meting", json!({"partners": ["emen"]}));
    let refusal = given([]).when(import(unknown)).then_refused("UNKNOWN_REFERENCE");
    assert!(refusal.message(Lang::En).contains("did you mean `emmen`?"), "{refusal}");
    assert!(refusal.message(Lang::Nl).contains("bedoelt u `emmen`?"), "{}", refusal.message(Lang::Nl));
    // The registers of the first edition hold for the next one.
    let mut short = next_with_change();
    for register in ["sources", "bodies", "mandates", "parties", "roles"] {
        short.as_object_mut().unwrap().remove(register);
    }
    given([import(first())]).when(import(short)).then_recorded();
}

#[test]
fn an_item_stands_under_what_the_same_document_states() {
    let moved =
        next_with_change().without("policy_items", "pilots").patch("actions", "meting", json!({"title": "Meting"}));
    let mut document = document(moved);
    for record in &mut document.records {
        if let minutebook_domain::record::Record::Action(action) = record {
            action.policy_item = id("pilots");
        }
    }
    let command = minutebook_domain::command::ImportDocument { document, expected_revision: None };
    let command = minutebook_domain::command::Command::Import(command);
    let Err(refusal) = given([import(first())]).record(&command) else { panic!("it was recorded") };
    assert!(crate::support::codes(&refusal).contains(&"UNKNOWN_REFERENCE"), "{refusal:?}");
}

#[test]
fn a_body_is_looked_up_among_bodies_then_parties() {
    let by_party = first().patch("milestones", "oplevering", json!({})).add(
        "motions",
        json!({"id": "m", "title": "M",
        "body": "emmen"}),
    );
    let ledger = given([]).when(import(by_party)).then_recorded();
    assert_eq!(ledger.book.body(&id("emmen")).unwrap().record.label(), "Gemeente Emmen");
    let both = state(Kind::Body, json!({"id": "emmen", "name": "Gemeenteraad van Emmen"}));
    let ledger = ledger.when(both).then(&["BodyEstablished"]);
    assert_eq!(ledger.book.body(&id("emmen")).unwrap().record.label(), "Gemeenteraad van Emmen");
}

#[test]
fn who_acts_on_behalf_of_a_body_names_a_known_one() {
    let ledger = given([import(first())]);
    let mut context = ledger.context();
    context.actor.on_behalf_of = Some(id("gz"));
    let Err(rejection) = ledger.book.decide(&import(next_with_change()), &context, &ledger.events) else { panic!() };
    assert!(rejection.to_string().contains("`gz` is not a known body"), "{rejection}");
}

#[test]
fn a_role_is_a_word_of_the_vocabulary() {
    let word = first().patch("policy_items", "pilots", json!({"roles": ["stimulleren"]}));
    let refusal = given([]).when(import(word)).then_refused("ROLE_UNKNOWN");
    assert!(refusal.message(Lang::Nl).contains("stimuleren"), "{refusal}");
}

#[test]
fn the_years_of_an_edition_are_in_order() {
    let reversed = first().patch("edition", "", json!({"first_year": 2018}));
    given([]).when(import(reversed)).then_refused("EDITION_YEARS");
}

#[test]
fn an_edition_holds_before_its_years_are_over() {
    let from = |effective: &str| first().patch("edition", "", json!({"effective": effective}));
    given([]).when(import(from("2205-01-01"))).then_refused("EDITION_OVER");
    given([]).when(import(from("2018-01-01"))).then_refused("EDITION_OVER");
    given([]).when(import(from("2017-12-31"))).then_recorded();
}

#[test]
fn an_earlier_edition_is_refused() {
    let earlier = next_with_change().patch("edition", "", json!({"effective": "2015-12-31"}));
    given([import(first())]).when(import(earlier)).then_refused("EDITION_EARLIER");
    let same_day = next_with_change().patch("edition", "", json!({"effective": "2016-01-01"}));
    given([import(first())]).when(import(same_day)).then_recorded();
}

#[test]
fn an_edition_that_was_followed_is_sealed() {
    let again = first().patch("actions", "pilot", json!({"title": "Proef"}));
    let again = again.change("changed", json!({"action": "pilot", "decision": "d-2016"}));
    given([import(first()), import(next_with_change())]).when(import(again)).then_refused("REVISION_SEALED");
}

#[test]
fn the_same_edition_with_other_content_is_its_next_revision() {
    let second = edition_after(next_with_change().section("changes", json!([])), "2018-2019", "2018-07-01")
        .section("decisions", json!([{"id": "d-2018-2", "body": "gs", "kind": "adopt-agenda", "date": "2018-06-12"}]))
        .patch("edition", "", json!({"decision": "d-2018-2"}))
        .patch("actions", "pilot", json!({"title": "Proef"}))
        .change("changed", json!({"action": "pilot", "decision": "d-2018-2"}));
    let mut ledger = given([import(first()), import(next_with_change())]).when(import(second.clone())).then_recorded();
    // What was recorded before, be it an earlier revision, is recorded already.
    for again in [first(), next_with_change(), second] {
        assert!(ledger.record(&import(again)).unwrap().is_empty());
    }
    let names: Vec<_> = ledger
        .book
        .agenda(&id("agenda"))
        .unwrap()
        .revisions
        .iter()
        .map(minutebook_domain::book::Revision::name)
        .collect();
    assert_eq!(names, ["2016-2017", "2018-2019", "2018-2019@2"]);
}

#[test]
fn personal_data_does_not_belong_in_texts() {
    for (section, record, fields) in [
        ("actions", "meting", json!({"summary": "Vraag het jan@voorbeeld.nl"})),
        ("actions", "meting", json!({"place": "BSN 111222333."})),
        ("parties", "emmen", json!({"aliases": ["info@emmen.nl"]})),
        ("edition", "", json!({"review": "Mail naar secretaris@drenthe.nl"})),
        ("agenda", "", json!({"title": "Van griffie@drenthe.nl"})),
    ] {
        given([]).when(import(first().patch(section, record, fields))).then_refused("PERSONAL_DATA_IN_TEXT");
    }
    let fine = first().patch("actions", "meting", json!({"summary": "Tel. 111222334, 12 @ 5"}));
    given([]).when(import(fine)).then_recorded();
}

#[test]
fn every_problem_is_reported_at_its_place() {
    let faulty = first()
        .patch("actions", "meting", json!({"partners": ["niemand"], "summary": "a@b.nl"}))
        .add("parties", json!({"id": "emmen", "name": "E"}))
        .patch("edition", "", json!({"first_year": 2020}));
    let codes = ["EDITION_YEARS", "DUPLICATE_ID", "UNKNOWN_REFERENCE", "PERSONAL_DATA_IN_TEXT"];
    let refusal = given([]).when(import(faulty)).then_refused_with(&codes);
    let minutebook_domain::refusal::Refusal::Document { problems } = &refusal else { panic!("{refusal:?}") };
    let places: Vec<_> =
        problems.0.iter().map(|problem| (problem.place.key.clone(), problem.place.field.clone())).collect();
    let place = |kind, name, field: &str| (Some(at(kind, name)), Some(field.to_owned()));
    assert_eq!(
        places[1..],
        [
            place(Kind::Party, "emmen", "id"),
            place(Kind::Action, "meting", "partners"),
            place(Kind::Action, "meting", "summary"),
        ]
    );
}

#[test]
fn an_agenda_can_be_drafted_from_its_current_edition() {
    let ledger = given([import(first()), import(next_with_change())]);
    let draft = ledger.book.draft(&id("agenda"), &id("2020-2021"), &ledger.events).unwrap().unwrap();
    assert_eq!(draft["edition"]["first_year"], 2020);
    assert_eq!(draft["themes"], next_with_change()["themes"]);
    assert_eq!(draft.get("changes").or(draft.get("decisions")), None);
    assert_eq!(Ledger::new().book.draft(&id("agenda"), &id("2020"), &Vec::new()).unwrap(), None);
}
