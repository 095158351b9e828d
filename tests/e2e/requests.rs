//! What a write says of itself: its name, on which state it was made, and whether it is only tried.

use minutebook_proto::pb;
use tonic::Code;

use crate::fixture::client::{
    assert_refused, client, connect, events, head, import, party, record, record_party, register, status, write,
};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::{FIRST, NEXT, text};

#[tokio::test]
async fn the_same_name_and_body_get_the_first_answer_again_and_another_body_is_refused_also_after_a_restart() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let body = || vec![register("partner", "A partner"), register("another-one", "Another one")];
    let first = record(&channel, "request-1", body()).await.expect("recorded");
    assert_eq!((first.first, first.count, first.head, first.repeated), (1, 2, 3, false));
    record_party(&channel, "request-2", "third", "A third").await.expect("recorded");
    let again = pb::Receipt { repeated: true, ..first };
    assert_eq!(record(&channel, "request-1", body()).await.expect("known"), again);

    let other = record_party(&channel, "request-1", "partner", "Another name").await;
    let status = assert_refused(other, Code::AlreadyExists, "REQUEST_ID_REUSED");
    assert!(status.message().contains("`request-1`"), "{status:?}");
    let before = events(&channel, 0).await;
    server.stop();

    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    assert_eq!(record(&channel, "request-1", body()).await.expect("known"), again);
    assert_refused(record_party(&channel, "request-1", "x", "X").await, Code::AlreadyExists, "REQUEST_ID_REUSED");
    assert_eq!(events(&channel, 0).await, before);
}

#[tokio::test]
async fn a_document_handed_in_twice_under_one_name_is_recorded_once() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let first = import(&channel, write("import-1"), text(FIRST).as_bytes()).await.expect("recorded");
    let receipt = first.receipt.expect("a receipt");
    assert!(receipt.count > 300 && !receipt.repeated, "{receipt:?}");
    let again = import(&channel, write("import-1"), text(FIRST).as_bytes()).await.expect("known");
    assert_eq!(again.receipt, Some(pb::Receipt { repeated: true, ..receipt }));
    // Under another name it is another request, and nothing in it is new.
    let other = import(&channel, write("import-2"), text(FIRST).as_bytes()).await.expect("nothing new");
    assert_eq!(other.receipt.expect("a receipt").count, 0);
    assert!(other.plan.expect("a plan").sealed_before.is_some());
    let next = import(&channel, write("import-1"), text(NEXT).as_bytes()).await;
    assert_refused(next, Code::AlreadyExists, "REQUEST_ID_REUSED");
    assert_eq!(head(&channel).await, receipt.head);
}

#[tokio::test]
async fn what_is_only_tried_is_decided_and_leaves_nothing_behind_not_even_its_name() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let before = status(&channel).await;
    let tried = pb::Write { validate_only: true, ..write("tried") };

    let mut directory = client!(directory_service_client::DirectoryServiceClient, channel);
    let request = |record| pb::RegisterRecordRequest {
        write: Some(tried.clone()),
        record: Some(pb::Record { record: Some(record) }),
        ..pb::RegisterRecordRequest::default()
    };
    let party = pb::record::Record::Party(party("partner", "A partner"));
    let answer = directory.register_record(request(party)).await.expect("it may be recorded").into_inner();
    let receipt = answer.receipt.expect("a receipt");
    assert_eq!((receipt.first, receipt.count, receipt.repeated), (1, 1, false));

    let dangling = pb::Framework {
        adopted_by: Some("nobody".into()),
        id: "plan".into(),
        title: "Plan".into(),
        ..pb::Framework::default()
    };
    let refused = directory.register_record(request(pb::record::Record::Framework(dangling))).await;
    assert_refused(refused, Code::InvalidArgument, "UNKNOWN_REFERENCE");

    let whole = import(&channel, tried, text(FIRST).as_bytes()).await.expect("it may be recorded");
    assert!(whole.receipt.expect("a receipt").count > 300);

    let after = status(&channel).await;
    assert_eq!((after.events, &after.digest), (before.events, &before.digest));
    let receipt = record_party(&channel, "tried", "other", "Something else").await.expect("the name is free");
    assert_eq!((receipt.first, receipt.repeated), (1, false));
}

#[tokio::test]
async fn a_write_on_an_older_state_is_aborted_with_the_current_one() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut directory = client!(directory_service_client::DirectoryServiceClient, channel);
    let state = |request_id, name, expected_revision| pb::RegisterRecordRequest {
        write: Some(pb::Write { expected_revision, ..write(request_id) }),
        record: Some(pb::Record { record: Some(pb::record::Record::Party(party("partner", name))) }),
        ..pb::RegisterRecordRequest::default()
    };
    directory.register_record(state("r-1", "First", None)).await.expect("recorded");
    let key =
        pb::GetRecordRequest { kind: pb::Kind::Party.into(), id: "partner".into(), ..pb::GetRecordRequest::default() };
    let seen = directory.get_record(key).await.expect("it is there").into_inner().revision;
    directory.register_record(state("r-2", "Second", Some(seen))).await.expect("recorded on what was seen");

    let before = events(&channel, 0).await;
    let refused = directory.register_record(state("r-3", "Third", Some(seen))).await;
    let status = assert_refused(refused, Code::Aborted, "STALE_BASE");
    let current = before.len() - 1;
    assert!(status.message().contains(&current.to_string()), "the current revision is {current}: {status:?}");
    assert_eq!(events(&channel, 0).await, before);
    let retried = Some(u64::try_from(current).expect("a position"));
    directory.register_record(state("r-4", "Third", retried)).await.expect("recorded on the newest");
}

#[tokio::test]
async fn a_document_made_on_an_older_edition_is_aborted() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let first = import(&channel, write("first"), text(FIRST).as_bytes()).await.expect("recorded");
    let seal = first.receipt.expect("a receipt").head - 1;
    let on = |request_id, expected_revision| pb::Write { expected_revision, ..write(request_id) };
    let stale = import(&channel, on("stale", Some(seal - 1)), text(NEXT).as_bytes()).await;
    assert_refused(stale, Code::Aborted, "STALE_BASE");
    assert_eq!(head(&channel).await, seal + 1);
    import(&channel, on("current", Some(seal)), text(NEXT).as_bytes()).await.expect("recorded");
}
