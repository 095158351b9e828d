//! Consumers that compete for one cursor, die without a word, and lose their server under their hands: every event is
//! dealt with at least once and in its order, no two hold the cursor at once, and it never moves backwards.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use minutebook_proto::pb;
use minutebook_proto::pb::cursor_place::Place;
use minutebook_proto::pb::cursor_service_client::CursorServiceClient;
use minutebook_proto::pb::subscribe_request::Start;
use minutebook_proto::pb::subscribe_response::Told;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;

use crate::fixture::client::{client, connect, decoded, record_party};
use crate::fixture::dice::Dice;
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::subscriber::{Subscriber, asked};

const NAME: &str = "warehouse";
/// The shortest lease that there is.
const LEASE_MS: u32 = 1_000;

/// No consumer can deal with these events.
fn is_poison(position: u64) -> bool {
    position % 11 == 7
}

/// What a consumer was told of the cursor, and when: after `began` and before `ended`, which are counted for all.
#[derive(Debug, Clone, Copy)]
struct Seen {
    began: u64,
    ended: u64,
    token: u64,
    acknowledged: Option<u64>,
}

/// What all consumers did together.
#[derive(Default)]
struct Record {
    count: AtomicU64,
    seen: Mutex<Vec<Seen>>,
    /// For each token, after which event it began.
    acquired: Mutex<BTreeMap<u64, Option<u64>>>,
    /// What was dealt with, each under its token, in that order.
    dealt_with: Mutex<Vec<(u64, u64)>>,
}

impl Record {
    fn tick(&self) -> u64 {
        self.count.fetch_add(1, Ordering::SeqCst)
    }

    fn note(&self, began: u64, token: u64, cursor: Option<pb::Cursor>) {
        let acknowledged = cursor.expect("a cursor").acknowledged;
        let seen = Seen { began, ended: self.tick(), token, acknowledged };
        self.seen.lock().expect("sound").push(seen);
    }

    /// Nothing is there of what must not be: what was answered earlier has neither a later token nor a later place.
    fn check(&self, newest: u64) {
        let seen = self.seen.lock().expect("sound");
        for one in seen.iter() {
            for later in seen.iter().filter(|later| one.ended < later.began) {
                assert!(one.token <= later.token, "{one:?} was taken over before {later:?}");
                assert!(one.acknowledged <= later.acknowledged, "{one:?} is ahead of {later:?}");
            }
        }
        let dealt_with = self.dealt_with.lock().expect("sound");
        for (token, after) in self.acquired.lock().expect("sound").iter() {
            let positions = dealt_with.iter().filter(|(under, _)| under == token).map(|(_, position)| *position);
            let first = after.map_or(0, |after| after + 1);
            assert!(positions.zip(first..).all(|(dealt_with, next)| dealt_with == next), "out of order under {token}");
        }
        let all: BTreeSet<_> = dealt_with.iter().map(|(_, position)| *position).collect();
        assert!(all.into_iter().eq(0..=newest), "every event was dealt with");
    }
}

/// Why a consumer is done with a cursor.
enum End {
    /// The process dies: it says nothing to anybody.
    Died,
    /// It gave the cursor back.
    Left,
    /// It lost the lease, or the server.
    Failed(Status),
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Failed(status)
    }
}

/// One process that deals with events, for as long as it lives.
struct Consumer<'a> {
    cursors: CursorServiceClient<Channel>,
    record: &'a Record,
    token: u64,
    dice: &'a mut Dice,
}

impl Consumer<'_> {
    async fn acknowledge(&mut self, acknowledged: u64) -> Result<(), Status> {
        let began = self.record.tick();
        let request = pb::AcknowledgeCursorRequest { name: NAME.into(), token: self.token, acknowledged };
        let answer = self.cursors.acknowledge_cursor(request).await?.into_inner();
        self.record.note(began, self.token, answer.cursor);
        Ok(())
    }

    async fn park(&mut self, parked: u64) -> Result<(), Status> {
        let began = self.record.tick();
        let (name, reason) = (NAME.to_owned(), "it cannot be dealt with".to_owned());
        let request = pb::ParkEventRequest { name, token: self.token, parked, reason };
        let answer = self.cursors.park_event(request).await?.into_inner();
        self.record.note(began, self.token, answer.cursor);
        Ok(())
    }

    /// Deals with one event after the other.
    async fn consume(&mut self, channel: &Channel) -> Result<Infallible, End> {
        let start = Start::Cursor(pb::HeldCursor { name: NAME.into(), token: self.token });
        let mut follower = Subscriber::begin(channel, asked(start, pb::EventFilter::default())).await?;
        loop {
            let Told::Events(batch) = follower.next().await? else { continue };
            for event in batch.events {
                let position = decoded(&event.event).position;
                match self.dice.roll(75) {
                    0..3 => return Err(End::Died),
                    // It holds the cursor no longer, and does not know.
                    3..5 => sleep(2 * Duration::from_millis(LEASE_MS.into())).await,
                    _ => {}
                }
                self.record.dealt_with.lock().expect("sound").push((self.token, position));
                if is_poison(position) {
                    self.park(position).await?;
                } else if self.dice.roll(4) == 0 {
                    self.acknowledge(position).await?;
                }
            }
            self.acknowledge(batch.position).await?;
            if self.dice.roll(10) == 0 {
                let request = pb::ReleaseCursorRequest { name: NAME.into(), token: self.token };
                self.cursors.release_cursor(request).await?;
                return Err(End::Left);
            }
        }
    }
}

/// Acquires the cursor and deals with events, again and again, wherever the server is.
async fn live(n: u64, address: watch::Receiver<String>, record: Arc<Record>) {
    let mut dice = Dice::new(n);
    loop {
        let address = address.borrow().clone();
        let endpoint = Endpoint::from_shared(address).expect("an address");
        let Ok(channel) = endpoint.connect().await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
        let start = Some(pb::CursorPlace { place: Some(Place::Beginning(pb::FromBeginning {})) });
        let (name, holder, lease_ms) = (NAME.to_owned(), format!("consumer-{n}"), Some(LEASE_MS));
        let began = record.tick();
        let request = pb::AcquireCursorRequest { name, holder, lease_ms, start };
        let acquired = match cursors.acquire_cursor(request).await {
            Ok(acquired) => acquired.into_inner(),
            Err(status) => {
                assert_lost(&status);
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (token, cursor) = (acquired.token, acquired.cursor.expect("a cursor"));
        let before = record.acquired.lock().expect("sound").insert(token, cursor.acknowledged);
        assert_eq!(before, None, "a token is given once");
        record.note(began, token, Some(cursor));
        let mut consumer = Consumer { cursors, record: &record, token, dice: &mut dice };
        if let Err(End::Failed(status)) = consumer.consume(&channel).await {
            assert_lost(&status);
        }
    }
}

/// A consumer that did nothing wrong hears of nothing else than its lease, or that the server is gone.
fn assert_lost(status: &Status) {
    let reason = status.get_details_error_info().map(|info| info.reason);
    let expected = ["CURSOR_HELD", "LEASE_LAPSED", "ENDING"];
    assert!(reason.as_ref().is_none_or(|reason| expected.contains(&reason.as_str())), "{status:?}");
}

/// So many consumers, and a server that is killed so many times under them.
async fn compete(consumers: u64, kills: u64) {
    let ledger = Ledger::found();
    let mut server = Server::start(&ledger.data());
    let address = watch::Sender::new(server.address.clone());
    let record = Arc::new(Record::default());
    let mut living = JoinSet::new();
    for n in 0..consumers {
        living.spawn(live(n, address.subscribe(), Arc::clone(&record)));
    }
    let mut newest = 0;
    for round in 0..=kills {
        let channel = connect(&server.address).await;
        for _ in 0..60 {
            let id = format!("party-{newest}");
            newest = record_party(&channel, &id, &id, "A party").await.expect("recorded").first;
            sleep(Duration::from_millis(10)).await;
        }
        if round < kills {
            server.kill();
            server = Server::start(&ledger.data());
            address.send_replace(server.address.clone());
        }
    }
    let channel = connect(&server.address).await;
    let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
    let cursor = loop {
        let request = pb::GetCursorRequest { name: NAME.into(), min_position: None };
        let answer = cursors.get_cursor(request).await.expect("a cursor").into_inner();
        if answer.cursor.as_ref().is_some_and(|cursor| cursor.acknowledged == Some(newest)) {
            break answer;
        }
        assert!(living.try_join_next().is_none(), "a consumer panicked");
        sleep(Duration::from_millis(100)).await;
    };
    assert!(living.try_join_next().is_none(), "a consumer panicked");
    living.shutdown().await;
    record.check(newest);
    let parked: Vec<_> = cursor.parked.iter().map(|parked| parked.position).collect();
    assert_eq!(parked, (0..=newest).filter(|position| is_poison(*position)).collect::<Vec<_>>());
    let seen = record.seen.lock().expect("sound").len();
    let tokens = record.acquired.lock().expect("sound").len();
    println!(
        "{consumers} consumers, {kills} kills of the server, {tokens} acquisitions, {newest} events, {seen} answers"
    );
    assert!(tokens as u64 > kills, "the cursor went from hand to hand");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_consumers_deal_with_every_event_in_order_whatever_is_killed() {
    compete(2, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_consumers_deal_with_every_event_in_order_whatever_is_killed() {
    compete(3, 3).await;
}
