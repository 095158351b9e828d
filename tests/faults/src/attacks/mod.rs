//! Ten ways to wear a server out. While each goes on, a client that means well is answered, not much later than without
//! it; afterwards the server has about as much memory and exactly as many files and connections as before.
//!
//! How late answers come is judged in the full form only: the quick one runs where others use the machine.

mod each;
mod line;

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tonic::transport::Channel;

use crate::asked::{Asked, Plan, Sizes};
use crate::client::{Sent, connect, send, status_alone};
use crate::known::Known;
use crate::load::{Written, fill};
use crate::program::{Server, Started};
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

use each::{ATTACKS, Attack};

/// The attacker has so many lines at once, and a few files.
const DESCRIPTORS: u64 = 2_500;
/// A server with so few descriptors has none for all of them.
const FEW: u64 = 256;
/// What there is to read for those who read slowly.
const EVENTS_BYTES: u64 = 16 << 20;
/// How often the client that means well asks.
const PACE: Duration = Duration::from_millis(5);
/// As much later than twice an answer may come on a machine that does other things as well.
const NOISE: Duration = Duration::from_millis(5);
/// As much more memory the server may have afterwards.
const GROWTH_BYTES: u64 = 64 << 20;
/// In this time it has let go of what an attack held.
const LETTING_GO: Duration = Duration::from_mins(2);

/// Ten attacks
#[derive(Debug, Default, Args)]
pub(crate) struct Attacks {
    /// How many seconds each goes on; 20 unless given, and 2 with --quick
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

impl Attacks {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let lasts = Duration::from_secs(self.seconds.unwrap_or(if setup.quick { 2 } else { 20 }));
        let limit = getrlimit(Resource::Nofile);
        if limit.maximum.is_some_and(|maximum| maximum < DESCRIPTORS) {
            return Ok(Outcome::NotRun(format!("{DESCRIPTORS} file descriptors are needed")));
        }
        setrlimit(Resource::Nofile, Rlimit { current: limit.current.map(|now| now.max(DESCRIPTORS)), ..limit })?;
        let mut tally = Tally::begin("attacks", setup.seed, "attacks", u64::try_from(ATTACKS.len())?);
        let lived = life(setup, lasts, &mut tally).await;
        Ok(Outcome::of(tally, lived))
    }
}

async fn life(setup: &Setup, lasts: Duration, tally: &mut Tally) -> Result<()> {
    let folder = setup.folder()?;
    let data = folder.path().join("data");
    setup.program.found(&data)?;
    let mut known = Known::new(Plan { seed: setup.seed, sizes: Sizes::Of(4_000) });
    let server = setup.program.serve(&data)?;
    fill(&connect(&server).await?, 0, EVENTS_BYTES, &mut known, tally).await?;
    ensure!(server.stop()?.code() == Some(0), "the server did not end in order");
    for (round, (name, attack)) in (1..).zip(ATTACKS) {
        // A server each: what one attack leaves behind is not put down to the next.
        let server = begin(few_descriptors(setup.program.serving(&data), name.contains("descriptors")))?;
        let channel = connect(&server).await?;
        bear(setup, &server, &channel, (name, attack), lasts, tally).await?;
        // It records as before.
        let asked = Asked { round, writer: 0, number: 0 };
        let mut written = Written::default();
        match send(&channel, &known.plan, asked).await? {
            Sent::Recorded(receipt) => written.acknowledged.push((asked, receipt)),
            sent => tally.bad(Bad::Failed, 1, format!("after {name}: {sent:?}")),
        }
        known.acknowledge(&written, tally);
        known.read_on(&channel, tally).await?;
        known.check(&written, tally);
        drop(channel);
        let ended = server.stop()?;
        if ended.code() != Some(0) || ended.has_panicked() {
            tally.bad(Bad::Failed, 1, format!("after {name} the server did not end in order: {ended}"));
        }
        tally.step();
    }
    setup.finish(setup.program.serve(&data)?, &data, known, tally).await
}

fn begin(command: Command) -> Result<Server> {
    match Server::start(command)? {
        Started::Serves(server) => Ok(server),
        Started::Ended(ended) => anyhow::bail!("the server did not come up: {ended}"),
    }
}

/// The same, started with few file descriptors.
fn few_descriptors(command: Command, is_wanted: bool) -> Command {
    if !is_wanted {
        return command;
    }
    let mut few = Command::new("sh");
    few.args(["-c", &format!("ulimit -n {FEW} && exec \"$0\" \"$@\"")]);
    few.arg(command.get_program()).args(command.get_args());
    few
}

/// One attack, and what a client and the system see of it.
async fn bear(
    setup: &Setup,
    server: &Server,
    channel: &Channel,
    (name, attack): (&str, Attack),
    lasts: Duration,
    tally: &mut Tally,
) -> Result<()> {
    let at: SocketAddr = server.address.trim_start_matches("http://").parse()?;
    let before = ask(channel, Instant::now() + lasts).await?;
    let (held, descriptors) = (memory_bytes(server)?, descriptors(server)?);
    let until = Instant::now() + lasts;
    let attacking = tokio::task::spawn_blocking(move || attack(at, until));
    let meanwhile = ask(channel, until).await.with_context(|| format!("a client was not answered during {name}"))?;
    let times = attacking.await?;
    if times == 0 {
        tally.bad(Bad::Failed, 1, format!("{name}: nothing was done: this tests nothing"));
    }
    let (grown, left) = let_go(server, held, descriptors).await?;
    println!(
        "attacks: {name}: {times} times; p99 {:.1} ms, {:.1} ms without; {grown} MiB more, {left} descriptors, {descriptors} before",
        milliseconds(meanwhile),
        milliseconds(before),
    );
    if grown.saturating_mul(1 << 20) > GROWTH_BYTES || left > descriptors {
        tally.bad(Bad::Failed, 1, format!("{name}: {grown} MiB more, {left} descriptors, {descriptors} before"));
    }
    if !setup.quick && meanwhile > before * 2 + NOISE {
        tally.bad(Bad::Failed, 1, format!("{name}: answers came after {meanwhile:?}, without it after {before:?}"));
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Asks at an even pace. Gives the time in which 99 of 100 answers came.
async fn ask(channel: &Channel, until: Instant) -> Result<Duration> {
    let mut times = Vec::new();
    let mut pace = tokio::time::interval(PACE);
    // Who is late does not ask twice at once.
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while Instant::now() < until {
        pace.tick().await;
        let begun = Instant::now();
        status_alone(channel).await?;
        times.push(begun.elapsed());
    }
    times.sort();
    times.get(times.len() * 99 / 100).copied().context("nothing was asked")
}

/// How many MiB more the server has, and how many descriptors, when it has let go of what it held or should have.
async fn let_go(server: &Server, held: u64, descriptors: usize) -> Result<(u64, usize)> {
    let begun = Instant::now();
    loop {
        let (grown, left) = (memory_bytes(server)?.saturating_sub(held), self::descriptors(server)?);
        let is_done = grown <= GROWTH_BYTES && left <= descriptors;
        if is_done || begun.elapsed() > LETTING_GO {
            return Ok((grown.div_ceil(1 << 20), left));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the process has in memory.
fn memory_bytes(server: &Server) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim_end().parse()?;
    Ok(kib << 10)
}

/// How many files and connections it has open.
fn descriptors(server: &Server) -> Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{}/fd", server.id()))?.count())
}
