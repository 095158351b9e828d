//! Calls to the operating system that fail: every write, sync, open, rename and truncation of the ledger's files, each
//! once, and from then on, with every error that disks and limits give. A start without the fault must then come up by
//! itself, with everything that was acknowledged, once.

mod trace;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use tempfile::TempDir;

use self::trace::{Call, Fault, Traced, survey};
use crate::asked::{Plan, Sizes};
use crate::client::connect;
use crate::damage::copy;
use crate::dice::Dice;
use crate::known::Known;
use crate::load::{Load, Written, fill};
use crate::program::{Server, Started};
use crate::tally::{Bad, Tally};
use crate::{Outcome, Setup, apart};

/// The errors that each call fails with.
const ERRORS: [&str; 4] = ["EIO", "ENOSPC", "EROFS", "EMFILE"];
/// The ledger is before the middle of its first segment, of 1 MiB, so that the next one is made ready and begun while
/// calls fail.
const BYTES: u64 = 400 << 10;
const EVENT_BYTES: u64 = 50 << 10;
/// So many writes are sent with the fault, and so many more after the first that failed.
const WRITES: [u64; 2] = [10, 3];
/// A fault that may find nothing to fail is tried so often.
const TRIES: u32 = 3;

/// Every write, sync, open, rename and truncation failing, once and from then on
#[derive(Debug, Default, Args)]
pub(crate) struct Calls {
    /// Only so many of the faults, chosen by the seed; all unless given, and few with --quick
    #[arg(long, value_name = "N")]
    faults: Option<usize>,
    /// Only calls on files whose path contains this
    #[arg(long, value_name = "TEXT")]
    file: Option<String>,
}

impl Calls {
    pub(crate) async fn run(self, setup: &Setup) -> Result<Outcome> {
        if !apart::has("strace") {
            return Ok(Outcome::NotRun("strace is not installed".to_owned()));
        }
        let mut tally = Tally::begin("calls", setup.seed, "faults", 0);
        let base = Base::prepare(setup, &mut tally).await?;
        let calls = match base.survey(setup).await {
            Ok(calls) => calls,
            Err(error) => return Ok(Outcome::NotRun(format!("nothing can be traced: {error:#}"))),
        };
        let has_begun = |call: &Call| call.name == "rename" && call.file.ends_with("next.seg");
        ensure!(calls.iter().any(has_begun), "no segment was begun: {}", listed(&calls));
        let faults = self.choose(setup, &calls);
        tally.expect(u64::try_from(faults.len())?);
        println!("calls: {}", listed(&calls));
        for fault in &faults {
            if let Err(error) = base.trial(setup, fault, &mut tally).await {
                tally.bad(Bad::Failed, 1, format!("{fault}: {error:#}"));
            }
            tally.step();
        }
        Ok(Outcome::Ran(tally))
    }

    /// The faults to try: all, or some of each call.
    fn choose(&self, setup: &Setup, calls: &[Call]) -> Vec<Fault> {
        let wanted = |call: &&Call| self.file.as_ref().is_none_or(|text| call.file.to_string_lossy().contains(text));
        let mut faults = Vec::new();
        for call in calls.iter().filter(wanted) {
            for number in 1..=call.times {
                for error in ERRORS {
                    let fault = |is_sticky| Fault { call: call.clone(), number, error, is_sticky };
                    faults.extend([fault(false), fault(true)]);
                }
            }
        }
        let some = self.faults.or_else(|| setup.quick.then_some(6));
        if let Some(some) = some {
            // In an order that follows from the seed.
            faults.sort_by_cached_key(|fault| Dice::of(setup.seed, &fault.to_string(), 0).next());
            faults.truncate(some);
        }
        faults
    }
}

/// The ledger that every trial begins with.
struct Base {
    data: PathBuf,
    known: Known,
    _folder: TempDir,
}

impl Base {
    async fn prepare(setup: &Setup, tally: &mut Tally) -> Result<Self> {
        let folder = setup.folder()?;
        let data = folder.path().join("data");
        setup.program.found(&data)?;
        let mut known = Known::new(Plan { seed: setup.seed, sizes: Sizes::Of(EVENT_BYTES) });
        let server = setup.program.serve(&data)?;
        fill(&connect(&server).await?, 0, BYTES, &mut known, tally).await?;
        let ended = server.stop()?;
        ensure!(ended.code() == Some(0) && tally.is_clean(), "no ledger to try calls on: {ended}");
        Ok(Self { data, known, _folder: folder })
    }

    /// Runs without a fault, and lists the calls on the ledger's files.
    async fn survey(&self, setup: &Setup) -> Result<Vec<Call>> {
        let folder = setup.folder()?;
        let (data, log) = (folder.path().join("data"), folder.path().join("log"));
        copy(&self.data, &data)?;
        let traced = Traced::new(&log);
        let Started::Serves(server) = Server::start(traced.command(&setup.program.serving(&data)))? else {
            anyhow::bail!("a traced server does not come up");
        };
        let written = write(&server, self.known.plan).await?;
        ensure!(written.unknown.is_empty() && written.refused.is_empty(), "a traced server does not record");
        let ended = server.stop()?;
        Ok(survey(&traced.finished(ended.id)?, &data))
    }

    async fn trial(&self, setup: &Setup, fault: &Fault, tally: &mut Tally) -> Result<()> {
        let is_timed = fault.is_timed();
        let mut tries = if is_timed { TRIES } else { 1 };
        loop {
            tries -= 1;
            let folder = setup.folder()?;
            let data = folder.path().join("data");
            copy(&self.data, &data)?;
            let mut known = self.known.clone();
            let log = folder.path().join("log");
            let (written, injected) = self.with_fault(setup, fault, (&data, &log), &mut known, tally).await?;
            self.without(setup, &data, known, &written, tally).await.with_context(|| format!("{written:?}"))?;
            tally.add("calls failed", injected);
            match (injected, tries) {
                (0, 0) if is_timed => tally.count("not met"),
                (0, 0) => tally.bad(Bad::Failed, 1, format!("{fault}: no call failed")),
                (0, _) => continue,
                _ => {}
            }
            return Ok(());
        }
    }

    /// Serves and writes while calls fail. Gives what clients heard, and how many calls failed.
    async fn with_fault(
        &self,
        setup: &Setup,
        fault: &Fault,
        (data, log): (&Path, &Path),
        known: &mut Known,
        tally: &mut Tally,
    ) -> Result<(Written, u64)> {
        let traced = Traced::new(log).failing(fault, data);
        let (ended, written) = match Server::start(traced.command(&setup.program.serving(data)))? {
            Started::Ended(ended) => {
                tally.count("did not start");
                if ended.code() == Some(0) {
                    tally.bad(Bad::Failed, 1, format!("{fault}: the server ended as if all were well"));
                }
                (ended, Written::default())
            }
            Started::Serves(server) => {
                let written = write(&server, known.plan).await?;
                known.acknowledge(&written, tally);
                let is_read = known.read_all(&connect(&server).await?, tally).await.is_ok();
                tally.add("could not be read meanwhile", u64::from(!is_read));
                tally.count(match (written.unknown.len(), written.refused.len()) {
                    (0, 0) => "all was acknowledged",
                    (0, _) => "some was refused",
                    _ => "some was of unknown outcome",
                });
                (server.stop()?, written)
            }
        };
        if ended.has_panicked() {
            tally.bad(Bad::Failed, 1, format!("{fault}: a panic: {ended}"));
        }
        Ok((written, trace::injected(&traced.finished(ended.id)?)))
    }

    /// Starts without the fault: it comes up without anybody's hands, and nothing is missing.
    async fn without(
        &self,
        setup: &Setup,
        data: &Path,
        mut known: Known,
        written: &Written,
        tally: &mut Tally,
    ) -> Result<()> {
        let server = setup.program.serve(data)?;
        let channel = connect(&server).await?;
        known.read_on(&channel, tally).await?;
        known.check(written, tally);
        known.retry(&channel, written, tally).await?;
        setup.finish(server, data, known, tally).await
    }
}

/// Writes, and where that failed writes some more: a server that goes on does so, another refuses.
async fn write(server: &Server, plan: Plan) -> Result<Written> {
    let channel = connect(server).await?;
    let mut written = Written::default();
    for (round, writes) in (1..).zip(WRITES) {
        written.add(Load::begin(&channel, plan, round, 1, writes).end().await?);
    }
    Ok(written)
}

fn listed(calls: &[Call]) -> String {
    calls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
