//! The program `minutebook` as people run it: started with arguments, judged by its exit code and what it says.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// What the server says when it can be reached.
const SAYS: &str = "minutebook serves ";
/// So long a start or a stop may take on a slow machine, with every call of it traced.
const PATIENCE: Duration = Duration::from_mins(2);
/// The signal of a process that aborted.
const ABORTED: i32 = 6;

/// The program.
#[derive(Debug, Clone)]
pub(crate) struct Program(PathBuf);

impl Program {
    /// The program that was named, or the one beside this one.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self> {
        let own = std::env::current_exe()?;
        let path = named.map_or_else(|| own.with_file_name("minutebook"), Path::to_path_buf);
        let runs = Command::new(&path).arg("--version").output();
        let runs = runs.is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"minutebook"));
        ensure!(runs, "`{}` is not the program minutebook; build it, or pass --minutebook FILE", path.display());
        Ok(Self(path))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        // Nothing of the environment changes what it says.
        for name in ["MINUTEBOOK_LANG", "RUST_LOG", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Founds a ledger.
    pub(crate) fn found(&self, data: &Path) -> Result<()> {
        let output = self.command().arg("init").arg(data).args(["--name", "Faults"]).output()?;
        ensure!(output.status.success(), "minutebook init: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Checks the files of a ledger that nobody has open.
    pub(crate) fn verify(&self, data: &Path) -> Result<Verified> {
        let mut command = self.command();
        command.args(["verify", "--data"]).arg(data);
        answer(command)
    }

    /// Puts away what a server has.
    pub(crate) fn back_up(&self, server: &Server, to: &Path) -> Result<Verified> {
        let mut command = self.command();
        command.arg("backup").arg(to).args(["--server", &server.address]);
        answer(command)
    }

    /// Makes a ledger of a backup.
    pub(crate) fn restore(&self, from: &Path, key: &Path, to: &Path) -> Result<Verified> {
        let mut command = self.command();
        command.arg("restore").arg(from).arg("--secret-key").arg(key).arg("--data").arg(to);
        answer(command)
    }

    /// What starts a server on a free port.
    pub(crate) fn serving(&self, data: &Path) -> Command {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command
    }

    /// Starts a server that must come up.
    pub(crate) fn serve(&self, data: &Path) -> Result<Server> {
        match Server::start(self.serving(data))? {
            Started::Serves(server) => Ok(server),
            Started::Ended(ended) => bail!("the server did not come up: {ended}"),
        }
    }
}

/// Runs a command to its end.
fn answer(mut command: Command) -> Result<Verified> {
    let child = command.args(["--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let id = child.id();
    let output = child.wait_with_output()?;
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Verified { answer, ended: Ended { id, status: output.status, err } })
}

/// What `verify`, a backup or a restore came to.
#[derive(Debug)]
pub(crate) struct Verified {
    answer: Value,
    pub(crate) ended: Ended,
}

impl Verified {
    /// How many events there are, where all is well.
    pub(crate) fn events(&self) -> Option<u64> {
        self.answer.get("events")?.as_u64()
    }

    /// A hash that it names, in hexadecimal digits.
    pub(crate) fn hash(&self, name: &str) -> Option<&str> {
        self.answer.get(name)?.as_str()
    }
}

/// How a process ended, and what it complained of.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The process that it was.
    pub(crate) id: u32,
    status: ExitStatus,
    pub(crate) err: String,
}

impl Ended {
    /// Its exit code, if it had one.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Did the program itself panic? A panic of the store's engine is contained, and only costs the store.
    pub(crate) fn has_panicked(&self) -> bool {
        self.code() == Some(101) || self.status.signal() == Some(ABORTED) || panics(&self.err)
    }
}

/// Does a log tell of a panic that was not the store engine's?
pub(crate) fn panics(log: &str) -> bool {
    log.lines().any(|line| line.contains("panicked at") && !line.contains("/sled-"))
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.status, self.err.trim_end())
    }
}

/// What came of a start.
#[derive(Debug)]
pub(crate) enum Started {
    Serves(Server),
    Ended(Ended),
}

/// A running server. It is killed when its holder lets go of it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it can be reached: `http://127.0.0.1:…`.
    pub(crate) address: String,
    // Held open: a server whose output nobody takes may stumble over it.
    out: Option<BufReader<ChildStdout>>,
    log: File,
}

impl Server {
    /// Starts a server and waits until it can be reached, or has ended.
    pub(crate) fn start(command: Command) -> Result<Started> {
        let mut server = Self::spawn(command)?;
        let mut out = BufReader::new(server.child.stdout.take().context("the server has no output")?);
        let (tell, told) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            // What cannot be read is no address.
            let _ = out.read_line(&mut line);
            let _ = tell.send((line, out));
        });
        let (line, out) = told.recv_timeout(PATIENCE).context("the server neither serves nor ends")?;
        let Some(address) = line.trim_end().strip_prefix(SAYS) else {
            return Ok(Started::Ended(server.wait()?));
        };
        address.clone_into(&mut server.address);
        server.out = Some(out);
        Ok(Started::Serves(server))
    }

    /// Starts a server, and waits for nothing.
    pub(crate) fn spawn(mut command: Command) -> Result<Self> {
        let log = tempfile::tempfile()?;
        command.stdout(Stdio::piped()).stderr(log.try_clone()?);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child, address: String::new(), out: None, log })
    }

    /// The process that it is.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as a power cut would: nothing in it gets to finish. Gives its log.
    pub(crate) fn kill(mut self) -> Result<String> {
        self.child.kill()?;
        self.child.wait()?;
        self.log()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<Ended> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.wait()
    }

    /// Waits until it has ended.
    fn wait(&mut self) -> Result<Ended> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Ended { id: self.child.id(), status, err: self.log()? });
            }
            ensure!(begun.elapsed() < PATIENCE, "the server does not end: {}", self.log()?);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it wrote to its log.
    fn log(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        self.log.rewind()?;
        self.log.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended cannot be killed again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
