//! Checking a whole ledger, as an auditor does: from its files, in a process of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use minutebook_proto::pb;
use minutebook_proto::pb::audit_service_client::AuditServiceClient;
use minutebook_proto::pb::ledger_service_client::LedgerServiceClient;

use crate::generate;
use crate::measure::{Times, timed};
use crate::program::{ABSENT, Program, Served};
use crate::record::request;
use crate::replay::{FULL, QUICK, RUNS, hash_files};
use crate::report::{Report, Row, Target};
use crate::rng::Rng;

/// Figure 7: `verify` of a large ledger, with what its events come to and without.
pub(crate) fn verify(report: &mut Report, program: Option<&Program>, is_quick: bool, dir: &Path) -> Result<()> {
    let Some(program) = program else {
        report.skip(7, ABSENT);
        return Ok(());
    };
    let size = if is_quick { QUICK } else { FULL };
    let data = generate::ledger(dir, size)?;
    let (mut hashing, mut whole, mut frames) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that a disturbance of the machine meets all of them.
    for _ in 0..RUNS {
        hashing.push(timed(|| hash_files(&data.join("journal")))?);
        frames.push(timed(|| program.run(&data, &["verify", "--no-replay"]))?);
        whole.push(timed(|| program.run(&data, &["verify"]))?);
    }
    let [hashing, frames, whole] = [hashing, frames, whole].map(Times::of);
    let floor = hashing.best();
    let rows = [("verify", &whole, 8_000.0), ("verify --no-replay", &frames, 2.0 * floor)];
    for (name, times, target) in rows {
        report.add(Row {
            number: 7,
            name: format!("{name}, {} events", size.events),
            unit: "ms",
            value: times.best(),
            target: if is_quick { Target::None } else { Target::Below(target) },
            peer: Some(("the files, read and hashed once".to_owned(), floor)),
            note: times.spread(),
        });
    }
    report.add(Row {
        number: 7,
        name: format!("verify, {} events, its memory and the book's", size.events),
        unit: "MB",
        value: program.peak(&data, &["verify"])?,
        target: if is_quick { Target::None } else { Target::Below(300.0) },
        peer: None,
        note: format!("{:.1} MB without the book", program.peak(&data, &["verify", "--no-replay"])?),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (runs, warm, count) = if is_quick { (1, Duration::ZERO, 100) } else { (RUNS, WARM, 5_000) };
    let (server, peer) = (program.serve(&data)?, Served::echo()?);
    let (mut proved, mut echoed) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        proved.push(runtime.block_on(inclusion(&server, size.events, warm, count))?);
        echoed.push(runtime.block_on(echo(&peer, warm, count))?);
    }
    let [proved, echoed] = [proved, echoed].map(calmest);
    report.add(Row {
        number: 7,
        name: format!("inclusion proof over gRPC, {} events, p99", size.events),
        unit: "ms",
        value: proved.p99(),
        target: if is_quick { Target::None } else { Target::Below(2.0) },
        peer: Some(("bare echo".to_owned(), echoed.p99())),
        note: format!("{}; echo {}", proved.spread(), echoed.spread()),
    });
    Ok(())
}

/// The run that the machine disturbed the least.
fn calmest(runs: Vec<Times>) -> Times {
    runs.into_iter().min_by(|a, b| a.p99().total_cmp(&b.p99())).unwrap_or_else(|| Times::of(Vec::new()))
}

/// For its first seconds a server looks through its journal beside its work.
const WARM: Duration = Duration::from_secs(3);

/// How long calls take, one after the other, from the first that begins after a while.
async fn in_turn(warm: Duration, count: usize, mut call: impl AsyncFnMut() -> Result<()>) -> Result<Times> {
    let begin = Instant::now() + warm;
    let mut times = Vec::with_capacity(count);
    while times.len() < count {
        let start = Instant::now();
        call().await?;
        if start >= begin {
            times.push(start.elapsed());
        }
    }
    Ok(Times::of(times))
}

/// Proofs that some event is in the ledger.
async fn inclusion(served: &Served, events: u64, warm: Duration, count: usize) -> Result<Times> {
    let mut audit = AuditServiceClient::new(served.connect().await?);
    let mut rng = Rng::new(7);
    let prove = async || {
        let request = pb::ProveInclusionRequest { position: rng.below(events), size: None, min_position: None };
        let answer = audit.prove_inclusion(request).await?.into_inner();
        if answer.size != events || answer.hashes.len() < 10 {
            bail!("{} hashes in a tree of {}: this is not the answer", answer.hashes.len(), answer.size);
        }
        Ok(())
    };
    in_turn(warm, count, prove).await
}

/// Calls that are answered without any work.
async fn echo(served: &Served, warm: Duration, count: usize) -> Result<Times> {
    let mut ledger = LedgerServiceClient::new(served.connect().await?);
    let mut n = 0;
    let call = async || {
        n += 1;
        ledger.record(request(0, n)).await?;
        Ok(())
    };
    in_turn(warm, count, call).await
}
