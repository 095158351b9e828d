//! The report of a year that proves itself: what it says, and what is refused. `tests/interop/changes.py` checks one
//! without any code of ours.

use std::fs;

use serde_json::{Value, json};

use crate::agenda::expected;
use crate::fixture::program::{Ledger, Told, run_in};
use crate::fixture::server::Server;

const AGENDA: &str = "krimp-en-leefbaarheid";

/// A ledger with both editions, and its key.
fn ledger() -> (Ledger, String) {
    let ledger = Ledger::with_both_editions();
    let told = ledger.run(&["checkpoint", "--format", "json"]).json();
    let key = told["verifier_key"].as_str().expect("a key").to_owned();
    (ledger, key)
}

/// Checks a report where there is no ledger.
fn check(report: &Value, key: &str, format: &str) -> Told {
    let nowhere = tempfile::tempdir().expect("a directory");
    fs::write(nowhere.path().join("report.json"), report.to_string()).expect("written");
    run_in(nowhere.path(), ["check-changes", "report.json", "--key", key, "--format", format])
}

fn proved(report: &Value, key: &str) -> Value {
    check(report, key, "json").json()
}

fn refused(report: &Value, key: &str) -> String {
    check(report, key, "text").refused(5)
}

#[test]
fn a_report_says_what_changes_says_and_is_checked_without_any_ledger() {
    let (ledger, key) = ledger();
    let report = ledger.run(&["prove-changes", AGENDA, "--year", "2018"]).json();
    let told = proved(&report, &key);
    assert_eq!((&told["from"], &told["to"], &told["size"]), (&"2016-2017".into(), &"2018-2019".into(), &561.into()));
    assert_eq!((&told["newest"], &told["invented"]), (&"2018-2019".into(), &true.into()));
    let expected = expected();
    for list in ["added", "dropped", "changed", "split", "merged"] {
        assert_eq!(told["changes"][list], expected[list], "{list}");
    }
    let answered = ledger.run(&["changes", AGENDA, "--year", "2018", "--format", "json"]).json();
    assert_eq!(told["changes"]["control_total"], answered["control_total"]);
    let named = ledger.run(&["prove-changes", AGENDA, "--from", "2016-2017", "--to", "2018-2019@1"]).json();
    assert_eq!((&named["changes"], &named["year"]), (&report["changes"], &Value::Null));

    let first = ledger.run(&["prove-changes", AGENDA, "--year", "2016"]).json();
    assert_eq!(first["from"], Value::Null);
    assert_eq!(first["changes"]["control_total"]["added"], 40);
    assert_eq!(first["revisions"][1]["document"], Value::Null, "what takes no part needs no document");
    let first = proved(&first, &key);
    assert_eq!((&first["to"], &first["newest"]), (&"2016-2017".into(), &"2018-2019".into()));

    let server = Server::start(&ledger.data());
    assert_eq!(ledger.run(&["prove-changes", AGENDA, "--year", "2018"]).json(), report, "of a server it is the same");
    server.stop();
}

#[test]
fn a_second_revision_in_the_year_is_told_as_one_difference() {
    let (ledger, key) = ledger();
    let mut edition = ledger.run(&["export", AGENDA, "--format", "json"]).json();
    let theme = edition["themes"][0]["id"].as_str().expect("an id").to_owned();
    edition["themes"][0]["goal"] = "Een scherper doel.".into();
    edition["changes"] = json!([{
        "id": "w-1", "kind": "changed", "theme": theme, "reason": "Scherper doel.", "decided_by": "gs",
        "decision": "gs-2018-05-bijstelling",
    }]);
    edition["edition"]["effective"] = "2018-06-01".into();
    edition["edition"]["decision"] = "gs-2018-05-bijstelling".into();
    let decision = json!({
        "id": "gs-2018-05-bijstelling", "body": "gs", "kind": "adopt-agenda", "date": "2018-05-15", "what": "Bijstelling.",
    });
    edition["decisions"].as_array_mut().expect("decisions").push(decision);
    ledger.import(ledger.file("second.json", edition.to_string().as_bytes()).to_str().expect("UTF-8")).ok();

    let report = ledger.run(&["prove-changes", AGENDA, "--year", "2018"]).json();
    let told = proved(&report, &key);
    assert_eq!((&told["from"], &told["to"]), (&"2016-2017".into(), &"2018-2019@2".into()));
    assert_eq!(told["changes"]["added"], expected()["added"], "with the reasons of the revision between");
    let changed = told["changes"]["changed"].as_array().expect("a list");
    let changed = changed.iter().find(|item| item["id"] == theme).expect("the theme");
    assert_eq!(
        (&changed["reason"], &changed["decision"]),
        (&"Scherper doel.".into(), &"gs-2018-05-bijstelling".into())
    );

    let mut without = report.clone();
    without["revisions"].as_array_mut().expect("a list").remove(1);
    assert!(refused(&without, &key).contains("a revision is missing"));
    let mut cut = report;
    cut["revisions"].as_array_mut().expect("a list").pop();
    cut["to"] = "2018-2019".into();
    assert!(refused(&cut, &key).contains("the changes of the report are not"), "the newest was left out");
}

#[test]
fn a_report_that_was_changed_is_refused() {
    let (ledger, key) = ledger();
    let report = ledger.run(&["prove-changes", AGENDA, "--year", "2018"]).json();
    let stranger = Ledger::found().run(&["checkpoint", "--format", "json"]).json();
    assert!(refused(&report, stranger["verifier_key"].as_str().expect("a key")).contains("is of the log"));
    let proof = report["revisions"][0]["proof"].as_str().expect("a proof").to_owned();
    let other = report["revisions"][1]["proof"].clone();
    let forgeries: [(&str, Value, &str); 14] = [
        ("/changes/added/0/reason", "Anders.".into(), "the changes of the report are not"),
        ("/changes/dropped", json!([]), "the changes of the report are not"),
        ("/changes/control_total/added", 3.into(), "the changes of the report are not"),
        ("/revisions/1/document/themes/0/title", "Anders".into(), "is not what was sealed"),
        ("/revisions/1/document", json!({"themes": []}), "is not what was sealed"),
        ("/revisions/0/document", Value::Null, "is missing"),
        ("/revisions/0/proof", other, "not follow the one before it"),
        ("/revisions/0/proof", proof.replace("index ", "index 1").into(), "revision 1 of the report"),
        ("/revisions/0/proof", "nothing".into(), "there is no checkpoint"),
        ("/revisions", json!([]), "there is no revision"),
        ("/from", Value::Null, "it should be"),
        ("/year", 2017.into(), "it should be"),
        ("/agenda", "another".into(), "not the seal of a revision"),
        ("/form", "minutebook-change-report/2".into(), "of the form"),
    ];
    for (place, value, expected) in forgeries {
        let mut forged = report.clone();
        *forged.pointer_mut(place).expect(place) = value;
        let complaint = refused(&forged, &key);
        assert!(complaint.contains(expected), "{place}: {complaint}");
    }
    let mut more = report.clone();
    more["note"] = "also".into();
    assert!(refused(&more, &key).contains("a field is missing, unknown"));
    for no_report in [json!([]), json!(null), json!(["minutebook-change-report/1"]), json!({"form": 1})] {
        assert!(refused(&no_report, &key).contains("not a report"));
    }
    let twice = report.to_string().replacen(r#""dropped":["#, r#""dropped":[],"dropped":["#, 1);
    let twice = ledger.file("twice.json", twice.as_bytes());
    let twice = twice.to_str().expect("UTF-8");
    assert!(ledger.run(&["check-changes", twice, "--key", &key]).refused(5).contains("a field is there twice"));
    ledger.run(&["check-changes", "nothing.json", "--key", &key]).refused(6);
    ledger.run(&["check-changes", "nothing.json", "--key", "nobody"]).refused(2);
}

#[test]
fn what_cannot_be_reported_is_said() {
    let (ledger, _) = ledger();
    assert!(ledger.run(&["prove-changes", AGENDA, "--year", "2012"]).refused(3).contains("held at the end of 2012"));
    ledger.run(&["prove-changes", "krimp", "--year", "2018"]).refused(3);
    ledger.run(&["prove-changes", AGENDA]).refused(2);
    let named = ["prove-changes", AGENDA, "--from", "2016-2017", "--to", "2019-2020"];
    assert!(ledger.run(&named).refused(3).contains("no adopted edition `2019-2020`"));
}
