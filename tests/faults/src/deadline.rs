//! Requests whose deadline passes while they are under way. Each is recorded wholly or not at all, and sent again under
//! the same name it is there once.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::asked::{Asked, Plan, Sizes};
use crate::client::{Sent, connect, send_within};
use crate::known::Known;
use crate::load::Written;
use crate::tally::Tally;
use crate::{Outcome, Setup};

const WRITERS: u64 = 16;
const EACH: u64 = 25;
const DEADLINE: Duration = Duration::from_millis(1);
/// What is under way when a deadline has passed gets to its end in this time.
const UNDER_WAY: Duration = Duration::from_millis(200);

/// Deadlines of a millisecond
#[derive(Debug, Default, Args)]
pub(crate) struct Deadline {
    /// How many times 400 requests; 25 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    cycles: Option<u64>,
}

impl Deadline {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let cycles = self.cycles.unwrap_or(if setup.quick { 2 } else { 25 });
        let mut tally = Tally::begin("deadline", setup.seed, "cycles", cycles);
        let lived = life(setup, cycles, &mut tally).await;
        Ok(Outcome::of(tally, lived))
    }
}

async fn life(setup: &Setup, cycles: u64, tally: &mut Tally) -> Result<()> {
    let folder = setup.folder()?;
    let data = folder.path().join("data");
    setup.program.found(&data)?;
    let server = setup.program.serve(&data)?;
    let channel = connect(&server).await?;
    let mut known = Known::new(Plan { seed: setup.seed, sizes: Sizes::Of(300) });
    let mut passed = 0_usize;
    for cycle in 0..cycles {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            // A connection each: one on which many requests are given up at once is taken for an attack, and closed.
            writers.spawn(write(connect(&server).await?, known.plan, cycle, writer));
        }
        let mut written = Written::default();
        for told in writers.join_all().await {
            written.add(told?);
        }
        ensure!(written.refused.is_empty(), "refused: {written:?}");
        passed += written.unknown.len();
        tokio::time::sleep(UNDER_WAY).await;
        known.acknowledge(&written, tally);
        known.read_on(&channel, tally).await?;
        known.check(&written, tally);
        known.retry(&channel, &written, tally).await?;
        known.read_on(&channel, tally).await?;
        known.check(&Written::default(), tally);
        tally.step();
    }
    ensure!(passed > 0, "no deadline passed: this tests nothing");
    tally.add("deadlines passed", u64::try_from(passed)?);
    drop(channel);
    setup.finish(server, &data, known, tally).await
}

async fn write(channel: Channel, plan: Plan, round: u64, writer: u64) -> Result<Written> {
    let mut written = Written::default();
    for number in 0..EACH {
        let asked = Asked { round, writer, number };
        match send_within(&channel, &plan, asked, Some(DEADLINE)).await? {
            Sent::Recorded(receipt) => written.acknowledged.push((asked, receipt)),
            Sent::Refused(_) => written.refused.push(asked),
            Sent::Unknown => written.unknown.push(asked),
        }
    }
    Ok(written)
}
