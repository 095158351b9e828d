//! Every reason why a value does not fit is raised once, by its code, with words in both languages.

use std::collections::BTreeSet;

use minutebook_domain::dates::{DateFault, Day, Edtf};
use minutebook_domain::ids::{Id, Kind};
use minutebook_domain::message::Lang;
use minutebook_domain::record::Record;
use minutebook_domain::refusal::{ChangeShould, DocumentShould, Personal, Refusal};
use minutebook_domain::value::{
    Cofinancing, Eur, Expected, Fault, Field, Horizon, LIST_MAX, Name, Period, Scalar, Sha256, TEXT_MAX, Text, Value,
};
use serde_json::json;

use crate::support::object;

fn fault<T: Field>(value: &Value) -> Fault {
    T::read(Some(value)).err().unwrap_or_else(|| panic!("{value} fits"))
}

fn check_words(message: impl Fn(Lang) -> String) {
    let (nl, en) = (message(Lang::Nl), message(Lang::En));
    assert_ne!(nl, en);
    for words in [nl, en] {
        assert!(!words.contains('\n') && words.starts_with(|c: char| c.is_lowercase() || c == '`'), "{words}");
    }
}

#[test]
fn every_fault_is_raised_in_both_languages() {
    let record = Record::read(Kind::Party, Id::new("emmen").unwrap(), &object(json!({"name": "Emmen", "nme": "E"})));
    let raised = [
        ("FIELD_MISSING", fault::<Name>(&json!(" "))),
        ("FIELD_TYPE", fault::<Text>(&json!([]))),
        ("ID_FORM", fault::<Id>(&json!("De\nRaad"))),
        ("DATE_FORM", fault::<Edtf>(&json!("juni 2017"))),
        ("DATE_BOUNDS", fault::<Edtf>(&json!(12_345))),
        ("DATE_REVERSED", fault::<Edtf>(&json!("2018/2016"))),
        ("CHOICE_UNKNOWN", fault::<Horizon>(&json!("long"))),
        ("TEXT_TOO_LONG", fault::<Text>(&json!("x".repeat(TEXT_MAX + 1)))),
        ("CONTROL_CHARACTER", fault::<Text>(&json!("a\tb"))),
        ("LIST_TOO_LONG", fault::<Vec<Id>>(&json!(vec!["a"; LIST_MAX + 1]))),
        ("AMOUNT_RANGE", fault::<Eur>(&json!(-1))),
        ("SHARE_FORM", Fault::Share { text: "`abc`".into() }),
        ("SHA256_FORM", fault::<Sha256>(&json!("abc"))),
        ("LINES_FORM", Fault::Lines { text: "7-3".into() }),
        ("LINES_BEYOND", Fault::LinesBeyond { text: "384-390".into(), all: 300 }),
        ("KEY_UNKNOWN", record.unwrap_err().remove(0).fault),
        ("KEY_REPEATED", Fault::Repeated {}),
        ("END_MOVED", Fault::EndMoved {}),
    ];
    for (code, fault) in &raised {
        assert_eq!(fault.code(), *code);
        assert_eq!(fault.to_string(), fault.message(Lang::En));
        check_words(|lang| fault.message(lang));
    }
    let day = "2016".parse::<Day>().unwrap_err();
    assert_eq!(day.code(), "DATE_NOT_A_DAY");
    check_words(|lang| day.message(lang));
    let tested: BTreeSet<_> = raised.iter().map(|(code, _)| *code).chain([day.code()]).collect();
    let all = [Fault::CODES, DateFault::CODES].concat();
    assert_eq!(tested, all.iter().copied().collect(), "each code needs a fault, each fault a code");
    assert_eq!(tested.len(), all.len(), "a code is used once");
}

#[test]
fn a_fault_inside_a_value_has_its_code_and_is_told_at_its_place() {
    let entry = fault::<Vec<Id>>(&json!(["a", "B"]));
    assert_eq!(entry.code(), "ID_FORM");
    assert!(entry.message(Lang::Nl).starts_with("onderdeel 2: `B` is geen id;"), "{entry:#}");
    let part = fault::<Period>(&json!({"from": 2016, "to": "2017-13"}));
    assert_eq!(part.code(), "DATE_FORM");
    assert!(part.message(Lang::Nl).starts_with("`to`: `2017-13` is geen datum;"), "{part:#}");
    assert!(part.message(Lang::En).starts_with("`to`: `2017-13` is not a date;"), "{part}");
    let refusal = Refusal::FieldInvalid { field: "period".into(), fault: part };
    assert!(
        refusal.message(Lang::Nl).starts_with("`period` klopt niet: `to`: `2017-13` is geen datum;"),
        "{refusal:#}"
    );
}

#[test]
fn each_type_is_asked_for_by_its_name() {
    let raised = [
        fault::<Text>(&json!([])),
        fault::<Text>(&json!(12)),
        fault::<Vec<Id>>(&json!("a")),
        fault::<Edtf>(&json!(true)),
        fault::<bool>(&json!("yes")),
        fault::<u32>(&json!(-1)),
        fault::<Scalar>(&json!([])),
        fault::<Cofinancing>(&json!("50%")),
    ];
    assert_eq!(
        raised.to_vec(),
        Expected::ALL.iter().map(|expected| Fault::Type { expected: *expected }).collect::<Vec<_>>()
    );
    for fault in &raised {
        check_words(|lang| fault.message(lang));
    }
}

#[test]
fn what_messages_take_in_is_in_their_language() {
    let told = |refusal: Refusal, nl: String, en: String| {
        assert_ne!(nl, en);
        check_words(|lang| refusal.message(lang));
        assert!(refusal.message(Lang::Nl).contains(&nl) && refusal.message(Lang::En).contains(&en), "{refusal}");
    };
    for should in DocumentShould::ALL.iter().copied() {
        told(Refusal::DocumentForm { should }, format!("{should:#}"), format!("{should}"));
    }
    for should in ChangeShould::ALL.iter().copied() {
        let change = Id::new("change-1").unwrap();
        told(Refusal::ChangeForm { change, should }, format!("{should:#}"), format!("{should}"));
    }
    for what in Personal::ALL.iter().copied() {
        told(Refusal::PersonalData { what }, format!("{what:#}"), format!("{what}"));
    }
}
