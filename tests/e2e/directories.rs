//! Directories that cannot be used: each is refused with the exit code that says why, in words that say what to do,
//! and stays as it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::client::{connect, record, register};
use crate::fixture::program::{Ledger, run};
use crate::fixture::server::Server;
use crate::fixture::{AGENDA, FIRST, NEXT, root};

fn on(data: &Path, arguments: &[&str]) -> crate::fixture::program::Told {
    run(["--data", data.to_str().expect("UTF-8")].iter().chain(arguments))
}

/// Every file in a directory with its content.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    crate::fixture::program::files(folder)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).expect("readable")))
        .collect()
}

#[test]
fn a_directory_that_is_not_a_ledger_is_not_made_one_by_asking() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (absent, empty, other) =
        (folder.path().join("absent"), folder.path().join("empty"), folder.path().join("other"));
    fs::create_dir(&empty).expect("made");
    fs::create_dir_all(other.join("journal")).expect("made");
    fs::write(other.join("notes.txt"), "mine").expect("written");
    let document = root().join(FIRST);
    for data in [&absent, &empty, &other] {
        for arguments in
            [&["status"][..], &["import", document.to_str().expect("UTF-8")], &["serve", "--listen", "127.0.0.1:0"]]
        {
            let complaint = on(data, arguments).refused(6);
            assert!(complaint.contains("minutebook init"), "{complaint}");
            assert!(complaint.contains(data.to_str().expect("UTF-8")), "{complaint}");
        }
    }
    assert!(!absent.exists());
    let left: Vec<_> = content(&other).into_iter().filter(|(path, _)| !path.ends_with("lock")).collect();
    assert_eq!(left, [(other.join("notes.txt"), b"mine".to_vec())]);
    // A file is no directory.
    let file = other.join("notes.txt");
    on(&file, &["status"]).refused(6);
    on(&file, &["init"]).refused(6);
}

#[test]
fn a_ledger_is_founded_once() {
    let ledger = Ledger::with_both_editions();
    let before = ledger.journal();
    let complaint = ledger.run(&["init"]).refused(4);
    assert!(complaint.contains("data"), "{complaint}");
    assert!(ledger.journal() == before, "something was recorded");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let data = folder.path().join("here");
    let complaint = on(&data, &["init", "--zone", "Europe/Drenthe"]).refused(2);
    assert!(complaint.contains("Europe/Drenthe") && complaint.contains("Europe/Amsterdam"), "{complaint}");
    on(&data, &["status"]).refused(6);
    on(&data, &["init", "--zone", "Europe/Brussels"]).ok();
    assert_eq!(on(&data, &["status", "--format", "json"]).json()["zone"], "Europe/Brussels");
}

#[test]
fn a_ledger_without_its_journal_is_damaged_and_not_founded_anew() {
    let ledger = Ledger::with_both_editions();
    fs::remove_dir_all(ledger.data().join("journal")).expect("removed");
    let left = content(&ledger.data());
    for arguments in [&["status"][..], &["init"], &["rebuild"], &["serve", "--listen", "127.0.0.1:0"]] {
        let complaint = ledger.run(arguments).refused(5);
        assert!(complaint.contains("restore `journal` from a copy"), "{complaint}");
    }
    assert_eq!(content(&ledger.data()), left);
}

#[test]
fn a_ledger_of_a_newer_format_is_left_alone() {
    let ledger = Ledger::found();
    ledger.import(FIRST).ok();
    let segment = ledger.data().join("journal/0001.seg");
    let mut bytes = fs::read(&segment).expect("readable");
    // The format stands after the eight bytes that say what the file is.
    assert_eq!(bytes[8..12], 1_u32.to_le_bytes());
    bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
    fs::write(&segment, &bytes).expect("writable");
    let document = root().join(NEXT);
    for arguments in
        [&["status"][..], &["import", document.to_str().expect("UTF-8")], &["serve", "--listen", "127.0.0.1:0"]]
    {
        let complaint = ledger.run(arguments).refused(6);
        assert!(complaint.contains("format 2") && complaint.contains("newer"), "{complaint}");
    }
    assert!(fs::read(&segment).expect("readable") == bytes, "it was changed");
}

#[test]
fn while_a_server_runs_others_are_sent_to_it_and_a_second_one_is_refused() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    // Reads and writes both find the server by the address in the lock.
    ledger.import(FIRST).ok();
    let status = ledger.status();
    assert_eq!(status["events"], 365);
    let there = run(["--server", &server.address, "status", "--format", "json"]).json();
    assert_eq!(there["digest"], status["digest"]);
    let complaint = ledger.run(&["serve", "--listen", "127.0.0.1:0"]).refused(4);
    assert!(complaint.contains("in use"), "{complaint}");
    ledger.run(&["init"]).refused(4);
    let told = ledger.run(&["rebuild", "--format", "json"]).json();
    assert_eq!(told["equal"], true);
    server.kill();
    // The address that a killed server leaves behind leads nobody astray.
    assert_eq!(ledger.status()["digest"], status["digest"]);
    ledger.import(NEXT).ok();
}

#[test]
fn a_lock_without_a_server_behind_it_is_a_conflict() {
    let ledger = Ledger::found();
    let before = ledger.journal();
    let lock = File::options().read(true).write(true).open(ledger.data().join("lock")).expect("a lock file");
    lock.lock().expect("locked");
    let document = root().join(FIRST);
    for address in ["", "http://127.0.0.1:1\n"] {
        fs::write(ledger.data().join("lock"), address).expect("written");
        for arguments in [&["status"][..], &["import", document.to_str().expect("UTF-8")]] {
            let complaint = ledger.run(arguments).refused(4);
            assert!(complaint.contains("in use"), "{complaint}");
        }
    }
    drop(lock);
    assert!(ledger.journal() == before, "something was recorded");
    ledger.status();
}

#[test]
fn a_server_that_is_not_there_cannot_be_reached() {
    let complaint = run(["--server", "http://127.0.0.1:1", "status"]).refused(6);
    assert!(complaint.contains("127.0.0.1:1") && complaint.contains("minutebook serve"), "{complaint}");
    run(["--server", "not an address", "status"]).refused(2);
    run(["--server", "https://127.0.0.1:1", "status"]).refused(2);
    run(["--server", "http://127.0.0.1:1", "--data", "data", "status"]).refused(2);
}

#[test]
fn a_command_first_waits_for_the_event_that_it_is_to_see() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    ledger.import(FIRST).ok();
    let there = |arguments: &[&str]| run(["--server", &server.address].iter().chain(arguments));
    let status = there(&["status", "--min-position", "364", "--format", "json"]).json();
    assert_eq!(status["events"], 365);
    for (lang, words) in [("en", "event 365"), ("nl", "gebeurtenis 365")] {
        let complaint = there(&["agenda", "list", "--min-position", "365", "--lang", lang]).refused(3);
        assert!(complaint.contains(words) && complaint.contains("364"), "{complaint}");
    }
    // Where no server is asked, nobody waits.
    let complaint = run(["--min-position", "365", "verify"]).refused(2);
    assert!(complaint.contains("leave out --min-position"), "{complaint}");
    there(&["status", "--min-position", "soon"]).refused(2);
}

/// A small file system in memory, which goes when the test ends. There is none for whom the system does not let mount.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: &Path, mib: u32) -> Option<Self> {
        let path = folder.join("disk");
        fs::create_dir(&path).expect("made");
        let size = format!("size={mib}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        println!("not run: 1 (no file system can be mounted)");
        None
    }

    fn remount(&self, how: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status();
        assert!(status.expect("mount is there").success());
    }

    /// Fills what is left but for so many bytes.
    fn fill(&self, leave: usize) -> PathBuf {
        let ballast = self.0.join("ballast");
        let block = vec![1_u8; 64 << 10];
        let mut file = File::create(&ballast).expect("made");
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        let filled = file.metadata().expect("a file").len();
        file.set_len(filled.saturating_sub(leave as u64)).expect("cut");
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nobody can use it any more, so it goes at once or as soon as the last file is closed.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_read_only_directory_is_refused_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = Disk::mount(folder.path(), 64) else { return };
    let data = disk.0.join("data");
    on(&data, &["init"]).ok();
    on(&data, &["import", root().join(FIRST).to_str().expect("UTF-8")]).ok();
    let before = content(&data.join("journal"));
    disk.remount("ro");
    for arguments in [
        &["status"][..],
        &["import", root().join(NEXT).to_str().expect("UTF-8")],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let complaint = on(&data, arguments).refused(6);
        assert!(complaint.to_lowercase().contains("read-only"), "{complaint}");
    }
    on(&disk.0.join("new"), &["init"]).refused(6);
    assert!(content(&data.join("journal")) == before, "something was recorded");
    disk.remount("rw");
    on(&data, &["import", root().join(NEXT).to_str().expect("UTF-8")]).ok();
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_recorded_by_halves_and_reads_go_on() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = Disk::mount(folder.path(), 64) else { return };
    let data = disk.0.join("data");
    on(&data, &["init"]).ok();
    on(&data, &["import", root().join(FIRST).to_str().expect("UTF-8")]).ok();
    let server = Server::start(&data);
    let ballast = disk.fill(0);
    let channel = connect(&server.address).await;
    let (mut recorded, mut refused) = (Vec::new(), None);
    for n in 0..2_000 {
        let parties = (0..20).map(|m| register(&format!("p-{n}-{m}"), &"x".repeat(4_000))).collect();
        match record(&channel, &format!("r-{n}"), parties).await {
            Ok(receipt) => recorded.push(receipt),
            Err(status) => {
                refused = Some((n, status));
                break;
            }
        }
    }
    let (n, status) = refused.expect("160 MB do not fit on a disk of 64");
    assert!(!recorded.is_empty(), "space that was made ahead can still be used");
    crate::fixture::client::assert_refused(Err::<(), _>(status), tonic::Code::ResourceExhausted, "DISK_FULL");
    // Reads go on, and nothing of what was refused is there.
    let last = recorded.last().expect("recorded");
    assert_eq!(crate::fixture::client::head(&channel).await, last.head);
    let there = on(&data, &["changes", AGENDA, "--year", "2016", "--format", "json"]).json();
    assert_eq!(there["control_total"]["after"], 40);
    let complaint = on(&data, &["import", root().join(NEXT).to_str().expect("UTF-8")]).refused(6);
    assert!(complaint.contains("space"), "{complaint}");
    // When there is room again, the same request is recorded, without anybody having to start anything.
    fs::remove_file(ballast).expect("removed");
    let parties = || (0..20).map(|m| register(&format!("p-{n}-{m}"), &"x".repeat(4_000))).collect();
    let receipt = record(&channel, &format!("r-{n}"), parties()).await.expect("there is room again");
    assert_eq!((receipt.first, receipt.count, receipt.repeated), (last.head, 20, false));
    let digest = crate::fixture::client::status(&channel).await.digest;
    server.kill();
    let server = Server::start(&data);
    let channel = connect(&server.address).await;
    assert_eq!(crate::fixture::client::status(&channel).await.digest, digest);
    assert!(record(&channel, &format!("r-{n}"), parties()).await.expect("known").repeated);
}

#[test]
fn a_ledger_cannot_be_founded_on_a_full_disk() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = Disk::mount(folder.path(), 4) else { return };
    let ballast = disk.fill(256 << 10);
    let data = disk.0.join("data");
    let complaint = on(&data, &["init"]).refused(6);
    assert!(complaint.to_lowercase().contains("space"), "{complaint}");
    fs::remove_file(ballast).expect("removed");
    disk.remount("size=64m");
    on(&data, &["init"]).ok();
    assert_eq!(on(&data, &["status", "--format", "json"]).json()["events"], 1);
}
