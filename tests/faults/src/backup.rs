//! Backups that are made while others write. Each has what was acknowledged before it began, and the ledger that is made
//! of it comes to the root that was signed.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::asked::{Plan, Sizes};
use crate::client::{connect, status};
use crate::dice::Dice;
use crate::known::Known;
use crate::load::Load;
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

const WRITERS: u64 = 4;
const WRITES: u64 = 50;

/// Backups under load, each restored
#[derive(Debug, Default, Args)]
pub(crate) struct Backup {
    /// How many; 100 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    cycles: Option<u64>,
}

impl Backup {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let cycles = self.cycles.unwrap_or(if setup.quick { 3 } else { 100 });
        let mut tally = Tally::begin("backup", setup.seed, "backups", cycles);
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
    for cycle in 0..cycles {
        let load = Load::begin(&channel, known.plan, cycle, WRITERS, WRITES);
        tokio::time::sleep(Duration::from_millis(Dice::of(setup.seed, "backup", cycle).below(50))).await;
        let before = status(&channel).await?.events;
        let place = setup.folder()?;
        let (backup, again) = (place.path().join("backup"), place.path().join("again"));
        let told = setup.program.back_up(&server, &backup)?;
        let during = status(&channel).await?.events;
        let written = load.end().await?;
        known.acknowledge(&written, tally);
        ensure!(written.unknown.is_empty() && written.refused.is_empty(), "not recorded: {written:?}");
        known.read_on(&channel, tally).await?;
        known.check(&written, tally);

        tally.add("made while events were recorded", u64::from(during > before));
        match told.events() {
            None => tally.bad(Bad::Failed, 1, format!("no backup was made: {}", told.ended)),
            Some(events) if events < before => {
                tally.bad(Bad::Lost, before.saturating_sub(events), "acknowledged before the backup began");
            }
            Some(_) => {}
        }
        setup.program.restore(&backup, &data.join("key"), &again)?;
        let restored = setup.program.verify(&again)?;
        if restored.events() != told.events() || restored.hash("root") != told.hash("root") {
            tally.bad(Bad::Differing, 1, format!("of {told:?} came {restored:?}"));
        }
        tally.step();
    }
    drop(channel);
    setup.finish(server, &data, known, tally).await
}
