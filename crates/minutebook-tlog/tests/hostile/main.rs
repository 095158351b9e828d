//! Hostile answers about a log, all of them refused, beside honest ones, all of them accepted. The same answers go to a
//! file (`MINUTEBOOK_ANSWERS`, or one among the build's temporary files), so that another program can judge them too:
//! `tests/interop/run` does.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // as in any test

mod answer;
mod forge;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use answer::HONEST;

#[test]
fn hostile_answers_are_refused_and_honest_ones_accepted() {
    let answers = forge::all();
    let mut counts = BTreeMap::<_, usize>::new();
    let mut lines = BTreeSet::new();
    for answer in &answers {
        let (is_accepted, line) = (answer.is_accepted(), answer.json());
        assert_eq!(is_accepted, answer.class == HONEST, "{line}");
        *counts.entry(answer.class).or_default() += 1;
        assert!(lines.insert(format!("{line}\n")), "no answer counts twice: {line}");
    }
    let hostile = answers.len() - counts[HONEST];
    for (class, count) in &counts {
        println!("{count:4} {class}");
    }
    println!("{hostile:4} hostile answers in all");
    assert!(hostile >= 200 && counts[HONEST] >= 20, "{counts:?}");

    let file = std::env::var_os("MINUTEBOOK_ANSWERS").map(PathBuf::from);
    let file = file.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("answers.jsonl"));
    fs::write(file, lines.into_iter().collect::<String>()).unwrap();
}
