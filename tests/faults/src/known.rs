//! All that is known of a ledger from outside: what was acknowledged, and what was read. Whatever a fault did, the one
//! must be in the other, once and unchanged.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use minutebook_proto::pb;
use minutebook_proto::pb::event::Payload;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tonic::transport::Channel;

use crate::asked::{Asked, Plan};
use crate::client::{self, Sent};
use crate::dice::Dice;
use crate::load::Written;
use crate::tally::{Bad, Tally};

/// So many of the events that were read before are read once more each time.
const OVERLAP: u64 = 100;

/// Where the events of a write are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    first: u64,
    count: u64,
}

/// What is known of one ledger.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) plan: Plan,
    /// The SHA-256 of each event, as it was read first.
    events: Vec<[u8; 32]>,
    /// How many bytes those were.
    pub(crate) bytes: u64,
    recorded_at_ms: i64,
    places: BTreeMap<Asked, Place>,
    /// Where the receipts say that the events are.
    acknowledged: BTreeMap<Asked, u64>,
}

impl Known {
    /// A ledger of which nothing is known yet.
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            events: Vec::new(),
            bytes: 0,
            recorded_at_ms: i64::MIN,
            places: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
        }
    }

    /// How many events were read.
    pub(crate) fn head(&self) -> u64 {
        u64::try_from(self.events.len()).unwrap_or(u64::MAX)
    }

    /// When the newest event that was read says it was recorded.
    pub(crate) fn recorded_at_ms(&self) -> i64 {
        self.recorded_at_ms
    }

    /// Takes in what a server recorded, as its clients heard it.
    pub(crate) fn acknowledge(&mut self, written: &Written, tally: &mut Tally) {
        for (asked, receipt) in &written.acknowledged {
            let count = self.plan.count(*asked);
            if u64::from(receipt.count) != count {
                tally.bad(Bad::Differing, 1, format!("{asked:?} gave {} events of {count}", receipt.count));
            }
            tally.acknowledged = tally.acknowledged.saturating_add(count);
            self.acknowledged.insert(*asked, receipt.first);
        }
    }

    /// Reads what is new, and some of what is not.
    pub(crate) async fn read_on(&mut self, channel: &Channel, tally: &mut Tally) -> Result<()> {
        self.read(channel, self.head().saturating_sub(OVERLAP), tally).await
    }

    /// Reads everything.
    pub(crate) async fn read_all(&mut self, channel: &Channel, tally: &mut Tally) -> Result<()> {
        self.read(channel, 0, tally).await
    }

    async fn read(&mut self, channel: &Channel, from: u64, tally: &mut Tally) -> Result<()> {
        let mut stream = client::events(channel, from).await?;
        let mut position = from;
        while let Some(answer) = stream.message().await? {
            self.take_in(position, &answer.event, tally);
            position = position.saturating_add(1);
        }
        if position < self.head() {
            tally.bad(Bad::Lost, self.head().saturating_sub(position), "events that were read before are gone");
        }
        let status = client::status(channel).await?;
        if status.events != position {
            tally.bad(Bad::Differing, 1, format!("{position} events are read, and there are {}", status.events));
        }
        Ok(())
    }

    fn take_in(&mut self, position: u64, bytes: &[u8], tally: &mut Tally) {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        if let Some(before) = usize::try_from(position).ok().and_then(|index| self.events.get(index)) {
            if *before != digest {
                tally.bad(Bad::Differing, 1, format!("the event {position} is another one than was read before"));
            }
            return;
        }
        self.events.push(digest);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Err(why) = self.place(position, bytes) {
            let (bad, what) = *why;
            tally.bad(bad, 1, format!("the event {position}: {what}"));
        }
    }

    /// Finds which write a new event is of, and compares it with what was asked.
    fn place(&mut self, position: u64, bytes: &[u8]) -> Result<(), Box<(Bad, String)>> {
        let differing = |what: String| Err(Box::new((Bad::Differing, what)));
        let Ok(event) = pb::Event::decode(bytes) else { return differing("it is none".to_owned()) };
        if event.position != position {
            return differing(format!("it says that it is the event {}", event.position));
        }
        if event.recorded_at_ms < self.recorded_at_ms {
            return differing(format!("its time {} is before that of the one before", event.recorded_at_ms));
        }
        self.recorded_at_ms = event.recorded_at_ms;
        let party = match event.payload {
            Some(Payload::LedgerFounded(_)) if position == 0 => return Ok(()),
            Some(Payload::PartyRegistered(registered)) => registered.party,
            _ => None,
        };
        let Some(asked) = Asked::of_name(&event.request_id) else {
            return differing(format!("nobody asked for `{}`", event.request_id));
        };
        let place = self.places.entry(asked).or_insert(Place { first: position, count: 0 });
        let n = place.count;
        place.count = n.saturating_add(1);
        if n >= self.plan.count(asked) {
            return Err(Box::new((Bad::Duplicated, format!("{asked:?} gave enough before it"))));
        }
        if position != place.first.saturating_add(n) {
            return differing(format!("it stands apart from the others of {asked:?}"));
        }
        if party != Some(self.plan.party(asked, n)) {
            return differing(format!("it is not what {asked:?} asked for"));
        }
        Ok(())
    }

    /// Every acknowledged write is there, whole and in its place; every other one whole or not at all; and what was
    /// refused is not there.
    pub(crate) fn check(&self, written: &Written, tally: &mut Tally) {
        for (asked, first) in &self.acknowledged {
            let count = self.plan.count(*asked);
            match self.places.get(asked) {
                None => tally.bad(Bad::Lost, count, format!("{asked:?} was acknowledged, at {first}")),
                Some(place) if place.count < count => {
                    tally.bad(Bad::Lost, count.saturating_sub(place.count), format!("a part of {asked:?}"));
                }
                Some(place) if place.first != *first => {
                    tally.bad(Bad::Differing, 1, format!("{asked:?} is at {}, not at {first}", place.first));
                }
                Some(_) => {}
            }
        }
        for asked in &written.unknown {
            let count = self.plan.count(*asked);
            if let Some(place) = self.places.get(asked).filter(|place| place.count < count) {
                tally.bad(Bad::Differing, 1, format!("{} of {count} events of {asked:?} are there", place.count));
            }
        }
        for asked in written.refused.iter().filter(|asked| self.places.contains_key(asked)) {
            tally.bad(Bad::Differing, 1, format!("{asked:?} was refused, and is there"));
        }
    }

    /// Sends again what was not acknowledged, under the same name: it is recorded now, or known.
    pub(crate) async fn retry(&mut self, channel: &Channel, written: &Written, tally: &mut Tally) -> Result<()> {
        for asked in written.unknown.iter().chain(&written.refused) {
            let there = self.places.get(asked).copied();
            tally.add("found recorded unacknowledged", u64::from(there.is_some()));
            self.again(channel, *asked, there, tally).await?;
        }
        Ok(())
    }

    /// Sends one of the acknowledged writes again.
    pub(crate) async fn repeat(&self, channel: &Channel, dice: &mut Dice, tally: &mut Tally) -> Result<()> {
        let index = dice.below(u64::try_from(self.acknowledged.len()).unwrap_or_default());
        let Some((asked, first)) = self.acknowledged.iter().nth(usize::try_from(index)?) else { return Ok(()) };
        let Sent::Recorded(receipt) = client::send(channel, &self.plan, *asked).await? else {
            bail!("{asked:?} is recorded, and not known");
        };
        tally.retried = tally.retried.saturating_add(1);
        if !receipt.repeated || receipt.first != *first {
            tally.bad(Bad::Duplicated, 1, format!("{asked:?} was at {first}, and is recorded again: {receipt:?}"));
        }
        Ok(())
    }

    async fn again(&mut self, channel: &Channel, asked: Asked, there: Option<Place>, tally: &mut Tally) -> Result<()> {
        let receipt = match client::send(channel, &self.plan, asked).await? {
            Sent::Recorded(receipt) => receipt,
            sent => bail!("{asked:?} is not recorded when it is sent again: {sent:?}"),
        };
        tally.retried = tally.retried.saturating_add(1);
        let is_known = there.is_none_or(|place| place.first == receipt.first) && receipt.repeated == there.is_some();
        if !is_known {
            tally.bad(Bad::Duplicated, 1, format!("{asked:?} was at {there:?}, and is recorded again: {receipt:?}"));
        }
        let written = Written { acknowledged: vec![(asked, receipt)], ..Written::default() };
        self.acknowledge(&written, tally);
        Ok(())
    }
}
