//! What people ask of a large ledger, beside the same of a small one: an answer must not grow with the years.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use minutebook_proto::pb;
use minutebook_proto::pb::agenda_service_client::AgendaServiceClient;
use minutebook_proto::pb::directory_service_client::DirectoryServiceClient;
use minutebook_proto::pb::get_changes_request::Span;
use tonic::transport::Channel;

use crate::generate::{self, Shape, Size};
use crate::measure::Times;
use crate::program::{ABSENT, Program, Served};
use crate::report::{Report, Row, Target};

const YEAR: u32 = 2020;
const OFTEN: usize = 5;
const MANY: Size = Size { events: 1_000_000, actions: 10_000, shape: Shape::Yearly(500) };
const FEW: Size = Size { events: 20_000, actions: 10_000, shape: Shape::Yearly(500) };
const QUICK: [Size; 2] = [
    Size { events: 10_000, actions: 1_000, shape: Shape::Yearly(50) },
    Size { events: 4_000, actions: 1_000, shape: Shape::Yearly(50) },
];

/// Figure 6: `audit`, `sheet` and `changes`, as whole calls over gRPC.
pub(crate) fn questions(report: &mut Report, program: Option<&Program>, is_quick: bool, dir: &Path) -> Result<()> {
    let Some(program) = program else {
        report.skip(6, ABSENT);
        return Ok(());
    };
    let [many, few] = if is_quick { QUICK } else { [MANY, FEW] };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let count = if is_quick { 5 } else { 300 };
    let (large, small) = (generate::ledger(dir, many)?, generate::ledger(dir, few)?);
    let (large, small) = (program.serve(&large)?, program.serve(&small)?);
    let [large, small] = runtime.block_on(async {
        let mut both = [Asked::of(&large).await?, Asked::of(&small).await?];
        // By turns, so that both meet the same machine. The first calls warm up.
        let warm = count / 10;
        for n in 0..=warm + count {
            for asked in &mut both {
                asked.ask(n > warm).await?;
            }
        }
        anyhow::Ok(both.map(Asked::times))
    })?;
    for ((name, large), (_, small)) in large.into_iter().zip(small) {
        for (of, target) in [("p99", 50.0), ("beside a small ledger", small.p99() * 1.3)] {
            report.add(Row {
                number: 6,
                name: format!("{name}, {of}"),
                unit: "ms",
                value: large.p99(),
                target: if is_quick { Target::None } else { Target::Below(target) },
                peer: Some((format!("of {} events", few.events), small.p99())),
                note: format!("{} events {}; {} events {}", many.events, large.spread(), few.events, small.spread()),
            });
        }
    }
    Ok(())
}

/// A server, and how long it took to answer what it was asked.
struct Asked {
    agenda: AgendaServiceClient<Channel>,
    directory: DirectoryServiceClient<Channel>,
    audits: Vec<Duration>,
    sheets: Vec<Duration>,
    changes: Vec<Duration>,
}

impl Asked {
    async fn of(served: &Served) -> Result<Self> {
        let channel = served.connect().await?;
        let limit = 64 * 1024 * 1024;
        Ok(Self {
            agenda: AgendaServiceClient::new(channel.clone()).max_decoding_message_size(limit),
            directory: DirectoryServiceClient::new(channel).max_decoding_message_size(limit),
            audits: Vec::new(),
            sheets: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// Asks once of `changes`, and more often of what takes far less: of few, a pause of the machine would be the 99th
    /// percentile.
    async fn ask(&mut self, counts: bool) -> Result<()> {
        let agenda = generate::agenda_name(0);
        let (mut audits, mut sheets) = (Vec::new(), Vec::new());
        for _ in 0..OFTEN {
            let start = Instant::now();
            self.agenda.get_audit(pb::GetAuditRequest { agenda: agenda.clone(), min_position: None }).await?;
            let audited = Instant::now();
            let request = pb::GetSheetRequest { party: "gemeente-7".to_owned(), ..pb::GetSheetRequest::default() };
            let sheet = self.directory.get_sheet(request).await?.into_inner();
            sheets.push(audited.elapsed());
            audits.push(audited - start);
            if sheet.rows.is_empty() {
                bail!("nothing touches the party: this is not the answer");
            }
        }
        let start = Instant::now();
        let span = Some(Span::Year(YEAR));
        let request = pb::GetChangesRequest { agenda, span, ..pb::GetChangesRequest::default() };
        let answer = self.agenda.get_changes(request).await?.into_inner();
        let compared = start.elapsed();
        if answer.changes.context("no answer")?.items.len() < 10 {
            bail!("nothing changed in {YEAR}: this is not the answer");
        }
        if counts {
            self.audits.extend(audits);
            self.sheets.extend(sheets);
            self.changes.push(compared);
        }
        Ok(())
    }

    fn times(self) -> [(&'static str, Times); 3] {
        let named = [("audit", self.audits), ("sheet", self.sheets), ("changes", self.changes)];
        named.map(|(name, times)| (name, Times::of(times)))
    }
}
