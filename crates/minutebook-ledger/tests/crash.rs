//! The crash table: each step of the write path fails once with the write lost and once with it kept, and the ledger
//! is opened again with and without what can be thrown away. Whatever happens, an acknowledged event is there, an
//! unacknowledged one is there as a whole or not at all, and a retry with the same request id records it once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{answers, founding_frame_of_tests, note, options, record, submission, submit};
use minutebook_ledger::log::Log as _;
use minutebook_ledger::memory::{Fault, MemoryLog};
use minutebook_ledger::{Ledger, Outcome, SubmitError};

fn log() -> Arc<MemoryLog> {
    Arc::new(MemoryLog::found(founding_frame_of_tests()))
}

fn open(log: &Arc<MemoryLog>, data: &Path) -> Ledger {
    log.restart();
    Ledger::open_over(Arc::clone(log) as Arc<_>, data, options()).expect("opened")
}

fn is_unknown(outcome: &Outcome) -> bool {
    matches!(outcome, Err(SubmitError::OutcomeUnknown))
}

/// What is thrown away between the crash and the start.
const GONE: [&[&str]; 4] = [&[], &["store"], &["snapshot"], &["store", "snapshot"]];

#[test]
fn a_write_that_fails_is_there_as_a_whole_or_not_at_all() {
    for fault in [Fault::Lost, Fault::Kept] {
        for before in [0, 1, 15, 16, 17, 40] {
            for gone in GONE {
                crash(fault, before, gone);
            }
        }
    }
}

fn crash(fault: Fault, before: u64, gone: &[&str]) {
    let context = format!("{fault:?} after {before} events without {gone:?}");
    let (log, dir) = (log(), tempfile::tempdir().expect("dir"));
    let ledger = open(&log, dir.path());
    record(&ledger, 1, before / 2 + 1);
    ledger.close().expect("closed");
    let ledger = open(&log, dir.path());
    record(&ledger, before / 2 + 1, before + 1);
    let acknowledged = answers(&ledger);

    log.fail_next(fault);
    let failing = submission("failing", vec![note("first"), note("second")]);
    assert!(is_unknown(&ledger.submit(failing.clone()).wait()), "{context}");
    // The writer has stopped for good, and reads go on as if nothing had been asked.
    assert!(matches!(submit(&ledger, "later", "later"), Err(SubmitError::Stopped)), "{context}");
    assert!(ledger.status().stopped.is_some(), "{context}");
    assert_eq!(answers(&ledger), acknowledged, "{context}");
    drop(ledger);
    for name in gone {
        // Not every step has made both.
        let _ = fs::remove_dir_all(dir.path().join(name));
    }

    let ledger = open(&log, dir.path());
    let found = answers(&ledger);
    let recorded = if fault == Fault::Kept { 2 } else { 0 };
    assert_eq!(found.0.len(), acknowledged.0.len() + recorded, "{context}");
    assert_eq!(found.0[..acknowledged.0.len()], acknowledged.0[..], "{context}");
    let receipt = ledger.submit(failing).wait().expect("recorded");
    assert_eq!((receipt.first, receipt.count), (before + 1, 2), "{context}");
    assert_eq!(receipt.repeated, fault == Fault::Kept, "{context}");
    assert_eq!(ledger.reader().head(), before + 3, "{context}");
    assert_eq!(submit(&ledger, "later", "later").expect("recorded").first, before + 3, "{context}");
    let folded = answers(&ledger);
    drop(ledger);
    assert_eq!(answers(&open(&log, dir.path())), folded, "{context}");
}

#[test]
fn every_waiting_submission_of_a_failed_group_hears_that_the_outcome_is_unknown() {
    for fault in [Fault::Lost, Fault::Kept] {
        let (log, dir) = (log(), tempfile::tempdir().expect("dir"));
        let ledger = open(&log, dir.path());
        log.fail_next(fault);
        let pending: Vec<_> =
            (0..50).map(|n| ledger.submit(submission(&format!("r{n}"), vec![note(&format!("n{n}"))]))).collect();
        let outcomes: Vec<_> = pending.into_iter().map(minutebook_ledger::Pending::wait).collect();
        let unknown = outcomes.iter().filter(|outcome| is_unknown(outcome)).count();
        let stopped = outcomes.iter().filter(|outcome| matches!(outcome, Err(SubmitError::Stopped))).count();
        assert!(unknown >= 1 && unknown + stopped == 50, "{outcomes:?}");
        drop(ledger);
        let ledger = open(&log, dir.path());
        // With the frame kept, those are recorded and nothing else; otherwise nothing is.
        let expected = if fault == Fault::Kept { unknown as u64 } else { 0 };
        assert_eq!(ledger.reader().head(), 1 + expected);
    }
}

#[test]
fn a_full_disk_is_told_and_the_ledger_goes_on() {
    let (log, dir) = (log(), tempfile::tempdir().expect("dir"));
    let ledger = open(&log, dir.path());
    record(&ledger, 1, 5);
    let before = answers(&ledger);
    log.fail_next(Fault::Full);
    let full = submit(&ledger, "full", "full");
    assert!(matches!(full, Err(SubmitError::Full)), "{full:?}");
    assert_eq!(answers(&ledger), before);
    let receipt = submit(&ledger, "full", "full").expect("recorded");
    assert_eq!((receipt.first, receipt.repeated), (5, false));
}

#[test]
fn a_frame_that_another_writer_appended_stops_this_one() {
    let (log, dir) = (log(), tempfile::tempdir().expect("dir"));
    let ledger = open(&log, dir.path());
    let head = log.head();
    let mut frame = minutebook_ledger::frame::FrameBuilder::new(head.next, head.chain);
    frame.push("other", &[0; 32], &[b"x".to_vec()]).expect("small");
    log.append(head.next, &frame.finish()).expect("appended");
    let raced = submit(&ledger, "one", "one");
    assert!(matches!(raced, Err(SubmitError::OutcomeUnknown)), "{raced:?}");
}

#[test]
fn an_event_that_needs_a_newer_program_leaves_raw_reading_only() {
    let (log, dir) = (log(), tempfile::tempdir().expect("dir"));
    let ledger = open(&log, dir.path());
    record(&ledger, 1, 20);
    let event = common::for_a_newer_program(&ledger.reader().event(19).expect("read"));
    drop(ledger);
    let head = log.head();
    let mut frame = minutebook_ledger::frame::FrameBuilder::new(head.next, head.chain);
    frame.push("newer", &[0; 32], std::slice::from_ref(&event)).expect("small");
    log.append(head.next, &frame.finish()).expect("appended");

    let ledger = open(&log, dir.path());
    let newer = minutebook_ledger::LedgerNewer { position: 20 };
    assert_eq!(ledger.status().newer, Some(newer));
    assert_eq!(ledger.reader().book().err(), Some(newer));
    assert_eq!(ledger.reader().event(20).expect("raw"), event);
    let refused = submit(&ledger, "more", "more");
    assert!(matches!(refused, Err(SubmitError::Newer(found)) if found == newer), "{refused:?}");
    ledger.close().expect("closed");
    assert!(!dir.path().join("snapshot").exists(), "half a book is not kept");
}
