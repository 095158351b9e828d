//! Every stable code has a test that raises it, and words in both languages that say what to do.

use std::collections::BTreeSet;

use minutebook_domain::event::ControlTotal;
use minutebook_domain::findings::Observation;
use minutebook_domain::ids::Kind;
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Refusal;

use crate::minutes::{at, take_raised};
use crate::{
    agreements, authority, claims, corrections, deeds, documents, findings, money, motions, proposals, questions,
    reviews, roles,
};

/// Codes that the domain names and others raise, with the crate that tests them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ZONE_UNKNOWN", "minutebook"),
    ("EVENT_TOO_LARGE", "minutebook-ledger"),
    ("TOO_MANY_EVENTS", "minutebook-ledger"),
    ("REQUEST_ID_REUSED", "minutebook-ledger"),
];

fn check(all: &[&'static str], covers: &[(&'static str, fn())], elsewhere: &[(&'static str, &str)]) {
    for (code, test) in covers {
        take_raised();
        test();
        assert!(take_raised().contains(code), "the test that is listed for {code} does not raise it");
    }
    let tested: BTreeSet<_> =
        covers.iter().map(|(code, _)| *code).chain(elsewhere.iter().map(|(code, _)| *code)).collect();
    assert_eq!(tested, all.iter().copied().collect(), "each code needs a test, each test a code");
    assert_eq!(all.len(), tested.len(), "a code is used once");
}

#[test]
fn every_refusal_has_a_test_that_raises_it() {
    let covers = [authority::COVERS, claims::COVERS, corrections::COVERS, deeds::COVERS, documents::COVERS].concat();
    let areas = [roles::COVERS, agreements::COVERS, money::COVERS, motions::COVERS].concat();
    let review = [proposals::COVERS, reviews::COVERS].concat();
    check(Refusal::CODES, &[covers, areas, review].concat(), ELSEWHERE);
}

#[test]
fn every_observation_has_a_test_that_raises_it() {
    check(Observation::CODES, &[findings::COVERS, questions::COVERS, roles::FOUND, money::FOUND].concat(), &[]);
}

#[test]
fn codes_are_stable_words() {
    for code in Refusal::CODES.iter().chain(Observation::CODES) {
        assert!(code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{code}");
    }
}

/// Those that other crates raise; the messages of the others are checked where they are raised.
#[test]
fn the_words_of_what_others_raise_are_one_line_and_say_what_to_do() {
    for (refusal, nl, en) in [
        (Refusal::ZoneUnknown { zone: "Europa/Assen".into() }, "gebruik", "use"),
        (
            Refusal::EventTooLarge { event: "ItemAdded", item: "action a".into(), bytes: 70_000, limit: 61_440 },
            "zet",
            "put",
        ),
        (Refusal::TooManyEvents { events: 12_000, limit: 10_000 }, "verdeel", "divide"),
        (Refusal::RequestIdReused { request_id: "r-1".into() }, "kies", "choose"),
        (
            Refusal::ControlTotal { control: ControlTotal { before: 40, added: 7, ..Default::default() }, after: 46 },
            "controleer",
            "check",
        ),
    ] {
        for (lang, verb) in [(Lang::Nl, nl), (Lang::En, en)] {
            let message = refusal.message(lang);
            assert!(message.contains(verb) && !message.contains('\n'), "{message}");
        }
        assert_eq!(refusal.to_string(), refusal.message(Lang::En));
    }
}

#[test]
fn a_refusal_of_a_document_gives_its_first_problem_in_the_language_asked() {
    let refusal = Refusal::NoChange { item: at(Kind::Party, "emmen") };
    let place = minutebook_domain::refusal::Place { key: Some(at(Kind::Party, "emmen")), ..Default::default() };
    let problem = minutebook_domain::refusal::Problem { place, refusal };
    let problems = minutebook_domain::refusal::Problems(vec![problem.clone(), problem]);
    let refusal = Refusal::Document { problems };
    assert!(refusal.message(Lang::Nl).contains("partij emmen: er verandert niets"), "{}", refusal.message(Lang::Nl));
    assert!(refusal.message(Lang::En).ends_with("(1/2)") && refusal.message(Lang::En).contains("nothing would change"));
}
