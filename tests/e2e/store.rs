//! Everything but the journal can be thrown away: store and snapshots deleted, cut or damaged while nobody looks, and
//! every answer is the same.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::fixture::program::{Ledger, files};
use crate::fixture::server::Server;
use crate::fixture::{AGENDA, FIRST, NEXT};

/// What a ledger answers: the digest of the book, and questions that read the book, its history and its events.
#[derive(Debug, PartialEq)]
struct Answers {
    digest: Value,
    events: String,
    rest: Vec<Value>,
}

impl Answers {
    fn of(ledger: &Ledger) -> Self {
        let status = ledger.status();
        let ask = |arguments: &[&str]| ledger.run(&[arguments, &["--format", "json"]].concat());
        Self {
            digest: status["digest"].clone(),
            events: ask(&["events"]).ok(),
            rest: vec![
                status["events"].clone(),
                ask(&["changes", AGENDA, "--year", "2018"]).json(),
                ask(&["changes", AGENDA, "--year", "2018", "--known", "400"]).json(),
                ask(&["history", "egpo-invoering"]).json(),
                ask(&["export", AGENDA, "--edition", "2016-2017"]).json(),
            ],
        }
    }
}

/// Flips one bit in every so many bytes of the files in a directory.
fn flip(folder: &Path, every: usize) {
    let mut flipped = 0;
    for path in files(folder) {
        let mut bytes = fs::read(&path).expect("readable");
        for byte in bytes.iter_mut().skip(every / 2).step_by(every).filter(|byte| **byte != 0) {
            *byte ^= 0x10;
            flipped += 1;
        }
        fs::write(&path, bytes).expect("writable");
    }
    assert!(flipped > 0, "nothing to damage in {}", folder.display());
}

/// Cuts every file in a directory in half.
fn cut(folder: &Path) {
    for path in files(folder) {
        let length = fs::metadata(&path).expect("a file").len();
        fs::File::options().write(true).open(&path).and_then(|file| file.set_len(length / 2)).expect("cut");
    }
}

#[test]
fn whatever_happens_to_store_and_snapshots_the_answers_stay_the_same() {
    let ledger = Ledger::with_both_editions();
    let (store, snapshot) = (ledger.data().join("store"), ledger.data().join("snapshot"));
    let journal = ledger.journal();
    let expected = Answers::of(&ledger);
    assert!(store.is_dir() && snapshot.is_dir());
    let gone = |folder: &Path| fs::remove_dir_all(folder).expect("removed");
    let damages: [(&str, &dyn Fn()); 9] = [
        ("the store is gone", &|| gone(&store)),
        ("the snapshots are gone", &|| gone(&snapshot)),
        ("both are gone", &|| [&store, &snapshot].into_iter().for_each(|folder| gone(folder))),
        ("bits of the store are flipped, few", &|| flip(&store, 4_099)),
        ("bits of the store are flipped, many", &|| flip(&store, 61)),
        ("the files of the store are cut", &|| cut(&store)),
        ("bits of the snapshots are flipped", &|| flip(&snapshot, 997)),
        ("the snapshots are cut", &|| cut(&snapshot)),
        ("the store is a file", &|| {
            gone(&store);
            fs::write(&store, "not a directory").expect("written");
        }),
    ];
    for (what, damage) in damages {
        damage();
        assert_eq!(Answers::of(&ledger), expected, "{what}");
        assert!(ledger.journal() == journal, "{what}: the journal has changed");
        // The ledger has mended itself: what is derived is whole again.
        let status = ledger.status();
        assert_eq!((&status["stored"], &status["degraded"]), (&status["events"], &Value::Null), "{what}: {status}");
    }
}

#[test]
fn a_rebuild_gives_the_same_book() {
    let ledger = Ledger::with_both_editions();
    let expected = Answers::of(&ledger);
    let told = ledger.run(&["rebuild", "--format", "json"]).json();
    assert_eq!(
        (&told["before"], &told["after"], &told["equal"]),
        (&expected.digest, &expected.digest, &Value::Bool(true))
    );
    assert_eq!(Answers::of(&ledger), expected);
}

#[test]
fn a_damaged_journal_is_named_by_position_and_never_skipped() {
    let ledger = Ledger::with_both_editions();
    ledger.status();
    let segment = ledger.data().join("journal").join("0001.seg");
    let whole = fs::read(&segment).expect("readable");
    let written = whole.iter().rposition(|byte| *byte != 0).expect("written");
    for place in [70, written / 3, written / 2, written - 1] {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        fs::write(&segment, &bytes).expect("writable");
        let complaint = ledger.run(&["status"]).refused(5);
        assert!(complaint.contains("position") && complaint.contains("0001.seg"), "{complaint}");
        assert!(fs::read(&segment).expect("readable") == bytes, "what is left of it is evidence");
    }
    fs::write(&segment, whole).expect("writable");
    ledger.status();
}

#[test]
fn a_snapshot_that_cannot_be_written_fails_nobody() {
    let ledger = Ledger::found();
    let snapshot = ledger.data().join("snapshot");
    fs::remove_dir_all(&snapshot).expect("removed");
    fs::write(&snapshot, "in the way").expect("written");
    let server = Server::start(&ledger.data());
    ledger.import(FIRST).ok();
    // It ends as one that was asked to.
    server.stop();
    ledger.import(NEXT).ok();
    assert_eq!(ledger.status()["events"], 561);
}
