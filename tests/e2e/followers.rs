//! The Rust client against the real server: writes that are recorded once, and followers that go on exactly where they
//! were, over restarts, cut lines and silence, and take nothing that is not proved.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use minutebook_client::{Client, Code, Error, Follower, Kept, Start, Told, Unproved, pb};
use minutebook_tlog::{Fault, VerifierKey};
use serde_json::Value;

use crate::fixture::AGENDA;
use crate::fixture::client::{batch, connect, events, record, record_party, register};
use crate::fixture::program::{Ledger, example, files, run};
use crate::fixture::relay::Relay;
use crate::fixture::server::Server;

fn client(address: &str) -> Client {
    Client::connect_later(address).expect("an address")
}

fn key(ledger: &Ledger) -> VerifierKey {
    let head = ledger.run(&["checkpoint", "--format", "json"]).json();
    head["verifier_key"].as_str().expect("a key").parse().expect("a key")
}

/// What a follower handed out.
#[derive(Debug, Default)]
struct Taken {
    events: Vec<Vec<u8>>,
    positions: Vec<u64>,
    caught_up: usize,
    interrupted: usize,
}

impl Taken {
    fn take(&mut self, told: Told) {
        match told {
            Told::Events(batch) => {
                self.positions.extend(batch.events.iter().map(|event| event.position));
                self.events.extend(batch.events.iter().map(|event| event.bytes.to_vec()));
            }
            Told::CaughtUp(_) => self.caught_up += 1,
            Told::Checkpoint(_) => {}
            Told::Interrupted(_) => self.interrupted += 1,
        }
    }

    /// Takes until there are so many events.
    async fn until(&mut self, follower: &mut Follower, events: usize) {
        while self.events.len() < events {
            self.take(follower.next().await.expect("more"));
        }
    }
}

/// Takes until it has caught up.
async fn all(follower: &mut Follower) -> Taken {
    let mut taken = Taken::default();
    while taken.caught_up == 0 {
        taken.take(follower.next().await.expect("more"));
    }
    taken
}

/// Why a follower ends, whatever it hands out before.
async fn end(follower: &mut Follower) -> Error {
    loop {
        match follower.next().await {
            Ok(Told::Events(batch)) => panic!("{:?} was handed out", batch.position),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_goes_on_over_restarts_and_cut_lines_without_a_gap() {
    let ledger = Ledger::found();
    let mut server = Server::start(&ledger.data());
    let relay = Relay::to(Some(&server)).await;
    for verified in [false, true] {
        let before = events(&connect(&server.address).await, 0).await.len();
        let follower = client(&relay.address).follow(Start::Beginning);
        let mut follower = if verified { follower.verified_by(key(&ledger)) } else { follower };
        let mut taken = all(&mut follower).await;
        assert_eq!(taken.events.len(), before);
        for round in 0..4 {
            let channel = connect(&server.address).await;
            let name = |n: usize| format!("{verified}-{round}-{n}");
            record(&channel, &name(0), (0..3).map(|n| register(&format!("p-{}", name(n)), "P")).collect())
                .await
                .expect("recorded");
            match round {
                0 => relay.cut(),
                1 => {
                    server.stop();
                    server = Server::start(&ledger.data());
                }
                2 => {
                    server.kill();
                    server = Server::start(&ledger.data());
                }
                _ => taken.until(&mut follower, before + 12).await,
            }
            relay.lead_to(Some(&server));
        }
        assert_eq!(taken.events, events(&connect(&server.address).await, 0).await, "each once, in order, as recorded");
        assert_eq!(taken.caught_up, 1);
        assert!(taken.interrupted >= 1, "{taken:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_often_the_line_is_cut_each_event_comes_once() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let relay = Relay::to(Some(&server)).await;
    let (all, some) = (
        pb::EventFilter::default(),
        pb::EventFilter { agendas: vec![AGENDA.into()], registers: true, ..pb::EventFilter::default() },
    );
    let trusted = key(&ledger);
    let followers =
        [(all.clone(), false), (some.clone(), false), (all, true), (some, true)].map(|(filter, verified)| {
            let follower = client(&relay.address).follow(Start::Beginning).filter(filter);
            let mut follower = if verified { follower.verified_by(trusted.clone()) } else { follower };
            tokio::spawn(async move {
                let mut taken = Taken::default();
                taken.until(&mut follower, 601).await;
                taken
            })
        });
    let channel = connect(&server.address).await;
    for n in 0..40 {
        record_party(&channel, &format!("r-{n}"), &format!("p-{n}"), "P").await.expect("recorded");
        relay.cut();
        tokio::time::sleep(Duration::from_millis(n * 5)).await;
    }
    let recorded = events(&channel, 0).await;
    for follower in followers {
        let taken = follower.await.expect("no panic");
        assert_eq!(taken.events, recorded);
        assert!(taken.interrupted > 0, "{}", taken.interrupted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_says_nothing_any_more_is_left() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let relay = Relay::to(Some(&server)).await;
    let mut follower = client(&relay.address).follow(Start::Now);
    let mut taken = all(&mut follower).await;
    relay.mute();
    record_party(&connect(&server.address).await, "r", "p", "P").await.expect("recorded");
    taken.until(&mut follower, 1).await;
    assert_eq!((taken.positions, taken.interrupted), (vec![1], 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_many_parts_is_handed_out_whole_and_proved() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let parties = (0..3000).map(|n| register(&format!("p-{n}"), "P")).collect();
    record(&channel, "large", parties).await.expect("recorded");
    let mut follower = client(&server.address).follow(Start::After(0)).verified_by(key(&ledger));
    let told = follower.next().await.expect("events");
    let Told::Events(batch) = told else { panic!("{told:?}") };
    assert_eq!((batch.events.len(), batch.position), (3000, 3000));
    assert_eq!(follower.next().await.expect("more"), Told::CaughtUp(3000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_good_ends_a_follower() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let client = client(&server.address);
    let types = |name: &str| pb::EventFilter { types: vec![name.into()], ..pb::EventFilter::default() };
    let parties = pb::EventFilter { parties: vec!["nobody".into()], ..pb::EventFilter::default() };
    for (mut follower, code, reason) in [
        (client.follow(Start::Now).filter(types("ItemChangd")), Code::InvalidArgument, "EVENT_UNKNOWN"),
        (client.follow(Start::Now).filter(parties), Code::NotFound, "NOT_FOUND"),
        (client.follow(Start::After(1)), Code::OutOfRange, "BEYOND_HEAD"),
    ] {
        match end(&mut follower).await {
            Error::Refused(refused) => assert_eq!((refused.code, refused.reason.as_str()), (code, reason)),
            error => panic!("{error}"),
        }
    }
}

/// A copy of a data directory as it is now.
fn copy_of(ledger: &Ledger, to: &Path) -> PathBuf {
    for file in files(&ledger.data()) {
        let place = to.join(file.strip_prefix(ledger.data()).expect("a file of it"));
        std::fs::create_dir_all(place.parent().expect("in a folder")).expect("a folder");
        std::fs::copy(&file, &place).expect("a copy");
    }
    to.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_kept_its_place_refuses_another_history() {
    let ledger = Ledger::found();
    ledger.run(&["party", "add", "--id", "p-1", "--name", "P"]).ok();
    let folder = tempfile::tempdir().expect("a directory");
    let (kept, old) = (folder.path().join("kept"), copy_of(&ledger, &folder.path().join("old")));
    ledger.run(&["party", "add", "--id", "p-2", "--name", "P"]).ok();
    let server = Server::start(&ledger.data());
    let relay = Relay::to(Some(&server)).await;
    let (client, trusted) = (client(&relay.address), key(&ledger));
    let opened = || client.follow(Start::Beginning).verified_by(trusted.clone()).kept_in(&kept).expect("a follower");

    let mut follower = opened();
    assert_eq!(all(&mut follower).await.positions, [0, 1, 2]);
    assert_eq!(Kept::read(&kept).expect("nothing is wrong"), None, "nobody said that it was dealt with");
    follower.next().await.expect("a checkpoint");
    let read = Kept::read(&kept).expect("readable").expect("there");
    assert_eq!((read.position, Some(&read)), (2, follower.kept()));
    drop(follower);
    record_party(&connect(&server.address).await, "r", "p-3", "P").await.expect("recorded");
    assert_eq!(all(&mut opened()).await.positions, [3], "from where it was");

    // The old copy takes its place: shorter at first, and then with another history.
    let mut unverified = client.resume(Kept { position: 3, checkpoint: None });
    server.stop();
    let server = Server::start(&old);
    relay.lead_to(Some(&server));
    for follower in [&mut opened(), &mut unverified] {
        match end(follower).await {
            Error::WentBack { seen, .. } => assert!(seen == 2 || seen == 3, "{seen}"),
            error => panic!("{error}"),
        }
    }
    let others = (0..5).map(|n| register(&format!("other-{n}"), "P")).collect();
    record(&connect(&server.address).await, "others", others).await.expect("recorded");
    let error = end(&mut opened()).await;
    assert!(matches!(error, Error::NotProved(Unproved::Fault(Fault::NotConsistent { old: 3.., new: 7 }))), "{error}");
    drop(server);

    // So does another ledger.
    let stranger = Ledger::found();
    let server = Server::start(&stranger.data());
    relay.lead_to(Some(&server));
    let error = end(&mut client.follow(Start::Beginning).verified_by(trusted.clone())).await;
    assert!(matches!(error, Error::NotProved(Unproved::Fault(Fault::Origin { .. }))), "{error}");
    let error =
        end(&mut client.follow(Start::Beginning).verified_by(key(&stranger)).kept_in(&kept).expect("readable")).await;
    assert!(matches!(error, Error::NotProved(Unproved::OtherLog { .. })), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_trusts_the_first_key_follows_it_to_the_next() {
    let ledger = Ledger::found();
    let first = key(&ledger);
    let server = Server::start(&ledger.data());
    let client = client(&server.address);
    let mut follower = client.follow(Start::Beginning).verified_by(first.clone());
    let mut taken = all(&mut follower).await;
    for n in 1..=2 {
        let request = pb::RotateKeyRequest::default();
        let receipt = client.write(request).await.expect("another key").receipt.expect("a receipt");
        assert_eq!(receipt.count, 1);
        let channel = connect(&server.address).await;
        record_party(&channel, &format!("r-{n}"), &format!("p-{n}"), "P").await.expect("recorded");
        taken.until(&mut follower, 1 + 2 * n).await;
    }
    assert_eq!(taken.events, events(&connect(&server.address).await, 0).await);
    // So does one that kept a checkpoint of the second key, and was given the first.
    let kept = follower.kept().expect("a place").clone();
    let mut resumed = client.resume(kept).verified_by(first);
    assert_eq!(all(&mut resumed).await.events.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_recorded_once_however_often_it_is_sent() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let relay = Relay::to(None).await;
    let client = client(&relay.address).retrying_for(Duration::from_mins(5));
    let request = |id: &str| pb::RecordRequest { write: None, ..batch("", vec![register(id, "P")]) };

    // The server is away at first.
    let write = client.write(request("p-1"));
    let back = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        relay.lead_to(Some(&server));
    };
    let (answer, ()) = tokio::join!(write, back);
    assert_eq!(answer.expect("recorded").receipt.expect("a receipt").first, 1);

    // The answer is lost.
    let channel = connect(&server.address).await;
    relay.mute();
    let write = tokio::spawn(async move { client.write(request("p-2")).await });
    while events(&channel, 0).await.len() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    relay.cut();
    let receipt = write.await.expect("no panic").expect("recorded").receipt.expect("a receipt");
    assert!(receipt.repeated && receipt.first == 2, "{receipt:?}");
    assert_eq!(events(&channel, 0).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_a_write_is_told_at_once_and_what_nobody_answers_after_a_while() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let client = client(&server.address);
    let refused = client.write(batch("r-1", vec![register("P 1", "P")])).await.expect_err("not an id");
    match refused {
        Error::Refused(refused) => {
            assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "INVALID_REQUEST"));
            let place = refused.places.first().expect("a place");
            assert!(place.field.starts_with("commands[0]"), "{place:?}");
        }
        error => panic!("{error}"),
    }
    client.write(batch("r-2", vec![register("p-1", "P")])).await.expect("recorded");
    let again = client.write(batch("r-2", vec![register("p-2", "P")])).await.expect_err("another content");
    assert!(matches!(&again, Error::Refused(refused) if refused.reason == "REQUEST_ID_REUSED"), "{again}");
    server.stop();
    let lost = client.retrying_for(Duration::from_millis(500)).write(batch("r-3", Vec::new())).await;
    let lost = lost.expect_err("nobody is there");
    assert!(matches!(&lost, Error::OutcomeUnknown { request_id, .. } if request_id == "r-3"), "{lost}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_keeps_an_agenda_and_each_event_has_its_effect_once() {
    let ledger = Ledger::found();
    ledger.import(crate::fixture::FIRST).ok();
    let server = Server::start(&ledger.data());
    let relay = Relay::to(Some(&server)).await;
    let folder = tempfile::tempdir().expect("a directory");
    let database = folder.path().join("agenda.sqlite");
    let verifier = key(&ledger).to_string();
    let follow = |options: &[&str]| {
        let mut command = Command::new(example());
        command.arg(&relay.address).arg(&database).args([AGENDA, "--key", &verifier]).args(options);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let caught_up = || {
        let output = follow(&["--until-caught-up"]).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let items = |out: &str| {
        let lines = out.lines().filter(|line| !line.starts_with("as recorded"));
        lines.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let first = caught_up();
    assert!(first.contains("as recorded up to event 364\n"), "{first}");
    assert_eq!(items(&first), titles(&server), "{first}");
    assert_eq!(caught_up(), first, "nothing has its effect twice");

    // It is killed while it follows, and the server restarts in between.
    let mut running = follow(&[]).stdout(Stdio::piped()).spawn().expect("it runs");
    server.stop();
    ledger.import(crate::fixture::NEXT).ok();
    let server = Server::start(&ledger.data());
    relay.lead_to(Some(&server));
    running.kill().expect("it can be killed");
    running.wait().expect("it ends");
    let next = caught_up();
    assert_ne!(items(&next), items(&first));
    assert_eq!(items(&next), titles(&server), "{next}");
}

/// The items of the agenda as the server tells them.
fn titles(server: &Server) -> BTreeSet<String> {
    fn add(items: &Value, kind: &str, titles: &mut BTreeSet<String>) {
        for item in items.as_array().into_iter().flatten() {
            let text = |field: &str| item[field].as_str().expect("a text");
            titles.insert(format!("{kind} {}: {}", text("id"), text("title")));
            for (list, kind) in [("subtasks", "subtask"), ("policy_items", "policy item"), ("actions", "action")] {
                add(&item[list], kind, titles);
            }
        }
    }
    let arguments =
        ["agenda", "show", AGENDA, "--valid", "2018-06-01", "--format", "json", "--server", &server.address];
    let shown = run(arguments).json();
    let mut titles = BTreeSet::new();
    add(&shown["document"]["themes"], "theme", &mut titles);
    assert!(titles.len() > 60, "{shown}");
    titles
}
