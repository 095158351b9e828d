//! The program `minutebook`, started as people start it: the figures of whole processes, and those of its server.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use minutebook_domain::changes::Span;
use minutebook_domain::ids::Id;
use minutebook_ledger::{Ledger, Options as LedgerOptions};
use minutebook_proto::pb;
use minutebook_proto::pb::admin_service_client::AdminServiceClient;
use minutebook_proto::pb::agenda_service_client::AgendaServiceClient;
use minutebook_proto::pb::get_changes_request::Span as PbSpan;
use tonic::transport::Channel;

use crate::Options;
use crate::measure::{Memory, Times};
use crate::report::{Report, Row, Target};

/// The first document, which figure 1 imports, and the one after it.
pub(crate) const DOCUMENTS: [&str; 2] = ["drenthe-2016-2017.yaml", "drenthe-2018-2019-invented.yaml"];
pub(crate) const AGENDA: &str = "krimp-en-leefbaarheid";
const YEAR: u16 = 2018;
/// How to get the program, for those who lack it.
pub(crate) const ABSENT: &str =
    "the program is not built; run `cargo build --release` first, or pass --minutebook FILE";

/// The program.
#[derive(Debug, Clone)]
pub(crate) struct Program(PathBuf);

impl Program {
    /// The program that was named, or the one beside this one; none if there is none that runs.
    pub(crate) fn find(named: Option<&Path>) -> Result<Option<Self>> {
        let own = std::env::current_exe()?;
        let path = named.map_or_else(|| own.with_file_name("minutebook"), Path::to_path_buf);
        let runs = Command::new(&path).arg("--version").output();
        let runs = runs.is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"minutebook"));
        if named.is_some() && !runs {
            bail!("`{}` is not the program minutebook", path.display());
        }
        Ok(runs.then_some(Self(path)))
    }

    /// Run a command on a ledger.
    pub(crate) fn run(&self, data: &Path, arguments: &[&str]) -> Result<()> {
        let output = Command::new(&self.0).args(arguments).arg("--data").arg(data).output()?;
        if !output.status.success() {
            bail!("minutebook {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Run a command on a ledger, and see how much memory it has at most, in MB.
    pub(crate) fn peak(&self, data: &Path, arguments: &[&str]) -> Result<f64> {
        let mut command = Command::new(&self.0);
        command.args(arguments).arg("--data").arg(data).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn()?;
        let mut peak = 0_f64;
        while process.try_wait()?.is_none() {
            // One that has ended by now has none.
            peak = peak.max(Memory::of(&process.id().to_string()).map_or(0.0, |memory| memory.peak));
            thread::sleep(Duration::from_millis(10));
        }
        if !process.wait()?.success() {
            bail!("minutebook {} failed", arguments.join(" "));
        }
        Ok(peak)
    }

    /// Found a ledger where perhaps one was.
    pub(crate) fn found(&self, data: &Path) -> Result<()> {
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        let output = Command::new(&self.0).arg("init").arg(data).output()?;
        if !output.status.success() {
            bail!("minutebook init: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Serve a ledger on a free port.
    pub(crate) fn serve(&self, data: &Path) -> Result<Served> {
        let mut command = Command::new(&self.0);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).stderr(Stdio::null());
        Served::start(command)
    }

    /// The floor under every whole process: the program starts and ends.
    fn start_alone(&self) -> Result<Times> {
        Times::repeat(RUNS, || {
            Command::new(&self.0).arg("--version").output()?;
            Ok(())
        })
    }
}

/// A server in another process; it ends with this value.
#[derive(Debug)]
pub(crate) struct Served {
    process: Child,
    address: String,
}

impl Served {
    /// Start a server that says on its first line where it is.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut process = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let served = Self { process, address: line.split_whitespace().last().unwrap_or_default().to_owned() };
        if !served.address.starts_with("http://") {
            bail!("the server did not say where it is: `{}`", line.trim_end());
        }
        Ok(served)
    }

    /// The bare echo of this program.
    pub(crate) fn echo() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("echo");
        Self::start(command)
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> Result<Channel> {
        Ok(Channel::from_shared(self.address.clone())?.tcp_nodelay(true).connect().await?)
    }

    /// The memory that it has.
    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(&self.process.id().to_string())
    }

    /// Have it throw away store and snapshots and replay the journal.
    pub(crate) async fn rebuild(&self) -> Result<()> {
        let mut client = AdminServiceClient::new(self.connect().await?);
        let mut progress = client.rebuild(pb::RebuildRequest {}).await?.into_inner();
        while progress.message().await?.is_some() {}
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const RUNS: usize = 15;
const QUERIES: usize = 300;

/// Figure 1: the import of the first document, as a whole process.
pub(crate) fn import(report: &mut Report, program: Option<&Program>, options: &Options, dir: &Path) -> Result<()> {
    let Some(program) = program else {
        report.skip(1, ABSENT);
        return Ok(());
    };
    let data = dir.join("import");
    let document = options.examples.join(DOCUMENTS[0]);
    let document = document.to_str().context("the path of the examples is not text")?;
    let floor = program.start_alone()?;
    let runs = if options.quick { 2 } else { RUNS };
    let mut times = Vec::new();
    for _ in 0..runs {
        program.found(&data)?;
        let start = std::time::Instant::now();
        program.run(&data, &["import", document])?;
        times.push(start.elapsed());
    }
    let times = Times::of(times);
    report.add(Row {
        number: 1,
        name: "import of the first document".to_owned(),
        unit: "ms",
        value: times.median(),
        target: Target::Below(1000.0),
        peer: Some(("start and end alone".to_owned(), floor.median())),
        note: times.spread(),
    });
    Ok(())
}

/// Figure 2: what changed in a year, as a whole process and in the server.
pub(crate) fn changes(report: &mut Report, program: Option<&Program>, options: &Options, dir: &Path) -> Result<()> {
    let Some(program) = program else {
        report.skip(2, ABSENT);
        return Ok(());
    };
    let data = dir.join("changes");
    program.found(&data)?;
    for document in DOCUMENTS {
        let document = options.examples.join(document);
        program.run(&data, &["import", document.to_str().context("the path of the examples is not text")?])?;
    }
    let floor = program.start_alone()?;
    let year = YEAR.to_string();
    let whole = Times::repeat(RUNS, || program.run(&data, &["changes", AGENDA, "--year", &year]))?;
    report.add(Row {
        number: 2,
        name: format!("changes --year {YEAR}, whole process"),
        unit: "ms",
        value: whole.median(),
        target: Target::Below(150.0),
        peer: Some(("start and end alone".to_owned(), floor.median())),
        note: whole.spread(),
    });

    let domain = in_this_process(&data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (light, asked) = runtime.block_on(over_grpc(&program.serve(&data)?))?;
    report.add(Row {
        number: 2,
        name: format!("changes --year {YEAR}, in the server"),
        unit: "ms",
        value: asked.median(),
        target: Target::Below(2.0),
        peer: Some(("list of agendas".to_owned(), light.median())),
        note: format!("a whole call over gRPC; {}", asked.spread()),
    });
    report.add(Row {
        number: 2,
        name: format!("changes --year {YEAR}, the answer alone"),
        unit: "ms",
        value: domain.median(),
        target: Target::None,
        peer: Some(("the call over gRPC".to_owned(), asked.median())),
        note: domain.spread(),
    });
    Ok(())
}

/// The answer, computed in this process with the reader of the product.
fn in_this_process(data: &Path) -> Result<Times> {
    let ledger = Ledger::open(data, LedgerOptions::default())?;
    let reader = ledger.reader();
    let book = reader.book()?;
    let agenda = Id::new(AGENDA).context("no id")?;
    let year = i16::try_from(YEAR)?;
    let times = Times::repeat(QUERIES, || {
        let state = book.agenda(&agenda).context("the agenda is not there")?;
        let span = Span::year(state, year, book.head().saturating_sub(1)).context("no year")?;
        std::hint::black_box(book.changes(&agenda, span, &reader)?);
        Ok(())
    })?;
    ledger.close()?;
    Ok(times)
}

/// The lightest query, and the one that is measured, as a client sees them.
async fn over_grpc(served: &Served) -> Result<(Times, Times)> {
    let channel = served.connect().await?;
    let mut client = AgendaServiceClient::new(channel);
    let mut light = Vec::new();
    let mut asked = Vec::new();
    // The first calls warm up.
    for n in 0..QUERIES + QUERIES / 10 {
        let start = std::time::Instant::now();
        client.list_agendas(pb::ListAgendasRequest::default()).await?;
        let middle = std::time::Instant::now();
        let span = Some(PbSpan::Year(YEAR.into()));
        let request = pb::GetChangesRequest { agenda: AGENDA.to_owned(), span, ..pb::GetChangesRequest::default() };
        let answer = client.get_changes(request).await?.into_inner();
        if answer.changes.is_none_or(|changes| changes.items.is_empty()) {
            bail!("nothing changed in {YEAR}: this is not the answer");
        }
        if n >= QUERIES / 10 {
            light.push(middle - start);
            asked.push(middle.elapsed());
        }
    }
    Ok((Times::of(light), Times::of(asked)))
}
