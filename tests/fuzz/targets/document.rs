//! An agenda document, in YAML or JSON: what is one is the same document after an export in either notation, and what
//! is none is told on one line each.
//!
//! The module is private to the service, and is built in here as it stands.

#![no_main]
#![allow(dead_code, unused_imports)] // what only the service calls

use libfuzzer_sys::fuzz_target;
use minutebook_domain::message::Lang;

#[path = "../../../services/minutebook/src/import/mod.rs"]
mod import;

use import::{Violation, parse, parse_items, to_json, to_yaml};

fn told(violations: &Vec<Violation>) {
    assert!(!violations.is_empty(), "refused without a reason");
    for violation in violations {
        for lang in [Lang::Nl, Lang::En] {
            let told = violation.shown(lang);
            assert!(!told.is_empty() && !told.contains(char::is_control), "{told:?}");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_items(bytes).inspect_err(told);
    match parse(bytes) {
        Ok(parsed) => {
            let value = parsed.document.to_value();
            for text in [to_yaml(&value), to_json(&value)] {
                let again = parse(text.as_bytes()).map(|parsed| parsed.document);
                assert_eq!(again.as_ref(), Ok(&parsed.document), "{text}");
            }
        }
        Err(violations) => told(&violations),
    }
});
