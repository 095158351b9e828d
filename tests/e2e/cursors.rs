//! Places that the server keeps: whoever holds one goes on after what was acknowledged, whatever is killed on the way.

use std::time::Duration;

use minutebook_proto::pb;
use minutebook_proto::pb::cursor_place::Place;
use minutebook_proto::pb::cursor_service_client::CursorServiceClient;
use minutebook_proto::pb::subscribe_request::Start;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::fixture::client::{assert_refused, bad_fields, client, connect, rebuild, record_party};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::subscriber::{Subscriber, asked, positions};

const NAME: &str = "warehouse";
/// Over within a test.
const SHORT_MS: u32 = 1_000;
/// Not over within a test.
const LONG_MS: u32 = 600_000;

fn place(place: Place) -> pb::CursorPlace {
    pb::CursorPlace { place: Some(place) }
}

fn beginning() -> pb::CursorPlace {
    place(Place::Beginning(pb::FromBeginning {}))
}

/// A consumer of one cursor.
struct Consumer {
    cursors: CursorServiceClient<Channel>,
    channel: Channel,
    token: u64,
}

impl Consumer {
    /// Takes the cursor, and makes it before the first event where there is none.
    async fn acquire(channel: &Channel, holder: &str, lease_ms: u32) -> Result<(Self, pb::Cursor), Status> {
        let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
        let (name, holder) = (NAME.to_owned(), holder.to_owned());
        let request = pb::AcquireCursorRequest { name, holder, lease_ms: Some(lease_ms), start: Some(beginning()) };
        let answer = cursors.acquire_cursor(request).await?.into_inner();
        let (channel, token) = (channel.clone(), answer.token);
        Ok((Self { cursors, channel, token }, answer.cursor.expect("a cursor")))
    }

    async fn renew(&mut self) -> Result<pb::Cursor, Status> {
        let request = pb::RenewCursorRequest { name: NAME.into(), token: self.token };
        Ok(self.cursors.renew_cursor(request).await?.into_inner().cursor.expect("a cursor"))
    }

    async fn acknowledge(&mut self, acknowledged: u64) -> Result<pb::Cursor, Status> {
        let request = pb::AcknowledgeCursorRequest { name: NAME.into(), token: self.token, acknowledged };
        Ok(self.cursors.acknowledge_cursor(request).await?.into_inner().cursor.expect("a cursor"))
    }

    async fn park(&mut self, parked: u64, reason: &str) -> Result<pb::Cursor, Status> {
        let (name, reason) = (NAME.to_owned(), reason.to_owned());
        let request = pb::ParkEventRequest { name, token: self.token, parked, reason };
        Ok(self.cursors.park_event(request).await?.into_inner().cursor.expect("a cursor"))
    }

    async fn release(&mut self) -> Result<pb::Cursor, Status> {
        let request = pb::ReleaseCursorRequest { name: NAME.into(), token: self.token };
        Ok(self.cursors.release_cursor(request).await?.into_inner().cursor.expect("a cursor"))
    }

    /// Reads on after what was acknowledged.
    async fn follow(&self) -> Result<Subscriber, Status> {
        let start = Start::Cursor(pb::HeldCursor { name: NAME.into(), token: self.token });
        Subscriber::begin(&self.channel, asked(start, pb::EventFilter::default())).await
    }
}

async fn get(channel: &Channel) -> pb::GetCursorResponse {
    let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
    let request = pb::GetCursorRequest { name: NAME.into(), min_position: None };
    cursors.get_cursor(request).await.expect("a cursor").into_inner()
}

async fn reset(channel: &Channel, to: Place) -> pb::Cursor {
    let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
    let request = pb::ResetCursorRequest { name: NAME.into(), place: Some(place(to)) };
    cursors.reset_cursor(request).await.expect("reset").into_inner().cursor.expect("a cursor")
}

/// Events `from..to`, one party each.
async fn write(channel: &Channel, from: u64, to: u64) {
    for n in from..to {
        let id = format!("party-{n}");
        assert_eq!(record_party(channel, &id, &id, "A party").await.expect("recorded").first, n);
    }
}

#[tokio::test]
async fn a_holder_goes_on_after_what_it_acknowledged_over_restarts_and_a_kill() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    write(&channel, 1, 10).await;
    let (mut consumer, cursor) = Consumer::acquire(&channel, "job", LONG_MS).await.expect("acquired");
    assert_eq!((cursor.acknowledged, cursor.parked), (None, 0));
    let held = cursor.holder.expect("a holder");
    assert!(held.name == "job" && held.lease_ms == LONG_MS && (1..=LONG_MS).contains(&held.left_ms), "{held:?}");
    let mut follower = consumer.follow().await.expect("a subscription");
    assert_eq!(positions(&follower.all().await), (0..10).collect::<Vec<_>>());
    assert_eq!(consumer.acknowledge(4).await.expect("acknowledged").acknowledged, Some(4));
    assert_eq!(consumer.park(5, "no such party here").await.expect("parked").acknowledged, Some(5));
    assert_eq!(consumer.acknowledge(3).await.expect("again").acknowledged, Some(5), "it does not move backwards");
    // The subscription goes on meanwhile.
    write(&channel, 10, 11).await;
    assert_eq!(positions(&follower.batch().await.events), [10]);

    let mut server = server;
    for is_killed in [true, false] {
        if is_killed {
            server.kill();
        } else {
            server.stop();
        }
        server = Server::start(&ledger.data());
        let channel = connect(&server.address).await;
        let refused = Consumer::acquire(&channel, "another", LONG_MS).await.map(drop);
        let status = assert_refused(refused, Code::FailedPrecondition, "CURSOR_HELD");
        assert!(status.message().contains("`job`"), "{status:?}");
        let retry = status.get_details_retry_info().expect("when to try again").retry_delay.expect("so long");
        assert!(!retry.is_zero() && retry <= Duration::from_millis(LONG_MS.into()), "{retry:?}");

        let cursors = client!(cursor_service_client::CursorServiceClient, channel);
        consumer = Consumer { cursors, channel: channel.clone(), token: consumer.token };
        // What was parked does not come again.
        let mut follower = consumer.follow().await.expect("its token is good");
        assert_eq!(positions(&follower.all().await), (6..11).collect::<Vec<_>>());
        let kept = get(&channel).await;
        assert_eq!((kept.position, kept.cursor.expect("a cursor").acknowledged), (10, Some(5)));
        let [parked] = kept.parked.as_slice() else { panic!("{:?}", kept.parked) };
        assert_eq!((parked.position, parked.reason.as_str()), (5, "no such party here"));
        assert!(parked.parked_at_ms > 0);
    }
    // A rebuild changes nothing of it either.
    let channel = connect(&server.address).await;
    rebuild(&channel).await;
    assert_eq!(consumer.acknowledge(7).await.expect("its token is good").acknowledged, Some(7));
    assert_eq!(consumer.release().await.expect("released").holder, None);
    assert_eq!(consumer.release().await.expect("again").holder, None);
    assert_refused(consumer.renew().await, Code::Aborted, "LEASE_LAPSED");
    let (next, cursor) = Consumer::acquire(&channel, "another", LONG_MS).await.expect("acquired");
    assert!(next.token > consumer.token);
    assert_eq!(cursor.acknowledged, Some(7), "where it begins counts for a new one alone");
}

#[tokio::test]
async fn a_subscription_ends_as_soon_as_the_lease_is_lost() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    write(&channel, 1, 5).await;
    // It says where it was, as every end does.
    let at = |status: &Status| status.get_details_error_info().expect("an ErrorInfo").metadata["position"].clone();

    // Nobody renews it.
    let (mut consumer, _) = Consumer::acquire(&channel, "first", SHORT_MS).await.expect("acquired");
    let mut follower = consumer.follow().await.expect("a subscription");
    assert_eq!(follower.all().await.len(), 5);
    let status = assert_refused(Err::<(), _>(follower.end().await), Code::Aborted, "LEASE_LAPSED");
    assert_eq!(at(&status), "4");
    assert_refused(consumer.follow().await.map(drop), Code::Aborted, "LEASE_LAPSED");
    assert_refused(consumer.acknowledge(4).await, Code::Aborted, "LEASE_LAPSED");

    // Another took it, with the same name.
    let (mut second, _) = Consumer::acquire(&channel, "first", LONG_MS).await.expect("acquired");
    for outcome in [consumer.renew().await, consumer.acknowledge(4).await, consumer.park(4, "why").await] {
        let status = assert_refused(outcome, Code::FailedPrecondition, "CURSOR_HELD");
        assert!(status.message().contains("`first`"), "{status:?}");
    }
    assert_refused(consumer.follow().await.map(drop), Code::FailedPrecondition, "CURSOR_HELD");
    assert_eq!(get(&channel).await.cursor.expect("a cursor").acknowledged, None);

    // An operator puts it somewhere else, and forgets what is parked after that.
    second.park(1, "one").await.expect("parked");
    second.park(3, "three").await.expect("parked");
    let mut follower = second.follow().await.expect("a subscription");
    assert_eq!(positions(&follower.all().await), [4]);
    let cursor = reset(&channel, Place::After(2)).await;
    assert_eq!((cursor.acknowledged, cursor.holder, cursor.parked), (Some(2), None, 1));
    let status = assert_refused(Err::<(), _>(follower.end().await), Code::Aborted, "LEASE_LAPSED");
    assert_eq!(at(&status), "4");
    assert_refused(second.acknowledge(4).await, Code::Aborted, "LEASE_LAPSED");
    let (third, _) = Consumer::acquire(&channel, "third", LONG_MS).await.expect("acquired");
    let mut follower = third.follow().await.expect("a subscription");
    assert_eq!(positions(&follower.all().await), [3, 4]);

    // It is deleted.
    let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
    cursors.delete_cursor(pb::DeleteCursorRequest { name: NAME.into() }).await.expect("deleted");
    assert_refused(Err::<(), _>(follower.end().await), Code::Aborted, "LEASE_LAPSED");
    assert_refused(third.follow().await.map(drop), Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn what_does_not_fit_a_cursor_is_refused_and_says_what_would() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    write(&channel, 1, 5).await;
    let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
    let acquire =
        |name: &str, start| pb::AcquireCursorRequest { name: name.into(), holder: "job".into(), lease_ms: None, start };
    let bad =
        pb::AcquireCursorRequest { name: "../key".into(), holder: "x".repeat(129), lease_ms: Some(999), start: None };
    let status = assert_refused(cursors.acquire_cursor(bad).await, Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(bad_fields(&status), ["name", "holder", "lease_ms"]);
    for lease_ms in [0, 600_001, u32::MAX] {
        let bad = pb::AcquireCursorRequest { lease_ms: Some(lease_ms), ..acquire(NAME, Some(beginning())) };
        let status = assert_refused(cursors.acquire_cursor(bad).await, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(bad_fields(&status), ["lease_ms"]);
    }
    let personal = pb::AcquireCursorRequest { holder: "jan@example.org".into(), ..acquire(NAME, Some(beginning())) };
    assert_refused(cursors.acquire_cursor(personal).await, Code::InvalidArgument, "PERSONAL_DATA_IN_TEXT");
    let nowhere = acquire(NAME, Some(pb::CursorPlace::default()));
    assert_refused(cursors.acquire_cursor(nowhere).await, Code::InvalidArgument, "INVALID_REQUEST");
    assert_refused(cursors.acquire_cursor(acquire(NAME, None)).await, Code::NotFound, "NOT_FOUND");
    let beyond = cursors.acquire_cursor(acquire(NAME, Some(place(Place::After(5))))).await;
    assert_refused(beyond, Code::OutOfRange, "BEYOND_HEAD");
    let list = cursors.list_cursors(pb::ListCursorsRequest::default()).await.expect("a list").into_inner();
    assert_eq!((list.cursors, list.position), (Vec::new(), 4), "nothing came of that");

    let request = acquire(NAME, Some(place(Place::Now(pb::FromNow {}))));
    let acquired = cursors.acquire_cursor(request).await.expect("acquired").into_inner();
    let cursor = acquired.cursor.expect("a cursor");
    assert_eq!((cursor.acknowledged, cursor.holder.expect("a holder").lease_ms), (Some(4), 30_000));
    let status = assert_refused(cursors.acquire_cursor(acquire("warehose", None)).await, Code::NotFound, "NOT_FOUND");
    assert!(status.message().contains("`warehouse`"), "it names the nearest: {status:?}");
    let token = acquired.token;
    let ack = pb::AcknowledgeCursorRequest { name: NAME.into(), token, acknowledged: 5 };
    assert_refused(cursors.acknowledge_cursor(ack).await, Code::OutOfRange, "BEYOND_HEAD");
    let park = |parked, reason: &str| pb::ParkEventRequest { name: NAME.into(), token, parked, reason: reason.into() };
    assert_refused(cursors.park_event(park(5, "why")).await, Code::OutOfRange, "BEYOND_HEAD");
    let personal = cursors.park_event(park(4, "asked jan@example.org")).await;
    assert_refused(personal, Code::InvalidArgument, "PERSONAL_DATA_IN_TEXT");
    for reason in ["", " ", "\u{7}", &"x".repeat(257)] {
        let status =
            assert_refused(cursors.park_event(park(4, reason)).await, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(bad_fields(&status), ["reason"], "{reason}");
    }
    let unpark = pb::UnparkEventRequest { name: NAME.into(), parked: 4 };
    assert_refused(cursors.unpark_event(unpark).await, Code::NotFound, "NOT_FOUND");
    let unplaced = pb::ResetCursorRequest { name: NAME.into(), place: None };
    assert_refused(cursors.reset_cursor(unplaced).await, Code::InvalidArgument, "INVALID_REQUEST");
    let unknown = pb::ResetCursorRequest { name: "other".into(), place: Some(beginning()) };
    assert_refused(cursors.reset_cursor(unknown).await, Code::NotFound, "NOT_FOUND");
    let start = Start::Cursor(pb::HeldCursor { name: "Not an id".into(), token });
    let refused = Subscriber::begin(&channel, asked(start, pb::EventFilter::default())).await.map(drop);
    let status = assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(bad_fields(&status), ["cursor.name"]);
}

#[tokio::test]
async fn a_damaged_cursor_is_refused_by_name_and_the_others_go_on() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let (consumer, _) = Consumer::acquire(&channel, "job", LONG_MS).await.expect("acquired");
    let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
    let (name, holder) = ("other".to_owned(), "job".to_owned());
    let other = pb::AcquireCursorRequest { name, holder, lease_ms: None, start: Some(beginning()) };
    let other = cursors.acquire_cursor(other).await.expect("acquired").into_inner().token;
    server.stop();
    let file = ledger.data().join("cursors").join(NAME);
    let written = std::fs::read_to_string(&file).expect("it can be read by people");
    assert!(written.starts_with("minutebook cursor 1 sha256 ") && written.contains("\"holder\":{\"name\":\"job\""));
    std::fs::write(&file, written.replace("null", "4")).expect("written");

    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let refused = Consumer::acquire(&channel, "job", LONG_MS).await.map(drop);
    let status = assert_refused(refused, Code::DataLoss, "CURSOR_DAMAGED");
    assert!(status.message().contains("cursors/warehouse"), "{status:?}");
    let mut consumer = Consumer { channel: channel.clone(), ..consumer };
    consumer.cursors = client!(cursor_service_client::CursorServiceClient, channel);
    assert_refused(consumer.acknowledge(0).await, Code::DataLoss, "CURSOR_DAMAGED");
    assert_refused(consumer.follow().await.map(drop), Code::DataLoss, "CURSOR_DAMAGED");
    let list = consumer.cursors.list_cursors(pb::ListCursorsRequest::default()).await.expect("a list").into_inner();
    let [first, second] = list.cursors.as_slice() else { panic!("{list:?}") };
    assert!(first.name == "other" && first.damage.is_none(), "{first:?}");
    assert!(second.name == NAME && second.damage.as_ref().is_some_and(|why| why.contains(NAME)), "{second:?}");
    let ack = pb::AcknowledgeCursorRequest { name: "other".into(), token: other, acknowledged: 0 };
    consumer.cursors.acknowledge_cursor(ack).await.expect("the other goes on");
    // A ledger with damaged cursors is sound.
    server.stop();
    ledger.run(&["verify"]).ok();
    ledger.run(&["cursor", "show", NAME]).refused(5);
    ledger.run(&["cursor", "reset", NAME, "--after", "0"]).ok();

    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let (next, cursor) = Consumer::acquire(&channel, "job", LONG_MS).await.expect("acquired");
    assert!(cursor.acknowledged == Some(0) && next.token > consumer.token);
}

#[tokio::test]
async fn a_script_consumes_by_the_command_line_alone() {
    let ledger = Ledger::found();
    for n in 1..4 {
        ledger.run(&["party", "add", "--id", &format!("p-{n}"), "--name", "P"]).ok();
    }
    let cursor = |arguments: &[&str]| ledger.run(&[&["cursor"], arguments, &["--format", "json"]].concat());
    let acquired = cursor(&["acquire", NAME, "--holder", "night-job", "--after", "0"]).json();
    let token = acquired["token"].to_string();
    assert_eq!((&acquired["cursor"]["acknowledged"], &acquired["position"]), (&0.into(), &3.into()));
    assert_eq!(cursor(&["acquire", NAME, "--holder", "another"]).code, 4);
    assert_eq!(cursor(&["ack", NAME, "1", "--token", &token]).json()["cursor"]["acknowledged"], 1);
    cursor(&["renew", NAME, "--token", &token]).json();
    let parked = cursor(&["park", NAME, "2", "--reason", "no such party", "--token", &token]).json();
    assert_eq!((&parked["cursor"]["acknowledged"], &parked["cursor"]["parked"]), (&2.into(), &1.into()));
    assert_eq!(cursor(&["ack", NAME, "3", "--token", "1"]).code, 4);
    assert_eq!(cursor(&["ack", NAME, "4", "--token", &token]).code, 3);
    assert_eq!(cursor(&["release", NAME, "--token", &token]).json()["cursor"]["holder"], serde_json::Value::Null);
    let shown = cursor(&["show", NAME]).json();
    assert_eq!((&shown["parked"][0]["position"], &shown["parked"][0]["reason"]), (&2.into(), &"no such party".into()));
    assert_eq!(cursor(&["unpark", NAME, "2"]).json()["cursor"]["parked"], 0);
    assert_eq!(cursor(&["reset", NAME, "--beginning"]).json()["cursor"]["acknowledged"], serde_json::Value::Null);
    assert_eq!(cursor(&["reset", NAME, "--beginning", "--now"]).code, 2);
    assert_eq!(cursor(&["reset", NAME]).code, 2);
    let list = ledger.run(&["cursor", "list", "--lang", "nl"]).ok();
    assert!(list.contains("warehouse: voor de eerste gebeurtenis, nog 4 te gaan"), "{list}");
    assert!(list.contains("in handen van: niemand"), "{list}");
    assert_eq!(cursor(&["delete", NAME]).json()["deleted"], NAME);
    assert_eq!(cursor(&["show", NAME]).code, 3);
}
