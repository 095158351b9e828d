//! What an auditor establishes without trusting the program: that the record is complete, in order and unaltered, and
//! that an event is in it.

use std::fs;
use std::path::Path;

use minutebook_proto::pb;
use minutebook_tlog::{Checkpoint, Hash, Tree, VerifierKey, check_consistency, check_inclusion, leaf_hash};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::fixture::client::{batch, client, connect, ledger as recorder, register, write};
use crate::fixture::program::{Ledger, files, run, run_in};
use crate::fixture::server::{Server, http};

fn key_of(ledger: &Ledger) -> String {
    let told = ledger.run(&["checkpoint", "--format", "json"]).json();
    told["verifier_key"].as_str().expect("a key").to_owned()
}

#[test]
fn a_proof_is_checked_without_any_ledger() {
    let ledger = Ledger::with_both_editions();
    let key = key_of(&ledger);
    let proof = ledger.run(&["prove", "364"]).ok();
    let file = ledger.file("event.tlog-proof", proof.as_bytes());
    let key_file = ledger.file("ledger.vkey", format!("{key}\n").as_bytes());
    let nowhere = tempfile::tempdir().expect("a directory");
    let check = |file: &Path, key: &str| run_in(nowhere.path(), ["check", file.to_str().expect("UTF-8"), "--key", key]);
    let told = check(&file, key_file.to_str().expect("UTF-8")).ok();
    assert!(told.contains("event 364") && told.contains("RevisionSealed"), "{told}");
    assert_eq!(fs::read_dir(nowhere.path()).expect("a directory").count(), 0, "it leaves nothing behind");
    assert_eq!(ledger.run(&["prove", "364"]).ok(), proof, "of the same ledger it is the same");

    let stranger = key_of(&Ledger::found());
    assert!(check(&file, &stranger).refused(5).contains("is of the log"), "another log");
    let lines: Vec<_> = proof.lines().collect();
    let without =
        |n: usize| lines.iter().enumerate().filter(move |(at, _)| *at != n).map(|(_, line)| format!("{line}\n"));
    let forged = [
        proof.replace("index 364", "index 363"),
        proof.replacen("\n561\n", "\n562\n", 1),
        proof[..proof.len() / 2].to_owned(),
        proof.replace('\n', "\r\n"),
        without(4).collect(),
        without(1).collect(),
        format!("{proof}{proof}"),
        "x".repeat(1 << 20),
        String::new(),
    ];
    for text in forged {
        assert_ne!(text, proof);
        let file = ledger.file("forged.tlog-proof", text.as_bytes());
        let complaint = check(&file, &key).refused(5);
        assert!(complaint.lines().count() == 1 && complaint.contains("not proved"), "{complaint}");
    }
    let file = ledger.file("forged.tlog-proof", &[0xff, 0xfe]);
    check(&file, &key).refused(5);
    check(&ledger.data().join("nothing"), &key).refused(6);
    check(&file, "nobody").refused(2);
    assert!(ledger.run(&["prove", "561"]).refused(3).contains("the newest is 560"));
}

#[test]
fn what_is_verified_continues_what_was_kept() {
    let ledger = Ledger::found();
    let kept = ledger.run(&["checkpoint"]).ok();
    assert_eq!(kept.lines().nth(1), Some("1"));
    let kept = ledger.file("kept.checkpoint", kept.as_bytes());
    let since = ["verify", "--since", kept.to_str().expect("UTF-8"), "--format", "json"];
    ledger.import(crate::fixture::FIRST).ok();
    let told = ledger.run(&since).json();
    assert_eq!((&told["events"], &told["signed"]), (&365.into(), &365.into()));
    assert_eq!(told["digest"], ledger.status()["digest"]);
    let server = Server::start(&ledger.data());
    assert_eq!(ledger.run(&since).json(), told, "with a server, that is asked");
    let elsewhere = run(since.iter().copied().chain(["--server", &server.address])).json();
    assert_eq!(elsewhere, told);
    server.stop();
    let hashed = ledger.run(&["verify", "--no-replay", "--format", "json"]).json();
    assert_eq!((&hashed["root"], &hashed["digest"]), (&told["root"], &serde_json::Value::Null));

    // Another ledger does not continue it, whatever key it is checked with.
    let other = Ledger::found();
    other.import(crate::fixture::FIRST).ok();
    assert!(other.run(&since[..3]).refused(5).contains("earlier checkpoint"));
    let key = key_of(&ledger);
    other.run(&["verify", "--key", &key]).refused(5);
}

#[test]
fn whichever_file_is_damaged_it_is_mended_or_refused() {
    let ledger = Ledger::with_both_editions();
    let expected = ledger.run(&["verify", "--format", "json"]).json();
    let whole: Vec<_> = files(&ledger.data())
        .into_iter()
        .map(|path| (fs::read(&path).expect("readable"), path))
        // What holds nothing yet cannot be damaged.
        .filter(|(bytes, _)| bytes.iter().skip(64).any(|byte| *byte != 0))
        .collect();
    assert!(whole.len() >= 5, "{:?}", whole.iter().map(|(_, path)| path).collect::<Vec<_>>());
    let restore = || {
        for name in ["store", "snapshot"] {
            let _ = fs::remove_dir_all(ledger.data().join(name));
        }
        for (bytes, path) in &whole {
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, bytes).expect("writable");
        }
    };
    for (bytes, path) in &whole {
        let written = bytes.iter().rposition(|byte| *byte != 0).expect("written");
        let mut damages: Vec<(String, Option<Vec<u8>>)> = vec![("deleted".to_owned(), None)];
        for at in [0, written / 3, written / 2, written] {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            damages.push((format!("bit of byte {at} flipped"), Some(other)));
        }
        damages.push(("cut".to_owned(), Some(bytes[..=written / 2].to_vec())));
        damages.push((
            "zeroed".to_owned(),
            Some([&bytes[..=written / 2], &vec![0; bytes.len() - written / 2 - 1]].concat()),
        ));
        for (what, damage) in damages {
            let what = format!("{}: {what}", path.display());
            match &damage {
                Some(other) => fs::write(path, other).expect("writable"),
                None => fs::remove_file(path).expect("removed"),
            }
            // Each looks at what the one before it left.
            for command in ["verify", "status"] {
                let told = ledger.run(&[command, "--format", "json"]);
                match told.code {
                    0 => {
                        let told = told.json();
                        assert_eq!(told["events"], expected["events"], "{what}");
                        assert_eq!(told["digest"], expected["digest"], "{what}");
                    }
                    5 => assert!(!told.err.contains("panicked"), "{what}: {told:#?}"),
                    // A ledger without its journal is none.
                    _ => panic!("{what}: {told:#?}"),
                }
            }
            restore();
        }
    }
    assert_eq!(ledger.run(&["verify", "--format", "json"]).json(), expected);
}

/// A client that believes nothing but the key.
struct Auditor {
    channel: Channel,
    key: VerifierKey,
}

impl Auditor {
    async fn checkpoint(&self) -> Checkpoint {
        let request = pb::GetCheckpointRequest::default();
        let answer = client!(audit_service_client::AuditServiceClient, self.channel).get_checkpoint(request).await;
        let answer = answer.expect("signed").into_inner();
        let checkpoint = Checkpoint::open(&answer.checkpoint, &self.key).expect("signed by the key");
        assert_eq!((checkpoint.size, checkpoint.root.as_slice()), (answer.size, answer.root.as_slice()));
        checkpoint
    }

    async fn entries(&self, from: u64, limit: u64) -> Vec<Vec<u8>> {
        let request = pb::ReadEntriesRequest { from, limit, min_position: None };
        let stream = client!(audit_service_client::AuditServiceClient, self.channel).read_entries(request).await;
        let (mut stream, mut entries) = (stream.expect("read").into_inner(), Vec::new());
        while let Some(answer) = stream.message().await.expect("read") {
            assert_eq!(answer.first, from + entries.len() as u64);
            entries.extend(answer.entries.into_iter().map(Into::into));
        }
        entries
    }
}

fn hashes(path: Vec<Vec<u8>>) -> Vec<Hash> {
    path.into_iter().map(|hash| hash.try_into().expect("32 bytes")).collect()
}

#[tokio::test]
async fn every_answer_is_checked_against_the_key_alone() {
    let ledger = Ledger::found();
    let key = key_of(&ledger).parse().expect("a key");
    let server = Server::start(&ledger.data());
    let auditor = Auditor { channel: connect(&server.address).await, key };
    let before = auditor.checkpoint().await;
    let commands = (0..700).map(|n| register(&format!("party-{n}"), "Een partij")).collect();
    recorder(&auditor.channel).record(batch("many", commands)).await.expect("recorded");
    let after = auditor.checkpoint().await;
    assert_eq!((before.size, after.size), (1, 701));

    let mut tree = Tree::default();
    let entries = auditor.entries(0, 0).await;
    for entry in &entries {
        tree.push(leaf_hash(entry));
    }
    assert_eq!((tree.size(), tree.root()), (after.size, after.root));
    assert_eq!(auditor.entries(300, 2).await, entries[300..302]);
    assert!(auditor.entries(701, 0).await.is_empty());

    let mut proofs = client!(audit_service_client::AuditServiceClient, auditor.channel);
    for position in [0, 1, 350, 700] {
        let request = pb::ProveInclusionRequest { position, size: None, min_position: None };
        let answer = proofs.prove_inclusion(request).await.expect("proved").into_inner();
        let signed = Checkpoint::open(&answer.checkpoint.expect("signed"), &auditor.key).expect("signed by the key");
        assert_eq!(signed, after);
        let leaf = leaf_hash(&answer.entry);
        check_inclusion(&hashes(answer.hashes), leaf, position, after.size, after.root).expect("included");
    }
    let request = pb::ProveConsistencyRequest { old: before.size, new: Some(after.size), min_position: None };
    let answer = proofs.prove_consistency(request).await.expect("proved").into_inner();
    assert_eq!(answer.checkpoint, None, "no checkpoint of that size was asked for");
    let sizes = ((before.size, before.root), (after.size, after.root));
    check_consistency(&hashes(answer.hashes), sizes.0, sizes.1).expect("it continues");

    for (position, size) in [(701, None), (5, Some(5)), (5, Some(702)), (5, Some(0)), (u64::MAX, Some(u64::MAX))] {
        proofs
            .prove_inclusion(pb::ProveInclusionRequest { position, size, min_position: None })
            .await
            .expect_err("there is no such proof");
    }
    for (old, new) in [(702, None), (6, Some(5)), (5, Some(702)), (0, Some(u64::MAX))] {
        proofs
            .prove_consistency(pb::ProveConsistencyRequest { old, new, min_position: None })
            .await
            .expect_err("there is no such proof");
    }
}

#[tokio::test]
async fn a_receipt_proves_its_events_where_that_is_asked_for() {
    let ledger = Ledger::found();
    let key: VerifierKey = key_of(&ledger).parse().expect("a key");
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let commands = || vec![register("een", "Een"), register("twee", "Twee")];
    let asked = |name: &str, prove, validate_only| pb::RecordRequest {
        write: Some(pb::Write { prove, validate_only, ..write(name) }),
        commands: commands(),
    };
    let mut recorder = recorder(&channel);
    let mut receipt = async |request| recorder.record(request).await.expect("recorded").into_inner().receipt.unwrap();
    assert!(receipt(asked("tried", true, true)).await.proofs.is_empty(), "nothing was recorded");
    let first = receipt(asked("first", true, false)).await;
    // The same request again is proved again, against what is signed by now.
    for receipt in [first.clone(), receipt(asked("first", true, false)).await] {
        let signed = Checkpoint::open(&receipt.checkpoint.expect("signed"), &key).expect("signed by the key");
        let positions: Vec<_> = receipt.proofs.iter().map(|proof| proof.position).collect();
        assert_eq!(positions, [1, 2]);
        for proof in receipt.proofs {
            let request = pb::ReadEntriesRequest { from: proof.position, limit: 1, min_position: None };
            let stream = client!(audit_service_client::AuditServiceClient, channel).read_entries(request).await;
            let answer = stream.expect("read").into_inner().message().await.expect("read").expect("an entry");
            let leaf = leaf_hash(&answer.entries[0]);
            check_inclusion(&hashes(proof.hashes), leaf, proof.position, signed.size, signed.root).expect("included");
        }
    }
    let plain = receipt(asked("first", false, false)).await;
    assert_eq!((plain.checkpoint, plain.proofs), (None, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_finds_out_what_has_become_unreadable_before_anybody_asks() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let name = "Een partij met een lange naam, waarvan er veel in het journaal komen te staan. ".repeat(6);
    for part in 0..6 {
        let commands = (0..1_000).map(|n| register(&format!("party-{part}-{n}"), &name)).collect();
        let request = batch(&format!("many-{part}"), commands);
        recorder(&connect(&server.address).await).record(request).await.expect("recorded");
    }
    server.stop();
    // The first segment is not the one that a start looks at, and the store has what it held.
    let first = ledger.data().join("journal/0001.seg");
    let mut bytes = fs::read(&first).expect("readable");
    assert!(ledger.data().join("journal/0002.seg").exists() && bytes.len() > 600_000);
    bytes[500_000] ^= 1;
    fs::write(&first, bytes).expect("written");
    let mut server = Server::start_with(&ledger.data(), &["--metrics", "127.0.0.1:0"], None);
    let metrics = server.says("minutebook tells metrics at ");
    let stopped = loop {
        let status = ledger.status();
        if let Some(stopped) = status["stopped"].as_str() {
            break stopped.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(stopped.contains("damaged at position 1"), "{stopped}");
    let request = batch("one-more", vec![register("one-more", "Een partij")]);
    let refused = recorder(&connect(&server.address).await).record(request).await.expect_err("nothing on top of it");
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
    let mut health = HealthClient::new(connect(&server.address).await);
    loop {
        let answer = health.check(HealthCheckRequest::default()).await.expect("an answer").into_inner();
        if answer.status() == ServingStatus::NotServing {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // Whoever watches the server hears of it too.
    let told = http(metrics.trim_end_matches("/metrics"), "GET /metrics").2;
    let told = String::from_utf8(told).expect("UTF-8");
    for line in ["minutebook_writer_stopped 1", "minutebook_refusals_total{code=\"STOPPED\"} 1"] {
        assert!(told.lines().any(|said| said == line), "{line} is not in {told}");
    }
    let log = server.stop();
    assert!(log.contains("a request failed") && log.contains("reason=\"STOPPED\""), "{log}");
    assert!(ledger.run(&["verify"]).refused(5).contains("damaged at position 1"));
}

#[test]
fn what_was_signed_is_not_signed_again_when_it_is_gone() {
    let ledger = Ledger::with_both_editions();
    let (checkpoint, journal) = (ledger.data().join("checkpoint"), ledger.data().join("journal"));
    let note = fs::read(&checkpoint).expect("a checkpoint");
    fs::remove_file(&checkpoint).expect("removed");
    for question in ["status", "verify"] {
        let complaint = ledger.run(&[question]).refused(5);
        assert!(complaint.contains("checkpoint"), "{complaint}");
    }
    assert!(!checkpoint.exists() && journal.exists());
    fs::write(&checkpoint, note).expect("written");
    ledger.run(&["verify"]).ok();
    // A founding alone may be without: nothing was taken in before that was signed.
    let new = Ledger::found();
    fs::remove_file(new.data().join("checkpoint")).expect("removed");
    assert_eq!(new.status()["signed"], 1);
}
