//! Every code of the reader is raised once, with words in both languages.

use std::collections::BTreeSet;

use minutebook_domain::message::Lang;

use super::super::{Defect, MAX_BYTES, Violation, parse, with_changes};
use super::skeletons;

/// Files with one thing wrong, by its code.
fn wrong() -> Vec<(&'static str, String)> {
    let many = |text: &str, times| text.repeat(times);
    let edition = "edition: {id: e, first_year: 1, last_year: 2, adopted_by: b, decision: d, effective: 2016}\n";
    let records = (0..=100_000).map(|n| format!("- {{id: b{n}, name: B}}\n"));
    let mut files = vec![
        ("FILE_TOO_LARGE", " ".repeat(MAX_BYTES + 1)),
        ("TOO_MANY_VALUES", format!("a: [{}]", many("1,", 2_000_000))),
        ("TOO_MANY_RECORDS", format!("bodies:\n{}", records.collect::<String>())),
        ("TOO_MANY_VIOLATIONS", format!("bodies:\n{}", many("- 1\n", 1_000))),
        ("DOCUMENT_FORM", format!("agenda: {{id: a, title: A}}\n{edition}")),
    ];
    let short = [
        ("FILE_EMPTY", ""),
        ("TOO_DEEP", "a: [[[[[[[[[[[[[[[[["),
        ("YAML_SYNTAX", "bodies: [\n"),
        ("YAML_SECOND_DOCUMENT", "a: 1\n---\na: 2\n"),
        ("YAML_ALIAS", "bodies: &a []\n"),
        ("YAML_TAG", "bodies: !x []\n"),
        ("YAML_MERGE_KEY", "<<: {bodies: []}\n"),
        ("KEY_FORM", "? [a]\n: b\n"),
        ("KEY_REPEATED", "bodies: []\nbodies: []\n"),
        ("NUMBER_TOO_LARGE", "bodies: 1e999\n"),
        ("JSON_SURPLUS", "{}\n{}"),
        ("JSON_INCOMPLETE", "{\"a\":"),
        ("JSON_COMMA_MISSING", "{\"a\": [1 2]}"),
        ("JSON_COMMA_SURPLUS", "{\"a\": [1,]}"),
        ("JSON_KEY_MISSING", "{a: 1}"),
        ("JSON_COLON_MISSING", "{\"a\" 1}"),
        ("JSON_TEXT_OPEN", "{\"a"),
        ("JSON_TEXT_FORM", "{\"a\": \"\n\"}"),
        ("JSON_NUMBER_FORM", "{\"a\": 01}"),
        ("JSON_VALUE_MISSING", "{\"a\": 'x'}"),
        ("JSON_WORD_UNKNOWN", "{\"a\": nul}"),
        ("SECTIONS_MISSING", "text"),
        ("SECTION_NESTED", "actions: []\n"),
        ("SECTION_UNKNOWN", "bodys: []\n"),
        ("SECTION_FORM", "bodies: {id: b}\n"),
        ("RECORD_FORM", "bodies: [b]\n"),
        ("INVENTED_FORM", "invented: false\n"),
        ("DUPLICATE_ID", "bodies: [{id: b, name: B}, {id: b, name: B}]\n"),
        ("SECTION_NUMBER_FORM", "explanations: [{id: intro, title: T}]\n"),
        ("PARENT_STATED", "themes: [{id: t, title: T, subtasks: [{id: s, title: S, theme: t}]}]\n"),
    ];
    files.extend(short.map(|(code, text)| (code, text.to_owned())));
    files
}

fn check_words(violation: &Violation) {
    let (nl, en) = (violation.message(Lang::Nl), violation.message(Lang::En));
    assert_ne!(nl, en);
    for message in [&nl, &en] {
        let starts_low = message.starts_with(|c: char| c.is_lowercase() || c == '`' || message.starts_with("JSON"));
        assert!(starts_low && !message.contains('\n') && !message.ends_with('.'), "{message}");
    }
}

#[test]
fn every_defect_is_raised_in_both_languages() {
    let mut raised = BTreeSet::new();
    for (code, text) in wrong() {
        let violations = parse(text.as_bytes()).map(|parsed| parsed.document).unwrap_err();
        let codes: Vec<_> = violations.iter().map(Violation::code).collect();
        assert!(codes.contains(&code), "{code}: {codes:?}");
        violations.iter().for_each(check_words);
        raised.insert(code);
    }
    let bytes = parse(b"bodies: \xff").map(|parsed| parsed.document).unwrap_err();
    let unchanged = with_changes("changes: [a, ]\n", &skeletons()).unwrap_err();
    for violation in bytes.iter().chain(&unchanged) {
        check_words(violation);
        raised.insert(violation.code());
    }
    assert_eq!(raised, Defect::CODES.iter().copied().collect(), "each code needs a file, each file a code");
    assert_eq!(raised.len(), Defect::CODES.len(), "a code is used once");
}

#[test]
fn a_value_that_does_not_fit_has_the_code_of_its_fault() {
    let text = "decisions:\n- {id: d, body: b, kind: k, date: juni 2017}\n- {id: D, body: b, kind: k, dat: 2017}\n";
    let violations = parse(text.as_bytes()).map(|parsed| parsed.document).unwrap_err();
    let codes: Vec<_> = violations.iter().map(Violation::code).collect();
    assert_eq!(codes, ["DATE_FORM", "ID_FORM", "KEY_UNKNOWN"]);
    violations.iter().for_each(check_words);
    assert_eq!(
        violations[0].shown(Lang::Nl),
        "decisions d.date (regel 2): `juni 2017` is geen datum; gebruik bijvoorbeeld 2019, 2019-06, 2019-06-14, 2019-21 \
         (voorjaar), ../2018-12-31 of 2016/2017"
    );
}
