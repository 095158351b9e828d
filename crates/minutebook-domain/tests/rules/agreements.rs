//! Agreements come into force when all parties have signed, and only then.

use std::collections::BTreeSet;

use minutebook_domain::agreement::{AgreementStanding, AgreementState};
use minutebook_domain::command::{Command, DoDeed};
use minutebook_domain::dates::Day;
use minutebook_domain::event::DeedStep;
use minutebook_domain::history::Cut;
use minutebook_domain::ids::Kind;
use minutebook_domain::record::FieldSet;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::minutes::{Asked as _, Doc as _, at, deed, edition_after, first, given, import, late, state};
use crate::properties::check;
use crate::support::{Ledger, id, record};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("AGREEMENT_PARTIES", an_agreement_is_between_two_at_least),
    ("ALREADY_THERE", what_is_proposed_is_new),
    ("NOT_A_PARTY", only_a_party_signs),
    ("ALREADY_SIGNED", a_party_signs_once),
    ("STILL_TO_COME", nobody_signs_in_the_future),
    ("AGREEMENT_PARTY_MANDATE", who_signs_speaks_for_the_party),
    ("AGREEMENT_UNSIGNED", what_is_not_in_force_is_not_amended),
    ("AMEND_ENDED", what_ended_is_neither_signed_nor_amended_nor_ended),
    ("PARTIES_FIXED", an_amendment_does_not_change_who_agreed),
    ("AGREEMENT_BOUND", what_was_proposed_is_not_merely_stated_otherwise),
];

const PARTIES: [&str; 3] = ["provincie", "emmen", "coevorden"];

fn agreement(fields: Value) -> Value {
    let base = json!({"agreements": [{"id": "deal", "what": "Deal", "parties": PARTIES, "actions": ["meting"]}]});
    base.patch("agreements", "deal", fields)["agreements"][0].clone()
}

fn propose(fields: Value) -> DoDeed {
    let record = record(Kind::Agreement, agreement(fields));
    deed(Kind::Agreement, "deal", DeedStep::Proposed(Some(id("agenda")), record)).from("2018-01-01").unexplained()
}

fn sign(party: &str, on: &str) -> DoDeed {
    deed(Kind::Agreement, "deal", DeedStep::Signed(id(party), None)).from(on).unexplained()
}

fn amend(fields: Value) -> DoDeed {
    let names: Vec<String> = fields.as_object().unwrap().keys().cloned().collect();
    let counts = FieldSet::named(Kind::Agreement, names.iter().map(String::as_str));
    let base = json!({"agreements": [{"id": "deal", "what": "x"}]}).patch("agreements", "deal", fields);
    let to = record(Kind::Agreement, base["agreements"][0].clone());
    deed(Kind::Agreement, "deal", DeedStep::Amended(to, counts))
}

fn proposed() -> Ledger {
    given([import(first()), propose(json!({})).into()])
}

fn in_force() -> Ledger {
    PARTIES.into_iter().fold(proposed(), |ledger, party| ledger.when(sign(party, "2018-02-01")).then_recorded())
}

fn standing(ledger: &Ledger, day: &str) -> AgreementStanding {
    let day: Day = day.parse().unwrap();
    let cut = Cut { valid: day, ..Cut::NOW };
    ledger.book.agreement(&id("deal"), &cut, day, &ledger.events).unwrap().unwrap()
}

#[test]
fn an_agreement_is_in_force_once_all_have_signed() {
    let ledger = given([import(first())]).when(propose(json!({}))).then(&["AgreementProposed"]);
    assert_eq!(standing(&ledger, "2020-01-01").state, AgreementState::Proposed);
    let ledger = ledger.when(sign("provincie", "2018-03-01")).then(&["AgreementSigned"]);
    let ledger = ledger.when(sign("emmen", "2018-02-01")).then(&["AgreementSigned"]);
    let now = standing(&ledger, "2020-01-01");
    assert_eq!((now.state, now.unsigned), (AgreementState::Proposed, vec![id("coevorden")]));
    let ledger = ledger.when(sign("coevorden", "2018-02-15")).then(&["AgreementSigned", "AgreementTookEffect"]);
    let now = standing(&ledger, "2020-01-01");
    assert_eq!(now.state, AgreementState::InForce);
    assert_eq!(now.in_force.unwrap().as_str(), "2018-03-01", "the day of the last signature");
    assert_eq!(standing(&ledger, "2018-02-20").state, AgreementState::Proposed);
    assert_eq!(ledger.replayed(22), ledger.book);
}

#[test]
fn an_agreement_takes_effect_when_its_period_begins() {
    let ledger = given([import(first()), propose(json!({"period": {"from": 2019, "to": 2021}})).into()]);
    let ledger = PARTIES.into_iter().fold(ledger, |l, party| l.when(sign(party, "2018-02-01")).then_recorded());
    assert_eq!(standing(&ledger, "2018-12-31").state, AgreementState::Proposed);
    assert_eq!(standing(&ledger, "2019-01-01").state, AgreementState::InForce);
    assert_eq!(standing(&ledger, "2022-01-01").state, AgreementState::Expired);
}

#[test]
fn an_agreement_is_between_two_at_least() {
    let one = propose(json!({"parties": ["emmen", "emmen"]}));
    given([import(first())]).when(one).then_refused("AGREEMENT_PARTIES");
    let unknown = propose(json!({"parties": ["emmen", "assen"]}));
    given([import(first())]).when(unknown).then_refused("UNKNOWN_REFERENCE");
    let ended = deed(Kind::Party, "emmen", DeedStep::Ended(None)).from("2017-01-01").into();
    given([import(first()), ended]).when(propose(json!({}))).then_refused("PARTY_ENDED");
    let reversed = propose(json!({"period": {"from": "2019", "to": "2018"}}));
    given([import(first())]).when(reversed).then_refused("END_BEFORE_START");
}

#[test]
fn what_is_proposed_is_new() {
    proposed().when(propose(json!({}))).then_refused("ALREADY_THERE");
    let mut other = propose(json!({}));
    other.key.id = id("ander");
    given([import(first())]).when(other).then_refused("DEED_UNFIT");
}

#[test]
fn only_a_party_signs() {
    let ledger = given([import(first()), propose(json!({"parties": ["emmen", "provincie"]})).into()]);
    let refusal = ledger.when(sign("coevorden", "2018-02-01")).then_refused("NOT_A_PARTY");
    assert!(refusal.to_string().contains("`emmen`, `provincie`"), "{refusal}");
}

#[test]
fn a_party_signs_once() {
    let ledger = proposed().when(sign("emmen", "2018-02-01")).then_recorded();
    let refusal = ledger.when(sign("emmen", "2018-03-01")).then_refused("ALREADY_SIGNED");
    assert!(refusal.to_string().contains("2018-02-01"), "{refusal}");
}

#[test]
fn nobody_signs_in_the_future() {
    proposed().when(sign("emmen", "2020-03-02")).then_refused("STILL_TO_COME");
    let ended = deed(Kind::Party, "emmen", DeedStep::Ended(None)).from("2019-01-01");
    let ledger = proposed().when(ended).then_recorded();
    ledger.clone().when(sign("emmen", "2019-01-01")).then_refused("PARTY_ENDED");
    ledger.when(sign("emmen", "2018-12-31")).then_recorded();
}

#[test]
fn who_signs_speaks_for_the_party() {
    let seat = |name: &str, fields: Value| {
        let base = json!({"memberships": [{"id": name, "body": "stuurgroep", "capacity": "wethouder"}]});
        state(Kind::Membership, base.patch("memberships", name, fields)["memberships"][0].clone())
    };
    let ledger = given([
        import(first()),
        propose(json!({})).into(),
        seat("van-emmen", json!({"party": "emmen", "since": "2018-02-01", "until": "2018-12-31"})),
        seat("burgemeester", json!({"body": "emmen"})),
        seat("van-elders", json!({"party": "coevorden"})),
    ]);
    let by = |seat: &str, on: &str| {
        let step = DeedStep::Signed(id("emmen"), Some(id(seat)));
        ledger.clone().when(deed(Kind::Agreement, "deal", step).from(on))
    };
    by("onbekend", "2018-03-01").then_refused("NOT_FOUND");
    by("van-elders", "2018-03-01").then_refused("AGREEMENT_PARTY_MANDATE");
    by("van-emmen", "2018-01-31").then_refused("AGREEMENT_PARTY_MANDATE");
    by("van-emmen", "2019-01-01").then_refused("AGREEMENT_PARTY_MANDATE");
    by("burgemeester", "2018-03-01").then_recorded();
    let signed = by("van-emmen", "2018-03-01").then_recorded();
    assert_eq!(standing(&signed, "2020-01-01").signatures[0].membership, Some(id("van-emmen")));
}

#[test]
fn what_a_document_states_is_as_stated_until_all_have_signed() {
    let ledger = given([import(first().add("agreements", agreement(json!({}))))]);
    let now = standing(&ledger, "2020-01-01");
    assert_eq!((now.state, now.signatures.len(), now.unsigned.len()), (AgreementState::AsStated, 0, 3));
    let ledger = ledger.when(amend(json!({"what": "Andere deal"}))).then(&["AgreementAmended"]);
    let ledger = PARTIES.into_iter().fold(ledger, |l, party| l.when(sign(party, "2018-02-01")).then_recorded());
    assert_eq!(standing(&ledger, "2020-01-01").state, AgreementState::InForce);
}

#[test]
fn what_is_not_in_force_is_not_amended() {
    let ledger = proposed().when(sign("emmen", "2018-02-01")).then_recorded();
    let refusal = ledger.when(amend(json!({"what": "Anders"}))).then_refused("AGREEMENT_UNSIGNED");
    assert!(refusal.to_string().contains("`coevorden`, `provincie`"), "{refusal}");
}

#[test]
fn an_amendment_keeps_the_other_clauses_and_the_signatures() {
    in_force().when(amend(json!({"what": "Anders"})).unexplained()).then_refused("REASON_MISSING");
    in_force().when(amend(json!({"what": "Deal"}))).then_refused("NO_CHANGE");
    in_force().when(amend(json!({"actions": ["onbekend"]}))).then_refused("UNKNOWN_REFERENCE");
    let ledger = in_force().when(amend(json!({"period": {"to": 2021}})).from("2019-01-01")).then(&["AgreementAmended"]);
    let ledger = ledger.when(amend(json!({"what": "Langer"})).from("2019-06-01")).then_recorded();
    let now = standing(&ledger, "2020-01-01");
    assert_eq!((now.agreement.what.as_str(), now.state, now.signatures.len()), ("Langer", AgreementState::InForce, 3));
    assert_eq!(now.agreement.actions, Some(vec![id("meting")]));
    let clauses = |day: &str| {
        let cut = Cut { valid: day.parse().unwrap(), ..Cut::NOW };
        let all = ledger.book.amendments(&id("deal"), &cut, &ledger.events).unwrap();
        all.iter()
            .flat_map(|a| a.fields.iter().map(|f| (f.field, f.before.clone(), f.after.clone())))
            .collect::<Vec<_>>()
    };
    assert_eq!(clauses("2019-02-01"), [("period", json!(null), json!({"to": 2021}))]);
    assert_eq!(clauses("2020-01-01")[1], ("what", json!("Deal"), json!("Langer")));
}

#[test]
fn an_amendment_does_not_change_who_agreed() {
    let fewer = || json!({"parties": ["emmen", "provincie"]});
    in_force().when(amend(fewer())).then_refused("PARTIES_FIXED");
    // Nor does a document, once somebody has signed.
    let document = || edition_after(first(), "2018-2019", "2018-06-01").add("agreements", agreement(fewer()));
    proposed().when(import(document())).then_refused("PARTIES_FIXED");
    let stated = given([import(first().add("agreements", agreement(json!({}))))]);
    stated.clone().when(import(document())).then_recorded();
    let signed = stated.when(sign("emmen", "2018-02-01")).then_recorded();
    signed.clone().when(import(document())).then_refused("PARTIES_FIXED");
    let same = document().patch("agreements", "deal", json!({"parties": ["emmen", "coevorden", "provincie"]}));
    signed.when(import(same)).then_recorded();
}

#[test]
fn a_clause_is_amended_from_a_day_on_which_others_were_party() {
    let fewer = state(Kind::Agreement, agreement(json!({"parties": ["emmen", "provincie"]})));
    let ledger = given([import(first().add("agreements", agreement(json!({})))), fewer]);
    let ledger = ledger.when(sign("emmen", "2020-03-01")).then_recorded();
    let ledger = ledger.when(amend(json!({"what": "Anders"})).from("2018-01-01")).then(&["AgreementAmended"]);
    assert_eq!(standing(&ledger, "2019-01-01").agreement.parties.unwrap().len(), 3);
    assert_eq!(standing(&ledger, "2020-03-01").agreement.parties.unwrap().len(), 2);
}

#[test]
fn what_ended_is_neither_signed_nor_amended_nor_ended() {
    let end = || deed(Kind::Agreement, "deal", DeedStep::Ended(None)).from("2019-01-01");
    in_force().when(end().unexplained()).then_refused("REASON_MISSING");
    let ledger = in_force().when(end()).then(&["AgreementEnded"]);
    assert_eq!(standing(&ledger, "2018-12-31").state, AgreementState::InForce);
    let now = standing(&ledger, "2019-01-01");
    assert_eq!((now.state, now.ended.unwrap().since.to_string().as_str()), (AgreementState::Ended, "2019-01-01"));
    let stated = state(Kind::Agreement, agreement(json!({"what": "Anders"})));
    for again in
        [Command::from(end()), amend(json!({"what": "Anders"})).into(), sign("emmen", "2018-02-01").into(), stated]
    {
        ledger.clone().when(again).then_refused("AMEND_ENDED");
    }
}

#[test]
fn an_agreement_that_ended_reads_as_it_did_then() {
    let later = amend(json!({"what": "Anders"})).from("2018-07-01");
    let ledger = in_force().when(later).then_recorded();
    let text = |ledger: &Ledger, day| standing(ledger, day).agreement.what.to_string();
    assert_eq!((text(&ledger, "2018-06-30").as_str(), text(&ledger, "2018-07-01").as_str()), ("Deal", "Anders"));
    let end = deed(Kind::Agreement, "deal", DeedStep::Ended(None)).from("2018-06-01");
    let ledger = ledger.when(end).then_recorded();
    assert_eq!(text(&ledger, "2018-07-01"), "Deal", "it ended before the amendment");
}

#[test]
fn what_was_proposed_is_not_merely_stated_otherwise() {
    let stated = || state(Kind::Agreement, agreement(json!({"what": "Anders"})));
    proposed().when(stated()).then_refused("AGREEMENT_BOUND");
    in_force().when(stated()).then_refused("AGREEMENT_BOUND");
    given([import(first())]).when(stated()).then(&["AgreementStated"]);
}

#[test]
fn an_agreement_is_in_force_if_and_only_if_all_parties_signed() {
    let tries = prop::collection::vec((0..4_usize, 1..28_u8, any::<bool>()), 0..10);
    check(&tries, |tries| {
        let mut ledger = proposed();
        let mut signed = BTreeSet::new();
        for (turn, (n, day, amends)) in tries.into_iter().enumerate() {
            let party = ["provincie", "emmen", "coevorden", "stuurgroep"][n];
            let recorded = ledger.record(&sign(party, &format!("2018-02-{day:02}")).into()).is_ok();
            prop_assert_eq!(recorded, n < 3 && signed.insert(party));
            let all = signed.len() == PARTIES.len();
            if amends {
                let amended = ledger.record(&amend(json!({"what": format!("Versie {turn}")})).into());
                prop_assert_eq!(amended.is_ok(), all);
            }
            let now = standing(&ledger, "2020-03-01");
            prop_assert_eq!(now.state == AgreementState::InForce, all);
            prop_assert_eq!(now.unsigned.len(), PARTIES.len() - signed.len());
        }
        prop_assert_eq!(ledger.replayed(20), ledger.book);
        Ok(())
    });
}

#[test]
fn what_was_signed_stays_as_it_was_signed_whoever_states_it() {
    let signed = || proposed().when(sign("emmen", "2018-02-01")).then_recorded();
    let restated = json!({"agreements": [agreement(json!({"what": "Heel anders"}))]});
    signed().when(import(restated)).then_refused("AGREEMENT_BOUND");
    let fact = || Command::RecordLate(late(at(Kind::Agreement, "deal"), "2018-01-15", json!({"what": "Heel anders"})));
    signed().when(fact()).then_refused("AGREEMENT_BOUND");
    let end = deed(Kind::Agreement, "deal", DeedStep::Ended(None)).from("2019-01-01");
    in_force().when(end).then_recorded().when(fact()).then_refused("AMEND_ENDED");
}

#[test]
fn who_took_the_place_of_a_party_signs_for_it() {
    let joined = state(Kind::Party, json!({"id": "zuidoost", "name": "Gemeente Zuidoost"}));
    let merge = |party: &str, into: &str| deed(Kind::Party, party, DeedStep::Merged(id(into))).from("2018-03-01");
    let ledger = given([import(first()), joined, propose(json!({})).into(), merge("emmen", "zuidoost").into()]);
    let ledger = ledger.when(sign("provincie", "2018-02-01")).then(&["AgreementSigned"]);
    let ledger = ledger.when(sign("coevorden", "2018-02-01")).then(&["AgreementSigned"]);
    ledger.clone().when(sign("emmen", "2018-04-01")).then_refused("PARTY_ENDED");
    ledger.clone().when(sign("zuidoost", "2018-02-01")).then_refused("NOT_A_PARTY");
    let ledger = ledger.when(sign("zuidoost", "2018-04-01")).then(&["AgreementSigned", "AgreementTookEffect"]);
    assert_eq!(standing(&ledger, "2018-04-01").state, AgreementState::InForce);
    // Also where it signed for itself already, before it took that place.
    let ledger = given([import(first()), propose(json!({})).into()]);
    let ledger = ledger.when(sign("provincie", "2018-02-01")).then(&["AgreementSigned"]);
    let ledger = ledger.when(sign("coevorden", "2018-02-01")).then(&["AgreementSigned"]);
    let ledger = ledger.when(merge("emmen", "coevorden")).then(&["PartyMerged"]);
    assert_eq!(standing(&ledger, "2019-01-01").unsigned, [id("emmen")]);
    let ledger = ledger.when(sign("coevorden", "2018-04-01")).then(&["AgreementSigned", "AgreementTookEffect"]);
    ledger.when(sign("coevorden", "2018-05-01")).then_refused("ALREADY_SIGNED");
}

#[test]
fn an_agreement_is_amended_and_ended_while_it_is_in_force() {
    let early = |step| deed(Kind::Agreement, "deal", step).from("2018-01-15");
    in_force().when(early(DeedStep::Ended(None))).then_refused("END_BEFORE_START");
    in_force().when(amend(json!({"what": "Anders"})).from("2018-01-15")).then_refused("END_BEFORE_START");
    let ledger = given([import(first()), propose(json!({"period": {"to": 2019}})).into()]);
    let ledger = PARTIES.into_iter().fold(ledger, |l, party| l.when(sign(party, "2018-02-01")).then_recorded());
    ledger.clone().when(amend(json!({"what": "Anders"})).from("2020-01-01")).then_refused("AMEND_ENDED");
    ledger.when(amend(json!({"what": "Anders"})).from("2019-12-31")).then(&["AgreementAmended"]);
}

#[test]
fn a_share_that_is_agreed_on_is_no_more_than_the_whole() {
    let shared = |share: &str| json!({"kind": "co-financing", "cofinancing": {"share": share}});
    for none in ["abc", "150%"] {
        given([import(first())]).when(propose(shared(none))).then_refused("FIELD_INVALID");
        in_force().when(amend(shared(none))).then_refused("FIELD_INVALID");
        let stated = state(Kind::Agreement, agreement(shared(none)));
        given([import(first())]).when(stated).then_refused("FIELD_INVALID");
    }
    given([import(first())]).when(propose(shared("50%"))).then_recorded();
}

#[test]
fn a_document_does_not_restate_what_ended() {
    let stated = first().add("agreements", agreement(json!({})));
    let end = deed(Kind::Agreement, "deal", DeedStep::Ended(None)).from("2018-06-01");
    let ledger = given([import(stated), end.into()]);
    let restated =
        |fields| import(edition_after(first(), "2018-2019", "2019-01-01").add("agreements", agreement(fields)));
    ledger.clone().when(restated(json!({"what": "Anders"}))).then_refused("AMEND_ENDED");
    ledger.when(restated(json!({}))).then_recorded();
}
