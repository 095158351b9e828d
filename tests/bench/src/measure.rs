//! Times of repeated work, and the memory of a process.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Times, in order of length.
#[derive(Debug, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Do it so many times, and once more before that to warm up.
    pub(crate) fn repeat(count: usize, mut work: impl FnMut() -> Result<()>) -> Result<Self> {
        work()?;
        let times = (0..count).map(|_| timed(&mut work)).collect::<Result<_>>()?;
        Ok(Self::of(times))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of all is within, in milliseconds.
    fn within(&self, share: usize) -> f64 {
        let place = (self.0.len().saturating_sub(1) * share).div_ceil(100);
        self.0.get(place).copied().map(millis).unwrap_or_default()
    }

    pub(crate) fn best(&self) -> f64 {
        self.within(0)
    }

    pub(crate) fn median(&self) -> f64 {
        self.within(50)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.within(99)
    }

    /// The shortest, the median and the 99th percentile, for a note.
    pub(crate) fn spread(&self) -> String {
        let (best, median, p99) = (self.best(), self.median(), self.p99());
        format!("best {best:.2}, median {median:.2}, p99 {p99:.2} ms of {}", self.len())
    }
}

/// How long it takes once.
pub(crate) fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How often a second, for so many in this time.
pub(crate) fn rate(count: u64, time: Duration) -> f64 {
    number(count) / time.as_secs_f64().max(1e-9)
}

/// A count as a number to divide by; counts here are far below 2^53.
#[allow(clippy::cast_precision_loss, clippy::as_conversions, reason = "counts are small")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// How long this thread has had a processor. On a machine that others use, it says more of the work than a clock.
pub(crate) fn processor_time() -> Result<Duration> {
    let path = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{path}`"))?;
    let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos.map(Duration::from_nanos).with_context(|| format!("`{path}` has no times"))
}

/// The memory that a process has now, and the most it ever had, in MB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) peak: f64,
}

impl Memory {
    /// Of a process.
    pub(crate) fn of(process: &str) -> Result<Self> {
        let path = format!("/proc/{process}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
        };
        let megabytes = |name| field(name).map(|kib| number(kib) * 1024.0 / 1e6).context("no such field");
        Ok(Self { now: megabytes("VmRSS")?, peak: megabytes("VmHWM")? })
    }
}
