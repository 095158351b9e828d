//! A clock that is set back by a day, under load and across restarts. Positions go on without gaps, and no event says
//! that it was recorded before the one before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::asked::{Plan, Sizes};
use crate::client::connect;
use crate::dice::Dice;
use crate::known::Known;
use crate::load::Load;
use crate::program::{Server, Started};
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

const WRITERS: u64 = 4;
const WRITES: u64 = 25;
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// A clock that is set back by a day
#[derive(Debug, Default, Args)]
pub(crate) struct Clock {
    /// How many times; 100 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    cycles: Option<u64>,
}

impl Clock {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let Some(library) = library() else {
            return Ok(Outcome::NotRun("libfaketime is not installed".to_owned()));
        };
        let cycles = self.cycles.unwrap_or(if setup.quick { 2 } else { 100 });
        let mut tally = Tally::begin("clock", setup.seed, "cycles", cycles);
        let lived = life(setup, &library, cycles, &mut tally).await;
        Ok(Outcome::of(tally, lived))
    }
}

/// The library that makes up the time.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let local = ["/usr/lib", "/usr/local/lib"].map(PathBuf::from);
    folders.chain(local).map(|folder| folder.join(LIBRARY)).find(|path| path.is_file())
}

async fn life(setup: &Setup, library: &Path, cycles: u64, tally: &mut Tally) -> Result<()> {
    let folder = setup.folder()?;
    let data = folder.path().join("data");
    setup.program.found(&data)?;
    let time = Time { file: folder.path().join("time") };
    time.set("+0")?;
    let serve = || match Server::start(time.told_to(setup.program.serving(&data), library))? {
        Started::Serves(server) => anyhow::Ok(server),
        Started::Ended(ended) => anyhow::bail!("the server did not come up: {ended}"),
    };
    let mut known = Known::new(Plan { seed: setup.seed, sizes: Sizes::Of(300) });
    let mut server = serve()?;
    for cycle in 0..cycles {
        let mut dice = Dice::of(setup.seed, "clock", cycle);
        // The clock is set back while writers are at work, and the server may be started again before it is right.
        record(&server, &mut known, (cycle, 0), Some((&time, dice.below(30))), tally).await?;
        let before = known.recorded_at_ms();
        if dice.one_in(2) {
            server = restarted(server, &mut dice, &serve, tally)?;
        }
        record(&server, &mut known, (cycle, 1), None, tally).await?;
        if known.recorded_at_ms() == before {
            tally.add("writes recorded while the clock was back", WRITERS * WRITES);
        } else {
            tally.bad(Bad::Failed, 1, "the clock was not set back, or its time was believed");
        }
        time.set("+0")?;
        if dice.one_in(2) {
            server = restarted(server, &mut dice, &serve, tally)?;
        }
        record(&server, &mut known, (cycle, 2), None, tally).await?;
        if known.recorded_at_ms() <= before {
            tally.bad(Bad::Differing, 1, "the time stands still though the clock is right again");
        }
        tally.step();
    }
    setup.finish(server, &data, known, tally).await
}

/// Writes, and reads what that came to. The clock may be set back by a day after so many milliseconds.
async fn record(
    server: &Server,
    known: &mut Known,
    (cycle, part): (u64, u64),
    back: Option<(&Time, u64)>,
    tally: &mut Tally,
) -> Result<()> {
    let channel = connect(server).await?;
    let round = cycle.saturating_mul(3).saturating_add(part);
    let load = Load::begin(&channel, known.plan, round, WRITERS, WRITES);
    if let Some((time, after)) = back {
        tokio::time::sleep(Duration::from_millis(after)).await;
        time.set("-1d")?;
    }
    let written = load.end().await?;
    known.acknowledge(&written, tally);
    anyhow::ensure!(written.unknown.is_empty() && written.refused.is_empty(), "not recorded: {written:?}");
    known.read_on(&channel, tally).await?;
    known.check(&written, tally);
    Ok(())
}

fn restarted(server: Server, dice: &mut Dice, serve: &dyn Fn() -> Result<Server>, tally: &mut Tally) -> Result<Server> {
    if dice.one_in(2) {
        server.kill()?;
        tally.count("killed in between");
    } else {
        server.stop()?;
        tally.count("restarted in between");
    }
    serve().context("after the clock was set")
}

/// What the clock of a server says.
struct Time {
    file: PathBuf,
}

impl Time {
    /// So far from the right time.
    fn set(&self, by: &str) -> Result<()> {
        // It is read at any moment, and is whole at each.
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{by}\n"))?;
        Ok(fs::rename(next, &self.file)?)
    }

    /// A program that is told this time. What it measures spans with is left alone.
    fn told_to(&self, mut command: Command, library: &Path) -> Command {
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    }
}
