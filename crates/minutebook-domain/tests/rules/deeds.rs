//! What is done with decisions, mandates, bodies and parties.

use minutebook_domain::authority::{MandateFilter, Verdict};
use minutebook_domain::command::Command;
use minutebook_domain::event::DeedStep;
use minutebook_domain::ids::{Key, Kind};
use minutebook_domain::message::Lang;
use serde_json::{Value, json};

use crate::minutes::{
    Asked as _, Doc as _, at, decision, deed, first, given, import, late, next_with_change, state, state_from,
};
use crate::support::{Ledger, id, text};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("SUPERSEDED", a_change_does_not_rest_on_a_decision_that_was_superseded),
    ("SUPERSEDE_CYCLE", decisions_do_not_supersede_each_other_in_a_circle),
    ("SUPERSEDE_SELF", decisions_do_not_supersede_each_other_in_a_circle),
    ("SUPERSEDE_OWN_RANK", a_body_does_not_undo_what_another_decided),
    ("ADVICE_ONLY", an_advice_supersedes_nothing_but_advice),
    ("PARTY_ENDED", nothing_new_names_a_party_that_ended),
    ("BODY_DISSOLVED", a_dissolved_body_decides_nothing),
    ("ALREADY_ENDED", a_mandate_is_withdrawn_once),
    ("END_BEFORE_START", nothing_ends_before_it_began),
    ("DEED_UNFIT", what_does_not_fit_a_record_is_refused),
    ("ALREADY_THERE", what_should_be_new_is_not_there_yet),
];

/// A first edition, and three more decisions of the body that adopted it.
fn decided() -> Ledger {
    let adopting = |name, date| decision(name, "gs", "adopt-agenda", date);
    given([
        import(first()),
        adopting("d-a", "2016-05-01"),
        adopting("d-b", "2017-05-01"),
        adopting("d-c", "2018-05-01"),
    ])
}

fn supersede(old: &str, by: &str) -> minutebook_domain::command::DoDeed {
    deed(Kind::Decision, old, DeedStep::Superseded(None)).by(by)
}

#[test]
fn a_decision_takes_the_place_of_another_and_both_ends_are_linked() {
    let ledger = decided().when(supersede("d-a", "d-b")).then(&["DecisionSuperseded"]);
    let event = &ledger.events.last().unwrap().event;
    assert_eq!(event.decision, Some(id("d-b")));
    assert_eq!(event.effective.as_ref().unwrap().as_str(), "2017-05-01", "as the decision that supersedes");
    let ends = |name| ledger.book.decision_links(&id(name), &ledger.book.now(), &ledger.events).unwrap();
    let (old, new) = (ends("d-a"), ends("d-b"));
    assert_eq!((old.superseded_by.len(), old.supersedes.len()), (1, 0));
    assert_eq!((new.superseded_by.len(), new.supersedes.len()), (0, 1));
    assert_eq!(old.superseded_by[0].other, id("d-b"));
    assert_eq!(new.supersedes[0].other, id("d-a"));
}

#[test]
fn superseding_needs_a_decision_and_a_reason() {
    let bare = deed(Kind::Decision, "d-a", DeedStep::Superseded(None));
    decided().when(bare).then_refused("GROUND_MISSING");
    decided().when(supersede("d-a", "d-b").unexplained()).then_refused("REASON_MISSING");
    decided().when(supersede("d-x", "d-b")).then_refused("NOT_FOUND");
    decided().when(supersede("d-a", "d-x")).then_refused("UNKNOWN_REFERENCE");
}

#[test]
fn a_decision_is_superseded_or_revoked_once() {
    let ledger = decided().when(supersede("d-a", "d-b")).then_recorded();
    ledger.clone().when(supersede("d-a", "d-c")).then_refused("SUPERSEDED");
    let revoke = deed(Kind::Decision, "d-a", DeedStep::Ended(None)).by("d-c");
    ledger.when(revoke.clone()).then_refused("SUPERSEDED");
    decided().when(revoke).then(&["DecisionRevoked"]);
}

#[test]
fn a_part_may_be_superseded_and_the_rest_holds() {
    let part = DeedStep::Superseded(Some(text("alleen de einddatum")));
    let ledger = decided().when(deed(Kind::Decision, "d-a", part).by("d-b")).then(&["DecisionSuperseded"]);
    ledger.when(supersede("d-a", "d-c")).then(&["DecisionSuperseded"]);
}

#[test]
fn decisions_do_not_supersede_each_other_in_a_circle() {
    decided().when(supersede("d-a", "d-a")).then_refused("SUPERSEDE_SELF");
    let chain = decided().when(supersede("d-a", "d-b").from("2030-01-01")).then_recorded();
    let chain = chain.when(supersede("d-b", "d-c").from("2030-01-01")).then_recorded();
    chain.when(supersede("d-c", "d-a")).then_refused("SUPERSEDE_CYCLE");
}

#[test]
fn a_body_does_not_undo_what_another_decided() {
    let ledger = decided().when(decision("d-ps", "ps", "adopt-framework", "2019-05-01")).then_recorded();
    let refusal = ledger.clone().when(supersede("d-ps", "d-c")).then_refused("SUPERSEDE_OWN_RANK");
    for lang in [Lang::Nl, Lang::En] {
        assert!(refusal.message(lang).contains("Provinciale Staten (`ps`)"), "{refusal}");
    }
    // The higher body may once it has a mandate for such decisions.
    ledger.clone().when(supersede("d-a", "d-ps")).then_refused("SUPERSEDE_OWN_RANK");
    let begin = state(Kind::Mandate, json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"}));
    let ledger = ledger.when(begin).then_recorded();
    let ledger = ledger.when(decision("d-mandaat", "ps", "grant-mandate", "2019-04-01")).then_recorded();
    let mandate = json!({"id": "m-ps-2", "body": "ps", "may": "adopt-agenda", "decision": "d-mandaat"});
    let ledger = ledger.when(state(Kind::Mandate, mandate)).then_recorded();
    ledger.when(supersede("d-a", "d-ps")).then(&["DecisionSuperseded"]);
}

#[test]
fn an_advice_supersedes_nothing_but_advice() {
    let advise = |name| decision(name, "stuurgroep", "advise", "2019-01-01");
    let ledger = decided().when(advise("advies")).then_recorded().when(advise("advies-2")).then_recorded();
    ledger.clone().when(supersede("d-a", "advies")).then_refused("ADVICE_ONLY");
    ledger.when(supersede("advies", "advies-2")).then(&["DecisionSuperseded"]);
}

#[test]
fn a_change_does_not_rest_on_a_decision_that_was_superseded() {
    let ledger = decided().when(supersede("d-2016", "d-a")).then_recorded();
    let rests = next_with_change().patch("changes", "c-1", json!({"decision": "d-2016"}));
    let refusal = ledger.when(import(rests)).then_refused("SUPERSEDED");
    assert!(refusal.to_string().contains("`d-a`"), "{refusal}");
    // Superseded from a later day on, it was still a ground.
    let later = decided().when(supersede("d-2016", "d-c")).then_recorded();
    later.when(import(next_with_change().patch("changes", "c-1", json!({"decision": "d-2016"})))).then_recorded();
}

#[test]
fn an_edition_is_not_adopted_by_a_decision_that_was_revoked() {
    let revoke = deed(Kind::Decision, "d-b", DeedStep::Ended(None)).by("d-c").from("2017-06-01");
    let ledger = decided().when(revoke).then_recorded();
    let adopted = next_with_change().patch("edition", "", json!({"decision": "d-b"}));
    ledger.when(import(adopted)).then_refused("SUPERSEDED");
}

/// A ledger in which mandates are granted by decision.
fn granting() -> Ledger {
    let begin = state(Kind::Mandate, json!({"id": "m-verlenen", "body": "ps", "may": "grant-mandate"}));
    let grant = decision("d-mandaat", "ps", "grant-mandate", "2019-05-01");
    given([import(first()), begin, grant])
}

#[test]
fn a_mandate_is_withdrawn_by_what_could_grant_it() {
    let withdraw = deed(Kind::Mandate, "m-gs", DeedStep::Ended(None));
    granting().when(withdraw.clone()).then_refused("MANDATE_NEEDS_DECISION");
    granting().when(withdraw.clone().by("d-2016")).then_refused("MANDATE_NEEDS_DECISION");
    let ledger = granting().when(withdraw.by("d-mandaat").from("2019-06-01")).then(&["MandateWithdrawn"]);
    ledger.clone().when(decision("d-x", "gs", "adopt-agenda", "2019-06-01")).then_refused("NO_MANDATE");
    ledger.when(decision("d-x", "gs", "adopt-agenda", "2019-05-31")).then_recorded();
    let advice = deed(Kind::Mandate, "m-advies", DeedStep::Ended(None));
    granting().when(advice).then(&["MandateWithdrawn"]);
    // Of a day that is imprecise nobody can say whether a decision of that time came before it.
    let some_day = deed(Kind::Mandate, "m-gs", DeedStep::Ended(None)).by("d-mandaat").from("2019-06/2019-08");
    let ledger = granting().when(some_day).then_recorded();
    ledger.clone().when(decision("d-x", "gs", "adopt-agenda", "2019-09-01")).then_refused("NO_MANDATE");
    ledger.when(decision("d-x", "gs", "adopt-agenda", "2019-07-01")).then_recorded();
}

#[test]
fn a_mandate_is_withdrawn_once() {
    let withdraw = || deed(Kind::Mandate, "m-gs", DeedStep::Ended(None)).by("d-mandaat");
    granting().when(withdraw()).then_recorded().when(withdraw()).then_refused("ALREADY_ENDED");
}

#[test]
fn nothing_ends_before_it_began() {
    let early = deed(Kind::Party, "emmen", DeedStep::Ended(None)).from("2015-12-31");
    given([import(first())]).when(early).then_refused("END_BEFORE_START");
    let reversed = |since: &str, until: &str| {
        let seat = json!({"id": "zetel", "body": "gs", "party": "emmen", "capacity": "lid",
            "since": since, "until": until});
        let mandate = json!({"id": "m-2", "body": "gs", "may": "advise", "since": since, "until": until});
        [state(Kind::Membership, seat), state(Kind::Mandate, mandate)]
    };
    for command in reversed("2018-01-01", "2017") {
        given([import(first())]).when(command).then_refused("END_BEFORE_START");
    }
    for command in reversed("2018-01-01", "2018") {
        given([import(first())]).when(command).then_recorded();
    }
}

#[test]
fn nothing_new_names_a_party_that_ended() {
    let merge = deed(Kind::Party, "emmen", DeedStep::Merged(id("coevorden"))).from("2019-01-01");
    let ledger = given([import(first())]).when(merge).then(&["PartyMerged"]);
    let agreement = |day| {
        state_from(
            Some(day),
            Kind::Agreement,
            json!({"id": "a", "what": "Afspraak", "parties": ["emmen", "provincie"]}),
        )
    };
    let refusal = ledger.clone().when(agreement("2019-01-01")).then_refused("PARTY_ENDED");
    assert!(refusal.to_string().contains("(successor: `coevorden`)"), "{refusal}");
    assert!(refusal.message(Lang::Nl).contains("(opvolger: `coevorden`)"), "{refusal:#}");
    ledger.clone().when(agreement("2018-12-31")).then_recorded();
    ledger.when(deed(Kind::Party, "emmen", DeedStep::Ended(None))).then_refused("ALREADY_ENDED");
}

#[test]
fn what_takes_the_place_of_another_is_there() {
    let end = |successor| deed(Kind::Party, "emmen", DeedStep::Ended(Some(id(successor))));
    given([import(first())]).when(end("assen")).then_refused("NOT_FOUND");
    given([import(first())]).when(end("emmen")).then_refused("NO_CHANGE");
    let ended = deed(Kind::Party, "coevorden", DeedStep::Ended(None)).into();
    given([import(first()), ended]).when(end("coevorden")).then_refused("PARTY_ENDED");
    given([import(first())]).when(end("coevorden")).then(&["PartyEnded"]);
}

#[test]
fn a_dissolved_body_decides_nothing() {
    let dissolve = deed(Kind::Body, "gs", DeedStep::Ended(Some(id("ps")))).from("2019-01-01");
    let ledger = given([import(first())]).when(dissolve).then(&["BodyDissolved"]);
    let refusal =
        ledger.clone().when(decision("d-x", "gs", "adopt-agenda", "2019-02-01")).then_refused("BODY_DISSOLVED");
    assert!(refusal.to_string().contains("(successor: `ps`)"), "{refusal}");
    ledger.when(decision("d-x", "gs", "adopt-agenda", "2018-12-01")).then_recorded();
}

#[test]
fn what_a_body_decided_after_its_end_was_without_a_mandate() {
    let ledger = given([import(first()), decision("d-x", "gs", "adopt-agenda", "2019-02-01")]);
    let gaps = |ledger: &Ledger| {
        let gaps = ledger.book.audit(&id("agenda"), &ledger.events).unwrap().into_iter().map(|gap| gap.finding);
        let gaps = gaps.filter(|finding| finding.observation.code() == "MANDATE_NOT_STATED");
        gaps.filter_map(|finding| finding.key).map(|key| key.id.to_string()).collect::<Vec<_>>()
    };
    assert!(gaps(&ledger).is_empty());
    let ledger = ledger.when(deed(Kind::Body, "gs", DeedStep::Ended(None)).from("2019-01-01")).then_recorded();
    assert_eq!(gaps(&ledger), ["d-x"]);
    let shown = ledger.book.decision_view(&id("d-x"), 0, &ledger.book.now(), &ledger.events).unwrap().unwrap();
    assert_eq!(shown.mandate, Verdict::None);
}

#[test]
fn what_a_dissolved_body_might_decide_passes_by_its_own_decision() {
    let ps = json!({"id": "ps-nieuw", "name": "Nieuwe Staten", "kind": "council"});
    let dissolve = deed(Kind::Body, "ps", DeedStep::Ended(Some(id("ps-nieuw")))).from("2019-01-01");
    let grants = state(Kind::Mandate, json!({"id": "m-ps-verleent", "body": "ps", "may": "grant-mandate"}));
    let ledger = given([import(first()), grants, state(Kind::Body, ps), dissolve.into()]);
    let held = ledger.book.mandates(&MandateFilter { body: Some(id("ps")), ..MandateFilter::default() });
    assert!(held.iter().all(|held| held.body_ended.unwrap().to_string() == "2019-01-01"), "{held:?}");
    let mandate = |may: &str, decision: Value| {
        let name = format!("m-nieuw-{may}");
        state_from(
            Some("2019-01-01"),
            Kind::Mandate,
            json!({"id": name, "body": "ps-nieuw", "may": may, "decision": decision}),
        )
    };
    ledger.clone().when(mandate("grant-mandate", Value::Null)).then_refused("MANDATE_NEEDS_DECISION");
    let ledger = ledger.when(decision("d-over", "ps", "grant-mandate", "2018-12-01")).then_recorded();
    let ledger = ledger.when(mandate("grant-mandate", json!("d-over"))).then_recorded();
    let ledger = ledger.when(decision("d-nieuw", "ps-nieuw", "grant-mandate", "2019-02-01")).then_recorded();
    let kader = json!({"id": "m-kader", "body": "ps-nieuw", "may": "adopt-framework", "decision": "d-nieuw"});
    ledger.when(state(Kind::Mandate, kader)).then_recorded();
}

#[test]
fn members_come_and_go_in_a_capacity() {
    let seat = json!({"id": "zetel", "body": "stuurgroep", "party": "provincie", "capacity": "gedeputeerde, roulerend",
        "since": "2019-01-01"});
    let ledger = given([import(first())]).when(state(Kind::Membership, seat)).then(&["MembershipStarted"]);
    let leave = || deed(Kind::Membership, "zetel", DeedStep::Ended(None)).from("2020-01-01");
    ledger.clone().when(leave().unexplained()).then_refused("REASON_MISSING");
    let ledger = ledger.when(leave()).then(&["MembershipEnded"]);
    ledger.when(leave()).then_refused("ALREADY_ENDED");
}

#[test]
fn what_does_not_fit_a_record_is_refused() {
    let unfit = [
        deed(Kind::Party, "emmen", DeedStep::TookEffect),
        deed(Kind::Milestone, "oplevering", DeedStep::Merged(id("x"))),
        deed(Kind::Action, "meting", DeedStep::Ended(None)),
    ];
    for step in unfit {
        given([import(first())]).when(step).then_refused("DEED_UNFIT");
    }
}

#[test]
fn the_second_of_two_people_is_told() {
    let ledger = decided();
    let newest = ledger.book.entry(&at(Kind::Decision, "d-a")).unwrap().newest();
    let expecting = |by| minutebook_domain::command::DoDeed { expected_revision: Some(newest), ..supersede("d-a", by) };
    let ledger = ledger.when(expecting("d-b")).then_recorded();
    ledger.when(expecting("d-c")).then_refused("STALE_BASE");
}

#[test]
fn what_should_be_new_is_not_there_yet() {
    let add = |name| {
        let Command::State(mut command) = state(Kind::Body, json!({"id": name, "name": "Orgaan"})) else {
            unreachable!()
        };
        command.expected_revision = Some(0);
        Command::State(command)
    };
    given([import(first())]).when(add("gs")).then_refused("ALREADY_THERE");
    given([import(first())]).when(add("nieuw")).then(&["BodyEstablished"]);
}

#[test]
fn a_decision_that_holds_from_before_needs_its_grounds() {
    let early =
        json!({"id": "d-x", "body": "gs", "kind": "adopt-agenda", "date": "2019-02-01", "effective": "2019-01-01"});
    let Command::State(mut command) = state(Kind::Decision, early) else { unreachable!() };
    command.reason = Some(text("De raad had het al toegezegd."));
    given([import(first())]).when(Command::State(command)).then(&["DecisionRecorded"]);
}

#[test]
fn who_lacks_the_mandate_need_not_fill_in_the_rest() {
    let undated = json!({"id": "d-x", "body": "ps", "kind": "adopt-agenda"});
    given([import(first())]).when(state(Kind::Decision, undated)).then_refused("NO_MANDATE");
}

#[test]
fn a_decision_knows_where_it_took_effect() {
    let ledger =
        decided().when(import(next_with_change().patch("changes", "c-1", json!({"decision": "d-c"})))).then_recorded();
    let effects = |name| {
        let decision = id(name);
        let positions = ledger.book.effects(&decision);
        let names = positions.map(|position| ledger.events[usize::try_from(position).unwrap()].event.payload.name());
        names.collect::<Vec<_>>()
    };
    assert_eq!(effects("d-2018"), ["ItemChanged", "RevisionSealed"]);
    assert_eq!(effects("d-c"), ["ItemChanged"]);
    assert!(effects("d-a").is_empty());
    assert_eq!(ledger.replayed(7), ledger.book);
}

#[test]
fn what_was_imported_late_ends_when_it_did() {
    let partial = json!({"decisions": [{"id": "oud", "body": "gs", "kind": "adopt-agenda", "date": "2016-02-01"}]});
    let ledger = decided().when(import(partial)).then_recorded();
    ledger.clone().when(supersede("oud", "d-a")).then(&["DecisionSuperseded"]);
    ledger.when(supersede("d-b", "d-a").from("2018-06-01")).then_refused("END_BEFORE_START");
}

#[test]
fn nothing_that_ended_gets_a_late_fact_of_after_its_end() {
    let end = deed(Kind::Party, "emmen", DeedStep::Ended(None)).from("2018-01-01");
    let ledger = given([import(first()), end.into()]);
    let fact = |day| Command::RecordLate(late(Key::new(Kind::Party, &id("emmen")), day, json!({"name": "Anders"})));
    ledger.clone().when(fact("2018-01-01")).then_refused("PARTY_ENDED");
    ledger.when(fact("2017-12-31")).then_recorded();
}

#[test]
fn a_decision_may_go_before_it_takes_effect() {
    let to_come =
        json!({"id": "d-x", "body": "gs", "kind": "adopt-agenda", "date": "2017-11-01", "effective": "2019-01-01"});
    let ledger = decided().when(state(Kind::Decision, to_come)).then_recorded();
    ledger.clone().when(supersede("d-x", "d-b")).then_refused("END_BEFORE_START");
    let ledger = ledger.when(supersede("d-x", "d-c")).then(&["DecisionSuperseded"]);
    let adopted = next_with_change().patch("edition", "", json!({"decision": "d-x", "effective": "2019-02-01"}));
    ledger.when(import(adopted)).then_refused("SUPERSEDED");
}
