//! `kill -9` under load. Every so many cycles a new ledger is begun, and the one before is read from its first event and
//! verified from its files.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::asked::{Plan, Sizes};
use crate::client::connect;
use crate::dice::Dice;
use crate::known::Known;
use crate::load::Load;
use crate::program::{Server, panics};
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

const WRITERS: u64 = 4;
/// A ledger is killed so many times, so that a start does not come to replay all that a campaign writes.
const CYCLES_EACH: u64 = 50;

/// `kill -9` under load
#[derive(Debug, Default, Args)]
pub(crate) struct Kill {
    /// How many times; 1000 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    cycles: Option<u64>,
}

impl Kill {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let cycles = self.cycles.unwrap_or(if setup.quick { 8 } else { 1000 });
        let mut tally = Tally::begin("kill", setup.seed, "cycles", cycles);
        for first in (0..cycles).step_by(usize::try_from(CYCLES_EACH)?) {
            let last = first.saturating_add(CYCLES_EACH).min(cycles);
            if let Err(error) = life(setup, first, last, &mut tally).await {
                tally.bad(Bad::Failed, 1, format!("{error:#}"));
                break;
            }
        }
        Ok(Outcome::Ran(tally))
    }
}

/// The life of one ledger.
async fn life(setup: &Setup, first: u64, last: u64, tally: &mut Tally) -> Result<()> {
    let folder = setup.folder()?;
    let data = folder.path().join("data");
    setup.program.found(&data)?;
    let mut known = Known::new(Plan { seed: setup.seed, sizes: Sizes::Mixed });
    let mut server = setup.program.serve(&data)?;
    for cycle in first..last {
        let mut dice = Dice::of(setup.seed, "kill", cycle);
        let channel = connect(&server).await?;
        let load = Load::begin(&channel, known.plan, cycle, WRITERS, u64::MAX);
        tokio::time::sleep(Duration::from_millis(dice.between(2, 150))).await;
        if panics(&server.kill()?) {
            tally.bad(Bad::Failed, 1, "the server had panicked before it was killed");
        }
        let written = load.end().await?;
        known.acknowledge(&written, tally);
        // The next start may be cut off as well.
        if dice.one_in(4) {
            let started = Server::spawn(setup.program.serving(&data))?;
            tokio::time::sleep(Duration::from_millis(dice.below(60))).await;
            started.kill()?;
            tally.count("killed at the start too");
        }
        server = setup.program.serve(&data).with_context(|| format!("cycle {cycle}"))?;
        let channel = connect(&server).await?;
        known.read_on(&channel, tally).await?;
        known.check(&written, tally);
        known.retry(&channel, &written, tally).await?;
        known.repeat(&channel, &mut dice, tally).await?;
        tally.step();
    }
    setup.finish(server, &data, known, tally).await
}
