//! Reading, writing, comparing and patching records.

use serde_json::json;

use super::*;

fn action(fields: Value) -> Record {
    let Value::Object(map) = fields else { panic!("not a record") };
    Record::read(Kind::Action, Id::new("a").unwrap(), &map).unwrap()
}

#[test]
fn what_was_written_comes_back_as_written() {
    let written = json!({"title": "T", "summary": "", "partners": [], "period": {"from": 2017, "to": "2019"},
        "policy_item": "p", "source_line": 12, "lines": "12-14"});
    assert_eq!(Value::Object(action(written.clone()).write()), written);
}

#[test]
fn each_faulty_field_is_reported() {
    let map = json!({"title": " ", "partnrs": ["x"], "horizon": "long"});
    let faults = Record::read(Kind::Action, Id::new("a").unwrap(), map.as_object().unwrap()).unwrap_err();
    let fields: Vec<_> = faults.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(fields, ["partnrs", "title", "horizon", "policy_item"]);
}

#[test]
fn comparison_passes_over_notes_and_forms() {
    let old = action(json!({"title": "T", "policy_item": "p", "period": {"to": 2018}, "source_line": 3}));
    let new = action(json!({"title": "T", "policy_item": "p", "period": {"to": "2018"}, "partners": []}));
    assert!(old.changed(&new).is_empty());
    let names: Vec<_> = old.rewritten(&new).names(Kind::Action).collect();
    assert_eq!(names, ["period", "source_line"]);
}

#[test]
fn a_patch_takes_only_its_fields() {
    let mut record = action(json!({"title": "Old", "policy_item": "p", "place": "here"}));
    let new = action(json!({"title": "New", "policy_item": "q"}));
    record.patch(&new, FieldSet::named(Kind::Action, ["title"]));
    assert_eq!(record.write().get("title"), Some(&json!("New")));
    assert_eq!(record.write().get("policy_item"), Some(&json!("p")));
}

#[test]
fn what_says_nothing_is_told_without_writing_it() {
    let written = json!({"title": "T", "summary": "", "partners": [], "period": {}, "policy_item": "p", "lines": ""});
    let record = action(written);
    let unstated = Record::fields(Kind::Action).iter().filter(|field| crate::value::is_unstated(&record.value(field)));
    assert_eq!(record.unstated(), FieldSet::named(Kind::Action, unstated.copied()));
}
