//! What an operator puts away and makes again: while it is served, from a backup or from somebody's copy, and never over
//! anything that is there.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tonic::Code;

use crate::fixture::client::{batch, connect, ledger as recorder, register};
use crate::fixture::program::{Ledger, Told, files, run};
use crate::fixture::server::Server;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn verified(data: &Path) -> Value {
    run(["verify", "--data", text(data), "--format", "json"]).json()
}

/// Makes a ledger of a backup or a copy, with the key of the ledger that it is of.
fn restore(from: &Path, of: &Ledger, to: &Path) -> Told {
    let key = of.data().join("key");
    run(["restore", text(from), "--data", text(to), "--secret-key", text(&key), "--format", "json"])
}

async fn record(server: &Server, n: u32) -> Result<minutebook_proto::pb::Receipt, tonic::Status> {
    let request = batch(&format!("request-{n}"), vec![register(&format!("party-{n}"), "Een partij")]);
    let answer = recorder(&connect(&server.address).await).record(request).await?;
    Ok(answer.into_inner().receipt.expect("a receipt"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_while_others_write_and_gives_the_same_ledger_again() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let folder = tempfile::tempdir().expect("a directory");
    let (backup, again) = (folder.path().join("backup"), folder.path().join("again"));
    let first = record(&server, 0).await.expect("recorded");
    let writing = async {
        for n in 1..200 {
            record(&server, n).await.expect("recorded");
        }
    };
    let backing_up = tokio::task::spawn_blocking({
        let (address, backup) = (server.address.clone(), backup.clone());
        move || run(["backup", text(&backup), "--server", &address, "--format", "json"]).json()
    });
    let ((), told) = tokio::join!(writing, backing_up);
    let told = told.expect("a backup");
    assert!(told["events"].as_u64() > Some(561), "what was acknowledged before is in it: {told}");
    server.stop();
    assert!(!backup.join("key").exists(), "whoever has it cannot sign");
    let key = told["verifier_key"].as_str().expect("a key");
    let checked = run(["verify", "--data", text(&backup), "--key", key, "--format", "json"]).json();
    assert_eq!((&checked["events"], &checked["root"]), (&told["events"], &told["root"]));

    let restored = restore(&backup, &ledger, &again).json();
    assert_eq!((&restored["root"], &restored["events"]), (&told["root"], &told["events"]));
    assert_eq!(verified(&again)["root"], told["root"]);
    let server = Server::start(&again);
    let repeated = record(&server, 0).await.expect("the answer of the first time");
    assert!(repeated.repeated && repeated.first == first.first && repeated.head == first.head, "{repeated:?}");
    assert!(!record(&server, 1_000).await.expect("it goes on").repeated);
    server.stop();
    assert!(verified(&again)["events"].as_u64() > told["events"].as_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebodys_copy_gives_the_same_ledger_and_no_request_is_recorded_twice() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    record(&server, 0).await.expect("recorded");
    server.stop();
    let folder = tempfile::tempdir().expect("a directory");
    let (copy, again) = (folder.path().join("copy"), folder.path().join("again"));
    ledger.run(&["export-tiles", text(&copy)]).ok();
    let whole = verified(&ledger.data());
    let restored = restore(&copy, &ledger, &again).json();
    assert_eq!((&restored["root"], &restored["events"]), (&whole["root"], &whole["events"]));
    assert_eq!(verified(&again), whole, "and the same book");
    let server = Server::start(&again);
    let refused = record(&server, 0).await.expect_err("nobody knows what the request was");
    assert_eq!(refused.code(), Code::AlreadyExists, "{refused:?}");
    record(&server, 1).await.expect("it goes on");
    server.stop();
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_left() {
    let ledger = Ledger::with_both_editions();
    let folder = tempfile::tempdir().expect("a directory");
    let (backup, copy) = (folder.path().join("backup"), folder.path().join("copy"));
    ledger.run(&["backup", text(&backup)]).ok();
    ledger.run(&["export-tiles", text(&copy)]).ok();
    let other = folder.path().join("other");
    Ledger::found().run(&["backup", text(&other)]).ok();
    let again = folder.path().join("again");
    let refuse = |from: &Path, code: i32| {
        let key = ledger.data().join("key");
        let told = run(["restore", text(from), "--data", text(&again), "--secret-key", text(&key)]);
        let complaint = told.refused(code);
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        let left: Vec<_> =
            fs::read_dir(folder.path()).expect("a directory").map(|entry| entry.expect("one").path()).collect();
        assert_eq!(left.len(), 3, "nothing is left of it: {left:?}");
        complaint
    };
    for from in [&backup, &copy] {
        for file in files(from).into_iter().filter(|file| !file.ends_with("lock")) {
            let whole = fs::read(&file).expect("readable");
            let mut changed = whole.clone();
            let at = whole.len() / 2;
            changed[at] ^= 1;
            // A tile of hashes that the entries do not need is made again.
            let is_spare = file.to_string_lossy().contains("tile/1/");
            for damaged in [changed, whole[..at].to_vec(), Vec::new()] {
                fs::write(&file, &damaged).expect("written");
                if !is_spare {
                    refuse(from, 5);
                }
            }
            fs::remove_file(&file).expect("removed");
            if !is_spare {
                let complaint = run(["restore", text(from), "--data", text(&again)]);
                assert!([5, 6].contains(&complaint.code), "{}: {complaint:?}", file.display());
            }
            fs::write(&file, &whole).expect("written");
        }
    }
    assert!(refuse(&other, 5).contains("is not the key of this ledger"), "with the key of another ledger");
    refuse(&folder.path().join("nothing"), 5);

    // Nothing that is there is written over.
    assert!(run(["restore", text(&backup), "--data", text(&copy)]).refused(2).contains("is not empty"));
    assert!(ledger.run(&["backup", text(&copy)]).refused(2).contains("is not empty"));
    // Without its key it is there, and waits for it.
    let told = run(["restore", text(&backup), "--data", text(&again), "--lang", "en"]).ok();
    assert!(told.contains("Put the file `key`"), "{told}");
    assert!(run(["status", "--data", text(&again)]).refused(5).contains("key of this ledger is gone"));
    fs::copy(ledger.data().join("key"), again.join("key")).expect("copied");
    assert_eq!(verified(&again), verified(&ledger.data()));
}
