//! A batch is recorded whole or not at all, and has its limits.

use minutebook_proto::pb;
use tonic::Code;

use crate::fixture::client::{assert_refused, connect, decoded, events, head, ledger, record, register, state, status};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;

/// A command that the rules refuse: nobody of that name is registered.
fn dangling() -> pb::Command {
    let framework = pb::Framework {
        id: "plan".into(),
        title: "Plan".into(),
        adopted_by: Some("nobody".into()),
        ..pb::Framework::default()
    };
    state(pb::record::Record::Framework(framework))
}

#[tokio::test]
async fn one_bad_command_keeps_the_whole_batch_out() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let before = status(&channel).await;
    for place in 0..3 {
        let mut commands = vec![register("one", "One"), register("two", "Two")];
        commands.insert(place, dangling());
        assert_refused(record(&channel, "batch", commands).await, Code::InvalidArgument, "UNKNOWN_REFERENCE");
    }
    let after = status(&channel).await;
    assert_eq!((after.events, after.digest), (before.events, before.digest));

    // What the refused batches registered is not there to be referred to, and their name was not used up.
    let body = pb::Body { id: "nobody".into(), name: "Somebody after all".into(), ..pb::Body::default() };
    let commands = vec![state(pb::record::Record::Body(body)), dangling(), register("one", "One")];
    let receipt = record(&channel, "batch", commands).await.expect("each command builds on the one before");
    assert_eq!((receipt.first, receipt.count), (1, 3));
}

#[tokio::test]
async fn the_events_of_a_batch_stand_together_under_its_name() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let writers = (0..8).map(|writer| {
        let channel = channel.clone();
        tokio::spawn(async move {
            let parties = (0..5).map(|n| register(&format!("p-{writer}-{n}"), "A party")).collect();
            (writer, record(&channel, &format!("batch-{writer}"), parties).await.expect("recorded"))
        })
    });
    let writers: Vec<_> = writers.collect();
    let recorded = events(&channel, 0).await.len();
    assert!(recorded >= 1);
    for writer in writers {
        let (writer, receipt) = writer.await.expect("a receipt");
        for (n, event) in (0..).zip(events(&channel, receipt.first).await.into_iter().take(5)) {
            let event = decoded(&event);
            assert_eq!((event.position, event.request_id), (receipt.first + n, format!("batch-{writer}")));
        }
    }
    assert_eq!(head(&channel).await, 41);
}

#[tokio::test]
async fn a_batch_gives_at_most_ten_thousand_events() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let parties = |count: u32| (0..count).map(|n| register(&format!("p-{n}"), "P")).collect::<Vec<_>>();
    let over = record(&channel, "over", parties(10_001)).await;
    let status = assert_refused(over, Code::InvalidArgument, "TOO_MANY_EVENTS");
    assert!(status.message().contains("10001") && status.message().contains("10000"), "{status:?}");
    assert_eq!(head(&channel).await, 1);
    let receipt = record(&channel, "all", parties(10_000)).await.expect("recorded");
    assert_eq!((receipt.first, receipt.count, receipt.head), (1, 10_000, 10_001));
}

#[tokio::test]
async fn an_empty_batch_and_a_command_of_another_program_are_refused() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    assert_refused(record(&channel, "empty", Vec::new()).await, Code::InvalidArgument, "INVALID_REQUEST");
    // A command that this server does not know reads as one that asks nothing: it must not be passed over.
    let commands = vec![register("one", "One"), pb::Command { command: None }];
    assert_refused(record(&channel, "unknown", commands).await, Code::InvalidArgument, "INVALID_REQUEST");
    let nameless = pb::RecordRequest { write: None, commands: vec![register("one", "One")] };
    let answer = self::ledger(&channel).record(nameless).await;
    assert_refused(answer, Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(head(&channel).await, 1);
}
