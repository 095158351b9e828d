//! That what is written reads well, stays as it was where it was not changed, and comes back.

use minutebook_domain::ids::Kind;
use minutebook_domain::value::{Value, same_form};
use proptest::prelude::*;
use serde_json::json;

use super::super::{json as json_text, to_json, to_yaml, tree, with_changes, yaml};
use super::{EXAMPLES, crlf, document, example, skeletons};

#[test]
fn every_example_comes_back_equal_from_yaml_and_json() {
    for name in EXAMPLES {
        let written = document(&example(name));
        let value = written.to_value();
        assert_eq!(document(&to_yaml(&value)), written, "{name}");
        assert_eq!(document(&to_json(&value)), written, "{name}");
        assert_eq!(to_yaml(&document(&to_yaml(&value)).to_value()), to_yaml(&value), "{name}");
    }
}

#[test]
fn nothing_that_an_example_states_is_lost() {
    for name in EXAMPLES {
        let text = example(name);
        let stated = tree::parse(&text).unwrap().to_value(&mut Vec::new());
        assert!(same_form(&stated, &document(&text).to_value()), "{name}");
    }
}

#[test]
fn text_is_quoted_only_where_it_must_be() {
    let plain = [
        "Stuurgroep Onderwijs & krimp",
        "a#b",
        "M 2016-17",
        "mei/jun",
        "It's",
        "50% extra",
        "50%",
        "1.500 kinderen",
        "-x",
        "à jour",
    ];
    for text in plain {
        assert_eq!(to_yaml(&json!({"a": text})), format!("a: {text}\n"));
    }
    let quoted = [
        "",
        " ",
        "2016",
        "2016-06",
        "2016-2017",
        "3.1",
        "12:30",
        "1e3",
        "0x1F",
        "~",
        "null",
        "True",
        "yes",
        "No",
        "off",
        "y",
        "- a",
        "-",
        "?",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "[a",
        "{a",
        "a ",
        " a",
        "---",
        "...",
        "<<",
        "=",
        "|",
        ">",
        "'a'",
    ];
    for text in quoted {
        assert_eq!(to_yaml(&json!({"a": text})), format!("a: \"{text}\"\n"));
    }
    assert_eq!(to_yaml(&json!({"a": "say \"x\"\\", "b": "\"\t"})), "a: say \"x\"\\\nb: \"\\\"\\t\"\n");
    assert_eq!(to_yaml(&json!(["a, b", "c"])), "- a, b\n- c\n");
}

#[test]
fn yaml_reads_well() {
    let value = json!({"invented": true, "agenda": {"id": "a", "framework": ["x", "y, z"], "empty": []},
        "themes": [{"id": "t", "subtasks": [{"id": "s", "period": {"from": 2016, "to": null}}], "facts": ["x".repeat(60), "y".repeat(60)],
        "quote": "one\n\n  two"}]});
    let long = |c: &str| c.repeat(60);
    let text = format!(
        "invented: true\n\nagenda:\n  id: a\n  framework: [x, \"y, z\"]\n  empty: []\n\nthemes:\n  - id: t\n    subtasks:\n      \
         - id: s\n        period: {{from: 2016, to: null}}\n    facts:\n      - {}\n      - {}\n    quote: |-\n      one\n\n        two\n",
        long("x"),
        long("y")
    );
    assert_eq!(to_yaml(&value), text);
}

const FIRST: &str = "id: change-1\nkind: added\naction: x\nreason: null\ndecided_by: \"\"\ndecision: null\n";
const SECOND: &str = "id: change-2\nkind: changed\ntheme: t\nfields: [title, goal]\nreason: null\n";

/// The skeletons as block records with their dashes in a column.
fn block(column: usize) -> String {
    let record = |text: &str| {
        let lines = text.lines().enumerate();
        lines
            .map(|(n, line)| format!("{:column$}{} {line}\n", "", if n == 0 { "-" } else { " " }))
            .collect::<Vec<_>>()
            .concat()
    };
    record(FIRST) + &record(SECOND)
}

#[test]
fn changes_are_added_and_all_else_stays() {
    let entry = "{id: c, kind: dropped, action: y}";
    let cases = [
        ("a: 1 # x\n".to_owned(), format!("a: 1 # x\nchanges:\n{}", block(2))),
        ("a: 1".to_owned(), format!("a: 1\nchanges:\n{}", block(2))),
        ("a: 1\n...\n".to_owned(), format!("a: 1\nchanges:\n{}...\n", block(2))),
        ("changes: [] # none\n# b\nb: 1\n".to_owned(), format!("changes: # none\n{}# b\nb: 1\n", block(2))),
        ("changes:\nb: 1\n".to_owned(), format!("changes:\n{}b: 1\n", block(2))),
        ("changes: null".to_owned(), format!("changes:\n{}", block(2))),
        (
            "changes:\n- id: é\n  kind: added # why\n\n# b\nb: 1\n".to_owned(),
            format!("changes:\n- id: é\n  kind: added # why\n{}\n# b\nb: 1\n", block(0)),
        ),
        (
            "changes:\n    # first\n    - id: c\n      reason: >\n        a\n        b\n      # last\n".to_owned(),
            format!(
                "changes:\n    # first\n    - id: c\n      reason: >\n        a\n        b\n      # last\n{}",
                block(4)
            ),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(with_changes(&text, &skeletons()).unwrap(), expected, "{text}");
        if text.contains('\n') {
            assert_eq!(with_changes(&crlf(&text), &skeletons()).unwrap(), crlf(&expected), "{text}");
        }
        let marked = with_changes(&format!("\u{feff}{text}"), &skeletons()).unwrap();
        assert_eq!(marked, format!("\u{feff}{expected}"));
    }
    let braces = "{id: change-1, kind: added, action: x, reason: null, decided_by: \"\", decision: null}";
    let more = "{id: change-2, kind: changed, theme: t, fields: [title, goal], reason: null}";
    let text = format!("changes:\n  - {entry}\n");
    assert_eq!(with_changes(&text, &skeletons()).unwrap(), format!("{text}  - {braces}\n  - {more}\n"));
    let flow = with_changes(&format!("changes: [{entry}\n ] # see [1]\n"), &skeletons()).unwrap();
    assert_eq!(flow, format!("changes: [{entry}, {braces}, {more}\n ] # see [1]\n"));
}

#[test]
fn changes_are_added_to_the_real_document() {
    let text = example(EXAMPLES[1]);
    let added = with_changes(&text, &skeletons()).unwrap();
    assert!(added.starts_with(&text) && added.ends_with("fields: [title, goal], reason: null}\n"));
    assert_eq!(document(&added).of(Kind::Change).count(), 35);
    let first = with_changes(&example(EXAMPLES[0]), &skeletons()).unwrap();
    assert!(first.ends_with(&format!("changes:\n{}", block(2))));
    assert_eq!(document(&first).of(Kind::Change).count(), 2);
    let json = with_changes(&to_json(&document(&text).to_value()), &skeletons()).unwrap();
    assert_eq!(document(&json), document(&added));
    assert_eq!(with_changes(&text, &[]).unwrap(), text);
}

#[test]
fn changes_are_not_added_where_they_would_not_be_read() {
    for text in ["text", "a: &x 1\n", "changes: 3\n", "changes: {a: 1}\n", "changes: [a, ]\n", "{\"changes\": 1}"] {
        assert!(with_changes(text, &skeletons()).is_err_and(|faults| !faults.is_empty()), "{text}");
    }
}

/// Text with a bent for what YAML gives a meaning.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[ -~]{0,6}",
        prop::sample::select(vec![
            " ", "\n", "\r", ": ", " #", "- ", "-", "2016", "06", ".", "~", "null", "yes", "'", "\"", "\\", ",", "[",
            "}"
        ])
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any_text().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_comes_back_from_yaml(text in any_text()) {
        for value in [json!({"a": text}), json!([text]), json!({"a": [{"b": text}]}), json!({"a": {"b": text, "c": [text, [text]]}})] {
            prop_assert_eq!(yaml::parse(&to_yaml(&value)).unwrap().to_value(&mut Vec::new()), value);
        }
    }

    #[test]
    fn any_value_comes_back_from_yaml_and_json(value in any_value()) {
        let yaml = to_yaml(&value);
        prop_assert_eq!(&yaml::parse(&yaml).unwrap().to_value(&mut Vec::new()), &value, "{}", yaml);
        prop_assert_eq!(&json_text::parse(&to_json(&value)).unwrap().to_value(&mut Vec::new()), &value);
    }
}
