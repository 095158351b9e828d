//! Checking a whole ledger, as an auditor does: from its files, in a process of its own.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};
use minutebook_proto::pb;
use minutebook_proto::pb::audit_service_client::AuditServiceClient;
use tonic::transport::Channel;

use crate::generate;
use crate::measure::{Times, timed};
use crate::program::{ABSENT, Program, Served};
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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let times = runtime.block_on(inclusion(&program.serve(&data)?, size.events, if is_quick { 100 } else { 5_000 }))?;
    report.add(Row {
        number: 7,
        name: format!("inclusion proof over gRPC, {} events, p99", size.events),
        unit: "ms",
        value: times.p99(),
        target: if is_quick { Target::None } else { Target::Below(2.0) },
        peer: None,
        note: times.spread(),
    });
    Ok(())
}

/// How long proofs take that some event is in the ledger, one after the other.
async fn inclusion(served: &Served, events: u64, count: usize) -> Result<Times> {
    let channel = Channel::from_shared(served.address.clone())?.tcp_nodelay(true).connect().await?;
    let mut audit = AuditServiceClient::new(channel);
    let (mut rng, mut times) = (Rng::new(7), Vec::with_capacity(count));
    // The first calls warm up.
    for n in 0..count + count / 10 {
        let request = pb::ProveInclusionRequest { position: rng.below(events), size: None };
        let start = Instant::now();
        let answer = audit.prove_inclusion(request).await?.into_inner();
        if n >= count / 10 {
            times.push(start.elapsed());
        }
        if answer.size != events || answer.hashes.len() < 10 {
            bail!("{} hashes in a tree of {}: this is not the answer", answer.hashes.len(), answer.size);
        }
    }
    Ok(Times::of(times))
}
