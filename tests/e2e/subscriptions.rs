//! Following the ledger: from a place on, without a gap, whole requests at a time, and only what was asked for.

use std::collections::BTreeSet;

use minutebook_proto::pb;
use minutebook_proto::pb::record::Record;
use minutebook_proto::pb::subscribe_request::Start;
use minutebook_proto::pb::subscribe_response::Told;
use minutebook_tlog::{Checkpoint, VerifierKey, check_consistency, check_inclusion, leaf_hash};
use serde_json::Value;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use crate::fixture::AGENDA;
use crate::fixture::client::{
    assert_refused, bad_fields, client, connect, events, record, record_party, register, state,
};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::subscriber::{Subscriber, asked, beginning, now, positions};

async fn follow(channel: &Channel, start: Start, filter: pb::EventFilter) -> Subscriber {
    Subscriber::begin(channel, asked(start, filter)).await.expect("a subscription")
}

fn everything() -> pb::EventFilter {
    pb::EventFilter::default()
}

#[tokio::test]
async fn a_subscription_gives_what_was_recorded_and_then_what_is() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let recorded = events(&channel, 0).await;
    let mut whole = follow(&channel, beginning(), everything()).await;
    let told = whole.all().await;
    assert_eq!(told.iter().map(|event| event.event.to_vec()).collect::<Vec<_>>(), recorded, "byte for byte");
    assert!(told.iter().all(|event| event.matches.is_empty()));
    assert_eq!(whole.position, Some(560));

    let mut later = follow(&channel, Start::After(557), everything()).await;
    assert_eq!(positions(&later.all().await), [558, 559, 560]);
    let mut new = follow(&channel, now(), everything()).await;
    assert_eq!(new.all().await, [], "what is there is not new");
    let mut newest = follow(&channel, Start::After(560), everything()).await;
    assert_eq!(newest.all().await, []);

    let three = (0..3).map(|n| register(&format!("p-{n}"), "P")).collect();
    record(&channel, "three", three).await.expect("recorded");
    record_party(&channel, "one", "p-3", "P").await.expect("recorded");
    for follower in [&mut whole, &mut later, &mut new, &mut newest] {
        let mut got = Vec::new();
        while got.len() < 4 {
            let batch = follower.batch().await;
            // What a request recorded arrives together.
            assert_ne!(batch.events.len() + got.len(), 1);
            assert_ne!(batch.events.len() + got.len(), 2);
            assert!(!batch.continues);
            got.extend(batch.events);
            assert_eq!(Some(&batch.position), positions(&got).last());
        }
        assert_eq!(positions(&got), [561, 562, 563, 564]);
    }
}

#[tokio::test]
async fn a_checkpoint_tells_how_far_it_is_even_where_nothing_fits_and_nothing_happens() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let filter = pb::EventFilter { types: vec!["LedgerFounded".into()], ..everything() };
    let request = pb::SubscribeRequest { checkpoint_every: 100, ..asked(Start::After(0), filter) };
    let mut follower = Subscriber::begin(&channel, request).await.expect("a subscription");
    let mut before = 0;
    loop {
        match follower.next().await.expect("more") {
            Told::Events(batch) => panic!("{batch:?} does not fit"),
            Told::Checkpoint(reached) => {
                assert!(reached.position >= before && reached.proof.is_none(), "{reached:?} after {before}");
                before = reached.position;
            }
            Told::CaughtUp(reached) => break assert_eq!(reached.position, 560),
        }
    }
    // Whether or not one was due on the way, there is one in a while.
    let Told::Checkpoint(idle) = follower.next().await.expect("more") else { panic!("nothing happened") };
    assert_eq!(idle.position, 560);
    record_party(&channel, "one", "p-1", "P").await.expect("recorded");
    while follower.next().await.expect("more")
        != Told::Checkpoint(pb::SubscriptionCheckpoint { position: 561, proof: None })
    {}
}

/// Does a text stand anywhere in a value?
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(list) => list.iter().any(|value| holds(value, text)),
        Value::Object(map) => map.values().any(|value| holds(value, text)),
        _ => false,
    }
}

#[tokio::test]
async fn a_filter_lets_through_what_a_full_reading_finds() {
    let ledger = Ledger::with_both_editions();
    let read: Vec<Value> = ledger
        .run(&["events", "--format", "json"])
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(read.len(), 561);
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let found = |fits: &dyn Fn(&Value) -> bool| -> Vec<u64> {
        let fitting = read.iter().filter(|event| fits(event));
        fitting.map(|event| event["position"].as_u64().expect("a position")).collect()
    };
    let is = |event: &Value, names: &[&str]| names.iter().any(|name| event["type"] == *name);
    let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    // What is only listed is not about it.
    let names = |event: &Value, id: &str| !is(event, &["ContentsListed"]) && holds(event, id);
    let registers = ["Source", "Framework", "Body", "Mandate", "Party", "RoleWord", "Membership"];
    let is_register =
        |event: &Value| registers.iter().any(|kind| event["type"].as_str().expect("a name").starts_with(kind));
    let is_of = |event: &Value| {
        holds(&event["agenda"], AGENDA) && !is_register(event) || is(event, &["AgendaOpened", "AgendaChanged"])
    };
    let is_ground = |event: &Value| {
        is_register(event) || is(event, &["LedgerFounded", "DecisionRecorded", "MotionRecorded", "AgreementStated"])
    };
    let types = ["ItemChanged", "ItemDropped"];
    let decided = ["ItemAdded", "MandateGranted"];
    let by_gs: Vec<&Value> =
        read.iter().filter(|event| is(event, &["DecisionRecorded"]) && holds(event, "gs")).collect();
    let is_by_gs = |event: &Value| by_gs.iter().any(|decision| decision["record"]["id"] == event["decision"]);
    let cases: [(pb::EventFilter, Vec<u64>); 9] = [
        (pb::EventFilter { types: list(&types), ..everything() }, found(&|event| is(event, &types))),
        (pb::EventFilter { agendas: list(&[AGENDA]), ..everything() }, found(&is_of)),
        (
            pb::EventFilter { agendas: list(&[AGENDA]), registers: true, ..everything() },
            found(&|event| is_of(event) || is_ground(event)),
        ),
        (
            pb::EventFilter { items: list(&["egpo-invoering"]), ..everything() },
            found(&|event| names(event, "egpo-invoering")),
        ),
        (
            pb::EventFilter { items: list(&["egpo-invoering", "vierslagleren"]), types: list(&types), ..everything() },
            found(&|event| is(event, &types) && (names(event, "egpo-invoering") || names(event, "vierslagleren"))),
        ),
        (
            pb::EventFilter {
                parties: list(&["gemeente-coevorden"]),
                types: list(&["AmountRecorded"]),
                ..everything()
            },
            found(&|event| is(event, &["AmountRecorded"]) && names(event, "gemeente-coevorden")),
        ),
        (
            pb::EventFilter { decisions: list(&["gs-2016-uitvoeringsagenda"]), ..everything() },
            found(&|event| names(event, "gs-2016-uitvoeringsagenda")),
        ),
        (
            pb::EventFilter { bodies: list(&["gs"]), types: list(&decided), ..everything() },
            found(&|event| is(event, &decided) && (names(event, "gs") || is_by_gs(event))),
        ),
        (pb::EventFilter { types: list(&["RoleEnded"]), ..everything() }, Vec::new()),
    ];
    for (filter, expected) in cases {
        let mut follower = match Subscriber::begin(&channel, asked(beginning(), filter.clone())).await {
            Ok(follower) => follower,
            Err(status) => panic!("{filter:?}: {status:?}"),
        };
        let told = positions(&follower.all().await);
        assert_eq!(told, expected, "{filter:?}");
        assert_eq!(follower.position, Some(560));
    }
}

/// A group of parties.
fn group(id: &str, members: &[&str]) -> pb::Command {
    state(Record::Party(pb::Party {
        id: id.into(),
        name: "A group".into(),
        kind: Some("group".into()),
        members: Some(pb::IdList { ids: members.iter().map(|id| (*id).to_owned()).collect() }),
        ..pb::Party::default()
    }))
}

/// Who is paid something by whom.
fn amount(id: &str, source: &str) -> pb::Command {
    state(Record::Amount(pb::Amount {
        id: id.into(),
        what: "paid".into(),
        source: Some(source.into()),
        ..pb::Amount::default()
    }))
}

#[tokio::test]
async fn a_party_fits_by_the_groups_that_it_was_in_when_the_event_was_recorded() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let written = [
        register("emmen", "Emmen"),
        register("coevorden", "Coevorden"),
        group("zuidoost", &["coevorden"]),
        amount("before", "zuidoost"),
        group("zuidoost", &["coevorden", "emmen"]),
        amount("during", "zuidoost"),
        amount("own", "emmen"),
        group("zuidoost", &["coevorden"]),
        amount("after", "zuidoost"),
    ];
    for (n, command) in (1..).zip(written) {
        assert_eq!(record(&channel, &format!("r-{n}"), vec![command]).await.expect("recorded").first, n);
    }
    let filter = |types: &[&str]| pb::EventFilter {
        parties: vec!["emmen".into()],
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        ..everything()
    };
    let told = |events: Vec<pb::DeliveredEvent>| -> Vec<(u64, Option<String>)> {
        let touch = |event: &pb::DeliveredEvent| match event.matches.as_slice() {
            [only] if only.party == "emmen" => only.via.clone(),
            matches => panic!("{matches:?}"),
        };
        positions(&events).into_iter().zip(events.iter().map(touch)).collect()
    };
    let via = Some("zuidoost".to_owned());
    let amounts = [(6, via.clone()), (7, None)];
    // Where events about the groups do not fit, they count all the same; and where one begins does not matter.
    let mut follower = follow(&channel, beginning(), filter(&["AmountRecorded"])).await;
    assert_eq!(told(follower.all().await), amounts);
    let mut follower = follow(&channel, Start::After(5), filter(&["AmountRecorded"])).await;
    assert_eq!(told(follower.all().await), amounts);
    let mut follower = follow(&channel, beginning(), filter(&[])).await;
    assert_eq!(told(follower.all().await), [(1, None), (5, None), (6, via.clone()), (7, None)]);
    record(&channel, "again", vec![group("zuidoost", &["emmen"]), amount("again", "zuidoost")])
        .await
        .expect("recorded");
    assert_eq!(told(follower.batch().await.events), [(10, None), (11, via)]);
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_by_its_own_reason() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let list = |id: &str| vec![id.to_owned()];
    let no_start = Subscriber::begin(&channel, pb::SubscribeRequest::default()).await;
    assert_eq!(bad_fields(&assert_refused(no_start, Code::InvalidArgument, "INVALID_REQUEST")), ["start"]);
    for position in [1, 2, u64::MAX] {
        let beyond = Subscriber::begin(&channel, asked(Start::After(position), everything())).await;
        let status = assert_refused(beyond, Code::OutOfRange, "BEYOND_HEAD");
        assert_eq!(status.get_details_error_info().expect("details").metadata["newest"], "0");
    }
    let types = pb::EventFilter { types: list("ItemChange"), ..everything() };
    let status =
        assert_refused(Subscriber::begin(&channel, asked(now(), types)).await, Code::InvalidArgument, "EVENT_UNKNOWN");
    assert!(status.message().contains("ItemChanged"), "{status:?}");
    let unknown = [
        pb::EventFilter { agendas: list("nothing"), ..everything() },
        pb::EventFilter { items: list("nothing"), ..everything() },
        pb::EventFilter { bodies: list("nothing"), ..everything() },
        pb::EventFilter { parties: list("nothing"), ..everything() },
        pb::EventFilter { decisions: list("nothing"), ..everything() },
    ];
    for filter in unknown {
        let refused = Subscriber::begin(&channel, asked(beginning(), filter)).await;
        assert_refused(refused, Code::NotFound, "NOT_FOUND");
    }
    let wrong = pb::EventFilter {
        types: vec!["ItemChanged".into(); 101],
        items: vec!["x".into(); 101],
        parties: vec!["Not an id".into()],
        registers: true,
        ..everything()
    };
    let refused = Subscriber::begin(&channel, asked(now(), wrong)).await;
    let status = assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(bad_fields(&status), ["filter.types", "filter.items", "filter.parties[0]", "filter.registers"]);
    let size = pb::SubscribeRequest { prove: true, proved_size: Some(2), ..asked(now(), everything()) };
    assert_refused(Subscriber::begin(&channel, size).await, Code::InvalidArgument, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_request_too_large_for_one_message_comes_in_parts_and_is_gone_on_before() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    record_party(&channel, "small", "small", "S").await.expect("recorded");
    let large = (0..2200).map(|n| register(&format!("p-{n}"), "P")).collect();
    record(&channel, "large", large).await.expect("recorded");
    record_party(&channel, "last", "last", "L").await.expect("recorded");
    let request = pb::SubscribeRequest { checkpoint_every: 100, ..asked(beginning(), everything()) };
    let mut follower = Subscriber::begin(&channel, request).await.expect("a subscription");
    let (mut got, mut parts) = (Vec::new(), 0);
    while got.len() < 2203 {
        let batch = follower.batch().await;
        if batch.continues {
            parts += 1;
            assert_eq!(batch.position, 1, "within a request nobody can go on");
            assert!(
                positions(&batch.events).iter().all(|position| *position > 1),
                "what is whole goes before the parts"
            );
        }
        got.extend(batch.events);
    }
    assert_eq!(parts, 1);
    assert_eq!(positions(&got), (0..2203).collect::<Vec<_>>());
    // Of parts of a request that fit nothing, nothing is left open.
    let filter = pb::EventFilter { parties: vec!["p-2040".into()], ..everything() };
    let mut follower = follow(&channel, beginning(), filter).await;
    assert_eq!(positions(&follower.all().await), [2042]);
}

#[tokio::test]
async fn what_was_delivered_is_proved_to_be_in_a_log_that_goes_on() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut audit = client!(audit_service_client::AuditServiceClient, channel);
    let kept = audit.get_checkpoint(pb::GetCheckpointRequest::default()).await.expect("a checkpoint").into_inner();
    let key: VerifierKey = kept.verifier_key.parse().expect("a key");
    let (mut size, mut root) = (kept.size, kept.root.try_into().expect("32 bytes"));
    assert_eq!(size, 561);

    let filter = pb::EventFilter { types: vec!["AmountRecorded".into(), "PartyRegistered".into()], ..everything() };
    let request = pb::SubscribeRequest { prove: true, proved_size: Some(size), ..asked(beginning(), filter) };
    let mut follower = Subscriber::begin(&channel, request).await.expect("a subscription");
    let (mut unproved, mut proved) = (Vec::new(), 0);
    let before = follower.all().await;
    assert!(before.len() > 50);
    let expected = before.len() + 1;
    unproved.extend(before);
    record_party(&channel, "one", "p-1", "P").await.expect("recorded");
    while proved < expected {
        let told = match follower.next().await.expect("more") {
            Told::Events(batch) => {
                unproved.extend(batch.events);
                continue;
            }
            Told::CaughtUp(_) => continue,
            Told::Checkpoint(told) => told,
        };
        let Some(proof) = told.proof else {
            assert!(unproved.is_empty(), "a checkpoint without proof of {}", unproved.len());
            continue;
        };
        let checkpoint = Checkpoint::open(&proof.checkpoint, &key).expect("signed by the key");
        let path: Vec<_> = proof.consistency.into_iter().map(|hash| hash.try_into().expect("32 bytes")).collect();
        check_consistency(&path, (size, root), (checkpoint.size, checkpoint.root)).expect("it goes on");
        (size, root) = (checkpoint.size, checkpoint.root);
        for (event, proof) in unproved.drain(..).zip(proof.inclusion) {
            let path: Vec<_> = proof.hashes.into_iter().map(|hash| hash.try_into().expect("32 bytes")).collect();
            check_inclusion(&path, leaf_hash(&event.event), proof.position, size, root).expect("in the log");
            proved += 1;
        }
        assert!(unproved.is_empty(), "{} without proof", unproved.len());
    }
    assert_eq!((proved, size), (expected, 562));
}

#[tokio::test]
async fn a_subscription_goes_on_after_the_server_was_away() {
    let ledger = Ledger::with_both_editions();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut follower = follow(&channel, Start::After(500), everything()).await;
    let mut got = positions(&follower.all().await);
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    let status = assert_refused(Err::<(), _>(follower.end().await), Code::Unavailable, "ENDING");
    stopping.await.expect("it ends");
    let info = tonic_types::StatusExt::get_details_error_info(&status).expect("an ErrorInfo");
    let position: u64 = info.metadata["position"].parse().expect("a position");
    assert_eq!(position, 560);

    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    record_party(&channel, "one", "p-1", "P").await.expect("recorded");
    let mut follower = follow(&channel, Start::After(position), everything()).await;
    got.extend(positions(&follower.all().await));
    assert_eq!(got, (501..=561).collect::<Vec<_>>());
    // The ledger is built anew under it, and it is told.
    crate::fixture::client::rebuild(&channel).await;
    assert_refused(Err::<(), _>(follower.end().await), Code::Unavailable, "ENDING");
}

#[tokio::test]
async fn questions_and_a_subscription_after_their_position_come_to_the_whole() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    ledger.import(crate::fixture::FIRST).ok();
    let mut directory = client!(directory_service_client::DirectoryServiceClient, channel);
    let ask = |known| pb::ListRecordsRequest { kind: pb::Kind::Party.into(), known, ..Default::default() };
    let first = directory.list_records(ask(None)).await.expect("an answer").into_inner();
    let known = Some(pb::Known { known: Some(pb::known::Known::Position(first.position)) });
    // Somebody writes while the snapshot is taken.
    record_party(&channel, "between", "between", "B").await.expect("recorded");
    let snapshot = directory.list_records(ask(known)).await.expect("an answer").into_inner();
    let name = |record: &pb::Record| match &record.record {
        Some(Record::Party(party)) => party.id.clone(),
        other => panic!("{other:?}"),
    };
    let mut parties: BTreeSet<_> = snapshot.records.iter().map(name).collect();
    assert!(!parties.contains("between"));
    let filter = pb::EventFilter { types: vec!["PartyRegistered".into()], ..everything() };
    let mut follower = follow(&channel, Start::After(first.position), filter).await;
    ledger.import(crate::fixture::NEXT).ok();
    record_party(&channel, "last", "last", "L").await.expect("recorded");
    while !parties.contains("last") {
        for event in follower.batch().await.events {
            match crate::fixture::client::decoded(&event.event).payload {
                Some(pb::event::Payload::PartyRegistered(registered)) => {
                    assert!(parties.insert(registered.party.expect("a party").id), "twice");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let whole = directory.list_records(ask(None)).await.expect("an answer").into_inner();
    assert_eq!(parties, whole.records.iter().map(name).collect());
}
