//! What the tests of reading and of writing share.

mod codes;
mod reading;
mod writing;

use minutebook_domain::document::Document;
use minutebook_domain::message::Lang;
use minutebook_domain::value::Value;
use serde_json::json;

use super::{Parsed, Violation, parse};

const EXAMPLES: [&str; 4] =
    ["drenthe-2016-2017.yaml", "drenthe-2018-2019-invented.yaml", "riverside-2024.yaml", "riverside-2025.yaml"];

fn example(name: &str) -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/").to_owned() + name;
    std::fs::read_to_string(&file).unwrap_or_else(|fault| panic!("{file}: {fault}"))
}

fn read(text: &str) -> Parsed {
    parse(text.as_bytes()).unwrap_or_else(|violations| panic!("{}", shown(&violations).join("\n")))
}

fn document(text: &str) -> Document {
    read(text).document
}

fn shown(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(|violation| violation.shown(Lang::En)).collect()
}

/// The violations of a file as people see them.
fn refused(text: impl AsRef<[u8]>) -> Vec<String> {
    shown(&parse(text.as_ref()).map(|parsed| parsed.document).unwrap_err())
}

fn refused_once(text: impl AsRef<[u8]>, message: &str) {
    assert_eq!(refused(text), [message]);
}

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// Skeleton entries as `plan --write` adds them.
fn skeletons() -> Vec<Value> {
    vec![
        json!({"id": "change-1", "kind": "added", "action": "x", "reason": null, "decided_by": "", "decision": null}),
        json!({"id": "change-2", "kind": "changed", "theme": "t", "fields": ["title", "goal"], "reason": null}),
    ]
}
