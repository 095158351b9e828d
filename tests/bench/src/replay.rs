//! A large ledger: how fast it is replayed, how much memory it has, and how fast it starts.

use std::fs::{self, File};
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use minutebook_domain::book::Book;
use minutebook_domain::fold::Replay;
use minutebook_ledger::journal::{Journal, JournalOptions};
use minutebook_ledger::log::Log;
use minutebook_ledger::{Ledger, Options};
use minutebook_proto::{Decoder, decode_event, pb};
use prost::Message as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::generate::{self, SEED, Shape, Size};
use crate::measure::{Times, millis, number, processor_time};
use crate::program::{ABSENT, Program};
use crate::report::{Report, Row, Target};

pub(crate) const FULL: Size = Size { events: 1_000_000, actions: 20_000, shape: Shape::Busy };
pub(crate) const QUICK: Size = Size { events: 20_000, actions: 1_000, shape: Shape::Busy };
const EMPTY: Size = Size { events: 1, actions: 10, shape: Shape::Busy };
pub(crate) const RUNS: usize = 3;

/// Measures replay, memory and start.
pub(crate) fn replay(report: &mut Report, program: Option<&Program>, is_quick: bool, dir: &Path) -> Result<()> {
    let size = if is_quick { QUICK } else { FULL };
    let data = generate::ledger(dir, size)?;
    let journal = data.join("journal");
    report.note(format!(
        "the ledger: {} events over {} actions, seed {SEED}, {:.0} MB of journal, {} bytes an event",
        size.events,
        size.actions,
        megabytes(journal_bytes(&journal)?),
        journal_bytes(&journal)? / size.events.max(1),
    ));
    replay_rate(report, &data, size, is_quick)?;
    starts(report, &data, is_quick)?;
    let Some(program) = program else {
        report.skip(3, ABSENT);
        return Ok(());
    };
    memory(report, program, &data, &generate::ledger(dir, EMPTY)?, is_quick)
}

fn replay_rate(report: &mut Report, data: &Path, size: Size, is_quick: bool) -> Result<()> {
    let journal = data.join("journal");
    let per_second = |times: &Times| number(size.events) / (times.best() / 1e3);
    let hashing = Times::repeat(RUNS, || hash_files(&journal))?;
    let log = Journal::open(&journal, JournalOptions::default(), &[])?;
    let checking = Times::repeat(RUNS, || check_frames(&log))?;
    let decoding = Times::of((0..RUNS).map(|_| decode_alone(&log)).collect::<Result<_>>()?);
    let reading = Times::of((0..RUNS).map(|_| read_events(&log)).collect::<Result<_>>()?);
    let mut processor = Vec::new();
    let folding = Times::repeat(RUNS, || {
        let start = processor_time()?;
        let book = std::hint::black_box(fold(&log)?);
        processor.push(processor_time()?.saturating_sub(start));
        drop(book);
        Ok(())
    })?;
    let processor = Times::of(processor);
    drop(log);

    let folded = per_second(&folding);
    let mut row = |name: &str, value, target, peer: &str, times: &Times, note: String| {
        report.add(Row {
            number: 3,
            name: name.to_owned(),
            unit: "events/s",
            value,
            target,
            peer: Some((peer.to_owned(), per_second(times))),
            note,
        });
    };
    let target = if is_quick { Target::None } else { Target::AtLeast(250_000.0) };
    row("replay, one thread", folded, target, "protobuf decode alone", &decoding, folding.spread());
    row("replay, one thread", folded, Target::None, "read + SHA-256", &hashing, String::new());
    let note = "the same by processor time: without the time that other programs had the processor".to_owned();
    row("replay, a processor second", per_second(&processor), Target::None, "replay, one thread", &folding, note);
    row("read and check alone", per_second(&checking), Target::None, "read + SHA-256", &hashing, checking.spread());
    row(
        "decode and check alone",
        per_second(&reading),
        Target::None,
        "protobuf decode alone",
        &decoding,
        String::new(),
    );
    let rebuilt = start_part(data, true)?;
    let opened = number(size.events) / (field(&rebuilt, "open_ms")? / 1e3);
    let note = format!("the store was complete after {:.0} ms", field(&rebuilt, "store_ms")?);
    row("rebuild, with the store", opened, Target::None, "replay, one thread", &folding, note);
    Ok(())
}

/// The memory of the server, with this ledger and with a small one.
fn memory(report: &mut Report, program: &Program, data: &Path, small: &Path, is_quick: bool) -> Result<()> {
    let beside = program.serve(small)?.memory()?.now;
    let server = program.serve(data)?;
    let started = server.memory()?;
    tokio::runtime::Runtime::new()?.block_on(server.rebuild())?;
    let rebuilt = server.memory()?;
    for (name, memory) in [("the server's memory after a rebuild", rebuilt), ("and after a start", started)] {
        report.add(Row {
            number: 3,
            name: name.to_owned(),
            unit: "MB",
            value: memory.now,
            target: if is_quick { Target::None } else { Target::Below(600.0) },
            peer: Some(("a small ledger".to_owned(), beside)),
            note: format!("at most {:.0} MB on the way", memory.peak),
        });
    }
    Ok(())
}

fn starts(report: &mut Report, data: &Path, is_quick: bool) -> Result<()> {
    let snapshot = newest_snapshot(data)?;
    let reading = Times::repeat(RUNS, || {
        std::hint::black_box(Sha256::digest(fs::read(&snapshot)?));
        Ok(())
    })?;
    let started = (0..RUNS).map(|_| start_part(data, false)).collect::<Result<Vec<_>>>()?;
    let times = started.iter().map(|part| field(part, "open_ms").map(|ms| Duration::from_secs_f64(ms / 1e3)));
    let times = Times::of(times.collect::<Result<_>>()?);
    let last = started.last().context("nothing was started")?;
    report.add(Row {
        number: 3,
        name: "start with a snapshot".to_owned(),
        unit: "ms",
        value: times.median(),
        target: if is_quick { Target::None } else { Target::Below(1000.0) },
        peer: Some(("read + SHA-256 of the snapshot".to_owned(), reading.median())),
        note: format!(
            "{}; {} records, {} marks of history",
            times.spread(),
            field(last, "entries")?,
            field(last, "marks")?
        ),
    });
    Ok(())
}

/// Opens a ledger in this process, and says on one line how that went.
pub(crate) fn open(data: &Path, rebuild: bool) -> Result<()> {
    let start = Instant::now();
    let ledger = if rebuild {
        Ledger::rebuild(data, Options::default(), &mut |_, _| {})?
    } else {
        Ledger::open(data, Options::default())?
    };
    let took = start.elapsed();
    while ledger.status().applied < ledger.status().head && ledger.status().degraded.is_none() {
        thread::sleep(Duration::from_millis(10));
    }
    let caught_up = start.elapsed();
    if let Some(why) = ledger.status().degraded {
        bail!("the ledger was opened without its store: {why}");
    }
    let (entries, marks) = ledger.reader().book()?.size();
    let answer = json!({
        "events": ledger.status().head, "open_ms": millis(took), "store_ms": millis(caught_up),
        "entries": entries, "marks": marks,
    });
    println!("{answer}");
    ledger.close()?;
    Ok(())
}

fn start_part(data: &Path, rebuild: bool) -> Result<Value> {
    let own = std::env::current_exe()?;
    let mut command = Command::new(own);
    command.arg("open").arg(data);
    if rebuild {
        command.arg("--rebuild");
    }
    let output = command.output()?;
    if !output.status.success() {
        bail!("opening `{}` failed: {}", data.display(), String::from_utf8_lossy(&output.stderr));
    }
    let answer = serde_json::from_slice(&output.stdout)?;
    eprintln!("  {answer}");
    Ok(answer)
}

fn field(value: &Value, name: &str) -> Result<f64> {
    value.get(name).and_then(Value::as_f64).ok_or_else(|| anyhow!("no `{name}` in {value}"))
}

fn megabytes(bytes: u64) -> f64 {
    number(bytes) / 1e6
}

fn newest_snapshot(data: &Path) -> Result<PathBuf> {
    let mut newest = None;
    for entry in fs::read_dir(data.join("snapshot"))? {
        let path = entry?.path();
        let position = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        newest = newest.max(position.map(|position| (position, path)));
    }
    newest.map(|(_, path)| path).context("closing the ledger wrote no snapshot")
}

fn segments(journal: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(journal)? {
        files.push(entry?.path());
    }
    files.retain(|path| {
        path.extension().is_some_and(|extension| extension == "seg") && path.file_stem() != Some("next".as_ref())
    });
    files.sort();
    Ok(files)
}

fn journal_bytes(journal: &Path) -> Result<u64> {
    segments(journal)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

/// The first floor, under whatever checks a journal: every byte is read and hashed once.
pub(crate) fn hash_files(journal: &Path) -> Result<()> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    for path in segments(journal)? {
        let mut file = File::open(path)?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
        }
    }
    std::hint::black_box(hasher.finalize());
    Ok(())
}

/// Frames are read and checked as a replay does, and their events left alone.
fn check_frames(log: &dyn Log) -> Result<()> {
    log.read(0, &mut |frame| {
        std::hint::black_box(frame.next());
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// Does something with each event, and gives how long only that took.
fn timed<T, E>(log: &dyn Log, work: impl Fn(&[u8]) -> Result<T, E>) -> Result<Duration>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut took = Duration::ZERO;
    let mut failed = None;
    log.read(0, &mut |frame| {
        let start = Instant::now();
        for event in frame.events() {
            match work(event) {
                Ok(message) => drop(std::hint::black_box(message)),
                Err(error) => failed = Some(error),
            }
        }
        took += start.elapsed();
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(took), |error| Err(error).context("a generated event is no event"))
}

/// The second floor: every event is decoded as protobuf and thrown away.
fn decode_alone(log: &dyn Log) -> Result<Duration> {
    timed(log, |event| pb::Event::decode(event))
}

/// Every event is decoded as a replay does, checks and all, and thrown away.
fn read_events(log: &dyn Log) -> Result<Duration> {
    timed(log, decode_event)
}

/// What a start without a snapshot does: read, check, decode, fold.
fn fold(log: &dyn Log) -> Result<Book> {
    let mut book = Replay::default();
    let mut failed = None;
    log.read(0, &mut |frame| {
        let mut decoder = Decoder::default();
        for event in frame.events() {
            match decoder.decode(event) {
                Ok(recorded) => book.take_in(recorded),
                Err(error) => failed = Some(error),
            }
        }
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or_else(|| Ok(book.finish()), |error| Err(error).context("a generated event cannot be decoded"))
}
