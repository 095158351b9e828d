//! Following the ledger: from a place on, without a gap, whole requests at a time, and only what was asked for.

use std::collections::BTreeSet;

use minutebook_proto::pb;
use minutebook_proto::pb::record::Record;
use minutebook_proto::pb::subscribe_request::Start;
use minutebook_proto::pb::subscribe_response::Told;
use minutebook_tlog::{VerifierKey, check_consistency, check_inclusion, leaf_hash};
use serde_json::Value;
use tonic::Code;
use tonic::transport::Channel;

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
                assert!(reached.position > before && reached.proof.is_none(), "{reached:?} after {before}");
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
        (pb::EventFilter { decisions: list(&["gs-2016-uitvoeringsagenda"]), ..everything() }, Vec::new()),
        (
            pb::EventFilter {
                bodies: list(&["gedeputeerde-staten"]),
                types: list(&["MandateGranted"]),
                ..everything()
            },
            Vec::new(),
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
