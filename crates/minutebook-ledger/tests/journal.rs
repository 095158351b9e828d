//! The journal by itself: its bytes, what it makes of a crash, and what it makes of damage.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a test stops at the first surprise"
)]

use std::fs::{self, OpenOptions};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use minutebook_ledger::frame::{Damage, EncodedFrame, Frame, FrameBuilder};
use minutebook_ledger::journal::{Journal, JournalOptions, Witness};
use minutebook_ledger::log::{AppendError, Head, Log, LogError};

const HEADER: u64 = 64;

fn options() -> JournalOptions {
    JournalOptions { segment_bytes: 4096 }
}

fn founding() -> EncodedFrame {
    let event = b"the founding".to_vec();
    let mut frame = FrameBuilder::founding(&event);
    frame.push("found", &[7; 32], &[event]).expect("small");
    frame.finish()
}

/// A frame of one command with `count` events of `size` bytes.
fn frame(head: Head, count: u64, size: usize) -> EncodedFrame {
    let event = |n: u64| vec![u8::try_from((head.next + n) % 251).expect("small") + 1; size];
    let events: Vec<_> = (0..count).map(event).collect();
    let mut frame = FrameBuilder::new(head.next, head.chain);
    frame.push(&format!("request-{}", head.next), &[9; 32], &events).expect("small");
    frame.finish()
}

fn append(journal: &Journal, count: u64, size: usize) -> EncodedFrame {
    let frame = frame(journal.head(), count, size);
    journal.append(journal.head().next, &frame).expect("appended");
    frame
}

fn found(dir: &Path) -> Journal {
    Journal::found(dir, &founding(), &options()).expect("founded");
    Journal::open(dir, options(), &[]).expect("opened")
}

fn events(journal: &Journal, from: u64) -> Result<Vec<Vec<u8>>, LogError> {
    let mut events = Vec::new();
    journal.read(from, &mut |frame| {
        let skip = usize::try_from(from.saturating_sub(frame.first())).expect("small");
        events.extend(frame.events().skip(skip).map(<[u8]>::to_vec));
        ControlFlow::Continue(())
    })?;
    Ok(events)
}

fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:04}.seg"))
}

fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).expect("open").write_all_at(bytes, offset).expect("write");
}

fn corruption(result: Result<Journal, LogError>) -> (u64, Damage) {
    match result {
        Err(LogError::Corrupt(corruption)) => (corruption.position, corruption.damage),
        other => panic!("not reported as damage: {other:?}"),
    }
}

#[test]
fn golden_bytes_of_a_frame() {
    let mut frame = FrameBuilder::new(258, [0xaa; 32]);
    frame.push("r1", &[0xbb; 32], &[b"one".to_vec(), b"two!".to_vec()]).expect("small");
    frame.push("r2", &[0xcc; 32], &[b"3".to_vec()]).expect("small");
    let frame = frame.finish();
    let (aa, bb, cc) = ("aa".repeat(32), "bb".repeat(32), "cc".repeat(32));
    let golden = [
        "8e000000",
        "4b0ce232",
        "0201000000000000",
        "03000000",
        &aa, //
        "02",
        "7231",
        &bb,
        "02000000",
        "03000000",
        "6f6e65",
        "04000000",
        "74776f21", //
        "02",
        "7232",
        &cc,
        "01000000",
        "01000000",
        "33",
    ];
    let bytes: Vec<_> = frame.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes.concat(), golden.concat());
    // The same as a file, for other programs that read or attack it.
    assert_eq!(frame.bytes().as_ref(), include_bytes!("../../../tests/golden/frame.bin"));
    let view = frame.view().expect("sound");
    let commands: Vec<_> = view.commands().map(|c| (c.request_id.to_owned(), c.first, c.count)).collect();
    assert_eq!(commands, [("r1".to_owned(), 258, 2), ("r2".to_owned(), 260, 1)]);
    assert_eq!(view.events().collect::<Vec<_>>(), [&b"one"[..], b"two!", b"3"]);
    assert_eq!(frame.event(259).as_deref(), Some(&b"two!"[..]));
}

#[test]
fn every_changed_bit_of_a_frame_is_found() {
    let frame = frame(Head { next: 5, chain: [1; 32] }, 3, 20);
    for bit in 0..frame.bytes().len() * 8 {
        let mut bytes = frame.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Frame::parse(&bytes).is_err(), "bit {bit}");
    }
}

#[test]
fn golden_bytes_of_the_first_segment() {
    let dir = tempfile::tempdir().expect("dir");
    drop(found(dir.path()));
    let bytes = fs::read(segment(dir.path(), 1)).expect("read");
    assert_eq!(bytes.len(), 4096);
    assert_eq!(bytes[..8], *b"minutebk");
    assert_eq!(bytes[8..20], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[20..52], *founding().previous());
    let end = 64 + founding().bytes().len();
    assert_eq!(bytes[64..end], founding().bytes()[..]);
    assert!(bytes[end..].iter().all(|byte| *byte == 0));
}

#[test]
fn what_was_appended_is_read_from_any_position_also_after_reopening() {
    let dir = tempfile::tempdir().expect("dir");
    let mut expected = vec![b"the founding".to_vec()];
    let journal = found(dir.path());
    // Many segments, and frames that are larger than a segment.
    for n in 0..60 {
        let size = if n % 20 == 19 { 9000 } else { 150 };
        let frame = append(&journal, 1 + n % 3, size);
        expected.extend(frame.events().map(<[u8]>::to_vec));
    }
    let head = journal.head();
    assert!(segment(dir.path(), 5).exists(), "the test is to use several segments");
    for journal in [journal, Journal::open(dir.path(), options(), &[]).expect("reopened")] {
        assert_eq!(journal.head(), head);
        for from in 0..=expected.len() {
            assert_eq!(events(&journal, from as u64).expect("read"), expected[from..]);
        }
    }
}

#[test]
fn a_frame_that_does_not_follow_is_a_conflict() {
    let dir = tempfile::tempdir().expect("dir");
    let journal = found(dir.path());
    let head = journal.head();
    let stale = frame(head, 1, 10);
    append(&journal, 1, 20);
    assert!(matches!(journal.append(1, &stale), Err(AppendError::Conflict(now)) if now == journal.head()));
    let other_chain = frame(Head { chain: [3; 32], ..journal.head() }, 1, 10);
    assert!(matches!(journal.append(2, &other_chain), Err(AppendError::Conflict(_))));
    append(&journal, 1, 10);
}

/// A journal with some frames in one segment, and where the last of them begins and ends.
fn with_last_frame(dir: &Path) -> (u64, u64, Head, Head) {
    let journal = found(dir);
    append(&journal, 2, 100);
    append(&journal, 1, 30);
    let before = journal.head();
    let last = append(&journal, 2, 40);
    let frames = [founding(), frame_after(&founding(), 2, 100)];
    let third = frame_after(&frames[1], 1, 30);
    let start = HEADER + frames.iter().chain([&third]).map(|frame| frame.bytes().len() as u64).sum::<u64>();
    (start, start + last.bytes().len() as u64, before, journal.head())
}

fn frame_after(previous: &EncodedFrame, count: u64, size: usize) -> EncodedFrame {
    frame(Head { next: previous.next(), chain: *previous.hash() }, count, size)
}

#[test]
fn a_tail_torn_at_any_byte_is_dropped_and_the_journal_goes_on() {
    let origin = tempfile::tempdir().expect("dir");
    let (start, end, before, after) = with_last_frame(origin.path());
    let whole = fs::read(segment(origin.path(), 1)).expect("read");
    let (from, to) = (usize::try_from(start).expect("small"), usize::try_from(end).expect("small"));
    for cut in from..=to {
        for keeps_front in [true, false] {
            let mut bytes = whole.clone();
            // A torn write may keep its first part or its last: sectors reach the disk in any order.
            if keeps_front {
                bytes[cut..to].fill(0);
            } else {
                bytes[from..cut].fill(0);
            }
            let is_whole = bytes == whole;
            let dir = tempfile::tempdir().expect("dir");
            fs::write(segment(dir.path(), 1), &bytes).expect("write");
            let journal = Journal::open(dir.path(), options(), &[]).expect("recovered");
            assert_eq!(journal.head(), if is_whole { after } else { before }, "cut at {cut}, {keeps_front}");
            append(&journal, 1, 5);
            let head = journal.head();
            drop(journal);
            let again = Journal::open(dir.path(), options(), &[]).expect("recovered again");
            assert_eq!(again.head(), head);
            assert_eq!(events(&again, 0).expect("read").len() as u64, head.next);
        }
    }
}

#[test]
fn a_file_that_ends_in_the_last_frame_is_torn_too() {
    let dir = tempfile::tempdir().expect("dir");
    let (start, end, before, _) = with_last_frame(dir.path());
    for length in [start + 3, start + 30, end - 1] {
        let copy = tempfile::tempdir().expect("dir");
        fs::copy(segment(dir.path(), 1), segment(copy.path(), 1)).expect("copy");
        let file = OpenOptions::new().write(true).open(segment(copy.path(), 1)).expect("open");
        file.set_len(length).expect("cut");
        let journal = Journal::open(copy.path(), options(), &[]).expect("recovered");
        assert_eq!(journal.head(), before);
        append(&journal, 1, 500);
    }
}

#[test]
fn a_missing_tail_that_a_witness_has_seen_is_damage() {
    let dir = tempfile::tempdir().expect("dir");
    let (start, end, before, after) = with_last_frame(dir.path());
    let witness = [Witness { name: "the store", next: after.next, chain: Some(after.chain) }];
    assert!(Journal::open(dir.path(), options(), &witness).is_ok());
    for cut in [start, start + 1, end - 1] {
        let copy = tempfile::tempdir().expect("dir");
        fs::copy(segment(dir.path(), 1), segment(copy.path(), 1)).expect("copy");
        overwrite(&segment(copy.path(), 1), cut, &vec![0; usize::try_from(end - cut).expect("small")]);
        let (position, damage) = corruption(Journal::open(copy.path(), options(), &witness));
        assert_eq!(position, before.next);
        assert!(matches!(damage, Damage::Missing { seen, .. } if seen == after.next));
        let without = Journal::open(copy.path(), options(), &[]).expect("without the witness it is a torn tail");
        assert_eq!(without.head(), before);
    }
}

#[test]
fn damage_before_a_sound_frame_is_named_and_never_skipped() {
    let dir = tempfile::tempdir().expect("dir");
    let journal = found(dir.path());
    let bodies = [append(&journal, 2, 30), append(&journal, 1, 30), append(&journal, 1, 30)];
    drop(journal);
    let path = segment(dir.path(), 1);
    let whole = fs::read(&path).expect("read");
    let start = 64 + founding().bytes().len();
    for offset in start..start + bodies[0].bytes().len() {
        let mut bytes = whole.clone();
        bytes[offset] ^= 0x10;
        fs::write(&path, &bytes).expect("write");
        let (position, _) = corruption(Journal::open(dir.path(), options(), &[]));
        assert_eq!(position, 1, "byte {offset}");
        assert_eq!(fs::read(&path).expect("read"), bytes, "the evidence is left as it is");
    }
}

#[test]
fn a_changed_bit_anywhere_is_reported_or_leaves_the_answer_as_it_was() {
    let origin = tempfile::tempdir().expect("dir");
    let journal = found(origin.path());
    for n in 0..40 {
        append(&journal, 1 + n % 2, 200);
    }
    let (head, expected) = (journal.head(), events(&journal, 0).expect("read"));
    drop(journal);
    let witness = [Witness { name: "the store", next: head.next, chain: Some(head.chain) }];
    let mut reported = 0;
    for number in 1.. {
        let path = segment(origin.path(), number);
        let Ok(whole) = fs::read(&path) else { break };
        for place in (0..whole.len()).step_by(37) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            fs::write(&path, &bytes).expect("write");
            let answer = Journal::open(origin.path(), options(), &witness).and_then(|journal| events(&journal, 0));
            match answer {
                Ok(found) => assert_eq!(found, expected, "segment {number}, byte {place}"),
                Err(_) => reported += 1,
            }
        }
        fs::write(&path, &whole).expect("write");
    }
    assert!(reported > 200, "only {reported} changes were reported");
}

#[test]
fn a_missing_segment_and_a_swapped_one_are_damage() {
    let dir = tempfile::tempdir().expect("dir");
    let journal = found(dir.path());
    for _ in 0..60 {
        append(&journal, 1, 200);
    }
    drop(journal);
    let (two, three, aside) = (segment(dir.path(), 2), segment(dir.path(), 3), dir.path().join("aside"));
    fs::rename(&two, &aside).expect("rename");
    corruption(Journal::open(dir.path(), options(), &[]));
    fs::rename(&three, &two).expect("rename");
    fs::rename(&aside, &three).expect("rename");
    corruption(Journal::open(dir.path(), options(), &[]));
}

#[test]
fn a_newer_format_is_refused() {
    let dir = tempfile::tempdir().expect("dir");
    drop(found(dir.path()));
    overwrite(&segment(dir.path(), 1), 8, &[2]);
    let opened = Journal::open(dir.path(), options(), &[]);
    assert!(matches!(opened, Err(LogError::NewerFormat { found: 2, known: 1, .. })), "{opened:?}");
}

#[test]
fn a_journal_is_founded_once_and_opened_only_where_it_is() {
    let dir = tempfile::tempdir().expect("dir");
    assert!(matches!(Journal::open(dir.path(), options(), &[]), Err(LogError::Absent(_))));
    drop(found(dir.path()));
    assert!(matches!(Journal::found(dir.path(), &founding(), &options()), Err(LogError::Present(_))));
}

#[test]
fn a_founding_that_came_to_nothing_leaves_no_trace() {
    let dir = tempfile::tempdir().expect("dir");
    fs::write(dir.path().join("next.seg"), vec![0xee; 8192]).expect("write");
    fs::write(dir.path().join("next.tmp"), b"half").expect("write");
    let journal = found(dir.path());
    assert_eq!(events(&journal, 0).expect("read"), [b"the founding".to_vec()]);
}

/// A full disk: nothing is recorded, reads go on, and writes go on as soon as there is room.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("dir");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(dir.path())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        println!("not run: 1 (needs the right to mount a tmpfs)");
        return;
    }
    let outcome = std::panic::catch_unwind(|| fill_and_free(dir.path()));
    let unmounted = Command::new("umount").arg("-l").arg(dir.path()).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    outcome.unwrap_or_else(|cause| std::panic::resume_unwind(cause));
}

fn fill_and_free(dir: &Path) {
    let options = JournalOptions { segment_bytes: 32 << 10 };
    let path = dir.join("journal");
    Journal::found(&path, &founding(), &options).expect("founded");
    let journal = Journal::open(&path, options.clone(), &[]).expect("opened");
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![1; 64 << 10]).expect("room");
    let full = loop {
        let frame = frame(journal.head(), 4, 1000);
        if let Err(error) = journal.append(journal.head().next, &frame) {
            break error;
        }
        assert!(journal.head().next < 1000, "the disk never was full");
    };
    assert!(matches!(full, AppendError::Full), "{full:?}");
    let before = journal.head();
    assert_eq!(events(&journal, 0).expect("read").len() as u64, before.next);
    fs::remove_file(ballast).expect("free");
    append(&journal, 1, 1000);
    let head = journal.head();
    drop(journal);
    let journal = Journal::open(&path, options, &[]).expect("reopened");
    assert_eq!(journal.head(), head);
    assert_eq!(events(&journal, 0).expect("read").len() as u64, before.next + 1);
}
