//! The signed head of a ledger: what is signed, when, and what a ledger that does not fit it is refused for.
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
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{copy, found, founding, key, open, options, record, request_id, submit};
use minutebook_domain::event::{Actor, Founding};
use minutebook_domain::value::Name;
use minutebook_ledger::log::Log;
use minutebook_ledger::memory::{Fault, MemoryLog};
use minutebook_ledger::{KeptError, Ledger, OpenError, SignError, SubmitError, Unverified, founding_frame, verify};
use minutebook_tlog::{Checkpoint, SigningKey, Tree, check_consistency, check_inclusion, leaf_hash};

fn kept(data: &Path) -> Checkpoint {
    let key: SigningKey = fs::read_to_string(data.join("key")).expect("a key").parse().expect("a key");
    let note = fs::read_to_string(data.join("checkpoint")).expect("a checkpoint");
    Checkpoint::open(&note, key.public()).expect("signed by the key")
}

/// The tree over the events that a ledger serves.
fn served(ledger: &Ledger) -> Tree {
    let mut tree = Tree::default();
    common::answers(ledger).0.iter().for_each(|event| tree.push(leaf_hash(event)));
    tree
}

fn refused(data: &Path) -> KeptError {
    match Ledger::open(data, options()) {
        Err(OpenError::Kept(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn the_key_is_its_owners_alone_and_the_founding_names_its_public_half() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let mode = fs::metadata(dir.path().join("key")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let reader = ledger.reader();
    let public = reader.verifier_key().expect("a key").to_string();
    let book = reader.book().expect("a book");
    assert_eq!(book.founding().expect("founded").verifier_key.as_ref().map(Name::as_str), Some(public.as_str()));
}

#[test]
fn what_is_closed_is_signed_and_what_was_signed_is_proved() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 10);
    let tree = served(&ledger);
    ledger.close().expect("closed");
    let earlier = kept(dir.path());
    assert_eq!((earlier.size, earlier.root), (10, tree.root()));

    let ledger = open(dir.path());
    record(&ledger, 10, 700);
    let reader = ledger.reader();
    let signed = reader.checkpoint().expect("signed");
    assert_eq!(signed.checkpoint, kept(dir.path()));
    assert_eq!(reader.checkpoint().expect("signed").note, signed.note, "nothing is new");
    let (tree, Checkpoint { size, root, .. }) = (reader.tree(), signed.checkpoint.clone());
    assert_eq!((tree.size(), served(&ledger).root()), (size, root));
    for position in [0, 9, 10, 255, 256, 699] {
        let path = tree.prove_inclusion(position, size).expect("a proof");
        let leaf = leaf_hash(&reader.event(position).expect("read"));
        check_inclusion(&path, leaf, position, size, root).expect("proved");
    }
    let path = tree.prove_consistency(earlier.size, size).expect("a proof");
    check_consistency(&path, (earlier.size, earlier.root), (size, root)).expect("it continues");
    drop(ledger);
    assert_eq!(kept(dir.path()).size, 700, "also where it is only dropped");
}

#[test]
fn a_running_ledger_signs_by_itself() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 4);
    let began = Instant::now();
    while ledger.status().signed < 4 {
        assert!(began.elapsed() < Duration::from_mins(1), "nothing was signed");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(kept(dir.path()).size, 4);
}

#[test]
fn a_ledger_without_its_key_or_with_another_is_refused() {
    let dir = tempfile::tempdir().expect("dir");
    drop(found(dir.path()));
    let path = dir.path().join("key");
    let right = fs::read_to_string(&path).expect("a key");
    let mut other = right.clone();
    other.replace_range(
        other.len() - 10..other.len() - 9,
        if other.as_bytes()[other.len() - 10] == b'A' { "B" } else { "A" },
    );
    for wrong in [key().secret_text(), "no key", "", &other] {
        fs::write(&path, wrong).expect("written");
        // With a key that is one, the checkpoint is what does not fit it.
        let error = refused(dir.path());
        assert!(matches!(error, KeptError::KeyDiffers(_) | KeptError::Checkpoint { .. }), "{error}");
    }
    fs::write(&path, [0xff, 0xfe]).expect("written");
    assert!(matches!(refused(dir.path()), KeptError::KeyDiffers(_)));
    fs::remove_file(&path).expect("removed");
    assert!(matches!(refused(dir.path()), KeptError::KeyGone(_)));
    // The checkpoint is still there, so that it is not that which is missed.
    let verified = verify(dir.path(), None, &[], true, &mut |_, _| {});
    assert!(matches!(verified, Err(Unverified::Unfit(OpenError::Kept(KeptError::KeyGone(_))))), "{verified:?}");
    fs::write(&path, right).expect("written");
    drop(open(dir.path()));
}

#[test]
fn a_checkpoint_that_was_changed_or_taken_away_is_refused() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    record(&ledger, 1, 10);
    drop(ledger);
    let path = dir.path().join("checkpoint");
    let right = fs::read(&path).expect("a checkpoint");
    for at in 0..right.len() {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        fs::write(&path, wrong).expect("written");
        assert!(matches!(refused(dir.path()), KeptError::Checkpoint { .. }), "byte {at}");
    }
    fs::write(&path, &right[..right.len() / 2]).expect("written");
    assert!(matches!(refused(dir.path()), KeptError::Checkpoint { .. }));
    fs::remove_file(&path).expect("removed");
    assert!(matches!(refused(dir.path()), KeptError::CheckpointGone(_)));
    assert!(!path.exists(), "nothing is signed in its place");
    fs::write(&path, &right).expect("written");
    drop(open(dir.path()));
    // The founding alone may be without: what a crash left there took nothing else in.
    let new = tempfile::tempdir().expect("dir");
    drop(found(new.path()));
    fs::remove_file(new.path().join("checkpoint")).expect("removed");
    drop(open(new.path()));
    assert!(new.path().join("checkpoint").exists());
}

/// Two ledgers of one key that parted: what one signed the other does not hold.
#[test]
fn a_journal_that_differs_from_what_was_signed_is_refused() {
    let (dir, fork) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    let ledger = found(dir.path());
    record(&ledger, 1, 5);
    drop(ledger);
    copy(dir.path(), fork.path());
    let ledger = open(dir.path());
    record(&ledger, 5, 9);
    drop(ledger);
    let forked = open(fork.path());
    for n in 5..12 {
        submit(&forked, &format!("other-{n}"), &format!("other-{n}")).expect("recorded");
    }
    drop(forked);
    fs::copy(dir.path().join("checkpoint"), fork.path().join("checkpoint")).expect("copied");
    assert!(matches!(refused(fork.path()), KeptError::Forked { size: 9 }));
    // Nor does it help to have everything made anew from the journal.
    let rebuilt = Ledger::rebuild(fork.path(), options(), &mut |_, _| {});
    assert!(matches!(rebuilt, Err(OpenError::Kept(KeptError::Forked { size: 9 }))), "{rebuilt:?}");
}

#[test]
fn leaves_that_were_changed_in_the_store_are_made_again_from_the_journal() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = found(dir.path());
    let many = (1..9000_u32).map(|n| common::note(&format!("note-{n}"))).collect();
    ledger.submit(common::submission("many", many)).wait().expect("recorded");
    let expected = served(&ledger).root();
    drop(ledger);
    let other = tempfile::tempdir().expect("dir");
    let stranger = found(other.path());
    let many = (1..9000_u32).map(|n| common::note(&format!("other-{n}"))).collect();
    stranger.submit(common::submission("many", many)).wait().expect("recorded");
    drop(stranger);
    // The store of another ledger: sound, and of other events.
    fs::remove_dir_all(dir.path().join("store")).expect("removed");
    copy(&other.path().join("store"), &dir.path().join("store"));
    let ledger = open(dir.path());
    assert_eq!(
        (ledger.reader().tree().root(), ledger.reader().checkpoint().expect("signed").checkpoint.root),
        (expected, expected)
    );
}

/// A ledger over a log in memory, with its key in the directory.
fn over(log: &Arc<MemoryLog>, data: &Path) -> Ledger {
    Ledger::open_over(Arc::clone(log) as Arc<dyn Log>, data, options()).expect("opened")
}

#[test]
fn nothing_is_signed_over_what_is_stored_otherwise_than_it_was_recorded() {
    let (dir, key) = (tempfile::tempdir().expect("dir"), key());
    fs::write(dir.path().join("key"), key.secret_text()).expect("written");
    let verifier_key = Some(Name::new(&key.public().to_string()).expect("a name"));
    let founding = Founding { verifier_key, ..founding() };
    let frame = founding_frame(founding, &request_id("found"), Actor::default(), &options().clock).expect("founded");
    let log = Arc::new(MemoryLog::found(frame));
    let ledger = over(&log, dir.path());
    record(&ledger, 1, 4);
    let before = ledger.reader().checkpoint().expect("signed");
    log.fail_next(Fault::Altered);
    record(&ledger, 4, 5);
    let refused = ledger.reader().checkpoint();
    assert!(matches!(refused, Err(SignError::Differs { position: 4 })), "{refused:?}");
    assert!(matches!(submit(&ledger, "more", "more"), Err(SubmitError::Stopped)));
    assert_eq!(ledger.status().signed, before.checkpoint.size);
    drop(ledger);
    assert_eq!(kept(dir.path()), before.checkpoint);
}

#[test]
fn a_ledger_without_a_key_has_no_checkpoints() {
    let dir = tempfile::tempdir().expect("dir");
    let ledger = Ledger::found(dir.path(), options(), founding(), None, &request_id("found"), Actor::default())
        .expect("founded");
    assert!(matches!(ledger.reader().checkpoint(), Err(SignError::NoKey)));
    assert_eq!(ledger.reader().verifier_key(), None);
    drop(ledger);
    assert!(!dir.path().join("checkpoint").exists());
    let check = |earlier: &[String]| verify(dir.path(), None, earlier, true, &mut |_, _| {});
    assert_eq!(check(&[]).expect("sound").signed, None);
    let kept = check(&["a checkpoint that somebody kept".to_owned()]);
    assert!(matches!(kept, Err(Unverified::Earlier(_))), "what was kept is not passed over: {kept:?}");
}
