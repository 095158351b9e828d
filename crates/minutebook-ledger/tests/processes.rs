//! What takes another process: a full disk of its own, and a program that ends. They are apart from the other tests,
//! for a process that is being started holds what this one has open, locks included, for a moment.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use common::{answers, found, open, options, record, submit};
use minutebook_domain::dates::Timestamp;
use minutebook_ledger::{Clock, Ledger, Options, SubmitError};

/// One at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A full disk: the store may go, reads go on, the ledger opens, and writes go on as soon as there is room.
#[test]
fn a_full_disk_loses_nothing_and_needs_no_work_by_hand() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().expect("dir");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"]).arg(dir.path()).status();
    if !mount.is_ok_and(|status| status.success()) {
        println!("not run: 1 (needs the right to mount a tmpfs)");
        return;
    }
    let outcome = std::panic::catch_unwind(|| fill_and_free(dir.path()));
    let unmount = Command::new("umount").arg("-l").arg(dir.path()).status();
    assert!(unmount.is_ok_and(|status| status.success()));
    outcome.unwrap_or_else(|cause| std::panic::resume_unwind(cause));
}

fn fill_and_free(dir: &Path) {
    let data = dir.join("data");
    let ledger = found(&data);
    record(&ledger, 1, 50);
    let ballast = dir.join("ballast");
    let mut file = fs::File::create(&ballast).expect("made");
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);
    let refused = (50..5000).find_map(|n| submit(&ledger, &format!("request-{n}"), &format!("note-{n}")).err());
    assert!(matches!(refused, Some(SubmitError::Full)), "{refused:?}");
    let expected = answers(&ledger);
    drop(ledger);
    let ledger = open(&data);
    assert_eq!(answers(&ledger), expected, "opened on a full disk");
    assert!(submit(&ledger, "request-1", "note-1").expect("known").repeated);
    fs::remove_file(ballast).expect("freed");
    let next = expected.0.len() as u64;
    record(&ledger, next, next + 50);
    let expected = answers(&ledger);
    ledger.close().expect("closed");
    let ledger = open(&data);
    assert_eq!(answers(&ledger), expected);
    assert_eq!(ledger.status().degraded, None);
}

/// A clock that panics makes the writer panic, for it is the writer that asks it. The test starts itself once more,
/// with the directory in its environment, and that program must end.
#[test]
fn a_panic_of_the_writer_ends_the_program_and_loses_nothing() {
    if let Some(data) = std::env::var_os("MINUTEBOOK_TEST_DATA") {
        panic_in_the_writer(&PathBuf::from(data));
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().expect("dir");
    let ended = Command::new(std::env::current_exe().expect("this program"))
        .args(["a_panic_of_the_writer_ends_the_program_and_loses_nothing", "--exact"])
        .env("MINUTEBOOK_TEST_DATA", dir.path())
        .output()
        .expect("started");
    assert_eq!(ended.status.signal(), Some(6), "not aborted: {ended:?}");
    let ledger = open(dir.path());
    assert_eq!(ledger.reader().head(), 4);
    assert!(submit(&ledger, "request-1", "note-1").expect("known").repeated);
}

fn panic_in_the_writer(data: &Path) -> ! {
    drop(found(data));
    let asked = AtomicU32::new(0);
    let clock = Clock::new(move || {
        assert!(asked.fetch_add(1, Ordering::Relaxed) < 3, "the clock has stopped");
        Timestamp(1_559_340_000_000)
    });
    let ledger = Ledger::open(data, Options { clock, ..options() }).expect("opened");
    record(&ledger, 1, 4);
    let outcome = submit(&ledger, "one-too-many", "one-too-many");
    panic!("the program went on: {outcome:?}");
}
