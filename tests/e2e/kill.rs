//! `kill -9` under load, fifty times: nothing that was acknowledged is lost, nothing is there twice or by halves, and
//! a request that is sent again is recorded once.

use std::collections::BTreeMap;
use std::time::Duration;

use minutebook_proto::pb;
use tonic::transport::Channel;

use crate::fixture::client::{connect, decoded, events, head, rebuild, record, register, status};
use crate::fixture::dice::Dice;
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;

const KILLS: u64 = 50;
const WRITERS: u64 = 4;

/// A write: its name, and how many events it gives. Both follow from its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    round: u64,
    writer: u64,
    number: u64,
}

impl Asked {
    fn name(self) -> String {
        format!("w-{}-{}-{}", self.round, self.writer, self.number)
    }

    fn count(self) -> u32 {
        1 + (self.number % 3) as u32
    }

    async fn send(self, channel: &Channel) -> Result<pb::Receipt, tonic::Status> {
        let name = self.name();
        let parties = (0..self.count()).map(|n| register(&format!("{name}-{n}"), "A party")).collect();
        record(channel, &name, parties).await
    }
}

/// Writes until the server is gone: what was acknowledged, and the one write of which nobody knows.
async fn write_until_killed(channel: Channel, round: u64, writer: u64) -> (Vec<(Asked, pb::Receipt)>, Asked) {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let asked = Asked { round, writer, number };
        match asked.send(&channel).await {
            Ok(receipt) => acknowledged.push((asked, receipt)),
            Err(_) => return (acknowledged, asked),
        }
    }
    unreachable!("a writer ends when the server does")
}

/// Everything that is known of the ledger.
#[derive(Default)]
struct Known {
    /// The events, as they were read after some restart.
    events: Vec<Vec<u8>>,
    /// Where the events of each write are.
    places: BTreeMap<String, Vec<u64>>,
    /// The writes that were acknowledged, with their place.
    acknowledged: BTreeMap<Asked, pb::Receipt>,
}

impl Known {
    /// Reads on from what is known, with some of it a second time.
    async fn read_on(&mut self, channel: &Channel) {
        let from = self.events.len().saturating_sub(100);
        let read = events(channel, from as u64).await;
        assert!(from + read.len() >= self.events.len(), "{} events are lost", self.events.len() - from - read.len());
        assert!(read.starts_with(&self.events[from..]), "what was recorded has changed");
        for bytes in read.into_iter().skip(self.events.len() - from) {
            let event = decoded(&bytes);
            assert_eq!(event.position, self.events.len() as u64);
            self.places.entry(event.request_id).or_default().push(event.position);
            self.events.push(bytes);
        }
        assert_eq!(head(channel).await, self.events.len() as u64);
    }

    /// Every acknowledged event is there once and in its place, every other write is wholly there or not at all.
    fn check(&self, unknown: &[Asked]) {
        let places = &self.places;
        let whole = |asked: &Asked, first: u64| (first..first + u64::from(asked.count())).collect::<Vec<_>>();
        for (asked, receipt) in &self.acknowledged {
            assert_eq!(receipt.count, asked.count());
            assert_eq!(places.get(&asked.name()), Some(&whole(asked, receipt.first)), "{asked:?}");
        }
        for asked in unknown {
            if let Some(there) = places.get(&asked.name()) {
                assert_eq!(there, &whole(asked, there[0]), "{asked:?}");
            }
        }
        // There is nothing but what was asked for, and the founding.
        let asked = self.acknowledged.len() + unknown.iter().filter(|asked| places.contains_key(&asked.name())).count();
        assert_eq!(places.len(), asked + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_there_twice_when_the_server_is_killed() {
    let ledger = Ledger::found();
    let mut dice = Dice::new(20_161_213);
    let mut known = Known::default();
    let (mut cut_off, mut found_recorded) = (0, 0);
    let mut server = Server::start(&ledger.data());
    for round in 0..KILLS {
        let channel = connect(&server.address).await;
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write_until_killed(channel.clone(), round, writer))).collect();
        tokio::time::sleep(Duration::from_millis(20 + dice.roll(200))).await;
        server.kill();
        let mut unknown = Vec::new();
        for writer in writers {
            let (acknowledged, last) = writer.await.expect("a writer");
            known.acknowledged.extend(acknowledged);
            unknown.push(last);
        }
        // The next start may be cut off as well.
        if dice.roll(4) == 0 {
            Server::start_and_kill(&ledger.data(), Duration::from_millis(dice.roll(60)));
            cut_off += 1;
        }

        server = Server::start(&ledger.data());
        let channel = connect(&server.address).await;
        known.read_on(&channel).await;
        known.check(&unknown);
        for asked in unknown {
            let there = known.places.get(&asked.name()).map(|positions| positions[0]);
            let receipt = asked.send(&channel).await.expect("recorded now, or known");
            assert_eq!(receipt.repeated, there.is_some(), "{asked:?}");
            assert!(there.is_none_or(|first| first == receipt.first), "{asked:?}: {receipt:?}");
            found_recorded += u64::from(receipt.repeated);
            known.acknowledged.insert(asked, receipt);
        }
        // Some of what was acknowledged long ago is asked again too.
        let old = known.acknowledged.len() as u64;
        let (asked, first) = known.acknowledged.iter().nth(dice.roll(old) as usize).expect("one of them");
        let again = asked.send(&channel).await.expect("known");
        assert_eq!(again, pb::Receipt { repeated: true, ..first.clone() }, "{asked:?}");
        known.read_on(&channel).await;
        known.check(&[]);
    }

    let channel = connect(&server.address).await;
    let digest = status(&channel).await.digest;
    assert_eq!(rebuild(&channel).await, (digest.clone(), digest.clone()));
    assert_eq!(events(&channel, 0).await, known.events);
    server.stop();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    assert_eq!(status(&channel).await.digest, digest);
    assert_eq!(events(&channel, 0).await, known.events);
    let (writes, events) = (known.acknowledged.len(), known.events.len());
    println!(
        "{KILLS} kills, {cut_off} more at the start, {writes} writes, {events} events; {found_recorded} were there unacknowledged"
    );
    assert!(writes as u64 > KILLS * WRITERS, "there was load");
}
