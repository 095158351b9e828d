//! Writers and readers at once, each on a connection of its own: what they were told must fit one order in which each
//! call took effect at some moment between its beginning and its end (linearizability).
//!
//! The ledger is a register that is only appended to, so the positions are that order, and it is enough to look at pairs:
//! a call that ended before another began must come before it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use minutebook_proto::pb;
use minutebook_proto::pb::admin_service_client::AdminServiceClient;
use minutebook_proto::pb::subscribe_request::Start;
use minutebook_proto::pb::subscribe_response::Told;
use prost::Message as _;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::asked::{Asked, Plan, Sizes};
use crate::client::{self, Sent, connect};
use crate::dice::Dice;
use crate::program::{Server, panics};
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

const WRITERS: u64 = 4;
const READERS: u64 = 4;
/// A ledger has so many histories.
const HISTORIES_EACH: u64 = 10;

/// Writers and readers at once, and one order that fits them all
#[derive(Debug, Default, Args)]
pub(crate) struct Linear {
    /// How many histories; 100 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    histories: Option<u64>,
    /// How many calls each of four writers and four readers makes; 250 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    calls: Option<u64>,
}

/// A call, as whoever made it saw it.
#[derive(Debug, Clone, Copy)]
struct Call {
    began: Instant,
    /// None where its answer never came: it may take effect at any time later.
    ended: Option<Instant>,
    told: Answer,
}

/// What a call was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The events of this write begin at that position, as a receipt says, or as they are found later.
    Written(Asked, u64),
    /// There were so many events.
    Head(u64),
}

impl Linear {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let histories = self.histories.unwrap_or(if setup.quick { 3 } else { 100 });
        let calls = self.calls.unwrap_or(if setup.quick { 40 } else { 250 });
        let mut tally = Tally::begin("linear", setup.seed, "histories", histories);
        for first in (0..histories).step_by(usize::try_from(HISTORIES_EACH)?) {
            let last = first.saturating_add(HISTORIES_EACH).min(histories);
            if let Err(error) = life(setup, (first, last), calls, &mut tally).await {
                tally.bad(Bad::Failed, 1, format!("{error:#}"));
                break;
            }
        }
        Ok(Outcome::Ran(tally))
    }
}

/// The life of one ledger.
async fn life(setup: &Setup, (first, last): (u64, u64), calls: u64, tally: &mut Tally) -> Result<()> {
    let folder = setup.folder()?;
    let data = folder.path().join("data");
    setup.program.found(&data)?;
    let mut server = setup.program.serve(&data)?;
    let plan = Plan { seed: setup.seed, sizes: Sizes::Of(400) };
    for history in first..last {
        let mut dice = Dice::of(setup.seed, "linear", history);
        let before = client::status(&connect(&server).await?).await?.events;
        let making = make(&server, plan, history, calls, setup.seed).await?;
        // Every other history is cut short, and its last calls may or may not have taken effect.
        if dice.one_in(2) {
            tokio::time::sleep(Duration::from_millis(dice.between(20, 400))).await;
            if panics(&server.kill()?) {
                tally.bad(Bad::Failed, 1, "the server had panicked before it was killed");
            }
            tally.count("kill -9");
            server = setup.program.serve(&data)?;
        }
        let mut made = Vec::new();
        for calls in making {
            made.extend(calls.await??);
        }
        tally.add("calls", u64::try_from(made.len())?);
        let found = places(&connect(&server).await?, before).await?;
        let made = settled(made, &found, tally);
        for what in contradictions(&made) {
            tally.bad(Bad::Differing, 1, what);
        }
        tally.step();
    }
    tally.check_end(&server.stop()?);
    Ok(())
}

/// Sets writers and readers to work.
async fn make(
    server: &Server,
    plan: Plan,
    history: u64,
    calls: u64,
    seed: u64,
) -> Result<Vec<JoinHandle<Result<Vec<Call>>>>> {
    let mut making = Vec::new();
    for writer in 0..WRITERS {
        making.push(tokio::spawn(write(connect(server).await?, plan, history, writer, calls)));
    }
    for reader in 0..READERS {
        let dice = Dice::of(seed, "reader", history.saturating_mul(READERS).saturating_add(reader));
        making.push(tokio::spawn(read(connect(server).await?, dice, calls)));
    }
    Ok(making)
}

async fn write(channel: Channel, plan: Plan, round: u64, writer: u64, calls: u64) -> Result<Vec<Call>> {
    let mut made = Vec::new();
    for number in 0..calls {
        let asked = Asked { round, writer, number };
        let began = Instant::now();
        let sent = client::send(&channel, &plan, asked).await?;
        let ended = Some(Instant::now());
        match sent {
            Sent::Recorded(receipt) => made.push(Call { began, ended, told: Answer::Written(asked, receipt.first) }),
            Sent::Refused(_) => break,
            Sent::Unknown => {
                made.push(Call { began, ended: None, told: Answer::Written(asked, u64::MAX) });
                break;
            }
        }
    }
    Ok(made)
}

/// Asks how many events there are, in one way or another, until nobody answers any more.
async fn read(channel: Channel, mut dice: Dice, calls: u64) -> Result<Vec<Call>> {
    let (mut made, mut newest) = (Vec::new(), 0);
    for _ in 0..calls {
        let began = Instant::now();
        let head = match dice.below(3) {
            0 => by_status(&channel, newest).await,
            1 => by_subscription(&channel).await,
            _ => by_reading(&channel, newest).await,
        };
        let ended = Some(Instant::now());
        let Ok(head) = head else { break };
        newest = head.saturating_sub(1);
        made.push(Call { began, ended, told: Answer::Head(head) });
    }
    Ok(made)
}

async fn by_status(channel: &Channel, min_position: u64) -> Result<u64> {
    let request = pb::GetStatusRequest { digest: false, min_position: Some(min_position) };
    Ok(AdminServiceClient::new(channel.clone()).get_status(request).await?.into_inner().events)
}

async fn by_subscription(channel: &Channel) -> Result<u64> {
    let start = Some(Start::Now(pb::FromNow {}));
    let mut stream = client::subscribe(channel, pb::SubscribeRequest { start, ..Default::default() }).await?;
    match stream.message().await?.and_then(|message| message.told) {
        Some(Told::CaughtUp(told)) => Ok(told.position.saturating_add(1)),
        told => bail!("{told:?} comes first"),
    }
}

async fn by_reading(channel: &Channel, from: u64) -> Result<u64> {
    let (mut stream, mut head) = (client::events(channel, from).await?, from);
    while stream.message().await?.is_some() {
        head = head.saturating_add(1);
    }
    Ok(head)
}

/// Where the events of each write begin, among those from a position on.
async fn places(channel: &Channel, from: u64) -> Result<BTreeMap<Asked, u64>> {
    let (mut stream, mut found) = (client::events(channel, from).await?, BTreeMap::new());
    while let Some(answer) = stream.message().await? {
        let event = pb::Event::decode(answer.event)?;
        let asked = Asked::of_name(&event.request_id).context("what nobody asked for")?;
        found.entry(asked).or_insert(event.position);
    }
    Ok(found)
}

/// The calls that took effect, each where it did.
fn settled(made: Vec<Call>, found: &BTreeMap<Asked, u64>, tally: &mut Tally) -> Vec<Call> {
    let mut settled = Vec::new();
    for call in made {
        let Answer::Written(asked, first) = call.told else {
            settled.push(call);
            continue;
        };
        match (found.get(&asked), call.ended) {
            (Some(place), None) => settled.push(Call { told: Answer::Written(asked, *place), ..call }),
            // Nobody knew, and it was not.
            (None, None) => {}
            (place, Some(_)) => {
                tally.acknowledged = tally.acknowledged.saturating_add(1);
                if place != Some(&first) {
                    tally.bad(Bad::Lost, 1, format!("{asked:?} was acknowledged at {first}, and is at {place:?}"));
                }
                settled.push(call);
            }
        }
    }
    settled
}

/// Pairs of calls of which the one ended before the other began, and which were told otherwise.
fn contradictions(made: &[Call]) -> Vec<String> {
    // In the order of their ends, each is held against what is the most that those before its beginning were told.
    let mut ends: Vec<&Call> = made.iter().filter(|call| call.ended.is_some()).collect();
    ends.sort_by_key(|call| call.ended);
    let mut begins: Vec<&Call> = made.iter().collect();
    begins.sort_by_key(|call| call.began);
    let (mut ended, mut newest, mut head) = (ends.into_iter().peekable(), None, 0);
    let mut found = Vec::new();
    for call in begins {
        while let Some(before) = ended.next_if(|before| before.ended < Some(call.began)) {
            match before.told {
                Answer::Written(_, first) => newest = newest.max(Some(first)),
                Answer::Head(seen) => head = head.max(seen),
            }
        }
        let is_in_order = match call.told {
            // After every write that ended before, and not among what was seen before.
            Answer::Written(_, first) => Some(first) > newest && first >= head,
            // With every write that ended before, and no less than was seen before.
            Answer::Head(seen) => Some(seen) > newest && seen >= head,
        };
        if !is_in_order {
            found.push(format!("{:?} after a write at {newest:?} and a head of {head}", call.told));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls from a time to a time, in milliseconds.
    fn calls(made: &[(u64, Option<u64>, Answer)]) -> Vec<Call> {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        made.iter().map(|(began, ended, told)| Call { began: at(*began), ended: ended.map(at), told: *told }).collect()
    }

    fn written(first: u64) -> Answer {
        Answer::Written(Asked { round: 0, writer: 0, number: first }, first)
    }

    #[test]
    fn what_overlaps_may_come_in_any_order_and_what_does_not_may_not() {
        let fits = [
            vec![(0, Some(5), written(1)), (3, Some(9), Answer::Head(1)), (4, Some(8), Answer::Head(2))],
            vec![(0, None, written(1)), (3, Some(4), Answer::Head(1)), (5, Some(6), Answer::Head(2))],
            vec![(0, Some(5), written(2)), (1, Some(6), written(1))],
        ];
        for made in fits {
            assert_eq!(contradictions(&calls(&made)), [""; 0], "{made:?}");
        }
        let contradict = [
            // An acknowledged write is not seen.
            vec![(0, Some(5), written(1)), (6, Some(7), Answer::Head(1))],
            // What was seen is not seen any more.
            vec![(0, Some(5), Answer::Head(3)), (6, Some(7), Answer::Head(2))],
            // A later write stands before an earlier one.
            vec![(0, Some(5), written(2)), (6, Some(7), written(1))],
            // It was seen before it was asked for.
            vec![(0, Some(5), Answer::Head(3)), (6, Some(7), written(2))],
            vec![(0, Some(5), Answer::Head(3)), (6, None, written(2))],
        ];
        for made in contradict {
            assert_eq!(contradictions(&calls(&made)).len(), 1, "{made:?}");
        }
    }
}
