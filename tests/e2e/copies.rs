//! Copies that others keep: verified each time they go on, and refused when the history was changed. Programs that share
//! no code with ours check them in `tests/interop`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::fixture::client::{batch, connect, ledger as recorder, register};
use crate::fixture::program::{Ledger, Told, files, run};
use crate::fixture::server::{Server, http};

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn mirror(server: &Server, dir: &Path) -> Told {
    run(["mirror", &server.address, text(dir), "--format", "json"])
}

fn verify(dir: &Path) -> Told {
    run(["verify", "--mirror", text(dir), "--format", "json"])
}

/// Everything in a directory.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let name = |path: &Path| text(path.strip_prefix(dir).expect("below")).to_owned();
    files(dir).iter().map(|path| (name(path), fs::read(path).expect("readable"))).collect()
}

async fn record(server: &Server, from: u32, to: u32) {
    let commands = (from..to).map(|n| register(&format!("party-{n}"), "Een partij")).collect();
    let request = batch(&format!("from-{from}"), commands);
    recorder(&connect(&server.address).await).record(request).await.expect("recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_goes_on_where_it_ends_and_is_the_same_as_one_made_at_once() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let folder = tempfile::tempdir().expect("a directory");
    let (steps, once) = (folder.path().join("steps"), folder.path().join("once"));
    for (from, to) in [(0, 3), (3, 255), (255, 256), (256, 600), (600, 1100)] {
        record(&server, from, to).await;
        let told = mirror(&server, &steps).json();
        // One more event than parties: the founding.
        assert_eq!(told["events"], to + 1);
        assert_eq!(told["new"], if from == 0 { to + 1 } else { to - from });
        assert_eq!(verify(&steps).json()["events"], to + 1);
    }
    assert_eq!(mirror(&server, &steps).json()["new"], 0, "nothing is new");
    mirror(&server, &once).ok();
    assert!(contents(&steps) == contents(&once), "the same files with the same bytes");
    let local = ledger.run(&["export-tiles", text(&folder.path().join("local")), "--format", "json"]).json();
    assert_eq!(local["events"], 1101);
    assert!(contents(&folder.path().join("local")) == contents(&once));
    let names: BTreeSet<_> = contents(&once).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002",
        "tile/0/003",
        "tile/0/004.p/77",
        "tile/1/000.p/4",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002",
        "tile/entries/003",
        "tile/entries/004.p/77",
        "verifier-key",
    ];
    assert_eq!(names, expected.into_iter().map(str::to_owned).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_refuses_another_history_and_stays_as_it_was() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    record(&server, 0, 300).await;
    server.stop();
    // The operator keeps a copy of the directory, and later goes on from it as if nothing had been recorded since.
    let old = tempfile::tempdir().expect("a directory");
    copy(&ledger.data(), &old.path().join("data"));
    let server = Server::start(&ledger.data());
    record(&server, 300, 400).await;
    let folder = tempfile::tempdir().expect("a directory");
    let dir = folder.path().join("mirror");
    mirror(&server, &dir).ok();
    let before = contents(&dir);
    server.stop();

    let server = Server::start(&old.path().join("data"));
    let shorter = mirror(&server, &dir);
    assert!(shorter.code == 5 && shorter.err.contains("LOG_SHORTER"), "{shorter:#?}");
    record(&server, 1000, 1400).await;
    let forked = mirror(&server, &dir);
    assert!(forked.code == 5 && forked.err.contains("LOG_FORKED"), "{forked:#?}");
    drop(server);
    let other = Ledger::found();
    let server = Server::start(&other.data());
    let stranger = mirror(&server, &dir);
    assert!(stranger.code == 5, "{stranger:#?}");
    assert!(contents(&dir) == before, "it is as it was");
    let nowhere = folder.path().join("nowhere");
    let key = text(&dir.join("verifier-key")).to_owned();
    assert_eq!(run(["mirror", &server.address, text(&nowhere), "--key", &key]).code, 5);
    assert!(!nowhere.exists(), "nothing was begun for a ledger of another key");
}

#[test]
fn a_copy_that_was_changed_is_refused_and_the_file_named() {
    let ledger = Ledger::with_both_editions();
    let folder = tempfile::tempdir().expect("a directory");
    let dir = folder.path().join("copy");
    ledger.run(&["export-tiles", text(&dir)]).ok();
    let sound = verify(&dir).json();
    assert_eq!(sound["digest"], ledger.status()["digest"], "the same book, without the ledger");
    for (name, bytes) in contents(&dir) {
        let path = dir.join(&name);
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        for damage in [Some(changed), Some(bytes[..bytes.len() / 2].to_vec()), Some(Vec::new()), None] {
            match damage {
                Some(damage) => fs::write(&path, damage).expect("writable"),
                None => fs::remove_file(&path).expect("removed"),
            }
            let told = verify(&dir);
            assert!(told.code == 5 && told.out.is_empty() && told.err.lines().count() == 1, "{name}: {told:#?}");
        }
        fs::write(&path, bytes).expect("writable");
    }
    let path = dir.join("checkpoint");
    let note = fs::read_to_string(&path).expect("text");
    fs::write(&path, note.replace("\n561\n", "\n281474976710656\n")).expect("writable");
    let told = verify(&dir);
    assert!(told.code == 5 && told.err.contains("tile/0/"), "there are not as many tiles as that: {told:#?}");
    fs::write(&path, note).expect("writable");
    assert_eq!(verify(&dir).json(), sound);
}

/// Where something else is than the copy, it stays.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_whole_copy_is_gone_on_with() {
    let (ledger, other) = (Ledger::with_both_editions(), Ledger::found());
    let server = Server::start(&ledger.data());
    let folder = tempfile::tempdir().expect("a directory");
    let place = |name: &str| folder.path().join(name);
    let (backup, theirs, begun) = (place("backup"), place("theirs"), place("begun"));
    run(["backup", text(&backup), "--server", &server.address]).ok();
    fs::create_dir(&theirs).expect("made");
    fs::write(theirs.join("note"), "precious").expect("written");
    fs::create_dir_all(begun.join("incoming")).expect("made");
    fs::write(begun.join("incoming/note"), "precious").expect("written");
    for dir in [&other.data(), &backup, &theirs, &begun] {
        let before = contents(dir);
        let told = mirror(&server, dir);
        assert!(told.code == 5 && told.err.contains("is no copy, and not empty"), "{told:#?}");
        assert!(contents(dir) == before, "{} is as it was", dir.display());
    }
    fs::create_dir(place("new.incoming")).expect("made");
    fs::write(place("new.incoming").join("note"), "precious").expect("written");
    for arguments in [
        ["backup", text(&place("new")), "--server", &server.address],
        ["restore", text(&backup), "--data", text(&place("new"))],
    ] {
        assert!(run(arguments).refused(2).contains("is there already"));
        assert!(place("new.incoming/note").is_file() && !place("new").exists());
    }

    let dir = place("copy");
    mirror(&server, &dir).ok();
    for (name, bytes) in contents(&dir) {
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        for damage in [Some(changed), None] {
            match damage {
                Some(damage) => fs::write(dir.join(&name), damage).expect("writable"),
                None => fs::remove_file(dir.join(&name)).expect("removed"),
            }
            let before = contents(&dir);
            let told = mirror(&server, &dir);
            assert!(told.code == 5 && told.err.lines().count() == 1, "{name}: {told:#?}");
            assert!(contents(&dir) == before, "{name}");
        }
        fs::write(dir.join(name), bytes).expect("writable");
    }
    assert_eq!(mirror(&server, &dir).json()["new"], 0);
    server.stop();
}

/// What a server answers to whoever asks for a file.
fn get(server: &Server, path: &str) -> (u16, String, Vec<u8>) {
    http(&server.address, &format!("GET {path}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_serves_the_files_of_a_copy_over_http() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    record(&server, 0, 600).await;
    let folder = tempfile::tempdir().expect("a directory");
    let dir = folder.path().join("mirror");
    mirror(&server, &dir).ok();
    let names = contents(&dir).into_iter().filter(|(name, _)| name != "verifier-key");
    for (name, bytes) in names {
        let (status, head, body) = get(&server, &format!("/{name}"));
        assert!(status == 200 && body == bytes, "{name}: {status}");
        let (kind, kept) = match name.as_str() {
            "checkpoint" => ("text/plain; charset=utf-8", "max-age=1"),
            _ => ("application/octet-stream", "public, max-age=31536000, immutable"),
        };
        assert!(
            head.contains(&format!("content-type: {kind}")) && head.contains(&format!("cache-control: {kept}")),
            "{head}"
        );
    }
    // A smaller size that was once signed has its partial tiles still.
    assert_eq!(get(&server, "/tile/0/000.p/7").2, fs::read(dir.join("tile/0/000")).expect("read")[..7 * 32]);
    for path in [
        "/",
        "/checkpoint/",
        "/tiles/0/000",
        "/tile/0/009",
        "/tile/0/002.p/200",
        "/tile/entries/002",
        "/tile/1/000",
        "/tile/0/0",
        "/tile/8/0/000",
    ] {
        let (status, head, _) = get(&server, path);
        assert!(status == 404, "{path}: {head}");
        assert!(!head.contains("immutable"), "what is not there yet may come: {head}");
    }
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).expect("below"));
        fs::create_dir_all(target.parent().expect("a directory")).expect("made");
        fs::copy(path, target).expect("copied");
    }
}
