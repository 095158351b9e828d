//! Writers that keep what they were told: what was acknowledged, and what nobody knows of.

use std::time::Duration;

use anyhow::{Result, bail};
use minutebook_proto::pb;
use prost::Message as _;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::asked::{Asked, Plan};
use crate::client::{self, Sent};
use crate::known::Known;
use crate::tally::Tally;

/// A writer whose answer does not come in this time does not wait for it any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// What writers were told.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) acknowledged: Vec<(Asked, pb::Receipt)>,
    /// Nobody knows.
    pub(crate) unknown: Vec<Asked>,
    /// Not recorded, as the server says.
    pub(crate) refused: Vec<Asked>,
}

impl Written {
    pub(crate) fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.unknown.extend(other.unknown);
        self.refused.extend(other.refused);
    }
}

/// Writers at work.
#[derive(Debug)]
pub(crate) struct Load(Vec<JoinHandle<Result<Written>>>);

impl Load {
    /// Sets so many writers to work, each of which ends after so many writes, or at the first that is not acknowledged.
    pub(crate) fn begin(channel: &Channel, plan: Plan, round: u64, writers: u64, each: u64) -> Self {
        let begin = |writer| tokio::spawn(write(channel.clone(), plan, round, writer, each));
        Self((0..writers).map(begin).collect())
    }

    /// What they were told, when the last of them has ended.
    pub(crate) async fn end(self) -> Result<Written> {
        let mut written = Written::default();
        for writer in self.0 {
            written.add(writer.await??);
        }
        Ok(written)
    }
}

/// Writes, one after the other, until there are so many bytes of events: what stands where follows from the seed.
pub(crate) async fn fill(
    channel: &Channel,
    round: u64,
    bytes: u64,
    known: &mut Known,
    tally: &mut Tally,
) -> Result<()> {
    let mut written = Written::default();
    let (mut number, mut there) = (0, known.bytes);
    while there < bytes {
        let asked = Asked { round, writer: 0, number };
        match client::send(channel, &known.plan, asked).await? {
            Sent::Recorded(receipt) => written.acknowledged.push((asked, receipt)),
            sent => bail!("{asked:?}: {sent:?}"),
        }
        // A request is about as large as the events that it gives.
        there = there.saturating_add(u64::try_from(known.plan.request(asked).encoded_len())?);
        number += 1;
    }
    known.read_on(channel, tally).await?;
    known.acknowledge(&written, tally);
    known.check(&written, tally);
    Ok(())
}

async fn write(channel: Channel, plan: Plan, round: u64, writer: u64, each: u64) -> Result<Written> {
    let mut written = Written::default();
    for number in 0..each {
        let asked = Asked { round, writer, number };
        let sent = tokio::time::timeout(PATIENCE, client::send(&channel, &plan, asked)).await;
        match sent.unwrap_or(Ok(Sent::Unknown))? {
            Sent::Recorded(receipt) => {
                written.acknowledged.push((asked, receipt));
                continue;
            }
            Sent::Refused(_) => written.refused.push(asked),
            Sent::Unknown => written.unknown.push(asked),
        }
        break;
    }
    Ok(written)
}
