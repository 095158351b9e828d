//! The calls of a server, as `strace` sees them and makes them fail.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Every call that writes, syncs, opens, renames or truncates.
const CALLS: &str = "write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,syncfs,open,openat,creat,\
                     rename,renameat,renameat2,ftruncate,truncate,fallocate";
/// `strace` writes the last lines a moment after the traced program has ended.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);
/// The store's engine syncs twice a second: of such calls only the first few are made to fail.
const TIMES_MAX: u64 = 12;

/// A call on a file, and how often one thread of a server makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    /// Below the data directory.
    pub(super) file: PathBuf,
    pub(super) times: u64,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` {}x", self.name, self.file.display(), self.times)
    }
}

/// The call `number` on a file fails.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) call: Call,
    pub(super) number: u64,
    pub(super) error: &'static str,
    /// So do all after it.
    pub(super) is_sticky: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, number, error, is_sticky } = self;
        let on = if *is_sticky { " and after it" } else { "" };
        write!(f, "{} {number}{on} of `{}` with {error}", call.name, call.file.display())
    }
}

impl Fault {
    /// Does it hang on the time a run takes whether there is such a call? What the store's engine does when is its own
    /// affair, and after the first checkpoint, put into the data directory itself, one is signed from time to time.
    pub(super) fn is_timed(&self) -> bool {
        let file = &self.call.file;
        let is_of_checkpoints = file.as_os_str().is_empty() || file == Path::new("checkpoint.tmp");
        file.starts_with("store") || (is_of_checkpoints && self.number > 1)
    }
}

/// A server under `strace`.
#[derive(Debug)]
pub(super) struct Traced {
    log: PathBuf,
    options: Vec<String>,
}

impl Traced {
    /// Its calls are written to a file.
    pub(super) fn new(log: &Path) -> Self {
        Self { log: log.into(), options: vec![format!("--trace={CALLS}")] }
    }

    /// A call of it fails. `strace` counts the calls of each thread by themselves.
    pub(super) fn failing(mut self, fault: &Fault, data: &Path) -> Self {
        let Fault { call, number, error, is_sticky } = fault;
        let on = if *is_sticky { "+" } else { "" };
        let file = data.join(&call.file);
        self.options = vec![
            format!("--trace={}", call.name),
            format!("--trace-path={}", file.display()),
            format!("--inject={}:error={error}:when={number}{on}", call.name),
        ];
        self
    }

    /// What starts it. `strace` runs beside it, so that the process is the server's own.
    pub(super) fn command(&self, serving: &Command) -> Command {
        let mut command = Command::new("strace");
        command.args(["--daemonize", "--follow-forks", "--decode-fds=path", "--output"]).arg(&self.log);
        command.args(&self.options).arg(serving.get_program()).args(serving.get_args());
        for (name, value) in serving.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(std::process::Stdio::null());
        command
    }

    /// What was seen until the process ended.
    pub(super) fn finished(&self, id: u32) -> Result<String> {
        let begun = Instant::now();
        loop {
            let log = fs::read_to_string(&self.log)?;
            if begun.elapsed() > PATIENCE || log.lines().any(|line| is_end(line, id)) {
                return Ok(log);
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Does a line tell that the process has ended?
fn is_end(line: &str, id: u32) -> bool {
    line.strip_prefix(&id.to_string()).is_some_and(|rest| rest.trim_start().starts_with("+++ "))
}

/// How many calls were made to fail.
pub(super) fn injected(log: &str) -> u64 {
    u64::try_from(log.matches("(INJECTED)").count()).unwrap_or(u64::MAX)
}

/// The calls on the files of a data directory, each with how often a thread makes it.
pub(super) fn survey(log: &str, data: &Path) -> Vec<Call> {
    let mut counts: BTreeMap<(&str, PathBuf), BTreeMap<&str, u64>> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, name, file)) = call(line, data) else { continue };
        *counts.entry((name, file)).or_default().entry(thread).or_default() += 1;
    }
    let most = |threads: BTreeMap<&str, u64>| threads.into_values().max().unwrap_or_default().min(TIMES_MAX);
    let call =
        |((name, file), threads): ((&str, PathBuf), _)| Call { name: name.to_owned(), file, times: most(threads) };
    counts.into_iter().map(call).collect()
}

/// The thread, the call and the file of a line, if it begins a call on a file of the directory.
fn call<'a>(line: &'a str, data: &Path) -> Option<(&'a str, &'a str, PathBuf)> {
    let (thread, rest) = line.split_once(' ')?;
    let (name, arguments) = rest.trim_start().split_once('(')?;
    let file = arguments.split(['"', '<', '>']).find_map(|part| Path::new(part).strip_prefix(data).ok())?;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then(|| (thread, name, file.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_file_and_thread() {
        let log = "7 openat(AT_FDCWD</x>, \"/d/lock\", O_RDWR) = 9</d/lock>\n\
                   7 fsync(9</d/journal>) = 0\n\
                   8 fsync(9</d/journal> <unfinished ...>\n\
                   8 <... fsync resumed>) = 0\n\
                   8 fsync(9</d/journal>) = -1 EIO (Input/output error) (INJECTED)\n\
                   8 fsync(9</e/journal>) = 0\n\
                   8 rename(\"/d/key.tmp\", \"/d/key\") = 0\n\
                   7     +++ exited with 0 +++\n";
        let calls: Vec<_> = survey(log, Path::new("/d")).iter().map(ToString::to_string).collect();
        assert_eq!(calls, ["fsync `journal` 2x", "openat `lock` 1x", "rename `key.tmp` 1x"]);
        assert_eq!(injected(log), 1);
        assert!(log.lines().any(|line| is_end(line, 7)) && !log.lines().any(|line| is_end(line, 8)));
    }
}
