//! Recording by many callers at once, beside an echo of the same messages.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use minutebook_proto::pb;
use minutebook_proto::pb::ledger_service_client::LedgerServiceClient;
use minutebook_tlog::{Frontier, Tree, leaf_hash};
use tonic::transport::Channel;

use crate::measure::{Times, number, rate};
use crate::program::{ABSENT, Program, Served};
use crate::report::{Report, Row, Target};

const CALLERS: usize = 64;
const RUNS: usize = 3;
/// An event of about the usual size, and how many are hashed.
const EVENT_BYTES: usize = 400;
const EVENTS: u64 = 200_000;

/// Figure 4: commands a second, for 64 callers with one small command each.
pub(crate) fn record(report: &mut Report, program: Option<&Program>, is_quick: bool, dir: &Path) -> Result<()> {
    let Some(program) = program else {
        report.skip(4, ABSENT);
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (warm, length) = if is_quick { (100, 200) } else { (1000, 4000) };
    let (warm, length) = (Duration::from_millis(warm), Duration::from_millis(length));
    for (name, connections) in [("a connection each", CALLERS), ("one connection", 1)] {
        let data = dir.join("record");
        program.found(&data)?;
        let server = program.serve(&data)?;
        let echo = Served::echo()?;
        let (mut recorded, mut echoed) = (Vec::new(), Vec::new());
        // In turns, so that a disturbance of the machine meets both.
        for run in 0..if is_quick { 1 } else { RUNS } {
            echoed.push(runtime.block_on(load(&echo, connections, run, warm, length))?);
            recorded.push(runtime.block_on(load(&server, connections, run, warm, length))?);
        }
        let (recorded, echoed) = (best(recorded), best(echoed));
        let target = if is_quick { Target::None } else { Target::AtLeast(echoed.rate / 2.0) };
        report.add(Row {
            number: 4,
            name: format!("Record, {CALLERS} callers, {name}"),
            unit: "calls/s",
            value: recorded.rate,
            target,
            peer: Some(("bare echo".to_owned(), echoed.rate)),
            note: format!("Record {}; echo {}", recorded.times.spread(), echoed.times.spread()),
        });
        if connections == CALLERS {
            report.add(hashing(&recorded, is_quick));
        }
    }
    Ok(())
}

/// Figure 7: how much of the time of a recorded command goes to the tree. The writer, the store and whoever signs hash
/// each event once; the writer extends and publishes the tree, whoever signs the right edge of it.
fn hashing(recorded: &Load, is_quick: bool) -> Row {
    let event = [b'e'; EVENT_BYTES];
    let (mut tree, mut edge) = (Tree::default(), Frontier::default());
    let start = Instant::now();
    for _ in 0..EVENTS {
        let leaf = std::hint::black_box(leaf_hash(std::hint::black_box(&event)));
        tree.push(leaf);
        let _published = std::hint::black_box(tree.clone());
        edge.push(std::hint::black_box(leaf_hash(&event)));
        std::hint::black_box(leaf_hash(&event));
    }
    let each = start.elapsed().as_secs_f64() / number(EVENTS);
    Row {
        number: 7,
        name: "the tree, of the time of a Record".to_owned(),
        unit: "%",
        value: 100.0 * each * recorded.rate,
        target: if is_quick { Target::None } else { Target::Below(10.0) },
        peer: None,
        note: format!("{:.2} µs an event of {EVENT_BYTES} bytes, {:.0} events/s", each * 1e6, recorded.rate),
    }
}

/// What a run gave.
struct Load {
    rate: f64,
    times: Times,
}

fn best(mut runs: Vec<Load>) -> Load {
    runs.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    runs.truncate(1);
    runs.pop().unwrap_or(Load { rate: 0.0, times: Times::of(Vec::new()) })
}

async fn load(served: &Served, connections: usize, run: usize, warm: Duration, length: Duration) -> Result<Load> {
    let mut channels = Vec::new();
    for _ in 0..connections {
        channels.push(served.connect().await?);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let begin = Instant::now() + warm;
    let mut callers = Vec::new();
    for (caller, channel) in channels.iter().cycle().take(CALLERS).enumerate() {
        let client = LedgerServiceClient::new(channel.clone());
        callers.push(tokio::spawn(call(client, run * CALLERS + caller, begin, Arc::clone(&is_over))));
    }
    tokio::time::sleep(warm + length).await;
    is_over.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await??);
    }
    if times.is_empty() {
        bail!("no call was answered");
    }
    let count = u64::try_from(times.len())?;
    debug_assert!(number(count) > 0.0);
    Ok(Load { rate: rate(count, begin.elapsed()), times: Times::of(times) })
}

/// One caller: the next command when the one before has been answered.
async fn call(
    mut client: LedgerServiceClient<Channel>,
    caller: usize,
    begin: Instant,
    is_over: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    let mut n = 0_u64;
    while !is_over.load(Ordering::Relaxed) {
        let request = request(caller, n);
        let start = Instant::now();
        let answer = client.record(request).await?.into_inner();
        let took = start.elapsed();
        if answer.receipt.is_none_or(|receipt| receipt.count != 1) {
            bail!("a command was not recorded as one event");
        }
        if start >= begin {
            times.push(took);
        }
        n += 1;
    }
    Ok(times)
}

/// A remark, under a request id like a UUID.
pub(crate) fn request(caller: usize, n: u64) -> pb::RecordRequest {
    let remark = pb::Remark {
        id: format!("opmerking-{caller}-{n}"),
        kind: Some("voortgang".to_owned()),
        what: "De gemeenten zijn het eens over de verdeling van de kosten.".to_owned(),
        ..pb::Remark::default()
    };
    let actor = pb::Actor { capacity: Some("secretaris stuurgroep".to_owned()), ..pb::Actor::default() };
    let state = pb::StateRecord {
        record: Some(pb::Record { record: Some(pb::record::Record::Remark(remark)) }),
        ..pb::StateRecord::default()
    };
    let request_id = format!("0190f0e0-{caller:04x}-7000-8000-{n:012x}");
    pb::RecordRequest {
        write: Some(pb::Write { request_id, actor: Some(actor), ..pb::Write::default() }),
        commands: vec![pb::Command { command: Some(pb::command::Command::State(state)) }],
    }
}
