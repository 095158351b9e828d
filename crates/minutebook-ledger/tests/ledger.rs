//! A ledger as a program uses it: record, close, open again, and everything that may go wrong in between.
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
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use common::{answers, copy, found, note, open, options, record, request_id, submission, submit};
use minutebook_domain::dates::Timestamp;
use minutebook_domain::event::Actor;
use minutebook_domain::refusal::Refusal;
use minutebook_ledger::journal::JournalOptions;
use minutebook_ledger::lock::{LockError, holder_address};
use minutebook_ledger::log::LogError;
use minutebook_ledger::{Clock, Ledger, OpenError, Options, ReadError, Receipt, SubmitError};
use minutebook_proto::decode_event;

fn snapshots(data: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(data.join("snapshot")) else { return Vec::new() };
    entries.map(|entry| entry.expect("entry").path()).collect()
}

#[test]
fn what_was_recorded_is_there_after_reopening_with_and_without_a_snapshot() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 200);
    let expected = answers(&ledger);
    assert_eq!(expected.0.len(), 200);
    drop(ledger);
    assert!(snapshots(dir.path()).is_empty());
    let ledger = open(dir.path());
    assert_eq!(answers(&ledger), expected);
    ledger.close().expect("closed");
    assert_eq!(snapshots(dir.path()).len(), 1);
    let ledger = open(dir.path());
    assert_eq!(answers(&ledger), expected);
    record(&ledger, 200, 300);
    let expected = answers(&ledger);
    drop(ledger);
    assert_eq!(answers(&open(dir.path())), expected);
}

#[test]
fn a_snapshot_is_written_every_so_many_events_and_old_ones_go() {
    let dir = tempfile::tempdir().expect("dir");
    drop(found(dir.path()));
    let ledger = Ledger::open(dir.path(), Options { snapshot_every: 20, ..options() }).expect("opened");
    record(&ledger, 1, 400);
    ledger.close().expect("closed");
    let found = snapshots(dir.path());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&dir.path().join("snapshot/400.snap")), "{found:?}");
}

#[test]
fn closing_writes_no_snapshot_when_nothing_was_recorded_since_the_last_one() {
    let dir = tempfile::tempdir().expect("dir");
    found(dir.path()).close().expect("closed");
    let ledger = open(dir.path());
    let [written] = snapshots(dir.path()).try_into().expect("one snapshot");
    fs::remove_file(&written).expect("removed");
    ledger.close().expect("closed");
    assert!(snapshots(dir.path()).is_empty());
    let ledger = open(dir.path());
    record(&ledger, 1, 3);
    ledger.close().expect("closed");
    assert_eq!(snapshots(dir.path()).len(), 1);
}

#[test]
fn an_event_is_decoded_the_same_however_often_it_is_read_back() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 40);
    let reader = ledger.reader();
    for _ in 0..2 {
        for position in 0..reader.head() {
            let event = decode_event(&reader.event(position).expect("an event")).expect("decoded");
            assert_eq!(*reader.recorded(position).expect("an event"), event);
        }
        let head = reader.head();
        assert!(matches!(reader.recorded(head), Err(ReadError::Beyond { .. })));
        // What is beyond the end now is not remembered as such.
        record(&ledger, head, head + 1);
    }
}

#[test]
fn the_same_request_gets_the_first_answer_again_also_after_reopening_and_rebuilding() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let receipts = record(&ledger, 1, 50);
    let check = |ledger: &Ledger| {
        let before = ledger.reader().head();
        for (n, receipt) in (1..).zip(&receipts) {
            let again = submit(ledger, &format!("request-{n}"), &format!("note-{n}")).expect("known");
            assert_eq!(again, Receipt { repeated: true, ..*receipt });
            let other = submit(ledger, &format!("request-{n}"), "another note");
            assert!(matches!(other, Err(SubmitError::Refused(Refusal::RequestIdReused { .. }))), "{other:?}");
        }
        assert_eq!(ledger.reader().head(), before);
    };
    check(&ledger);
    ledger.close().expect("closed");
    let ledger = open(dir.path());
    check(&ledger);
    drop(ledger);
    check(&Ledger::rebuild(dir.path(), options(), &mut |_, _| {}).expect("rebuilt"));
}

#[test]
fn a_request_is_remembered_with_its_digest_and_an_unknown_one_is_not() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let receipt = submit(&ledger, "one", "a note").expect("recorded");
    let remembered = ledger.reader().request(&request_id("one")).expect("read").expect("known");
    assert_eq!(remembered.receipt, Receipt { repeated: true, ..receipt });
    assert_eq!(ledger.reader().request(&request_id("two")).expect("read"), None);
}

#[test]
fn a_refusal_is_not_remembered_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    submit(&ledger, "one", "a note").expect("recorded");
    let refused = ledger.submit(submission("two", vec![note("new"), common::refused()])).wait();
    assert!(matches!(refused, Err(SubmitError::Refused(_))), "{refused:?}");
    assert_eq!(ledger.reader().head(), 2);
    let receipt = submit(&ledger, "two", "new").expect("the id is free, and the first command left nothing");
    assert_eq!((receipt.first, receipt.repeated), (2, false));
}

#[test]
fn validating_records_nothing_and_says_what_would_be() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let mut asked = submission("one", vec![note("a"), note("b")]);
    asked.validate_only = true;
    let receipt = ledger.submit(asked.clone()).wait().expect("valid");
    assert_eq!((receipt.first, receipt.count, ledger.reader().head()), (1, 2, 1));
    asked.validate_only = false;
    assert_eq!(ledger.submit(asked).wait().expect("recorded").count, 2);
    assert_eq!(ledger.reader().head(), 3);
}

#[test]
fn many_at_once_are_recorded_once_each_in_one_order() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let ledger = &ledger;
    let receipts: Vec<Receipt> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                // Every thread sends the same 40 requests.
                let send = |n| submit(ledger, &format!("request-{n}"), &format!("note-{n}")).expect("recorded");
                scope.spawn(move || (1..=40).map(send).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("ended")).collect()
    });
    assert_eq!(ledger.reader().head(), 41);
    assert_eq!(receipts.iter().filter(|receipt| !receipt.repeated).count(), 40);
    for repeated in receipts.iter().filter(|receipt| receipt.repeated) {
        let first = receipts.iter().find(|first| !first.repeated && first.first == repeated.first).expect("recorded");
        assert_eq!(*repeated, Receipt { repeated: true, ..*first });
    }
}

#[test]
fn waiting_submissions_share_a_frame_and_see_each_other() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let pending: Vec<_> =
        (0..200).map(|n| ledger.submit(submission(&format!("r{n}"), vec![note(&format!("n{n}"))]))).collect();
    let receipts: Vec<_> = pending.into_iter().map(|pending| pending.wait().expect("recorded")).collect();
    assert!(receipts.iter().zip(1..).all(|(receipt, position)| receipt.first == position));
    assert!(receipts.windows(2).any(|pair| pair[0].head == pair[1].head), "no two shared a frame");
    assert_eq!(answers(&ledger).0.len(), 201);
}

#[test]
fn readers_see_every_event_in_order_while_writes_go_on() {
    const END: u64 = 1500;
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let ledger = &ledger;
    let seen: Vec<Vec<Vec<u8>>> = std::thread::scope(|scope| {
        let readers: Vec<_> = [1, 7, 40].map(|limit| scope.spawn(move || follow(ledger, limit, END))).into();
        for start in (1..END).step_by(100) {
            let send = |n: u64| ledger.submit(submission(&format!("r{n}"), vec![note(&format!("n{n}"))]));
            let pending: Vec<_> = (start..END.min(start + 100)).map(send).collect();
            for pending in pending {
                pending.wait().expect("recorded");
            }
        }
        readers.into_iter().map(|reader| reader.join().expect("ended")).collect()
    });
    let expected = answers(ledger).0;
    assert_eq!(expected.len() as u64, END);
    assert!(seen.iter().all(|seen| *seen == expected));
    assert_eq!(ledger.status().degraded, None);
}

/// Read events as they come, up to `end`, each also by itself and one from long before.
fn follow(ledger: &Ledger, limit: usize, end: u64) -> Vec<Vec<u8>> {
    let reader = ledger.reader();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    while (seen.len() as u64) < end {
        let next = seen.len() as u64;
        let more = reader.events(next, limit).expect("read");
        assert!(reader.book().expect("a book").head() <= reader.head());
        if let Some(first) = more.first() {
            assert_eq!(reader.event(next).expect("read"), first);
        }
        seen.extend(more.iter().map(|event| event.to_vec()));
        let old = seen.len() / 2;
        assert_eq!(seen.get(old).map(Vec::as_slice), reader.event(old as u64).ok().as_deref());
    }
    seen
}

#[test]
fn the_clock_may_go_back_but_times_do_not() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let first = submit(&ledger, "one", "a").expect("recorded").recorded_at;
    drop(ledger);
    let clock = Clock::new(move || Timestamp(first.0 - 86_400_000));
    let ledger = Ledger::open(dir.path(), Options { clock, ..options() }).expect("opened");
    assert_eq!(submit(&ledger, "two", "b").expect("recorded").recorded_at, first);
}

#[test]
fn one_program_at_a_time_and_the_other_one_learns_where() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let locked = |expected: Option<&str>| match Ledger::open(dir.path(), options()) {
        Err(OpenError::Lock(LockError::Locked { address, .. })) => assert_eq!(address.as_deref(), expected),
        other => panic!("not refused: {other:?}"),
    };
    locked(None);
    ledger.publish_address("http://127.0.0.1:4317").expect("written");
    locked(Some("http://127.0.0.1:4317"));
    assert_eq!(holder_address(dir.path()).expect("read").as_deref(), Some("http://127.0.0.1:4317"));
    drop(ledger);
    assert_eq!(holder_address(dir.path()).expect("read"), None);
    drop(open(dir.path()));
}

#[test]
fn a_ledger_is_founded_once_and_opened_only_where_it_is() {
    let dir = tempfile::tempdir().expect("dir");
    let nothing = Ledger::open(dir.path(), options());
    assert!(matches!(nothing, Err(OpenError::Log(LogError::Absent(_)))), "{nothing:?}");
    assert!(!dir.path().join("store").exists(), "no store without a ledger");
    record(&found(dir.path()), 1, 5);
    let again = Ledger::found(dir.path(), options(), common::founding(), None, &request_id("again"), Actor::default());
    assert!(matches!(again, Err(OpenError::Log(LogError::Present(_)))), "{again:?}");
    assert_eq!(open(dir.path()).reader().head(), 5);
}

#[test]
fn a_time_zone_that_does_not_exist_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().expect("dir");
    let mut founding = common::founding();
    founding.zone = minutebook_domain::value::Name::new("Europe/Assen").expect("a name");
    let refused = Ledger::found(dir.path(), options(), founding, None, &request_id("found"), Actor::default());
    let is_refused = |error: &SubmitError| matches!(error, SubmitError::Refused(Refusal::ZoneUnknown { .. }));
    assert!(matches!(refused, Err(OpenError::Founding(error)) if is_refused(&error)));
    assert!(!dir.path().join("journal").exists());
}

#[test]
fn without_store_or_snapshots_everything_is_as_it_was() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 150);
    let expected = answers(&ledger);
    ledger.close().expect("closed");
    for gone in [&["store"][..], &["snapshot"], &["store", "snapshot"]] {
        for name in gone {
            fs::remove_dir_all(dir.path().join(name)).expect("removed");
        }
        let ledger = open(dir.path());
        assert_eq!(answers(&ledger), expected);
        assert_eq!(ledger.status().degraded, None);
        ledger.close().expect("closed");
    }
    let mut heard = Vec::new();
    let ledger = Ledger::rebuild(dir.path(), options(), &mut |done, all| heard.push((done, all))).expect("rebuilt");
    assert_eq!(answers(&ledger), expected);
    assert_eq!(heard.last(), Some(&(150, 150)));
}

/// The files of a directory, largest first.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).expect("list").map(|entry| entry.expect("entry").path()).collect();
    files.retain(|path| path.is_file());
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).expect("metadata").len()));
    files
}

#[test]
fn a_damaged_store_is_set_aside_or_read_around() {
    let origin = tempfile::tempdir().expect("dir");
    let ledger = found(origin.path());
    record(&ledger, 1, 150);
    let expected = answers(&ledger);
    ledger.close().expect("closed");
    let db = files(&origin.path().join("store")).remove(0);
    let whole = fs::read(&db).expect("read");
    let used = whole.iter().rposition(|byte| *byte != 0).expect("some");
    for place in (0..used).step_by(used / 25) {
        let dir = tempfile::tempdir().expect("dir");
        copy(origin.path(), dir.path());
        let mut bytes = whole.clone();
        bytes[place] ^= 4;
        fs::write(dir.path().join("store").join(db.file_name().expect("name")), bytes).expect("write");
        let ledger = open(dir.path());
        assert_eq!(answers(&ledger), expected, "byte {place}");
        submit(&ledger, "after", "after").expect("recorded");
    }
    for keep in [0, used / 2] {
        let dir = tempfile::tempdir().expect("dir");
        copy(origin.path(), dir.path());
        fs::write(dir.path().join("store").join(db.file_name().expect("name")), &whole[..keep]).expect("write");
        assert_eq!(answers(&open(dir.path())), expected, "cut to {keep}");
    }
}

#[test]
fn a_damaged_snapshot_is_passed_over() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 30);
    let expected = answers(&ledger);
    ledger.close().expect("closed");
    let path = snapshots(dir.path()).remove(0);
    let whole = fs::read(&path).expect("read");
    for place in (0..whole.len()).step_by(whole.len() / 40 + 1) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&path, bytes).expect("write");
        assert_eq!(answers(&open(dir.path())), expected, "byte {place}");
    }
    fs::write(&path, &whole[..whole.len() / 2]).expect("write");
    assert_eq!(answers(&open(dir.path())), expected);
}

#[test]
fn store_and_snapshot_of_another_ledger_are_not_believed() {
    let (one, other) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    let ledger = found(one.path());
    record(&ledger, 1, 60);
    let expected = answers(&ledger);
    ledger.close().expect("closed");
    let ledger = found(other.path());
    record(&ledger, 500, 540);
    ledger.close().expect("closed");
    for name in ["store", "snapshot"] {
        fs::remove_dir_all(one.path().join(name)).expect("removed");
        copy(&other.path().join(name), &one.path().join(name));
    }
    assert_eq!(answers(&open(one.path())), expected);
    assert!(one.path().join("store.damaged-1").exists());
}

#[test]
fn a_journal_that_lost_what_store_snapshot_or_checkpoint_have_seen_is_not_opened() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 10);
    let old = tempfile::tempdir().expect("dir");
    drop(ledger);
    copy(dir.path(), old.path());
    let ledger = open(dir.path());
    record(&ledger, 10, 20);
    ledger.close().expect("closed");
    // An older copy of the journal under newer witnesses.
    fs::remove_dir_all(dir.path().join("journal")).expect("removed");
    copy(&old.path().join("journal"), &dir.path().join("journal"));
    for gone in [None, Some("store"), Some("snapshot")] {
        if let Some(name) = gone {
            fs::remove_dir_all(dir.path().join(name)).expect("removed");
        }
        let refused = Ledger::open(dir.path(), options());
        let position = match &refused {
            Err(OpenError::Log(LogError::Corrupt(corruption))) => corruption.position,
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(position, 10);
    }
    // Nobody on this disk has seen more than the older checkpoint has.
    fs::copy(old.path().join("checkpoint"), dir.path().join("checkpoint")).expect("copied");
    assert_eq!(open(dir.path()).reader().head(), 10);
}

#[test]
fn a_position_that_is_not_there_is_told_with_the_one_that_comes_next() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 4);
    let beyond = ledger.reader().event(4);
    assert!(matches!(beyond, Err(ReadError::Beyond { position: 4, head: 4 })), "{beyond:?}");
    assert!(ledger.reader().events(4, 10).expect("read").is_empty());
    assert_eq!(ledger.reader().events(2, 1).expect("read").len(), 1);
}

#[test]
fn a_reader_outlives_the_ledger_and_a_follower_hears_of_more() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let reader = ledger.reader();
    let mut subscription = reader.subscribe();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    let waiting = std::thread::spawn(move || {
        let reached = runtime.block_on(subscription.reached(3));
        (reached, runtime.block_on(subscription.reached(1000)))
    });
    record(&ledger, 1, 5);
    let expected = answers(&ledger);
    drop(ledger);
    let (reached, beyond) = waiting.join().expect("ended");
    assert!(reached.expect("open") > 3);
    assert_eq!(beyond, Err(minutebook_ledger::Closed), "the reader that is held does not keep a follower waiting");
    assert_eq!(reader.events(0, 100).expect("read"), expected.0);
    drop(open(dir.path()));
}

/// What is near in the journal is read there; where that is damaged, the store has it still.
#[test]
fn what_the_journal_has_lost_is_read_from_the_store() {
    let dir = tempfile::tempdir().expect("dir");
    let options = || Options { journal: JournalOptions::default(), ..options() };
    drop(found(dir.path()));
    let ledger = Ledger::open(dir.path(), options()).expect("opened");
    let many = |n: u64| (0..100).map(|m| note(&format!("party-{n}-{m}"))).collect();
    for n in 0..32 {
        ledger.submit(submission(&format!("request-{n}"), many(n))).wait().expect("recorded");
    }
    ledger.close().expect("closed");
    let ledger = Ledger::open(dir.path(), options()).expect("opened");
    let expected = ledger.reader().events(1, 3200).expect("read");
    ledger.reader().frames(0..u64::MAX, &mut |_, _| ControlFlow::Continue(())).expect("sound");
    for segment in files(&dir.path().join("journal")) {
        let mut bytes = fs::read(&segment).expect("read");
        bytes.iter_mut().skip(200).step_by(10_000).for_each(|byte| *byte ^= 1);
        fs::write(&segment, bytes).expect("written");
    }
    let reader = ledger.reader();
    for position in (1..3200).step_by(37) {
        assert_eq!(reader.event(position).expect("of the store"), expected[position as usize - 1], "{position}");
    }
    assert!(reader.frames(0..u64::MAX, &mut |_, _| ControlFlow::Continue(())).is_err(), "the journal is damaged");
}

#[test]
fn what_is_committed_is_counted_and_what_is_refused_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = found(dir.path());
    let before = ledger.observed();
    assert_eq!((before.commits.events.count(), before.commits.bytes), (0, 0));
    assert_eq!((before.waiting, before.waiting_limit), (0, options().queue));

    ledger.submit(submission("three", ["a", "b", "c"].map(note).to_vec())).wait().unwrap();
    submit(&ledger, "one", "d").unwrap();
    // What is refused, and what was answered before, give no event and so no commit.
    submit(&ledger, "again", "d").unwrap_err();
    submit(&ledger, "one", "d").unwrap();

    let commits = ledger.observed().commits;
    assert_eq!((commits.events.count(), commits.events.sum), (2, 4));
    assert_eq!(commits.events.ranges[..3], [(Some(1), 1), (Some(2), 0), (Some(4), 1)]);
    assert_eq!((commits.submissions.count(), commits.append_us.count()), (2, 2));
    assert!(commits.bytes > 0);
    ledger.reader().checkpoint().unwrap();
    let signed = ledger.observed().signed.unwrap();
    assert_eq!(signed.unsigned, 0);
    assert!(signed.checkpoint_age.is_some());
}
