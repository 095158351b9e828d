//! A ledger to test with: its founding, and commands that record one event each.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use minutebook_domain::command::{Command, StateRecord};
use minutebook_domain::dates::Timestamp;
use minutebook_domain::event::{Actor, Founding};
use minutebook_domain::ids::{Id, Kind, RequestId};
use minutebook_domain::record::Record;
use minutebook_domain::value::Name;
use minutebook_ledger::frame::EncodedFrame;
use minutebook_ledger::journal::JournalOptions;
use minutebook_ledger::{Clock, Ledger, Options, Outcome, Receipt, Submission, founding_frame};
use minutebook_tlog::SigningKey;

pub(crate) fn request_id(text: &str) -> RequestId {
    RequestId::new(text).expect("a request id")
}

pub(crate) fn founding() -> Founding {
    let name = |text| Name::new(text).expect("a name");
    Founding {
        ledger: Id::new("testboek").expect("an id"),
        name: name("Testboek"),
        organisation: None,
        zone: name("Europe/Amsterdam"),
        format: 1,
        tool: name("test"),
        verifier_key: None,
    }
}

/// A command that gives one event: a party of that name is registered.
pub(crate) fn note(name: &str) -> Command {
    let id = Id::new(&name.replace(' ', "-")).expect("an id");
    let fields = serde_json::Map::from_iter([("name".to_owned(), name.into())]);
    let record = Record::read(Kind::Party, id, &fields).expect("a party");
    Command::State(StateRecord { agenda: None, record, effective: None, reason: None, expected_revision: None })
}

/// Small segments, no snapshots but the last, and a clock that stands still.
pub(crate) fn options() -> Options {
    Options {
        journal: JournalOptions { segment_bytes: 16 << 10 },
        snapshot_every: u64::MAX,
        clock: Clock::new(|| Timestamp(1_559_340_000_000)),
        ..Options::default()
    }
}

/// A key that signs the checkpoints of a test.
pub(crate) fn key() -> SigningKey {
    SigningKey::generate("minutebook.test/ledger").expect("a name of one word")
}

pub(crate) fn found(data: &Path) -> Ledger {
    Ledger::found(data, options(), founding(), Some(&key()), &request_id("found"), Actor::default()).expect("founded")
}

pub(crate) fn open(data: &Path) -> Ledger {
    Ledger::open(data, options()).expect("opened")
}

pub(crate) fn founding_frame_of_tests() -> EncodedFrame {
    founding_frame(founding(), &request_id("found"), Actor::default(), &options().clock).expect("founded")
}

pub(crate) fn submission(id: &str, commands: Vec<Command>) -> Submission {
    Submission { request_id: request_id(id), commands, actor: Actor::default(), validate_only: false }
}

pub(crate) fn submit(ledger: &Ledger, id: &str, text: &str) -> Outcome {
    ledger.submit(submission(id, vec![note(text)])).wait()
}

/// Record notes `from..to`, and give their receipts.
pub(crate) fn record(ledger: &Ledger, from: u64, to: u64) -> Vec<Receipt> {
    (from..to).map(|n| submit(ledger, &format!("request-{n}"), &format!("note-{n}")).expect("recorded")).collect()
}

/// Everything a ledger answers: its events and the digest of its book.
pub(crate) fn answers(ledger: &Ledger) -> (Vec<Vec<u8>>, [u8; 32]) {
    let reader = ledger.reader();
    let mut events = Vec::new();
    loop {
        let more = reader.events(events.len() as u64, 100).expect("read");
        if more.is_empty() {
            break;
        }
        events.extend(more.iter().map(|event| event.to_vec()));
    }
    for position in (0..events.len()).step_by(7) {
        assert_eq!(reader.event(position as u64).expect("read"), events[position]);
    }
    assert_eq!(events.len() as u64, reader.head());
    reader.frames(0..reader.head(), &mut |_, _| ControlFlow::Continue(())).expect("sound");
    (events, reader.book().expect("a book").digest())
}

/// A command that is refused.
pub(crate) fn refused() -> Command {
    Command::Found(founding())
}

/// The same event, as a program would write it that demands a newer reader: field 9, `min_reader`, is 7.
pub(crate) fn for_a_newer_program(event: &[u8]) -> Vec<u8> {
    [event, &[9 << 3, 7]].concat()
}

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("list") {
        let path = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("name"));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).expect("copied") }
    }
}
