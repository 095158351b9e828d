//! Breaks what can break under a running minute book, and checks that nothing acknowledged is lost, nothing is there
//! twice, and nothing differs in silence. It starts the real program and speaks gRPC to it over real sockets.
//!
//! `cargo build --release && cargo run --release -p minutebook-faults -- all --quick`
//!
//! Each campaign prints its seed first and its counts last. The same seed gives the same trials: what is asked, what is
//! broken, and when; how far a server comes in that time is the machine's affair. What a campaign needs and the machine
//! lacks is told as "not run", which is never a pass.

mod apart;
mod asked;
mod attacks;
mod backup;
mod calls;
mod client;
mod clock;
mod damage;
mod deadline;
mod dice;
mod follow;
mod full;
mod kill;
mod known;
mod linear;
mod load;
mod power;
mod program;
mod tally;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use tempfile::TempDir;

use client::connect;
use known::Known;
use load::Written;
use program::{Program, Server};
use tally::{Bad, Tally};

/// Breaks what can break under a running minute book.
#[derive(Debug, Parser)]
#[command(name = "minutebook-faults")]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    campaign: Campaign,
}

/// What every campaign takes.
#[derive(Debug, clap::Args)]
struct Options {
    /// Chooses the trials; another one each time unless given
    #[arg(long, global = true, value_name = "N")]
    seed: Option<u64>,
    /// Few trials, to see that it holds; the full form is for releases
    #[arg(long, global = true)]
    quick: bool,
    /// The program, where it is not beside this one
    #[arg(long, global = true, value_name = "FILE")]
    minutebook: Option<PathBuf>,
    /// Where ledgers are made; they go when they are done with
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What is broken.
#[derive(Debug, Subcommand)]
enum Campaign {
    /// `kill -9` under load
    Kill(kill::Kill),
    /// Power cuts under load, on an ext4 of its own
    Power(power::Power),
    /// Damage of six kinds to every file
    Damage(damage::Damage),
    /// Every write, sync, open, rename and truncation failing, once and from then on
    Calls(calls::Calls),
    /// A full disk, on a file system of its own in memory
    Full(full::Full),
    /// A clock that is set back by a day
    Clock(clock::Clock),
    /// Requests whose deadline passes
    Deadline(deadline::Deadline),
    /// Backups under load, each restored
    Backup(backup::Backup),
    /// Subscribers, held against a full reading
    Follow(follow::Follow),
    /// Writers and readers at once, and one order that fits them all
    Linear(linear::Linear),
    /// Ten attacks of hostile clients
    Attacks(attacks::Attacks),
    /// All campaigns, one after the other
    All,
}

/// What campaigns work with.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) program: Program,
    pub(crate) seed: u64,
    pub(crate) quick: bool,
    dir: PathBuf,
}

/// What came of a campaign.
#[derive(Debug)]
pub(crate) enum Outcome {
    Ran(Tally),
    /// Why it was not.
    NotRun(String),
}

impl Outcome {
    /// Of a campaign that is the life of one ledger, which may have ended before its time.
    pub(crate) fn of(mut tally: Tally, lived: Result<()>) -> Self {
        if let Err(error) = lived {
            tally.bad(Bad::Failed, 1, format!("{error:#}"));
        }
        Self::Ran(tally)
    }
}

impl Setup {
    fn new(options: &Options) -> Result<Self> {
        let program = Program::find(options.minutebook.as_deref())?;
        let seed = || SystemTime::now().duration_since(UNIX_EPOCH).map(|time| u64::from(time.subsec_nanos()));
        let seed = options.seed.map_or_else(seed, Ok)?;
        let dir = options.dir.clone().unwrap_or_else(std::env::temp_dir);
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create `{}`", dir.display()))?;
        Ok(Self { program, seed, quick: options.quick, dir })
    }

    /// A directory that goes when it is let go of.
    pub(crate) fn folder(&self) -> Result<TempDir> {
        Ok(tempfile::Builder::new().prefix("minutebook-faults-").tempdir_in(&self.dir)?)
    }

    /// The end of a ledger: it is stopped in order, and what its files and its next server say is what is known.
    pub(crate) async fn finish(&self, server: Server, data: &Path, mut known: Known, tally: &mut Tally) -> Result<()> {
        let channel = connect(&server).await?;
        known.read_all(&channel, tally).await?;
        known.check(&Written::default(), tally);
        let digest = client::status(&channel).await?.digest;
        drop(channel);
        tally.check_end(&server.stop()?);
        let verified = self.program.verify(data)?;
        let folded = hex(&digest);
        if verified.events() != Some(known.head()) || verified.hash("digest") != Some(folded.as_str()) {
            tally.bad(Bad::Differing, 1, format!("{} events come to {folded}, and {verified:?}", known.head()));
        }
        let server = self.program.serve(data)?;
        known.read_all(&connect(&server).await?, tally).await
    }
}

/// As people write hashes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    apart::enter();
    let setup = Setup::new(&cli.options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    Ok(runtime.block_on(run(&setup, cli.campaign)))
}

async fn run(setup: &Setup, campaign: Campaign) -> ExitCode {
    let is_one = !matches!(campaign, Campaign::All);
    let mut sum = Sum::default();
    match campaign {
        Campaign::Kill(kill) => sum.add("kill", kill.run(setup).await),
        Campaign::Power(power) => sum.add("power", power.run(setup).await),
        Campaign::Damage(damage) => sum.add("damage", damage.run(setup).await),
        Campaign::Calls(calls) => sum.add("calls", calls.run(setup).await),
        Campaign::Full(full) => sum.add("full", full.run(setup).await),
        Campaign::Clock(clock) => sum.add("clock", clock.run(setup).await),
        Campaign::Deadline(deadline) => sum.add("deadline", deadline.run(setup).await),
        Campaign::Backup(backup) => sum.add("backup", backup.run(setup).await),
        Campaign::Follow(follow) => sum.add("follow", follow.run(setup).await),
        Campaign::Linear(linear) => sum.add("linear", linear.run(setup).await),
        Campaign::Attacks(attacks) => sum.add("attacks", attacks.run(setup).await),
        Campaign::All => {
            sum.add("kill", kill::Kill::default().run(setup).await);
            sum.add("power", power::Power::default().run(setup).await);
            sum.add("damage", damage::Damage::default().run(setup).await);
            sum.add("calls", calls::Calls::default().run(setup).await);
            sum.add("full", full::Full::default().run(setup).await);
            sum.add("clock", clock::Clock::default().run(setup).await);
            sum.add("deadline", deadline::Deadline::default().run(setup).await);
            sum.add("backup", backup::Backup::default().run(setup).await);
            sum.add("follow", follow::Follow::default().run(setup).await);
            sum.add("linear", linear::Linear::default().run(setup).await);
            sum.add("attacks", attacks::Attacks::default().run(setup).await);
        }
    }
    let Sum { held, failed, not_run } = sum;
    println!("campaigns: {held} held, {failed} failed, {not_run} not run");
    // Whoever asks for one campaign is not told that all is well when it did not run.
    let is_well = failed == 0 && !(is_one && not_run > 0);
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What came of the campaigns together.
#[derive(Debug, Default)]
struct Sum {
    held: u32,
    failed: u32,
    not_run: u32,
}

impl Sum {
    /// Tells what came of a campaign.
    fn add(&mut self, campaign: &str, outcome: Result<Outcome>) {
        match outcome {
            Ok(Outcome::Ran(tally)) => {
                println!("{tally}");
                if tally.holds() { self.held += 1 } else { self.failed += 1 }
            }
            Ok(Outcome::NotRun(reason)) => {
                println!("not run: 1 ({campaign}: {reason})");
                self.not_run += 1;
            }
            Err(error) => {
                eprintln!("{campaign}: failed: {error:#}");
                self.failed += 1;
            }
        }
    }
}
