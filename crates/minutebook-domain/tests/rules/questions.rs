//! What people ask of decisions, partners and authority.

use minutebook_domain::authority::{MandateFilter, Verdict};
use minutebook_domain::dates::Day;
use minutebook_domain::dates::Edtf;
use minutebook_domain::decision::{DecisionFilter, EFFECTS_MAX};
use minutebook_domain::event::DeedStep;
use minutebook_domain::history::Cut;
use minutebook_domain::ids::Kind;
use minutebook_domain::sheet::{Name, Sheet, Since};
use serde_json::{Value, json};

use crate::minutes::{
    Asked as _, Doc as _, because, decision, deed, edition_after, first, given, import, next, next_with_change, raised,
    state, state_from,
};
use crate::support::{Ledger, id};

pub(crate) const COVERS: &[(&str, fn())] =
    &[("DECISION_WITHOUT_EFFECT", a_decision_of_which_nothing_came_is_a_gap_of_authority)];

/// A first edition in which a group takes part, and a group of groups.
fn grouped() -> Value {
    first()
        .add("parties", json!({"id": "gemeenten", "name": "Gemeenten", "kind": "group", "members": ["emmen"]}))
        .add("parties", json!({"id": "platform", "name": "Platform", "members": ["gemeenten"]}))
        .add("parties", json!({"id": "scholen", "name": "Scholen", "kind": "group"}))
        .patch("actions", "website", json!({"partners": ["platform", "scholen"]}))
        .patch("actions", "lobby", json!({"partners": ["gemeenten", "emmen"]}))
}

fn sheet_at(ledger: &Ledger, party: &str, day: Option<&str>) -> Sheet {
    let valid = day.map_or(ledger.book.now().valid, |day| day.parse().unwrap());
    let cut = Cut { valid, ..ledger.book.now() };
    ledger.book.sheet(&id(party), &cut, cut.valid, None, &ledger.events).unwrap().unwrap()
}

fn rows(sheet: &Sheet) -> Vec<(String, Option<String>)> {
    sheet.rows.iter().map(|row| (row.key.id.to_string(), row.via.as_ref().map(ToString::to_string))).collect()
}

fn row(name: &str, via: Option<&str>) -> (String, Option<String>) {
    (name.to_owned(), via.map(str::to_owned))
}

#[test]
fn a_sheet_says_whether_it_is_direct_or_through_which_group() {
    let sheet = sheet_at(&given([import(grouped())]), "emmen", None);
    assert_eq!(sheet.names, [Name::Group(id("gemeenten")), Name::Group(id("platform"))]);
    assert_eq!(rows(&sheet), [row("lobby", None), row("meting", None), row("website", Some("platform"))]);
    assert_eq!(sheet.unstated, [id("scholen")], "it may be among them");
}

#[test]
fn groups_are_expanded_as_they_were_then() {
    let left = json!({"id": "gemeenten", "name": "Gemeenten", "kind": "group", "members": ["coevorden"]});
    let ledger = given([import(grouped()), state_from(Some("2018-01-01"), Kind::Party, left)]);
    let then = |party, day| rows(&sheet_at(&ledger, party, Some(day)));
    assert!(then("emmen", "2017-12-31").contains(&row("website", Some("platform"))));
    assert!(!then("emmen", "2018-01-01").contains(&row("website", Some("platform"))));
    assert!(!then("coevorden", "2017-12-31").contains(&row("website", Some("platform"))));
    assert!(then("coevorden", "2018-01-01").contains(&row("website", Some("platform"))));
}

#[test]
fn what_a_party_stood_in_its_successor_stands_in() {
    let merge = deed(Kind::Party, "emmen", DeedStep::Merged(id("coevorden"))).from("2019-01-01");
    let ledger = given([import(first()), merge.into()]);
    assert_eq!(rows(&sheet_at(&ledger, "coevorden", Some("2018-12-31"))), []);
    let after = sheet_at(&ledger, "coevorden", Some("2019-01-01"));
    assert_eq!(after.names, [Name::Former(id("emmen"))]);
    let edition = &ledger.book.agenda(&id("agenda")).unwrap().revisions[0];
    let now = ledger.book.now();
    let since = ledger.book.sheet(&id("coevorden"), &now, now.valid, Some(edition), &ledger.events).unwrap().unwrap();
    assert!(!since.rows.is_empty() && since.rows.iter().all(|row| row.since == Since::Same), "{:?}", since.rows);
    let gone = ledger.book.sheet(&id("emmen"), &now, now.valid, None, &ledger.events).unwrap().unwrap();
    let end = gone.ended.map(|end| (end.since.to_string(), end.successor));
    assert_eq!(end, Some(("2019-01-01".into(), Some(id("coevorden")))));
    assert_eq!(since.ended, None);
    assert_eq!(rows(&after), [row("meting", Some("emmen"))]);
}

#[test]
fn a_sheet_tells_what_came_of_each_thing_since_an_edition() {
    let changed = next()
        .patch("actions", "meting", json!({"title": "Nulmeting"}))
        .patch("actions", "website", json!({"partners": ["emmen"]}))
        .patch("actions", "lobby", json!({"partners": ["coevorden"]}))
        .change("changed", json!({"action": "meting"}))
        .change("changed", json!({"action": "website"}))
        .change("changed", json!({"action": "lobby"}));
    let before = first().patch("actions", "lobby", json!({"partners": ["emmen"]}));
    let ledger = given([import(before), import(changed)]);
    let first = &ledger.book.agenda(&id("agenda")).unwrap().revisions[0];
    let sheet =
        ledger.book.sheet(&id("emmen"), &ledger.book.now(), Day::NEVER, Some(first), &ledger.events).unwrap().unwrap();
    let since: Vec<_> = sheet.rows.iter().map(|row| (row.key.id.as_str(), row.since)).collect();
    assert_eq!(since, [("lobby", Since::Left), ("meting", Since::Changed), ("website", Since::Came)]);
    assert_eq!(ledger.book.sheet(&id("assen"), &ledger.book.now(), Day::NEVER, None, &ledger.events).unwrap(), None);
}

#[test]
fn the_decisions_of_a_body_in_a_period_come_in_their_order() {
    let ledger = given([
        import(first()),
        decision("later", "gs", "adopt-agenda", "2018-05"),
        decision("eerder", "gs", "adopt-agenda", "2018-04-01"),
        decision("ander", "ps", "adopt-framework", "2018-04-02"),
    ]);
    let of = |body: &str, from: &str, to: &str| {
        let filter = DecisionFilter {
            body: Some(id(body)),
            from: Some(from.parse().unwrap()),
            to: Some(to.parse().unwrap()),
            ..DecisionFilter::default()
        };
        let views = ledger.book.decisions(&filter, 0, &ledger.book.now(), &ledger.events).unwrap();
        views.iter().map(|view| view.decision.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of("gs", "2018-01-01", "2018-12-31"), ["eerder", "later"]);
    assert_eq!(of("gs", "2018-05-31", "2018-12-31"), ["later"], "any of its days counts");
    assert_eq!(of("ps", "2018-01-01", "2018-12-31"), ["ander"]);
}

#[test]
fn a_decision_tells_what_came_of_it_and_under_which_mandate() {
    let ledger =
        given([import(first()), import(next_with_change().patch("changes", "c-1", json!({"decision": "d-2016"})))]);
    let view =
        |name, most| ledger.book.decision_view(&id(name), most, &ledger.book.now(), &ledger.events).unwrap().unwrap();
    let adopted = view("d-2018", EFFECTS_MAX);
    assert_eq!(adopted.mandate, Verdict::Held(id("m-gs")));
    let told: Vec<_> = adopted.effects.iter().map(|effect| (effect.event, effect.key.id.as_str())).collect();
    assert_eq!(told, [("ItemChanged", "meting"), ("RevisionSealed", "2018-2019")]);
    assert_eq!(adopted.effects[0].fields[0].after, json!("Nulmeting"));
    assert_eq!((view("d-2018", 1).effects.len(), view("d-2018", 1).effects_count), (1, 2));
    // As known before the second edition it had not been recorded.
    let before = Cut { known: 5, ..ledger.book.now() };
    assert_eq!(ledger.book.decision_view(&id("d-2018"), 1, &before, &ledger.events).unwrap(), None);
}

#[test]
fn a_dossier_tells_the_grounds_what_was_known_and_what_is_still_due() {
    let advice = json!({"id": "advies", "body": "stuurgroep", "kind": "advise", "date": "2017-10-01"});
    let grounded = next_with_change()
        .add("decisions", advice)
        .patch("changes", "c-1", json!({"decision": "advies", "decided_by": "stuurgroep"}))
        .add("milestones", json!({"id": "rapport", "what": "Rapport", "due": "2019", "action": "meting"}));
    let ledger = given([import(first())]);
    let then = ledger.book.head() - 1;
    let ledger = ledger.when(import(grounded)).then_recorded();
    let dossier = |ledger: &Ledger, then| {
        ledger.book.dossier(&id("d-2018"), &ledger.book.now(), then, &ledger.events).unwrap().unwrap()
    };
    let file = dossier(&ledger, Some(then));
    assert_eq!(file.grounds.iter().map(|ground| ground.id.as_str()).collect::<Vec<_>>(), ["advies"]);
    assert_eq!(file.promises.iter().map(|promise| promise.id.as_str()).collect::<Vec<_>>(), ["rapport"]);
    assert_eq!((file.knew[0].revision.as_deref(), file.knew[0].actions), (Some("2016-2017"), 4));
    assert!(dossier(&ledger, None).knew.is_empty(), "nobody can tell");
}

#[test]
fn who_may_decide_is_told_for_a_date() {
    let begin = state(Kind::Mandate, json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"}));
    let grant = decision("d-mandaat", "ps", "grant-mandate", "2019-05-01");
    let withdraw = deed(Kind::Mandate, "m-gs", DeedStep::Ended(None)).by("d-mandaat").from("2019-06-01");
    let ledger = given([import(first()), begin, grant, withdraw.into()]);
    let may = |on: Option<&str>| {
        let on = on.map(|date| Edtf::new(date).unwrap());
        let filter = MandateFilter { may: Some(id("adopt-agenda")), on, ..MandateFilter::default() };
        ledger.book.mandates(&filter).iter().map(|held| held.mandate.body.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(may(Some("2019-05-31")), ["gs"]);
    assert!(may(Some("2019-06-01")).is_empty());
    assert_eq!(may(None), ["gs"], "also what is over");
}

#[test]
fn a_decision_of_which_nothing_came_is_a_gap_of_authority() {
    let ledger = given([import(first()), decision("leeg", "gs", "adopt-agenda", "2018-04-01")]);
    let gaps = ledger.book.audit(&id("agenda"), &ledger.events).unwrap();
    let without = gaps.iter().find(|gap| gap.finding.observation.code() == "DECISION_WITHOUT_EFFECT").unwrap();
    raised(without.finding.observation.code());
    assert_eq!(without.finding.key.as_ref().unwrap().id, id("leeg"));
    assert_eq!(without.positions, [ledger.book.head() - 1]);
}

#[test]
fn gaps_of_earlier_adoptions_stay_on_the_page() {
    let undated = first().patch("decisions", "d-2016", json!({"date": null}));
    let ledger = given([import(undated), import(next_with_change())]);
    let codes = |ledger: &Ledger| {
        let gaps = ledger.book.audit(&id("agenda"), &ledger.events).unwrap();
        gaps.iter().map(|gap| gap.finding.observation.code()).collect::<Vec<_>>()
    };
    assert!(codes(&ledger).contains(&"MANDATE_NOT_VERIFIABLE"), "{:?}", codes(&ledger));
    assert!(codes(&Ledger::new()).is_empty());
}

#[test]
fn what_is_still_to_come_is_not_told_as_if_it_were_so() {
    let merge = deed(Kind::Party, "emmen", DeedStep::Merged(id("coevorden"))).from("2031-01-01");
    let ledger = given([import(first()), merge.into()]);
    let sheet = |party: &str, day: &str| {
        let now = ledger.book.now();
        ledger.book.sheet(&id(party), &now, day.parse().unwrap(), None, &ledger.events).unwrap().unwrap()
    };
    assert_eq!((sheet("coevorden", "2020-01-01").names, sheet("emmen", "2020-01-01").ended), (vec![], None));
    assert_eq!(sheet("coevorden", "2031-01-01").names, [Name::Former(id("emmen"))]);
}

#[test]
fn the_money_of_an_action_that_left_has_ended() {
    let document = first().patch("amounts", "geld", json!({"source": "emmen"}));
    let left = edition_after(document.clone(), "2018-2019", "2018-01-01").without("actions", "website");
    let left = left.without("milestones", "oplevering").change("dropped", json!({"action": "website"}));
    let ledger = given([import(document), import(left)]);
    let ended = |day| {
        let sheet = sheet_at(&ledger, "emmen", Some(day));
        sheet.rows.iter().find(|row| row.key.id == id("geld")).map(|row| row.ended)
    };
    assert_eq!((ended("2017-12-31"), ended("2018-01-01")), (Some(false), Some(true)));
}

#[test]
fn what_an_earlier_edition_adopted_on_an_advice_stays_a_gap() {
    let advised = next_with_change()
        .add("decisions", json!({"id": "advies", "body": "stuurgroep", "kind": "advise", "date": "2017-09-01"}))
        .patch("changes", "c-1", json!({"decided_by": "stuurgroep", "decision": "advies"}));
    let later =
        edition_after(next().patch("actions", "meting", json!({"title": "Nulmeting"})), "2020-2021", "2020-01-01");
    let role = json!({"id": "r-1", "policy_item": "kwaliteit", "role": "regisseren", "holder": "emmen",
        "since": "2018-02-01", "until": "2018-12-31"});
    let role = because("Zo is het afgesproken.", state(Kind::Assignment, role));
    let ledger = given([import(first()), import(advised), role, import(later)]);
    let gaps = ledger.book.audit(&id("agenda"), &ledger.events).unwrap();
    let codes: Vec<_> = gaps.iter().map(|gap| gap.finding.observation.code()).collect();
    assert!(codes.contains(&"RESTS_ON_ADVICE") && codes.contains(&"ROLE_WITHOUT_DECISION"), "{codes:?}");
}

#[test]
fn a_sheet_tells_what_is_over_and_marks_it_once() {
    let deal = |name: &str, to: &str| {
        let deal = json!({"id": name, "what": name, "parties": ["emmen", "provincie"], "period": {"to": to}});
        state_from(Some("2016-06-01"), Kind::Agreement, deal)
    };
    let ledger = given([import(first()), deal("kort", "2016"), deal("lang", "2018"), import(next())]);
    let edition = &ledger.book.agenda(&id("agenda")).unwrap().revisions[1];
    let sheet = |day: &str| {
        let day: Day = day.parse().unwrap();
        let cut = Cut { valid: day, ..ledger.book.now() };
        let sheet = ledger.book.sheet(&id("emmen"), &cut, day, Some(edition), &ledger.events).unwrap().unwrap();
        let deals = sheet.rows.into_iter().filter(|row| row.key.kind == Kind::Agreement);
        deals.map(|row| (row.key.id.to_string(), row.ended, row.since)).collect::<Vec<_>>()
    };
    let of = |name: &str, ended, since| (name.to_owned(), ended, since);
    assert_eq!(sheet("2018-06-01"), [of("kort", true, Since::Same), of("lang", false, Since::Same)]);
    assert_eq!(sheet("2019-06-01"), [of("kort", true, Since::Same), of("lang", true, Since::Left)]);
}

#[test]
fn a_role_is_over_with_its_holder_where_none_took_its_place() {
    let role = json!({"id": "r-emmen", "action": "meting", "role": "stimuleren", "holder": "emmen"});
    let role = because("Afgesproken.", state_from(Some("2017-01-01"), Kind::Assignment, role));
    let over = |successor| {
        let end = deed(Kind::Party, "emmen", DeedStep::Ended(successor)).from("2018-01-01");
        let ledger = given([import(first()), role.clone(), end.into()]);
        let at = |day| sheet_at(&ledger, "emmen", Some(day)).rows.into_iter().find(|row| row.key.id == id("r-emmen"));
        ["2017-12-31", "2018-01-01"].map(|day| at(day).map(|row| row.ended))
    };
    assert_eq!(over(None), [Some(false), Some(true)]);
    assert_eq!(over(Some(id("coevorden"))), [Some(false), Some(false)]);
}

#[test]
fn money_that_went_over_to_a_part_has_not_ended() {
    let document = first().patch("amounts", "geld", json!({"source": "emmen"}));
    let split = edition_after(document.clone(), "2018-2019", "2018-01-01")
        .without("actions", "website")
        .without("milestones", "oplevering")
        .add_under("policy_items", "pilots", "actions", json!({"id": "een", "title": "Een", "amounts": ["geld"]}))
        .add_under("policy_items", "pilots", "actions", json!({"id": "twee", "title": "Twee"}))
        .change("split", json!({"from": ["website"], "into": ["een", "twee"]}));
    let ledger = given([import(document), import(split)]);
    let sheet = sheet_at(&ledger, "emmen", Some("2018-01-01"));
    assert_eq!(sheet.rows.iter().find(|row| row.key.id == id("geld")).map(|row| row.ended), Some(false));
}
