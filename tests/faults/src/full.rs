//! A full disk: a small file system in memory is filled up under load, given room again, and gone on with. While it is
//! full, writes are refused in so many words and reads go on; with room again, nobody has to do anything.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use tonic::Code;
use tonic::transport::Channel;

use crate::apart::{self, Mounted};
use crate::asked::{Asked, Plan, Sizes};
use crate::client::{self, Sent, connect};
use crate::dice::Dice;
use crate::known::Known;
use crate::load::{Load, Written};
use crate::program::{Server, panics};
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

const WRITERS: u64 = 4;
/// Room for the store's first 8 MiB and the first few segments.
const DISK_BYTES: u64 = 48 << 20;
/// More writes than find room, of some 9 KiB each.
const WRITES: u64 = 2_000;
/// So many are sent at most before it is full, and by each writer after.
const SOME: u64 = 150;
const FEW: u64 = 20;

/// A full disk, on a file system of its own in memory
#[derive(Debug, Default, Args)]
pub(crate) struct Full {
    /// How many times; 100 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    cycles: Option<u64>,
}

impl Full {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        if let Some(reason) = apart::refusal() {
            return Ok(Outcome::NotRun(reason));
        }
        let cycles = self.cycles.unwrap_or(if setup.quick { 2 } else { 100 });
        let mut tally = Tally::begin("full", setup.seed, "cycles", cycles);
        for cycle in 0..cycles {
            if let Err(error) = one(setup, cycle, &mut tally).await {
                tally.bad(Bad::Failed, 1, format!("cycle {cycle}: {error:#}"));
            }
            tally.step();
        }
        Ok(Outcome::Ran(tally))
    }
}

/// What happens to the server while its disk is full.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Nothing,
    Restarted,
    Killed,
}

const MEANWHILE: [Meanwhile; 3] = [Meanwhile::Nothing, Meanwhile::Restarted, Meanwhile::Killed];

async fn one(setup: &Setup, cycle: u64, tally: &mut Tally) -> Result<()> {
    let folder = setup.folder()?;
    let mounted = Mounted::memory(DISK_BYTES, folder.path())?;
    let data = folder.path().join("data");
    let ballast = folder.path().join("ballast");
    setup.program.found(&data)?;
    let mut dice = Dice::of(setup.seed, "full", cycle);
    let mut known = Known::new(Plan { seed: dice.next(), sizes: Sizes::Mixed });
    let server = setup.program.serve(&data)?;
    let channel = connect(&server).await?;
    let before = Load::begin(&channel, known.plan, 0, 1, dice.below(SOME)).end().await?;
    known.acknowledge(&before, tally);
    ensure!(before.refused.is_empty() && before.unknown.is_empty(), "there was room: {before:?}");

    // It fills up while writers are at work.
    let load = Load::begin(&channel, known.plan, 1, WRITERS, WRITES);
    fill(&ballast)?;
    let mut written = load.end().await?;
    known.acknowledge(&written, tally);
    if !written.unknown.is_empty() {
        tally.bad(Bad::Failed, 1, format!("a full disk left the outcome of {:?} open", written.unknown));
    }
    let more = refusal(&channel, known.plan).await?;
    known.acknowledge(&more, tally);
    written.refused.extend(more.refused);
    known.read_all(&channel, tally).await.context("reading while the disk is full")?;
    known.check(&written, tally);

    let meanwhile = dice.pick(&MEANWHILE).copied().unwrap_or(Meanwhile::Nothing);
    let (server, channel) = through(setup, meanwhile, server, channel, &data, tally).await?;
    known.read_all(&channel, tally).await.with_context(|| format!("reading on a full disk, {meanwhile:?}"))?;
    known.check(&written, tally);
    fs::remove_file(&ballast)?;
    again(&channel, &mut known, &written, tally).await?;
    drop(channel);
    setup.finish(server, &data, known, tally).await?;
    mounted.unmount()
}

/// There is room again, and nobody does anything: what was refused is recorded when it is sent again, and so is the rest.
async fn again(channel: &Channel, known: &mut Known, refused: &Written, tally: &mut Tally) -> Result<()> {
    known.retry(channel, refused, tally).await?;
    let after = Load::begin(channel, known.plan, 3, WRITERS, FEW).end().await?;
    known.acknowledge(&after, tally);
    if !(after.refused.is_empty() && after.unknown.is_empty()) {
        tally.bad(Bad::Failed, 1, "not everything is recorded though there is room again");
    }
    known.read_on(channel, tally).await?;
    known.check(&after, tally);
    Ok(())
}

/// Goes on until one is refused for want of space and that alone.
async fn refusal(channel: &Channel, plan: Plan) -> Result<Written> {
    let mut written = Written::default();
    for number in 0..WRITES {
        let asked = Asked { round: 2, writer: 0, number };
        match client::send(channel, &plan, asked).await? {
            Sent::Recorded(receipt) => written.acknowledged.push((asked, receipt)),
            Sent::Refused(status) if status.code() == Code::ResourceExhausted => {
                written.refused.push(asked);
                return Ok(written);
            }
            sent => bail!("a write on a full disk: {sent:?}"),
        }
    }
    bail!("the disk does not get full")
}

/// What happens to the server while its disk is full; it must come up all the same.
async fn through(
    setup: &Setup,
    meanwhile: Meanwhile,
    server: Server,
    channel: Channel,
    data: &Path,
    tally: &mut Tally,
) -> Result<(Server, Channel)> {
    let log = match meanwhile {
        Meanwhile::Nothing => return Ok((server, channel)),
        Meanwhile::Restarted => {
            drop(channel);
            tally.count("restarted while full");
            server.stop()?.err
        }
        Meanwhile::Killed => {
            tally.count("killed while full");
            server.kill()?
        }
    };
    if panics(&log) {
        tally.bad(Bad::Failed, 1, format!("a panic on a full disk: {log}"));
    }
    let server = setup.program.serve(data).with_context(|| format!("a start on a full disk, {meanwhile:?}"))?;
    let channel = connect(&server).await?;
    Ok((server, channel))
}

/// Takes all the room that is left.
fn fill(ballast: &Path) -> Result<()> {
    let mut file = File::create(ballast)?;
    for bytes in [1 << 20, 4096] {
        let zeros = vec![0; bytes];
        loop {
            match file.write_all(&zeros) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
