//! The key that signs, replaced by another: who trusted the one is led to the other, and nobody else.

use std::fs;
use std::path::Path;

use minutebook_tlog::{Checkpoint, Handover, VerifierKey};
use serde_json::Value;

use crate::fixture::program::{Ledger, run};
use crate::fixture::server::Server;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn head(ledger: &Ledger) -> Value {
    ledger.run(&["checkpoint", "--format", "json"]).json()
}

fn key(text: &Value) -> VerifierKey {
    text.as_str().expect("a text").parse().expect("a key")
}

#[test]
fn both_keys_sign_the_change_and_only_the_new_one_what_follows() {
    let ledger = Ledger::found();
    let before = head(&ledger);
    let rotated = ledger.run(&["key", "rotate", "--capacity", "secretary", "--format", "json"]).json();
    let (old, new) = (key(&before["verifier_key"]), key(&rotated["verifier_key"]));
    assert_eq!((&rotated["previous"], &rotated["receipt"]["first"]), (&before["verifier_key"], &1.into()));
    let handover = Handover::open(rotated["handover"].as_str().expect("a note")).expect("signed by both");
    assert_eq!((&handover.previous, &handover.next), (&old, &new));
    assert!(old.origin() == new.origin() && old != new);
    let note = fs::read_to_string(ledger.data().join("checkpoint")).expect("a checkpoint");
    assert_eq!(Checkpoint::open(&note, &old).expect("by the old key").size, 2);
    assert_eq!(Checkpoint::open(&note, &new).expect("and by the new one").size, 2);
    assert!(!ledger.data().join("key.next").exists());

    ledger.import(crate::fixture::FIRST).ok();
    let after = head(&ledger);
    let note = after["checkpoint"].as_str().expect("a note");
    assert!(Checkpoint::open(note, &new).is_ok() && Checkpoint::open(note, &old).is_err());
    assert_eq!(after["verifier_key"], rotated["verifier_key"]);
    let again = ledger.run(&["key", "rotate", "--format", "json"]).json();
    let listed = ledger.run(&["key", "list", "--format", "json"]).json();
    assert_eq!(
        listed["keys"],
        Value::from(vec![old.to_string(), new.to_string(), again["verifier_key"].as_str().expect("a key").to_owned()])
    );
    let verified = ledger.run(&["verify", "--format", "json"]).json();
    assert_eq!((&verified["verifier_key"], &verified["events"]), (&again["verifier_key"], &367.into()));
    assert_eq!(ledger.run(&["rebuild", "--format", "json"]).json()["equal"], true);
}

#[test]
fn whoever_trusted_the_old_key_is_led_to_the_new_one() {
    let ledger = Ledger::found();
    let old = head(&ledger)["verifier_key"].as_str().expect("a key").to_owned();
    let stranger = head(&Ledger::found())["verifier_key"].as_str().expect("a key").to_owned();
    let kept = ledger.file("kept.checkpoint", ledger.run(&["checkpoint"]).ok().as_bytes());
    let folder = tempfile::tempdir().expect("a directory");
    let (copy, backup) = (folder.path().join("copy"), folder.path().join("backup"));
    ledger.run(&["export-tiles", text(&copy)]).ok();
    let kept_secret = fs::read(ledger.data().join("key")).expect("a key");
    ledger.run(&["key", "rotate"]).ok();
    ledger.import(crate::fixture::FIRST).ok();
    let new = head(&ledger)["verifier_key"].clone();

    let since = ["verify", "--key", &old, "--since", text(&kept), "--format", "json"];
    let here = ledger.run(&since).json();
    assert_eq!((&here["verifier_key"], &here["events"]), (&new, &366.into()));
    assert_eq!(ledger.run(&[&since[..], &["--no-replay"]].concat()).json()["root"], here["root"]);
    let server = Server::start(&ledger.data());
    assert_eq!(run(since.iter().copied().chain(["--server", &server.address])).json(), here);
    let mirrored = run(["mirror", &server.address, text(&copy), "--format", "json"]).json();
    assert_eq!((&mirrored["verifier_key"], &mirrored["new"]), (&new, &365.into()));
    assert_eq!(run(["verify", "--mirror", text(&copy), "--format", "json"]).json()["root"], here["root"]);
    // As where it was cut off after the checkpoint: the key that signed it is not in its place yet.
    fs::write(copy.join("verifier-key"), format!("{old}\n")).expect("written");
    assert_eq!(run(["mirror", &server.address, text(&copy), "--format", "json"]).json()["new"], 0);
    assert_eq!(run(["verify", "--mirror", text(&copy), "--format", "json"]).json()["root"], here["root"]);
    let pinned = folder.path().join("pinned");
    run(["mirror", &server.address, text(&pinned), "--key", &old]).ok();
    assert_eq!(
        run(["verify", "--mirror", text(&pinned), "--key", &old, "--format", "json"]).json()["root"],
        here["root"]
    );
    run(["verify", "--mirror", text(&pinned), "--key", &stranger]).refused(5);
    run(["backup", text(&backup), "--server", &server.address, "--key", &old]).ok();
    let proof = run(["prove", "300", "--server", &server.address, "--key", &old]).ok();
    run(["mirror", &server.address, text(&copy), "--key", &stranger]).refused(5);
    run(["verify", "--server", &server.address, "--key", &stranger]).refused(5);
    server.stop();
    ledger.run(&["verify", "--key", &stranger]).refused(5);

    // A proof alone does not tell of keys: whoever checks it needs the one that signed.
    let proof = ledger.file("event.tlog-proof", proof.as_bytes());
    run(["check", text(&proof), "--key", new.as_str().expect("a key")]).ok();
    let complaint = run(["check", text(&proof), "--key", &old]).refused(5);
    assert!(complaint.contains("is not signed by") && complaint.contains("verify --key"), "{complaint}");
    let restored = folder.path().join("restored");
    let secret = ledger.data().join("key");
    run(["restore", text(&backup), "--data", text(&restored), "--secret-key", text(&secret), "--key", &old]).ok();
    assert_eq!(run(["verify", "--data", text(&restored), "--format", "json"]).json()["root"], here["root"]);
    let again = folder.path().join("again");
    run(["restore", text(&pinned), "--data", text(&again), "--secret-key", text(&secret), "--key", &old]).ok();
    fs::write(again.join("key"), kept_secret).expect("written");
    let complaint = run(["status", "--data", text(&again)]).refused(5);
    assert!(complaint.contains("one of the two") && complaint.contains("`key`"), "{complaint}");
}

#[test]
fn a_rotation_that_was_cut_off_is_finished_by_the_next_start() {
    let ledger = Ledger::found();
    let (old, checkpoint) = (ledger.data().join("key"), ledger.data().join("checkpoint"));
    let before = (fs::read(&old).expect("a key"), fs::read(&checkpoint).expect("a checkpoint"));
    let rotated = ledger.run(&["key", "rotate", "--request-id", "rotation", "--format", "json"]).json();
    let new = fs::read(&old).expect("a key");
    // As if the program had ended between the event and the first checkpoint after it.
    fs::write(&old, &before.0).expect("written");
    fs::write(&checkpoint, &before.1).expect("written");
    assert!(ledger.run(&["status"]).refused(5).contains("is not the key of this ledger"), "the next key is gone");
    fs::write(ledger.data().join("key.next"), &new).expect("written");
    assert_eq!(ledger.status()["verifier_key"], rotated["verifier_key"]);
    assert!(fs::read(&old).expect("a key") == new && !ledger.data().join("key.next").exists());
    let note = fs::read_to_string(&checkpoint).expect("a checkpoint");
    assert_eq!(Checkpoint::open(&note, &key(&rotated["previous"])).expect("by both").size, 2);
    ledger.run(&["verify"]).ok();

    let again = ledger.run(&["key", "rotate", "--request-id", "rotation", "--format", "json"]).json();
    assert_eq!((&again["verifier_key"], &again["receipt"]["repeated"]), (&rotated["verifier_key"], &true.into()));
    // A key that was made for a rotation that never was is of no use, and does no harm.
    fs::write(ledger.data().join("key.next"), "nothing").expect("written");
    ledger.run(&["verify"]).ok();
    ledger.run(&["key", "rotate", "--request-id", "another"]).ok();
    ledger.run(&["verify"]).ok();
}
