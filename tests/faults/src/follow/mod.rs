//! Subscribers under everything that may happen to them: writers at work, restarts, `kill -9`, connections that are cut,
//! and their own slowness. What each was told is held against a full reading afterwards.

mod judge;
mod proxy;
mod subscriber;
mod world;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::judge::Judge;
use self::proxy::Proxy;
use self::subscriber::{Subscriber, Wanted};
use crate::client::{self, connect};
use crate::dice::Dice;
use crate::program::{Server, panics};
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup};

const WRITERS: u64 = 3;
const SUBSCRIBERS: u64 = 4;
/// A ledger has so many runs, so that reading it in full does not come to be most of the work.
const RUNS_EACH: u64 = 20;
/// So long it may take on a slow machine until every subscriber has what there is.
const PATIENCE: Duration = Duration::from_mins(2);

/// Subscribers, held against a full reading
#[derive(Debug, Default, Args)]
pub(crate) struct Follow {
    /// How many runs; 1000 unless given, and few with --quick
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
}

impl Follow {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        let runs = self.runs.unwrap_or(if setup.quick { 12 } else { 1000 });
        let mut tally = Tally::begin("follow", setup.seed, "runs", runs);
        for first in (0..runs).step_by(usize::try_from(RUNS_EACH)?) {
            let last = first.saturating_add(RUNS_EACH).min(runs);
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
    let mut server = setup.program.serve(&data)?;
    client::record(&connect(&server).await?, world::beginning()).await?;
    let proxy = Proxy::open(&server.address).await?;
    let mut judge = Judge::default();
    for run in first..last {
        let mut dice = Dice::of(setup.seed, "follow", run);
        let head = client::status(&connect(&server).await?).await?.events;
        let (tell, target) = watch::channel(None);
        let following: Vec<_> = (0..SUBSCRIBERS)
            .map(|n| {
                let mut dice = Dice::of(setup.seed, "subscriber", run.saturating_mul(SUBSCRIBERS).saturating_add(n));
                let wanted = Wanted::roll(&mut dice, head);
                let subscriber = Subscriber::new(proxy.address(), wanted, dice, target.clone());
                tokio::spawn(subscriber.follow())
            })
            .collect();
        server = disturb(setup, server, &data, &proxy, (run, &mut dice), tally).await?;
        let head = client::status(&connect(&server).await?).await?.events;
        tell.send_replace(Some(head.saturating_sub(1)));
        judge.read_on(&connect(&server).await?).await?;
        for subscriber in following {
            let told = tokio::time::timeout(PATIENCE, subscriber).await;
            let told = told.context("a subscriber never comes to the newest event")???;
            judge.judge(&told, tally);
        }
        tally.step();
    }
    tally.check_end(&server.stop()?);
    Ok(())
}

/// Lets writers work, and something happen meanwhile. Gives the server that is there afterwards.
async fn disturb(
    setup: &Setup,
    mut server: Server,
    data: &std::path::Path,
    proxy: &Arc<Proxy>,
    (run, dice): (u64, &mut Dice),
    tally: &mut Tally,
) -> Result<Server> {
    let writing = write(setup.seed, run, &server).await?;
    tokio::time::sleep(Duration::from_millis(dice.between(2, 40))).await;
    match dice.below(4) {
        0 => {
            if panics(&server.kill()?) {
                tally.bad(Bad::Failed, 1, "the server had panicked before it was killed");
            }
            tally.count("kill -9");
            server = setup.program.serve(data)?;
        }
        1 => {
            tally.check_end(&server.stop()?);
            tally.count("restarts");
            server = setup.program.serve(data)?;
        }
        2 => {
            tally.add("connections cut", proxy.cut());
        }
        _ => {}
    }
    proxy.lead_to(&server.address);
    tokio::time::sleep(Duration::from_millis(dice.below(40))).await;
    for writer in writing {
        // Where the server went away, so did the writer.
        tally.acknowledged = tally.acknowledged.saturating_add(writer.await??);
    }
    Ok(server)
}

/// Writers at work, until their server goes away or they have done enough. Each gives how many events it recorded.
async fn write(seed: u64, run: u64, server: &Server) -> Result<Vec<JoinHandle<Result<u64>>>> {
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let channel = connect(server).await?;
        writers.push(tokio::spawn(async move {
            let mut dice = Dice::of(seed, "writer", run.saturating_mul(WRITERS).saturating_add(writer));
            let mut events = 0_u64;
            for number in 0..dice.between(3, 25) {
                let request = world::request(&mut dice, &format!("r-{run}-{writer}-{number}"));
                match client::record(&channel, request).await {
                    Ok(receipt) => events = events.saturating_add(receipt.count.into()),
                    // What a rule refuses is a fault of this campaign.
                    Err(error) if is_refused(&error) => return Err(error.context("a write is refused")),
                    Err(_) => break,
                }
                if dice.one_in(8) {
                    tokio::time::sleep(Duration::from_millis(dice.below(10))).await;
                }
            }
            Ok(events)
        }));
    }
    Ok(writers)
}

/// Did a server say why, rather than go away?
fn is_refused(error: &anyhow::Error) -> bool {
    use tonic::Code::{Cancelled, Internal, Unavailable, Unknown};
    let status = error.downcast_ref::<tonic::Status>();
    status.is_some_and(|status| !matches!(status.code(), Cancelled | Internal | Unavailable | Unknown))
}
