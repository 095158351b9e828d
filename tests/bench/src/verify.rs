//! Checking a whole ledger, as an auditor does: from its files, in a process of its own.

use std::path::Path;

use anyhow::Result;

use crate::generate;
use crate::measure::{Times, timed};
use crate::program::{ABSENT, Program};
use crate::replay::{FULL, QUICK, RUNS, hash_files};
use crate::report::{Report, Row, Target};

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
    Ok(())
}
