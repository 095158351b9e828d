//! A power cut: the file system that the ledger is on is shut down under load, as if the disk had been pulled out. What
//! was not synced is gone, and so is the file system's own journal of what it had not written yet.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use tempfile::TempDir;

use crate::apart::{self, Mounted, run};
use crate::asked::{LARGEST, Plan, Sizes};
use crate::client::connect;
use crate::dice::Dice;
use crate::known::Known;
use crate::load::Load;
use crate::program::{Server, panics};
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

const WRITERS: u64 = 4;
/// So large is the disk.
const DISK_BYTES: u64 = 60 << 20;
/// A new disk is taken when so many bytes of events are on the one before, or after so many cycles.
const FULL_BYTES: u64 = 6 << 20;
const CYCLES_EACH: u64 = 40;
/// How large the events of a ledger are; each ledger takes the next.
const SIZES: [Sizes; 6] =
    [Sizes::Of(300), Sizes::Of(4 << 10), Sizes::Mixed, Sizes::Of(16 << 10), Sizes::Of(LARGEST), Sizes::Of(30 << 10)];
/// Asks a file system to shut down without writing its journal: the ioctl `EXT4_IOC_SHUTDOWN`, and
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`.
const CUT: &str = r#"open(my $dir, "<", $ARGV[0]) or die "open: $!"; my $how = pack("L", 2);
                     ioctl($dir, 0x8004587d, $how) or die "ioctl: $!";"#;

/// Power cuts under load, on an ext4 of its own
#[derive(Debug, Default, Args)]
pub(crate) struct Power {
    /// How many times; 1000 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    cycles: Option<u64>,
}

impl Power {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let lacking = ["mkfs.ext4", "mount", "perl"].into_iter().find(|tool| !apart::has(tool));
        if let Some(reason) = apart::refusal().or_else(|| lacking.map(|tool| format!("{tool} is not installed"))) {
            return Ok(Outcome::NotRun(reason));
        }
        if let Err(error) = Disk::new(setup) {
            return Ok(Outcome::NotRun(format!("no ext4 can be mounted from a file: {error:#}")));
        }
        let cycles = self.cycles.unwrap_or(if setup.quick { 6 } else { 1000 });
        let mut tally = Tally::begin("power", setup.seed, "cycles", cycles);
        let (mut cycle, mut ledger) = (0, 0);
        while cycle < cycles {
            match life(setup, ledger, cycle..cycles, &mut tally).await {
                Ok(reached) => cycle = reached,
                Err(error) => {
                    tally.bad(Bad::Failed, 1, format!("{error:#}"));
                    break;
                }
            }
            ledger += 1;
        }
        tally.add("disks", ledger);
        Ok(Outcome::Ran(tally))
    }
}

/// The life of one ledger on one disk. Gives the cycle that it came to.
async fn life(setup: &Setup, ledger: u64, cycles: std::ops::Range<u64>, tally: &mut Tally) -> Result<u64> {
    let mut disk = Disk::new(setup)?;
    let data = disk.at.join("data");
    setup.program.found(&data)?;
    let each = if setup.quick { 2 } else { CYCLES_EACH };
    let mut dice = Dice::of(setup.seed, "disk", ledger);
    let sizes = usize::try_from(ledger)?.checked_rem(SIZES.len()).and_then(|index| SIZES.get(index)).copied();
    let mut known = Known::new(Plan { seed: dice.next(), sizes: sizes.unwrap_or(Sizes::Mixed) });
    let mut server = setup.program.serve(&data)?;
    let last = cycles.end.min(cycles.start.saturating_add(each));
    let mut reached = cycles.start;
    for cycle in cycles.start..last {
        if known.bytes > FULL_BYTES {
            break;
        }
        server = one_cut(setup, &mut disk, server, cycle, &mut known, tally)
            .await
            .with_context(|| format!("cycle {cycle}, {:?}", known.plan.sizes))?;
        tally.step();
        reached = cycle.saturating_add(1);
    }
    setup.finish(server, &data, known, tally).await?;
    disk.unmount()?;
    Ok(reached)
}

async fn one_cut(
    setup: &Setup,
    disk: &mut Disk,
    server: Server,
    cycle: u64,
    known: &mut Known,
    tally: &mut Tally,
) -> Result<Server> {
    let data = disk.at.join("data");
    let mut dice = Dice::of(setup.seed, "power", cycle);
    let channel = connect(&server).await?;
    let load = Load::begin(&channel, known.plan, cycle, WRITERS, u64::MAX);
    tokio::time::sleep(Duration::from_millis(dice.between(1, 60))).await;
    disk.cut()?;
    // Whatever it still acknowledges after the cut counts too.
    let written = load.end().await?;
    known.acknowledge(&written, tally);
    if panics(&server.kill()?) {
        tally.bad(Bad::Failed, 1, "the server panicked when its disk was gone");
    }
    disk.mount_again()?;
    // The power may go again while it recovers.
    if dice.one_in(4) {
        let started = Server::spawn(setup.program.serving(&data))?;
        tokio::time::sleep(Duration::from_millis(dice.below(60))).await;
        disk.cut()?;
        started.kill()?;
        disk.mount_again()?;
        tally.count("cut at the start too");
    }
    let server = setup.program.serve(&data)?;
    let channel = connect(&server).await?;
    known.read_on(&channel, tally).await?;
    known.check(&written, tally);
    known.retry(&channel, &written, tally).await?;
    known.repeat(&channel, &mut dice, tally).await?;
    Ok(server)
}

/// A disk of its own: an ext4 in a file.
struct Disk {
    image: PathBuf,
    at: PathBuf,
    mounted: Option<Mounted>,
    // INVARIANT: the last field, so that the folder goes when nothing is mounted in it.
    _folder: TempDir,
}

impl Disk {
    fn new(setup: &Setup) -> Result<Self> {
        let folder = setup.folder()?;
        let (image, at) = (folder.path().join("disk"), folder.path().join("mounted"));
        File::create(&image)?.set_len(DISK_BYTES)?;
        std::fs::create_dir(&at)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let mounted = Some(Mounted::image(&image, &at)?);
        Ok(Self { image, at, mounted, _folder: folder })
    }

    /// Cuts the power.
    fn cut(&self) -> Result<()> {
        run(Command::new("perl").args(["-e", CUT]).arg(&self.at)).map(|_| ())
    }

    /// Puts the disk in again, as it was when the power went.
    fn mount_again(&mut self) -> Result<()> {
        self.mounted.take().map_or(Ok(()), Mounted::unmount)?;
        self.mounted = Some(Mounted::image(&self.image, &self.at)?);
        Ok(())
    }

    fn unmount(mut self) -> Result<()> {
        self.mounted.take().map_or(Ok(()), Mounted::unmount)
    }
}
