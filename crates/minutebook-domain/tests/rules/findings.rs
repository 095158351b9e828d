//! What a careful auditor would remark. A finding refuses nothing, and goes away when its cause does.

use minutebook_domain::changes::Span;
use minutebook_domain::command::Command;
use minutebook_domain::event::DeedStep;
use minutebook_domain::findings::{Finding, Observation};
use minutebook_domain::ids::{Kind, Position};
use minutebook_domain::message::Lang;
use serde_json::{Value, json};

use crate::minutes::{
    Asked as _, Doc, at, because, correct, decision, deed, edition_after, first, given, import, next, next_with_change,
    raised, resolve, state,
};
use crate::support::{Ledger, id};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("DOUBT", a_doubt_stays_open_until_a_person_settles_it),
    ("DECISION_UNDATED", an_undated_adoption_is_a_finding),
    ("MANDATE_NOT_VERIFIABLE", an_undated_adoption_is_a_finding),
    ("DECISION_IMPRECISE", a_date_that_a_mandate_covers_in_part_is_a_finding),
    ("MANDATE_NOT_STATED", a_decision_without_mandate_is_a_finding),
    ("MANDATE_INFERRED", a_mandate_that_rests_on_nothing_is_a_finding),
    ("MANDATE_ASSERTED", a_mandate_that_rests_on_nothing_is_a_finding),
    ("RESTS_ON_ADVICE", a_change_that_rests_on_advice_is_a_finding),
    ("EFFECT_BEFORE_DECISION", an_edition_that_holds_before_it_was_decided_is_a_finding),
    ("END_BEFORE_DECISION", a_mandate_beside_the_decision_that_grants_it_is_a_finding),
    ("ADOPTION_ENDED", an_edition_whose_decision_was_revoked_is_a_finding),
    ("MANDATE_GROUND_ENDED", a_mandate_beside_the_decision_that_grants_it_is_a_finding),
    ("DECISION_REUSED", one_decision_for_two_revisions_is_a_finding),
    ("EFFECTIVE_IMPRECISE", an_imprecise_start_is_a_finding),
    ("HORIZON_PASSED", an_edition_past_its_term_is_a_finding),
    ("SIDES_DIFFER", two_sides_that_disagree_are_a_finding),
    ("MOTION_UNLINKED", a_motion_without_action_is_a_finding),
    ("LEFT_REFERENCE", a_reference_to_what_left_is_a_finding),
    ("ENDED_REFERENCE", what_is_named_and_ended_without_a_successor_is_a_finding),
    ("EVALUATION_PROMISED", a_reference_to_what_left_is_a_finding),
    ("ROLES_CONTRADICT", two_statements_of_a_role_are_a_finding),
    ("MONEY_RULE", a_sum_that_does_not_add_up_is_a_finding),
    ("COFIN_AMBIGUOUS", a_share_of_nothing_stated_is_a_finding),
    ("PERIOD_REVERSED", a_term_that_ends_before_it_starts_is_a_finding),
    ("PART_OF_ITSELF", an_amount_that_is_its_own_part_is_a_finding),
    ("SUBTASK_ELSEWHERE", a_subtask_under_another_theme_is_a_finding),
    ("LINEAGE_NOT_RECORDED", a_lineage_that_no_split_or_merge_tells_of_is_a_finding),
    ("TARGET_ENDED", an_action_beyond_its_framework_is_a_finding),
    ("LINEAGE_LOST", an_id_that_came_back_as_new_is_a_finding),
    ("NOT_STATED", what_is_not_stated_is_counted),
];

fn all(ledger: &Ledger) -> Vec<Finding> {
    let found = ledger.book.findings(&id("agenda"), "2017-06-01".parse().unwrap(), &ledger.events).unwrap();
    for finding in &found {
        for message in [Lang::Nl, Lang::En].map(|lang| finding.observation.message(lang)) {
            assert!(!message.contains('\n') && message.len() > 10, "{message}");
        }
        raised(finding.observation.code());
    }
    found
}

/// What the findings with a code are about.
pub(crate) fn about(ledger: &Ledger, code: &str) -> Vec<String> {
    let found = all(ledger).into_iter().filter(|finding| finding.observation.code() == code);
    found.map(|finding| finding.key.map_or_else(|| "agenda".to_owned(), |key| key.id.to_string())).collect()
}

pub(crate) fn of(document: Value, code: &str) -> Vec<String> {
    about(&given([import(document)]), code)
}

#[test]
fn a_sound_edition_has_no_findings_but_what_it_does_not_state() {
    let codes: Vec<_> = all(&given([import(first())])).iter().map(|finding| finding.observation.code()).collect();
    assert!(codes.iter().all(|code| matches!(*code, "NOT_STATED" | "MANDATE_ASSERTED")), "{codes:?}");
    assert_eq!(all(&Ledger::new()), []);
}

#[test]
fn a_doubt_stays_open_until_a_person_settles_it() {
    let ledger = given([import(first().patch("actions", "meting", json!({"doubt": "Wie?"})))]);
    assert_eq!(about(&ledger, "DOUBT"), ["meting"]);
    let ledger = ledger.when(resolve(at(Kind::Action, "meting"), "Het trendbureau.")).then_recorded();
    assert!(about(&ledger, "DOUBT").is_empty());
}

#[test]
fn an_undated_adoption_is_a_finding() {
    let undated = first().patch("decisions", "d-2016", json!({"date": null}));
    assert_eq!(of(undated.clone(), "DECISION_UNDATED"), ["d-2016"]);
    assert_eq!(of(undated.clone(), "MANDATE_NOT_VERIFIABLE"), ["2016-2017"]);
    let filled = json!({"decisions": first()["decisions"]});
    let ledger = given([import(undated), import(filled)]);
    assert!(about(&ledger, "DECISION_UNDATED").is_empty() && about(&ledger, "MANDATE_NOT_VERIFIABLE").is_empty());
}

#[test]
fn a_decision_without_mandate_is_a_finding() {
    let budget = json!({"id": "begroting", "body": "ps", "kind": "adopt-budget", "date": "2016-11-09"});
    assert_eq!(of(first().add("decisions", budget), "MANDATE_NOT_STATED"), ["begroting"]);
}

#[test]
fn a_mandate_that_rests_on_nothing_is_a_finding() {
    let inferred = first().patch("mandates", "m-gs", json!({"inferred": true}));
    assert_eq!(of(inferred.clone(), "MANDATE_INFERRED"), ["m-gs"]);
    assert_eq!(of(inferred, "MANDATE_ASSERTED"), ["m-gs", "m-ps"], "who may only advise needs no grant");
}

#[test]
fn a_change_that_rests_on_advice_is_a_finding() {
    let advice = json!({"id": "advies", "body": "stuurgroep", "kind": "advise", "date": "2017-10-01"});
    let advised = next_with_change().add("decisions", advice).patch(
        "changes",
        "c-1",
        json!({"decision": "advies", "decided_by": "stuurgroep"}),
    );
    let ledger = given([import(first()), import(advised)]);
    assert_eq!(about(&ledger, "RESTS_ON_ADVICE"), ["c-1"]);
    let answer = |ledger: &Ledger, known| {
        let span = Span::year(ledger.book.agenda(&id("agenda")).unwrap(), 2018, known).unwrap();
        ledger.book.changes(&id("agenda"), span, &ledger.events).unwrap()
    };
    let (before, known) = (answer(&ledger, Position::MAX), ledger.book.head() - 1);
    let Observation::RestsOnAdvice { body, .. } = &before.findings[0].observation else {
        panic!("{:?}", before.findings)
    };
    assert_eq!(body, "Stuurgroep (`stuurgroep`)");
    let ledger = ledger.when(state(Kind::Body, json!({"id": "stuurgroep", "name": "Regiegroep"}))).then_recorded();
    assert_eq!(answer(&ledger, known), before, "as known then the body has its old name");
}

#[test]
fn an_edition_that_holds_before_it_was_decided_is_a_finding() {
    let late = first().patch("decisions", "d-2016", json!({"date": "2016-01-02"}));
    assert_eq!(of(late, "EFFECT_BEFORE_DECISION"), ["2016-2017"]);
}

#[test]
fn a_date_that_a_mandate_covers_in_part_is_a_finding() {
    let since = |since: &str| first().patch("mandates", "m-gs", json!({"since": since}));
    let coarse = |document: Value| document.patch("decisions", "d-2016", json!({"date": "2015"}));
    assert!(of(coarse(since("2014")), "DECISION_IMPRECISE").is_empty());
    assert_eq!(of(coarse(since("2015")), "DECISION_IMPRECISE"), ["d-2016"]);
    assert_eq!(of(coarse(since("2015-06-01")), "DECISION_IMPRECISE"), ["d-2016"]);
}

#[test]
fn a_mandate_beside_the_decision_that_grants_it_is_a_finding() {
    let begin = state(Kind::Mandate, json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"}));
    let by = |id: &str, date: &str| decision(id, "ps", "grant-mandate", date);
    let early = json!({"id": "m-begroting", "body": "gs", "may": "adopt-budget", "decision": "d-een", "since": "2018"});
    let early = state(Kind::Mandate, early);
    let ledger = given([import(first()), begin, by("d-een", "2019-05-01"), by("d-twee", "2019-08-01")]);
    ledger.clone().when(early.clone()).then_refused("EFFECT_BEFORE_ALLOWED");
    let ledger = ledger.when(because("Zo was het bedoeld.", early)).then_recorded();
    assert_eq!(about(&ledger, "EFFECT_BEFORE_DECISION"), ["m-begroting"]);
    let end = |kind, name: &str, from: &str| deed(kind, name, DeedStep::Ended(None)).by("d-twee").from(from);
    let withdrawn = ledger.clone().when(end(Kind::Mandate, "m-begroting", "2019-07-31")).then_recorded();
    assert_eq!(about(&withdrawn, "END_BEFORE_DECISION"), ["m-begroting"]);
    let revoked = ledger.when(end(Kind::Decision, "d-een", "2019-08-01")).then_recorded();
    assert_eq!(about(&revoked, "MANDATE_GROUND_ENDED"), ["m-begroting"]);
    assert!(about(&revoked, "END_BEFORE_DECISION").is_empty());
    let both = revoked.when(end(Kind::Mandate, "m-begroting", "2019-08-01")).then_recorded();
    assert!(about(&both, "MANDATE_GROUND_ENDED").is_empty());
}

#[test]
fn an_edition_whose_decision_was_revoked_is_a_finding() {
    let revoke = deed(Kind::Decision, "d-2016", DeedStep::Ended(None)).by("d-later").from("2018-02-01");
    let ledger = given([import(first()), decision("d-later", "gs", "adopt-agenda", "2018-02-01"), revoke.into()]);
    assert_eq!(about(&ledger, "ADOPTION_ENDED"), ["2016-2017"]);
}

#[test]
fn one_decision_for_two_revisions_is_a_finding() {
    let again = next_with_change().patch("actions", "pilot", json!({"source_line": 3}));
    let ledger = given([import(first()), import(next_with_change())]);
    assert!(about(&ledger, "DECISION_REUSED").is_empty());
    let ledger = ledger.when(import(again.section("changes", json!([])))).then_recorded();
    assert_eq!(about(&ledger, "DECISION_REUSED"), ["2018-2019"]);
}

#[test]
fn an_imprecise_start_is_a_finding() {
    assert_eq!(of(first().patch("edition", "", json!({"effective": "2016"})), "EFFECTIVE_IMPRECISE"), ["2016-2017"]);
}

#[test]
fn an_edition_past_its_term_is_a_finding() {
    let until = |horizon| of(first().patch("edition", "", json!({"horizon": horizon})), "HORIZON_PASSED");
    assert_eq!(until("2017-05"), ["2016-2017"]);
    assert!(until("2017-06").is_empty());
}

#[test]
fn two_sides_that_disagree_are_a_finding() {
    let motion = json!({"id": "motie", "title": "Motie", "addressed_by": ["lobby"]});
    let one_sided = first()
        .add("motions", motion)
        .add("explanations", json!({"id": "3.1", "title": "Uitleg", "actions": ["meting"]}))
        .add("explanations", json!({"id": "3.2", "title": "Uitleg"}))
        .add("motions", json!({"id": "andere", "title": "Andere", "addressed_by": ["pilot"]}))
        .patch("actions", "pilot", json!({"explained_in": "3.2", "motions": ["andere", "motie"]}));
    assert_eq!(of(one_sided.clone(), "SIDES_DIFFER"), ["pilot", "pilot", "motie", "3.1"]);
    let agreed = one_sided
        .patch("motions", "motie", json!({"addressed_by": ["lobby", "pilot"]}))
        .patch("actions", "lobby", json!({"motions": ["motie"]}))
        .patch("actions", "meting", json!({"explained_in": "3.1"}))
        .patch("explanations", "3.2", json!({"actions": ["pilot"]}));
    assert!(of(agreed, "SIDES_DIFFER").is_empty());
}

#[test]
fn an_amount_and_its_action_name_each_other() {
    let pointing = json!({"id": "bomen", "what": "Bomen", "eur": 5, "action": "lobby"});
    let pointing = first().add("amounts", pointing);
    assert_eq!(of(pointing.clone(), "SIDES_DIFFER"), ["bomen"]);
    let named = first().add("amounts", json!({"id": "bomen", "what": "Bomen"}));
    let named = named.patch("actions", "lobby", json!({"amounts": ["bomen"]}));
    assert_eq!(of(named, "SIDES_DIFFER"), ["lobby"]);
    assert!(of(pointing.patch("actions", "lobby", json!({"amounts": ["bomen"]})), "SIDES_DIFFER").is_empty());
}

#[test]
fn a_motion_without_action_is_a_finding() {
    let motion = json!({"id": "motie", "title": "Motie", "addressed_by": []});
    assert_eq!(of(first().add("motions", motion), "MOTION_UNLINKED"), ["motie"]);
}

#[test]
fn a_reference_to_what_left_is_a_finding() {
    let agreement = json!({"id": "deal", "what": "Deal", "actions": ["website"]});
    let left = next()
        .add("agreements", agreement)
        .without("actions", "website")
        .add_under("policy_items", "pilots", "actions", json!({"id": "deel", "title": "Deel", "split_from": "website"}))
        .change("added", json!({"action": "deel"}))
        .change("dropped", json!({"action": "website"}));
    let ledger = given([import(first()), import(left)]);
    assert_eq!(about(&ledger, "LEFT_REFERENCE"), ["geld", "deal"], "where it came from is no reference");
    assert_eq!(about(&ledger, "EVALUATION_PROMISED"), ["oplevering"]);
}

#[test]
fn what_is_named_and_ended_without_a_successor_is_a_finding() {
    let partners = |name: &str, party: &str| {
        let action = json!({"partners": [party]});
        next().patch("actions", name, action).change("changed", json!({"action": name}))
    };
    let end = |successor| Command::from(deed(Kind::Party, "emmen", DeedStep::Ended(successor)).from("2017-06-01"));
    let ended = |successor| {
        let ledger = given([import(first()), end(successor), import(partners("pilot", "emmen"))]);
        about(&ledger, "ENDED_REFERENCE")
    };
    assert_eq!(ended(None), ["meting", "pilot"], "also where it was named before");
    assert!(ended(Some(id("coevorden"))).is_empty(), "its successor stands in it");
    // So does money that ended before an action named it.
    let spent = deed(Kind::Amount, "ander", DeedStep::Ended(None)).from("2017-06-01");
    let other = json!({"id": "ander", "what": "Ander", "eur": 500, "per": "year"});
    let named =
        next().patch("actions", "pilot", json!({"amounts": ["ander"]})).change("changed", json!({"action": "pilot"}));
    let ledger = given([import(first().add("amounts", other)), spent.into(), import(named)]);
    assert_eq!(about(&ledger, "ENDED_REFERENCE"), ["pilot"]);
}

#[test]
fn what_the_edition_left_out_is_not_remarked_on_even_when_it_is_corrected() {
    let motion = json!({"id": "motie", "title": "Motie"});
    let title = Command::Correct(correct(at(Kind::Motion, "motie"), "title", json!("De motie")));
    let ledger = given([import(first().add("motions", motion)), import(next()), title]);
    assert!(about(&ledger, "MOTION_UNLINKED").is_empty());
    let again = state(Kind::Motion, json!({"id": "motie", "title": "Weer de motie"}));
    assert_eq!(about(&ledger.when(again).then_recorded(), "MOTION_UNLINKED"), ["motie"]);
}

#[test]
fn two_statements_of_a_role_are_a_finding() {
    let stated = |roles| {
        let remark = json!({"id": "rol", "what": "Rol", "roles": roles, "actions": ["meting", "pilot"]});
        of(first().add("remarks", remark), "ROLES_CONTRADICT")
    };
    assert_eq!(stated(json!(["regisseren"])), ["rol", "rol"]);
    assert_eq!(stated(json!(["stimuleren"])), ["rol"], "the second policy item states no role");
    assert!(stated(json!([])).is_empty());
}

#[test]
fn a_sum_that_does_not_add_up_is_a_finding() {
    let part = |eur: u32, unit: &str| {
        let group = json!({"id": "gemeenten", "name": "Gemeenten", "count": 12});
        let part =
            json!({"id": "deel", "what": "Deel", "eur": eur, "unit": unit, "part_of": "geld", "action": "website"});
        let document = first().add("parties", group).add("amounts", part);
        of(document.patch("actions", "website", json!({"partners": ["gemeenten"]})), "MONEY_RULE")
    };
    assert_eq!(part(60_000, "gemeente"), ["deel"]);
    assert!(part(50_000, "gemeente").is_empty());
    assert!(part(60_000, "").is_empty(), "without a unit there is no rule");
}

#[test]
fn a_share_of_nothing_stated_is_a_finding() {
    let agreed = |fields: Value| {
        let agreement = json!({"agreements": [{"id": "deal", "what": "Deal"}]}).patch("agreements", "deal", fields);
        of(first().section("agreements", agreement["agreements"].clone()), "COFIN_AMBIGUOUS")
    };
    assert_eq!(agreed(json!({"cofinancing": {"share": 0.5}})), ["deal"]);
    assert_eq!(agreed(json!({"cofinancing": {"share": "50%", "base": ""}})), ["deal"]);
    assert_eq!(agreed(json!({"kind": "co-financing"})), ["deal"]);
    assert!(agreed(json!({"kind": "co-financing", "cofinancing": {"share": 0.5, "base": "totaal"}})).is_empty());
    assert!(agreed(json!({"kind": "samenwerking"})).is_empty());
}

#[test]
fn a_term_that_ends_before_it_starts_is_a_finding() {
    let reversed = first()
        .patch("edition", "", json!({"horizon": "2015"}))
        .patch("actions", "website", json!({"period": {"from": 2019, "to": "2018"}}))
        .patch("actions", "lobby", json!({"period": {"from": "2018-06", "to": 2018}}))
        .patch("amounts", "geld", json!({"from": 2018, "through": "2017-12"}))
        .patch("mandates", "m-ps", json!({"since": 2014, "until": 2013}));
    assert_eq!(of(reversed, "PERIOD_REVERSED"), ["2016-2017", "m-ps", "website", "geld"]);
}

#[test]
fn an_amount_that_is_its_own_part_is_a_finding() {
    let part = |part_of: &str| {
        let chain = first().patch("amounts", "geld", json!({"part_of": part_of}));
        let chain = chain.add("amounts", json!({"id": "deel", "what": "Deel", "part_of": "geld"}));
        of(chain.add("amounts", json!({"id": "rest", "what": "Rest"})), "PART_OF_ITSELF")
    };
    assert_eq!(part("geld"), ["geld"]);
    assert_eq!(part("deel"), ["deel", "geld"]);
    assert!(part("rest").is_empty());
}

#[test]
fn a_subtask_under_another_theme_is_a_finding() {
    let theme = json!({"id": "wonen", "title": "Wonen", "policy_items": [
        {"id": "huizen", "title": "Huizen", "subtask": "aanbod"}]});
    assert_eq!(of(first().add("themes", theme), "SUBTASK_ELSEWHERE"), ["huizen"]);
}

#[test]
fn a_lineage_that_no_split_or_merge_tells_of_is_a_finding() {
    let part = |name: &str| json!({"id": name, "title": name, "split_from": "lobby"});
    let split = next()
        .without("actions", "lobby")
        .add_under("policy_items", "pilots", "actions", part("een"))
        .add_under("policy_items", "pilots", "actions", part("twee"))
        .patch("actions", "pilot", json!({"merged_from": ["meting"]}))
        .change("split", json!({"from": ["lobby"], "into": ["een", "twee"]}));
    assert_eq!(about(&given([import(first()), import(split)]), "LINEAGE_NOT_RECORDED"), ["pilot"]);
}

#[test]
fn an_action_beyond_its_framework_is_a_finding() {
    let framed = |to: &str| {
        let framework = json!({"id": "nota", "title": "Nota", "period": {"to": to}});
        let document = first().add("frameworks", framework).patch("agenda", "", json!({"framework": ["nota"]}));
        of(document, "TARGET_ENDED")
    };
    assert_eq!(framed("2017"), ["website"]);
    assert!(framed("2018").is_empty());
    // Money ends too, where all of it says when.
    let paid = |through: &str| {
        let amount = json!({"id": "geld", "what": "Website", "eur": 600_000, "per": "year", "action": "website",
            "from": "2016", "through": through});
        of(first().patch("amounts", "geld", amount), "TARGET_ENDED")
    };
    assert_eq!(paid("2017"), ["website"]);
    assert!(paid("2018").is_empty());
}

#[test]
fn an_id_that_came_back_as_new_is_a_finding() {
    let gone = next().without("actions", "lobby").change("dropped", json!({"action": "lobby"}));
    let back = |kind: &str| {
        let entry = json!({"action": "lobby", "decision": "d-2018"});
        let document = edition_after(first(), "2020-2021", "2020-01-01").change(kind, entry);
        about(&given([import(first()), import(gone.clone()), import(document)]), "LINEAGE_LOST")
    };
    assert_eq!(back("added"), ["lobby"]);
    assert!(back("reinstated").is_empty());
    let alike = |title: &str| {
        let new = json!({"id": "nieuw", "title": title});
        let document = edition_after(first().without("actions", "lobby"), "2020-2021", "2020-01-01")
            .add_under("policy_items", "pilots", "actions", new)
            .change("added", json!({"action": "nieuw", "decision": "d-2018"}));
        about(&given([import(first()), import(gone.clone()), import(document)]), "LINEAGE_LOST")
    };
    assert_eq!(alike("LOBBY"), ["nieuw"], "it looks like what was dropped");
    assert!(alike("Iets anders").is_empty());
}

#[test]
fn what_is_not_stated_is_counted() {
    let ledger = given([import(first())]);
    let partners = all(&ledger).into_iter().find_map(|finding| match finding.observation {
        Observation::NotStated { what: "partners", count, of, ids } => Some((count, of, ids)),
        _ => None,
    });
    assert_eq!(partners, Some((3, 4, "`lobby`, `pilot`, `website`".into())));
}

#[test]
fn a_decision_of_another_agenda_counts_where_it_is_restated() {
    let undated = json!({"id": "gedeeld", "body": "stuurgroep", "kind": "advise"});
    let text = first().to_string();
    let names = ["zorg", "aanbod", "kwaliteit", "meting", "website", "lobby", "pilots", "pilot", "geld", "oplevering"];
    let text = names.iter().fold(text, |text, name| text.replace(&format!("\"{name}\""), &format!("\"{name}-b\"")));
    let other: Value = serde_json::from_str::<Value>(&text).unwrap().patch("agenda", "", json!({"id": "agenda-b"}));
    let ledger = given([import(other.add("decisions", undated.clone())), import(first().add("decisions", undated))]);
    assert_eq!(about(&ledger, "DECISION_UNDATED"), ["gedeeld"]);
}
