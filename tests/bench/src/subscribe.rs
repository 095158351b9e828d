//! Following a ledger: catching up beside a bare stream of the same bytes, hearing of what is recorded, and waiting.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use minutebook_proto::pb::ledger_service_client::LedgerServiceClient;
use minutebook_proto::pb::subscribe_request::Start;
use minutebook_proto::pb::subscribe_response::Told;
use minutebook_proto::{glance, pb};
use prost::Message as _;
use tokio::task::JoinHandle;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::generate;
use crate::measure::{Times, rate};
use crate::program::{ABSENT, Program, Served};
use crate::record::request;
use crate::replay::{FULL, QUICK};
use crate::report::{Report, Row, Target};

const RUNS: usize = 3;
/// How many events the bare stream has in memory, and sends again and again.
const STREAMED: u64 = 200_000;
/// How many subscribers hear of what is recorded, and how many writers record it.
const BUSY: usize = 100;
const WRITERS: usize = 20;
/// How many events are recorded in a second.
const PACE: u64 = 1000;
/// How many subscribers wait, and over how many connections.
const IDLE: usize = 1000;
const CONNECTIONS: usize = 20;

/// Figure 8: subscriptions.
pub(crate) fn subscribe(report: &mut Report, program: Option<&Program>, is_quick: bool, dir: &Path) -> Result<()> {
    let Some(program) = program else {
        report.skip(8, ABSENT);
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    catch_up(report, program, &runtime, is_quick, dir)?;
    let data = dir.join("subscribe");
    program.found(&data)?;
    let server = program.serve(&data)?;
    // They stay while others hear of what is recorded.
    let waiting = idle(report, &server, &runtime, is_quick)?;
    live(report, &server, &runtime, waiting.len(), is_quick)
}

fn catch_up(
    report: &mut Report,
    program: &Program,
    runtime: &tokio::runtime::Runtime,
    is_quick: bool,
    dir: &Path,
) -> Result<()> {
    let size = if is_quick { QUICK } else { FULL };
    let data = generate::ledger(dir, size)?;
    let server = program.serve(&data)?;
    let file = dir.join("streamed");
    runtime.block_on(keep(&server, size.events.min(STREAMED), &file))?;
    let peer = streaming(&file)?;
    let rare =
        pb::EventFilter { items: vec![generate::action_name(7), generate::action_name(8)], ..Default::default() };
    let (mut whole, mut bare, mut filtered) = (Vec::new(), Vec::new(), Vec::new());
    // By turns, so that a disturbance of the machine meets all of them.
    for _ in 0..if is_quick { 1 } else { RUNS } {
        bare.push(runtime.block_on(follow(&peer, None, size.events))?);
        whole.push(runtime.block_on(follow(&server, None, size.events))?);
        filtered.push(runtime.block_on(follow(&server, Some(rare.clone()), size.events))?);
    }
    let best = |runs: &[Followed]| runs.iter().map(|run| run.rate).fold(0.0, f64::max);
    let (bare, whole_rate, filtered_rate) = (best(&bare), best(&whole), best(&filtered));
    let found = filtered.first().map_or(0, |run| run.events);
    report.add(Row {
        number: 8,
        name: format!("catching up, {} events", size.events),
        unit: "events/s",
        value: whole_rate,
        target: if is_quick { Target::None } else { Target::AtLeast((bare / 2.0).max(400_000.0)) },
        peer: Some(("bare tonic stream".to_owned(), bare)),
        note: String::new(),
    });
    report.add(Row {
        number: 8,
        name: format!("catching up by items, {found} events of {}", size.events),
        unit: "events/s",
        value: filtered_rate,
        target: if is_quick { Target::None } else { Target::AtLeast(whole_rate / 2.0) },
        peer: Some(("all events".to_owned(), whole_rate)),
        note: "looked at".to_owned(),
    });
    Ok(())
}

/// What following a ledger to its head came to.
struct Followed {
    /// Events looked at in a second.
    rate: f64,
    events: u64,
}

async fn begin(
    served: &Served,
    start: Start,
    filter: Option<pb::EventFilter>,
) -> Result<Streaming<pb::SubscribeResponse>> {
    begin_on(served.connect().await?, start, filter).await
}

async fn begin_on(
    channel: Channel,
    start: Start,
    filter: Option<pb::EventFilter>,
) -> Result<Streaming<pb::SubscribeResponse>> {
    let mut ledger = LedgerServiceClient::new(channel);
    let request = pb::SubscribeRequest { start: Some(start), filter, ..pb::SubscribeRequest::default() };
    Ok(ledger.subscribe(request).await?.into_inner())
}

/// Follows from the beginning until so many events have been looked at.
async fn follow(served: &Served, filter: Option<pb::EventFilter>, until: u64) -> Result<Followed> {
    let mut stream = begin(served, Start::Beginning(pb::FromBeginning {}), filter).await?;
    let (start, mut events, mut bare) = (Instant::now(), 0, 0);
    while let Some(message) = stream.message().await? {
        let position = match message.told.context("a message says nothing")? {
            Told::Events(batch) => {
                events += u64::try_from(batch.events.len())?;
                // The bare stream begins anew now and then.
                bare = events;
                batch.position
            }
            Told::CaughtUp(reached) => reached.position,
            Told::Checkpoint(reached) => reached.position,
        };
        if position + 1 >= until || bare >= until {
            return Ok(Followed { rate: rate(until, start.elapsed()), events });
        }
    }
    bail!("the stream ended before event {until}");
}

/// Keeps the messages over the first events in a file, each after its length.
async fn keep(served: &Served, events: u64, file: &Path) -> Result<()> {
    let mut stream = begin(served, Start::Beginning(pb::FromBeginning {}), None).await?;
    let (mut kept, mut bytes) = (0, Vec::new());
    while kept < events {
        let message = stream.message().await?.context("the stream ended")?;
        if let Some(Told::Events(batch)) = &message.told {
            kept += u64::try_from(batch.events.len())?;
            message.encode_length_delimited(&mut bytes)?;
        }
    }
    Ok(File::create(file)?.write_all(&bytes)?)
}

/// The messages of such a file.
pub(crate) fn kept(file: &Path) -> Result<Vec<pb::SubscribeResponse>> {
    let mut bytes = Vec::new();
    BufReader::new(File::open(file)?).read_to_end(&mut bytes)?;
    let (mut rest, mut messages) = (bytes::Bytes::from(bytes), Vec::new());
    while !rest.is_empty() {
        messages.push(pb::SubscribeResponse::decode_length_delimited(&mut rest)?);
    }
    Ok(messages)
}

/// A bare stream of the messages of a file, in a process of its own.
fn streaming(file: &Path) -> Result<Served> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("echo").arg("--messages").arg(PathBuf::from(file));
    Served::start(command)
}

/// How much memory waiting subscribers cost.
fn idle(
    report: &mut Report,
    server: &Served,
    runtime: &tokio::runtime::Runtime,
    is_quick: bool,
) -> Result<Vec<Streaming<pb::SubscribeResponse>>> {
    let count = if is_quick { IDLE / 10 } else { IDLE };
    let before = server.memory()?.now;
    let (streams, after) = runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let channel = server.connect().await?;
            for _ in 0..count / CONNECTIONS {
                let nothing = pb::EventFilter { types: vec!["LedgerFounded".to_owned()], ..Default::default() };
                let mut stream = begin_on(channel.clone(), Start::Now(pb::FromNow {}), Some(nothing)).await?;
                stream.message().await?.context("a subscriber is told that it has caught up")?;
                streams.push(stream);
            }
        }
        // A few checkpoints go by.
        tokio::time::sleep(Duration::from_secs(8)).await;
        server.memory().map(|memory| (streams, memory.now))
    })?;
    report.add(Row {
        number: 8,
        name: format!("memory of {count} waiting subscribers"),
        unit: "MB",
        value: after - before,
        target: if is_quick { Target::None } else { Target::Below(64.0 * 1.048_576) },
        peer: None,
        note: format!("{before:.1} MB before"),
    });
    Ok(streams)
}

/// How long after a receipt every subscriber has what was recorded.
fn live(
    report: &mut Report,
    server: &Served,
    runtime: &tokio::runtime::Runtime,
    waiting: usize,
    is_quick: bool,
) -> Result<()> {
    let (subscribers, seconds) = if is_quick { (10, 1) } else { (BUSY, 10) };
    let events = PACE * seconds;
    let delays = runtime.block_on(async {
        let mut following = Vec::new();
        // Over a connection each.
        for _ in 0..subscribers {
            let stream = begin(server, Start::Now(pb::FromNow {}), None).await?;
            following.push(tokio::spawn(receive(stream, events)));
        }
        let acknowledged = acknowledge(server, events).await?;
        let mut delays = Vec::new();
        for received in following {
            for (position, at) in received.await?? {
                let receipt = acknowledged.get(&position).context("what nobody recorded")?;
                delays.push(at.saturating_duration_since(*receipt));
            }
        }
        anyhow::Ok(Times::of(delays))
    })?;
    report.add(Row {
        number: 8,
        name: format!("from the receipt to {subscribers} subscribers, {PACE} events/s, p99"),
        unit: "ms",
        value: delays.p99(),
        target: if is_quick { Target::None } else { Target::Below(20.0) },
        peer: None,
        note: format!("{}, beside {waiting} that wait for something else", delays.spread()),
    });
    Ok(())
}

/// Positions, and when each was there.
type Received = Vec<(u64, Instant)>;

/// When a subscriber had each of so many events.
async fn receive(mut stream: Streaming<pb::SubscribeResponse>, events: u64) -> Result<Received> {
    let mut received = Vec::new();
    while u64::try_from(received.len())? < events {
        let message = stream.message().await?.context("the stream ended")?;
        if let Some(Told::Events(batch)) = message.told {
            let now = Instant::now();
            received.extend(batch.events.iter().map(|event| (glance(&event.event).position, now)));
        }
    }
    Ok(received)
}

/// Records so many events at an even pace; when each was acknowledged.
async fn acknowledge(server: &Served, events: u64) -> Result<HashMap<u64, Instant>> {
    let (begin, each) = (Instant::now(), Duration::from_secs(1) / u32::try_from(PACE)?);
    let mut writers: Vec<JoinHandle<Result<Received>>> = Vec::new();
    let next = Arc::new(std::sync::atomic::AtomicU64::new(0));
    for writer in 0..WRITERS {
        let (mut ledger, next) = (LedgerServiceClient::new(server.connect().await?), Arc::clone(&next));
        writers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if n >= events {
                    return Ok(acknowledged);
                }
                tokio::time::sleep_until((begin + each * u32::try_from(n)?).into()).await;
                let answer = ledger.record(request(writer, n)).await?.into_inner();
                let receipt = answer.receipt.context("no receipt")?;
                acknowledged.push((receipt.first, Instant::now()));
            }
        }));
    }
    let mut acknowledged = HashMap::new();
    for writer in writers {
        acknowledged.extend(writer.await??);
    }
    Ok(acknowledged)
}
