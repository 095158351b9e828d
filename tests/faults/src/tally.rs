//! What a campaign counts, and the one line that it comes to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::program::Ended;

/// How often a long campaign tells how far it is.
const PROGRESS: Duration = Duration::from_mins(1);

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bad {
    /// An acknowledged event is not there.
    Lost,
    /// An event is there twice.
    Duplicated,
    /// Something is otherwise than it was recorded, and nobody said so.
    Differing,
    /// The program panicked, did not come up, or did what it should not.
    Failed,
}

const EACH_BAD: [(Bad, &str); 4] =
    [(Bad::Lost, "lost"), (Bad::Duplicated, "duplicated"), (Bad::Differing, "differing"), (Bad::Failed, "failed")];

/// What a campaign counted.
#[derive(Debug)]
pub(crate) struct Tally {
    campaign: &'static str,
    seed: u64,
    /// What it does so many times: cycles, trials.
    unit: &'static str,
    total: u64,
    done: u64,
    /// Events that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Writes that were sent again.
    pub(crate) retried: u64,
    bad: BTreeMap<Bad, u64>,
    outcomes: BTreeMap<String, u64>,
    begun: Instant,
    told: Instant,
}

impl Tally {
    /// Begins a campaign: its seed is told before anything can go wrong.
    pub(crate) fn begin(campaign: &'static str, seed: u64, unit: &'static str, total: u64) -> Self {
        println!("{campaign}: seed {seed}");
        let now = Instant::now();
        Self {
            campaign,
            seed,
            unit,
            total,
            done: 0,
            acknowledged: 0,
            retried: 0,
            bad: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            begun: now,
            told: now,
        }
    }

    /// Says how much there is to do, where that was not known at first.
    pub(crate) fn expect(&mut self, total: u64) {
        self.total = total;
    }

    /// Tells of something that must never happen, and counts it.
    pub(crate) fn bad(&mut self, bad: Bad, count: u64, what: impl fmt::Display) {
        eprintln!("{}: seed {}, {} {}: {bad:?}: {what}", self.campaign, self.seed, self.unit, self.done);
        let counted = self.bad.entry(bad).or_default();
        *counted = counted.saturating_add(count);
    }

    /// A server that was asked to end does so in order.
    pub(crate) fn check_end(&mut self, ended: &Ended) {
        if ended.code() != Some(0) || ended.has_panicked() {
            self.bad(Bad::Failed, 1, format!("the server did not end in order: {ended}"));
        }
    }

    /// Counts something that may happen.
    pub(crate) fn count(&mut self, outcome: impl Into<String>) {
        self.add(outcome, 1);
    }

    /// Counts something that may happen, so many times.
    pub(crate) fn add(&mut self, outcome: impl Into<String>, times: u64) {
        let counted = self.outcomes.entry(outcome.into()).or_default();
        *counted = counted.saturating_add(times);
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done = self.done.saturating_add(1);
        if self.told.elapsed() > PROGRESS {
            self.told = Instant::now();
            eprintln!("{self} so far, of {}", self.total);
        }
    }

    /// Did nothing happen that must not?
    pub(crate) fn is_clean(&self) -> bool {
        self.bad.is_empty()
    }

    /// Was everything done, and did nothing happen that must not?
    pub(crate) fn holds(&self) -> bool {
        self.is_clean() && self.total > 0 && self.done == self.total
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: seed {}: {} {}", self.campaign, self.seed, self.done, self.unit)?;
        write!(f, ", {} events acknowledged, {} writes retried", self.acknowledged, self.retried)?;
        for (bad, name) in EACH_BAD {
            write!(f, ", {} {name}", self.bad.get(&bad).copied().unwrap_or_default())?;
        }
        for (n, (outcome, times)) in self.outcomes.iter().enumerate() {
            write!(f, "{} {times} {outcome}", if n == 0 { ";" } else { "," })?;
        }
        write!(f, "; {} s", self.begun.elapsed().as_secs())
    }
}
